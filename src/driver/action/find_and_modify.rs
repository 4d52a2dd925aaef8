//! Finding and changing a document at once: `find_one_and_delete`, `_update` and `_replace`.
//!
//! The driver gives the document, or none. Whether an update changed anything is known only where
//! the server's reply is seen (door B).

use std::time::Duration;

use mongodb::options::{Collation, Hint, ReturnDocument, WriteConcern};
use serde::de::DeserializeOwned;

use super::*;

action! {
    /// Finds and deletes a document; made by
    /// [`Collection::find_one_and_delete`](crate::Collection::find_one_and_delete).
    FindOneAndDelete<'a, T: DeserializeOwned> = mongodb::action::FindOneAndDelete<'a, T>,
    FindOneAndDeleteOptions {
        max_time: Duration,
        projection: Document,
        sort: Document,
        write_concern: WriteConcern,
        collation: Collation,
        hint: Hint,
        let_vars: Document,
        comment: into Bson,
    } => Option<T>,
    session,
    |record, result| if let Ok(found) = result {
        record.counts.matched = Some(found.is_some().into());
        record.counts.deleted = Some(found.is_some().into());
    }
}

action! {
    /// Finds and updates a document; made by
    /// [`Collection::find_one_and_update`](crate::Collection::find_one_and_update).
    FindOneAndUpdate<'a, T: DeserializeOwned> = mongodb::action::FindOneAndUpdate<'a, T>,
    FindOneAndUpdateOptions {
        array_filters: each Document,
        bypass_document_validation: bool,
        max_time: Duration,
        projection: Document,
        return_document: ReturnDocument,
        sort: Document,
        upsert: bool,
        write_concern: WriteConcern,
        collation: Collation,
        hint: Hint,
        let_vars: Document,
        comment: into Bson,
    } => Option<T>,
    session,
    |record, result| if let Ok(found) = result {
        record.counts.matched = matched(record.options.as_deref(), found.is_some());
    }
}

action! {
    /// Finds and replaces a document; made by
    /// [`Collection::find_one_and_replace`](crate::Collection::find_one_and_replace).
    FindOneAndReplace<'a, T: DeserializeOwned> = mongodb::action::FindOneAndReplace<'a, T>,
    FindOneAndReplaceOptions {
        bypass_document_validation: bool,
        max_time: Duration,
        projection: Document,
        return_document: ReturnDocument,
        sort: Document,
        upsert: bool,
        write_concern: WriteConcern,
        collation: Collation,
        hint: Hint,
        let_vars: Document,
        comment: into Bson,
    } => Option<T>,
    session,
    |record, result| if let Ok(found) = result {
        record.counts.matched = matched(record.options.as_deref(), found.is_some());
    }
}

/// How many documents matched, unless an upsert makes it unknown: the document that comes back may
/// be the one that it inserted, and none may come back although it did.
fn matched(options: Option<&Bson>, found: bool) -> Option<u64> {
    let option = |name| options.and_then(Bson::as_document).and_then(|options| options.get(name));
    let upsert = option("upsert").and_then(Bson::as_bool).unwrap_or(false);
    let after = option("returnDocument").and_then(Bson::as_str) == Some("after");
    (!(upsert && after)).then_some(found.into())
}
