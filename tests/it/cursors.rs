//! A cursor is one record, from the first batch to its end.

mod needs_server {
    use std::time::Duration;

    use futures_util::{StreamExt, TryStreamExt};
    use mongowatch::{
        Capture, Database, Iteration, Outcome, Phase, WatchMessage,
        bson::{Document, doc},
        layer::Versions,
    };
    use serde::Deserialize;
    use tokio::time::timeout;

    use crate::scene::{Scene, lines, only};

    async fn filled(name: &str, capture: Capture, n: i32) -> Scene {
        let scene = Scene::with(name, |b| b.capture(capture));
        let numbers = scene.bare().await.collection::<Document>("numbers");
        numbers.insert_many((0..n).map(|n| doc! { "_id": n })).await.unwrap();
        scene
    }

    async fn find(db: &Database, batch: u32) -> mongowatch::Cursor<Document> {
        let numbers = db.collection::<Document>("numbers");
        numbers.find(doc! {}).batch_size(batch).await.unwrap()
    }

    #[tokio::test]
    async fn all_batches_are_one_record_with_true_counts() {
        for capture in [Capture::Operations, Capture::Spans, Capture::Commands] {
            let scene = filled(&format!("batches-{capture:?}"), capture, 1_000).await;
            let cursor = find(&scene.db().await, 100).await;
            assert_eq!(cursor.try_collect::<Vec<_>>().await.unwrap().len(), 1_000);
            let record = only(scene.finish().await);
            assert_eq!(record.outcome, Some(Outcome::Ok));
            assert_eq!(record.counts.matched, Some(1_000));
            let traffic = &record.traffic;
            match capture {
                Capture::Operations => assert_eq!(traffic.batches, None),
                _ => {
                    // The server tells that a cursor is exhausted with the batch after the last.
                    assert_eq!(traffic.batches, Some(11), "{capture:?}");
                    assert_eq!(traffic.attempts, Some(11), "{capture:?}");
                    assert!(traffic.server.is_some() && traffic.server_connection_id.is_some());
                    assert!(traffic.session_id.is_some());
                }
            }
            if capture == Capture::Commands {
                assert_eq!(traffic.returned, Some(1_000));
                assert_eq!(traffic.request_ids.len(), 11);
                // Ten thousand bytes of documents at least: {_id: <int32>} has 14.
                assert!(traffic.reply_bytes.unwrap() > 14_000, "{traffic:?}");
                assert!(traffic.request_bytes.unwrap() > 500, "{traffic:?}");
            }
        }
    }

    #[tokio::test]
    async fn an_update_comes_out_when_a_batch_has_arrived() {
        let all = crate::scene::Seen::default();
        let layer = all.clone();
        let scene = Scene::with("updates", |b| b.foreign_layer_of("all", Versions::All, layer));
        let numbers = scene.bare().await.collection::<Document>("numbers");
        numbers.insert_many((0..25).map(|n| doc! { "_id": n })).await.unwrap();
        let mut cursor = find(&scene.db().await, 10).await;
        while cursor.try_next().await.unwrap().is_some() {}
        drop(cursor);
        scene.finish().await;
        let versions: Vec<_> = all
            .records()
            .iter()
            .map(|version| (version.phase, version.iteration, version.counts.matched))
            .collect();
        assert_eq!(
            versions,
            [
                (Phase::First, Iteration::Update(0), None),
                (Phase::Update, Iteration::Update(1), Some(11)),
                (Phase::Update, Iteration::Update(2), Some(21)),
                (Phase::Final, Iteration::Final(Some(3)), Some(25)),
            ]
        );
    }

