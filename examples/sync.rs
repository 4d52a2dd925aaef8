//! The blocking API: the same records without a line of async code.
//!
//! `cargo run --features sync --example sync` finds a server, or fetches and starts one by itself.

#[path = "../tests/support/server.rs"]
mod server;

use std::error::Error;

use mongowatch::{
    Context, Watcher,
    bson::{Document, doc},
    layer::{ConsoleSettings, LayerSettings, Stream},
    options::ClientOptions,
    sync::{Client, Collection},
};
use server::Server;

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::shared();
    let mut console = ConsoleSettings::default();
    console.stream = Stream::Stdout;
    console.template.0 = "{Operation} {Collection} {Outcome} {MatchedCount} by {Actor}".parse()?;
    let watcher = Watcher::builder().layer(LayerSettings::Console(console)).start()?;
    let client: Client = watcher.client(ClientOptions::parse(server.uri()).run()?)?.into();
    let shop = client.database(&server.database_name("sync"));
    let orders: Collection<Document> = shop.collection("orders");

    Context::new().actor("ada").sync_scope(|| -> Result<(), Box<dyn Error>> {
        orders.insert_many((1..=3).map(|article| doc! { "article": article })).run()?;
        for order in orders.find(doc! { "article": { "$gte": 2 } }).run()? {
            println!("   {}", order?);
        }
        Ok(())
    })?;
    shop.drop().run()?;

    let stats = watcher.blocking_shutdown()?;
    println!("{} operations, balanced: {}", stats.operations, stats.is_balanced());
    Ok(())
}
