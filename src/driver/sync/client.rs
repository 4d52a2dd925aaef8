//! A client of the blocking API.

use mongodb::{
    error::Result,
    options::{
        ClientOptions, DatabaseOptions, DriverInfo, ReadConcern, SelectionCriteria, WriteConcern,
        WriteModel,
    },
    results::SummaryBulkWriteResult,
};

use super::{Database, block_on, enter};
use crate::driver::{
    self,
    action::{
        BulkWrite, ListDatabases, ListNames, Shutdown, StartSession, WarmConnectionPool, Watch,
    },
};

/// A handle to a MongoDB deployment, as the driver's [`mongodb::sync::Client`]: each call writes a
/// record.
///
/// Made by [`Client::with_uri_str`] and [`Client::with_options`], or out of a client that
/// [`Watcher::client`](crate::Watcher::client) made. Clones share connections and watcher.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) async_client: driver::Client,
}

impl Client {
    /// Makes a client that the watcher of the process watches, see
    /// [`Watcher::of_process`](crate::Watcher::of_process).
    ///
    /// # Errors
    ///
    /// Those of [`crate::Client::with_uri_str`].
    pub fn with_uri_str(uri: impl AsRef<str>) -> Result<Self> {
        Ok(block_on(driver::Client::with_uri_str(uri))?.into())
    }

    /// Makes a client that the watcher of the process watches, see
    /// [`Watcher::of_process`](crate::Watcher::of_process).
    ///
    /// # Errors
    ///
    /// Those of [`crate::Client::with_options`].
    pub fn with_options(options: ClientOptions) -> Result<Self> {
        Ok(enter(|| driver::Client::with_options(options))?.into())
    }

    /// The driver's own client, past the mirrored calls.
    #[must_use]
    pub fn unwatched(&self) -> mongodb::sync::Client {
        self.async_client.unwatched().clone().into()
    }

    /// The read preference of the client.
    #[must_use]
    pub fn selection_criteria(&self) -> Option<&SelectionCriteria> {
        self.async_client.selection_criteria()
    }

    /// The read concern of the client.
    #[must_use]
    pub fn read_concern(&self) -> Option<&ReadConcern> {
        self.async_client.read_concern()
    }

    /// The write concern of the client.
    #[must_use]
    pub fn write_concern(&self) -> Option<&WriteConcern> {
        self.async_client.write_concern()
    }

    /// A handle to the database of this name.
    #[must_use]
    pub fn database(&self, name: &str) -> Database {
        Database { async_database: self.async_client.database(name) }
    }

    /// A handle to the database of this name, with options of its own.
    #[must_use]
    pub fn database_with_options(&self, name: &str, options: DatabaseOptions) -> Database {
        Database { async_database: self.async_client.database_with_options(name, options) }
    }

    /// A handle to the database that the connection string names.
    #[must_use]
    pub fn default_database(&self) -> Option<Database> {
        let async_database = self.async_client.default_database()?;
        Some(Database { async_database })
    }

    /// Tells the servers more about the application.
    ///
    /// # Errors
    ///
    /// Those of the driver.
    pub fn append_metadata(&self, driver_info: DriverInfo) -> Result<()> {
        self.async_client.append_metadata(driver_info)
    }

    /// Lists the databases.
    pub fn list_databases(&self) -> ListDatabases<'_> {
        self.async_client.list_databases()
    }

    /// Lists the names of the databases.
    pub fn list_database_names(&self) -> ListDatabases<'_, ListNames> {
        self.async_client.list_database_names()
    }

    /// Writes on any collections, many times in one call. Servers before MongoDB 8.0 cannot do it.
    pub fn bulk_write(
        &self,
        models: impl IntoIterator<Item = impl Into<WriteModel>>,
    ) -> BulkWrite<'_, SummaryBulkWriteResult> {
        self.async_client.bulk_write(models)
    }

    /// Starts a session.
    pub fn start_session(&self) -> StartSession<'_> {
        self.async_client.start_session()
    }

    /// Opens a stream of the changes in all databases.
    pub fn watch(&self) -> Watch<'_> {
        self.async_client.watch()
    }

    /// Opens the connections that `min_pool_size` asks for.
    pub fn warm_connection_pool(&self) -> WarmConnectionPool<'_> {
        self.async_client.warm_connection_pool()
    }

    /// Closes the client; its watcher goes on.
    pub fn shutdown(self) -> Shutdown {
        self.async_client.shutdown()
    }
}

impl From<driver::Client> for Client {
    fn from(async_client: driver::Client) -> Self {
        Self { async_client }
    }
}
