//! What a client of a test does, as its events tell: collected by an [`Observer`], compared with
//! what the test expects.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use mongodb::{
    bson::{Bson, Document, doc},
    event::{
        cmap::{CmapEvent, ConnectionCheckoutFailedReason, ConnectionClosedReason},
        command::CommandEvent,
        sdam::{SdamEvent, ServerDescription, TopologyDescription, TopologyType},
    },
};

use crate::{
    file::ExpectEvents,
    matching::{self, Level, Lookup},
};

/// How long a test waits for something that its own operations bring about.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
const POLL_EVERY: Duration = Duration::from_millis(5);

/// Commands whose bodies the driver does not show.
const SENSITIVE: &[&str] = &[
    "authenticate",
    "saslstart",
    "saslcontinue",
    "getnonce",
    "createuser",
    "updateuser",
    "copydbgetnonce",
    "copydbsaslstart",
    "copydb",
];

/// Which kind of the driver's events one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Command,
    Cmap,
    Sdam,
}

/// One event, under the format's names.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    pub(crate) body: Document,
    at: SystemTime,
}

/// Which events of a client a test asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) observe: Vec<String>,
    pub(crate) ignore_commands: Vec<String>,
    pub(crate) observe_sensitive: bool,
}

/// Collects the events of one client.
#[derive(Default)]
pub(crate) struct Observer {
    wishes: Wishes,
    events: Mutex<Vec<Event>>,
    /// The databases of commands that are under way, by request.
    databases: Mutex<HashMap<i32, String>>,
    n_sent: AtomicU64,
    n_checked_out: AtomicI64,
    topology: Mutex<Option<TopologyDescription>>,
}

impl Wishes {
    /// Would the test notice how often the driver looks at the server?
    pub(crate) fn sees_heartbeats(&self) -> bool {
        self.observe.iter().any(|name| name.starts_with("serverHeartbeat"))
    }
}

impl Observer {
    pub(crate) fn new(wishes: Wishes) -> Self {
        Self { wishes, ..Self::default() }
    }

    /// How many commands were sent so far.
    pub(crate) fn n_sent(&self) -> u64 {
        self.n_sent.load(Ordering::SeqCst)
    }

    /// How many connections are checked out now.
    pub(crate) fn n_checked_out(&self) -> i64 {
        self.n_checked_out.load(Ordering::SeqCst)
    }

    /// What the client knows of its servers.
    pub(crate) fn topology(&self) -> Option<TopologyDescription> {
        self.topology.lock().unwrap().clone()
    }

    /// Forgets what came so far.
    pub(crate) fn clear(&self) {
        self.events.lock().unwrap().clear();
    }

    pub(crate) fn command(&self, event: CommandEvent) {
        let event = match event {
            CommandEvent::Started(event) => {
                self.n_sent.fetch_add(1, Ordering::SeqCst);
                self.databases.lock().unwrap().insert(event.request_id, event.db.clone());
                let body = doc! {
                    "command": event.command,
                    "commandName": event.command_name,
                    "databaseName": event.db,
                    "requestId": event.request_id,
                    "hasServiceId": event.service_id.is_some(),
                    "hasServerConnectionId": event.connection.server_id.is_some(),
                };
                Event::new(Kind::Command, "commandStartedEvent", body)
            }
            CommandEvent::Succeeded(event) => {
                let body = doc! {
                    "reply": event.reply,
                    "commandName": event.command_name,
                    "databaseName": self.database(event.request_id),
                    "requestId": event.request_id,
                    "hasServiceId": event.service_id.is_some(),
                    "hasServerConnectionId": event.connection.server_id.is_some(),
                };
                Event::new(Kind::Command, "commandSucceededEvent", body)
            }
            CommandEvent::Failed(event) => {
                let body = doc! {
                    "failure": event.failure.to_string(),
                    "commandName": event.command_name,
                    "databaseName": self.database(event.request_id),
                    "requestId": event.request_id,
                    "hasServiceId": event.service_id.is_some(),
                    "hasServerConnectionId": event.connection.server_id.is_some(),
                };
                Event::new(Kind::Command, "commandFailedEvent", body)
            }
            _ => return,
        };
        self.events.lock().unwrap().push(event);
    }

