//! The audit: which records a test must leave behind, and whether it left them.
//!
//! What is expected is noted here where the runner calls the driver, out of the call and of what
//! came back; nothing of it is asked of the library that is tested.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use mongodb::{
    bson::Document,
    error::{Error, ErrorKind, GridFsErrorKind, WriteFailure},
};
use mongowatch::{Capture, Outcome, TxnOutcome, WatchMessage, WatcherName};

use crate::{events::Observer, failure};

/// Operations that write nothing.
const READS: &[&str] = &[
    "count_documents",
    "distinct",
    "estimated_document_count",
    "find",
    "find_one",
    "list_collection_names",
    "list_collections",
    "list_database_names",
    "list_databases",
    "list_index_names",
    "list_indexes",
    "list_search_indexes",
    "open_download_stream",
    "open_download_stream_by_name",
    "watch",
];

/// Where a call goes.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) db: Option<String>,
    pub(crate) collection: Option<String>,
    /// Of the client that is called.
    pub(crate) observer: Arc<Observer>,
}

impl Place {
    /// Where a command of the application's own goes: to the collection that it names first. What
    /// `renameCollection` names there is a whole namespace.
    pub(crate) fn of_command(&self, command: &Document) -> Self {
        let first = command.iter().next().filter(|(name, _)| *name != "renameCollection");
        let first = first.and_then(|(_, value)| value.as_str());
        Self { collection: first.map(str::to_owned), ..self.clone() }
    }
}

/// What has become of a transaction; none while it is open. Shared by its operations.
pub(crate) type Fate = Arc<Mutex<Option<TxnOutcome>>>;

/// The counts that must be in a record; those that are `None` are not compared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) matched: Option<u64>,
    pub(crate) inserted: Option<u64>,
    pub(crate) upserted: Option<u64>,
    pub(crate) modified: Option<u64>,
    pub(crate) deleted: Option<u64>,
    pub(crate) file_bytes: Option<u64>,
}

/// The records that are expected, in the order in which their calls ended.
#[derive(Default)]
pub(crate) struct Ledger {
    expected: Mutex<Vec<Expected>>,
    /// Commands that no call sends and that may have a record of their own.
    strays: Mutex<Vec<&'static str>>,
    /// Ends of transactions that the driver may have called for by itself.
    repeats: Mutex<Vec<&'static str>>,
    has_threads: AtomicBool,
}

/// One record that is expected.
#[derive(Clone)]
struct Expected {
    operation: &'static str,
    db: Option<String>,
    collection: Option<String>,
    /// Any of these.
    outcomes: Vec<Outcome>,
    code: Code,
    counts: Counts,
    fate: Option<Fate>,
    /// The driver failed before it sent anything.
    is_unsent: bool,
}

/// The server's code in a record.
#[derive(Clone, Copy)]
enum Code {
    /// The driver's result does not tell which of several it is.
    Any,
    /// None when it was not the server that refused.
    Exactly(Option<i32>),
}

/// A call that is under way.
pub(crate) struct Call {
    ledger: Arc<Ledger>,
    observer: Arc<Observer>,
    n_sent: u64,
    expected: Expected,
}

impl Ledger {
    /// Notes that the driver is about to be called.
    pub(crate) fn call(
        self: &Arc<Self>,
        operation: &'static str,
        place: &Place,
        fate: Option<Fate>,
    ) -> Call {
        let Place { db, collection, observer } = place.clone();
        let expected = Expected {
            operation,
            db,
            collection,
            outcomes: Vec::new(),
            code: Code::Exactly(None),
            counts: Counts::default(),
            fate,
            is_unsent: false,
        };
        Call { ledger: Arc::clone(self), n_sent: observer.n_sent(), observer, expected }
    }

    /// Notes that the driver may send a command that belongs to no call.
    pub(crate) fn stray(&self, command: &'static str) {
        self.strays.lock().unwrap().push(command);
    }

    /// Notes that calls run beside each other: what was sent cannot be told apart by call.
    pub(crate) fn is_concurrent(&self) {
        self.has_threads.store(true, Ordering::Relaxed);
    }

    /// Notes that the driver may have ended so many transactions by itself.
    pub(crate) fn repeats(&self, operation: &'static str, n_at_most: usize) {
        self.repeats.lock().unwrap().extend(std::iter::repeat_n(operation, n_at_most));
    }

