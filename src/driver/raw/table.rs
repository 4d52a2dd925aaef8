//! The raw operations that are open, under what their next command or reply can be known by.
//!
//! Nothing here grows without bound: applications leak cursors, and the end of some commands is
//! never told. What is pushed out is closed as `unknown`.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{RawCall, RawRecord};
use crate::record::{ErrorInfo, Outcome};

/// How much a table keeps.
#[derive(Clone, Copy)]
pub(in crate::driver) struct Limits {
    /// So many records of each kind.
    pub(in crate::driver) n_records: usize,
    /// A cursor that was silent for so long is gone on the server too.
    pub(in crate::driver) cursor_age: Duration,
}

/// The open records of one client. Shared by the threads that its operations run on.
pub(in crate::driver) struct RawTable(Mutex<Tables>);

struct Tables {
    limits: Limits,
    /// Commands under way, by request id. One whose future was dropped stays until its session or its
    /// cursor tells: no event does.
    commands: Bounded<i32>,
    /// The command that a session or a cursor is at.
    at: HashMap<Holder, i32>,
    /// Cursors that are open on a server, by address and cursor id.
    cursors: Bounded<(Option<Arc<str>>, i64)>,
    /// Failed commands that the driver may send again, by session.
    retries: HashMap<Uuid, FailedOnce>,
    /// Their sessions, in the order in which they failed.
    retry_order: VecDeque<(Instant, Uuid)>,
}

/// What runs one command at a time: if it does something else, the one before is over.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Holder {
    Session(Uuid),
    Cursor(Option<Arc<str>>, i64),
}

impl Holder {
    fn of(record: &RawRecord) -> impl Iterator<Item = Self> {
        let session = record.session_id().map(Self::Session);
        let cursor = record.cursor_id().map(|id| Self::Cursor(record.server().cloned(), id));
        session.into_iter().chain(cursor)
    }
}

/// Records by a key, of which the oldest go when there are too many.
struct Bounded<K> {
    records: HashMap<K, (u64, RawRecord)>,
    /// The keys in the order of their coming. An entry whose number is not that of the record has
    /// been taken out, or come again, since.
    order: VecDeque<(K, u64, Instant)>,
    next: u64,
}

/// A failed command that the driver may send again.
struct FailedOnce {
    since: Instant,
    record: RawRecord,
    error: ErrorInfo,
}

impl FailedOnce {
    fn fail(self) {
        self.record.close(Outcome::Error, Some(self.error));
    }
}

impl<K: Clone + Eq + Hash> Bounded<K> {
    fn new() -> Self {
        Self { records: HashMap::new(), order: VecDeque::new(), next: 0 }
    }

    fn take(&mut self, key: &K) -> Option<RawRecord> {
        self.records.remove(key).map(|(_, record)| record)
    }

    /// Adds a record, and pushes those out whose end nobody will see: what is older than `age`, and
    /// the oldest if there are more than `limit`.
    fn insert(
        &mut self,
        key: K,
        record: RawRecord,
        now: Instant,
        limit: usize,
        age: Option<Duration>,
    ) -> Vec<RawRecord> {
        let number = self.next;
        self.next += 1;
        self.order.push_back((key.clone(), number, now));
        let replaced = self.records.insert(key, (number, record));
        let mut out: Vec<_> = replaced.into_iter().map(|(_, record)| record).collect();
        while let Some((key, number, since)) = self.order.front() {
            let is_present = self.records.get(key).is_some_and(|(present, _)| present == number);
            let is_old = age.is_some_and(|age| now.saturating_duration_since(*since) > age);
            if is_present && !is_old && self.records.len() <= limit {
                break;
            }
            if is_present {
                out.extend(self.records.remove(key).map(|(_, record)| record));
            }
            self.order.pop_front();
        }
        // Entries that are not at the front go when they are half of all: a scan for each doubling.
        if self.order.len() > 64 && self.order.len() > 2 * self.records.len() {
            let records = &self.records;
            self.order.retain(|(key, number, _)| {
                records.get(key).is_some_and(|(present, _)| present == number)
            });
        }
        out
    }
}

impl Tables {
    fn take_command(&mut self, request_id: i32) -> Option<RawRecord> {
        let record = self.commands.take(&request_id)?;
        for holder in Holder::of(&record) {
            // A session that was at two commands, against its rules, is at the later one.
            if self.at.get(&holder) == Some(&request_id) {
                self.at.remove(&holder);
            }
        }
        Some(record)
    }

    fn take_command_of(&mut self, holder: &Holder) -> Option<RawRecord> {
        let request_id = self.at.get(holder).copied()?;
        self.take_command(request_id)
    }
}

impl RawTable {
    /// The driver has given up on sending again after this long: its default time to select a
    /// server is 30 seconds.
    pub(super) const RETRY_MAX: Duration = Duration::from_secs(60);

