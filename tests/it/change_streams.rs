//! Change streams: one record from their opening to their end.

mod needs_server {
    use futures_util::{FutureExt, StreamExt, TryStreamExt};
    use mongodb::options::FullDocumentType;
    use mongowatch::{
        Capture, ChangeStream, Collection, Outcome, Phase, WatchMessage, WatcherName,
        bson::{Bson, Document, doc},
    };

    use crate::scene::Scene;

    const CAPTURES: [Capture; 3] = [Capture::Operations, Capture::Spans, Capture::Commands];

    fn scene(name: &str, capture: Capture) -> Scene {
        Scene::with(&format!("{name}-{capture:?}"), |builder| builder.capture(capture))
    }

    async fn insert(people: &Collection<Document>, ids: std::ops::Range<i32>) {
        let people = people.unwatched();
        people.insert_many(ids.map(|id| doc! { "_id": id })).await.unwrap();
    }

    /// The token to resume after the last event, as a record shows it.
    fn bson_of<T: serde::de::DeserializeOwned>(stream: &ChangeStream<T>) -> Bson {
        let token = stream.resume_token().unwrap();
        serde::Serialize::serialize(&token, mongodb::bson::Serializer::new()).unwrap()
    }

    /// The records of the change streams, with the books checked.
    async fn watches(scene: Scene) -> Vec<WatchMessage> {
        let records = scene.finish().await;
        let kills = |record: &&WatchMessage| record.operation == "kill_cursors";
        assert_eq!(records.iter().filter(kills).count(), 0, "kills belong to their streams");
        records.into_iter().filter(|record| record.operation == "watch").collect()
    }

    #[tokio::test]
    async fn a_change_stream_is_one_record_with_its_events_and_its_token() {
        for capture in CAPTURES {
            let scene = scene("stream", capture);
            let people = scene.db().await.collection::<Document>("people");
            let mut stream = people
                .watch()
                .pipeline([doc! { "$match": { "operationType": "insert" } }])
                .full_document(FullDocumentType::UpdateLookup)
                .batch_size(2)
                .await
                .unwrap();
            insert(&people, 0..5).await;
            for id in 0..5 {
                let event = stream.next().await.unwrap().unwrap();
                assert_eq!(event.full_document, Some(doc! { "_id": id }));
            }
            assert!(stream.is_alive());
            let token = bson_of(&stream);
            drop(stream);
            let records = watches(scene).await;
            let [record] = records.as_slice() else { panic!("{}", records.len()) };
            assert_eq!(record.watcher, WatcherName::Cursor);
            assert_eq!(record.outcome, Some(Outcome::Ok), "{capture:?}");
            assert_eq!(record.counts.matched, Some(5));
            assert_eq!(record.resume_token.as_deref(), Some(&token));
            assert_eq!(record.collection.as_deref(), Some("people"));
            let options = record.options.as_deref().unwrap().as_document().unwrap();
            assert_eq!(options, &doc! { "fullDocument": "updateLookup", "batchSize": 2 });
            let resumes = (capture != Capture::Operations).then_some(0);
            assert_eq!(record.traffic.resumes, resumes);
            if capture == Capture::Commands {
                assert_eq!(record.traffic.returned, Some(5));
                assert!(record.traffic.batches >= Some(4), "{:?}", record.traffic.batches);
            }
        }
    }

    #[tokio::test]
    async fn a_stream_that_the_driver_resumes_counts_it() {
        for capture in CAPTURES {
            let scene = scene("resume", capture);
            let people = scene.db().await.collection::<Document>("people");
            let mut stream = people.watch().await.unwrap();
            insert(&people, 0..2).await;
            stream.next().await.unwrap().unwrap();
            stream.next().await.unwrap().unwrap();
            let data = doc! { "failCommands": ["getMore"], "errorCode": 43 };
            let fail_point = scene.fail(doc! { "times": 1 }, data).await;
            insert(&people, 2..3).await;
            let event = stream.next().await.unwrap().unwrap();
            assert_eq!(event.full_document, Some(doc! { "_id": 2 }));
            fail_point.off().await.unwrap();
            drop(stream);
            let records = watches(scene).await;
            assert_eq!(records.len(), 1, "{capture:?}");
            assert_eq!(records[0].counts.matched, Some(3));
            assert_eq!(records[0].outcome, Some(Outcome::Ok));
            let resumes = (capture != Capture::Operations).then_some(1);
            assert_eq!(records[0].traffic.resumes, resumes, "{capture:?}");
        }
    }

