//! Fields and sizes as the configuration names them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{format::Template, record::Field, watch_error::Error};

/// The columns of a CSV file.
///
/// In YAML `default` (those of pymongowatch after the watcher's name), `all`, or a list of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Columns {
    /// [`Field::CSV_DEFAULT`].
    #[default]
    Default,
    /// [`Field::ALL`].
    All,
    /// These, in this order.
    Fields(Vec<Field>),
}

impl Columns {
    /// The fields, in their order.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        match self {
            Self::Default => Field::CSV_DEFAULT,
            Self::All => Field::ALL,
            Self::Fields(fields) => fields,
        }
    }
}

/// The fields that `{watch}` and `{rest}` of a template show; in YAML a list, or `all`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown(pub Vec<Field>);

impl Default for Shown {
    fn default() -> Self {
        Self(Template::SHOWN_DEFAULT.to_vec())
    }
}

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldsVisitor)
    }
}

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let columns = deserializer.deserialize_any(FieldsVisitor)?;
        Ok(if columns == Columns::Default {
            Self::default()
        } else {
            Self(columns.fields().into())
        })
    }
}

impl Serialize for Columns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Default => serializer.serialize_str("default"),
            Self::All => serializer.serialize_str("all"),
            Self::Fields(fields) => names(fields, serializer),
        }
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        names(&self.0, serializer)
    }
}

fn names<S: Serializer>(fields: &[Field], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(fields)
}

/// Takes a word or a list. Not `untagged`: that would lose the place of an error.
struct FieldsVisitor;

impl<'de> de::Visitor<'de> for FieldsVisitor {
    type Value = Columns;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`default`, `all` or a list of fields")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Columns, E> {
        match word {
            "default" => Ok(Columns::Default),
            "all" => Ok(Columns::All),
            _ => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
        }
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Columns, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = items.next_element()? {
            if fields.contains(&field) {
                return Err(de::Error::custom(format_args!("the field `{field}` is there twice")));
            }
            fields.push(field);
        }
        if fields.is_empty() {
            return Err(de::Error::invalid_length(0, &self));
        }
        Ok(Columns::Fields(fields))
    }
}

/// The size of a file; in YAML a number of bytes or a text such as `100MB` or `64KiB`.
///
/// ```
/// use mongowatch::layer::FileSize;
///
/// assert_eq!("64KiB".parse::<FileSize>()?, FileSize::from_bytes(65_536)?);
/// assert!("12 parsec".parse::<FileSize>().is_err());
/// # Ok::<(), mongowatch::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct FileSize(u64);

impl FileSize {
    /// A file has at least so many bytes before it is rotated.
    pub const MIN: u64 = 1_000;

    /// So many bytes.
    ///
    /// # Errors
    ///
    /// When it is less than [`FileSize::MIN`].
    pub fn from_bytes(bytes: u64) -> Result<Self, Error> {
        if bytes < Self::MIN {
            let min = Self::MIN;
            return Err(Error::invalid(format!("expected at least {min} bytes, found {bytes}")));
        }
        Ok(Self(bytes))
    }

    /// How many bytes that is.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl std::str::FromStr for FileSize {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let size = text.parse::<bytesize::ByteSize>().map_err(|_| {
            Error::invalid(format!("expected a size such as `100MB` or `64KiB`, found `{text}`"))
        })?;
        Self::from_bytes(size.as_u64())
    }
}

impl<'de> Deserialize<'de> for FileSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }
}

struct SizeVisitor;

impl de::Visitor<'_> for SizeVisitor {
    type Value = FileSize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size such as `100MB` or `64KiB`")
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<FileSize, E> {
        FileSize::from_bytes(bytes).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<FileSize, E> {
        self.visit_u64(bytes.try_into().unwrap_or(0))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<FileSize, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Columns {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Columns".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let default = "The fields of pymongowatch, after the name of the watcher.";
        one_of_the_lists("The columns of a CSV file.", default, generator)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Shown {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Shown".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let default = "Where it was done, what, how long it took, the counts, and how it ended.";
        one_of_the_lists("The fields that texts show.", default, generator)
    }
}

#[cfg(feature = "schema")]
fn one_of_the_lists(
    description: &str,
    default: &str,
    generator: &mut schemars::SchemaGenerator,
) -> schemars::Schema {
    let field = generator.subschema_for::<Field>();
    schemars::json_schema!({
        "description": description,
        "anyOf": [
            { "type": "string", "const": "default", "description": default },
            { "type": "string", "const": "all", "description": "Every field." },
            { "type": ["array"], "items": field, "minItems": 1, "uniqueItems": true },
        ],
    })
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for FileSize {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FileSize".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The size of a file: a number of bytes, or a text such as `100MB` or `64KiB`.",
            "examples": ["100MB", "64KiB"],
            "anyOf": [
                { "type": "string", "pattern": r"^\+?[0-9.]+(?:\s*(?:[kmgtpeKMGTPE][iI]?[bB]?|[bB]))?$" },
                { "type": "integer", "minimum": Self::MIN },
            ],
        })
    }
}
