//! Door C: the driver's spans, through a tracer provider of ours.
//!
//! The driver makes a span for each of its operations and, inside it, one for each command. Ours
//! look at the attributes and pass everything on to the provider that the application has set, if
//! it has asked for one. Spans carry no bodies, so there are no counts and no bytes here.
//!
//! The driver never says that an operation succeeded. But a span that ends because its work is done
//! is dropped while that work is being polled, and one whose future was dropped is not: then the
//! operation is not the current one. That is how cancellation is told from success.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Instant, SystemTime},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use mongodb::options::ClientOptions;
use opentelemetry::{
    Context, InstrumentationScope, KeyValue, Value,
    global::{BoxedSpan, BoxedTracer, ObjectSafeTracerProvider},
    trace::{
        Span, SpanBuilder, SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId,
        TraceState, Tracer, TracerProvider,
    },
};
use uuid::Uuid;

use super::{
    probe::Probe,
    raw::{RawCall, RawRecord, RawTable, is_housekeeping},
    wire::{Sent, Wire},
};
use crate::record::{ErrorInfo, Outcome, redact};

type AnyProvider = Arc<dyn ObjectSafeTracerProvider + Send + Sync>;

/// Sets our tracer provider, with the application's behind it.
pub(super) fn open(probe: &Arc<Probe>, options: &mut ClientOptions) {
    let theirs = options.tracing.take();
    let enabled = theirs.as_ref().and_then(|theirs| theirs.enabled).unwrap_or_else(enabled_by_env);
    let text_max = theirs.as_ref().and_then(|theirs| theirs.query_text_max_length);
    let provider = theirs.and_then(|theirs| theirs.tracer_provider);
    let behind = match (enabled, provider) {
        (false, _) => Behind::Nothing,
        (true, Some(provider)) => Behind::Provider(provider),
        (true, None) => Behind::Global,
    };
    // Without a provider behind, nobody reads the text of the commands, whatever the environment
    // says of its length.
    let text_max = if enabled { text_max } else { Some(0) };
    let door = Arc::new(SpanDoor {
        probe: Arc::clone(probe),
        raw: RawTable::default(),
        operations: Mutex::default(),
        next_id: AtomicU64::new(1),
    });
    let tracing = mongodb::otel::OpentelemetryOptions::builder()
        .enabled(true)
        .tracer_provider(WatchProvider { door, behind });
    options.tracing = Some(match text_max {
        Some(length) => tracing.query_text_max_length(length).build(),
        None => tracing.build(),
    });
}

/// Did the environment switch the driver's spans on? The driver looks at the same variable.
fn enabled_by_env() -> bool {
    std::env::var("OTEL_RUST_INSTRUMENTATION_MONGODB_ENABLED")
        .is_ok_and(|value| matches!(value.as_str(), "1" | "true" | "yes"))
}

/// The provider that the application wants its spans from.
#[derive(Clone)]
enum Behind {
    Nothing,
    Global,
    Provider(AnyProvider),
}

struct SpanDoor {
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
    Abandoned,
}

struct WatchProvider {
    door: Arc<SpanDoor>,
    behind: Behind,
}

impl TracerProvider for WatchProvider {
    type Tracer = WatchTracer;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> WatchTracer {
        let behind = match &self.behind {
            Behind::Nothing => None,
            Behind::Global => Some(opentelemetry::global::tracer_with_scope(scope)),
            Behind::Provider(provider) => Some(BoxedTracer::new(provider.boxed_tracer(scope))),
        };
        WatchTracer { door: Arc::clone(&self.door), behind }
    }
}

struct WatchTracer {
    door: Arc<SpanDoor>,
    behind: Option<BoxedTracer>,
}

impl Tracer for WatchTracer {
    type Span = WatchSpan;

    fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> WatchSpan {
        let attributes = builder.attributes.as_deref().unwrap_or_default();
        let (seen, own_context) = self.door.see(attributes, parent);
        let behind = self.behind.as_ref().map(|tracer| tracer.build_with_context(builder, parent));
        let context = match &behind {
            Some(span) if span.span_context().is_valid() => span.span_context().clone(),
            _ => own_context,
        };
        if let Seen::RawOperation(operation) = &seen {
            self.door.operations().insert(context.span_id(), Arc::clone(operation));
        }
        let error = ErrorInfo::default();
        WatchSpan { door: Arc::clone(&self.door), seen, behind, context, error, failed: false }
    }
}

/// What a span of the driver is to us.
enum Seen {
    /// An operation that a mirrored call opened, or one without interest.
    Nothing,
    /// A command of a mirrored call.
    Command(Arc<Wire>),
    RawOperation(Arc<RawOperation>),
    RawCommand(Arc<RawOperation>, SpanId, Instant),
}

