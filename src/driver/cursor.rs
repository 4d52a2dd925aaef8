//! Cursors: the driver's, with a record that is final when they are.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use mongodb::{
    bson::{Bson, Document, RawDocument},
    error::{Error, Result},
};
use serde::{Deserialize, de::DeserializeOwned};

use super::{ClientSession, failure, operation::Operation, updates::Updates};
use crate::record::{Outcome, WatchMessage};

/// Streams the result of a query, as the driver's [`mongodb::Cursor`] does, and watches it.
///
/// Its record counts the documents that the application received. An update comes out with the first
/// document of each batch after the first (or with every document, if the configuration says so:
/// `watchers.cursor.emit_on_new_retrieves`); the final version when the cursor is exhausted or dropped. Dropped before
/// it is known to be exhausted, it is `cancelled`: the driver tells so only to the one who asks for
/// a document after the last, unless a `limit` was reached. An error does not end a cursor, and the
/// application may read on: its record tells of the last one when it is final.
///
/// Its duration is the time that the application waited for the driver. A call of
/// [`Cursor::advance`] that is dropped before it is ready (`tokio::select!`, a timeout) waits no
/// longer. A `next` of the stream cannot tell that it was dropped: it counts up to its last poll,
/// or, when the cursor is polled again, up to that.
///
/// ```no_run
/// # async fn example(posts: mongowatch::Collection<mongowatch::bson::Document>)
/// # -> mongodb::error::Result<()> {
/// use futures_util::TryStreamExt;
/// use mongowatch::bson::doc;
///
/// let mut cursor = posts.find(doc! { "draft": false }).await?;
/// while let Some(post) = cursor.try_next().await? {
///     println!("{post}");
/// }
/// # Ok(())
/// # }
/// ```
pub struct Cursor<T> {
    // Before `inner`, so that the record is final before the driver kills the cursor.
    watch: CursorWatch,
    inner: mongodb::Cursor<T>,
}

/// Streams the result of a query in a session, as the driver's [`mongodb::SessionCursor`] does,
/// and watches it.
pub struct SessionCursor<T> {
    watch: CursorWatch,
    inner: mongodb::SessionCursor<T>,
}

/// Streams a [`SessionCursor`], as the driver's [`mongodb::SessionCursorStream`] does, and watches
/// it. What it does belongs to the record of its cursor.
///
/// Made by [`SessionCursor::stream`].
#[must_use = "a stream does nothing until it is polled"]
pub struct SessionCursorStream<'cursor, 'session, T = Document> {
    watch: &'cursor mut CursorWatch,
    inner: mongodb::SessionCursorStream<'cursor, 'session, T>,
}

/// The record of a cursor.
pub(super) struct CursorWatch {
    operation: Operation,
    pub(super) n_received: u64,
    /// How many documents the last version told of.
    n_reported: u64,
    /// So many documents the application asked for at most.
    limit: Option<u64>,
    on_server: OnServer,
    updates: Updates,
    /// The outcome of the last error, none of which ends the cursor.
    troubled: Option<Outcome>,
    /// The outcome when it is dropped before its end.
    dropped: Outcome,
}

/// What is known of the cursor on the server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OnServer {
    /// It may be there: the driver kills it when it is dropped.
    Open,
    /// The server said that it is gone.
    Lost,
    /// The driver said that there are no more documents.
    Exhausted,
}

/// What one step of a cursor came to.
pub(super) enum Step<'a> {
    /// So many documents came; `is_last` if the server has no more of them.
    Received {
        n: u64,
        is_last: bool,
    },
    Exhausted,
    Failed(&'a Error),
}

impl<T> Cursor<T> {
    pub(super) fn new(inner: mongodb::Cursor<T>, operation: Operation) -> Self {
        let on_server = if inner.has_next() { OnServer::Open } else { OnServer::Exhausted };
        Self { watch: CursorWatch::new(operation, on_server), inner }
    }

    /// Moves the cursor forward; see [`mongodb::Cursor::advance`].
    ///
    /// # Errors
    ///
    /// Those of the driver.
    pub async fn advance(&mut self) -> Result<bool> {
        let Self { watch, inner } = self;
        let result = watch.wait(inner.advance()).await;
        watch.step(advanced(&result));
        result
    }

    /// The document at which the cursor stands; see [`mongodb::Cursor::current`].
    ///
    /// # Panics
    ///
    /// When [`Cursor::advance`] did not return `Ok(true)` before.
    pub fn current(&self) -> &RawDocument {
        self.inner.current()
    }

    /// Can there be more documents? See [`mongodb::Cursor::has_next`].
    pub fn has_next(&self) -> bool {
        self.inner.has_next()
    }

    /// The document at which the cursor stands, as a `T`; see
    /// [`mongodb::Cursor::deserialize_current`].
    ///
    /// # Errors
    ///
    /// When the document is not a `T`.
    pub fn deserialize_current<'a>(&'a self) -> Result<T>
    where
        T: Deserialize<'a>,
    {
        self.inner.deserialize_current()
    }

    /// The cursor with another type of documents; see [`mongodb::Cursor::with_type`].
    pub fn with_type<'a, D>(self) -> Cursor<D>
    where
        D: Deserialize<'a>,
    {
        Cursor { watch: self.watch, inner: self.inner.with_type() }
    }
}

