//! What the fields of a record hold: compared with anything else, they never match.

use mongodb::bson::{Bson, Document};

use super::{Fault, Part, expression::Dimension, matcher::AT_FIELD};
use crate::record::{Field, kind_of, nearest};

/// What stands in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holds {
    Text,
    Number,
    Seconds,
    Bytes,
    Moment,
    /// A document, or a list of them.
    Document,
    /// Anything: what is checked is the record, not the expression.
    Anything,
}

impl Holds {
    /// What the field of this path holds.
    pub(super) fn of(path: &str) -> Self {
        if matches!(path.split_once('.'), Some(("Actor" | "OnBehalfOf", "Kind" | "ID" | "Name"))) {
            return Self::Text;
        }
        let field = Field::ALL.iter().find(|field| field.name() == path);
        match field {
            Some(Field::StartTime | Field::EndTime) => Self::Moment,
            Some(Field::Duration) => Self::Seconds,
            Some(Field::RequestBytes | Field::ReplyBytes | Field::FileBytes) => Self::Bytes,
            Some(
                Field::MatchedCount
                | Field::InsertedCount
                | Field::UpsertedCount
                | Field::ModifiedCount
                | Field::DeletedCount
                | Field::ErrorCode
                | Field::ReturnedCount
                | Field::FileChunks
                | Field::Batches
                | Field::Attempts
                | Field::Resumes
                | Field::TxnNumber
                | Field::ConnectionId
                | Field::ServerConnectionId
                | Field::Redacted
                | Field::Pid
                | Field::Seq,
            ) => Self::Number,
            Some(
                Field::Filter
                | Field::Update
                | Field::Options
                | Field::WriteErrors
                | Field::QueryShape
                | Field::ResumeToken
                | Field::Actor
                | Field::OnBehalfOf
                | Field::Labels
                | Field::Extra,
            ) => Self::Document,
            None
            | Some(
                Field::Iteration | Field::InsertedIds | Field::RequestIds | Field::MissingContext,
            ) => Self::Anything,
            Some(_) => Self::Text,
        }
    }

    /// May a number of this unit be compared with it?
    pub(super) const fn takes(self, dimension: Dimension) -> bool {
        match dimension {
            Dimension::Time => matches!(self, Self::Seconds | Self::Anything),
            Dimension::Size => matches!(self, Self::Bytes | Self::Anything),
        }
    }

    /// May a value be equal to what it holds, be less or more?
    pub(super) const fn fits(self, value: &Bson) -> bool {
        match value {
            // What is not there is null; these two are beyond everything.
            Bson::Null | Bson::MinKey | Bson::MaxKey => true,
            Bson::String(_) => matches!(self, Self::Text | Self::Anything),
            Bson::DateTime(_) => matches!(self, Self::Moment | Self::Anything),
            Bson::Document(_) | Bson::Array(_) => matches!(self, Self::Document | Self::Anything),
            Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_) => {
                !matches!(self, Self::Text | Self::Moment | Self::Document)
            }
            _ => matches!(self, Self::Anything),
        }
    }

    /// In words.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Seconds => "a number of seconds",
            Self::Bytes => "a number of bytes",
            Self::Moment => "a moment",
            Self::Document => "a document",
            Self::Anything => "anything",
        }
    }
}

/// Checks that a query over records compares fields with what they can hold.
///
/// # Errors
///
/// The first comparison that could never match, or always would, with its place.
pub(super) fn check(query: &Document) -> Result<(), Fault> {
    for (key, value) in query {
        let checked = match (key.as_str(), value) {
            ("$and" | "$or" | "$nor", Bson::Array(parts)) => {
                each(parts, |part| part.as_document().map_or(Ok(()), check))
            }
            _ if key.starts_with('$') => Ok(()),
            (path, value) => field(path, Holds::of(path), value),
        };
        checked.map_err(|fault| fault.within(Part::from(key.as_str())))?;
    }
    Ok(())
}

fn each(items: &[Bson], check: impl Fn(&Bson) -> Result<(), Fault>) -> Result<(), Fault> {
    let one = |(place, item)| check(item).map_err(|fault| fault.within(Part::from(place)));
    items.iter().enumerate().try_for_each(one)
}

/// Checks what stands behind the path of a field: a value, or operators.
fn field(path: &str, holds: Holds, value: &Bson) -> Result<(), Fault> {
    let operators = match value {
        Bson::Document(operators) if operators.keys().any(|key| key.starts_with('$')) => operators,
        _ => return compared(path, holds, value),
    };
    operators.iter().try_for_each(|(operator, value)| {
        let checked = match (operator.as_str(), value) {
            ("$eq" | "$ne" | "$gt" | "$gte" | "$lt" | "$lte", value) => {
                compared(path, holds, value)
            }
            ("$in" | "$nin" | "$all", Bson::Array(items)) => {
                each(items, |item| compared(path, holds, item))
            }
            ("$not", Bson::Document(_)) => field(path, holds, value),
            ("$not" | "$regex", value) => matched(path, holds, value),
            _ => Ok(()),
        };
        checked.map_err(|fault| fault.within(Part::from(operator.as_str())))
    })
}

fn compared(path: &str, holds: Holds, value: &Bson) -> Result<(), Fault> {
    if matches!(value, Bson::RegularExpression(_)) {
        return matched(path, holds, value);
    }
    if holds.fits(value) {
        return Ok(());
    }
    let hint = match (value, holds) {
        (Bson::Array(_), _) => ": did you mean `$in`?".to_owned(),
        (Bson::Document(document), _) => operator_meant(document),
        (_, Holds::Seconds) => ": expected one such as `0.1` (`when` takes units)".to_owned(),
        (_, Holds::Bytes) => ": expected one such as `1000000` (`when` takes units)".to_owned(),
        (_, Holds::Moment) => {
            ": expected one such as `{$date: \"2026-01-31T12:00:00Z\"}`".to_owned()
        }
        (_, Holds::Text) => ": a text stands in quotes".to_owned(),
        (_, Holds::Document) => format!(": name what is in it, such as `{path}.a`"),
        _ => String::new(),
    };
    let (words, found) = (holds.words(), kind_of(value));
    Err(Fault::new(format!("`{path}` is {words}, found {found}{hint}")))
}

/// Checks that a field whose text is looked at has one.
fn matched(path: &str, holds: Holds, pattern: &Bson) -> Result<(), Fault> {
    let is_text = matches!(holds, Holds::Text | Holds::Anything);
    if is_text || !matches!(pattern, Bson::String(_) | Bson::RegularExpression(_)) {
        return Ok(());
    }
    Err(Fault::new(format!("`{path}` is {}, found a regular expression", holds.words())))
}

/// The operator that a key without its `$` most likely means.
fn operator_meant(document: &Document) -> String {
    let first = document.keys().next().map_or_else(String::new, |key| format!("${key}"));
    nearest(&first, AT_FIELD.iter().copied())
        .map_or_else(String::new, |operator| format!(": did you mean `{operator}`?"))
}
