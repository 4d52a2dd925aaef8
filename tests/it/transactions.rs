//! Operations in a transaction wait for what becomes of it, and say so.

mod needs_server {
    use futures_util::{FutureExt, StreamExt};
    use mongodb::error::{TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT};
    use mongowatch::{
        Capture, Collection, Database, Outcome, Phase, WatchMessage, WatcherName,
        bson::{Document, doc},
    };

    use crate::scene::Scene;

    const CAPTURES: [Capture; 3] = [Capture::Operations, Capture::Spans, Capture::Commands];

    /// One line a record: operation, outcome, what became of its transaction.
    fn fates(records: &[WatchMessage]) -> Vec<String> {
        let fate = |record: &WatchMessage| {
            let outcome = record.outcome.map_or("open", Outcome::as_str);
            let txn = record.txn_outcome.map_or("-", |outcome| outcome.as_str());
            format!("{} {outcome} {txn}", record.operation)
        };
        records.iter().map(fate).collect()
    }

    /// A collection that is there: older servers make none in a transaction.
    async fn people(db: &Database) -> Collection<Document> {
        db.unwatched().create_collection("people").await.unwrap();
        db.collection("people")
    }

    fn scene(name: &str, capture: Capture) -> Scene {
        Scene::with(&format!("{name}-{capture:?}"), |builder| builder.capture(capture))
    }

    /// Without the raw traffic: what the tests do past the mirror, and what the driver does alone.
    fn mirrored(records: Vec<WatchMessage>) -> Vec<WatchMessage> {
        records.into_iter().filter(|record| record.watcher != WatcherName::Command).collect()
    }

    /// Ends what the server still has of a session: it would hold its locks for a minute.
    async fn end_on_server(scene: &Scene, session: &Document) {
        let admin = scene.bare().await.client().database("admin");
        admin.run_command(doc! { "killSessions": [session.clone()] }).await.unwrap();
    }

    #[tokio::test]
    async fn a_commit_makes_its_operations_committed_and_final() {
        for capture in CAPTURES {
            let scene = scene("commit", capture);
            let db = scene.db().await;
            let people = people(&db).await;
            let mut session = db.client().start_session().await.unwrap();
            session.start_transaction().await.unwrap();
            people.insert_one(doc! { "_id": 1 }).session(&mut session).await.unwrap();
            people.find_one(doc! {}).session(&mut session).await.unwrap();
            let mut cursor = people.find(doc! {}).session(&mut session).await.unwrap();
            while cursor.next(&mut session).await.is_some() {}
            scene.watcher.flush().await.unwrap();
            let early = scene.seen.records();
            let is_final = |record: &&WatchMessage| record.phase == Phase::Final;
            let early = early.iter().filter(is_final).filter(|r| r.watcher != WatcherName::Command);
            assert_eq!(early.count(), 0, "nothing is final before the commit");
            session.commit_transaction().await.unwrap();
            people.insert_one(doc! { "_id": 2 }).session(&mut session).await.unwrap();
            let records = mirrored(scene.finish().await);
            assert_eq!(
                fates(&records),
                [
                    "insert_one ok committed",
                    "find_one ok committed",
                    "find ok committed",
                    "commit_transaction ok -",
                    "insert_one ok -",
                ],
                "{capture:?}"
            );
            let session_id = records[0].traffic.session_id;
            assert!(session_id.is_some());
            assert!(records.iter().all(|record| record.traffic.session_id == session_id));
            assert_eq!(records[3].watcher, WatcherName::Session);
            if capture != Capture::Operations {
                let number = records[0].traffic.txn_number;
                assert!(number.is_some());
                assert!(records[..4].iter().all(|record| record.traffic.txn_number == number));
            }
        }
    }

