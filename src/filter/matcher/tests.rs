use std::{sync::Arc, time::Duration};

use expect_test::{Expect, expect};
use mongodb::bson::{Bson, Document, doc};

use super::Matcher;
use crate::record::{
    Actor, ActorKind, Context, ErrorInfo, Iteration, Outcome, Timestamp, WatchMessage, WatcherName,
};

/// The messages of what is refused.
fn check(queries: impl IntoIterator<Item = Document>, expected: Expect) {
    let said = queries.into_iter().map(|query| match Matcher::for_records(&query) {
        Ok(_) => format!("taken: {query}\n"),
        Err(fault) => format!("{fault}\n"),
    });
    expected.assert_eq(&said.collect::<String>());
}

fn record() -> WatchMessage {
    let start = Timestamp::from_micros(1_700_000_000_000_500);
    let mut record = WatchMessage::new(WatcherName::Collection, "update_one", start);
    record.iteration = Iteration::Final(Some(3));
    record.collection = Some(Arc::from("news"));
    record.duration = Some(Duration::from_millis(1_500));
    record.outcome = Some(Outcome::Ok);
    record.counts.matched = Some(3);
    record.counts.modified = Some(2);
    let filter = doc! { "$or": [{ "a": { "$gt": 1 } }, { "b": "x" }], "tags": ["x", "y"] };
    record.filter = Some(Arc::new(Bson::Document(filter)));
    record.traffic.request_ids = vec![7, 8];
    record.error = Some(Arc::new(ErrorInfo { code: Some(11_000), ..ErrorInfo::default() }));
    record.extra = Some(Arc::new(doc! { "Team": "payments" }));
    record
}