    pub(in crate::driver) fn new(limits: Limits) -> Self {
        Self(Mutex::new(Tables {
            limits,
            commands: Bounded::new(),
            at: HashMap::new(),
            cursors: Bounded::new(),
            retries: HashMap::new(),
            retry_order: VecDeque::new(),
        }))
    }

    /// Keeps the record of a command until its reply.
    pub(in crate::driver) fn insert_command(
        &self,
        request_id: i32,
        record: RawRecord,
        now: Instant,
    ) {
        let mut tables = self.lock();
        let limit = tables.limits.n_records;
        tables.at.extend(Holder::of(&record).map(|holder| (holder, request_id)));
        let lost = tables.commands.insert(request_id, record, now, limit, None);
        for holder in lost.iter().flat_map(Holder::of) {
            tables.at.remove(&holder);
        }
        drop(tables);
        // Closed outside of the lock.
        drop(lost);
    }

    pub(in crate::driver) fn take_command(&self, request_id: i32) -> Option<RawRecord> {
        self.lock().take_command(request_id)
    }

    /// The command that this session is still at, although it begins another one: its future was
    /// dropped.
    pub(in crate::driver) fn take_abandoned(&self, session: Uuid) -> Option<RawRecord> {
        self.lock().take_command_of(&Holder::Session(session))
    }

    /// The cursor that is killed, whether it is idle or was dropped while it waited for a batch.
    pub(in crate::driver) fn take_killed(
        &self,
        server: Option<&Arc<str>>,
        cursor_id: i64,
    ) -> Option<RawRecord> {
        let key = (server.cloned(), cursor_id);
        let mut tables = self.lock();
        let idle = tables.cursors.take(&key);
        idle.or_else(|| tables.take_command_of(&Holder::Cursor(key.0, key.1)))
    }

    /// Keeps the record of an open cursor until its next command.
    pub(in crate::driver) fn insert_cursor(&self, cursor_id: i64, record: RawRecord, now: Instant) {
        let key = (record.server().cloned(), cursor_id);
        let mut tables = self.lock();
        let Limits { n_records, cursor_age } = tables.limits;
        let lost = tables.cursors.insert(key, record, now, n_records, Some(cursor_age));
        drop(tables);
        drop(lost);
    }

    pub(in crate::driver) fn take_cursor(
        &self,
        server: Option<&Arc<str>>,
        cursor_id: i64,
    ) -> Option<RawRecord> {
        self.lock().cursors.take(&(server.cloned(), cursor_id))
    }

    /// Keeps the record of a failed command that the driver may send again.
    pub(in crate::driver) fn insert_retry(
        &self,
        session: Uuid,
        record: RawRecord,
        error: ErrorInfo,
        now: Instant,
    ) {
        let mut tables = self.lock();
        let before = tables.retries.insert(session, FailedOnce { since: now, record, error });
        tables.retry_order.push_back((now, session));
        drop(tables);
        before.into_iter().for_each(FailedOnce::fail);
        self.give_up_retries(now);
    }

    /// The failed command that this one repeats: the same call with the same transaction number in
    /// the same session. If the session goes on to something else, the failed one has failed, and
    /// the call is given back.
    pub(in crate::driver) fn take_retry(
        &self,
        session: Uuid,
        txn_number: Option<i64>,
        command: &str,
        call: RawCall,
    ) -> Result<RawRecord, RawCall> {
        // Out of the lock before anything is closed.
        let failed = self.lock().retries.remove(&session);
        let Some(mut failed) = failed else { return Err(call) };
        if failed.record.is_repeated_by(command, txn_number, &call) {
            failed.record.begin_retry(call);
            return Ok(failed.record);
        }
        failed.fail();
        Err(call)
    }

    /// Closes the records of failed commands that were not sent again for too long.
    pub(in crate::driver) fn give_up_retries(&self, now: Instant) {
        let mut tables = self.lock();
        let mut over = Vec::new();
        while let Some((since, session)) = tables.retry_order.front().copied() {
            let is_present =
                tables.retries.get(&session).is_some_and(|failed| failed.since == since);
            if is_present && now.saturating_duration_since(since) <= Self::RETRY_MAX {
                break;
            }
            if is_present {
                over.extend(tables.retries.remove(&session));
            }
            tables.retry_order.pop_front();
        }
        drop(tables);
        over.into_iter().for_each(FailedOnce::fail);
    }

    /// Closes the record of the failed command of this session: it goes on to something else.
    pub(in crate::driver) fn fail_retry(&self, session: Uuid) {
        // Out of the lock before anything is closed.
        let failed = self.lock().retries.remove(&session);
        failed.into_iter().for_each(FailedOnce::fail);
    }

    /// Closes the records of all failed commands: nothing is sent again any more.
    pub(in crate::driver) fn fail_retries(&self) {
        let failed: Vec<_> = self.lock().retries.drain().collect();
        failed.into_iter().for_each(|(_, failed)| failed.fail());
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        // Plain maps: what a panicking holder left behind is still a map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RawTable {
    /// With the client gone, no failed command is sent again.
    fn drop(&mut self) {
        self.fail_retries();
    }
}
