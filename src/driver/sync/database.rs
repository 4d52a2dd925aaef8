//! A database of the blocking API.

use mongodb::{
    bson::{Document, RawDocumentBuf},
    options::{
        CollectionOptions, GridFsBucketOptions, ReadConcern, SelectionCriteria, WriteConcern,
    },
};

use super::{Collection, gridfs::GridFsBucket};
use crate::driver::{
    self,
    action::{
        Aggregate, CreateCollection, DropDatabase, ListCollections, ListNames, RunCommand,
        RunCursorCommand, Watch,
    },
};

/// A handle to a database, as the driver's [`mongodb::sync::Database`]: each call writes a record.
///
/// Made by [`Client::database`](super::Client::database).
#[derive(Clone, Debug)]
pub struct Database {
    pub(super) async_database: driver::Database,
}

impl Database {
    /// The name of the database.
    #[must_use]
    pub fn name(&self) -> &str {
        self.async_database.name()
    }

    /// The read preference of the database.
    #[must_use]
    pub fn selection_criteria(&self) -> Option<&SelectionCriteria> {
        self.async_database.selection_criteria()
    }

    /// The read concern of the database.
    #[must_use]
    pub fn read_concern(&self) -> Option<&ReadConcern> {
        self.async_database.read_concern()
    }

    /// The write concern of the database.
    #[must_use]
    pub fn write_concern(&self) -> Option<&WriteConcern> {
        self.async_database.write_concern()
    }

    /// A handle to the collection of this name.
    pub fn collection<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        Collection { async_collection: self.async_database.collection(name) }
    }

    /// A handle to the collection of this name, with options of its own.
    pub fn collection_with_options<T: Send + Sync>(
        &self,
        name: &str,
        options: CollectionOptions,
    ) -> Collection<T> {
        let async_collection = self.async_database.collection_with_options(name, options);
        Collection { async_collection }
    }

    /// A handle to a GridFS bucket.
    pub fn gridfs_bucket(&self, options: impl Into<Option<GridFsBucketOptions>>) -> GridFsBucket {
        GridFsBucket { async_bucket: self.async_database.gridfs_bucket(options) }
    }

    /// Runs an aggregation pipeline that begins with a stage for databases.
    pub fn aggregate(&self, pipeline: impl IntoIterator<Item = Document>) -> Aggregate<'_> {
        self.async_database.aggregate(pipeline)
    }

    /// Runs a command.
    pub fn run_command(&self, command: Document) -> RunCommand<'_> {
        self.async_database.run_command(command)
    }

    /// Runs a command in raw BSON.
    pub fn run_raw_command(&self, command: RawDocumentBuf) -> RunCommand<'_> {
        self.async_database.run_raw_command(command)
    }

    /// Runs a command that gives a cursor.
    pub fn run_cursor_command(&self, command: Document) -> RunCursorCommand<'_> {
        self.async_database.run_cursor_command(command)
    }

    /// Runs a command in raw BSON that gives a cursor.
    pub fn run_raw_cursor_command(&self, command: RawDocumentBuf) -> RunCursorCommand<'_> {
        self.async_database.run_raw_cursor_command(command)
    }

    /// Creates a collection.
    pub fn create_collection(&self, name: impl Into<String>) -> CreateCollection<'_> {
        self.async_database.create_collection(name)
    }

    /// Lists the collections.
    pub fn list_collections(&self) -> ListCollections<'_> {
        self.async_database.list_collections()
    }

    /// Lists the names of the collections.
    pub fn list_collection_names(&self) -> ListCollections<'_, ListNames> {
        self.async_database.list_collection_names()
    }

    /// Opens a stream of the changes in this database.
    pub fn watch(&self) -> Watch<'_> {
        self.async_database.watch()
    }

    /// Drops the database.
    pub fn drop(&self) -> DropDatabase<'_> {
        self.async_database.drop()
    }
}
