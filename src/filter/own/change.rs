//! What is done with the records of an operation.

use std::collections::BTreeMap;

use mongodb::bson::{Bson, Document};

use super::{ALL, Constant, OwnField, build::unknown_argument};
use crate::{
    filter::{
        Draft, Fault, FieldPath,
        edit::{Intent, Places},
        fields::Removing,
        set::{Source, source},
        target::Target,
    },
    record::{Field, KnownCall, OptionKind, WatcherName},
};

/// The field that a path begins with; none if it is no path but an argument's name.
pub(super) fn field_of(key: &str) -> Option<Field> {
    key.split('.').next().unwrap_or_default().parse().ok()
}

/// The own fields of one watcher's records.
#[derive(Debug, Default)]
pub(crate) struct OwnFields {
    by_operation: BTreeMap<String, Changes>,
}

/// What is done with a record; its parts do not meet, so that their order is of no matter.
#[derive(Debug, Default)]
pub(super) struct Changes(pub(super) Vec<Change>);

#[derive(Debug)]
pub(super) enum Change {
    /// What is at one place goes to another.
    Move {
        from: Target,
        to: Target,
    },
    /// What is at one place goes nowhere.
    Remove(Places),
    Put {
        source: Source,
        to: Target,
    },
}

impl Change {
    pub(super) fn of(
        watcher: WatcherName,
        call: Option<&'static KnownCall>,
        key: &str,
        becomes: &OwnField,
        read: &impl Fn(&str) -> Result<String, Fault>,
    ) -> Result<Self, Fault> {
        match becomes {
            OwnField::To(to) => {
                let from = path_of(watcher, call, key)?;
                let path = std::slice::from_ref(&from);
                let places = Places::new(path, &[], Intent::Remove);
                // The place in a list of paths, and `fields` before it.
                let places = places.map_err(|fault| fault.out().out())?;
                let Some(to) = to else { return Ok(Self::Remove(places)) };
                let to = target(call, key, to).map_err(|fault| fault.within("to".into()))?;
                Ok(Self::Move { from: Target::of(&from).map_err(Fault::of_text)?, to })
            }
            OwnField::Value(Constant(value)) => {
                let to = match field_of(key) {
                    Some(_) => Target::parse(key)?,
                    None => {
                        let message = "expected a field for a constant, such as `Extra.Team`";
                        return Err(Fault::new(message));
                    }
                };
                let within = |fault: Fault| fault.within("value".into());
                if *value == Bson::Null {
                    return Err(within(Fault::new("found nothing, expected a value")));
                }
                let source = source(value, read).map_err(within)?;
                if let Source::Constant(value) = &source {
                    to.check(value).map_err(within)?;
                }
                Ok(Self::Put { source, to })
            }
        }
    }

    /// Where it puts something.
    pub(super) fn target_path(&self, key: &str, becomes: &OwnField) -> Option<FieldPath> {
        match (self, becomes) {
            (Self::Put { .. }, _) => key.parse().ok(),
            (_, OwnField::To(to)) => to.clone(),
            _ => None,
        }
    }
}

/// Where the argument, or the path, leads.
fn path_of(
    watcher: WatcherName,
    call: Option<&'static KnownCall>,
    key: &str,
) -> Result<FieldPath, Fault> {
    if field_of(key).is_some() {
        let path: FieldPath = key.parse().map_err(Fault::of_text)?;
        return match path.is_exact() {
            true => Ok(path),
            false => Err(Fault::new(format!("`{key}` may name several places, expected one"))),
        };
    }
    let (field, key) = match call {
        Some(call) => call.place_of(key).ok_or_else(|| unknown_argument(&[call], key))?,
        None if watcher == WatcherName::Command => match key {
            "filter" => ("Filter", None),
            "update" => ("Update", None),
            // As it stands in the command.
            key => ("Options", Some(key.to_owned())),
        },
        None => return Err(unknown_argument(&[], key)),
    };
    let path = match key {
        Some(key) => format!("{field}.`{}`", key.replace('`', "``")),
        None => field.to_owned(),
    };
    path.parse().map_err(Fault::of_text)
}

