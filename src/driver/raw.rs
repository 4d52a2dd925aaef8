//! Records of traffic that no mirrored call opened: seen through the driver's events or spans, and
//! joined here into one record for each logical operation.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use mongodb::bson::Bson;
use uuid::Uuid;

use super::{
    probe::Probe,
    reply::Reply,
    wire::{Learned, Sent},
};
use crate::record::{
    ErrorInfo, Iteration, Outcome, Phase, Timestamp, WatchMessage, WatcherName, redact,
};

/// Commands by which the driver keeps house: they have no record of their own.
///
/// Sensitive commands are not among them: that a user was created is worth a record, with what
/// and with which password is not kept.
pub(super) fn is_housekeeping(command: &str) -> bool {
    const HOUSEKEEPING: &[&str] = &[
        "hello",
        "ismaster",
        "isMaster",
        "endSessions",
        "saslStart",
        "saslContinue",
        "authenticate",
        "getnonce",
    ];
    HOUSEKEEPING.contains(&command)
}

/// The record of a raw operation that is open.
pub(super) struct RawRecord {
    probe: Arc<Probe>,
    /// None only while the record is being closed.
    record: Option<Box<WatchMessage>>,
    command: String,
    learned: Learned,
    busy: Duration,
    n_versions: u64,
    is_retry: bool,
}

/// What a raw operation works on, as far as the door shows it.
#[derive(Default)]
pub(super) struct RawCall {
    pub(super) db: Option<Arc<str>>,
    pub(super) collection: Option<Arc<str>>,
    pub(super) filter: Option<Arc<Bson>>,
    pub(super) update: Option<Arc<Bson>>,
    pub(super) options: Option<Arc<Bson>>,
    pub(super) inserted_ids: Option<Arc<Vec<Bson>>>,
}

impl RawRecord {
    /// Opens a record and emits its first version.
    pub(super) fn open(probe: &Arc<Probe>, command: &str, call: RawCall) -> Self {
        let mut record = Box::new(WatchMessage::new(
            WatcherName::Command,
            snake_case(command),
            Timestamp::now(),
        ));
        probe.register(&mut record);
        record.db = call.db;
        record.collection = call.collection;
        record.filter = call.filter;
        record.update = call.update;
        record.options = call.options;
        record.inserted_ids = call.inserted_ids;
        let mut this = Self {
            probe: Arc::clone(probe),
            record: Some(record),
            command: command.to_owned(),
            learned: Learned::default(),
            busy: Duration::ZERO,
            n_versions: 0,
            is_retry: false,
        };
        this.emit(Phase::First);
        this
    }

    /// The server's command that opened the record.
    pub(super) fn command(&self) -> &str {
        &self.command
    }

    /// Was the command sent again already?
    pub(super) fn is_retry(&self) -> bool {
        self.is_retry
    }

    pub(super) fn sent(&mut self, sent: Sent) {
        self.learned.sent(sent);
    }

    pub(super) fn learned(&mut self) -> &mut Learned {
        &mut self.learned
    }

    pub(super) fn spent(&mut self, duration: Duration) {
        self.busy += duration;
    }

    /// The operation goes on, and something new is known of it.
    pub(super) fn update(&mut self) {
        self.emit(Phase::Update);
    }

    /// Closes the record with what a reply says.
    pub(super) fn close_with(mut self, reply: Reply) {
        let Some(record) = &mut self.record else { return };
        if !reply.upserted_ids.is_empty() {
            record.inserted_ids = Some(Arc::new(reply.upserted_ids));
        }
        let outcome = match &reply.error {
            None => Outcome::Ok,
            Some(error) => {
                record.forget_failed_ids(error);
                let partial = !error.write_errors.is_empty() && self.learned.counts.any_written();
                if partial { Outcome::Partial } else { Outcome::Error }
            }
        };
        self.close(outcome, reply.error);
    }

    /// Closes the record.
    pub(super) fn close(mut self, outcome: Outcome, error: Option<ErrorInfo>) {
        self.finish(outcome, error);
    }

    fn finish(&mut self, outcome: Outcome, error: Option<ErrorInfo>) {
        let Some(mut record) = self.record.take() else { return };
        if outcome != Outcome::Ok && outcome != Outcome::Partial {
            record.inserted_ids = None;
        }
        self.write_down(&mut record);
        record.phase = Phase::Final;
        record.iteration = Iteration::Final(Some(self.n_versions));
        record.outcome = Some(outcome);
        record.end_time = Some(Timestamp::now());
        record.error = error.map(|mut error| {
            if redact::is_sensitive_command(&self.command) {
                error.message = None;
            }
            Arc::new(error)
        });
        self.probe.emitter.emit(record);
    }

    fn emit(&mut self, phase: Phase) {
        let Some(mut record) = self.record.take() else { return };
        self.write_down(&mut record);
        record.phase = phase;
        record.iteration = Iteration::Update(self.n_versions);
        self.n_versions += 1;
        self.probe.emitter.emit(record.clone());
        self.record = Some(record);
    }

    fn write_down(&self, record: &mut WatchMessage) {
        record.traffic.clone_from(&self.learned.traffic);
        record.counts.clone_from(&self.learned.counts);
        record.duration = (self.n_versions > 0).then_some(self.busy);
    }
}

