//! Short forms of settings: `mask: Filter` and `mask: [Filter, Update]` for `mask: {fields: [...]}`.

use std::{fmt, marker::PhantomData, ops::Deref};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, value::MapAccessDeserializer, value::SeqAccessDeserializer},
};

use crate::filter::FieldPath;

/// Paths of a step: a list, or one path alone.
///
/// ```
/// use mongowatch::filter::FieldPaths;
///
/// let paths: FieldPaths = ["Filter.email", "Update"].iter().map(|path| path.parse()).collect::<Result<_, _>>()?;
/// assert_eq!(paths.len(), 2);
/// # Ok::<(), mongowatch::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FieldPaths(Vec<FieldPath>);

impl Deref for FieldPaths {
    type Target = [FieldPath];

    fn deref(&self) -> &[FieldPath] {
        &self.0
    }
}

impl FieldPaths {
    /// Is there no path?
    pub(super) fn is_none(&self) -> bool {
        self.0.is_empty()
    }
}

impl<P: Into<FieldPath>> From<P> for FieldPaths {
    fn from(path: P) -> Self {
        Self(vec![path.into()])
    }
}

impl FromIterator<FieldPath> for FieldPaths {
    fn from_iter<I: IntoIterator<Item = FieldPath>>(paths: I) -> Self {
        Self(paths.into_iter().collect())
    }
}

/// Settings in short, as paths alone, or in full.
pub(super) enum Form<T> {
    Short(FieldPaths),
    Full(T),
}

/// Stands for settings that have no full form.
enum Never {}

impl<'de> Deserialize<'de> for Never {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(de::Error::invalid_type(de::Unexpected::Map, &PATHS))
    }
}

const PATHS: &str = "a path, or a list of paths";

impl<'de> Deserialize<'de> for FieldPaths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = FormVisitor::<Never> { expected: PATHS, full: PhantomData };
        match deserializer.deserialize_any(visitor)? {
            Form::Short(paths) => Ok(paths),
            Form::Full(never) => match never {},
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Form<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FormVisitor {
            expected: "a path, a list of paths, or keys with values",
            full: PhantomData,
        })
    }
}

struct FormVisitor<T> {
    expected: &'static str,
    full: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> de::Visitor<'de> for FormVisitor<T> {
    type Value = Form<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Form<T>, E> {
        let path: FieldPath = text.parse().map_err(E::custom)?;
        Ok(Form::Short(path.into()))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, items: A) -> Result<Form<T>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(items))
            .map(|paths| Form::Short(FieldPaths(paths)))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, entries: A) -> Result<Form<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(entries)).map(Form::Full)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for FieldPaths {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FieldPaths".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let path = generator.subschema_for::<FieldPath>();
        schemars::json_schema!({
            "description": "A path, or a list of paths.",
            "anyOf": [path, { "type": ["array"], "items": path }],
        })
    }
}

/// Defines settings that may be written as paths alone: one definition for both forms and for the
/// schema.
macro_rules! short_settings {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize)]
        #[non_exhaustive]
        pub struct $name { $($(#[$field_meta])* pub $field: $type,)* }

        const _: () = {
            #[derive(serde::Deserialize)]
            #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
            #[serde(deny_unknown_fields)]
            $(#[$meta])*
            struct Full { $($(#[$field_meta])* $field: $type,)* }

            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(
                    deserializer: D,
                ) -> Result<Self, D::Error> {
                    Ok(match $crate::filter::short::Form::<Full>::deserialize(deserializer)? {
                        $crate::filter::short::Form::Short(fields) => Self::new(fields),
                        $crate::filter::short::Form::Full(full) => {
                            Self { $($field: full.$field,)* }
                        }
                    })
                }
            }

            #[cfg(feature = "schema")]
            impl schemars::JsonSchema for $name {
                fn schema_name() -> std::borrow::Cow<'static, str> {
                    stringify!($name).into()
                }

                fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                    let short = generator.subschema_for::<$crate::filter::FieldPaths>();
                    let mut full = Full::json_schema(generator);
                    let description = full.remove("description");
                    schemars::json_schema!({
                        "description": description,
                        "anyOf": [short, full],
                    })
                }
            }
        };
    };
}

pub(super) use short_settings;
