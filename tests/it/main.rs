//! The integration tests: one file per behaviour.

#[path = "../support/server.rs"]
mod server;

#[cfg(feature = "yaml")]
mod config;
#[cfg(feature = "cli")]
mod csv_aggregate;
#[path = "server.rs"]
mod server_helper;
