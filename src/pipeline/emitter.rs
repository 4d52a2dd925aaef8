//! The hand-over: from the application's calls to the queue thread, by value and without a wake-up.
//!
//! A wake-up is the dearest thing on the path, so the queue thread looks into the buffer at its own
//! tick while there is work, and parks when there is none. An emitter wakes it only from that park,
//! or when the buffer is half full.

use std::{
    sync::{
        Arc, OnceLock, PoisonError, RwLock, Weak,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Relaxed, SeqCst},
            fence,
        },
    },
    thread::Thread,
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, unbounded};

use super::{
    books::Books,
    watcher::{AtTheEnd, Pipeline},
    worker::Command,
};
use crate::{
    queue::WhenFull,
    record::{Iteration, Privacy, Shaper, WatchMessage, WatcherName},
};

/// The application's end of the hand-over. Clones share it, and keep the queue thread alive.
#[derive(Clone)]
pub(crate) struct Emitter {
    hand_over: Arc<HandOver>,
    pipeline: Arc<Pipeline>,
}

/// What the emitters and the queue thread share.
pub(super) struct HandOver {
    records: Sender<Box<WatchMessage>>,
    commands: Sender<Command>,
    /// From this length of the buffer on, it is high time to empty it.
    half_full: usize,
    when_full: WhenFull,
    /// Is the queue thread asleep until somebody wakes it?
    parked: AtomicBool,
    /// Does the queue thread take no more records?
    closed: AtomicBool,
    /// Is the end near? Then nobody waits for room, since there may never be any.
    ending: AtomicBool,
    thread: OnceLock<Thread>,
    next_seq: AtomicU64,
    /// What each version passes before anybody else sees it; a reload may change it.
    privacy: RwLock<Privacy>,
    shaper: Shaper,
    pub(super) books: Books,
}

/// The queue thread's end.
pub(super) struct Receivers {
    pub(super) records: Receiver<Box<WatchMessage>>,
    pub(super) commands: Receiver<Command>,
}

impl Emitter {
    pub(super) const fn new(hand_over: Arc<HandOver>, pipeline: Arc<Pipeline>) -> Self {
        Self { hand_over, pipeline }
    }

    /// Do both hand their records to the same watcher?
    pub(crate) fn is_of_watcher_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.hand_over, &other.hand_over)
    }

    /// Calls `closer` before the watcher ends, if it is still there then.
    pub(crate) fn at_the_end(&self, closer: Weak<dyn AtTheEnd>) {
        self.pipeline.at_the_end(closer);
    }

    /// Counts an operation that begins, and gives it its number.
    pub(crate) fn begin(&self) -> u64 {
        self.hand_over.begin()
    }

    /// Hands a version of a record to the queue thread; a final one ends its operation.
    ///
    /// May block when the buffer is full and `when_full` says so; never panics.
    pub(crate) fn emit(&self, record: Box<WatchMessage>) {
        self.hand_over.emit(record);
    }
}

impl HandOver {
    /// A hand-over for `buffer` records.
    pub(super) fn new(
        buffer: usize,
        when_full: WhenFull,
        privacy: Privacy,
    ) -> (Arc<Self>, Receivers) {
        let (records, records_out) = bounded(buffer.max(1));
        let (commands, commands_out) = unbounded();
        let hand_over = Self {
            records,
            commands,
            half_full: buffer.div_ceil(2).max(1),
            when_full,
            parked: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            thread: OnceLock::new(),
            next_seq: AtomicU64::new(1),
            privacy: RwLock::new(privacy),
            shaper: Shaper::default(),
            books: Books::default(),
        };
        (Arc::new(hand_over), Receivers { records: records_out, commands: commands_out })
    }

    /// Counts an operation that begins, and gives it its number.
    pub(super) fn begin(&self) -> u64 {
        self.books.operations.fetch_add(1, Relaxed);
        self.next_seq.fetch_add(1, Relaxed)
    }

