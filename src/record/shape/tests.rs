use std::sync::Arc;

use expect_test::{Expect, expect};
use mongodb::bson::{Bson, Document, Regex, doc, oid::ObjectId};
use proptest::prelude::*;

use super::{Shape, Shaper, guarded, rules, tree, walk};
use crate::record::{Timestamp, WatchMessage, WatcherName};

fn record(operation: &'static str, filter: impl Into<Bson>) -> WatchMessage {
    let start = Timestamp::from_micros(0);
    let mut record = WatchMessage::new(WatcherName::Collection, operation, start);
    record.db = Some("shop".into());
    record.collection = Some("orders".into());
    record.filter = Some(Arc::new(filter.into()));
    record
}

fn raw(command: &'static str, filter: impl Into<Bson>) -> WatchMessage {
    WatchMessage { watcher: WatcherName::Command, ..record(command, filter) }
}

fn updating(filter: Document, update: impl Into<Bson>) -> WatchMessage {
    WatchMessage { update: Some(Arc::new(update.into())), ..record("update_one", filter) }
}

fn fresh(record: &WatchMessage) -> Shape {
    tree::finish(&walk::walk(record).unwrap())
}

#[track_caller]
fn check(record: &WatchMessage, expected: Expect) {
    let shape = fresh(record);
    expected.assert_eq(&format!("{}\n{}\n{}\n", shape.query, shape.hash, shape.label));
}

#[track_caller]
fn check_filter(filter: Document, expected: Expect) {
    let shape = fresh(&record("find", filter));
    expected.assert_eq(&shape.query.as_document().unwrap().get("filter").unwrap().to_string());
}

#[track_caller]
fn check_stages(stages: Vec<Document>, expected: Expect) {
    let stages: Vec<Bson> = stages.into_iter().map(Bson::Document).collect();
    let shape = fresh(&record("aggregate", stages));
    expected.assert_eq(&shape.query.as_document().unwrap().get("pipeline").unwrap().to_string());
}

#[track_caller]
fn check_update(update: impl Into<Bson>, expected: Expect) {
    let shape = fresh(&updating(doc! {}, update));
    expected.assert_eq(&shape.query.as_document().unwrap().get("update").unwrap().to_string());
}

