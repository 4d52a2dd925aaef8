//! MongoDB's query language over records and documents, compiled once.

mod compile;
mod expr;
mod node;
mod number;
mod operators;
mod path;
mod pattern;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;

use mongodb::bson::Document;

pub(super) use self::compile::Names;
pub use self::expr::Failure;
use self::{node::Node, path::Source};
use crate::{
    filter::{Draft, Fault, Filter, Verdict},
    record::WatchMessage,
};

/// A query that is compiled: says of a record, or of a document, whether it matches.
///
/// Cloning is cheap.
///
/// ```
/// use mongodb::bson::doc;
/// use mongowatch::filter::Matcher;
///
/// let slow = Matcher::for_documents(&doc! { "op": { "$in": ["find", "count"] }, "ms": { "$gt": 10 } })?;
/// assert!(slow.matches_document(&doc! { "op": "find", "ms": 12.5 }));
/// assert!(!slow.matches_document(&doc! { "op": "find" }));
/// # Ok::<(), mongowatch::filter::Fault>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Matcher {
    names: Names,
    root: Arc<Node>,
}

impl Matcher {
    /// Compiles a query over records. Its top-level names must be fields of a record.
    ///
    /// # Errors
    ///
    /// What is not understood, with its place.
    ///
    /// ```
    /// use mongodb::bson::doc;
    /// use mongowatch::filter::Matcher;
    ///
    /// let fault = Matcher::for_records(&doc! { "Colection": "news" }).unwrap_err();
    /// assert_eq!(fault.to_string(), "Colection: unknown field `Colection`: did you mean `Collection`?");
    /// ```
    pub fn for_records(query: &Document) -> Result<Self, Fault> {
        Self::compile(query, Names::OfRecords)
    }

    /// Compiles a query over any documents.
    ///
    /// # Errors
    ///
    /// What is not understood, with its place.
    pub fn for_documents(query: &Document) -> Result<Self, Fault> {
        Self::compile(query, Names::Free)
    }

    fn compile(query: &Document, names: Names) -> Result<Self, Fault> {
        compile::query(query, names).map(|root| Self { names, root: Arc::new(root) })
    }

    /// Does the record match? One for which an expression fails does not.
    #[must_use]
    pub fn matches(&self, record: &WatchMessage) -> bool {
        self.try_matches(record).unwrap_or(false)
    }

    /// Does the record match, and if that cannot be said, why?
    ///
    /// # Errors
    ///
    /// When an expression of `$expr` has no value for this record, for which the server would fail
    /// the whole query: a division by zero, the sum of two texts.
    pub fn try_matches(&self, record: &WatchMessage) -> Result<bool, Failure> {
        match self.names {
            Names::OfRecords => self.root.matches(Source::Record(record)),
            Names::Free => self.root.matches(Source::Document(&to_document(record))),
        }
    }

    /// Does the document match? One for which an expression fails does not.
    #[must_use]
    pub fn matches_document(&self, document: &Document) -> bool {
        self.try_matches_document(document).unwrap_or(false)
    }

    /// Does the document match, and if that cannot be said, why?
    ///
    /// # Errors
    ///
    /// As [`Matcher::try_matches`].
    pub fn try_matches_document(&self, document: &Document) -> Result<bool, Failure> {
        self.root.matches(Source::Document(document))
    }
}

impl Filter for Matcher {
    fn apply(&mut self, draft: &mut Draft) -> Verdict {
        Verdict::pass_if(self.matches(draft.record()))
    }
}

/// The record as a document: what is missing is left out.
fn to_document(record: &WatchMessage) -> Document {
    use crate::record::Field;

    let fields = Field::ALL.iter().map(|field| (field, record.get(*field)));
    fields
        .filter(|(_, value)| !value.is_missing())
        .map(|(field, value)| (field.name().to_owned(), value.into()))
        .collect()
}
