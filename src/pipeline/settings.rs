//! What may be said of a watcher, in the configuration or in code.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Comment, ContextRequirement, WatchersSettings};
use crate::{
    layer::{ContextSettings, LayerSettings, Levels, Shown},
    queue::QueueSettings,
    record::Privacy,
};

/// The settings of a watcher; each has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Settings {
    /// What of the driver's work is seen, besides the mirrored calls. Default: `spans`.
    pub capture: Capture,
    /// How much of the application's data is in records: `full`, which is the default, `masked` or
    /// `shape`.
    pub privacy: Privacy,
    /// The name of the watched service, for the field `Service`. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The version of the watched service, for the field `ServiceVersion`. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_version: Option<String>,
    /// What of the context is taken from the application's spans.
    pub context: ContextSettings,
    /// What the context of operations must say. A list of rules; the first one that matches counts.
    /// Default: none.
    pub require_context: Vec<ContextRequirement>,
    /// What stands in the comment of commands: `none`, which is the default, or `watch_id`.
    pub comment: Comment,
    /// How many versions of records fit between the application and the queue thread. A number, 1 or
    /// more. Default: 65536.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub buffer: usize,
    /// How records wait for their final version.
    pub queue: QueueSettings,
    /// What differs by the kind of operation. Default: nothing.
    pub watchers: WatchersSettings,
    /// The level of a record's event by its phase, for layers that do not say their own.
    pub levels: Levels,
    /// The fields that texts show, for layers that do not say their own.
    pub fields: Shown,
    /// When the configuration is read again from its file: a list of `file`, when the file has
    /// changed, and `sighup`, when the process gets the signal. Default: never.
    pub reload: Vec<ReloadOn>,
    /// Where released records go; the console, if nothing is said.
    pub layers: Vec<LayerSettings>,
    /// How long a shutdown may take before what is left is given up and counted. A duration such as
    /// `10s`, which is the default.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub shutdown_timeout: Duration,
}

/// Says what of the driver's work is seen, besides the mirrored calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Capture {
    /// The driver's spans: no call goes unseen, raw traffic is recorded without counts.
    #[default]
    Spans,
    /// The driver's command events: bytes, request ids and the counts of raw traffic too. The
    /// driver decodes each reply for them, which makes large reads cost two to three times as much.
    Commands,
    /// The mirrored calls alone.
    Operations,
}

/// Says when the configuration is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum ReloadOn {
    /// When the file has changed, and has not changed again within a second.
    File,
    /// When the process gets SIGHUP; on Unix only.
    Sighup,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            capture: Capture::default(),
            privacy: Privacy::default(),
            service: None,
            service_version: None,
            context: ContextSettings::default(),
            require_context: Vec::new(),
            comment: Comment::default(),
            buffer: 65_536,
            queue: QueueSettings::default(),
            watchers: WatchersSettings::default(),
            levels: Levels::default(),
            fields: Shown::default(),
            reload: Vec::new(),
            layers: Vec::new(),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}
