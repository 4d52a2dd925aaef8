//! Files in GridFS, watched: one record for each file that is written or read, however many chunks
//! it has and however many commands that takes.
//!
//! `cargo run --example gridfs` finds a server, or fetches and starts one by itself.

#[path = "../tests/support/server.rs"]
mod server;

use std::error::Error;

use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use mongodb::options::{ClientOptions, GridFsBucketOptions};
use mongowatch::{
    Field, GridFsBucket, Watcher,
    bson::doc,
    layer::{ConsoleSettings, LayerSettings, Shown, Stream},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = server::Server::shared();
    let mut console = ConsoleSettings::default();
    console.stream = Stream::Stdout;
    console.fields = Some(Shown(vec![
        Field::Filter,
        Field::Duration,
        Field::FileBytes,
        Field::FileChunks,
        Field::Attempts,
        Field::ErrorName,
    ]));
    let watcher = Watcher::builder().layer(LayerSettings::Console(console)).start()?;
    let client = watcher.client(ClientOptions::parse(server.uri()).await?)?;
    let database = client.database(&server.database_name("gridfs"));

    let options = GridFsBucketOptions::builder()
        .bucket_name("pictures".to_owned())
        .chunk_size_bytes(64 * 1024)
        .build();
    run_the_gallery(&database.gridfs_bucket(options)).await?;
    database.drop().await?;
    // Waits for what the dropped streams leave to be done.
    client.shutdown().await;

    let stats = watcher.shutdown().await?;
    println!("{} operations, the books balance: {}", stats.operations, stats.is_balanced());
    Ok(())
}

async fn run_the_gallery(pictures: &GridFsBucket) -> Result<(), Box<dyn Error>> {
    // A file of 1 MB: 16 chunks.
    let mut upload =
        pictures.open_upload_stream("ada.png").metadata(doc! { "by": "alice" }).await?;
    upload.write_all(&vec![7; 1_000_000]).await?;
    upload.close().await?;
    let ada = upload.id().clone();

    // Read to its end, and given up after the first bytes.
    let mut bytes = Vec::new();
    pictures.open_download_stream(ada.clone()).await?.read_to_end(&mut bytes).await?;
    let mut head = [0; 16];
    pictures.open_download_stream_by_name("ada.png").await?.read_exact(&mut head).await?;

    // An upload that nobody finishes leaves no chunks behind.
    let mut abandoned = pictures.open_upload_stream("half.png").await?;
    abandoned.write_all(&vec![7; 100_000]).await?;
    drop(abandoned);

    let missing = pictures.open_download_stream_by_name("grace.png").await;
    assert!(missing.is_err() && bytes.len() == 1_000_000);

    pictures.rename(ada.clone(), "lovelace.png").await?;
    pictures.delete(ada).await?;
    Ok(())
}
