//! Keys that are data: what must not stand in a shape, and would make a shape of each value.

use std::borrow::Cow;

/// A key, or a part of a path, that is longer than this is not a name.
const PART_MAX: usize = 64;
/// A path that is longer than this is not a name.
const PATH_MAX: usize = 256;
/// A part with so many digits is not a name.
const DIGITS_MAX: usize = 7;
const HEX_MIN: usize = 16;

/// The key or the path with what looks like data replaced.
pub(in crate::record) fn guarded(key: &str) -> Cow<'_, str> {
    if is_plain(key) {
        return Cow::Borrowed(key);
    }
    if key.len() > PATH_MAX {
        return Cow::Borrowed("<key>");
    }
    // The dots of an address are no path, and nobody can tell where it begins.
    if key.contains('@') {
        return Cow::Borrowed("<email>");
    }
    let (dollars, path) = key.split_at(key.len() - key.trim_start_matches('$').len());
    let mut out = String::with_capacity(key.len() + 8);
    out.push_str(dollars);
    for (index, part) in path.split('.').enumerate() {
        if index > 0 {
            out.push('.');
        }
        out.push_str(part_of(part));
    }
    Cow::Owned(out)
}

/// A short name of letters, which most are.
fn is_plain(key: &str) -> bool {
    key.len() <= 32
        && key.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'.' | b'$'))
        && !is_hex(key)
}

fn part_of(part: &str) -> &str {
    let n_digits = part.bytes().filter(u8::is_ascii_digit).count();
    if part.len() > PART_MAX {
        return "<key>";
    }
    if is_uuid(part) {
        return "<uuid>";
    }
    if is_hex(part) && (n_digits > 0 || matches!(part.len(), 24 | 40 | 64)) && n_digits < part.len()
    {
        return "<id>";
    }
    if n_digits == 0 {
        return part;
    }
    if is_date(part) {
        return "<date>";
    }
    if part.len() == n_digits || is_signed(part) {
        return if part.len() == 24 || part.len() == 32 { "<id>" } else { "<n>" };
    }
    if n_digits > DIGITS_MAX { "<key>" } else { part }
}

fn is_signed(part: &str) -> bool {
    part.strip_prefix(['-', '+']).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
}

/// Sixteen hex digits or more: an ObjectId has 24.
fn is_hex(part: &str) -> bool {
    part.len() >= HEX_MIN && part.bytes().all(|b| b.is_ascii_hexdigit())
}

/// `8-4-4-4-12` hex digits, or 32 of them.
fn is_uuid(part: &str) -> bool {
    let bytes = part.as_bytes();
    let at = |index: usize| matches!(index, 8 | 13 | 18 | 23);
    match bytes.len() {
        36 => bytes
            .iter()
            .enumerate()
            .all(|(index, b)| if at(index) { *b == b'-' } else { b.is_ascii_hexdigit() }),
        32 => bytes.iter().all(u8::is_ascii_hexdigit) && bytes.iter().any(u8::is_ascii_digit),
        _ => false,
    }
}

/// Begins like `2024-01` or `2024/01/31`, or ends like `31-01-2024`.
fn is_date(part: &str) -> bool {
    let numbers: Vec<&str> = part.splitn(4, ['-', '/', '_']).take(3).collect();
    let digits =
        |text: &str, n: usize| text.len() >= n && text.bytes().take(n).all(|b| b.is_ascii_digit());
    let whole = |text: &str, n: usize| text.len() == n && digits(text, n);
    match numbers.as_slice() {
        [year, month] => whole(year, 4) && whole(month, 2),
        [first, month, last] => {
            let of_two = |text: &str| whole(text, 1) || whole(text, 2);
            whole(first, 4) && of_two(month) && digits(last, 1)
                || of_two(first) && of_two(month) && whole(last, 4)
        }
        _ => false,
    }
}
