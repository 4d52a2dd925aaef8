//! An open operation of the mirrored API: opened once, closed exactly once.

use std::{
    borrow::Cow,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use mongodb::{
    bson::{Bson, Document},
    error::{Error, ErrorKind, Result},
};

use uuid::Uuid;

use super::{
    ClientSession, failure,
    probe::Place,
    refusal::Refusal,
    session::{InSession, Txn},
    wire::Wire,
};
use crate::{
    context,
    pipeline::CursorUpdates,
    record::{
        Counts, Iteration, KnownCall, Outcome, Phase, Timestamp, WatchId, WatchMessage,
        WatcherName, redact,
    },
};

/// What the application asked for.
pub(super) struct Call {
    pub(super) place: Place,
    pub(super) watcher: WatcherName,
    /// The driver's method, in snake case.
    pub(super) operation: &'static str,
    /// The server's command, which tells how its reply is read.
    pub(super) command: Cow<'static, str>,
    pub(super) filter: Option<Arc<Bson>>,
    pub(super) update: Option<Arc<Bson>>,
    /// What else the call says, to stand among its options: the `key` of a `distinct`.
    pub(super) arguments: Document,
    /// The namespaces of a call on several.
    pub(super) namespaces: Vec<String>,
    /// The id of the record, when it had to be known before the record is opened.
    pub(super) id: Option<WatchId>,
    /// The session that the application gave.
    pub(super) session_id: Option<Uuid>,
    /// The transaction that is running in it.
    pub(super) txn: Option<Txn>,
}

/// An operation whose record is not final yet. Dropping it closes it as `cancelled`.
pub(super) struct Operation(Option<Open>);

/// What an operation holds while it is open.
struct Open {
    place: Place,
    command: Cow<'static, str>,
    record: Box<WatchMessage>,
    /// The transaction whose outcome the final version tells.
    txn: Option<Txn>,
    /// Where the doors to the driver's traffic leave what they see; none when none is open.
    wire: Option<Arc<Wire>>,
    /// Time that was spent inside the driver.
    busy: Duration,
    /// When the application's present wait for the driver began.
    since: Option<Instant>,
    n_versions: u64,
}

impl Place {
    /// A call at this place.
    pub(super) fn call(
        &self,
        watcher: WatcherName,
        operation: &'static str,
        command: &'static str,
    ) -> Call {
        debug_assert!(KnownCall::find(watcher, operation).is_some(), "{watcher} {operation}");
        Call {
            place: self.clone(),
            watcher,
            operation,
            command: command.into(),
            filter: None,
            update: None,
            arguments: Document::new(),
            namespaces: Vec::new(),
            id: None,
            session_id: None,
            txn: None,
        }
    }
}

impl Call {
    /// The comment by which the server's logs know the record, if it is wanted.
    pub(super) fn comment(&mut self) -> Option<Bson> {
        if self.id.is_none() {
            self.id = self.place.probe.id_for_comment();
        }
        self.id.map(|id| id.to_string().into())
    }

    /// Notes the session that the call runs in, and gives the driver's.
    pub(super) fn in_session<'s>(
        &mut self,
        session: impl Into<&'s mut ClientSession>,
    ) -> &'s mut mongodb::ClientSession {
        let session = session.into();
        let InSession { id, txn } = session.in_session();
        self.session_id = id;
        self.txn = txn;
        &mut session.inner
    }

    /// Runs a call that is over when its future is, and closes its record.
    ///
    /// `learn` writes down what the driver's result says, and the outcome if it is not what the
    /// `Result` says.
    pub(super) async fn run<T>(
        self,
        options: Option<Arc<Bson>>,
        future: impl Future<Output = Result<T>> + Unpin,
        learn: impl FnOnce(&mut WatchMessage, std::result::Result<&T, &Error>),
    ) -> Result<T> {
        let mut operation = Operation::open(self, options)?;
        let result = operation.drive(future).await;
        if result.is_err() {
            // An error may say less of what was done than the server's replies.
            operation.learn_traffic();
        }
        let mut outcome = None;
        if let Some(record) = operation.record() {
            learn(record, result.as_ref());
            outcome = record.outcome;
        }
        match &result {
            Ok(_) => operation.close(outcome.unwrap_or(Outcome::Ok)),
            Err(error) => operation.fail(error),
        }
        result
    }
}

