//! Standard output, whose reader may have seen enough.

use std::io::{self, BufWriter, Write};

use anyhow::Context;

/// Standard output.
pub(super) struct Out {
    inner: BufWriter<io::StdoutLock<'static>>,
    /// Had the last line no end?
    is_open_line: bool,
}

/// Does anybody still read standard output? That nobody does is no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    More,
    Nothing,
}

impl Out {
    pub(super) fn new() -> Self {
        Self { inner: BufWriter::new(io::stdout().lock()), is_open_line: false }
    }

    /// Prints a line as it is; one without an end gets it when another one follows.
    pub(super) fn print(&mut self, line: &[u8]) -> anyhow::Result<Wants> {
        let end: &[u8] = if self.is_open_line { b"\n" } else { b"" };
        self.is_open_line = !line.ends_with(b"\n");
        let written = self.inner.write_all(end).and_then(|()| self.inner.write_all(line));
        wants(written)
    }

    pub(super) fn flush(&mut self) -> anyhow::Result<Wants> {
        let flushed = self.inner.flush();
        wants(flushed)
    }
}

fn wants(written: io::Result<()>) -> anyhow::Result<Wants> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Wants::Nothing),
        result => {
            result.context("standard output cannot be written")?;
            Ok(Wants::More)
        }
    }
}
