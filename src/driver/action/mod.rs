//! The mirrored actions: the driver's calls with their setters, each of which opens a record when
//! it is awaited.
//!
//! An action holds the driver's own action, made at once with the application's arguments, and a
//! copy of what the record tells of them. `setters!` writes the setters, and `action!` a whole
//! action whose result is not a cursor: a new call of the driver is one more use of it. [`Action`]
//! is what they have in common.

#[macro_use]
mod macros;
mod aggregate;
mod bulk_write;
mod count;
mod delete;
mod find;
mod find_and_modify;
pub mod gridfs;
mod index;
mod insert;
mod list;
mod manage;
mod run_command;
mod search_index;
pub(super) mod session;
#[cfg(test)]
mod tests;
mod update;
mod watch;

use std::sync::Arc;

use mongodb::{
    BoxFuture,
    bson::{Bson, Document},
    error::Error,
};

pub use self::{
    aggregate::Aggregate,
    bulk_write::BulkWrite,
    count::{CountDocuments, Distinct, EstimatedDocumentCount},
    delete::Delete,
    find::{Find, FindOne},
    find_and_modify::{FindOneAndDelete, FindOneAndReplace, FindOneAndUpdate},
    index::{CreateIndex, DropIndex, ListIndexes},
    insert::{InsertMany, InsertOne},
    list::{ListCollections, ListDatabases},
    manage::{CreateCollection, DropCollection, DropDatabase},
    run_command::{RunCommand, RunCursorCommand},
    search_index::{CreateSearchIndex, DropSearchIndex, ListSearchIndexes, UpdateSearchIndex},
    session::{AbortTransaction, CommitTransaction, StartSession, StartTransaction},
    update::{ReplaceOne, Update},
    watch::Watch,
};
pub use mongodb::action::{
    ExplicitSession, ImplicitSession, ListNames, ListSpecifications, Multiple,
    ParseConnectionString, Shutdown, Single, WarmConnectionPool,
};

use super::{
    ClientSession,
    describe::serialized_document,
    operation::{Call, Operation},
};

/// A call that runs when it is awaited, as the driver's [`mongodb::action::Action`]. Its setters
/// can be chained; this trait is for those that are set only sometimes.
///
/// Implemented for the mirrored actions alone.
pub trait Action: Mirrored + IntoFuture {
    /// Calls `f` with the action and the value, if there is one; see
    /// [`mongodb::action::Action::optional`].
    ///
    /// ```no_run
    /// use mongowatch::{Client, bson::Document, driver::action::Action};
    ///
    /// async fn collections(
    ///     client: &Client,
    ///     filter: Option<Document>,
    /// ) -> mongodb::error::Result<Vec<String>> {
    ///     client
    ///         .database("shop")
    ///         .list_collection_names()
    ///         .optional(filter, |action, filter| action.filter(filter))
    ///         .await
    /// }
    /// ```
    fn optional<Value>(self, value: Option<Value>, f: impl FnOnce(Self, Value) -> Self) -> Self
    where
        Self: Sized,
    {
        match value {
            Some(value) => f(self, value),
            None => self,
        }
    }
}

impl<A: Mirrored + IntoFuture> Action for A {}

mod sealed {
    /// Marks the actions of this module.
    pub trait Mirrored {}
}

pub(super) use bulk_write::ask as ask_bulk_write;
use sealed::Mirrored;

/// Runs the driver's future as a part of an operation that stays open with what the future gives:
/// a cursor or a stream, to which `watch` hands it over.
async fn keep_open<T, W>(
    mut operation: Operation,
    future: impl Future<Output = Result<T, Error>> + Unpin,
    watch: impl FnOnce(T, Operation) -> W,
) -> Result<W, Error> {
    match operation.drive(future).await {
        Ok(given) => Ok(watch(given, operation)),
        Err(error) => {
            operation.fail(&error);
            Err(error)
        }
    }
}

/// How many there are in a list that the driver gave at once.
fn listed<T>(result: Result<&Vec<T>, &Error>) -> Option<u64> {
    result.ok().map(|list| list.len() as u64)
}

/// A document of the application's call, for the record.
pub(super) fn document(document: &Document) -> Option<Arc<Bson>> {
    Some(Arc::new(Bson::Document(document.clone())))
}

/// A list of documents of the application's call, such as a pipeline, for the record.
pub(super) fn documents(documents: &[Document]) -> Option<Arc<Bson>> {
    Some(Arc::new(Bson::Array(documents.iter().cloned().map(Bson::Document).collect())))
}
