//! The text of a path, read.

use super::{FieldPath, Kind, Step};
use crate::record::{Field, nearest};

/// What is wrong with a path, and where, by characters from 1.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) column: usize,
    pub(super) message: String,
}

/// One part of a path, between two dots.
struct Part {
    column: usize,
    text: String,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    /// In backticks: a key, whatever stands in it.
    Quoted,
}

/// Reads a path.
pub(super) fn path(source: &str) -> Result<(Option<Field>, Vec<Step>), Wrong> {
    if source.len() > FieldPath::LENGTH_MAX {
        return Err(wrong(1, format!("longer than {} bytes", FieldPath::LENGTH_MAX)));
    }
    let parts = parts(source)?;
    if let Some(part) = parts.get(FieldPath::PARTS_MAX) {
        return Err(wrong(part.column, format!("more than {} parts", FieldPath::PARTS_MAX)));
    }
    let Some((root, below)) = parts.split_first() else {
        return Err(wrong(1, "expected the name of a field, such as `Filter`"));
    };
    let mut steps: Vec<Step> = below.iter().map(step).collect();
    let any = step(root);
    if root.form == Form::Plain && any != Step::Key(root.text.clone()) {
        if below.is_empty() {
            let message = format!("`{}` alone names everything: name the fields", root.text);
            return Err(wrong(root.column, message));
        }
        if any == Step::AnyDepth {
            steps.insert(0, any);
        }
        return Ok((None, steps));
    }
    let field = field(&root.text).map_err(|message| wrong(root.column, message))?;
    check_below(field, below)?;
    Ok((Some(field), steps))
}

fn wrong(column: usize, message: impl Into<String>) -> Wrong {
    Wrong { column, message: message.into() }
}

fn step(part: &Part) -> Step {
    match (part.form, part.text.as_str()) {
        (Form::Plain, "*") => Step::AnyKey,
        (Form::Plain, "**") => Step::AnyDepth,
        _ => Step::Key(part.text.clone()),
    }
}

/// Cuts a path at its dots.
fn parts(source: &str) -> Result<Vec<Part>, Wrong> {
    let chars: Vec<char> = source.chars().collect();
    let mut parts = Vec::new();
    let mut at = 0;
    loop {
        let column = at + 1;
        let mut text = String::new();
        let form = if chars.get(at) == Some(&'`') { Form::Quoted } else { Form::Plain };
        if form == Form::Quoted {
            at = quoted(&chars, at + 1, &mut text)
                .ok_or_else(|| wrong(column, "a backtick without its second one"))?;
        } else {
            while let Some(letter) = chars.get(at).filter(|letter| **letter != '.') {
                text.push(*letter);
                at += 1;
            }
            if text.is_empty() {
                return Err(wrong(column, "expected a name"));
            }
        }
        parts.push(Part { column, text, form });
        match chars.get(at) {
            None => return Ok(parts),
            Some('.') => at += 1,
            Some(other) => {
                return Err(wrong(at + 1, format!("expected `.` or the end, found `{other}`")));
            }
        }
    }
}

/// Reads up to the closing backtick, and says where it goes on.
fn quoted(chars: &[char], mut at: usize, text: &mut String) -> Option<usize> {
    loop {
        match (chars.get(at)?, chars.get(at + 1)) {
            ('`', Some('`')) => {
                text.push('`');
                at += 2;
            }
            ('`', _) => return Some(at + 1),
            (letter, _) => {
                text.push(*letter);
                at += 1;
            }
        }
    }
}

/// The field of this name, or what to say of it.
fn field(name: &str) -> Result<Field, String> {
    let names = || Field::ALL.iter().map(|field| field.name());
    if let Some(field) = Field::ALL.iter().find(|field| field.name() == name) {
        return Ok(*field);
    }
    Err(match nearest(name, names()) {
        Some(near) => format!("unknown field `{name}`: did you mean `{near}`?"),
        None => {
            format!("unknown field `{name}`: fields of your own are under `Extra`: `Extra.{name}`")
        }
    })
}

/// Only documents have something below them.
fn check_below(field: Field, below: &[Part]) -> Result<(), Wrong> {
    const ACTOR: [&str; 3] = ["Kind", "ID", "Name"];
    let Some(first) = below.first() else { return Ok(()) };
    match Kind::of(field) {
        Kind::Open => Ok(()),
        Kind::Actor => {
            if step(first) == Step::Key(first.text.clone()) && !ACTOR.contains(&&*first.text) {
                let hint = nearest(&first.text, ACTOR)
                    .map_or_else(String::new, |near| format!(": did you mean `{near}`?"));
                let message =
                    format!("`{field}` has `Kind`, `ID` and `Name`, not `{}`{hint}", first.text);
                return Err(wrong(first.column, message));
            }
            match below.get(1) {
                Some(second) if step(first) != Step::AnyDepth => {
                    let message = format!("nothing is below `{field}.{}`", first.text);
                    Err(wrong(second.column, message))
                }
                _ => Ok(()),
            }
        }
        _ => Err(wrong(first.column, format!("`{field}` is no document: nothing is below it"))),
    }
}
