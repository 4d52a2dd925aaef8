//! What reads texts and documents of users, with anything: nothing panics, what is taken is the same when it
//! is written and read again, an error has a place within the text, and time grows with length.
//!
//! Each target is one file, and a test makes a short run of it, on the same inputs each time. Other inputs, a
//! longer run, and one with libFuzzer: CONTRIBUTING.md. What a run of bolero found: the seed that it prints,
//! as `BOLERO_RANDOM_SEED`.

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
mod privacy;
mod shaper;
mod template;
mod yaml;

/// Runs a target on so many inputs of random bytes, the same ones each time; on those of bolero, if its
/// variables, or those of `cargo bolero`, are set.
macro_rules! short_run {
    ($n_inputs:expr, $target:expr) => {{
        let run = |bytes: &[u8]| $target(&mut crate::choices::Choices::new(bytes));
        if std::env::vars_os().any(|(name, _)| name.to_string_lossy().contains("BOLERO_")) {
            bolero::check!().with_iterations($n_inputs).with_max_len(1_024).for_each(run);
        } else {
            crate::same_inputs($n_inputs, run);
        }
    }};
}
use short_run;

/// Says which input it was that something panicked at.
struct Number(u64);

impl Drop for Number {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("at the input of the number {}", self.0);
        }
    }
}

fn same_inputs(n_inputs: u64, run: impl Fn(&[u8])) {
    for number in 0..n_inputs {
        let told = Number(number);
        let mut random = fastrand::Rng::with_seed(number);
        let mut bytes = vec![0; random.usize(..1_024)];
        random.fill(&mut bytes);
        run(&bytes);
        drop(told);
    }
}
