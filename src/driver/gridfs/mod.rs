//! GridFS: files in chunks. The driver's bucket and streams, whose work is watched.
//!
//! One record for each upload, from [`GridFsBucket::open_upload_stream`] to the end of its stream,
//! for each download likewise, and for each of the other calls. All that the driver sends for it
//! (looking for indexes, chunks, the file's document) is folded in. The driver's calls on files take
//! no comment, so that a comment with the record's id cannot be sent with them.
//!
//! `Collection` is the name of the bucket. The counts are of files; `FileBytes` is what the
//! application wrote or read, `FileChunks` the chunks that make it up. Of a file that is read or
//! deleted, the chunks are known only with `capture: commands`, and so is how many files a call by
//! name deleted or renamed.

mod download;
mod upload;

use std::{fmt, io, sync::Arc, task::Poll};

use mongodb::{
    bson::{Bson, Document, doc},
    error::Error,
    options::{ReadConcern, SelectionCriteria, WriteConcern},
};

pub use mongodb::gridfs::FilesCollectionDocument;

pub use self::{download::GridFsDownloadStream, upload::GridFsUploadStream};
use super::{
    action::{
        self,
        gridfs::{
            Delete, DeleteByName, Drop, Find, FindOne, OpenDownloadStream,
            OpenDownloadStreamByName, OpenUploadStream, Rename, RenameByName,
        },
    },
    client::Site,
    operation::{Call, Operation},
};
use crate::record::{Outcome, WatcherName};

/// A store of files that may be larger than a document, as the driver's
/// [`mongodb::gridfs::GridFsBucket`]: each call writes a record.
///
/// Made by [`Database::gridfs_bucket`](crate::Database::gridfs_bucket). Clones share the bucket.
///
/// ```no_run
/// # async fn example(shop: mongowatch::Database) -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::io::{AsyncReadExt, AsyncWriteExt};
///
/// let bucket = shop.gridfs_bucket(None);
/// let mut upload = bucket.open_upload_stream("catalogue.pdf").await?;
/// upload.write_all(b"%PDF-1.7").await?;
/// upload.close().await?;
///
/// let mut download = bucket.open_download_stream(upload.id().clone()).await?;
/// let mut bytes = Vec::new();
/// download.read_to_end(&mut bytes).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct GridFsBucket {
    inner: mongodb::gridfs::GridFsBucket,
    site: Arc<Site>,
    chunk_size: u32,
}

impl GridFsBucket {
    /// The driver's default.
    pub(super) const NAME: &str = "fs";
    /// The driver's default.
    pub(super) const CHUNK_SIZE: u32 = 255 * 1024;

    pub(super) const fn new(
        inner: mongodb::gridfs::GridFsBucket,
        site: Arc<Site>,
        chunk_size: u32,
    ) -> Self {
        Self { inner, site, chunk_size }
    }

    /// The driver's own bucket, past the mirrored calls: doors B and C still see what it does.
    #[must_use]
    pub const fn unwatched(&self) -> &mongodb::gridfs::GridFsBucket {
        &self.inner
    }

    /// The read concern of the bucket.
    #[must_use]
    pub fn read_concern(&self) -> Option<&ReadConcern> {
        self.inner.read_concern()
    }

    /// The write concern of the bucket.
    #[must_use]
    pub fn write_concern(&self) -> Option<&WriteConcern> {
        self.inner.write_concern()
    }

    /// The read preference of the bucket.
    #[must_use]
    pub fn selection_criteria(&self) -> Option<&SelectionCriteria> {
        self.inner.selection_criteria()
    }

