//! The books of one route: what its layer took, wrote and could not write.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the records of one output; the output writes it, the pipeline's books read it.
///
/// `taken = written + failed + held` at any time: the number held is not stored but reckoned.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    taken: AtomicU64,
    written: AtomicU64,
    failed: AtomicU64,
}

/// What a [`Tally`] says at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TallyCounts {
    /// Records that the operating system has taken.
    pub written: u64,
    /// Records that are lost.
    pub failed: u64,
    /// Records in the buffer, to be written yet.
    pub held: u64,
}

impl Tally {
    pub(super) fn take(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn write(&self, n_records: u64) {
        self.written.fetch_add(n_records, Ordering::Release);
    }

    pub(super) fn fail(&self, n_records: u64) {
        self.failed.fetch_add(n_records, Ordering::Release);
    }

    /// The counts of this moment.
    pub(crate) fn counts(&self) -> TallyCounts {
        // Read in this order, a record that moves meanwhile is seen as held, never twice.
        let written = self.written.load(Ordering::Acquire);
        let failed = self.failed.load(Ordering::Acquire);
        let taken = self.taken.load(Ordering::Relaxed);
        TallyCounts { written, failed, held: taken.saturating_sub(written + failed) }
    }
}
