//! YAML as a tree in which every key and every value knows its place.
//!
//! The parser resolves aliases and merge keys, so that what comes out is plain maps and lists. Keys
//! that stand twice in a map are left for [`read`](super::read) to refuse: it knows their path.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_saphyr::{
    Location, MessageFormatter, Spanned, UserMessageFormatter, options::DuplicateKeyPolicy,
};

use super::{
    fault::{Fault, quoted},
    letters::{self, with_line_feeds},
};
use crate::filter::Part;

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub place: Place,
    pub kind: Kind,
    /// A scalar as it stands in the file, with its quotes; one that is no text and came from
    /// variables, as it stands in them.
    spelling: Option<String>,
    style: Style,
    written: Option<Written>,
}

/// How a scalar stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Without quotes: what it looks like is what it is.
    Plain,
    /// In quotes or in several lines, which makes a text of it; or not in the file.
    Other,
}

/// A scalar with variables, before their values were put in.
#[derive(Clone, Debug)]
struct Written {
    text: String,
    from: ValueFrom,
    style: Style,
    /// What came from the environment.
    values: Vec<String>,
}

/// A text with its variables put in.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    pub(super) text: String,
    /// Nowhere, if there was only `$${`.
    pub(super) from: Option<ValueFrom>,
    /// What came from the environment.
    pub(super) values: Vec<String>,
}

/// Where the value of a scalar with variables comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueFrom {
    /// From the defaults in the file alone.
    Defaults,
    /// From the environment, at least a part of it: never to be shown.
    Environment,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// An empty value, `null` or `~`.
    Nothing,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
    /// It had a fault, which has been told: as if it were not there. An item of a list keeps its
    /// index for those behind it.
    Cut,
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub place: Place,
    pub name: String,
}

/// Line and column, both from 1; columns are characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub line: u64,
    pub column: u64,
}

impl Place {
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        Self { line: location.line().max(1), column: location.column().max(1) }
    }
}

impl Node {
    /// Reads one document; an empty one is [`Kind::Nothing`].
    pub(crate) fn parse(source: &str) -> Result<Self, Fault> {
        let options = serde_saphyr::options! {
            // Each alias is its text once more: together they are no longer than two files.
            budget: serde_saphyr::budget! {
                max_nodes: 20_000, max_depth: 32, max_documents: 2, max_total_scalar_bytes: 2 << 20
            },
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
            Err(error) => Err(syntax(&error, source)),
        }
    }

    /// Nothing, at a place.
    pub(super) const fn nothing(place: Place) -> Self {
        Self { place, kind: Kind::Nothing, spelling: None, style: Style::Plain, written: None }
    }

    pub(super) const fn is_cut(&self) -> bool {
        matches!(self.kind, Kind::Cut)
    }

    /// Is something in it that was cut out?
    pub(super) fn has_cut(&self) -> bool {
        match &self.kind {
            Kind::Cut => true,
            Kind::List(items) => items.iter().any(Self::has_cut),
            Kind::Map(entries) => entries.iter().any(|(_, value)| value.has_cut()),
            _ => false,
        }
    }

    /// How a scalar stands in the file, if it has values of the environment in it.
    pub(super) fn written(&self) -> Option<&str> {
        let written = self.written.as_ref()?;
        (written.from == ValueFrom::Environment).then_some(&written.text)
    }

    /// A scalar that is what it looks like, as it stands in the file; with its variables, if they have
    /// values of the environment.
    #[cfg(feature = "cli")]
    pub(super) fn plain(&self) -> Option<&str> {
        match (&self.written, &self.kind) {
            (Some(Written { text, from: ValueFrom::Environment, style, .. }), _) => {
                (*style == Style::Plain).then_some(text)
            }
            (_, Kind::Text(_)) => None,
            _ => self.spelling.as_deref(),
        }
    }

    /// The values of the environment in it.
    pub(super) fn values(&self) -> &[String] {
        self.written.as_ref().map_or(&[], |written| &written.values)
    }

