//! Sessions of the blocking API.

use mongodb::{ClusterTime, bson::Document, error::Result};

use super::{Client, block_on};
use crate::driver::{
    self,
    action::{
        AbortTransaction, CommitTransaction, StartTransaction,
        session::{End, Retry},
    },
};

/// A session with a MongoDB deployment, as the driver's [`mongodb::sync::ClientSession`], with what
/// [`crate::ClientSession`] says of transactions.
#[derive(Debug)]
pub struct ClientSession {
    async_client_session: driver::ClientSession,
}

impl ClientSession {
    pub(in crate::driver) const fn new(async_client_session: driver::ClientSession) -> Self {
        Self { async_client_session }
    }

    /// The client that the session was started on.
    #[must_use]
    pub fn client(&self) -> Client {
        self.async_client_session.client().into()
    }

    /// The id of the session, as it stands in its commands.
    #[must_use]
    pub fn id(&self) -> &Document {
        self.async_client_session.id()
    }

    /// The highest cluster time that the session has seen, if it has seen one.
    #[must_use]
    pub fn cluster_time(&self) -> Option<&ClusterTime> {
        self.async_client_session.cluster_time()
    }

    /// Sets the cluster time to `to`, unless the session has seen a higher one.
    pub fn advance_cluster_time(&mut self, to: &ClusterTime) {
        self.async_client_session.advance_cluster_time(to);
    }

    /// Starts a transaction.
    pub const fn start_transaction(&mut self) -> StartTransaction<&mut Self> {
        StartTransaction { session: self, options: None }
    }

    /// Commits the transaction.
    pub const fn commit_transaction(&mut self) -> CommitTransaction<'_> {
        self.async_client_session.commit_transaction()
    }

    /// Aborts the transaction.
    pub const fn abort_transaction(&mut self) -> AbortTransaction<'_> {
        self.async_client_session.abort_transaction()
    }
}

impl From<driver::ClientSession> for ClientSession {
    fn from(async_client_session: driver::ClientSession) -> Self {
        Self { async_client_session }
    }
}

impl<'a> From<&'a mut ClientSession> for &'a mut driver::ClientSession {
    fn from(session: &'a mut ClientSession) -> Self {
        &mut session.async_client_session
    }
}

impl StartTransaction<&mut ClientSession> {
    /// Starts the transaction.
    ///
    /// # Errors
    ///
    /// Those of the driver.
    pub fn run(self) -> Result<()> {
        let Self { session, options } = self;
        let session = &mut session.async_client_session;
        block_on(StartTransaction { session, options }.into_future())
    }

    /// Starts a transaction, runs `callback` in it, and commits it, or aborts it if `callback`
    /// fails, as the async form does.
    ///
    /// # Errors
    ///
    /// Those of `callback` and of the driver.
    pub fn and_run<R, F>(self, mut callback: F) -> Result<R>
    where
        F: for<'b> FnMut(&'b mut ClientSession) -> Result<R>,
    {
        let Self { session, options } = self;
        let mut retry = Retry::new();
        loop {
            block_on(retry.begin(&mut session.async_client_session, options.as_ref()))?;
            let result = callback(session);
            match block_on(retry.end(&mut session.async_client_session, result)) {
                End::Over(result) => return result,
                End::Again => {}
            }
        }
    }
}
