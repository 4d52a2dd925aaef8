//! `drop`, `keep` and `rename`: which fields a record has, and under which names.

use mongodb::bson::{Bson, Document};

use super::{
    Draft, Fault, FieldPath, FieldPaths, Filter, Part, Query, Verdict,
    edit::{Change, Edit, Intent, Places, clear},
    path::Kind,
};
use crate::record::{Field, Timestamp, Value, WatchMessage, WatcherName};

/// Removes what its paths name.
#[derive(Debug)]
pub(super) struct Drop(Places);

impl Drop {
    pub(super) fn build(paths: &FieldPaths) -> Result<Self, Fault> {
        Places::new(paths, &[], Intent::Remove).map(Self).map_err(Fault::out)
    }
}

impl Filter for Drop {
    fn apply(&mut self, draft: &mut Draft) -> Verdict {
        self.0.apply(draft, &mut Removing::default());
        Verdict::Pass
    }
}

/// Removes what its paths do not name, but for what tells a record from others.
#[derive(Debug)]
pub(super) struct Keep {
    /// Fields to which no path leads.
    gone: Vec<Field>,
    /// Fields of which parts stay.
    parts: Option<Places>,
}

impl Keep {
    pub(super) fn build(paths: &FieldPaths) -> Result<Self, Fault> {
        if paths.is_empty() {
            return Err(Fault::new("expected at least one path, such as `Collection`"));
        }
        let leads = |path: &&FieldPath, field: &Field| path.fields().contains(field);
        let may_go = |field: &&Field| Kind::of(**field) != Kind::Identity;
        let mut gone = Vec::new();
        let mut in_part = Vec::new();
        for field in Field::ALL.iter().filter(may_go) {
            let mut here = paths.iter().filter(|path| leads(path, field)).peekable();
            if here.peek().is_none() {
                gone.push(*field);
            } else if here.all(|path| !path.steps().is_empty()) {
                in_part.push(FieldPath::of(*field));
            }
        }
        let names_part = |path: &&FieldPath| {
            path.fields().iter().any(|field| in_part.contains(&FieldPath::of(*field)))
        };
        let kept: Vec<_> = paths.iter().filter(names_part).cloned().collect();
        let parts = match &in_part[..] {
            [] => None,
            fields => Some(Places::new(fields, &kept, Intent::Remove).map_err(Fault::out)?),
        };
        Ok(Self { gone, parts })
    }
}

impl Filter for Keep {
    fn apply(&mut self, draft: &mut Draft) -> Verdict {
        for field in &self.gone {
            if !draft.record().get(*field).is_missing() {
                clear(draft, *field);
            }
        }
        if let Some(parts) = &self.parts {
            parts.apply(draft, &mut Removing { is_leaves_only: true, n_values: 0 });
        }
        Verdict::Pass
    }
}

#[derive(Default)]
pub(super) struct Removing {
    /// Documents and lists may hold what stays.
    is_leaves_only: bool,
    n_values: u64,
}

impl Edit for Removing {
    fn value(&mut self, _: Option<&str>, value: Value<'_>) -> Change {
        if self.is_leaves_only && matches!(value, Value::Document(_) | Value::Array(_)) {
            return Change::Enter;
        }
        self.n_values += 1;
        Change::Remove
    }

    fn key(&mut self, _: &str) -> Option<String> {
        None
    }

    fn n_values(&mut self) -> &mut u64 {
        &mut self.n_values
    }
}

/// Moves values to other places.
#[derive(Debug)]
pub(super) struct Rename(Vec<(FieldPath, Places, Target)>);

impl Rename {
    /// Of a map from paths to paths.
    pub(super) fn build(names: &Query) -> Result<Self, Fault> {
        let one = |(from, to): (&String, &Bson)| {
            let Bson::String(to) = to else {
                return Err(Fault::new("expected a path, such as `Extra.Team`"));
            };
            let path: FieldPath = from.parse().map_err(Fault::of_text)?;
            if !path.is_exact() {
                return Err(Fault::new(format!("`{from}` may name several places, expected one")));
            }
            let places = Places::new(std::slice::from_ref(&path), &[], Intent::Remove);
            let to = Target::parse(to)?;
            Ok((path, places.map_err(Fault::out)?, to))
        };
        let within = |(from, to): (&String, &Bson)| {
            one((from, to)).map_err(|fault| fault.within(Part::from(from.as_str())))
        };
        names.as_document().iter().map(within).collect::<Result<_, _>>().map(Self)
    }
}

impl Filter for Rename {
    fn apply(&mut self, draft: &mut Draft) -> Verdict {
        for (from, places, to) in &self.0 {
            let value = from.get(draft.record());
            if value.is_missing() {
                continue;
            }
            let value = value.into();
            places.apply(draft, &mut Removing::default());
            // What does not fit its new place is gone, rather than left under the old name.
            let _fits = to.put(draft, value);
        }
        Verdict::Pass
    }
}

/// A place in a record that takes a value.
#[derive(Clone, Debug)]
pub(super) struct Target {
    field: Field,
    keys: Vec<String>,
}

impl Target {
    pub(super) fn parse(path: &str) -> Result<Self, Fault> {
        let path: FieldPath = path.parse().map_err(Fault::of_text)?;
        let Some((field, keys)) = path.exact() else {
            return Err(Fault::new(format!("`{path}` may name several places, expected one")));
        };
        let keys: Vec<String> = keys.into_iter().map(str::to_owned).collect();
        match (Kind::of(field), keys.is_empty()) {
            (Kind::Identity, _) => Err(Fault::new(format!(
                "`{field}` tells the record from others: it stays as it is"
            ))),
            (Kind::Measured, _) => {
                Err(Fault::new(format!("`{field}` is measured: nothing else can stand there")))
            }
            (Kind::Text | Kind::Actor, false) => {
                Err(Fault::new(format!("nothing can be put below `{field}`")))
            }
            _ => Ok(Self { field, keys }),
        }
    }

    /// Could this value be put there?
    pub(super) fn check(&self, value: &Bson) -> Result<(), Fault> {
        if !self.keys.is_empty() {
            return Ok(());
        }
        let start = Timestamp::from_micros(0);
        let mut record = WatchMessage::new(WatcherName::Collection, "find", start);
        record.set(self.field, value.clone()).map_err(Fault::of_text)
    }

    /// Puts a value there; says whether it fits.
    pub(super) fn put(&self, draft: &mut Draft, value: Bson) -> bool {
        let value = match &self.keys[..] {
            [] => value,
            keys => {
                let mut document = match Bson::from(draft.record().get(self.field)) {
                    Bson::Document(document) => document,
                    _ => Document::new(),
                };
                put_below(&mut document, keys, value);
                document.into()
            }
        };
        draft.to_mut().set(self.field, value).is_ok()
    }
}

/// Puts a value behind these keys; what is in the way and no document is replaced.
fn put_below(document: &mut Document, keys: &[String], value: Bson) {
    match keys {
        [] => {}
        [key] => {
            document.insert(key.clone(), value);
        }
        [key, below @ ..] => {
            let mut inner = match document.get_mut(key) {
                Some(Bson::Document(inner)) => std::mem::take(inner),
                _ => Document::new(),
            };
            put_below(&mut inner, below, value);
            document.insert(key.clone(), inner);
        }
    }
}