    /// See [`Emitter::emit`].
    pub(super) fn emit(&self, mut record: Box<WatchMessage>) {
        let books = &self.books;
        if record.iteration.is_final() {
            books.ended.fetch_add(1, Relaxed);
        }
        // The count goes up before the look at `closed`: the queue thread, which sets `closed` and
        // then waits until every emitted record is accounted for, can never miss one.
        books.emitted.fetch_add(1, SeqCst);
        if self.closed.load(SeqCst) {
            books.closed.fetch_add(1, SeqCst);
            return;
        }
        self.redact(&mut record);
        match self.records.try_send(record) {
            Ok(()) => self.wake_if_needed(),
            Err(TrySendError::Full(record)) => self.push_when_full(record),
            Err(TrySendError::Disconnected(_)) => count(&books.closed),
        }
    }

    /// The policy of this moment.
    pub(super) fn privacy(&self) -> Privacy {
        *self.privacy.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on records pass this policy.
    pub(super) fn set_privacy(&self, privacy: Privacy) {
        *self.privacy.write().unwrap_or_else(PoisonError::into_inner) = privacy;
    }

    /// Takes out of a version what may not leave the application's call: the one place for it.
    pub(super) fn redact(&self, record: &mut WatchMessage) {
        let privacy = match record.watcher {
            // What the watcher tells of itself is nobody's data.
            WatcherName::Watcher => Privacy::Full,
            _ => self.privacy(),
        };
        privacy.apply(record, &self.shaper);
    }

    pub(super) fn set_thread(&self, thread: Thread) {
        // The thread is set once, by the one who spawned it.
        self.thread.get_or_init(|| thread);
    }

    /// Sends a command; `false` when the queue thread has ended.
    pub(super) fn send(&self, command: Command) -> bool {
        let sent = self.commands.send(command).is_ok();
        self.wake();
        sent
    }

    /// From now on nobody waits for room in a full buffer.
    pub(super) fn begin_end(&self) {
        self.ending.store(true, SeqCst);
    }

    /// From now on emitted records are counted as lost.
    pub(super) fn close(&self) {
        self.closed.store(true, SeqCst);
    }

    /// Is every emitted record taken or counted as lost?
    pub(super) fn is_settled(&self) -> bool {
        let books = &self.books;
        let settled =
            books.taken.load(SeqCst) + books.buffer_full.load(SeqCst) + books.closed.load(SeqCst);
        settled >= books.emitted.load(SeqCst)
    }

    /// Says that the queue thread is about to park; `false` when it must not, since there is work.
    pub(super) fn announce_park(&self, receivers: &Receivers) -> bool {
        self.parked.store(true, SeqCst);
        fence(SeqCst);
        let idle = receivers.records.is_empty() && receivers.commands.is_empty();
        if !idle {
            self.parked.store(false, SeqCst);
        }
        idle
    }

    pub(super) fn end_park(&self) {
        self.parked.store(false, SeqCst);
    }

    fn wake_if_needed(&self) {
        // To wake a thread that is awake, or was just woken, is one step on an atomic.
        if self.records.len() >= self.half_full {
            self.wake();
        }
        // Pairs with the fence in `announce_park`: either the queue thread sees the record, or this
        // sees that it is parked.
        fence(SeqCst);
        if self.parked.load(Relaxed) && self.parked.swap(false, SeqCst) {
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    fn push_when_full(&self, record: Box<WatchMessage>) {
        self.wake();
        if self.ending.load(SeqCst) {
            count(&self.books.closed);
            return;
        }
        let first = record.iteration == Iteration::Update(0);
        let may_drop = match self.when_full {
            WhenFull::Block => false,
            WhenFull::DropUpdates => !record.iteration.is_final() && !first,
            WhenFull::DropNewest => true,
        };
        if may_drop {
            count(&self.books.buffer_full);
            self.warn_once();
        } else if self.records.send(record).is_err() {
            count(&self.books.closed);
        }
    }

    fn warn_once(&self) {
        if self.books.buffer_full.load(Relaxed) == 1 {
            tracing::warn!(
                target: "mongowatch::pipeline",
                "the hand-over buffer is full: records are dropped, see the statistics"
            );
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, SeqCst);
}
