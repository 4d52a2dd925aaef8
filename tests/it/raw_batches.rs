//! Cursors that give raw batches: one record, which counts the documents in them.

mod needs_server {
    use futures_util::{StreamExt, TryStreamExt};
    use mongowatch::{
        Capture, Outcome, Phase,
        bson::{Document, doc},
        layer::Versions,
        raw_batch_cursor::RawBatchCursor,
    };

    use crate::scene::{Scene, Seen, lines, only};

    const MODES: [Capture; 3] = [Capture::Operations, Capture::Spans, Capture::Commands];

    async fn fill(scene: &Scene, n: i32) {
        let numbers = scene.bare().await.collection::<Document>("numbers");
        numbers.insert_many((0..n).map(|n| doc! { "_id": n })).await.unwrap();
    }

    async fn filled(name: &str, capture: Capture, n: i32) -> Scene {
        let scene = Scene::with(&format!("raw-{name}-{capture:?}"), |b| b.capture(capture));
        fill(&scene, n).await;
        scene
    }

    async fn find(scene: &Scene) -> RawBatchCursor {
        let numbers = scene.db().await.collection::<Document>("numbers");
        numbers.find(doc! {}).batch_size(10).batch().await.unwrap()
    }

    #[tokio::test]
    async fn all_batches_are_one_record_with_the_number_of_documents() {
        for capture in MODES {
            let scene = filled("all", capture, 35).await;
            let batches: Vec<_> = find(&scene).await.try_collect().await.unwrap();
            assert_eq!(batches.len(), 4);
            let record = only(scene.finish().await);
            assert_eq!(record.operation, "find");
            assert_eq!(record.outcome, Some(Outcome::Ok));
            assert_eq!(record.counts.matched, Some(35));
            if capture != Capture::Operations {
                assert_eq!(record.traffic.batches, Some(4));
            }
        }
    }

    #[tokio::test]
    async fn an_update_comes_out_with_each_batch_that_was_waited_for() {
        let all = Seen::default();
        let layer = all.clone();
        let scene = Scene::with("raw-updates", |b| b.foreign_layer_of("all", Versions::All, layer));
        fill(&scene, 25).await;
        assert_eq!(find(&scene).await.count().await, 3);
        scene.finish().await;
        let versions: Vec<_> =
            all.records().iter().map(|version| (version.phase, version.counts.matched)).collect();
        assert_eq!(
            versions,
            [
                (Phase::First, None),
                (Phase::Update, Some(20)),
                (Phase::Update, Some(25)),
                (Phase::Final, Some(25)),
            ]
        );
    }

    #[tokio::test]
    async fn dropping_it_half_way_cancels_its_record_and_after_the_last_batch_does_not() {
        for capture in MODES {
            let scene = filled("half", capture, 15).await;
            let client = scene.client().await;
            let numbers = client.database(scene.database()).collection::<Document>("numbers");
            for n_batches in [0, 1, 2] {
                let mut batches = numbers.find(doc! {}).batch_size(10).batch().await.unwrap();
                for _ in 0..n_batches {
                    batches.next().await.unwrap().unwrap();
                }
            }
            // The driver kills the cursors from tasks of its own: that must not open a record.
            client.shutdown().await;
            let records = scene.finish().await;
            assert_eq!(
                lines(&records),
                "mongowatch.cursor find numbers cancelled matched=0\n\
                 mongowatch.cursor find numbers cancelled matched=10\n\
                 mongowatch.cursor find numbers ok matched=15\n",
                "{capture:?}"
            );
        }
    }

    #[tokio::test]
    async fn in_a_session_its_streams_belong_to_one_record() {
        for capture in MODES {
            let scene = filled("session", capture, 35).await;
            let client = scene.client().await;
            let numbers = client.database(scene.database()).collection::<Document>("numbers");
            let mut session = client.start_session().await.unwrap();
            let find = numbers.find(doc! {}).batch_size(10).session(&mut session);
            let mut batches = find.batch().await.unwrap();
            assert!(batches.stream(&mut session).try_next().await.unwrap().is_some());
            assert_eq!(batches.stream(&mut session).count().await, 3);
            drop(batches);
            let record = only(scene.finish().await);
            assert_eq!(record.outcome, Some(Outcome::Ok));
            assert_eq!(record.counts.matched, Some(35));
        }
    }

    #[tokio::test]
    async fn an_error_in_a_later_batch_troubles_the_record() {
        for capture in MODES {
            let scene = filled("error", capture, 25).await;
            let batches = find(&scene).await;
            let fail = doc! { "failCommands": ["getMore"], "errorCode": 2 };
            let fail_point = scene.fail(doc! { "times": 1 }, fail).await;
            let results: Vec<_> = batches.collect().await;
            fail_point.off().await.unwrap();
            // The driver goes on when it is asked.
            assert_eq!(results.len(), 4);
            assert!(results[1].is_err());
            let record = only(scene.finish().await);
            assert_eq!(record.outcome, Some(Outcome::Error));
            assert_eq!(record.error.as_ref().unwrap().code, Some(2));
            assert_eq!(record.counts.matched, Some(25));
        }
    }
}
