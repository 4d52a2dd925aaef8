//! Door B: the driver's command events.
//!
//! The handler runs inside the application's operation: take, reduce, hand over, return. The
//! driver gives it each command and each reply as documents of its own, and that is what this door
//! costs; what is done with them here is little.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use mongodb::{
    bson::{Bson, Document},
    error::{Error, ErrorKind},
    event::{
        EventHandler,
        command::{
            CommandEvent, CommandFailedEvent, CommandStartedEvent, CommandSucceededEvent,
            ConnectionInfo,
        },
    },
    options::{ClientOptions, ServerAddress},
};
use uuid::Uuid;

use super::{
    body, failure,
    probe::Probe,
    raw::{Again, Limits, RawCall, RawRecord, RawTable, is_housekeeping},
    reply::{Reply, bson_len},
    session::session_id,
    wire::{Scoped, Sent, Wire},
};
use crate::{
    pipeline::AtTheEnd,
    record::{ErrorInfo, Outcome, redact},
};

/// A raw cursor may rightly be idle for as long as its session lives: 30 minutes.
const LIMITS: Limits = Limits { n_records: 65_536, cursor_age: Duration::from_secs(30 * 60) };

/// Sets our handler; one that the application has set already is called after it.
pub(super) fn open(probe: &Arc<Probe>, options: &mut ClientOptions) {
    let theirs = options.command_event_handler.take();
    if theirs.as_ref().is_some_and(|theirs| !is_known(theirs)) {
        tracing::warn!(
            target: "mongowatch::driver",
            "an event handler of an unknown form stays in place: commands are not captured"
        );
        options.command_event_handler = theirs;
        return;
    }
    let door = Arc::new(CommandDoor {
        probe: Arc::clone(probe),
        raw: RawTable::new(LIMITS),
        retries_reads: options.retry_reads != Some(false),
    });
    let closer: Weak<dyn AtTheEnd> = Arc::downgrade(&door) as _;
    probe.emitter.at_the_end(closer);
    options.command_event_handler = Some(EventHandler::callback(move |event| {
        door.see(&event);
        if let Some(theirs) = &theirs {
            pass_on(theirs, event);
        }
    }));
}

fn is_known(handler: &EventHandler<CommandEvent>) -> bool {
    use EventHandler::{AsyncCallback, Callback, TokioMpsc};
    matches!(handler, Callback(_) | AsyncCallback(_) | TokioMpsc(_))
}

/// Calls a handler as the driver would.
fn pass_on(handler: &EventHandler<CommandEvent>, event: CommandEvent) {
    match handler {
        EventHandler::Callback(callback) => callback(event),
        EventHandler::AsyncCallback(callback) => {
            tokio::spawn(callback(event));
        }
        EventHandler::TokioMpsc(sender) => {
            let sender = sender.clone();
            tokio::spawn(async move {
                // The application dropped its receiver: it does not want the event.
                let _ = sender.send(event).await;
            });
        }
        // Those that are not known are left in place by `open`.
        _ => {}
    }
}

struct CommandDoor {
    probe: Arc<Probe>,
    raw: RawTable,
    retries_reads: bool,
}

impl AtTheEnd for CommandDoor {
    fn at_the_end(&self) {
        self.raw.fail_retries();
    }
}

impl CommandDoor {
    fn see(&self, event: &CommandEvent) {
        match event {
            CommandEvent::Started(event) => self.started(event),
            CommandEvent::Succeeded(event) => self.succeeded(event),
            CommandEvent::Failed(event) => self.failed(event),
            _ => {}
        }
    }

    fn started(&self, event: &CommandStartedEvent) {
        if is_housekeeping(&event.command_name) {
            return;
        }
        match Wire::scoped(&self.probe) {
            Scoped::Own(wire) => {
                let sent = self.sent(event);
                self.leave_behind(sent.session_id);
                wire.sent(sent);
            }
            Scoped::Recorded => {}
            Scoped::Raw => self.raw_started(event, self.sent(event)),
        }
    }

    fn raw_started(&self, event: &CommandStartedEvent, sent: Sent) {
        let now = Instant::now();
        self.raw.give_up_retries(now);
        if let Some(abandoned) = sent.session_id.and_then(|id| self.raw.take_abandoned(id)) {
            self.abandon(abandoned);
        }
        let name = event.command_name.as_str();
        let record = match name {
            "killCursors" => return self.raw_killed(event, sent, now),
            "getMore" => {
                let cursor_id = event.command.get_i64("getMore").unwrap_or(0);
                let record = self.raw.take_cursor(sent.server.as_ref(), cursor_id);
                record.unwrap_or_else(|| RawRecord::open(&self.probe, name, raw_call(event)))
            }
            _ => {
                let call = raw_call(event);
                let repeated = match sent.session_id {
                    Some(session) => self.raw.take_retry(session, sent.txn_number, name, call),
                    None => Err(call),
                };
                repeated.unwrap_or_else(|call| RawRecord::open(&self.probe, name, call))
            }
        };
        self.raw_sent(event.request_id, record, sent, now);
    }

