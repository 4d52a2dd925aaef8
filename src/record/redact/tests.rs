use std::sync::Arc;

use expect_test::{Expect, expect};
use mongodb::bson::{Bson, Document, JavaScriptCodeWithScope, Regex, doc};

use super::{Privacy, is_sensitive_command};
use crate::record::{ErrorInfo, Shaper, Timestamp, WatchMessage, WatcherName, WriteError};

fn record(operation: &'static str) -> WatchMessage {
    WatchMessage::new(WatcherName::Collection, operation, Timestamp::from_micros(0))
}

fn applied(record: &WatchMessage, policies: &[Privacy]) -> WatchMessage {
    let (shaper, mut record) = (Shaper::default(), record.clone());
    for privacy in policies {
        privacy.apply(&mut record, &shaper);
    }
    record
}

fn shown(part: Option<&Arc<Bson>>) -> String {
    part.map_or_else(|| "-".to_owned(), |part| part.to_string())
}

/// Every part that can hold data does.
fn full() -> WatchMessage {
    let mut record = record("update_one");
    record.filter = Some(Arc::new(
        doc! {
            "a": "secret", "b": { "$in": ["secret", "s"] }, "$or": [{ "c": 1 }, { "d": [] }],
            "e": { "$elemMatch": { "secret@x.de": [1, { "f": true }] } }, "g": "?number",
        }
        .into(),
    ));
    record.update = Some(Arc::new(vec![Bson::from(doc! { "$set": { "a": "$secret" } })].into()));
    record.options = Some(Arc::new(
        doc! {
            "upsert": true, "limit": 5, "sort": { "a": -1, "b": 7, "c": { "$meta": "x" } },
            "projection": { "a": 1, "b": "secret", "c": 12345, "d": { "$literal": true } },
            "comment": "secret", "let": { "x": "secret" }, "hint": "secret", "min": { "a": 1 },
            "arrayFilters": [{ "a": "secret" }], "collation": { "locale": "de", "strength": 2 },
            "writeConcern": { "w": "majority", "j": true }, "readConcern": { "level": "secret" },
            "limit2": 5, "skip": "secret", "key": "address.zip", "2024-01-01": 1,
        }
        .into(),
    ));
    record.inserted_ids = Some(Arc::new(vec!["secret".into(), 7.into(), Bson::Null]));
    record.resume_token = Some(Arc::new(doc! { "_data": "secret" }.into()));
    record.error = Some(Arc::new(ErrorInfo {
        code: Some(11_000),
        name: Some("DuplicateKey".into()),
        message: Some("dup key: { a: \"secret\" }".into()),
        write_errors: vec![WriteError::new(0, 11_000)],
    }));
    record
}

