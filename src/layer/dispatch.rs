//! A released record as an event: to whom it goes, and how a layer finds the record again.
//!
//! While its event is under way, the record lies in a slot of the thread, beside the identity of
//! the event's callsite. A layer that asks for the record of an event gets it only if the event is
//! that very one: an event that a layer emits itself meanwhile has another callsite. Dispatching
//! within a dispatch puts the outer record back afterwards.

use std::{cell::RefCell, sync::Arc};

use tracing_core::{Callsite as _, Dispatch, Event, callsite, field::ValueSet};

use crate::{
    layer::event,
    record::{EventLevel, Levels, WatchMessage},
};

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// The record whose event is under way.
struct Current {
    callsite: callsite::Identifier,
    record: Arc<WatchMessage>,
}

/// Sends a record to the layers of a subscriber, as one event; says whether the subscriber took it.
///
/// Nothing of the record is formatted unless a layer looks at it. Filters of the subscriber and of
/// its layers hold as for any event; what a filter of a single layer keeps back was still taken by
/// the subscriber. The `max_level_*` features of `tracing` do not hold: they switch off an
/// application's talk, not its records.
///
/// The pipeline does this for every route; call it to try a layer of your own, as in the example
/// of the [module](crate::layer).
pub fn dispatch(to: &Dispatch, levels: &Levels, record: &Arc<WatchMessage>) -> bool {
    dispatch_at(to, levels.of(record.phase), record, Values::Given)
}

/// Does an event carry the fields of its record?
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Values {
    /// For any layer.
    Given,
    /// For our own, which read the record: making the values would be half of the work.
    LeftOut,
}

/// Sends a record at this level.
pub(super) fn dispatch_at(
    to: &Dispatch,
    level: EventLevel,
    record: &Arc<WatchMessage>,
    values: Values,
) -> bool {
    let Some(level) = level.level() else { return false };
    let callsite = event::callsite(record.watcher, level);
    // Asked so that the callsite is registered; the answer is about the default subscriber of this
    // thread as long as there is but one subscriber in the process, so it cannot be relied on.
    callsite.interest();
    let metadata = callsite.metadata();
    if !to.enabled(metadata) {
        return false;
    }
    let _current = Entered::new(Current {
        callsite: metadata.callsite(),
        // The slot must own what it holds; two atomic steps are cheaper than moving the record.
        record: Arc::clone(record),
    });
    let send = |values: &ValueSet<'_>| to.event(&Event::new(metadata, values));
    match values {
        Values::Given => event::with_values(record, metadata, send),
        Values::LeftOut => event::without_values(metadata, send),
    }
    true
}

/// The record that an event stands for; `None` for all other events.
///
/// Only inside [`Layer::on_event`](tracing_subscriber::Layer::on_event) and the like: on the thread
/// and for the time of the event. The record may be kept.
#[must_use]
pub fn record_of(event: &Event<'_>) -> Option<Arc<WatchMessage>> {
    CURRENT.with_borrow(|current| {
        let current = current.as_ref()?;
        (current.callsite == event.metadata().callsite()).then(|| Arc::clone(&current.record))
    })
}

/// Puts the record before this one back when it goes, also when a layer panics.
struct Entered(Option<Current>);

impl Entered {
    fn new(current: Current) -> Self {
        Self(CURRENT.replace(Some(current)))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}
