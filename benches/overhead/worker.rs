//! The work of one variant.

use std::{
    io::{BufRead, Write},
    path::Path,
    time::Instant,
};

use futures_util::TryStreamExt;
use mongodb::{bson::Timestamp, event::EventHandler, options::ClientOptions};
use mongowatch::{
    Capture, Watcher,
    bson::{DateTime, Document, doc},
    layer::{CsvSettings, LayerSettings},
};
use rustix::time::{ClockId, clock_gettime};

use super::{Cost, N_DOCUMENTS, Random, Result, Row, Variant};

const BATCH: u32 = 1_000;
/// Documents that are read and updated.
const ORDERS: &str = "orders";
/// Documents that are inserted.
const INSERTED: &str = "inserted";
/// Documents whose insertion is read from the change stream.
const EVENTS: &str = "events";

/// Does the blocks that standard input asks for, and answers on standard output.
pub(super) fn serve(variant: Variant, uri: &str, database: &str, csv: &Path) -> Result<()> {
    let runtime = runtime()?;
    let mut site = runtime.block_on(Site::open(variant, uri, database, csv))?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (row, n_operations) = line.split_once(' ').ok_or("expected a row and a number")?;
        let (row, n_operations) = (row.parse()?, n_operations.parse()?);
        let cost = runtime.block_on(site.measure(row, n_operations))?;
        println!("{cost}");
        std::io::stdout().flush()?;
    }
    runtime.block_on(site.close())
}

/// Does one block.
pub(super) fn profile(
    variant: Variant,
    uri: &str,
    database: &str,
    csv: &Path,
    row: Row,
    n_operations: usize,
) -> Result<Cost> {
    runtime()?.block_on(async {
        let mut site = Site::open(variant, uri, database, csv).await?;
        let cost = site.measure(row, n_operations).await?;
        site.close().await?;
        Ok(cost)
    })
}

/// Inserts the documents to be read.
pub(super) fn fill(uri: &str, database: &str) -> Result<()> {
    runtime()?.block_on(async {
        let database = mongodb::Client::with_uri_str(uri).await?.database(database);
        database.create_collection(INSERTED).await?;
        database.collection(ORDERS).insert_many(orders()).await?;
        Ok(())
    })
}