impl WatchMessage {
    /// Keeps the ids of an insert's documents that were inserted.
    fn forget_failed_ids(&mut self, error: &ErrorInfo) {
        let Some(ids) = self.inserted_ids.as_deref() else { return };
        let failed = |index: usize| error.write_errors.iter().any(|write| write.index == index);
        // An insert is ordered unless its options say otherwise: nothing follows the failure.
        let ordered = self.options.as_deref().and_then(Bson::as_document);
        let ordered = ordered.and_then(|options| options.get_bool("ordered").ok()).unwrap_or(true);
        let ids = ids.iter().enumerate();
        let kept: Vec<Bson> = if ordered {
            ids.take_while(|(index, _)| !failed(*index)).map(|(_, id)| id.clone()).collect()
        } else {
            ids.filter(|(index, _)| !failed(*index)).map(|(_, id)| id.clone()).collect()
        };
        self.inserted_ids = (!kept.is_empty()).then(|| Arc::new(kept));
    }
}

impl Drop for RawRecord {
    /// Nobody will see the end of what is dropped open.
    fn drop(&mut self) {
        self.finish(Outcome::Unknown, None);
    }
}

/// The raw operations that are open, under what their next command or reply can be known by.
#[derive(Default)]
pub(super) struct RawTable(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    /// Commands under way, by request id. One whose future was dropped stays: no event tells.
    commands: Bounded<i32>,
    /// Cursors that are open on a server, by address and cursor id. Applications leak them.
    cursors: Bounded<(Option<Arc<str>>, i64)>,
    /// Failed commands that the driver may send again, by session.
    retries: HashMap<Uuid, FailedOnce>,
}

/// Records by a key, of which the oldest goes when there are too many.
struct Bounded<K> {
    records: HashMap<K, RawRecord>,
    /// The keys in the order of their coming; some are gone by now.
    order: VecDeque<K>,
}

/// A failed command that the driver may send again.
struct FailedOnce {
    since: Instant,
    txn_number: Option<i64>,
    record: RawRecord,
    error: ErrorInfo,
}

impl FailedOnce {
    fn fail(self) {
        self.record.close(Outcome::Error, Some(self.error));
    }
}

impl<K> Default for Bounded<K> {
    fn default() -> Self {
        Self { records: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Clone + Eq + Hash> Bounded<K> {
    /// So many records are kept open at most.
    const MAX: usize = 65_536;

    /// Adds a record; gives those whose end nobody will see.
    fn insert(&mut self, key: K, record: RawRecord) -> [Option<RawRecord>; 2] {
        let mut evicted = None;
        while self.records.len() >= Self::MAX && evicted.is_none() {
            let Some(oldest) = self.order.pop_front() else { break };
            evicted = self.records.remove(&oldest);
        }
        if self.order.len() >= 2 * Self::MAX {
            self.order.retain(|key| self.records.contains_key(key));
        }
        self.order.push_back(key.clone());
        [evicted, self.records.insert(key, record)]
    }
}

impl RawTable {
    /// The driver has given up on sending again after this long: its default time to select a
    /// server is 30 seconds.
    const RETRY_MAX: Duration = Duration::from_secs(60);

    /// Keeps the record of a command until its reply.
    pub(super) fn insert_command(&self, request_id: i32, record: RawRecord) {
        let lost = self.lock().commands.insert(request_id, record);
        // Closed here, outside of the lock.
        drop(lost);
    }

    pub(super) fn take_command(&self, request_id: i32) -> Option<RawRecord> {
        self.lock().commands.records.remove(&request_id)
    }

    /// Keeps the record of an open cursor until its next command.
    pub(super) fn insert_cursor(&self, cursor_id: i64, record: RawRecord) {
        let key = (record.learned.traffic.server.clone(), cursor_id);
        let lost = self.lock().cursors.insert(key, record);
        drop(lost);
    }

    pub(super) fn take_cursor(&self, server: Option<&Arc<str>>, id: i64) -> Option<RawRecord> {
        self.lock().cursors.records.remove(&(server.cloned(), id))
    }

    /// Keeps the record of a failed command that the driver may send again.
    pub(super) fn insert_retry(
        &self,
        session: Uuid,
        txn_number: Option<i64>,
        record: RawRecord,
        error: ErrorInfo,
    ) {
        let since = Instant::now();
        let failed = FailedOnce { since, txn_number, record, error };
        let mut tables = self.lock();
        let before = tables.retries.insert(session, failed);
        let is_over = |failed: &FailedOnce| since.duration_since(failed.since) > Self::RETRY_MAX;
        let over: Vec<_> = tables.retries.extract_if(|_, failed| is_over(failed)).collect();
        drop(tables);
        before
            .into_iter()
            .chain(over.into_iter().map(|(_, failed)| failed))
            .for_each(FailedOnce::fail);
    }

    /// The failed command that this one repeats: the same command with the same transaction number
    /// in the same session. If the session goes on to something else, the failed one has failed.
    pub(super) fn take_retry(
        &self,
        session: Uuid,
        txn_number: Option<i64>,
        command: &str,
    ) -> Option<RawRecord> {
        let mut failed = self.lock().retries.remove(&session)?;
        failed.record.is_retry = true;
        if failed.txn_number == txn_number && failed.record.command == command {
            return Some(failed.record);
        }
        failed.fail();
        None
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        // Plain maps: what a panicking holder left behind is still a map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Tables {
    /// With the client gone, no failed command is sent again.
    fn drop(&mut self) {
        self.retries.drain().for_each(|(_, failed)| failed.fail());
    }
}

/// A command's name in the driver's style: `findAndModify` is `find_and_modify`.
fn snake_case(command: &str) -> String {
    let mut snake = String::with_capacity(command.len() + 4);
    for char in command.chars() {
        if char.is_uppercase() {
            snake.push('_');
        }
        snake.extend(char.to_lowercase());
    }
    snake
}
