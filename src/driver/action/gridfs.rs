//! The actions of a [`GridFsBucket`](crate::gridfs::GridFsBucket).
//!
//! Each has one record, whatever the driver sends for it. Its `Collection` is the name of the
//! bucket, its filter the id or the name of the file.

use std::time::Duration;

use mongodb::{
    error::{ErrorKind, GridFsErrorKind},
    gridfs::FilesCollectionDocument,
    options::{GridFsDownloadByNameOptions, GridFsFindOptions, GridFsUploadOptions},
};

use super::*;
use crate::driver::{
    Cursor,
    gridfs::{GridFsDownloadStream, GridFsUploadStream},
};

/// Opens a stream to write a file to; made by
/// [`GridFsBucket::open_upload_stream`](crate::gridfs::GridFsBucket::open_upload_stream).
#[must_use = "an action does nothing until it is awaited"]
pub struct OpenUploadStream<'a> {
    pub(in crate::driver) action: mongodb::action::gridfs::OpenUploadStream<'a>,
    pub(in crate::driver) call: Call,
    pub(in crate::driver) options: Option<GridFsUploadOptions>,
    pub(in crate::driver) bucket_chunk_size: u32,
}

impl OpenUploadStream<'_> {
    setters!(GridFsUploadOptions { chunk_size_bytes: u32, metadata: Document });

    /// Gives the file this id, instead of a new `ObjectId`.
    pub fn id(mut self, value: Bson) -> Self {
        self.action = self.action.id(value);
        self
    }
}

run!([] OpenUploadStream<'a> => crate::driver::sync::gridfs::GridFsUploadStream, crate::driver::sync::gridfs::GridFsUploadStream::new);

impl Mirrored for OpenUploadStream<'_> {}

impl<'a> IntoFuture for OpenUploadStream<'a> {
    type Output = mongodb::error::Result<GridFsUploadStream>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(mut self) -> Self::IntoFuture {
        let described = self.described().and_then(without_metadata);
        let chunk_size = self.options.as_ref().and_then(|options| options.chunk_size_bytes);
        let chunk_size = chunk_size.unwrap_or(self.bucket_chunk_size);
        let future = self.action.with_options(self.options).into_future();
        Box::pin(async move {
            let operation = Operation::open(self.call, described)?;
            let watch = |inner, operation| GridFsUploadStream::new(inner, operation, chunk_size);
            keep_open(operation, future, watch).await
        })
    }
}

/// Opens a stream to read a file from, by its id; made by
/// [`GridFsBucket::open_download_stream`](crate::gridfs::GridFsBucket::open_download_stream).
#[must_use = "an action does nothing until it is awaited"]
pub struct OpenDownloadStream<'a> {
    pub(in crate::driver) action: mongodb::action::gridfs::OpenDownloadStream<'a>,
    pub(in crate::driver) call: Call,
}

run!([] OpenDownloadStream<'a> => crate::driver::sync::gridfs::GridFsDownloadStream, crate::driver::sync::gridfs::GridFsDownloadStream::new);

impl Mirrored for OpenDownloadStream<'_> {}

impl<'a> IntoFuture for OpenDownloadStream<'a> {
    type Output = mongodb::error::Result<GridFsDownloadStream>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { action, call } = self;
        let future = action.into_future();
        Box::pin(async move {
            keep_open(Operation::open(call, None)?, future, GridFsDownloadStream::new).await
        })
    }
}

/// Opens a stream to read a file from, by its name; made by
/// [`GridFsBucket::open_download_stream_by_name`](crate::gridfs::GridFsBucket::open_download_stream_by_name).
#[must_use = "an action does nothing until it is awaited"]
pub struct OpenDownloadStreamByName<'a> {
    pub(in crate::driver) action: mongodb::action::gridfs::OpenDownloadStreamByName<'a>,
    pub(in crate::driver) call: Call,
    pub(in crate::driver) options: Option<GridFsDownloadByNameOptions>,
}

impl OpenDownloadStreamByName<'_> {
    setters!(GridFsDownloadByNameOptions { revision: i32 });
}

