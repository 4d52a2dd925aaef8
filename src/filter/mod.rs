//! Which record a route lets through, and in what shape: predicates, privacy, rates.
//!
//! Each route has a list of steps. A record comes to them as a [`Draft`], which is a copy of its own as
//! soon as a step changes it: what one route masks, another one still sees. A [`Filter`] is a step in
//! code: a closure, a [`Predicate`], or what implements it.

mod audit;
mod combine;
mod draft;
mod edit;
mod expression;
mod fault;
mod fields;
mod group;
mod hash;
mod holds;
mod key;
mod limit;
mod mark;
mod mask;
mod matcher;
mod memo;
mod named;
mod own;
mod path;
mod patterns;
mod query;
mod rate;
mod references;
mod rename;
mod sample;
#[cfg(feature = "schema")]
mod schema;
mod script;
mod set;
mod settings;
mod shape;
mod short;
mod steps;
mod target;
#[cfg(test)]
mod tests;
mod truncate;

pub(crate) use self::own::OwnFields;
pub use self::{
    audit::{AuditFilter, AuditFilterSettings},
    combine::{Predicate, collection, database, operation, outcome, slower_than},
    draft::{Draft, Filter, Verdict},
    expression::{Expression, Malformed},
    fault::{Fault, Part},
    hash::{Hash, HashSettings, ValueHasher},
    key::{KeySource, Secret},
    limit::{Limit, LimitSettings},
    mask::{Mask, MaskMode, MaskSettings},
    matcher::{Failure, Matcher},
    named::NamedFilters,
    own::{Constant, OwnField, OwnFieldsSettings},
    path::FieldPath,
    patterns::PatternSettings,
    query::Query,
    rate::{Originals, RateSettings},
    sample::{Sample, SampleSettings},
    script::{OnError, Script, ScriptSettings},
    settings::StepSettings,
    shape::{Shape, ShapeSettings},
    short::FieldPaths,
    steps::{Made, StepFailure, Steps},
    truncate::{Truncate, TruncateSettings},
};