    #[tokio::test]
    async fn an_abort_makes_its_operations_aborted() {
        for capture in CAPTURES {
            let scene = scene("abort", capture);
            let db = scene.db().await;
            let people = people(&db).await;
            let mut session = db.client().start_session().await.unwrap();
            session.start_transaction().await.unwrap();
            people.insert_one(doc! { "_id": 1 }).session(&mut session).await.unwrap();
            session.abort_transaction().await.unwrap();
            session.abort_transaction().await.unwrap_err();
            session.start_transaction().await.unwrap();
            people.insert_one(doc! { "_id": 1 }).session(&mut session).await.unwrap();
            drop(session);
            // The driver aborts it in a task of its own, which is raw traffic.
            let is_abort = |record: &WatchMessage| {
                let is_raw = record.watcher == WatcherName::Command;
                is_raw && record.operation == "abort_transaction" && record.phase == Phase::Final
            };
            while capture != Capture::Operations && !scene.seen.records().iter().any(is_abort) {
                scene.watcher.flush().await.unwrap();
            }
            let records = mirrored(scene.finish().await);
            assert_eq!(
                fates(&records),
                [
                    "insert_one ok aborted",
                    "abort_transaction ok -",
                    "abort_transaction not_sent -",
                    "insert_one ok aborted",
                ],
                "{capture:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_transaction_that_the_server_aborted_is_aborted() {
        for capture in CAPTURES {
            let scene = scene("server-abort", capture);
            let db = scene.db().await;
            let people = people(&db).await;
            people.insert_one(doc! { "_id": 1 }).await.unwrap();
            let mut first = db.client().start_session().await.unwrap();
            let mut second = db.client().start_session().await.unwrap();
            first.start_transaction().await.unwrap();
            second.start_transaction().await.unwrap();
            let set = |n: i32| doc! { "$set": { "n": n } };
            people.update_one(doc! {}, set(1)).session(&mut first).await.unwrap();
            let conflict = people.update_one(doc! {}, set(2)).session(&mut second).await;
            assert!(conflict.unwrap_err().contains_label(TRANSIENT_TRANSACTION_ERROR));
            second.commit_transaction().await.unwrap_err();
            first.commit_transaction().await.unwrap();
            let records = mirrored(scene.finish().await);
            assert_eq!(
                fates(&records),
                [
                    "insert_one ok -",
                    "update_one ok committed",
                    "update_one error aborted",
                    "commit_transaction error -",
                    "commit_transaction ok -",
                ],
                "{capture:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_commit_of_unknown_result_leaves_them_open_until_it_is_known() {
        for capture in CAPTURES {
            let scene = scene("unknown", capture);
            let db = scene.db().await;
            let people = people(&db).await;
            let mut session = db.client().start_session().await.unwrap();
            for id in [1, 2] {
                session.start_transaction().await.unwrap();
                people.insert_one(doc! { "_id": id }).session(&mut session).await.unwrap();
                let data = doc! { "failCommands": ["commitTransaction"], "closeConnection": true };
                let fail_point = scene.fail(doc! { "times": 2 }, data).await;
                let error = session.commit_transaction().await.unwrap_err();
                assert!(error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT));
                fail_point.off().await.unwrap();
                if id == 1 {
                    session.commit_transaction().await.unwrap();
                }
            }
            end_on_server(&scene, session.id()).await;
            drop(session);
            let records = mirrored(scene.finish().await);
            assert_eq!(
                fates(&records),
                [
                    "insert_one ok committed",
                    "commit_transaction error -",
                    "commit_transaction ok -",
                    "insert_one ok unknown",
                    "commit_transaction error -",
                ],
                "{capture:?}"
            );
            if capture != Capture::Operations {
                assert_eq!(records[1].traffic.attempts, Some(2));
            }
        }
    }

    #[tokio::test]
    async fn a_transaction_that_is_ended_past_the_mirror_is_unknown() {
        let scene = Scene::new("txn-unseen");
        let db = scene.db().await;
        let people = people(&db).await;
        let mut session = db.client().start_session().await.unwrap();
        session.start_transaction().await.unwrap();
        people.insert_one(doc! { "_id": 1 }).session(&mut session).await.unwrap();
        session.unwatched().commit_transaction().await.unwrap();
        session.abort_transaction().await.unwrap_err();
        session.start_transaction().await.unwrap();
        people.insert_one(doc! { "_id": 2 }).session(&mut session).await.unwrap();
        session.unwatched().commit_transaction().await.unwrap();
        session.start_transaction().await.unwrap();
        people.insert_one(doc! { "_id": 3 }).session(&mut session).await.unwrap();
        session.abort_transaction().await.unwrap();
        let records = mirrored(scene.finish().await);
        assert_eq!(
            fates(&records),
            [
                "insert_one ok unknown",
                "abort_transaction not_sent -",
                "insert_one ok unknown",
                "insert_one ok aborted",
                "abort_transaction ok -",
            ]
        );
    }

    #[tokio::test]
    async fn the_convenient_api_tries_again_and_each_attempt_has_its_records() {
        let scene = Scene::new("convenient");
        let db = scene.db().await;
        let people = people(&db).await;
        let mut session = db.client().start_session().await.unwrap();
        let data = doc! {
            "failCommands": ["insert"], "errorCode": 112, "errorLabels": ["TransientTransactionError"],
        };
        let fail_point = scene.fail(doc! { "times": 1 }, data).await;
        let mut n_calls = 0;
        session
            .start_transaction()
            .and_run((&people, &mut n_calls), |session, (people, n_calls)| {
                async move {
                    **n_calls += 1;
                    people.insert_one(doc! { "_id": 1 }).session(session).await
                }
                .boxed()
            })
            .await
            .unwrap();
        fail_point.off().await.unwrap();
        assert_eq!(n_calls, 2);
        let data = doc! {
            "failCommands": ["commitTransaction"], "closeConnection": true,
        };
        let fail_point = scene.fail(doc! { "times": 2 }, data).await;
        let insert = people.clone();
        let inserted = session
            .start_transaction()
            .and_run2(async move |session| {
                insert.insert_one(doc! { "_id": 2 }).session(session).await
            })
            .await
            .unwrap();
        assert_eq!(inserted.inserted_id.as_i32(), Some(2));
        fail_point.off().await.unwrap();
        let refused: mongodb::error::Result<()> = session
            .start_transaction()
            .and_run2(async |session| {
                people.insert_one(doc! { "_id": 3 }).session(session).await?;
                Err(mongodb::error::Error::custom("changed my mind"))
            })
            .await;
        assert_eq!(refused.unwrap_err().get_custom::<&str>(), Some(&"changed my mind"));
        let records = mirrored(scene.finish().await);
        assert_eq!(
            fates(&records),
            [
                "insert_one error aborted",
                "abort_transaction ok -",
                "insert_one ok committed",
                "commit_transaction ok -",
                "insert_one ok committed",
                "commit_transaction error -",
                "commit_transaction ok -",
                "insert_one ok aborted",
                "abort_transaction ok -",
            ]
        );
    }

    #[tokio::test]
    async fn what_is_cancelled_or_never_sent_in_a_transaction_is_told_too() {
        let scene = Scene::new("txn-cancelled");
        let db = scene.db().await;
        let people = people(&db).await;
        people.insert_many((0..10).map(|id| doc! { "_id": id })).await.unwrap();
        let mut session = db.client().start_session().await.unwrap();
        session.commit_transaction().await.unwrap_err();
        session.start_transaction().await.unwrap();
        let mut cursor = people.find(doc! {}).batch_size(2).session(&mut session).await.unwrap();
        cursor.next(&mut session).await.unwrap().unwrap();
        {
            let mut update = people.update_one(doc! {}, doc! { "$set": { "a": 1 } });
            update = update.session(&mut session);
            let _ = std::future::IntoFuture::into_future(update).now_or_never();
        }
        session.commit_transaction().await.ok();
        // The transaction has ended before its cursor.
        drop(cursor);
        // Commands past the mirror, for the books only.
        let _ = people.unwatched().find(doc! {}).await.unwrap().next().await;
        let records = mirrored(scene.finish().await);
        let fates = fates(&records);
        assert_eq!(fates[1], "commit_transaction not_sent -");
        let end =
            if fates[4].starts_with("commit_transaction ok") { "committed" } else { "aborted" };
        assert_eq!(fates[2], format!("find cancelled {end}"));
        assert_eq!(fates[3], format!("update_one cancelled {end}"));
    }

    #[tokio::test]
    async fn a_shutdown_in_the_middle_of_a_transaction_shows_what_is_known() {
        let scene = Scene::new("txn-shutdown");
        let db = scene.db().await;
        let people = people(&db).await;
        let mut session = db.client().start_session().await.unwrap();
        session.start_transaction().await.unwrap();
        people.insert_one(doc! { "_id": 1 }).session(&mut session).await.unwrap();
        end_on_server(&scene, session.id()).await;
        scene.drop_database().await;
        let seen = scene.seen.clone();
        let stats = scene.watcher.shutdown().await.unwrap();
        assert_eq!(stats.open, 1, "its transaction is open");
        assert!(stats.is_balanced());
        let records = mirrored(seen.records());
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].phase, Phase::Timeout);
        assert_eq!(records[0].outcome, Some(Outcome::Ok));
    }
}
