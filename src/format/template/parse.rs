//! The pattern of a template, read.

use super::{Fill, Piece, Side, What};
use crate::{
    record::{Field, nearest},
    watch_error::{Error, Result},
};

/// Reads a pattern.
pub(super) fn pieces(source: &str) -> Result<Vec<Piece>> {
    Parser { source, at: 0, pieces: Vec::new() }.parse()
}

/// Reads a pattern from left to right.
struct Parser<'a> {
    source: &'a str,
    /// The byte that is next.
    at: usize,
    pieces: Vec<Piece>,
}

impl Parser<'_> {
    fn parse(mut self) -> Result<Vec<Piece>> {
        while let Some(found) = self.source[self.at..].find(['{', '}']) {
            self.text(self.at, self.at + found);
            self.at += found;
            let rest = &self.source[self.at..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                self.text(self.at, self.at + 1);
                self.at += 2;
            } else if rest.starts_with('}') {
                return Err(self.error("a single `}`: write `}}` for a brace"));
            } else {
                let end = rest.find('}').ok_or_else(|| self.error("`{` without its `}`"))?;
                let inner = self.at + 1..self.at + end;
                self.at += 1;
                let piece = self.value(&self.source[inner.clone()])?;
                self.pieces.push(piece);
                self.at = inner.end + 1;
            }
        }
        self.text(self.at, self.source.len());
        Ok(self.pieces)
    }

    fn text(&mut self, start: usize, end: usize) {
        let text = &self.source[start..end];
        match self.pieces.last_mut() {
            Some(Piece::Text(before)) => before.push_str(text),
            _ if text.is_empty() => {}
            _ => self.pieces.push(Piece::Text(text.to_owned())),
        }
    }

    /// What stands between two braces.
    fn value(&self, inner: &str) -> Result<Piece> {
        let (name, spec) = inner.split_once(':').unwrap_or((inner, ""));
        let what = self.name(name)?;
        let (fill, decimals) = parse_spec(spec)
            .ok_or_else(|| self.error(&format!("`{spec}` is not of the form `<12` or `.3`")))?;
        let what = match (what, decimals) {
            (What::Field(Field::Duration), decimals) => {
                What::Seconds { decimals: decimals.unwrap_or(6) }
            }
            (what, None) => what,
            (_, Some(_)) => {
                return Err(self.error(&format!("`{name}` has no decimals, only `Duration` has")));
            }
        };
        Ok(Piece::Value { what, fill })
    }

    fn name(&self, name: &str) -> Result<What> {
        const GROUPS: [(&str, What); 4] = [
            ("message", What::Message),
            ("watch", What::Shown),
            ("rest", What::Rest),
            ("watch.full", What::Full),
        ];
        if let Some((_, what)) = GROUPS.iter().find(|(group, _)| *group == name) {
            return Ok(*what);
        }
        if let Some(field) = Field::ALL.iter().find(|field| field.name() == name) {
            return Ok(What::Field(*field));
        }
        let known = Field::ALL.iter().map(|field| field.name());
        let hint = nearest(name, known.chain(GROUPS.map(|(group, _)| group)))
            .map_or_else(String::new, |name| format!(": did you mean `{name}`?"));
        Err(self.error(&format!("unknown field `{name}`{hint}")))
    }

    /// An error at the present place, by characters from 1.
    fn error(&self, message: &str) -> Error {
        let column = self.source[..self.at].chars().count() + 1;
        Error::invalid(format!("template, column {column}: {message}"))
    }
}

/// Reads `<12`, `.3`, `>12.3` and the like.
fn parse_spec(spec: &str) -> Option<(Fill, Option<u8>)> {
    /// No line is wider: a mistyped width does not fill the disk.
    const WIDTH_MAX: usize = 1_000;
    let (fill, decimals) = match spec.split_once('.') {
        Some((fill, decimals)) => (fill, Some(decimals)),
        None => (spec, None),
    };
    let (side, width) = match fill.chars().next() {
        Some('<') => (Side::Right, &fill[1..]),
        Some('>') => (Side::Left, &fill[1..]),
        Some('^') => (Side::Both, &fill[1..]),
        _ => (Side::Right, fill),
    };
    let fill = match width {
        "" if fill.is_empty() => Fill::NONE,
        width => Fill { side, width: width.parse().ok().filter(|width| *width <= WIDTH_MAX)? },
    };
    let decimals = match decimals {
        Some(decimals) => Some(decimals.parse().ok().filter(|decimals| *decimals <= 9)?),
        None => None,
    };
    Some((fill, decimals))
}
