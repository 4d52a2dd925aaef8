//! The watcher of the process: of the clients that are made as the driver makes them.
//!
//! An application that names this crate where it named the driver has no watcher in its hands. Its
//! clients share one, made from `MONGOWATCH_CONFIG` when the first of them is made. Like all
//! watchers that are still there, it ends when the process exits (`pipeline/exit.rs`).

use std::sync::{Mutex, OnceLock, PoisonError};

use crate::{
    pipeline::Watcher,
    watch_error::{Error, Result},
};

static WATCHER: OnceLock<Watcher> = OnceLock::new();

impl Watcher {
    /// The watcher of the process, which [`Client::with_uri_str`] and [`Client::with_options`] use.
    ///
    /// Made by the first who asks, as [`Watcher::from_env`] does: with the settings of the file
    /// that `MONGOWATCH_CONFIG` names, or the defaults. It ends with the process; to be sure of
    /// what was written before that, [`flush`](Watcher::flush) it.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use mongowatch::{Client, Watcher, bson::doc};
    ///
    /// let client = Client::with_uri_str("mongodb://localhost:27017").await?;
    /// client.database("admin").run_command(doc! { "ping": 1 }).await?;
    /// Watcher::of_process()?.flush().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Watcher::from_env`], as often as they are met: a file that was repaired is read.
    ///
    /// [`Client::with_uri_str`]: crate::Client::with_uri_str
    /// [`Client::with_options`]: crate::Client::with_options
    pub fn of_process() -> Result<&'static Self> {
        static TURN: Mutex<()> = Mutex::new(());

        if let Some(watcher) = WATCHER.get() {
            return Ok(watcher);
        }
        // One at a time: two watchers would open the same files.
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        if WATCHER.get().is_none() {
            let watcher = Self::from_env()?;
            // Nobody else sets it while it is our turn.
            let _ = WATCHER.set(watcher);
        }
        WATCHER.get().ok_or_else(Error::closed)
    }
}

/// The driver's error for a configuration that cannot be used.
///
/// The driver shows the text of a custom error only if that is a `String`, and even then not to
/// those who print errors by `Debug`, as a `main` that returns one does. Nobody else may tell the
/// operator what to do: so it is said here too.
pub(super) fn unusable(error: Error) -> mongodb::error::Error {
    let text = format!("mongowatch: {error}");
    eprintln!("{text}");
    mongodb::error::Error::custom(text)
}
