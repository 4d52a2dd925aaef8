//! Own fields: what of a call goes to another field, or nowhere, and constants beside it.

mod build;
mod change;

use std::collections::BTreeMap;

use mongodb::bson::Bson;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) use self::change::OwnFields;
use super::{Fault, FieldPath, Query};
use crate::record::WatcherName;

/// The own fields of the records of one kind: by operation, or `all` for each, and then by what they
/// are made of.
///
/// That is an argument or option of the call under the driver's name (`filter`, `sort`, `max_time`), or
/// the path of a field (`Extra.Team`). What is said for an operation goes before what is said for `all`.
///
/// ```
/// use mongowatch::filter::{OwnField, OwnFieldsSettings};
///
/// let mut fields = OwnFieldsSettings::default();
/// fields.add("find", "sort", OwnField::To(Some("Extra.Sort".parse()?)));
/// fields.add("find", "hint", OwnField::To(None));
/// fields.add("all", "Extra.Team", OwnField::Value("payments".into()));
/// assert!(!fields.is_empty());
/// # Ok::<(), mongowatch::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OwnFieldsSettings(BTreeMap<String, BTreeMap<String, OwnField>>);

/// What becomes of an argument or a field; in YAML a map with one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum OwnField {
    /// It goes to this field, or, with `null`, nowhere. What does not fit its new place is removed.
    To(Option<FieldPath>),
    /// This takes its place, as in a `set` step: a constant, `{env: NAME}` for a variable of the
    /// environment, or `{template: '{DB}.{Collection}'}`.
    Value(Constant),
}

/// Any BSON value; in a configuration in Extended JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant(Bson);

/// The name that stands for every operation.
const ALL: &str = "all";

impl OwnFieldsSettings {
    /// Adds what becomes of one argument or field of an operation, or of `all`.
    pub fn add(
        &mut self,
        operation: impl Into<String>,
        argument: impl Into<String>,
        becomes: OwnField,
    ) {
        self.0.entry(operation.into()).or_default().insert(argument.into(), becomes);
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that is wrong with them for the records of this watcher, without reading the
    /// environment.
    #[must_use]
    pub fn check(&self, watcher: WatcherName) -> Vec<Fault> {
        self.build_with(watcher, |_| Ok(String::new())).err().unwrap_or_default()
    }
}

impl From<Bson> for Constant {
    fn from(value: Bson) -> Self {
        Self(value)
    }
}

impl From<&str> for Constant {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<Constant> for Bson {
    fn from(constant: Constant) -> Self {
        constant.0
    }
}

impl<'de> Deserialize<'de> for Constant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Query::value(deserializer).map(Self)
    }
}

impl Serialize for Constant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Query::serialize_value(&self.0, serializer)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Constant {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Constant".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "description": "Any value; Extended JSON is read." })
    }
}
