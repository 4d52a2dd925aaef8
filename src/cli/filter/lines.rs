//! Lines of files, one at a time, with their place; and what is told of malformed ones.

use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::Path,
};

use anyhow::Context;

/// No line is longer than this, in bytes.
pub(super) const LENGTH_MAX: usize = 64 << 20;

const BUFFER: usize = 256 << 10;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The lines of one input.
pub(super) struct Lines {
    /// How messages call it.
    name: String,
    reader: BufReader<Box<dyn Read>>,
    line: Vec<u8>,
    number: u64,
}

/// What stands on a line.
pub(super) enum Line<'a> {
    /// The line with its end, as it stands in the file; a byte order mark before the first one is no
    /// part of it.
    Whole(&'a [u8]),
    /// It is longer than [`LENGTH_MAX`]; the rest was skipped.
    TooLong,
}

impl Lines {
    /// Opens a file, or standard input for `-`.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let (name, input): (_, Box<dyn Read>) = if path == Path::new("-") {
            ("<stdin>".to_owned(), Box::new(io::stdin()))
        } else {
            let open = || -> io::Result<File> {
                let file = File::open(path)?;
                if file.metadata()?.is_dir() {
                    return Err(io::ErrorKind::IsADirectory.into());
                }
                Ok(file)
            };
            let file = open().with_context(|| format!("could not open {}", path.display()))?;
            (path.display().to_string(), Box::new(file))
        };
        let reader = BufReader::with_capacity(BUFFER, input);
        Ok(Self { name, reader, line: Vec::new(), number: 0 })
    }

    /// Would reading on wait for the input?
    pub(super) fn is_drained(&self) -> bool {
        self.reader.buffer().is_empty()
    }

    /// The place of the line that was read last.
    pub(super) fn place(&self) -> Place<'_> {
        Place { name: &self.name, line: self.number }
    }

    /// Reads the next line that is not blank.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Line<'_>>> {
        loop {
            let is_whole = self.read().with_context(|| format!("could not read {}", self.name))?;
            if self.line.is_empty() && is_whole {
                return Ok(None);
            }
            if !is_whole {
                return Ok(Some(Line::TooLong));
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some(Line::Whole(&self.line)));
            }
        }
    }

    /// Reads a line and says whether all of it is there.
    fn read(&mut self) -> io::Result<bool> {
        self.line.clear();
        let mut is_whole = true;
        loop {
            let buffer = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            };
            let end = memchr::memchr(b'\n', buffer).map(|at| at + 1);
            let part = &buffer[..end.unwrap_or(buffer.len())];
            if self.line.len() + part.len() > LENGTH_MAX {
                is_whole = false;
            } else if is_whole {
                self.line.extend_from_slice(part);
            }
            let (length, is_end) = (part.len(), end.is_some() || part.is_empty());
            self.reader.consume(length);
            if is_end {
                break;
            }
        }
        if self.line.is_empty() && is_whole {
            return Ok(true);
        }
        self.number += 1;
        if self.number == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
            if self.line.is_empty() {
                // Not the end of the file: the next one will say whether there is more.
                return self.read();
            }
        }
        Ok(is_whole)
    }
}

/// File and line.
pub(super) struct Place<'a> {
    name: &'a str,
    line: u64,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.line)
    }
}

/// Tells of malformed lines on stderr.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    n_lines: u64,
}

impl Complaints {
    /// No more lines than this are shown; the others are counted.
    const SHOWN_MAX: u64 = 20;

    pub(super) fn add(&mut self, place: &Place<'_>, reason: impl fmt::Display) {
        self.n_lines += 1;
        if self.n_lines <= Self::SHOWN_MAX {
            // Not after the tool's name: editors and other tools know lines that begin with a place.
            // A closed stderr must not stop the work; the status still says it.
            let _ = writeln!(io::stderr(), "{place}: {reason}");
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.n_lines == 0
    }

    /// Says how many there were.
    pub(super) fn sum_up(&self) {
        let plural = if self.n_lines == 1 { "line was" } else { "lines were" };
        if !self.is_empty() {
            crate::cli::say(format_args!("{} malformed {plural} left out", self.n_lines));
        }
    }
}
