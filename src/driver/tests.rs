use std::sync::Arc;

use mongodb::{
    bson::{
        Binary, Bson, DateTime, Decimal128, Document, JavaScriptCodeWithScope, RawDocumentBuf,
        Timestamp, doc, oid::ObjectId, spec::BinarySubtype,
    },
    options::{AggregateOptions, ClientOptions, CreateCollectionOptions},
};

use super::{
    body, describe,
    probe::Probe,
    reply::{Reply, bson_len},
    updates::Updates,
    wire::Wire,
};
use crate::{
    pipeline::{Capture, Watcher},
    record::{Counts, WriteError},
};

/// A document with a value of every type, some of them nested.
fn every_type() -> Document {
    let binary = |subtype| Binary { subtype, bytes: vec![1, 2, 3] };
    let scope = doc! { "n": 1 };
    let regex = Bson::try_from(serde_json::json!({
        "$regularExpression": { "pattern": "^a.*é", "options": "im" }
    }))
    .unwrap();
    doc! {
        "": 1.5,
        "text": "größer",
        "document": { "a": { "b": {} } },
        "array": (0..120).map(Bson::Int32).collect::<Vec<_>>(),
        "empty": [],
        "binary": binary(BinarySubtype::Generic),
        "old binary": binary(BinarySubtype::BinaryOld),
        "uuid": binary(BinarySubtype::Uuid),
        "undefined": Bson::Undefined,
        "id": ObjectId::new(),
        "true": true,
        "date": DateTime::from_millis(1),
        "null": Bson::Null,
        "regex": regex,
        "code": Bson::JavaScriptCode("f()".into()),
        "symbol": Bson::Symbol("s".into()),
        "scope": JavaScriptCodeWithScope { code: "f()".into(), scope },
        "int": 1_i32,
        "timestamp": Timestamp { time: 1, increment: 2 },
        "long": 1_i64,
        "decimal": Decimal128::from_bytes([0; 16]),
        "min": Bson::MinKey,
        "max": Bson::MaxKey,
    }
}

#[test]
fn the_length_of_a_document_is_that_of_its_bytes() {
    let nested = doc! { "outer": every_type(), "list": [every_type(), every_type()] };
    for document in [doc! {}, every_type(), nested] {
        let raw = RawDocumentBuf::try_from(&document).unwrap();
        assert_eq!(bson_len(&document), raw.as_bytes().len() as u64, "{document}");
    }
    for (key, value) in every_type() {
        let document = doc! { key: value };
        let raw = RawDocumentBuf::try_from(&document).unwrap();
        assert_eq!(bson_len(&document), raw.as_bytes().len() as u64, "{document}");
    }
}

#[test]
fn a_reply_tells_what_its_command_did() {
    let counts = |command: &str, reply: Document| Reply::read(command, &reply).counts;
    let upserted = doc! { "n": 3, "nModified": 1, "upserted": [{ "index": 0, "_id": 7 }] };
    let expected =
        Counts { matched: Some(2), modified: Some(1), upserted: Some(1), ..Counts::default() };
    assert_eq!(counts("update", upserted.clone()), expected);
    assert_eq!(Reply::read("update", &upserted).upserted_ids, [Bson::Int32(7)]);
    assert_eq!(counts("insert", doc! { "n": 2_i64 }).inserted, Some(2));
    assert_eq!(counts("delete", doc! { "n": 0 }).deleted, Some(0));
    let removed = doc! { "lastErrorObject": { "n": 1 }, "value": {} };
    assert_eq!(counts("findAndModify", removed).deleted, Some(1));
    let bulk = doc! { "nErrors": 1, "nInserted": 2, "nMatched": 0, "nModified": 0, "nUpserted": 0, "nDeleted": 4 };
    let read = Reply::read("bulkWrite", &bulk);
    assert_eq!((read.counts.inserted, read.counts.deleted), (Some(2), Some(4)));
    assert!(read.some_failed && read.error.is_some());
}

#[test]
fn a_reply_that_says_ok_may_tell_of_failures() {
    let writes = doc! {
        "ok": 1.0,
        "n": 1,
        "writeErrors": [{ "index": 1, "code": 11000, "errmsg": "E11000" }],
    };
    let error = Reply::read("insert", &writes).error.unwrap();
    assert_eq!(error.write_errors, [WriteError::new(1, 11000)]);
    assert_eq!((error.code, error.name.as_deref()), (Some(11000), Some("DuplicateKey")));
    let concern = doc! {
        "ok": 1.0,
        "n": 1,
        "writeConcernError": { "code": 91, "codeName": "ShutdownInProgress" },
        "errorLabels": ["RetryableWriteError"],
    };
    let reply = Reply::read("insert", &concern);
    assert!(reply.is_retryable && !reply.some_failed);
    assert_eq!(reply.error.unwrap().name.as_deref(), Some("ShutdownInProgress"));
    assert_eq!(Reply::read("insert", &doc! { "ok": 1.0, "n": 1 }).error, None);
}