impl Operation {
    /// Opens the record of a call, with the context of this moment, and emits its first version.
    ///
    /// # Errors
    ///
    /// When the context lacks what is required, and the operation is refused: its record is final
    /// then.
    pub(super) fn open(call: Call, options: Option<Arc<Bson>>) -> Result<Self> {
        let Call { place, watcher, operation, command, .. } = call;
        let mut record = Box::new(WatchMessage::new(watcher, operation, Timestamp::now()));
        record.id = call.id.unwrap_or(record.id);
        place.probe.register(&mut record);
        record.db.clone_from(&place.db);
        record.collection.clone_from(&place.collection);
        record.filter = call.filter;
        record.update = call.update;
        record.options = with_arguments(options, call.arguments);
        record.traffic.session_id = call.session_id;
        record.context = context::at_start();
        let refusal = place
            .probe
            .check_context(&mut record, &call.namespaces)
            .filter(|_| !ends_transaction(&command));
        let wire = place.probe.sees_traffic().then(|| Wire::new(&place.probe, call.session_id));
        let busy = Duration::ZERO;
        let txn = call.txn;
        let mut open = Open { place, command, record, txn, wire, busy, since: None, n_versions: 0 };
        open.emit(Phase::First);
        match refusal {
            Some(refusal) => Err(open.refuse(refusal)),
            None => Ok(Self(Some(open))),
        }
    }

    /// Runs a future of the driver as a part of this operation, and measures it.
    pub(super) async fn drive<F: Future + Unpin>(&mut self, future: F) -> F::Output {
        self.resume();
        let wire = self.0.as_ref().and_then(|open| open.wire.clone());
        let output = match &wire {
            Some(wire) => wire.scope(future).await,
            None => future.await,
        };
        self.pause();
        output
    }

    /// Runs one poll of the driver as a part of this operation.
    pub(super) fn enter<R>(&self, poll: impl FnOnce() -> R) -> R {
        match self.0.as_ref().and_then(|open| open.wire.as_ref()) {
            Some(wire) => wire.enter(poll),
            None => poll(),
        }
    }

    /// The application waits for the driver from now on.
    pub(super) fn resume(&mut self) {
        if let Some(open) = &mut self.0 {
            open.since.get_or_insert_with(Instant::now);
        }
    }

    /// The driver has what the application waited for.
    pub(super) fn pause(&mut self) {
        if let Some(open) = &mut self.0 {
            open.pause();
        }
    }

    /// Forgets a wait whose end nobody saw: it counts up to the last [`Operation::pause`].
    pub(super) fn forget_wait(&mut self) {
        if let Some(open) = &mut self.0 {
            open.since = None;
        }
    }

    /// The record, to write down what is known before the end; none when it is closed.
    pub(super) fn record(&mut self) -> Option<&mut WatchMessage> {
        self.0.as_mut().map(|open| &mut *open.record)
    }

    /// Takes over what the doors saw so far.
    fn learn_traffic(&mut self) {
        if let Some(open) = &mut self.0 {
            open.learn_traffic();
        }
    }

    /// Emits a version of the running operation.
    pub(super) fn update(&mut self) {
        if let Some(open) = &mut self.0 {
            open.record.duration = Some(open.busy);
            open.learn_traffic();
            open.emit(Phase::Update);
        }
    }

    /// Closes the operation with this outcome; a second time changes nothing.
    pub(super) fn close(&mut self, outcome: Outcome) {
        if let Some(open) = self.0.take() {
            open.close(outcome);
        }
    }

    /// Closes the operation that ended with an error of the driver.
    pub(super) fn fail(&mut self, error: &Error) {
        if let Some(mut open) = self.0.take() {
            let outcome = open.explain(error);
            open.close(outcome);
        }
    }

    /// Writes an error down without closing the operation, which goes on; gives its outcome.
    pub(super) fn note(&mut self, error: &Error) -> Option<Outcome> {
        self.0.as_mut().map(|open| open.explain(error))
    }

    /// What was noted is over.
    pub(super) fn forget_error(&mut self) {
        if let Some(open) = &mut self.0 {
            open.record.error = None;
        }
    }

    /// Is the cursor known to be exhausted on the server, after so many documents?
    pub(super) fn sent_all(&self, n_documents: u64) -> bool {
        self.0.as_ref().and_then(|open| open.wire.as_ref()).is_some_and(|wire| {
            let learned = wire.lock();
            learned.cursor_id.is_none() && learned.traffic.returned == Some(n_documents)
        })
    }

    /// The stream of changes is open: each further opening is a resumption.
    pub(super) fn count_resumes(&self) {
        if let Some(wire) = self.0.as_ref().and_then(|open| open.wire.as_ref()) {
            wire.lock().traffic.resumes = Some(0);
        }
    }

