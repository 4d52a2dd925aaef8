//! Wiring: the hand-over, the queue thread, the routes, shutdown and the books.
//!
//! A record goes one way: the emitter of a client hands it over, the queue thread
//! (`worker`) lets it wait in the [`WatchQueue`](crate::queue::WatchQueue) and sends what is
//! released to each route. The [`Watcher`] starts, asks and ends all this.

mod books;
mod emitter;
mod exit;
mod reload;
mod require;
mod route;
mod settings;
#[cfg(test)]
mod tests;
mod watcher;
mod watchers;
mod worker;

pub use self::{
    books::{Dropped, RouteStats, Stats, StepStats},
    require::{Comment, ContextRequirement, NamespacePattern, Otherwise},
    settings::{Capture, ReloadOn, Settings},
    watcher::{Watcher, WatcherBuilder},
    watchers::{CursorSettings, CursorUpdates, WatcherSettings, WatchersSettings},
};
pub(crate) use self::{
    emitter::Emitter,
    require::require,
    watcher::{AtTheEnd, Policy},
};
