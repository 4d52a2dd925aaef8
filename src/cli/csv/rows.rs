//! Cuts a stream of bytes into rows, through one large buffer.
//!
//! The buffer grows to the longest row and no further than [`MAX_ROW`]: memory does not depend on
//! the length of the stream. A row is scanned again when its end was not in the buffer yet; the
//! buffer doubles, so that this costs no more than a second scan.

use std::io::{self, Read};

use memchr::memchr_iter;

use super::scan::{Columns, Flaw, More, Shape, scan};

/// The longest row that is read, in bytes. The largest BSON document is 16 MiB; written as JSON with
/// every quote doubled it stays below 100 MB.
pub(super) const MAX_ROW: usize = 128 << 20;

const BUFFER: usize = 256 << 10;

/// One row: what the scan says, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) shape: Shape,
    /// Bytes before it in the stream.
    pub(super) start: u64,
    at: usize,
}

/// Reads the rows of a stream one after the other, without the blank lines between them.
pub(super) struct Rows<R> {
    from: R,
    delimiter: u8,
    /// The columns that are looked for in the rows to come.
    pub(super) columns: Columns,
    buffer: Vec<u8>,
    /// `buffer[start..end]` is read and not yet given away.
    start: usize,
    end: usize,
    more: More,
    offset: u64,
    /// Line ends before the buffer.
    n_lines: u64,
    max_row: usize,
}

impl<R: Read> Rows<R> {
    pub(super) fn new(from: R, delimiter: u8, columns: Columns) -> Self {
        Self::with_sizes(from, delimiter, columns, BUFFER, MAX_ROW)
    }

    pub(super) fn with_sizes(
        from: R,
        delimiter: u8,
        columns: Columns,
        buffer: usize,
        max_row: usize,
    ) -> Self {
        let buffer = vec![0; buffer];
        let (start, end, offset, n_lines, more) = (0, 0, 0, 0, More::Possible);
        Self { from, delimiter, columns, buffer, start, end, more, offset, n_lines, max_row }
    }

    /// Skips a UTF-8 byte order mark at the start of the stream, and says whether there was one.
    pub(super) fn skip_bom(&mut self) -> io::Result<bool> {
        const BOM: &[u8] = "\u{feff}".as_bytes();
        while self.end - self.start < BOM.len() && self.more == More::Possible {
            self.fill()?;
        }
        let found = self.buffer[self.start..self.end].starts_with(BOM);
        if found {
            self.pass(BOM.len());
        }
        Ok(found)
    }

    /// Goes to the next row; its bytes can be asked for until the call after.
    #[inline]
    pub(super) fn advance(&mut self) -> io::Result<Option<Row>> {
        loop {
            self.skip_blank_lines();
            let bytes = &self.buffer[self.start..self.end];
            if bytes.is_empty() {
                if self.more == More::None {
                    return Ok(None);
                }
            } else if let Some(shape) = scan(bytes, self.delimiter, self.columns, self.more) {
                return Ok(Some(self.give(shape)));
            } else if bytes.len() >= self.max_row {
                let shape = scan(bytes, self.delimiter, self.columns, More::None);
                return Ok(shape.map(|shape| {
                    let flaw = shape.flaw.or(Some(Flaw::TooLong));
                    self.give(Shape { flaw, ..shape })
                }));
            }
            self.fill()?;
        }
    }

    /// The bytes of the row that the last [`advance`](Self::advance) gave, with its line end.
    #[inline]
    pub(super) fn bytes(&self, row: &Row) -> &[u8] {
        &self.buffer[row.at..row.at + row.shape.len]
    }

    /// The first line of that row, counted from 1.
    ///
    /// Hardly any row is asked for its line, so lines are counted only then, and in bulk when the
    /// buffer moves on.
    pub(super) fn line(&self, row: &Row) -> u64 {
        self.n_lines + n_lines(&self.buffer[..row.at]) + 1
    }

    /// The number of bytes read so far.
    pub(super) fn n_bytes(&self) -> u64 {
        self.offset + (self.end - self.start) as u64
    }

    #[inline]
    fn give(&mut self, shape: Shape) -> Row {
        let (at, start) = (self.start, self.offset);
        self.pass(shape.len);
        Row { shape, start, at }
    }

    #[inline]
    fn pass(&mut self, n_bytes: usize) {
        self.start += n_bytes;
        self.offset += n_bytes as u64;
    }

    fn skip_blank_lines(&mut self) {
        while self.start < self.end && matches!(self.buffer[self.start], b'\n' | b'\r') {
            self.pass(1);
        }
    }

    /// Reads more bytes behind those at hand.
    #[cold]
    fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.n_lines += n_lines(&self.buffer[..self.start]);
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.end * 2, 0);
        }
        loop {
            match self.from.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.more = More::None,
                Ok(n_bytes) => self.end += n_bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            return Ok(());
        }
    }
}

fn n_lines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}