    /// Opens a stream to write a file of this name to.
    pub fn open_upload_stream(&self, filename: impl AsRef<str>) -> OpenUploadStream<'_> {
        let call = self.call("open_upload_stream", &doc! { "filename": filename.as_ref() });
        let action = self.inner.open_upload_stream(filename);
        OpenUploadStream { action, call, options: None, bucket_chunk_size: self.chunk_size }
    }

    /// Opens a stream to read the file of this id from.
    pub fn open_download_stream(&self, id: Bson) -> OpenDownloadStream<'_> {
        let call = self.call("open_download_stream", &doc! { "_id": id.clone() });
        OpenDownloadStream { action: self.inner.open_download_stream(id), call }
    }

    /// Opens a stream to read a file of this name from: the newest one, or the revision that is
    /// set.
    pub fn open_download_stream_by_name(
        &self,
        filename: impl Into<String>,
    ) -> OpenDownloadStreamByName<'_> {
        let filename = filename.into();
        let call = self.call("open_download_stream_by_name", &doc! { "filename": &filename });
        let action = self.inner.open_download_stream_by_name(filename);
        OpenDownloadStreamByName { action, call, options: None }
    }

    /// Finds the files whose documents match `filter`.
    pub fn find(&self, filter: Document) -> Find<'_> {
        let call = self.call("find", &filter);
        Find { action: self.inner.find(filter), call, options: None }
    }

    /// Finds one file whose document matches `filter`.
    pub fn find_one(&self, filter: Document) -> FindOne<'_> {
        let call = self.call("find_one", &filter);
        FindOne { action: self.inner.find_one(filter), call, options: None }
    }

    /// Gives the file of this id another name; an error if there is no such file.
    pub fn rename(&self, id: Bson, new_filename: impl Into<String>) -> Rename<'_> {
        let new_filename = new_filename.into();
        let mut call = self.call("rename", &doc! { "_id": id.clone() });
        call.update = renamed(&new_filename);
        Rename { action: self.inner.rename(id, new_filename), call }
    }

    /// Gives all revisions of the file of this name another name; an error if there are none.
    pub fn rename_by_name(
        &self,
        filename: impl Into<String>,
        new_filename: impl Into<String>,
    ) -> RenameByName<'_> {
        let (filename, new_filename) = (filename.into(), new_filename.into());
        let mut call = self.call("rename_by_name", &doc! { "filename": &filename });
        call.update = renamed(&new_filename);
        RenameByName { action: self.inner.rename_by_name(filename, new_filename), call }
    }

    /// Deletes the file of this id with its chunks; an error if there is no such file.
    pub fn delete(&self, id: Bson) -> Delete<'_> {
        let call = self.call("delete", &doc! { "_id": id.clone() });
        Delete { action: self.inner.delete(id), call }
    }

    /// Deletes all revisions of the file of this name with their chunks; an error if there are
    /// none.
    pub fn delete_by_name(&self, filename: impl Into<String>) -> DeleteByName<'_> {
        let filename = filename.into();
        let call = self.call("delete_by_name", &doc! { "filename": &filename });
        DeleteByName { action: self.inner.delete_by_name(filename), call }
    }

    /// Drops the bucket with all its files and chunks.
    pub fn drop(&self) -> Drop<'_> {
        let call = self.site.call(WatcherName::Gridfs, "drop", "");
        Drop { action: self.inner.drop(), call }
    }

    /// A call that is several commands, none of which its errors are to be read by.
    fn call(&self, operation: &'static str, filter: &Document) -> Call {
        let mut call = self.site.call(WatcherName::Gridfs, operation, "");
        call.filter = action::document(filter);
        call
    }
}

fn renamed(filename: &str) -> Option<Arc<Bson>> {
    action::document(&doc! { "$set": { "filename": filename } })
}

impl fmt::Debug for GridFsBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GridFsBucket").finish_non_exhaustive()
    }
}

/// The record of a stream, which is open as long as the stream is.
struct FileWatch {
    operation: Operation,
    /// What the application wrote or read.
    n_bytes: u64,
    /// Did the application wait for the driver since the last update?
    has_waited: bool,
}

impl FileWatch {
    const fn new(operation: Operation) -> Self {
        Self { operation, n_bytes: 0, has_waited: false }
    }

    /// Runs one poll of the driver. An error is the end: the driver goes on after none.
    fn poll<T>(&mut self, poll: impl FnOnce() -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.operation.resume();
        let polled = self.operation.enter(poll);
        // The wait counts up to here, should this be the last poll.
        self.operation.pause();
        match &polled {
            Poll::Pending => {
                self.has_waited = true;
                self.operation.resume();
            }
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(error)) => self.fail(error),
        }
        polled
    }

    /// The application wrote or read more.
    fn count(&mut self, n_bytes: usize, n_chunks: Option<u64>) {
        self.n_bytes += n_bytes as u64;
        self.write_down(n_chunks);
        // What came at once is told with what had to be waited for.
        if std::mem::take(&mut self.has_waited) {
            self.operation.update();
        }
    }

    fn write_down(&mut self, n_chunks: Option<u64>) {
        let n_bytes = self.n_bytes;
        if let Some(record) = self.operation.record() {
            record.counts.file_bytes = Some(n_bytes);
            record.counts.file_chunks = n_chunks;
        }
    }

    fn fail(&mut self, error: &io::Error) {
        // The driver wraps its own error, always.
        match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
            Some(error) => self.operation.fail(error),
            None => self.operation.fail(&io::Error::from(error.kind()).into()),
        }
    }

    /// Closes a stream that was dropped, or given up: nobody waited since the last poll.
    fn cancel(&mut self) {
        self.operation.forget_wait();
        self.operation.close(Outcome::Cancelled);
    }
}
