//! A pattern of the server's flavour, written in that of the crate.

use std::{collections::HashSet, iter::Peekable, str::Chars};

use crate::filter::Fault;

/// Why a pattern is refused that the server would take.
fn not_linear(what: &str) -> Fault {
    Fault::new(format!("{what} cannot be run in linear time, and so is not taken"))
}

/// Writes a pattern of the server's flavour in that of the crate.
pub(super) struct Translator<'p> {
    pub(super) rest: Peekable<Chars<'p>>,
    pub(super) out: String,
    is_extended: bool,
    whole: Group,
    /// The groups that are open.
    groups: Vec<Group>,
    /// Did a `$` of the end come before, in this branch?
    has_ended: bool,
    pub(super) has_line_start: bool,
    names: HashSet<String>,
    /// Can what comes before be repeated?
    is_repeatable: bool,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Group {
    /// Do `^` and `$` stand at lines?
    by_line: bool,
    pub(super) ignores_case: bool,
    /// Did a `$` come before the group, or at the end of one of its branches?
    ended_before: bool,
    any_ended: bool,
}

pub(super) const WORD: &str = "0-9A-Za-z_";
/// The spaces of `\s`.
pub(super) const SPACE: &str = r"\t\n\x0b\x0c\r ";
/// The spaces of `\h`.
pub(super) const HORIZONTAL: &str =
    r"\t \x{a0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}";
/// The line ends of `\v`.
pub(super) const VERTICAL: &str = r"\n\x0b\x0c\r\x{85}\x{2028}\x{2029}";

impl<'p> Translator<'p> {
    pub(super) fn new(source: &'p str, options: &str) -> Self {
        Self {
            rest: source.chars().peekable(),
            out: String::with_capacity(source.len() + 16),
            is_extended: options.contains('x'),
            groups: Vec::new(),
            whole: Group {
                by_line: options.contains('m'),
                ignores_case: options.contains('i'),
                ..Group::default()
            },
            has_ended: false,
            has_line_start: false,
            names: HashSet::new(),
            is_repeatable: false,
        }
    }

