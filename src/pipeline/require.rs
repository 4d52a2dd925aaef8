//! What the configuration requires of the context, and what the comment of a command says.

use std::{fmt, str::FromStr};

use mongodb::bson::Bson;
use serde::{Deserialize, Serialize};

use crate::{
    record::{Context, ContextField, WatchMessage},
    watch_error::{Error, Result},
};

/// A rule on the context of the operations in some namespaces. Of several rules the first one that
/// matches an operation counts.
///
/// ```
/// use mongowatch::{ContextField, ContextRequirement, Otherwise, Watcher};
///
/// let orders = ContextRequirement::new(
///     "shop.orders".parse()?,
///     [ContextField::Actor, ContextField::Tenant],
///     Otherwise::Refuse,
/// );
/// let rest = ContextRequirement::new("*".parse()?, [ContextField::Actor], Otherwise::Flag);
/// let builder = Watcher::builder().require_context(orders).require_context(rest);
/// # Ok::<(), mongowatch::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ContextRequirement {
    /// The namespaces that it is for. No default.
    pub namespace: NamespacePattern,
    /// What the context must say; anonymous actors are actors. No default.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub fields: Vec<ContextField>,
    /// What happens to an operation whose context does not. Default: `flag`.
    #[serde(default)]
    pub otherwise: Otherwise,
}

/// Says what happens to an operation whose context lacks something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Otherwise {
    /// Its record says in `MissingContext` what is missing.
    #[default]
    Flag,
    /// It fails before anything is sent, and its record says so: `not_sent`, `ContextRequired`.
    ///
    /// Two things are flagged instead: raw traffic, which no mirrored call opened, since it is seen
    /// and not held up; and the commit or abort of a transaction, whose operations were let through
    /// and hold locks until it ends.
    Refuse,
}

/// Matches namespaces: `db.collection`, in which `*` stands for any characters, or for none.
///
/// What works on a whole database has the namespace `db.`, and what works on the deployment `.`: so
/// `shop.*` is for all that is done in `shop`, and `*` for everything. What counts is the namespace
/// that a call is made on, or the namespaces of a `bulk_write`; not those that a pipeline names
/// (`$out`, `$lookup`).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamespacePattern(String);

/// Says what of a command's record stands in its comment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Comment {
    /// Nothing: the application has the comment for itself.
    #[default]
    None,
    /// The `WatchID`, where the application has set no comment and the driver's options have one: so
    /// the server's log, profiler and audit log can be joined to the record. Needs MongoDB 4.4.
    WatchId,
}

impl ContextRequirement {
    /// A rule for these namespaces.
    #[must_use]
    pub fn new(
        namespace: NamespacePattern,
        fields: impl IntoIterator<Item = ContextField>,
        otherwise: Otherwise,
    ) -> Self {
        Self { namespace, fields: fields.into_iter().collect(), otherwise }
    }
}

/// Writes into the record what the first rule for its namespace misses in its context; of a call on
/// several `namespaces`, those of each. Gives what happens now, if something is missing.
pub(crate) fn require(
    rules: &[ContextRequirement],
    record: &mut WatchMessage,
    namespaces: &[String],
) -> Option<(Vec<ContextField>, Otherwise)> {
    if rules.is_empty() {
        return None;
    }
    let (db, collection) = (record.db.as_deref(), record.collection.as_deref());
    let own = format!("{}.{}", db.unwrap_or_default(), collection.unwrap_or_default());
    let namespaces = if namespaces.is_empty() { &[own] } else { namespaces };
    let nothing = Context::default();
    let context = record.context.as_deref().unwrap_or(&nothing);
    let (mut missing, mut otherwise) = (Vec::new(), Otherwise::Flag);
    for namespace in namespaces {
        let rule = rules.iter().find(|rule| rule.namespace.matches(namespace));
        let Some(ContextRequirement { fields, otherwise: then, .. }) = rule else { continue };
        for field in fields.iter().filter(|field| !field.is_in(context)) {
            if !missing.contains(field) {
                missing.push(*field);
            }
            if *then == Otherwise::Refuse {
                otherwise = Otherwise::Refuse;
            }
        }
    }
    if missing.is_empty() {
        return None;
    }
    let names = missing.iter().map(|field| Bson::from(field.field().name()));
    record.missing_context = Some(names.collect::<Vec<_>>().into());
    Some((missing, otherwise))
}

impl NamespacePattern {
    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Does the namespace match?
    #[must_use]
    pub fn matches(&self, namespace: &str) -> bool {
        matches(self.0.as_bytes(), namespace.as_bytes())
    }
}

/// Goes on from the last `*` whenever the rest does not fit: each byte of the text at most as often
/// as the pattern has bytes.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // After the last star, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                star = Some((p, t));
            }
            Some(byte) if *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after, taken)) = star else { return false };
                star = Some((after, taken + 1));
                (p, t) = (after, taken + 1);
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

impl FromStr for NamespacePattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if !text.contains(['.', '*']) {
            return Err(Error::invalid(format!(
                "found `{text}`, expected a namespace such as `shop.orders`, `shop.*` or `*`"
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for NamespacePattern {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<NamespacePattern> for String {
    fn from(pattern: NamespacePattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for NamespacePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NamespacePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for NamespacePattern {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "NamespacePattern".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            // A number with a dot is read as a text with one.
            "type": ["string", "number"],
            "pattern": "[.*]",
            "description": "Namespaces: `db.collection`, with `*` for any characters. What works on a \
                            whole database has the namespace `db.`, what works on the deployment `.`.",
            "examples": ["shop.orders", "shop.*", "*"],
        })
    }
}
