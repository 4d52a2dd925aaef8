//! MongoDB's query language over records and documents, compiled once.
//!
//! It behaves as `find` of the server does, which a test asks with random documents and queries.
//!
//! # What is taken
//!
//! - Values to be equal to, and `$eq $ne $gt $gte $lt $lte $in $nin $exists $type $regex $options $all
//!   $elemMatch $size $mod $bitsAllSet $bitsAllClear $bitsAnySet $bitsAnyClear $not $comment`; above
//!   them `$and $or $nor $expr`.
//! - Dotted paths, with the server's rules for arrays and places in them.
//! - In `$expr`: `"$a.b"`, `$$ROOT`, `$$CURRENT`, `$literal`, documents and arrays of expressions, and
//!   the functions of `expr/functions.rs`.
//!
//! # What is refused when it is loaded
//!
//! `$where`, `$text`, `$jsonSchema`, geometry and what is unknown; arguments that the server refuses;
//! regular expressions that cannot be run in linear time (looking around, references to groups, atomic
//! groups, possessive repetitions), and seldom ones (`\B`, `\p`, `\c`, `\o`, `(?x)`, anything behind a
//! `$` of the end); a name that no record has; and what is beyond the bounds: `compile::QUERY_DEPTH_MAX`,
//! `compile::LEVELS_MAX`, `compile::CLAUSES_MAX`, `path::NAMES_MAX`, `path::PLACES_MAX`,
//! `pattern::PATTERN_LENGTH_MAX`, `pattern::PATTERN_SIZE_MAX`.
//!
//! # What differs from the server on purpose
//!
//! - A name of a path may stand in backticks, and have dots in it then: ``Filter.`address.city` ``, in
//!   `$expr` ``$Filter.`address.city` ``. The server takes backticks for a part of the name, and has no path
//!   to such a key, though a filter often has one.
//! - An expression that fails (a division by zero, the sum of a text) fails the server's whole query. Here
//!   the record does not match, whatever stands around the expression. The server may look at the parts of
//!   a query in another order, and so not meet what fails.
//! - A Decimal128 is compared exactly, but arithmetic with one fails; so does `$toLower` and `$toUpper`
//!   of a double or a date.
//! - The times of a record have microseconds, those of BSON milliseconds; the finer ones are compared.
//! - There is no collation.
//! - With the option `m`, an alternative that needs no `^` is not found at the very end of a text that ends
//!   with a newline, if the only match is there and empty: `(?m)^a|\z`.

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

#[cfg(feature = "schema")]
pub(super) use self::compile::AT_TOP;
pub use self::expr::Failure;
pub(super) use self::operators::AT_FIELD;
pub(super) use self::{compile::Names, number::Decimal};
use self::{node::Node, path::Source};
#[cfg(feature = "script")]
use crate::record::Value;
use crate::{
    filter::{Draft, Fault, Filter, Verdict},
    record::WatchMessage,
};

/// The order of two values, if they are of types that the server compares with each other, and each has
/// its place in that order: what is missing and what is no number have none.
#[cfg(feature = "script")]
pub(super) fn compare(left: Value<'_>, right: Value<'_>) -> Option<std::cmp::Ordering> {
    path::with_view(left, |left| {
        path::with_view(right, |right| {
            let (left, right) = (left?, right?);
            let is_number = |view: view::View<'_>| view.number().is_none_or(|n| !n.is_nan());
            let is_alike = left.class() == right.class() && is_number(left) && is_number(right);
            is_alike.then(|| view::compare(left, right))
        })
    })
}

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
