//! The integration tests: one file per behaviour.

#[cfg(feature = "cli")]
mod csv_aggregate;
