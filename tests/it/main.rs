//! The integration tests: one file per behaviour.

#[path = "../support/server.rs"]
mod server;
#[path = "server.rs"]
mod server_helper;
