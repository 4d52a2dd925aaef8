//! GridFS buckets of the blocking API.

use std::io::{Read, Write};

use futures_util::{AsyncReadExt, AsyncWriteExt};
use mongodb::{
    bson::{Bson, Document},
    error::Result,
    options::{ReadConcern, SelectionCriteria, WriteConcern},
};

pub use mongodb::gridfs::FilesCollectionDocument;

use super::block_on;
use crate::driver::{
    self,
    action::gridfs::{
        Delete, DeleteByName, Drop, Find, FindOne, OpenDownloadStream, OpenDownloadStreamByName,
        OpenUploadStream, Rename, RenameByName,
    },
};

/// A GridFS bucket, as the driver's [`mongodb::sync::gridfs::GridFsBucket`]: each call writes a
/// record.
///
/// Made by [`Database::gridfs_bucket`](super::Database::gridfs_bucket).
#[derive(Clone, Debug)]
pub struct GridFsBucket {
    pub(super) async_bucket: driver::gridfs::GridFsBucket,
}

/// Writes a file, as the driver's [`mongodb::sync::gridfs::GridFsUploadStream`] does.
pub struct GridFsUploadStream {
    async_stream: driver::gridfs::GridFsUploadStream,
}

/// Reads a file, as the driver's [`mongodb::sync::gridfs::GridFsDownloadStream`] does.
pub struct GridFsDownloadStream {
    async_stream: driver::gridfs::GridFsDownloadStream,
}

impl GridFsBucket {
    /// The read concern of the bucket.
    #[must_use]
    pub fn read_concern(&self) -> Option<&ReadConcern> {
        self.async_bucket.read_concern()
    }

    /// The write concern of the bucket.
    #[must_use]
    pub fn write_concern(&self) -> Option<&WriteConcern> {
        self.async_bucket.write_concern()
    }

    /// The read preference of the bucket.
    #[must_use]
    pub fn selection_criteria(&self) -> Option<&SelectionCriteria> {
        self.async_bucket.selection_criteria()
    }

    /// Opens a stream to write a file to.
    pub fn open_upload_stream(&self, filename: impl AsRef<str>) -> OpenUploadStream<'_> {
        self.async_bucket.open_upload_stream(filename)
    }

    /// Opens a stream to read a file from, by its id.
    pub fn open_download_stream(&self, id: Bson) -> OpenDownloadStream<'_> {
        self.async_bucket.open_download_stream(id)
    }

    /// Opens a stream to read a file from, by its name.
    pub fn open_download_stream_by_name(
        &self,
        filename: impl Into<String>,
    ) -> OpenDownloadStreamByName<'_> {
        self.async_bucket.open_download_stream_by_name(filename)
    }

    /// Finds the files that match `filter`.
    pub fn find(&self, filter: Document) -> Find<'_> {
        self.async_bucket.find(filter)
    }

    /// Finds one file that matches `filter`.
    pub fn find_one(&self, filter: Document) -> FindOne<'_> {
        self.async_bucket.find_one(filter)
    }

    /// Gives the file of this id another name.
    pub fn rename(&self, id: Bson, new_filename: impl Into<String>) -> Rename<'_> {
        self.async_bucket.rename(id, new_filename)
    }

    /// Gives all files of this name another name.
    pub fn rename_by_name(
        &self,
        filename: impl Into<String>,
        new_filename: impl Into<String>,
    ) -> RenameByName<'_> {
        self.async_bucket.rename_by_name(filename, new_filename)
    }

    /// Deletes the file of this id.
    pub fn delete(&self, id: Bson) -> Delete<'_> {
        self.async_bucket.delete(id)
    }

    /// Deletes all files of this name.
    pub fn delete_by_name(&self, filename: impl Into<String>) -> DeleteByName<'_> {
        self.async_bucket.delete_by_name(filename)
    }

    /// Drops the bucket with all its files.
    pub fn drop(&self) -> Drop<'_> {
        self.async_bucket.drop()
    }
}

impl GridFsUploadStream {
    pub(in crate::driver) const fn new(async_stream: driver::gridfs::GridFsUploadStream) -> Self {
        Self { async_stream }
    }

    /// The id of the file.
    #[must_use]
    pub fn id(&self) -> &Bson {
        self.async_stream.id()
    }

    /// Writes what is left, and the file's own document: it is there from now on.
    ///
    /// # Errors
    ///
    /// Those of the driver, inside of an [`std::io::Error`].
    pub fn close(&mut self) -> std::io::Result<()> {
        block_on(self.async_stream.close())
    }

    /// Gives the upload up and deletes what was written.
    ///
    /// # Errors
    ///
    /// Those of the driver.
    pub fn abort(&mut self) -> Result<()> {
        block_on(self.async_stream.abort())
    }
}

impl Write for GridFsUploadStream {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        block_on(self.async_stream.write(buf))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        block_on(self.async_stream.flush())
    }
}

impl GridFsDownloadStream {
    pub(in crate::driver) const fn new(async_stream: driver::gridfs::GridFsDownloadStream) -> Self {
        Self { async_stream }
    }
}

impl Read for GridFsDownloadStream {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        block_on(self.async_stream.read(buf))
    }
}
