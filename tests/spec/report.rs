//! What the run prints: each skip with its reason, each failure with what was expected and found,
//! and the sum.

use std::process::ExitCode;

use crate::audit::Mode;

/// Counts the tests; each is counted once, whatever number of modes it ran in.
#[derive(Default)]
pub(crate) struct Report {
    n_passed: u32,
    n_failed: u32,
    n_skipped: u32,
}

impl Report {
    pub(crate) fn pass(&mut self) {
        self.n_passed += 1;
    }

    pub(crate) fn skip(&mut self, file: &str, test: &str, reason: &str) {
        self.n_skipped += 1;
        println!("skipped: {file}: {test}: {reason}");
    }

    /// A part of a test that is left out; the test is counted by what becomes of the rest.
    pub(crate) fn note(&self, file: &str, test: &str, what: &str) {
        println!("note: {file}: {test}: {what}");
    }

    pub(crate) fn fail(&mut self, file: &str, test: &str, mode: &str, why: &str) {
        self.n_failed += 1;
        println!("FAILED: {file}: {test} [{mode}]\n    {why}");
    }

    pub(crate) fn fail_in_modes(&mut self, file: &str, test: &str, failures: &[(&Mode, String)]) {
        self.n_failed += 1;
        for (mode, why) in failures {
            println!("FAILED: {file}: {test} [{}]\n    {why}", mode.name());
        }
    }

    /// Prints the sum.
    pub(crate) fn close(self) -> ExitCode {
        let Self { n_passed, n_failed, n_skipped } = self;
        println!("{n_passed} passed, {n_failed} failed, {n_skipped} skipped");
        if n_failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
