//! The options of a call as they stand in a record: a document with the server's names.

use std::time::Duration;

use mongodb::{
    bson::{Bson, Document, Timestamp},
    change_stream::event::ResumeToken,
    options::{SelectionCriteria, *},
};
use serde::Serialize;

use crate::record::server_name;

/// Adds one option, which the driver calls `name`, to the document.
pub(super) fn option(document: &mut Document, name: &str, value: &impl Describe) {
    let value = match (name, value.describe()) {
        // The only option whose name says another unit than milliseconds.
        ("expire_after_seconds", Bson::Int64(millis)) => Bson::Int64(millis / 1_000),
        (_, value) => value,
    };
    document.insert(server_name(name), value);
}

/// A value of the application's or the driver's as BSON, in a way that both versions of `bson` know.
///
/// What cannot be serialized is not in the record: the driver's error, which follows, tells why.
pub(super) fn serialized(value: &(impl Serialize + ?Sized)) -> Option<Bson> {
    value.serialize(mongodb::bson::Serializer::new()).ok()
}

/// A value that is written as a document; an empty one if it is not.
pub(super) fn serialized_document(value: &impl Serialize) -> Document {
    match serialized(value) {
        Some(Bson::Document(document)) => document,
        _ => Document::new(),
    }
}

/// The value of an option as BSON.
pub(super) trait Describe {
    fn describe(&self) -> Bson;
}

/// Options that go as they are.
macro_rules! describe_as_is {
    ($($type:ty),*) => {$(
        impl Describe for $type {
            fn describe(&self) -> Bson {
                self.clone().into()
            }
        }
    )*};
}

/// Options that the driver itself can serialize.
macro_rules! describe_by_serde {
    ($($type:ty),*) => {$(
        impl Describe for $type {
            fn describe(&self) -> Bson {
                // Such an option cannot fail to serialize, or the driver's command would too.
                serialized(self).unwrap_or(Bson::Null)
            }
        }
    )*};
}

describe_as_is!(bool, i32, i64, u32, String, Document, Bson, Vec<Document>, Timestamp);
describe_by_serde!(
    Collation,
    Hint,
    ReadConcern,
    WriteConcern,
    CommitQuorum,
    ValidationLevel,
    ValidationAction,
    IndexOptionDefaults,
    TimeseriesOptions,
    ChangeStreamPreAndPostImages,
    ClusteredIndex,
    FullDocumentType,
    FullDocumentBeforeChangeType,
    ResumeToken
);

impl Describe for u64 {
    fn describe(&self) -> Bson {
        i64::try_from(*self).unwrap_or(i64::MAX).into()
    }
}

impl Describe for Duration {
    /// Milliseconds, as in the server's `maxTimeMS`.
    fn describe(&self) -> Bson {
        i64::try_from(self.as_millis()).unwrap_or(i64::MAX).into()
    }
}

impl Describe for SelectionCriteria {
    fn describe(&self) -> Bson {
        match self {
            Self::ReadPreference(preference) => serialized(preference).unwrap_or(Bson::Null),
            _ => "predicate".into(),
        }
    }
}

impl Describe for CursorType {
    fn describe(&self) -> Bson {
        match self {
            Self::Tailable => "tailable",
            Self::TailableAwait => "tailableAwait",
            _ => "nonTailable",
        }
        .into()
    }
}

impl Describe for ReturnDocument {
    fn describe(&self) -> Bson {
        match self {
            Self::After => "after",
            _ => "before",
        }
        .into()
    }
}
