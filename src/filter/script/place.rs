//! A place in a record: a field, and the way down into it.

use std::sync::Arc;

use mongodb::bson::{Bson, Document};
use rhai::ImmutableString;

use crate::record::{Field, Value, WatchMessage};

/// A place in a record. It need not be there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) field: Field,
    pub(super) way: Vec<Part>,
}

/// One step down.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Key(ImmutableString),
    Index(usize),
}

/// A document or a list in the record, to be changed.
pub(super) enum Inner<'a> {
    Document(&'a mut Document),
    Array(&'a mut Vec<Bson>),
}

impl Place {
    pub(super) const fn of(field: Field) -> Self {
        Self { field, way: Vec::new() }
    }

    pub(super) fn below(&self, part: Part) -> Self {
        let mut way = Vec::with_capacity(self.way.len() + 1);
        way.extend_from_slice(&self.way);
        way.push(part);
        Self { field: self.field, way }
    }

    /// What is there.
    pub(super) fn get<'a>(&self, record: &'a WatchMessage) -> Value<'a> {
        self.way.iter().fold(plain(record.get(self.field)), |value, part| step(value, part))
    }

    /// Is it one of the documents that are there as soon as something is put into them?
    pub(super) fn may_begin(&self) -> bool {
        self.way.is_empty() && matches!(self.field, Field::Extra | Field::Labels)
    }

    /// The document or the list that is there, to be changed. What other records share of it is copied
    /// first.
    pub(super) fn open<'a>(&self, record: &'a mut WatchMessage) -> Option<Inner<'a>> {
        let root = root(record, self.field)?;
        self.way.iter().try_fold(root, |inner, part| match (inner, part) {
            (Inner::Document(document), Part::Key(key)) => inner_of(document.get_mut(key)?),
            (Inner::Array(items), Part::Index(index)) => inner_of(items.get_mut(*index)?),
            _ => None,
        })
    }
}

/// One step down from a value.
pub(super) fn step<'a>(value: Value<'a>, part: &Part) -> Value<'a> {
    let below = match (value, part) {
        (Value::Document(document), Part::Key(key)) => document.get(key),
        (Value::Array(items), Part::Index(index)) => items.get(*index),
        _ => None,
    };
    below.map_or(Value::Missing, |below| plain(Value::Bson(below)))
}

/// The value with documents and lists as such.
pub(super) fn plain(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Bson(Bson::Document(document)) => Value::Document(document),
        Value::Bson(Bson::Array(items)) => Value::Array(items),
        Value::Bson(Bson::String(text)) => Value::Str(text),
        other => other,
    }
}

fn inner_of(value: &mut Bson) -> Option<Inner<'_>> {
    match value {
        Bson::Document(document) => Some(Inner::Document(document)),
        Bson::Array(items) => Some(Inner::Array(items)),
        _ => None,
    }
}

fn root(record: &mut WatchMessage, field: Field) -> Option<Inner<'_>> {
    let shared = match field {
        Field::Filter => &mut record.filter,
        Field::Update => &mut record.update,
        Field::Options => &mut record.options,
        Field::ResumeToken => &mut record.resume_token,
        Field::InsertedIds => {
            let ids = record.inserted_ids.as_mut()?;
            return Some(Inner::Array(Arc::make_mut(ids)));
        }
        Field::QueryShape => {
            let shape = record.shape.as_mut()?;
            return inner_of(&mut Arc::make_mut(shape).query);
        }
        Field::Extra => {
            let extra = record.extra.get_or_insert_default();
            return Some(Inner::Document(Arc::make_mut(extra)));
        }
        Field::Labels => {
            let context = record.context.get_or_insert_default();
            return Some(Inner::Document(&mut Arc::make_mut(context).labels));
        }
        _ => return None,
    };
    inner_of(Arc::make_mut(shared.as_mut()?))
}
