//! A change stream: one record from its opening to its end, with the token to resume it.
//!
//! `cargo run --example change_stream` finds a server, or fetches and starts one by itself.

#[path = "../tests/support/server.rs"]
mod server;

use std::error::Error;

use futures_util::TryStreamExt;
use mongowatch::{
    Collection, Watcher,
    bson::{Document, doc},
    layer::{ConsoleSettings, LayerSettings, Stream},
    options::ClientOptions,
};
use server::Server;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::shared();
    let mut console = ConsoleSettings::default();
    console.stream = Stream::Stdout;
    console.template.0 =
        "{Operation} {Collection} {Outcome} {MatchedCount} events, token {ResumeToken}".parse()?;
    let watcher = Watcher::builder().layer(LayerSettings::Console(console)).start()?;
    let client = watcher.client(ClientOptions::parse(server.uri()).await?)?;
    let shop = client.database(&server.database_name("changes"));
    let orders: Collection<Document> = shop.collection("orders");

    let mut changes = orders.watch().await?;
    for article in 1..=3 {
        orders.insert_one(doc! { "article": article }).await?;
    }
    let mut n_seen = 0;
    while n_seen < 2
        && let Some(change) = changes.try_next().await?
    {
        n_seen += 1;
        println!("   seen: {:?} {:?}", change.operation_type, change.full_document);
    }
    let token = changes.resume_token();
    drop(changes);

    // Another stream goes on where the first one ended.
    let mut changes = orders.watch().resume_after(token).await?;
    if let Some(change) = changes.try_next().await? {
        println!("   resumed: {:?} {:?}", change.operation_type, change.full_document);
    }
    drop(changes);
    shop.drop().await?;
    let stats = watcher.shutdown().await?;
    println!("{} operations, balanced: {}", stats.operations, stats.is_balanced());
    Ok(())
}
