//! The books: where every emitted version of a record went.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use crate::layer::{Tally, TallyCounts};

/// The counts of a watcher: what was emitted, and on each route where it went.
///
/// At any time, for each route:
/// `emitted = written + superseded + filtered + dropped + failed + pending`
/// ([`Stats::is_balanced`]). What the steps of a route make themselves, such as the sums of a `rate`, is
/// added on the left ([`RouteStats::made`]); what was emitted before a reload brought the route, on the
/// right ([`RouteStats::before`]). A snapshot taken while operations run may be off by those that were
/// on their way between two counters at that moment; one taken after [`shutdown`] is exact.
///
/// [`shutdown`]: crate::Watcher::shutdown
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Operations that were opened.
    pub operations: u64,
    /// Operations that have begun and not ended: a gauge, which is 0 when the application has nothing
    /// under way.
    ///
    /// What the application leaks (a cursor or a future that is never dropped) stays on it, and has no
    /// final record. So does a raw operation whose end the capture mode does not show, until its
    /// client goes.
    pub open: u64,
    /// Versions of records that were emitted.
    pub emitted: u64,
    /// Versions that were lost on the way to the routes, by cause.
    pub dropped: Dropped,
    /// Where the versions went, route by route.
    pub routes: Vec<RouteStats>,
}

/// Versions of records that were lost before any route saw them, by cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// The hand-over buffer was full, and `when_full` allows to drop.
    pub buffer_full: u64,
    /// The queue held `capacity` records, and `when_full` allows to drop.
    pub queue_full: u64,
    /// The watcher was shut down, or was about to be and its buffer was full.
    pub closed: u64,
}

impl Dropped {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.buffer_full + self.queue_full + self.closed
    }
}

/// Where the versions of records went, on one route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouteStats {
    /// The name of the route.
    pub name: String,
    /// Versions that its layer wrote.
    pub written: u64,
    /// Versions that a newer one of the same operation replaced.
    pub superseded: u64,
    /// Versions that a level, a filter or a step kept back.
    pub filtered: u64,
    /// Of these, the versions that each step kept back, in the order of the steps: `1-match`...
    pub filtered_by: Vec<StepStats>,
    /// Versions that were lost on the way.
    pub dropped: u64,
    /// Versions that could not be written.
    pub failed: u64,
    /// Versions that are on their way.
    pub pending: u64,
    /// Records that the steps of the route made: the sums of `rate`.
    pub made: u64,
    /// Versions that were on the books before the route was there, because a reload brought it.
    pub before: u64,
}

/// What one step of a route kept back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepStats {
    /// The place of the step, from 1, and its kind: `1-match`.
    pub name: String,
    /// Versions that it kept back.
    pub filtered: u64,
    /// Versions at which it failed, of a step that can: `script`. Whether they were kept back is up to
    /// its `on_error`.
    pub errors: u64,
}

impl Stats {
    /// Do the books of every route balance?
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.routes.iter().all(|route| route.total() == self.emitted + route.made)
    }

    /// The counts of the route of this name.
    #[must_use]
    pub fn route(&self, name: &str) -> Option<&RouteStats> {
        self.routes.iter().find(|route| route.name == name)
    }
}

impl RouteStats {
    const fn total(&self) -> u64 {
        self.before
            + self.written
            + self.superseded
            + self.filtered
            + self.dropped
            + self.failed
            + self.pending
    }
}

/// The counters behind [`Stats`], shared by the emitters and the queue thread.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) operations: AtomicU64,
    pub(super) ended: AtomicU64,
    pub(super) emitted: AtomicU64,
    pub(super) buffer_full: AtomicU64,
    pub(super) closed: AtomicU64,
    /// Versions that the queue thread took out of the hand-over.
    pub(super) taken: AtomicU64,
    pub(super) superseded: AtomicU64,
    pub(super) queue_full: AtomicU64,
    /// Versions that wait in the queue.
    pub(super) waiting: AtomicU64,
    /// The routes of this moment.
    routes: Mutex<Vec<Arc<RouteBooks>>>,
}

/// The counters of one route.
#[derive(Debug)]
pub(super) struct RouteBooks {
    pub(super) name: String,
    /// Does the route see every version, and not only those that the queue releases?
    pub(super) every_version: bool,
    pub(super) written: AtomicU64,
    /// Versions that a level or a filter of the layer kept back.
    pub(super) filtered: AtomicU64,
    /// Versions at which a step or a layer panicked.
    pub(super) panicked: AtomicU64,
    /// Records that the steps made.
    pub(super) made: AtomicU64,
    /// Versions that each step kept back.
    pub(super) steps: Vec<StepBooks>,
    /// Counts of the output behind the layer, which knows better when a line is written.
    pub(super) tally: Option<Arc<Tally>>,
    /// What was on the books before the route was there.
    before: OnceLock<Before>,
}

