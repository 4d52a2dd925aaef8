//! An expression cut into tokens, each with its column.

use std::{fmt, iter::Peekable, str::CharIndices};

use mongodb::bson::DateTime;

use super::Malformed;
use crate::format::text;

/// A token and where it begins: a column, in characters from 1.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub column: usize,
    pub kind: Kind,
    /// Does a space stand before it?
    pub is_apart: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A path, or a word of the language. What stood in backticks is no word.
    Name {
        path: String,
        is_plain: bool,
    },
    Text(String),
    Int(i64),
    Double(f64),
    Moment(DateTime),
    Regex {
        pattern: String,
        options: String,
    },
    /// An operator, a bracket or a comma.
    Sign(&'static str),
    End,
}

impl Kind {
    /// Is it this word of the language?
    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Name { path, is_plain: true } if path == word)
    }

    /// May an operand end with it? What follows is an operator then: `/` divides.
    fn ends_operand(&self) -> bool {
        const BEFORE_OPERANDS: &[&str] =
            &["and", "or", "not", "in", "between", "matches", "with", "contains", "has"];
        match self {
            Self::Name { path, is_plain } => !is_plain || !BEFORE_OPERANDS.contains(&path.as_str()),
            Self::Sign(sign) => matches!(*sign, ")" | "]"),
            Self::Regex { .. } | Self::End => false,
            _ => true,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// A longer text is cut in a message.
        const SHOWN_MAX: usize = 40;
        let shown = match self {
            Self::Name { path, .. } => path.clone(),
            Self::Text(text) => format!("\"{text}\""),
            Self::Int(int) => int.to_string(),
            Self::Double(double) => double.to_string(),
            Self::Moment(moment) => moment.try_to_rfc3339_string().unwrap_or_default(),
            Self::Regex { pattern, options } => format!("/{pattern}/{options}"),
            Self::Sign(sign) => (*sign).to_owned(),
            Self::End => return f.write_str("the end"),
        };
        let cut: String = shown.chars().take(SHOWN_MAX).collect();
        let dots = if cut.len() < shown.len() { "..." } else { "" };
        let mut safe = Vec::new();
        text::escape(&cut, &mut safe);
        write!(f, "`{}{dots}`", String::from_utf8_lossy(&safe))
    }
}

/// The longer ones first.
const SIGNS: &[&str] = &[
    "==", "!=", ">=", "<=", "&&", "||", "=~", "!~", ">", "<", "!", "(", ")", "[", "]", ",", "+",
    "-", "*", "/", "%", "=",
];

