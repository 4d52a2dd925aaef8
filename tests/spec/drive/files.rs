//! GridFS.

use std::rc::Rc;

use futures_util::{AsyncReadExt, AsyncWriteExt};
use mongodb::{
    bson::{Binary, Bson, Document, spec::BinarySubtype},
    error::Error,
    options::{GridFsDownloadByNameOptions, GridFsFindOptions, GridFsUploadOptions},
};

use super::{
    super::api::GridFsBucket,
    Answer, World,
    cursors::{Opened, Purpose},
    nothing, value,
};
use crate::{
    arguments::Arguments,
    ledger::Place,
    matching::bytes_of_hex,
    verdict::{Run, Stop},
};

impl World {
    /// An operation whose object is a GridFS bucket.
    pub(super) async fn call_bucket(
        self: &Rc<Self>,
        bucket: &GridFsBucket,
        place: &Place,
        mut args: Arguments,
    ) -> Run<Answer> {
        match args.operation() {
            "upload" | "uploadWithId" => self.upload(bucket, place, args).await,
            "download" => {
                let id: Bson = args.required("id")?;
                args.finish()?;
                let call = self.note("open_download_stream", place, None);
                let result = match bucket.open_download_stream(id).await {
                    Ok(stream) => read(stream).await,
                    Err(error) => Err(error),
                };
                call.end(&result, |bytes, counts| counts.file_bytes = Some(bytes.len() as u64));
                Ok(value(result, binary))
            }
            "downloadByName" => {
                let name: String = args.required("filename")?;
                let options: GridFsDownloadByNameOptions = args.options(&["revision"])?;
                args.finish()?;
                let call = self.note("open_download_stream_by_name", place, None);
                let action = bucket.open_download_stream_by_name(name).with_options(options);
                let result = match action.await {
                    Ok(stream) => read(stream).await,
                    Err(error) => Err(error),
                };
                call.end(&result, |bytes, counts| counts.file_bytes = Some(bytes.len() as u64));
                Ok(value(result, binary))
            }
            "delete" => {
                let id: Bson = args.required("id")?;
                args.finish()?;
                let call = self.note("delete", place, None);
                let result = bucket.delete(id).await;
                call.end(&result, |(), _| ());
                Ok(nothing(result))
            }
            "deleteByName" => {
                let name: String = args.required("filename")?;
                args.finish()?;
                let call = self.note("delete_by_name", place, None);
                let result = bucket.delete_by_name(name).await;
                call.end(&result, |(), _| ());
                Ok(nothing(result))
            }
            "rename" => {
                let id: Bson = args.required("id")?;
                let to: String = args.required("newFilename")?;
                args.finish()?;
                let call = self.note("rename", place, None);
                let result = bucket.rename(id, to).await;
                call.end(&result, |(), _| ());
                Ok(nothing(result))
            }
            "renameByName" => {
                let name: String = args.required("filename")?;
                let to: String = args.required("newFilename")?;
                args.finish()?;
                let call = self.note("rename_by_name", place, None);
                let result = bucket.rename_by_name(name, to).await;
                call.end(&result, |(), _| ());
                Ok(nothing(result))
            }
            "drop" => {
                args.finish()?;
                let call = self.note("drop", place, None);
                let result = bucket.drop().await;
                call.end(&result, |(), _| ());
                Ok(nothing(result))
            }
            "find" => {
                let filter: Document = args.optional("filter")?.unwrap_or_default();
                let options = GridFsFindOptions::builder()
                    .allow_disk_use(args.optional::<bool>("allowDiskUse")?)
                    .batch_size(args.optional::<u32>("batchSize")?)
                    .limit(args.optional::<i64>("limit")?)
                    .max_time(args.millis("maxTimeMS")?)
                    .skip(args.optional::<u64>("skip")?)
                    .sort(args.optional::<Document>("sort")?)
                    .build();
                args.finish()?;
                let call = self.note("find", place, None);
                let action = bucket.find(filter).with_options(options);
                let opened = action.await.map(|cursor| Opened::Plain(cursor.with_type()));
                self.opened(opened, call, None, Purpose::DRAIN).await
            }
            other => Err(Stop::Skip(format!("the driver's bucket has no operation {other}"))),
        }
    }

    async fn upload(
        &self,
        bucket: &GridFsBucket,
        place: &Place,
        mut args: Arguments,
    ) -> Run<Answer> {
        let name: String = args.required("filename")?;
        let source: Document = args.required("source")?;
        let hex = source.get_str("$$hexBytes").unwrap_or_default();
        let bytes = bytes_of_hex(hex).ok_or_else(|| format!("{hex:?} is not hexadecimal"))?;
        // The driver computes no MD5 in any case.
        args.optional::<bool>("disableMD5")?;
        let id: Option<Bson> = args.optional("id")?;
        let options: GridFsUploadOptions = args.options(&["chunkSizeBytes", "metadata"])?;
        args.finish()?;
        let call = self.note("open_upload_stream", place, None);
        let mut action = bucket.open_upload_stream(name).with_options(options);
        if let Some(id) = id {
            action = action.id(id);
        }
        let written = async {
            let mut stream = action.await?;
            stream.write_all(&bytes).await.map_err(driver_error)?;
            stream.close().await.map_err(driver_error)?;
            Ok(stream.id().clone())
        };
        let result = written.await;
        call.end(&result, |_, counts| counts.file_bytes = Some(bytes.len() as u64));
        Ok(value(result, |id| id))
    }
}

async fn read(mut stream: impl futures_util::AsyncRead + Unpin) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.map_err(driver_error)?;
    Ok(bytes)
}

/// The driver's error inside that of the stream.
fn driver_error(error: std::io::Error) -> Error {
    let text = error.to_string();
    match error.into_inner().map(|inner| inner.downcast::<Error>()) {
        Some(Ok(error)) => *error,
        _ => Error::custom(text),
    }
}

fn binary(bytes: Vec<u8>) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes })
}
