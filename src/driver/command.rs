//! Door B: the driver's command events.
//!
//! The handler runs inside the application's operation: take, reduce, hand over, return. The
//! driver gives it each command and each reply as documents of its own, and that is what this door
//! costs; what is done with them here is little.

use std::sync::Arc;

use mongodb::{
    bson::{Bson, Document, spec::BinarySubtype},
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
    failure,
    probe::Probe,
    raw::{RawCall, RawRecord, RawTable, is_housekeeping},
    reply::{Reply, bson_len},
    wire::{Sent, Wire},
};
use crate::record::{Outcome, redact};

/// Sets our handler; one that the application has set already is called after it.
pub(super) fn open(probe: &Arc<Probe>, options: &mut ClientOptions) {
    let door = CommandDoor {
        probe: Arc::clone(probe),
        raw: RawTable::default(),
        retries_reads: options.retry_reads != Some(false),
    };
    let theirs = options.command_event_handler.take();
    options.command_event_handler = Some(EventHandler::callback(move |event| {
        door.see(&event);
        if let Some(theirs) = &theirs {
            pass_on(theirs, event);
        }
    }));
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
        // A form that the driver has gained; `ClientOptions` with it cannot be attached to.
        _ => tracing::warn!(target: "mongowatch::driver", "event handler of an unknown form"),
    }
}

struct CommandDoor {
    probe: Arc<Probe>,
    raw: RawTable,
    retries_reads: bool,
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
        let sent = self.sent(event);
        if let Some(wire) = Wire::current() {
            wire.lock().sent(sent);
            return;
        }
        let record = match event.command_name.as_str() {
            "killCursors" => return self.killed(event, sent),
            "getMore" => {
                let cursor_id = event.command.get_i64("getMore").unwrap_or(0);
                self.raw.take_cursor(sent.server.as_ref(), cursor_id)
            }
            command => sent
                .session_id
                .and_then(|session| self.raw.take_retry(session, sent.txn_number, command)),
        };
        let mut record = record
            .unwrap_or_else(|| RawRecord::open(&self.probe, &event.command_name, raw_call(event)));
        record.sent(sent);
        self.raw.insert_command(event.request_id, record);
    }

    fn sent(&self, event: &CommandStartedEvent) -> Sent {
        let command = &event.command;
        Sent {
            server: Some(self.server(&event.connection)),
            connection_id: Some(event.connection.id.into()),
            server_connection_id: event.connection.server_id,
            request_id: Some(event.request_id),
            request_bytes: Some(bson_len(command)),
            session_id: session_id(command),
            txn_number: command.get_i64("txnNumber").ok(),
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

    /// A `killCursors` ends the records of its cursors; it has one of its own only if it kills
    /// what no record knows.
    fn killed(&self, event: &CommandStartedEvent, sent: Sent) {
        let ids = event.command.get_array("cursors").map_or(&[][..], Vec::as_slice);
        let mut all_known = true;
        for id in ids.iter().filter_map(Bson::as_i64) {
            if self.probe.take_expected_kill(id) {
                continue;
            }
            match self.raw.take_cursor(sent.server.as_ref(), id) {
                Some(record) => record.close(Outcome::Cancelled, None),
                None => all_known = false,
            }
        }
        if !all_known {
            let mut record = RawRecord::open(&self.probe, "killCursors", raw_call(event));
            record.sent(sent);
            self.raw.insert_command(event.request_id, record);
        }
    }

    fn succeeded(&self, event: &CommandSucceededEvent) {
        if is_housekeeping(&event.command_name) {
            return;
        }
        let mut reply = Reply::read(&event.command_name, &event.reply);
        reply.bytes = Some(bson_len(&event.reply));
        if let Some(wire) = Wire::current() {
            wire.lock().received(&reply);
            return;
        }
        let Some(mut record) = self.raw.take_command(event.request_id) else { return };
        record.spent(event.duration);
        record.learned().received(&reply);
        match reply.cursor_id.filter(|id| *id != 0) {
            Some(cursor_id) => {
                record.update();
                self.raw.insert_cursor(cursor_id, record);
            }
            None => record.close_with(reply),
        }
    }

    fn failed(&self, event: &CommandFailedEvent) {
        if Wire::current().is_some() {
            return;
        }
        let Some(mut record) = self.raw.take_command(event.request_id) else { return };
        record.spent(event.duration);
        let failure = failure::describe(&event.command_name, &event.failure, Some(1));
        // The driver sends again once, and more often only to a server that is overloaded.
        let again = !record.is_retry() || event.failure.contains_label("SystemOverloadedError");
        let traffic = &record.learned().traffic;
        if let Some(session) = traffic.session_id
            && again
            && self.may_retry(&event.command_name, traffic.txn_number, &event.failure)
        {
            let txn_number = traffic.txn_number;
            record.update();
            self.raw.insert_retry(session, txn_number, record, failure.error);
        } else {
            record.close(failure.outcome, Some(failure.error));
        }
    }

    /// Will the driver send the command again? Only commands in a session are.
    ///
    /// Source: the driver specifications "Retryable Reads" and "Retryable Writes".
    fn may_retry(&self, command: &str, txn_number: Option<i64>, error: &Error) -> bool {
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

/// The session of a command: the UUID in its `lsid`.
fn session_id(command: &Document) -> Option<Uuid> {
    match command.get_document("lsid").ok()?.get("id")? {
        Bson::Binary(binary) if binary.subtype == BinarySubtype::Uuid => {
            Uuid::from_slice(&binary.bytes).ok()
        }
        _ => None,
    }
}

/// What a command works on: filter, update and options out of its body.
fn raw_call(event: &CommandStartedEvent) -> RawCall {
    let (command, name) = (&event.command, event.command_name.as_str());
    let mut call = RawCall { db: Some(event.db.as_str().into()), ..RawCall::default() };
    if redact::is_sensitive_command(name) {
        return call;
    }
    let target = if name == "getMore" { command.get("collection") } else { command.get(name) };
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
            call.filter = Some(Arc::new(body(command, &[]).into()));
            return call;
        }
    };
    call.inserted_ids = list(command, "documents", "_id").map(Arc::new);
    call.filter = filter.map(Arc::new);
    call.update = update.map(Arc::new);
    let mut options = body(command, shown);
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

/// The command without what the driver adds to it, and without `but`.
fn body(command: &Document, but: &[&str]) -> Document {
    const ADDED: &[&str] = &[
        "$db",
        "lsid",
        "txnNumber",
        "$clusterTime",
        "autocommit",
        "startTransaction",
        "apiVersion",
        "apiStrict",
        "apiDeprecationErrors",
    ];
    let kept = command
        .iter()
        .filter(|(key, _)| !ADDED.contains(&key.as_str()) && !but.contains(&key.as_str()));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}
