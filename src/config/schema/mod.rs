//! The JSON Schema of a configuration file, for editors and other tools.
//!
//! It is made of the types of the settings, which derive `schemars::JsonSchema` or, where `serde` reads a
//! text, say it by hand. What is true of the reader as a whole is said here, in passes over all of it
//! ([`reader`]), so that a new type needs no more than its derive. Only a field that is read by a function
//! (`serde(with = ..)`) names a type that has a schema: `schemars(with = "Duration")`. Doc comments become
//! descriptions ([`prose`]).

mod prose;
mod reader;
#[cfg(test)]
mod tests;

use schemars::{generate::SchemaSettings, transform::RecursiveTransform};

use super::Settings;

/// The JSON Schema (2020-12) of a configuration file, as it stands in `config/mongowatch.schema.json`.
///
/// An editor with a YAML language server offers keys and values by it, and marks what is wrong. It is
/// never stricter than what reads the file, but for two things that nobody writes: a choice without
/// anything behind it as a key (`capture: {spans: }`), and a variable, empty by default, where a list or
/// keys are expected. What depends on two places, such as a path that two layers have, only
/// `mongowatch config check` sees.
///
/// ```
/// let schema = mongowatch::config::json_schema();
/// assert!(schema.contains(r#""$schema": "https://json-schema.org/draft/2020-12/schema""#));
/// ```
#[must_use]
pub fn json_schema() -> String {
    let settings = SchemaSettings::draft2020_12()
        .with_transform(RecursiveTransform(prose::plain))
        .with_transform(reader::as_it_is_read);
    let mut schema = settings.into_generator().into_root_schema_for::<Settings>();
    schema.insert("title".to_owned(), "Configuration of mongowatch".into());
    format!("{:#}\n", schema.as_value())
}
