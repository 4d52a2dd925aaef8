//! The way down into the fields of a record, and back up with what was changed.
//!
//! A changed value is built out of the borrowed one. Nothing is copied before the first change, and
//! what no path leads to stays shared with the other routes.

use std::sync::Arc;

use mongodb::bson::{Bson, Document};

use crate::{
    filter::{
        Draft, Fault, FieldPath, Part,
        memo::{Made, Memo},
        path::{Automaton, Kind, Operators, States, Step},
        references,
    },
    record::{Field, Value},
};

/// Values that lie deeper than this are not looked at: their field is removed. A server takes no
/// document of more than 200 levels.
pub(super) const DEPTH_MAX: usize = 200;

/// What becomes of a value.
#[derive(Debug)]
pub(super) enum Change {
    /// It stays.
    Keep,
    /// It stays, and each value in it is looked at.
    Enter,
    /// This takes its place.
    Put(Bson),
    /// Of a list so many items stay, each is looked at, and this stands behind them.
    Shorten(usize, Bson),
    /// It goes, with its key.
    Remove,
}

/// Changes the values that are named by paths, and those in them.
pub(super) trait Edit {
    /// Looks at a value, and at what the keys above it say of it. A text is [`Value::Str`], a
    /// document [`Value::Document`], a list [`Value::Array`].
    fn value(&mut self, under: Under, value: Value<'_>) -> Change;

    /// Says what counts for all that lies below this key, if `under` counts for its document.
    fn below(&mut self, under: Under, key: &str, value: &Bson) -> Under;

    /// Gives another key for this one, which lies within a named value.
    fn key(&mut self, key: &str) -> Option<String>;

    /// How many values were replaced so far.
    fn n_values(&mut self) -> &mut u64;
}

/// What the keys above a value say of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Under {
    /// One of them is the name of a secret.
    pub(super) is_secret: bool,
    /// One of them has code below it.
    pub(super) is_code: bool,
    /// In an expression that holds the value no secret is referred to.
    pub(super) is_searched: bool,
}

/// What a step wants to do with the fields that its paths lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intent {
    /// Put other values in the place of those that are there.
    Alter,
    /// Remove them.
    Remove,
}

/// The places in a record that a step changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(Vec<Place>);

#[derive(Clone, Debug)]
struct Place {
    field: Field,
    intent: Intent,
    /// What is to be changed.
    take: Automaton,
    /// What of it is to stay.
    keep: Automaton,
}

/// A value is nested too deeply.
#[derive(Debug)]
struct TooDeep;

impl Places {
    /// The places that are named by `fields` and not by `keep`.
    pub(super) fn new(
        fields: &[FieldPath],
        keep: &[FieldPath],
        intent: Intent,
    ) -> Result<Self, Fault> {
        if fields.is_empty() {
            return Err(Fault::new("expected at least one path, such as `Filter`")
                .within(Part::from("fields")));
        }
        let mut places = Self::default();
        for (index, path) in fields.iter().enumerate() {
            let within = |fault: Fault| fault.within(index.into()).within(Part::from("fields"));
            check(path, intent).map_err(within)?;
            for field in path.fields() {
                places
                    .place(*field, intent)
                    .take
                    .add(path.steps())
                    .map_err(|_| within(too_many()))?;
            }
        }
        for (index, path) in keep.iter().enumerate() {
            let within = |fault: Fault| fault.within(index.into()).within(Part::from("keep"));
            let mut n_places = 0;
            for place in &mut places.0 {
                if path.fields().contains(&place.field) {
                    place.keep.add(path.steps()).map_err(|_| within(too_many()))?;
                    n_places += 1;
                }
            }
            if n_places == 0 {
                let message = format!("`{path}` keeps nothing: no path of `fields` leads there");
                return Err(within(Fault::new(message)));
            }
        }
        Ok(places)
    }

