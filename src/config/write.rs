//! Settings to YAML, through the same tree: a text that looks like a variable is written so that it
//! stays a text, and a value that came from a variable is written as that variable.

use serde::{Serialize, Serializer, ser::Error as _};
use serde_saphyr::ser::Error;

use super::{
    Settings,
    tree::{Kind, Node},
    variables::escaped,
};
#[cfg(feature = "cli")]
use crate::filter::Part;

/// All settings as YAML.
pub(super) fn to_string(settings: &Settings) -> Result<String, Error> {
    let yaml = written(settings)?;
    // Without this mark there is nothing to be escaped, and the tree is the text.
    if !yaml.contains("${") {
        return Ok(yaml);
    }
    let mut tree = parsed(&yaml)?;
    tree.map_texts(&escaped);
    written(&tree)
}

/// The same, with the variables of the tree that the settings were read from.
#[cfg(feature = "cli")]
pub(super) fn to_string_with(settings: &Settings, from: &Node) -> Result<String, Error> {
    let mut tree = parsed(&written(settings)?)?;
    tree.map_texts(&escaped);
    put_back(&mut tree, from, &mut Vec::new());
    written(&tree)
}

fn parsed(yaml: &str) -> Result<Node, Error> {
    Node::parse(yaml).map_err(Error::custom)
}

fn written(value: &impl Serialize) -> Result<String, Error> {
    // Templates stay in one line, as they will be in the output.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let mut yaml = serde_saphyr::to_string_with_options(value, options)?;
    if !yaml.ends_with('\n') {
        yaml.push('\n');
    }
    Ok(yaml)
}

/// Puts each scalar of `from` that has a value of the environment back as it was written. Where the
/// settings have another form than the file, all of what it became is.
#[cfg(feature = "cli")]
fn put_back(tree: &mut Node, from: &Node, way: &mut Vec<Part>) {
    if let Some(written) = from.written() {
        tree.nearest_mut(way.iter()).kind = Kind::Text(written.to_owned());
        return;
    }
    match &from.kind {
        Kind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                way.push(index.into());
                put_back(tree, item, way);
                way.pop();
            }
        }
        Kind::Map(entries) => {
            for (key, value) in entries {
                way.push(key.name.as_str().into());
                put_back(tree, value, way);
                way.pop();
            }
        }
        _ => {}
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.kind {
            Kind::Nothing | Kind::Cut => serializer.serialize_unit(),
            Kind::Bool(value) => serializer.serialize_bool(*value),
            Kind::Unsigned(value) => serializer.serialize_u64(*value),
            Kind::Signed(value) => serializer.serialize_i64(*value),
            Kind::Float(value) => serializer.serialize_f64(*value),
            Kind::Text(text) => serializer.serialize_str(text),
            Kind::List(items) => serializer.collect_seq(items),
            Kind::Map(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (&key.name, value)))
            }
        }
    }
}
