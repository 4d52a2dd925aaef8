//! Inserting documents: `insert_one` and `insert_many`.

use mongodb::{
    error::{Error, ErrorKind, InsertManyError, WriteFailure},
    options::{InsertManyOptions, WriteConcern},
    results::{InsertManyResult, InsertOneResult},
};

use super::*;
use crate::record::WatchMessage;

action! {
    /// Inserts a document; made by [`Collection::insert_one`](crate::Collection::insert_one).
    InsertOne<'a> = mongodb::action::InsertOne<'a>,
    InsertOneOptions {
        bypass_document_validation: bool,
        write_concern: WriteConcern,
        comment: into Bson,
    } => InsertOneResult,
    session,
    |record, result| match result {
        Ok(done) => {
            record.counts.inserted = Some(1);
            record.inserted_ids = Some(Arc::new(vec![done.inserted_id.clone()]));
        }
        Err(error) => record.counts.inserted = inserted_despite(error),
    }
}

/// Inserts documents; made by [`Collection::insert_many`](crate::Collection::insert_many).
#[must_use = "an action does nothing until it is awaited"]
pub struct InsertMany<'a> {
    pub(in crate::driver) action: mongodb::action::InsertMany<'a>,
    pub(in crate::driver) call: Call,
    pub(in crate::driver) options: Option<InsertManyOptions>,
    /// How many documents the application gave.
    pub(in crate::driver) n_documents: usize,
}

impl<'a> InsertMany<'a> {
    setters!(InsertManyOptions {
        bypass_document_validation: bool,
        ordered: bool,
        write_concern: WriteConcern,
        comment: into Bson,
    });

    action!(@session);
}

run!([] InsertMany<'a> => InsertManyResult);

impl Mirrored for InsertMany<'_> {}

impl<'a> IntoFuture for InsertMany<'a> {
    type Output = mongodb::error::Result<InsertManyResult>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(mut self) -> Self::IntoFuture {
        let described = self.described();
        let ordered = self.options.as_ref().and_then(|options| options.ordered).unwrap_or(true);
        let n_documents = self.n_documents;
        let future = self.action.with_options(self.options).into_future();
        Box::pin(self.call.run(described, future, move |record, result| match result {
            Ok(done) => learn(record, done),
            Err(error) => learn_failure(record, error, n_documents, ordered),
        }))
    }
}

/// Whether the document is there although its insert failed, if the error tells: a write concern
/// that was not met undoes nothing.
fn inserted_despite(error: &Error) -> Option<u64> {
    match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteConcernError(_)) => Some(1),
        ErrorKind::Write(WriteFailure::WriteError(_)) => Some(0),
        _ => None,
    }
}

fn learn(record: &mut WatchMessage, done: &InsertManyResult) {
    record.counts.inserted = Some(done.inserted_ids.len() as u64);
    let mut ids: Vec<_> = done.inserted_ids.iter().collect();
    ids.sort_unstable_by_key(|(index, _)| **index);
    let ids = ids.into_iter().map(|(_, id)| id.clone()).collect();
    record.inserted_ids = Some(Arc::new(ids));
}

/// The driver's error does not give the ids that were inserted; their number follows from the
/// writes that failed.
fn learn_failure(record: &mut WatchMessage, error: &Error, n_documents: usize, ordered: bool) {
    /// The driver sends so many documents in one command, at most; or some 48 MB of them, which is
    /// not looked at here.
    const PART_MAX: usize = 100_000;

    if let ErrorKind::InsertMany(InsertManyError { write_errors, .. }) = &*error.kind {
        let failed = write_errors.as_deref().unwrap_or_default();
        let inserted = match failed.first() {
            // An ordered insert ends with the first failure.
            Some(first) if ordered => first.index,
            // A write concern that was not met ends it too, with the first part of it: how large
            // that was, only the server's reply tells.
            None if ordered && (record.counts.inserted.is_some() || n_documents > PART_MAX) => {
                return;
            }
            _ => n_documents.saturating_sub(failed.len()),
        };
        record.counts.inserted = Some(inserted as u64);
    }
}
