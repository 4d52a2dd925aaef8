//! The shape of a query: its values replaced by their types, so that like queries are alike.

use mongodb::bson::Bson;

/// What queries that differ only in their values have in common.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Shape {
    /// The query with each value replaced by its type; null if it is not known.
    pub query: Bson,
    /// The same for the same shape, in every process: `v1:` and 32 hex digits.
    pub hash: String,
    /// The shape in a few words, for people.
    pub label: String,
}

impl Default for Shape {
    fn default() -> Self {
        Self { query: Bson::Null, hash: String::new(), label: String::new() }
    }
}
