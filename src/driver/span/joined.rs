//! What the driver's spans say, joined into records.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use opentelemetry::{
    Context, KeyValue, Value,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use uuid::Uuid;

use crate::{
    driver::{
        probe::Probe,
        raw::{Limits, RawCall, RawRecord, RawTable, is_housekeeping},
        wire::{Scoped, Sent, Wire},
    },
    record::{ErrorInfo, Outcome, redact},
};

/// No span tells that a raw cursor is exhausted: they are kept for as long as a server keeps an
/// idle one by default, and not many of them.
const LIMITS: Limits = Limits { n_records: 4_096, cursor_age: Duration::from_secs(10 * 60) };

/// The door of one client: what its spans add up to.
pub(super) struct SpanDoor {
    probe: Arc<Probe>,
    raw: RawTable,
    /// Raw operations whose span is open, by the id of the span.
    operations: Mutex<HashMap<SpanId, Arc<RawOperation>>>,
    next_id: AtomicU64,
}

/// A raw operation of the driver while its span is open.
struct RawOperation {
    name: String,
    state: Mutex<RawState>,
}

#[derive(Default)]
struct RawState {
    /// A `getMore` has none until its command tells the cursor.
    record: Option<RawRecord>,
    call: RawCall,
    /// How the last command of the operation ended.
    last: Option<CommandEnd>,
    /// The cursor that the last command left open; 0 when it is exhausted.
    cursor_id: Option<i64>,
}

#[derive(Clone, Copy, PartialEq)]
enum CommandEnd {
    Done,
    Failed,
    Abandoned,
}

/// A span of the driver while it is open, as we see it.
pub(super) struct SeenSpan {
    kind: Kind,
    error: ErrorInfo,
    is_failed: bool,
}

enum Kind {
    /// An operation that a mirrored call opened, or one without interest.
    Nothing,
    /// A command of a mirrored call.
    Command(Arc<Wire>),
    RawOperation(Arc<SpanDoor>, Arc<RawOperation>, SpanId),
    RawCommand(Arc<RawOperation>, SpanId, Instant),
}

impl SpanDoor {
    pub(super) fn new(probe: &Arc<Probe>) -> Arc<Self> {
        Arc::new(Self {
            probe: Arc::clone(probe),
            raw: RawTable::new(LIMITS),
            operations: Mutex::default(),
            next_id: AtomicU64::new(1),
        })
    }

    /// Looks at a span that begins, below `parent` and with `behind` as the context that the
    /// application's provider gave it. Gives the context that it has for everybody.
    pub(super) fn begin(
        self: &Arc<Self>,
        attributes: &[KeyValue],
        parent: &Context,
        behind: Option<SpanContext>,
    ) -> (SeenSpan, SpanContext) {
        let parent = parent.span().span_context().clone();
        let kind = if text(attributes, "db.command.name").is_some() {
            self.command(attributes, parent.span_id())
        } else {
            self.operation(attributes)
        };
        // Only a raw operation must be found again: by a context of its own. A provider that
        // records nothing gives that of the parent, which several operations may have.
        let context = match (&kind, behind) {
            (Kind::RawOperation(..), Some(behind))
                if behind.is_valid() && behind.span_id() != parent.span_id() =>
            {
                behind
            }
            (Kind::RawOperation(..), _) => self.own_context(&parent),
            (_, behind) => behind.unwrap_or(parent),
        };
        let kind = match kind {
            Kind::RawOperation(door, operation, _) => {
                self.operations().insert(context.span_id(), Arc::clone(&operation));
                Kind::RawOperation(door, operation, context.span_id())
            }
            kind => kind,
        };
        (SeenSpan { kind, error: ErrorInfo::default(), is_failed: false }, context)
    }

    fn command(&self, attributes: &[KeyValue], parent: SpanId) -> Kind {
        match Wire::scoped(&self.probe) {
            Scoped::Own(wire) => {
                wire.sent(self.sent(attributes));
                Kind::Command(wire)
            }
            Scoped::Recorded => Kind::Nothing,
            Scoped::Raw => self.raw_command(attributes, parent),
        }
    }

