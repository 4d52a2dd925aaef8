//! `drop` and `keep`: which fields a record has.

use mongodb::bson::Bson;

use super::{
    Draft, Fault, FieldPath, FieldPaths, Filter, Verdict,
    edit::{Change, Edit, Intent, Places, Under, clear},
    path::Kind,
};
use crate::record::{Field, Value};

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
    fn value(&mut self, _: Under, value: Value<'_>) -> Change {
        if self.is_leaves_only && matches!(value, Value::Document(_) | Value::Array(_)) {
            return Change::Enter;
        }
        self.n_values += 1;
        Change::Remove
    }

    fn below(&mut self, under: Under, _: &str, _: &Bson) -> Under {
        under
    }

    fn key(&mut self, _: &str) -> Option<String> {
        None
    }

    fn n_values(&mut self) -> &mut u64 {
        &mut self.n_values
    }
}