run!([] OpenDownloadStreamByName<'a> => crate::driver::sync::gridfs::GridFsDownloadStream, crate::driver::sync::gridfs::GridFsDownloadStream::new);

impl Mirrored for OpenDownloadStreamByName<'_> {}

impl<'a> IntoFuture for OpenDownloadStreamByName<'a> {
    type Output = mongodb::error::Result<GridFsDownloadStream>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(mut self) -> Self::IntoFuture {
        let described = self.described();
        let Self { action, call, options } = self;
        let future = action.with_options(options).into_future();
        Box::pin(async move {
            keep_open(Operation::open(call, described)?, future, GridFsDownloadStream::new).await
        })
    }
}

/// Finds the files that match a filter; made by
/// [`GridFsBucket::find`](crate::gridfs::GridFsBucket::find).
#[must_use = "an action does nothing until it is awaited"]
pub struct Find<'a> {
    pub(in crate::driver) action: mongodb::action::gridfs::Find<'a>,
    pub(in crate::driver) call: Call,
    pub(in crate::driver) options: Option<GridFsFindOptions>,
}

impl Find<'_> {
    setters!(GridFsFindOptions {
        allow_disk_use: bool,
        batch_size: u32,
        limit: i64,
        max_time: Duration,
        skip: u64,
        sort: Document,
    });
}

cursor_future!([] Find<'a> => Cursor<FilesCollectionDocument>);

action! {
    /// Finds one file that matches a filter; made by
    /// [`GridFsBucket::find_one`](crate::gridfs::GridFsBucket::find_one).
    FindOne<'a> = mongodb::action::gridfs::FindOne<'a>,
    GridFsFindOneOptions {
        max_time: Duration,
        skip: u64,
        sort: Document,
    } => Option<FilesCollectionDocument>,
    |record, result| if let Ok(found) = result {
        record.counts.matched = Some(found.is_some().into());
    }
}

action! {
    /// Gives a file another name; made by
    /// [`GridFsBucket::rename`](crate::gridfs::GridFsBucket::rename).
    Rename<'a> = mongodb::action::gridfs::Rename<'a> => (),
    |record, result| record.counts.matched = n_files(result, Some(1))
}

action! {
    /// Gives all revisions of a file another name; made by
    /// [`GridFsBucket::rename_by_name`](crate::gridfs::GridFsBucket::rename_by_name).
    RenameByName<'a> = mongodb::action::gridfs::RenameByName<'a> => (),
    |record, result| record.counts.matched = n_files(result, None)
}

action! {
    /// Deletes a file; made by [`GridFsBucket::delete`](crate::gridfs::GridFsBucket::delete).
    Delete<'a> = mongodb::action::gridfs::Delete<'a> => (),
    |record, result| record.counts.deleted = n_files(result, Some(1))
}

action! {
    /// Deletes all revisions of a file; made by
    /// [`GridFsBucket::delete_by_name`](crate::gridfs::GridFsBucket::delete_by_name).
    DeleteByName<'a> = mongodb::action::gridfs::DeleteByName<'a> => (),
    |record, result| record.counts.deleted = n_files(result, None)
}

action! {
    /// Drops a bucket with all its files; made by
    /// [`GridFsBucket::drop`](crate::gridfs::GridFsBucket::drop).
    Drop<'a> = mongodb::action::gridfs::Drop<'a> => (),
    |_record, _result| ()
}

/// The metadata is a part of the document that is inserted, and those are not kept.
fn without_metadata(options: Arc<Bson>) -> Option<Arc<Bson>> {
    let mut options = options.as_document()?.clone();
    options.remove("metadata");
    (!options.is_empty()).then(|| Arc::new(options.into()))
}

/// How many files a call worked on: `done` if it succeeded, none if there is no such file.
fn n_files(result: Result<&(), &Error>, done: Option<u64>) -> Option<u64> {
    match result.map_err(|error| &*error.kind) {
        Ok(()) => done,
        Err(ErrorKind::GridFs(GridFsErrorKind::FileNotFound { .. })) => Some(0),
        Err(_) => None,
    }
}