    fn operation(self: &Arc<Self>, attributes: &[KeyValue]) -> Kind {
        if !matches!(Wire::scoped(&self.probe), Scoped::Raw) {
            return Kind::Nothing;
        }
        let Some(name) = text(attributes, "db.operation.name") else { return Kind::Nothing };
        // The id of the cursors that a `killCursors` ends is in its body, which is not seen here.
        if is_housekeeping(name) || name == "killCursors" {
            return Kind::Nothing;
        }
        let call = RawCall {
            db: text(attributes, "db.namespace").map(Arc::from),
            collection: text(attributes, "db.collection.name").map(Arc::from),
            ..RawCall::now()
        };
        let state = if name == "getMore" {
            RawState { call, ..RawState::default() }
        } else {
            let record = Some(RawRecord::open(&self.probe, name, call));
            RawState { record, ..RawState::default() }
        };
        let operation = RawOperation { name: name.to_owned(), state: Mutex::new(state) };
        Kind::RawOperation(Arc::clone(self), Arc::new(operation), SpanId::INVALID)
    }

    fn raw_command(&self, attributes: &[KeyValue], parent: SpanId) -> Kind {
        let Some(operation) = self.operations().get(&parent).cloned() else {
            return Kind::Nothing;
        };
        let sent = self.sent(attributes);
        let mut state = operation.state();
        // A `getMore` tells its cursor when it starts, and not whether that is exhausted afterwards.
        state.cursor_id = int(attributes, "db.mongodb.cursor_id");
        let record = state.record.take();
        let record = record
            .or_else(|| self.raw.take_cursor(sent.server.as_ref(), state.cursor_id?))
            .unwrap_or_else(|| {
                RawRecord::open(&self.probe, &operation.name, std::mem::take(&mut state.call))
            });
        state.record.insert(record).sent(sent);
        drop(state);
        Kind::RawCommand(operation, parent, Instant::now())
    }

    fn sent(&self, attributes: &[KeyValue]) -> Sent {
        let port = int(attributes, "server.port").and_then(|port| u16::try_from(port).ok());
        Sent {
            server: text(attributes, "server.address").map(|host| self.probe.server(host, port)),
            connection_id: int(attributes, "db.mongodb.driver_connection_id"),
            server_connection_id: int(attributes, "db.mongodb.server_connection_id"),
            session_id: text(attributes, "db.mongodb.lsid").and_then(session_id),
            txn_number: int(attributes, "db.mongodb.txn_number"),
            opens_cursor: text(attributes, "db.command.name") == Some("aggregate"),
            ..Sent::default()
        }
    }

    /// A context by which a command finds its operation. It stays in the application's trace.
    fn own_context(&self, parent: &SpanContext) -> SpanContext {
        let id = self.next_id.fetch_add(1, Relaxed);
        let trace_id =
            if parent.is_valid() { parent.trace_id() } else { TraceId::from(u128::from(id)) };
        let flags = if parent.is_valid() { parent.trace_flags() } else { TraceFlags::default() };
        SpanContext::new(trace_id, SpanId::from(id), flags, false, TraceState::NONE)
    }

    fn operations(&self) -> MutexGuard<'_, HashMap<SpanId, Arc<RawOperation>>> {
        // A plain map: what a panicking holder left behind is still a map.
        self.operations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn operation_ended(&self, operation: &RawOperation, id: SpanId, failure: Option<ErrorInfo>) {
        self.operations().remove(&id);
        let mut state = operation.state();
        let mut record = state.record.take().unwrap_or_else(|| {
            // A `getMore` that never left, so that its cursor is not known.
            let call = std::mem::take(&mut state.call);
            RawRecord::open(&self.probe, &operation.name, call)
        });
        // The driver makes no span for a sensitive command: what became of it is not seen.
        let is_shown = !redact::is_sensitive_command(record.command());
        match (failure, state.last) {
            (Some(error), None) if is_shown => record.close(Outcome::NotSent, Some(error)),
            (Some(error), _) => record.close(Outcome::Error, Some(error)),
            (None, None) if !is_shown => record.close(Outcome::Ok, None),
            (None, Some(CommandEnd::Done)) => match state.cursor_id.filter(|id| *id != 0) {
                Some(cursor_id) => {
                    record.update();
                    self.raw.insert_cursor(cursor_id, record, Instant::now());
                }
                None => record.close(Outcome::Ok, None),
            },
            (None, _) => record.close(Outcome::Cancelled, None),
        }
    }
}