#[test]
fn conditions_are_written_out() {
    check_filter(doc! {}, expect!["{}"]);
    check_filter(doc! { "a": 5 }, expect![[r#"{ "a": { "$eq": "?number" } }"#]]);
    check_filter(
        doc! { "b": { "$lt": 5, "$gt": 1 }, "a": "x" },
        expect![[
            r#"{ "$and": [{ "a": { "$eq": "?string" } }, { "b": { "$gt": "?number" } }, { "b": { "$lt": "?number" } }] }"#
        ]],
    );
    check_filter(
        doc! { "$and": [{ "b": 1 }, { "$and": [{ "a": 1 }, {}] }] },
        expect![[r#"{ "$and": [{ "a": { "$eq": "?number" } }, { "b": { "$eq": "?number" } }] }"#]],
    );
    check_filter(
        doc! { "$or": [{ "b": 1, "c": 2 }, { "a": 1 }, { "a": 2 }] },
        expect![[
            r#"{ "$or": [{ "$and": [{ "b": { "$eq": "?number" } }, { "c": { "$eq": "?number" } }] }, { "a": { "$eq": "?number" } }] }"#
        ]],
    );
    check_filter(
        doc! { "a": { "$in": [1, 2.5] }, "b": { "$nin": [1, "x"] } },
        expect![[
            r#"{ "$and": [{ "a": { "$in": "?array<?number>" } }, { "b": { "$nin": "?array<>" } }] }"#
        ]],
    );
    check_filter(
        doc! { "a": [], "b": [[1]], "c": { "d": "secret" } },
        expect![[
            r#"{ "$and": [{ "a": { "$eq": [] } }, { "b": { "$eq": "?array<?array>" } }, { "c": { "$eq": "?object" } }] }"#
        ]],
    );
    check_filter(
        doc! { "a": { "$elemMatch": { "b": 1, "c": { "$gt": 1 } } } },
        expect![[
            r#"{ "a": { "$elemMatch": { "$and": [{ "b": { "$eq": "?number" } }, { "c": { "$gt": "?number" } }] } } }"#
        ]],
    );
    check_filter(
        doc! { "a": { "$elemMatch": { "$gt": 1, "$lt": 2 } } },
        expect![[r#"{ "a": { "$elemMatch": { "$gt": "?number", "$lt": "?number" } } }"#]],
    );
    check_filter(
        doc! { "a": { "$not": { "$gt": 1 } }, "b": { "$type": "int" } },
        expect![[
            r#"{ "$and": [{ "a": { "$not": { "$gt": "?number" } } }, { "b": { "$type": "int" } }] }"#
        ]],
    );
    check_filter(
        doc! { "a": { "$type": ["int", 2, "secret"] } },
        expect![[r#"{ "a": { "$type": ["?string", "int", 2] } }"#]],
    );
    check_filter(
        doc! { "a": { "$regex": "x", "$options": "i" }, "b": { "$regex": "x" } },
        expect![[
            r#"{ "$and": [{ "a": { "$regex": "?string", "$options": "?string" } }, { "b": { "$regex": "?string" } }] }"#
        ]],
    );
    let regex = |options: &str| Regex {
        pattern: "secret".to_owned().try_into().unwrap(),
        options: options.to_owned().try_into().unwrap(),
    };
    check_filter(
        doc! { "a": regex(""), "b": regex("i"), "c": { "$not": regex("") } },
        expect![[
            r#"{ "$and": [{ "a": { "$regex": "?string" } }, { "b": { "$regex": "?string", "$options": "?string" } }, { "c": { "$not": { "$regex": "?string" } } }] }"#
        ]],
    );
    check_filter(
        doc! { "a": { "$mod": [2, 0] }, "b": { "$size": 1 } },
        expect![[
            r#"{ "$and": [{ "a": { "$mod": ["?number", "?number"] } }, { "b": { "$size": "?number" } }] }"#
        ]],
    );
    check_filter(
        doc! { "a": { "$all": ["x", "y"] } },
        expect![[r#"{ "a": { "$all": "?array<?string>" } }"#]],
    );
    check_filter(
        doc! { "a": { "$all": [{ "$elemMatch": { "b": 1 } }] } },
        expect![[r#"{ "a": { "$all": [{ "$elemMatch": { "b": { "$eq": "?number" } } }] } }"#]],
    );
    check_filter(
        doc! { "a": { "$ref": "x", "$id": 1 } },
        expect![[r#"{ "a": { "$eq": "?object" } }"#]],
    );
    check_filter(
        doc! { "$where": "secret", "$text": { "$search": "secret" } },
        expect![[
            r#"{ "$and": [{ "$text": { "$search": "?string" } }, { "$where": "?string" }] }"#
        ]],
    );
    check_filter(
        doc! { "$new": { "secret": ["s"] }, "a": { "$new": { "b": 1 } } },
        expect![[
            r#"{ "$and": [{ "$new": { "secret": "?array<?string>" } }, { "a": { "$new": { "b": "?number" } } }] }"#
        ]],
    );
    check_filter(
        doc! { "$comment": "secret", "a": ObjectId::from_bytes([0; 12]) },
        expect![[r#"{ "a": { "$eq": "?objectId" } }"#]],
    );
    check_filter(
        doc! { "$expr": { "$and": [{ "$gt": ["$b", "$$now"] }, { "$eq": ["$a", "secret"] }] } },
        expect![[
            r#"{ "$expr": { "$and": [{ "$eq": ["$a", "?string"] }, { "$gt": ["$b", "$$now"] }] } }"#
        ]],
    );
    check_filter(
        doc! { "$expr": { "$new": ["$a", "$secret"] } },
        expect![[r#"{ "$expr": { "$new": "?array<?string>" } }"#]],
    );
    check_filter(
        doc! { "$expr": { "$eq": [{ "$literal": "$secret" }, "$a"] } },
        expect![[r#"{ "$expr": { "$eq": [{ "$literal": "?string" }, "$a"] } }"#]],
    );
}

#[test]
fn stages_keep_their_structure() {
    check_stages(
        vec![
            doc! { "$match": { "a": 1 } },
            doc! { "$addFields": { "b": { "$concat": ["$a", "secret"] }, "a": "secret" } },
            doc! { "$group": { "_id": null, "n": { "$sum": 1 } } },
            doc! { "$sort": { "z": -1, "a": 1 } },
            doc! { "$limit": 5 },
        ],
        expect![[
            r#"[{ "$match": { "a": { "$eq": "?number" } } }, { "$addFields": { "a": "?string", "b": { "$concat": ["$a", "?string"] } } }, { "$group": { "_id": "?null", "n": { "$sum": "?number" } } }, { "$sort": { "z": -1, "a": 1 } }, { "$limit": "?number" }]"#
        ]],
    );
    check_stages(
        vec![
            doc! { "$lookup": {
                "from": "people", "let": { "x": "secret" }, "as": "p",
                "pipeline": [{ "$match": { "$expr": { "$eq": ["$a", "$$x"] } } }],
            } },
            doc! { "$unwind": "$p" },
            doc! { "$unwind": { "path": "$p", "preserveNullAndEmptyArrays": true } },
            doc! { "$unset": ["a", "b"] },
            doc! { "$facet": { "x": [{ "$count": "n" }] } },
            doc! { "$merge": { "into": "target", "whenMatched": "replace" } },
        ],
        expect![[
            r#"[{ "$lookup": { "as": "p", "from": "people", "let": { "x": "?string" }, "pipeline": [{ "$match": { "$expr": { "$eq": ["$a", "$$x"] } } }] } }, { "$unwind": "$p" }, { "$unwind": { "path": "$p", "preserveNullAndEmptyArrays": true } }, { "$unset": ["a", "b"] }, { "$facet": { "x": [{ "$count": "n" }] } }, { "$merge": { "into": "target", "whenMatched": "replace" } }]"#
        ]],
    );
    check_stages(
        vec![doc! { "$new": { "a": "$secret", "b": [1] } }],
        expect![[r#"[{ "$new": { "a": "?string", "b": "?array<?number>" } }]"#]],
    );
    check_stages(
        vec![doc! { "$project": { "a": 1, "b": true, "c": "$d", "e.f": { "$slice": 3 } } }],
        expect![[
            r#"[{ "$project": { "a": true, "b": true, "c": "$d", "e.f": { "$slice": "?number" } } }]"#
        ]],
    );
}

#[test]
fn updates_keep_their_operators() {
    check_update(
        doc! { "$set": { "b": "x", "a": { "secret": 1 } }, "$inc": { "n": 1 } },
        expect![[r#"{ "$inc": { "n": "?number" }, "$set": { "a": "?object", "b": "?string" } }"#]],
    );
    check_update(doc! { "name": "secret" }, expect![[r#""?object""#]]);
    check_update(
        doc! { "$push": { "t": { "$each": ["a"], "$sort": { "x": -1 }, "$slice": 3 }, "u": 1 } },
        expect![[
            r#"{ "$push": { "t": { "$each": "?array<?string>", "$slice": "?number", "$sort": { "x": -1 } }, "u": "?number" } }"#
        ]],
    );
    check_update(
        doc! { "$pull": { "a": { "$gte": 1 }, "b": { "c": 1 }, "d": "x" } },
        expect![[
            r#"{ "$pull": { "a": { "$gte": "?number" }, "b": { "c": { "$eq": "?number" } }, "d": "?string" } }"#
        ]],
    );
    check_update(
        vec![Bson::from(doc! { "$set": { "a": "$b" } })],
        expect![[r#"[{ "$set": { "a": "$b" } }]"#]],
    );
    check_update(
        doc! { "$new": { "a": { "b": "secret" } } },
        expect![[r#"{ "$new": { "a": "?object" } }"#]],
    );
}

/// These are what the hash is for: a change here needs another version in it.
#[test]
fn hashes_are_the_same_everywhere() {
    let mut find = record("find", doc! { "year": { "$lt": 2000 }, "active": true });
    find.options = Some(Arc::new(
        doc! { "sort": { "date": -1 }, "limit": 3_i64, "comment": "secret",
        "collation": { "locale": "de", "strength": 2 }, "projection": { "year": 1, "x": "secret" } }
        .into(),
    ));
    check(
        &find,
        expect![[r#"
        { "collation": { "locale": "de", "strength": 2 }, "filter": { "$and": [{ "active": { "$eq": "?bool" } }, { "year": { "$lt": "?number" } }] }, "limit": "?number", "projection": { "x": "?string", "year": true }, "sort": { "date": -1 } }
        v1:491970f2a755c035dfa0c24e97c9bb0a
        find shop.orders active,year sort:date
    "#]],
    );
    check(
        &record("find", doc! {}),
        expect![[r#"
        { "filter": {} }
        v1:b86e9b1ae6f0c83bd3b977918e295986
        find shop.orders
    "#]],
    );
    check(
        &updating(doc! { "_id": 1 }, doc! { "$set": { "a": 1, "b": 2 } }),
        expect![[r#"
        { "filter": { "_id": { "$eq": "?number" } }, "update": { "$set": { "a": "?number", "b": "?number" } } }
        v1:531b3afbf7773cd9eaa392d0e2b5817f
        update_one shop.orders _id set:a,b
    "#]],
    );
    check(
        &record("aggregate", vec![Bson::from(doc! { "$match": { "a": 1, "b": 2 } })]),
        expect![[r#"
            { "pipeline": [{ "$match": { "$and": [{ "a": { "$eq": "?number" } }, { "b": { "$eq": "?number" } }] } }] }
            v1:0abf6227ae27edeaae5554601969a97b
            aggregate shop.orders $match(a,b)
        "#]],
    );
    let start = Timestamp::from_micros(0);
    check(
        &WatchMessage::new(WatcherName::Collection, "insert_many", start),
        expect![[r#"
        { "documents": "?array<?object>" }
        v1:b939b77121ac628f0116ed73200ddd5f
        insert_many
    "#]],
    );
}

#[test]
fn commands_and_bulk_writes_have_shapes() {
    let writes = |n: i32| -> Vec<Bson> {
        let write = |i| {
            doc! {
                "update": "shop.orders", "multi": false, "filter": { "_id": i },
                "updateMods": { "$set": { "a": i } },
            }
        };
        let delete = doc! { "delete": "shop.orders", "multi": true, "filter": {} };
        (0..n).map(|i| write(i).into()).chain([delete.into()]).collect()
    };
    check(
        &record("bulk_write", writes(1)),
        expect![[r#"
        { "writes": [{ "delete": "shop.orders", "filter": {}, "multi": true }, { "filter": { "_id": { "$eq": "?number" } }, "multi": false, "update": "shop.orders", "updateMods": { "$set": { "a": "?number" } } }] }
        v1:3b05ae6986d51f70aa6ef44a760988d9
        bulk_write shop.orders
    "#]],
    );
    assert_eq!(fresh(&record("bulk_write", writes(90))), fresh(&record("bulk_write", writes(1))));
    check(
        &record(
            "run_command",
            doc! {
                "find": "orders", "filter": { "a": "secret" }, "limit": 1, "comment": "secret",
            },
        ),
        expect![[r#"
            { "command": { "find": "orders", "filter": { "a": { "$eq": "?string" } }, "limit": "?number" } }
            v1:d6f381ce19b08cb2baced9395add0992
            run_command shop.orders find a
        "#]],
    );
    check(
        &record("run_command", doc! { "ping": 1, "who": { "a": "secret" } }),
        expect![[r#"
        { "command": { "ping": "?number", "who": { "a": "?string" } } }
        v1:97ea00312a59130ceddfcfd2142a3889
        run_command shop.orders ping
    "#]],
    );
    let explain = doc! { "explain": { "count": "orders", "query": { "a": 1 } } };
    check(
        &record("run_command", explain),
        expect![[r#"
        { "command": { "explain": { "count": "orders", "query": { "a": { "$eq": "?number" } } } } }
        v1:c64c2c67202fe70ee23049323ea43af0
        run_command shop.orders explain
    "#]],
    );
    check(
        &raw("list_collections", doc! { "listCollections": 1, "filter": { "a": 1 } }),
        expect![[r#"
            { "command": { "listCollections": "?number", "filter": { "a": "?number" } } }
            v1:b26c088e07dcb03d2b32b9748a2dd46e
            list_collections shop.orders listCollections a
        "#]],
    );
    let mut statements = raw("update", vec![Bson::from(doc! { "a": 1 }), doc! { "a": 2 }.into()]);
    let update = Bson::from(doc! { "$inc": { "n": 1 } });
    statements.update = Some(Arc::new(Bson::Array(vec![update.clone(), update])));
    check(
        &statements,
        expect![[r#"
            { "filter": [{ "a": { "$eq": "?number" } }], "update": [{ "$inc": { "n": "?number" } }] }
            v1:03f0718d11a6f48f159e03fdff01ac4c
            update shop.orders
        "#]],
    );
    assert!(
        Shaper::default()
            .shape(&WatchMessage { filter: None, ..record("drop", doc! {}) })
            .is_none()
    );
}

/// What stands behind the name of a command is a collection for few of them.
#[test]
fn the_argument_of_another_command_is_a_value() {
    for (name, rest) in [("ping", "x"), ("addShard", "name"), ("unknown", "filter")] {
        let command = doc! { name: "canary", rest: { "a": "canary" } };
        for record in [record("run_command", command.clone()), raw("unknown", command)] {
            let shape = fresh(&record);
            assert!(!format!("{shape:?}").contains("canary"), "{shape:?}");
        }
    }
    let shape = fresh(&record("run_command", doc! { "explain": { "ping": "canary" } }));
    assert!(!format!("{shape:?}").contains("canary"), "{shape:?}");
}

#[test]
fn raw_commands_group_with_mirrored_calls() {
    let filter = || doc! { "a": 1 };
    assert_eq!(fresh(&raw("find", filter())).hash, fresh(&record("find_one", filter())).hash);
    assert_eq!(fresh(&raw("delete", filter())).hash, fresh(&record("delete_many", filter())).hash);
    assert_ne!(fresh(&raw("delete", filter())).hash, fresh(&record("find", filter())).hash);
    let elsewhere = WatchMessage { collection: Some("x".into()), ..record("find", filter()) };
    assert_ne!(fresh(&elsewhere).hash, fresh(&record("find", filter())).hash);
}

#[test]
fn keys_that_are_data_are_replaced() {
    let check = |key: &str, expected: &str| assert_eq!(guarded(key), expected, "{key}");
    for name in
        ["a", "address.zip2", "$set", "$$NOW", "grades.$[e].x", "a1b2", "café", "$", "", "a..b"]
    {
        check(name, name);
    }
    check("items.12.price", "items.<n>.price");
    check("-5", "<n>");
    check("2024-01-01", "<date>");
    check("prices.2024-01-01T10:00:00Z", "prices.<date>");
    check("2024-01", "<date>");
    check("31/12/2024", "<date>");
    check("users.507f1f77bcf86cd799439011.n", "users.<id>.n");
    check("abcdefabcdefabcdefabcdef", "<id>");
    check("123456789012345678901234", "<id>");
    check("550e8400-e29b-41d4-a716-446655440000", "<uuid>");
    check("550e8400e29b41d4a716446655440000", "<uuid>");
    check("alice.b@example.com", "<email>");
    check("users.alice@example.com", "<email>");
    check("$alice@example.com", "<email>");
    check("4111-1111-1111-1111", "<key>");
    check("+491701234567", "<n>");
    check(&"k".repeat(65), "<key>");
    check(&"k.".repeat(300), "<key>");
    check(&"é".repeat(200), "<key>");
    check_filter(
        doc! { "by.2024-01-01": 1, "by.2024-01-02": 2 },
        expect![[r#"{ "by.<date>": { "$eq": "?number" } }"#]],
    );
    check_filter(
        doc! { "$new": { "1": 1, "2": "x", "a@b.c": 1 } },
        expect![[r#"{ "$new": { "<email>": "?number", "<n>": "?any" } }"#]],
    );
}

#[test]
fn tables_are_sorted_for_the_search() {
    assert!(rules::EXPRESSIONS.is_sorted());
}

#[test]
fn what_is_deep_or_long_ends() {
    let mut deep = doc! { "a": "secret" };
    for _ in 0..200 {
        deep = doc! { "$and": [deep] };
    }
    let shape = fresh(&record("find", deep));
    assert_eq!(shape.query.to_string(), r#"{ "filter": { "$and": ["?object"] } }"#);
    let long: Document = (0..10_000).map(|n| (letters(n), Bson::from(n))).collect();
    let shape = fresh(&record("find", long));
    let text = shape.query.to_string();
    assert!(text.contains(r#"{ "<more>": "?any" }"#) && text.len() < 64 * 1_024, "{}", text.len());
    assert!(shape.label.chars().count() <= 120);
}

/// A key out of letters.
fn letters(n: i32) -> String {
    n.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

#[test]
fn the_table_is_bounded_and_keeps_what_is_asked_for() {
    let shaper = Shaper::new(10);
    let often = record("find", doc! { "often": 1 });
    let first = shaper.shape(&often).unwrap();
    for n in 0..100 {
        shaper.shape(&record("find", doc! { letters(n): 1 })).unwrap();
        assert!(Arc::ptr_eq(&shaper.shape(&often).unwrap(), &first));
        assert!(shaper.len() <= 10);
    }
}

fn value() -> impl Strategy<Value = Bson> {
    let scalar = prop_oneof![
        Just(Bson::Null),
        any::<bool>().prop_map(Bson::from),
        (-2..3_i32).prop_map(Bson::from),
        Just(Bson::Double(1.0)),
        prop_oneof![
            "[a-c]",
            Just("$a".to_owned()),
            Just("?number".to_owned()),
            Just("int".to_owned())
        ]
        .prop_map(Bson::from),
    ];
    let key = proptest::sample::select(vec![
        "a",
        "b",
        "1",
        "2024-01-01",
        "$and",
        "$or",
        "$expr",
        "$gt",
        "$in",
        "$type",
        "$elemMatch",
        "$not",
        "$regex",
        "$options",
        "$match",
        "$sort",
        "$set",
        "$literal",
        "$eq",
        "$add",
        "$new",
        "locale",
        "$unwind",
        "$push",
        "$each",
        "find",
        "filter",
        "explain",
        "updates",
        "q",
    ]);
    scalar.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Bson::Array),
            proptest::collection::vec((key.clone(), inner), 0..4).prop_map(|entries| {
                Bson::Document(entries.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
            }),
        ]
    })
}

fn any_record() -> impl Strategy<Value = WatchMessage> {
    let operation = proptest::sample::select(vec![
        "find",
        "aggregate",
        "update_one",
        "update",
        "bulk_write",
        "run_command",
        "drop",
    ]);
    (operation, any::<bool>(), value(), value(), value()).prop_map(
        |(operation, is_raw, filter, update, options)| {
            let mut record =
                if is_raw { raw(operation, filter) } else { record(operation, filter) };
            record.update = Some(Arc::new(update));
            let mut all = doc! { "limit": 1 };
            for name in ["sort", "projection", "collation", "hint", "let", "upsert"] {
                all.insert(name, options.clone());
            }
            record.options = Some(Arc::new(all.into()));
            record
        },
    )
}

/// Another value in one place: the shape may or may not change.
fn mutate(value: &mut Bson, place: &mut usize, with: &Bson) {
    if *place == 0 {
        value.clone_from(with);
    }
    *place = place.wrapping_sub(1);
    match value {
        Bson::Document(document) => {
            document.iter_mut().for_each(|(_, value)| mutate(value, place, with));
        }
        Bson::Array(items) => items.iter_mut().for_each(|value| mutate(value, place, with)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn a_shape_that_was_seen_is_the_one_that_would_be_made(
        mut record in any_record(),
        mutations in proptest::collection::vec((0..12_usize, value()), 0..8),
    ) {
        let shaper = Shaper::new(64);
        for (mut place, with) in mutations {
            let seen = shaper.shape(&record).unwrap();
            prop_assert_eq!(&*seen, &fresh(&record));
            prop_assert!(Arc::ptr_eq(&seen, &shaper.shape(&record).unwrap()));
            let mut filter = record.filter.as_deref().unwrap().clone();
            mutate(&mut filter, &mut place, &with);
            record.filter = Some(Arc::new(filter));
        }
    }

    /// Values that are kept nowhere: no place of a query lets them through.
    #[test]
    fn no_value_is_in_a_shape(mut record in any_record(), mut place in 0..12_usize) {
        let secret = Bson::from("secret of a customer");
        for part in [&mut record.filter, &mut record.update, &mut record.options] {
            let mut with = part.as_deref().unwrap().clone();
            mutate(&mut with, &mut place, &secret);
            *part = Some(Arc::new(with));
        }
        let shape = fresh(&record);
        prop_assert!(!format!("{shape:?}").contains("secret"), "{:?}", shape);
    }

    #[test]
    fn the_order_of_conditions_does_not_matter(filter in value()) {
        if let Bson::Document(filter) = filter {
            let mut entries: Vec<_> = filter.clone().into_iter().collect();
            entries.reverse();
            let reversed: Document = entries.into_iter().collect();
            let is_match = filter.keys().all(|key| !key.starts_with('$'));
            if is_match {
                prop_assert_eq!(fresh(&record("find", filter)), fresh(&record("find", reversed)));
            }
        }
    }
}
