//! Settings to YAML, through the same tree: a text that looks like a variable is written so that it
//! stays a text, and a value that came from a variable is written as that variable.

use serde::{Serialize, Serializer, ser::Error as _};
use serde_saphyr::{DoubleQuoted, ser::Error};

#[cfg(feature = "cli")]
use super::tree::Key;
use super::{
    Settings,
    tree::{Kind, Node},
    variables::escaped,
};

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
    let yaml = written(settings)?;
    let mut tree = parsed(&yaml)?;
    tree.map_texts(&escaped);
    let mut plain = Plain::beside(&yaml, from);
    put_back(&mut tree, from, &mut plain);
    Ok(plain.put_in(&written(&tree)?))
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
/// settings have another form than the file (`mask: [Filter]`), all of what it became is.
#[cfg(feature = "cli")]
fn put_back(tree: &mut Node, from: &Node, plain: &mut Plain) {
    if from.of_environment().is_empty() {
        return;
    }
    match (&mut tree.kind, &from.kind) {
        // A list of scalars is a set now and then, in an order of its own.
        (Kind::List(items), Kind::List(before))
            if items.len() == before.len() && !before.iter().any(Node::is_scalar) =>
        {
            items.iter_mut().zip(before).for_each(|(item, from)| put_back(item, from, plain));
        }
        (Kind::Map(entries), Kind::Map(before)) if is_same_form(entries, before) => {
            for (key, from) in before {
                match entries.iter_mut().find(|(other, _)| other.name == key.name) {
                    Some((_, value)) => put_back(value, from, plain),
                    // It came to nothing, and settings leave that out.
                    None if from.of_environment().is_empty() => {}
                    None => entries.push((key.clone(), plain.written(from))),
                }
            }
        }
        _ => *tree = plain.written(from),
    }
}

/// Does the map of settings have all keys of the map in the file that have something behind them?
#[cfg(feature = "cli")]
fn is_same_form(entries: &[(Key, Node)], before: &[(Key, Node)]) -> bool {
    let has = |name: &str| entries.iter().any(|(key, _)| key.name == name);
    before.iter().all(|(key, value)| matches!(value.kind, Kind::Nothing) || has(&key.name))
}

/// The scalars that must be written as they are: the serializer would put some in quotes, which
/// makes texts of them. A mark stands in the place of each until all else is written.
#[cfg(feature = "cli")]
struct Plain {
    mark: String,
    scalars: Vec<String>,
}

#[cfg(feature = "cli")]
impl Plain {
    /// With a mark that is in none of both.
    fn beside(yaml: &str, from: &Node) -> Self {
        let from = format!("{from:?}");
        let is_free = |mark: &String| !yaml.contains(mark) && !from.contains(mark);
        let mut marks = (0_u64..).map(|number| format!("scalar{number}x"));
        let mark = marks.find(is_free).expect("a text holds only so many marks");
        Self { mark, scalars: Vec::new() }
    }

    /// The node as it stands in the file.
    fn written(&mut self, from: &Node) -> Node {
        let mut node = from.clone();
        match (&mut node.kind, from.plain(), from.written()) {
            (Kind::List(items), ..) => {
                items.iter_mut().for_each(|item| *item = self.written(item));
            }
            (Kind::Map(entries), ..) => {
                entries.iter_mut().for_each(|(_, value)| *value = self.written(value));
            }
            (kind, Some(plain), _) => {
                self.scalars.push(plain.to_owned());
                *kind = Kind::Text(self.marked(self.scalars.len() - 1));
            }
            (kind, None, Some(written)) => *kind = Kind::Text(written.to_owned()),
            (Kind::Text(text), ..) => *text = escaped(text),
            _ => {}
        }
        node
    }

    fn marked(&self, index: usize) -> String {
        format!("{}{index}x", self.mark)
    }

    /// The text with each scalar for its mark.
    fn put_in(&self, yaml: &str) -> String {
        let marked = self.scalars.iter().enumerate();
        marked.fold(yaml.to_owned(), |yaml, (index, scalar)| {
            yaml.replacen(&self.marked(index), scalar, 1)
        })
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
            // A variable in quotes is a text, whatever its value looks like.
            Kind::Text(text) if self.is_quoted() => DoubleQuoted(text).serialize(serializer),
            Kind::Text(text) => serializer.serialize_str(text),
            Kind::List(items) => serializer.collect_seq(items),
            Kind::Map(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (&key.name, value)))
            }
        }
    }
}
