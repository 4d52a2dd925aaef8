//! Which record is due next.
//!
//! A deadline is always "now and a fixed time", and now never steps back, so records of one timeout
//! come due in the order in which they were filed: one linked list a timeout, the *lane*, is sorted by
//! construction. A kind of records that gets another timeout goes to another lane. Filing, renewing and taking out cost the same however many wait, and the order is
//! exact. (A heap pays a logarithm and keeps a stale entry for each renewal; a timer wheel is as
//! cheap but rounds, and must sort or stall when a million records come due at once.)
//!
//! Only what is held by `forced_delay` is due at a moment that was fixed when it entered: those
//! records are in an ordered set, which does pay the logarithm.

use std::{
    collections::BTreeSet,
    mem,
    time::{Duration, Instant},
};

use crate::queue::slots::{Place, Slots};

/// Nanoseconds since the queue first saw the clock; enough for 584 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

/// Makes moments of instants, and keeps them from stepping back.
pub(super) struct Clock {
    start: Option<Instant>,
    now: Moment,
}

/// The list that a slot is in: one of those named here, or one for a timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lane(u16);

impl Lane {
    /// Due since it was filed.
    pub(super) const READY: Self = Self(0);
    /// Held until a moment that has nothing to do with when it was filed.
    pub(super) const HELD: Self = Self(1);
    /// Nothing to release any more; in the order of release.
    pub(super) const RELEASED: Self = Self(2);
    /// Waits for a newer version or the timeout: the first of these lanes.
    const FIRST_TIMEOUT: usize = 3;
    /// Not in any.
    pub(super) const NONE: Self = Self(u16::MAX);
    /// There are no more.
    const N_MAX: usize = u16::MAX as usize;

    const fn place(self) -> usize {
        self.0 as usize
    }
}

/// The slots in the order in which they come due.
pub(super) struct Deadlines {
    /// One for each lane; that of [`Lane::HELD`] stays empty.
    lists: Vec<List>,
    held: BTreeSet<(Moment, Place)>,
}

#[derive(Clone, Copy, Default)]
struct List {
    first: Option<Place>,
    last: Option<Place>,
    len: usize,
    /// How long after it was filed a slot is due.
    timeout: Duration,
}

impl Moment {
    pub(super) const START: Self = Self(0);
    /// Does not come: the clock stops short of it.
    pub(super) const NEVER: Self = Self(u64::MAX);

