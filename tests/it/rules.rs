//! The rules of one record, where the driver makes them hard: inserts in parts, and cursors of all kinds.

mod needs_server {
    use std::time::Duration;

    use futures_util::{StreamExt, TryStreamExt};
    use mongodb::{
        error::Result,
        options::{Acknowledgment, CursorType, ServerAddress, WriteConcern},
    };
    use mongowatch::{
        Capture, Field, Outcome, Phase, Value, WatchMessage,
        bson::{Bson, Document, doc},
    };
    use serde::{Serialize, Serializer, ser::Error};
    use tokio::time::timeout;

    use crate::scene::{Scene, lines, only};

    const CAPTURES: [Capture; 3] = [Capture::Operations, Capture::Spans, Capture::Commands];

    /// The driver sends so many documents in one command, at most.
    const BATCH_MAX: i32 = 100_000;

    /// A scene for each capture mode: runs `act` and gives the final records to `check`.
    async fn in_each_mode(
        name: &str,
        act: impl AsyncFn(&Scene),
        check: impl Fn(Capture, Vec<WatchMessage>),
    ) {
        for capture in CAPTURES {
            let scene = Scene::with(&format!("{name}-{capture:?}"), |b| b.capture(capture));
            act(&scene).await;
            let (records, stats) = scene.finish_with_stats().await;
            assert_eq!((stats.open, stats.dropped.total()), (0, 0), "{stats:#?}");
            check(capture, records);
        }
    }

    fn attempts(capture: Capture, n: u64) -> Option<u64> {
        if capture == Capture::Operations { None } else { Some(n) }
    }

    #[tokio::test]
    async fn an_insert_that_the_driver_splits_by_size_is_one_record() {
        let act = async |scene: &Scene| {
            let things = scene.db().await.collection::<Document>("things");
            // Sixty megabytes: a command has room for 48.
            let big = "x".repeat(1_000_000);
            things.insert_many((0..60).map(|n| doc! { "_id": n, "big": &big })).await.unwrap();
        };
        in_each_mode("by-size", act, |capture, records| {
            let record = only(records);
            assert_eq!((record.outcome, record.counts.inserted), (Some(Outcome::Ok), Some(60)));
            let ids: Vec<_> = (0..60).map(Bson::Int32).collect();
            assert_eq!(Bson::from(record.get(Field::InsertedIds)), ids.into());
            assert_eq!(record.traffic.attempts, attempts(capture, 2));
            if capture == Capture::Commands {
                assert!(record.traffic.request_bytes > Some(60_000_000), "{:?}", record.traffic);
            }
        })
        .await;
    }

    /// The failures of both parts, with the indexes that they have in the whole.
    #[tokio::test]
    async fn an_insert_that_is_split_by_number_and_fails_in_parts_is_one_record() {
        let act = async |scene: &Scene| {
            let bare = scene.bare().await.collection::<Document>("things");
            bare.insert_many([doc! { "_id": 3 }, doc! { "_id": BATCH_MAX + 1 }]).await.unwrap();
            let things = scene.db().await.collection::<Document>("things");
            let many = || (0..BATCH_MAX + 5).map(|n| doc! { "_id": n });
            things.insert_many(many()).ordered(false).await.unwrap_err();
        };
        in_each_mode("by-number", act, |capture, records| {
            let record = only(records);
            let inserted = Some(u64::try_from(BATCH_MAX).unwrap() + 3);
            assert_eq!(
                (record.outcome, record.counts.inserted),
                (Some(Outcome::Partial), inserted)
            );
            let error = record.error.as_ref().unwrap();
            let failed: Vec<_> =
                error.write_errors.iter().map(|write| (write.index, write.code)).collect();
            assert_eq!(failed, [(3, 11000), (100_001, 11000)], "{capture:?}");
            assert_eq!(error.name.as_deref(), Some("DuplicateKey"));
            assert_eq!(record.traffic.attempts, attempts(capture, 2));
        })
        .await;
    }

