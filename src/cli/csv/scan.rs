//! The grammar of a CSV row: where it ends, how many fields it has, where the wanted ones stand.
//!
//! Pure functions on bytes. The rows are those that the `csv` crate sees (a quote opens a quoted
//! field only at the start of a field, two quotes in it stand for one, `\n`, `\r\n` and `\r` end a
//! row), but what that crate forgives is named as a [`Flaw`]: a torn write looks just like it.
//!
//! Speed comes from `memchr`: outside quotes it looks for the next quote or line end, inside quotes
//! for the next quote. The delimiters of what lies between are only counted, once the wanted
//! columns are found. What is likely to be near, such as the next quote of a JSON text, is looked
//! for eight bytes at a time before.

use std::{borrow::Cow, fmt, ops::Range};

use memchr::{memchr2, memchr3};

/// The two columns that the tool looks into, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) id: usize,
    pub(super) iteration: usize,
}

/// What a scan found out about one row; positions count from the start of the row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// Bytes, without the line end.
    pub(super) body: usize,
    /// Bytes, with the line end.
    pub(super) len: usize,
    pub(super) n_fields: usize,
    /// Where the id stands, quotes included; empty if there is no such column.
    pub(super) id: Range<usize>,
    /// Where the iteration stands, quotes included; empty if there is no such column.
    pub(super) iteration: Range<usize>,
    pub(super) flaw: Option<Flaw>,
}

/// Why the bytes of a row cannot be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    TextAfterQuote,
    /// The row is cut at the first line end after the quote, so that it hides no other row.
    UnclosedQuote,
    TooLong,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TextAfterQuote => "expected a delimiter after the closing quote, found text",
            Self::UnclosedQuote => "expected a closing quote, found none",
            Self::TooLong => "expected the end of the row, found none within the longest row",
        })
    }
}

/// Says whether more bytes can follow those at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum More {
    Possible,
    None,
}

/// Scans the row that starts at the start of `bytes`, which must not be empty.
///
/// Gives `None` if the end of the row is not in sight but more bytes may come.
#[inline]
pub(super) fn scan(bytes: &[u8], delimiter: u8, columns: Columns, more: More) -> Option<Shape> {
    let mut row = Scan::new(bytes, delimiter, columns);
    let mut at = 0;
    loop {
        let Some(stop) = memchr3(b'"', b'\n', b'\r', &bytes[at..]).map(|found| at + found) else {
            return (more == More::None).then(|| row.end_at_eof(at));
        };
        row.plain(at..stop);
        if bytes[stop] != b'"' {
            let line_end = line_end(&bytes[stop..], more)?;
            return Some(row.end(stop, stop + line_end));
        }
        let opens = stop == 0 || bytes[stop - 1] == delimiter;
        if !opens {
            at = stop + 1;
            continue;
        }
        match (closing_quote(bytes, stop + 1, more), more) {
            (Some(close), _) => at = close + 1,
            (None, More::Possible) => return None,
            (None, More::None) => return Some(row.unclosed(stop)),
        }
        let text_follows = |next: &u8| *next != delimiter && !matches!(next, b'\n' | b'\r');
        if bytes.get(at).is_some_and(text_follows) {
            row.shape.flaw = Some(Flaw::TextAfterQuote);
        }
    }
}

/// The fields of a row without its line end, quotes resolved.
pub(super) fn fields(body: &[u8], delimiter: u8) -> impl Iterator<Item = Cow<'_, [u8]>> {
    let mut at = Some(0);
    std::iter::from_fn(move || {
        let start = at?;
        let end = field_end(body, start, delimiter);
        at = (end < body.len()).then_some(end + 1);
        Some(unquote(&body[start..end]))
    })
}

/// Resolves the quotes of one field.
pub(super) fn unquote(field: &[u8]) -> Cow<'_, [u8]> {
    let Some(quoted) = field.strip_prefix(b"\"") else { return Cow::Borrowed(field) };
    let close = closing_quote(field, 1, More::None).unwrap_or(field.len());
    let inner = &field[1..close];
    let rest = field.get(close + 1..).unwrap_or_default();
    if rest.is_empty() && find(b'"', inner).is_none() {
        return Cow::Borrowed(&quoted[..inner.len()]);
    }
    let mut plain = Vec::with_capacity(inner.len());
    let mut skip = false;
    for &byte in inner {
        skip = byte == b'"' && !skip;
        if !skip {
            plain.push(byte);
        }
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

/// A row whose scan is under way.
struct Scan<'a> {
    bytes: &'a [u8],
    delimiter: u8,
    columns: Columns,
    last_wanted: usize,
    field_start: usize,
    shape: Shape,
}

