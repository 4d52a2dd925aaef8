//! The integration tests: one file per behaviour.

#[path = "../support/scene.rs"]
mod scene;
#[path = "../support/server.rs"]
mod server;

#[cfg(feature = "cli")]
mod csv_aggregate;
mod attach;
mod cursors;
mod failures;
mod operations;
#[path = "server.rs"]
mod server_helper;
