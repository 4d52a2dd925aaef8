//! The three styles of Python's formats, cut into texts and places for values.

use crate::config::quoted;

/// A text, or a place for a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// An attribute of a log record, and how it is filled up: the alignment and the width, and the
    /// digits behind the point.
    Value {
        name: String,
        spec: Spec,
    },
}

/// How a value is filled up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spec {
    pub align: Option<char>,
    pub width: usize,
    pub decimals: Option<u8>,
    /// What it was, if it is not one of ours.
    pub lost: Option<String>,
}

impl Piece {
    /// An attribute as it is.
    pub(super) fn plain(name: &str) -> Self {
        Self::Value { name: name.to_owned(), spec: Spec::default() }
    }

    /// Is it this attribute?
    pub(super) fn is(&self, attribute: &str) -> bool {
        matches!(self, Self::Value { name, .. } if name == attribute)
    }
}

impl Spec {
    /// Reads what stands behind the colon: `<12`, `.3f`, `>8s`.
    fn read(spec: &str) -> Self {
        Self::known(spec).unwrap_or_else(|| Self { lost: Some(spec.to_owned()), ..Self::default() })
    }

    fn known(spec: &str) -> Option<Self> {
        /// No line of ours is wider.
        const WIDTH_MAX: usize = 1_000;
        let aligned = ['<', '>', '^'].into_iter().find_map(|align| {
            let rest = spec.strip_prefix(' ').unwrap_or(spec);
            rest.strip_prefix(align).map(|rest| (align, rest))
        });
        let (align, rest) = aligned.map_or((None, spec), |(align, rest)| (Some(align), rest));
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let (width, rest) = rest.split_at(end);
        let width = match width {
            "" => 0,
            // A zero before a number is a letter that fills up.
            width if width.starts_with('0') => return None,
            width => width.parse().ok().filter(|width| *width <= WIDTH_MAX)?,
        };
        let decimals = match rest {
            "" | "s" | "d" => None,
            _ => {
                let digits = rest.strip_prefix('.')?.strip_suffix('f')?;
                Some(digits.parse().ok().filter(|digits| *digits <= 9)?)
            }
        };
        Some(Self { align, width, decimals, lost: None })
    }
}

/// Reads pieces from left to right.
#[derive(Default)]
struct Pieces {
    done: Vec<Piece>,
    text: String,
}

impl Pieces {
    fn value(&mut self, name: &str, spec: Spec) {
        self.text_ends();
        self.done.push(Piece::Value { name: name.to_owned(), spec });
    }

    fn text_ends(&mut self) {
        if !self.text.is_empty() {
            self.done.push(Piece::Text(std::mem::take(&mut self.text)));
        }
    }

    fn end(mut self) -> Vec<Piece> {
        self.text_ends();
        self.done
    }
}

/// `{name:<12}`
pub(super) fn braces(format: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Pieces::default();
    let mut rest = format;
    while let Some(at) = rest.find(['{', '}']) {
        pieces.text.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            pieces.text.push_str(&rest[..1]);
            rest = &rest[2..];
            continue;
        }
        let inner = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let Some((inner, after)) = inner else {
            return Err(format!("found a single brace in {}", quoted(format)));
        };
        let (name, spec) = inner.split_once(':').unwrap_or((inner, ""));
        let (name, conversion) = name.split_once('!').unwrap_or((name, ""));
        if inner.contains('{') {
            return Err(format!("found braces within braces in {}", quoted(format)));
        }
        let spec = match conversion {
            "" | "s" => Spec::read(spec),
            _ => Spec { lost: Some(format!("!{conversion}")), ..Spec::read(spec) },
        };
        pieces.value(name, spec);
        rest = after;
    }
    pieces.text.push_str(rest);
    Ok(pieces.end())
}

/// `%(name)-12s`
pub(super) fn percents(format: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Pieces::default();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        pieces.text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            pieces.text.push('%');
            rest = after;
            continue;
        }
        let inner = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        let end = |rest: &str| rest.find(|letter: char| letter.is_ascii_alphabetic());
        let Some((name, after, end)) =
            inner.and_then(|(name, after)| Some((name, after, end(after)?)))
        else {
            return Err(format!("found a `%` without `(name)s` in {}", quoted(format)));
        };
        let (spec, after) = after.split_at(end + 1);
        let known = match spec.strip_prefix('-') {
            Some(width) if width.starts_with(|first: char| first.is_ascii_digit()) => {
                Spec::read(&format!("<{width}"))
            }
            _ if spec.starts_with(|first: char| first.is_ascii_digit()) => {
                Spec::read(&format!(">{spec}"))
            }
            _ => Spec::read(spec),
        };
        pieces.value(name, known);
        rest = after;
    }
    pieces.text.push_str(rest);
    Ok(pieces.end())
}

/// `${name}` and `$name`
pub(super) fn dollars(format: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Pieces::default();
    let mut rest = format;
    while let Some(at) = rest.find('$') {
        pieces.text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            pieces.text.push('$');
            rest = after;
            continue;
        }
        let (name, after) = match rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some(braced) => braced,
            None => {
                let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
                let end = rest.find(|letter| !is_letter(letter)).unwrap_or(rest.len());
                rest.split_at(end)
            }
        };
        if name.is_empty() {
            return Err(format!("found a `$` without a name in {}", quoted(format)));
        }
        pieces.value(name, Spec::default());
        rest = after;
    }
    pieces.text.push_str(rest);
    Ok(pieces.end())
}