    /// Did it stand in the file in quotes, with values of the environment in it?
    pub(super) fn is_quoted(&self) -> bool {
        let style = self.written.as_ref().map(|written| written.style);
        self.written().is_some() && style == Some(Style::Other)
    }

    #[cfg(feature = "cli")]
    pub(super) const fn is_scalar(&self) -> bool {
        !matches!(self.kind, Kind::List(_) | Kind::Map(_))
    }

    /// The scalars in it that have values of the environment in them.
    pub(super) fn of_environment(&self) -> Vec<&Self> {
        match &self.kind {
            Kind::List(items) => items.iter().flat_map(Self::of_environment).collect(),
            Kind::Map(entries) => {
                entries.iter().flat_map(|(_, value)| value.of_environment()).collect()
            }
            _ => self.written().map(|_| self).into_iter().collect(),
        }
    }

    /// Puts the text with its variables resolved in the place of the one with variables.
    pub(super) fn resolve(&mut self, resolved: Resolved) {
        let Kind::Text(before) = &mut self.kind else { return };
        let Resolved { text: value, from, values } = resolved;
        let text = std::mem::take(before);
        self.kind = match (self.style, from) {
            (Style::Plain, Some(_)) => typed(&value),
            _ => Kind::Text(value.clone()),
        };
        let is_other = !matches!(self.kind, Kind::Text(_) | Kind::Nothing);
        self.spelling = is_other.then_some(value);
        let style = std::mem::replace(&mut self.style, Style::Other);
        self.written = from.map(|from| Written { text, from, style, values });
    }

    /// Changes every text in it.
    pub(super) fn map_texts(&mut self, map: &dyn Fn(&str) -> String) {
        match &mut self.kind {
            Kind::Text(text) => *text = map(text),
            Kind::List(items) => items.iter_mut().for_each(|item| item.map_texts(map)),
            Kind::Map(entries) => entries.iter_mut().for_each(|(_, value)| value.map_texts(map)),
            _ => {}
        }
    }

    /// The place of a key of the map.
    pub(super) fn place_of_key(&self, name: &str) -> Option<Place> {
        let Kind::Map(entries) = &self.kind else { return None };
        entries.iter().find(|(key, _)| key.name == name).map(|(key, _)| key.place)
    }

    /// The place of a letter of the text, counted from 0, if the file has it: variables have not.
    pub(super) fn place_of(&self, letter: usize) -> Option<Place> {
        match &self.kind {
            Kind::Text(text) => {
                letters::place_of(letter, text, self.spelling.as_deref()?, self.place)
            }
            _ => None,
        }
    }

