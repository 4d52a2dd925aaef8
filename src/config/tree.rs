//! YAML as a tree in which every key and every value knows its place.
//!
//! The parser resolves aliases and merge keys, so that what comes out is plain maps and lists. Keys
//! that stand twice in a map are left for [`read`](super::read) to refuse: it knows their path.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_saphyr::{
    Location, MessageFormatter, Spanned, UserMessageFormatter, options::DuplicateKeyPolicy,
};

use super::fault::{Fault, Step, quoted};

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub place: Place,
    pub kind: Kind,
    /// A scalar as it stands in the file, without quotes.
    text: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// An empty value, `null` or `~`.
    Nothing,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Debug)]
pub(super) struct Key {
    pub place: Place,
    pub name: String,
}

/// Line and column, both from 1; columns are characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub line: u64,
    pub column: u64,
}

impl Place {
    pub(super) const START: Self = Self { line: 1, column: 1 };
}

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        Self { line: location.line().max(1), column: location.column().max(1) }
    }
}

impl Node {
    /// Reads one document; an empty one is [`Kind::Nothing`].
    pub(super) fn parse(source: &str) -> Result<Self, Fault> {
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! { max_nodes: 20_000, max_depth: 32, max_documents: 2 },
            // All of YAML 1.1's `yes`, `no`, `on` and `off` are texts: `off` is a level.
            strict_booleans: true,
            duplicate_keys: DuplicateKeyPolicy::PassThrough,
            reject_unsupported_tags: true,
            reject_tagged_field_names: true,
            with_snippet: false,
        };
        match serde_saphyr::from_str_with_options(source, options) {
            Ok(raw) => Ok(Self::new(raw, source)),
            Err(serde_saphyr::Error::Eof { .. }) => Ok(Self::nothing(Place::START)),
            Err(error) => Err(syntax(&error)),
        }
    }

    /// Nothing, at a place.
    pub(super) const fn nothing(place: Place) -> Self {
        Self { place, kind: Kind::Nothing, text: None }
    }

    /// A scalar as it stands in the file.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => self.text.as_deref(),
        }
    }

    /// What is there, for a message.
    pub(super) fn found(&self) -> String {
        match &self.kind {
            Kind::Nothing => "nothing".to_owned(),
            Kind::List(items) if items.is_empty() => "an empty list".to_owned(),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a map".to_owned(),
            // Quotes make a text of what looks like something else.
            Kind::Text(text) if text.parse::<f64>().is_ok() || text.parse::<bool>().is_ok() => {
                format!("the text {}", quoted(text))
            }
            _ => quoted(self.text().unwrap_or_default()),
        }
    }

    /// The node at the end of the way, if all of its steps are there.
    pub(super) fn find<'a>(&self, path: impl IntoIterator<Item = &'a Step>) -> Option<&Self> {
        path.into_iter().try_fold(self, |node, step| node.step(step))
    }

    /// The last node on the way that is there.
    pub(super) fn nearest<'a>(&self, path: impl IntoIterator<Item = &'a Step>) -> &Self {
        let mut node = self;
        for step in path {
            match node.step(step) {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    fn step(&self, step: &Step) -> Option<&Self> {
        match (&self.kind, step) {
            (Kind::Map(entries), Step::Key(name)) => {
                entries.iter().find(|(key, _)| key.name == *name).map(|(_, value)| value)
            }
            (Kind::List(items), Step::Index(index)) => items.get(*index),
            _ => None,
        }
    }

    fn new(raw: Spanned<Raw>, source: &str) -> Self {
        // Of an alias, the place of its anchor: there stands what is to be changed.
        let place = raw.defined.into();
        let text = slice(source, raw.defined).map(str::to_owned);
        let plain = |kind| Self { place, kind, text };
        match raw.value {
            Raw::Nothing => Self::nothing(place),
            Raw::Bool(value) => plain(Kind::Bool(value)),
            Raw::Unsigned(value) => plain(Kind::Unsigned(value)),
            Raw::Signed(value) => plain(Kind::Signed(value)),
            Raw::Float(value) => plain(Kind::Float(value)),
            Raw::Text(value) => Self { place, kind: Kind::Text(value), text: None },
            Raw::List(items) => {
                let items = items.into_iter().map(|item| Self::new(item, source));
                Self { place, kind: Kind::List(items.collect()), text: None }
            }
            Raw::Map(entries) => {
                let entries = entries.into_iter().map(|(key, value)| {
                    let key = Key { place: key.defined.into(), name: key.value };
                    (key, Self::new(value, source))
                });
                Self { place, kind: Kind::Map(entries.collect()), text: None }
            }
        }
    }
}

/// The text between the ends of a location.
fn slice(source: &str, location: Location) -> Option<&str> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let len = usize::try_from(span.byte_len()?).ok()?;
    source.get(start..start.checked_add(len)?)
}

/// What the parser has against the text, in our words where it speaks of its own options.
fn syntax(error: &serde_saphyr::Error) -> Fault {
    use serde_saphyr::Error as Yaml;
    let message = match error {
        Yaml::AliasError { error, .. } => return syntax(error),
        Yaml::MultipleDocuments { .. } => "found a second document, expected one".to_owned(),
        Yaml::Budget { .. } => "found more than a configuration can need".to_owned(),
        Yaml::UnknownAnchor { .. } => "found an alias without its anchor".to_owned(),
        _ => UserMessageFormatter.format_message(error).into_owned(),
    };
    let hint = if message.starts_with("tabs ") { ": indent with spaces" } else { "" };
    let place = error.location().map_or(Place::START, Place::from);
    Fault::new(message + hint).at_place(place)
}

/// What the parser gives, before the texts of scalars are cut out of the source.
enum Raw {
    Nothing,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> de::Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(u64::try_from(value).map_or(Raw::Signed(value), Raw::Unsigned))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Unsigned(value))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Float(value as f64))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Float(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}
