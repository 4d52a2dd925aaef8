//! What is wrong in a configuration, and where.

use std::fmt;

use serde::de;

use super::tree::{Node, Place};
use crate::{record::nearest, watch_error::Error};

/// One fault: what was found and expected, at which key, in which line.
///
/// It is made where the fault is noticed and learns its place and its key on the way up.
#[derive(Debug)]
pub(super) struct Fault {
    place: Option<Place>,
    /// The way from the fault up to the root.
    steps: Vec<Step>,
    message: Message,
}

/// One step down: into a map, or into a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

#[derive(Debug)]
enum Message {
    Whole(String),
    /// What was expected; what was found is known where the place is.
    Expected(String),
}

/// How `jiff` begins to say that a text is not a duration.
const JIFF_DURATION: &str = r#"failed to parse input in the "friendly" duration format"#;

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self::with(Message::Whole(message.into()))
    }

    /// Something else was expected than what will turn out to be there.
    pub(super) fn expected(expected: impl fmt::Display) -> Self {
        Self::with(Message::Expected(expected.to_string()))
    }

    /// A word that is none of those that may stand there: `what` is `key` or `value`.
    pub(super) fn unknown(what: &str, word: &str, known: &[&str]) -> Self {
        let hint = hint(word, known.iter().copied());
        Self::new(format!("unknown {what} {}, expected {}{hint}", quoted(word), one_of(known)))
    }

    /// Sets the place, unless a nearer one is known, and says what was found there.
    pub(super) fn at(mut self, node: &Node) -> Self {
        if let Message::Expected(expected) = self.message {
            // What is only an example is not what was meant.
            let hint = match node.text().filter(|_| !expected.contains("such as")) {
                Some(word) => hint(word, expected.split('`').skip(1).step_by(2)),
                None => String::new(),
            };
            let found = node.found();
            self.message = Message::Whole(format!("found {found}, expected {expected}{hint}"));
        }
        self.at_place(node.place)
    }

    pub(super) fn at_place(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }

    /// Adds a step above those that are there.
    pub(super) fn within(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The way from the root down to the fault.
    pub(super) fn path(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().rev()
    }

    /// The error for the user, in one line.
    pub(super) fn into_error(self, name: &str) -> Error {
        // Whatever stands in the file cannot break the line or drive a terminal.
        let line = format!("{name}:{self}");
        let harmless = |letter: char| match letter.is_control() {
            true => letter.escape_default().to_string(),
            false => letter.to_string(),
        };
        Error::config(line.chars().map(harmless).collect::<String>())
    }

    fn with(message: Message) -> Self {
        Self { place: None, steps: Vec::new(), message }
    }
}

impl Step {
    pub(super) fn key(name: &str) -> Self {
        Self::Key(name.to_owned())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { line, column }) = self.place {
            write!(f, "{line}:{column}:")?;
        }
        for (depth, step) in self.path().enumerate() {
            match step {
                Step::Key(name) if depth == 0 => write!(f, " {name}")?,
                Step::Key(name) => write!(f, ".{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        let colon = if self.steps.is_empty() { "" } else { ":" };
        match &self.message {
            Message::Whole(message) => write!(f, "{colon} {message}"),
            Message::Expected(expected) => write!(f, "{colon} expected {expected}"),
        }
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        if message.starts_with(JIFF_DURATION) {
            return Self::expected("a duration such as `250ms`, `10m` or `1h 30m`");
        }
        Self::new(message)
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::expected(expected)
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::expected(expected)
    }

    fn invalid_length(_: usize, expected: &dyn de::Expected) -> Self {
        Self::expected(expected)
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::unknown("key", field, known)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("expected the key `{field}`, which has no default"))
    }
}

/// The word for a message: in backticks, and cut if it is long.
pub(super) fn quoted(word: &str) -> String {
    const LETTERS_MAX: usize = 60;
    match word.char_indices().nth(LETTERS_MAX) {
        Some((end, _)) => format!("`{}...`", &word[..end]),
        None => format!("`{word}`"),
    }
}

/// The words as a choice.
pub(super) fn one_of(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [word] => format!("`{word}`"),
        [words @ .., last] => format!("`{}` or `{last}`", words.join("`, `")),
    }
}

fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map_or_else(String::new, |word| format!(": did you mean `{word}`?"))
}