    /// A write concern that is not met ends an ordered insert after its first part. Only the server's
    /// reply says how large that was: once all documents were taken for inserted.
    #[tokio::test]
    async fn an_ordered_insert_that_ends_after_its_first_part_counts_no_more_than_that() {
        let act = async |scene: &Scene| {
            let three = WriteConcern::builder()
                .w(Acknowledgment::Nodes(3))
                .w_timeout(Duration::from_millis(10))
                .build();
            let things = scene.db().await.collection::<Document>("things");
            let many = (0..BATCH_MAX + 5).map(|n| doc! { "_id": n });
            things.insert_many(many).write_concern(three).await.unwrap_err();
            let there = scene.bare().await.collection::<Document>("things");
            assert_eq!(there.count_documents(doc! {}).await.unwrap(), 100_000);
        };
        in_each_mode("first-part", act, |capture, records| {
            let record = only(records);
            assert_eq!(record.outcome, Some(Outcome::Error), "{capture:?}");
            assert!(matches!(record.error.as_ref().unwrap().code, Some(64 | 100)));
            let inserted = (capture == Capture::Commands).then_some(100_000);
            assert_eq!(record.counts.inserted, inserted, "{capture:?}");
        })
        .await;
    }

    /// With a session the driver does not say that a cursor has nothing to give: what nobody read was
    /// once taken for cancelled.
    #[tokio::test]
    async fn pipelines_that_write_are_done_when_they_are_answered() {
        let act = async |scene: &Scene| {
            let bare = scene.bare().await;
            let numbers = bare.collection::<Document>("numbers");
            numbers.insert_many((0..5).map(|n| doc! { "_id": n })).await.unwrap();
            let client = scene.client().await;
            let numbers = client.database(scene.database()).collection::<Document>("numbers");
            let mut session = client.start_session().await.unwrap();
            let out = || [doc! { "$match": {} }, doc! { "$out": "out" }];
            // Nobody reads the cursors: they are empty.
            drop(numbers.aggregate(out()).await.unwrap());
            drop(numbers.aggregate(out()).session(&mut session).await.unwrap());
            let merge = doc! { "into": "merged", "whenMatched": "fail" };
            let merge = || [doc! { "$merge": merge.clone() }];
            let merged = numbers.aggregate(merge()).await.unwrap();
            assert!(merged.try_collect::<Vec<_>>().await.unwrap().is_empty());
            numbers.aggregate(merge()).await.unwrap_err();
        };
        in_each_mode("pipelines", act, |capture, records| {
            assert_eq!(
                lines(&records),
                "mongowatch.cursor aggregate numbers ok matched=0\n\
                 mongowatch.cursor aggregate numbers ok matched=0\n\
                 mongowatch.cursor aggregate numbers ok matched=0\n\
                 mongowatch.cursor aggregate numbers error code=11000\n",
                "{capture:?}"
            );
        })
        .await;
    }

    #[tokio::test]
    async fn an_explanation_is_a_command_that_writes_nothing() {
        let act = async |scene: &Scene| {
            let db = scene.db().await;
            db.collection("things").insert_one(doc! { "_id": 1 }).await.unwrap();
            let delete = doc! { "q": {}, "limit": 0 };
            let explained = [
                doc! { "find": "things", "filter": { "_id": 1 } },
                doc! { "delete": "things", "deletes": [delete] },
                doc! { "aggregate": "things", "pipeline": [], "cursor": {} },
            ];
            for command in explained {
                let explain = doc! { "explain": command, "verbosity": "executionStats" };
                let explained = db.run_command(explain).await.unwrap();
                assert!(explained.contains_key("executionStats"), "{explained}");
            }
        };
        in_each_mode("explain", act, |capture, records| {
            let command = "mongowatch.database run_command - ok\n";
            assert_eq!(lines(&records[1..]), command.repeat(3), "{capture:?}");
        })
        .await;
    }

    /// The cursor waits for documents to come, or asks for them over and over: the application stops when it has had enough.
    #[tokio::test]
    async fn a_tailable_cursor_is_one_record_until_it_is_dropped() {
        let act = async |scene: &Scene| {
            let bare = scene.bare().await;
            bare.create_collection("tail").capped(true).size(4_096).await.unwrap();
            let tail = bare.collection::<Document>("tail");
            tail.insert_many((0..3).map(|n| doc! { "_id": n })).await.unwrap();
            let client = scene.client().await;
            let watched = client.database(scene.database()).collection::<Document>("tail");
            for (kind, first) in [(CursorType::Tailable, 3), (CursorType::TailableAwait, 5)] {
                let mut find = watched.find(doc! {}).cursor_type(kind).batch_size(2);
                if matches!(kind, CursorType::TailableAwait) {
                    find = find.max_await_time(Duration::from_millis(20));
                }
                let mut cursor = find.await.unwrap();
                for _ in 0..first {
                    cursor.try_next().await.unwrap().unwrap();
                }
                timeout(Duration::from_millis(60), cursor.next()).await.unwrap_err();
                tail.insert_many([doc! {}, doc! {}]).await.unwrap();
                cursor.try_next().await.unwrap().unwrap();
                cursor.try_next().await.unwrap().unwrap();
                drop(cursor);
            }
            client.shutdown().await;
        };
        in_each_mode("tailable", act, |capture, records| {
            assert_eq!(
                lines(&records),
                "mongowatch.cursor find tail cancelled matched=5\n\
                 mongowatch.cursor find tail cancelled matched=7\n",
                "{capture:?}"
            );
            let kinds = ["tailable", "tailableAwait"];
            for (record, kind) in records.iter().zip(kinds) {
                let options = Bson::from(record.get(Field::Options));
                assert_eq!(options.as_document().unwrap().get_str("cursorType").unwrap(), kind);
                if capture == Capture::Commands {
                    assert_eq!(record.traffic.returned, record.counts.matched);
                }
            }
        })
        .await;
    }

