//! Values become their types; keys, and the options that only say how something is done, stay.

use mongodb::bson::{Bson, Document};

use crate::record::shape::{Kind, guarded, insert_merged};

/// What is nested deeper is one value.
const DEPTH_MAX: usize = 32;
/// So many items of a list of documents stay.
const ITEMS_MAX: usize = 1_000;

/// The same keys, with types for values. A list without documents is one value.
pub(super) fn values(value: &Bson) -> Bson {
    tree(value, 0)
}

fn tree(value: &Bson, depth: usize) -> Bson {
    match value {
        _ if depth >= DEPTH_MAX => Kind::of(value).to_bson(),
        Bson::Document(document) => {
            Bson::Document(entries(document, |_, value| tree(value, depth + 1)))
        }
        Bson::Array(items) if items.iter().any(|item| matches!(item, Bson::Document(_))) => {
            let items = items.iter().take(ITEMS_MAX);
            Bson::Array(items.map(|item| tree(item, depth + 1)).collect())
        }
        _ => Kind::of(value).to_bson(),
    }
}

fn entries(document: &Document, each: impl Fn(&str, &Bson) -> Bson) -> Document {
    let mut masked = Document::new();
    for (key, value) in document {
        insert_merged(&mut masked, guarded(key).into_owned(), each(key, value));
    }
    masked
}

/// Options: those whose names are here keep the values that are no data.
pub(super) fn options(options: &Bson) -> Bson {
    match options {
        Bson::Document(options) => Bson::Document(entries(options, option)),
        _ => values(options),
    }
}

fn option(name: &str, value: &Bson) -> Bson {
    match (name, value) {
        ("sort", Bson::Document(sort)) => {
            Bson::Document(entries(sort, |_, direction| kept(direction, is_direction)))
        }
        ("projection" | "fields", Bson::Document(projection)) => {
            Bson::Document(entries(projection, |_, flag| kept(flag, is_flag)))
        }
        ("collation", Bson::Document(collation)) => {
            Bson::Document(entries(collation, |key, value| match key {
                "locale" | "caseLevel" | "caseFirst" | "strength" | "numericOrdering"
                | "alternate" | "maxVariable" | "normalization" | "backwards" => {
                    kept(value, |value| is_size(value) || is_word(value))
                }
                _ => values(value),
            }))
        }
        (
            "readConcern" | "writeConcern" | "readPreference" | "$readPreference",
            Bson::Document(concern),
        ) => Bson::Document(entries(concern, |key, value| match key {
            "level"
            | "w"
            | "j"
            | "wtimeout"
            | "wtimeoutMS"
            | "fsync"
            | "mode"
            | "maxStalenessSeconds" => kept(value, |value| is_size(value) || is_known(value)),
            _ => values(value),
        })),
        (
            "readConcern"
            | "readPreference"
            | "returnDocument"
            | "fullDocument"
            | "fullDocumentBeforeChange"
            | "cursorType",
            _,
        ) => kept(value, is_known),
        // The field of a `distinct`.
        ("key", Bson::String(path)) if is_path(path) => Bson::String(guarded(path).into_owned()),
        _ if SIZES.contains(&name) => kept(value, is_size),
        _ => values(value),
    }
}

/// Options that are numbers and booleans, and no data.
const SIZES: &[&str] = &[
    "allowDiskUse",
    "allowPartialResults",
    "awaitData",
    "background",
    "batchSize",
    "bypassDocumentValidation",
    "capped",
    "chunkSizeBytes",
    "expireAfterSeconds",
    "hidden",
    "limit",
    "maxAwaitTimeMS",
    "maxTimeMS",
    "multi",
    "nOps",
    "nameOnly",
    "new",
    "noCursorTimeout",
    "ordered",
    "remove",
    "returnKey",
    "showExpandedEvents",
    "showRecordId",
    "singleBatch",
    "skip",
    "sparse",
    "tailable",
    "unique",
    "upsert",
];

/// The words that concerns, preferences and modes are.
const WORDS: &[&str] = &[
    "local",
    "available",
    "majority",
    "linearizable",
    "snapshot",
    "primary",
    "primaryPreferred",
    "secondary",
    "secondaryPreferred",
    "nearest",
    "before",
    "after",
    "Before",
    "After",
    "default",
    "updateLookup",
    "whenAvailable",
    "required",
    "off",
    "nonTailable",
    "tailable",
    "tailableAwait",
    "NonTailable",
    "Tailable",
    "TailableAwait",
];

fn kept(value: &Bson, is_kept: impl Fn(&Bson) -> bool) -> Bson {
    if is_kept(value) { value.clone() } else { values(value) }
}

fn is_size(value: &Bson) -> bool {
    matches!(value, Bson::Boolean(_) | Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_))
}

fn is_flag(value: &Bson) -> bool {
    match value {
        Bson::Double(flag) => [0.0, 1.0].contains(flag),
        _ => matches!(value, Bson::Boolean(_) | Bson::Int32(0 | 1) | Bson::Int64(0 | 1)),
    }
}

fn is_direction(value: &Bson) -> bool {
    match value {
        Bson::Double(direction) => direction.abs() == 1.0,
        _ => matches!(value, Bson::Int32(1 | -1) | Bson::Int64(1 | -1)),
    }
}

/// A short word such as a locale is.
fn is_word(value: &Bson) -> bool {
    let is_letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'@' | b'=');
    matches!(value, Bson::String(word) if word.len() <= 32 && word.bytes().all(is_letter))
}

fn is_known(value: &Bson) -> bool {
    matches!(value, Bson::String(word) if WORDS.contains(&word.as_str()))
}

fn is_path(path: &str) -> bool {
    !path.chars().any(|c| c.is_whitespace() || c.is_control())
}
