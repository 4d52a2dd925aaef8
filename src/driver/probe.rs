//! What each handle of a watched client carries: where its records go and what they all say.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use mongodb::options::{AuthMechanism, ClientOptions, Credential};

use super::refusal::Refusal;
use crate::{
    pipeline::{Capture, Comment, CursorUpdates, Emitter, Otherwise, Policy, Watcher, require},
    record::{Origin, WatchId, WatchMessage},
};

/// The watched side of one client.
pub(super) struct Probe {
    pub(super) emitter: Emitter,
    pub(super) origin: Arc<Origin>,
    pub(super) capture: Capture,
    policy: Arc<Policy>,
    expected_kills: Mutex<ExpectedKills>,
    servers: Mutex<Vec<(String, u16, Arc<str>)>>,
}

/// Cursors that the driver is going to kill by itself.
#[derive(Default)]
struct ExpectedKills {
    ids: HashSet<i64>,
    /// The cursors in the order in which they were dropped. One that is no longer among `ids` has been
    /// killed since.
    order: VecDeque<i64>,
}

impl ExpectedKills {
    fn insert(&mut self, cursor_id: i64) {
        if self.ids.insert(cursor_id) {
            self.order.push_back(cursor_id);
        }
        while self.ids.len() > Probe::EXPECTED_KILLS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        // The killed ones go when they are half of all: a scan for each doubling.
        if self.order.len() > 64 && self.order.len() > 2 * self.ids.len() {
            self.order.retain(|id| self.ids.contains(id));
        }
    }
}

/// Which database and collection an operation works on, and who watches it.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) probe: Arc<Probe>,
    pub(super) db: Option<Arc<str>>,
    pub(super) collection: Option<Arc<str>>,
}

impl Probe {
    /// So many kills are expected at most: some never come, when the runtime or the connection is
    /// gone. An application may well drop ten thousand cursors at once; these are 16 bytes each.
    pub(super) const EXPECTED_KILLS_MAX: usize = 65_536;

    pub(super) fn new(watcher: &Watcher, options: &ClientOptions, capture: Capture) -> Self {
        let credential = options.credential.as_ref();
        let origin = Origin {
            user: credential.and_then(|credential| credential.username.clone()),
            auth_source: credential.map(auth_source),
            app_name: options.app_name.clone(),
            ..watcher.origin().clone()
        };
        Self {
            emitter: watcher.emitter(),
            origin: Arc::new(origin),
            capture,
            policy: Arc::clone(watcher.policy()),
            expected_kills: Mutex::default(),
            servers: Mutex::default(),
        }
    }

    /// Gives a new record its number and its origin.
    pub(super) fn register(&self, record: &mut WatchMessage) {
        record.seq = self.emitter.begin();
        record.origin = Arc::clone(&self.origin);
    }

    /// Looks at the context of a record whose namespace is known, and says what it lacks. Gives why
    /// the operation has to be refused, if it has to be. A call on several namespaces names them.
    pub(super) fn check_context(
        &self,
        record: &mut WatchMessage,
        namespaces: &[String],
    ) -> Option<Refusal> {
        let (missing, otherwise) =
            require(&self.policy.rules().require_context, record, namespaces)?;
        (otherwise == Otherwise::Refuse).then(|| Refusal::of_context(record, &missing))
    }

    /// The id of an operation whose commands carry it as their comment, if that is wanted.
    pub(super) fn id_for_comment(&self) -> Option<WatchId> {
        (self.policy.rules().comment == Comment::WatchId).then(WatchId::new)
    }

    /// When updates of cursors come out that are opened now.
    pub(super) fn cursor_updates(&self) -> CursorUpdates {
        self.policy.rules().cursor_updates
    }

    /// Is the driver's traffic seen, besides the mirrored calls?
    pub(super) fn sees_traffic(&self) -> bool {
        self.capture != Capture::Operations
    }

    /// A cursor was dropped before its end: the driver will kill it on the server, from a task of
    /// its own, and that command belongs to a record that is final already.
    ///
    /// Only the command events tell which cursors are killed: no other door asks.
    pub(super) fn expect_kill(&self, cursor_id: i64) {
        if self.capture != Capture::Commands {
            return;
        }
        lock(&self.expected_kills).insert(cursor_id);
    }

    /// Was the killing of this cursor expected? At most once.
    pub(super) fn take_expected_kill(&self, cursor_id: i64) -> bool {
        lock(&self.expected_kills).ids.remove(&cursor_id)
    }

    /// The address of a server as text, made once for each server.
    pub(super) fn server(&self, host: &str, port: Option<u16>) -> Arc<str> {
        // A Unix socket has no port; a name never equals one with port 0.
        let number = port.unwrap_or(0);
        let mut servers = lock(&self.servers);
        if let Some((.., name)) = servers.iter().find(|(h, p, _)| h == host && *p == number) {
            return Arc::clone(name);
        }
        let name: Arc<str> =
            port.map_or_else(|| host.into(), |port| format!("{host}:{port}").into());
        servers.push((host.to_owned(), number, Arc::clone(&name)));
        name
    }
}

impl Place {
    /// The database of this name.
    pub(super) fn with_db(&self, name: &str) -> Self {
        Self { probe: Arc::clone(&self.probe), db: Some(name.into()), collection: None }
    }

    /// The collection of this name in the same database.
    pub(super) fn with_collection(&self, name: &str) -> Self {
        Self { collection: Some(name.into()), ..self.clone() }
    }
}

/// The database that an account belongs to: the driver's default, where the application says none.
///
/// Source: MongoDB specification, "Driver Authentication".
fn auth_source(credential: &Credential) -> String {
    let default = match credential.mechanism {
        None | Some(AuthMechanism::ScramSha1 | AuthMechanism::ScramSha256) => "admin",
        Some(_) => "$external",
    };
    credential.source.clone().unwrap_or_else(|| default.to_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Plain lists: what a panicking holder left behind is still a list.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
