//! What a field of a record holds, as formats and filters see it.

use std::time::Duration;

use mongodb::bson::{Bson, Document, Regex};
use uuid::Uuid;

use crate::record::{Iteration, Timestamp};

/// The value of one field, borrowed from its record.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// Nothing is known.
    Missing,
    /// A name or a text.
    Str(&'a str),
    /// A count, a code or a number.
    Int(i64),
    /// A moment in UTC.
    Time(Timestamp),
    /// A span of time; written as seconds.
    Duration(Duration),
    /// The version of the record.
    Iteration(Iteration),
    /// An identity.
    Uuid(Uuid),
    /// A document, or any other BSON value.
    Bson(&'a Bson),
    /// A document.
    Document(&'a Document),
    /// A list of BSON values.
    Array(&'a [Bson]),
    /// A list of numbers.
    Ints(&'a [i32]),
    /// The writes that failed.
    WriteErrors(&'a [WriteError]),
}

impl Value<'_> {
    /// Is nothing known?
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }
}

impl From<Value<'_>> for Bson {
    /// The value as BSON of its own: a missing one is null, a moment keeps its milliseconds only
    /// (BSON has no finer date), a duration is a double of seconds.
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Missing => Self::Null,
            Value::Str(text) => text.into(),
            Value::Int(int) => int.into(),
            Value::Time(time) => Self::DateTime(mongodb::bson::DateTime::from_millis(
                time.as_micros().div_euclid(1_000),
            )),
            Value::Duration(duration) => duration.as_secs_f64().into(),
            Value::Iteration(Iteration::Update(n)) => i64::try_from(n).unwrap_or(i64::MAX).into(),
            Value::Iteration(iteration) => iteration.to_string().into(),
            Value::Uuid(uuid) => uuid.to_string().into(),
            Value::Bson(bson) => bson.clone(),
            Value::Document(document) => Self::Document(document.clone()),
            Value::Array(items) => Self::Array(items.to_vec()),
            Value::Ints(ints) => Self::Array(ints.iter().map(|int| Self::Int32(*int)).collect()),
            Value::WriteErrors(errors) => {
                Self::Array(errors.iter().map(|error| error.to_document().into()).collect())
            }
        }
    }
}

/// One write of several that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteError {
    /// The place of the write in the call, from 0.
    pub index: usize,
    /// The server's error code.
    pub code: i32,
}

impl WriteError {
    /// The write at `index` failed with `code`.
    #[must_use]
    pub const fn new(index: usize, code: i32) -> Self {
        Self { index, code }
    }

    /// The form in which the error stands in JSON and CSV.
    #[must_use]
    pub fn to_document(&self) -> Document {
        let index = i64::try_from(self.index).unwrap_or(i64::MAX);
        mongodb::bson::doc! { "index": index, "code": self.code }
    }
}

/// What a BSON value is called in a message.
pub(crate) fn kind_of(value: &Bson) -> &'static str {
    match value {
        Bson::Double(_) => "a double",
        Bson::String(_) => "a string",
        Bson::Array(_) => "an array",
        Bson::Document(_) => "a document",
        Bson::Boolean(_) => "a boolean",
        Bson::Null => "null",
        Bson::RegularExpression(_) => "a regular expression",
        Bson::JavaScriptCode(_) => "code",
        Bson::JavaScriptCodeWithScope(_) => "code with scope",
        Bson::Int32(_) | Bson::Int64(_) => "an integer",
        Bson::Timestamp(_) => "a timestamp",
        Bson::Binary(_) => "binary data",
        Bson::ObjectId(_) => "an ObjectId",
        Bson::DateTime(_) => "a date",
        Bson::Symbol(_) => "a symbol",
        Bson::Decimal128(_) => "a decimal",
        Bson::Undefined => "undefined",
        Bson::MaxKey => "MaxKey",
        Bson::MinKey => "MinKey",
        Bson::DbPointer(_) => "a DBPointer",
    }
}

/// The regular expression with another pattern; none if that holds a null byte.
pub(crate) fn with_pattern(regex: &Regex, pattern: String) -> Option<Regex> {
    /// A text is of one type in one version of BSON, of another in the next.
    fn text<T: TryFrom<String>>(text: String) -> Option<T> {
        text.try_into().ok()
    }
    Some(Regex { pattern: text(pattern)?, options: regex.options.clone() })
}
