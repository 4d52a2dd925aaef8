//! What differs by the kind of operation: timeouts, levels, fields, own fields.

use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact;
use serde::{Deserialize, Serialize};

use super::Settings;
use crate::{
    filter::{self, Draft, OwnFields, OwnFieldsSettings, Part},
    layer::{Defaults, PhaseLevels, Shown},
    record::{ByWatcher, WatcherName},
    watch_error::Result,
};

/// What differs by the kind of operation, as [`WatcherName`] tells it.
///
/// What the watcher tells of itself, and the sums of `rate` steps, have nothing of their own.
///
/// ```
/// use std::time::Duration;
///
/// use mongowatch::{Settings, layer::{EventLevel, PhaseLevels}};
///
/// let mut settings = Settings::default();
/// settings.watchers.cursor.timeout = Some(Duration::from_secs(3_600));
/// settings.watchers.collection.levels.first = Some(EventLevel::Trace);
/// assert!(settings.watchers.session.levels == PhaseLevels::default());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct WatchersSettings {
    /// Calls on a collection that give no cursor.
    #[serde(skip_serializing_if = "WatcherSettings::is_default")]
    pub collection: WatcherSettings,
    /// Calls that give a cursor, and change streams.
    pub cursor: CursorSettings,
    /// Calls on a database.
    #[serde(skip_serializing_if = "WatcherSettings::is_default")]
    pub database: WatcherSettings,
    /// Calls on the client.
    #[serde(skip_serializing_if = "WatcherSettings::is_default")]
    pub client: WatcherSettings,
    /// Calls on a session.
    #[serde(skip_serializing_if = "WatcherSettings::is_default")]
    pub session: WatcherSettings,
    /// Calls on a GridFS bucket.
    #[serde(skip_serializing_if = "WatcherSettings::is_default")]
    pub gridfs: WatcherSettings,
    /// Raw traffic, which no mirrored call opened.
    #[serde(skip_serializing_if = "WatcherSettings::is_default")]
    pub command: WatcherSettings,
}

/// What is different for the records of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct WatcherSettings {
    /// How long such a record may be silent before its newest version comes out with phase `timeout`.
    /// A duration. Default: that of the queue.
    #[serde(with = "compact::optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Duration>"))]
    pub timeout: Option<Duration>,
    /// The levels of its events by phase, for layers that do not say their own. Default: the watcher's.
    #[serde(skip_serializing_if = "PhaseLevels::is_empty")]
    pub levels: PhaseLevels,
    /// The fields that `{watch}` and `{rest}` show of it, for layers that do not say their own. Default:
    /// the watcher's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Shown>,
    /// Own fields, by operation. Default: none.
    #[serde(skip_serializing_if = "OwnFieldsSettings::is_empty")]
    pub operations: OwnFieldsSettings,
}

/// What is different for the records of cursors and change streams.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CursorSettings {
    /// How long such a record may be silent before its newest version comes out with phase `timeout`:
    /// the application may rightly work on one batch for a while. A duration. Default: that of the queue.
    #[serde(with = "compact::optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Duration>"))]
    pub timeout: Option<Duration>,
    /// The levels of its events by phase, for layers that do not say their own. Default: the watcher's.
    #[serde(skip_serializing_if = "PhaseLevels::is_empty")]
    pub levels: PhaseLevels,
    /// The fields that `{watch}` and `{rest}` show of it, for layers that do not say their own. Default:
    /// the watcher's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Shown>,
    /// Own fields, by operation. Default: none.
    #[serde(skip_serializing_if = "OwnFieldsSettings::is_empty")]
    pub operations: OwnFieldsSettings,
    /// When an update comes out; in YAML `true`, which is the default, or `false`.
    pub emit_on_new_retrieves: CursorUpdates,
}

/// Says when an update of a cursor's record comes out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "bool", into = "bool")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "bool"))]
pub enum CursorUpdates {
    /// When a new batch has arrived: `true`.
    #[default]
    EveryBatch,
    /// With each document that the application takes: `false`.
    EveryDocument,
}

