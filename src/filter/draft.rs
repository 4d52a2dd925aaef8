//! A record on its way through the steps of one route.

use std::sync::Arc;

use crate::record::{EventLevel, Timestamp, WatchMessage};

/// A step of a route: looks at a record, may change the route's copy of it, and lets it through or
/// not. Closures and [`Predicate`](super::Predicate)s are filters too.
///
/// It runs on the queue thread, for one record at a time. A panic loses this record and is counted.
pub trait Filter: Send {
    /// Looks at one record.
    fn apply(&mut self, draft: &mut Draft) -> Verdict;
}

/// Says what becomes of a record after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a record that is dropped must not go on"]
pub enum Verdict {
    /// It goes on to the next step.
    Pass,
    /// It ends here, and is counted as filtered by this step.
    Drop,
}

impl Verdict {
    /// [`Verdict::Pass`] if it is so.
    pub const fn pass_if(condition: bool) -> Self {
        if condition { Self::Pass } else { Self::Drop }
    }
}

/// A record as one route has it: shared with the other routes until a step changes it.
#[derive(Clone, Debug)]
pub struct Draft {
    record: Arc<WatchMessage>,
    level: Option<EventLevel>,
    now: Timestamp,
}

impl Draft {
    /// A draft of a record that comes to its route at this moment.
    #[must_use]
    pub const fn new(record: Arc<WatchMessage>, now: Timestamp) -> Self {
        Self { record, level: None, now }
    }

    /// The record as it is now.
    #[must_use]
    pub fn record(&self) -> &WatchMessage {
        &self.record
    }

    /// The record, to be changed: for this route only. What is shared with other routes is copied
    /// first.
    pub fn to_mut(&mut self) -> &mut WatchMessage {
        Arc::make_mut(&mut self.record)
    }

    /// When the record came to its route.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The level that a step gave the record's event; else that of its phase counts.
    #[must_use]
    pub const fn level(&self) -> Option<EventLevel> {
        self.level
    }

    /// Gives the record's event this level, whatever its phase.
    pub const fn set_level(&mut self, level: EventLevel) {
        self.level = Some(level);
    }

    /// The record and the level of its event.
    #[must_use]
    pub fn into_parts(self) -> (Arc<WatchMessage>, Option<EventLevel>) {
        (self.record, self.level)
    }
}
