//! What is wrong in a configuration, and where.

use std::fmt;

use serde::de;

use super::{
    hidden::{told, without_value},
    tree::{Node, Place},
};
use crate::{filter::Part, record::nearest, watch_error::Error};

/// One fault: what was found and expected, at which key, in which line.
///
/// It is made where the fault is noticed and learns its place and its key on the way up.
#[derive(Debug)]
pub(crate) struct Fault {
    place: Option<Place>,
    /// Is it the key at the place that is wrong, and not the value?
    is_of_key: bool,
    /// The way from the fault up to the root.
    way: Vec<Part>,
    message: Message,
    /// The fault is at a letter of the scalar that it will be placed at.
    letter: Option<Box<Letter>>,
}

/// What is wrong at a letter of a scalar.
#[derive(Debug)]
struct Letter {
    /// Counted from 1.
    column: usize,
    /// The path that it is a letter of; none if it is one of any other text.
    path: Option<String>,
    /// The message without the column.
    message: String,
}

#[derive(Debug, PartialEq)]
enum Message {
    Whole(String),
    /// What was expected; what was found is known where the place is.
    Expected(String),
    /// The key that is not there.
    Missing(&'static str),
}

/// Keys that stand elsewhere.
const MOVED: &[(&str, &str)] = &[("cursor_timeout", "watchers.cursor.timeout")];

/// How `jiff` begins to say that a text is not a duration.
const JIFF_DURATION: &str = r#"failed to parse input in the "friendly" duration format"#;

impl Fault {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::with(Message::Whole(message.into()))
    }

    /// The same; if the message names a letter of a text, the fault will be placed there.
    pub(super) fn of_text(message: impl Into<String>) -> Self {
        let message = message.into();
        let letter = Letter::of(&message).map(Box::new);
        Self { letter, ..Self::new(message) }
    }

    /// Something else was expected than what will turn out to be there.
    pub(super) fn expected(expected: impl fmt::Display) -> Self {
        Self::with(Message::Expected(expected.to_string()))
    }

    /// A word that is none of those that may stand there: `what` is `key` or `value`.
    pub(super) fn unknown(what: &str, word: &str, known: &[&str]) -> Self {
        let moved = MOVED.iter().find(|(before, _)| *before == word);
        let hint = match moved {
            Some((_, now)) => format!(": did you mean `{now}`?"),
            None => hint(word, known.iter().copied()),
        };
        Self::new(format!("unknown {what} {}, expected {}{hint}", quoted(word), one_of(known)))
    }

    /// Sets the place, unless a nearer one is known, and says what was found there.
    pub(super) fn at(mut self, node: &Node) -> Self {
        if let Message::Expected(expected) = self.message {
            let written = node.written();
            // What is only an example is not what was meant; a value of the environment stays there.
            let is_shown = written.is_none() && !expected.contains("such as");
            let hint = match node.text().filter(|_| is_shown) {
                Some(word) => hint(word, expected.split('`').skip(1).step_by(2)),
                None => String::new(),
            };
            let found = match written {
                Some(written) => format!("{}, whose value cannot be used here", quoted(written)),
                None => node.found(),
            };
            self.message = Message::Whole(format!("found {found}, expected {expected}{hint}"));
            return self.at_place(node.place);
        }
        if self.place.is_some() {
            return self;
        }
        if node.written().is_some() {
            self = self.without_letter();
        }
        self = self.at_shown(node);
        if self.place.is_some() {
            return self;
        }
        // A path may be the key and not the value, or be quoted in part.
        if let Some(letter) = self.letter.take()
            && letter.path.as_deref().is_none_or(|path| node.text() == Some(path))
            && let Some(place) = node.place_of(letter.column.saturating_sub(1))
        {
            self.message = Message::Whole(letter.message);
            return self.at_place(place);
        }
        self.at_place(node.place)
    }

    /// If the message may show a value of the environment in the node, sets the place of that and leaves
    /// it out.
    pub(super) fn at_shown(mut self, node: &Node) -> Self {
        if let Message::Whole(message) = &mut self.message
            && let Some((place, written)) = told(message, node)
        {
            *message = without_value(message, written);
            return self.at_place(place);
        }
        self
    }

    pub(crate) fn at_place(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }

    /// Sets the place of the key that is wrong, unless a nearer place is known.
    pub(super) fn at_key(mut self, place: Place) -> Self {
        if self.place.is_none() {
            (self.place, self.is_of_key) = (Some(place), true);
        }
        self
    }

