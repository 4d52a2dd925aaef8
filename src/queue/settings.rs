//! What can be configured about the queue.

use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact;
use serde::{Deserialize, Serialize};

/// Says how long records wait in the [`WatchQueue`](super::WatchQueue), and how many of them.
///
/// Durations are texts such as `10m`, `1h 30m` or `250ms`. A key that is left out has its default.
///
/// ```
/// use std::time::Duration;
///
/// use mongowatch::queue::{QueueSettings, WhenFull};
///
/// let mut settings = QueueSettings::default();
/// settings.when_full = WhenFull::DropUpdates;
/// settings.timeout = Duration::from_secs(300);
/// assert_eq!(settings.forced_delay, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct QueueSettings {
    /// How long a record may be silent before its newest version is released with phase `timeout`.
    /// A duration; each update renews it. Default: `10m`. What `watchers` say of a kind of records goes
    /// before it: [`WatchQueue::set_timeout`](super::WatchQueue::set_timeout).
    #[serde(with = "compact::required")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub timeout: Duration,

    /// How long every record is held, final or not, counted from its first version, so that
    /// versions that come late still merge. A duration. Default: records are not held.
    ///
    /// A record that is silent for its `timeout` before that is held until then.
    #[serde(with = "compact::optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Duration>"))]
    pub forced_delay: Option<Duration>,

    /// How many records may wait at the same time. A number of records; with 0 nothing waits, and
    /// each record is new to the queue (a configuration file must say 1 or more). Final records that
    /// are not held need no place. Default: 100000.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub capacity: usize,

    /// What happens to a new record while `capacity` records wait. Default: `block`.
    pub when_full: WhenFull,
}

/// Says what happens to a new record when the [`WatchQueue`](super::WatchQueue) is full.
///
/// It is about records that need a place of their own: a newer version takes the place of the older
/// one, and a final record that is not held goes through without waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum WhenFull {
    /// Nothing is lost: the record nearest to its deadline is released before it, as if the
    /// deadline had passed. The name is that of the hand-over before the queue, which does block.
    #[default]
    Block,
    /// The new record is dropped and counted, unless it is final; a final one makes room as with
    /// [`WhenFull::Block`].
    DropUpdates,
    /// The new record is dropped and counted, final or not.
    DropNewest,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10 * 60),
            forced_delay: None,
            capacity: 100_000,
            when_full: WhenFull::default(),
        }
    }
}
