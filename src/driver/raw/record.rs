//! The record of one raw operation.

use std::{sync::Arc, time::Duration};

use mongodb::bson::Bson;
use uuid::Uuid;

use crate::{
    context,
    driver::{
        probe::Probe,
        reply::Reply,
        wire::{Learned, Sent},
    },
    record::{
        Context, ErrorInfo, Iteration, Outcome, Phase, Timestamp, WatchMessage, WatcherName, redact,
    },
};

/// The record of a raw operation that is open.
pub(in crate::driver) struct RawRecord {
    probe: Arc<Probe>,
    /// None only while the record is being closed.
    record: Option<Box<WatchMessage>>,
    command: String,
    learned: Learned,
    busy: Duration,
    n_versions: u64,
    is_retry: bool,
    in_transaction: bool,
    /// An error that did not end the operation.
    trouble: Option<ErrorInfo>,
}

/// How often the driver sends a failed command again.
#[derive(Clone, Copy, PartialEq)]
pub(in crate::driver) enum Again {
    /// Once.
    Once,
    /// As often as its server says that it is overloaded.
    AnyTime,
}

/// What a raw operation works on, as far as the door shows it.
#[derive(Default)]
pub(in crate::driver) struct RawCall {
    pub(in crate::driver) db: Option<Arc<str>>,
    pub(in crate::driver) collection: Option<Arc<str>>,
    pub(in crate::driver) filter: Option<Arc<Bson>>,
    pub(in crate::driver) update: Option<Arc<Bson>>,
    pub(in crate::driver) options: Option<Arc<Bson>>,
    pub(in crate::driver) inserted_ids: Option<Arc<Vec<Bson>>>,
    pub(in crate::driver) context: Option<Arc<Context>>,
}

impl RawCall {
    /// A call that begins now, in the context of this moment, of which nothing else is known yet.
    pub(in crate::driver) fn now() -> Self {
        Self { context: context::at_start(), ..Self::default() }
    }
}

impl RawRecord {
    /// Opens a record and emits its first version.
    pub(in crate::driver) fn open(probe: &Arc<Probe>, command: &str, call: RawCall) -> Self {
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
        record.context = call.context;
        // The command is on its way: what the context lacks can be told, but not refused.
        probe.check_context(&mut record, &[]);
        let mut this = Self {
            probe: Arc::clone(probe),
            record: Some(record),
            command: command.to_owned(),
            learned: Learned::default(),
            busy: Duration::ZERO,
            n_versions: 0,
            is_retry: false,
            in_transaction: false,
            trouble: None,
        };
        this.emit(Phase::First);
        this
    }

    /// The server's command that opened the record.
    pub(in crate::driver) fn command(&self) -> &str {
        &self.command
    }

    /// The session under which the driver may send the command again: only commands in a session
    /// are, and within a transaction none but those that end it.
    pub(in crate::driver) fn may_be_sent_again(&self, again: Again) -> Option<Uuid> {
        let ends_transaction =
            matches!(self.command.as_str(), "commitTransaction" | "abortTransaction");
        let has_turn = !self.is_retry || again == Again::AnyTime;
        let may = has_turn && (!self.in_transaction || ends_transaction);
        self.learned.traffic.session_id.filter(|_| may)
    }

    /// The command is sent again. An insert has new ids then: the driver makes those that the
    /// documents do not have for each attempt.
    pub(super) fn begin_retry(&mut self, call: RawCall) {
        self.is_retry = true;
        if let Some(record) = &mut self.record {
            record.inserted_ids = call.inserted_ids;
        }
    }

    /// Is it this operation that the command repeats?
    pub(super) fn is_repeated_by(
        &self,
        command: &str,
        txn_number: Option<i64>,
        call: &RawCall,
    ) -> bool {
        self.command == command
            && self.learned.traffic.txn_number == txn_number
            && self.record.as_ref().is_some_and(|record| {
                record.db == call.db
                    && record.collection == call.collection
                    && record.filter == call.filter
                    && record.update == call.update
                    && record.options == call.options
            })
    }

    /// The server that was asked last.
    pub(super) const fn server(&self) -> Option<&Arc<str>> {
        self.learned.traffic.server.as_ref()
    }

    /// The session that it runs in.
    pub(super) const fn session_id(&self) -> Option<Uuid> {
        self.learned.traffic.session_id
    }

    /// The cursor that it holds open on the server.
    pub(in crate::driver) const fn cursor_id(&self) -> Option<i64> {
        self.learned.cursor_id
    }

    /// Notes an error that does not end the operation: a cursor goes on after most of them.
    pub(in crate::driver) fn note(&mut self, error: ErrorInfo) {
        self.trouble = Some(error);
        self.update();
    }

    pub(in crate::driver) fn sent(&mut self, sent: Sent) {
        self.in_transaction = sent.in_transaction;
        self.learned.sent(sent);
    }

    pub(in crate::driver) fn learned(&mut self) -> &mut Learned {
        &mut self.learned
    }

    pub(in crate::driver) fn spent(&mut self, duration: Duration) {
        self.busy += duration;
    }

    /// The operation goes on, and something new is known of it.
    pub(in crate::driver) fn update(&mut self) {
        self.emit(Phase::Update);
    }

    /// Closes the record with what a reply says.
    pub(in crate::driver) fn close_with(mut self, reply: Reply) {
        let Some(record) = &mut self.record else { return };
        if !reply.upserted_ids.is_empty() {
            record.inserted_ids = Some(Arc::new(reply.upserted_ids));
        }
        let outcome = match &reply.error {
            None if self.learned.is_unacknowledged => Outcome::Unknown,
            None => Outcome::Ok,
            Some(error) => {
                record.forget_failed_ids(error);
                let partial = reply.some_failed && self.learned.counts().any_written();
                if partial { Outcome::Partial } else { Outcome::Error }
            }
        };
        self.close(outcome, reply.error);
    }

    /// Closes the record.
    pub(in crate::driver) fn close(mut self, outcome: Outcome, error: Option<ErrorInfo>) {
        self.finish(outcome, error);
    }

    fn finish(&mut self, outcome: Outcome, error: Option<ErrorInfo>) {
        let Some(mut record) = self.record.take() else { return };
        // An operation that had trouble on its way has not succeeded, however it ended.
        let (outcome, error) = match self.trouble.take() {
            Some(trouble) if error.is_none() => (Outcome::Error, Some(trouble)),
            _ => (outcome, error),
        };
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
        record.counts = self.learned.counts();
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
