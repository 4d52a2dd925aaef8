//! Why a step cannot be made of its settings, and where in them.

use std::fmt;

use crate::watch_error::Error;

/// What is wrong in the settings of a step, and the way to it.
///
/// ```
/// use mongowatch::filter::{Fault, Part};
///
/// let fault = Fault::new("unknown operator `$gtt`").within(Part::from("Duration")).within(Part::from("match"));
/// assert_eq!(fault.to_string(), "match.Duration: unknown operator `$gtt`");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The way from the fault up to the root.
    way: Vec<Part>,
    message: String,
    /// Where in a text, in characters from 1.
    column: Option<usize>,
}

/// One step of the way to a fault: into a document, or into a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The value of this key.
    Key(String),
    /// The item at this place, from 0.
    Index(usize),
}

impl Fault {
    /// A fault at the place that is looked at; the message says what was found and what is expected.
    pub fn new(message: impl Into<String>) -> Self {
        Self { way: Vec::new(), message: message.into(), column: None }
    }

    /// A fault of what is parsed from a text.
    pub(super) fn of_text(error: Error) -> Self {
        Self::new(error.to_string())
    }

    /// The same fault without the innermost name: for settings that are a list of paths and nothing
    /// else, where a whole map has `fields`.
    pub(super) fn out(mut self) -> Self {
        self.way.pop();
        self
    }

    /// The same fault, seen from one level above.
    #[must_use]
    pub fn within(mut self, part: Part) -> Self {
        self.way.push(part);
        self
    }

    /// The same fault at this character, from 1, of the text that is looked at.
    #[must_use]
    pub const fn at_column(mut self, column: usize) -> Self {
        self.column = Some(column);
        self
    }

    /// Where in the text at the end of the way the fault is, in characters from 1.
    #[must_use]
    pub const fn column(&self) -> Option<usize> {
        self.column
    }

    /// The way from the root down to the fault.
    pub fn path(&self) -> impl Iterator<Item = &Part> {
        self.way.iter().rev()
    }

    /// What is wrong there.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl From<&str> for Part {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for Part {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, part) in self.path().enumerate() {
            match part {
                Part::Key(key) if depth == 0 => write!(f, "{key}")?,
                Part::Key(key) => write!(f, ".{key}")?,
                Part::Index(index) => write!(f, "[{index}]")?,
            }
        }
        let colon = if self.way.is_empty() { "" } else { ": " };
        write!(f, "{colon}{}", self.message)
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::config(fault.to_string())
    }
}
