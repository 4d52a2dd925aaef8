//! A file of the unified test format, as its JSON says it.
//!
//! Keys that the format does not know are refused, so that a newer file is not half understood.

use std::{fs, path::Path};

use mongodb::bson::{Bson, Document};
use serde::{Deserialize, Deserializer};

use crate::serial;

/// The newest version of the format that this runner follows.
const NEWEST: (u32, u32) = (1, 29);

/// A file: what its tests have in common, and the tests.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TestFile {
    #[serde(rename = "description")]
    _description: String,
    pub(crate) schema_version: String,
    pub(crate) run_on_requirements: Option<Vec<Document>>,
    #[serde(default)]
    pub(crate) create_entities: Vec<Document>,
    #[serde(default)]
    pub(crate) initial_data: Vec<CollectionData>,
    pub(crate) tests: Vec<Test>,
    #[serde(rename = "_yamlAnchors")]
    _yaml_anchors: Option<Bson>,
}

/// The documents of a collection: before a test, or expected after it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CollectionData {
    pub(crate) collection_name: String,
    pub(crate) database_name: String,
    pub(crate) create_options: Option<Document>,
    pub(crate) documents: Vec<Document>,
}

/// One test.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Test {
    pub(crate) description: String,
    pub(crate) run_on_requirements: Option<Vec<Document>>,
    pub(crate) skip_reason: Option<String>,
    pub(crate) operations: Vec<Operation>,
    #[serde(default)]
    pub(crate) expect_events: Vec<ExpectEvents>,
    expect_log_messages: Option<Bson>,
    expect_tracing_messages: Option<Bson>,
    #[serde(default)]
    pub(crate) outcome: Vec<CollectionData>,
}

/// One operation of a test and what is expected of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) object: String,
    #[serde(default)]
    pub(crate) arguments: Document,
    pub(crate) expect_error: Option<Document>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) expect_result: Option<Bson>,
    pub(crate) save_result_as_entity: Option<String>,
    #[serde(default)]
    pub(crate) ignore_result_and_error: bool,
}

/// The events that are expected of one client.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ExpectEvents {
    pub(crate) client: String,
    pub(crate) event_type: Option<String>,
    pub(crate) events: Vec<Document>,
    #[serde(default)]
    pub(crate) ignore_extra_events: bool,
}

/// A value that is there, `null` too.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Bson>, D::Error> {
    Bson::deserialize(deserializer).map(Some)
}

/// Does the key stand anywhere in the document?
fn has_key(document: &Document, key: &str) -> bool {
    document.iter().any(|(name, value)| name == key || value_has_key(value, key))
}

fn value_has_key(value: &Bson, key: &str) -> bool {
    match value {
        Bson::Document(document) => has_key(document, key),
        Bson::Array(values) => values.iter().any(|value| value_has_key(value, key)),
        _ => false,
    }
}

impl Test {
    /// Is a timeout of an operation expected?
    pub(crate) fn expects_timeout(&self) -> bool {
        let is_expected = |operation: &Operation| {
            operation.expect_error.as_ref().is_some_and(|error| has_key(error, "isTimeoutError"))
                // Operations of a callback or a loop are among the arguments.
                || has_key(&operation.arguments, "isTimeoutError")
        };
        self.operations.iter().any(is_expected)
    }

    /// Does one of the operations set a timeout of its own?
    pub(crate) fn sets_timeout(&self) -> bool {
        self.operations.iter().any(|operation| has_key(&operation.arguments, "timeoutMS"))
    }

    /// Does the test look at what the driver logs?
    pub(crate) fn has_log_messages(&self) -> bool {
        self.expect_log_messages.is_some() || self.expect_tracing_messages.is_some()
    }
}

impl TestFile {
    /// Reads a file; none if it is in another format, which has no `schemaVersion`.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, String> {
        let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
        let json: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| error.to_string())?;
        match Bson::try_from(json).map_err(|error| error.to_string())? {
            Bson::Document(document) if !document.contains_key("schemaVersion") => Ok(None),
            Bson::Document(document) => serial::read_document(document).map(Some),
            other => Err(format!("expected a document, found {other}")),
        }
    }

    /// Does one of the entities set a timeout for its operations?
    pub(crate) fn sets_timeout(&self) -> bool {
        self.create_entities.iter().any(|entity| has_key(entity, "timeoutMS"))
    }

    /// Why the file's version of the format cannot be run, if so.
    pub(crate) fn unknown_version(&self) -> Option<String> {
        let mut numbers = self.schema_version.split('.').map(|part| part.parse::<u32>().ok());
        let (major, minor) = (numbers.next().flatten(), numbers.next().flatten());
        match (major, minor.unwrap_or(0)) {
            (Some(major), minor) if major == NEWEST.0 && minor <= NEWEST.1 => None,
            _ => Some(format!("schema version {} is unknown", self.schema_version)),
        }
    }
}
