//! A BSON value that is borrowed, from a document or from a record, and the order of such values.

use std::cmp::Ordering;

use mongodb::bson::{Binary, Bson, Document};

use super::number::{self, Number};

/// How deep two values are compared. The server stores nothing that is nested deeper; what lies
/// deeper in a value that was never stored counts as equal.
pub(super) const COMPARED_DEPTH_MAX: usize = 200;

/// A value, borrowed. The common kinds of a record's fields come without an allocation.
#[derive(Clone, Copy, Debug)]
pub(super) enum View<'a> {
    Document(&'a Document),
    Array(&'a [Bson]),
    Str(&'a str),
    Int32(i32),
    Int64(i64),
    Double(f64),
    /// A date in microseconds: a record's times are finer than BSON's.
    Micros(i64),
    /// Any other value.
    Other(&'a Bson),
}

/// The types that compare with each other, in the order of BSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    MinKey,
    Undefined,
    Null,
    Number,
    Text,
    Document,
    Array,
    Binary,
    ObjectId,
    Bool,
    Date,
    Timestamp,
    Regex,
    DbPointer,
    Code,
    CodeWithScope,
    MaxKey,
}

impl<'a> From<&'a Bson> for View<'a> {
    fn from(value: &'a Bson) -> Self {
        match value {
            Bson::Document(document) => Self::Document(document),
            Bson::Array(items) => Self::Array(items),
            Bson::String(text) | Bson::Symbol(text) => match value {
                Bson::Symbol(_) => Self::Other(value),
                _ => Self::Str(text),
            },
            Bson::Int32(int) => Self::Int32(*int),
            Bson::Int64(int) => Self::Int64(*int),
            Bson::Double(double) => Self::Double(*double),
            other => Self::Other(other),
        }
    }
}

impl<'a> View<'a> {
    /// The class of types that the value is compared within.
    pub(super) const fn class(self) -> Class {
        match self {
            Self::Document(_) => Class::Document,
            Self::Array(_) => Class::Array,
            Self::Str(_) => Class::Text,
            Self::Int32(_) | Self::Int64(_) | Self::Double(_) => Class::Number,
            Self::Micros(_) => Class::Date,
            Self::Other(other) => match other {
                Bson::Symbol(_) | Bson::String(_) => Class::Text,
                Bson::Decimal128(_) | Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) => {
                    Class::Number
                }
                Bson::Null => Class::Null,
                Bson::Undefined => Class::Undefined,
                Bson::Boolean(_) => Class::Bool,
                Bson::DateTime(_) => Class::Date,
                Bson::ObjectId(_) => Class::ObjectId,
                Bson::Timestamp(_) => Class::Timestamp,
                Bson::Binary(_) => Class::Binary,
                Bson::RegularExpression(_) => Class::Regex,
                Bson::JavaScriptCode(_) => Class::Code,
                Bson::JavaScriptCodeWithScope(_) => Class::CodeWithScope,
                Bson::DbPointer(_) => Class::DbPointer,
                Bson::MinKey => Class::MinKey,
                Bson::MaxKey => Class::MaxKey,
                Bson::Document(_) => Class::Document,
                Bson::Array(_) => Class::Array,
            },
        }
    }

    /// The number, if it is one.
    pub(super) fn number(self) -> Option<Number> {
        match self {
            Self::Int32(int) => Some(Number::Int(int.into())),
            Self::Int64(int) => Some(Number::Int(int)),
            Self::Double(double) => Some(Number::Double(double)),
            Self::Other(Bson::Decimal128(decimal)) => {
                Some(Number::Decimal(u128::from_le_bytes(decimal.bytes())))
            }
            _ => None,
        }
    }

    /// The text of a string or a symbol.
    pub(super) fn text(self) -> Option<&'a str> {
        match self {
            Self::Str(text) => Some(text),
            Self::Other(Bson::Symbol(text)) => Some(text),
            _ => None,
        }
    }

    /// The date in microseconds.
    fn micros(self) -> Option<i128> {
        match self {
            Self::Micros(micros) => Some(micros.into()),
            Self::Other(Bson::DateTime(date)) => Some(i128::from(date.timestamp_millis()) * 1_000),
            _ => None,
        }
    }

    /// The value as BSON of its own.
    pub(super) fn to_bson(self) -> Bson {
        match self {
            Self::Document(document) => Bson::Document(document.clone()),
            Self::Array(items) => Bson::Array(items.to_vec()),
            Self::Str(text) => Bson::String(text.to_owned()),
            Self::Int32(int) => Bson::Int32(int),
            Self::Int64(int) => Bson::Int64(int),
            Self::Double(double) => Bson::Double(double),
            Self::Micros(micros) => {
                Bson::DateTime(mongodb::bson::DateTime::from_millis(micros.div_euclid(1_000)))
            }
            Self::Other(other) => other.clone(),
        }
    }
}

