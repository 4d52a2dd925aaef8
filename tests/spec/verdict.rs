//! How a test, or a part of it, ends.

/// Why a test does not go on.
#[derive(Clone, Debug)]
pub(crate) enum Stop {
    /// The server or the driver does not have what it asks for.
    Skip(String),
    /// Something was not as it must be.
    Fail(String),
}

/// What a step of a test comes to.
pub(crate) type Run<T> = Result<T, Stop>;

impl From<String> for Stop {
    fn from(why: String) -> Self {
        Self::Fail(why)
    }
}
