//! The queue against a model that is a plain vector, under random acts.
//!
//! Milliseconds are the grid of the clock; each timeout, and the forced delay, ends in nanoseconds of its
//! own, so that nothing of different timeouts ever comes due at the same moment, and the model knows
//! what the queue will choose.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use proptest::{collection::vec, option, prelude::*};

use super::version;
use crate::{
    queue::{Pushed, QueueSettings, WatchQueue, WhenFull},
    record::{Iteration, Phase, WatcherName},
};

#[derive(Clone, Debug)]
enum Act {
    Push { number: u128, iteration: Iteration, watcher: WatcherName },
    SetTimeout { watcher: WatcherName, timeout: Option<Duration> },
    Pop,
    PopAll,
}

/// An act, and how the clock has moved before it, in milliseconds.
type Step = (i64, Act);

#[derive(Debug)]
struct Entry {
    number: u128,
    iteration: Iteration,
    entered: Duration,
    due: Duration,
    /// Among those that are due at the same moment.
    order: u64,
    is_ready: bool,
}

/// Times are counted from an arbitrary start.
struct Model {
    settings: QueueSettings,
    timeouts: BTreeMap<&'static str, Duration>,
    now: Duration,
    order: u64,
    entries: Vec<Entry>,
    released: BTreeMap<u128, Iteration>,
}

impl Model {
    fn push(&mut self, number: u128, iteration: Iteration, watcher: WatcherName) -> Pushed {
        self.order += 1;
        let (order, now) = (self.order, self.now);
        if let Some(at) = self.entries.iter().position(|entry| entry.number == number) {
            if iteration <= self.entries[at].iteration {
                return Pushed::Stale;
            }
            let (due, is_ready) = self.due(iteration, watcher, self.entries[at].entered);
            let entry = &mut self.entries[at];
            entry.iteration = iteration;
            if !entry.is_ready {
                (entry.due, entry.order, entry.is_ready) = (due, order, is_ready);
            }
            return Pushed::Superseded;
        }
        if self.released.get(&number).is_some_and(|newest| iteration <= *newest) {
            return Pushed::Stale;
        }
        let (mut due, mut is_ready) = self.due(iteration, watcher, now);
        let is_full =
            self.entries.iter().filter(|entry| !entry.is_ready).count() >= self.settings.capacity;
        if is_full && !is_ready {
            match (self.settings.when_full, iteration.is_final()) {
                (WhenFull::Block, _) | (WhenFull::DropUpdates, true) => {}
                (WhenFull::DropUpdates, false) | (WhenFull::DropNewest, _) => {
                    return Pushed::DroppedFull;
                }
            }
            let waiting = self.entries.iter_mut().filter(|entry| !entry.is_ready);
            match waiting.min_by_key(|entry| (entry.due, entry.order)) {
                Some(entry) => (entry.due, entry.order, entry.is_ready) = (now, order, true),
                None => (due, is_ready) = (now, true),
            }
        }
        self.entries.push(Entry { number, iteration, entered: now, due, order, is_ready });
        Pushed::Waiting
    }

    fn due(
        &self,
        iteration: Iteration,
        watcher: WatcherName,
        entered: Duration,
    ) -> (Duration, bool) {
        let settings = &self.settings;
        let timeout = self.timeouts.get(watcher.as_str()).copied().unwrap_or(settings.timeout);
        let due = self.now + if iteration.is_final() { Duration::ZERO } else { timeout };
        let earliest = entered + settings.forced_delay.unwrap_or_default();
        (due.max(earliest), iteration.is_final() && earliest <= self.now)
    }

    fn next(&self) -> Option<&Entry> {
        self.entries.iter().min_by_key(|entry| (entry.due, entry.order))
    }

    /// The next one that is due, or the next one at all.
    fn pop(&mut self, only_due: bool) -> Option<(u128, Iteration)> {
        let now = self.now;
        let next = self.next().filter(|entry| !only_due || entry.due <= now)?;
        let (number, iteration) = (next.number, next.iteration);
        self.entries.retain(|entry| entry.number != number);
        let before = self.released.insert(number, iteration);
        assert!(before < Some(iteration), "a version came out after a newer one");
        Some((number, iteration))
    }
}

/// The queue and its model side by side, and the books.
struct Pair {
    queue: WatchQueue,
    model: Model,
    start: Instant,
    clock_ms: i64,
    n_pushed: usize,
    n_lost: usize,
    n_released: usize,
}

impl Pair {
    fn new(settings: QueueSettings) -> Self {
        let model = Model {
            settings: settings.clone(),
            timeouts: BTreeMap::new(),
            now: Duration::ZERO,
            order: 0,
            entries: Vec::new(),
            released: BTreeMap::new(),
        };
        let start = Instant::now() + Duration::from_secs(1_000_000);
        let mut queue = WatchQueue::new(settings);
        // The queue counts from the first moment that it sees.
        assert!(queue.pop(start).is_none());
        Self { queue, model, start, clock_ms: 0, n_pushed: 0, n_lost: 0, n_released: 0 }
    }

