//! What a script holds of a document or a list: its place, not what is in it.

use std::iter;

use mongodb::bson::Bson;
use rhai::{Array, Dynamic, Engine, INT, ImmutableString};

use super::{
    compare::is_equal,
    desk::{Desk, Size, Work},
    engine::{ITEMS_MAX, TEXT_MAX},
    failure::{Failed, refuse, refuse_fault},
    place::{Inner, Part, Place, step},
    value::{Given, is_same, json, leaf, write},
};
use crate::{
    filter::{
        FieldPath,
        edit::{Intent, check},
        path::Kind,
    },
    record::{Field, Value},
};

/// A place in the draft, with a document, a list or another value that scripts do not read as such.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) desk: Desk,
    pub(super) place: Place,
}

/// Makes handles known to the language.
pub(super) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Node>("document")
        .register_indexer_get(|node: &mut Node, key: ImmutableString| node.get(Part::Key(key)))
        .register_indexer_get(|node: &mut Node, index: INT| node.get(node.part(index)?))
        .register_indexer_set(|node: &mut Node, key: ImmutableString, value: Dynamic| {
            node.set(Part::Key(key), &value)
        })
        .register_indexer_set(|node: &mut Node, index: INT, value: Dynamic| {
            node.set(node.part(index)?, &value)
        })
        .register_fn("remove", |node: &mut Node, key: ImmutableString| node.remove(Part::Key(key)))
        .register_fn("remove", |node: &mut Node, index: INT| node.remove(node.part(index)?))
        .register_fn("push", |node: &mut Node, value: Dynamic| node.push(&value))
        .register_fn("len", |node: &mut Node| node.len())
        .register_get("len", |node: &mut Node| node.len())
        .register_fn("keys", |node: &mut Node| node.keys())
        .register_fn("values", |node: &mut Node| node.values())
        .register_fn("contains", |node: &mut Node, value: Dynamic| node.contains(&value))
        .register_fn("has", |node: &mut Node, key: Dynamic| node.contains(&key))
        .register_fn("to_string", |node: &mut Node| node.to_text())
        .register_iterator_result::<Node, Dynamic>();
}

impl Node {
    fn get(&self, part: Part) -> Result<Dynamic, Failed> {
        let work = &mut *self.desk.lock();
        let value = step(self.place.get(work.draft.record()), &part);
        Given::of(value)?.hand_over(&self.desk, work, || self.place.below(part))
    }

    /// The place of an index; one below zero counts from the end, as in Rhai's own lists.
    fn part(&self, index: INT) -> Result<Part, Failed> {
        let index = match usize::try_from(index) {
            Ok(index) => Some(index),
            Err(_) => {
                let back = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
                usize::try_from(self.len()?).ok().and_then(|len| len.checked_sub(back))
            }
        };
        index.map(Part::Index).ok_or_else(|| refuse("there is no such place in the list"))
    }

    fn set(&self, part: Part, value: &Dynamic) -> Result<(), Failed> {
        let place = self.place.below(part);
        // What a script has changed within a value comes back to where it was.
        if value.read_lock::<Node>().is_some_and(|node| node.is_at(&self.desk, &place)) {
            return Ok(());
        }
        let work = &mut *self.desk.lock();
        let present = place.get(work.draft.record());
        if is_same(present, value) {
            return Ok(());
        }
        let is_int32 = matches!(present, Value::Bson(Bson::Int32(_)));
        may_change(self.place.field)?;
        let Some(part) = place.way.last() else { return Ok(()) };
        self.check_part(work, part)?;
        let value = write(work, value, is_int32, place.way.len())?;
        match (self.place.open(work.draft.to_mut()), part) {
            (Some(Inner::Document(document)), Part::Key(key)) => {
                document.insert(key.as_str(), value);
            }
            (Some(Inner::Array(items)), Part::Index(index)) if *index < items.len() => {
                items[*index] = value;
            }
            _ => return Err(gone()),
        }
        Ok(())
    }

    /// Can something be put there?
    fn check_part(&self, work: &Work, part: &Part) -> Result<(), Failed> {
        match (self.place.get(work.draft.record()), part) {
            (Value::Document(_), Part::Key(_)) => Ok(()),
            (Value::Missing, Part::Key(_)) if self.place.may_begin() => Ok(()),
            (Value::Array(items), Part::Index(index)) if *index < items.len() => Ok(()),
            (Value::Array(_), Part::Index(_)) => Err(refuse("there is no such place in the list")),
            (Value::Document(_), Part::Index(_)) => Err(refuse("a document has keys, not places")),
            (Value::Array(_), Part::Key(_)) => Err(refuse("a list has places, not keys")),
            _ => Err(gone()),
        }
    }

    // It gives nothing back: a script whose last value were `false` would drop the record.
    fn remove(&self, part: Part) -> Result<(), Failed> {
        let work = &mut *self.desk.lock();
        if step(self.place.get(work.draft.record()), &part).is_missing() {
            return Ok(());
        }
        may_change(self.place.field)?;
        match (self.place.open(work.draft.to_mut()), &part) {
            (Some(Inner::Document(document)), Part::Key(key)) => {
                // What stands behind it moves up.
                let n_moved = document.len();
                document.remove(key);
                work.charge(n_moved / 16)?;
            }
            (Some(Inner::Array(items)), Part::Index(index)) if *index < items.len() => {
                let n_moved = items.len();
                items.remove(*index);
                work.charge(n_moved / 16)?;
            }
            _ => return Err(gone()),
        }
        Ok(())
    }