    fn place(&mut self, field: Field, intent: Intent) -> &mut Place {
        let known = self.0.iter().position(|place| place.field == field);
        let index = known.unwrap_or_else(|| {
            let mut keep = Automaton::default();
            if Kind::of(field) == Kind::Actor {
                // Without its kind an actor is none.
                let kind = [Step::Key("Kind".to_owned())];
                keep.add(&kind).expect("an empty automaton takes one path");
            }
            // What is altered should be so wherever it is; what is removed is what was named.
            let take = Automaton::new(match intent {
                Intent::Alter => Operators::Transparent,
                Intent::Remove => Operators::Keys,
            });
            self.0.push(Place { field, intent, take, keep });
            self.0.len() - 1
        });
        &mut self.0[index]
    }

    /// Changes the values at these places. Says how many fields had to be removed because they
    /// could not be worked through.
    pub(super) fn apply(&self, draft: &mut Draft, edit: &mut impl Edit) -> u64 {
        self.0.iter().map(|place| place.apply(draft, edit)).sum()
    }

    /// As [`Places::apply`], for an edit by which what a value becomes depends on the value's
    /// structure alone.
    pub(super) fn apply_by_structure(
        &self,
        draft: &mut Draft,
        edit: &mut impl Edit,
        memo: &mut Memo,
    ) -> u64 {
        self.0.iter().map(|place| place.apply_by_structure(draft, edit, memo)).sum()
    }
}

impl Place {
    fn apply(&self, draft: &mut Draft, edit: &mut impl Edit) -> u64 {
        let mut walk = Walk { place: self, edit };
        let at = At {
            take: self.take.start(),
            keep: self.keep.start(),
            seen: self.take.start(),
            searched: States::default(),
            inside: false,
            may_refer: false,
            is_code: false,
            under: Under::default(),
        };
        match walk.value(draft.record().get(self.field), at, 0) {
            Ok(Change::Keep | Change::Enter | Change::Shorten(..)) => return 0,
            Ok(Change::Put(value)) => {
                if draft.to_mut().set(self.field, value).is_ok() {
                    return 0;
                }
            }
            Ok(Change::Remove) => {
                clear(draft, self.field);
                return 0;
            }
            Err(TooDeep) => {}
        }
        clear(draft, self.field);
        1
    }

    fn apply_by_structure(&self, draft: &mut Draft, edit: &mut impl Edit, memo: &mut Memo) -> u64 {
        // Only a field that is taken as a whole: else values stay, and they are those of one record.
        let is_whole = self.take.is_named(self.take.start()) && self.keep.is_nothing();
        let value = draft.record().shared(self.field).filter(|_| is_whole);
        let Some(value) = value else { return self.apply(draft, edit) };
        if let Some(made) = memo.find(self.field, value) {
            *edit.n_values() += made.n_values;
            draft.to_mut().set_shared(self.field, Arc::clone(&made.value));
            return 0;
        }
        let before = *edit.n_values();
        let n_failed = self.apply(draft, edit);
        if n_failed == 0
            && let Some(value) = draft.record().shared(self.field)
        {
            let n_values = *edit.n_values() - before;
            memo.keep(Made { value: Arc::clone(value), n_values });
        }
        n_failed
    }
}

/// Removes a field that may be missing.
pub(super) fn clear(draft: &mut Draft, field: Field) {
    let cleared = draft.to_mut().set(field, Bson::Null);
    debug_assert!(cleared.is_ok(), "{field} cannot be missing");
}

