//! What the doors to the driver's traffic learn of an open operation of the mirrored API.
//!
//! The operation of a mirrored call is in scope whenever its future is polled; the driver's command
//! events and spans happen in that poll and find it there.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use uuid::Uuid;

use super::{probe::Probe, reply::Reply};
use crate::record::{Counts, Traffic};

thread_local! {
    /// The operation that is being polled on this thread. A `tokio` task-local would do the same,
    /// but it panics on a thread that ends, where a cursor in a thread-local of the application's
    /// may still be dropped.
    static OPEN: RefCell<Option<Arc<Wire>>> = const { RefCell::new(None) };
}

/// The traffic of one open operation.
pub(super) struct Wire {
    /// The client that the operation was called on.
    probe: Arc<Probe>,
    learned: Mutex<Learned>,
    /// As many batches as were learned of, for those who ask for each document.
    n_batches: AtomicU64,
}

/// Whose operation is being polled on this thread, as a door sees it.
pub(super) enum Scoped {
    /// That of a mirrored call of the door's own client: what the door sees belongs to it.
    Own(Arc<Wire>),
    /// That of a mirrored call which the same watcher records already, through another door.
    Recorded,
    /// None: what the door sees is raw traffic.
    Raw,
}

/// What was learned so far.
#[derive(Clone, Default)]
pub(super) struct Learned {
    pub(super) traffic: Traffic,
    /// Counts out of the replies to all commands but the last.
    earlier: Counts,
    /// Counts out of the reply to the last command, which a retry makes void.
    latest: Counts,
    /// The cursor that the operation holds open on the server.
    pub(super) cursor_id: Option<i64>,
    /// Did the last command ask for no acknowledgement?
    pub(super) is_unacknowledged: bool,
    /// Was the last command one that opens a cursor, and has not been answered yet?
    is_opening: bool,
}

/// One command on its way to a server.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) server: Option<Arc<str>>,
    pub(super) connection_id: Option<i64>,
    pub(super) server_connection_id: Option<i64>,
    pub(super) request_id: Option<i32>,
    pub(super) request_bytes: Option<u64>,
    pub(super) session_id: Option<Uuid>,
    pub(super) txn_number: Option<i64>,
    /// Does the command belong to a transaction of several?
    pub(super) in_transaction: bool,
    /// Does the command ask for no acknowledgement, so that its reply says nothing?
    pub(super) is_unacknowledged: bool,
    /// Does the command open a cursor?
    pub(super) opens_cursor: bool,
}

impl Wire {
    /// The traffic of an operation, in this session if the application gave one.
    pub(super) fn new(probe: &Arc<Probe>, session_id: Option<Uuid>) -> Arc<Self> {
        let mut learned = Learned::default();
        learned.traffic.session_id = session_id;
        Arc::new(Self {
            probe: Arc::clone(probe),
            learned: Mutex::new(learned),
            n_batches: AtomicU64::new(0),
        })
    }

    /// The operation in whose scope this thread is now, as the door of `probe` sees it.
    pub(super) fn scoped(probe: &Arc<Probe>) -> Scoped {
        // A thread that ends has no scope any more.
        match OPEN.try_with(|open| open.borrow().clone()).ok().flatten() {
            Some(wire) if Arc::ptr_eq(&wire.probe, probe) => Scoped::Own(wire),
            Some(wire) if wire.probe.emitter.is_of_watcher_of(&probe.emitter) => Scoped::Recorded,
            _ => Scoped::Raw,
        }
    }

    /// Is this the operation in whose scope this thread is now?
    pub(super) fn is_current(self: &Arc<Self>) -> bool {
        let is_current = |open: &RefCell<Option<Arc<Self>>>| {
            open.borrow().as_ref().is_some_and(|open| Arc::ptr_eq(open, self))
        };
        OPEN.try_with(is_current).unwrap_or(false)
    }

    /// Runs `act` in the scope of this operation.
    pub(super) fn enter<R>(self: &Arc<Self>, act: impl FnOnce() -> R) -> R {
        /// Puts back what was there before, when `act` panics too.
        struct Restore(Option<Arc<Wire>>);
        impl Drop for Restore {
            fn drop(&mut self) {
                let before = self.0.take();
                // A thread that ends has no scope any more.
                let _ = OPEN.try_with(|open| open.replace(before));
            }
        }
        let before = OPEN.try_with(|open| open.replace(Some(Arc::clone(self)))).ok().flatten();
        let _restore = Restore(before);
        act()
    }