    fn push(&self, value: &Dynamic) -> Result<(), Failed> {
        let work = &mut *self.desk.lock();
        let Value::Array(_) = self.place.get(work.draft.record()) else {
            return Err(refuse("only a list can be pushed to"));
        };
        may_change(self.place.field)?;
        let value = write(work, value, false, self.place.way.len() + 1)?;
        match self.place.open(work.draft.to_mut()) {
            Some(Inner::Array(items)) => items.push(value),
            _ => return Err(gone()),
        }
        Ok(())
    }

    fn len(&self) -> Result<INT, Failed> {
        let work = self.desk.lock();
        let len = match self.place.get(work.draft.record()) {
            Value::Document(document) => document.len(),
            Value::Array(items) => items.len(),
            Value::Missing => 0,
            _ => return Err(refuse("only a document or a list has a length")),
        };
        Ok(INT::try_from(len).unwrap_or(INT::MAX))
    }

    fn keys(&self) -> Result<Array, Failed> {
        let work = &mut *self.desk.lock();
        let document = match self.place.get(work.draft.record()) {
            Value::Document(document) => document,
            Value::Missing => return Ok(Array::new()),
            _ => return Err(refuse("only a document has keys")),
        };
        check_items(document.len())?;
        let keys: Array = document.keys().map(|key| key.into()).collect();
        let n_bytes = document.keys().map(String::len).sum();
        work.charge(keys.len() / 8)?;
        work.charge_bytes(n_bytes)?;
        Ok(keys)
    }

    fn values(&self) -> Result<Array, Failed> {
        let parts = self.parts()?;
        parts.map(|part| self.get(part)).collect()
    }

    /// The places below it, as they are now.
    fn parts(&self) -> Result<Box<dyn Iterator<Item = Part>>, Failed> {
        let is_list = {
            let work = self.desk.lock();
            matches!(self.place.get(work.draft.record()), Value::Array(_))
        };
        if !is_list {
            let key = |key: Dynamic| key.into_immutable_string().ok().map(Part::Key);
            return Ok(Box::new(self.keys()?.into_iter().filter_map(key)));
        }
        let len = usize::try_from(self.len()?).unwrap_or(usize::MAX);
        check_items(len)?;
        Ok(Box::new((0..len).map(Part::Index)))
    }

    fn contains(&self, value: &Dynamic) -> Result<bool, Failed> {
        let work = &mut *self.desk.lock();
        match self.place.get(work.draft.record()) {
            Value::Missing => Ok(false),
            Value::Document(document) => match value.read_lock::<ImmutableString>() {
                Some(key) => Ok(document.contains_key(key.as_str())),
                None => Err(refuse("the key of a document is a text")),
            },
            Value::Array(items) => {
                let Some(value) = leaf(value) else {
                    return Err(refuse("only single values are looked for in a list"));
                };
                let is_it = |item: &Bson| is_equal(Value::Bson(item), Value::Bson(&value));
                let (found, n_items) = (items.iter().any(is_it), items.len());
                work.charge(n_items / 8)?;
                Ok(found)
            }
            _ => Err(refuse("only a document or a list has something in it")),
        }
    }

    fn to_text(&self) -> Result<ImmutableString, Failed> {
        let work = &mut *self.desk.lock();
        let value = self.place.get(work.draft.record());
        let n_bytes = size(value).bytes;
        if n_bytes > TEXT_MAX {
            return Err(refuse(format!("a script makes texts of at most {TEXT_MAX} bytes")));
        }
        let text = json(value).into();
        work.charge_bytes(n_bytes * 4)?;
        Ok(text)
    }

    /// A copy of what is there, to be put `depth` levels below a field.
    pub(super) fn copy(&self, work: &mut Work, depth: usize) -> Result<Bson, Failed> {
        let size = size(self.place.get(work.draft.record()));
        work.charge_write(size, depth)?;
        Ok(self.place.get(work.draft.record()).into())
    }

    /// Is it the handle of this place?
    pub(super) fn is_at(&self, desk: &Desk, place: &Place) -> bool {
        self.desk.is_same(desk) && self.place == *place
    }
}

/// The size of any value of a record.
pub(super) fn size(value: Value<'_>) -> Size {
    match value {
        Value::Bson(bson) => Size::of(bson),
        Value::Document(document) => Size::of_document(document),
        Value::Array(items) => Size::of_items(items),
        Value::Str(text) => Size { bytes: text.len(), depth: 0 },
        Value::Ints(ints) => Size { bytes: 16 * ints.len(), depth: 1 },
        Value::WriteErrors(errors) => Size { bytes: 64 * errors.len(), depth: 2 },
        _ => Size { bytes: 16, depth: 0 },
    }
}

/// May something be changed within this field?
fn may_change(field: Field) -> Result<(), Failed> {
    check(&FieldPath::of(field), Intent::Alter).map_err(|fault| refuse_fault(&fault))?;
    match Kind::of(field) {
        Kind::Open => Ok(()),
        _ => Err(refuse(format!("nothing can be changed within `{field}`, only the whole"))),
    }
}

pub(super) fn check_items(n_items: usize) -> Result<(), Failed> {
    match n_items <= ITEMS_MAX {
        true => Ok(()),
        false => Err(refuse(format!("a script reads lists of at most {ITEMS_MAX} items"))),
    }
}

fn gone() -> Failed {
    refuse("there is no document and no list any more at this place")
}

impl IntoIterator for Node {
    type Item = Result<Dynamic, Failed>;
    type IntoIter = Box<dyn Iterator<Item = Self::Item>>;

    /// The items of a list, or the keys of a document, as they are when the loop begins.
    fn into_iter(self) -> Self::IntoIter {
        let parts = match self.parts() {
            Ok(parts) => parts,
            Err(failed) => return Box::new(iter::once(Err(failed))),
        };
        Box::new(parts.map(move |part| match part {
            Part::Key(key) => Ok(key.into()),
            index => self.get(index),
        }))
    }
}