#[test]
fn masked_records_keep_keys_types_and_what_is_no_data() {
    let masked = applied(&full(), &[Privacy::Masked]);
    let parts = [&masked.filter, &masked.update, &masked.options];
    let lines: Vec<String> = parts.map(|part| shown(part.as_ref())).to_vec();
    let expected = expect![[r#"
        { "a": "?string", "b": { "$in": "?array<?string>" }, "$or": [{ "c": "?number" }, { "d": [] }], "e": { "$elemMatch": { "<email>": ["?number", { "f": "?bool" }] } }, "g": "?number" }
        [{ "$set": { "a": "?string" } }]
        { "upsert": true, "limit": 5, "sort": { "a": -1, "b": "?number", "c": { "$meta": "?string" } }, "projection": { "a": 1, "b": "?string", "c": "?number", "d": { "$literal": "?bool" } }, "comment": "?string", "let": { "x": "?string" }, "hint": "?string", "min": { "a": "?number" }, "arrayFilters": [{ "a": "?string" }], "collation": { "locale": "de", "strength": 2 }, "writeConcern": { "w": "majority", "j": true }, "readConcern": { "level": "?string" }, "limit2": "?number", "skip": "?string", "key": "address.zip", "<date>": "?number" }"#]];
    expected.assert_eq(&lines.join("\n"));
    assert_eq!(
        masked.inserted_ids.as_deref().unwrap(),
        &["?string".into(), "?number".into(), Bson::from("?null")]
    );
    assert_eq!(masked.resume_token, None);
    let error = masked.error.as_deref().unwrap();
    assert_eq!(error.message.as_deref(), Some("<redacted>"));
    assert_eq!((error.code, error.write_errors.len()), (Some(11_000), 1));
    assert!(masked.shape.as_ref().unwrap().hash.starts_with("v1:"));
}

#[test]
fn policies_can_be_applied_again_and_made_stricter() {
    let full = full();
    let masked = applied(&full, &[Privacy::Masked]);
    let shape = applied(&full, &[Privacy::Shape]);
    assert_eq!((&shape.filter, &shape.update), (&None, &None));
    assert_eq!(applied(&full, &[Privacy::Full]), full);
    assert_eq!(applied(&masked, &[Privacy::Full, Privacy::Masked]), masked);
    assert_eq!(applied(&masked, &[Privacy::Shape]), shape);
    assert_eq!(applied(&shape, &[Privacy::Masked, Privacy::Full, Privacy::Shape]), shape);
    // A record that lost its shape, such as one that was stored, has nearly the same again.
    let forgotten = WatchMessage { shape: None, ..masked };
    let label = &applied(&forgotten, &[Privacy::Masked]).shape.unwrap().label;
    assert_eq!(*label, shape.shape.unwrap().label);
}

#[test]
fn what_is_deep_is_masked_too() {
    let mut deep = Bson::from("secret");
    for _ in 0..300 {
        deep = doc! { "a": deep }.into();
    }
    let record = WatchMessage { filter: Some(Arc::new(deep)), ..record("find") };
    for privacy in [Privacy::Full, Privacy::Masked, Privacy::Shape] {
        let record = applied(&record, &[privacy]);
        assert!(!shown(record.filter.as_ref()).contains("secret"), "{privacy:?}");
    }
}

#[track_caller]
fn check_command(command: Document, expected: Expect) {
    let record = WatchMessage { filter: Some(Arc::new(command.into())), ..record("run_command") };
    expected.assert_eq(&shown(applied(&record, &[Privacy::Full]).filter.as_ref()));
}

#[test]
fn credentials_are_in_no_command() {
    check_command(
        doc! { "createUser": "alice", "pwd": "secret" },
        expect![[r#"{ "createUser": "<redacted>" }"#]],
    );
    check_command(
        doc! { "$db": "admin", "createUser": "alice", "pwd": "secret" },
        expect![[r#"{ "createUser": "<redacted>" }"#]],
    );
    check_command(
        doc! { "explain": { "UPDATEUSER": "alice", "x": "secret" } },
        expect![[r#"{ "explain": { "UPDATEUSER": "<redacted>" } }"#]],
    );
    check_command(
        doc! { "x": [{ "saslStart": 1, "payload": "secret" }] },
        expect![[r#"{ "x": [{ "saslStart": "<redacted>" }] }"#]],
    );
    check_command(
        doc! { "createThing": 1, "options": { "Pwd": "secret" } },
        expect![[r#"{ "createThing": 1, "options": { "Pwd": "<redacted>" } }"#]],
    );
    check_command(
        doc! { "find": "c", "filter": { "a": 1, "hello": 1 } },
        expect![[r#"{ "find": "c", "filter": { "a": 1, "hello": 1 } }"#]],
    );
    check_command(
        doc! { "addShard": "mongodb://u:secret@h:1/?x=1" },
        expect![[r#"{ "addShard": "mongodb://<redacted>@h:1/?x=1" }"#]],
    );
    let data = doc! { "createUser": 1, "pwd": "x" };
    let find = WatchMessage { filter: Some(Arc::new(data.clone().into())), ..record("find") };
    assert_eq!(applied(&find, &[Privacy::Full]).filter, Some(Arc::new(data.into())));
    assert!(is_sensitive_command("SASLSTART") && !is_sensitive_command("find"));
}

#[track_caller]
fn check_text(text: &str, expected: &str) {
    let error = ErrorInfo { message: Some(text.to_owned()), ..ErrorInfo::default() };
    let record = WatchMessage { error: Some(Arc::new(error)), ..record("find") };
    let once = applied(&record, &[Privacy::Full]);
    assert_eq!(once.error.as_ref().unwrap().message.as_deref(), Some(expected));
    assert_eq!(applied(&once, &[Privacy::Full]), once);
}

#[test]
fn connection_strings_lose_user_and_password() {
    check_text("no such host: a@b", "no such host: a@b");
    check_text("mongodb://host:27017/db", "mongodb://host:27017/db");
    check_text("bad `mongodb://u:p@h/db`, sorry", "bad `mongodb://<redacted>@h/db`, sorry");
    check_text("mongodb+srv://u:p@ss/w@h", "mongodb+srv://<redacted>@h");
    check_text(
        "\"mongodb://a:b@c\" mongodb://d:e@f x://é@",
        "\"mongodb://<redacted>@c\" mongodb://<redacted>@f x://<redacted>@",
    );
    check_text("mongodb://<redacted>@u:p@h", "mongodb://<redacted>@h");
}

/// In whatever holds a text.
#[test]
fn connection_strings_are_found_in_each_type() {
    let url = "x mongodb://u:hunter2@h/db";
    let code = || JavaScriptCodeWithScope { code: url.to_owned(), scope: doc! { "a": [url] } };
    let scope = JavaScriptCodeWithScope { code: String::new(), scope: doc! { "a": url } };
    let values: Vec<Bson> = vec![
        url.into(),
        Bson::Symbol(url.to_owned()),
        Bson::JavaScriptCode(url.to_owned()),
        code().into(),
        scope.into(),
        Bson::RegularExpression(Regex {
            pattern: url.to_owned().try_into().unwrap(),
            options: "i".to_owned().try_into().unwrap(),
        }),
        doc! { "a": { "b": [url] } }.into(),
    ];
    for value in values {
        let mut before = record("insert_one");
        before.filter = Some(Arc::new(doc! { "v": value.clone() }.into()));
        before.inserted_ids = Some(Arc::new(vec![1.into(), value.clone()]));
        let after = applied(&before, &[Privacy::Full]);
        let shown = format!("{after:?}");
        assert!(!shown.contains("hunter2"), "{value}: {shown}");
        let n_left = shown.matches("mongodb://<redacted>@h/db").count();
        let n_before = format!("{before:?}").matches("hunter2").count();
        assert_eq!(n_left, n_before, "{value}: {shown}");
        assert_eq!(applied(&after, &[Privacy::Full]), after);
    }
}
