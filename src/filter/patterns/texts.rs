//! Secrets in texts: those of known forms, and what stands behind the name of one.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{constant, names};

/// Each has one group: the part that is secret.
static SECRETS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // JSON web tokens.
        r"(ey[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)*)",
        // Digests and keys in hexadecimal digits.
        r"\b([0-9a-fA-F]{32,})\b",
        r"(?i)\b(?:bearer|basic)\s+([a-z0-9._~+/=-]{8,})",
        // Keys that say whose they are.
        r"\b((?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{8,}|gh[a-z]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{8,}|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,}|sk-[\w-]{20,})",
        // The credentials of a connection string; a password may hold an `@` or a `/`.
        r#"[A-Za-z][A-Za-z0-9+.-]*://([^\s"'`]*:[^\s"'`]*|[^\s"'`/]+)@"#,
        r"(?s)(-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$))",
    ]
    .iter()
    .map(|source| constant(source))
    .collect()
});

static BASE64: LazyLock<Regex> = LazyLock::new(|| constant(r"[A-Za-z0-9+/_-]{40,}={0,2}"));

/// A name, and the sign that says that its value comes next.
static NAMED: LazyLock<Regex> =
    LazyLock::new(|| constant(r#"([\w.$-]+)["'`]?\s*\]?\s*(?:=>|[!=]==?|:=|[:=]|%3[aAdD])\s*"#));

/// Reads the constants now, not while the first record waits.
pub(super) fn prepare() {
    LazyLock::force(&SECRETS);
    LazyLock::force(&BASE64);
    LazyLock::force(&NAMED);
}

/// Finds the parts of a text that are secret.
pub(super) fn tokens(text: &str, parts: &mut Vec<Range<usize>>) {
    // Nothing shorter is a secret of a known form: `pwd=x`.
    if text.len() < 5 {
        return;
    }
    for secret in SECRETS.iter() {
        let groups = secret.captures_iter(text).filter_map(|found| found.get(1));
        parts.extend(groups.map(|group| group.range()));
    }
    // Random bytes in base64 have letters of both sizes and digits; a long name or way has not.
    let is_random = |text: &str| {
        let has = |is: fn(&u8) -> bool| text.as_bytes().iter().any(is);
        has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase)
    };
    let random = BASE64.find_iter(text).filter(|found| is_random(found.as_str()));
    parts.extend(random.map(|found| found.range()));
    named(text, parts);
}

/// Finds the values of names that are those of secrets.
fn named(text: &str, parts: &mut Vec<Range<usize>>) {
    let mut end = 0;
    for found in NAMED.captures_iter(text) {
        let (Some(all), Some(name)) = (found.get(0), found.get(1)) else { continue };
        // What lies in a value that was found is covered with it; so each letter is looked at once.
        if name.start() < end || !names::is_secret(name.as_str()) {
            continue;
        }
        let value = value_of(text, all.end());
        end = value.end;
        parts.push(value);
    }
}

/// The value that begins here: up to the end of its quotes or brackets, else of its word. Where they
/// have no end, it is the rest of the text.
fn value_of(text: &str, start: usize) -> Range<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut from = start;
    for scheme in ["bearer ", "basic ", "digest ", "token "] {
        let first = text.get(start..start + scheme.len());
        if first.is_some_and(|first| first.eq_ignore_ascii_case(scheme)) {
            from = start + scheme.len();
        }
    }
    let mut letters =
        text[from..].char_indices().map(|(at, letter)| (from + at, letter)).peekable();
    while let Some((at, letter)) = letters.next() {
        if let Some(open) = quote {
            if letter == '\\' {
                letters.next();
            } else if letter == open && letters.peek().is_none_or(|(_, next)| may_follow(*next)) {
                quote = None;
            }
            continue;
        }
        match letter {
            '"' | '\'' | '`' if depth > 0 || at == from => quote = Some(letter),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth > 0 => depth -= 1,
            ')' | ']' | '}' | '"' | '\'' | '`' if depth == 0 => return start..at,
            ',' | ';' | '&' if depth == 0 => return start..at,
            _ if depth == 0 && letter.is_whitespace() => return start..at,
            _ => {}
        }
    }
    start..text.len()
}

/// May this stand behind the quote that ends a value? A letter cannot: servers quote values as they
/// are, with the quotes in them.
fn may_follow(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(letter, ')' | ']' | '}' | ',' | ';' | '&' | ':' | '.' | '>' | '"' | '\'' | '`')
}
