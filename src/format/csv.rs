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
        for (place, field) in self.columns.iter().enumerate() {
            self.cell.clear();
            write(*field, &mut self.cell);
            if place > 0 {
                // The end of a quoted cell is written by what comes after it.
                put(out, 2, |space| {
                    let (result, written) = self.writer.delimiter(space);
                    (result, 0, written)
                });
            }
            let mut rest = &*self.cell;
            // Every byte a quote that is doubled, and the two quotes around.
            put(out, 2 * rest.len() + 2, |space| {
                let (result, read, written) = self.writer.field(rest, space);
                rest = &rest[read..];
                (result, read, written)
            });
        }
        put(out, 4, |space| {
            let (result, written) = self.writer.terminator(space);
            (result, 0, written)
        });
    }
}

/// Gives `write` room for `most` bytes at the end of the buffer, and keeps what it wrote.
fn put(
    out: &mut Vec<u8>,
    most: usize,
    write: impl FnOnce(&mut [u8]) -> (WriteResult, usize, usize),
) {
    let start = out.len();
    out.resize(start + most, 0);
    let (result, _, written) = write(&mut out[start..]);
    debug_assert!(matches!(result, WriteResult::InputEmpty), "the room was reckoned too small");
    out.truncate(start + written);
}
