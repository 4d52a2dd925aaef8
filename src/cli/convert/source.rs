//! The file that is read: its values with their places, and references between them.

use crate::config::{Fault, Key, Kind, Node, Place, quoted};

/// So many references may stand behind one another.
const REFERENCES_MAX: usize = 32;

/// How a reference to another value of the file begins.
const TO_FILE: &str = "cfg://";
/// How a reference to an object of Python begins.
const TO_OBJECT: &str = "ext://";

/// A value, and the way that led to it.
#[derive(Clone, Debug)]
pub(super) struct Spot<'a> {
    root: &'a Node,
    node: &'a Node,
    way: String,
}

/// A key of a map, and what stands behind it.
#[derive(Clone, Debug)]
pub(super) struct Entry<'a> {
    pub name: &'a str,
    /// The value as it stands there, be it a reference.
    pub raw: Spot<'a>,
}

impl<'a> Spot<'a> {
    /// The whole file, in which each key must stand once.
    pub(super) fn root(root: &'a Node) -> Result<Self, Fault> {
        let spot = Self { root, node: root, way: String::new() };
        if !matches!(root.kind, Kind::Map(_)) {
            return Err(spot.expected("the keys of Python's `logging.config`, such as `version`"));
        }
        keys_stand_once(root)?;
        Ok(spot)
    }

    pub(super) const fn place(&self) -> Place {
        self.node.place
    }

    pub(super) fn way(&self) -> &str {
        &self.way
    }

