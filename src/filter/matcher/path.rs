//! The way to the values that a clause looks at, with the rules of the server for arrays.

use std::{borrow::Cow, iter, sync::Arc};

use mongodb::bson::{Bson, Document};

use super::view::View;
use crate::record::{Field, Value, WatchMessage};

/// The longest path, in names.
pub(super) const NAMES_MAX: usize = 100;
/// The most names of digits in a path. Each may be a place in an array as well as a name in its
/// documents, so the ways to go multiply.
pub(super) const PLACES_MAX: usize = 16;

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    Record(&'a WatchMessage),
    Document(&'a Document),
    /// An element of an array, inside of `$elemMatch`.
    Element(View<'a>),
}

/// A dotted path. Cloning is cheap: a long list of tests has one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    root: Root,
    rest: Arc<[Name]>,
}

/// The first name of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Root {
    Field(Field),
    Name(Name),
}

/// A name of a path, and the place in an array that it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    text: Arc<str>,
    place: Option<usize>,
}

/// What becomes of an array at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtEnd {
    /// Its items are looked at, then the array itself.
    ItemsThenArray,
    /// Only the array itself.
    Array,
}

/// Looks at a value, or at the absence of one; true ends the walk.
pub(super) trait Visit: FnMut(Option<View<'_>>) -> bool {}

impl<F: FnMut(Option<View<'_>>) -> bool> Visit for F {}

impl Name {
    fn new(text: &str) -> Self {
        // As the server has it: digits, and no zero before others.
        let is_place = !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && (text == "0" || !text.starts_with('0'));
        Self { text: text.into(), place: text.parse().ok().filter(|_| is_place) }
    }
}

impl Path {
    /// The path of names in any document.
    pub(super) fn of_document(path: &str) -> Self {
        let mut names = names(path).map(|name| Name::new(&name));
        let root = Root::Name(names.next().unwrap_or_else(|| Name::new("")));
        Self { root, rest: names.collect() }
    }

    /// The path of names below a field of a record.
    pub(super) fn of_record(field: Field, below: Option<&str>) -> Self {
        let rest = below.into_iter().flat_map(names).map(|name| Name::new(&name));
        Self { root: Root::Field(field), rest: rest.collect() }
    }

    /// Walks to every value at the path. True if a visit was.
    pub(super) fn any(&self, source: Source<'_>, at_end: AtEnd, visit: &mut impl Visit) -> bool {
        match (source, &self.root) {
            (Source::Record(record), Root::Field(field)) => {
                with_view(record.get(*field), |value| match value {
                    Some(value) => walk(value, &self.rest, at_end, visit),
                    None => visit(None),
                })
            }
            (Source::Document(document), Root::Name(name)) => {
                in_document(document, name, &self.rest, at_end, visit)
            }
            (Source::Element(View::Document(document)), Root::Name(name)) => {
                in_document(document, name, &self.rest, at_end, visit)
            }
            (Source::Element(View::Array(items)), Root::Name(name)) => {
                match name.place.and_then(|place| items.get(place)) {
                    Some(item) => walk(item.into(), &self.rest, at_end, visit),
                    None => visit(None),
                }
            }
            _ => visit(None),
        }
    }
}

/// The names of a path: what is between two dots, or stands in backticks as a whole, whatever is in it;
/// two backticks there stand for one.
///
/// The server has no such form, and no path to a key with a dot in it. A filter has such keys all the
/// time: `{"address.city": "Rome"}`.
pub(super) fn names(path: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = Some(path);
    iter::from_fn(move || {
        let text = rest?;
        let (name, after) = quoted_name(text).unwrap_or_else(|| match text.split_once('.') {
            Some((name, after)) => (name.into(), Some(after)),
            None => (text.into(), None),
        });
        rest = after;
        Some(name)
    })
}

/// A name in backticks at the beginning, and what comes behind its dot.
fn quoted_name(text: &str) -> Option<(Cow<'_, str>, Option<&str>)> {
    let inner = text.strip_prefix('`')?;
    let mut end = inner.find('`')?;
    while inner[end + 1..].starts_with('`') {
        let from = end + 2;
        end = from + inner[from..].find('`')?;
    }
    let (name, after) = (&inner[..end], &inner[end + 1..]);
    let after = if after.is_empty() { None } else { Some(after.strip_prefix('.')?) };
    (!name.is_empty()).then(|| (name.replace("``", "`").into(), after))
}

/// Calls with a field of a record as a view. Only the rare kinds are built anew.
pub(super) fn with_view<T>(value: Value<'_>, then: impl FnOnce(Option<View<'_>>) -> T) -> T {
    let view = match value {
        Value::Missing => return then(None),
        Value::Str(text) => View::Str(text),
        Value::Int(int) => View::Int64(int),
        Value::Time(time) => View::Micros(time.as_micros()),
        Value::Duration(duration) => View::Double(duration.as_secs_f64()),
        Value::Bson(bson) => View::from(bson),
        Value::Document(document) => View::Document(document),
        Value::Array(items) => View::Array(items),
        rare => return then(Some(View::from(&Bson::from(rare)))),
    };
    then(Some(view))
}

fn in_document(
    document: &Document,
    name: &Name,
    rest: &[Name],
    at_end: AtEnd,
    visit: &mut impl Visit,
) -> bool {
    match document.get(&name.text) {
        Some(value) => walk(value.into(), rest, at_end, visit),
        None => visit(None),
    }
}

fn walk(value: View<'_>, names: &[Name], at_end: AtEnd, visit: &mut impl Visit) -> bool {
    let Some((name, rest)) = names.split_first() else { return end(value, at_end, visit) };
    match value {
        View::Document(document) => in_document(document, name, rest, at_end, visit),
        View::Array(items) => in_array(items, names, at_end, visit),
        _ => visit(None),
    }
}

fn end(value: View<'_>, at_end: AtEnd, visit: &mut impl Visit) -> bool {
    match value {
        View::Array(items) if at_end == AtEnd::ItemsThenArray => {
            items.iter().any(|item| visit(Some(item.into()))) || visit(Some(value))
        }
        _ => visit(Some(value)),
    }
}

/// The documents in an array are looked into, and a name of digits is also a place in it.
fn in_array(items: &[Bson], names: &[Name], at_end: AtEnd, visit: &mut impl Visit) -> bool {
    let [name, rest @ ..] = names else { return false };
    for item in items {
        if let Bson::Document(document) = item
            && in_document(document, name, rest, at_end, visit)
        {
            return true;
        }
    }
    match name.place.and_then(|place| items.get(place)) {
        // An array at a place is not looked into, but for what the path names in it.
        Some(item) if rest.is_empty() => visit(Some(item.into())),
        // A plain item has nothing below it, not even null.
        Some(item @ (Bson::Document(_) | Bson::Array(_))) => walk(item.into(), rest, at_end, visit),
        _ => false,
    }
}
