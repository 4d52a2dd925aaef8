//! The integration tests: one file per behaviour.

#[path = "../support/scene.rs"]
mod scene;
#[path = "../support/server.rs"]
mod server;

mod attach;
#[cfg(feature = "cli")]
mod csv_aggregate;
mod concurrency;
mod cursors;
mod failures;
mod operations;
mod shutdown;
#[path = "server.rs"]
mod server_helper;
