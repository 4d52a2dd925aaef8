//! A regular expression of a query: the server's flavour, run in linear time.
//!
//! The server's classes know ASCII only, and its `$` also stands before a newline at the very end.
//! What is written otherwise there and means the same is translated; what cannot be run in linear
//! time is refused.

use std::{iter::Peekable, str::Chars};

use mongodb::bson::Bson;
use regex::{Regex, RegexBuilder};

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
    source: String,
    options: String,
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
        let translated = Translator::new(source, options).run()?;
        let regex = RegexBuilder::new(&translated)
            .case_insensitive(options.contains('i'))
            .dot_matches_new_line(options.contains('s'))
            .ignore_whitespace(options.contains('x'))
            .size_limit(PATTERN_SIZE_MAX)
            .build()
            .map_err(|error| Fault::new(reason(&error)))?;
        Ok(Self { regex, source: source.to_owned(), options: options.to_owned() })
    }

    /// Does a text match, or is the value this very expression?
    pub(super) fn matches(&self, value: View<'_>) -> bool {
        if let View::Other(Bson::RegularExpression(stored)) = value {
            return stored.pattern.as_str() == self.source
                && stored.options.as_str() == self.options;
        }
        value.text().is_some_and(|text| self.regex.is_match(text))
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.options == other.options
    }
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

/// Why a pattern is refused that the server would take.
fn not_linear(what: &str) -> Fault {
    Fault::new(format!("{what} cannot be run in linear time, and so is not taken"))
}

/// Writes a pattern of the server's flavour in that of the crate.
struct Translator<'p> {
    rest: Peekable<Chars<'p>>,
    out: String,
    is_extended: bool,
    /// Whether `^` and `$` stand at lines, in each group that is open.
    by_line: Vec<bool>,
    /// Can what comes before be repeated?
    is_repeatable: bool,
}

const WORD: &str = "0-9A-Za-z_";
/// The spaces of `\s`.
const SPACE: &str = r"\t\n\x0b\x0c\r ";
/// The spaces of `\h`.
const HORIZONTAL: &str = r"\t \x{a0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}";
/// The line ends of `\v`.
const VERTICAL: &str = r"\n\x0b\x0c\r\x{85}\x{2028}\x{2029}";

impl<'p> Translator<'p> {
    fn new(source: &'p str, options: &str) -> Self {
        Self {
            rest: source.chars().peekable(),
            out: String::with_capacity(source.len() + 16),
            is_extended: options.contains('x'),
            by_line: vec![options.contains('m')],
            is_repeatable: false,
        }
    }

    fn run(mut self) -> Result<String, Fault> {
        while let Some(character) = self.rest.next() {
            match character {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.open()?,
                ')' => {
                    if self.by_line.len() > 1 {
                        self.by_line.pop();
                    }
                    self.atom(")");
                }
                '^' | '$' => self.anchor(character),
                '*' | '+' | '?' => self.repeat(character)?,
                '{' => self.counted()?,
                // Alone they mean themselves.
                '}' | ']' => {
                    self.out.push('\\');
                    self.out.push(character);
                    self.is_repeatable = true;
                }
                '|' => {
                    self.out.push('|');
                    self.is_repeatable = false;
                }
                '#' if self.is_extended => self.comment(),
                ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' if self.is_extended => {}
                // In the crate, these are left out too.
                other if self.is_extended && other.is_whitespace() => self.code(other),
                '.' => self.atom("."),
                other => {
                    self.out.push(other);
                    self.is_repeatable = true;
                }
            }
        }
        Ok(self.out)
    }

    fn atom(&mut self, text: &str) {
        self.out.push_str(text);
        self.is_repeatable = true;
    }

    fn code(&mut self, character: char) {
        let code = u32::from(character);
        self.atom(&format!(r"\x{{{code:x}}}"));
    }

    fn comment(&mut self) {
        for character in self.rest.by_ref() {
            if character == '\n' {
                break;
            }
        }
    }

