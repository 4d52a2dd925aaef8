//! What fails says how: error, partial, not sent, cancelled.

mod needs_server {
    use std::time::Duration;

    use mongodb::{error::ErrorKind, options::WriteConcern};
    use mongowatch::{
        Capture, Outcome, WatchMessage,
        bson::{Document, doc},
    };

    use crate::scene::{Scene, lines, only};

    const CAPTURES: [Capture; 3] = [Capture::Operations, Capture::Spans, Capture::Commands];

    fn error(record: &WatchMessage) -> (Option<i32>, &str) {
        let error = record.error.as_ref().unwrap();
        (error.code, error.name.as_deref().unwrap())
    }

    #[tokio::test]
    async fn a_duplicate_key_is_an_error_with_code_and_name() {
        for capture in CAPTURES {
            let scene = Scene::with(&format!("dup-{capture:?}"), |b| b.capture(capture));
            let people = scene.db().await.collection::<Document>("people");
            people.insert_one(doc! { "_id": 1 }).await.unwrap();
            people.insert_one(doc! { "_id": 1 }).await.unwrap_err();
            let records = scene.finish().await;
            assert_eq!(
                lines(&records[1..]),
                "mongowatch.collection insert_one people error code=11000 inserted=0\n"
            );
            assert_eq!(error(&records[1]), (Some(11000), "DuplicateKey"));
            assert!(records[1].inserted_ids.is_none());
        }
    }

    #[tokio::test]
    async fn an_insert_of_which_some_failed_is_partial_with_each_index() {
        for capture in CAPTURES {
            let scene = Scene::with(&format!("partial-{capture:?}"), |b| b.capture(capture));
            let people = scene.db().await.collection::<Document>("people");
            let ids = |ids: &[i32]| ids.iter().map(|id| doc! { "_id": *id }).collect::<Vec<_>>();
            people.insert_many(ids(&[1, 2, 3])).await.unwrap();
            people.insert_many(ids(&[4, 1, 5])).await.unwrap_err();
            people.insert_many(ids(&[6, 1, 7, 2])).ordered(false).await.unwrap_err();
            people.insert_many(ids(&[1, 8])).await.unwrap_err();
            let records = scene.finish().await;
            assert_eq!(
                lines(&records[1..]),
                "mongowatch.collection insert_many people partial code=11000 inserted=1\n\
                 mongowatch.collection insert_many people partial code=11000 inserted=2\n\
                 mongowatch.collection insert_many people error code=11000 inserted=0\n"
            );
            let writes = |record: usize| -> Vec<_> {
                let error = records[record].error.as_ref().unwrap();
                error.write_errors.iter().map(|write| (write.index, write.code)).collect()
            };
            assert_eq!(writes(1), [(1, 11000)]);
            assert_eq!(writes(2), [(1, 11000), (3, 11000)]);
        }
    }

    #[tokio::test]
    async fn a_bad_query_is_the_servers_error() {
        let scene = Scene::new("bad");
        let people = scene.db().await.collection::<Document>("people");
        people.find(doc! { "a": { "$nope": 1 } }).await.unwrap_err();
        people.update_one(doc! {}, doc! { "$nope": { "a": 1 } }).await.unwrap_err();
        people.aggregate([doc! { "$nope": 1 }]).await.unwrap_err();
        scene.db().await.run_command(doc! { "nope": 1 }).await.unwrap_err();
        let records = scene.finish().await;
        assert_eq!(
            lines(&records),
            "mongowatch.cursor find people error code=2\n\
             mongowatch.collection update_one people error code=9 matched=0 modified=0\n\
             mongowatch.cursor aggregate people error code=40324\n\
             mongowatch.database run_command - error code=59\n"
        );
        assert!(records.iter().all(|record| record.traffic.attempts == Some(1)));
    }

    #[tokio::test]
    async fn what_the_server_did_before_a_write_concern_failed_is_counted() {
        for capture in CAPTURES {
            let scene = Scene::with(&format!("concern-{capture:?}"), |b| b.capture(capture));
            scene.db().await.create_collection("people").await.unwrap();
            let people = scene.db().await.collection::<Document>("people");
            let three = WriteConcern::builder()
                .w(mongodb::options::Acknowledgment::Nodes(3))
                .w_timeout(Duration::from_millis(10))
                .build();
            let error =
                people.insert_one(doc! { "_id": 1 }).write_concern(three).await.unwrap_err();
            assert!(matches!(*error.kind, ErrorKind::Write(_)), "{error}");
            let records = scene.finish().await;
            assert_eq!(records[1].outcome, Some(Outcome::Error), "{}", lines(&records));
            assert!(matches!(records[1].error.as_ref().unwrap().code, Some(64 | 100)));
            assert_eq!(records[1].counts.inserted, Some(1), "{capture:?}");
        }
    }

