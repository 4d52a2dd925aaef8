//! What sensitive values look like: card numbers, e-mail addresses, tokens, and what a configuration
//! says.
//!
//! A value that is written another way still is one: digits of any script, a number instead of a
//! text, bytes, a regular expression that quotes its dots. What is found there is replaced as a
//! whole.

use std::{ops::Range, sync::LazyLock};

use mongodb::bson::Bson;
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::{
    filter::{Fault, Part},
    format::value,
    record::Value,
};

/// Says what a sensitive value looks like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PatternSettings {
    /// The number of a payment card: 13 to 19 digits, in groups or not, whose check digit is right.
    Card,
    /// An e-mail address.
    Email,
    /// A secret: JWTs, long hexadecimal or base64 texts, private keys, keys of known services,
    /// `password=...` and the like, bearer tokens, the credentials in a connection string; and the
    /// value of a key that is named like a secret.
    Token,
    /// What this regular expression matches. It runs in linear time, whatever it is: there is
    /// neither look-around nor back-reference.
    Regex(String),
}

/// What was found in a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// These parts of a text, in order and apart from each other.
    Parts(Vec<Range<usize>>),
    /// The value is sensitive as a whole.
    Whole,
}

/// Several patterns, read.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    card: bool,
    email: bool,
    token: bool,
    own: Vec<Regex>,
}

impl PatternSettings {
    /// A step has at most so many patterns.
    pub const NUMBER_MAX: usize = 64;

    /// A regular expression has at most so many bytes.
    pub const REGEX_MAX: usize = 4_096;
}

impl Patterns {
    pub(super) fn new(settings: &[PatternSettings]) -> Result<Self, Fault> {
        let within = |fault: Fault, index: usize| {
            fault.within(Part::from(index)).within(Part::from("patterns"))
        };
        let max = PatternSettings::NUMBER_MAX;
        if settings.len() > max {
            return Err(within(Fault::new(format!("more than {max} patterns")), max));
        }
        let mut patterns = Self::default();
        for (index, pattern) in settings.iter().enumerate() {
            match pattern {
                PatternSettings::Card => patterns.card = true,
                // The constants are read now, not while the first record waits.
                PatternSettings::Email => {
                    LazyLock::force(&EMAIL);
                    patterns.email = true;
                }
                PatternSettings::Token => {
                    LazyLock::force(&SECRETS);
                    LazyLock::force(&SECRET_KEY);
                    LazyLock::force(&BASE64);
                    patterns.token = true;
                }
                PatternSettings::Regex(source) => {
                    let regex = own(source)
                        .map_err(|fault| within(fault.within(Part::from("regex")), index))?;
                    patterns.own.push(regex);
                }
            }
        }
        Ok(patterns)
    }

    /// Looks for sensitive parts in a value that is neither document nor list.
    pub(super) fn find(&self, key: Option<&str>, value: Value<'_>) -> Found {
        if self.token && key.is_some_and(|key| SECRET_KEY.is_match(key)) {
            return Found::Whole;
        }
        let bson = match value {
            Value::Str(text) => return self.find_in_text(text),
            Value::Bson(bson) => bson,
            _ => return Found::Nothing,
        };
        let is_found = match bson {
            Bson::Symbol(text) | Bson::JavaScriptCode(text) => self.is_in(text),
            Bson::Int32(_) | Bson::Int64(_) => self.is_in(&shown(value)),
            Bson::Double(double) => {
                // Both forms: `4111111111111111.0`, and the digits of a number with an exponent.
                self.is_in(&format!("{double:.0}")) || self.is_in(&shown(value))
            }
            Bson::Decimal128(decimal) => {
                let text = decimal.to_string();
                self.is_in(&text) || self.is_in(&plain(&text))
            }
            Bson::Binary(binary) => self.is_in(&String::from_utf8_lossy(&binary.bytes)),
            Bson::RegularExpression(regex) => self.is_in(&regex.pattern.to_string()),
            Bson::JavaScriptCodeWithScope(_) | Bson::DbPointer(_) => self.is_in(&shown(value)),
            _ => false,
        };
        if is_found { Found::Whole } else { Found::Nothing }
    }

    fn is_in(&self, text: &str) -> bool {
        self.find_in_text(text) != Found::Nothing
    }