    fn act(&mut self, (moved_ms, act): Step) {
        self.clock_ms += moved_ms;
        // Records that are held from the same moment on come out in any order among themselves;
        // the model has one order. So with a forced delay each push has its own moment.
        let is_push = matches!(act, Act::Push { .. });
        if is_push && self.model.settings.forced_delay.is_some() {
            let now_ms = i64::try_from(self.model.now.as_millis()).unwrap();
            self.clock_ms = self.clock_ms.max(now_ms + 1);
        }
        let moved = Duration::from_millis(self.clock_ms.unsigned_abs());
        let now = if self.clock_ms < 0 { self.start - moved } else { self.start + moved };
        // A change of a timeout is no look at the clock.
        if self.clock_ms > 0 && !matches!(act, Act::SetTimeout { .. }) {
            self.model.now = self.model.now.max(moved);
        }
        match act {
            Act::SetTimeout { watcher, timeout } => {
                self.queue.set_timeout(watcher, timeout);
                match timeout {
                    Some(timeout) => self.model.timeouts.insert(watcher.as_str(), timeout),
                    None => self.model.timeouts.remove(watcher.as_str()),
                };
            }
            Act::Push { number, iteration, watcher } => {
                let mut record = version(number, iteration);
                record.watcher = watcher;
                let pushed = self.queue.push(record, now);
                assert_eq!(pushed, self.model.push(number, iteration, watcher));
                self.n_pushed += 1;
                self.n_lost += usize::from(pushed != Pushed::Waiting);
            }
            Act::Pop => {
                self.pop(now);
            }
            Act::PopAll => while self.pop(now) {},
        }
        self.check();
    }

    fn pop(&mut self, now: Instant) -> bool {
        let popped = self.queue.pop(now);
        let wanted = self.model.pop(true);
        let seen = popped.as_ref().map(|record| (record.id.as_uuid().as_u128(), record.iteration));
        assert_eq!(seen, wanted);
        let Some(record) = popped else { return false };
        assert_eq!(record.phase, phase(record.iteration));
        self.n_released += 1;
        true
    }

    fn check(&self) {
        assert_eq!(self.queue.len(), self.model.entries.len());
        let due = self.model.next().map(|entry| self.start + entry.due);
        assert_eq!(self.queue.next_deadline(), due);
        // The books: whatever was pushed has come out, is counted as lost, or waits.
        assert_eq!(self.n_pushed, self.n_released + self.n_lost + self.queue.len());
    }

    fn drain(mut self) {
        let drained: Vec<_> = self.queue.drain().collect();
        for record in drained {
            let seen = (record.id.as_uuid().as_u128(), record.iteration);
            assert_eq!(Some(seen), self.model.pop(false));
            assert_eq!(record.phase, phase(record.iteration));
            self.n_released += 1;
        }
        self.check();
        assert!(self.queue.is_empty());
    }
}

fn phase(iteration: Iteration) -> Phase {
    if iteration.is_final() { Phase::Final } else { Phase::Timeout }
}

/// One of these, with nanoseconds of its own.
fn timeout() -> impl Strategy<Value = Duration> {
    let timeouts = [0, 5, 20, 60, 200].into_iter().zip(1..);
    prop::sample::select(timeouts.map(|(millis, nanos)| ms(millis, nanos)).collect::<Vec<_>>())
}

const fn ms(millis: u64, nanos: u64) -> Duration {
    Duration::from_nanos(millis * 1_000_000 + nanos)
}

fn watcher() -> impl Strategy<Value = WatcherName> {
    prop::sample::select(vec![WatcherName::Collection, WatcherName::Cursor, WatcherName::Session])
}

fn settings() -> impl Strategy<Value = QueueSettings> {
    let forced_delay = option::of(prop::sample::select(vec![0, 10, 100]));
    let capacity = prop::sample::select(vec![0, 1, 2, 4, 1_000]);
    let when_full =
        prop::sample::select(vec![WhenFull::Block, WhenFull::DropUpdates, WhenFull::DropNewest]);
    (timeout(), forced_delay, capacity, when_full).prop_map(
        |(timeout, forced_delay, capacity, when_full)| QueueSettings {
            timeout,
            forced_delay: forced_delay.map(|delay| ms(delay, 9)),
            capacity,
            when_full,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let iteration = prop_oneof![
        6 => (0..6_u64).prop_map(Iteration::Update),
        1 => Just(Iteration::Final(None)),
        2 => (0..4_u64).prop_map(|n| Iteration::Final(Some(n))),
    ];
    let push = (0..9_u128, iteration, watcher())
        .prop_map(|(number, iteration, watcher)| Act::Push { number, iteration, watcher });
    let set = (watcher(), option::of(timeout()))
        .prop_map(|(watcher, timeout)| Act::SetTimeout { watcher, timeout });
    let act = prop_oneof![12 => push, 4 => Just(Act::Pop), 2 => Just(Act::PopAll), 1 => set];
    (prop_oneof![4 => 0..3_i64, 2 => 3..80_i64, 1 => -90..0_i64], act)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn the_queue_does_what_the_model_does(settings in settings(), steps in vec(step(), 1..120)) {
        let mut pair = Pair::new(settings);
        for step in steps {
            pair.act(step);
        }
        pair.drain();
    }
}
