//! Cursors that give the server's batches as they come: the driver's, with a record that is final
//! when they are.
//!
//! They are for reads whose documents are not needed as values one by one: filters, copies,
//! proxies. For all else there is [`Cursor`](crate::Cursor).
//!
//! ```no_run
//! # async fn example(posts: mongowatch::Collection<mongowatch::bson::Document>)
//! # -> mongodb::error::Result<()> {
//! use futures_util::TryStreamExt;
//! use mongowatch::bson::doc;
//!
//! let mut batches = posts.find(doc! {}).batch().await?;
//! while let Some(batch) = batches.try_next().await? {
//!     for document in batch.doc_slices()? {
//!         println!("{:?}", document?);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use mongodb::error::Result;

pub use mongodb::raw_batch_cursor::RawBatch;

use super::{
    ClientSession,
    cursor::{CursorWatch, OnServer, Step},
    operation::Operation,
};

/// Streams the batches of a query, as the driver's [`mongodb::raw_batch_cursor::RawBatchCursor`]
/// does, and watches it.
///
/// Its record counts the documents in the batches that the application received. It is final when
/// the stream is exhausted or dropped: `cancelled`, if that is before the server's last batch.
pub struct RawBatchCursor {
    // Before `inner`, so that the record is final before the driver kills the cursor.
    watch: CursorWatch,
    inner: mongodb::raw_batch_cursor::RawBatchCursor,
}

/// Gives the batches of a query in a session, as the driver's
/// [`mongodb::raw_batch_cursor::SessionRawBatchCursor`] does, and watches it.
pub struct SessionRawBatchCursor {
    watch: CursorWatch,
    inner: mongodb::raw_batch_cursor::SessionRawBatchCursor,
}

/// Streams a [`SessionRawBatchCursor`], as the driver's
/// [`mongodb::raw_batch_cursor::SessionRawBatchCursorStream`] does. What it does belongs to the
/// record of its cursor.
///
/// Made by [`SessionRawBatchCursor::stream`].
#[must_use = "a stream does nothing until it is polled"]
pub struct SessionRawBatchCursorStream<'cursor, 'session> {
    watch: &'cursor mut CursorWatch,
    inner: mongodb::raw_batch_cursor::SessionRawBatchCursorStream<'cursor, 'session>,
}

impl RawBatchCursor {
    pub(super) fn new(
        inner: mongodb::raw_batch_cursor::RawBatchCursor,
        operation: Operation,
    ) -> Self {
        // Whether the first batch is the last the driver tells with the batch itself.
        Self { watch: CursorWatch::new(operation, OnServer::Open), inner }
    }
}

impl SessionRawBatchCursor {
    pub(super) fn new(
        inner: mongodb::raw_batch_cursor::SessionRawBatchCursor,
        operation: Operation,
    ) -> Self {
        Self { watch: CursorWatch::new(operation, OnServer::Open), inner }
    }

    /// A stream of the batches to come, in the session that the cursor was made in.
    pub fn stream<'session>(
        &mut self,
        session: &'session mut ClientSession,
    ) -> SessionRawBatchCursorStream<'_, 'session> {
        SessionRawBatchCursorStream {
            watch: &mut self.watch,
            inner: self.inner.stream(&mut session.inner),
        }
    }
}

impl Stream for RawBatchCursor {
    type Item = Result<RawBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { watch, inner } = &mut *self;
        poll_next(watch, || Pin::new(inner).poll_next(cx))
    }
}

impl Stream for SessionRawBatchCursorStream<'_, '_> {
    type Item = Result<RawBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { watch, inner } = &mut *self;
        poll_next(watch, || Pin::new(inner).poll_next(cx))
    }
}

impl Drop for SessionRawBatchCursorStream<'_, '_> {
    fn drop(&mut self) {
        self.watch.stop_waiting();
    }
}

/// Runs one poll of the driver's stream, and the step that it may come to.
fn poll_next(
    watch: &mut CursorWatch,
    poll: impl FnOnce() -> Poll<Option<Result<RawBatch>>>,
) -> Poll<Option<Result<RawBatch>>> {
    let polled = watch.poll(poll);
    if let Poll::Ready(item) = &polled {
        watch.step(match item {
            Some(Ok(batch)) => {
                Step::Received { n: n_documents(batch), is_last: is_last(batch) == Some(true) }
            }
            Some(Err(error)) => Step::Failed(error),
            None => Step::Exhausted,
        });
    }
    polled
}

/// The documents of a batch, counted without reading them. The application finds out by itself
/// what is wrong with a batch that is none.
fn n_documents(batch: &RawBatch) -> u64 {
    batch.doc_slices().map_or(0, |documents| documents.into_iter().count() as u64)
}

/// Does the server say that no more batches come?
fn is_last(batch: &RawBatch) -> Option<bool> {
    let cursor = batch.as_raw_document().get_document("cursor").ok()?;
    Some(cursor.get_i64("id").ok()? == 0)
}

impl fmt::Debug for RawBatchCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let received = &self.watch.n_received;
        f.debug_struct("RawBatchCursor").field("received", received).finish_non_exhaustive()
    }
}

impl fmt::Debug for SessionRawBatchCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let received = &self.watch.n_received;
        f.debug_struct("SessionRawBatchCursor").field("received", received).finish_non_exhaustive()
    }
}
