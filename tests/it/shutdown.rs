//! Ends: of the watcher, of the runtime, of the server.

mod needs_server {
    use std::{fs, time::Duration};

    use futures_util::{TryStreamExt, future::join_all};
    use mongodb::options::ClientOptions;
    use mongowatch::{
        Capture, Outcome, Watcher,
        bson::{Document, doc},
        layer::{CsvSettings, LayerSettings},
    };

    use crate::{
        scene::{Scene, Seen, lines},
        server::Server,
    };

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_shutdown_in_the_middle_counts_what_comes_after_it() {
        let scene = Scene::new("middle");
        let db = scene.db().await;
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let things = db.collection::<Document>("things");
                tokio::spawn(async move {
                    for _ in 0..50 {
                        things.insert_one(doc! {}).await.unwrap();
                    }
                })
            })
            .collect();
        while scene.watcher.stats().emitted < 200 {
            tokio::task::yield_now().await;
        }
        let Scene { watcher, seen, .. } = scene;
        // The watcher's handle is gone, and its emitters still count.
        let at_shutdown = watcher.shutdown().await.unwrap();
        assert!(at_shutdown.is_balanced(), "{at_shutdown:#?}");
        // The application goes on, unharmed.
        join_all(tasks).await.into_iter().for_each(|task| task.unwrap());
        let things = db.collection::<Document>("things");
        assert_eq!(things.unwatched().count_documents(doc! {}).await.unwrap(), 1_000);
        assert_eq!(seen.records().len() as u64, at_shutdown.route("seen").unwrap().written);
        db.unwatched().drop().await.unwrap();
    }

    #[tokio::test]
    async fn open_operations_come_out_unfinished_at_a_shutdown() {
        let scene = Scene::new("open");
        let numbers = scene.db().await.collection::<Document>("numbers");
        numbers.insert_many((0..100).map(|n| doc! { "_id": n })).await.unwrap();
        let mut cursor = numbers.find(doc! {}).batch_size(10).await.unwrap();
        cursor.try_next().await.unwrap();
        let Scene { watcher, seen, .. } = scene;
        let stats = watcher.shutdown().await.unwrap();
        assert!(stats.is_balanced(), "{stats:#?}");
        assert_eq!(stats.open, 1);
        let records = seen.records();
        assert_eq!(
            lines(&records),
            "mongowatch.collection insert_many numbers ok inserted=100\n\
             mongowatch.cursor find numbers open\n"
        );
        numbers.unwatched().drop().await.unwrap();
    }

    /// An output that hangs, such as a pipe that nobody reads, holds the shutdown for its time, once.
    #[tokio::test]
    async fn a_shutdown_gives_up_when_its_time_runs_out() {
        struct Hangs;
        impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Hangs {
            fn on_event(
                &self,
                _: &tracing::Event<'_>,
                _: tracing_subscriber::layer::Context<'_, S>,
            ) {
                std::thread::sleep(Duration::from_secs(20));
            }
        }
        let watcher = Watcher::builder()
            .capture(Capture::Operations)
            .shutdown_timeout(Duration::from_millis(300))
            .foreign_layer("hangs", Hangs)
            .start()
            .unwrap();
        let options = ClientOptions::parse(Server::shared().uri()).await.unwrap();
        let client = watcher.client(options).unwrap();
        client.list_database_names().await.unwrap();
        drop(client);
        let began = std::time::Instant::now();
        let error = watcher.shutdown().await.unwrap_err();
        assert!(error.is_unfinished(), "{error}");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }

    #[test]
    fn any_time_to_shut_down_will_do() {
        for timeout in [Duration::ZERO, Duration::MAX] {
            let builder = Watcher::builder().shutdown_timeout(timeout);
            let watcher = builder.foreign_layer("seen", Seen::default()).start().unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            assert!(runtime.block_on(watcher.shutdown()).unwrap().is_balanced());
        }
    }

    /// Nobody calls `shutdown`: what was emitted is written when the last handle goes.
    #[tokio::test]
    async fn dropping_the_last_handle_writes_what_waits() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.csv");
        let watcher =
            Watcher::builder().layer(LayerSettings::Csv(CsvSettings::new(&path))).start().unwrap();
        let server = Server::shared();
        let options = ClientOptions::parse(server.uri()).await.unwrap();
        let client = watcher.client(options).unwrap();
        drop(watcher);
        let db = client.database(&server.database_name("last-handle"));
        for _ in 0..10 {
            db.collection::<Document>("things").insert_one(doc! {}).await.unwrap();
        }
        db.drop().await.unwrap();
        let unwatched = client.unwatched().clone();
        drop((client, db));
        // The driver's own tasks hold the client's handlers; they end with the client.
        unwatched.shutdown().await;
        let rows = || fs::read_to_string(&path).unwrap().lines().count();
        while rows() < 12 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(rows(), 12);
    }

    #[test]
    fn a_runtime_that_ends_before_the_watcher_loses_nothing() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let seen = Seen::default();
        let server = Server::shared();
        let name = server.database_name("runtime");
        let watcher = runtime.block_on(async {
            let watcher = Watcher::builder().foreign_layer("seen", seen.clone()).start().unwrap();
            let options = ClientOptions::parse(server.uri()).await.unwrap();
            let db = watcher.client(options).unwrap().database(&name);
            let things = db.collection::<Document>("things");
            things.insert_one(doc! {}).await.unwrap();
            // Dropped with the runtime, in the middle.
            tokio::spawn(async move {
                let slow = doc! { "$where": "sleep(1000) || true" };
                drop(things.find_one(slow).await);
            });
            tokio::time::sleep(Duration::from_millis(50)).await;
            watcher
        });
        runtime.shutdown_background();
        while watcher.stats().open > 0 {
            std::thread::yield_now();
        }
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let stats = runtime.block_on(watcher.shutdown()).unwrap();
        assert!(stats.is_balanced(), "{stats:#?}");
        assert_eq!(
            lines(&seen.records()),
            "mongowatch.collection insert_one things ok inserted=1\n\
             mongowatch.collection find_one things cancelled\n"
        );
        runtime.block_on(async {
            let options = ClientOptions::parse(server.uri()).await.unwrap();
            mongodb::Client::with_options(options).unwrap().database(&name).drop().await.unwrap();
        });
    }

    /// The server is killed while tasks work, and comes back: each operation has its record, with
    /// an error or without, and the books balance.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_server_that_is_killed_in_the_middle_leaves_one_record_for_each_operation() {
        for capture in [Capture::Spans, Capture::Commands] {
            let mut server = Server::start().unwrap();
            let seen = Seen::default();
            let watcher = Watcher::builder()
                .capture(capture)
                .foreign_layer("seen", seen.clone())
                .start()
                .unwrap();
            let mut options = ClientOptions::parse(server.uri()).await.unwrap();
            options.server_selection_timeout = Some(Duration::from_millis(300));
            let client = watcher.client(options).unwrap();
            let tasks: Vec<_> = (0..20)
                .map(|_| {
                    let things = client.database("killed").collection::<Document>("things");
                    tokio::spawn(async move {
                        let mut outcomes = (0_u64, 0_u64);
                        for _ in 0..60 {
                            match things.insert_one(doc! {}).await {
                                Ok(_) => outcomes.0 += 1,
                                Err(_) => outcomes.1 += 1,
                            }
                        }
                        outcomes
                    })
                })
                .collect();
            while watcher.stats().operations < 200 {
                tokio::task::yield_now().await;
            }
            let server = tokio::task::spawn_blocking(move || {
                server.kill().unwrap();
                std::thread::sleep(Duration::from_millis(500));
                server.restart().unwrap();
                server
            })
            .await
            .unwrap();
            let outcomes = join_all(tasks).await.into_iter().map(Result::unwrap);
            let (ok, failed) = outcomes.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            let stats = watcher.shutdown().await.unwrap();
            assert!(stats.is_balanced(), "{stats:#?}");
            assert_eq!((stats.operations, stats.open), (1_200, 0));
            let records = seen.records();
            let of = |outcomes: &[Outcome]| {
                let is_of = |record: &&mongowatch::WatchMessage| {
                    outcomes.contains(&record.outcome.unwrap())
                };
                records.iter().filter(is_of).count() as u64
            };
            assert_eq!(records.len(), 1_200);
            assert_eq!(of(&[Outcome::Ok]), ok);
            assert_eq!(of(&[Outcome::Error, Outcome::NotSent]), failed);
            assert!(failed > 0, "the server was not missed");
            drop(server);
        }
    }
}
