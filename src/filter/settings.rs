//! The steps of a route, as the configuration names them.

use serde::{Deserialize, Serialize};

use super::{
    AuditFilterSettings, Expression, Fault, FieldPaths, HashSettings, KeySource, LimitSettings,
    MaskSettings, Query, RateSettings, SampleSettings, ScriptSettings, Secret, ShapeSettings,
    TruncateSettings,
    fields::{Drop, Keep},
    rename::Rename,
    set::Set,
};
use crate::record::EventLevel;

/// Names one step of a route.
///
/// In YAML a map with one key, such as `rate: {every: 60s}`; the steps of a route are a list, and a
/// record goes through them in their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum StepSettings {
    /// Lets through what a query document of MongoDB matches.
    Match(Query),
    /// Lets through what a condition on one line is true of.
    When(Expression),
    /// Lets through what a filter of MongoDB's or Percona's auditing would.
    AuditFilter(AuditFilterSettings),
    /// Replaces values.
    Mask(MaskSettings),
    /// Replaces values by their keyed hashes.
    Hash(HashSettings),
    /// Cuts long texts, lists and bytes.
    Truncate(TruncateSettings),
    /// Removes what paths name.
    Drop(FieldPaths),
    /// Removes what paths do not name, but for WatcherName, WatchID, Iteration, StartTime, Operation
    /// and Seq. Of a document of which parts stay, the documents and lists around other values stay
    /// too, without those.
    Keep(FieldPaths),
    /// Moves values: a map from paths to paths, each of one place. What does not fit its new place is
    /// removed, and the record says so as for [`Set`](Self::Set).
    Rename(#[cfg_attr(feature = "schema", schemars(with = "super::schema::Renames"))] Query),
    /// Puts values into the record: a map from paths to constants, `{env: NAME}` for a variable of the
    /// environment, or `{template: '{DB}.{Collection}'}`.
    ///
    /// What can never fit is refused when the settings are read: a text for a field of documents, a key
    /// below a list or a text. What does not fit into one record leaves it as it is, such as
    /// `Filter.team` where Filter is a pipeline, or `Filter.a.b` where `a` is a number; the paths of
    /// what could not be set are listed in the record, `NotSet` in Extra.
    Set(#[cfg_attr(feature = "schema", schemars(with = "super::schema::Values"))] Query),
    /// Lets a part of the operations through.
    Sample(SampleSettings),
    /// Lets some records of each kind through, in each period.
    Limit(LimitSettings),
    /// Fills the fields that tell the shape of the query.
    Shape(ShapeSettings),
    /// Sums up records over periods, and gives the sums as records of their own.
    Rate(RateSettings),
    /// Runs code in Rhai, in a build with the feature `script`.
    Script(ScriptSettings),
    /// Gives the record's event this level, whatever its phase; `off` drops the record.
    Level(EventLevel),
    /// Asks the application's filter of this name (`WatcherBuilder::filter`): a closure, a
    /// [`Predicate`](super::Predicate), any [`Filter`](super::Filter).
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
            Self::Match(query) => query.for_records().map(drop),
            Self::AuditFilter(settings) => settings.build().map(drop),
            Self::Mask(settings) => settings.build_with(key).map(drop),
            Self::Hash(settings) => settings.build_with(key).map(drop),
            Self::Truncate(settings) => settings.build().map(drop),
            Self::Drop(paths) => Drop::build(paths).map(drop),
            Self::Keep(paths) => Keep::build(paths).map(drop),
            Self::Rename(names) => Rename::build(names).map(drop),
            Self::Set(values) => Set::build(values, |_| Ok(String::new())).map(drop),
            Self::Sample(settings) => settings.build().map(drop),
            Self::Limit(settings) => settings.build().map(drop),
            Self::Rate(settings) => settings.build().map(drop),
            Self::Script(settings) => settings.build().map(drop),
            // A condition was understood when it was read.
            Self::When(_) | Self::Shape(_) | Self::Level(_) | Self::Filter(_) => Ok(()),
        };
        checked.map_err(|fault| fault.within(self.kind().into()))
    }

    /// The code that the step takes out of a file now, if it can be read.
    pub(crate) fn code_of_file(&self) -> Option<String> {
        match self {
            Self::Script(settings) if settings.file.is_some() => settings.source().ok(),
            _ => None,
        }
    }

    /// The name of the step, as it stands in YAML.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Match(_) => "match",
            Self::When(_) => "when",
            Self::AuditFilter(_) => "audit_filter",
            Self::Mask(_) => "mask",
            Self::Hash(_) => "hash",
            Self::Truncate(_) => "truncate",
            Self::Drop(_) => "drop",
            Self::Keep(_) => "keep",
            Self::Rename(_) => "rename",
            Self::Set(_) => "set",
            Self::Sample(_) => "sample",
            Self::Limit(_) => "limit",
            Self::Shape(_) => "shape",
            Self::Rate(_) => "rate",
            Self::Script(_) => "script",
            Self::Level(_) => "level",
            Self::Filter(_) => "filter",
        }
    }
}
