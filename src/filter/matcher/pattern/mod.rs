//! A regular expression of a query: the server's flavour, run in linear time.
//!
//! The server's classes know ASCII only, and its `$` also stands before a newline at the very end.
//! What is written otherwise there and means the same is translated; what cannot be run in linear
//! time is refused.

mod class;
mod translate;

use mongodb::bson::Bson;
use regex::{Regex, RegexBuilder};

use self::translate::Translator;
use super::view::View;
use crate::filter::Fault;

/// The most memory that a compiled expression takes, in bytes.
pub(super) const PATTERN_SIZE_MAX: usize = 1 << 20;
/// The longest pattern, in bytes.
pub(super) const PATTERN_LENGTH_MAX: usize = 32_764;

/// A pattern, and what it was made of.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    regex: Regex,
    /// What a text begins with that matches, if the pattern is `^` and a name: most are.
    beginning: Option<String>,
    source: String,
    options: String,
    has_line_start: bool,
}

impl Pattern {
    pub(super) fn new(source: &str, options: &str) -> Result<Self, Fault> {
        if source.len() > PATTERN_LENGTH_MAX {
            let found = source.len();
            return Err(Fault::new(format!(
                "found a pattern of {found} bytes, expected at most {PATTERN_LENGTH_MAX}"
            )));
        }
        if source.contains('\0') || options.contains('\0') {
            return Err(Fault::new("a regular expression cannot hold a null character"));
        }
        if let Some(other) = options.chars().find(|option| !"imsxu".contains(*option)) {
            return Err(Fault::new(format!(
                "unknown option `{other}` of a regular expression: expected `i`, `m`, `s`, `x` or `u`"
            )));
        }
        let mut translator = Translator::new(source, options);
        translator.run()?;
        let (translated, has_line_start) = (translator.out, translator.has_line_start);
        let regex = RegexBuilder::new(&translated)
            .case_insensitive(options.contains('i'))
            .dot_matches_new_line(options.contains('s'))
            .ignore_whitespace(options.contains('x'))
            .size_limit(PATTERN_SIZE_MAX)
            .build()
            .map_err(|error| Fault::new(reason(&error)))?;
        let (beginning, source) = (beginning(source, options), source.to_owned());
        Ok(Self { regex, beginning, source, options: options.to_owned(), has_line_start })
    }

    /// Does a text match, or is the value this very expression?
    pub(super) fn matches(&self, value: View<'_>) -> bool {
        if let View::Other(Bson::RegularExpression(stored)) = value {
            return stored.pattern.as_str() == self.source
                && stored.options.as_str() == self.options;
        }
        let Some(text) = value.text() else { return false };
        if let Some(beginning) = &self.beginning {
            return text.starts_with(beginning);
        }
        if self.has_line_start && text.ends_with('\n') {
            // No line begins behind the last newline, for the server.
            return self.regex.find(text).is_some_and(|found| found.start() < text.len());
        }
        self.regex.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.options == other.options
    }
}

/// The name of a pattern that is `^name`.
fn beginning(source: &str, options: &str) -> Option<String> {
    let name = source.strip_prefix('^').filter(|_| options.is_empty())?;
    let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | ' ');
    name.chars().all(is_plain).then(|| name.to_owned())
}

/// What is wrong with a pattern, on one line.
fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => {
            format!("the regular expression needs more than {PATTERN_SIZE_MAX} bytes of memory")
        }
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            format!("bad regular expression: {}", last.trim_start_matches("error: "))
        }
    }
}