impl From<bool> for CursorUpdates {
    fn from(on_new_retrieves: bool) -> Self {
        if on_new_retrieves { Self::EveryBatch } else { Self::EveryDocument }
    }
}

impl From<CursorUpdates> for bool {
    fn from(updates: CursorUpdates) -> Self {
        updates == CursorUpdates::EveryBatch
    }
}

impl WatcherSettings {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    const fn kind(&self) -> Kind<'_> {
        Kind {
            timeout: self.timeout,
            levels: self.levels,
            fields: self.fields.as_ref(),
            operations: &self.operations,
        }
    }
}

impl CursorSettings {
    const fn kind(&self) -> Kind<'_> {
        Kind {
            timeout: self.timeout,
            levels: self.levels,
            fields: self.fields.as_ref(),
            operations: &self.operations,
        }
    }
}

/// What all kinds have.
#[derive(Clone, Copy)]
pub(crate) struct Kind<'a> {
    pub(crate) timeout: Option<Duration>,
    levels: PhaseLevels,
    fields: Option<&'a Shown>,
    pub(crate) operations: &'a OwnFieldsSettings,
}

/// What the queue thread needs to know of the kinds.
pub(super) struct Kinds {
    /// How long a record may be silent, if not as long as others.
    pub(super) timeouts: ByWatcher<Option<Duration>>,
    fields: ByWatcher<Option<OwnFields>>,
}

impl Kinds {
    /// Makes the own fields of the settings.
    ///
    /// # Errors
    ///
    /// When they cannot be used; the message begins with the way to them.
    pub(super) fn of(settings: &WatchersSettings) -> Result<Self> {
        let (mut timeouts, mut fields) = (ByWatcher::default(), ByWatcher::default());
        for (name, watcher, kind) in settings.kinds() {
            let within = |fault: filter::Fault| {
                let fault = fault.within("operations".into()).within(name.into());
                fault.within(Part::from("watchers"))
            };
            let own = kind.operations.build(watcher).map_err(within)?;
            *fields.of_mut(watcher) = own;
            *timeouts.of_mut(watcher) = kind.timeout;
        }
        Ok(Self { timeouts, fields })
    }

    /// Gives a record its own fields, on its way into a route.
    ///
    /// Whatever policy it has to pass, also a stricter one of the route or one that a reload brought
    /// while it waited, it has passed by now: what moves is what the policy has left.
    pub(super) fn apply(&self, draft: &mut Draft) {
        if let Some(fields) = self.fields.of(draft.record().watcher) {
            fields.apply(draft);
        }
    }
}

impl WatchersSettings {
    /// The kinds, under their names in the configuration.
    pub(crate) fn kinds(&self) -> [(&'static str, WatcherName, Kind<'_>); 7] {
        [
            ("collection", WatcherName::Collection, self.collection.kind()),
            ("cursor", WatcherName::Cursor, self.cursor.kind()),
            ("database", WatcherName::Database, self.database.kind()),
            ("client", WatcherName::Client, self.client.kind()),
            ("session", WatcherName::Session, self.session.kind()),
            ("gridfs", WatcherName::Gridfs, self.gridfs.kind()),
            ("command", WatcherName::Command, self.command.kind()),
        ]
    }
}

impl Settings {
    /// What layers take from the watcher unless they say it themselves.
    pub(super) fn defaults(&self) -> Defaults {
        let mut defaults =
            Defaults { levels: ByWatcher::all(&self.levels), fields: ByWatcher::all(&self.fields) };
        for (_, watcher, kind) in self.watchers.kinds() {
            *defaults.levels.of_mut(watcher) = kind.levels.over(self.levels);
            if let Some(fields) = kind.fields {
                *defaults.fields.of_mut(watcher) = fields.clone();
            }
        }
        defaults
    }
}