/// The counters of one step.
#[derive(Debug)]
pub(super) struct StepBooks {
    name: String,
    /// Versions that it kept back.
    pub(super) filtered: AtomicU64,
    /// Versions at which it failed, which the step itself counts.
    errors: Option<Arc<AtomicU64>>,
}

/// What was on the books at one moment, for a route that begins there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Before {
    /// Versions that were taken out of the hand-over.
    taken: u64,
    superseded: u64,
    queue_full: u64,
    /// Versions that did not come as far as the queue.
    lost: u64,
    waiting: u64,
}

impl Before {
    /// Versions of which such a route never hears.
    const fn n(&self, every_version: bool) -> u64 {
        if every_version { self.taken + self.lost } else { self.taken - self.waiting + self.lost }
    }
}

impl RouteBooks {
    pub(super) fn new<'a>(
        name: &str,
        every_version: bool,
        steps: impl Iterator<Item = (&'a str, Option<Arc<AtomicU64>>)>,
        tally: Option<Arc<Tally>>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            every_version,
            written: AtomicU64::new(0),
            filtered: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
            made: AtomicU64::new(0),
            steps: steps.map(|(name, errors)| StepBooks::new(name, errors)).collect(),
            tally,
            before: OnceLock::new(),
        }
    }

    /// Said once, by the queue thread, before the route's first record.
    pub(super) fn begin_after(&self, before: Before) {
        self.before.get_or_init(|| before);
    }
}

impl StepBooks {
    fn new(name: &str, errors: Option<Arc<AtomicU64>>) -> Self {
        Self { name: name.to_owned(), filtered: AtomicU64::new(0), errors }
    }
}

impl Stats {
    /// Reads the counters.
    pub(super) fn of(books: &Books) -> Self {
        let routes = lock(&books.routes).clone();
        // Ends are read before beginnings, so that a difference is never below zero.
        let taken = books.taken.load(Relaxed);
        let dropped = Dropped {
            buffer_full: books.buffer_full.load(Relaxed),
            queue_full: books.queue_full.load(Relaxed),
            closed: books.closed.load(Relaxed),
        };
        let ended = books.ended.load(Relaxed);
        let emitted = books.emitted.load(Relaxed);
        let operations = books.operations.load(Relaxed);
        let in_hand_over = emitted.saturating_sub(taken + dropped.buffer_full + dropped.closed);
        Self {
            operations,
            open: operations.saturating_sub(ended),
            emitted,
            routes: routes.iter().map(|route| books.route(route, in_hand_over, &dropped)).collect(),
            dropped,
        }
    }

    /// How many versions are under way, on the route that is furthest behind.
    pub(super) fn n_pending(&self) -> u64 {
        self.routes.iter().map(|route| route.pending).max().unwrap_or(0)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A list that is put there as a whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Books {
    /// From now on these are the routes.
    pub(super) fn set_routes(&self, routes: Vec<Arc<RouteBooks>>) {
        *lock(&self.routes) = routes;
    }

    /// What is on the books now; only the queue thread knows this exactly.
    pub(super) fn before(&self, n_waiting: usize) -> Before {
        Before {
            taken: self.taken.load(Relaxed),
            superseded: self.superseded.load(Relaxed),
            queue_full: self.queue_full.load(Relaxed),
            lost: self.buffer_full.load(Relaxed) + self.closed.load(Relaxed),
            waiting: n_waiting as u64,
        }
    }

    fn route(&self, route: &RouteBooks, in_hand_over: u64, dropped: &Dropped) -> RouteStats {
        let tally = route.tally.as_deref().map_or_else(TallyCounts::default, Tally::counts);
        let before = route.before.get().copied().unwrap_or_default();
        let step = |step: &StepBooks| StepStats {
            name: step.name.clone(),
            filtered: step.filtered.load(Relaxed),
            errors: step.errors.as_ref().map_or(0, |errors| errors.load(Relaxed)),
        };
        let filtered_by: Vec<_> = route.steps.iter().map(step).collect();
        let by_steps: u64 = filtered_by.iter().map(|step| step.filtered).sum();
        let mut stats = RouteStats {
            name: route.name.clone(),
            written: route.written.load(Relaxed) + tally.written,
            filtered: route.filtered.load(Relaxed) + by_steps,
            filtered_by,
            failed: route.panicked.load(Relaxed) + tally.failed,
            pending: in_hand_over + tally.held,
            superseded: 0,
            dropped: (dropped.buffer_full + dropped.closed).saturating_sub(before.lost),
            made: route.made.load(Relaxed),
            before: before.n(route.every_version),
        };
        if !route.every_version {
            stats.superseded = self.superseded.load(Relaxed).saturating_sub(before.superseded);
            stats.dropped += dropped.queue_full.saturating_sub(before.queue_full);
            stats.pending += self.waiting.load(Relaxed);
        }
        stats
    }
}
