//! Released record to `tracing` event, and the layers that write it down.
//!
//! A released record becomes one `tracing` event: its target is the [`WatcherName`], its level
//! follows the phase ([`Levels`]), its fields are the known ones of the record, each under its name.
//! So any layer of the ecosystem can take it. A layer that wants the record itself asks for it with
//! [`record_of`]:
//!
//! ```
//! use std::sync::{Arc, Mutex};
//!
//! use mongowatch::{Timestamp, WatchMessage, WatcherName, layer::{Levels, dispatch, record_of}};
//! use tracing_subscriber::{Layer, layer::{Context, SubscriberExt as _}};
//!
//! /// Remembers which operations there were.
//! struct Operations(Arc<Mutex<Vec<String>>>);
//!
//! impl<S: tracing::Subscriber> Layer<S> for Operations {
//!     fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
//!         if let Some(record) = record_of(event) {
//!             self.0.lock().unwrap().push(record.operation.to_string());
//!         }
//!     }
//! }
//!
//! let seen = Arc::default();
//! let subscriber = tracing_subscriber::registry().with(Operations(Arc::clone(&seen)));
//! let to = tracing::Dispatch::new(subscriber);
//! let start = Timestamp::from_micros(0);
//! let record = Arc::new(WatchMessage::new(WatcherName::Collection, "find", start));
//! assert!(dispatch(&to, &Levels::default(), &record));
//! assert_eq!(*seen.lock().unwrap(), ["find"]);
//! ```
//!
//! [`WatcherName`]: crate::WatcherName

mod destination;
mod dispatch;
mod event;
mod fields;
mod file;
mod lines;
mod outlet;
mod output;
mod settings;
mod span;
mod tally;
#[cfg(test)]
mod tests;

#[cfg(feature = "yaml")]
pub(crate) use self::outlet::absolute;
pub use self::{
    dispatch::{dispatch, record_of},
    fields::{Columns, FileSize, Shown},
    settings::{
        ApplicationSettings, Color, ConsoleSettings, CsvSettings, FileSettings, Header,
        JsonSettings, LayerSettings, LineTemplate, Rotation, Stream, Versions,
    },
    span::{ContextLayer, ContextSettings},
};
pub(crate) use self::{
    outlet::{Defaults, Outlet, names},
    tally::{Tally, TallyCounts},
};
pub use crate::record::{EventLevel, Levels, PhaseLevels};