#[test]
fn what_is_not_understood_is_refused_with_its_place() {
    check(
        [
            doc! { "$or": [{ "DB": "x" }, { "Duration": { "$gtt": 10 } }] },
            doc! { "Duration": { "$in": 5 } },
            doc! { "$orr": [] },
            doc! { "$or": [] },
            doc! { "$where": "true" },
            doc! { "$text": { "$search": "x" } },
            doc! { "$jsonSchema": {} },
            doc! { "Filter.at": { "$geoWithin": {} } },
            doc! { "Filter.a": { "$mod": [0, 1] } },
            doc! { "Filter.a": { "$type": "strin" } },
            doc! { "Filter.a": { "$size": -1 } },
            doc! { "Filter.a": { "$elemMatch": { "b": { "$gt": { "$x": 1 } }, "$expr": true } } },
            doc! { "$expr": { "$gtt": ["$Duration", 1] } },
            doc! { "$expr": { "$gt": ["$Duratoin", 1] } },
            doc! { "$expr": { "$gt": ["$Duration"] } },
            doc! { "$expr": "$$NOW" },
            doc! { "$expr": { "$divide": [1, 0] } },
            doc! { "Reason": { "$regex": "(?=a)" } },
            doc! { "Reason": { "$regex": r"(a)\1" } },
            doc! { "Reason": { "$regex": "a++" } },
            doc! { "Reason": { "$regex": "(" } },
            doc! { "Reason": { "$regex": "a", "$options": "z" } },
            doc! { "Reason": { "$options": "i" } },
            doc! { "Reason": { "$regex": "(((a{100}){100}){100}){100}" } },
        ],
        expect![[r#"
            $or[1].Duration: unknown operator `$gtt`: did you mean `$gt`?
            Duration.$in: expected an array, found an integer
            $orr: unknown operator `$orr`: did you mean `$or`?
            $or: expected at least one query
            $where: `$where` is not taken: it runs JavaScript
            $text: `$text` is not taken: it needs an index of the server
            $jsonSchema: `$jsonSchema` is not taken: it is no part of what a filter understands
            Filter.at: `$geoWithin` is not taken: there is no geometry here
            Filter.a.$mod[0]: the divisor cannot be 0
            Filter.a.$type: unknown type `strin`: did you mean `string`?
            Filter.a.$size: expected a whole number from 0, found -1
            Filter.a.$elemMatch.$expr: `$expr` stands at the top only, not in an array's items
            $expr: unknown operator `$gtt`: did you mean `$gt`?
            $expr.$gt[0]: unknown field `Duratoin`: did you mean `Duration`?
            $expr.$gt: expected 2 arguments, found 1
            $expr: unknown variable `$$NOW`
            $expr.$divide: it has no value: a division by zero
            Reason.$regex: looking ahead cannot be run in linear time, and so is not taken
            Reason.$regex: a reference to a group cannot be run in linear time, and so is not taken
            Reason.$regex: a possessive repetition cannot be run in linear time, and so is not taken
            Reason.$regex: bad regular expression: unclosed group
            Reason.$regex: unknown option `z` of a regular expression: expected `i`, `m`, `s`, `x` or `u`
            Reason.$options: needs a `$regex` beside it
            Reason.$regex: the regular expression needs more than 1048576 bytes of memory
        "#]],
    );
}

#[test]
fn names_are_checked_at_the_root_only() {
    check(
        [
            doc! { "Colection": "news" },
            doc! { "Zebra": 1 },
            doc! { "collection": 1 },
            doc! { "Actor.Nmae": 1 },
            doc! { "Collection.x": 1 },
            doc! { "$nor": [{ "Ducation": 1 }] },
            doc! { "Extra.Team": 1, "Filter.whatever.x": 1, "Labels.a": 1, "Actor.Name": 1 },
        ],
        expect![[r#"
            Colection: unknown field `Colection`: did you mean `Collection`?
            Zebra: unknown field `Zebra`: fields of your own are under `Extra`: `Extra.Zebra`
            collection: unknown field `collection`: did you mean `Collection`?
            Actor.Nmae: unknown field `Nmae` of `Actor`: did you mean `Name`?
            Collection.x: `Collection` has no fields below it, found `x`
            $nor[0].Ducation: unknown field `Ducation`: did you mean `Duration`?
            taken: { "Extra.Team": 1, "Filter.whatever.x": 1, "Labels.a": 1, "Actor.Name": 1 }
        "#]],
    );
    assert!(Matcher::for_documents(&doc! { "Colection": "news" }).is_ok());
}

#[test]
fn each_kind_of_field_is_matched() {
    let mut record = record();
    let context =
        Context { actor: Some(Actor::new(ActorKind::User, "7").name("ada")), ..Context::default() };
    record.context = Some(Arc::new(context));
    let id = record.id.to_string();
    let millis = mongodb::bson::DateTime::from_millis(1_700_000_000_000);
    let yes = [
        doc! { "Collection": "news", "Duration": { "$gt": 1 } },
        doc! { "WatchID": id, "Iteration": "final(3)" },
        doc! { "StartTime": { "$gt": millis }, "EndTime": null },
        doc! { "MatchedCount": 3, "DeletedCount": { "$exists": false } },
        doc! { "$expr": { "$gt": ["$MatchedCount", "$ModifiedCount"] } },
        doc! { "$expr": { "$eq": [{ "$type": "$$ROOT.DeletedCount" }, "missing"] } },
        doc! { "$expr": { "$eq": [{ "$size": "$RequestIDs" }, 2] } },
        doc! { "Filter.$or.a.$gt": 1, "Filter.$or.1.b": "x", "Filter.tags": "y" },
        doc! { "Filter.$or": { "$elemMatch": { "a": { "$exists": true } } } },
        doc! { "RequestIDs": 8, "ErrorCode": 11_000, "Outcome": "ok" },
        doc! { "RequestIDs": { "$size": 2 }, "Extra.Team": { "$in": ["payments", "x"] } },
        doc! { "Actor.Name": "ada", "Actor.Kind": { "$ne": "service" } },
        doc! { "Operation": { "$regex": "^update" }, "Seq": { "$type": "long" } },
        doc! { "$comment": "nothing else" },
        doc! {},
    ];
    for query in yes {
        assert!(Matcher::for_records(&query).unwrap().matches(&record), "{query}");
        // The same over the record as a document.
        let document = super::to_document(&record);
        let free = Matcher::for_documents(&query).unwrap();
        let is_exact = !query.contains_key("StartTime");
        assert!(!is_exact || free.matches_document(&document), "{query} over a document");
        assert!(!is_exact || free.matches(&record), "{query} over a record, free");
        assert!(!Matcher::for_records(&doc! { "$nor": [query.clone()] }).unwrap().matches(&record));
    }
}

/// As they are in a filter whose author wrote paths.
#[test]
fn keys_with_dots_stand_in_backticks() {
    let mut record = record();
    let filter =
        doc! { "address.city": "Rome", "a": [{ "b.c": 1 }, { "b`.c": 2 }], "`": 3, "`x": 4 };
    record.filter = Some(Arc::new(filter.into()));
    let matches = |query: &Document| Matcher::for_records(query).unwrap().matches(&record);
    for query in [
        doc! { "Filter.`address.city`": "Rome" },
        doc! { "Filter.a.`b.c`": 1 },
        doc! { "Filter.a.1.`b``.c`": { "$gt": 1 } },
        doc! { "Filter.`a`.0.`b.c`": { "$exists": true } },
        doc! { "$expr": { "$eq": ["$Filter.`address.city`", "Rome"] } },
        // Without a second one, before a dot or the end, it is a letter like others.
        doc! { "Filter.`": 3, "Filter.`x": 4 },
    ] {
        assert!(matches(&query), "{query}");
    }
    for query in [
        doc! { "Filter.address.city": "Rome" },
        doc! { "Filter.`address`.`city`": "Rome" },
        doc! { "Filter.a.b.c": 1 },
        doc! { "Filter.``": { "$exists": true } },
    ] {
        assert!(!matches(&query), "{query}");
    }
}

#[test]
fn a_record_for_which_an_expression_fails_does_not_match() {
    let record = record();
    for query in [
        doc! { "$expr": { "$gt": [{ "$divide": ["$Duration", 0] }, 1] } },
        doc! { "$nor": [{ "$expr": { "$add": ["$Collection", 1] } }] },
    ] {
        let matcher = Matcher::for_records(&query).unwrap();
        assert!(!matcher.matches(&record), "{query}");
        assert!(matcher.try_matches(&record).is_err(), "{query}");
    }
}

#[test]
fn hostile_depth_neither_overflows_nor_passes() {
    fn nested(depth: usize) -> [Bson; 3] {
        let mut nested = [doc! { "a": 1 }.into(), Bson::Int32(1), Bson::Int32(1)];
        for _ in 0..depth {
            let [query, value, expression] = nested;
            nested = [
                doc! { "$and": [query] }.into(),
                Bson::Array(vec![value]),
                doc! { "$not": [expression] }.into(),
            ];
        }
        nested
    }
    for (depth, is_taken) in [(95, true), (300, false)] {
        let [query, value, expression] = nested(depth);
        let document = doc! { "a": value.clone() };
        let queries = [query, doc! { "a": value }.into(), doc! { "$expr": expression }.into()];
        for query in queries {
            let matcher = Matcher::for_documents(query.as_document().unwrap());
            assert_eq!(matcher.is_ok(), is_taken);
            let _ = matcher.map(|matcher| matcher.matches_document(&document));
        }
    }
    // A document may be nested deeper than any query.
    let deep = doc! { "a": nested(400)[1].clone() };
    let matcher = Matcher::for_documents(&doc! { "a": nested(200)[1].clone() }).unwrap();
    assert!(!matcher.matches_document(&deep));
    let places = vec!["0"; 60].join(".");
    assert!(Matcher::for_documents(&doc! { format!("a.{places}"): 1 }).is_err());
}

/// As `tests/matcher` asks the server.
#[test]
fn numbers_are_treated_exactly() {
    let decimal = |text: &str| Bson::Decimal128(text.parse().unwrap());
    let cases = [
        (decimal("-0.1000000000000000055511151231257827"), doc! { "a": { "$lt": -0.1 } }, false),
        (decimal("-0.1000000000000000055511151231257827"), doc! { "a": { "$gt": -0.1 } }, true),
        (decimal("2.5"), doc! { "a": { "$bitsAllClear": 1 } }, true),
        (decimal("1.5"), doc! { "a": { "$bitsAllClear": 1 } }, true),
        (1.0.into(), doc! { "$expr": { "$eq": [{ "$add": [1e16, "$a", -1e16] }, 1.0] } }, true),
        (9_007_199_254_740_993_i64.into(), doc! { "a": 9_007_199_254_740_992.0 }, false),
    ];
    for (value, query, matches) in cases {
        let matcher = Matcher::for_documents(&query).unwrap();
        assert_eq!(
            matcher.matches_document(&doc! { "a": value.clone() }),
            matches,
            "{query} {value}"
        );
    }
}
