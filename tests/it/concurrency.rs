//! Many at once: nothing is lost and nothing is doubled.

mod needs_server {
    use std::{collections::BTreeSet, sync::Arc, time::Duration};

    use futures_util::{TryStreamExt, future::join_all};
    use mongowatch::{
        Capture, Outcome, QueueSettings, WhenFull,
        bson::{Document, doc},
    };

    use crate::scene::Scene;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_thousand_tasks_lose_and_double_no_record() {
        for capture in [Capture::Operations, Capture::Spans, Capture::Commands] {
            let scene = Scene::with(&format!("thousand-{capture:?}"), |b| b.capture(capture));
            let db = scene.db().await;
            let tasks = (0..1_000).map(|n| {
                let things = db.collection::<Document>("things");
                tokio::spawn(async move {
                    things.insert_one(doc! { "_id": n, "n": n % 7 }).await.unwrap();
                    things
                        .update_one(doc! { "_id": n }, doc! { "$inc": { "n": 1 } })
                        .await
                        .unwrap();
                    let found = things.find(doc! { "_id": n }).await.unwrap();
                    assert_eq!(found.try_collect::<Vec<_>>().await.unwrap().len(), 1);
                })
            });
            join_all(tasks).await.into_iter().for_each(|task| task.unwrap());
            let (records, stats) = scene.finish_with_stats().await;
            assert_eq!(records.len(), 3_000);
            assert!(records.iter().all(|record| record.outcome == Some(Outcome::Ok)));
            // The number of operations in the process has no gap.
            let seqs: BTreeSet<u64> = records.iter().map(|record| record.seq).collect();
            assert_eq!((seqs.first(), seqs.last(), seqs.len()), (Some(&1), Some(&3_000), 3_000));
            assert_eq!((stats.open, stats.dropped.total()), (0, 0));
            for (operation, inserted, matched) in [
                ("insert_one", Some(1), None),
                ("update_one", None, Some(1)),
                ("find", None, Some(1)),
            ] {
                let of_kind: Vec<_> =
                    records.iter().filter(|record| record.operation == operation).collect();
                assert_eq!(of_kind.len(), 1_000);
                for record in of_kind {
                    assert_eq!(
                        (record.counts.inserted, record.counts.matched),
                        (inserted, matched)
                    );
                    if capture != Capture::Operations {
                        assert_eq!(record.traffic.attempts, Some(1), "{operation}");
                    }
                }
            }
        }
    }

    /// A layer that is slower than the application, and a buffer of eight: the application waits.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_full_buffer_blocks_or_drops_as_the_settings_say_and_every_loss_is_counted() {
        for when_full in [WhenFull::Block, WhenFull::DropUpdates, WhenFull::DropNewest] {
            let scene = Scene::with(&format!("full-{when_full:?}"), |b| {
                let mut queue = QueueSettings::default();
                queue.when_full = when_full;
                b.queue(queue).buffer(8).foreign_layer("slow", Slow)
            });
            let db = scene.db().await;
            let tasks = (0..50).map(|_| {
                let things = db.collection::<Document>("things");
                tokio::spawn(async move {
                    for _ in 0..10 {
                        things.insert_one(doc! {}).await.unwrap();
                    }
                })
            });
            join_all(tasks).await.into_iter().for_each(|task| task.unwrap());
            drop(db);
            let seen = scene.seen.clone();
            let stats = scene.watcher.shutdown().await.unwrap();
            assert!(stats.is_balanced(), "{stats:#?}");
            assert_eq!((stats.operations, stats.emitted), (500, 1_000));
            let finals = seen.records().len();
            match when_full {
                WhenFull::Block => assert_eq!((stats.dropped.total(), finals), (0, 500)),
                // An insert has a first and a final version, and neither is an update.
                WhenFull::DropUpdates => assert_eq!((stats.dropped.total(), finals), (0, 500)),
                _ => assert!(stats.dropped.buffer_full > 0, "{stats:#?}"),
            }
        }
    }

    struct Slow;

    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Slow {
        fn on_event(&self, _: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[tokio::test]
    async fn two_clients_on_one_watcher_share_its_books() {
        let scene = Scene::new("two-clients");
        let (one, two) = (scene.client().await, scene.client().await);
        let ping = |client: &mongowatch::Client| {
            let db = client.database("admin");
            async move { db.run_command(doc! { "ping": 1 }).await.unwrap() }
        };
        tokio::join!(ping(&one), ping(&two), ping(&one));
        let records = scene.finish().await;
        assert_eq!(records.iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[tokio::test]
    async fn a_layer_that_panics_loses_only_the_records_at_which_it_did() {
        struct Panics;
        impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Panics {
            fn on_event(
                &self,
                event: &tracing::Event<'_>,
                _: tracing_subscriber::layer::Context<'_, S>,
            ) {
                let record = mongowatch::layer::record_of(event).unwrap();
                assert_ne!(record.seq, 2, "the second record is too much");
            }
        }
        let scene = Scene::with("panics", |b| b.foreign_layer("panics", Panics));
        let things = scene.db().await.collection::<Document>("things");
        for _ in 0..3 {
            things.insert_one(doc! {}).await.unwrap();
        }
        let (records, stats) = scene.finish_with_stats().await;
        assert_eq!(records.len(), 3);
        let route = stats.route("panics").unwrap();
        assert_eq!((route.written, route.failed), (2, 1));
    }

    #[tokio::test]
    async fn the_application_goes_on_when_the_disk_is_full() {
        let scene = Scene::with("disk", |b| {
            b.layer(mongowatch::layer::LayerSettings::Csv(mongowatch::layer::CsvSettings::new(
                "/dev/full",
            )))
        });
        let things = Arc::new(scene.db().await.collection::<Document>("things"));
        for _ in 0..100 {
            things.insert_one(doc! {}).await.unwrap();
        }
        let (records, stats) = scene.finish_with_stats().await;
        assert_eq!(records.len(), 100);
        let csv = stats.route("csv").unwrap();
        assert_eq!((csv.written, csv.failed), (0, 100), "{csv:#?}");
    }
}
