//! The rules of the queue.

use std::{
    fmt, iter, mem,
    time::{Duration, Instant},
};

use crate::{
    queue::{
        QueueSettings, WhenFull,
        deadlines::{Clock, Deadlines, Lane, Moment},
        index::{Hash, Index},
        slots::{Content, Place, Slots},
    },
    record::{ByWatcher, Iteration, Phase, WatchMessage, WatcherName},
};

/// Holds the newest version of each record until it is final or has been silent for too long.
///
/// - A higher [`Iteration`] replaces a lower one; a version that is not higher than the newest one
///   is stale, never comes out, and is counted.
/// - A final version is released at once. Any other is released when the timeout has passed since
///   the last version, and has [`Phase::Timeout`] then. With a forced delay, nothing is released
///   before that has passed since the first version.
/// - A version that comes after the release opens the record again if it is higher. The versions
///   of the last [`WatchQueue::REMEMBERED_MAX`] releases are remembered for that; what comes later
///   than that counts as new.
/// - At most [`QueueSettings::capacity`] records wait; [`WhenFull`] says what happens then.
///
/// The queue has no clock: `now` is an argument. A `now` that is earlier than one before it counts
/// as the same moment.
///
/// The cost of a call does not grow with the number of records waiting, but for a logarithm when
/// there is a forced delay. The memory grows with the records, a piece at a time, and is kept for
/// later.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use mongowatch::{
///     Iteration, Phase, Timestamp, WatchMessage, WatcherName,
///     queue::{Pushed, QueueSettings, WatchQueue},
/// };
///
/// let mut queue = WatchQueue::new(QueueSettings::default());
/// let start = Instant::now();
///
/// let first = WatchMessage::new(WatcherName::Collection, "find_one", Timestamp::now());
/// let mut last = first.clone();
/// last.iteration = Iteration::Final(Some(1));
/// assert_eq!(queue.push(Box::new(first), start), Pushed::Waiting);
/// assert!(queue.pop(start).is_none());
/// assert_eq!(queue.next_deadline(), Some(start + Duration::from_secs(600)));
///
/// assert_eq!(queue.push(Box::new(last.clone()), start), Pushed::Superseded);
/// let released = queue.pop(start).expect("a final record is released at once");
/// assert_eq!(released.phase, Phase::Final);
///
/// assert_eq!(queue.push(Box::new(last), start), Pushed::Stale);
/// assert!(queue.is_empty());
/// ```
pub struct WatchQueue {
    settings: QueueSettings,
    clock: Clock,
    slots: Slots,
    index: Index,
    deadlines: Deadlines,
    /// Where the records of each watcher wait for their timeout.
    lanes: ByWatcher<Lane>,
    n_released_early: u64,
}

/// Says what became of a version that was pushed, for the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "the books count what became of each version"]
#[non_exhaustive]
pub enum Pushed {
    /// It is in the queue, and nothing had to give way to it.
    Waiting,
    /// It is in the queue, in the place of an older version, which will never come out.
    Superseded,
    /// It will never come out: a version that is higher, or the same one, was there before it.
    Stale,
    /// It will never come out: the queue was full.
    DroppedFull,
}

/// How many releases are forgotten when there are too many to remember.
const FORGOTTEN_AT_ONCE: usize = 16;

impl WatchQueue {
    /// So many releases are remembered, id and version, and the last ones always but for a few.
    ///
    /// Late versions come from another thread or task of the same process, and are late by
    /// milliseconds; this is the best part of a second at 10,000 operations a second. It costs
    /// about 650 KiB, which a processor still holds in its second cache; four times as much would
    /// make each release a half dearer (measured: `docs/decisions/0002-queue.md`).
    pub const REMEMBERED_MAX: usize = 8_192;

    /// An empty queue.
    #[must_use]
    pub fn new(settings: QueueSettings) -> Self {
        let mut deadlines = Deadlines::new();
        let lanes = ByWatcher::all(&deadlines.lane_of(settings.timeout, &[]));
        Self {
            settings,
            clock: Clock::new(),
            slots: Slots::new(),
            index: Index::new(),
            deadlines,
            lanes,
            n_released_early: 0,
        }
    }

