//! The mirror of the MongoDB driver, and the three doors through which its work is seen.
//!
//! Door A is the mirrored API: [`Client`], [`Database`], [`Collection`], [`Cursor`] and the actions
//! in [`action`]. Door B is the driver's command events, door C its spans. With two doors open
//! there is still one record: what B or C sees in the scope of a mirrored call is folded into it.

pub mod action;
mod body;
pub mod change_stream;
mod client;
mod collection;
mod command;
mod cursor;
mod database;
mod describe;
mod door;
mod failure;
pub mod gridfs;
mod operation;
mod probe;
mod process;
mod raw;
pub mod raw_batch_cursor;
mod refusal;
mod reply;
mod session;
mod span;
#[cfg(feature = "sync")]
pub mod sync;
#[cfg(test)]
mod tests;
mod updates;
mod wire;

pub use self::{
    change_stream::{ChangeStream, SessionChangeStream},
    client::Client,
    collection::Collection,
    cursor::{Cursor, SessionCursor, SessionCursorStream},
    database::Database,
    gridfs::GridFsBucket,
    refusal::is_refused,
    session::ClientSession,
};
