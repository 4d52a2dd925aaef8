//! Layers that are not ours: `tracing_subscriber`'s JSON lines take the records as ordinary
//! events, and a layer of the application's own reads the record itself.
//!
//! `cargo run --example own_layer` finds a server, or fetches and starts one by itself.

#[path = "../tests/support/server.rs"]
mod server;

use std::{
    collections::BTreeMap,
    error::Error,
    sync::{Arc, Mutex},
    time::Duration,
};

use mongodb::options::ClientOptions;
use mongowatch::{
    Watcher,
    bson::{Document, doc},
    layer::record_of,
};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Adds up the time that each operation spends inside the driver.
#[derive(Clone, Default)]
struct TimeByOperation(Arc<Mutex<BTreeMap<String, Duration>>>);

impl<S: Subscriber> Layer<S> for TimeByOperation {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if let Some(record) = record_of(event)
            && let Ok(mut times) = self.0.lock()
        {
            *times.entry(record.operation.to_string()).or_default() +=
                record.duration.unwrap_or_default();
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = server::Server::shared();
    let times = TimeByOperation::default();
    let watcher = Watcher::builder()
        .foreign_layer("json", tracing_subscriber::fmt::layer().json().with_ansi(false))
        .foreign_layer("times", times.clone())
        .start()?;

    let client = watcher.client(ClientOptions::parse(server.uri()).await?)?;
    let database = client.database(&server.database_name("own_layer"));
    let people = database.collection::<Document>("people");
    for n in 0..3 {
        people.insert_one(doc! { "_id": n }).await?;
    }
    people.find_one(doc! { "_id": 1 }).await?;
    database.drop().await?;
    watcher.shutdown().await?;

    for (operation, time) in times.0.lock().map_err(|_| "a layer panicked")?.iter() {
        println!("{operation:<12} {time:?}");
    }
    Ok(())
}