    /// The driver tells the database at the start only.
    fn database(&self, request_id: i32) -> String {
        self.databases.lock().unwrap().remove(&request_id).unwrap_or_default()
    }

    pub(crate) fn cmap(&self, event: &CmapEvent) {
        let (name, body) = match event {
            CmapEvent::PoolCreated(_) => ("poolCreatedEvent", doc! {}),
            CmapEvent::PoolReady(_) => ("poolReadyEvent", doc! {}),
            CmapEvent::PoolCleared(event) => (
                "poolClearedEvent",
                doc! {
                    "hasServiceId": event.service_id.is_some(),
                    "interruptInUseConnections": event.interrupt_in_use_connections,
                },
            ),
            CmapEvent::PoolClosed(_) => ("poolClosedEvent", doc! {}),
            CmapEvent::ConnectionCreated(_) => ("connectionCreatedEvent", doc! {}),
            CmapEvent::ConnectionReady(_) => ("connectionReadyEvent", doc! {}),
            CmapEvent::ConnectionClosed(event) => {
                ("connectionClosedEvent", doc! { "reason": closed_reason(&event.reason) })
            }
            CmapEvent::ConnectionCheckoutStarted(_) => ("connectionCheckOutStartedEvent", doc! {}),
            CmapEvent::ConnectionCheckoutFailed(event) => {
                ("connectionCheckOutFailedEvent", doc! { "reason": failed_reason(&event.reason) })
            }
            CmapEvent::ConnectionCheckedOut(_) => {
                self.n_checked_out.fetch_add(1, Ordering::SeqCst);
                ("connectionCheckedOutEvent", doc! {})
            }
            CmapEvent::ConnectionCheckedIn(_) => {
                self.n_checked_out.fetch_sub(1, Ordering::SeqCst);
                ("connectionCheckedInEvent", doc! {})
            }
            _ => return,
        };
        self.events.lock().unwrap().push(Event::new(Kind::Cmap, name, body));
    }

    pub(crate) fn sdam(&self, event: &SdamEvent) {
        let (name, body) = match event {
            SdamEvent::ServerDescriptionChanged(event) => (
                "serverDescriptionChangedEvent",
                doc! {
                    "previousDescription": server(&event.previous_description),
                    "newDescription": server(&event.new_description),
                },
            ),
            SdamEvent::TopologyDescriptionChanged(event) => {
                *self.topology.lock().unwrap() = Some(event.new_description.clone());
                let body = doc! {
                    "previousDescription": topology(&event.previous_description),
                    "newDescription": topology(&event.new_description),
                };
                ("topologyDescriptionChangedEvent", body)
            }
            SdamEvent::ServerOpening(_) => ("serverOpeningEvent", doc! {}),
            SdamEvent::ServerClosed(_) => ("serverClosedEvent", doc! {}),
            SdamEvent::TopologyOpening(_) => ("topologyOpeningEvent", doc! {}),
            SdamEvent::TopologyClosed(_) => ("topologyClosedEvent", doc! {}),
            SdamEvent::ServerHeartbeatStarted(event) => {
                ("serverHeartbeatStartedEvent", doc! { "awaited": event.awaited })
            }
            SdamEvent::ServerHeartbeatSucceeded(event) => {
                ("serverHeartbeatSucceededEvent", doc! { "awaited": event.awaited })
            }
            SdamEvent::ServerHeartbeatFailed(event) => {
                ("serverHeartbeatFailedEvent", doc! { "awaited": event.awaited })
            }
            _ => return,
        };
        self.events.lock().unwrap().push(Event::new(Kind::Sdam, name, body));
    }

