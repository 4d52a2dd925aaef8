//! mongowatch audits MongoDB work at driver level: one record for each logical operation, with its
//! outcome, its counts and its time.
//!
//! A [`Watcher`] makes a [`Client`] that mirrors the official driver, or is
//! [attached](Watcher::attach) to a plain driver client. Each call writes a [`WatchMessage`], which
//! goes through a [queue] to [layers](layer): the console, files of text, CSV or JSON, and any layer
//! of the `tracing` ecosystem.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use mongodb::options::ClientOptions;
//! use mongowatch::{Collection, Watcher, bson::{Document, doc}, layer::{CsvSettings, LayerSettings}};
//!
//! let csv = LayerSettings::Csv(CsvSettings::new("audit.csv"));
//! let watcher = Watcher::builder().layer(csv).start()?;
//! let client = watcher.client(ClientOptions::parse("mongodb://localhost:27017").await?)?;
//!
//! let people: Collection<Document> = client.database("shop").collection("people");
//! people.insert_one(doc! { "name": "ada" }).await?;
//!
//! let stats = watcher.shutdown().await?;
//! assert!(stats.is_balanced());
//! # Ok(())
//! # }
//! ```
//!
//! Who did it and why, the application says once for each request: [`Context`].
//!
//! What of the driver's traffic is seen besides the mirrored calls, and what that costs, is a choice:
//! [`Capture`]. Every version of every record is on the books: [`Stats`].
//!
//! # Features
//!
//! - `yaml` (default): configuration from YAML files, `Watcher::from_yaml_file`.
//! - `sync`: the mirror of the driver's blocking API, `mongowatch::sync`.
//! - `tracing-opentelemetry`: trace and span ids out of spans that are not the active ones.
//! - `cli`: the `mongowatch` command line tool.
//! - `script`: the step `script`, code in Rhai.
//!
//! The driver's own features are passed through under their names, with the driver's defaults:
//! `bson-2` (default) and `bson-3`, `rustls-tls`, the compressions, the ways to authenticate. Those that
//! need a library of the system (`in-use-encryption`, `gssapi-auth`, `openssl-tls`) are switched on at
//! `mongodb` itself, beside this crate.

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod config;
pub mod context;
pub mod driver;
pub mod filter;
pub mod format;
pub mod layer;
pub mod pipeline;
pub mod queue;
pub mod record;
mod watch_error;

/// The driver that is watched, so that an application's version agrees with ours.
pub use mongodb;
/// What the driver has beside its client types, under the driver's own paths.
pub use mongodb::{
    BoxFuture, ClusterTime, IndexModel, Namespace, SearchIndexModel, SearchIndexType, ServerInfo,
    ServerType, TopologyType, atlas_search, bson, error, event, options, otel, results,
};

#[cfg(feature = "sync")]
pub use crate::driver::sync;
pub use crate::{
    context::ContextExt,
    driver::{
        ChangeStream, Client, ClientSession, Collection, Cursor, Database, GridFsBucket,
        SessionCursor, SessionCursorStream, action, change_stream, gridfs, is_refused,
        raw_batch_cursor,
    },
    pipeline::{
        Capture, Comment, ContextRequirement, CursorSettings, CursorUpdates, NamespacePattern,
        Otherwise, Settings, Stats, Watcher, WatcherBuilder, WatcherSettings, WatchersSettings,
    },
    queue::{QueueSettings, WhenFull},
    record::{
        Actor, ActorKind, Context, ContextField, Field, Iteration, Outcome, Phase, Privacy, Shape,
        Shaper, Timestamp, TxnOutcome, Value, WatchId, WatchMessage, WatcherName,
    },
    watch_error::{Error, Result},
};

/// The examples of the README are tests.
#[cfg(all(doctest, feature = "yaml"))]
#[doc = include_str!("../README.md")]
struct Readme;