    /// When updates of a cursor come out. Of files and raw traffic nothing else can be said.
    pub(super) fn cursor_updates(&self) -> CursorUpdates {
        match &self.0 {
            Some(open) if open.record.watcher == WatcherName::Cursor => {
                open.place.probe.cursor_updates()
            }
            _ => CursorUpdates::default(),
        }
    }

    /// Where the doors leave what they see of the operation, as long as it is open.
    pub(super) fn wire(&self) -> Option<Arc<Wire>> {
        self.0.as_ref().and_then(|open| open.wire.clone())
    }

    /// The driver will kill the operation's cursor by itself, outside of any scope.
    pub(super) fn expect_kill(&self) {
        if let Some(wire) = self.0.as_ref().and_then(|open| open.wire.as_ref()) {
            wire.expect_kill();
        }
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.close(Outcome::Cancelled);
    }
}

impl Open {
    fn pause(&mut self) {
        let since = self.since.take();
        self.busy += since.map_or(Duration::ZERO, |since| since.elapsed());
    }

    fn explain(&mut self, error: &Error) -> Outcome {
        self.learn_traffic();
        // The spans do not show a sensitive command, so that none seen does not mean none sent.
        let is_shown = self.wire.is_some() && !redact::is_sensitive_command(&self.command);
        let attempts = is_shown.then(|| self.record.traffic.attempts.unwrap_or(0));
        let failure = failure::describe(&self.command, error, attempts);
        let counts = &mut self.record.counts;
        if let Some(reply) = failure.reply {
            fill_in(counts, reply.counts);
        }
        // An `insert_many` that the driver splits may fail on its way to the server with a part.
        let is_in_parts = self.record.operation == "insert_many"
            && !matches!(*error.kind, ErrorKind::InsertMany(_));
        let partial = (failure.is_of_several || is_in_parts) && counts.any_written();
        self.record.error = Some(Arc::new(failure.error));
        if partial { Outcome::Partial } else { failure.outcome }
    }

    /// Closes the record of an operation that does not begin; gives the error that says why.
    fn refuse(mut self, refusal: Refusal) -> Error {
        self.record.error = Some(Arc::new(refusal.info()));
        self.close(Outcome::NotSent);
        refusal.into_error()
    }

    /// Takes over what the doors saw; what the driver's result says goes before it.
    fn learn_traffic(&mut self) {
        if let Some(wire) = &self.wire {
            let learned = wire.lock();
            self.record.traffic.clone_from(&learned.traffic);
            let counts = match self.record.watcher {
                WatcherName::Gridfs => learned.file_counts(&self.record.operation),
                _ => learned.counts(),
            };
            fill_in(&mut self.record.counts, counts);
        }
    }

    /// Emits the record as its next version; the versions share what is heavy.
    fn emit(&mut self, phase: Phase) {
        self.record.phase = phase;
        self.record.iteration = Iteration::Update(self.n_versions);
        self.n_versions += 1;
        self.place.probe.emitter.emit(self.record.clone());
    }

    fn close(mut self, outcome: Outcome) {
        self.pause();
        self.learn_traffic();
        let mut record = self.record;
        record.phase = Phase::Final;
        record.iteration = Iteration::Final(Some(self.n_versions));
        record.outcome = Some(outcome);
        record.end_time = Some(Timestamp::now());
        record.duration = Some(self.busy);
        let emitter = &self.place.probe.emitter;
        match &self.txn {
            Some(txn) => txn.take(record, emitter),
            None => emitter.emit(record),
        }
    }
}

/// What has begun can always end: its operations were let through, and hold locks until then.
fn ends_transaction(command: &str) -> bool {
    matches!(command, "commitTransaction" | "abortTransaction")
}

/// Adds what else the call says to its options.
fn with_arguments(options: Option<Arc<Bson>>, arguments: Document) -> Option<Arc<Bson>> {
    if arguments.is_empty() {
        return options;
    }
    let mut document = match options.as_deref() {
        Some(Bson::Document(document)) => document.clone(),
        _ => Document::new(),
    };
    document.extend(arguments);
    Some(Arc::new(document.into()))
}

/// Keeps the counts that are there and takes the others.
fn fill_in(counts: &mut Counts, others: Counts) {
    counts.matched = counts.matched.or(others.matched);
    counts.inserted = counts.inserted.or(others.inserted);
    counts.upserted = counts.upserted.or(others.upserted);
    counts.modified = counts.modified.or(others.modified);
    counts.deleted = counts.deleted.or(others.deleted);
    counts.file_chunks = counts.file_chunks.or(others.file_chunks);
}
