//! The steps of a route, as the configuration names them.

use serde::{Deserialize, Serialize};

use super::{
    Fault, HashSettings, KeySource, MaskSettings, Matcher, Query, RateSettings, Secret,
    ShapeSettings,
};
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
    /// Fills the fields that tell the shape of the query.
    Shape(ShapeSettings),
    /// Sums up records over periods, and gives the sums as records of their own.
    Rate(RateSettings),
    /// Gives the record's event this level, whatever its phase; `off` drops the record.
    Level(EventLevel),
    /// Asks the application's filter of this name (`WatcherBuilder::filter`).
    Filter(String),
}

impl StepSettings {
    /// Looks whether a step can be made of the settings, as far as that can be said without reading
    /// keys and without knowing the filters of the application.
    ///
    /// # Errors
    ///
    /// When it cannot; the fault's way begins with the kind of the step.
    pub fn check(&self) -> Result<(), Fault> {
        // Any key will do, since no value is hashed with it.
        let key = |_: &KeySource| Secret::new([0; Secret::LENGTH_MIN]);
        let checked = match self {
            Self::Match(query) => Matcher::for_records(query.as_document()).map(drop),
            Self::Mask(settings) => settings.build_with(key).map(drop),
            Self::Hash(settings) => settings.build_with(key).map(drop),
            Self::Rate(settings) => settings.build().map(drop),
            Self::Shape(_) | Self::Level(_) | Self::Filter(_) => Ok(()),
        };
        checked.map_err(|fault| fault.within(self.kind().into()))
    }

    /// The name of the step, as it stands in YAML.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Match(_) => "match",
            Self::Mask(_) => "mask",
            Self::Hash(_) => "hash",
            Self::Shape(_) => "shape",
            Self::Rate(_) => "rate",
            Self::Level(_) => "level",
            Self::Filter(_) => "filter",
        }
    }
}
