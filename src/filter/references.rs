//! What an expression says of the values in it: `{$eq: ["$email", "x"]}` compares a value with a field
//! that stands beside it, not above it.

use mongodb::bson::Bson;

use super::edit::DEPTH_MAX;

/// What lies below these operators does not belong together: a reference in one part says nothing of
/// the other parts.
const APART: &[&str] = &[
    "$addFields",
    "$and",
    "$expr",
    "$facet",
    "$group",
    "$match",
    "$nor",
    "$not",
    "$or",
    "$project",
    "$replaceRoot",
    "$replaceWith",
    "$set",
    "$setOnInsert",
    "$unionWith",
];

/// What lies below these keys are names of fields: for `$getField`, `$setField`, `$graphLookup`,
/// `$geoNear` and Atlas Search.
const NAMES: &[&str] =
    &["$getField", "connectFromField", "connectToField", "defaultPath", "field", "key", "path"];

/// What lies below these keys is code.
const CODE: &[&str] = &["$where", "$function", "$accumulator", "map", "reduce", "finalize"];

/// Is what lies below this key code?
pub(super) fn is_code(key: &str) -> bool {
    CODE.contains(&key)
}

/// The names in a code, one after another: `this`, `email`. A sign that may be a minus or a part of a
/// name is taken for both.
pub(super) fn names_in_code(code: &str) -> impl Iterator<Item = &str> {
    let is_in_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$' | '-');
    code.split(move |letter| !is_in_name(letter)).flat_map(|name| {
        let parts = name.contains('-').then(|| name.split('-'));
        std::iter::once(name).chain(parts.into_iter().flatten())
    })
}

/// Is the value one expression, in which each part may be compared with each other one?
pub(super) fn is_together(key: &str, value: &Bson) -> bool {
    key.starts_with('$')
        && matches!(value, Bson::Document(_) | Bson::Array(_))
        && !APART.contains(&key)
}

/// Does an expression below this key refer to a field, as `"$user.email"` does, whose name
/// `is_wanted`? A variable's own name is part of the way: `$$u.email` is `u.email`.
pub(super) fn refers(key: &str, value: &Bson, is_wanted: &impl Fn(&str) -> bool) -> bool {
    below(value, NAMES.contains(&key), is_wanted, 0)
}

fn below(value: &Bson, is_name: bool, is_wanted: &impl Fn(&str) -> bool, depth: usize) -> bool {
    // What is deeper is not looked at, and its field is removed.
    if depth > DEPTH_MAX {
        return true;
    }
    match value {
        Bson::String(text) => {
            let way = text.trim_start_matches('$');
            (is_name || way.len() < text.len()) && is_wanted(way)
        }
        Bson::Array(items) => items.iter().any(|item| below(item, is_name, is_wanted, depth + 1)),
        Bson::Document(document) => document.iter().any(|(key, value)| {
            let is_query = |text: &str| key == "query" && is_named_in(text, is_wanted);
            value.as_str().is_some_and(is_query)
                || below(value, is_name || NAMES.contains(&key.as_str()), is_wanted, depth + 1)
        }),
        _ => false,
    }
}

/// Does a query of Atlas Search (`queryString`) name a field, as `email:ada` does?
fn is_named_in(query: &str, is_wanted: &impl Fn(&str) -> bool) -> bool {
    let is_between = |letter: char| letter.is_whitespace() || "()[]{}+-!\":".contains(letter);
    query
        .match_indices(':')
        .filter_map(|(at, _)| query[..at].rsplit(is_between).next())
        .any(|name| !name.is_empty() && is_wanted(name))
}
