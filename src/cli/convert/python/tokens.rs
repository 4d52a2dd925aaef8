//! Expressions of Python, cut into tokens.

use std::{iter::Peekable, str::CharIndices};

use crate::config::quoted;

/// A word, a value or a sign.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    Text(String),
    Number(String),
    Sign(&'static str),
    End,
}

impl Token {
    /// For a message.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Name(name) | Self::Number(name) => quoted(name),
            Self::Text(text) => quoted(&format!("{text:?}")),
            Self::Sign(sign) => quoted(sign),
            Self::End => "the end".to_owned(),
        }
    }
}

const SIGNS: &[&str] = &[
    "**", "//", "==", "!=", ">=", "<=", "<", ">", "(", ")", "[", "]", "{", "}", ",", ".", "+", "-",
    "*", "/",
];

/// Cuts an expression; the last token is the end.
pub(super) fn tokens(source: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut letters = source.char_indices().peekable();
    while let Some(&(at, letter)) = letters.peek() {
        if letter.is_whitespace() {
            letters.next();
        } else if letter == '\'' || letter == '"' {
            letters.next();
            tokens.push(Token::Text(text(&mut letters, letter)?));
        } else if letter.is_ascii_digit() {
            let number = taken(source, at, &mut letters, |letter| {
                letter.is_ascii_alphanumeric() || letter == '.' || letter == '_'
            });
            tokens.push(Token::Number(decimal(number)?));
        } else if letter.is_alphabetic() || letter == '_' {
            let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
            let name = taken(source, at, &mut letters, is_letter);
            if letters.peek().is_some_and(|(_, next)| matches!(next, '\'' | '"')) {
                return Err(format!("a text with {} before it", quoted(name)));
            }
            tokens.push(Token::Name(name.to_owned()));
        } else {
            let sign = SIGNS.iter().find(|sign| source[at..].starts_with(**sign));
            let Some(sign) = sign else { return Err(quoted(&letter.to_string())) };
            for _ in sign.chars() {
                letters.next();
            }
            tokens.push(Token::Sign(sign));
        }
    }
    tokens.push(Token::End);
    Ok(tokens)
}

fn taken<'a>(
    source: &'a str,
    start: usize,
    letters: &mut Peekable<CharIndices<'_>>,
    is_part: impl Fn(char) -> bool,
) -> &'a str {
    let mut end = start;
    while let Some((at, letter)) = letters.next_if(|(_, letter)| is_part(*letter)) {
        end = at + letter.len_utf8();
    }
    &source[start..end]
}

/// A number as we write it too.
fn decimal(number: &str) -> Result<String, String> {
    let plain = number.replace('_', "");
    let is_decimal = plain.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match plain.parse::<f64>() {
        Ok(value) if is_decimal && value.is_finite() && !plain.ends_with('.') => Ok(plain),
        _ => Err(format!("the number {}", quoted(number))),
    }
}

/// The rest of a text.
fn text(letters: &mut Peekable<CharIndices<'_>>, quote: char) -> Result<String, String> {
    let mut text = String::new();
    loop {
        match letters.next().map(|(_, letter)| letter) {
            None | Some('\n') => return Err("a text without its end".to_owned()),
            Some('\\') => match letters.next().map(|(_, letter)| letter) {
                Some(same @ ('\\' | '\'' | '"')) => text.push(same),
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                other => {
                    let other = other.map(String::from).unwrap_or_default();
                    return Err(format!("the escape {}", quoted(&format!("\\{other}"))));
                }
            },
            Some(end) if end == quote => {
                // Two quotes are an empty text, three begin one of several lines.
                let is_three = text.is_empty() && letters.peek().is_some_and(|(_, c)| *c == quote);
                return match is_three {
                    true => Err("a text in three quotes".to_owned()),
                    false => Ok(text),
                };
            }
            Some(letter) => text.push(letter),
        }
    }
}