#[test]
fn garbage_in_a_reply_is_no_count() {
    for value in [Bson::Int32(-1), Bson::Double(f64::NAN), "many".into(), Bson::Null] {
        assert_eq!(Reply::read("insert", &doc! { "n": value }).counts, Counts::default());
    }
}

#[test]
fn options_have_the_names_of_the_server() {
    let mut document = Document::new();
    let aggregate = AggregateOptions::builder()
        .max_time(std::time::Duration::from_millis(1_500))
        .allow_disk_use(true)
        .let_vars(doc! { "x": 1 })
        .build();
    describe::option(&mut document, "max_time", &aggregate.max_time.unwrap());
    describe::option(&mut document, "allow_disk_use", &aggregate.allow_disk_use.unwrap());
    describe::option(&mut document, "let_vars", &aggregate.let_vars.unwrap());
    let create = CreateCollectionOptions::builder()
        .expire_after_seconds(std::time::Duration::from_secs(60))
        .build();
    let name = "expire_after_seconds";
    describe::option(&mut document, name, &create.expire_after_seconds.unwrap());
    let expected = doc! {
        "maxTimeMS": 1_500_i64, "allowDiskUse": true, "let": { "x": 1 },
        "expireAfterSeconds": 60_i64,
    };
    assert_eq!(document, expected);
}

#[test]
fn the_body_of_a_command_has_no_inserted_documents() {
    let insert = doc! { "insert": "people", "documents": [{ "a": 1 }], "lsid": {}, "$db": "shop" };
    assert_eq!(body::reduced(&insert, &[]), doc! { "insert": "people" });
    let bulk = doc! { "bulkWrite": 1, "ops": [{ "insert": 0, "document": { "a": 1 } }] };
    assert_eq!(body::reduced(&bulk, &[]), doc! { "bulkWrite": 1, "ops": [{ "insert": 0 }] });
    assert!(body::is_unacknowledged(&doc! { "writeConcern": { "w": 0 } }));
    assert!(!body::is_unacknowledged(&doc! { "writeConcern": { "w": "majority" } }));
    assert!(!body::is_unacknowledged(&doc! {}));
}

/// Some kills never come: those that are expected do not pile up, and it is the oldest that go.
#[test]
fn the_oldest_expected_kill_goes_when_there_are_too_many() {
    let watcher = Watcher::builder()
        .foreign_layer("nowhere", tracing_subscriber::layer::Identity::new())
        .start()
        .unwrap();
    let options = ClientOptions::default();
    let probe = Probe::new(&watcher, &options, Capture::Commands);
    let limit = i64::try_from(Probe::EXPECTED_KILLS_MAX).unwrap();
    for id in 1..=limit {
        probe.expect_kill(id);
    }
    // A kill that came makes room for another one.
    assert!(probe.take_expected_kill(5) && !probe.take_expected_kill(5));
    probe.expect_kill(limit + 1);
    assert!(probe.take_expected_kill(1));
    probe.expect_kill(limit + 2);
    probe.expect_kill(limit + 3);
    assert!(!probe.take_expected_kill(2), "the oldest");
    assert!(probe.take_expected_kill(3) && probe.take_expected_kill(limit + 3));
}

/// A batch that is there at the first poll gives an update too: what counts is that there is a new one.
#[test]
fn a_new_batch_is_noticed_without_a_wait() {
    let watcher = Watcher::builder().start().unwrap();
    let probe = Arc::new(Probe::new(&watcher, &ClientOptions::default(), Capture::Commands));
    let wire = Wire::new(&probe, None);
    let batch = |wire: &Wire| wire.learn(|learned| *learned.traffic.batches.get_or_insert(0) += 1);
    batch(&wire);
    let mut updates = Updates::every_batch(Arc::clone(&wire));
    assert!(!updates.is_due(), "the first batch came with the cursor");
    updates.wait();
    assert!(!updates.is_due(), "a wait that brought nothing");
    batch(&wire);
    assert!(updates.is_due());
    updates.begin_anew();
    assert!(!updates.is_due());
}

/// Where the doors see no batch, a wait has to do.
#[test]
fn a_wait_is_taken_for_a_batch_where_none_is_seen() {
    let watcher = Watcher::builder().start().unwrap();
    let probe = Arc::new(Probe::new(&watcher, &ClientOptions::default(), Capture::Spans));
    let unseen = Updates::every_batch(Wire::new(&probe, None));
    for mut updates in [unseen, Updates::Wait { has_waited: false }] {
        assert!(!updates.is_due());
        updates.wait();
        assert!(updates.is_due());
        updates.begin_anew();
        assert!(!updates.is_due());
    }
}
