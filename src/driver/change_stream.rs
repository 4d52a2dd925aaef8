//! Change streams: the driver's, with one record from their opening to their end.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::Stream;
use mongodb::error::Result;
use serde::de::DeserializeOwned;

pub use mongodb::change_stream::event;

use self::event::ResumeToken;
use super::{
    ClientSession,
    cursor::{CursorWatch, OnServer, Step, found, streamed},
    describe::Describe,
    operation::Operation,
};

/// Change streams in a session, under the driver's path.
pub mod session {
    pub use super::SessionChangeStream;
}

/// Streams the changes of a collection, a database or a deployment, as the driver's
/// [`mongodb::change_stream::ChangeStream`] does, and watches it.
///
/// Made by [`Collection::watch`](crate::Collection::watch),
/// [`Database::watch`](crate::Database::watch) and [`Client::watch`](crate::Client::watch).
///
/// Its record counts the events that the application received; an update comes out with the first
/// of a batch (or with each, if the configuration says so), with the resume token after the last of them in `ResumeToken`. Where the
/// driver's traffic is seen, `Resumes` counts how often the driver has resumed the stream. To drop
/// the stream is to close it: its record is final then, as `ok` unless its last event was an error.
///
/// ```no_run
/// # async fn example(orders: mongowatch::Collection<mongowatch::bson::Document>)
/// # -> mongodb::error::Result<()> {
/// use futures_util::TryStreamExt;
///
/// let mut changes = orders.watch().await?;
/// while let Some(change) = changes.try_next().await? {
///     println!("{:?} {:?}", change.operation_type, change.document_key);
/// }
/// # Ok(())
/// # }
/// ```
pub struct ChangeStream<T>
where
    T: DeserializeOwned,
{
    // Before `inner`, so that the record is final before the driver kills the cursor.
    watch: EventWatch,
    inner: mongodb::change_stream::ChangeStream<T>,
}

/// Streams changes in a session, as the driver's
/// [`mongodb::change_stream::session::SessionChangeStream`] does, and watches it like a
/// [`ChangeStream`].
pub struct SessionChangeStream<T>
where
    T: DeserializeOwned + Unpin,
{
    watch: EventWatch,
    inner: mongodb::change_stream::session::SessionChangeStream<T>,
}

/// The record of a change stream.
struct EventWatch {
    cursor: CursorWatch,
    /// Where the driver would resume, as far as it was asked.
    resume_token: Option<ResumeToken>,
    /// Did a poll for the next event have to wait, and was none made since?
    is_waiting: bool,
}

impl<T: DeserializeOwned> ChangeStream<T> {
    pub(super) fn new(
        inner: mongodb::change_stream::ChangeStream<T>,
        operation: Operation,
    ) -> Self {
        let resume_token = inner.resume_token();
        Self { watch: EventWatch::new(operation, resume_token), inner }
    }

    /// The token to resume after the last event; see
    /// [`mongodb::change_stream::ChangeStream::resume_token`].
    pub fn resume_token(&self) -> Option<ResumeToken> {
        self.inner.resume_token()
    }

    /// The stream with another type of events.
    pub fn with_type<D: DeserializeOwned>(self) -> ChangeStream<D> {
        ChangeStream { watch: self.watch, inner: self.inner.with_type() }
    }

    /// Can there be more events?
    pub fn is_alive(&self) -> bool {
        self.inner.is_alive()
    }

    /// The next event, if there is one after one request at most; see
    /// [`mongodb::change_stream::ChangeStream::next_if_any`].
    ///
    /// # Errors
    ///
    /// Those of the driver.
    pub async fn next_if_any(&mut self) -> Result<Option<T>> {
        let Self { watch, inner } = self;
        let result = watch.cursor.wait(inner.next_if_any()).await;
        // While an event is being waited for, the driver's stream can be asked nothing else.
        if !watch.is_waiting {
            watch.learn(inner.resume_token());
            watch.step_if_any(&result, inner.is_alive());
        }
        result
    }
}

