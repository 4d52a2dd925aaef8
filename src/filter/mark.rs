//! What a cut text, list or row of bytes says of what is missing: `...(+1234)`, `...(+1234 items)`,
//! `...(+1234 bytes)`.
//!
//! What is cut again is counted from the beginning: the mark of the first cut is read, and the new one
//! says the sum. A text that only looks as if it had been cut is thereby cut like any other; the number
//! behind it is then the one that it claimed, and what was cut now.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mongodb::bson::Bson;

/// How much is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    n_missing: u64,
    unit: Unit,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// Characters of a text.
    Characters,
    /// Items of a list, whose last one is the mark.
    Items,
    /// Bytes, which stand as Base64 before the mark: four letters for three of them.
    Bytes,
}

impl Unit {
    /// What stands behind the number.
    const fn name(self) -> &'static str {
        match self {
            Self::Characters => "",
            Self::Items => " items",
            Self::Bytes => " bytes",
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "...(+{}{})", self.n_missing, self.unit.name())
    }
}

impl Mark {
    const fn nothing(unit: Unit) -> Self {
        Self { n_missing: 0, unit }
    }

    fn at_end(text: &str) -> Option<(&str, Self)> {
        let inner = text.strip_suffix(')')?;
        let (inner, unit) = [Unit::Items, Unit::Bytes]
            .into_iter()
            .find_map(|unit| Some((inner.strip_suffix(unit.name())?, unit)))
            .unwrap_or((inner, Unit::Characters));
        let (body, number) = inner.rsplit_once("...(+")?;
        let n_missing = number.parse().ok()?;
        let mark = Self { n_missing, unit };
        // As it would be written here: without a sign, and without zeros before it.
        let is_own = n_missing > 0 && number.bytes().next().is_some_and(|first| first > b'0');
        let is_whole = match unit {
            Unit::Characters => true,
            Unit::Items => body.is_empty(),
            Unit::Bytes => is_base64(body),
        };
        (is_own && is_whole).then_some((body, mark))
    }

    /// How many characters it has.
    fn length(self) -> usize {
        if self.n_missing == 0 { 0 } else { self.to_string().len() }
    }

    fn and(self, n_more: usize) -> Self {
        let n_more = match self.unit {
            Unit::Characters | Unit::Items => n_more,
            Unit::Bytes => n_more / 4 * 3,
        };
        let n_more = u64::try_from(n_more).unwrap_or(u64::MAX);
        Self { n_missing: self.n_missing.saturating_add(n_more), unit: self.unit }
    }
}

fn is_base64(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.len().is_multiple_of(4) && text.bytes().all(is_letter)
}

/// Cuts a text after so many characters; none if it would not become shorter by that.
pub(super) fn cut_text(text: &str, max_chars: usize) -> Option<String> {
    let (body, before) = Mark::at_end(text).unwrap_or((text, Mark::nothing(Unit::Characters)));
    let max_chars = if before.unit == Unit::Bytes { whole_groups(max_chars) } else { max_chars };
    let (end, _) = body.char_indices().nth(max_chars)?;
    let n_gone = body[end..].chars().count();
    let mark = before.and(n_gone);
    (mark.length() < n_gone + before.length()).then(|| format!("{}{mark}", &body[..end]))
}

/// Cuts bytes of which there are more than `max`: a text of that length, in Base64.
pub(super) fn cut_bytes(bytes: &[u8], max: usize) -> Option<String> {
    if bytes.len() <= max {
        return None;
    }
    let (left, gone) = bytes.split_at(whole_groups(max) / 4 * 3);
    let n_missing = u64::try_from(gone.len()).unwrap_or(u64::MAX);
    let text = format!("{}{}", STANDARD.encode(left), Mark { n_missing, unit: Unit::Bytes });
    (text.len() < bytes.len()).then_some(text)
}

/// Base64 stands in groups of four letters.
const fn whole_groups(n_letters: usize) -> usize {
    n_letters - n_letters % 4
}

/// The items of a list that stay, and the item that tells of the others; none if the list would not
/// become shorter by that.
pub(super) fn cut_items(items: &[Bson], max_items: usize) -> Option<(&[Bson], Bson)> {
    let last = items.split_last().and_then(|(last, body)| match last {
        Bson::String(text) => Mark::at_end(text)
            .filter(|(_, mark)| mark.unit == Unit::Items)
            .map(|(_, mark)| (body, mark)),
        _ => None,
    });
    let (body, before) = last.unwrap_or((items, Mark::nothing(Unit::Items)));
    let gone = body.get(max_items..).filter(|gone| !gone.is_empty())?;
    let mark = before.and(gone.len());
    // Each item has its comma, and each mark its quotes.
    let quoted = |mark: Mark| if mark.n_missing == 0 { 0 } else { mark.length() + 3 };
    let mut left = quoted(mark).saturating_sub(quoted(before));
    let is_longer = gone.iter().any(|item| spend(1, &mut left) || is_longer(item, &mut left));
    is_longer.then(|| (&body[..max_items], mark.to_string().into()))
}

/// Is the value, as text, longer than what is left? What it takes is taken away.
fn is_longer(value: &Bson, left: &mut usize) -> bool {
    let length = match value {
        Bson::Null | Bson::Boolean(true) => 4,
        Bson::Boolean(false) => 5,
        Bson::Int32(int) => itoa::Buffer::new().format(*int).len(),
        Bson::Int64(int) => itoa::Buffer::new().format(*int).len(),
        Bson::Double(_) => 3,
        Bson::String(text) => text.len() + 2,
        Bson::Document(_) | Bson::Array(_) => 2,
        // Base64, within `{"$binary":{"base64":"","subType":"00"}}`.
        Bson::Binary(data) => 40 + data.bytes.len().div_ceil(3) * 4,
        // The shortest wrapper is `{"$minKey":1}`.
        _ => 13,
    };
    if spend(length, left) {
        return true;
    }
    // Each level takes its part: there are not many.
    match value {
        Bson::Document(document) => {
            document.iter().any(|(key, value)| spend(key.len() + 3, left) || is_longer(value, left))
        }
        Bson::Array(items) => items.iter().any(|item| is_longer(item, left)),
        _ => false,
    }
}

fn spend(length: usize, left: &mut usize) -> bool {
    let is_more = length > *left;
    *left = left.saturating_sub(length);
    is_more
}