    fn anchor(&mut self, character: char) {
        let by_line = self.by_line.last().copied().unwrap_or(false);
        let text = match (character, by_line) {
            ('^', false) => r"\A",
            ('^', true) => "(?m:^)",
            (_, true) => "(?m:$)",
            // There is no looking ahead: a last newline is eaten, which no test of a match tells.
            (_, false) => r"(?:\n?\z)",
        };
        self.atom(text);
    }

    fn repeat(&mut self, character: char) -> Result<(), Fault> {
        if !self.is_repeatable {
            return Err(Fault::new(format!(
                "bad regular expression: nothing before `{character}` that it could repeat"
            )));
        }
        self.out.push(character);
        self.after_repeat()
    }

    /// A lazy one finds the same; a possessive one would not.
    fn after_repeat(&mut self) -> Result<(), Fault> {
        self.is_repeatable = false;
        match self.rest.peek() {
            Some('+') => Err(not_linear("a possessive repetition")),
            Some('?') => {
                self.rest.next();
                self.out.push('?');
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// `{2}`, `{2,}`, `{2,3}`; anything else is text.
    fn counted(&mut self) -> Result<(), Fault> {
        let ahead: String = self.rest.clone().take_while(|next| *next != '}').take(12).collect();
        let is_closed = self.rest.clone().nth(ahead.chars().count()) == Some('}');
        let (from, to) = ahead.split_once(',').unwrap_or((&ahead, ""));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_closed || from.is_empty() || !is_number(from) || !is_number(to) {
            self.atom(r"\{");
            return Ok(());
        }
        if !self.is_repeatable {
            return Err(Fault::new("bad regular expression: nothing before `{` to repeat"));
        }
        self.out.push('{');
        self.out.push_str(&ahead);
        self.out.push('}');
        self.rest.nth(ahead.chars().count());
        self.after_repeat()
    }

    fn open(&mut self) -> Result<(), Fault> {
        let by_line = self.by_line.last().copied().unwrap_or(false);
        let ahead: String = self.rest.clone().take(3).collect();
        if ahead.starts_with('*') {
            return Err(not_linear("a verb such as `(*SKIP)`"));
        }
        self.is_repeatable = false;
        if !ahead.starts_with('?') {
            self.by_line.push(by_line);
            self.out.push('(');
            return Ok(());
        }
        let kind = ahead.get(1..).unwrap_or_default();
        match kind.chars().next() {
            Some('#') => {
                for character in self.rest.by_ref() {
                    if character == ')' {
                        break;
                    }
                }
                return Ok(());
            }
            Some('=' | '!') => return Err(not_linear("looking ahead")),
            Some('<') if kind.starts_with("<=") || kind.starts_with("<!") => {
                return Err(not_linear("looking behind"));
            }
            Some('>') => return Err(not_linear("an atomic group")),
            Some('(') => return Err(not_linear("a conditional group")),
            Some('|') => return Err(Fault::new("groups of the same number are not taken")),
            Some('R' | '&' | '0'..='9' | '+') => return Err(not_linear("a recursive group")),
            Some('P') if kind.starts_with("P>") || kind.starts_with("P=") => {
                return Err(not_linear("a reference to a group"));
            }
            Some('P' | '<' | '\'') => return self.named(by_line),
            _ => {}
        }
        self.flags(by_line)
    }

    /// A group with a name: the name tells nothing in a test of a match.
    fn named(&mut self, by_line: bool) -> Result<(), Fault> {
        let mut is_named = false;
        let mut close = '>';
        for character in self.rest.by_ref() {
            match character {
                '?' | 'P' if !is_named => {}
                '<' if !is_named => is_named = true,
                '\'' if !is_named => (is_named, close) = (true, '\''),
                character if is_named && character == close => {
                    self.by_line.push(by_line);
                    self.out.push('(');
                    return Ok(());
                }
                character
                    if is_named && (character.is_ascii_alphanumeric() || character == '_') => {}
                _ => break,
            }
        }
        Err(Fault::new("bad regular expression: a group's name does not end"))
    }

    /// `(?:`, `(?i)`, `(?i-m:`: `m` is ours, the others are the crate's.
    fn flags(&mut self, mut by_line: bool) -> Result<(), Fault> {
        self.rest.next();
        let (mut on, mut off, mut is_on) = (String::new(), String::new(), true);
        let is_group = loop {
            match self.rest.next() {
                Some(':') => break true,
                Some(')') => break false,
                Some('-') if is_on => is_on = false,
                Some('m') => by_line = is_on,
                Some('x') => {
                    return Err(Fault::new("`(?x)` is not taken: give the option `x` instead"));
                }
                Some(flag @ ('i' | 's')) if is_on => on.push(flag),
                Some(flag @ ('i' | 's')) => off.push(flag),
                Some(other) => {
                    return Err(Fault::new(format!("bad regular expression: unknown `(?{other}`")));
                }
                None => return Err(Fault::new("bad regular expression: a group does not end")),
            }
        };
        let minus = if off.is_empty() { "" } else { "-" };
        if is_group {
            self.by_line.push(by_line);
            self.out.push_str(&format!("(?{on}{minus}{off}:"));
        } else {
            if let Some(last) = self.by_line.last_mut() {
                *last = by_line;
            }
            if !(on.is_empty() && off.is_empty()) {
                self.out.push_str(&format!("(?{on}{minus}{off})"));
            }
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Fault> {
        let Some(character) = self.rest.next() else {
            return Err(Fault::new("bad regular expression: it ends with a `\\`"));
        };
        match character {
            'd' => self.atom("[0-9]"),
            'D' => self.atom("[^0-9]"),
            'w' => self.atom(&format!("[{WORD}]")),
            'W' => self.atom(&format!("[^{WORD}]")),
            's' => self.atom(&format!("[{SPACE}]")),
            'S' => self.atom(&format!("[^{SPACE}]")),
            'h' => self.atom(&format!("[{HORIZONTAL}]")),
            'H' => self.atom(&format!("[^{HORIZONTAL}]")),
            'v' => self.atom(&format!("[{VERTICAL}]")),
            'V' => self.atom(&format!("[^{VERTICAL}]")),
            'N' => self.atom(r"[^\n]"),
            'R' => self.atom(r"(?:\r\n|[\n\x0b\x0c\r\x{85}\x{2028}\x{2029}])"),
            // The crate's ASCII boundary may split a character, and so is not offered in text: a
            // boundary is never inside of one, so this is the same.
            'b' => self.atom(r"(?-u:\b)"),
            'B' => return Err(Fault::new("`\\B` is not taken: write what stands around it")),
            'A' => self.atom(r"\A"),
            'z' => self.atom(r"\z"),
            'Z' => self.atom(r"(?:\n?\z)"),
            'Q' => self.quoted(),
            // The end of a quotation that was not begun.
            'E' => {}
            'G' => return Err(Fault::new("`\\G` is not taken")),
            'K' => return Err(Fault::new("`\\K` is not taken")),
            'C' | 'X' => return Err(Fault::new(format!("`\\{character}` is not taken"))),
            '1'..='9' | 'k' | 'g' => return Err(not_linear("a reference to a group")),
            'p' | 'P' => {
                return Err(Fault::new(format!(
                    "`\\{character}` is not taken: classes know ASCII only"
                )));
            }
            other => {
                let escaped = self.character(other)?;
                self.code(escaped);
            }
        }
        Ok(())
    }

    /// The character that an escape means, inside of classes and outside.
    fn character(&mut self, escape: char) -> Result<char, Fault> {
        let code = match escape {
            't' => 0x09,
            'n' => 0x0a,
            'r' => 0x0d,
            'f' => 0x0c,
            'a' => 0x07,
            'e' => 0x1b,
            '0' => self.digits(8, 2),
            'x' if self.rest.peek() == Some(&'{') => {
                self.rest.next();
                let code = self.digits(16, 8);
                if self.rest.next() != Some('}') {
                    return Err(Fault::new("bad regular expression: `\\x{` does not end"));
                }
                code
            }
            'x' => self.digits(16, 2),
            other if other.is_ascii_alphanumeric() => {
                return Err(Fault::new(format!("bad regular expression: unknown `\\{other}`")));
            }
            other => u32::from(other),
        };
        char::from_u32(code)
            .ok_or_else(|| Fault::new(format!("bad regular expression: no character {code:#x}")))
    }

    fn digits(&mut self, radix: u32, n_max: usize) -> u32 {
        let mut code = 0_u32;
        for _ in 0..n_max {
            let Some(digit) = self.rest.peek().and_then(|next| next.to_digit(radix)) else { break };
            code = code.saturating_mul(radix).saturating_add(digit);
            self.rest.next();
        }
        code
    }

    fn quoted(&mut self) {
        while let Some(character) = self.rest.next() {
            if character == '\\' && self.rest.peek() == Some(&'E') {
                self.rest.next();
                return;
            }
            self.code(character);
        }
    }

    fn class(&mut self) -> Result<(), Fault> {
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut is_first = true;
        loop {
            let Some(character) = self.rest.next() else {
                return Err(Fault::new("bad regular expression: a class does not end"));
            };
            match character {
                ']' if !is_first => break,
                '\\' => self.class_escape()?,
                '[' if self.rest.peek() == Some(&':') => self.posix()?,
                // A range is written as one, everything else by its number.
                '-' if !is_first && self.rest.peek() != Some(&']') => self.out.push('-'),
                other => {
                    let code = u32::from(other);
                    self.out.push_str(&format!(r"\x{{{code:x}}}"));
                }
            }
            is_first = false;
        }
        self.atom("]");
        Ok(())
    }

    fn class_escape(&mut self) -> Result<(), Fault> {
        let Some(character) = self.rest.next() else {
            return Err(Fault::new("bad regular expression: it ends with a `\\`"));
        };
        let text = match character {
            'd' => "0-9".to_owned(),
            'D' => "[^0-9]".to_owned(),
            'w' => WORD.to_owned(),
            'W' => format!("[^{WORD}]"),
            's' => SPACE.replace(' ', r"\x20"),
            'S' => format!("[^{}]", SPACE.replace(' ', r"\x20")),
            'h' => HORIZONTAL.replace(' ', r"\x20"),
            'H' => format!("[^{}]", HORIZONTAL.replace(' ', r"\x20")),
            'v' => VERTICAL.to_owned(),
            'V' => format!("[^{VERTICAL}]"),
            'b' => r"\x08".to_owned(),
            'E' => String::new(),
            'Q' | '1'..='9' | 'p' | 'P' => {
                return Err(Fault::new(format!("`\\{character}` in a class is not taken")));
            }
            other => {
                let code = u32::from(self.character(other)?);
                format!(r"\x{{{code:x}}}")
            }
        };
        self.out.push_str(&text);
        Ok(())
    }

    /// `[:alpha:]` and its like, which are ASCII in the crate too.
    fn posix(&mut self) -> Result<(), Fault> {
        let ahead: String = self.rest.clone().take(12).collect();
        let Some((name, _)) = ahead.get(1..).and_then(|ahead| ahead.split_once(":]")) else {
            self.out.push_str(r"\[");
            return Ok(());
        };
        let bare = name.trim_start_matches('^');
        if !bare.bytes().all(|byte| byte.is_ascii_lowercase()) {
            self.out.push_str(r"\[");
            return Ok(());
        }
        // PCRE's space and word are those of `\s` and `\w`.
        self.out.push_str(&format!("[:{name}:]"));
        self.rest.nth(name.len() + 2);
        Ok(())
    }
}