impl<T: DeserializeOwned> Stream for Cursor<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { watch, inner } = &mut *self;
        watch.poll_next(|| Pin::new(inner).poll_next(cx))
    }
}

impl<T> SessionCursor<T> {
    pub(super) fn new(inner: mongodb::SessionCursor<T>, mut operation: Operation) -> Self {
        // The driver does not say whether there is more; after a pipeline that writes there is not.
        let writes = operation.record().is_some_and(|record| writes(record));
        let on_server = if writes { OnServer::Exhausted } else { OnServer::Open };
        Self { watch: CursorWatch::new(operation, on_server), inner }
    }

    /// Moves the cursor forward; see [`mongodb::SessionCursor::advance`].
    ///
    /// # Errors
    ///
    /// Those of the driver.
    pub async fn advance(&mut self, session: &mut ClientSession) -> Result<bool> {
        let Self { watch, inner } = self;
        let result = watch.wait(inner.advance(&mut session.inner)).await;
        watch.step(advanced(&result));
        result
    }

    /// A stream of the documents to come; see [`mongodb::SessionCursor::stream`]. As long as it
    /// lives the session is its own: [`SessionCursor::next`] gives it back after each document.
    ///
    /// ```no_run
    /// # async fn example(
    /// #     client: mongowatch::Client,
    /// #     posts: mongowatch::Collection<mongowatch::bson::Document>,
    /// # ) -> mongodb::error::Result<()> {
    /// use futures_util::TryStreamExt;
    /// use mongowatch::bson::doc;
    ///
    /// let mut session = client.start_session().await?;
    /// let mut cursor = posts.find(doc! {}).session(&mut session).await?;
    /// let all: Vec<_> = cursor.stream(&mut session).try_collect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream<'session>(
        &mut self,
        session: &'session mut ClientSession,
    ) -> SessionCursorStream<'_, 'session, T> {
        SessionCursorStream { watch: &mut self.watch, inner: self.inner.stream(&mut session.inner) }
    }

    /// The next document, if there is one; see [`mongodb::SessionCursor::next`].
    pub async fn next(&mut self, session: &mut ClientSession) -> Option<Result<T>>
    where
        T: DeserializeOwned,
    {
        let Self { watch, inner } = self;
        let item = watch.wait(inner.next(&mut session.inner)).await;
        watch.step(streamed(&item));
        item
    }

    /// The document at which the cursor stands; see [`mongodb::SessionCursor::current`].
    ///
    /// # Panics
    ///
    /// When [`SessionCursor::advance`] did not return `Ok(true)` before.
    pub fn current(&self) -> &RawDocument {
        self.inner.current()
    }

    /// The document at which the cursor stands, as a `T`; see
    /// [`mongodb::SessionCursor::deserialize_current`].
    ///
    /// # Errors
    ///
    /// When the document is not a `T`.
    pub fn deserialize_current<'a>(&'a self) -> Result<T>
    where
        T: Deserialize<'a>,
    {
        self.inner.deserialize_current()
    }

    /// The cursor with another type of documents; see [`mongodb::SessionCursor::with_type`].
    pub fn with_type<'a, D>(self) -> SessionCursor<D>
    where
        D: Deserialize<'a>,
    {
        SessionCursor { watch: self.watch, inner: self.inner.with_type() }
    }
}

impl<'cursor, 'session, T> Stream for SessionCursorStream<'cursor, 'session, T>
where
    T: DeserializeOwned,
    'session: 'cursor,
{
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { watch, inner } = &mut *self;
        watch.poll_next(|| Pin::new(inner).poll_next(cx))
    }
}

impl<T> Drop for SessionCursorStream<'_, '_, T> {
    fn drop(&mut self) {
        self.watch.stop_waiting();
    }
}

impl CursorWatch {
    pub(super) fn new(mut operation: Operation, on_server: OnServer) -> Self {
        let limit = operation.record().and_then(|record| limit_of(record));
        let updates = Updates::of(&operation);
        Self {
            operation,
            n_received: 0,
            n_reported: 0,
            limit,
            on_server,
            updates,
            troubled: None,
            dropped: Outcome::Cancelled,
        }
    }

    /// To drop it is the way to close it.
    pub(super) const fn closed_by_drop(mut self) -> Self {
        self.dropped = Outcome::Ok;
        self
    }

    pub(super) const fn n_received(&self) -> u64 {
        self.n_received
    }

    /// Will the next document that is received give an update?
    pub(super) fn is_update_due(&self) -> bool {
        self.updates.is_due()
    }

    pub(super) fn record(&mut self) -> Option<&mut WatchMessage> {
        self.operation.record()
    }

    /// The application waits no longer, although there is nothing new.
    pub(super) fn pause(&mut self) {
        self.operation.pause();
    }

