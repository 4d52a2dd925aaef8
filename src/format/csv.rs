//! CSV: quoted where needed, line feeds at the ends, as `mongowatch csv aggregate` and Python's
//! `csv` module read it.

use csv_core::{WriteResult, Writer};

use crate::{
    format::value,
    record::{Field, WatchMessage},
};

/// Writes records as rows of fixed columns.
#[derive(Debug)]
pub(crate) struct CsvRows {
    columns: Vec<Field>,
    writer: Writer,
    cell: Vec<u8>,
}

impl CsvRows {
    /// Rows of these columns.
    pub(crate) fn new(columns: impl Into<Vec<Field>>) -> Self {
        Self { columns: columns.into(), writer: Writer::new(), cell: Vec::new() }
    }

    /// Appends the names of the columns.
    pub(crate) fn header(&mut self, out: &mut Vec<u8>) {
        self.line(out, |field, cell| cell.extend_from_slice(field.name().as_bytes()));
    }

    /// Appends a record.
    pub(crate) fn row(&mut self, record: &WatchMessage, out: &mut Vec<u8>) {
        self.line(out, |field, cell| value::write(record.get(field), cell));
    }

    fn line(&mut self, out: &mut Vec<u8>, mut write: impl FnMut(Field, &mut Vec<u8>)) {
        let Self { columns, writer, cell } = self;
        for (place, field) in columns.iter().enumerate() {
            if place > 0 {
                put(out, 0, |room| writer.delimiter(room));
            }
            cell.clear();
            write(*field, cell);
            put(out, cell.len(), |room| {
                let (result, _, n_bytes) = writer.field(cell, room);
                (result, n_bytes)
            });
        }
        put(out, 0, |room| writer.terminator(room));
    }
}

/// Gives `write` room for a cell of so many bytes at the end of the buffer, and keeps what it wrote.
fn put(out: &mut Vec<u8>, n_bytes: usize, write: impl FnOnce(&mut [u8]) -> (WriteResult, usize)) {
    // Each byte may be a quote, which is doubled; quotes around and the end of the line come to it.
    let room = 2 * n_bytes + 8;
    let start = out.len();
    out.resize(start + room, 0);
    let (result, n_bytes) = write(&mut out[start..]);
    debug_assert!(matches!(result, WriteResult::InputEmpty), "there was too little room");
    out.truncate(start + n_bytes);
}