    /// With nothing in it a capped collection gives no tailable cursor, and one that is overrun loses it.
    #[tokio::test]
    async fn a_tailable_cursor_that_dies_ends_its_record() {
        let act = async |scene: &Scene| {
            let bare = scene.bare().await;
            bare.create_collection("tail").capped(true).size(4_096).max(3).await.unwrap();
            let tail = bare.collection::<Document>("tail");
            let watched = scene.db().await.collection::<Document>("tail");
            let find = || watched.find(doc! {}).cursor_type(CursorType::Tailable).batch_size(2);
            assert!(find().await.unwrap().try_next().await.unwrap().is_none());
            tail.insert_many((0..3).map(|n| doc! { "_id": n })).await.unwrap();
            let mut cursor = find().await.unwrap();
            cursor.try_next().await.unwrap().unwrap();
            tail.insert_many((3..9).map(|n| doc! { "_id": n })).await.unwrap();
            assert!(cursor.try_next().await.unwrap().is_some());
            cursor.try_next().await.unwrap_err();
        };
        in_each_mode("overrun", act, |capture, records| {
            assert_eq!(
                lines(&records),
                "mongowatch.cursor find tail ok matched=0\n\
                 mongowatch.cursor find tail error code=136 matched=2\n",
                "{capture:?}"
            );
        })
        .await;
    }

    #[tokio::test]
    async fn a_cursor_that_another_client_kills_ends_with_that_error() {
        let act = async |scene: &Scene| {
            let bare = scene.bare().await;
            let numbers = bare.collection::<Document>("numbers");
            numbers.insert_many((0..30).map(|n| doc! { "_id": n })).await.unwrap();
            let client = scene.client().await;
            let watched = client.database(scene.database()).collection::<Document>("numbers");
            let mut cursor = watched.find(doc! {}).batch_size(10).await.unwrap();
            cursor.try_next().await.unwrap().unwrap();
            let idle = [
                doc! { "$currentOp": { "idleCursors": true } },
                doc! { "$match": { "type": "idleCursor", "ns": format!("{}.numbers", scene.database()) } },
            ];
            let admin = bare.client().database("admin");
            let mut idle = admin.aggregate(idle).await.unwrap();
            let idle = idle.try_next().await.unwrap().unwrap();
            let id = idle.get_document("cursor").unwrap().get_i64("cursorId").unwrap();
            let kill = doc! { "killCursors": "numbers", "cursors": [id] };
            let killed = bare.run_command(kill).await.unwrap();
            assert_eq!(killed.get_array("cursorsKilled").unwrap().len(), 1, "{killed}");
            let rest: Vec<Result<Document>> = cursor.by_ref().collect().await;
            assert_eq!(rest.len(), 10);
            assert!(rest.last().unwrap().is_err());
            assert!(cursor.next().await.is_none());
            drop(cursor);
            client.shutdown().await;
        };
        in_each_mode("killed", act, |capture, records| {
            assert_eq!(
                lines(&records),
                "mongowatch.cursor find numbers error code=43 matched=10\n",
                "{capture:?}"
            );
        })
        .await;
    }

