//! From an id to its slot: linear hashing, so that the table grows one bucket at a time.
//!
//! A table that doubles moves every entry in one call; with a million entries that one push takes
//! tens of milliseconds. Here each push that adds an id splits at most two buckets, and the bucket
//! array is made of segments that never move. Buckets are chains through the slots, so an entry
//! needs no memory of its own besides the four bytes of its bucket.

use std::hash::{BuildHasher, RandomState};

use crate::{
    queue::slots::{Place, Slots},
    record::WatchId,
};

/// Finds the slot of an id.
pub(super) struct Index {
    /// Keyed with a seed of this process. Ids may come from other processes and other tools, so
    /// whoever chooses them must not be able to choose buckets: this is the hash of std that is
    /// made for this (SipHash), although ids of our own are random already.
    hasher: RandomState,
    segments: Vec<Box<[Option<Place>; SEGMENT]>>,
    n_buckets: usize,
    n_entries: usize,
}

/// Buckets in a segment: 16 KiB.
const SEGMENT: usize = 1 << 12;

/// Buckets for each entry. Two make a hit cost 1.25 slots on average, and one would make it 1.5;
/// a slot that is not in the cache is dearer than four bytes.
const BUCKETS_PER_ENTRY: usize = 2;

impl Index {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            segments: vec![Box::new([None; SEGMENT])],
            n_buckets: 64,
            n_entries: 0,
        }
    }

    pub(super) fn find(&self, id: WatchId, slots: &Slots) -> Option<Place> {
        let mut next = *self.bucket(self.bucket_of(id));
        while let Some(place) = next {
            let slot = slots.get(place);
            if slot.id == id {
                return Some(place);
            }
            next = slot.chain;
        }
        None
    }

    /// Adds a slot whose id is not in the index.
    pub(super) fn insert(&mut self, place: Place, slots: &mut Slots) {
        self.n_entries += 1;
        for _ in 0..BUCKETS_PER_ENTRY {
            if self.n_buckets < self.n_entries * BUCKETS_PER_ENTRY {
                self.split(slots);
            }
        }
        self.link(place, slots);
    }

    /// Removes a slot that is in the index.
    pub(super) fn remove(&mut self, place: Place, slots: &mut Slots) {
        let bucket = self.bucket_of(slots.get(place).id);
        let after = slots.get_mut(place).chain.take();
        self.n_entries -= 1;
        let mut next = *self.bucket(bucket);
        if next == Some(place) {
            *self.bucket_mut(bucket) = after;
            return;
        }
        while let Some(before) = next {
            let slot = slots.get_mut(before);
            if slot.chain == Some(place) {
                slot.chain = after;
                return;
            }
            next = slot.chain;
        }
        debug_assert!(false, "a slot was not in the bucket of its id");
    }

    /// Adds one bucket and gives it its share of the bucket that it divides.
    fn split(&mut self, slots: &mut Slots) {
        let added = self.n_buckets;
        if added == self.segments.len() * SEGMENT {
            self.segments.push(Box::new([None; SEGMENT]));
        }
        // The new bucket's number without its highest bit: where its entries were until now.
        let divided = added - (1 << added.ilog2());
        let mut next = self.bucket_mut(divided).take();
        self.n_buckets += 1;
        while let Some(place) = next {
            next = slots.get(place).chain;
            self.link(place, slots);
        }
    }

    fn link(&mut self, place: Place, slots: &mut Slots) {
        let slot = slots.get_mut(place);
        let bucket = self.bucket_of(slot.id);
        slot.chain = self.bucket_mut(bucket).replace(place);
    }

    fn bucket_of(&self, id: WatchId) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "only the lower bits are looked at")]
        let hash = self.hasher.hash_one(id.as_uuid().as_u128()) as usize;
        let bucket = hash & (self.n_buckets.next_power_of_two() - 1);
        // The upper half of the buckets is there only so far as it has been split off.
        if bucket < self.n_buckets { bucket } else { bucket - (1 << bucket.ilog2()) }
    }

    fn bucket(&self, bucket: usize) -> &Option<Place> {
        &self.segments[bucket / SEGMENT][bucket % SEGMENT]
    }

    fn bucket_mut(&mut self, bucket: usize) -> &mut Option<Place> {
        &mut self.segments[bucket / SEGMENT][bucket % SEGMENT]
    }
}