    pub(super) fn run(&mut self) -> Result<(), Fault> {
        while let Some(character) = self.rest.next() {
            if self.has_ended {
                self.check_end(character)?;
            }
            match character {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.open()?,
                ')' => self.close(),
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
                    let has_ended = self.has_ended;
                    let group = self.group();
                    group.any_ended |= has_ended;
                    self.has_ended = group.ended_before;
                }
                '#' if self.is_extended => self.comment()?,
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
        Ok(())
    }

    pub(super) fn atom(&mut self, text: &str) {
        self.out.push_str(text);
        self.is_repeatable = true;
    }

    pub(super) fn code(&mut self, character: char) {
        let code = u32::from(character);
        self.atom(&format!(r"\x{{{code:x}}}"));
    }

    fn comment(&mut self) -> Result<(), Fault> {
        // The server puts a pattern in parentheses: a comment must not swallow the last one.
        if self.rest.any(|character| character == '\n') {
            return Ok(());
        }
        Err(Fault::new("bad regular expression: a comment does not end with a newline"))
    }

    pub(super) fn group(&mut self) -> &mut Group {
        self.groups.last_mut().unwrap_or(&mut self.whole)
    }

    fn push_group(&mut self, mut group: Group) {
        (group.ended_before, group.any_ended) = (self.has_ended, false);
        self.groups.push(group);
    }

    fn close(&mut self) {
        if let Some(group) = self.groups.pop() {
            self.has_ended |= group.any_ended;
        }
        self.atom(")");
    }

    /// Behind the end only a newline could follow, and there is no looking back at it.
    fn check_end(&self, character: char) -> Result<(), Fault> {
        let is_end = matches!(character, ')' | '|' | '$' | '?')
            || (character == '\\' && self.rest.clone().next() == Some('Z'));
        if is_end { Ok(()) } else { Err(Fault::new("what follows a `$` of the end is not taken")) }
    }

    fn anchor(&mut self, character: char) {
        let by_line = self.group().by_line;
        let text = match (character, by_line) {
            ('^', false) => r"\A",
            ('^', true) => "(?m:^)",
            (_, true) => "(?m:$)",
            // There is no looking ahead: a last newline is eaten, which no test of a match tells.
            (_, false) => r"(?:\n?\z)",
        };
        self.has_line_start |= character == '^' && by_line;
        self.has_ended |= character == '$' && !by_line;
        self.out.push_str(text);
        self.is_repeatable = false;
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
        let group = *self.group();
        let ahead: String = self.rest.clone().take(3).collect();
        if ahead.starts_with('*') {
            return Err(not_linear("a verb such as `(*SKIP)`"));
        }
        self.is_repeatable = false;
        if !ahead.starts_with('?') {
            self.push_group(group);
            self.out.push('(');
            return Ok(());
        }
        let kind = ahead.get(1..).unwrap_or_default();
        match kind.chars().next() {
            Some('#') => {
                if self.rest.any(|character| character == ')') {
                    return Ok(());
                }
                return Err(Fault::new("bad regular expression: a comment does not end"));
            }
            Some('=' | '!') => return Err(not_linear("looking ahead")),
            Some('<') if kind.starts_with("<=") || kind.starts_with("<!") => {
                return Err(not_linear("looking behind"));
            }
            Some('>') => return Err(not_linear("an atomic group")),
            Some('(') => return Err(not_linear("a conditional group")),
            Some('|') => {
                return Err(Fault::new("`(?|`, for groups of the same number, is not taken"));
            }
            Some('R' | '&' | '0'..='9' | '+') => return Err(not_linear("a recursive group")),
            Some('P') if kind.starts_with("P>") || kind.starts_with("P=") => {
                return Err(not_linear("a reference to a group"));
            }
            Some('P' | '<' | '\'') => return self.named(group),
            _ => {}
        }
        self.flags(group)
    }

    /// A group with a name: the name tells nothing in a test of a match.
    fn named(&mut self, group: Group) -> Result<(), Fault> {
        let (mut is_named, mut name) = (false, String::new());
        let mut close = '>';
        for character in self.rest.by_ref() {
            match character {
                '?' | 'P' if !is_named => {}
                '<' if !is_named => is_named = true,
                '\'' if !is_named => (is_named, close) = (true, '\''),
                character if is_named && character == close && !name.is_empty() => {
                    if !self.names.insert(name.clone()) {
                        return Err(Fault::new(format!(
                            "bad regular expression: two groups of the name `{name}`"
                        )));
                    }
                    self.push_group(group);
                    self.out.push('(');
                    return Ok(());
                }
                '0'..='9' if name.is_empty() => break,
                '0'..='9' | 'a'..='z' | 'A'..='Z' | '_' if is_named => name.push(character),
                _ => break,
            }
        }
        Err(Fault::new("bad regular expression: a group's name is wrong or does not end"))
    }

    /// `(?:`, `(?i)`, `(?i-m:`: `m` is ours, the others are the crate's.
    fn flags(&mut self, mut group: Group) -> Result<(), Fault> {
        self.rest.next();
        let (mut on, mut off, mut is_on) = (String::new(), String::new(), true);
        let is_group = loop {
            match self.rest.next() {
                Some(':') => break true,
                Some(')') => break false,
                Some('-') if is_on => is_on = false,
                Some('m') => group.by_line = is_on,
                Some('x') => {
                    return Err(Fault::new("`(?x)` is not taken: give the option `x` instead"));
                }
                Some(flag @ ('i' | 's')) => {
                    if is_on { &mut on } else { &mut off }.push(flag);
                    if flag == 'i' {
                        group.ignores_case = is_on;
                    }
                }
                Some(flag @ ('U' | 'J')) => {
                    return Err(Fault::new(format!("`(?{flag})` is not taken")));
                }
                Some(other) => {
                    return Err(Fault::new(format!("bad regular expression: unknown `(?{other}`")));
                }
                None => return Err(Fault::new("bad regular expression: a group does not end")),
            }
        };
        let minus = if off.is_empty() { "" } else { "-" };
        if is_group {
            self.push_group(group);
            self.out.push_str(&format!("(?{on}{minus}{off}:"));
        } else {
            let last = self.group();
            (last.by_line, last.ignores_case) = (group.by_line, group.ignores_case);
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
            'w' => self.atom(&format!("(?-i:[{WORD}])")),
            'W' => self.atom(&format!("(?-i:[^{WORD}])")),
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
            'Z' => {
                self.has_ended = true;
                self.atom(r"(?:\n?\z)");
            }
            'Q' => self.quoted()?,
            // The end of a quotation that was not begun.
            'E' => {}
            'G' => return Err(Fault::new("`\\G` is not taken")),
            'K' => return Err(Fault::new("`\\K` is not taken")),
            'C' | 'X' | 'c' | 'o' | 'y' | 'i' | 'j' | 'm' | 'q' | 'Y' | 'I' | 'J' | 'M' | 'O'
            | 'T' | 'F' => return Err(Fault::new(format!("`\\{character}` is not taken"))),
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
    pub(super) fn character(&mut self, escape: char) -> Result<char, Fault> {
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
                if self.rest.peek() == Some(&'}') {
                    return Err(Fault::new(r"bad regular expression: `\x{}` has no digits"));
                }
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

    fn quoted(&mut self) -> Result<(), Fault> {
        while let Some(character) = self.rest.next() {
            if character == '\\' && self.rest.peek() == Some(&'E') {
                self.rest.next();
                return Ok(());
            }
            self.code(character);
        }
        Err(Fault::new("bad regular expression: `\\Q` without an `\\E`"))
    }
}