    pub(super) fn after(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl Clock {
    pub(super) const fn new() -> Self {
        Self { start: None, now: Moment::START }
    }

    /// The moment of `now`, or the latest one seen if that was later.
    pub(super) fn advance(&mut self, now: Instant) -> Moment {
        let start = *self.start.get_or_insert(now);
        let moment = Moment::START.after(now.saturating_duration_since(start));
        self.now = moment.min(Moment(u64::MAX - 1)).max(self.now);
        self.now
    }

    /// The latest moment seen.
    pub(super) const fn now(&self) -> Moment {
        self.now
    }

    /// The instant of a moment, if the clock will ever show it.
    pub(super) fn instant(&self, moment: Moment) -> Option<Instant> {
        if moment == Moment::NEVER {
            return None;
        }
        self.start?.checked_add(Duration::from_nanos(moment.0))
    }
}

impl Deadlines {
    pub(super) fn new() -> Self {
        Self { lists: vec![List::default(); Lane::FIRST_TIMEOUT], held: BTreeSet::new() }
    }

    /// The lane in which slots are filed that are due after this timeout. `in_use` are those of the
    /// timeouts of today: of the others, one that is empty may get another timeout. So there are hardly
    /// more than there are kinds of records, and each is sorted.
    pub(super) fn lane_of(&mut self, timeout: Duration, in_use: &[Lane]) -> Lane {
        let lanes = self.lists.iter().enumerate().skip(Lane::FIRST_TIMEOUT);
        let of = |(place, list): (usize, &List)| (lane(place), list.len, list.timeout);
        let lanes: Vec<_> = lanes.map(of).collect();
        if let Some((same, ..)) = lanes.iter().find(|(.., other)| *other == timeout) {
            return *same;
        }
        let is_free =
            |(lane, len, _): &&(Lane, usize, Duration)| *len == 0 && !in_use.contains(lane);
        let free = lanes.iter().find(is_free).map(|(lane, ..)| *lane);
        let lane = match (free, lanes.last()) {
            (Some(free), _) => free,
            // Tens of thousands of reloads within the longest timeout: the last one has to do.
            (None, Some((last, ..))) if self.lists.len() >= Lane::N_MAX => return *last,
            _ => {
                self.lists.push(List::default());
                lane(self.lists.len() - 1)
            }
        };
        self.lists[lane.place()].timeout = timeout;
        lane
    }

    /// The timeout of a lane.
    pub(super) fn timeout(&self, lane: Lane) -> Duration {
        self.lists[lane.place()].timeout
    }

    /// Files a slot that is in no lane.
    pub(super) fn file(&mut self, place: Place, lane: Lane, due: Moment, slots: &mut Slots) {
        let slot = slots.get_mut(place);
        debug_assert_eq!(slot.lane, Lane::NONE);
        slot.lane = lane;
        slot.due = due;
        if lane == Lane::HELD {
            self.held.insert((due, place));
            return;
        }
        let list = &mut self.lists[lane.place()];
        slot.next = None;
        slot.previous = list.last.replace(place);
        list.len += 1;
        match slot.previous {
            Some(previous) => {
                let previous = slots.get_mut(previous);
                debug_assert!(previous.due <= due, "a lane is sorted by construction");
                previous.next = Some(place);
            }
            None => list.first = Some(place),
        }
    }

    /// Takes a slot out of its lane.
    pub(super) fn unfile(&mut self, place: Place, slots: &mut Slots) {
        let slot = slots.get_mut(place);
        let lane = mem::replace(&mut slot.lane, Lane::NONE);
        if lane == Lane::HELD {
            self.held.remove(&(slot.due, place));
            return;
        }
        let list = &mut self.lists[lane.place()];
        let (previous, next) = (slot.previous.take(), slot.next.take());
        list.len -= 1;
        // These assertions earn their place twice: they make the processor read both neighbours
        // at once, early, where writing alone would wait for one after the other. With a million
        // waiting, an update is a twentieth faster with them.
        match previous {
            Some(previous) => {
                let after = mem::replace(&mut slots.get_mut(previous).next, next);
                assert_eq!(after, Some(place), "neighbours in a lane know each other");
            }
            None => list.first = next,
        }
        match next {
            Some(next) => {
                let before = mem::replace(&mut slots.get_mut(next).previous, previous);
                assert_eq!(before, Some(place), "neighbours in a lane know each other");
            }
            None => list.last = previous,
        }
    }

    /// The slot that is due first, and when. With `Ready` among the lanes or without.
    pub(super) fn earliest(&self, slots: &Slots) -> Option<(Moment, Place)> {
        let ready = self.lists[Lane::READY.place()].front(slots);
        ready.into_iter().chain(self.earliest_waiting(slots)).min_by_key(|(due, _)| *due)
    }

    /// The same among those that still wait for something.
    pub(super) fn earliest_waiting(&self, slots: &Slots) -> Option<(Moment, Place)> {
        let fronts = self.timeouts().iter().filter_map(|list| list.front(slots));
        fronts.chain(self.held.first().copied()).min_by_key(|(due, _)| *due)
    }

    /// The slot that was released longest ago.
    pub(super) fn first_released(&self) -> Option<Place> {
        self.lists[Lane::RELEASED.place()].first
    }

    pub(super) fn n_released(&self) -> usize {
        self.lists[Lane::RELEASED.place()].len
    }

    pub(super) fn n_ready(&self) -> usize {
        self.lists[Lane::READY.place()].len
    }

    /// How many still wait for something.
    pub(super) fn n_waiting(&self) -> usize {
        self.timeouts().iter().map(|list| list.len).sum::<usize>() + self.held.len()
    }

    /// How many timeouts have a lane.
    #[cfg(test)]
    pub(super) fn n_lanes(&self) -> usize {
        self.timeouts().len()
    }

    /// The lanes in which slots wait for a timeout.
    fn timeouts(&self) -> &[List] {
        &self.lists[Lane::FIRST_TIMEOUT..]
    }
}

impl List {
    fn front(&self, slots: &Slots) -> Option<(Moment, Place)> {
        self.first.map(|place| (slots.get(place).due, place))
    }
}

/// The lane at this place; there are never more than have a number.
fn lane(place: usize) -> Lane {
    Lane(u16::try_from(place).unwrap_or(Lane::NONE.0 - 1))
}
