//! CSV: quoted where needed, line feeds at the ends, as `mongowatch csv aggregate` and Python's
//! `csv` module read it.

use csv_core::WriteResult;

use crate::{
    format::value,
    record::{Field, Value, WatchMessage},
};

/// Writes records as rows of fixed columns.
#[derive(Debug)]
pub(crate) struct CsvRows {
    columns: Vec<Field>,
    cell: Vec<u8>,
}

impl CsvRows {
    /// Rows of these columns.
    pub(crate) fn new(columns: impl Into<Vec<Field>>) -> Self {
        Self { columns: columns.into(), cell: Vec::new() }
    }

    /// Appends the names of the columns.
    pub(crate) fn header(&mut self, out: &mut Vec<u8>) {
        self.line(out, Field::name, |name, _, out| out.extend_from_slice(name.as_bytes()));
    }

    /// Appends a record.
    pub(crate) fn row(&mut self, record: &WatchMessage, out: &mut Vec<u8>) {
        self.line(
            out,
            |field| record.get(field),
            |value, cell, out| {
                if is_plain(&value) {
                    value::write(value, out);
                } else {
                    cell.clear();
                    value::write(value, cell);
                    quote_if_needed(cell, out);
                }
            },
        );
    }

    fn line<T>(
        &mut self,
        out: &mut Vec<u8>,
        get: impl Fn(Field) -> T,
        write: impl Fn(T, &mut Vec<u8>, &mut Vec<u8>),
    ) {
        let start = out.len();
        for (place, field) in self.columns.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            write(get(*field), &mut self.cell, out);
        }
        if out.len() == start {
            // An empty line is no row: the empty cell of an only column has quotes.
            out.extend_from_slice(b"\"\"");
        }
        out.push(b'\n');
    }
}

/// Is the text of such a value one that never needs quotes?
const fn is_plain(value: &Value<'_>) -> bool {
    matches!(
        value,
        Value::Missing
            | Value::Int(_)
            | Value::Time(_)
            | Value::Duration(_)
            | Value::Iteration(_)
            | Value::Uuid(_)
    )
}

fn quote_if_needed(cell: &[u8], out: &mut Vec<u8>) {
    if !cell.iter().any(|byte| matches!(byte, b'"' | b',' | b'\n' | b'\r')) {
        out.extend_from_slice(cell);
        return;
    }
    out.push(b'"');
    let start = out.len();
    // Each byte may be a quote, which is doubled.
    out.resize(start + 2 * cell.len(), 0);
    let (result, _, n_bytes) = csv_core::quote(cell, &mut out[start..], b'"', b'"', true);
    debug_assert!(matches!(result, WriteResult::InputEmpty), "there was too little room");
    out.truncate(start + n_bytes);
    out.push(b'"');
}
