//! Faults: whatever breaks, each operation has one final record, and the books balance.

mod needs_server {
    use std::{
        collections::BTreeMap,
        sync::{
            Arc,
            atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
        },
        time::Duration,
    };

    use futures_util::{StreamExt, TryStreamExt, future::join_all, stream};
    use mongodb::{error::Result, options::ClientOptions};
    use mongowatch::{
        Capture, Client, Collection, Database, Outcome, Stats, WatchMessage, Watcher,
        bson::{Document, doc},
    };
    use tokio::time::timeout;

    use crate::{
        scene::{Scene, Seen, lines, settle},
        server::Server,
    };

    const CAPTURES: [Capture; 3] = [Capture::Operations, Capture::Spans, Capture::Commands];

    /// What no test should ever wait for.
    const TOO_LONG: Duration = Duration::from_secs(100);

    /// What the application saw of its operations.
    #[derive(Default)]
    struct Told {
        ok: AtomicU64,
        failed: AtomicU64,
        cancelled: AtomicU64,
    }

    impl Told {
        fn add<T>(&self, result: &Result<T>) {
            let counter = if result.is_ok() { &self.ok } else { &self.failed };
            counter.fetch_add(1, SeqCst);
        }

        /// The records tell the same: so many operations, with the outcomes that the application saw.
        #[track_caller]
        fn check(&self, records: &[WatchMessage], what: &str) {
            let of = |outcomes: &[Outcome]| {
                let is_of = |record: &&WatchMessage| outcomes.contains(&record.outcome.unwrap());
                records.iter().filter(is_of).count() as u64
            };
            let told =
                [&self.ok, &self.failed, &self.cancelled].map(|counter| counter.load(SeqCst));
            let recorded = [
                of(&[Outcome::Ok]),
                // To the application a partial failure is a failure.
                of(&[Outcome::Error, Outcome::NotSent, Outcome::Partial]),
                of(&[Outcome::Cancelled]),
            ];
            assert_eq!(recorded, told, "{what}: ok, failed, cancelled");
            assert_eq!(records.len() as u64, told.iter().sum::<u64>(), "{what}");
        }
    }

    /// A watcher for a server of the test's own.
    struct Watched {
        watcher: Watcher,
        seen: Seen,
    }

    impl Watched {
        fn new(capture: Capture) -> Self {
            let seen = Seen::default();
            let builder = Watcher::builder().capture(capture);
            let watcher = builder.foreign_layer("seen", seen.clone()).start().unwrap();
            Self { watcher, seen }
        }

        async fn client(&self, server: &Server) -> Client {
            self.watcher.client(impatient(server).await).unwrap()
        }

        async fn finish(self) -> Vec<WatchMessage> {
            no_leak(settle(self.watcher, &self.seen).await)
        }
    }

    async fn impatient(server: &Server) -> ClientOptions {
        let mut options = ClientOptions::parse(server.uri()).await.unwrap();
        options.app_name = Some("faults".to_owned());
        options.server_selection_timeout = Some(Duration::from_millis(300));
        options
    }

    /// The final records, when no operation is left open and nothing was lost.
    #[track_caller]
    fn no_leak((records, stats): (Vec<WatchMessage>, Stats)) -> Vec<WatchMessage> {
        assert_eq!((stats.open, stats.dropped.total()), (0, 0), "{stats:#?}");
        records
    }

