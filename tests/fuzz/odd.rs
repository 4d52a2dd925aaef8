//! Documents and records that nobody would write.

use std::{str::FromStr, sync::Arc};

use mongowatch::{
    Field, Timestamp, WatchMessage, WatcherName,
    bson::{Binary, Bson, DateTime, Decimal128, Document, oid::ObjectId, spec::BinarySubtype},
    filter::Query,
};

use crate::choices::Choices;

const NAMES: &[&str] = &[
    "a",
    "b",
    "a.b",
    "",
    "0",
    "1",
    "00",
    "$a",
    "$gt",
    "$and",
    "$ref",
    "é",
    "user@example.com",
    "2024-01-31",
    "6650c1f0a1b2c3d4e5f60718",
    "123456789",
    "a\0b",
    "*",
    "Filter",
    "_id",
    "$[]",
    ".",
    "..",
];
const TEXTS: &[&str] = &[
    "",
    "a",
    "news",
    "news\n",
    "$a",
    "$$ROOT",
    "?number",
    "?array<?string>",
    "?array<>",
    "é",
    "\u{1f600}",
    "a\0b",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "4111111111111111",
    "(a",
    "^a$",
    "2026-01-31T12:00:00Z",
    "NaN",
];
const DECIMALS: &[&str] =
    &["0", "-0", "NaN", "Infinity", "1E-6176", "9.999999999999999999999999999999999E+6144"];
const DOUBLES: &[f64] = &[
    0.0,
    -0.0,
    1.0,
    -1.5,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    5e-324,
    f64::MAX,
    9_007_199_254_740_993.0,
];
const LONGS: &[i64] = &[0, 1, -1, i64::MAX, i64::MIN, 1 << 40, 1_714_564_800_000];

/// Any value; not so deep that the stack is asked.
pub(crate) fn value(choices: &mut Choices<'_>, names: &[&str], depth: usize) -> Bson {
    match choices.byte() % 24 {
        0..=4 if depth > 0 => Bson::Document(document(choices, names, depth - 1)),
        5..=7 if depth > 0 => {
            let n_items = choices.below(5);
            Bson::Array((0..n_items).map(|_| value(choices, names, depth - 1)).collect())
        }
        8..=10 => Bson::String(choices.pick(TEXTS).to_owned()),
        11 | 12 => Bson::Int32(i32::from(choices.byte()) - 5),
        13 => Bson::Int64(choices.pick(LONGS)),
        14 => Bson::Double(choices.pick(DOUBLES)),
        15 => Bson::Boolean(choices.one_in(2)),
        16 => Bson::Decimal128(choices.pick(DECIMALS).parse::<Decimal128>().unwrap()),
        17 => Bson::DateTime(DateTime::from_millis(choices.pick(LONGS))),
        18 => Bson::ObjectId(ObjectId::from_bytes([choices.byte(); 12])),
        19 => {
            Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: vec![choices.byte(); 3] })
        }
        20 | 21 => seldom(choices),
        _ => Bson::Null,
    }
}

pub(crate) fn document(choices: &mut Choices<'_>, names: &[&str], depth: usize) -> Document {
    let n_fields = choices.below(5);
    let name = |choices: &mut Choices<'_>| {
        let names = if choices.one_in(4) { NAMES } else { names };
        choices.pick(names).to_owned()
    };
    (0..n_fields).map(|_| (name(choices), value(choices, names, depth))).collect()
}

/// Values whose types differ between the versions of `bson`, and those of old servers.
fn seldom(choices: &mut Choices<'_>) -> Bson {
    const SELDOM: &[&str] = &[
        r#"{"v": {"$regularExpression": {"pattern": "^a", "options": "im"}}}"#,
        r#"{"v": {"$regularExpression": {"pattern": "(", "options": ""}}}"#,
        r#"{"v": {"$timestamp": {"t": 1, "i": 4294967295}}}"#,
        r#"{"v": {"$minKey": 1}}"#,
        r#"{"v": {"$maxKey": 1}}"#,
        r#"{"v": {"$undefined": true}}"#,
        r#"{"v": {"$symbol": "a"}}"#,
        r#"{"v": {"$code": "f()"}}"#,
        r#"{"v": {"$code": "f()", "$scope": {"a": {"$minKey": 1}}}}"#,
        r#"{"v": {"$dbPointer": {"$ref": "a.b", "$id": {"$oid": "6650c1f0a1b2c3d4e5f60718"}}}}"#,
    ];
    let query = Query::from_str(choices.pick(SELDOM)).unwrap();
    query.as_document().get("v").unwrap().clone()
}

/// A record with any query.
pub(crate) fn record(choices: &mut Choices<'_>) -> WatchMessage {
    const OPERATIONS: &[&str] = &[
        "find",
        "aggregate",
        "update_one",
        "update",
        "bulk_write",
        "delete_many",
        "insert_many",
        "run_command",
        "distinct",
        "watch",
        "find_one_and_update",
        "create_index",
        "replace_one",
        "delete",
        "findAndModify",
        "",
    ];
    const WATCHERS: &[WatcherName] =
        &[WatcherName::Collection, WatcherName::Command, WatcherName::Cursor];
    let start = Timestamp::from_micros(choices.pick(LONGS) / 1_000);
    let mut record = WatchMessage::new(choices.pick(WATCHERS), choices.pick(OPERATIONS), start);
    record.db = choices.one_in(2).then(|| choices.pick(TEXTS).into());
    record.collection = choices.one_in(2).then(|| choices.pick(TEXTS).into());
    record.counts.matched = choices.one_in(2).then_some(u64::MAX);
    record.filter = (!choices.one_in(4)).then(|| Arc::new(value(choices, QUERY, 6)));
    record.update = choices.one_in(2).then(|| Arc::new(value(choices, QUERY, 4)));
    record.options = choices.one_in(2).then(|| Arc::new(value(choices, OPTIONS, 4)));
    record
}

/// Every field of a record can be read.
pub(crate) fn read_all(record: &WatchMessage) {
    for field in Field::ALL {
        let _ = Bson::from(record.get(*field));
    }
}

/// The names of queries, pipelines, updates and commands.
pub(crate) const QUERY: &[&str] = &[
    "$and",
    "$or",
    "$nor",
    "$not",
    "$eq",
    "$in",
    "$gt",
    "$regex",
    "$options",
    "$elemMatch",
    "$all",
    "$type",
    "$mod",
    "$expr",
    "$match",
    "$group",
    "$project",
    "$lookup",
    "$facet",
    "$set",
    "$push",
    "$pull",
    "$each",
    "$literal",
    "find",
    "filter",
    "update",
    "aggregate",
    "pipeline",
    "insertOne",
    "updateOne",
    "q",
    "u",
    "a",
    "b",
    "c.d",
];
const OPTIONS: &[&str] = &[
    "sort",
    "projection",
    "limit",
    "hint",
    "collation",
    "arrayFilters",
    "upsert",
    "let",
    "locale",
    "a",
    "$meta",
];
