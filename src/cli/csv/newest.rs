//! Remembers the newest version of each record: a few dozen bytes an id, nothing of the row.

use std::{collections::HashMap, hash::Hash};

use foldhash::fast::RandomState;

use crate::record::Iteration;

/// A version of a record, and where its row stands in the input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Version {
    pub(super) iteration: Iteration,
    /// Bytes of all inputs before the row.
    pub(super) start: u64,
    /// Bytes of the row with its line end.
    pub(super) len: u32,
}

/// The newest [`Version`] by id.
///
/// Ids are opaque bytes. The two usual forms, UUIDs and 24 hex digits, are stored as the 16 or 12
/// bytes that they stand for, but only in lower case: no two different texts become one id.
#[derive(Default)]
pub(super) struct Newest {
    uuids: HashMap<[u8; 16], Version, RandomState>,
    object_ids: HashMap<[u8; 12], Version, RandomState>,
    others: HashMap<Box<[u8]>, Version, RandomState>,
}

impl Newest {
    /// Takes a version in. Of two equal ones the first stays, as only a higher one replaces.
    #[inline]
    pub(super) fn offer(&mut self, id: &[u8], version: Version) {
        if let Some(uuid) = uuid(id) {
            keep(&mut self.uuids, uuid, version);
        } else if let Some(object_id) = unhex(id) {
            keep(&mut self.object_ids, object_id, version);
        } else if let Some(known) = self.others.get_mut(id) {
            known.replace(version);
        } else {
            self.others.insert(id.into(), version);
        }
    }

    /// All newest versions, in no order.
    pub(super) fn versions(&self) -> impl Iterator<Item = &Version> {
        self.uuids.values().chain(self.object_ids.values()).chain(self.others.values())
    }

    /// The number of ids.
    pub(super) fn len(&self) -> usize {
        self.uuids.len() + self.object_ids.len() + self.others.len()
    }
}

impl Version {
    #[inline]
    fn replace(&mut self, other: Self) {
        if other.iteration > self.iteration {
            *self = other;
        }
    }
}

#[inline]
fn keep<K: Eq + Hash>(newest: &mut HashMap<K, Version, RandomState>, id: K, version: Version) {
    newest.entry(id).and_modify(|known| known.replace(version)).or_insert(version);
}

/// The bytes of a UUID in its hyphenated lower-case form.
#[inline]
fn uuid(id: &[u8]) -> Option<[u8; 16]> {
    let id: &[u8; 36] = id.try_into().ok()?;
    if [8, 13, 18, 23].iter().any(|&at| id[at] != b'-') {
        return None;
    }
    let mut digits = [0; 32];
    digits[..8].copy_from_slice(&id[..8]);
    digits[8..12].copy_from_slice(&id[9..13]);
    digits[12..16].copy_from_slice(&id[14..18]);
    digits[16..20].copy_from_slice(&id[19..23]);
    digits[20..].copy_from_slice(&id[24..]);
    unhex(&digits)
}

/// The `N` bytes that `2 * N` lower-case hex digits stand for.
#[inline]
fn unhex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    let mut seen = 0;
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let (high, low) = (DIGITS[usize::from(pair[0])], DIGITS[usize::from(pair[1])]);
        seen |= high | low;
        *byte = high << 4 | low & 0x0f;
    }
    (seen < NO_DIGIT).then_some(bytes)
}

const NO_DIGIT: u8 = 0x80;

/// The value of each byte as a lower-case hex digit.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let text = b"0123456789abcdef";
    let mut n = 0;
    while n < text.len() {
        digits[text[n] as usize] = n as u8;
        n += 1;
    }
    digits
};
