//! Which record is due next.
//!
//! A deadline is always "now and a fixed time", and now never steps back, so records of one kind
//! come due in the order in which they were filed: one linked list a kind, the *lane*, is sorted by
//! construction. Filing, renewing and taking out cost the same however many wait, and the order is
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

/// The list that a slot is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Lane {
    /// Due since it was filed.
    Ready,
    /// Waits for a newer version or the timeout.
    Timeout,
    /// The same for cursors, with their own timeout.
    Cursor,
    /// Held until a moment that has nothing to do with when it was filed.
    Held,
    /// Nothing to release any more; in the order of release.
    Released,
    /// Not in any.
    None,
}

/// The slots in the order in which they come due.
pub(super) struct Deadlines {
    lists: [List; N_LISTS],
    held: BTreeSet<(Moment, Place)>,
}

#[derive(Clone, Copy, Default)]
struct List {
    first: Option<Place>,
    last: Option<Place>,
    len: usize,
}

/// One for each lane but [`Lane::None`]; the one of [`Lane::Held`] stays empty.
const N_LISTS: usize = Lane::None as usize;

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
        Self { lists: [List::default(); N_LISTS], held: BTreeSet::new() }
    }

    /// Files a slot that is in no lane.
    pub(super) fn file(&mut self, place: Place, lane: Lane, due: Moment, slots: &mut Slots) {
        let slot = slots.get_mut(place);
        debug_assert_eq!(slot.lane, Lane::None);
        slot.lane = lane;
        slot.due = due;
        if lane == Lane::Held {
            self.held.insert((due, place));
            return;
        }
        let list = &mut self.lists[lane as usize];
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
        let lane = mem::replace(&mut slot.lane, Lane::None);
        if lane == Lane::Held {
            self.held.remove(&(slot.due, place));
            return;
        }
        let list = &mut self.lists[lane as usize];
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
        let ready = self.front(Lane::Ready, slots);
        ready.into_iter().chain(self.earliest_waiting(slots)).min_by_key(|(due, _)| *due)
    }

    /// The same among those that still wait for something.
    pub(super) fn earliest_waiting(&self, slots: &Slots) -> Option<(Moment, Place)> {
        let lanes = [Lane::Timeout, Lane::Cursor].into_iter();
        let fronts = lanes.filter_map(|lane| self.front(lane, slots));
        fronts.chain(self.held.first().copied()).min_by_key(|(due, _)| *due)
    }

    /// The slot that was released longest ago.
    pub(super) fn first_released(&self) -> Option<Place> {
        self.lists[Lane::Released as usize].first
    }

    pub(super) fn n_released(&self) -> usize {
        self.lists[Lane::Released as usize].len
    }

    pub(super) fn n_ready(&self) -> usize {
        self.lists[Lane::Ready as usize].len
    }

    /// How many still wait for something.
    pub(super) fn n_waiting(&self) -> usize {
        let lanes = [Lane::Timeout, Lane::Cursor];
        lanes.iter().map(|lane| self.lists[*lane as usize].len).sum::<usize>() + self.held.len()
    }

    fn front(&self, lane: Lane, slots: &Slots) -> Option<(Moment, Place)> {
        self.lists[lane as usize].first.map(|place| (slots.get(place).due, place))
    }
}
