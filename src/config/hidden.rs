//! Messages never show what came from the environment.

use super::{
    fault::quoted,
    tree::{Kind, Node, Place},
};

/// A shorter part of a value may well be a word of the message itself.
const LETTERS_MIN: usize = 4;

/// The value of the environment that a message about the node may show: where it stands, and how. Of
/// the node itself, any message may, unless it clearly shows nothing; of what is in it, one that has
/// the value or a part of it.
pub(super) fn told<'a>(message: &str, node: &'a Node) -> Option<(Place, &'a str)> {
    if let Some(written) = node.written() {
        // A number may be shown in another form.
        let is_text = matches!(node.kind, Kind::Text(_));
        let may_show = !is_text || node.values().iter().any(|value| may_show(message, value));
        return may_show.then_some((node.place, written));
    }
    let shows = |inner: &&Node| inner.values().iter().any(|value| shows(message, value));
    let told = node.of_environment().into_iter().find(shows);
    told.and_then(|inner| Some((inner.place, inner.written()?)))
}

/// Does the message have the value, as a word, or a part of it? Messages cut and escape values.
fn shows(message: &str, value: &str) -> bool {
    let is_word = |(start, word): (usize, &str)| {
        !message[..start].ends_with(char::is_alphanumeric)
            && !message[start + word.len()..].starts_with(char::is_alphanumeric)
    };
    let is_long = |part: &str| part.chars().count() >= LETTERS_MIN;
    let begin = |part: &str| part.chars().take(2 * LETTERS_MIN).collect::<String>();
    (!value.is_empty() && message.match_indices(value).any(is_word))
        || quotes(message, value)
        || parts(value).map(begin).any(|part| is_long(&part) && message.contains(&part))
        || parts(message).any(|part| is_long(part) && value.contains(part))
}

/// Is it possible that the message has something of the value? It has not, if it neither quotes a
/// part of it, nor has any four letters of it, nor what could be one of it in another form.
fn may_show(message: &str, value: &str) -> bool {
    let (message, value) = (message.to_lowercase(), value.to_lowercase());
    let has_digit = |text: &str| text.contains(char::is_numeric);
    let starts: Vec<_> = message.char_indices().map(|(start, _)| start).collect();
    let ends = starts.iter().copied().chain([message.len()]).skip(LETTERS_MIN);
    let mut fours = starts.iter().zip(ends).map(|(start, end)| &message[*start..end]);
    value.chars().count() < LETTERS_MIN
        || message.contains('\\')
        || message.contains("...")
        || (has_digit(&message) && has_digit(&value))
        || message.contains(|letter: char| !letter.is_ascii() && value.contains(letter))
        || quotes(&message, &value)
        || fours.any(|four| value.contains(four))
}

/// Does the message have a part of the value in quotes, be it a letter?
fn quotes(message: &str, value: &str) -> bool {
    let is_part = |word: &str| !word.is_empty() && value.contains(word.trim_end_matches("..."));
    ['`', '\'', '"'].iter().any(|quote| message.split(*quote).skip(1).step_by(2).any(is_part))
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|part| !part.is_empty())
}

/// A message about a value that came from the environment, without the value: `written` is how it
/// stands in the file.
pub(super) fn without_value(message: &str, written: &str) -> String {
    let written = quoted(written);
    // The last `expected` is ours: what was found stands before it.
    let expected =
        message.strip_prefix("unknown ").and_then(|rest| rest.rsplit_once(", expected "));
    match expected {
        Some((_, expected)) => {
            let expected = expected.split(": did you mean").next().unwrap_or_default();
            format!("found {written}, whose value is unknown here, expected {expected}")
        }
        None => format!("found {written}, whose value cannot be used here"),
    }
}
