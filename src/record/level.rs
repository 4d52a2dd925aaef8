//! The level of a record's event, by the phase of the record.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use tracing_core::Level;

use crate::{
    record::{Phase, nearest},
    watch_error::{Error, Result},
};

/// Which level the event of a record has, by why the record came out.
///
/// ```
/// use mongowatch::{Phase, layer::{EventLevel, Levels}};
///
/// let mut levels = Levels::default();
/// assert_eq!(levels.of(Phase::Final), EventLevel::Info);
/// levels.final_ = EventLevel::Off;
/// assert_eq!(levels.of(Phase::Final), EventLevel::Off);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Levels {
    /// The operation began.
    pub first: EventLevel,
    /// Something new is known.
    pub update: EventLevel,
    /// The operation has ended.
    #[serde(rename = "final")]
    pub final_: EventLevel,
    /// The operation was silent for longer than its timeout.
    pub timeout: EventLevel,
}

impl Levels {
    /// The level for records of this phase.
    #[must_use]
    pub const fn of(&self, phase: Phase) -> EventLevel {
        match phase {
            Phase::First => self.first,
            Phase::Update => self.update,
            Phase::Final => self.final_,
            Phase::Timeout => self.timeout,
        }
    }
}

impl Default for Levels {
    /// `DEBUG` while the operation runs, `INFO` at its end: as in pymongowatch.
    fn default() -> Self {
        Self {
            first: EventLevel::Debug,
            update: EventLevel::Debug,
            final_: EventLevel::Info,
            timeout: EventLevel::Info,
        }
    }
}

/// The levels of some phases; those that are not named are those of other [`Levels`].
///
/// ```
/// use mongowatch::{Phase, layer::{EventLevel, Levels, PhaseLevels}};
///
/// let some = PhaseLevels { first: Some(EventLevel::Trace), ..PhaseLevels::default() };
/// let levels = some.over(Levels::default());
/// assert_eq!(levels.of(Phase::First), EventLevel::Trace);
/// assert_eq!(levels.of(Phase::Final), EventLevel::Info);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PhaseLevels {
    /// The operation began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<EventLevel>,
    /// Something new is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update: Option<EventLevel>,
    /// The operation has ended.
    #[serde(rename = "final", skip_serializing_if = "Option::is_none")]
    pub final_: Option<EventLevel>,
    /// The operation was silent for longer than its timeout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<EventLevel>,
}

impl PhaseLevels {
    /// These levels where they are named, and the others elsewhere.
    #[must_use]
    pub fn over(self, others: Levels) -> Levels {
        Levels {
            first: self.first.unwrap_or(others.first),
            update: self.update.unwrap_or(others.update),
            final_: self.final_.unwrap_or(others.final_),
            timeout: self.timeout.unwrap_or(others.timeout),
        }
    }

    /// Is none named?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The level of an event, or that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum EventLevel {
    /// No event: the layer does not get the record.
    Off,
    /// `tracing`'s `ERROR`.
    Error,
    /// `tracing`'s `WARN`.
    Warn,
    /// `tracing`'s `INFO`.
    Info,
    /// `tracing`'s `DEBUG`.
    Debug,
    /// `tracing`'s `TRACE`.
    Trace,
}

impl EventLevel {
    /// Every level, from silence to noise.
    pub const ALL: &'static [Self] =
        &[Self::Off, Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// The name of the level in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    /// The level of the event, if there is to be one.
    #[must_use]
    pub const fn level(self) -> Option<Level> {
        match self {
            Self::Off => None,
            Self::Error => Some(Level::ERROR),
            Self::Warn => Some(Level::WARN),
            Self::Info => Some(Level::INFO),
            Self::Debug => Some(Level::DEBUG),
            Self::Trace => Some(Level::TRACE),
        }
    }
}

impl fmt::Display for EventLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for EventLevel {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let named = |level: &&Self| level.as_str().eq_ignore_ascii_case(text);
        Self::ALL.iter().find(named).copied().ok_or_else(|| {
            let hint = nearest(text, Self::ALL.iter().map(|level| level.as_str()))
                .map_or_else(String::new, |name| format!(": did you mean `{name}`?"));
            Error::invalid(format!(
                "unknown level `{text}`, expected off, error, warn, info, debug or trace{hint}"
            ))
        })
    }
}

impl TryFrom<String> for EventLevel {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<EventLevel> for &'static str {
    fn from(level: EventLevel) -> Self {
        level.as_str()
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for EventLevel {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EventLevel".into()
    }

    /// The words as they are offered, and in any case.
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let words: Vec<_> = Self::ALL.iter().map(|level| level.as_str()).collect();
        let any_case = |letter: char| format!("[{letter}{}]", letter.to_ascii_uppercase());
        let pattern: String = words
            .join("|")
            .chars()
            .map(|letter| match letter {
                '|' => letter.to_string(),
                _ => any_case(letter),
            })
            .collect();
        schemars::json_schema!({
            "description": "The level of an event, or that there is none.",
            "anyOf": [
                { "type": "string", "enum": words },
                { "type": "string", "pattern": format!("^(?:{pattern})$") },
            ],
        })
    }
}
