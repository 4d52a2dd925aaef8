//! The end of the process is the end of its watchers: what waits is written then.
//!
//! A watcher ends when its last handle goes. But a `static` is never dropped, and the driver's own
//! tasks may hold on to a client for longer than `main` takes to return.

use std::sync::{Mutex, PoisonError, Weak};

use dtor::dtor;

use super::watcher::Pipeline;

/// Those that were started; most of them have ended.
static STARTED: Mutex<Vec<Weak<Pipeline>>> = Mutex::new(Vec::new());

/// Remembers a pipeline that has started.
pub(super) fn remember(pipeline: Weak<Pipeline>) {
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    started.retain(|pipeline| pipeline.strong_count() > 0);
    started.push(pipeline);
}

/// Ends what was not ended, each in its `shutdown_timeout`. The C library calls it at `exit`: after
/// `main` has returned or `std::process::exit` was called, and not when the process is killed.
#[dtor(unsafe)]
fn end() {
    let started = std::mem::take(&mut *STARTED.lock().unwrap_or_else(PoisonError::into_inner));
    // Out of the lock before anything is waited for.
    for pipeline in started.iter().filter_map(Weak::upgrade) {
        pipeline.end();
    }
}