/// May a step do this with what the path names?
pub(super) fn check(path: &FieldPath, intent: Intent) -> Result<(), Fault> {
    for field in path.fields() {
        let names_kind = || matches!(path.steps(), [Step::Key(key), ..] if key == "Kind");
        match (Kind::of(*field), intent) {
            (Kind::Identity, _) => {
                return Err(Fault::new(format!(
                    "`{field}` tells the record from others: it stays as it is"
                )));
            }
            (Kind::Measured, Intent::Alter) => {
                return Err(Fault::new(format!(
                    "`{field}` is measured: it can be dropped, not altered"
                )));
            }
            (Kind::Actor, _) if names_kind() => {
                return Err(Fault::new(format!(
                    "`{path}` stays as it is: `{field}` can be dropped, its kind cannot"
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

fn too_many() -> Fault {
    let max = Automaton::POSITIONS_MAX;
    Fault::new(format!("too many paths lead into one field: at most {max} parts in all"))
}

/// Shows a value by what it is.
pub(super) fn view(value: &Bson) -> Value<'_> {
    match value {
        Bson::String(text) => Value::Str(text),
        Bson::Document(document) => Value::Document(document),
        Bson::Array(items) => Value::Array(items),
        other => Value::Bson(other),
    }
}

/// The way down into one field.
struct Walk<'a, E> {
    place: &'a Place,
    edit: &'a mut E,
}

/// How far paths are followed, at one value.
#[derive(Clone, Copy)]
struct At {
    take: States,
    keep: States,
    /// How far paths were followed at this value, and at those above it: the documents that the
    /// names in an expression may belong to.
    seen: States,
    /// The documents for which an expression that holds the value refers to no path's field.
    searched: States,
    /// A path has named this value, or one above it.
    inside: bool,
    /// An operator is above: there may be expressions here, wherever the paths lead.
    may_refer: bool,
    /// A key above says that texts here are code.
    is_code: bool,
    under: Under,
}

impl<E: Edit> Walk<'_, E> {
    fn value(&mut self, value: Value<'_>, mut at: At, depth: usize) -> Result<Change, TooDeep> {
        let value = if let Value::Bson(bson) = value { view(bson) } else { value };
        if value.is_missing() || self.place.keep.is_named(at.keep) {
            return Ok(Change::Keep);
        }
        at.inside = at.inside || self.place.take.is_named(at.take);
        if at.inside {
            match (self.edit.value(at.under, value), value) {
                (Change::Enter, _) => {}
                (Change::Shorten(..), Value::Array(_)) if depth >= DEPTH_MAX => {
                    return Err(TooDeep);
                }
                (Change::Shorten(n, last), Value::Array(items)) => {
                    return self.shorten(&items[..n], last, at, depth + 1);
                }
                (change, _) => return Ok(change),
            }
        } else if at.take.is_empty() && !at.may_refer {
            return Ok(Change::Keep);
        }
        match value {
            Value::Document(_) | Value::Array(_) if depth >= DEPTH_MAX => Err(TooDeep),
            Value::Document(document) => self.document(document, at, depth + 1),
            Value::Array(items) => self.array(items, at, depth + 1),
            _ => Ok(Change::Keep),
        }
    }

    fn document(&mut self, document: &Document, at: At, depth: usize) -> Result<Change, TooDeep> {
        let mut changed: Option<Document> = None;
        let mut number = 2;
        for (place, (key, value)) in document.iter().enumerate() {
            let below = self.below_key(at, key, value);
            let change = self.value(view(value), below, depth)?;
            let is_kept = self.place.keep.is_named(below.keep);
            let other_key = if at.inside && !is_kept { self.edit.key(key) } else { None };
            if changed.is_none() {
                if other_key.is_none() && matches!(change, Change::Keep | Change::Enter) {
                    continue;
                }
                let before = document.iter().take(place);
                changed = Some(before.map(|(key, value)| (key.clone(), value.clone())).collect());
            }
            let value = match change {
                Change::Remove => continue,
                Change::Put(other) => other,
                Change::Keep | Change::Enter | Change::Shorten(..) => value.clone(),
            };
            if let Some(changed) = &mut changed {
                let key = match other_key {
                    Some(key) => unused(key, document, changed, &mut number),
                    None => key.clone(),
                };
                changed.insert(key, value);
            }
        }
        Ok(changed.map_or(Change::Keep, |changed| Change::Put(changed.into())))
    }

    fn array(&mut self, items: &[Bson], at: At, depth: usize) -> Result<Change, TooDeep> {
        let mut changed: Option<Vec<Bson>> = None;
        for (index, item) in items.iter().enumerate() {
            let below = self.below(at, |paths, from| paths.item(from, index));
            let change = self.value(view(item), below, depth)?;
            if changed.is_none() {
                if matches!(change, Change::Keep | Change::Enter) {
                    continue;
                }
                let mut before = Vec::with_capacity(items.len());
                before.extend_from_slice(&items[..index]);
                changed = Some(before);
            }
            let item = match change {
                Change::Remove => continue,
                Change::Put(other) => other,
                Change::Keep | Change::Enter | Change::Shorten(..) => item.clone(),
            };
            if let Some(changed) = &mut changed {
                changed.push(item);
            }
        }
        Ok(changed.map_or(Change::Keep, |changed| Change::Put(changed.into())))
    }

    fn shorten(
        &mut self,
        left: &[Bson],
        last: Bson,
        at: At,
        depth: usize,
    ) -> Result<Change, TooDeep> {
        let mut items = match self.array(left, at, depth)? {
            Change::Put(Bson::Array(items)) => items,
            _ => left.to_vec(),
        };
        items.push(last);
        Ok(Change::Put(items.into()))
    }

    fn below_key(&mut self, at: At, key: &str, value: &Bson) -> At {
        let mut below = self.below(at, |paths, from| paths.key(from, key));
        below.under = self.edit.below(at.under, key, value);
        if self.place.intent == Intent::Alter && !at.inside {
            if key.starts_with('$') {
                self.refer(&mut below, key, value);
            }
            below.is_code = at.is_code || references::is_code(key);
            below.inside = below.inside || self.is_in_code(below, value);
        }
        below
    }

    /// Is the value code that names what a path names? Where its value stands in it cannot be told.
    fn is_in_code(&self, at: At, value: &Bson) -> bool {
        let code = match value {
            Bson::String(code) if at.is_code => code,
            Bson::JavaScriptCode(code) => code,
            Bson::JavaScriptCodeWithScope(code) => &code.code,
            _ => return false,
        };
        // Letters may be written as numbers: `this.\u0065mail`.
        code.contains("\\u")
            || code.contains("\\x")
            || self.place.take.has_odd_key_in(code)
            || references::names_in_code(code).any(|name| self.place.take.meets(at.seen, name))
    }

    /// Names an expression below an operator, if it refers to what a path names.
    fn refer(&self, below: &mut At, key: &str, value: &Bson) {
        below.may_refer = true;
        // Once only for the same documents: what lies deeper is a part of what was searched.
        if below.searched == below.seen || !references::is_together(key, value) {
            return;
        }
        below.searched = below.seen;
        let meets = |way: &str| self.place.take.meets(below.seen, way);
        let is_wanted = |way: &str| {
            // The value of a variable is a document of the collection, as far as one can tell.
            matches!(way, "ROOT" | "CURRENT")
                // A wildcard of Atlas Search may stand for any name.
                || way.contains('*')
                || meets(way)
                || way.split_once('.').is_some_and(|(_, way)| meets(way))
        };
        below.inside = references::refers(key, value, &is_wanted);
    }

    fn below(&self, at: At, follow: impl Fn(&Automaton, States) -> States) -> At {
        // Within a named value, where the paths lead does not matter any more.
        let take = if at.inside { States::default() } else { follow(&self.place.take, at.take) };
        let mut seen = at.seen;
        seen.add_all(take);
        At { take, seen, keep: follow(&self.place.keep, at.keep), ..at }
    }
}

/// The key, or the key with a number, that neither the old nor the new document has. Numbers go on
/// from the last one that was tried: a document has many keys that become the same.
fn unused(key: String, old: &Document, new: &Document, number: &mut usize) -> String {
    let is_used = |key: &str| old.contains_key(key) || new.contains_key(key);
    if !is_used(&key) {
        return key;
    }
    loop {
        let numbered = format!("{key}#{number}");
        *number += 1;
        if !is_used(&numbered) {
            return numbered;
        }
    }
}
