//! What sensitive values look like: card numbers, e-mail addresses, tokens, and what a configuration
//! says.
//!
//! A value that is written another way still is one: digits of any script, a number instead of a
//! text, bytes, a regular expression that quotes its dots (`\.`, `[.]`). What is found there is replaced as a
//! whole.

mod cards;
mod keys;
mod names;
mod quotes;
mod texts;

use std::{ops::Range, sync::LazyLock};

use mongodb::bson::{Bson, Document};
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::{
    filter::{
        Fault, Part,
        edit::{DEPTH_MAX, Under},
    },
    format::value,
    record::Value,
};

/// Says what a sensitive value looks like.
///
/// Looked at are texts, symbols, code and what is in its scope, regular expressions and their options,
/// bytes that are texts, numbers of any type, DBPointers, and keys; ids, dates and timestamps only by a
/// regular expression of one's own. A secret part of a text is replaced; what is no text goes whole.
///
/// What has no known form, and no name above it that tells, is not seen: a secret that was cut,
/// encoded or encrypted, bytes in UTF-16, a card number within more digits, a name in another language
/// or beside its value (`{k: "password", v: ".."}`), and a value that an expression gives another name
/// (`let`, `$set: {p: "$password"}`) before it is compared. Keys below the name of a secret stay,
/// unless they have a form themselves. To be sure of a field, mask it without patterns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PatternSettings {
    /// The number of a payment card: 13 to 19 digits, in groups or not, that begin as those of a
    /// network with numbers of this length, and whose check digit is right. Texts and numbers are
    /// looked at.
    Card,
    /// An e-mail address.
    Email,
    /// A secret: JWTs, long hexadecimal or base64 texts, private keys, keys of known services,
    /// `password=...` and the like, bearer tokens, the credentials in a connection string; and all
    /// that lies below a key that is named like a secret, through operators, lists and documents.
    ///
    /// Names are English, and compared word by word: `userPassword`, `API_KEY` and
    /// `user.accessTokens` are secrets, `compass` and `tokenizer` are not.
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
                    texts::prepare();
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

    /// Says what counts below a key.
    pub(super) fn below(&self, under: Under, key: &str, value: &Bson) -> Under {
        if self.token { keys::below(under, key, value) } else { under }
    }

    /// Looks for sensitive parts in a value that is neither document nor list.
    pub(super) fn find(&self, under: Under, value: Value<'_>) -> Found {
        if under.is_secret {
            return Found::Whole;
        }
        let bson = match value {
            Value::Str(text) if under.is_code && self.is_in_code(text) => return Found::Whole,
            Value::Str(text) => return self.find_in_text(text),
            Value::Bson(bson) => bson,
            _ => return Found::Nothing,
        };
        if self.is_in_value(bson) { Found::Whole } else { Found::Nothing }
    }

    fn is_in_value(&self, bson: &Bson) -> bool {
        let value = Value::Bson(bson);
        match bson {
            Bson::String(text) | Bson::Symbol(text) => self.is_in(text),
            Bson::JavaScriptCode(code) => self.is_in_code(code),
            Bson::JavaScriptCodeWithScope(code) => {
                self.is_in_code(&code.code) || self.is_in_document(&code.scope, 0)
            }
            Bson::Int32(_) | Bson::Int64(_) => {
                let text = shown(value);
                self.is_in_number(&text, &text)
            }
            // Without the part behind the point: the number of a card has none.
            Bson::Double(double) => self.is_in_number(&format!("{double:.0}"), &shown(value)),
            Bson::Decimal128(decimal) => {
                let text = decimal.to_string();
                self.is_in_number(&plain(&text), &text)
            }
            Bson::Binary(binary) => self.is_in(&String::from_utf8_lossy(&binary.bytes)),
            Bson::RegularExpression(regex) => {
                self.is_in(&regex.pattern.to_string()) || self.is_in(&regex.options.to_string())
            }
            Bson::DbPointer(_) => self.is_in(&shown(value)),
            Bson::ObjectId(_) | Bson::DateTime(_) | Bson::Timestamp(_) => {
                self.is_own(&shown(value))
            }
            _ => false,
        }
    }

    /// Looks into the scope of a code, which is shown and hidden with it.
    fn is_in_document(&self, document: &Document, depth: usize) -> bool {
        depth >= DEPTH_MAX
            || document.iter().any(|(key, value)| {
                self.below(Under::default(), key, value).is_secret
                    || self.is_in(key)
                    || self.is_in_nested(value, depth + 1)
            })
    }

    fn is_in_nested(&self, value: &Bson, depth: usize) -> bool {
        match value {
            Bson::Document(document) => self.is_in_document(document, depth),
            Bson::Array(items) => {
                depth >= DEPTH_MAX || items.iter().any(|item| self.is_in_nested(item, depth + 1))
            }
            leaf => self.is_in_value(leaf),
        }
    }

    /// Is a number, given without the part behind its point, and as it is shown, sensitive?
    fn is_in_number(&self, whole: &str, shown: &str) -> bool {
        let mut parts = Vec::new();
        if self.card {
            cards::cards(whole, &mut parts);
        }
        !parts.is_empty() || self.is_own(shown) || (whole != shown && self.is_own(whole))
    }

    fn is_own(&self, text: &str) -> bool {
        self.own.iter().any(|regex| regex.is_match(text))
    }

    fn is_in_code(&self, code: &str) -> bool {
        (self.token && names::names_secret(code)) || self.is_in(code)
    }

    fn is_in(&self, text: &str) -> bool {
        self.find_in_text(text) != Found::Nothing
    }

    fn find_in_text(&self, text: &str) -> Found {
        let mut parts = self.parts(text);
        // In a regular expression or a quoted text other letters stand between those of the value.
        // What is found without them only has no place in the text as it is.
        if let Some(bare) = quotes::bare(text) {
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
            cards::cards(text, &mut parts);
        }
        if self.email && text.contains(['@', '\u{ff20}', '%']) {
            parts.extend(EMAIL.find_iter(text).map(|found| found.range()));
        }
        if self.token {
            texts::tokens(text, &mut parts);
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

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r#"(?:"[^"\s]+"|[\w.%+!#$&'*/=?^`{|}~-]+)(?:@|\x{ff20}|%40)[\w-]+(?:[.\x{3002}\x{ff0e}][\w-]+)+"#,
    )
});

fn constant(source: &str) -> Regex {
    Regex::new(source).expect("a constant, which the tests read")
}
