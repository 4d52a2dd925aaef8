//! The dialects of CSV that the tool reads and writes.

use std::io::Write;

use clap::ValueEnum;

/// Says how fields are separated and rows are ended; quoting is minimal in all of them.
///
/// Any of `\n`, `\r\n` and `\r` ends a row that is read, whatever the dialect: only the delimiter
/// matters there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Dialect {
    /// Comma, rows end with \n
    Unix,
    /// Comma, rows end with \r\n
    Excel,
    /// Tab, rows end with \r\n
    ExcelTab,
}

impl Dialect {
    pub(super) const fn delimiter(self) -> u8 {
        match self {
            Self::Unix | Self::Excel => b',',
            Self::ExcelTab => b'\t',
        }
    }

    pub(super) fn writer<W: Write>(self, out: W) -> csv::Writer<W> {
        let row_end = match self {
            Self::Unix => csv::Terminator::Any(b'\n'),
            Self::Excel | Self::ExcelTab => csv::Terminator::CRLF,
        };
        let mut writer = csv::WriterBuilder::new();
        writer.delimiter(self.delimiter()).terminator(row_end).from_writer(out)
    }
}
