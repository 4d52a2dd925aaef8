//! Writing a file: one record, from the opening of the stream to its end.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
};

use futures_io::AsyncWrite;
use mongodb::{
    bson::{Bson, Document},
    error::Result,
};
use tokio::runtime::Handle;

use super::FileWatch;
use crate::{driver::operation::Operation, record::Outcome};

/// Takes the bytes of a new file, as the driver's [`mongodb::gridfs::GridFsUploadStream`], and
/// watches it.
///
/// Its record is `ok` when the stream was closed, `cancelled` when it was aborted or dropped before,
/// and `error` when anything failed, after which the driver has removed the chunks. It counts the
/// bytes that the application wrote and the chunks that they fill; an update comes out whenever
/// chunks were sent. Its filter is the file's name and id; the id is among the inserted ones when
/// the file is there.
///
/// The driver removes the chunks of a stream that was dropped, from a task of its own. With `capture:
/// spans` or `capture: commands` the mirror does it in the driver's place, so that this belongs to
/// the upload too; the record is final before.
pub struct GridFsUploadStream {
    watch: FileWatch,
    /// Taken by `Drop` alone.
    inner: Option<mongodb::gridfs::GridFsUploadStream>,
    id: Bson,
    chunk_size: u32,
    runtime: Option<Handle>,
}

impl GridFsUploadStream {
    pub(in crate::driver) fn new(
        inner: mongodb::gridfs::GridFsUploadStream,
        mut operation: Operation,
        chunk_size: u32,
    ) -> Self {
        let id = inner.id().clone();
        if let Some(record) = operation.record() {
            let mut filter = Document::from_iter([("_id".to_owned(), id.clone())]);
            if let Some(Bson::Document(asked)) = record.filter.as_deref() {
                filter.extend(asked.clone());
            }
            record.filter = Some(std::sync::Arc::new(filter.into()));
        }
        let mut watch = FileWatch::new(operation);
        watch.write_down(Some(0));
        Self { watch, inner: Some(inner), id, chunk_size, runtime: Handle::try_current().ok() }
    }

    /// The id of the file; see [`mongodb::gridfs::GridFsUploadStream::id`].
    pub const fn id(&self) -> &Bson {
        &self.id
    }

    /// Gives the upload up and removes the chunks that are there already; see
    /// [`mongodb::gridfs::GridFsUploadStream::abort`].
    ///
    /// # Errors
    ///
    /// Those of the driver: one when the stream is closed already.
    pub async fn abort(&mut self) -> Result<()> {
        let Self { watch, inner, .. } = self;
        // A write that nobody waits for any more.
        watch.operation.forget_wait();
        let result = watch.operation.drive(Box::pin(of(inner).abort())).await;
        match &result {
            Ok(()) => watch.operation.close(Outcome::Cancelled),
            Err(error) => watch.operation.fail(error),
        }
        result
    }

    /// The chunks that are full.
    fn n_full(&self) -> Option<u64> {
        self.watch.n_bytes.checked_div(self.chunk_size.into())
    }
}

fn of(
    inner: &mut Option<mongodb::gridfs::GridFsUploadStream>,
) -> &mut mongodb::gridfs::GridFsUploadStream {
    inner.as_mut().expect("a stream that is not being dropped has the driver's")
}

impl AsyncWrite for GridFsUploadStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { watch, inner, chunk_size, .. } = &mut *self;
        let polled = watch.poll(|| Pin::new(of(inner)).poll_write(cx, buf));
        if let Poll::Ready(Ok(n)) = &polled {
            let n_full = (watch.n_bytes + *n as u64).checked_div((*chunk_size).into());
            watch.count(*n, n_full);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { watch, inner, .. } = &mut *self;
        watch.poll(|| Pin::new(of(inner)).poll_flush(cx))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { watch, inner, id, chunk_size, .. } = &mut *self;
        let polled = watch.poll(|| Pin::new(of(inner)).poll_close(cx));
        if let Poll::Ready(Ok(())) = &polled {
            // The last chunk may be shorter.
            let n_chunks =
                (*chunk_size > 0).then(|| watch.n_bytes.div_ceil(u64::from(*chunk_size)));
            watch.write_down(n_chunks);
            if let Some(record) = watch.operation.record() {
                record.counts.inserted = Some(1);
                record.inserted_ids = Some(std::sync::Arc::new(vec![id.clone()]));
            }
            watch.operation.close(Outcome::Ok);
        }
        polled
    }
}

impl Drop for GridFsUploadStream {
    fn drop(&mut self) {
        let wire = self.watch.operation.wire();
        self.watch.cancel();
        // No record is open, or no door sees the traffic: the driver does what is left to do.
        let (Some(wire), Some(runtime)) = (wire, &self.runtime) else { return };
        let Some(mut inner) = self.inner.take() else { return };
        // In the place of the driver's own task, which nobody waits for either, but for
        // `Client::shutdown`: that waits until the driver's stream is dropped.
        runtime.spawn(async move {
            // As in the driver, there is nobody to tell of a failure.
            let _ = wire.scope(Box::pin(inner.abort())).await;
        });
    }
}

impl fmt::Debug for GridFsUploadStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GridFsUploadStream")
            .field("written", &self.watch.n_bytes)
            .field("full_chunks", &self.n_full())
            .finish_non_exhaustive()
    }
}
