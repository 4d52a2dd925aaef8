//! mongowatch audits MongoDB work at driver level: one record per logical operation.

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod config;
pub mod driver;
pub mod error;
pub mod format;
pub mod layer;
pub mod pipeline;
pub mod queue;
pub mod record;

pub use mongodb::bson;

pub use crate::{
    driver::{Client, Collection, Cursor, Database, SessionCursor, SessionCursorStream},
    error::{Error, Result},
    pipeline::{Capture, Settings, Stats, Watcher, WatcherBuilder},
    queue::{QueueSettings, WhenFull},
    record::{
        Field, Iteration, Outcome, Phase, Timestamp, Value, WatchId, WatchMessage, WatcherName,
    },
};
