//! The record of one operation and its rules: identity, version, outcome, fields.
//!
//! Plain data, without I/O, clocks (but for [`Timestamp::now`] and [`WatchId::new`]) or async.

mod by_watcher;
mod calls;
mod context;
mod field;
mod id;
mod iteration;
mod level;
mod message;
mod outcome;
pub(crate) mod redact;
mod set;
mod shape;
#[cfg(test)]
mod tests;
mod time;
mod value;

pub(crate) use self::{
    by_watcher::ByWatcher,
    calls::{CallName, KnownCall, OptionKind, server_name},
    field::nearest,
    shape::is_placeholder,
    value::{kind_of, with_pattern},
};
pub use self::{
    context::{Actor, ActorKind, Context, ContextField},
    field::Field,
    id::WatchId,
    iteration::Iteration,
    level::{EventLevel, Levels, PhaseLevels},
    message::{Counts, ErrorInfo, Origin, Traffic, WatchMessage},
    outcome::{Outcome, Phase, TxnOutcome, WatcherName},
    redact::Privacy,
    shape::{Shape, Shaper},
    time::Timestamp,
    value::{Value, WriteError},
};