    #[tokio::test]
    async fn a_stream_is_judged_by_its_last_event() {
        #[derive(serde::Deserialize)]
        struct Even {
            #[serde(rename = "_id", deserialize_with = "even")]
            _id: i32,
        }
        fn even<'de, D: serde::Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
            let id: i32 = serde::Deserialize::deserialize(from)?;
            if id % 2 == 0 { Ok(id) } else { Err(serde::de::Error::custom("odd")) }
        }
        for (last, outcome) in [(2, Outcome::Ok), (1, Outcome::Error)] {
            let scene = Scene::new(&format!("stream-odd-{last}"));
            let people = scene.db().await.collection::<Even>("people");
            let mut stream = people.watch().await.unwrap();
            insert(&people.clone_with_type(), 0..3).await;
            for id in 0..=last {
                assert_eq!(stream.next().await.unwrap().is_ok(), id % 2 == 0);
            }
            drop(stream);
            let record = watches(scene).await.pop().unwrap();
            assert_eq!(record.outcome, Some(outcome));
            assert_eq!(record.error.is_some(), outcome == Outcome::Error);
        }
    }

    #[tokio::test]
    async fn an_invalidated_stream_ends_and_a_failed_one_says_why() {
        for capture in CAPTURES {
            let scene = scene("invalidate", capture);
            let db = scene.db().await;
            let people = db.collection::<Document>("people");
            insert(&people, 0..1).await;
            let mut stream = people.watch().await.unwrap();
            people.unwatched().drop().await.unwrap();
            let events: Vec<_> = (&mut stream).try_collect().await.unwrap();
            assert_eq!(events.len(), 2, "drop and invalidate");
            assert!(!stream.is_alive());
            let bad = [doc! { "$project": { "_id": 0 } }];
            let mut stream = people.watch().pipeline(bad).await.unwrap();
            insert(&people, 0..1).await;
            stream.next().await.unwrap().unwrap_err();
            drop(stream);
            people.watch().pipeline([doc! { "$nope": 1 }]).await.unwrap_err();
            let records = watches(scene).await;
            let outcomes: Vec<_> = records.iter().map(|record| record.outcome.unwrap()).collect();
            assert_eq!(outcomes, [Outcome::Ok, Outcome::Error, Outcome::Error], "{capture:?}");
            assert_eq!(records[0].counts.matched, Some(2));
        }
    }

    #[tokio::test]
    async fn streams_of_databases_clients_and_sessions_are_watched_too() {
        let scene = Scene::new("stream-scopes");
        let db = scene.db().await;
        let people = db.collection::<Document>("people");
        let mut of_db = db.watch().await.unwrap();
        let mut of_client = db.client().watch().await.unwrap();
        let mut session = db.client().start_session().await.unwrap();
        let mut in_session = people.watch().session(&mut session).await.unwrap();
        assert!(of_db.next_if_any().await.unwrap().is_none());
        insert(&people, 0..1).await;
        while of_db.next_if_any().await.unwrap().is_none() {}
        of_client.next().await.unwrap().unwrap();
        in_session.next(&mut session).await.unwrap().unwrap();
        assert!(in_session.resume_token().is_some());
        while in_session.next_if_any(&mut session).await.unwrap().is_some() {}
        drop((of_db, of_client, in_session));
        let records = watches(scene).await;
        assert_eq!(records.len(), 3);
        assert_eq!(records[0].counts.matched, Some(1));
        assert_eq!(records[2].counts.matched, Some(1));
        assert!(records.iter().all(|record| record.outcome == Some(Outcome::Ok)));
        assert_eq!(records[0].collection, None);
        assert_eq!(records[1].db, None);
        assert!(records[2].traffic.session_id.is_some());
    }

    #[tokio::test]
    async fn a_stream_dropped_while_it_waits_keeps_its_last_token() {
        let scene = Scene::new("stream-waiting");
        let people = scene.db().await.collection::<Document>("people");
        let mut stream = people.watch().await.unwrap();
        insert(&people, 0..1).await;
        stream.next().await.unwrap().unwrap();
        let token = bson_of(&stream);
        assert!(stream.next().now_or_never().is_none());
        // The driver refuses this while it waits; so does the mirror, without a panic.
        stream.next_if_any().await.unwrap_err();
        drop(stream);
        let record = watches(scene).await.pop().unwrap();
        assert_eq!(record.phase, Phase::Final);
        assert_eq!(record.resume_token.as_deref(), Some(&token));
    }
}
