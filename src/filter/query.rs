//! A query document as it stands in a configuration: in its order, and with Extended JSON read.

use std::fmt;

use mongodb::bson::{Bson, Document};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeSeed},
    ser::{SerializeMap, SerializeSeq},
};

use super::{Fault, Matcher, holds};
use crate::{
    format::extjson::{self, Tree},
    watch_error::Error,
};

/// A query document in the configuration, or on the command line.
///
/// Its order is kept, a key that stands twice is refused, and [Extended JSON] is read: `{$oid: ...}`,
/// `{$date: 2026-01-31T12:00:00Z}`, `{$numberDecimal: "1.5"}`... Whether it can be matched is not
/// asked here.
///
/// ```
/// use mongowatch::filter::Query;
/// use mongodb::bson::doc;
///
/// let query: Query = r#"{"Collection": "news", "Duration": {"$gt": 10}}"#.parse()?;
/// assert_eq!(*query.as_document(), doc! { "Collection": "news", "Duration": { "$gt": 10 } });
/// # Ok::<(), mongowatch::Error>(())
/// ```
///
/// [Extended JSON]: https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/
#[derive(Clone, Default, PartialEq)]
pub struct Query(Document);

impl Query {
    /// The query as BSON.
    #[must_use]
    pub const fn as_document(&self) -> &Document {
        &self.0
    }

    /// Compiles the query over records, as a filter that people write: a comparison of a field with what
    /// it never holds is refused, since it would quietly match nothing, or everything.
    ///
    /// ```
    /// use mongowatch::filter::Query;
    ///
    /// let slow: Query = r#"{"Duration": {"$gt": "1s"}}"#.parse()?;
    /// assert_eq!(
    ///     slow.for_records().unwrap_err().to_string(),
    ///     "Duration.$gt: `Duration` is a number of seconds, found a string: \
    ///      expected one such as `0.1` (`when` takes units)"
    /// );
    /// # Ok::<(), mongowatch::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// That, and what [`Matcher::for_records`] does not understand.
    pub fn for_records(&self) -> Result<Matcher, Fault> {
        let matcher = Matcher::for_records(&self.0)?;
        holds::check(&self.0)?;
        Ok(matcher)
    }

    /// Reads JSON as people write it for a shell: keys may stand without quotes, texts in single
    /// quotes, and a regular expression between slashes.
    ///
    /// # Errors
    ///
    /// When it is not even that, or no document.
    ///
    /// ```
    /// use mongowatch::filter::Query;
    ///
    /// let query = Query::parse_loose("{ atype: { $in: [ 'dropCollection' ] }, 'param.ns': /^shop/ }")?;
    /// assert_eq!(query.as_document().keys().collect::<Vec<_>>(), ["atype", "param.ns"]);
    /// # Ok::<(), mongowatch::Error>(())
    /// ```
    pub fn parse_loose(text: &str) -> Result<Self, Error> {
        extjson::parse_loose(text)
            .map_err(|error| Error::invalid(error.to_string()))
            .and_then(|value| Self::of(value).map_err(Error::invalid))
    }

    /// Reads any value as those of a query are read.
    pub(super) fn value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bson, D::Error> {
        Tree::new().deserialize(deserializer)
    }

    /// Writes any value as those of a query are written.
    pub(super) fn serialize_value<S: Serializer>(
        value: &Bson,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Plain(value).serialize(serializer)
    }

    fn of(value: Bson) -> Result<Self, String> {
        match value {
            Bson::Document(document) => Ok(Self(document)),
            other => {
                let mut found = Vec::new();
                extjson::value(&other, &mut found);
                let found: String = String::from_utf8_lossy(&found).chars().take(40).collect();
                Err(format!("found {found}, expected a document such as {{Collection: news}}"))
            }
        }
    }
}

impl From<Document> for Query {
    fn from(document: Document) -> Self {
        Self(document)
    }
}

impl From<Query> for Document {
    fn from(query: Query) -> Self {
        query.0
    }
}

impl std::str::FromStr for Query {
    type Err = Error;

    /// Reads Extended JSON.
    fn from_str(text: &str) -> Result<Self, Error> {
        extjson::parse(text.as_bytes())
            .map_err(|error| Error::invalid(error.to_string()))
            .and_then(|value| Self::of(value).map_err(Error::invalid))
    }
}

impl fmt::Display for Query {
    /// Relaxed Extended JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut json = Vec::new();
        extjson::document(&self.0, &mut json);
        f.write_str(&String::from_utf8_lossy(&json))
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Query({self})")
    }
}

impl<'de> Deserialize<'de> for Query {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Tree::new().deserialize(deserializer)?;
        Self::of(value).map_err(de::Error::custom)
    }
}

impl Serialize for Query {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_document(&self.0, serializer)
    }
}

fn serialize_document<S: Serializer>(fields: &Document, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(fields.len()))?;
    for (key, value) in fields {
        map.serialize_entry(key, &Plain(value))?;
    }
    map.end()
}

/// A value as maps, lists and scalars: what is none of them is a wrapper of Extended JSON.
struct Plain<'a>(&'a Bson);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Bson::Document(fields) => serialize_document(fields, serializer),
            Bson::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&Plain(item))?;
                }
                list.end()
            }
            Bson::String(text) => serializer.serialize_str(text),
            Bson::Boolean(value) => serializer.serialize_bool(*value),
            Bson::Null => serializer.serialize_unit(),
            Bson::Int32(int) => serializer.serialize_i32(*int),
            // One that fits into 32 bits would be read back as such: it says what it is.
            Bson::Int64(int) if i32::try_from(*int).is_err() => serializer.serialize_i64(*int),
            Bson::Double(double) if double.is_finite() => serializer.serialize_f64(*double),
            other => serialize_wrapper(other, serializer),
        }
    }
}

/// The wrapper is read back from its text, without folding it: its parts are plain.
fn serialize_wrapper<S: Serializer>(value: &Bson, serializer: S) -> Result<S::Ok, S::Error> {
    value.clone().into_canonical_extjson().serialize(serializer)
}