/// The place for what an argument or a field holds.
fn target(call: Option<&'static KnownCall>, key: &str, to: &FieldPath) -> Result<Target, Fault> {
    let target = Target::parse(&to.to_string())?;
    let kind = match (field_of(key), call) {
        (Some(field), _) if key == field.name() => kind_of(field),
        (Some(_), _) | (None, None) => OptionKind::Any,
        (None, Some(call)) => call.kind_of(key),
    };
    let mut fault = None;
    for value in samples(kind) {
        match target.check(&value) {
            Ok(()) => return Ok(target),
            Err(no) => fault = Some(no),
        }
    }
    let why = fault.map_or_else(String::new, |fault| format!(": {}", fault.message()));
    Err(Fault::new(format!("`{key}` cannot stand there{why}")))
}

const fn kind_of(field: Field) -> OptionKind {
    match field {
        Field::Filter | Field::Update => OptionKind::DocumentOrArray,
        Field::Options | Field::Labels | Field::Extra | Field::ResumeToken => OptionKind::Document,
        Field::InsertedIds => OptionKind::Array,
        _ => OptionKind::Any,
    }
}

/// Values of this kind, to see whether a field takes one.
fn samples(kind: OptionKind) -> Vec<Bson> {
    let document = || Bson::Document(Document::new());
    let array = || Bson::Array(Vec::new());
    let text = || Bson::from("text");
    match kind {
        OptionKind::Document => vec![document()],
        OptionKind::Array => vec![array()],
        OptionKind::Text => vec![text()],
        OptionKind::Number => vec![Bson::Int64(1)],
        OptionKind::Boolean => vec![Bson::Boolean(true)],
        OptionKind::TextOrDocument => vec![text(), document()],
        OptionKind::DocumentOrArray => vec![document(), array()],
        OptionKind::Any => {
            vec![text(), document(), array(), Bson::Int64(1), Bson::Boolean(true)]
        }
    }
}

impl OwnFields {
    pub(super) fn insert(&mut self, operation: &str, changes: Changes) {
        if !changes.0.is_empty() {
            self.by_operation.insert(operation.to_owned(), changes);
        }
    }

    /// Changes a record. It has passed the policy already, and so has what it holds.
    pub(crate) fn apply(&self, draft: &mut Draft) {
        let operation = &*draft.record().operation;
        let changes = self.by_operation.get(operation).or_else(|| self.by_operation.get(ALL));
        if let Some(changes) = changes {
            changes.apply(draft);
        }
    }
}

impl Changes {
    fn apply(&self, draft: &mut Draft) {
        // All are taken before any is put: what one puts is no other one's to take.
        let mut taken: Vec<(&Target, Bson)> = Vec::new();
        for change in &self.0 {
            if let Change::Move { from, to } = change {
                let value = from.get(draft.record());
                if !value.is_missing() {
                    taken.push((to, value.into()));
                }
            }
        }
        // The last first: what is taken out of a list moves those behind it.
        for change in self.0.iter().rev() {
            match change {
                Change::Move { from, .. } if !from.get(draft.record()).is_missing() => {
                    from.take(draft.to_mut());
                }
                Change::Remove(places) => drop(places.apply(draft, &mut Removing::default())),
                _ => {}
            }
        }
        let is_empty =
            |options: &Bson| options.as_document().is_some_and(|options| options.is_empty());
        if draft.record().options.as_deref().is_some_and(is_empty) {
            draft.to_mut().options = None;
        }
        for (to, value) in taken {
            // What does not fit its new place is gone, rather than left in the old one.
            to.put_or_tell(draft.to_mut(), value);
        }
        for change in &self.0 {
            if let Change::Put { source, to } = change {
                let value = source.value(draft.record());
                to.put_or_tell(draft.to_mut(), value);
            }
        }
    }
}