    /// Gives the records of a watcher a timeout of their own, or with `None` that of the settings.
    ///
    /// It counts for the versions that come from now on: what waits keeps the deadline that it has.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// use mongowatch::{
    ///     Timestamp, WatchMessage, WatcherName,
    ///     queue::{Pushed, QueueSettings, WatchQueue},
    /// };
    ///
    /// let mut queue = WatchQueue::new(QueueSettings::default());
    /// queue.set_timeout(WatcherName::Cursor, Some(Duration::from_secs(3_600)));
    /// let start = Instant::now();
    /// let cursor = WatchMessage::new(WatcherName::Cursor, "find", Timestamp::now());
    /// assert_eq!(queue.push(Box::new(cursor), start), Pushed::Waiting);
    /// assert_eq!(queue.next_deadline(), Some(start + Duration::from_secs(3_600)));
    /// ```
    pub fn set_timeout(&mut self, watcher: WatcherName, timeout: Option<Duration>) {
        let timeout = timeout.unwrap_or(self.settings.timeout);
        let is_other = |other: &&WatcherName| **other != watcher;
        let others = WatcherName::ALL.iter().filter(is_other);
        let in_use: Vec<_> = others.map(|other| *self.lanes.of(*other)).collect();
        *self.lanes.of_mut(watcher) = self.deadlines.lane_of(timeout, &in_use);
    }

    /// Takes a version of a record.
    pub fn push(&mut self, record: Box<WatchMessage>, now: Instant) -> Pushed {
        let now = self.clock.advance(now);
        let hash = self.index.hash(record.id);
        match self.index.find(record.id, hash, &self.slots) {
            None => self.open(Err(hash), record, now),
            Some(place) => match &self.slots.get(place).content {
                Content::Held { record: newest, .. } if record.iteration > newest.iteration => {
                    self.supersede(place, record, now)
                }
                Content::Released(newest) if record.iteration > *newest => {
                    self.open(Ok(place), record, now)
                }
                _ => Pushed::Stale,
            },
        }
    }

    /// Releases the next record that is due, with the [`Phase`] that says why.
    ///
    /// Records come out in the order in which they became due. Call it until it gives `None`.
    #[must_use = "the record is in the queue no more"]
    pub fn pop(&mut self, now: Instant) -> Option<Box<WatchMessage>> {
        let now = self.clock.advance(now);
        let (due, place) = self.deadlines.earliest(&self.slots)?;
        (due <= now).then(|| self.release(place))
    }

