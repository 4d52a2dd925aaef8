//! Reading a file: one record, from the opening of the stream to its end.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
};

use futures_io::AsyncRead;

use super::FileWatch;
use crate::{driver::operation::Operation, record::Outcome};

/// Gives the bytes of a file, as the driver's [`mongodb::gridfs::GridFsDownloadStream`], and watches
/// it.
///
/// Its record is `ok` when the application has read on to the end (the read that gives nothing: the
/// driver tells of the end only there), `error` when anything failed, and `cancelled` when the
/// stream was dropped before. It counts the bytes that the application read; the chunks that the
/// server sent for it only with `capture: commands`, since the driver does not tell their size. An
/// update comes out whenever the server sent more.
pub struct GridFsDownloadStream {
    // Before `inner`, so that the record is final before the driver kills its cursor.
    watch: DownloadWatch,
    inner: mongodb::gridfs::GridFsDownloadStream,
}

struct DownloadWatch(FileWatch);

impl GridFsDownloadStream {
    pub(in crate::driver) fn new(
        inner: mongodb::gridfs::GridFsDownloadStream,
        operation: Operation,
    ) -> Self {
        // After an error the driver drops its cursor within the read that gives it.
        operation.expect_kill();
        let mut watch = FileWatch::new(operation);
        watch.write_down(None);
        Self { watch: DownloadWatch(watch), inner }
    }
}

impl AsyncRead for GridFsDownloadStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Self { watch: DownloadWatch(watch), inner } = &mut *self;
        // Nothing is read into no space, and that is not the end.
        let has_space = !buf.is_empty();
        let polled = watch.poll(|| Pin::new(inner).poll_read(cx, buf));
        match &polled {
            Poll::Ready(Ok(0)) if has_space => watch.operation.close(Outcome::Ok),
            Poll::Ready(Ok(n)) => watch.count(*n, None),
            _ => {}
        }
        polled
    }
}

impl Drop for DownloadWatch {
    fn drop(&mut self) {
        self.0.operation.expect_kill();
        self.0.cancel();
    }
}

impl fmt::Debug for GridFsDownloadStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read = &self.watch.0.n_bytes;
        f.debug_struct("GridFsDownloadStream").field("read", read).finish_non_exhaustive()
    }
}