    #[tokio::test]
    async fn a_write_error_inside_ok_1_is_not_success() {
        let scene = Scene::new("ok1");
        let db = scene.db().await;
        let insert = |ids: [i32; 2]| {
            doc! { "insert": "people", "documents": ids.map(|id| doc! { "_id": id }).to_vec() }
        };
        db.run_command(insert([1, 2])).await.unwrap();
        let reply = db.run_command(insert([3, 1])).await.unwrap();
        assert!(reply.contains_key("writeErrors"));
        assert_eq!(
            lines(&scene.finish().await),
            "mongowatch.database run_command people ok inserted=2\n\
             mongowatch.database run_command people partial code=11000 inserted=1\n"
        );
    }

    #[tokio::test]
    async fn what_never_reached_a_server_is_not_sent() {
        for capture in CAPTURES {
            let scene = Scene::with(&format!("not-sent-{capture:?}"), |b| b.capture(capture));
            let people = scene.db().await.collection::<Document>("people");
            people.insert_many(Vec::<Document>::new()).await.unwrap_err();
            people.update_one(doc! {}, doc! { "no": "operator" }).await.unwrap_err();
            let none =
                WriteConcern::builder().w(mongodb::options::Acknowledgment::Nodes(0)).build();
            people.insert_one(doc! {}).write_concern(none).await.unwrap_err();
            let mut options = scene.options().await;
            // Nobody listens on the discard port.
            options.hosts = vec![mongodb::options::ServerAddress::parse("127.0.0.1:9").unwrap()];
            options.server_selection_timeout = Some(Duration::from_millis(100));
            let nowhere = scene.watcher.client(options).unwrap();
            nowhere.list_database_names().await.unwrap_err();
            let records = scene.finish().await;
            assert_eq!(
                lines(&records),
                "mongowatch.collection insert_many people not_sent\n\
                 mongowatch.collection update_one people not_sent\n\
                 mongowatch.collection insert_one people not_sent\n\
                 mongowatch.client list_database_names - not_sent\n",
                "{capture:?}"
            );
            assert_eq!(error(&records[3]).1, "ServerSelection");
            assert!(records.iter().all(|record| record.traffic.attempts.is_none()));
        }
    }

    #[tokio::test]
    async fn a_retried_write_and_a_retried_read_are_one_record_each() {
        for capture in [Capture::Spans, Capture::Commands] {
            let scene = Scene::with(&format!("retry-{capture:?}"), |b| b.capture(capture));
            let people = scene.db().await.collection::<Document>("people");
            for (command, kind) in [("insert", "close"), ("insert", "code"), ("find", "close")] {
                let mut fail = doc! { "failCommands": [command] };
                match kind {
                    "close" => fail.insert("closeConnection", true),
                    _ => fail.insert("errorCode", 11600),
                };
                if kind == "code" {
                    fail.insert("errorLabels", ["RetryableWriteError"].as_slice());
                }
                let fail_point = scene.fail(doc! { "times": 1 }, fail).await;
                match command {
                    "insert" => drop(people.insert_one(doc! { "kind": kind }).await.unwrap()),
                    _ => drop(people.find_one(doc! {}).await.unwrap().unwrap()),
                }
                fail_point.off().await.unwrap();
            }
            let records = scene.finish().await;
            assert_eq!(
                lines(&records),
                "mongowatch.collection insert_one people ok inserted=1\n\
                 mongowatch.collection insert_one people ok inserted=1\n\
                 mongowatch.collection find_one people ok matched=1\n"
            );
            for record in &records {
                assert_eq!(record.traffic.attempts, Some(2), "{capture:?} {}", record.operation);
            }
        }
    }

    #[tokio::test]
    async fn a_future_that_a_timeout_drops_is_cancelled() {
        for capture in CAPTURES {
            let scene = Scene::with(&format!("timeout-{capture:?}"), |b| b.capture(capture));
            let bare = scene.bare().await;
            bare.collection("people").insert_one(doc! { "_id": 1 }).await.unwrap();
            let people = scene.db().await.collection::<Document>("people");
            people.find_one(doc! {}).await.unwrap();
            let slow = people.find_one(doc! { "$where": "sleep(300) || true" }).into_future();
            tokio::time::timeout(Duration::from_millis(50), slow).await.unwrap_err();
            let records = scene.finish().await;
            assert_eq!(
                lines(&records),
                "mongowatch.collection find_one people ok matched=1\n\
                 mongowatch.collection find_one people cancelled\n"
            );
            let duration = records[1].duration.unwrap();
            assert!(duration >= Duration::from_millis(50), "{duration:?}");
            if capture != Capture::Operations {
                assert_eq!(records[1].traffic.attempts, Some(1));
            }
        }
    }

    #[tokio::test]
    async fn an_action_that_is_never_awaited_has_no_record() {
        let scene = Scene::new("never");
        let people = scene.db().await.collection::<Document>("people");
        drop(people.insert_one(doc! {}).into_future());
        assert!(scene.finish().await.is_empty());
        // And one that is dropped at its first step has one.
        let scene = Scene::new("at-once");
        let people = scene.db().await.collection::<Document>("people");
        let mut future = people.insert_one(doc! {}).into_future();
        assert!(futures_util::poll!(&mut future).is_pending());
        drop(future);
        assert_eq!(only(scene.finish().await).outcome, Some(Outcome::Cancelled));
    }
}
