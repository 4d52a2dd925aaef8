//! Audit filters over records.

use std::sync::Arc;

use expect_test::{Expect, expect};
use mongodb::bson::{Bson, doc};

use super::*;
use crate::record::{Field, Origin, Outcome, Timestamp, WatcherName};

fn record(watcher: WatcherName, operation: &'static str, fields: &[(Field, Bson)]) -> WatchMessage {
    let start = Timestamp::from_micros(1_714_564_800_060_000);
    let mut record = WatchMessage::new(watcher, operation, start);
    record.origin = Arc::new(Origin {
        host: Some("app-1".into()),
        user: Some("tim".into()),
        auth_source: Some("admin".into()),
        ..Origin::default()
    });
    record.set(Field::Db, "shop".into()).unwrap();
    record.set(Field::Server, "db-1:27017".into()).unwrap();
    for (field, value) in fields {
        record.set(*field, value.clone()).unwrap();
    }
    record
}

#[expect(clippy::needless_pass_by_value, reason = "an `expect![]` stands in the call")]
fn check_events(record: &WatchMessage, expected: Expect) {
    let events = event::of(record, true).map(|event| Query::from(event).to_string() + "\n");
    expected.assert_eq(&events.collect::<String>());
}

#[test]
fn a_record_is_the_events_of_its_command() {
    use WatcherName::{Collection, Cursor, Database};

    let on = |collection: &str| (Field::Collection, collection.into());
    let filter = |filter: Bson| (Field::Filter, filter);
    check_events(
        &record(Cursor, "find", &[on("orders"), filter(doc! { "a": 1 }.into())]),
        expect![[r#"
            {"atype":"authCheck","ts":{"$date":"2024-05-01T12:00:00.060Z"},"local":{"ip":"db-1","port":27017},"remote":{"ip":"app-1"},"users":[{"user":"tim","db":"admin"}],"roles":[],"param":{"command":"find","ns":"shop.orders","args":{"find":"orders","filter":{"a":1},"$db":"shop"}},"result":0}
        "#]],
    );
    let update = (Field::Update, doc! { "$set": { "b": 2 } }.into());
    check_events(
        &record(Collection, "update_many", &[on("orders"), filter(doc! { "a": 1 }.into()), update]),
        expect![[r#"
            {"atype":"authCheck","ts":{"$date":"2024-05-01T12:00:00.060Z"},"local":{"ip":"db-1","port":27017},"remote":{"ip":"app-1"},"users":[{"user":"tim","db":"admin"}],"roles":[],"param":{"command":"update","ns":"shop.orders","args":{"update":"orders","updates":[{"q":{"a":1},"u":{"$set":{"b":2}}}],"$db":"shop"}},"result":0}
        "#]],
    );
    check_events(
        &record(Collection, "delete_one", &[on("orders"), filter(doc! { "a": 1 }.into())]),
        expect![[r#"
            {"atype":"authCheck","ts":{"$date":"2024-05-01T12:00:00.060Z"},"local":{"ip":"db-1","port":27017},"remote":{"ip":"app-1"},"users":[{"user":"tim","db":"admin"}],"roles":[],"param":{"command":"delete","ns":"shop.orders","args":{"delete":"orders","deletes":[{"q":{"a":1},"limit":1}],"$db":"shop"}},"result":0}
        "#]],
    );
    check_events(
        &record(Collection, "aggregate", &[on("orders"), filter(Bson::Array(vec![]))]),
        expect![[r#"
            {"atype":"authCheck","ts":{"$date":"2024-05-01T12:00:00.060Z"},"local":{"ip":"db-1","port":27017},"remote":{"ip":"app-1"},"users":[{"user":"tim","db":"admin"}],"roles":[],"param":{"command":"aggregate","ns":"shop.orders","args":{"aggregate":"orders","pipeline":[],"$db":"shop"}},"result":0}
        "#]],
    );
    check_events(
        &record(Collection, "drop", &[on("orders")]),
        expect![[r#"
        {"atype":"authCheck","ts":{"$date":"2024-05-01T12:00:00.060Z"},"local":{"ip":"db-1","port":27017},"remote":{"ip":"app-1"},"users":[{"user":"tim","db":"admin"}],"roles":[],"param":{"command":"drop","ns":"shop.orders","args":{"drop":"orders","$db":"shop"}},"result":0}
        {"atype":"dropCollection","ts":{"$date":"2024-05-01T12:00:00.060Z"},"local":{"ip":"db-1","port":27017},"remote":{"ip":"app-1"},"users":[{"user":"tim","db":"admin"}],"roles":[],"param":{"ns":"shop.orders"},"result":0}
    "#]],
    );
    check_events(
        &record(Database, "drop", &[]),
        expect![[r#"
        {"atype":"authCheck","ts":{"$date":"2024-05-01T12:00:00.060Z"},"local":{"ip":"db-1","port":27017},"remote":{"ip":"app-1"},"users":[{"user":"tim","db":"admin"}],"roles":[],"param":{"command":"dropDatabase","ns":"shop","args":{"dropDatabase":1,"$db":"shop"}},"result":0}
        {"atype":"dropDatabase","ts":{"$date":"2024-05-01T12:00:00.060Z"},"local":{"ip":"db-1","port":27017},"remote":{"ip":"app-1"},"users":[{"user":"tim","db":"admin"}],"roles":[],"param":{"ns":"shop"},"result":0}
    "#]],
    );
    let index = doc! { "key": { "a": 1 }, "name": "a_1" };
    check_events(
        &record(Collection, "create_index", &[on("orders"), filter(index.into())]),
        expect![[r#"
            {"atype":"authCheck","ts":{"$date":"2024-05-01T12:00:00.060Z"},"local":{"ip":"db-1","port":27017},"remote":{"ip":"app-1"},"users":[{"user":"tim","db":"admin"}],"roles":[],"param":{"command":"createIndexes","ns":"shop.orders","args":{"createIndexes":"orders","indexes":[{"key":{"a":1},"name":"a_1"}],"$db":"shop"}},"result":0}
            {"atype":"createIndex","ts":{"$date":"2024-05-01T12:00:00.060Z"},"local":{"ip":"db-1","port":27017},"remote":{"ip":"app-1"},"users":[{"user":"tim","db":"admin"}],"roles":[],"param":{"ns":"shop.orders","indexName":"a_1","indexSpec":{"key":{"a":1},"name":"a_1"}},"result":0}
        "#]],
    );
    check_events(
        &record(Collection, "drop_index", &[on("orders"), filter(doc! { "index": "a_1" }.into())]),
        expect![[r#"
            {"atype":"authCheck","ts":{"$date":"2024-05-01T12:00:00.060Z"},"local":{"ip":"db-1","port":27017},"remote":{"ip":"app-1"},"users":[{"user":"tim","db":"admin"}],"roles":[],"param":{"command":"dropIndexes","ns":"shop.orders","args":{"dropIndexes":"orders","index":"a_1","$db":"shop"}},"result":0}
            {"atype":"dropIndex","ts":{"$date":"2024-05-01T12:00:00.060Z"},"local":{"ip":"db-1","port":27017},"remote":{"ip":"app-1"},"users":[{"user":"tim","db":"admin"}],"roles":[],"param":{"ns":"shop.orders","indexName":"a_1"},"result":0}
        "#]],
    );
    let rename = doc! { "renameCollection": "shop.a", "to": "shop.b" };
    check_events(
        &record(Database, "run_command", &[filter(rename.into())]),
        expect![[r#"
            {"atype":"authCheck","ts":{"$date":"2024-05-01T12:00:00.060Z"},"local":{"ip":"db-1","port":27017},"remote":{"ip":"app-1"},"users":[{"user":"tim","db":"admin"}],"roles":[],"param":{"command":"renameCollection","ns":"shop","args":{"renameCollection":"shop.a","to":"shop.b","$db":"shop"}},"result":0}
            {"atype":"renameCollection","ts":{"$date":"2024-05-01T12:00:00.060Z"},"local":{"ip":"db-1","port":27017},"remote":{"ip":"app-1"},"users":[{"user":"tim","db":"admin"}],"roles":[],"param":{"old":"shop.a","new":"shop.b"},"result":0}
        "#]],
    );
    let user = doc! { "createUser": "<redacted>" };
    check_events(
        &record(Database, "run_command", &[filter(user.into())]),
        expect![[r#"
            {"atype":"authCheck","ts":{"$date":"2024-05-01T12:00:00.060Z"},"local":{"ip":"db-1","port":27017},"remote":{"ip":"app-1"},"users":[{"user":"tim","db":"admin"}],"roles":[],"param":{"command":"createUser","ns":"shop","args":{"createUser":"<redacted>","$db":"shop"}},"result":0}
            {"atype":"createUser","ts":{"$date":"2024-05-01T12:00:00.060Z"},"local":{"ip":"db-1","port":27017},"remote":{"ip":"app-1"},"users":[{"user":"tim","db":"admin"}],"roles":[],"param":{"user":"<redacted>","db":"shop"},"result":0}
        "#]],
    );
    check_events(
        &record(WatcherName::Gridfs, "delete", &[]),
        expect![[r#"
        {"atype":"authCheck","ts":{"$date":"2024-05-01T12:00:00.060Z"},"local":{"ip":"db-1","port":27017},"remote":{"ip":"app-1"},"users":[{"user":"tim","db":"admin"}],"roles":[],"param":{"command":"delete","ns":"shop","args":{"delete":1,"deletes":[{"q":{},"limit":0}],"$db":"shop"}},"result":0}
    "#]],
    );
    check_events(&record(WatcherName::Rate, "insert_many", &[]), expect![[""]]);
}

fn matches(text: &str, record: &WatchMessage) -> bool {
    text.parse::<AuditFilterSettings>().unwrap().build().unwrap().matches(record)
}

#[test]
fn filters_of_manuals_are_taken_over_as_they_are() {
    let drop = record(WatcherName::Collection, "drop", &[(Field::Collection, "orders".into())]);
    let mut find = record(WatcherName::Cursor, "find", &[(Field::Collection, "orders".into())]);
    let kinds = r#"{ atype: { $in: [ "createCollection", "dropCollection" ] } }"#;
    assert!(matches(kinds, &drop));
    assert!(!matches(kinds, &find));
    assert!(matches(r#"{ "users.user": "tim" }"#, &find));
    assert!(!matches(r#"{ "users.user": "tom" }"#, &find));
    assert!(matches(r#"{ "users": { "$elemMatch": { "user": "tim", "db": "admin" } } }"#, &find));
    let reads = r#"{ atype: "authCheck", "param.command": { $in: [ "find", "insert" ] } }"#;
    assert!(matches(reads, &find));
    assert!(!matches(reads, &drop));
    assert!(matches("{ atype: 'authCheck', 'param.command': 'drop' }", &drop));
    assert!(matches(r"{ 'param.ns': /^shop\./ }", &find));
    assert!(matches("{ roles: [], 'local.port': 27017, 'remote.ip': 'app-1' }", &find));
    assert!(matches("{ result: 0 }", &find));
    find.outcome = Some(Outcome::Error);
    assert!(!matches("{ result: 0 }", &find));
    find.set(Field::ErrorCode, 13.into()).unwrap();
    assert!(matches("{ result: 13, 'param.args.find': 'orders' }", &find));
    assert!(matches("{ $or: [{ 'param.args.$db': 'shop' }] }", &find));
}

#[test]
fn what_no_event_has_is_refused() {
    let check = |text: &str, expected: Expect| {
        let settings: Result<AuditFilterSettings, _> = serde_json::from_str(text);
        expected.assert_eq(&match settings {
            Ok(settings) => settings.build().unwrap_err().to_string(),
            Err(error) => error.to_string(),
        });
    };
    check(
        r#"{"atyp": "x"}"#,
        expect!["atyp: unknown field `atyp` of audit events: did you mean `atype`?"],
    );
    check(
        r#"{"$or": [{"atype": "x"}, {"user": "tim"}]}"#,
        expect!["$or[1].user: unknown field `user` of audit events: did you mean `users`?"],
    );
    check(
        r#"{"users.usr": "tim"}"#,
        expect!["users.usr: unknown field `usr` of `users`: did you mean `user`?"],
    );
    check(
        r#"{"users.0.user": {"$gtt": 1}}"#,
        expect!["users.0.user: unknown operator `$gtt`: did you mean `$gt`?"],
    );
    check(r#"{"atype.x": 1}"#, expect!["atype.x: `atype` has no fields below it, found `x`"]);
    check(
        r#"{"Collection": 1}"#,
        expect![
            "Collection: unknown field `Collection` of audit events: expected one of `atype`, `ts`, `uuid`, `local`, `remote`, `intermediates`, `users`, `roles`, `param`, `result`"
        ],
    );
    check(r#""{ atype: }""#, expect!["line 1, column 10: expected value"]);
    check("5", expect!["expected a query document, or a text that holds one"]);
}

#[test]
fn settings_come_back_as_they_were() {
    let text: AuditFilterSettings = serde_json::from_str(r#""{ atype: 'x', n: /a/ }""#).unwrap();
    let map = serde_json::to_string(&text).unwrap();
    let again: AuditFilterSettings = serde_json::from_str(&map).unwrap();
    assert_eq!(text, again);
    expect![[r#"{"atype":"x","n":{"$regularExpression":{"pattern":"a","options":""}}}"#]]
        .assert_eq(&map);
}
