//! One place in a record, into which `set` and `rename` put a value, or from which it is taken.

use std::sync::Arc;

use mongodb::bson::{Bson, Document};

use super::{
    Fault, FieldPath,
    path::{Kind, at, n_steps},
    set::scratch,
};
use crate::{
    record::{Field, Value, WatchMessage},
    watch_error::{Error, Result},
};

/// Where in Extra the paths stand whose values could not be put.
const NOT_SET: &str = "NotSet";

/// A place in a record that takes a value.
#[derive(Clone, Debug)]
pub(super) struct Target {
    field: Field,
    keys: Vec<String>,
    path: FieldPath,
}

impl Target {
    /// The place that a path names, if a step may put something there.
    pub(super) fn parse(path: &str) -> Result<Self, Fault> {
        let path: FieldPath = path.parse().map_err(Fault::of_text)?;
        let target = Self::of(&path).map_err(Fault::of_text)?;
        let (field, is_whole) = (target.field, target.keys.is_empty());
        match Kind::of(field) {
            Kind::Identity => {
                let message = format!("`{field}` tells the record from others: it stays as it is");
                Err(Fault::new(message))
            }
            Kind::Measured => {
                Err(Fault::new(format!("`{field}` is measured: nothing else can stand there")))
            }
            Kind::Text | Kind::Actor if !is_whole => {
                Err(Fault::new(format!("nothing can be put below `{field}`")))
            }
            Kind::Open if field == Field::InsertedIds && !is_whole => {
                Err(Fault::new(format!("`{field}` is a list: nothing can be put below it")))
            }
            _ => Ok(target),
        }
    }

    /// The place that a path names, whatever it is.
    ///
    /// # Errors
    ///
    /// When it may name several.
    pub(super) fn of(path: &FieldPath) -> Result<Self> {
        let Some((field, keys)) = path.exact() else {
            return Err(Error::invalid(format!("`{path}` may name several places, expected one")));
        };
        let keys = keys.into_iter().map(str::to_owned).collect();
        Ok(Self { field, keys, path: path.clone() })
    }

    /// Puts a value there. Documents on the way are made where nothing is.
    ///
    /// # Errors
    ///
    /// When the field does not take it, or something on the way is no document; the record is then
    /// unchanged.
    pub(super) fn put(&self, record: &mut WatchMessage, value: Bson) -> Result<()> {
        let value = match &self.keys[..] {
            [] => value,
            keys => {
                let mut document = match record.get(self.field) {
                    Value::Missing => Document::new(),
                    Value::Document(document) | Value::Bson(Bson::Document(document)) => {
                        document.clone()
                    }
                    _ => return Err(in_the_way()),
                };
                put_below(&mut document, keys, value)?;
                document.into()
            }
        };
        record.set(self.field, value)
    }

    /// Puts a value there, or says on the record that it could not be put.
    pub(super) fn put_or_tell(&self, record: &mut WatchMessage, value: Bson) {
        if self.put(record, value).is_err() {
            self.tell_misfit(record);
        }
    }

    /// Could this value be put there?
    pub(super) fn check(&self, value: &Bson) -> Result<(), Fault> {
        self.put(&mut scratch(), value.clone()).map_err(Fault::of_text)
    }

    /// Says on the record that a value could not be put there.
    fn tell_misfit(&self, record: &mut WatchMessage) {
        let extra = Arc::make_mut(record.extra.get_or_insert_default());
        let path = Bson::String(self.path.to_string());
        match extra.get_mut(NOT_SET) {
            Some(Bson::Array(paths)) if paths.contains(&path) => {}
            Some(Bson::Array(paths)) => paths.push(path),
            _ => drop(extra.insert(NOT_SET, vec![path])),
        }
    }

    /// The same place below Extra, under the name of its field.
    pub(super) fn below_extra(mut self) -> Self {
        self.keys.insert(0, self.field.name().to_owned());
        self.field = Field::Extra;
        self
    }

    pub(super) const fn field(&self) -> Field {
        self.field
    }

    pub(super) fn keys(&self) -> &[String] {
        &self.keys
    }

    /// The value that is there.
    pub(super) fn get<'a>(&self, record: &'a WatchMessage) -> Value<'a> {
        self.path.get(record)
    }

    /// Takes the value that is there out of the record.
    pub(super) fn take(&self, record: &mut WatchMessage) -> Option<Bson> {
        let mut value = Bson::from(record.get(self.field));
        let (taken, left) = match &self.keys[..] {
            [] => (value, Bson::Null),
            keys => (take_below(&mut value, keys)?, value),
        };
        let is_left = record.set(self.field, left).is_ok();
        debug_assert!(is_left, "{} does not take what is left of it", self.field);
        Some(taken)
    }

    /// Values of each type that may be there, if that is known.
    pub(super) fn samples(&self) -> Option<Vec<Bson>> {
        let document = || mongodb::bson::doc! { "Kind": "user" }.into();
        let text = || Bson::String(String::new());
        Some(match (self.field, self.keys.is_empty()) {
            (Field::Actor | Field::OnBehalfOf, false) => vec![text()],
            (_, false) => return None,
            (Field::Filter | Field::Update | Field::QueryShape, _) => {
                vec![document(), Bson::Array(Vec::new())]
            }
            (
                Field::InsertedIds | Field::WriteErrors | Field::RequestIds | Field::MissingContext,
                _,
            ) => vec![Bson::Array(Vec::new())],
            (Field::EndTime, _) => vec![mongodb::bson::DateTime::from_millis(0).into()],
            (Field::Duration, _) => vec![Bson::Double(0.0)],
            (Field::Outcome | Field::TxnOutcome | Field::SessionId, _) => vec![text()],
            (field, _) => match Kind::of(field) {
                Kind::Text | Kind::Identity => vec![text()],
                Kind::Open | Kind::Actor => vec![document()],
                Kind::Measured => vec![Bson::Int64(0)],
            },
        })
    }
}

fn in_the_way() -> Error {
    Error::invalid("what stands above is no document")
}

fn put_below(document: &mut Document, keys: &[String], value: Bson) -> Result<()> {
    match keys {
        [] => {}
        [key] => {
            document.insert(key.clone(), value);
        }
        [key, below @ ..] => match document.get_mut(key) {
            Some(Bson::Document(inner)) => put_below(inner, below, value)?,
            Some(_) => return Err(in_the_way()),
            None => {
                let mut inner = Document::new();
                put_below(&mut inner, below, value)?;
                document.insert(key.clone(), inner);
            }
        },
    }
    Ok(())
}

fn take_below(value: &mut Bson, keys: &[String]) -> Option<Bson> {
    let (key, below) = keys.split_first()?;
    match value {
        Bson::Document(document) => {
            let is_there =
                |value: Option<&Bson>, below| value.and_then(|it| at(it, below)).is_some();
            let (key, below) = match is_there(document.get(key), below) {
                true => (key.clone(), below),
                // A key that is a way of several steps.
                false => document.iter().find_map(|(key, value)| {
                    let below = &keys[n_steps(key, keys)?..];
                    is_there(Some(value), below).then(|| (key.clone(), below))
                })?,
            };
            match below {
                [] => document.remove(key),
                below => take_below(document.get_mut(key)?, below),
            }
        }
        Bson::Array(items) => {
            let place = key.parse().ok().filter(|place| *place < items.len())?;
            if below.is_empty() {
                Some(items.remove(place))
            } else {
                take_below(&mut items[place], below)
            }
        }
        _ => None,
    }
}
