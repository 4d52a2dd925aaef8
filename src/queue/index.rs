//! From an id to its slot: linear hashing, so that the table grows one bucket at a time.
//!
//! A table that doubles moves every entry in one call; with a million entries that one push takes
//! ten milliseconds. Here a push that adds an id splits at most one bucket, and the buckets are in
//! segments that never move.
//!
//! A bucket is one cache line with the hashes and the places of seven slots, and a link to another
//! line should there be more. So to find that an id is new reads one line, to find its slot reads
//! two, and to split a bucket reads no slot at all.

use std::{
    hash::{BuildHasher, RandomState},
    mem,
};

use crate::{
    queue::slots::{Place, Slots},
    record::WatchId,
};

/// Finds the slot of an id.
pub(super) struct Index {
    /// Keyed with a seed of its own. Ids may come from other processes and other tools, and who
    /// chooses them must not be able to choose buckets: so this is the hash of std that was made
    /// for this (SipHash), although the ids that this library makes are random already.
    hasher: RandomState,
    buckets: Lines,
    /// Where full buckets go on.
    overflow: Lines,
    /// Lines of `overflow` that are not in use, linked by `more`.
    free: Option<u32>,
    n_entries: usize,
}

/// The hash of an id. Its lower bits choose the bucket, all of them tell the entries apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hash(u32);

/// A bucket, or a continuation of one.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line {
    hashes: [Hash; ENTRIES],
    /// The places that belong to the hashes; `None` where there is no entry.
    places: [Option<Place>; ENTRIES],
    /// The number of the next line of this bucket, in `overflow`.
    more: Option<u32>,
}

/// Lines that do not move when lines are added.
struct Lines {
    segments: Vec<Vec<Line>>,
    len: usize,
}

const ENTRIES: usize = 7;

/// Lines in a segment: 256 KiB, of which only what is used becomes resident.
const SEGMENT: usize = 1 << 12;

/// Buckets are added to keep so many entries in each on average: few enough that a bucket seldom
/// needs a second line, at the price of 16 bytes an entry.
const ENTRIES_WANTED: usize = 4;

impl Index {
    pub(super) fn new() -> Self {
        let mut buckets = Lines::new();
        buckets.add();
        let overflow = Lines::new();
        Self { hasher: RandomState::new(), buckets, overflow, free: None, n_entries: 0 }
    }

    pub(super) fn hash(&self, id: WatchId) -> Hash {
        #[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
        Hash(self.hasher.hash_one(id.as_uuid().as_u128()) as u32)
    }

    pub(super) fn find(&self, id: WatchId, hash: Hash, slots: &Slots) -> Option<Place> {
        let mut line = self.buckets.get(self.bucket_of(hash));
        loop {
            for (found, place) in line.entries() {
                if found == hash && slots.get(place).id == id {
                    return Some(place);
                }
            }
            line = self.overflow.get(line.more? as usize);
        }
    }

    /// Adds a slot whose id is not in the index.
    pub(super) fn insert(&mut self, hash: Hash, place: Place) {
        self.n_entries += 1;
        if self.n_entries > self.buckets.len * ENTRIES_WANTED {
            self.split();
        }
        self.link(hash, place);
    }

    /// Removes a slot that is in the index.
    pub(super) fn remove(&mut self, hash: Hash, place: Place) {
        self.n_entries -= 1;
        let bucket = self.bucket_of(hash);
        let line = self.buckets.get_mut(bucket);
        if line.more.is_some() {
            self.relink(bucket, Some(place));
            return;
        }
        debug_assert!(line.places.contains(&Some(place)), "a slot is in the bucket of its id");
        // Without a branch that depends on the line: whoever removes several need not wait for
        // one line before asking for the next.
        for entry in &mut line.places {
            *entry = entry.filter(|found| *found != place);
        }
    }

    /// Adds one bucket and gives it its share of the bucket that it divides.
    fn split(&mut self) {
        let added = self.buckets.len;
        self.buckets.add();
        // Its number without the highest bit: where its entries were until now.
        self.relink(added - (1 << added.ilog2()), None);
    }

    /// Puts the entries of a bucket where they belong, but for one that is to go. Lines that are
    /// not needed any more become free.
    fn relink(&mut self, bucket: usize, without: Option<Place>) {
        let mut line = mem::replace(self.buckets.get_mut(bucket), Line::EMPTY);
        loop {
            for (hash, place) in line.entries().filter(|(_, place)| Some(*place) != without) {
                self.link(hash, place);
            }
            let Some(more) = line.more else { return };
            let emptied = Line { more: self.free.replace(more), ..Line::EMPTY };
            line = mem::replace(self.overflow.get_mut(more as usize), emptied);
        }
    }

    fn link(&mut self, hash: Hash, place: Place) {
        let bucket = self.bucket_of(hash);
        let mut line = self.buckets.get_mut(bucket);
        loop {
            if let Some(free) = line.places.iter().position(Option::is_none) {
                line.hashes[free] = hash;
                line.places[free] = Some(place);
                return;
            }
            match line.more {
                Some(more) => line = self.overflow.get_mut(more as usize),
                None => break,
            }
        }
        // The bucket is full. The new line comes first among its continuations.
        let more = self.free.unwrap_or_else(|| self.overflow.add());
        let first = &mut self.buckets.get_mut(bucket).more;
        let line = self.overflow.get_mut(more as usize);
        if self.free.is_some() {
            self.free = line.more;
        }
        line.more = first.replace(more);
        line.hashes[0] = hash;
        line.places[0] = Some(place);
    }

    fn bucket_of(&self, hash: Hash) -> usize {
        let bucket = hash.0 as usize & (self.buckets.len.next_power_of_two() - 1);
        // Of the upper half there are only those that have been split off.
        if bucket < self.buckets.len { bucket } else { bucket - (1 << bucket.ilog2()) }
    }
}

impl Line {
    const EMPTY: Self = Self { hashes: [Hash(0); ENTRIES], places: [None; ENTRIES], more: None };

    fn entries(&self) -> impl Iterator<Item = (Hash, Place)> {
        let entries = self.hashes.iter().zip(&self.places);
        entries.filter_map(|(hash, place)| place.map(|place| (*hash, place)))
    }
}

impl Lines {
    const fn new() -> Self {
        Self { segments: Vec::new(), len: 0 }
    }

    fn get(&self, line: usize) -> &Line {
        &self.segments[line / SEGMENT][line % SEGMENT]
    }

    fn get_mut(&mut self, line: usize) -> &mut Line {
        &mut self.segments[line / SEGMENT][line % SEGMENT]
    }

    /// Adds an empty line and gives its number.
    fn add(&mut self) -> u32 {
        if self.len == self.segments.len() * SEGMENT {
            self.segments.push(Vec::with_capacity(SEGMENT));
        }
        self.segments[self.len / SEGMENT].push(Line::EMPTY);
        self.len += 1;
        u32::try_from(self.len - 1).expect("fewer lines than slots, which are numbered by 32 bits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_one_cache_line() {
        assert_eq!(size_of::<Line>(), 64);
    }
}