    #[tokio::test]
    async fn dropping_a_cursor_half_way_cancels_its_record_once() {
        for capture in [Capture::Operations, Capture::Spans, Capture::Commands] {
            let scene = filled(&format!("half-{capture:?}"), capture, 100).await;
            let client = scene.client().await;
            let db = client.database(scene.database());
            let mut cursor = find(&db, 10).await;
            for _ in 0..15 {
                cursor.next().await.unwrap().unwrap();
            }
            drop(cursor);
            // The driver kills the cursor from a task of its own: that must not open a record.
            client.shutdown().await;
            let record = only(scene.finish().await);
            assert_eq!(record.outcome, Some(Outcome::Cancelled));
            assert_eq!(record.counts.matched, Some(15));
            if capture == Capture::Commands {
                assert_eq!(record.traffic.returned, Some(20));
            }
        }
    }

    /// The driver says that there are no more documents only to the one who asks for another. A
    /// limit that was reached, or the server's replies, tell it too.
    #[tokio::test]
    async fn a_cursor_that_was_read_to_its_last_document_was_not_cancelled() {
        for (capture, limit) in [
            (Capture::Operations, 3),
            (Capture::Spans, 3),
            (Capture::Commands, 3),
            (Capture::Commands, 0),
        ] {
            let scene = filled(&format!("last-{capture:?}"), capture, 3).await;
            let numbers = scene.db().await.collection::<Document>("numbers");
            let mut cursor = numbers.find(doc! {}).limit(limit).await.unwrap();
            for _ in 0..3 {
                cursor.next().await.unwrap().unwrap();
            }
            drop(cursor);
            assert_eq!(only(scene.finish().await).outcome, Some(Outcome::Ok), "{capture:?}");
        }
    }