    /// Compares the final records with those that are expected; gives what is wrong.
    pub(crate) fn compare(&self, records: &[WatchMessage], capture: Capture) -> Vec<String> {
        let mut left: Vec<&WatchMessage> = records.iter().collect();
        let mut wrong = Vec::new();
        for expected in self.expected.lock().unwrap().iter() {
            if let Err(why) = expected.take_from(&mut left, capture) {
                wrong.push(why);
            }
        }
        let mut strays = self.strays.lock().unwrap().clone();
        let mut repeats = self.repeats.lock().unwrap().clone();
        for record in left {
            let allowed = match record.watcher {
                WatcherName::Command => &mut strays,
                WatcherName::Session if is_end_of_txn(record) => &mut repeats,
                _ => &mut Vec::new(),
            };
            match allowed.iter().position(|operation| *operation == record.operation) {
                Some(index) => drop(allowed.swap_remove(index)),
                None => wrong.push(format!("expected no more records, found {}", line(record))),
            }
        }
        wrong
    }
}

impl Call {
    /// The call is over with its result; `learn` reads the counts out of it.
    pub(crate) fn end<T>(mut self, result: &Result<T, Error>, learn: impl FnOnce(&T, &mut Counts)) {
        match result {
            Ok(done) => {
                learn(done, &mut self.expected.counts);
                self.close(&[Outcome::Ok]);
            }
            Err(error) => self.fail(error),
        }
    }

    /// The call asked for no acknowledgement, so that nobody knows what became of it.
    pub(crate) fn end_unacknowledged<T>(self, result: &Result<T, Error>) {
        match result {
            Ok(_) => self.close(&[Outcome::Ok, Outcome::Unknown]),
            Err(error) => self.fail(error),
        }
    }

    /// A command of the application's own is over; a reply that is `ok: 1` may tell of failures.
    pub(crate) fn end_command(mut self, result: &Result<Document, Error>) {
        match result {
            Ok(reply) if reply.contains_key("writeErrors") => {
                self.expected.code = Code::Any;
                self.close(&[Outcome::Error, Outcome::Partial]);
            }
            Ok(reply) if reply.contains_key("writeConcernError") => {
                self.expected.code = Code::Any;
                self.close(&[Outcome::Ok, Outcome::Error]);
            }
            Ok(_) => self.close(&[Outcome::Ok]),
            Err(error) => self.fail(error),
        }
    }

    /// The call is over with an error.
    pub(crate) fn fail(mut self, error: &Error) {
        self.expected.code = own_code(error);
        self.expected.is_unsent = self.observer.n_sent() == self.n_sent;
        let is_unclear = self.ledger.has_threads.load(Ordering::Relaxed);
        if is_unclear && !failure::is_of_server(error) {
            return self.close(&[Outcome::Error, Outcome::NotSent]);
        }
        let outcome = if self.expected.is_unsent { Outcome::NotSent } else { Outcome::Error };
        if outcome == Outcome::Error
            && matches!(&*error.kind, ErrorKind::Write(WriteFailure::WriteConcernError(_)))
            && self.expected.operation == "insert_one"
        {
            self.expected.counts.inserted = Some(1);
        }
        self.close(&[outcome]);
    }

    /// A call that the driver made by itself is over with an error of the server.
    pub(crate) fn fail_sent(mut self, error: &Error) {
        self.expected.code = own_code(error);
        self.close(&[Outcome::Error]);
    }

    /// The call did a part of its work and failed with the rest.
    pub(crate) fn fail_with(mut self, error: &Error, counts: Counts) {
        let written = [counts.inserted, counts.upserted, counts.modified, counts.deleted];
        if written.into_iter().flatten().any(|n| n > 0) {
            self.expected.code = own_code(error);
            self.expected.counts = counts;
            self.close(&[Outcome::Partial]);
        } else {
            self.fail(error);
        }
    }

    /// The call is over; these outcomes are right.
    pub(crate) fn close(mut self, outcomes: &[Outcome]) {
        self.expected.outcomes = outcomes.to_vec();
        self.ledger.expected.lock().unwrap().push(self.expected);
    }

    /// Of the client that is called.
    pub(crate) fn observer(&self) -> Arc<Observer> {
        Arc::clone(&self.observer)
    }

    /// What is known of the counts so far.
    pub(crate) fn counts(&mut self) -> &mut Counts {
        &mut self.expected.counts
    }
}

/// Is it what a commit or an abort leaves behind, whatever it came to?
fn is_end_of_txn(record: &WatchMessage) -> bool {
    record.db.is_none()
        && record.collection.is_none()
        && matches!(record.outcome, Some(Outcome::Ok | Outcome::Error))
}

/// The code that the error itself carries, not that of one below it.
fn own_code(error: &Error) -> Code {
    match &*error.kind {
        ErrorKind::BulkWrite(_) => Code::Any,
        // The server may have refused the upload, or only the removal of what it left.
        ErrorKind::GridFs(GridFsErrorKind::AbortError { .. }) => Code::Any,
        _ => Code::Exactly(failure::code(error)),
    }
}

impl Code {
    fn allows(self, found: Option<i32>) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(code) => code == found,
        }
    }
}

