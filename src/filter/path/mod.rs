//! Names places in records: `Filter`, `Filter.email`, `Filter.**.email`, `Update.$set.card`.

mod automaton;
mod parse;
#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use mongodb::bson::{Bson, Document};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub(super) use self::automaton::{Automaton, Operators, States};
use crate::{
    record::{Field, Value, WatchMessage},
    watch_error::{Error, Result},
};

/// A place in a record, or several of them.
///
/// | path | names |
/// | --- | --- |
/// | `Filter` | the whole field |
/// | `Filter.email` | the value of a key |
/// | `Filter.*` | the value of every key |
/// | `Filter.**.email` | the value of the key `email` at any depth, `Filter.email` too |
/// | `Update.$set.card` | below an operator: `$` is an ordinary letter |
/// | ``Filter.`a.b` `` | the value of a key with a dot; two backticks stand for one |
/// | `InsertedIds.0` | the first item of a list |
/// | `*.email`, `**.email` | the same in each of [`FieldPath::DOCUMENTS`] |
///
/// As in MongoDB, lists on the way are walked through: `Filter.$or.email` names the `email` of each
/// alternative. A key that is itself a way, such as the `user.email` or `items.$[].price` of a query
/// or an update, is understood as one: `Filter.user.email` names it. What a path names, it names
/// with everything in it.
///
/// The steps `mask`, `hash` and `truncate` walk through operators too: for them `Filter.email` names
/// the `email` in `{$or: [{email: ..}]}`, `{$elemMatch: {email: ..}}` and `[{$match: {email: ..}}]`.
/// They name too all that an expression compares with it, as `{$eq: ["$email", ..]}` does, or with what
/// holds it (`{$eq: ["$user", ..]}` for `Filter.user.email`), and code that has its name in it, as
/// `{$where: "this.email == .."}` does. They do not follow a value that an expression gives another
/// name, nor code that makes up the name, nor see what `$text` looks for; and they do not go below keys
/// that are not operators, such as the `pipeline` of a `$lookup` or the `properties` of a `$jsonSchema`:
/// `Filter.**.email` does. What is to stay (`keep`) and to go (`drop`) is named with its operators.
///
/// ```
/// use mongowatch::filter::FieldPath;
///
/// let path: FieldPath = "Filter.**.email".parse()?;
/// assert_eq!(path.to_string(), "Filter.**.email");
///
/// let error = "Fliter.email".parse::<FieldPath>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "path `Fliter.email`, column 1: unknown field `Fliter`: did you mean `Filter`?"
/// );
/// # Ok::<(), mongowatch::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FieldPath {
    source: String,
    /// The field, or none if it is each of the documents.
    field: Option<Field>,
    steps: Vec<Step>,
}

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// The value of this key, or the item of this number.
    Key(String),
    /// The value of any key, or any item.
    AnyKey,
    /// Any number of steps, none too.
    AnyDepth,
}

/// What a field holds, as far as steps may change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Tells the record from others; it stays as it is.
    Identity,
    /// A text.
    Text,
    /// A document or a list of any values.
    Open,
    /// A document of `Kind`, `ID` and `Name`, of which `Kind` stays.
    Actor,
    /// What was measured: a number, a moment, a result. It may be dropped, but not be altered.
    Measured,
}

impl FieldPath {
    /// The fields that a leading `*` or `**` stands for.
    pub const DOCUMENTS: &'static [Field] = &[
        Field::Filter,
        Field::Update,
        Field::Options,
        Field::InsertedIds,
        Field::ResumeToken,
        Field::Labels,
        Field::Extra,
    ];

    /// A path of at most so many bytes is read.
    pub const LENGTH_MAX: usize = 1_024;

    /// A path has at most so many parts.
    pub const PARTS_MAX: usize = 32;

    /// The whole of a field.
    #[must_use]
    pub fn of(field: Field) -> Self {
        Self { source: field.name().to_owned(), field: Some(field), steps: Vec::new() }
    }

    /// The fields in which the path leads.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        self.field.as_ref().map_or(Self::DOCUMENTS, std::slice::from_ref)
    }

    /// The one value that a path without wildcards names, if it is there; lists are not walked
    /// through.
    ///
    /// ```
    /// use mongowatch::{Actor, Context, Timestamp, Value, WatchMessage, WatcherName, filter::FieldPath};
    /// use mongowatch::bson::Bson;
    ///
    /// let start = Timestamp::from_micros(0);
    /// let mut record = WatchMessage::new(WatcherName::Collection, "find", start);
    /// let mut context = Context::default();
    /// context.tenant = Some("acme".to_owned());
    /// record.context = Some(context.into());
    /// assert_eq!("Tenant".parse::<FieldPath>()?.get(&record), Value::Str("acme"));
    /// assert_eq!("Actor.Name".parse::<FieldPath>()?.get(&record), Value::Missing);
    /// # Ok::<(), mongowatch::Error>(())
    /// ```
    #[must_use]
    pub fn get<'a>(&self, record: &'a WatchMessage) -> Value<'a> {
        let Some(field) = self.field else { return Value::Missing };
        let value = record.get(field);
        if self.steps.is_empty() {
            return value;
        }
        let below = match value {
            Value::Document(document) => in_document(document, &self.steps),
            Value::Array(items) => in_list(items, &self.steps),
            Value::Bson(value) => at(value, &self.steps),
            _ => None,
        };
        below.map_or(Value::Missing, Value::Bson)
    }

    /// Does the path name one place, without wildcards?
    pub(super) fn is_exact(&self) -> bool {
        self.field.is_some() && self.steps.iter().all(|step| matches!(step, Step::Key(_)))
    }

    /// The field of an exact path, and the keys below it.
    pub(super) fn exact(&self) -> Option<(Field, Vec<&str>)> {
        let keys = self.steps.iter().map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            _ => None,
        });
        Some((self.field?, keys.collect::<Option<_>>()?))
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// A step that may be a key.
pub(super) trait MaybeKey {
    /// The key, unless it is a wildcard.
    fn key(&self) -> Option<&str>;
}

