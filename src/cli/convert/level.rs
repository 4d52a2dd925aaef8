//! The levels of Python's `logging`, which are numbers, and ours.

use super::source::Spot;
use crate::{
    config::{Fault, Kind, quoted},
    record::EventLevel,
};

/// A level as Python counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Level(i64);

const NAMES: &[(&str, i64)] = &[
    ("CRITICAL", 50),
    ("FATAL", 50),
    ("ERROR", 40),
    ("WARNING", 30),
    ("WARN", 30),
    ("INFO", 20),
    ("DEBUG", 10),
    ("NOTSET", 0),
];

impl Level {
    pub(super) const NOT_SET: Self = Self(0);
    pub(super) const DEBUG: Self = Self(10);
    pub(super) const INFO: Self = Self(20);
    pub(super) const WARNING: Self = Self(30);

    pub(super) fn read(spot: &Spot<'_>) -> Result<Self, Fault> {
        match spot.kind() {
            Kind::Unsigned(number) => return Ok(Self(i64::try_from(*number).unwrap_or(i64::MAX))),
            Kind::Signed(number) => return Ok(Self(*number)),
            _ => {}
        }
        let text = spot.object()?;
        let name = text.strip_prefix("logging.").unwrap_or(text);
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, level)| Self(*level)).ok_or_else(|| {
            let expected = "`DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL` or a number";
            spot.fault(format!("unknown level {}, expected {expected}", quoted(text)))
        })
    }

    /// Ours that is the nearest.
    pub(super) const fn ours(self) -> EventLevel {
        match self.0 {
            ..10 => EventLevel::Trace,
            10..20 => EventLevel::Debug,
            20..30 => EventLevel::Info,
            30..40 => EventLevel::Warn,
            _ => EventLevel::Error,
        }
    }
}

/// The name that Python writes for one of ours.
pub(super) const fn python_name(level: EventLevel) -> &'static str {
    match level {
        EventLevel::Off | EventLevel::Trace => "NOTSET",
        EventLevel::Debug => "DEBUG",
        EventLevel::Info => "INFO",
        EventLevel::Warn => "WARNING",
        EventLevel::Error => "ERROR",
    }
}
