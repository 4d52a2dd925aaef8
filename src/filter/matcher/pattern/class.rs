//! The classes of a pattern: `[a-z\d]`.

use super::translate::{HORIZONTAL, SPACE, Translator, VERTICAL, WORD};
use crate::filter::Fault;

/// What stands in a class: a character, or a set of some.
enum Item {
    Character(char),
    Set(String),
}

impl Translator<'_> {
    pub(super) fn class(&mut self) -> Result<(), Fault> {
        let not = if self.rest.next_if_eq(&'^').is_some() { "^" } else { "" };
        let (mut plain, mut sets, mut has_letters) = (String::new(), String::new(), false);
        let mut is_first = true;
        while let Some(item) = self.item(is_first)? {
            is_first = false;
            match item {
                Item::Set(set) => sets.push_str(&set),
                Item::Character(from) => {
                    let to = self.range_end(from)?;
                    has_letters |= to != from || from.is_alphabetic();
                    let (from, to) = (u32::from(from), u32::from(to));
                    plain.push_str(&format!(r"\x{{{from:x}}}-\x{{{to:x}}}"));
                }
            }
        }
        // The sets are ASCII, and stay so where case is ignored, which would bring in two others.
        let text = match (self.group().ignores_case && !sets.is_empty(), has_letters, not) {
            (false, ..) => format!("[{not}{plain}{sets}]"),
            (true, false, _) => format!("(?-i:[{not}{plain}{sets}])"),
            (true, true, "") => format!("(?:[{plain}]|(?-i:[{sets}]))"),
            (true, true, _) => {
                return Err(Fault::new(
                    "a negated class of letters and sets is not taken where case is ignored",
                ));
            }
        };
        self.atom(&text);
        Ok(())
    }

    /// The end of a range that begins with this character, which is alone if there is none.
    fn range_end(&mut self, from: char) -> Result<char, Fault> {
        let mut ahead = self.rest.clone();
        if ahead.next() != Some('-') || ahead.next().is_none_or(|next| next == ']') {
            return Ok(from);
        }
        self.rest.next();
        match self.item(false)? {
            Some(Item::Character(to)) if to < from => Err(Fault::new(format!(
                "bad regular expression: the range `{from}-{to}` is reversed"
            ))),
            Some(Item::Character(to)) => Ok(to),
            Some(Item::Set(_)) => {
                Err(Fault::new("bad regular expression: a range ends with a set of characters"))
            }
            None => Ok(from),
        }
    }

    /// The next item of a class; none at its end.
    fn item(&mut self, is_first: bool) -> Result<Option<Item>, Fault> {
        let Some(character) = self.rest.next() else {
            return Err(Fault::new("bad regular expression: a class does not end"));
        };
        Ok(Some(match character {
            ']' if !is_first => return Ok(None),
            '\\' => self.class_escape()?,
            '[' => self.posix()?,
            other => Item::Character(other),
        }))
    }

    fn class_escape(&mut self) -> Result<Item, Fault> {
        let Some(character) = self.rest.next() else {
            return Err(Fault::new("bad regular expression: it ends with a `\\`"));
        };
        let space = || SPACE.replace(' ', r"\x20");
        let horizontal = || HORIZONTAL.replace(' ', r"\x20");
        Ok(Item::Set(match character {
            'd' => "0-9".to_owned(),
            'D' => "[^0-9]".to_owned(),
            'w' => WORD.to_owned(),
            'W' => format!("[^{WORD}]"),
            's' => space(),
            'S' => format!("[^{}]", space()),
            'h' => horizontal(),
            'H' => format!("[^{}]", horizontal()),
            'v' => VERTICAL.to_owned(),
            'V' => format!("[^{VERTICAL}]"),
            'b' => return Ok(Item::Character('\u{8}')),
            'Q' | 'E' | '1'..='9' | 'p' | 'P' | 'c' | 'o' | 'N' | 'R' | 'X' => {
                return Err(Fault::new(format!("`\\{character}` in a class is not taken")));
            }
            other => return self.character(other).map(Item::Character),
        }))
    }

    /// `[:alpha:]` and its like, which are ASCII in the crate too.
    fn posix(&mut self) -> Result<Item, Fault> {
        let ahead: String = self.rest.clone().take(12).collect();
        if let Some(sign @ ('.' | '=')) = ahead.chars().next()
            && ahead.get(1..).is_some_and(|rest| rest.contains(&format!("{sign}]")))
        {
            return Err(Fault::new("bad regular expression: no collating elements are known"));
        }
        let name = ahead.strip_prefix(':').and_then(|ahead| ahead.split_once(":]"));
        let Some((name, _)) = name else { return Ok(Item::Character('[')) };
        let bare = name.trim_start_matches('^');
        if !bare.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return Ok(Item::Character('['));
        }
        if !POSIX.contains(&bare) {
            return Err(Fault::new(format!("bad regular expression: unknown class `[:{name}:]`")));
        }
        self.rest.nth(name.len() + 2);
        let not = if bare.len() < name.len() { "^" } else { "" };
        let is_cased = matches!(bare, "upper" | "lower");
        let bare = if is_cased && self.group().ignores_case { "alpha" } else { bare };
        Ok(Item::Set(format!("[:{not}{bare}:]")))
    }
}

const POSIX: &[&str] = &[
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];