    /// When [`WatchQueue::pop`] will next have something to release, if nothing is pushed before.
    ///
    /// A moment that has passed says that there is something already. `None` says that nothing
    /// comes due: the queue is empty, or what waits has a timeout beyond all clocks.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let (due, _) = self.deadlines.earliest(&self.slots)?;
        self.clock.instant(due)
    }

    /// Releases everything, due or not, in the order in which it would have become due.
    ///
    /// For the end. What the iterator has not given yet stays in the queue when it is dropped, so
    /// whoever runs out of time knows by [`WatchQueue::len`] what is left.
    pub fn drain(&mut self) -> impl Iterator<Item = Box<WatchMessage>> {
        iter::from_fn(|| {
            let (_, place) = self.deadlines.earliest(&self.slots)?;
            Some(self.release(place))
        })
    }

    /// How many records are in the queue, those that are ready to be released included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.deadlines.n_waiting() + self.deadlines.n_ready()
    }

    /// Is nothing in the queue?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many records were released before their time because the queue was full.
    ///
    /// No loss, but a sign that `capacity` is too small.
    #[must_use]
    pub const fn n_released_early(&self) -> u64 {
        self.n_released_early
    }

    #[cfg(test)]
    pub(super) fn n_lanes(&self) -> usize {
        self.deadlines.n_lanes()
    }

    /// Puts a record in the place of an older version of it.
    fn supersede(&mut self, place: Place, record: Box<WatchMessage>, now: Moment) -> Pushed {
        let slot = self.slots.get_mut(place);
        let lane = slot.lane;
        let Content::Held { record: newest, entered } = &mut slot.content else {
            unreachable!("only what is held can be superseded");
        };
        let entered = *entered;
        let (is_final, watcher) = (record.iteration.is_final(), record.watcher);
        let _older = mem::replace(newest, record);
        // What is ready stays where it is: it has a moment to come out already.
        if lane != Lane::READY {
            let (lane, due) = self.due(is_final, watcher, entered, now);
            self.deadlines.unfile(place, &mut self.slots);
            self.deadlines.file(place, lane, due, &mut self.slots);
        }
        Pushed::Superseded
    }

    /// Takes a record that is not in the queue: a new one, or one whose last release is remembered
    /// at `place`.
    fn open(
        &mut self,
        known: Result<Place, Hash>,
        record: Box<WatchMessage>,
        now: Moment,
    ) -> Pushed {
        let is_final = record.iteration.is_final();
        let (mut lane, mut due) = self.due(is_final, record.watcher, now, now);
        if lane != Lane::READY && self.deadlines.n_waiting() >= self.settings.capacity {
            let gives_way = match self.settings.when_full {
                WhenFull::Block => false,
                WhenFull::DropUpdates => !is_final,
                WhenFull::DropNewest => true,
            };
            if gives_way {
                return Pushed::DroppedFull;
            }
            self.n_released_early += 1;
            match self.deadlines.earliest_waiting(&self.slots) {
                Some((_, other)) => self.make_ready(other, now),
                // The capacity is zero.
                None => (lane, due) = (Lane::READY, now),
            }
        }
        let id = record.id;
        let content = Content::Held { record, entered: now };
        let place = match known {
            Ok(place) => {
                self.deadlines.unfile(place, &mut self.slots);
                self.slots.get_mut(place).content = content;
                place
            }
            Err(hash) => {
                let place = self.slots.take(id, hash, content);
                self.index.insert(hash, place);
                place
            }
        };
        self.deadlines.file(place, lane, due, &mut self.slots);
        Pushed::Waiting
    }

    fn make_ready(&mut self, place: Place, now: Moment) {
        self.deadlines.unfile(place, &mut self.slots);
        self.deadlines.file(place, Lane::READY, now, &mut self.slots);
    }

    /// When a record is to be released, and in which lane it waits for that.
    fn due(
        &self,
        is_final: bool,
        watcher: WatcherName,
        entered: Moment,
        now: Moment,
    ) -> (Lane, Moment) {
        let (lane, due) = if is_final {
            (Lane::READY, now)
        } else {
            let lane = *self.lanes.of(watcher);
            (lane, now.after(self.deadlines.timeout(lane)))
        };
        match self.settings.forced_delay.map(|delay| entered.after(delay)) {
            Some(earliest) if due < earliest => (Lane::HELD, earliest),
            _ => (lane, due),
        }
    }

    /// Takes out the record at `place`, and remembers its version.
    fn release(&mut self, place: Place) -> Box<WatchMessage> {
        self.deadlines.unfile(place, &mut self.slots);
        let slot = self.slots.get_mut(place);
        // A placeholder until the record itself says which version it is.
        let content = mem::replace(&mut slot.content, Content::Released(Iteration::Update(0)));
        let Content::Held { mut record, .. } = content else {
            unreachable!("only what is held comes due");
        };
        slot.content = Content::Released(record.iteration);
        record.phase = if record.iteration.is_final() { Phase::Final } else { Phase::Timeout };
        self.remember(place);
        record
    }

    /// Keeps the slot of a released record for a while.
    fn remember(&mut self, place: Place) {
        self.deadlines.file(place, Lane::RELEASED, self.clock.now(), &mut self.slots);
        // The oldest are forgotten a few at a time: where they are is not in any cache by now, and
        // the processor waits for several lines of memory no longer than for one.
        if self.deadlines.n_released() >= Self::REMEMBERED_MAX {
            for _ in 0..FORGOTTEN_AT_ONCE {
                let Some(oldest) = self.deadlines.first_released() else { break };
                self.deadlines.unfile(oldest, &mut self.slots);
                self.index.remove(self.slots.get(oldest).hash, oldest);
                self.slots.free(oldest);
            }
        }
    }
}

impl fmt::Debug for WatchQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchQueue")
            .field("settings", &self.settings)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
