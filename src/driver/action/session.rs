//! Sessions and transactions: `start_session`, `start_transaction`, `commit_transaction`,
//! `abort_transaction`.

use std::time::{Duration, Instant};

use mongodb::{
    bson::Timestamp,
    error::{ErrorKind, Result, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT},
    options::{ReadConcern, SelectionCriteria, SessionOptions, TransactionOptions, WriteConcern},
};

use super::*;
use crate::{driver::Client, record::WatcherName};

/// Starts a session; made by [`Client::start_session`](crate::Client::start_session).
#[must_use = "an action does nothing until it is awaited"]
pub struct StartSession<'a> {
    pub(in crate::driver) action: mongodb::action::StartSession<'a>,
    pub(in crate::driver) client: &'a Client,
}

/// Writes setters that hand their value to the driver's action: there is no record to show it in.
macro_rules! handed_on {
    ($options:ident { $($name:ident : $type:ty),* $(,)? }) => {
        /// Sets all options; this replaces those set before.
        pub fn with_options(mut self, value: impl Into<Option<$options>>) -> Self {
            self.action = self.action.with_options(value);
            self
        }

        $(
            #[doc = concat!("Sets the option of this name of [`mongodb::options::", stringify!($options), "`].")]
            pub fn $name(mut self, value: $type) -> Self {
                self.action = self.action.$name(value);
                self
            }
        )*
    };
}

impl StartSession<'_> {
    handed_on!(SessionOptions {
        default_transaction_options: TransactionOptions,
        causal_consistency: bool,
        snapshot: bool,
        snapshot_time: Timestamp,
    });
}

run!([] StartSession<'a> => crate::driver::sync::ClientSession, crate::driver::sync::ClientSession::new);

impl Mirrored for StartSession<'_> {}

impl<'a> IntoFuture for StartSession<'a> {
    type Output = Result<ClientSession>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { action, client } = self;
        Box::pin(async move { Ok(ClientSession::new(action.await?, client.clone())) })
    }
}

/// Starts a transaction; made by
/// [`ClientSession::start_transaction`](crate::ClientSession::start_transaction).
#[must_use = "an action does nothing until it is awaited"]
pub struct StartTransaction<S> {
    pub(in crate::driver) session: S,
    pub(in crate::driver) options: Option<TransactionOptions>,
}

impl<S> StartTransaction<S> {
    setters!(TransactionOptions {
        read_concern: ReadConcern,
        write_concern: WriteConcern,
        selection_criteria: SelectionCriteria,
        max_commit_time: Duration,
    });
}

impl<S> Mirrored for StartTransaction<S> {}

impl<'a> IntoFuture for StartTransaction<&'a mut ClientSession> {
    type Output = Result<()>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(mut self) -> Self::IntoFuture {
        let described = self.described();
        let Self { session, options } = self;
        Box::pin(async move {
            session.inner.start_transaction().with_options(options).await?;
            session.transaction.start(described);
            Ok(())
        })
    }
}

/// Commits a transaction; made by
/// [`ClientSession::commit_transaction`](crate::ClientSession::commit_transaction).
#[must_use = "an action does nothing until it is awaited"]
pub struct CommitTransaction<'a> {
    pub(in crate::driver) session: &'a mut ClientSession,
}

run!([] CommitTransaction<'a> => ());

impl Mirrored for CommitTransaction<'_> {}

impl<'a> IntoFuture for CommitTransaction<'a> {
    type Output = Result<()>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let session = self.session;
        Box::pin(async move {
            let (call, options) = call(session, "commit_transaction", "commitTransaction");
            session.transaction.commit();
            let future = session.inner.commit_transaction().into_future();
            let result = call.run(options, future, |_record, _result| ()).await;
            session.transaction.committed(&result);
            result
        })
    }
}

