//! The integration tests: one file per behaviour.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

#[path = "../support/scene.rs"]
mod scene;
#[path = "../support/server.rs"]
mod server;

mod attach;
mod capture;
mod change_streams;
#[cfg(feature = "yaml")]
mod code_filters;
mod concurrency;
#[cfg(feature = "yaml")]
mod config;
#[cfg(feature = "cli")]
mod config_convert;
#[cfg(feature = "yaml")]
mod config_examples;
mod context;
#[cfg(feature = "cli")]
mod csv_aggregate;
mod cursors;
mod examples;
mod failures;
mod faults;
#[cfg(feature = "cli")]
mod filter_match;
#[cfg(feature = "cli")]
mod filter_test;
mod gridfs;
mod mirror;
mod newer_servers;
mod operations;
mod privacy;
mod raw_batches;
mod reload;
mod rules;
#[cfg(feature = "schema")]
mod schema;
#[cfg(all(feature = "script", feature = "yaml"))]
mod script;
#[path = "server.rs"]
mod server_helper;
mod shutdown;
#[cfg(feature = "sync")]
mod sync;
mod transactions;
#[cfg(feature = "yaml")]
mod watchers;
