//! `audit_filter`: filters of MongoDB's own auditing, taken over as they are.
//!
//! A record is shown to the filter as the audit events that a server would write of it ([`event`]).

mod command;
mod event;
#[cfg(test)]
mod tests;

use std::fmt;

use mongodb::bson::{Bson, Document};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeSeed},
};

use super::{Draft, Fault, Filter, Matcher, Part, Query, Verdict};
use crate::{
    format::extjson::Tree,
    record::{WatchMessage, nearest},
    watch_error::Error,
};

/// A filter of MongoDB's or Percona's auditing: `auditLog.filter`, `--auditFilter`.
///
/// A query document, or a text that holds one, with or without quotes around its keys:
///
/// ```yaml
/// - audit_filter: '{ atype: { $in: [ "createCollection", "dropCollection" ] } }'
/// - audit_filter: { users.user: tim }
/// ```
///
/// It is asked about audit events as a server writes them: `atype`, `ts`, `local` (the server),
/// `remote` (the host of this process), `users`, `roles`, `param` and `result`. Every operation is an
/// `authCheck` with `param.command`, `param.ns` and `param.args`; what creates, drops or renames is also
/// the event of its own kind, such as `dropCollection`, and it is enough that one of the two matches.
/// As with `auditAuthorizationSuccess: true`, what succeeded is an event too.
///
/// What differs from a server: `result` is the error code of the operation, not only of the check of
/// permissions; `roles` is empty and there is no `uuid`, as no client knows them; inserted documents are
/// not in `param.args`, as records never hold them; and other clients are not seen, nor do
/// authentications make events.
#[derive(Clone, Default, PartialEq)]
pub struct AuditFilterSettings(Query);

impl AuditFilterSettings {
    /// The query.
    #[must_use]
    pub const fn query(&self) -> &Query {
        &self.0
    }

    /// Makes the step.
    ///
    /// # Errors
    ///
    /// When the query is not understood, or asks for a field that no audit event has.
    pub fn build(&self) -> Result<AuditFilter, Fault> {
        let query = self.0.as_document();
        check(query)?;
        let matcher = Matcher::for_documents(query)?;
        Ok(AuditFilter { matcher, with_args: asks_for_args(query) })
    }
}

impl From<Document> for AuditFilterSettings {
    fn from(query: Document) -> Self {
        Self(query.into())
    }
}

impl std::str::FromStr for AuditFilterSettings {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Query::parse_loose(text).map(Self)
    }
}

impl fmt::Debug for AuditFilterSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AuditFilterSettings").field(&self.0).finish()
    }
}

impl Serialize for AuditFilterSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AuditFilterSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Tree::new().deserialize(deserializer)? {
            Bson::String(text) => text.parse().map_err(de::Error::custom),
            Bson::Document(query) => Ok(query.into()),
            _ => Err(de::Error::custom("expected a query document, or a text that holds one")),
        }
    }
}

/// The step at work.
#[derive(Clone, Debug)]
pub struct AuditFilter {
    matcher: Matcher,
    /// Does the query ask for what is dear to copy?
    with_args: bool,
}

impl AuditFilter {
    /// Would a server with this filter write an event of the operation?
    #[must_use]
    pub fn matches(&self, record: &WatchMessage) -> bool {
        let mut events = event::of(record, self.with_args);
        events.any(|event| self.matcher.matches_document(&event))
    }
}

impl Filter for AuditFilter {
    fn apply(&mut self, draft: &mut Draft) -> Verdict {
        Verdict::pass_if(self.matches(draft.record()))
    }
}

/// The fields of an audit event, and those below them that are known.
const FIELDS: &[(&str, &[&str])] = &[
    ("atype", &[]),
    ("ts", &[]),
    ("uuid", &[]),
    ("local", ENDPOINT),
    ("remote", ENDPOINT),
    ("intermediates", ENDPOINT),
    ("users", &["user", "db"]),
    ("roles", &["role", "db"]),
    ("param", ANYTHING),
    ("result", &[]),
];
const ENDPOINT: &[&str] = &["ip", "port", "isSystemUser", "unix"];
const ANYTHING: &[&str] = &["*"];

/// Checks the names at the top of a query: a mistyped one would never match.
fn check(query: &Document) -> Result<(), Fault> {
    for (key, value) in query {
        let part = || Part::from(key.as_str());
        match (key.as_str(), value) {
            ("$and" | "$or" | "$nor", Bson::Array(queries)) => {
                for (place, query) in queries.iter().enumerate() {
                    if let Bson::Document(query) = query {
                        check(query).map_err(|fault| fault.within(place.into()).within(part()))?;
                    }
                }
            }
            _ if key.starts_with('$') => {}
            _ => check_path(key).map_err(|fault| fault.within(part()))?,
        }
    }
    Ok(())
}

fn check_path(path: &str) -> Result<(), Fault> {
    let mut names = path.split('.');
    let root = names.next().unwrap_or_default();
    let Some((_, below)) = FIELDS.iter().find(|(name, _)| *name == root) else {
        let known = FIELDS.iter().map(|(name, _)| *name);
        let hint = match nearest(root, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("expected one of `{}`", known.collect::<Vec<_>>().join("`, `")),
        };
        return Err(Fault::new(format!("unknown field `{root}` of audit events: {hint}")));
    };
    let is_place = |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    let Some(name) = names.find(|name| !is_place(name)) else { return Ok(()) };
    if *below == ANYTHING || below.contains(&name) {
        return Ok(());
    }
    if below.is_empty() {
        return Err(Fault::new(format!("`{root}` has no fields below it, found `{name}`")));
    }
    let hint = match nearest(name, below.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("expected one of `{}`", below.join("`, `")),
    };
    Err(Fault::new(format!("unknown field `{name}` of `{root}`: {hint}")))
}

/// Does a query look at `param.args`, or at `param` as a whole? Expressions may.
fn asks_for_args(query: &Document) -> bool {
    query.iter().any(|(key, value)| match (key.as_str(), value) {
        ("$and" | "$or" | "$nor", Bson::Array(queries)) => {
            queries.iter().filter_map(Bson::as_document).any(asks_for_args)
        }
        ("param" | "$expr", _) => true,
        _ => key == "param.args" || key.starts_with("param.args."),
    })
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for AuditFilterSettings {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AuditFilterSettings".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let fields =
            FIELDS.iter().map(|(name, _)| ((*name).to_owned(), schemars::json_schema!({})));
        schemars::json_schema!({
            "description": "A filter of MongoDB's or Percona's auditing (`auditLog.filter`), as it is: a \
                            query document on audit events, or a text that holds one.",
            "examples": ["{ atype: { $in: [ \"createCollection\", \"dropCollection\" ] } }"],
            "anyOf": [
                { "type": ["string"] },
                {
                    "type": ["object"],
                    "properties": fields.collect::<std::collections::BTreeMap<_, _>>(),
                },
            ],
        })
    }
}