impl SpanDoor {
    fn see(self: &Arc<Self>, attributes: &[KeyValue], parent: &Context) -> (Seen, SpanContext) {
        let mirrored = Wire::current();
        if text(attributes, "db.command.name").is_some() {
            let sent = self.sent(attributes);
            let seen = match mirrored {
                Some(wire) => {
                    wire.lock().sent(sent);
                    Seen::Command(wire)
                }
                None => self.raw_command(attributes, sent, parent.span().span_context().span_id()),
            };
            return (seen, SpanContext::NONE);
        }
        let raw = mirrored.is_none().then(|| self.raw_operation(attributes)).flatten();
        match raw {
            Some(operation) => {
                (Seen::RawOperation(operation), self.own_context(parent.span().span_context()))
            }
            None => (Seen::Nothing, SpanContext::NONE),
        }
    }

    fn raw_operation(self: &Arc<Self>, attributes: &[KeyValue]) -> Option<Arc<RawOperation>> {
        let name = text(attributes, "db.operation.name")?;
        // The id of the cursors that a `killCursors` ends is in its body, which is not seen here.
        if is_housekeeping(name) || name == "killCursors" {
            return None;
        }
        let call = RawCall {
            db: text(attributes, "db.namespace").map(Arc::from),
            collection: text(attributes, "db.collection.name").map(Arc::from),
            ..RawCall::default()
        };
        let state = if name == "getMore" {
            RawState { call, ..RawState::default() }
        } else {
            let record = Some(RawRecord::open(&self.probe, name, call));
            RawState { record, ..RawState::default() }
        };
        Some(Arc::new(RawOperation { name: name.to_owned(), state: Mutex::new(state) }))
    }

    fn raw_command(&self, attributes: &[KeyValue], sent: Sent, parent: SpanId) -> Seen {
        let Some(operation) = self.operations().get(&parent).cloned() else {
            return Seen::Nothing;
        };
        let mut state = operation.state();
        // A `getMore` tells its cursor when it starts, and not whether that is exhausted afterwards.
        state.cursor_id = int(attributes, "db.mongodb.cursor_id");
        let record = state
            .record
            .take()
            .or_else(|| self.raw.take_cursor(sent.server.as_ref(), state.cursor_id?));
        let mut record = record.unwrap_or_else(|| {
            RawRecord::open(&self.probe, &operation.name, std::mem::take(&mut state.call))
        });
        record.sent(sent);
        state.record = Some(record);
        drop(state);
        Seen::RawCommand(operation, parent, Instant::now())
    }

    fn sent(&self, attributes: &[KeyValue]) -> Sent {
        let port = int(attributes, "server.port").and_then(|port| u16::try_from(port).ok());
        Sent {
            server: text(attributes, "server.address").map(|host| self.probe.server(host, port)),
            connection_id: int(attributes, "db.mongodb.driver_connection_id"),
            server_connection_id: int(attributes, "db.mongodb.server_connection_id"),
            session_id: text(attributes, "db.mongodb.lsid").and_then(session_id),
            txn_number: int(attributes, "db.mongodb.txn_number"),
            ..Sent::default()
        }
    }

    /// A span context by which a command finds its operation, when no provider is behind that
    /// makes one. It stays in the application's trace.
    fn own_context(&self, parent: &SpanContext) -> SpanContext {
        let id = self.next_id.fetch_add(1, Relaxed);
        let trace_id =
            if parent.is_valid() { parent.trace_id() } else { TraceId::from(u128::from(id)) };
        let flags = if parent.is_valid() { parent.trace_flags() } else { TraceFlags::default() };
        SpanContext::new(trace_id, SpanId::from(id), flags, false, TraceState::NONE)
    }