impl<T: DeserializeOwned> Stream for ChangeStream<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { watch, inner } = &mut *self;
        let polled = watch.cursor.poll(|| Pin::new(&mut *inner).poll_next(cx));
        watch.is_waiting = polled.is_pending();
        if let Poll::Ready(item) = &polled {
            watch.learn(inner.resume_token());
            watch.step(streamed(item));
        }
        polled
    }
}

impl<T> SessionChangeStream<T>
where
    T: DeserializeOwned + Unpin + Send + Sync,
{
    pub(super) fn new(
        inner: mongodb::change_stream::session::SessionChangeStream<T>,
        operation: Operation,
    ) -> Self {
        let resume_token = inner.resume_token();
        Self { watch: EventWatch::new(operation, resume_token), inner }
    }

    /// The token to resume after the last event; see
    /// [`mongodb::change_stream::session::SessionChangeStream::resume_token`].
    pub fn resume_token(&self) -> Option<ResumeToken> {
        self.inner.resume_token()
    }

    /// The stream with another type of events.
    pub fn with_type<D>(self) -> SessionChangeStream<D>
    where
        D: DeserializeOwned + Unpin + Send + Sync,
    {
        SessionChangeStream { watch: self.watch, inner: self.inner.with_type() }
    }

    /// Waits for the next event, in the session that the stream was made with.
    ///
    /// # Errors
    ///
    /// Those of the driver.
    pub async fn next(&mut self, session: &mut ClientSession) -> Result<Option<T>> {
        let Self { watch, inner } = self;
        let result = watch.cursor.wait(inner.next(&mut session.inner)).await;
        watch.learn(inner.resume_token());
        watch.step(found(&result));
        result
    }

    /// Can there be more events?
    pub fn is_alive(&self) -> bool {
        self.inner.is_alive()
    }

    /// The next event, if there is one after one request at most; see
    /// [`mongodb::change_stream::session::SessionChangeStream::next_if_any`].
    ///
    /// # Errors
    ///
    /// Those of the driver.
    pub async fn next_if_any(&mut self, session: &mut ClientSession) -> Result<Option<T>> {
        let Self { watch, inner } = self;
        let result = watch.cursor.wait(inner.next_if_any(&mut session.inner)).await;
        watch.learn(inner.resume_token());
        watch.step_if_any(&result, inner.is_alive());
        result
    }
}

impl EventWatch {
    fn new(operation: Operation, resume_token: Option<ResumeToken>) -> Self {
        operation.count_resumes();
        let cursor = CursorWatch::new(operation, OnServer::Open).closed_by_drop();
        Self { cursor, resume_token, is_waiting: false }
    }

    fn learn(&mut self, resume_token: Option<ResumeToken>) {
        self.resume_token = resume_token;
    }

    fn step(&mut self, step: Step<'_>) {
        // Only now can a version of the record come out.
        if self.cursor.is_update_due() || !matches!(step, Step::Received { .. }) {
            self.write_down();
        }
        self.cursor.step(step);
    }

    /// None says only that there is no event yet, as long as the stream is alive.
    fn step_if_any<T>(&mut self, result: &Result<Option<T>>, is_alive: bool) {
        match found(result) {
            Step::Exhausted if is_alive => self.cursor.pause(),
            step => self.step(step),
        }
    }

    fn write_down(&mut self) {
        if let Some(record) = self.cursor.record() {
            let token = self.resume_token.as_ref();
            record.resume_token = token.map(|token| Arc::new(token.describe()));
        }
    }
}

impl Drop for EventWatch {
    fn drop(&mut self) {
        self.write_down();
    }
}

impl<T: DeserializeOwned> fmt::Debug for ChangeStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let received = self.watch.cursor.n_received();
        f.debug_struct("ChangeStream").field("received", &received).finish_non_exhaustive()
    }
}

impl<T: DeserializeOwned + Unpin> fmt::Debug for SessionChangeStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let received = self.watch.cursor.n_received();
        f.debug_struct("SessionChangeStream").field("received", &received).finish_non_exhaustive()
    }
}