    /// Is it the same value of the file?
    pub(super) fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self.node, other.node)
    }

    pub(super) const fn is_nothing(&self) -> bool {
        matches!(self.node.kind, Kind::Nothing)
    }

    pub(super) const fn is_map(&self) -> bool {
        matches!(self.node.kind, Kind::Map(_))
    }

    pub(super) const fn kind(&self) -> &'a Kind {
        &self.node.kind
    }

    pub(super) fn fault(&self, message: impl Into<String>) -> Fault {
        let fault = Fault::new(message).at_place(self.node.place);
        if self.way.is_empty() { fault } else { fault.within(self.way.as_str()) }
    }

    /// A fault: something else was expected.
    pub(super) fn expected(&self, expected: &str) -> Fault {
        self.fault(format!("found {}, expected {expected}", self.node.found()))
    }

    /// The keys and values of a map; none of nothing.
    pub(super) fn entries(&self) -> Result<Vec<Entry<'a>>, Fault> {
        match &self.node.kind {
            Kind::Nothing => Ok(Vec::new()),
            Kind::Map(entries) => {
                let entry = |(key, node): &'a (Key, Node)| Entry {
                    name: &key.name,
                    raw: self.below(&key.name, node),
                };
                Ok(entries.iter().map(entry).collect())
            }
            _ => Err(self.expected("keys with values")),
        }
    }

    /// The value behind a key of a map, as it stands there.
    pub(super) fn raw(&self, key: &str) -> Result<Option<Self>, Fault> {
        let found = self.entries()?.into_iter().find(|entry| entry.name == key);
        Ok(found.map(|entry| entry.raw).filter(|spot| !spot.is_nothing()))
    }

    /// The value behind a key of a map, with references followed; nothing, if it is null.
    pub(super) fn get(&self, key: &str) -> Result<Option<Self>, Fault> {
        let found = self.raw(key)?.map(|raw| raw.followed()).transpose()?;
        Ok(found.filter(|spot| !spot.is_nothing()))
    }

    /// The items of a list, as they stand there; a single text is a list too.
    pub(super) fn items(&self) -> Result<Vec<Self>, Fault> {
        match &self.node.kind {
            Kind::Nothing => Ok(Vec::new()),
            Kind::List(items) => {
                let spot = |(index, node)| Self {
                    root: self.root,
                    node,
                    way: format!("{}[{index}]", self.way),
                };
                Ok(items.iter().enumerate().map(spot).collect())
            }
            Kind::Text(_) => Ok(vec![self.clone()]),
            _ => Err(self.expected("a list")),
        }
    }

    /// A text, or any other scalar as it stands there.
    pub(super) fn text(&self) -> Result<&'a str, Fault> {
        self.node.text().ok_or_else(|| self.expected("a text"))
    }

    pub(super) fn number(&self) -> Result<f64, Fault> {
        match self.node.kind {
            Kind::Unsigned(number) => Ok(number as f64),
            Kind::Signed(number) => Ok(number as f64),
            Kind::Float(number) if number.is_finite() => Ok(number),
            _ => Err(self.expected("a number")),
        }
    }

    /// A whole number; Python takes one below 0 for 0 where it counts something.
    pub(super) fn whole(&self) -> Result<u64, Fault> {
        match self.node.kind {
            Kind::Unsigned(number) => Ok(number),
            Kind::Signed(_) => Ok(0),
            _ => Err(self.expected("a whole number")),
        }
    }

    /// `true` or `false`, also as YAML 1.1 writes them, which is what Python reads.
    pub(super) fn flag(&self) -> Result<bool, Fault> {
        match &self.node.kind {
            Kind::Bool(value) => Ok(*value),
            Kind::Text(text)
                if ["yes", "on"].iter().any(|word| word.eq_ignore_ascii_case(text)) =>
            {
                Ok(true)
            }
            Kind::Text(text)
                if ["no", "off"].iter().any(|word| word.eq_ignore_ascii_case(text)) =>
            {
                Ok(false)
            }
            _ => Err(self.expected("`true` or `false`")),
        }
    }

    /// The name of an object of Python, with or without the mark of a reference.
    pub(super) fn object(&self) -> Result<&'a str, Fault> {
        let text = self.text()?;
        Ok(text.strip_prefix(TO_OBJECT).unwrap_or(text))
    }

    /// The value that is meant, if this is a reference to one.
    pub(super) fn followed(&self) -> Result<Self, Fault> {
        self.follow(&mut Vec::new())
    }

    /// The value that a text names: by a reference, or as a key of `names`.
    pub(super) fn named(&self, names: &str) -> Result<Self, Fault> {
        let Kind::Text(name) = &self.node.kind else { return Ok(self.clone()) };
        if name.starts_with(TO_FILE) {
            return self.followed();
        }
        let root = Self { root: self.root, node: self.root, way: String::new() };
        let found = root.get(names)?.map(|map| map.raw(name)).transpose()?.flatten();
        let found = found.map(|raw| raw.followed()).transpose()?;
        found.ok_or_else(|| self.fault(format!("there is no {} in `{names}`", quoted(name))))
    }

    fn follow(&self, before: &mut Vec<&'a str>) -> Result<Self, Fault> {
        let Kind::Text(text) = &self.node.kind else { return Ok(self.clone()) };
        let Some(path) = text.strip_prefix(TO_FILE) else { return Ok(self.clone()) };
        if before.contains(&path) {
            return Err(self.fault(format!("the reference {} leads back to itself", quoted(text))));
        }
        if before.len() == REFERENCES_MAX {
            let message = format!("more than {REFERENCES_MAX} references behind one another");
            return Err(self.fault(message));
        }
        before.push(path);
        let unknown = || self.fault(format!("the reference {} leads to nothing", quoted(text)));
        let steps = steps(path).ok_or_else(|| {
            let message = format!("found {}, expected a reference", quoted(text));
            self.fault(format!("{message} such as `cfg://handlers.file.filename`"))
        })?;
        let mut spot = Self { root: self.root, node: self.root, way: String::new() };
        for step in steps {
            spot = spot.step(step).ok_or_else(unknown)?.follow(before)?;
        }
        Ok(spot)
    }

    fn step(&self, step: &str) -> Option<Self> {
        match &self.node.kind {
            Kind::Map(entries) => {
                let (key, node) = entries.iter().find(|(key, _)| key.name == step)?;
                Some(self.below(&key.name, node))
            }
            Kind::List(items) => {
                let node = items.get(step.parse::<usize>().ok()?)?;
                Some(Self { root: self.root, node, way: format!("{}[{step}]", self.way) })
            }
            _ => None,
        }
    }

    fn below(&self, key: &str, node: &'a Node) -> Self {
        let way = match self.way.as_str() {
            "" => key.to_owned(),
            way => format!("{way}.{key}"),
        };
        Self { root: self.root, node, way }
    }
}

/// The keys and indexes of a reference: `a.b[0].c`.
fn steps(path: &str) -> Option<Vec<&str>> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (name, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
        if name.is_empty() {
            return None;
        }
        steps.push(name);
        while !rest.is_empty() {
            let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
            steps.push(index);
            rest = after;
        }
    }
    Some(steps)
}

/// Python would take the last of two equal keys, silently.
fn keys_stand_once(node: &Node) -> Result<(), Fault> {
    match &node.kind {
        Kind::Map(entries) => {
            let mut seen = std::collections::HashMap::with_capacity(entries.len());
            for (key, value) in entries {
                if let Some(first) = seen.insert(&key.name, key.place) {
                    let (name, line) = (quoted(&key.name), first.line);
                    let message = format!("the key {name} is there twice, first in line {line}");
                    return Err(Fault::new(message).at_place(key.place));
                }
                keys_stand_once(value)?;
            }
            Ok(())
        }
        Kind::List(items) => items.iter().try_for_each(keys_stand_once),
        _ => Ok(()),
    }
}
