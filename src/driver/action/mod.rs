//! The mirrored actions: the driver's calls with their setters, each of which opens a record when
//! it is awaited.
//!
//! An action holds the driver's own action, made at once with the application's arguments, and a
//! copy of what the record tells of them. [`setters!`] writes the setters, and [`action!`] a whole
//! action whose result is not a cursor: a new call of the driver is one more use of it.

#[macro_use]
mod macros;
mod aggregate;
mod count;
mod delete;
mod find;
mod find_and_modify;
mod index;
mod insert;
mod list;
mod manage;
mod run_command;
mod update;

use std::sync::Arc;

use mongodb::{
    BoxFuture, ClientSession,
    bson::{Bson, Document},
};

pub use self::{
    aggregate::Aggregate,
    count::{CountDocuments, Distinct, EstimatedDocumentCount},
    delete::Delete,
    find::{Find, FindOne},
    find_and_modify::{FindOneAndDelete, FindOneAndReplace, FindOneAndUpdate, FullDocument},
    index::{CreateIndex, DropIndex, ListIndexes},
    insert::{InsertMany, InsertOne},
    list::{ListCollections, ListDatabases},
    manage::{CreateCollection, DropCollection, DropDatabase},
    run_command::{RunCommand, RunCursorCommand},
    update::{ReplaceOne, Update},
};
pub use mongodb::action::{ExplicitSession, ImplicitSession, ListNames, ListSpecifications};

use super::operation::{Call, Operation};

/// A document of the application's call, for the record.
pub(super) fn document(document: &Document) -> Option<Arc<Bson>> {
    Some(Arc::new(Bson::Document(document.clone())))
}

/// A list of documents of the application's call, such as a pipeline, for the record.
pub(super) fn documents(documents: &[Document]) -> Option<Arc<Bson>> {
    Some(Arc::new(Bson::Array(documents.iter().cloned().map(Bson::Document).collect())))
}
