//! Newest version of each record, released when it is final or past its deadline.
//!
//! A pure state machine: [`WatchQueue`] has no thread, no clock and no I/O; the present moment is
//! an argument. The shell that feeds it and sleeps until its next deadline belongs to the pipeline.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `settings` | what can be configured |
//! | `state` | the rules: [`WatchQueue`] |
//! | `index` | from a `WatchID` to the slot of its record |
//! | `deadlines` | which record is due next |
//! | `slots` | the memory of both |
//!
//! The constraint behind this layout is that no call may cost more, but for a logarithm, when more
//! records wait. So everything here grows one segment or one bucket at a time: there is no table
//! that is rebuilt, no heap that is sorted anew, no vector of records that is copied to a larger
//! place.

mod deadlines;
mod index;
mod settings;
mod slots;
mod state;
#[cfg(test)]
mod tests;

pub use self::{
    settings::{QueueSettings, WhenFull},
    state::{Pushed, WatchQueue},
};
