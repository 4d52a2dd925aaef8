//! Changing documents: `update_one`, `update_many` and `replace_one`.

use mongodb::{
    options::{Collation, Hint, WriteConcern},
    results::UpdateResult,
};

use super::*;
use crate::record::WatchMessage;

action! {
    /// Updates documents; made by [`Collection::update_one`](crate::Collection::update_one) and
    /// [`Collection::update_many`](crate::Collection::update_many).
    Update<'a> = mongodb::action::Update<'a>,
    UpdateOptions {
        array_filters: each Document,
        bypass_document_validation: bool,
        upsert: bool,
        collation: Collation,
        hint: Hint,
        write_concern: WriteConcern,
        let_vars: Document,
        comment: into Bson,
        sort: Document,
    } => UpdateResult,
    session,
    |record, result| if let Ok(done) = result { learn(record, done); }
}

action! {
    /// Replaces a document; made by [`Collection::replace_one`](crate::Collection::replace_one).
    ReplaceOne<'a> = mongodb::action::ReplaceOne<'a>,
    ReplaceOptions {
        bypass_document_validation: bool,
        upsert: bool,
        collation: Collation,
        hint: Hint,
        write_concern: WriteConcern,
        let_vars: Document,
        comment: into Bson,
        sort: Document,
    } => UpdateResult,
    session,
    |record, result| if let Ok(done) = result { learn(record, done); }
}

fn learn(record: &mut WatchMessage, done: &UpdateResult) {
    record.counts.matched = Some(done.matched_count);
    record.counts.modified = Some(done.modified_count);
    record.counts.upserted = Some(done.upserted_id.is_some().into());
    record.inserted_ids = done.upserted_id.clone().map(|id| Arc::new(vec![id]));
}