    async fn until(condition: impl Fn() -> bool) {
        let wait = async {
            while !condition() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(TOO_LONG, wait).await.unwrap();
    }

    /// Waits for what the driver does in tasks of its own, the killing of cursors for one. It may have to
    /// wait long for connections that were dropped half made, which is not what is tested here.
    async fn settled(shutdown: impl IntoFuture<Output = ()>) {
        // Whether it has ended or not.
        let _ = timeout(Duration::from_secs(1), shutdown.into_future()).await;
    }

    /// Inserts, updates and reads in several batches, until `is_mended` and a round goes well.
    async fn work(db: Database, told: Arc<Told>, is_mended: Arc<AtomicBool>) {
        let things = db.collection::<Document>("things");
        let numbers = db.collection::<Document>("numbers");
        loop {
            let is_last = is_mended.load(SeqCst);
            let inserted = things.insert_one(doc! {}).await;
            let updated = numbers.update_one(doc! { "_id": 1 }, doc! { "$inc": { "n": 1 } }).await;
            let found = async {
                let cursor = numbers.find(doc! {}).batch_size(10).await?;
                cursor.try_collect::<Vec<_>>().await
            };
            let found = found.await;
            told.add(&inserted);
            told.add(&updated);
            told.add(&found);
            if is_last && inserted.is_ok() && updated.is_ok() && found.is_ok() {
                return;
            }
            // The server, and the tests beside this one, want the processor too.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The same through a plain driver client, whose operations nobody counts.
    async fn raw_work(db: mongodb::Database, is_mended: Arc<AtomicBool>) {
        let things = db.collection::<Document>("things");
        let numbers = db.collection::<Document>("numbers");
        loop {
            let is_last = is_mended.load(SeqCst);
            let inserted = things.insert_one(doc! {}).await;
            let found = async {
                let cursor = numbers.find(doc! {}).batch_size(10).await?;
                cursor.try_collect::<Vec<_>>().await
            };
            if found.await.is_ok() && inserted.is_ok() && is_last {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets 102 tasks work, 34 in each capture mode, and some on raw handles, while the server breaks and
    /// is mended.
    async fn endure(
        break_it: impl AsyncFnOnce(Server) -> Server,
        mend_it: impl AsyncFnOnce(Server) -> Server,
    ) {
        let server = Server::start().unwrap();
        let bare = mongodb::Client::with_options(impatient(&server).await).unwrap();
        let numbers = bare.database("faults").collection::<Document>("numbers");
        numbers.insert_many((0..25).map(|n| doc! { "_id": n })).await.unwrap();

        let is_mended = Arc::new(AtomicBool::new(false));
        let mut tasks = Vec::new();
        let mut mirrored = Vec::new();
        for capture in CAPTURES {
            let (watched, told) = (Watched::new(capture), Arc::new(Told::default()));
            let db = watched.client(&server).await.database("faults");
            let task = |_| tokio::spawn(work(db.clone(), told.clone(), is_mended.clone()));
            tasks.extend((0..34).map(task));
            mirrored.push((watched, told, capture));
        }
        let mut raw = Vec::new();
        for capture in [Capture::Spans, Capture::Commands] {
            let watched = Watched::new(capture);
            let mut options = impatient(&server).await;
            match capture {
                Capture::Spans => watched.watcher.attach_spans(&mut options),
                _ => watched.watcher.attach(&mut options),
            }
            let client = mongodb::Client::with_options(options).unwrap();
            let task = |_| tokio::spawn(raw_work(client.database("faults"), is_mended.clone()));
            tasks.extend((0..10).map(task));
            raw.push((watched, client));
        }

        until(|| mirrored.iter().all(|(_, told, _)| told.ok.load(SeqCst) > 100)).await;
        let server = break_it(server).await;
        until(|| mirrored.iter().all(|(_, told, _)| told.failed.load(SeqCst) > 0)).await;
        let server = mend_it(server).await;
        is_mended.store(true, SeqCst);
        for task in timeout(TOO_LONG, join_all(tasks)).await.unwrap() {
            task.unwrap();
        }

        for (watched, told, capture) in mirrored {
            let records = watched.finish().await;
            told.check(&records, &format!("{capture:?}"));
            let retried = records.iter().filter(|record| {
                record.outcome == Some(Outcome::Ok)
                    && record.operation != "find"
                    && record.traffic.attempts > Some(1)
            });
            assert!(retried.into_iter().all(|record| record.traffic.attempts == Some(2)));
        }
        for (watched, client) in raw {
            client.shutdown().await;
            until(|| watched.watcher.stats().open == 0).await;
            watched.finish().await;
        }
        drop(server);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_hundred_tasks_outlive_the_death_of_their_server() {
        let kill = async |mut server: Server| {
            let killed = tokio::task::spawn_blocking(move || {
                server.kill().unwrap();
                server
            });
            killed.await.unwrap()
        };
        let restart = async |mut server: Server| {
            let restarted = tokio::task::spawn_blocking(move || {
                server.restart().unwrap();
                server
            });
            restarted.await.unwrap()
        };
        endure(kill, restart).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_hundred_tasks_outlive_a_stepdown_of_their_server() {
        async fn ask(server: Server, command: Document) -> Server {
            let mut options = ClientOptions::parse(server.uri()).await.unwrap();
            options.direct_connection = Some(true);
            let client = mongodb::Client::with_options(options).unwrap();
            client.database("admin").run_command(command).await.unwrap();
            server
        }
        let step_down =
            async |server| ask(server, doc! { "replSetStepDown": 60, "force": true }).await;
        let step_up = async |server| ask(server, doc! { "replSetFreeze": 0 }).await;
        endure(step_down, step_up).await;
    }

    /// Each retryable code once, with the label that the server gives it for writes; none stands for a
    /// connection that breaks. Sources: the driver specifications "Retryable Reads" and "Retryable
    /// Writes".
    const RETRYABLE: [Option<i32>; 14] = [
        None,
        Some(6),     // HostUnreachable
        Some(7),     // HostNotFound
        Some(89),    // NetworkTimeout
        Some(91),    // ShutdownInProgress
        Some(134),   // ReadConcernMajorityNotAvailableYet: of reads alone, but for the label
        Some(189),   // PrimarySteppedDown
        Some(262),   // ExceededTimeLimit
        Some(9001),  // SocketException
        Some(10107), // NotWritablePrimary
        Some(11600), // InterruptedAtShutdown
        Some(11602), // InterruptedDueToReplStateChange
        Some(13435), // NotPrimaryNoSecondaryOk
        Some(13436), // NotPrimaryOrSecondary
    ];

    fn failing(code: Option<i32>) -> Document {
        let mut data = doc! { "failCommands": ["find", "insert"], "appName": "faults" };
        match code {
            Some(code) => {
                data.insert("errorCode", code);
                data.insert("errorLabels", vec!["RetryableWriteError"]);
            }
            None => drop(data.insert("closeConnection", true)),
        }
        data
    }

    /// A reader and a writer in each capture mode, each with a client of its own: what goes wrong for
    /// one must not make the other wait.
    struct Pairs {
        watched: Vec<(Capture, Watched)>,
        collections: Vec<Collection<Document>>,
    }

    impl Pairs {
        async fn new(server: &Server) -> Self {
            let mut pairs = Self { watched: Vec::new(), collections: Vec::new() };
            for capture in CAPTURES {
                let watched = Watched::new(capture);
                for _ in 0..2 {
                    let mut options = impatient(server).await;
                    options.server_selection_timeout = Some(Duration::from_secs(20));
                    // After some of the errors the driver looks at the server no sooner than this.
                    options.heartbeat_freq = Some(Duration::from_millis(500));
                    let client = watched.watcher.client(options).unwrap();
                    pairs.collections.push(client.database("faults").collection("things"));
                }
                pairs.watched.push((capture, watched));
            }
            pairs
        }

        /// One read or write on each client, at the same time; tells which went well.
        async fn once(&self) -> Vec<bool> {
            let act = async |(n, things): (usize, &Collection<Document>)| match n % 2 {
                0 => things.find_one(doc! {}).await.is_ok(),
                _ => things.insert_one(doc! {}).await.is_ok(),
            };
            join_all(self.collections.iter().enumerate().map(act)).await
        }

        /// For each capture mode, outcome and attempts of each operation.
        async fn finish(self) -> Vec<(Capture, Vec<WatchMessage>)> {
            let mut all = Vec::new();
            for (capture, watched) in self.watched {
                all.push((capture, watched.finish().await));
            }
            all
        }
    }

    /// There is one fail point on a server, and six clients at it: which of them it fails, and whether it
    /// fails the first attempt or the second, is left to chance. What the application saw is not.
    #[tokio::test]
    async fn each_retryable_error_is_repeated_once_within_its_record() {
        let server = Server::start().unwrap();
        let pairs = Pairs::new(&server).await;
        pairs.once().await;
        let mut told = Vec::new();
        for code in RETRYABLE {
            let fail = doc! { "mode": { "times": 6 }, "data": failing(code) };
            let fail_point = server.fail_point(fail).await.unwrap();
            told.push(pairs.once().await);
            fail_point.off().await.unwrap();
        }
        let mut repeated = 0;
        for (mode, (capture, records)) in pairs.finish().await.into_iter().enumerate() {
            assert_eq!(records.len(), 2 * (RETRYABLE.len() + 1), "{capture:?}");
            for (n, code) in RETRYABLE.into_iter().enumerate() {
                let pair = &records[2 * (n + 1)..2 * (n + 2)];
                for (kind, operation) in ["find_one", "insert_one"].into_iter().enumerate() {
                    let record = pair.iter().find(|record| record.operation == operation).unwrap();
                    let went_well = told[n][2 * mode + kind];
                    let expected = if went_well { Outcome::Ok } else { Outcome::Error };
                    assert_eq!(record.outcome, Some(expected), "{capture:?} {code:?} {operation}");
                    let attempts = record.traffic.attempts;
                    match capture {
                        Capture::Operations => assert_eq!(attempts, None),
                        _ if went_well => assert!(matches!(attempts, Some(1 | 2)), "{code:?}"),
                        _ => assert_eq!(attempts, Some(2), "{capture:?} {code:?} {operation}"),
                    }
                    repeated += u32::from(went_well && attempts == Some(2));
                }
            }
        }
        // Mostly the six first attempts are those that fail: of 56 operations whose attempts are seen.
        assert!(repeated > 28, "{repeated}");
    }

    #[tokio::test]
    async fn an_error_that_comes_again_after_the_retry_is_one_record() {
        let server = Server::start().unwrap();
        let pairs = Pairs::new(&server).await;
        pairs.once().await;
        let codes = [None, Some(6), Some(91), Some(11602)];
        for code in codes {
            let fail = doc! { "mode": "alwaysOn", "data": failing(code) };
            let fail_point = server.fail_point(fail).await.unwrap();
            assert_eq!(pairs.once().await, [false; 6], "{code:?}");
            fail_point.off().await.unwrap();
        }
        // Without its label a write is not repeated, whatever its code.
        let mut unlabelled = failing(Some(91));
        unlabelled.insert("errorLabels", Vec::<String>::new());
        let fail = doc! { "mode": "alwaysOn", "data": unlabelled };
        let fail_point = server.fail_point(fail).await.unwrap();
        assert_eq!(pairs.once().await, [false; 6]);
        fail_point.off().await.unwrap();
        for (capture, records) in pairs.finish().await {
            let told: Vec<_> = records[2..]
                .iter()
                .map(|record| {
                    let code = record.error.as_ref().unwrap().code;
                    (
                        record.operation.as_ref(),
                        record.outcome.unwrap(),
                        code,
                        record.traffic.attempts,
                    )
                })
                .collect();
            let attempts = |n| if capture == Capture::Operations { None } else { Some(n) };
            let mut expected = Vec::new();
            for code in codes {
                expected.push(("find_one", Outcome::Error, code, attempts(2)));
                expected.push(("insert_one", Outcome::Error, code, attempts(2)));
            }
            expected.push(("find_one", Outcome::Error, Some(91), attempts(2)));
            expected.push(("insert_one", Outcome::Error, Some(91), attempts(1)));
            assert_eq!(told, expected, "{capture:?}");
        }
    }

    /// The application's patience ends before the server's work: by the server's clock, by that of the
    /// application, or while all connections are in use.
    #[tokio::test]
    async fn what_takes_too_long_has_one_record() {
        for capture in CAPTURES {
            let scene = Scene::with(&format!("too-long-{capture:?}"), |b| b.capture(capture));
            let mut options = scene.options().await;
            options.max_pool_size = Some(1);
            let db = scene.watcher.client(options).unwrap().database(scene.database());
            let things = db.collection::<Document>("things");
            things.insert_one(doc! { "_id": 1 }).await.unwrap();

            let slow = doc! { "$where": "sleep(5000) || true" };
            let limit = Duration::from_millis(30);
            things.find_one(slow).max_time(limit).await.unwrap_err();
            let fail = doc! { "failCommands": ["insert"], "errorCode": 50 };
            let fail_point = scene.fail("alwaysOn", fail).await;
            things.insert_one(doc! {}).await.unwrap_err();
            fail_point.off().await.unwrap();

            let block =
                doc! { "failCommands": ["update"], "blockConnection": true, "blockTimeMS": 300 };
            let fail_point = scene.fail("alwaysOn", block).await;
            let update = things.update_one(doc! {}, doc! { "$set": { "n": 1 } }).into_future();
            let waits = things.count_documents(doc! {}).into_future();
            let (updated, counted) = tokio::join!(timeout(limit, update), timeout(limit, waits));
            assert!(updated.is_err() && counted.is_err());
            fail_point.off().await.unwrap();

            let records = no_leak(scene.finish_with_stats().await);
            assert_eq!(
                lines(&records[1..]),
                "mongowatch.collection find_one things error code=50\n\
                 mongowatch.collection insert_one things error code=50\n\
                 mongowatch.collection update_one things cancelled\n\
                 mongowatch.collection count_documents things cancelled\n",
                "{capture:?}"
            );
            if capture != Capture::Operations {
                let attempts: Vec<_> =
                    records[1..].iter().map(|record| record.traffic.attempts).collect();
                assert_eq!(attempts, [Some(1), Some(1), Some(1), None], "{capture:?}");
            }
        }
    }

    /// All of them at once, so that the driver has ten thousand cursors to kill: their records are final
    /// by then, and no kill opens another. Once some six thousand did: only so many kills were expected.
    /// Only the command events show a kill, so that the other modes need no such crowd.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn ten_thousand_cursors_that_are_dropped_half_way_are_cancelled_once_each() {
        for capture in CAPTURES {
            let n_cursors = if capture == Capture::Commands { 10_000 } else { 500 };
            let scene = Scene::with(&format!("half-way-{capture:?}"), |b| b.capture(capture));
            let numbers = scene.bare().await.collection::<Document>("numbers");
            numbers.insert_many((0..6).map(|n| doc! { "_id": n })).await.unwrap();
            let client = scene.client().await;
            let numbers = client.database(scene.database()).collection::<Document>("numbers");
            let find = |_| numbers.find(doc! {}).batch_size(2).into_future();
            let mut cursors: Vec<_> = stream::iter(0..n_cursors)
                .map(find)
                .buffer_unordered(50)
                .try_collect()
                .await
                .unwrap();
            let mut n_read = 0;
            for (n, cursor) in cursors.iter_mut().enumerate() {
                // Most are dropped in their first batch, some after it, and some while they wait.
                let n_documents = match n % 20 {
                    18 => 3,
                    19 => 2,
                    n => n % 2,
                };
                for _ in 0..n_documents {
                    cursor.try_next().await.unwrap().unwrap();
                }
                n_read += n_documents as u64;
            }
            // Last, since each of the first ten keeps a connection.
            for cursor in cursors.iter_mut().skip(19).step_by(20) {
                // A server may be quicker than the first look at its answer.
                n_read += u64::from(futures_util::poll!(cursor.next()).is_ready());
            }
            assert_eq!(scene.watcher.stats().open, n_cursors as u64);
            drop(cursors);
            assert_eq!(scene.watcher.stats().open, 0);
            client.shutdown().await;
            let records = no_leak(scene.finish_with_stats().await);
            assert_eq!(records.len(), n_cursors, "{capture:?}: more records than cursors");
            assert!(records.iter().all(|record| record.outcome == Some(Outcome::Cancelled)));
            let matched = records.iter().filter_map(|record| record.counts.matched);
            assert_eq!(matched.sum::<u64>(), n_read, "{capture:?}");
            if capture == Capture::Commands {
                let returned = records.iter().filter_map(|record| record.traffic.returned);
                let n_batches = n_cursors + n_cursors / 20;
                assert_eq!(returned.sum::<u64>(), 2 * n_batches as u64);
            }
        }
    }

    /// Numbers that are the same in each run.
    struct Dice(u64);

    impl Dice {
        /// A number below `n` (the generator SplitMix64).
        fn roll(&mut self, n: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) % n
        }
    }

    const N_KINDS: u64 = 22;

    /// One operation, of one of the everyday kinds; a cursor is read to its end.
    async fn call(db: Database, kind: u64, n: i64) -> Result<()> {
        let things = db.collection::<Document>("things");
        let (one, more) = (doc! { "_id": n % 20 }, doc! { "$inc": { "n": 1 } });
        match kind {
            0 => drop(things.insert_one(doc! { "n": n }).await?),
            1 => drop(things.insert_many([doc! {}, doc! { "_id": n % 20 }]).await?),
            2 => drop(things.update_one(one, more).upsert(true).await?),
            3 => drop(things.update_many(doc! {}, more).await?),
            4 => drop(things.replace_one(one, doc! { "n": n }).await?),
            5 => _ = things.delete_one(one).await?,
            6 => _ = things.delete_many(doc! { "n": n }).await?,
            7 => drop(things.find_one(one).await?),
            8 => {
                let cursor = things.find(doc! {}).batch_size(5).limit(30).await?;
                cursor.try_collect::<Vec<_>>().await?;
            }
            9 => {
                let cursor = things.aggregate([doc! { "$limit": 30 }]).batch_size(5).await?;
                cursor.try_collect::<Vec<_>>().await?;
            }
            10 => drop(things.count_documents(one).await?),
            11 => drop(things.estimated_document_count().await?),
            12 => drop(things.distinct("n", one).await?),
            13 => drop(things.find_one_and_update(one, more).await?),
            14 => drop(things.find_one_and_replace(one, doc! { "n": n }).await?),
            15 => drop(things.find_one_and_delete(one).await?),
            16 => drop(things.list_indexes().await?.try_collect::<Vec<_>>().await?),
            17 => drop(things.list_index_names().await?),
            18 => drop(db.run_command(doc! { "ping": 1 }).await?),
            19 => {
                let find = doc! { "find": "things", "batchSize": 5, "limit": 30 };
                drop(db.run_cursor_command(find).await?.try_collect::<Vec<_>>().await?);
            }
            20 => drop(db.list_collection_names().await?),
            _ => drop(db.list_collections().await?.try_collect::<Vec<_>>().await?),
        }
        Ok(())
    }

    /// Runs a future until it has been polled so often, or so long; none when it was not ready.
    async fn cut_short<T>(future: impl Future<Output = T>, dice: &mut Dice) -> Option<T> {
        let mut future = Box::pin(future);
        // However fast the machine is: some are let through, and some are dropped after the first poll.
        let n_polls = match dice.roll(8) {
            0 => return Some(future.await),
            1..=3 => {
                let patience = Duration::from_micros(dice.roll(20_000));
                return timeout(patience, future).await.ok();
            }
            4 | 5 => 1,
            _ => 1 + dice.roll(8),
        };
        for _ in 0..n_polls {
            if let std::task::Poll::Ready(output) = futures_util::poll!(&mut future) {
                return Some(output);
            }
            tokio::task::yield_now().await;
        }
        None
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_thousand_futures_that_are_dropped_anywhere_have_one_record_each() {
        for capture in CAPTURES {
            let scene = Scene::with(&format!("anywhere-{capture:?}"), |b| b.capture(capture));
            let told = Arc::new(Told::default());
            let client = scene.client().await;
            let db = client.database(scene.database());
            let tasks = (0..10).map(|task| {
                let (db, told) = (db.clone(), Arc::clone(&told));
                tokio::spawn(async move {
                    let mut dice = Dice(task);
                    for n in 0..100 {
                        let future = call(db.clone(), dice.roll(N_KINDS), n);
                        match cut_short(future, &mut dice).await {
                            Some(result) => told.add(&result),
                            None => drop(told.cancelled.fetch_add(1, SeqCst)),
                        }
                    }
                })
            });
            join_all(tasks).await.into_iter().for_each(|task| task.unwrap());
            settled(client.shutdown()).await;
            let records = no_leak(scene.finish_with_stats().await);
            assert_eq!(records.len(), 1_000);
            told.check(&records, &format!("{capture:?}"));
            let cancelled = told.cancelled.load(SeqCst);
            assert!((100..1_000).contains(&cancelled), "{cancelled} of 1,000 were cancelled");
        }
    }

    #[tokio::test]
    async fn what_one_client_suffers_is_not_told_of_the_other() {
        for capture in CAPTURES {
            let scene = Scene::with(&format!("two-{capture:?}"), |b| b.capture(capture));
            let calm = scene.db().await.collection::<Document>("calm");
            let mut options = scene.options().await;
            options.app_name = Some(format!("{}-hit", scene.name));
            let hit = scene.watcher.client(options).unwrap();
            let hit = hit.database(scene.database()).collection::<Document>("hit");
            let fail = doc! {
                "mode": "alwaysOn",
                "data": { "failCommands": ["insert"], "errorCode": 6,
                          "errorLabels": ["RetryableWriteError"],
                          "appName": format!("{}-hit", scene.name) },
            };
            let fail_point = Server::shared().fail_point(fail).await.unwrap();
            let both = async |n: i32| {
                let (calm, hit) = tokio::join!(
                    calm.insert_one(doc! { "_id": n }),
                    hit.insert_one(doc! { "_id": n })
                );
                calm.unwrap();
                hit.unwrap_err();
            };
            for n in 0..3 {
                both(n).await;
            }
            fail_point.off().await.unwrap();
            let records = no_leak(scene.finish_with_stats().await);
            let mut n_of: BTreeMap<_, u64> = BTreeMap::new();
            for record in &records {
                let collection = record.collection.as_deref().unwrap().to_owned();
                let seen = (collection, record.outcome.unwrap().as_str(), record.traffic.attempts);
                *n_of.entry(seen).or_default() += 1;
            }
            let attempts = |n| if capture == Capture::Operations { None } else { Some(n) };
            let expected = [
                (("calm".to_owned(), "ok", attempts(1)), 3),
                (("hit".to_owned(), "error", attempts(2)), 3),
            ];
            assert_eq!(n_of, BTreeMap::from(expected), "{capture:?}");
        }
    }

    /// No command event tells that a future was dropped. The driver does one thing at a time in a session,
    /// and so a command that is under way when its session begins another one is over; until then, or until
    /// the client goes, its record is open.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn raw_futures_and_cursors_that_are_dropped_anywhere_leave_nothing_open() {
        for capture in [Capture::Spans, Capture::Commands] {
            let scene = Scene::new(&format!("raw-anywhere-{capture:?}"));
            let db = scene.attached(capture).await;
            let things = db.collection::<Document>("things");
            things.insert_many((0..30).map(|n| doc! { "_id": n })).await.unwrap();
            let mut dice = Dice(0);
            let mut n_cancelled = 0;
            for n in 0..200 {
                let (things, kind) = (things.clone(), dice.roll(3));
                let future = async move {
                    match kind {
                        0 => drop(things.insert_one(doc! { "n": n }).await?),
                        1 => drop(things.count_documents(doc! {}).await?),
                        _ => {
                            let find = things.find(doc! {}).batch_size(10).limit(30);
                            find.await?.try_collect::<Vec<_>>().await?;
                        }
                    }
                    Result::Ok(())
                };
                n_cancelled += u64::from(cut_short(future, &mut dice).await.is_none());
            }
            assert!((20..200).contains(&n_cancelled), "{n_cancelled}");
            // A full round of the sessions.
            let pings = (0..20).map(|_| db.run_command(doc! { "ping": 1 }).into_future());
            join_all(pings).await.into_iter().for_each(|pong| drop(pong.unwrap()));
            if capture == Capture::Commands {
                until(|| scene.watcher.stats().open == 0).await;
            }
            settled(db.client().clone().shutdown()).await;
            drop((db, things));
            until(|| scene.watcher.stats().open == 0).await;
            let records = no_leak(scene.finish_with_stats().await);
            let n_of = |operation: &str, outcome: Outcome| {
                let is_of = |record: &&WatchMessage| {
                    record.operation == operation && record.outcome == Some(outcome)
                };
                records.iter().filter(is_of).count() as u64
            };
            assert_eq!(n_of("kill_cursors", Outcome::Ok), 0, "{capture:?}");
            assert_eq!(n_of("ping", Outcome::Ok), 20, "{capture:?}");
            if capture == Capture::Commands {
                let n_told: u64 = ["insert", "aggregate", "find"]
                    .iter()
                    .map(|operation| n_of(operation, Outcome::Cancelled))
                    .sum();
                // Some were dropped before anything was sent.
                assert!(n_told > 0 && n_told <= n_cancelled, "{n_told} of {n_cancelled}");
                assert!(records.iter().all(|record| record.outcome != Some(Outcome::Unknown)));
            }
        }
    }

    /// What the driver does at one client, through the doors of two watchers: each has its own records.
    #[tokio::test]
    async fn two_watchers_at_one_client_tell_the_same_faults() {
        for (inner_capture, outer_capture) in [
            (Capture::Spans, Capture::Spans),
            (Capture::Commands, Capture::Commands),
            (Capture::Spans, Capture::Commands),
            (Capture::Commands, Capture::Spans),
        ] {
            let name = format!("watchers-{inner_capture:?}-{outer_capture:?}");
            let inner = Scene::new(&name);
            let outer = Scene::with(&name, |b| b.capture(outer_capture));
            let mut options = inner.options().await;
            match inner_capture {
                Capture::Spans => inner.watcher.attach_spans(&mut options),
                _ => inner.watcher.attach(&mut options),
            }
            let client = outer.watcher.client(options).unwrap();
            let things = client.database(inner.database()).collection::<Document>("things");
            things.insert_many((0..30).map(|n| doc! { "_id": n })).await.unwrap();
            let fail = doc! { "failCommands": ["find"], "errorCode": 6 };
            let fail_point = inner.fail(doc! { "times": 1 }, fail).await;
            things.find_one(doc! {}).await.unwrap();
            fail_point.off().await.unwrap();
            let slow = things.find_one(doc! { "$where": "sleep(300) || true" });
            timeout(Duration::from_millis(40), slow.into_future()).await.unwrap_err();
            let mut cursor = things.find(doc! {}).batch_size(10).await.unwrap();
            cursor.try_next().await.unwrap().unwrap();
            drop(cursor);
            things.find_one(doc! {}).await.unwrap();
            settled(client.shutdown()).await;
            drop(things);
            if inner_capture == Capture::Commands {
                until(|| inner.watcher.stats().open == 0).await;
            }
            let told = |records: &[WatchMessage]| -> Vec<_> {
                let told = |record: &WatchMessage| {
                    (record.operation.to_string(), record.outcome.unwrap(), record.traffic.attempts)
                };
                records.iter().map(told).collect()
            };
            let expected = |names: [&str; 5], cursor| {
                let outcomes = [
                    (Outcome::Ok, Some(1)),
                    (Outcome::Ok, Some(2)),
                    (Outcome::Cancelled, Some(1)),
                    (cursor, Some(1)),
                    (Outcome::Ok, Some(1)),
                ];
                let both = names.into_iter().zip(outcomes);
                both.map(|(name, (outcome, n))| (name.to_owned(), outcome, n)).collect::<Vec<_>>()
            };
            until(|| inner.watcher.stats().open == 0).await;
            let raw = ["insert", "find", "find", "find", "find"];
            // No span tells of the end of a raw cursor.
            let end =
                if inner_capture == Capture::Spans { Outcome::Unknown } else { Outcome::Cancelled };
            let records = no_leak(inner.finish_with_stats().await);
            assert_eq!(told(&records), expected(raw, end), "{name}");
            let mirrored = ["insert_many", "find_one", "find_one", "find", "find_one"];
            let records = no_leak(outer.finish_with_stats().await);
            assert_eq!(told(&records), expected(mirrored, Outcome::Cancelled), "{name}");
        }
    }

    /// The runtime goes in the middle of everything; what outlives it is dropped by a thread that has none.
    #[test]
    fn clients_and_cursors_that_outlive_their_runtime_leave_nothing_open() {
        for capture in CAPTURES {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let Watched { watcher, seen } = Watched::new(capture);
            let server = Server::shared();
            let name = server.database_name("outlive");
            let (things, cursors) = runtime.block_on(async {
                let options = ClientOptions::parse(server.uri()).await.unwrap();
                let db = watcher.client(options).unwrap().database(&name);
                let things = db.collection::<Document>("things");
                things.insert_many((0..30).map(|n| doc! { "_id": n })).await.unwrap();
                let find = async || things.find(doc! {}).batch_size(10).await.unwrap();
                let (unread, mut read, mut waits) = (find().await, find().await, find().await);
                read.try_next().await.unwrap().unwrap();
                for _ in 0..10 {
                    waits.try_next().await.unwrap().unwrap();
                }
                assert!(futures_util::poll!(waits.next()).is_pending());
                for _ in 0..10 {
                    let things = things.clone();
                    tokio::spawn(async move {
                        let slow = doc! { "$where": "sleep(1000) || true" };
                        drop(things.find_one(slow).await);
                    });
                }
                until(|| watcher.stats().operations == 14).await;
                (things, vec![unread, read, waits])
            });
            runtime.shutdown_background();
            let patience = std::time::Instant::now() + TOO_LONG;
            while watcher.stats().open > 3 && std::time::Instant::now() < patience {
                std::thread::yield_now();
            }
            assert_eq!(watcher.stats().open, 3, "{capture:?}: the cursors");
            drop(cursors);
            assert_eq!(watcher.stats().open, 0, "{capture:?}");
            drop(things);
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let records = no_leak(runtime.block_on(settle(watcher, &seen)));
            let (cancelled, ok): (Vec<_>, Vec<_>) =
                records.into_iter().partition(|record| record.outcome == Some(Outcome::Cancelled));
            assert_eq!((cancelled.len(), ok.len()), (13, 1), "{}", lines(&ok));
            let matched = cancelled.iter().filter_map(|record| record.counts.matched);
            assert_eq!(matched.sum::<u64>(), 11, "{capture:?}");
            runtime.block_on(async {
                let options = ClientOptions::parse(server.uri()).await.unwrap();
                let client = mongodb::Client::with_options(options).unwrap();
                client.database(&name).drop().await.unwrap();
            });
        }
    }
}