    #[tokio::test]
    async fn advance_and_with_type_are_watched_too() {
        #[derive(Deserialize)]
        struct Number<'a> {
            #[serde(rename = "_id")]
            id: i32,
            #[serde(borrow)]
            name: Option<&'a str>,
        }
        let scene = filled("advance", Capture::Spans, 30).await;
        let numbers = scene.db().await.collection::<Number<'_>>("numbers");
        let mut cursor = numbers.find(doc! {}).batch_size(10).await.unwrap();
        let mut sum = 0;
        while cursor.advance().await.unwrap() {
            assert!(!cursor.current().is_empty());
            let number = cursor.deserialize_current().unwrap();
            assert!(number.name.is_none());
            sum += number.id;
        }
        assert_eq!(sum, (0..30).sum::<i32>());
        drop(cursor);
        let cursor = find(&scene.db().await, 10).await.with_type::<Document>();
        assert_eq!(cursor.count().await, 30);
        assert_eq!(
            lines(&scene.finish().await),
            "mongowatch.cursor find numbers ok matched=30\n".repeat(2)
        );
    }

    #[tokio::test]
    async fn an_error_in_a_later_batch_fails_the_record() {
        for capture in [Capture::Operations, Capture::Spans, Capture::Commands] {
            let scene = filled(&format!("later-{capture:?}"), capture, 50).await;
            let mut cursor = find(&scene.db().await, 10).await;
            let fail = doc! { "failCommands": ["getMore"], "errorCode": 2 };
            let fail_point = scene.fail(doc! { "times": 1 }, fail).await;
            let mut n = 0;
            let error = loop {
                match cursor.next().await.unwrap() {
                    Ok(_) => n += 1,
                    Err(error) => break error,
                }
            };
            assert!(error.to_string().contains("failCommand"), "{error}");
            drop(fail_point);
            drop(cursor);
            let record = only(scene.finish().await);
            assert_eq!(record.outcome, Some(Outcome::Error));
            assert_eq!((n, record.counts.matched), (10, Some(10)));
            assert_eq!(record.error.as_ref().unwrap().code, Some(2));
        }
    }

    /// The driver asks the server again when the application does, whatever went wrong before.
    #[tokio::test]
    async fn a_cursor_that_is_read_on_after_an_error_stays_one_record() {
        for capture in [Capture::Operations, Capture::Spans, Capture::Commands] {
            let scene = filled(&format!("on-{capture:?}"), capture, 50).await;
            let mut cursor = find(&scene.db().await, 10).await;
            let fail = doc! { "failCommands": ["getMore"], "errorCode": 2 };
            let fail_point = scene.fail(doc! { "times": 1 }, fail).await;
            let results: Vec<_> = cursor.by_ref().collect().await;
            drop(fail_point);
            drop(cursor);
            assert_eq!(results.len(), 51);
            assert!(results[10].is_err(), "{:?}", results[10]);
            let record = only(scene.finish().await);
            assert_eq!(record.outcome, Some(Outcome::Error));
            assert_eq!(record.counts.matched, Some(50));
            assert_eq!(record.error.as_ref().unwrap().code, Some(2));
            if capture == Capture::Commands {
                assert_eq!(record.traffic.returned, Some(50));
            }
        }
    }

    /// `CursorNotFound` ends the cursor in the driver too, which kills nothing then.
    #[tokio::test]
    async fn a_cursor_that_the_server_lost_ends_with_its_error() {
        for capture in [Capture::Operations, Capture::Spans, Capture::Commands] {
            let scene = filled(&format!("lost-{capture:?}"), capture, 50).await;
            let client = scene.client().await;
            let mut cursor = find(&client.database(scene.database()), 10).await;
            let fail = doc! { "failCommands": ["getMore"], "errorCode": 43 };
            let fail_point = scene.fail(doc! { "times": 1 }, fail).await;
            let results: Vec<_> = cursor.by_ref().collect().await;
            assert_eq!(results.len(), 11);
            drop(fail_point);
            drop(cursor);
            client.shutdown().await;
            let record = only(scene.finish().await);
            assert_eq!(record.outcome, Some(Outcome::Error));
            assert_eq!(record.counts.matched, Some(10));
            assert_eq!(record.error.as_ref().unwrap().code, Some(43));
        }
    }

    #[tokio::test]
    async fn a_document_of_another_type_troubles_the_record_but_not_the_cursor() {
        #[derive(Deserialize)]
        struct Even {
            even: bool,
        }
        let scene = Scene::new("type");
        let numbers = scene.bare().await.collection::<Document>("numbers");
        numbers
            .insert_many([doc! { "even": true }, doc! { "even": 1 }, doc! { "even": false }])
            .await
            .unwrap();
        let numbers = scene.db().await.collection::<Even>("numbers");
        let results: Vec<_> = numbers.find(doc! {}).await.unwrap().collect().await;
        let good = results.iter().flatten().filter(|even| even.even).count();
        assert_eq!((results.len(), good), (3, 1));
        let record = only(scene.finish().await);
        assert_eq!(record.outcome, Some(Outcome::Error));
        assert_eq!(record.counts.matched, Some(2));
        let name = if cfg!(feature = "bson-3") { "Bson" } else { "BsonDeserialization" };
        assert_eq!(record.error.as_ref().unwrap().name.as_deref(), Some(name));
    }

    #[tokio::test]
    async fn a_cursor_in_a_session_is_watched() {
        let scene = filled("session", Capture::Spans, 30).await;
        let client = scene.client().await;
        let numbers = client.database(scene.database()).collection::<Document>("numbers");
        let mut session = client.start_session().await.unwrap();
        let mut cursor = numbers.find(doc! {}).batch_size(10).session(&mut session).await.unwrap();
        let mut n = 0;
        while cursor.advance(&mut session).await.unwrap() {
            assert!(!cursor.current().is_empty());
            n += 1;
        }
        drop(cursor);
        let mut cursor = numbers.find(doc! {}).session(&mut session).await.unwrap();
        while let Some(number) = cursor.next(&mut session).await {
            number.unwrap();
            n += 1;
        }
        drop(cursor);
        assert_eq!(n, 60);
        assert_eq!(
            lines(&scene.finish().await),
            "mongowatch.cursor find numbers ok matched=30\n".repeat(2)
        );
    }

    #[tokio::test]
    async fn the_streams_of_a_session_cursor_are_one_record() {
        let scene = filled("stream", Capture::Commands, 30).await;
        let client = scene.client().await;
        let numbers = client.database(scene.database()).collection::<Document>("numbers");
        let mut session = client.start_session().await.unwrap();
        let mut cursor = numbers.find(doc! {}).batch_size(10).session(&mut session).await.unwrap();
        // One stream for each of the first documents, the session's next method, then the rest.
        for _ in 0..12 {
            cursor.stream(&mut session).try_next().await.unwrap().unwrap();
        }
        cursor.next(&mut session).await.unwrap().unwrap();
        let rest: Vec<_> = cursor.stream(&mut session).try_collect().await.unwrap();
        assert_eq!(rest.len(), 17);
        drop(cursor);
        let record = only(scene.finish().await);
        assert_eq!((record.outcome, record.counts.matched), (Some(Outcome::Ok), Some(30)));
        assert_eq!(record.traffic.batches, Some(4));
    }

    /// Time in the driver: what the application does between two documents is not in it.
    #[tokio::test]
    async fn the_applications_own_time_is_not_in_the_duration() {
        let scene = filled("duration", Capture::Operations, 40).await;
        let mut cursor = find(&scene.db().await, 10).await;
        let began = std::time::Instant::now();
        while cursor.try_next().await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        drop(cursor);
        let elapsed = began.elapsed();
        let record = only(scene.finish().await);
        let duration = record.duration.unwrap();
        assert!(duration > Duration::ZERO);
        assert!(duration * 2 < elapsed, "{duration:?} of {elapsed:?}");
    }

    /// A timeout or a `select!` drops the wait before the server has answered.
    #[tokio::test]
    async fn what_follows_a_wait_that_was_dropped_is_not_in_the_duration() {
        for is_stream in [false, true] {
            let scene = filled(&format!("dropped-wait-{is_stream}"), Capture::Operations, 40).await;
            let mut cursor = find(&scene.db().await, 10).await;
            for _ in 0..10 {
                assert!(cursor.advance().await.unwrap());
            }
            let slow =
                doc! { "failCommands": ["getMore"], "blockConnection": true, "blockTimeMS": 100 };
            let fail_point = scene.fail(doc! { "times": 1 }, slow).await;
            let short = Duration::from_millis(10);
            if is_stream {
                timeout(short, cursor.next()).await.unwrap_err();
            } else {
                timeout(short, cursor.advance()).await.unwrap_err();
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
            drop(cursor);
            drop(fail_point);
            let record = only(scene.finish().await);
            let duration = record.duration.unwrap();
            assert!(duration >= Duration::from_millis(9), "{is_stream}: {duration:?}");
            assert!(duration < Duration::from_millis(200), "{is_stream}: {duration:?}");
        }
    }

    #[tokio::test]
    async fn a_leaked_cursor_comes_out_when_it_expires_and_again_when_it_goes_on() {
        let scene = Scene::with("leaked", |b| {
            let mut queue = mongowatch::QueueSettings::default();
            queue.timeout = Duration::from_millis(50);
            b.queue(queue)
        });
        let numbers = scene.bare().await.collection::<Document>("numbers");
        numbers.insert_many((0..30).map(|n| doc! { "_id": n })).await.unwrap();
        let mut cursor = find(&scene.db().await, 10).await;
        cursor.try_next().await.unwrap();
        let expired: WatchMessage = loop {
            tokio::task::yield_now().await;
            if let Some(record) = scene.seen.records().into_iter().next() {
                break record;
            }
        };
        assert_eq!((expired.phase, expired.outcome), (Phase::Timeout, None));
        while cursor.try_next().await.unwrap().is_some() {}
        drop(cursor);
        let record = only(scene.finish().await);
        assert_eq!((record.id, record.counts.matched), (expired.id, Some(30)));
        assert!(record.iteration > expired.iteration);
    }
}
