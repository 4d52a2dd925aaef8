//! `script`: a step in Rhai, for what the other steps cannot say.
//!
//! A script never sees the record itself. It holds [handles](node::Node), which name places in the
//! draft that lies on the [desk](desk::Desk) of the step while the script runs; a value is read when it
//! is asked for, and written through the draft's copy on write. So a record is neither translated nor
//! copied as a whole, and what a script does not touch stays what it is.
//!
//! [`engine`] is the language, with its limits; [`load`] reads a script and finds what is wrong with it
//! before it runs; [`record`] and [`node`] are what a script can do; [`failure`] says why it failed,
//! without telling what is in the record.
//!
//! Scripts have no closures and no pointers to functions. Rhai's closures share what they capture: one
//! that captures itself is never freed, and long chains of them overflow the stack when they are.

#[cfg(not(feature = "script"))]
mod absent;
#[cfg(feature = "script")]
mod clock;
#[cfg(feature = "script")]
mod compare;
#[cfg(feature = "script")]
mod desk;
#[cfg(feature = "script")]
mod engine;
#[cfg(feature = "script")]
mod failure;
#[cfg(feature = "script")]
mod load;
#[cfg(feature = "script")]
mod node;
#[cfg(feature = "script")]
mod place;
#[cfg(feature = "script")]
mod record;
mod settings;
#[cfg(feature = "script")]
mod step;
#[cfg(test)]
#[cfg(feature = "script")]
mod tests;
#[cfg(feature = "script")]
mod value;

#[cfg(not(feature = "script"))]
pub use self::absent::Script;
pub use self::settings::{OnError, ScriptSettings};
#[cfg(feature = "script")]
pub use self::step::Script;