    /// A mirrored call uses this session: what raw calls left open in it has ended.
    fn leave_behind(&self, session_id: Option<Uuid>) {
        let Some(session_id) = session_id else { return };
        if let Some(abandoned) = self.raw.take_abandoned(session_id) {
            self.abandon(abandoned);
        }
        self.raw.fail_retry(session_id);
    }

    fn raw_sent(&self, request_id: i32, mut record: RawRecord, sent: Sent, now: Instant) {
        record.sent(sent);
        self.raw.insert_command(request_id, record, now);
    }

    fn sent(&self, event: &CommandStartedEvent) -> Sent {
        let command = &event.command;
        Sent {
            server: Some(self.server(&event.connection)),
            connection_id: Some(event.connection.id.into()),
            server_connection_id: event.connection.server_id,
            request_id: Some(event.request_id),
            request_bytes: Some(bson_len(command)),
            session_id: command.get_document("lsid").ok().and_then(session_id),
            txn_number: command.get_i64("txnNumber").ok(),
            in_transaction: command.contains_key("autocommit"),
            is_unacknowledged: body::is_unacknowledged(command),
            opens_cursor: event.command_name == "aggregate",
        }
    }

    fn server(&self, connection: &ConnectionInfo) -> Arc<str> {
        match &connection.address {
            ServerAddress::Tcp { host, port } => {
                self.probe.server(host, Some(port.unwrap_or(27017)))
            }
            address => self.probe.server(&address.to_string(), None),
        }
    }

    /// Closes the record of a command whose future was dropped, as its session tells, which is at
    /// something else now. Its cursor is killed by the driver, before or after.
    fn abandon(&self, record: RawRecord) {
        if let Some(cursor_id) = record.cursor_id() {
            self.probe.expect_kill(cursor_id);
        }
        record.close(Outcome::Cancelled, None);
    }

    /// A `killCursors` ends the records of its cursors; it has one of its own only if it kills
    /// what no record knows.
    fn raw_killed(&self, event: &CommandStartedEvent, sent: Sent, now: Instant) {
        let ids = event.command.get_array("cursors").map_or(&[][..], Vec::as_slice);
        let mut all_known = true;
        for id in ids.iter().filter_map(Bson::as_i64) {
            match self.raw.take_killed(sent.server.as_ref(), id) {
                Some(record) => record.close(Outcome::Cancelled, None),
                None => all_known &= self.probe.take_expected_kill(id),
            }
        }
        if !all_known {
            let record = RawRecord::open(&self.probe, "killCursors", raw_call(event));
            self.raw_sent(event.request_id, record, sent, now);
        }
    }

    fn succeeded(&self, event: &CommandSucceededEvent) {
        if is_housekeeping(&event.command_name) {
            return;
        }
        let scoped = Wire::scoped(&self.probe);
        if matches!(scoped, Scoped::Recorded) {
            return;
        }
        let mut reply = Reply::read(&event.command_name, &event.reply);
        reply.bytes = Some(bson_len(&event.reply));
        if let Scoped::Own(wire) = scoped {
            wire.learn(|learned| learned.received(&reply));
        } else if let Some(mut record) = self.raw.take_command(event.request_id) {
            record.spent(event.duration);
            record.learned().received(&reply);
            self.raw_succeeded(record, reply);
        }
    }

    fn raw_succeeded(&self, mut record: RawRecord, reply: Reply) {
        let now = Instant::now();
        if let Some(cursor_id) = reply.cursor_id.filter(|id| *id != 0) {
            record.update();
            self.raw.insert_cursor(cursor_id, record, now);
        } else if reply.is_retryable
            && let Some(session) = record.may_be_sent_again(Again::Once)
            && let Some(error) = reply.error
        {
            record.update();
            self.raw.insert_retry(session, record, error, now);
        } else {
            record.close_with(reply);
        }
    }