impl RawOperation {
    fn state(&self) -> MutexGuard<'_, RawState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn command_ended(&self, parent: SpanId, since: Instant, is_failed: bool) {
        let current = Context::map_current(|current| current.span().span_context().span_id());
        let mut state = self.state();
        let end = match (current == parent, is_failed) {
            (false, _) => CommandEnd::Abandoned,
            (true, true) => CommandEnd::Failed,
            (true, false) => CommandEnd::Done,
        };
        state.last = Some(end);
        let is_cursor = state.cursor_id.is_some();
        if let Some(record) = &mut state.record {
            record.spent(since.elapsed());
            if end == CommandEnd::Done && is_cursor {
                *record.learned().traffic.batches.get_or_insert(0) += 1;
            }
        }
    }
}

impl SeenSpan {
    /// Looks at an attribute that the driver sets while the span is open.
    pub(super) fn look_at(&mut self, attribute: &KeyValue) {
        let value = &attribute.value;
        match attribute.key.as_str() {
            "db.mongodb.cursor_id" => self.learn_cursor(value),
            "db.response.status_code" => {
                self.error.code = as_str(value).and_then(|code| code.parse().ok());
            }
            "exception.type" => self.error.name = as_str(value).map(str::to_owned),
            "exception.message" => {
                self.is_failed = true;
                self.error.message = as_str(value).map(str::to_owned);
            }
            _ => {}
        }
    }

    fn learn_cursor(&self, value: &Value) {
        let Value::I64(id) = value else { return };
        match &self.kind {
            Kind::Command(wire) => {
                let mut learned = wire.lock();
                learned.cursor_id = Some(*id).filter(|id| *id != 0);
                // From now on, each command of the operation brings a batch.
                learned.traffic.batches.get_or_insert(0);
            }
            Kind::RawCommand(operation, ..) => operation.state().cursor_id = Some(*id),
            _ => {}
        }
    }
}

impl Drop for SeenSpan {
    /// The driver ends a span by dropping it.
    fn drop(&mut self) {
        match std::mem::replace(&mut self.kind, Kind::Nothing) {
            Kind::Nothing => {}
            Kind::Command(wire) => {
                if wire.is_current() && !self.is_failed {
                    wire.learn(|learned| {
                        learned.succeeded();
                        let traffic = &mut learned.traffic;
                        traffic.batches = traffic.batches.map(|batches| batches + 1);
                    });
                }
            }
            Kind::RawCommand(operation, parent, since) => {
                operation.command_ended(parent, since, self.is_failed);
            }
            Kind::RawOperation(door, operation, id) => {
                let failure = self.is_failed.then(|| std::mem::take(&mut self.error));
                door.operation_ended(&operation, id, failure);
            }
        }
    }
}

fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|attribute| attribute.key.as_str() == key).map(|found| &found.value)
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    as_str(find(attributes, key)?)
}

fn int(attributes: &[KeyValue], key: &str) -> Option<i64> {
    match find(attributes, key)? {
        Value::I64(int) => Some(*int),
        _ => None,
    }
}

fn as_str(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text.as_str()),
        _ => None,
    }
}

/// The UUID in the driver's `db.mongodb.lsid`, which is the session's document as Extended JSON:
/// `{"id":{"$binary":{"base64":"...","subType":"04"}}}`.
fn session_id(lsid: &str) -> Option<Uuid> {
    let (_, rest) = lsid.split_once("\"base64\":\"")?;
    let (encoded, _) = rest.split_once('"')?;
    let mut bytes = [0; 18];
    let length = BASE64_STANDARD.decode_slice(encoded, &mut bytes).ok()?;
    Uuid::from_slice(bytes.get(..length)?).ok()
}