/// Aborts a transaction; made by
/// [`ClientSession::abort_transaction`](crate::ClientSession::abort_transaction).
#[must_use = "an action does nothing until it is awaited"]
pub struct AbortTransaction<'a> {
    pub(in crate::driver) session: &'a mut ClientSession,
}

run!([] AbortTransaction<'a> => ());

impl Mirrored for AbortTransaction<'_> {}

impl<'a> IntoFuture for AbortTransaction<'a> {
    type Output = Result<()>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let session = self.session;
        Box::pin(async move {
            let (call, options) = call(session, "abort_transaction", "abortTransaction");
            session.transaction.abort();
            let future = session.inner.abort_transaction().into_future();
            // The driver ignores what the server answers: whatever it is, nothing is committed.
            let result = call.run(options, future, |_record, _result| ()).await;
            session.transaction.aborted(&result);
            result
        })
    }
}

/// The call that ends a transaction, and the transaction's options.
fn call(
    session: &ClientSession,
    operation: &'static str,
    command: &'static str,
) -> (Call, Option<Arc<Bson>>) {
    let mut call = session.client.call(WatcherName::Session, operation, command);
    // The call itself is no part of the transaction: its record does not wait for it.
    call.session_id = session.in_session().id;
    (call, session.transaction.options.clone())
}

impl StartTransaction<&mut ClientSession> {
    /// Starts a transaction, runs `callback` in it, and commits it, or aborts it if `callback`
    /// fails; see [`mongodb::action::StartTransaction::and_run`].
    ///
    /// After a transient error all of it is tried again, and after a commit of unknown result the
    /// commit, for 120 seconds at most. Each attempt has records of its own. `context` is handed
    /// to each call of `callback`, which spares it captures by reference.
    ///
    /// ```no_run
    /// # async fn example(client: mongowatch::Client) -> mongodb::error::Result<()> {
    /// use futures_util::FutureExt;
    /// use mongowatch::bson::{Document, doc};
    ///
    /// let orders = client.database("shop").collection::<Document>("orders");
    /// let mut session = client.start_session().await?;
    /// let transaction = session.start_transaction();
    /// transaction
    ///     .and_run(&orders, |session, orders| {
    ///         async move { orders.insert_one(doc! { "article": 7 }).session(session).await }.boxed()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `callback` and of the driver. When the time has run out, an
    /// [`ErrorKind::Transaction`]; the driver's own has the last error as its source, and this one
    /// names it in its text.
    pub async fn and_run<R, C, F>(self, mut context: C, mut callback: F) -> Result<R>
    where
        F: for<'b> FnMut(&'b mut ClientSession, &'b mut C) -> BoxFuture<'b, Result<R>>,
    {
        let Self { session, options } = self;
        let mut retry = Retry::new();
        loop {
            retry.begin(session, options.as_ref()).await?;
            let result = callback(session, &mut context).await;
            match retry.end(session, result).await {
                End::Over(result) => return result,
                End::Again => {}
            }
        }
    }

    /// Starts a transaction, runs `callback` in it, and commits it, or aborts it if `callback`
    /// fails, as [`StartTransaction::and_run`] does, with an async closure.
    ///
    /// # Errors
    ///
    /// Those of [`StartTransaction::and_run`].
    pub async fn and_run2<R, F>(self, mut callback: F) -> Result<R>
    where
        F: for<'b> AsyncFnMut(&'b mut ClientSession) -> Result<R>,
    {
        let Self { session, options } = self;
        let mut retry = Retry::new();
        loop {
            retry.begin(session, options.as_ref()).await?;
            let result = callback(session).await;
            match retry.end(session, result).await {
                End::Over(result) => return result,
                End::Again => {}
            }
        }
    }
}

/// The rules of a transaction that is tried again: the driver's own work on its own session type,
/// which a callback that is given ours cannot use.
///
/// Source: the driver specification "Convenient API for Transactions".
pub(in crate::driver) struct Retry {
    since: Instant,
    n_attempts: u32,
    /// Why the last attempt is repeated.
    last: Option<Error>,
}

