//! Texts without what regular expressions quote and leave open: `ada@example[.]com` is
//! `ada@example.com`, and `4111[ -]?1111` is `4111 1111`.

use std::{iter::Peekable, str::Chars};

/// The text as it is meant, if that is another one. A backslash may stand before a letter of a quoted
/// text too.
pub(super) fn bare(text: &str) -> Option<String> {
    if !text.contains(['\\', '[', '?', '*', '+']) {
        return None;
    }
    let mut bare = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '[' => match class(&letters) {
                Some((first, n_letters)) => {
                    letters.nth(n_letters - 1);
                    bare.push(first);
                    skip_number(&mut letters);
                }
                None => bare.push(letter),
            },
            '\\' => {
                // White space between the groups of a number.
                let is_space = letters.peek() == Some(&'s') && ends_with_digit(&bare);
                if is_space {
                    letters.next();
                    bare.push(' ');
                    skip_number(&mut letters);
                }
            }
            ' ' | '-' | '.' if ends_with_digit(&bare) => {
                bare.push(letter);
                skip_number(&mut letters);
            }
            _ => bare.push(letter),
        }
    }
    (bare != text).then_some(bare)
}

/// The first of the letters in brackets that each stand between the parts of a value, and how many
/// letters it takes up to the bracket that closes.
fn class(rest: &Peekable<Chars<'_>>) -> Option<(char, usize)> {
    /// No class of these is longer; so each letter is looked at a few times at most.
    const MAX: usize = 16;
    let mut first = None;
    let mut is_quoted = false;
    for (place, letter) in rest.clone().take(MAX).enumerate() {
        let meant = match letter {
            ']' if !is_quoted => return first.map(|first| (first, place + 1)),
            '\\' if !is_quoted => {
                is_quoted = true;
                continue;
            }
            's' | 't' if is_quoted => ' ',
            ' ' | '-' | '.' | '_' | '/' | '@' | '\u{a0}' => letter,
            _ => return None,
        };
        is_quoted = false;
        first = first.or(Some(meant));
    }
    None
}

/// Steps over the sign that says how often the letter before it may stand.
fn skip_number(letters: &mut Peekable<Chars<'_>>) {
    letters.next_if(|letter| matches!(letter, '?' | '*' | '+'));
}

fn ends_with_digit(text: &str) -> bool {
    text.ends_with(|letter: char| letter.is_ascii_digit())
}
