//! What is said of a conversion: in the file at its place, and on stderr with that of the source.

use std::fmt;

use super::source::Spot;
use crate::config::Place;

/// Says that something is not there, or not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remark {
    kind: Kind,
    place: Place,
    way: String,
    message: String,
    /// Lines of the source.
    quoted: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It is not there.
    Lost,
    /// It is there, but does not mean quite the same.
    Changed,
}

impl Remark {
    /// No more lines of the source are quoted, and no more letters of each.
    const LINES_MAX: usize = 40;
    const LETTERS_MAX: usize = 200;

    /// What stands there is not carried over.
    pub(super) fn lost(spot: &Spot<'_>, message: impl Into<String>) -> Self {
        Self::new(Kind::Lost, spot, message.into())
    }

    /// What stands there means something else now.
    pub(super) fn changed(spot: &Spot<'_>, message: impl Into<String>) -> Self {
        Self::new(Kind::Changed, spot, message.into())
    }

    fn new(kind: Kind, spot: &Spot<'_>, message: String) -> Self {
        let way = if spot.way().is_empty() { "the file" } else { spot.way() };
        let (place, way) = (spot.place(), way.to_owned());
        Self { kind, place, way, message, quoted: Vec::new() }
    }

    /// The same, with the text of the source below it.
    #[must_use]
    pub(super) fn with_text(mut self, text: &str) -> Self {
        let cut = |line: &str| match line.char_indices().nth(Self::LETTERS_MAX) {
            Some((end, _)) => format!("{}...", &line[..end]),
            None => line.to_owned(),
        };
        let lines = text.trim_end().lines();
        self.quoted = lines.clone().take(Self::LINES_MAX).map(cut).collect();
        if lines.count() > Self::LINES_MAX {
            self.quoted.push("...".to_owned());
        }
        self
    }

    /// Is something not there?
    pub(super) fn is_loss(&self) -> bool {
        self.kind == Kind::Lost
    }

    pub(super) const fn place(&self) -> Place {
        self.place
    }

    /// As it stands in the file.
    pub(super) fn comment(&self) -> String {
        let (kind, way, message, line) = (self.kind, &self.way, &self.message, self.place.line);
        format!("{kind}: {way} (line {line}): {message}")
    }

    pub(super) fn quoted(&self) -> &[String] {
        &self.quoted
    }

    /// As it is told of a source of this name.
    pub(super) fn line(&self, name: &str) -> String {
        let Place { line, column } = self.place;
        let (kind, way, message) = (self.kind, &self.way, &self.message);
        let text = format!("{name}:{line}:{column}: {way}: {kind}: {message}");
        // Whatever stands in the source cannot break the line or drive a terminal.
        let harmless = |letter: char| match letter.is_control() {
            true => letter.escape_default().to_string(),
            false => letter.to_string(),
        };
        text.chars().map(harmless).collect()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "not carried over",
            Self::Changed => "changed",
        })
    }
}
