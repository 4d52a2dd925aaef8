//! Sessions: the driver's, which know the operations of their transaction.

mod transaction;

use std::fmt;

use mongodb::{
    ClusterTime,
    bson::{Bson, Document, Timestamp, spec::BinarySubtype},
};
use uuid::Uuid;

pub(super) use self::transaction::{Transaction, Txn};
use super::{
    action::{AbortTransaction, CommitTransaction, StartTransaction},
    client::Client,
};

/// A session with a MongoDB deployment, as the driver's [`mongodb::ClientSession`].
///
/// An operation in a transaction waits with the final version of its record until it is known
/// what became of the transaction, and says so in `TxnOutcome`: `committed`, `aborted` (by the
/// application, by the server, or because the session was dropped), or `unknown` when a commit was
/// sent and no answer came. Commit and abort have records of their own. The abort of a dropped
/// session is the driver's own doing, in a task of its own: what is seen of it is raw traffic.
///
/// ```no_run
/// # async fn example(client: mongowatch::Client) -> mongodb::error::Result<()> {
/// use mongowatch::bson::{Document, doc};
///
/// let orders = client.database("shop").collection::<Document>("orders");
/// let mut session = client.start_session().await?;
/// session.start_transaction().await?;
/// orders.insert_one(doc! { "article": 7 }).session(&mut session).await?;
/// session.commit_transaction().await?;
/// # Ok(())
/// # }
/// ```
pub struct ClientSession {
    // Before `inner`: the records of a transaction end before the driver aborts it.
    pub(super) transaction: Transaction,
    pub(super) inner: mongodb::ClientSession,
    pub(super) client: Client,
}

/// The session that a call runs in, as its record knows it.
pub(super) struct InSession {
    pub(super) id: Option<Uuid>,
    /// The transaction that is running in it.
    pub(super) txn: Option<Txn>,
}

impl ClientSession {
    pub(super) fn new(inner: mongodb::ClientSession, client: Client) -> Self {
        Self { transaction: Transaction::default(), inner, client }
    }

    /// The client that the session was started on.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The id of the session, as it stands in its commands.
    #[must_use]
    pub fn id(&self) -> &Document {
        self.inner.id()
    }

    /// The highest cluster time that the session has seen, if it has seen one.
    #[must_use]
    pub fn cluster_time(&self) -> Option<&ClusterTime> {
        self.inner.cluster_time()
    }

    /// Sets the cluster time to `to`, unless the session has seen a higher one.
    pub fn advance_cluster_time(&mut self, to: &ClusterTime) {
        self.inner.advance_cluster_time(to);
    }

    /// Sets the operation time to `ts`, unless the session has seen a later one.
    pub fn advance_operation_time(&mut self, ts: Timestamp) {
        self.inner.advance_operation_time(ts);
    }

    /// The operation time of the last operation in the session.
    #[must_use]
    pub fn operation_time(&self) -> Option<Timestamp> {
        self.inner.operation_time()
    }

    /// The moment that a snapshot session reads at, once it is known.
    #[must_use]
    pub fn snapshot_time(&self) -> Option<Timestamp> {
        self.inner.snapshot_time()
    }

    /// The driver's own session, past the mirrored calls. What becomes of a transaction that is
    /// ended there is not seen: its operations are `unknown`, unless a mirrored call tells more.
    #[must_use]
    pub const fn unwatched(&mut self) -> &mut mongodb::ClientSession {
        self.transaction.leave_sight();
        &mut self.inner
    }

    /// Starts a transaction: the operations that are given this session from now on belong to it.
    ///
    /// Nothing is sent before the first of them, so that there is no record of the start.
    pub const fn start_transaction(&mut self) -> StartTransaction<&mut Self> {
        StartTransaction { session: self, options: None }
    }

    /// Commits the transaction.
    ///
    /// An error with the label [`UNKNOWN_TRANSACTION_COMMIT_RESULT`] leaves open whether it was
    /// committed: it may be tried again, and the records of its operations wait for that.
    ///
    /// [`UNKNOWN_TRANSACTION_COMMIT_RESULT`]: mongodb::error::UNKNOWN_TRANSACTION_COMMIT_RESULT
    pub const fn commit_transaction(&mut self) -> CommitTransaction<'_> {
        CommitTransaction { session: self }
    }

    /// Aborts the transaction.
    pub const fn abort_transaction(&mut self) -> AbortTransaction<'_> {
        AbortTransaction { session: self }
    }

    /// What the record of an operation in this session keeps of it.
    pub(super) fn in_session(&self) -> InSession {
        InSession { id: session_id(self.inner.id()), txn: self.transaction.running() }
    }
}

/// The UUID in a session's document, its `lsid`.
pub(super) fn session_id(lsid: &Document) -> Option<Uuid> {
    match lsid.get("id")? {
        Bson::Binary(binary) if binary.subtype == BinarySubtype::Uuid => {
            Uuid::from_slice(&binary.bytes).ok()
        }
        _ => None,
    }
}

impl fmt::Debug for ClientSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSession").field("id", &session_id(self.id())).finish_non_exhaustive()
    }
}