    /// A scalar as it stands in the file.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => self.spelling.as_deref(),
        }
    }

    /// What is there, for a message.
    pub(crate) fn found(&self) -> String {
        if let Some(written) = &self.written {
            return quoted(&written.text);
        }
        match &self.kind {
            Kind::Nothing | Kind::Cut => "nothing".to_owned(),
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
    pub(super) fn find<'a>(&self, path: impl IntoIterator<Item = &'a Part>) -> Option<&Self> {
        path.into_iter().try_fold(self, |node, step| node.step(step))
    }

    /// The last node on the way that is there.
    pub(super) fn nearest<'a>(&self, path: impl IntoIterator<Item = &'a Part>) -> &Self {
        let mut node = self;
        for step in path {
            match node.step(step) {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    fn step(&self, step: &Part) -> Option<&Self> {
        match (&self.kind, step) {
            (Kind::Map(entries), Part::Key(name)) => {
                entries.iter().find(|(key, _)| key.name == *name).map(|(_, value)| value)
            }
            (Kind::List(items), Part::Index(index)) => items.get(*index),
            _ => None,
        }
    }

    fn step_mut(&mut self, step: &Part) -> Option<&mut Self> {
        match (&mut self.kind, step) {
            (Kind::Map(entries), Part::Key(name)) => {
                entries.iter_mut().find(|(key, _)| key.name == *name).map(|(_, value)| value)
            }
            (Kind::List(items), Part::Index(index)) => items.get_mut(*index),
            _ => None,
        }
    }

    /// The last node on the way that is there, to be changed.
    pub(super) fn nearest_mut<'a>(
        &mut self,
        path: impl IntoIterator<Item = &'a Part>,
    ) -> &mut Self {
        let mut node = self;
        for step in path {
            if node.step(step).is_none() {
                break;
            }
            node = node.step_mut(step).expect("it is there");
        }
        node
    }

    fn new(raw: Spanned<Raw>, source: &str) -> Self {
        // Of an alias, the place of its anchor: there stands what is to be changed.
        let place = raw.defined.into();
        let spelling = slice(source, raw.defined);
        let node = |kind, spelling: Option<&str>, style| Self {
            place,
            kind,
            spelling: spelling.map(str::to_owned),
            style,
            written: None,
        };
        let plain = |kind| node(kind, spelling, Style::Plain);
        match raw.value {
            Raw::Nothing => Self::nothing(place),
            Raw::Bool(value) => plain(Kind::Bool(value)),
            Raw::Unsigned(value) => plain(Kind::Unsigned(value)),
            Raw::Signed(value) => plain(Kind::Signed(value)),
            Raw::Float(value) => plain(Kind::Float(value)),
            Raw::Text(value) => {
                let is_plain = spelling.is_some_and(|text| text == value) && !value.contains('\n');
                let style = if is_plain { Style::Plain } else { Style::Other };
                node(Kind::Text(value), spelling, style)
            }
            Raw::List(items) => {
                let items = items.into_iter().map(|item| Self::new(item, source));
                node(Kind::List(items.collect()), None, Style::Plain)
            }
            Raw::Map(entries) => {
                let entries = entries.into_iter().map(|(key, value)| {
                    let key = Key { place: key.defined.into(), name: key.value };
                    (key, Self::new(value, source))
                });
                node(Kind::Map(entries.collect()), None, Style::Plain)
            }
        }
    }
}

/// What a text without quotes is, by YAML's core schema; never a list or a map.
fn typed(text: &str) -> Kind {
    let is_number =
        text.starts_with(|letter: char| letter.is_ascii_digit() || "+-.".contains(letter));
    match text {
        "" | "~" | "null" => Kind::Nothing,
        "true" => Kind::Bool(true),
        "false" => Kind::Bool(false),
        _ => match (text.parse(), text.parse(), text.parse()) {
            (Ok(number), ..) => Kind::Unsigned(number),
            (_, Ok(number), _) => Kind::Signed(number),
            (.., Ok(number)) if is_number => Kind::Float(number),
            _ => Kind::Text(text.to_owned()),
        },
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
fn syntax(error: &serde_saphyr::Error, source: &str) -> Fault {
    use serde_saphyr::Error as Yaml;
    let message = match error {
        Yaml::AliasError { error, .. } => return syntax(error, source),
        Yaml::MultipleDocuments { .. } => "found a second document, expected one".to_owned(),
        Yaml::Budget { .. } => "found more than a configuration can need".to_owned(),
        Yaml::UnknownAnchor { .. } => "found an alias without its anchor".to_owned(),
        _ => UserMessageFormatter.format_message(error).into_owned(),
    };
    let place = error.location().map_or(Place::START, Place::from);
    let hint = match &message {
        message if message.starts_with("tabs ") => ": indent with spaces",
        message if message.contains("flow ") && is_at_variable(source, place) => {
            ": within `{..}` and `[..]` a variable needs quotes, which make a text of it; for a \
             number, `true` or `false`, write the map or list on lines of its own"
        }
        _ => "",
    };
    Fault::new(message + hint).at_place(place)
}

/// Does the brace of a variable stand at the place?
fn is_at_variable(source: &str, place: Place) -> bool {
    let n_before = |number: u64| usize::try_from(number - 1).unwrap_or(usize::MAX);
    let line = with_line_feeds(source).split('\n').nth(n_before(place.line)).map(str::to_owned);
    let start = |line: &str| line.chars().take(n_before(place.column)).collect::<String>();
    line.is_some_and(|line| {
        let start = start(&line);
        start.ends_with('$') && line[start.len()..].starts_with('{')
    })
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