    /// Runs one poll of the driver.
    ///
    /// A document of a batch that is there already is ready at once, and no clock is read for it:
    /// the time that counts is the time the driver waits for the server.
    pub(super) fn poll<R>(&mut self, poll: impl FnOnce() -> Poll<R>) -> Poll<R> {
        let polled = self.operation.enter(poll);
        if polled.is_pending() {
            // The wait counts up to here, should this be the last poll.
            self.operation.pause();
            self.updates.wait();
            self.operation.resume();
        }
        polled
    }

    /// Whoever drops a stream while it is pending no longer waits.
    pub(super) fn stop_waiting(&mut self) {
        self.operation.pause();
    }

    /// Runs one poll of the driver's stream, and the step that it may come to.
    fn poll_next<T>(
        &mut self,
        poll: impl FnOnce() -> Poll<Option<Result<T>>>,
    ) -> Poll<Option<Result<T>>> {
        let polled = self.poll(poll);
        if let Poll::Ready(item) = &polled {
            self.step(streamed(item));
        }
        polled
    }

    /// Runs a future of the driver, as [`CursorWatch::poll`] does with a poll.
    pub(super) async fn wait<R>(&mut self, future: impl Future<Output = R>) -> R {
        /// Ends the wait with the future: what the application does after it has dropped it is
        /// its own time.
        struct Waiting<'a>(&'a mut CursorWatch);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.operation.pause();
            }
        }
        let waiting = Waiting(self);
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| waiting.0.poll(|| future.as_mut().poll(cx))).await
    }

    pub(super) fn step(&mut self, step: Step<'_>) {
        self.operation.pause();
        match step {
            Step::Received { n, is_last } => {
                self.n_received += n;
                if is_last {
                    self.on_server = OnServer::Exhausted;
                }
                if self.dropped == Outcome::Ok && self.troubled.take().is_some() {
                    // What has no end is judged by its last step.
                    self.operation.forget_error();
                }
                if self.updates.is_due() {
                    self.updates.begin_anew();
                    self.report();
                }
            }
            Step::Exhausted => {
                self.on_server = OnServer::Exhausted;
                self.write_down();
                self.operation.close(self.troubled.unwrap_or(Outcome::Ok));
            }
            // The driver asks the server again when the application does; with `?` the cursor is
            // dropped at once.
            Step::Failed(error) => {
                if failure::ends_cursor(error) {
                    self.on_server = OnServer::Lost;
                }
                self.troubled = self.operation.note(error).or(self.troubled);
            }
        }
    }

    /// Tells of what was received.
    fn report(&mut self) {
        if self.n_received > self.n_reported {
            self.n_reported = self.n_received;
            self.write_down();
            self.operation.update();
        }
    }

    fn write_down(&mut self) {
        if let Some(record) = self.operation.record() {
            record.counts.matched = Some(self.n_received);
        }
    }
}

impl Drop for CursorWatch {
    fn drop(&mut self) {
        // A stream that was pending and was not polled again: nobody waited since.
        self.operation.forget_wait();
        self.write_down();
        let complete = self.on_server == OnServer::Exhausted
            || self.limit.is_some_and(|limit| self.n_received >= limit)
            || self.operation.sent_all(self.n_received);
        if self.on_server == OnServer::Open {
            self.operation.expect_kill();
        }
        let end = if complete { Outcome::Ok } else { self.dropped };
        self.operation.close(self.troubled.unwrap_or(end));
    }
}

/// The limit among the options of a call; 0 is none, and a negative one asks for a single batch.
fn limit_of(record: &WatchMessage) -> Option<u64> {
    let options = record.options.as_deref()?.as_document()?;
    let limit = options.get_i64("limit").ok()?.unsigned_abs();
    (limit > 0).then_some(limit)
}

/// Is it a pipeline that writes, so that it is done when it is answered, and its cursor empty?
fn writes(record: &WatchMessage) -> bool {
    let last = record.filter.as_deref().and_then(Bson::as_array).and_then(|stages| stages.last());
    let last = last.and_then(Bson::as_document);
    last.is_some_and(|stage| stage.contains_key("$out") || stage.contains_key("$merge"))
}

const fn advanced(result: &Result<bool>) -> Step<'_> {
    match result {
        Ok(true) => Step::Received { n: 1, is_last: false },
        Ok(false) => Step::Exhausted,
        Err(error) => Step::Failed(error),
    }
}

pub(super) const fn found<T>(result: &Result<Option<T>>) -> Step<'_> {
    match result {
        Ok(Some(_)) => Step::Received { n: 1, is_last: false },
        Ok(None) => Step::Exhausted,
        Err(error) => Step::Failed(error),
    }
}

pub(super) const fn streamed<T>(item: &Option<Result<T>>) -> Step<'_> {
    match item {
        Some(Ok(_)) => Step::Received { n: 1, is_last: false },
        Some(Err(error)) => Step::Failed(error),
        None => Step::Exhausted,
    }
}

impl<T> fmt::Debug for Cursor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor").field("received", &self.watch.n_received).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for SessionCursor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let received = &self.watch.n_received;
        f.debug_struct("SessionCursor").field("received", received).finish_non_exhaustive()
    }
}
