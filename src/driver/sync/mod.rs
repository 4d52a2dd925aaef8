//! The mirror of the driver's blocking API (feature `sync`).
//!
//! The types here hold those of the async mirror, and the actions are the same: `run` does what
//! `await` does, and waits on a runtime of this module's own. So a record says nothing of the way
//! in which it was asked for.
//!
//! ```no_run
//! use mongowatch::{bson::{Document, doc}, options::ClientOptions, sync::Client};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let watcher = mongowatch::Watcher::builder().start()?;
//! let options = ClientOptions::parse("mongodb://localhost:27017").run()?;
//! let client: Client = watcher.client(options)?.into();
//! let people = client.database("shop").collection::<Document>("people");
//! people.insert_one(doc! { "name": "ada" }).run()?;
//! for person in people.find(doc! {}).run()? {
//!     println!("{}", person?);
//! }
//! watcher.blocking_shutdown()?;
//! # Ok(())
//! # }
//! ```

mod change_stream;
mod client;
mod collection;
mod cursor;
mod database;
pub mod gridfs;
mod session;

use std::{future::Future, sync::LazyLock};

use tokio::runtime::Runtime;

use crate::pipeline::{Stats, Watcher};

pub use self::{
    change_stream::{ChangeStream, SessionChangeStream},
    client::Client,
    collection::Collection,
    cursor::{Cursor, SessionCursor, SessionCursorIter},
    database::Database,
    session::ClientSession,
};

/// Where the blocking calls run. It lives as long as the process, as that of the driver does.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Runtime::new().expect("a process that has no threads left cannot go on"));

/// Waits for a future.
///
/// # Panics
///
/// In the async code of a runtime, which must not be blocked, as the driver's own `run` does.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

impl Watcher {
    /// Writes everything that has been released so far, as [`Watcher::flush`] does, and waits.
    ///
    /// # Errors
    ///
    /// Those of [`Watcher::flush`].
    ///
    /// # Panics
    ///
    /// In async code, which must not be blocked.
    pub fn blocking_flush(&self) -> crate::watch_error::Result<()> {
        block_on(self.flush())
    }

    /// Ends the watcher, as [`Watcher::shutdown`] does, and waits.
    ///
    /// # Errors
    ///
    /// Those of [`Watcher::shutdown`].
    ///
    /// # Panics
    ///
    /// In async code, which must not be blocked.
    pub fn blocking_shutdown(self) -> crate::watch_error::Result<Stats> {
        block_on(self.shutdown())
    }
}

/// Runs what starts tasks of its own, so that they belong to the runtime of this module.
fn enter<R>(act: impl FnOnce() -> R) -> R {
    let _entered = RUNTIME.enter();
    act()
}