impl Expected {
    /// Takes the first record that fits; the error tells what fits least badly.
    fn take_from(&self, left: &mut Vec<&WatchMessage>, capture: Capture) -> Result<(), String> {
        let mut nearest = None;
        for (index, record) in left.iter().enumerate() {
            // Raw traffic does not stand in for the record of a call.
            if record.operation != self.operation || record.watcher == WatcherName::Command {
                continue;
            }
            match self.differs(record, capture) {
                None => {
                    left.remove(index);
                    return Ok(());
                }
                Some(why) => nearest = nearest.or(Some((index, why))),
            }
        }
        match nearest {
            Some((index, why)) => {
                left.remove(index);
                Err(why)
            }
            None => {
                let found: Vec<_> = left.iter().map(|record| line(record)).collect();
                Err(format!("expected a record {self}, found {found:?}"))
            }
        }
    }

    fn differs(&self, record: &WatchMessage, capture: Capture) -> Option<String> {
        let counts = &record.counts;
        let pairs = [
            (self.counts.matched, counts.matched),
            (self.counts.inserted, counts.inserted),
            (self.counts.upserted, counts.upserted),
            (self.counts.modified, counts.modified),
            (self.counts.deleted, counts.deleted),
            (self.counts.file_bytes, counts.file_bytes),
        ];
        let code = record.error.as_ref().and_then(|error| error.code);
        let is_right = record.db.as_deref() == self.db.as_deref()
            && record.collection.as_deref() == self.collection.as_deref()
            && record.outcome.is_some_and(|outcome| self.allows(outcome, capture))
            && self.code.allows(code)
            && self.allows_written(record)
            && self.allows_fate(record.txn_outcome)
            && pairs.iter().all(|(expected, found)| expected.is_none() || expected == found);
        (!is_right).then(|| format!("expected a record {self}, found {}", line(record)))
    }

    fn allows(&self, outcome: Outcome, capture: Capture) -> bool {
        // Without a look at the traffic, the library cannot always tell that nothing was sent.
        let is_blind = capture == Capture::Operations && self.is_unsent;
        self.outcomes.contains(&outcome) || (is_blind && outcome == Outcome::Error)
    }

    /// Does the record count writes only where there may have been some?
    fn allows_written(&self, record: &WatchMessage) -> bool {
        let counts = &record.counts;
        let is_read = READS.contains(&self.operation);
        let has_none = [counts.inserted, counts.modified, counts.deleted, counts.upserted]
            .iter()
            .all(Option::is_none);
        has_none || !(is_read || record.outcome == Some(Outcome::NotSent))
    }

    fn allows_fate(&self, found: Option<TxnOutcome>) -> bool {
        match &self.fate {
            Some(fate) => found.is_some() && found == *fate.lock().unwrap(),
            // A commit and an abort may say what they brought about.
            None => found.is_none() || self.operation.ends_with("_transaction"),
        }
    }
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let none = "-".to_owned();
        let db = self.db.as_ref().unwrap_or(&none);
        let collection = self.collection.as_ref().unwrap_or(&none);
        let outcomes: Vec<_> = self.outcomes.iter().map(|outcome| outcome.as_str()).collect();
        write!(f, "{} {db}.{collection} {}", self.operation, outcomes.join("|"))?;
        if let Code::Exactly(Some(code)) = self.code {
            write!(f, " code={code}")?;
        }
        let counts = &self.counts;
        let counts = [
            ("matched", counts.matched),
            ("inserted", counts.inserted),
            ("upserted", counts.upserted),
            ("modified", counts.modified),
            ("deleted", counts.deleted),
            ("bytes", counts.file_bytes),
        ];
        for (name, count) in counts {
            if let Some(count) = count {
                write!(f, " {name}={count}")?;
            }
        }
        if let Some(fate) = &self.fate {
            let fate = fate.lock().unwrap();
            write!(f, " txn={}", fate.map_or("open", TxnOutcome::as_str))?;
        }
        Ok(())
    }
}

/// A record in one line.
pub(crate) fn line(record: &WatchMessage) -> String {
    let counts = &record.counts;
    let counts = [
        ("matched", counts.matched),
        ("inserted", counts.inserted),
        ("upserted", counts.upserted),
        ("modified", counts.modified),
        ("deleted", counts.deleted),
        ("bytes", counts.file_bytes),
    ];
    let mut line = format!(
        "{} {} {}.{} {}",
        record.watcher,
        record.operation,
        record.db.as_deref().unwrap_or("-"),
        record.collection.as_deref().unwrap_or("-"),
        record.outcome.map_or("open", Outcome::as_str),
    );
    if let Some(error) = &record.error {
        line += &format!(" code={:?} name={:?}", error.code, error.name);
    }
    for (name, count) in counts {
        if let Some(count) = count {
            line += &format!(" {name}={count}");
        }
    }
    if let Some(fate) = record.txn_outcome {
        line += &format!(" txn={fate}");
    }
    line
}