pub(super) fn tokens(source: &str) -> Result<Vec<Token>, Malformed> {
    let mut lexer = Lexer { source, rest: source.char_indices().peekable(), column: 1 };
    let mut tokens: Vec<Token> = Vec::new();
    loop {
        let is_apart = lexer.skip(char::is_whitespace) > 0;
        let column = lexer.column;
        let follows_operand = tokens.last().is_some_and(|token| token.kind.ends_operand());
        let kind = lexer.token(follows_operand)?;
        let is_end = kind == Kind::End;
        tokens.push(Token { column, kind, is_apart });
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    source: &'a str,
    rest: Peekable<CharIndices<'a>>,
    /// Of the next character.
    column: usize,
}

impl<'a> Lexer<'a> {
    fn peek(&mut self) -> Option<char> {
        self.rest.peek().map(|(_, character)| *character)
    }

    fn next(&mut self) -> Option<char> {
        let (_, character) = self.rest.next()?;
        self.column += 1;
        Some(character)
    }

    fn step(&mut self) {
        let _past = self.next();
    }

    /// How far the source is read, in bytes.
    fn at(&mut self) -> usize {
        self.rest.peek().map_or(self.source.len(), |(at, _)| *at)
    }

    fn skip(&mut self, is_skipped: impl Fn(char) -> bool) -> usize {
        let start = self.at();
        while self.peek().is_some_and(&is_skipped) {
            self.step();
        }
        self.at() - start
    }

    fn token(&mut self, follows_operand: bool) -> Result<Kind, Malformed> {
        let (start, column) = (self.at(), self.column);
        let rest = &self.source[start..];
        match self.peek() {
            None => Ok(Kind::End),
            Some(quote @ ('"' | '\'')) => self.text(quote),
            Some('/') if !follows_operand => self.regex(),
            Some('0'..='9') => self.number(),
            Some(first) if is_name_start(first) || first == '`' => self.name(),
            Some(other) => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign)).copied();
                let Some(sign) = sign else {
                    let mut safe = Vec::new();
                    text::escape(&other.to_string(), &mut safe);
                    let safe = String::from_utf8_lossy(&safe);
                    return Err(Malformed::new(column, format!("unexpected character `{safe}`")));
                };
                sign.chars().for_each(|_| self.step());
                match sign {
                    "=" => {
                        Err(Malformed::new(column, "unexpected `=`: did you mean `==`?".to_owned()))
                    }
                    _ => Ok(Kind::Sign(sign)),
                }
            }
        }
    }

    fn text(&mut self, quote: char) -> Result<Kind, Malformed> {
        let start = self.column;
        self.next();
        let mut content = String::new();
        loop {
            let column = self.column;
            match self.next() {
                None => {
                    let message = format!("a text has no end: expected `{quote}`");
                    return Err(Malformed::new(start, message));
                }
                Some('\\') => content.push(self.escaped(column)?),
                Some(end) if end == quote => return Ok(Kind::Text(content)),
                Some(other) => content.push(other),
            }
        }
    }

    /// What stands for itself after a backslash.
    fn escaped(&mut self, column: usize) -> Result<char, Malformed> {
        let unknown = |found: &str| {
            let message = format!(
                "unknown escape `\\{found}`: expected `\\\\`, `\\\"`, `\\'`, `\\n`, `\\r`, `\\t` or `\\u` and four \
                 hexadecimal digits; regular expressions may stand between slashes"
            );
            Malformed::new(column, message)
        };
        match self.next() {
            Some(same @ ('\\' | '"' | '\'' | '/')) => Ok(same),
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some('u') => {
                let start = self.at();
                (0..4).for_each(|_| self.step());
                let digits = &self.source[start..self.at()];
                let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                let code = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex);
                code.and_then(char::from_u32).ok_or_else(|| unknown("u"))
            }
            Some(other) => Err(unknown(&other.escape_default().to_string())),
            None => Err(unknown("")),
        }
    }

    fn regex(&mut self) -> Result<Kind, Malformed> {
        let start = self.column;
        self.next();
        let mut pattern = String::new();
        loop {
            match self.next() {
                None => {
                    let message = "a regular expression has no end: expected `/`".to_owned();
                    return Err(Malformed::new(start, message));
                }
                Some('/') => break,
                Some('\\') if self.peek() == Some('/') => {
                    pattern.extend(self.next());
                }
                Some('\\') => {
                    pattern.push('\\');
                    pattern.extend(self.next());
                }
                Some(other) => pattern.push(other),
            }
        }
        let from = self.at();
        self.skip(|letter| letter.is_ascii_alphabetic());
        Ok(Kind::Regex { pattern, options: self.source[from..self.at()].to_owned() })
    }

    /// A number, or a date; a unit behind it is a token of its own.
    fn number(&mut self) -> Result<Kind, Malformed> {
        let (start, column) = (self.at(), self.column);
        if is_date(&self.source.as_bytes()[start..]) {
            self.skip(|part| part.is_ascii_alphanumeric() || ":.+-".contains(part));
            let found = &self.source[start..self.at()];
            let expected = || {
                let message = format!(
                    "`{found}` is no moment: expected one such as `2026-01-31` or `2026-01-31T12:00:00Z`"
                );
                Malformed::new(column, message)
            };
            return moment(found).map(Kind::Moment).ok_or_else(expected);
        }
        self.skip(|digit| digit.is_ascii_digit() || digit == '_');
        let is_whole = !self.fraction();
        let digits = self.source[start..self.at()].replace('_', "");
        if is_whole && let Ok(int) = digits.parse() {
            return Ok(Kind::Int(int));
        }
        let double = digits.parse::<f64>().ok().filter(|double| double.is_finite());
        let too_large = || Malformed::new(column, "the number is too large".to_owned());
        double.map(Kind::Double).ok_or_else(too_large)
    }

    /// Goes past a fraction and an exponent, if they are there.
    fn fraction(&mut self) -> bool {
        let digits = |text: &str| text.starts_with(|digit: char| digit.is_ascii_digit());
        let rest = &self.source[self.at()..];
        let mut is_there = false;
        if rest.strip_prefix('.').is_some_and(digits) {
            self.next();
            self.skip(|digit| digit.is_ascii_digit() || digit == '_');
            is_there = true;
        }
        let rest = &self.source[self.at()..];
        if let Some(power) = rest.strip_prefix(['e', 'E']) {
            let sign = power.strip_prefix(['+', '-']);
            if digits(sign.unwrap_or(power)) {
                self.next();
                self.next();
                self.skip(|digit| digit.is_ascii_digit());
                is_there = true;
            }
        }
        is_there
    }

    /// A path: names with dots between them, odd ones in backticks.
    fn name(&mut self) -> Result<Kind, Malformed> {
        let (mut path, mut is_plain) = (String::new(), true);
        loop {
            let column = self.column;
            match self.peek() {
                Some('`') => {
                    let name = self.quoted_name().ok_or_else(|| {
                        let message = "a name in backticks is empty or has no end".to_owned();
                        Malformed::new(column, message)
                    })?;
                    // With a dot in it, it is a name only in backticks.
                    let inner = &name[1..name.len() - 1];
                    path.push_str(if inner.contains(['.', '`']) { name } else { inner });
                    is_plain = false;
                }
                Some(first) if is_name_part(first) => {
                    let from = self.at();
                    self.skip(is_name_part);
                    path.push_str(&self.source[from..self.at()]);
                }
                _ => {
                    let message = format!("expected a name after `{path}`");
                    return Err(Malformed::new(column, message));
                }
            }
            if self.peek() != Some('.') {
                return Ok(Kind::Name { path, is_plain });
            }
            self.next();
            path.push('.');
        }
    }

    /// A name in backticks, with them; two of them in it stand for one.
    fn quoted_name(&mut self) -> Option<&'a str> {
        let from = self.at();
        self.next();
        loop {
            self.skip(|character| character != '`');
            self.next()?;
            if self.peek() != Some('`') {
                let name = &self.source[from..self.at()];
                return (name.len() > 2).then_some(name);
            }
            self.next();
        }
    }
}

fn is_name_start(character: char) -> bool {
    character.is_alphabetic() || matches!(character, '_' | '$')
}

fn is_name_part(character: char) -> bool {
    is_name_start(character) || character.is_numeric()
}

/// Does the text begin like `2026-01-31`?
fn is_date(text: &[u8]) -> bool {
    let form = b"0000-00-00";
    text.len() >= form.len()
        && form.iter().zip(text).all(|(form, found)| match form {
            b'0' => found.is_ascii_digit(),
            _ => found == form,
        })
}

/// A day is its beginning; what names no offset is in UTC.
fn moment(text: &str) -> Option<DateTime> {
    let moment = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        jiff::tz::Offset::UTC.to_timestamp(civil).ok()
    })?;
    Some(DateTime::from_millis(moment.as_millisecond()))
}