/// The order of two values, as the server sorts them.
pub(super) fn compare(left: View<'_>, right: View<'_>) -> Ordering {
    compare_to_depth(left, right, COMPARED_DEPTH_MAX)
}

fn compare_to_depth(left: View<'_>, right: View<'_>, depth: usize) -> Ordering {
    if let (View::Str(left), View::Str(right)) = (left, right) {
        return left.as_bytes().cmp(right.as_bytes());
    }
    let class = left.class();
    class.cmp(&right.class()).then_with(|| same_class(left, right, depth))
}

/// The order of two values of which is known that they are of the same class.
pub(super) fn compare_within_class(left: View<'_>, right: View<'_>) -> Ordering {
    match (left, right) {
        (View::Str(left), View::Str(right)) => left.as_bytes().cmp(right.as_bytes()),
        _ => same_class(left, right, COMPARED_DEPTH_MAX),
    }
}

/// The order of two values of the same class.
fn same_class(left: View<'_>, right: View<'_>, depth: usize) -> Ordering {
    if let (Some(left), Some(right)) = (left.number(), right.number()) {
        return number::compare(left, right);
    }
    if let (Some(left), Some(right)) = (left.text(), right.text()) {
        return left.as_bytes().cmp(right.as_bytes());
    }
    if let (Some(left), Some(right)) = (left.micros(), right.micros()) {
        return left.cmp(&right);
    }
    match (left, right) {
        (View::Document(left), View::Document(right)) => documents(left, right, depth),
        (View::Array(left), View::Array(right)) => arrays(left, right, depth),
        (View::Other(left), View::Other(right)) => others(left, right, depth),
        _ => Ordering::Equal,
    }
}

/// Documents are compared pair by pair: the classes first, then the names, then the values.
fn documents(left: &Document, right: &Document, depth: usize) -> Ordering {
    let Some(depth) = depth.checked_sub(1) else { return Ordering::Equal };
    for ((left_name, left), (right_name, right)) in left.iter().zip(right) {
        let (left, right) = (View::from(left), View::from(right));
        let order = left
            .class()
            .cmp(&right.class())
            .then_with(|| left_name.as_bytes().cmp(right_name.as_bytes()))
            .then_with(|| same_class(left, right, depth));
        if order.is_ne() {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

fn arrays(left: &[Bson], right: &[Bson], depth: usize) -> Ordering {
    let Some(depth) = depth.checked_sub(1) else { return Ordering::Equal };
    for (left, right) in left.iter().zip(right) {
        let order = compare_to_depth(left.into(), right.into(), depth);
        if order.is_ne() {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

fn others(left: &Bson, right: &Bson, depth: usize) -> Ordering {
    match (left, right) {
        (Bson::Boolean(left), Bson::Boolean(right)) => left.cmp(right),
        (Bson::ObjectId(left), Bson::ObjectId(right)) => left.bytes().cmp(&right.bytes()),
        (Bson::Timestamp(left), Bson::Timestamp(right)) => {
            (left.time, left.increment).cmp(&(right.time, right.increment))
        }
        (Bson::Binary(left), Bson::Binary(right)) => binaries(left, right),
        (Bson::RegularExpression(left), Bson::RegularExpression(right)) => {
            let order = left.pattern.as_str().cmp(right.pattern.as_str());
            order.then_with(|| left.options.as_str().cmp(right.options.as_str()))
        }
        (Bson::JavaScriptCode(left), Bson::JavaScriptCode(right)) => {
            left.as_bytes().cmp(right.as_bytes())
        }
        (Bson::JavaScriptCodeWithScope(left), Bson::JavaScriptCodeWithScope(right)) => left
            .code
            .as_bytes()
            .cmp(right.code.as_bytes())
            .then_with(|| documents(&left.scope, &right.scope, depth)),
        (Bson::DbPointer(_), Bson::DbPointer(_)) => pointer(left).cmp(&pointer(right)),
        _ => Ordering::Equal,
    }
}

/// Binaries are compared by their length, their subtype, and only then by their bytes.
fn binaries(left: &Binary, right: &Binary) -> Ordering {
    left.bytes
        .len()
        .cmp(&right.bytes.len())
        .then_with(|| u8::from(left.subtype).cmp(&u8::from(right.subtype)))
        .then_with(|| left.bytes.cmp(&right.bytes))
}

/// What a pointer of old versions is compared by: its fields are reached through Extended JSON only.
fn pointer(value: &Bson) -> (usize, String) {
    let text = value.to_string();
    (text.len(), text)
}