/// How one attempt ended.
pub(in crate::driver) enum End<R> {
    Over(Result<R>),
    Again,
}

impl Retry {
    const TIME_MAX: Duration = Duration::from_secs(120);
    const PAUSE_FIRST: Duration = Duration::from_millis(5);
    const PAUSE_MAX: Duration = Duration::from_millis(500);
    const PAUSE_GROWTH: f64 = 1.5;

    pub(in crate::driver) fn new() -> Self {
        Self { since: Instant::now(), n_attempts: 0, last: None }
    }

    /// Starts the transaction, after a pause if it is not the first attempt.
    pub(in crate::driver) async fn begin(
        &mut self,
        session: &mut ClientSession,
        options: Option<&TransactionOptions>,
    ) -> Result<()> {
        if let Some(last) = self.last.take() {
            let pause = self.pause();
            if self.since.elapsed() + pause >= Self::TIME_MAX {
                return Err(out_of_time(session, last).await);
            }
            tokio::time::sleep(pause).await;
        }
        self.n_attempts += 1;
        session.start_transaction().with_options(options.cloned()).await
    }

    /// Commits or aborts, as the callback's result says.
    pub(in crate::driver) async fn end<R>(
        &mut self,
        session: &mut ClientSession,
        result: Result<R>,
    ) -> End<R> {
        let value = match result {
            Ok(value) => value,
            Err(error) => return self.callback_failed(session, error).await,
        };
        // The callback has ended the transaction itself.
        if !session.transaction.is_running() {
            return End::Over(Ok(value));
        }
        loop {
            let Err(error) = session.commit_transaction().await else {
                return End::Over(Ok(value));
            };
            let is_unknown = error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT);
            if is_unknown && !has_run_out_of_time(&error) {
                if self.since.elapsed() >= Self::TIME_MAX {
                    return End::Over(Err(out_of_time(session, error).await));
                }
            } else {
                return self.again_if_transient(error);
            }
        }
    }

    async fn callback_failed<R>(&mut self, session: &mut ClientSession, error: Error) -> End<R> {
        if session.transaction.is_running()
            && let Err(error) = session.abort_transaction().await
        {
            return End::Over(Err(error));
        }
        self.again_if_transient(error)
    }

    fn again_if_transient<R>(&mut self, error: Error) -> End<R> {
        if !error.contains_label(TRANSIENT_TRANSACTION_ERROR) {
            return End::Over(Err(error));
        }
        self.last = Some(error);
        End::Again
    }

    /// A random part of what grows from attempt to attempt, so that those who collide part.
    fn pause(&self) -> Duration {
        let growth = Self::PAUSE_GROWTH.powf(f64::from(self.n_attempts.min(64)));
        Self::PAUSE_FIRST.mul_f64(growth).min(Self::PAUSE_MAX).mul_f64(fastrand::f64())
    }
}

/// Did the server stop the commit at its `maxTimeMS`? Then it would stop it again.
fn has_run_out_of_time(error: &Error) -> bool {
    const MAX_TIME_MS_EXPIRED: i32 = 50;
    match &*error.kind {
        ErrorKind::Command(command) => command.code == MAX_TIME_MS_EXPIRED,
        ErrorKind::Write(mongodb::error::WriteFailure::WriteConcernError(concern)) => {
            concern.code == MAX_TIME_MS_EXPIRED
        }
        _ => false,
    }
}

/// The driver's error for a transaction that was tried for too long. Only the driver can make one:
/// this is what it says to the abort of a transaction that has ended, with another text.
async fn out_of_time(session: &mut ClientSession, last: Error) -> Error {
    let Err(mut error) = session.inner.abort_transaction().await else { return last };
    if let ErrorKind::Transaction { message, .. } = &mut *error.kind {
        let seconds = Retry::TIME_MAX.as_secs();
        *message =
            format!("convenient transaction exceeded maximum time ({seconds} seconds): {last}");
    }
    error
}
