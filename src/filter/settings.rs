//! The steps of a route, as the configuration names them.

use serde::{Deserialize, Serialize};

use super::{HashSettings, MaskSettings, Query, RateSettings};
use crate::record::EventLevel;

/// Names one step of a route.
///
/// In YAML a map with one key, such as `rate: {every: 60s}`; the steps of a route are a list, and a
/// record goes through them in their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepSettings {
    /// Lets through what a query document of MongoDB matches.
    Match(Query),
    /// Replaces values.
    Mask(MaskSettings),
    /// Replaces values by their keyed hashes.
    Hash(HashSettings),
    /// Sums up records over periods, and gives the sums as records of their own.
    Rate(RateSettings),
    /// Gives the record's event this level, whatever its phase; `off` drops the record.
    Level(EventLevel),
    /// Asks the application's filter of this name (`WatcherBuilder::filter`).
    Filter(String),
}

impl StepSettings {
    /// The name of the step, as it stands in YAML.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Match(_) => "match",
            Self::Mask(_) => "mask",
            Self::Hash(_) => "hash",
            Self::Rate(_) => "rate",
            Self::Level(_) => "level",
            Self::Filter(_) => "filter",
        }
    }
}