pub(super) fn drop_database(uri: &str, database: &str) -> Result<()> {
    runtime()?.block_on(async {
        let client = mongodb::Client::with_uri_str(uri).await?;
        Ok(client.database(database).drop().await?)
    })
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    // For the life of the process, and never scheduled: see the head of `main.rs`.
    std::thread::Builder::new().spawn(|| {
        loop {
            std::thread::park();
        }
    })?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// A document as a shop has them, of some 300 bytes.
fn order(number: i32) -> Document {
    doc! {
        "number": number,
        "customer": {
            "name": format!("customer {number}"),
            "city": "Rotterdam",
            "vip": number % 7 == 0,
        },
        "status": "open",
        "total": f64::from(number) * 0.25,
        "created": DateTime::from_millis(1_714_564_800_000 + i64::from(number)),
        "region": "eu-central",
        "tags": ["gift", "express", "fragile"],
        "lines": [{ "article": number % 100, "count": 2 }, { "article": number % 31, "count": 1 }],
    }
}

/// The database of a variant, and the watcher behind it.
struct Site {
    database: Database,
    watcher: Option<Watcher>,
    random: Random,
    /// Where the events of the change stream are written.
    uri: String,
    name: String,
    /// When they begin.
    events_begin: Timestamp,
}

enum Database {
    Driver(mongodb::Database),
    Watched(mongowatch::Database),
}

/// The same source for both APIs: that they are the same is the point.
macro_rules! block {
    ($database:expr, $random:expr, $events_begin:expr, $row:expr, $n_operations:expr) => {
        let orders = $database.collection::<Document>(ORDERS);
        let inserted = $database.collection::<Document>(INSERTED);
        match $row {
            Row::InsertOne => {
                for _ in 0..$n_operations {
                    inserted.insert_one(order($random.id())).await?;
                }
            }
            Row::FindOne => {
                for _ in 0..$n_operations {
                    let found = orders.find_one(doc! { "_id": $random.id() }).await?;
                    found.ok_or("a document is missing")?;
                }
            }
            Row::UpdateOne => {
                for _ in 0..$n_operations {
                    let update = doc! { "$set": { "status": "paid" }, "$inc": { "version": 1 } };
                    let done = orders.update_one(doc! { "_id": $random.id() }, update).await?;
                    expect(1, done.matched_count)?;
                }
            }
            Row::Read10k => {
                for _ in 0..$n_operations {
                    let mut cursor = orders.find(doc! {}).batch_size(BATCH).await?;
                    let mut n_read = 0;
                    while let Some(order) = cursor.try_next().await? {
                        std::hint::black_box(order);
                        n_read += 1;
                    }
                    expect(N_DOCUMENTS as u64, n_read)?;
                }
            }
            Row::Transaction => {
                let mut session = $database.client().start_session().await?;
                for _ in 0..$n_operations {
                    session.start_transaction().await?;
                    let order = order($random.id());
                    inserted.insert_one(order).session(&mut session).await?;
                    let update = doc! { "$set": { "status": "paid" }, "$inc": { "version": 1 } };
                    let filter = doc! { "_id": $random.id() };
                    let done = orders.update_one(filter, update).session(&mut session).await?;
                    expect(1, done.matched_count)?;
                    let filter = doc! { "_id": $random.id() };
                    let found = orders.find_one(filter).session(&mut session).await?;
                    found.ok_or("a document is missing")?;
                    session.commit_transaction().await?;
                }
            }
            Row::Insert1k => {
                for _ in 0..$n_operations {
                    inserted.insert_many((0..1_000).map(order)).await?;
                }
            }
            Row::Changes10k => {
                let events = $database.collection::<Document>(EVENTS);
                for _ in 0..$n_operations {
                    let changes = events.watch().start_at_operation_time($events_begin);
                    let mut changes = changes.batch_size(BATCH).await?;
                    for _ in 0..N_DOCUMENTS {
                        let event = changes.try_next().await?.ok_or("the stream has ended")?;
                        std::hint::black_box(event);
                    }
                }
            }
        }
    };
}

fn orders() -> impl Iterator<Item = Document> {
    (0..N_DOCUMENTS).map(|id| {
        let mut order = order(id);
        order.insert("_id", id);
        order
    })
}

/// Writes what the change stream will tell of, and gives the time when it begins. The server keeps
/// the changes only for as long as it has room for them.
async fn write_events(uri: &str, database: &str) -> Result<Timestamp> {
    let database = mongodb::Client::with_uri_str(uri).await?.database(database);
    let events = database.collection::<Document>(EVENTS);
    let mut session = database.client().start_session().await?;
    events.delete_many(doc! {}).session(&mut session).await?;
    let begin = session.operation_time().ok_or("the server told no time")?;
    events.insert_many(orders()).await?;
    Ok(Timestamp { increment: begin.increment + 1, ..begin })
}

fn expect(wanted: u64, found: u64) -> Result<()> {
    if wanted == found { Ok(()) } else { Err(format!("{found} instead of {wanted}").into()) }
}

impl Random {
    fn id(&mut self) -> i32 {
        self.below(N_DOCUMENTS as usize) as i32
    }
}

impl Site {
    async fn open(variant: Variant, uri: &str, database: &str, csv: &Path) -> Result<Self> {
        let mut options = ClientOptions::parse(uri).await?;
        let capture = match variant {
            Variant::Bare => None,
            Variant::Handler => {
                options.command_event_handler = Some(EventHandler::callback(|_event| {}));
                None
            }
            Variant::Operations => Some(Capture::Operations),
            Variant::Spans => Some(Capture::Spans),
            Variant::Commands => Some(Capture::Commands),
        };
        let random = Random(1);
        let (uri, name) = (uri.to_owned(), database.to_owned());
        let events_begin = Timestamp { time: 0, increment: 0 };
        let Some(capture) = capture else {
            let database = mongodb::Client::with_options(options)?.database(database);
            let database = Database::Driver(database);
            return Ok(Self { database, watcher: None, random, uri, name, events_begin });
        };
        let watcher = Watcher::builder()
            .capture(capture)
            .layer(LayerSettings::Csv(CsvSettings::new(csv)))
            .start()?;
        let database = Database::Watched(watcher.client(options)?.database(database));
        Ok(Self { database, watcher: Some(watcher), random, uri, name, events_begin })
    }

    /// Does a block of operations; a small one before it is not measured.
    async fn measure(&mut self, row: Row, n_operations: usize) -> Result<Cost> {
        if row == Row::Changes10k {
            self.events_begin = write_events(&self.uri, &self.name).await?;
        }
        self.block(row, n_operations.div_ceil(10)).await?;
        self.flush().await?;
        let (cpu, wall) = (cpu_seconds(), Instant::now());
        self.block(row, n_operations).await?;
        let wall = wall.elapsed().as_secs_f64();
        self.flush().await?;
        let cpu = cpu_seconds() - cpu;
        let n_operations = n_operations as f64;
        Ok(Cost { cpu: cpu / n_operations, wall: wall / n_operations })
    }

    async fn block(&mut self, row: Row, n_operations: usize) -> Result<()> {
        let Self { database, random, events_begin, .. } = self;
        match database {
            Database::Driver(database) => {
                block!(database, random, *events_begin, row, n_operations);
            }
            Database::Watched(database) => {
                block!(database, random, *events_begin, row, n_operations);
            }
        }
        Ok(())
    }

    async fn flush(&self) -> Result<()> {
        if let Some(watcher) = &self.watcher {
            watcher.flush().await?;
        }
        Ok(())
    }

    /// Ends the watcher, and checks that each operation is in the file.
    async fn close(self) -> Result<()> {
        let Self { database, watcher, .. } = self;
        drop(database);
        let Some(watcher) = watcher else { return Ok(()) };
        let stats = watcher.shutdown().await?;
        let is_whole = stats.is_balanced()
            && stats.open == 0
            && stats.routes.iter().all(|route| route.written == stats.operations);
        if is_whole { Ok(()) } else { Err(format!("records are missing: {stats:?}").into()) }
    }
}

/// The processor time of all threads of this process, those that have ended included.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
