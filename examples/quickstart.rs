//! A small shop on a real MongoDB server, watched: one record per logical operation, on the
//! console and in a CSV file, and then what `mongowatch csv aggregate` makes of that file.
//!
//! `cargo run --example quickstart` finds a server, or fetches and starts one by itself.

#[path = "../tests/support/server.rs"]
mod server;

use std::{
    error::Error,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use futures_util::TryStreamExt;
use mongodb::options::ClientOptions;
use mongowatch::{
    Collection, Database, Field, Watcher,
    bson::{Document, doc},
    layer::{
        Columns, ConsoleSettings, CsvSettings, EventLevel, LayerSettings, Levels, Stream, Versions,
    },
};
use server::Server;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::shared();
    let directory = tempfile::tempdir()?;
    let csv = directory.path().join("shop.csv");

    // 1. A watcher, and a client that it watches. Nothing else in the shop knows of it.
    let watcher = start_watcher(&csv)?;
    let client = watcher.client(ClientOptions::parse(server.uri()).await?)?;
    let shop = client.database(&server.database_name("quickstart"));

    println!("-- the shop works, and its records appear as they are released\n");
    run_the_shop(&shop).await?;
    // What the driver still does in the background ends before the runtime does.
    client.shutdown().await;

    // 2. The books: every version of every record is accounted for.
    let stats = watcher.shutdown().await?;
    println!("\n-- the books balance: {}", stats.is_balanced());
    for route in &stats.routes {
        println!(
            "   {:<8} {} emitted = {} written + {} superseded + {} filtered + {} failed",
            route.name,
            stats.emitted,
            route.written,
            route.superseded,
            route.filtered,
            route.failed
        );
    }

    // 3. The CSV has every version; aggregated, one row is left of each operation.
    let text = std::fs::read_to_string(&csv)?;
    println!("\n-- the CSV file has {} rows:\n{}", text.lines().count() - 1, indented(&text));
    let text = aggregated(&csv)?;
    println!("-- and after `mongowatch csv aggregate`:\n{}", indented(&text));
    Ok(())
}

/// What the tool makes of the file. It is built first, since it is not among the default features.
fn aggregated(csv: &Path) -> Result<String, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["run", "--quiet", "--features", "cli,script", "--bin", "mongowatch"])
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")])
        .args(["--", "csv", "aggregate"])
        .arg(csv)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("the tool failed: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn start_watcher(csv: &Path) -> mongowatch::Result<Watcher> {
    let mut console = ConsoleSettings::default();
    console.stream = Stream::Stdout;
    let mut file = CsvSettings::new(csv);
    file.versions = Versions::All;
    // Few enough for a screen; by default a file has the columns of pymongowatch.
    file.columns = Columns::Fields(vec![
        Field::WatchId,
        Field::Iteration,
        Field::Collection,
        Field::Operation,
        Field::Outcome,
        Field::MatchedCount,
        Field::InsertedCount,
        Field::ModifiedCount,
        Field::Duration,
    ]);
    let (first, update) = (EventLevel::Info, EventLevel::Info);
    let levels = Levels { first, update, ..Levels::default() };
    Watcher::builder()
        .service("shop", "1.0")
        .levels(levels)
        .layer(LayerSettings::Console(console))
        .layer(LayerSettings::Csv(file))
        .start()
}

async fn run_the_shop(shop: &Database) -> mongodb::error::Result<()> {
    let articles: Collection<Document> = shop.collection("articles");
    let orders: Collection<Document> = shop.collection("orders");

    let stock = (0..250).map(|n| doc! { "_id": n, "price": n % 40, "left": 3 });
    articles.insert_many(stock).await?;
    orders.insert_one(doc! { "_id": 1, "article": 17, "buyer": "alice" }).await?;
    articles.update_one(doc! { "_id": 17 }, doc! { "$inc": { "left": -1 } }).await?;

    // A read of several batches is one record, with the true number of documents.
    let cheap = articles.find(doc! { "price": { "$lt": 20 } }).batch_size(50).await?;
    let cheap: Vec<_> = cheap.try_collect().await?;

    // Something that goes wrong, a read that nobody finishes, and one that takes too long.
    let twice = orders.insert_one(doc! { "_id": 1, "article": 18 }).await;
    let mut abandoned = articles.find(doc! {}).batch_size(10).await?;
    abandoned.try_next().await?;
    drop(abandoned);
    let slow = articles.find_one(doc! { "$where": "sleep(100) || true" }).into_future();
    let impatient = tokio::time::timeout(Duration::from_millis(50), slow).await;
    assert!(cheap.len() == 130 && twice.is_err() && impatient.is_err());

    shop.drop().await
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("   {line}\n")).collect()
}