    /// Runs a future of the driver in the scope of this operation.
    pub(super) const fn scope<F: Future + Unpin>(self: &Arc<Self>, future: F) -> Scope<'_, F> {
        Scope { wire: self, future, is_done: false }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Learned> {
        // Nothing panics while it holds the lock; if it did, plain counts are still good to read.
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A reply came in: `learn` writes down what it says.
    pub(super) fn learn(&self, learn: impl FnOnce(&mut Learned)) {
        let mut learned = self.lock();
        learn(&mut learned);
        // Told in the poll in which the application asks: there is no other thread to wait for.
        self.n_batches.store(learned.traffic.batches.unwrap_or(0), Relaxed);
    }

    /// How many batches have come in.
    pub(super) fn n_batches(&self) -> u64 {
        self.n_batches.load(Relaxed)
    }

    /// A command goes out.
    pub(super) fn sent(&self, sent: Sent) {
        let mut learned = self.lock();
        // A change stream that is resumed gives its old cursor up.
        let given_up = learned.cursor_id.take_if(|_| sent.opens_cursor);
        learned.sent(sent);
        drop(learned);
        if let Some(cursor_id) = given_up {
            self.probe.expect_kill(cursor_id);
        }
    }

    /// The driver will kill the operation's cursor, if one is open, outside of any scope.
    pub(super) fn expect_kill(&self) {
        let cursor_id = self.lock().cursor_id;
        if let Some(cursor_id) = cursor_id {
            self.probe.expect_kill(cursor_id);
        }
    }
}

impl Learned {
    /// A command goes out.
    pub(super) fn sent(&mut self, sent: Sent) {
        let is_retry = sent.txn_number.is_some()
            && sent.txn_number == self.traffic.txn_number
            && !sent.in_transaction;
        let latest = std::mem::take(&mut self.latest);
        if !is_retry {
            add_all(&mut self.earlier, &latest);
        }
        self.is_unacknowledged = sent.is_unacknowledged;
        self.is_opening = sent.opens_cursor;
        let traffic = &mut self.traffic;
        *traffic.attempts.get_or_insert(0) += 1;
        replace(&mut traffic.server, sent.server);
        replace(&mut traffic.connection_id, sent.connection_id);
        replace(&mut traffic.server_connection_id, sent.server_connection_id);
        replace(&mut traffic.session_id, sent.session_id);
        replace(&mut traffic.txn_number, sent.txn_number);
        add(&mut traffic.request_bytes, sent.request_bytes);
        if let Some(request_id) = sent.request_id
            && traffic.request_ids.len() < Traffic::REQUEST_IDS_MAX
        {
            traffic.request_ids.push(request_id);
        }
    }

    /// A reply came in, and this is what it says.
    pub(super) fn received(&mut self, reply: &Reply) {
        add(&mut self.traffic.reply_bytes, reply.bytes);
        add(&mut self.traffic.returned, reply.returned);
        if reply.returned.is_some() {
            *self.traffic.batches.get_or_insert(0) += 1;
        }
        if !self.is_unacknowledged {
            self.latest = reply.counts.clone();
        }
        if reply.cursor_id.is_some() {
            self.cursor_id = reply.cursor_id.filter(|id| *id != 0);
        }
        self.succeeded();
    }

    /// The last command was done: an open change stream that has opened a cursor was resumed.
    pub(super) fn succeeded(&mut self) {
        if std::mem::take(&mut self.is_opening) {
            let resumes = &mut self.traffic.resumes;
            *resumes = resumes.map(|resumes| resumes + 1);
        }
    }

    /// Counts out of the server's replies, for what the driver's results do not say.
    pub(super) fn counts(&self) -> Counts {
        let mut counts = self.earlier.clone();
        add_all(&mut counts, &self.latest);
        counts
    }

    /// Counts of a call on files, out of the server's replies: of files and not of all documents
    /// that stand for them, and of their chunks.
    pub(super) fn file_counts(&self, operation: &str) -> Counts {
        let mut counts = Counts::default();
        match operation {
            "rename" | "rename_by_name" => return self.counts(),
            // The files first, and then the chunks.
            "delete" | "delete_by_name" => match self.earlier.deleted {
                Some(n_files) => {
                    counts.deleted = Some(n_files);
                    counts.file_chunks = self.latest.deleted;
                }
                None => counts.deleted = self.latest.deleted,
            },
            // The file's document first.
            "open_download_stream" | "open_download_stream_by_name" => {
                counts.file_chunks = self.traffic.returned.map(|n| n.saturating_sub(1));
            }
            _ => {}
        }
        counts
    }
}

fn add_all(counts: &mut Counts, more: &Counts) {
    add(&mut counts.matched, more.matched);
    add(&mut counts.inserted, more.inserted);
    add(&mut counts.upserted, more.upserted);
    add(&mut counts.modified, more.modified);
    add(&mut counts.deleted, more.deleted);
}

fn replace<T>(place: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *place = value;
    }
}

fn add(place: &mut Option<u64>, value: Option<u64>) {
    if let Some(value) = value {
        *place.get_or_insert(0) += value;
    }
}

/// A future of the driver in the scope of an operation.
pub(super) struct Scope<'a, F> {
    wire: &'a Arc<Wire>,
    future: F,
    is_done: bool,
}

impl<F: Future + Unpin> Future for Scope<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let polled = this.wire.enter(|| Pin::new(&mut this.future).poll(cx));
        this.is_done = polled.is_ready();
        polled
    }
}

impl<F> Drop for Scope<'_, F> {
    /// A future of the driver that is dropped with an open cursor kills it when it is dropped: that
    /// is after this, and then the command is expected.
    fn drop(&mut self) {
        if !self.is_done {
            self.wire.expect_kill();
        }
    }
}
