//! A watched client on the real server, and what it wrote.

#![allow(dead_code, reason = "each test uses its own part of the helper")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use mongodb::options::ClientOptions;
use mongowatch::{
    Capture, Client, Database, Outcome, Phase, Stats, WatchId, WatchMessage, Watcher,
    WatcherBuilder,
    bson::Document,
    layer::{Levels, record_of},
};
use tracing_subscriber::layer::{Context, Layer};

use crate::server::{FailPoint, Server};

/// Remembers the records that a route released.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<WatchMessage>>>);

impl Seen {
    pub(crate) fn records(&self) -> Vec<WatchMessage> {
        self.0.lock().unwrap().clone()
    }
}

impl<S: tracing::Subscriber> Layer<S> for Seen {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if let Some(record) = record_of(event) {
            self.0.lock().unwrap().push((*record).clone());
        }
    }
}

/// A watcher, a database of its own, and the records that came out so far.
pub(crate) struct Scene {
    pub(crate) watcher: Watcher,
    pub(crate) seen: Seen,
    pub(crate) name: String,
    server: &'static Server,
    database: String,
}

impl Scene {
    /// A scene with default settings.
    pub(crate) fn new(name: &str) -> Self {
        Self::with(name, |builder| builder)
    }

    /// A scene whose watcher is built further.
    pub(crate) fn with(name: &str, build: impl FnOnce(WatcherBuilder) -> WatcherBuilder) -> Self {
        let seen = Seen::default();
        let builder = Watcher::builder().levels(Levels::default());
        let builder = builder.foreign_layer("seen", seen.clone());
        Self::made(name, build(builder), seen)
    }

    /// A scene with this watcher, which gets one more layer.
    pub(crate) fn of(name: &str, builder: WatcherBuilder) -> Self {
        let seen = Seen::default();
        Self::made(name, builder.foreign_layer("seen", seen.clone()), seen)
    }

    fn made(name: &str, builder: WatcherBuilder, seen: Seen) -> Self {
        let server = Server::shared();
        Self {
            watcher: builder.start().unwrap(),
            seen,
            name: name.to_owned(),
            server,
            database: server.database_name(name),
        }
    }

    /// Options for a client of this scene: its application name is that of the test, so that fail
    /// points hit no other test.
    pub(crate) async fn options(&self) -> ClientOptions {
        let mut options = ClientOptions::parse(self.server.uri()).await.unwrap();
        options.app_name = Some(self.name.clone());
        options
    }

    /// A watched client.
    pub(crate) async fn client(&self) -> Client {
        self.watcher.client(self.options().await).unwrap()
    }

    /// The scene's own database, watched.
    pub(crate) async fn db(&self) -> Database {
        self.client().await.database(&self.database)
    }

    /// The scene's own database, through a driver that knows nothing of the watcher.
    pub(crate) async fn bare(&self) -> mongodb::Database {
        let options = ClientOptions::parse(self.server.uri()).await.unwrap();
        mongodb::Client::with_options(options).unwrap().database(&self.database)
    }

    /// The scene's own database, through a plain driver that the watcher is attached to.
    pub(crate) async fn attached(&self, capture: Capture) -> mongodb::Database {
        let mut options = self.options().await;
        match capture {
            Capture::Spans => self.watcher.attach_spans(&mut options),
            _ => self.watcher.attach(&mut options),
        }
        mongodb::Client::with_options(options).unwrap().database(&self.database)
    }

    /// Makes commands of this scene's clients fail.
    pub(crate) async fn fail(
        &self,
        mode: impl Into<mongowatch::bson::Bson>,
        mut data: Document,
    ) -> FailPoint<'_> {
        data.insert("appName", &self.name);
        let fail_point = mongowatch::bson::doc! { "mode": mode, "data": data };
        self.server.fail_point(fail_point).await.unwrap()
    }

    /// Drops the scene's database, for a test that does not [`Scene::finish`].
    pub(crate) async fn drop_database(&self) {
        drop_database(self.server, &self.database).await;
    }

    /// The database's name.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// Shuts the watcher down and gives the final records, in the order of their operations.
    ///
    /// Checks what must hold after every scenario: the books balance, and each operation has
    /// exactly one final record.
    pub(crate) async fn finish(self) -> Vec<WatchMessage> {
        self.finish_with_stats().await.0
    }

    /// As [`Scene::finish`], with the books.
    pub(crate) async fn finish_with_stats(self) -> (Vec<WatchMessage>, Stats) {
        let (records, stats) = settle(self.watcher, &self.seen).await;
        drop_database(self.server, &self.database).await;
        (records, stats)
    }
}

/// Shuts a watcher down and gives the final records that `seen` saw, in the order of their operations.
///
/// Checks what must hold after every scenario: the books balance, and each operation has exactly one
/// final record.
pub(crate) async fn settle(watcher: Watcher, seen: &Seen) -> (Vec<WatchMessage>, Stats) {
    let stats = watcher.shutdown().await.unwrap();
    assert!(stats.is_balanced(), "{stats:#?}");
    let records = seen.records();
    let mut finals: BTreeMap<WatchId, usize> = BTreeMap::new();
    for record in &records {
        *finals.entry(record.id).or_default() += usize::from(record.phase == Phase::Final);
    }
    assert!(finals.values().all(|n| *n == 1), "not one final record each: {finals:#?}");
    assert_eq!(finals.len() as u64, stats.operations, "operations without a record");
    let mut records: Vec<_> =
        records.into_iter().filter(|record| record.phase == Phase::Final).collect();
    records.sort_by_key(|record| record.seq);
    (records, stats)
}

async fn drop_database(server: &Server, name: &str) {
    let options = ClientOptions::parse(server.uri()).await.unwrap();
    mongodb::Client::with_options(options).unwrap().database(name).drop().await.unwrap();
}

/// The only record.
#[track_caller]
pub(crate) fn only(records: Vec<WatchMessage>) -> WatchMessage {
    assert_eq!(records.len(), 1, "{}", lines(&records));
    records.into_iter().next().unwrap()
}

/// One line a record: watcher, operation, collection, outcome, counts.
pub(crate) fn lines(records: &[WatchMessage]) -> String {
    let line = |record: &WatchMessage| {
        let counts = &record.counts;
        let counts = [
            ("matched", counts.matched),
            ("inserted", counts.inserted),
            ("upserted", counts.upserted),
            ("modified", counts.modified),
            ("deleted", counts.deleted),
        ];
        let mut line = format!(
            "{} {} {} {}",
            record.watcher,
            record.operation,
            record.collection.as_deref().unwrap_or("-"),
            record.outcome.map_or("open", Outcome::as_str),
        );
        if let Some(code) = record.error.as_ref().and_then(|error| error.code) {
            line += &format!(" code={code}");
        }
        for (name, count) in counts {
            if let Some(count) = count {
                line += &format!(" {name}={count}");
            }
        }
        line + "\n"
    };
    records.iter().map(line).collect()
}
