//! The one error type of the library: what went wrong, where, and the cause behind it.

use std::{fmt, path::PathBuf};

/// A `Result` with the [`Error`] of this library.
///
/// Mirrored driver calls do not use it: they return the driver's own errors unchanged.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Says why mongowatch could not do what it was asked.
///
/// The message is one line with coordinates (file and line, route, field); the cause, if there is
/// one, is the [`source`](std::error::Error::source).
pub struct Error {
    kind: Box<Kind>,
    source: Option<Source>,
}

#[derive(Debug)]
#[non_exhaustive]
enum Kind {
    /// A configuration that cannot be used: the text names file, line and key.
    Config(String),
    /// A value that is not of the form its field asks for.
    Invalid(String),
    /// A file that could not be opened, read or written.
    Io { what: &'static str, path: PathBuf },
    /// The watcher was shut down, or its queue thread has ended.
    Closed,
    /// The watcher did not finish in the time it was given; so many records were left.
    Unfinished { n_records: u64 },
}

impl Error {
    /// A configuration that cannot be used.
    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(Kind::Config(message.into()))
    }

    /// A value that does not have the form that was asked for.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Kind::Invalid(message.into()))
    }

    /// A file operation that failed: `what` is a verb, such as `"open"`.
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        let path = path.into();
        Self::new(Kind::Io { what, path }).with_source(source)
    }

    /// The watcher is not there any more.
    pub(crate) fn closed() -> Self {
        Self::new(Kind::Closed)
    }

    /// The time to shut down ran out.
    pub(crate) fn unfinished(n_records: u64) -> Self {
        Self::new(Kind::Unfinished { n_records })
    }

    /// Adds the cause.
    pub(crate) fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    fn new(kind: Kind) -> Self {
        Self { kind: Box::new(kind), source: None }
    }

    /// Is it a configuration that cannot be used?
    #[must_use]
    pub fn is_config(&self) -> bool {
        matches!(*self.kind, Kind::Config(_))
    }

    /// Is it a value that does not have the form its field asks for?
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        matches!(*self.kind, Kind::Invalid(_))
    }

    /// Is it a file that could not be opened, read or written?
    #[must_use]
    pub fn is_io(&self) -> bool {
        matches!(*self.kind, Kind::Io { .. })
    }

    /// Was the watcher shut down already?
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(*self.kind, Kind::Closed)
    }

    /// Did the time to shut down run out before every record was written?
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        matches!(*self.kind, Kind::Unfinished { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.kind {
            Kind::Config(message) | Kind::Invalid(message) => f.write_str(message),
            Kind::Io { what, path } => write!(f, "could not {what} {}", path.display()),
            Kind::Closed => f.write_str("the watcher is shut down"),
            Kind::Unfinished { n_records } => {
                write!(f, "the watcher ran out of time with {n_records} records unwritten")
            }
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("kind", &self.kind).field("source", &self.source).finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