impl<'a> Scan<'a> {
    fn new(bytes: &'a [u8], delimiter: u8, columns: Columns) -> Self {
        let last_wanted = columns.id.max(columns.iteration);
        Self { bytes, delimiter, columns, last_wanted, field_start: 0, shape: Shape::default() }
    }

    /// Takes note of the delimiters in a stretch without quoted text.
    #[inline]
    fn plain(&mut self, stretch: Range<usize>) {
        let mut rest = &self.bytes[stretch.clone()];
        while self.shape.n_fields <= self.last_wanted {
            let Some(found) = find(self.delimiter, rest) else { return };
            self.end_field(stretch.end - rest.len() + found);
            rest = &rest[found + 1..];
        }
        self.shape.n_fields += count(self.delimiter, rest);
    }

    #[inline]
    fn end_field(&mut self, end: usize) {
        let field = self.field_start..end;
        if self.shape.n_fields == self.columns.id {
            self.shape.id = field;
        } else if self.shape.n_fields == self.columns.iteration {
            self.shape.iteration = field;
        }
        self.shape.n_fields += 1;
        self.field_start = end + 1;
    }

    fn end(mut self, body: usize, len: usize) -> Shape {
        self.end_field(body);
        Shape { body, len, ..self.shape }
    }

    fn end_at_eof(mut self, rest: usize) -> Shape {
        let len = self.bytes.len();
        self.plain(rest..len);
        self.end(len, len)
    }

    fn unclosed(self, quote: usize) -> Shape {
        let rest = &self.bytes[quote..];
        let body = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let len = body + line_end(&rest[body..], More::None).unwrap_or_default();
        let flaw = Some(Flaw::UnclosedQuote);
        Shape { body: quote + body, len: quote + len, flaw, ..self.shape }
    }
}

/// The length of the line end that `bytes` start with; `None` if `\n` may follow a last `\r`.
fn line_end(bytes: &[u8], more: More) -> Option<usize> {
    match bytes {
        [b'\r', b'\n', ..] => Some(2),
        [b'\r'] if more == More::Possible => None,
        [] => Some(0),
        _ => Some(1),
    }
}

/// The next quote from `at` that is not one of a pair; `None` if it is not in sight.
#[inline]
fn closing_quote(bytes: &[u8], mut at: usize, more: More) -> Option<usize> {
    loop {
        let quote = at + find(b'"', &bytes[at..])?;
        match bytes.get(quote + 1) {
            Some(b'"') => at = quote + 2,
            None if more == More::Possible => return None,
            _ => return Some(quote),
        }
    }
}

/// Where the field that starts at `start` ends.
fn field_end(body: &[u8], start: usize, delimiter: u8) -> usize {
    let mut at = start;
    if body.get(start) == Some(&b'"') {
        match closing_quote(body, start + 1, More::None) {
            Some(close) => at = close + 1,
            None => return body.len(),
        }
    }
    find(delimiter, &body[at..]).map_or(body.len(), |found| at + found)
}

/// Counts a byte. Sums of single bytes let the compiler take sixteen at a time.
#[inline]
fn count(needle: u8, bytes: &[u8]) -> usize {
    let short = bytes.chunks(usize::from(u8::MAX));
    short
        .map(|bytes| bytes.iter().map(|byte| u8::from(*byte == needle)).sum::<u8>())
        .map(usize::from)
        .sum()
}

/// Looks for a byte that is probably near.
#[inline]
fn find(needle: u8, bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const NEAR: usize = 4;
    let needles = ONES * u64::from(needle);
    let (eights, _) = bytes.as_chunks::<8>();
    for (n, eight) in eights.iter().take(NEAR).enumerate() {
        // The lowest zero byte is the first to borrow: its high bit is the lowest one set.
        let zero_if_found = u64::from_le_bytes(*eight) ^ needles;
        let found = zero_if_found.wrapping_sub(ONES) & !zero_if_found & (ONES << 7);
        if found != 0 {
            return Some(n * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let passed = eights.len().min(NEAR) * 8;
    memchr::memchr(needle, &bytes[passed..]).map(|found| passed + found)
}