    fn operations(&self) -> std::sync::MutexGuard<'_, HashMap<SpanId, Arc<RawOperation>>> {
        // A plain map: what a panicking holder left behind is still a map.
        self.operations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RawOperation {
    fn state(&self) -> std::sync::MutexGuard<'_, RawState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A span of the driver: ours in front, the application's behind.
struct WatchSpan {
    door: Arc<SpanDoor>,
    seen: Seen,
    behind: Option<BoxedSpan>,
    context: SpanContext,
    error: ErrorInfo,
    failed: bool,
}

impl WatchSpan {
    fn look_at(&mut self, attribute: &KeyValue) {
        match attribute.key.as_str() {
            "db.mongodb.cursor_id" => self.learn_cursor(&attribute.value),
            "db.response.status_code" => {
                self.error.code = as_str(&attribute.value).and_then(|code| code.parse().ok());
            }
            "exception.type" => self.error.name = as_str(&attribute.value).map(str::to_owned),
            "exception.message" => {
                self.failed = true;
                self.error.message = as_str(&attribute.value).map(str::to_owned);
            }
            _ => {}
        }
    }

    fn learn_cursor(&self, value: &Value) {
        let Value::I64(id) = value else { return };
        match &self.seen {
            Seen::Command(wire) => {
                let mut learned = wire.lock();
                learned.cursor_id = Some(*id).filter(|id| *id != 0);
                // From now on, each command of the operation brings a batch.
                learned.traffic.batches.get_or_insert(0);
            }
            Seen::RawCommand(operation, ..) => operation.state().cursor_id = Some(*id),
            _ => {}
        }
    }

    fn command_ended(&self, wire: &Arc<Wire>) {
        let in_scope = Wire::current().is_some_and(|current| Arc::ptr_eq(&current, wire));
        if in_scope && !self.failed {
            let mut learned = wire.lock();
            learned.traffic.batches = learned.traffic.batches.map(|batches| batches + 1);
        }
    }

    fn raw_command_ended(&self, operation: &RawOperation, parent: SpanId, since: Instant) {
        let current = Context::map_current(|current| current.span().span_context().span_id());
        let done = current == parent;
        let mut state = operation.state();
        state.last = Some(if done { CommandEnd::Done } else { CommandEnd::Abandoned });
        let is_cursor = state.cursor_id.is_some() || operation.name == "getMore";
        if let Some(record) = &mut state.record {
            record.spent(since.elapsed());
            if done && !self.failed && is_cursor {
                *record.learned().traffic.batches.get_or_insert(0) += 1;
            }
        }
    }

    fn raw_operation_ended(&mut self, operation: &RawOperation) {
        self.door.operations().remove(&self.context.span_id());
        let mut state = operation.state();
        let mut record = state.record.take().unwrap_or_else(|| {
            // A `getMore` that never left, so that its cursor is not known.
            let call = std::mem::take(&mut state.call);
            RawRecord::open(&self.door.probe, &operation.name, call)
        });
        if self.failed {
            let sent = state.last.is_some() || redact::is_sensitive_command(record.command());
            let outcome = if sent { Outcome::Error } else { Outcome::NotSent };
            record.close(outcome, Some(std::mem::take(&mut self.error)));
            return;
        }
        // The driver makes no span for a sensitive command, so that it can only be believed.
        let done = state.last == Some(CommandEnd::Done)
            || state.last.is_none() && redact::is_sensitive_command(record.command());
        match (done, state.cursor_id.filter(|id| *id != 0)) {
            (false, _) => record.close(Outcome::Cancelled, None),
            (true, None) => record.close(Outcome::Ok, None),
            (true, Some(cursor_id)) => {
                record.update();
                self.door.raw.insert_cursor(cursor_id, record);
            }
        }
    }
}

impl Drop for WatchSpan {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.seen, Seen::Nothing) {
            Seen::Nothing => {}
            Seen::Command(wire) => self.command_ended(&wire),
            Seen::RawCommand(operation, parent, since) => {
                self.raw_command_ended(&operation, parent, since);
            }
            Seen::RawOperation(operation) => self.raw_operation_ended(&operation),
        }
    }
}

/// Everything goes to the application's span; ours looks at the attributes.
impl Span for WatchSpan {
    fn add_event_with_timestamp<T>(&mut self, name: T, time: SystemTime, attributes: Vec<KeyValue>)
    where
        T: Into<Cow<'static, str>>,
    {
        if let Some(behind) = &mut self.behind {
            behind.add_event_with_timestamp(name, time, attributes);
        }
    }

    fn span_context(&self) -> &SpanContext {
        &self.context
    }

    fn is_recording(&self) -> bool {
        // We want the attributes, whatever the span behind does with them.
        true
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        self.look_at(&attribute);
        if let Some(behind) = &mut self.behind {
            behind.set_attribute(attribute);
        }
    }

    fn set_status(&mut self, status: Status) {
        if let Some(behind) = &mut self.behind {
            behind.set_status(status);
        }
    }

    fn update_name<T>(&mut self, new_name: T)
    where
        T: Into<Cow<'static, str>>,
    {
        if let Some(behind) = &mut self.behind {
            behind.update_name(new_name);
        }
    }

    fn add_link(&mut self, span_context: SpanContext, attributes: Vec<KeyValue>) {
        if let Some(behind) = &mut self.behind {
            behind.add_link(span_context, attributes);
        }
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        if let Some(behind) = &mut self.behind {
            behind.end_with_timestamp(timestamp);
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
