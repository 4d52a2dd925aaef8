//! The memory of the queue: slots that never move, in segments that are never copied.

use std::num::NonZeroU32;

use crate::{
    queue::{
        deadlines::{Lane, Moment},
        index::Hash,
    },
    record::{Iteration, WatchId, WatchMessage},
};

/// Where a slot is. Four bytes, also as an `Option`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(NonZeroU32);

/// What the queue knows of one id.
///
/// One cache line: finding a record, comparing its id and moving it between lanes touch this line
/// and no more.
#[repr(align(64))]
pub(super) struct Slot {
    pub(super) id: WatchId,
    /// The hash of the id, to find its place in the index again.
    pub(super) hash: Hash,
    pub(super) content: Content,
    /// When the record is to be released; kept by `deadlines`.
    pub(super) due: Moment,
    /// The neighbours in the lane; kept by `deadlines`, and by the free list while unused.
    pub(super) previous: Option<Place>,
    pub(super) next: Option<Place>,
    pub(super) lane: Lane,
}

/// Whether there is a record in the slot.
pub(super) enum Content {
    /// No id either: the slot is on the free list.
    Free,
    /// The newest version, and when the first one entered.
    Held { record: Box<WatchMessage>, entered: Moment },
    /// The record was released; this was its version.
    Released(Iteration),
}

/// All slots. A segment is allocated when it is first needed and kept for later.
pub(super) struct Slots {
    segments: Vec<Vec<Slot>>,
    free: Option<Place>,
}

/// Slots in a segment: 1 MiB, of which only what is used becomes resident. With more segments their
/// table would push other things out of the fastest cache.
const SEGMENT: usize = 1 << 14;

impl Place {
    fn new(index: usize) -> Self {
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        Self(number.expect("2^32 slots of 64 bytes do not fit in memory with their records"))
    }

    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl Slots {
    pub(super) fn new() -> Self {
        Self { segments: Vec::new(), free: None }
    }

    pub(super) fn get(&self, place: Place) -> &Slot {
        &self.segments[place.index() / SEGMENT][place.index() % SEGMENT]
    }

    pub(super) fn get_mut(&mut self, place: Place) -> &mut Slot {
        &mut self.segments[place.index() / SEGMENT][place.index() % SEGMENT]
    }

    /// Takes a slot for a record. It is in no lane and in no bucket yet.
    pub(super) fn take(&mut self, id: WatchId, hash: Hash, content: Content) -> Place {
        let slot = Slot {
            id,
            hash,
            content,
            due: Moment::START,
            previous: None,
            next: None,
            lane: Lane::NONE,
        };
        if let Some(place) = self.free {
            self.free = self.get(place).next;
            *self.get_mut(place) = slot;
            return place;
        }
        if self.segments.last().is_none_or(|segment| segment.len() == SEGMENT) {
            self.segments.push(Vec::with_capacity(SEGMENT));
        }
        let last = self.segments.len() - 1;
        self.segments[last].push(slot);
        Place::new(last * SEGMENT + self.segments[last].len() - 1)
    }

    /// Gives a slot back that is in no lane and in no bucket.
    pub(super) fn free(&mut self, place: Place) {
        let first = self.free.replace(place);
        let slot = self.get_mut(place);
        debug_assert_eq!(slot.lane, Lane::NONE);
        slot.content = Content::Free;
        slot.next = first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_one_cache_line_and_a_place_four_bytes() {
        assert_eq!(size_of::<Slot>(), 64);
        assert_eq!(size_of::<Option<Place>>(), 4);
    }
}
