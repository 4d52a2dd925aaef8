//! The first pass: reads every row once and remembers where the newest version of each record is.

use std::io::Read;

use anyhow::Context;

use super::{
    layout::{HeaderRow, Layout, Wish, iteration},
    newest::{Newest, Version},
    rows::{Row, Rows},
    scan::{Columns, More, fields, scan, unquote},
};
use crate::record::Field;

/// So many malformed rows are shown; the others are only counted.
const SHOWN: usize = 5;

/// What the first pass knows of all inputs together.
pub(super) struct Survey {
    delimiter: u8,
    wish: Wish,
    layout: Option<Layout>,
    n_bytes: u64,
    pub(super) newest: Newest,
    pub(super) head: Head,
    /// Rows that are no header, malformed ones included.
    pub(super) n_rows: u64,
    pub(super) n_malformed: u64,
    /// The first malformed rows, as `file:line: reason`.
    pub(super) shown: Vec<String>,
}

/// What the output starts with, as the input has it.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// Did the first input that is not empty start with a UTF-8 byte order mark?
    pub(super) bom: bool,
    /// The bytes of the first header.
    pub(super) header: Option<Vec<u8>>,
    /// How the first row ends; the end of a last row without one.
    pub(super) row_end: Vec<u8>,
}

impl Survey {
    pub(super) fn new(delimiter: u8, wish: Wish) -> Self {
        Self {
            delimiter,
            wish,
            layout: None,
            n_bytes: 0,
            newest: Newest::default(),
            head: Head::default(),
            n_rows: 0,
            n_malformed: 0,
            shown: Vec::new(),
        }
    }

    /// Reads one input to its end, and gives the number of bytes of it.
    pub(super) fn read(&mut self, name: &str, from: impl Read) -> anyhow::Result<u64> {
        let known = self.layout.as_ref().map(|layout| layout.columns);
        let columns = known.unwrap_or(Columns { id: 0, iteration: 1 });
        self.read_rows(name, Rows::new(from, self.delimiter, columns))
    }

    pub(super) fn read_rows(
        &mut self,
        name: &str,
        mut rows: Rows<impl Read>,
    ) -> anyhow::Result<u64> {
        let could_not = || format!("could not read {name}");
        let bom = rows.skip_bom().with_context(could_not)?;
        self.head.bom |= bom && self.n_bytes == 0;
        while let Some(mut row) = rows.advance().with_context(could_not)? {
            if self.layout.is_none() && row.shape.flaw.is_none() {
                let first = rows.bytes(&row);
                let (body, end) = first.split_at(row.shape.body);
                let columns =
                    self.learn(body, end).with_context(|| format!("{name}:{}", rows.line(&row)))?;
                row.shape = scan(first, self.delimiter, columns, More::None).unwrap_or(row.shape);
                rows.columns = columns;
            }
            if !self.record(&row, rows.bytes(&row)) {
                self.other(&row, rows.bytes(&row), || format!("{name}:{}", rows.line(&row)))?;
            }
        }
        let n_bytes = rows.n_bytes();
        self.n_bytes += n_bytes;
        Ok(n_bytes)
    }

    /// Learns the columns from the first row.
    fn learn(&mut self, body: &[u8], row_end: &[u8]) -> anyhow::Result<Columns> {
        self.head.row_end = if row_end.is_empty() { b"\n" } else { row_end }.to_vec();
        let first: Vec<_> = fields(body, self.delimiter).collect();
        let layout = Layout::of(&first, &self.wish)?;
        Ok(self.layout.insert(layout).columns)
    }

    /// Takes one row in, if it is the version of a record.
    #[inline]
    fn record(&mut self, row: &Row, bytes: &[u8]) -> bool {
        let shape = &row.shape;
        let n_fields = self.layout.as_ref().map(|layout| layout.n_fields);
        if shape.flaw.is_some() || Some(shape.n_fields) != n_fields {
            return false;
        }
        let id = unquote(&bytes[shape.id.clone()]);
        let iteration = iteration(&unquote(&bytes[shape.iteration.clone()]));
        let (Some(iteration), false) = (iteration, id.is_empty()) else { return false };
        // A row is never longer than `MAX_ROW`.
        let (start, len) = (self.n_bytes + row.start, shape.len as u32);
        self.newest.offer(&id, Version { iteration, start, len });
        self.n_rows += 1;
        true
    }

    /// Takes in a row that is no record: a header, or malformed.
    #[cold]
    fn other(&mut self, row: &Row, bytes: &[u8], at: impl Fn() -> String) -> anyhow::Result<()> {
        let shape = &row.shape;
        if let (Some(layout), None) = (&mut self.layout, shape.flaw) {
            let fields: Vec<_> = fields(&bytes[..shape.body], self.delimiter).collect();
            match layout.header_row(&fields) {
                HeaderRow::New => {
                    self.head.header = Some(bytes.to_vec());
                    return Ok(());
                }
                HeaderRow::Repeated => return Ok(()),
                HeaderRow::Different => {
                    return Err(crate::cli::Hinted::error(
                        format!("{}: the columns differ from those before", at()),
                        "files with different columns cannot become one: aggregate them apart",
                    ));
                }
                HeaderRow::No => {}
            }
        }
        self.n_rows += 1;
        self.n_malformed += 1;
        if self.shown.len() < SHOWN {
            let reason = self.reason(row, bytes);
            self.shown.push(format!("{}: {reason}", at()));
        }
        Ok(())
    }

    fn reason(&self, row: &Row, bytes: &[u8]) -> String {
        let shape = &row.shape;
        if let Some(flaw) = shape.flaw {
            return flaw.to_string();
        }
        match &self.layout {
            Some(layout) if layout.n_fields != shape.n_fields => {
                format!("expected {} columns, found {}", layout.n_fields, shape.n_fields)
            }
            _ if unquote(&bytes[shape.id.clone()]).is_empty() => {
                format!("expected a {}, found nothing", Field::WatchId)
            }
            _ => {
                let found = unquote(&bytes[shape.iteration.clone()]);
                let found = String::from_utf8_lossy(&found[..found.len().min(32)]).into_owned();
                format!(
                    "{}: expected a number, `final` or `final(n)`, found {found:?}",
                    Field::Iteration
                )
            }
        }
    }
}
