//! Where lines end up: what an output asks of a file or stream, and the standard streams.

use std::io::{self, Write};

use crate::{
    layer::Stream,
    watch_error::{Error, Result},
};

/// Where lines end up.
pub(super) trait Destination: Send {
    /// Makes ready for so many bytes: reopens or rotates what needs it. A destination that can
    /// avoid it does not move while a row is torn.
    fn prepare(&mut self, n_bytes: usize, is_torn: bool) -> io::Result<Place>;

    /// Writes as much as the destination takes.
    fn write(&mut self, bytes: &[u8]) -> io::Result<Wrote>;
}

/// What [`Destination::prepare`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The place of the last write.
    Same,
    /// A file without content.
    Empty,
    /// A file that was written to before.
    Used { ends_torn: bool },
}

/// What [`Destination::write`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrote {
    /// So many bytes, from the front.
    Bytes(usize),
    /// Nothing: the place has changed meanwhile and must be prepared again.
    Moved,
}

/// A standard stream, without the buffer that the standard library puts before it: what that one
/// has taken but not written would be on no book.
pub(super) struct Standard(Box<dyn Write + Send>);

impl Standard {
    pub(super) fn open(stream: Stream) -> Result<Self> {
        let (name, own) = match stream {
            Stream::Stdout => ("standard output", own_handle(io::stdout())),
            Stream::Stderr => ("standard error", own_handle(io::stderr())),
        };
        own.map(Self).map_err(|source| Error::io("open", name, source))
    }

    #[cfg(test)]
    pub(super) fn new(to: impl Write + Send + 'static) -> Self {
        Self(Box::new(to))
    }
}

#[cfg(unix)]
fn own_handle(stream: impl std::os::fd::AsFd) -> io::Result<Box<dyn Write + Send>> {
    Ok(Box::new(std::fs::File::from(stream.as_fd().try_clone_to_owned()?)))
}

#[cfg(windows)]
fn own_handle(stream: impl Write + Send + 'static) -> io::Result<Box<dyn Write + Send>> {
    // A console wants UTF-16: only the standard library's handle knows how.
    Ok(Box::new(stream))
}

impl Destination for Standard {
    fn prepare(&mut self, _: usize, _: bool) -> io::Result<Place> {
        Ok(Place::Same)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<Wrote> {
        let n_bytes = self.0.write(bytes)?;
        self.0.flush()?;
        Ok(Wrote::Bytes(n_bytes))
    }
}