    fn find_in_text(&self, text: &str) -> Found {
        let mut parts = self.parts(text);
        // In a regular expression or a quoted text a backslash may stand before a letter of the
        // value. What is found without them only has no place in the text as it is.
        if text.contains('\\') {
            let bare: String = text.chars().filter(|letter| *letter != '\\').collect();
            let found: usize = self.parts(&bare).iter().map(Range::len).sum();
            if found > parts.iter().map(Range::len).sum() {
                return Found::Whole;
            }
        }
        if parts.is_empty() {
            return Found::Nothing;
        }
        parts.sort_unstable_by_key(|part| (part.start, part.end));
        parts.dedup_by(|next, before| {
            let overlaps = next.start <= before.end;
            if overlaps {
                before.end = before.end.max(next.end);
            }
            overlaps
        });
        Found::Parts(parts)
    }

    fn parts(&self, text: &str) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        if self.card {
            cards(text, &mut parts);
        }
        if self.email && text.contains(['@', '\u{ff20}', '%']) {
            parts.extend(EMAIL.find_iter(text).map(|found| found.range()));
        }
        if self.token {
            tokens(text, &mut parts);
        }
        for regex in &self.own {
            parts.extend(regex.find_iter(text).map(|found| found.range()));
        }
        parts.retain(|part| !part.is_empty());
        parts
    }
}

/// Reads a regular expression of the configuration.
fn own(source: &str) -> Result<Regex, Fault> {
    if source.len() > PatternSettings::REGEX_MAX {
        return Err(Fault::new(format!("longer than {} bytes", PatternSettings::REGEX_MAX)));
    }
    let regex = RegexBuilder::new(source).size_limit(1 << 20).build().map_err(|error| {
        // The last line says what; those before it draw where.
        let text = error.to_string();
        let what = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        Fault::new(format!("not a regular expression that runs in linear time: {what}"))
    })?;
    if regex.is_match("") {
        return Err(Fault::new("the regular expression matches the empty text, and so everywhere"));
    }
    Ok(regex)
}

fn shown(value: Value<'_>) -> String {
    let mut text = Vec::new();
    value::write(value, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// The digits of a decimal number that is written with an exponent or a point.
fn plain(text: &str) -> String {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let exponent = exponent.parse::<i64>().unwrap_or(0);
    let n_zeros = exponent.saturating_sub(fraction.len() as i64);
    let digits = format!("{whole}{fraction}");
    match usize::try_from(n_zeros) {
        // A card has no more than 19 digits.
        Ok(n_zeros) if n_zeros < 20 => digits + &"0".repeat(n_zeros),
        // Zeros behind the point were counted into the exponent: `4111...1110E-1`.
        _ => {
            let n_dropped = usize::try_from(n_zeros.unsigned_abs()).unwrap_or(usize::MAX);
            let cut = digits.len().saturating_sub(n_dropped);
            digits.get(..cut).unwrap_or_default().to_owned()
        }
    }
}

/// Finds the numbers of payment cards: groups of digits with one or two separators between them
/// that have 13 to 19 digits in all, the last one being the check digit by Luhn.
fn cards(text: &str, parts: &mut Vec<Range<usize>>) {
    const DIGITS: Range<usize> = 13..20;
    // Nothing shorter can be one: most texts end here.
    if text.len() < DIGITS.start {
        return;
    }
    let mut run: Vec<Group> = Vec::new();
    let mut n_between = 0;
    for (at, letter) in text.char_indices() {
        if let Some(digit) = digit(letter) {
            let end = at + letter.len_utf8();
            match run.last_mut() {
                Some(group) if n_between == 0 => {
                    group.digits.push(digit);
                    group.end = end;
                }
                _ => run.push(Group { start: at, end, digits: vec![digit] }),
            }
            n_between = 0;
        } else if !run.is_empty() {
            n_between += 1;
            if n_between > 2 || !is_separator(letter) {
                find_in_run(&run, DIGITS, parts);
                run.clear();
                n_between = 0;
            }
        }
    }
    find_in_run(&run, DIGITS, parts);
}

/// Digits without anything between them.
struct Group {
    start: usize,
    end: usize,
    digits: Vec<u8>,
}

fn find_in_run(run: &[Group], n_digits: Range<usize>, parts: &mut Vec<Range<usize>>) {
    let mut first = 0;
    while first < run.len() {
        let mut digits: Vec<u8> = Vec::new();
        let mut found = None;
        for (place, group) in run.iter().enumerate().skip(first) {
            digits.extend_from_slice(&group.digits);
            if digits.len() >= n_digits.end {
                break;
            }
            if digits.len() >= n_digits.start && is_luhn(&digits) {
                found = Some(place);
            }
        }
        if let Some(last) = found {
            parts.push(run[first].start..run[last].end);
        }
        first += 1;
    }
}

/// Is the last digit the check digit of those before it?
fn is_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(*digit) << (place % 2);
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The value of a decimal digit, in the scripts that people type numbers in.
fn digit(letter: char) -> Option<u8> {
    /// The zero of each script; its digits follow it.
    const ZEROS: [char; 18] = [
        '\u{0660}', '\u{06f0}', '\u{07c0}', '\u{0966}', '\u{09e6}', '\u{0a66}', '\u{0ae6}',
        '\u{0b66}', '\u{0be6}', '\u{0c66}', '\u{0ce6}', '\u{0d66}', '\u{0e50}', '\u{0ed0}',
        '\u{0f20}', '\u{1040}', '\u{17e0}', '\u{ff10}',
    ];
    if letter.is_ascii() {
        return letter.to_digit(10).map(|digit| digit as u8);
    }
    let code = u32::from(letter);
    // The digits of mathematics: five alphabets, one behind the other.
    if (0x1d7ce..=0x1d7ff).contains(&code) {
        return Some(((code - 0x1d7ce) % 10) as u8);
    }
    ZEROS
        .iter()
        .map(|zero| code.wrapping_sub(u32::from(*zero)))
        .find(|digit| *digit < 10)
        .map(|digit| digit as u8)
}

const fn is_separator(letter: char) -> bool {
    matches!(
        letter,
        ' ' | '-' | '.' | '_' | '/' | '\t' | '\u{a0}' | '\u{ad}' | '\u{2000}'
            ..='\u{2015}' | '\u{202f}' | '\u{2212}' | '\u{3000}' | '\u{ff0d}'
    )
}

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r#"(?:"[^"\s]+"|[\w.%+!#$&'*/=?^`{|}~-]+)(?:@|\x{ff20}|%40)[\w-]+(?:[.\x{3002}\x{ff0e}][\w-]+)+"#,
    )
});

