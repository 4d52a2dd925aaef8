//! Conditions of Python as conditions of ours that are true of the same records.
//!
//! Python raises an error where a value is missing and more or less is asked of it, and an error has a
//! result of its own; ours is then just not true. So a condition becomes two: where it is true without
//! an error, and where it is false without one. An error before an `or` keeps Python from looking
//! at what stands behind, which is said here too: `a > 1 or b == 2` becomes
//! `a > 1 or a <= 1 and b == 2`.

use super::{
    python::{Expr, Relation, Value},
    watchers::Fields,
};
use crate::{config::quoted, filter::Expression, record::Field};

/// A condition, and what has another meaning in it.
#[derive(Debug, PartialEq)]
pub(super) struct Condition {
    pub text: String,
    pub changed: Vec<String>,
}

/// Our condition for an expression of Python, which has the result `on_error` when it raises one.
pub(super) fn condition(expr: &Expr, on_error: bool, fields: &Fields) -> Result<Condition, String> {
    let mut lowering = Lowering { fields, n_parts: 0, changed: Vec::new() };
    let made = match on_error {
        false => lowering.holds(expr, true)?,
        true => match lowering.is_total(expr) {
            true => lowering.holds(expr, true)?,
            false => Made::Not(Box::new(lowering.holds(expr, false)?)),
        },
    };
    let mut text = String::new();
    made.write(&mut text);
    match text.parse::<Expression>() {
        Ok(_) => Ok(Condition { text, changed: lowering.changed }),
        Err(malformed) => Err(malformed.message().to_owned()),
    }
}

/// A condition of ours that is being put together.
enum Made {
    Part(String),
    Not(Box<Made>),
    All(Vec<Made>),
    Any(Vec<Made>),
}

struct Lowering<'a> {
    fields: &'a Fields,
    n_parts: usize,
    changed: Vec<String>,
}

/// No condition has more parts: what is repeated here could be repeated again above.
const PARTS_MAX: usize = 200;

