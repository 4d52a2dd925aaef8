mod dispatch;
mod output;
mod routes;
mod settings;
mod span;

use std::{
    io,
    sync::{Arc, LazyLock, Mutex},
};

use crate::record::{Iteration, Outcome, Phase, Timestamp, WatchMessage, WatcherName};

/// A final record whose number is in `Seq`.
fn record(seq: u64) -> Arc<WatchMessage> {
    let start = Timestamp::from_micros(1_714_564_800_060_000);
    let mut record = WatchMessage::new(WatcherName::Collection, "find", start);
    record.seq = seq;
    record.phase = Phase::Final;
    record.iteration = Iteration::Final(Some(0));
    record.db = Some("shop".into());
    record.collection = Some("orders".into());
    record.outcome = Some(Outcome::Ok);
    record.counts.matched = Some(seq);
    Arc::new(record)
}

/// A writer that remembers, for layers that ask for one.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the application's subscriber heard of our troubles while `act` ran.
fn reports(act: impl FnOnce()) -> Vec<String> {
    let memory = Memory::default();
    let writer = memory.clone();
    let subscriber = tracing_subscriber::fmt()
        .without_time()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // While one subscriber lives in the process, `tracing` remembers of a callsite what the default
    // of the first thread that comes by says of it: another test, without a default, would switch
    // the reports off. With two, it asks both.
    static ANOTHER: LazyLock<tracing::Dispatch> =
        LazyLock::new(|| tracing::Dispatch::new(tracing_subscriber::registry()));
    LazyLock::force(&ANOTHER);
    tracing::subscriber::with_default(subscriber, act);
    memory.text().lines().map(|line| line.trim().to_owned()).collect()
}