    /// The driver refuses to send what it would have no answer to; a command of the application's own goes.
    #[tokio::test]
    async fn an_unacknowledged_write_is_not_sent_or_unknown() {
        let act = async |scene: &Scene| {
            let db = scene.db().await;
            let none = WriteConcern::builder().w(Acknowledgment::Nodes(0)).build();
            let things = db.collection::<Document>("things");
            let set = doc! { "$set": { "n": 1 } };
            let many = [doc! {}, doc! {}];
            things.insert_many(many).write_concern(none.clone()).await.unwrap_err();
            things.update_many(doc! {}, set).write_concern(none.clone()).await.unwrap_err();
            things.delete_many(doc! {}).write_concern(none).await.unwrap_err();
            let insert = doc! { "insert": "things", "documents": [{}], "writeConcern": { "w": 0 } };
            db.run_command(insert).await.unwrap();
        };
        in_each_mode("unacknowledged", act, |capture, records| {
            assert_eq!(
                lines(&records),
                "mongowatch.collection insert_many things not_sent\n\
                 mongowatch.collection update_many things not_sent\n\
                 mongowatch.collection delete_many things not_sent\n\
                 mongowatch.database run_command things unknown\n",
                "{capture:?}"
            );
        })
        .await;
    }

    #[tokio::test]
    async fn what_cannot_be_serialized_or_finds_no_server_is_not_sent() {
        struct Broken;
        impl Serialize for Broken {
            fn serialize<S: Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
                Err(S::Error::custom("broken"))
            }
        }
        let act = async |scene: &Scene| {
            let broken = scene.db().await.collection::<Broken>("things");
            broken.insert_one(Broken).await.unwrap_err();
            broken.insert_many([Broken, Broken]).await.unwrap_err();
            broken.replace_one(doc! {}, Broken).await.unwrap_err();
            let mut options = scene.options().await;
            // Nobody listens on the discard port.
            options.hosts = vec![ServerAddress::parse("127.0.0.1:9").unwrap()];
            options.server_selection_timeout = Some(Duration::from_millis(50));
            let nowhere = scene.watcher.client(options).unwrap().database("nowhere");
            let things = nowhere.collection::<Document>("things");
            things.insert_one(doc! {}).await.unwrap_err();
            things.find(doc! {}).await.map(drop).unwrap_err();
            things.aggregate([]).await.map(drop).unwrap_err();
            nowhere.run_command(doc! { "ping": 1 }).await.unwrap_err();
        };
        in_each_mode("not-sent", act, |capture, records| {
            assert_eq!(records.len(), 7, "{}", lines(&records));
            for record in &records {
                assert_eq!(record.outcome, Some(Outcome::NotSent), "{capture:?} {record:?}");
                assert_eq!(record.traffic.attempts, None, "{capture:?} {record:?}");
                assert!(matches!(record.get(Field::InsertedCount), Value::Missing));
            }
        })
        .await;
    }

    /// What the application forgets stays open, and the gauge shows it; the shutdown tells what was known.
    #[tokio::test]
    async fn a_forgotten_cursor_and_a_forgotten_future_stay_on_the_gauge() {
        for capture in CAPTURES {
            let scene = Scene::with(&format!("forgotten-{capture:?}"), |b| b.capture(capture));
            let bare = scene.bare().await;
            let numbers = bare.collection::<Document>("numbers");
            numbers.insert_many((0..30).map(|n| doc! { "_id": n })).await.unwrap();
            let watched = scene.db().await.collection::<Document>("numbers");
            let mut cursor = watched.find(doc! {}).batch_size(10).await.unwrap();
            cursor.try_next().await.unwrap().unwrap();
            std::mem::forget(cursor);
            let mut count = watched.count_documents(doc! {}).into_future();
            assert!(futures_util::poll!(&mut count).is_pending());
            std::mem::forget(count);
            watched.find_one(doc! {}).await.unwrap();
            assert_eq!(scene.watcher.stats().open, 2, "{capture:?}");
            scene.drop_database().await;
            let stats = scene.watcher.shutdown().await.unwrap();
            assert!(stats.is_balanced(), "{stats:#?}");
            assert_eq!((stats.operations, stats.open), (3, 2), "{capture:?}");
            let mut records = scene.seen.records();
            records.sort_by_key(|record| record.seq);
            let phases: Vec<_> = records.iter().map(|record| record.phase).collect();
            assert_eq!(phases, [Phase::Timeout, Phase::Timeout, Phase::Final], "{capture:?}");
            assert_eq!(
                lines(&records),
                "mongowatch.cursor find numbers open\n\
                 mongowatch.collection count_documents numbers open\n\
                 mongowatch.collection find_one numbers ok matched=1\n",
                "{capture:?}"
            );
        }
    }
}