    /// The commands that were sent, each with its `lsid`, sensitive ones left out.
    pub(crate) fn commands(&self) -> Vec<Document> {
        let events = self.events.lock().unwrap();
        let started = events.iter().filter(|event| event.name == "commandStartedEvent");
        started.filter_map(|event| event.body.get_document("command").ok().cloned()).collect()
    }

    /// How many commands of this name were sent.
    pub(crate) fn n_started(&self, command: &str) -> usize {
        let events = self.events.lock().unwrap();
        let is_start = |event: &&Event| {
            event.name == "commandStartedEvent"
                && event.body.get_str("commandName").is_ok_and(|name| name == command)
        };
        events.iter().filter(is_start).count()
    }

    /// How many commands of this name are over.
    pub(crate) fn n_ended(&self, command: &str) -> usize {
        let events = self.events.lock().unwrap();
        let is_end = |event: &&Event| {
            matches!(event.name, "commandSucceededEvent" | "commandFailedEvent")
                && event.body.get_str("commandName").is_ok_and(|name| name == command)
        };
        events.iter().filter(is_end).count()
    }

    /// Did the last answer to a cursor leave it open on the server?
    pub(crate) fn has_open_cursor(&self) -> bool {
        let events = self.events.lock().unwrap();
        let ids = events.iter().rev().filter_map(|event| {
            event.body.get_document("reply").ok()?.get_document("cursor").ok()?.get_i64("id").ok()
        });
        ids.take(1).any(|id| id != 0)
    }

    /// All events of these names, as documents that a test can look at.
    pub(crate) fn stored(&self, names: &[String]) -> Vec<Bson> {
        // Tests say `PoolCreatedEvent` here and `poolCreatedEvent` elsewhere.
        let is_wanted =
            |event: &&Event| names.iter().any(|name| name.eq_ignore_ascii_case(event.name));
        let events = self.events.lock().unwrap();
        events.iter().filter(is_wanted).map(Event::stored).collect()
    }

    /// The events of this kind that the test wants to see.
    fn observed(&self, kind: Kind) -> Vec<Event> {
        let events = self.events.lock().unwrap();
        let seen = events.iter().filter(|event| event.kind == kind && self.is_observed(event));
        seen.cloned().collect()
    }

    fn is_observed(&self, event: &Event) -> bool {
        let wishes = &self.wishes;
        if !wishes.observe.iter().any(|name| name == event.name) {
            return false;
        }
        let Ok(command) = event.body.get_str("commandName") else { return true };
        let is_ignored = command == "configureFailPoint"
            || wishes.ignore_commands.iter().any(|name| name.eq_ignore_ascii_case(command));
        !is_ignored && (wishes.observe_sensitive || !is_sensitive(command, &event.body))
    }

    /// How many events match, whether the test observes them or not.
    pub(crate) fn count(&self, expected: &Document, lookup: &dyn Lookup) -> usize {
        let events = self.events.lock().unwrap();
        let matches = |event: &&Event| check_event(expected, event, lookup).is_ok();
        events
            .iter()
            .filter(|event| event.kind != Kind::Command || self.is_observed(event))
            .filter(matches)
            .count()
    }