    /// Adds a step above those that are there.
    pub(crate) fn within(mut self, part: impl Into<Part>) -> Self {
        self.way.push(part.into());
        self
    }

    /// The way from the root down to the fault.
    pub(super) fn path(&self) -> impl Iterator<Item = &Part> {
        self.way.iter().rev()
    }

    pub(super) const fn place(&self) -> Option<Place> {
        self.place
    }

    /// Is it the key at the place that is wrong, and not the value?
    pub(super) const fn is_of_key(&self) -> bool {
        self.is_of_key
    }

    /// Is the message the same?
    pub(super) fn says_as(&self, other: &Self) -> bool {
        self.message == other.message
    }

    /// Does it say that a key is missing?
    pub(super) const fn is_missing(&self) -> bool {
        matches!(self.message, Message::Missing(_))
    }

    /// The error for the user, in one line.
    pub(crate) fn into_error(self, name: &str) -> Error {
        self.into_error_of(name, 0)
    }

    /// The same, with the number of faults that are not told.
    pub(super) fn into_error_of(self, name: &str, n_more: usize) -> Error {
        let more = match n_more {
            0 => String::new(),
            1 => " (and 1 more fault: `mongowatch config check` shows all)".to_owned(),
            n => format!(" (and {n} more faults: `mongowatch config check` shows all)"),
        };
        // Whatever stands in the file cannot break the line or drive a terminal.
        Error::config(harmless(&format!("{name}:{self}{more}")))
    }

    /// The same without the column or line of a text that is not the one in the file.
    fn without_letter(mut self) -> Self {
        let message = match (self.letter.take(), self.message) {
            (Some(letter), _) => Message::Whole(letter.message),
            (None, Message::Whole(message)) if message.starts_with("line ") => {
                let message = message.split_once(": ").map_or(message.as_str(), |(_, rest)| rest);
                Message::Whole(message.to_owned())
            }
            (None, message) => message,
        };
        self.message = message;
        self
    }

    fn with(message: Message) -> Self {
        Self { place: None, is_of_key: false, way: Vec::new(), message, letter: None }
    }
}

/// The text without anything that could break a line or drive a terminal.
pub(super) fn harmless(text: &str) -> String {
    let harmless = |letter: char| match letter.is_control() {
        true => letter.escape_default().to_string(),
        false => letter.to_string(),
    };
    text.chars().map(harmless).collect()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { line, column }) = self.place {
            write!(f, "{line}:{column}:")?;
        }
        for (depth, part) in self.path().enumerate() {
            match part {
                Part::Key(name) if depth == 0 => write!(f, " {name}")?,
                Part::Key(name) => write!(f, ".{name}")?,
                Part::Index(index) => write!(f, "[{index}]")?,
            }
        }
        let colon = if self.way.is_empty() { "" } else { ":" };
        match &self.message {
            Message::Whole(message) => write!(f, "{colon} {message}"),
            Message::Expected(expected) => write!(f, "{colon} expected {expected}"),
            Message::Missing(key) => {
                write!(f, "{colon} expected the key `{key}`, which has no default")
            }
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
        Self::of_text(message)
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
        Self::with(Message::Missing(field))
    }
}

impl Letter {
    /// Of the messages on what is parsed from a text: an expression (`column 3: ...`), a template
    /// (`template, column 3: ...`) or a path (``path `Filter.a`, column 3: ...``).
    fn of(message: &str) -> Option<Self> {
        let rest = message.strip_prefix("template, ").unwrap_or(message);
        let (path, rest) = match rest.strip_prefix("column ") {
            Some(rest) => (None, rest),
            None => message
                .split_once(", column ")
                .filter(|(path, _)| path.starts_with("path `"))
                .map(|(path, rest)| (Some(path), rest))?,
        };
        let (column, message) = rest.split_once(": ")?;
        let message = match path {
            Some(path) => format!("{path}: {message}"),
            None => message.to_owned(),
        };
        let path = path.and_then(|path| path.strip_prefix("path `")?.strip_suffix('`'));
        Some(Self { column: column.parse().ok()?, path: path.map(str::to_owned), message })
    }
}

/// The word for a message: in backticks, and cut if it is long.
pub(crate) fn quoted(word: &str) -> String {
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
