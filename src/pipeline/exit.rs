//! The end of the process is the end of its watchers: what waits is written then.
//!
//! A watcher ends when its last handle goes. But a `static` is never dropped, and the driver's own
//! tasks may hold on to a client for longer than `main` takes to return.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Mutex, PoisonError, Weak},
    thread,
    time::Duration,
};

use crossbeam_channel::Receiver;
use dtor::dtor;

use super::watcher::Pipeline;

/// A pipeline that was started, and may have ended since.
pub(super) struct Started {
    pub(super) pipeline: Weak<Pipeline>,
    /// Disconnected when the queue thread has ended.
    pub(super) done: Receiver<()>,
    /// How long its end may take.
    pub(super) within: Duration,
}

static STARTED: Mutex<Vec<Started>> = Mutex::new(Vec::new());

/// Remembers a pipeline that has started, and forgets those that have ended.
pub(super) fn remember(started: Started) {
    let mut all = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|started| started.pipeline.strong_count() > 0);
    all.push(started);
}

/// Ends what was not ended, and waits for what is ending. The C library calls it at `exit`: after
/// `main` has returned or `std::process::exit` was called, and not when the process is killed.
///
/// The thread that exits has lost its thread-locals by then, and much of what is done here, the
/// application's subscriber included, cannot do without: so another thread does it. Nothing may
/// unwind out of here.
#[dtor(unsafe)]
fn end() {
    let started = std::mem::take(&mut *STARTED.lock().unwrap_or_else(PoisonError::into_inner));
    if started.is_empty() {
        return;
    }
    let end_all = move || {
        for started in started {
            // A subscriber that panics ends here; the next watcher has its turn all the same.
            let _ = panic::catch_unwind(AssertUnwindSafe(|| started.end()));
        }
    };
    if let Ok(thread) = thread::Builder::new().name("mongowatch-exit".into()).spawn(end_all) {
        // It catches what panics.
        let _ = thread.join();
    }
}

impl Started {
    fn end(self) {
        if let Some(pipeline) = self.pipeline.upgrade() {
            pipeline.end();
        }
        // Whoever began the end may be another thread. Nothing is ever sent.
        let _ = self.done.recv_timeout(self.within);
    }
}
