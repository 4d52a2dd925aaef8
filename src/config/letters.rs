//! Where the letters of a text stand in the file, whichever way it is written there.

use super::tree::Place;

/// The place of a letter of `text`, counted from 0, that stands at `place` as `spelling`: plain, in
/// quotes, or as a block (`|`, `>`). `None` if it cannot be told.
pub(super) fn place_of(letter: usize, text: &str, spelling: &str, place: Place) -> Option<Place> {
    let quote = spelling.chars().next().filter(|first| ['\'', '"', '|', '>'].contains(first));
    let is_block = matches!(quote, Some('|' | '>'));
    // The first line of a block says how the rest is to be read.
    let before =
        if is_block { spelling.find(['\n', '\r'])? + 1 } else { quote.map_or(0, char::len_utf8) };
    let mut walk = Walk { spelling, at: before, quote: quote.filter(|_| !is_block) };
    let mut letters = text.chars();
    for _ in 0..letter {
        walk.pass(letters.next()?)?;
    }
    // Of what is missing at the end, the place behind the last letter.
    if let Some(next) = letters.next() {
        walk.reach(next)?;
    }
    walk.place(place)
}

/// Goes along the spelling of a text, letter by letter of the text.
struct Walk<'a> {
    spelling: &'a str,
    /// In bytes.
    at: usize,
    quote: Option<char>,
}

impl Walk<'_> {
    fn rest(&self) -> Option<&str> {
        self.spelling.get(self.at..)
    }

    /// Comes to where this letter stands.
    fn reach(&mut self, letter: char) -> Option<()> {
        loop {
            let rest = self.rest()?;
            let found = rest.chars().next()?;
            if found == letter || (found == '\\' && self.quote == Some('"')) {
                let is_fold =
                    rest.strip_prefix('\\').is_some_and(|rest| rest.starts_with(['\n', '\r']));
                if !is_fold {
                    return Some(());
                }
            } else if !found.is_whitespace() {
                // White space that a line break stands for has been passed already.
                return letter.is_whitespace().then_some(());
            } else if letter.is_whitespace() {
                return Some(());
            }
            // Line breaks and indentation.
            self.at += found.len_utf8();
        }
    }

    /// Goes behind this letter.
    fn pass(&mut self, letter: char) -> Option<()> {
        self.reach(letter)?;
        let rest = self.rest()?;
        let found = rest.chars().next()?;
        self.at += match found {
            '\\' if self.quote == Some('"') => escape(rest)?,
            '\'' if self.quote == Some('\'') && found == letter => 2,
            _ if found == letter => found.len_utf8(),
            // Of a line break, all of it.
            _ if found.is_whitespace() => rest.len() - rest.trim_start().len(),
            _ => 0,
        };
        Some(())
    }

    fn place(&self, start: Place) -> Option<Place> {
        let before = with_line_feeds(self.spelling.get(..self.at)?);
        let n_letters = |text: &str| text.chars().count() as u64;
        Some(match before.rsplit_once('\n') {
            Some((lines, last)) => Place {
                line: start.line + lines.matches('\n').count() as u64 + 1,
                column: n_letters(last) + 1,
            },
            None => Place { column: start.column + n_letters(&before), ..start },
        })
    }
}

/// The text with a line feed for each line break, of which YAML knows three:
/// <https://yaml.org/spec/1.2.2/#54-line-break-characters>.
pub(super) fn with_line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// The length of an escape sequence in double quotes.
fn escape(text: &str) -> Option<usize> {
    let length = match text.chars().nth(1)? {
        'x' => 4,
        'u' => 6,
        'U' => 10,
        other => 1 + other.len_utf8(),
    };
    (length <= text.len()).then_some(length)
}
