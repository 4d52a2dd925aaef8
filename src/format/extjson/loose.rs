//! JSON as people write it for a shell: keys without quotes, texts in single quotes, `/regex/i`.
//!
//! The text is rewritten as JSON, token by token, and the ends of the tokens that changed are kept, so
//! that an error names its place in the text as it was given.

use mongodb::bson::Bson;

use super::{
    read::{ReadError, parse},
    write,
};

/// Reads one value of JSON, or of what a shell takes in its place.
///
/// # Errors
///
/// As [`parse`].
pub(crate) fn parse_loose(text: &str) -> Result<Bson, ReadError> {
    let strict = parse(text.as_bytes());
    if strict.is_ok() {
        return strict;
    }
    let rewritten = Rewritten::of(text);
    parse(rewritten.json.as_bytes()).map_err(|error| rewritten.placed(error, text))
}

/// A text as JSON.
#[derive(Default)]
struct Rewritten {
    json: String,
    /// Where each token that was rewritten ends: in the JSON, and in the text.
    ends: Vec<(usize, usize)>,
}

/// A token of the text: how many bytes it has, and what JSON has in its place.
type Token = (usize, Option<String>);

impl Rewritten {
    fn of(text: &str) -> Self {
        let mut rewritten = Self::default();
        let (mut at, mut before) = (0, ':');
        while let Some(first) = text[at..].chars().next() {
            let (length, json) = token(&text[at..], first, matches!(before, ':' | ',' | '['));
            let end = at + length;
            match json {
                Some(json) => {
                    rewritten.json.push_str(&json);
                    rewritten.ends.push((rewritten.json.len(), end));
                }
                None => rewritten.json.push_str(&text[at..end]),
            }
            if !first.is_whitespace() {
                before = first;
            }
            at = end;
        }
        rewritten
    }

    /// The error at its place in the text that was rewritten.
    fn placed(&self, error: ReadError, text: &str) -> ReadError {
        let start: usize = self.json.split_inclusive('\n').take(error.line - 1).map(str::len).sum();
        let in_line = self.json[start..].char_indices().nth(error.column - 1);
        let offset = start + in_line.map_or(self.json.len() - start, |(offset, _)| offset);
        let n_before = self.ends.partition_point(|(end, _)| *end <= offset);
        let (json_end, text_end) = n_before.checked_sub(1).map_or((0, 0), |last| self.ends[last]);
        let limit = self.ends.get(n_before).map_or(text.len(), |(_, end)| *end);
        let mut offset = (text_end + offset - json_end).min(limit);
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |feed| feed + 1);
        let line = before.matches('\n').count() + 1;
        ReadError { line, column: text[line_start..offset].chars().count() + 1, ..error }
    }
}

fn token(text: &str, first: char, is_value: bool) -> Token {
    match first {
        '"' => (delimited(text, '"').map_or(text.len(), |(_, length)| length), None),
        '\'' => delimited(text, '\'').map_or((text.len(), None), |(content, length)| {
            (length, Some(quoted(&content.replace("\\'", "'"))))
        }),
        '/' if is_value => delimited(text, '/').map_or((text.len(), None), |(pattern, length)| {
            let options = letters(&text[length..]);
            (length + options.len(), Some(regex(&pattern.replace("\\/", "/"), options)))
        }),
        _ if first.is_alphabetic() || matches!(first, '_' | '$') => word(text),
        _ => (first.len_utf8(), None),
    }
}

/// What stands between two delimiters, and how long it is with them; a backslash takes what follows.
fn delimited(text: &str, delimiter: char) -> Option<(&str, usize)> {
    let mut is_escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if character == delimiter => return Some((&text[1..at], at + 1)),
            _ => {}
        }
    }
    None
}

/// A key without quotes; the words of JSON stay what they are.
fn word(text: &str) -> Token {
    let is_part = |character: char| character.is_alphanumeric() || "_$.".contains(character);
    let end = text.find(|character| !is_part(character)).unwrap_or(text.len());
    let is_key = text[end..].trim_start().starts_with(':');
    (end, is_key.then(|| quoted(&text[..end])))
}

fn letters(text: &str) -> &str {
    let end = text.find(|character: char| !character.is_ascii_alphabetic());
    &text[..end.unwrap_or(text.len())]
}

fn regex(pattern: &str, options: &str) -> String {
    let (pattern, options) = (quoted(pattern), quoted(options));
    format!(r#"{{"$regularExpression":{{"pattern":{pattern},"options":{options}}}}}"#)
}

fn quoted(content: &str) -> String {
    let mut out = Vec::with_capacity(content.len() + 2);
    write::string(content, &mut out);
    String::from_utf8(out).unwrap_or_default()
}
