//! The expressions of `$expr`: values out of values, by the rules of the aggregation language.
//!
//! An expression is bounded by its depth and size, like the query it stands in. Where the server would
//! fail the query (a division by zero), an expression has a [`Failure`].

mod arithmetic;
mod compile;
mod functions;

use std::{cmp::Ordering, fmt};

use mongodb::bson::{Bson, Document};

pub(super) use self::compile::expression;
use self::functions::Function;
use super::{
    path::Source,
    view::{Class, View, compare},
};
use crate::record::{Field, Value};

/// A compiled expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    Constant(Bson),
    Path(Start, Vec<String>),
    Array(Vec<Expr>),
    Object(Vec<(String, Expr)>),
    Call(Function, Vec<Expr>),
}

/// Where a path begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Field(Field),
    Name(String),
    /// The whole record or document.
    Root,
}

/// Why an expression has no value for one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub(super) &'static str);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Failure {}

/// A value: borrowed where it can be.
#[derive(Clone, Debug)]
pub(super) enum Operand<'a> {
    Missing,
    Borrowed(View<'a>),
    Owned(Bson),
}

impl<'a> Operand<'a> {
    pub(super) fn view(&self) -> Option<View<'_>> {
        match self {
            Self::Missing => None,
            Self::Borrowed(view) => Some(*view),
            Self::Owned(bson) => Some(bson.into()),
        }
    }

    fn into_bson(self) -> Option<Bson> {
        match self {
            Self::Missing => None,
            Self::Borrowed(view) => Some(view.to_bson()),
            Self::Owned(bson) => Some(bson),
        }
    }

    /// Is it null, undefined or missing?
    pub(super) fn is_nullish(&self) -> bool {
        self.view().is_none_or(|view| matches!(view.class(), Class::Null | Class::Undefined))
    }

    fn is_true(&self) -> bool {
        !self.is_nullish()
            && self.view().is_some_and(|view| match view {
                View::Other(Bson::Boolean(is_true)) => *is_true,
                // NaN is not zero, and so is true.
                _ => view.number().is_none_or(|number| !number.is_zero()),
            })
    }

    /// The order of the aggregation language: all types have a place in it, and so has nothing.
    pub(super) fn compare(&self, other: &Operand<'_>) -> Ordering {
        match (self.view(), other.view()) {
            (Some(left), Some(right)) => compare(left, right),
            (None, None) => Ordering::Equal,
            (None, Some(right)) => nothing(right),
            (Some(left), None) => nothing(left).reverse(),
        }
    }

    fn from_field(value: Value<'a>) -> Self {
        Self::Borrowed(match value {
            Value::Missing => return Self::Missing,
            Value::Str(text) => View::Str(text),
            Value::Int(int) => View::Int64(int),
            Value::Time(time) => View::Micros(time.as_micros()),
            Value::Duration(duration) => View::Double(duration.as_secs_f64()),
            Value::Bson(bson) => View::from(bson),
            Value::Document(document) => View::Document(document),
            Value::Array(items) => View::Array(items),
            rare => return Self::Owned(rare.into()),
        })
    }
}

/// Nothing compares as undefined does.
fn nothing(other: View<'_>) -> Ordering {
    Class::Undefined.cmp(&other.class())
}

impl Expr {
    pub(super) fn is_true(&self, source: Source<'_>) -> Result<bool, Failure> {
        self.value(source).map(|value| value.is_true())
    }

    /// The value for one record or document.
    pub(super) fn value<'a>(&'a self, source: Source<'a>) -> Result<Operand<'a>, Failure> {
        Ok(match self {
            Self::Constant(constant) => Operand::Borrowed(constant.into()),
            Self::Path(start, names) => along(begin(start, source), names),
            Self::Array(items) => {
                let mut array = Vec::with_capacity(items.len());
                for item in items {
                    array.push(item.value(source)?.into_bson().unwrap_or(Bson::Null));
                }
                Operand::Owned(Bson::Array(array))
            }
            Self::Object(fields) => {
                let mut document = Document::new();
                for (name, field) in fields {
                    if let Some(value) = field.value(source)?.into_bson() {
                        document.insert(name.clone(), value);
                    }
                }
                Operand::Owned(Bson::Document(document))
            }
            Self::Call(function, arguments) => function.call(arguments, source)?,
        })
    }
}

fn begin<'a>(start: &Start, source: Source<'a>) -> Operand<'a> {
    match (start, source) {
        (Start::Field(field), Source::Record(record)) => Operand::from_field(record.get(*field)),
        (Start::Name(name), Source::Document(document)) => named(document, name),
        (Start::Root, Source::Record(record)) => {
            Operand::Owned(Bson::Document(super::to_document(record)))
        }
        (Start::Root, Source::Document(document)) => Operand::Borrowed(View::Document(document)),
        _ => Operand::Missing,
    }
}

fn named<'a>(document: &'a Document, name: &str) -> Operand<'a> {
    document.get(name).map_or(Operand::Missing, |value| Operand::Borrowed(value.into()))
}

/// Follows names: an array on the way gives the array of what its documents have. A number is a name.
fn along<'a>(value: Operand<'a>, names: &[String]) -> Operand<'a> {
    let Some((name, rest)) = names.split_first() else { return value };
    match value {
        Operand::Borrowed(View::Document(document)) => along(named(document, name), rest),
        Operand::Borrowed(View::Array(items)) => {
            let documents = items.iter().filter_map(|item| match item {
                Bson::Document(document) => along(named(document, name), rest).into_bson(),
                _ => None,
            });
            Operand::Owned(Bson::Array(documents.collect()))
        }
        Operand::Owned(owned) => along(Operand::Borrowed((&owned).into()), names)
            .into_bson()
            .map_or(Operand::Missing, Operand::Owned),
        _ => Operand::Missing,
    }
}
