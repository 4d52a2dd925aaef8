//! A tree of JSON, or of any other format, as BSON: in its order, with Extended JSON folded.

use std::fmt;

use mongodb::bson::{Bson, Document};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::fold::fold;

/// Documents and lists stand in each other no deeper than this.
pub(crate) const DEPTH_MAX: usize = 100;

/// Reads one value; nothing but white space may stand behind it.
///
/// # Errors
///
/// When it is no JSON, a key stands twice in a document, a wrapper of Extended JSON is malformed, or
/// it is too deep.
pub(crate) fn parse(text: &[u8]) -> Result<Bson, ReadError> {
    let mut json = serde_json::Deserializer::from_slice(text);
    Tree::new()
        .deserialize(&mut json)
        .and_then(|value| json.end().map(|()| value))
        .map_err(|error| ReadError::new(&error, text))
}

/// What is wrong in a text of JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReadError {
    /// From 1.
    pub line: usize,
    /// Counted in characters, from 1.
    pub column: usize,
    pub message: String,
}

impl ReadError {
    fn new(error: &serde_json::Error, text: &[u8]) -> Self {
        let (line, column) = (error.line().max(1), error.column());
        let before = text.split(|byte| *byte == b'\n').nth(line - 1).unwrap_or_default();
        let before = String::from_utf8_lossy(&before[..column.min(before.len())]);
        let message = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = message.strip_suffix(&place).unwrap_or(&message);
        Self { line, column: before.chars().count().max(1), message: message.to_owned() }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for ReadError {}

/// Reads a value out of any format that describes itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tree {
    /// How many levels there may still be.
    left: usize,
}

impl Tree {
    /// At the root.
    pub(crate) const fn new() -> Self {
        Self { left: DEPTH_MAX }
    }

    fn below<E: de::Error>(self) -> Result<Self, E> {
        let left = self.left.checked_sub(1).ok_or_else(|| {
            E::custom(format_args!("it is too deep: there are more than {DEPTH_MAX} levels"))
        })?;
        Ok(Self { left })
    }
}

impl<'de> DeserializeSeed<'de> for Tree {
    type Value = Bson;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Bson, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree {
    type Value = Bson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Bson, E> {
        Ok(value.into())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Bson, E> {
        Ok(i32::try_from(value).map_or(Bson::Int64(value), Bson::Int32))
    }

    #[expect(clippy::cast_precision_loss, reason = "BSON has no integers of this size")]
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Bson, E> {
        i64::try_from(value).map_or(Ok(Bson::Double(value as f64)), |value| self.visit_i64(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Bson, E> {
        Ok(value.into())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Bson, E> {
        Ok(value.into())
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Bson, E> {
        Ok(value.into())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Bson, E> {
        Ok(Bson::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Bson, E> {
        Ok(Bson::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Bson, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Bson, D::Error> {
        self.deserialize(inner)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Bson, A::Error> {
        let below = self.below()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(below)? {
            items.push(item);
        }
        Ok(Bson::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Bson, A::Error> {
        let below = self.below()?;
        let mut document = Document::new();
        while let Some(key) = map.next_key::<String>()? {
            if document.contains_key(&key) {
                return Err(de::Error::custom(format_args!("the key `{key}` is there twice")));
            }
            let value = map.next_value_seed(below)?;
            document.insert(key, value);
        }
        fold(document).map_err(de::Error::custom)
    }
}
