//! A plain driver client, watched by one added line.
//!
//! `cargo run --example attach` finds a server, or fetches and starts one by itself.

#[path = "../tests/support/server.rs"]
mod server;

use std::error::Error;

use futures_util::TryStreamExt;
use mongodb::{
    Client,
    bson::{Document, doc},
    options::ClientOptions,
};
use mongowatch::Watcher;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = server::Server::shared();
    let watcher = Watcher::builder().start()?;

    let mut options = ClientOptions::parse(server.uri()).await?;
    watcher.attach(&mut options); // the added line
    let client = Client::with_options(options)?;

    let database = client.database(&server.database_name("attach"));
    let people = database.collection::<Document>("people");
    people.insert_many((0..120).map(|n| doc! { "_id": n, "age": n % 90 })).await?;
    let adults = people.find(doc! { "age": { "$gte": 18 } }).batch_size(40).await?;
    let adults: Vec<_> = adults.try_collect().await?;
    people.delete_many(doc! { "age": { "$lt": 18 } }).await?;
    database.drop().await?;

    // One record for the `find`, although it was three commands.
    let stats = watcher.shutdown().await?;
    println!("{} adults, {} operations", adults.len(), stats.operations);
    Ok(())
}