    /// Compares the events with those that the test expects, in their order.
    pub(crate) async fn check(
        &self,
        expected: &ExpectEvents,
        lookup: &dyn Lookup,
    ) -> Result<(), String> {
        let kind = match expected.event_type.as_deref() {
            None | Some("command") => Kind::Command,
            Some("cmap") => Kind::Cmap,
            Some("sdam") => Kind::Sdam,
            Some(other) => return Err(format!("unknown type of events {other:?}")),
        };
        if kind != Kind::Command {
            // The pool and the monitor work in the background: what is expected may be to come.
            let wanted = expected.events.len();
            wait_until(|| self.observed(kind).len() >= wanted).await;
        }
        let events = self.observed(kind);
        let names = || {
            let name = |event: &Event| match event.body.get_str("commandName") {
                Ok(command) => format!("{} {command}", event.name),
                Err(_) => event.name.to_owned(),
            };
            events.iter().map(name).collect::<Vec<_>>().join(", ")
        };
        for (index, expected) in expected.events.iter().enumerate() {
            let event = events.get(index).ok_or_else(|| {
                format!("event {index}: expected {expected}, found only [{}]", names())
            })?;
            check_event(expected, event, lookup)
                .map_err(|why| format!("event {index}: {why}; all: [{}]", names()))?;
        }
        if events.len() > expected.events.len() && !expected.ignore_extra_events {
            let wanted = expected.events.len();
            return Err(format!("expected {wanted} events, found [{}]", names()));
        }
        Ok(())
    }
}

impl Event {
    fn new(kind: Kind, name: &'static str, body: Document) -> Self {
        Self { kind, name, body, at: SystemTime::now() }
    }

    fn stored(&self) -> Bson {
        let at = self.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut document = doc! { "name": self.name, "observedAt": at.as_secs_f64() };
        document.extend(self.body.clone());
        Bson::Document(document)
    }
}

/// Waits for a condition that the driver's background work brings about; gives up in the end.
pub(crate) async fn wait_until(is_met: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !is_met() {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
    true
}

/// Compares one event with `{ name: { .. } }`.
fn check_event(expected: &Document, event: &Event, lookup: &dyn Lookup) -> Result<(), String> {
    let (name, fields) = expected.iter().next().ok_or("an expected event without a name")?;
    if name != event.name {
        return Err(format!("expected a {name}, found a {} {}", event.name, event.body));
    }
    let fields = fields.as_document().ok_or("an expected event is a document")?;
    for (key, value) in fields {
        let level = match key.as_str() {
            "command" | "reply" => Level::Root,
            _ => Level::Embedded,
        };
        // A description has more fields than a test may ask for.
        let level = if key.ends_with("Description") { Level::Root } else { level };
        matching::check(value, event.body.get(key), level, lookup)
            .map_err(|why| format!("{name}: {key}: {why}"))?;
    }
    Ok(())
}

fn is_sensitive(command: &str, body: &Document) -> bool {
    let name = command.to_ascii_lowercase();
    // A handshake is when it authenticates; the driver then shows an empty body.
    let is_empty = |key| body.get_document(key).is_ok_and(Document::is_empty);
    SENSITIVE.contains(&name.as_str())
        || (matches!(name.as_str(), "hello" | "ismaster")
            && (is_empty("command") || is_empty("reply")))
}

fn server(description: &ServerDescription) -> Document {
    doc! { "type": format!("{:?}", description.server_type()).replace("Rs", "RS") }
}

fn topology(description: &TopologyDescription) -> Document {
    doc! { "type": topology_type(description) }
}

/// The name of a topology in the format.
pub(crate) fn topology_type(description: &TopologyDescription) -> String {
    match description.topology_type() {
        TopologyType::ReplicaSetNoPrimary => "ReplicaSetNoPrimary".to_owned(),
        TopologyType::ReplicaSetWithPrimary => "ReplicaSetWithPrimary".to_owned(),
        other => format!("{other:?}"),
    }
}

fn closed_reason(reason: &ConnectionClosedReason) -> &'static str {
    match reason {
        ConnectionClosedReason::Stale => "stale",
        ConnectionClosedReason::Idle => "idle",
        ConnectionClosedReason::Error => "error",
        ConnectionClosedReason::Dropped => "dropped",
        ConnectionClosedReason::PoolClosed => "poolClosed",
        _ => "unknown",
    }
}

fn failed_reason(reason: &ConnectionCheckoutFailedReason) -> &'static str {
    match reason {
        ConnectionCheckoutFailedReason::Timeout => "timeout",
        ConnectionCheckoutFailedReason::ConnectionError => "connectionError",
        _ => "unknown",
    }
}
