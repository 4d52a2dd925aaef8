//! A client: the driver's, whose calls are watched.

use std::{fmt, marker::PhantomData, sync::Arc};

use mongodb::options::{
    ClientOptions, DatabaseOptions, DriverInfo, ReadConcern, SelectionCriteria, WriteConcern,
    WriteModel,
};
use mongodb::results::SummaryBulkWriteResult;

use super::{
    action::{self, BulkWrite, ListDatabases, ListNames, StartSession, Watch},
    database::Database,
    door,
    operation::Call,
    probe::{Place, Probe},
    process,
};
use crate::{pipeline::Watcher, record::WatcherName};

/// A handle to a MongoDB deployment, as the driver's [`mongodb::Client`]: each call writes a
/// record.
///
/// Made by [`Watcher::client`]. Clones share connections and watcher.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

/// What the clones of a client share.
struct Shared {
    inner: mongodb::Client,
    place: Place,
}

/// What a handle to a database or a collection carries besides the driver's: its clones share it.
pub(super) struct Site {
    pub(super) client: Client,
    place: Place,
}

impl Watcher {
    /// Makes a client whose calls are watched, and its traffic as [`Capture`] says.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use mongodb::options::ClientOptions;
    /// use mongowatch::Watcher;
    ///
    /// let watcher = Watcher::builder().start()?;
    /// let client = watcher.client(ClientOptions::parse("mongodb://localhost:27017").await?)?;
    /// let names = client.list_database_names().await?;
    /// println!("{names:?}");
    /// watcher.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`mongodb::Client::with_options`].
    ///
    /// [`Capture`]: crate::Capture
    pub fn client(&self, mut options: ClientOptions) -> mongodb::error::Result<Client> {
        let probe = Arc::new(Probe::new(self, &options, self.capture()));
        door::open(&probe, &mut options);
        let inner = mongodb::Client::with_options(options)?;
        let place = Place { probe, db: None, collection: None };
        Ok(Client { shared: Arc::new(Shared { inner, place }) })
    }
}

impl Client {
    /// Makes a client that the watcher of the process watches, see [`Watcher::of_process`].
    ///
    /// # Errors
    ///
    /// Those of [`mongodb::Client::with_uri_str`]; and when the configuration cannot be used, a
    /// custom error of the driver that says so.
    pub async fn with_uri_str(uri: impl AsRef<str>) -> mongodb::error::Result<Self> {
        Self::with_options(ClientOptions::parse(uri.as_ref()).await?)
    }

    /// Makes a client that the watcher of the process watches, see [`Watcher::of_process`].
    ///
    /// # Errors
    ///
    /// Those of [`mongodb::Client::with_options`], and those of the configuration, as in
    /// [`Client::with_uri_str`].
    pub fn with_options(options: ClientOptions) -> mongodb::error::Result<Self> {
        Watcher::of_process().map_err(process::unusable)?.client(options)
    }

    /// The driver's own client, past the mirrored calls: the one named way out. With
    /// `capture: spans` or `capture: commands`, what it does is still recorded, as raw traffic.
    #[must_use]
    pub fn unwatched(&self) -> &mongodb::Client {
        &self.shared.inner
    }

    /// A handle to the database of this name.
    #[must_use]
    pub fn database(&self, name: &str) -> Database {
        Database::new(self.unwatched().database(name), self.site(name))
    }

    /// A handle to the database of this name, with options of its own.
    #[must_use]
    pub fn database_with_options(&self, name: &str, options: DatabaseOptions) -> Database {
        let inner = self.unwatched().database_with_options(name, options);
        Database::new(inner, self.site(name))
    }

    /// A handle to the database that the connection string names.
    #[must_use]
    pub fn default_database(&self) -> Option<Database> {
        let inner = self.unwatched().default_database()?;
        let site = self.site(inner.name());
        Some(Database::new(inner, site))
    }

    /// The read preference of the client.
    #[must_use]
    pub fn selection_criteria(&self) -> Option<&SelectionCriteria> {
        self.unwatched().selection_criteria()
    }

    /// The read concern of the client.
    #[must_use]
    pub fn read_concern(&self) -> Option<&ReadConcern> {
        self.unwatched().read_concern()
    }

    /// The write concern of the client.
    #[must_use]
    pub fn write_concern(&self) -> Option<&WriteConcern> {
        self.unwatched().write_concern()
    }

    /// Lists the databases.
    pub fn list_databases(&self) -> ListDatabases<'_> {
        let call = self.call(WatcherName::Client, "list_databases", "listDatabases");
        ListDatabases { action: self.unwatched().list_databases(), call, options: None }
    }

    /// Lists the names of the databases.
    pub fn list_database_names(&self) -> ListDatabases<'_, ListNames> {
        let call = self.call(WatcherName::Client, "list_database_names", "listDatabases");
        ListDatabases { action: self.unwatched().list_database_names(), call, options: None }
    }

    /// Starts a session, to be given to the calls' `session`. It has no record: nothing is sent.
    pub fn start_session(&self) -> StartSession<'_> {
        StartSession { action: self.unwatched().start_session(), client: self }
    }

    /// Opens a stream of the changes in all databases.
    pub fn watch(&self) -> Watch<'_> {
        let call = self.call(WatcherName::Cursor, "watch", "aggregate");
        let action = self.unwatched().watch();
        Watch { action, call, options: None, session: None, mode: PhantomData }
    }

    /// Writes on any collections, many times in one call. Servers before MongoDB 8.0 cannot do it.
    pub fn bulk_write(
        &self,
        models: impl IntoIterator<Item = impl Into<WriteModel>>,
    ) -> BulkWrite<'_, SummaryBulkWriteResult> {
        let models: Vec<WriteModel> = models.into_iter().map(Into::into).collect();
        let mut call = self.call(WatcherName::Client, "bulk_write", "bulkWrite");
        action::ask_bulk_write(&mut call, &models);
        BulkWrite { action: self.unwatched().bulk_write(models), call, options: None }
    }

    /// Opens the connections that `min_pool_size` asks for.
    pub fn warm_connection_pool(&self) -> mongodb::action::WarmConnectionPool<'_> {
        self.unwatched().warm_connection_pool()
    }

    /// Tells the servers more about the application; see [`mongodb::Client::append_metadata`].
    ///
    /// # Errors
    ///
    /// Those of the driver.
    pub fn append_metadata(&self, driver_info: DriverInfo) -> mongodb::error::Result<()> {
        self.unwatched().append_metadata(driver_info)
    }

    /// Closes the client; its watcher goes on. See [`mongodb::Client::shutdown`].
    pub fn shutdown(self) -> mongodb::action::Shutdown {
        self.unwatched().clone().shutdown()
    }

    /// A call of the client itself.
    pub(super) fn call(
        &self,
        watcher: WatcherName,
        operation: &'static str,
        command: &'static str,
    ) -> Call {
        self.shared.place.call(watcher, operation, command)
    }

    fn site(&self, db: &str) -> Arc<Site> {
        Arc::new(Site { client: self.clone(), place: self.shared.place.with_db(db) })
    }
}

impl Site {
    /// The collection of this name in the same database.
    pub(super) fn with_collection(&self, name: &str) -> Arc<Self> {
        let place = self.place.with_collection(name);
        Arc::new(Self { client: self.client.clone(), place })
    }

    /// A call at this place.
    pub(super) fn call(
        &self,
        watcher: WatcherName,
        operation: &'static str,
        command: &'static str,
    ) -> Call {
        self.place.call(watcher, operation, command)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
