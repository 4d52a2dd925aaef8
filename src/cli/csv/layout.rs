//! Which columns hold the id and the iteration, and whether a row is a header.

use std::{borrow::Cow, num::NonZeroUsize, str::FromStr};

use super::scan::Columns;
use crate::{
    cli::Hinted,
    record::{Field, Iteration},
};

/// A column as the user names it: a number counted from 1, or a name from the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Number(NonZeroUsize),
    Name(String),
}

impl FromStr for Column {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err("expected a number or a name".to_owned());
        }
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::Name(text.to_owned()));
        }
        text.parse().map(Self::Number).map_err(|_| "columns are counted from 1".to_owned())
    }
}

/// What the user said about the columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    pub(super) id: Option<Column>,
    pub(super) iteration: Option<Column>,
}

/// The columns of the whole run: all inputs share them.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) columns: Columns,
    pub(super) n_fields: usize,
    /// The fields of the first header.
    header: Option<Vec<Vec<u8>>>,
    names: [Vec<u8>; 2],
}

/// What a row is that cannot be a record's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderRow {
    /// The first header of the run.
    New,
    /// The header once more, as in files that were joined.
    Repeated,
    /// A header with other columns.
    Different,
    /// No header at all.
    No,
}

type Fields<'a> = [Cow<'a, [u8]>];

impl Layout {
    /// Finds the columns with the help of the first row, which may be a header.
    pub(super) fn of(first: &Fields<'_>, wish: &Wish) -> anyhow::Result<Self> {
        let id = place(first, wish.id.as_ref(), Field::WatchId)?;
        let iteration = place(first, wish.iteration.as_ref(), Field::Iteration)?;
        let columns = match (&id, &iteration) {
            (Place::Unknown, Place::Unknown) => guess(first)?,
            (Place::Named(_), Place::Unknown) => return Err(no_such(Field::Iteration.name())),
            (Place::Unknown, Place::Named(_)) => return Err(no_such(Field::WatchId.name())),
            (Place::Number(id), Place::Unknown) => Columns { id: *id, iteration: id + 1 },
            (Place::Unknown, Place::Number(iteration)) => {
                Columns { id: iteration.checked_sub(1).ok_or_else(ask)?, iteration: *iteration }
            }
            (
                Place::Number(id) | Place::Named(id),
                Place::Number(iteration) | Place::Named(iteration),
            ) => Columns { id: *id, iteration: *iteration },
        };
        check(columns, first.len())?;
        let is_header = matches!(id, Place::Named(_))
            || matches!(iteration, Place::Named(_))
            || looks_like_a_name(&first[columns.iteration]);
        let name = |column: usize, wish: Option<&Column>, field: Field| match (wish, is_header) {
            (Some(Column::Name(name)), _) => name.clone().into_bytes(),
            (_, true) => first[column].to_vec(),
            _ => field.name().into(),
        };
        let names = [
            name(columns.id, wish.id.as_ref(), Field::WatchId),
            name(columns.iteration, wish.iteration.as_ref(), Field::Iteration),
        ];
        Ok(Self { columns, n_fields: first.len(), header: None, names })
    }

    /// Says whether a row that is no record is a header, and remembers the first one.
    pub(super) fn header_row(&mut self, row: &Fields<'_>) -> HeaderRow {
        let place = |name: &[u8]| row.iter().position(|field| **field == *name);
        let [Some(id), Some(iteration)] = self.names.each_ref().map(|name| place(name)) else {
            return HeaderRow::No;
        };
        match &self.header {
            Some(header) if header.iter().map(Vec::as_slice).eq(row.iter().map(AsRef::as_ref)) => {
                HeaderRow::Repeated
            }
            Some(_) => HeaderRow::Different,
            None if (Columns { id, iteration }) != self.columns || row.len() != self.n_fields => {
                HeaderRow::Different
            }
            None => {
                self.header = Some(row.iter().map(|field| field.to_vec()).collect());
                HeaderRow::New
            }
        }
    }
}

/// Where a column stands, as far as one can tell without looking at values.
enum Place {
    Number(usize),
    Named(usize),
    Unknown,
}

fn place(first: &Fields<'_>, wish: Option<&Column>, field: Field) -> anyhow::Result<Place> {
    let find = |name: &str| first.iter().position(|field| **field == *name.as_bytes());
    match wish {
        Some(Column::Number(number)) => Ok(Place::Number(number.get() - 1)),
        Some(Column::Name(name)) => find(name).map(Place::Named).ok_or_else(|| no_such(name)),
        None => Ok(find(field.name()).map_or(Place::Unknown, Place::Named)),
    }
}

fn no_such(name: &str) -> anyhow::Error {
    Hinted::error(
        format!("expected a column named `{name}` in the first row, found none"),
        "say which columns they are with --id-column and --iteration-column, by name or by number",
    )
}

/// Knows the files without header: pymongowatch's by the iteration in the second column, ours by
/// the watcher's name before the id.
fn guess(first: &Fields<'_>) -> anyhow::Result<Columns> {
    let is_iteration = |at: usize| first.get(at).is_some_and(|field| iteration(field).is_some());
    if is_iteration(1) {
        Ok(Columns { id: 0, iteration: 1 })
    } else if is_iteration(2) && first[0].starts_with(b"mongowatch.") {
        Ok(Columns { id: 1, iteration: 2 })
    } else if first.len() == 1 && first[0].contains(&b'\t') {
        let found = "expected columns separated by commas, found tabs";
        Err(Hinted::error(found, "say --dialect excel-tab"))
    } else {
        Err(ask())
    }
}

fn ask() -> anyhow::Error {
    Hinted::error(
        "expected a header or a record of mongowatch or pymongowatch in the first row, found neither",
        "say which columns they are with --id-column and --iteration-column",
    )
}

fn check(columns: Columns, n_fields: usize) -> anyhow::Result<()> {
    let last = columns.id.max(columns.iteration);
    anyhow::ensure!(last < n_fields, "expected at least {} columns, found {n_fields}", last + 1);
    let differ = columns.id != columns.iteration;
    anyhow::ensure!(differ, "expected two columns, found column {} twice", columns.id + 1);
    Ok(())
}

/// Reads an iteration; `01` is 1, as for pymongowatch.
#[inline]
pub(super) fn iteration(field: &[u8]) -> Option<Iteration> {
    match field {
        [digit @ b'0'..=b'9'] => Some(Iteration::Update(u64::from(digit - b'0'))),
        _ => std::str::from_utf8(field).ok()?.parse().ok(),
    }
}

fn looks_like_a_name(field: &[u8]) -> bool {
    let starts_like_one = field.first().is_some_and(|byte| byte.is_ascii_alphabetic());
    starts_like_one && !field.starts_with(b"final")
}
