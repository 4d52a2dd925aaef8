//! What stands for scripts in a build without them.

use std::sync::{Arc, atomic::AtomicU64};

use super::ScriptSettings;
use crate::filter::{Draft, Fault, Filter, Verdict};

/// The step `script`, which this build does not have.
#[derive(Debug)]
pub enum Script {}

impl Script {
    /// Are there scripts in this build?
    pub(super) fn check_present() -> Result<(), Fault> {
        Err(absent())
    }

    pub(super) fn new(_: &str, _: &ScriptSettings) -> Result<Self, Fault> {
        Err(absent())
    }

    pub(in crate::filter) fn errors(&self) -> Arc<AtomicU64> {
        match *self {}
    }

    pub(in crate::filter) fn take_failure(&mut self) -> Option<(String, u64)> {
        match *self {}
    }
}

fn absent() -> Fault {
    Fault::new("this build has no scripts: enable the feature `script`")
}

impl Filter for Script {
    fn apply(&mut self, _: &mut Draft) -> Verdict {
        match *self {}
    }
}
