//! How long a script has been running: the one place of the room that reads a clock while records go
//! through it. A limit of time cannot be an argument.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// Says when a run has taken too long. It begins to count when it is asked for the first time, so that
/// a short run never reads the clock.
#[derive(Debug)]
pub(super) struct Stopwatch {
    made: Instant,
    limit: Duration,
    /// When the run must end, in microseconds since `made`; 0 as long as it was not asked for.
    end: AtomicU64,
}

impl Stopwatch {
    pub(super) fn new(limit: Duration) -> Self {
        Self { made: Instant::now(), limit, end: AtomicU64::new(0) }
    }

    /// A run begins.
    pub(super) fn reset(&self) {
        self.end.store(0, Relaxed);
    }

    /// Has the run taken too long?
    pub(super) fn is_over(&self) -> bool {
        let now = micros(self.made.elapsed());
        match self.end.load(Relaxed) {
            0 => {
                self.end.store(now.saturating_add(micros(self.limit)).max(1), Relaxed);
                false
            }
            end => now >= end,
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