    fn failed(&self, event: &CommandFailedEvent) {
        if !matches!(Wire::scoped(&self.probe), Scoped::Raw) {
            return;
        }
        let Some(mut record) = self.raw.take_command(event.request_id) else { return };
        record.spent(event.duration);
        let now = Instant::now();
        let failure = failure::describe(&event.command_name, &event.failure, Some(1));
        if event.command_name == "getMore" {
            return self.get_more_failed(record, &event.failure, failure.error, now);
        }
        let overloaded = event.failure.contains_label("SystemOverloadedError");
        let again = if overloaded { Again::AnyTime } else { Again::Once };
        let txn_number = record.learned().traffic.txn_number;
        if self.is_retryable(&event.command_name, txn_number, &event.failure)
            && let Some(session) = record.may_be_sent_again(again)
        {
            record.update();
            self.raw.insert_retry(session, record, failure.error, now);
        } else {
            record.close(failure.outcome, Some(failure.error));
        }
    }

    /// A cursor goes on after a failed `getMore`, if the application does, unless the server says
    /// that it is gone; if the application does not, the driver kills it.
    fn get_more_failed(
        &self,
        mut record: RawRecord,
        error: &Error,
        described: ErrorInfo,
        now: Instant,
    ) {
        match record.learned().cursor_id {
            Some(cursor_id) if !failure::ends_cursor(error) => {
                record.note(described);
                self.raw.insert_cursor(cursor_id, record, now);
            }
            _ => record.close(Outcome::Error, Some(described)),
        }
    }

    /// Is it an error after which the driver sends such a command again?
    ///
    /// Source: the driver specifications "Retryable Reads" and "Retryable Writes".
    fn is_retryable(&self, command: &str, txn_number: Option<i64>, error: &Error) -> bool {
        const READS: &[&str] = &[
            "find",
            "aggregate",
            "count",
            "distinct",
            "listCollections",
            "listDatabases",
            "listIndexes",
        ];
        const CODES: &[i32] =
            &[6, 7, 89, 91, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436];
        let network =
            matches!(*error.kind, ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. });
        let labelled = ["RetryableWriteError", "RetryableError"];
        let labelled = labelled.iter().any(|label| error.contains_label(label));
        if txn_number.is_some() {
            return network || labelled;
        }
        let code = match &*error.kind {
            ErrorKind::Command(command) => Some(command.code),
            _ => None,
        };
        let retryable = network || labelled || code.is_some_and(|code| CODES.contains(&code));
        self.retries_reads && READS.contains(&command) && retryable
    }
}

/// What a command works on: filter, update and options out of its body.
fn raw_call(event: &CommandStartedEvent) -> RawCall {
    let (command, name) = (&event.command, event.command_name.as_str());
    let mut call = RawCall { db: Some(event.db.as_str().into()), ..RawCall::now() };
    if redact::is_sensitive_command(name) {
        return call;
    }
    let target = if name == "getMore" { command.get("collection") } else { command.get(name) };
    let target = target.filter(|_| body::is_on_collection(name));
    call.collection = target.and_then(Bson::as_str).map(Arc::from);
    let value = |key: &str| command.get(key).cloned();
    // Filter, update, and what neither they nor the options show.
    let (filter, update, shown): (_, _, &[&str]) = match name {
        "find" => (value("filter"), None, &["filter"]),
        "count" | "distinct" => (value("query"), None, &["query"]),
        "aggregate" => (value("pipeline"), None, &["pipeline", "cursor"]),
        "findAndModify" => (value("query"), value("update"), &["query", "update"]),
        "update" => (parts(command, "updates", "q"), parts(command, "updates", "u"), &["updates"]),
        "delete" => (parts(command, "deletes", "q"), None, &["deletes"]),
        "insert" => (None, None, &["documents"]),
        // Of the other commands the whole body is the filter: their options are in it.
        _ => {
            call.filter = Some(Arc::new(body::reduced(command, &[]).into()));
            return call;
        }
    };
    call.inserted_ids = list(command, "documents", "_id").map(Arc::new);
    call.filter = filter.map(Arc::new);
    call.update = update.map(Arc::new);
    let mut options = body::reduced(command, shown);
    options.remove(name);
    call.options = (!options.is_empty()).then(|| Arc::new(options.into()));
    call
}

/// One part of each statement of a command; that of the only one stands by itself.
fn parts(command: &Document, statements: &str, key: &str) -> Option<Bson> {
    let mut parts = list(command, statements, key)?;
    if parts.len() == 1 { parts.pop() } else { Some(Bson::Array(parts)) }
}

fn list(command: &Document, statements: &str, key: &str) -> Option<Vec<Bson>> {
    let statements = command.get_array(statements).ok()?.iter();
    Some(statements.filter_map(|statement| statement.as_document()?.get(key).cloned()).collect())
}
