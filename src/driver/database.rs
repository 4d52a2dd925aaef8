//! A database: the driver's, whose calls are watched.

use std::{fmt, marker::PhantomData, sync::Arc};

use mongodb::{
    bson::{Bson, Document, RawDocumentBuf, doc},
    options::{
        CollectionOptions, GridFsBucketOptions, ReadConcern, SelectionCriteria, WriteConcern,
    },
};

use super::{
    action::{
        self, Aggregate, CreateCollection, DropDatabase, ListCollections, ListNames, RunCommand,
        RunCursorCommand, Watch,
    },
    body,
    client::{Client, Site},
    collection::Collection,
    gridfs::GridFsBucket,
    operation::Call,
};
use crate::record::{WatcherName, redact};

/// A handle to a database, as the driver's [`mongodb::Database`]: each call writes a record.
///
/// Made by [`Client::database`](crate::Client::database).
#[derive(Clone)]
pub struct Database {
    inner: mongodb::Database,
    site: Arc<Site>,
}

impl Database {
    pub(super) const fn new(inner: mongodb::Database, site: Arc<Site>) -> Self {
        Self { inner, site }
    }

    /// The client that the database was reached through.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.site.client
    }

    /// The driver's own handle, past the mirrored calls: doors B and C still see what it does.
    #[must_use]
    pub const fn unwatched(&self) -> &mongodb::Database {
        &self.inner
    }

    /// The name of the database.
    #[must_use]
    pub fn name(&self) -> &str {
        self.inner.name()
    }

    /// The read preference of the database.
    #[must_use]
    pub fn selection_criteria(&self) -> Option<&SelectionCriteria> {
        self.inner.selection_criteria()
    }

    /// The read concern of the database.
    #[must_use]
    pub fn read_concern(&self) -> Option<&ReadConcern> {
        self.inner.read_concern()
    }

    /// The write concern of the database.
    #[must_use]
    pub fn write_concern(&self) -> Option<&WriteConcern> {
        self.inner.write_concern()
    }

    /// A handle to the collection of this name.
    pub fn collection<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        Collection::new(self.inner.collection(name), self.site.with_collection(name))
    }

    /// A handle to the collection of this name, with options of its own.
    pub fn collection_with_options<T: Send + Sync>(
        &self,
        name: &str,
        options: CollectionOptions,
    ) -> Collection<T> {
        let inner = self.inner.collection_with_options(name, options);
        Collection::new(inner, self.site.with_collection(name))
    }

    /// A bucket of files in this database.
    pub fn gridfs_bucket(&self, options: impl Into<Option<GridFsBucketOptions>>) -> GridFsBucket {
        let options = options.into().unwrap_or_default();
        let name = options.bucket_name.as_deref().unwrap_or(GridFsBucket::NAME);
        let site = self.site.with_collection(name);
        let chunk_size = options.chunk_size_bytes.unwrap_or(GridFsBucket::CHUNK_SIZE);
        GridFsBucket::new(self.inner.gridfs_bucket(options), site, chunk_size)
    }

    /// Runs an aggregation pipeline that begins with a stage for databases.
    pub fn aggregate(&self, pipeline: impl IntoIterator<Item = Document>) -> Aggregate<'_> {
        let pipeline: Vec<_> = pipeline.into_iter().collect();
        let mut call = self.site.call(WatcherName::Cursor, "aggregate", "aggregate");
        call.filter = action::documents(&pipeline);
        let action = self.inner.aggregate(pipeline);
        Aggregate { action, call, options: None, item: PhantomData }
    }

    /// Runs a command.
    pub fn run_command(&self, command: Document) -> RunCommand<'_> {
        let call = self.command_call(WatcherName::Database, "run_command", Some(&command));
        RunCommand { action: self.inner.run_command(command), call, options: None }
    }

    /// Runs a command in raw BSON.
    pub fn run_raw_command(&self, command: RawDocumentBuf) -> RunCommand<'_> {
        let document = Document::try_from(command.as_ref()).ok();
        let call = self.command_call(WatcherName::Database, "run_command", document.as_ref());
        RunCommand { action: self.inner.run_raw_command(command), call, options: None }
    }

    /// Runs a command that gives a cursor.
    pub fn run_cursor_command(&self, command: Document) -> RunCursorCommand<'_> {
        let call = self.command_call(WatcherName::Cursor, "run_cursor_command", Some(&command));
        RunCursorCommand { action: self.inner.run_cursor_command(command), call, options: None }
    }

    /// Runs a command in raw BSON that gives a cursor.
    pub fn run_raw_cursor_command(&self, command: RawDocumentBuf) -> RunCursorCommand<'_> {
        let document = Document::try_from(command.as_ref()).ok();
        let call = self.command_call(WatcherName::Cursor, "run_cursor_command", document.as_ref());
        RunCursorCommand { action: self.inner.run_raw_cursor_command(command), call, options: None }
    }

    /// Creates a collection.
    pub fn create_collection(&self, name: impl Into<String>) -> CreateCollection<'_> {
        let name = name.into();
        let mut call = self.call("create_collection", "create");
        call.place.collection = Some(name.as_str().into());
        CreateCollection { action: self.inner.create_collection(name), call, options: None }
    }

    /// Lists the collections.
    pub fn list_collections(&self) -> ListCollections<'_> {
        let call = self.site.call(WatcherName::Cursor, "list_collections", "listCollections");
        let action = self.inner.list_collections();
        ListCollections { action, call, options: None, mode: PhantomData }
    }

    /// Lists the names of the collections.
    pub fn list_collection_names(&self) -> ListCollections<'_, ListNames> {
        let call = self.call("list_collection_names", "listCollections");
        let action = self.inner.list_collection_names();
        ListCollections { action, call, options: None, mode: PhantomData }
    }

    /// Opens a stream of the changes in this database.
    pub fn watch(&self) -> Watch<'_> {
        let call = self.site.call(WatcherName::Cursor, "watch", "aggregate");
        Watch { action: self.inner.watch(), call, options: None, session: None, mode: PhantomData }
    }

    /// Drops the database.
    pub fn drop(&self) -> DropDatabase<'_> {
        let call = self.call("drop", "dropDatabase");
        DropDatabase { action: self.inner.drop(), call, options: None }
    }

    fn call(&self, operation: &'static str, command: &'static str) -> Call {
        self.site.call(WatcherName::Database, operation, command)
    }

    /// The call of a command that the application wrote itself: its body is the record's filter,
    /// but for one that carries credentials, of which only the name is kept.
    fn command_call(
        &self,
        watcher: WatcherName,
        operation: &'static str,
        command: Option<&Document>,
    ) -> Call {
        let mut call = self.site.call(watcher, operation, "");
        let Some(command) = command else { return call };
        let Some((name, target)) = command.iter().next() else { return call };
        call.command = name.clone().into();
        if redact::is_sensitive_command(name) {
            let redacted = doc! { name: redact::REDACTED };
            call.filter = Some(Arc::new(redacted.into()));
        } else {
            call.filter = Some(Arc::new(body::reduced(command, &[]).into()));
            if let Bson::String(collection) = target
                && body::is_on_collection(name)
            {
                call.place.collection = Some(collection.as_str().into());
            }
        }
        call
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("name", &self.name()).finish_non_exhaustive()
    }
}