impl Lowering<'_> {
    /// Where the expression is true, or false, without an error.
    fn holds(&mut self, expr: &Expr, wanted: bool) -> Result<Made, String> {
        match expr {
            Expr::Not(inner) => self.holds(inner, !wanted),
            Expr::All(parts) => self.joined(parts, wanted, true),
            Expr::Any(parts) => self.joined(parts, wanted, false),
            Expr::Compare { left, relation, right } => {
                let relation = if wanted { *relation } else { relation.opposite() };
                self.compared(left, relation, right)
            }
            Expr::OneOf { field, values } => {
                let values = values.iter().map(|value| self.value(value, Some(field)));
                let values = values.collect::<Result<Vec<_>, _>>()?.join(", ");
                let not = if wanted { "" } else { "not " };
                let field = self.fields.path(field);
                self.part(format!("{field} {not}in [{values}]"))
            }
            Expr::Contains { text, field } => {
                let is_document =
                    ["Filter", "Update", "Options", "Labels", "Extra"].contains(&field.as_str());
                let word = if is_document { "has" } else { "contains" };
                self.asked(field, word, text, wanted)
            }
            Expr::Test { field, word, text } => self.asked(field, word, text, wanted),
        }
    }

    /// Something that is asked of a field, which must be there.
    fn asked(&mut self, field: &str, word: &str, text: &str, wanted: bool) -> Result<Made, String> {
        let field = self.fields.path(field);
        let asked = self.part(format!("{field} {word} {}", written(text)))?;
        if wanted {
            return Ok(asked);
        }
        let is_there = self.part(format!("{field} != null"))?;
        Ok(Made::All(vec![is_there, Made::Not(Box::new(asked))]))
    }

    /// Where all of the parts are true (`is_all`), or one of them; or where that is false.
    fn joined(&mut self, parts: &[Expr], wanted: bool, is_all: bool) -> Result<Made, String> {
        if wanted == is_all {
            // Each part must be looked at, and have this result.
            let parts = parts.iter().map(|part| self.holds(part, wanted));
            return Ok(Made::All(parts.collect::<Result<_, _>>()?));
        }
        // The first part that has the result decides; those before it must not have raised.
        let mut ways = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let mut way = Vec::new();
            for before in &parts[..index] {
                if !self.is_total(before) {
                    way.push(self.holds(before, !wanted)?);
                }
            }
            way.push(self.holds(part, wanted)?);
            ways.push(if way.len() == 1 { way.remove(0) } else { Made::All(way) });
        }
        Ok(Made::Any(ways))
    }

    /// Does it have a result whatever is missing?
    fn is_total(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Compare { left, relation, right } => {
                let is_calculated = |value: &Value| matches!(value, Value::Arithmetic { .. });
                matches!(relation, Relation::Equal | Relation::Unequal)
                    && !is_calculated(left)
                    && !is_calculated(right)
            }
            Expr::OneOf { .. } => true,
            Expr::Contains { .. } | Expr::Test { .. } => false,
            Expr::Not(inner) => self.is_total(inner),
            Expr::All(parts) | Expr::Any(parts) => parts.iter().all(|part| self.is_total(part)),
        }
    }

    fn compared(
        &mut self,
        left: &Value,
        relation: Relation,
        right: &Value,
    ) -> Result<Made, String> {
        let fields = (field_of(left), field_of(right));
        if let (Some(_), Some(_)) = fields
            && matches!(relation, Relation::Equal | Relation::Unequal)
        {
            // What is missing on both sides is equal in Python.
            return Err(format!("{} of two fields", quoted(relation.sign())));
        }
        let sides = (self.value(left, fields.1)?, self.value(right, fields.0)?);
        self.part(format!("{} {} {}", sides.0, relation.sign(), sides.1))
    }

    fn part(&mut self, text: String) -> Result<Made, String> {
        self.n_parts += 1;
        match self.n_parts <= PARTS_MAX {
            true => Ok(Made::Part(text)),
            false => Err(format!("more than {PARTS_MAX} comparisons")),
        }
    }

    /// A value as we write it, where it is compared with `field`.
    fn value(&mut self, value: &Value, field: Option<&str>) -> Result<String, String> {
        Ok(match value {
            Value::Field(field) => self.fields.path(field),
            Value::Text(text) => written(&self.our_name(text, field)),
            Value::Number(number) => number.clone(),
            Value::Bool(value) => value.to_string(),
            Value::None => "null".to_owned(),
            Value::Arithmetic { operator, sides } => {
                let (left, right) = (self.value(&sides.0, None)?, self.value(&sides.1, None)?);
                format!("({left} {operator} {right})")
            }
        })
    }

    /// What a text of pymongowatch is called here.
    fn our_name(&mut self, text: &str, field: Option<&str>) -> String {
        if field == Some(Field::WatcherName.name())
            && let Some(rest) = text.strip_prefix("pymongo.watcher.")
        {
            return format!("mongowatch.{rest}");
        }
        if field == Some(Field::Operation.name()) && text == "get_more" {
            let message = "`get_more` was the name of every `find`: here it is `find`";
            self.changed.push(message.to_owned());
            return "find".to_owned();
        }
        text.to_owned()
    }
}

fn field_of(value: &Value) -> Option<&str> {
    match value {
        Value::Field(field) => Some(field),
        _ => None,
    }
}

impl Made {
    fn write(&self, out: &mut String) {
        match self {
            Self::Part(text) => out.push_str(text),
            Self::Not(inner) => {
                out.push_str("not (");
                inner.write(out);
                out.push(')');
            }
            Self::All(parts) => join(parts, " and ", out),
            Self::Any(parts) => join(parts, " or ", out),
        }
    }

    const fn is_any(&self) -> bool {
        matches!(self, Self::Any(_))
    }
}

fn join(parts: &[Made], word: &str, out: &mut String) {
    for (index, part) in parts.iter().enumerate() {
        out.push_str(if index > 0 { word } else { "" });
        let needs_brackets = part.is_any() && word == " and ";
        out.push_str(if needs_brackets { "(" } else { "" });
        part.write(out);
        out.push_str(if needs_brackets { ")" } else { "" });
    }
}

impl Relation {
    const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        }
    }

    /// Where this one is false of values that can be compared.
    const fn opposite(self) -> Self {
        match self {
            Self::Equal => Self::Unequal,
            Self::Unequal => Self::Equal,
            Self::Less => Self::AtLeast,
            Self::AtMost => Self::More,
            Self::More => Self::AtMost,
            Self::AtLeast => Self::Less,
        }
    }
}

/// A text as our conditions have it.
fn written(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}
