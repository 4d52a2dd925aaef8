//! Fields are compared with what they can hold.

use super::*;

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an `expect![]` stands in the call")]
fn check(queries: &[&str], expected: Expect) {
    let mut shown = String::new();
    for query in queries {
        let query: Query = query.parse().unwrap();
        let line = query.for_records().map_or_else(|fault| fault.to_string(), |_| "ok".to_owned());
        shown += &(line + "\n");
    }
    expected.assert_eq(&shown);
}

#[test]
fn what_would_never_match_is_refused() {
    check(
        &[
            r#"{"Duration": {"$gt": "100ms"}}"#,
            r#"{"ReplyBytes": "1MB"}"#,
            r#"{"StartTime": {"$gt": "2026-01-31T12:00:00Z"}}"#,
            r#"{"DB": 5}"#,
            r#"{"DB": {"$in": ["a", 1]}}"#,
            r#"{"Duration": {"gt": 1}}"#,
            r#"{"Operation": {"in": ["find"]}}"#,
            r#"{"Operation": ["find", "aggregate"]}"#,
            r#"{"Actor": "batch"}"#,
            r#"{"Actor.ID": 5}"#,
            r#"{"Filter": {"$ne": 5}}"#,
            r#"{"$or": [{"DB": "a"}, {"$and": [{"MatchedCount": {"$not": {"$gte": "1"}}}]}]}"#,
            r#"{"Duration": {"$regex": "1"}}"#,
            r#"{"Seq": {"$not": {"$regularExpression": {"pattern": "1", "options": ""}}}}"#,
        ],
        expect![[r#"
            Duration.$gt: `Duration` is a number of seconds, found a string: expected one such as `0.1` (`when` takes units)
            ReplyBytes: `ReplyBytes` is a number of bytes, found a string: expected one such as `1000000` (`when` takes units)
            StartTime.$gt: `StartTime` is a moment, found a string: expected one such as `{$date: "2026-01-31T12:00:00Z"}`
            DB: `DB` is a text, found an integer: a text stands in quotes
            DB.$in[1]: `DB` is a text, found an integer: a text stands in quotes
            Duration: `Duration` is a number of seconds, found a document: did you mean `$gt`?
            Operation: `Operation` is a text, found a document: did you mean `$in`?
            Operation: `Operation` is a text, found an array: did you mean `$in`?
            Actor: `Actor` is a document, found a string: name what is in it, such as `Actor.a`
            Actor.ID: `Actor.ID` is a text, found an integer: a text stands in quotes
            Filter.$ne: `Filter` is a document, found an integer: name what is in it, such as `Filter.a`
            $or[1].$and[0].MatchedCount.$not.$gte: `MatchedCount` is a number, found a string
            Duration.$regex: `Duration` is a number of seconds, found a regular expression
            Seq.$not: `Seq` is a number, found a regular expression
        "#]],
    );
}

#[test]
fn what_may_match_is_taken() {
    check(
        &[
            r#"{"Duration": {"$gt": 0.1, "$lt": {"$numberDecimal": "5"}}, "DB": {"$ne": null}}"#,
            r#"{"StartTime": {"$gt": {"$date": "2026-01-31T12:00:00Z"}}, "EndTime": null}"#,
            r#"{"Operation": {"$in": ["find", {"$regularExpression": {"pattern": "^a", "options": ""}}]}}"#,
            r#"{"Iteration": 0, "InsertedIds": 5, "MissingContext": "actor", "RequestIDs": [1, 2]}"#,
            r#"{"Filter": {"status": "open"}, "Update": [{"$set": {"a": 1}}], "Actor": {"Kind": "user"}}"#,
            r#"{"Filter.status": 5, "Extra.a": [1], "Labels.team": {"gt": 1}}"#,
            r#"{"Duration": {"$gt": {"$minKey": 1}}, "ErrorCode": {"$exists": true}}"#,
        ],
        expect![[r#"
            ok
            ok
            ok
            ok
            ok
            ok
            ok
        "#]],
    );
}