/// The names of keys whose values are secrets.
const SECRET_NAMES: &str = "pass(?:word|wd|phrase)?|pwd|secret|credentials?|authorization|auth[_-]?token\
    |(?:api|access|private|secret|signing|encryption)[_-]?key|client[_-]?secret\
    |(?:access|refresh|id|session|bearer|csrf)?[_-]?token|session[_-]?id|cookie|cvv2?|cvc2?";

static SECRET_KEY: LazyLock<Regex> =
    LazyLock::new(|| constant(&format!(r"(?i)(?:^|[._-]|[a-z]\b)(?:{SECRET_NAMES})(?:[._-]|$)")));

/// Each has one group: the part that is secret.
static SECRETS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let named = format!(
        r#"(?i)(?:{SECRET_NAMES})["'`]?\s*(?:=>|[:=])\s*("[^"]*"|'[^']*'|(?:(?:bearer|basic)\s+)?[^\s,;&"'`(){{}}\[\]]+)"#
    );
    [
        // JSON web tokens.
        r"(ey[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)*)",
        // Digests and keys in hexadecimal digits.
        r"\b([0-9a-fA-F]{32,})\b",
        r"(?i)\b(?:bearer|basic)\s+([a-z0-9._~+/=-]{8,})",
        // Keys that say whose they are.
        r"\b((?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{8,}|gh[a-z]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{8,}|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,}|sk-[\w-]{20,})",
        // The credentials of a connection string; a password may hold an `@`.
        r"[A-Za-z][A-Za-z0-9+.-]*://([^\s/]*:[^\s/]*)@",
        r"(?s)(-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$))",
        &named,
    ]
    .iter()
    .map(|source| constant(source))
    .collect()
});

static BASE64: LazyLock<Regex> = LazyLock::new(|| constant(r"[A-Za-z0-9+/_-]{40,}={0,2}"));

fn constant(source: &str) -> Regex {
    Regex::new(source).expect("a constant, which the tests read")
}

fn tokens(text: &str, parts: &mut Vec<Range<usize>>) {
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
}