impl MaybeKey for Step {
    fn key(&self) -> Option<&str> {
        match self {
            Self::Key(key) => Some(key),
            Self::AnyKey | Self::AnyDepth => None,
        }
    }
}

impl MaybeKey for String {
    fn key(&self) -> Option<&str> {
        Some(self)
    }
}

/// The value at the end of the steps.
pub(super) fn at<'a>(value: &'a Bson, steps: &[impl MaybeKey]) -> Option<&'a Bson> {
    match value {
        _ if steps.is_empty() => Some(value),
        Bson::Document(document) => in_document(document, steps),
        Bson::Array(items) => in_list(items, steps),
        _ => None,
    }
}

fn in_list<'a>(items: &'a [Bson], steps: &[impl MaybeKey]) -> Option<&'a Bson> {
    let (first, rest) = steps.split_first()?;
    at(items.get(first.key()?.parse::<usize>().ok()?)?, rest)
}

fn in_document<'a>(document: &'a Document, steps: &[impl MaybeKey]) -> Option<&'a Bson> {
    let (first, rest) = steps.split_first()?;
    let below = document.get(first.key()?).and_then(|value| at(value, rest));
    below.or_else(|| {
        document.iter().find_map(|(key, value)| at(value, &steps[n_steps(key, steps)?..]))
    })
}

/// How many of the steps a key takes that is a way of several: `user.email`.
pub(super) fn n_steps(key: &str, steps: &[impl MaybeKey]) -> Option<usize> {
    let n_parts = key.split('.').count();
    let is_way = n_parts > 1
        && n_parts <= steps.len()
        && key.split('.').zip(steps).all(|(part, step)| step.key() == Some(part));
    is_way.then_some(n_parts)
}

impl Kind {
    /// The kind of a field.
    pub(super) const fn of(field: Field) -> Self {
        match field {
            Field::WatcherName
            | Field::WatchId
            | Field::Iteration
            | Field::StartTime
            | Field::Operation
            | Field::Seq => Self::Identity,
            Field::Db
            | Field::Collection
            | Field::ErrorName
            | Field::ErrorMessage
            | Field::ShapeHash
            | Field::ShapeLabel
            | Field::Server
            | Field::User
            | Field::AuthSource
            | Field::AppName
            | Field::Tenant
            | Field::RequestId
            | Field::Reason
            | Field::TraceId
            | Field::SpanId
            | Field::Host
            | Field::Service
            | Field::ServiceVersion => Self::Text,
            Field::Filter
            | Field::Update
            | Field::Options
            | Field::QueryShape
            | Field::InsertedIds
            | Field::ResumeToken
            | Field::Labels
            | Field::Extra => Self::Open,
            Field::Actor | Field::OnBehalfOf => Self::Actor,
            _ => Self::Measured,
        }
    }
}

impl FromStr for FieldPath {
    type Err = Error;

    fn from_str(source: &str) -> Result<Self> {
        match parse::path(source) {
            Ok((field, steps)) => Ok(Self { source: source.to_owned(), field, steps }),
            Err(wrong) => {
                let shown: String = source.chars().take(80).collect();
                let (column, message) = (wrong.column, wrong.message);
                Err(Error::invalid(format!("path `{shown}`, column {column}: {message}")))
            }
        }
    }
}

impl From<Field> for FieldPath {
    fn from(field: Field) -> Self {
        Self::of(field)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl fmt::Debug for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldPath({})", self.source)
    }
}

impl Serialize for FieldPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
    }
}

impl<'de> Deserialize<'de> for FieldPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for FieldPath {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FieldPath".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let field = generator.subschema_for::<Field>();
        let names: Vec<_> = Field::ALL.iter().map(|field| field.name()).collect();
        let names = names.join("|");
        schemars::json_schema!({
            "description": "A place in a record: `Filter`, `Filter.email`, `Filter.**.email` (at any \
                            depth), `Update.$set.card`. `*` stands for any key; one with dots stands in \
                            backticks.",
            "examples": ["Filter", "Filter.email", "Filter.**.email", "Update.$set.*"],
            "anyOf": [
                field,
                {
                    "type": "string",
                    "pattern": format!(r"^(?:(?:{names}|`(?:{names})`)(?:\.[\s\S]+)?|\*\*?\.[\s\S]+)$"),
                    "maxLength": Self::LENGTH_MAX,
                },
            ],
        })
    }
}
