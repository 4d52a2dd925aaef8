//! The second pass: copies the rows that stay, in the order of the input.

use std::io::{self, Read, Seek, SeekFrom, Write};

use super::{dialect::Dialect, scan::fields, survey::Head};

/// What is read at once. Between two rows further apart than this, the input is skipped.
const CHUNK: usize = 512 << 10;

/// Where a row stands in its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) start: u64,
    pub(super) len: u32,
}

/// Copies the rows at `places`, which are sorted, from an input.
pub(super) fn copy<W: Write>(
    from: impl Read + Seek,
    places: impl Iterator<Item = Place>,
    to: &mut Rows<W>,
) -> io::Result<()> {
    let mut window = Window { from, chunk: vec![0; CHUNK], start: 0, filled: 0 };
    for place in places {
        to.write(window.get(place)?)?;
    }
    Ok(())
}

/// A piece of the input that moves forward.
struct Window<F> {
    from: F,
    chunk: Vec<u8>,
    /// Where the chunk starts in the input.
    start: u64,
    filled: usize,
}

impl<F: Read + Seek> Window<F> {
    fn get(&mut self, place: Place) -> io::Result<&[u8]> {
        let len = place.len as usize;
        let is_inside = place.start >= self.start
            && place.start + u64::from(place.len) <= self.start + self.filled as u64;
        if !is_inside {
            self.move_to(place.start, len)?;
        }
        let at = (place.start - self.start) as usize;
        Ok(&self.chunk[at..at + len])
    }

    /// Fills the chunk from `start` on, with at least `len` bytes.
    fn move_to(&mut self, start: u64, len: usize) -> io::Result<()> {
        if len > self.chunk.len() {
            self.chunk.resize(len, 0);
        }
        self.from.seek(SeekFrom::Start(start))?;
        (self.start, self.filled) = (start, 0);
        while self.filled < len {
            match self.from.read(&mut self.chunk[self.filled..]) {
                Ok(0) => {
                    let what = "expected the rows of the first pass, found the end of the input";
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
                }
                Ok(n_bytes) => self.filled += n_bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Writes rows: their own bytes, or in a dialect.
pub(super) enum Rows<W: Write> {
    /// Byte for byte; a last row without line end gets this one.
    Verbatim { out: W, row_end: Vec<u8> },
    /// Quoted anew.
    Rewritten { out: Box<csv::Writer<W>>, delimiter: u8 },
}

impl<W: Write> Rows<W> {
    /// Writes what stands before the first row, and is ready for rows.
    pub(super) fn start(mut out: W, head: &Head, dialect: Option<Dialect>) -> io::Result<Self> {
        if head.bom {
            out.write_all("\u{feff}".as_bytes())?;
        }
        let mut rows = match dialect {
            None => Self::Verbatim { out, row_end: head.row_end.clone() },
            Some(dialect) => Self::Rewritten {
                out: Box::new(dialect.writer(out)),
                delimiter: dialect.delimiter(),
            },
        };
        if let Some(header) = &head.header {
            rows.write(header)?;
        }
        Ok(rows)
    }

    fn write(&mut self, row: &[u8]) -> io::Result<()> {
        match self {
            Self::Verbatim { out, row_end } => {
                out.write_all(row)?;
                if body(row).len() == row.len() {
                    out.write_all(row_end)?;
                }
                Ok(())
            }
            Self::Rewritten { out, delimiter } => {
                // An error of the writer below is one of I/O: rows have no other way to fail, as
                // all have the same number of fields.
                out.write_record(fields(body(row), *delimiter)).map_err(io::Error::from)
            }
        }
    }

    /// Hands everything to the writer below.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Verbatim { out, .. } => out.flush(),
            Self::Rewritten { out, .. } => out.flush(),
        }
    }
}

/// A row without its line end.
fn body(row: &[u8]) -> &[u8] {
    let row = row.strip_suffix(b"\n").unwrap_or(row);
    row.strip_suffix(b"\r").unwrap_or(row)
}
