//! What reads texts and documents of users, with anything: nothing panics, what is taken is the same when it
//! is written and read again, an error has a place within the text, and time grows with length.
//!
//! Each target is one file, and a test makes a short run of it. What one run found: the seed that it prints,
//! as `BOLERO_RANDOM_SEED`. A longer run, and one with libFuzzer: CONTRIBUTING.md.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod audit_filter;
mod choices;
mod expression;
mod extjson;
mod field_path;
mod growth;
mod mask;
mod matcher;
mod odd;
mod pattern;
mod place;
mod shaper;
mod template;
mod yaml;

/// Runs a target on so many inputs of random bytes; more, if the environment says so.
macro_rules! short_run {
    ($n_inputs:expr, $target:expr) => {
        bolero::check!().with_iterations($n_inputs).with_max_len(1_024).for_each(
            |bytes: &[u8]| {
                $target(&mut crate::choices::Choices::new(bytes));
            },
        )
    };
}
use short_run;
