//! Plain driver clients that the watcher is attached to: raw traffic, one record an operation.

mod needs_server {
    use std::{sync::Arc, time::Duration};

    use expect_test::expect;
    use futures_util::{StreamExt, TryStreamExt};
    use mongodb::{
        event::{EventHandler, command::CommandEvent},
        options::{ClientOptions, UpdateOptions},
    };
    use mongowatch::{
        Capture, Field, Outcome, Phase, Watcher,
        bson::{Bson, Document, doc},
    };

    use crate::{
        scene::{Scene, Seen, lines, only},
        server::Server,
    };

    /// The same work through door B and door C.
    async fn work(db: &mongodb::Database) {
        let people = db.collection::<Document>("people");
        people.insert_many((0..30).map(|n| doc! { "_id": n, "age": n })).await.unwrap();
        people.insert_one(doc! { "_id": 1 }).await.unwrap_err();
        people.insert_many([doc! { "_id": 40 }, doc! { "_id": 1 }]).await.unwrap_err();
        people
            .find(doc! { "age": { "$lt": 5 } })
            .await
            .unwrap()
            .try_collect::<Vec<_>>()
            .await
            .unwrap();
        people.find_one(doc! {}).await.unwrap();
        people
            .update_many(doc! { "age": { "$gt": 20 } }, doc! { "$inc": { "age": 1 } })
            .await
            .unwrap();
        let upsert = UpdateOptions::builder().upsert(true).build();
        let update = people.update_one(doc! { "_id": 77 }, doc! { "$set": { "age": 1 } });
        update.with_options(upsert).await.unwrap();
        people.delete_many(doc! { "age": { "$lt": 2 } }).await.unwrap();
        people.find_one_and_update(doc! { "_id": 5 }, doc! { "$inc": { "age": 1 } }).await.unwrap();
        people.find_one_and_delete(doc! { "_id": 6 }).await.unwrap();
        people.count_documents(doc! {}).await.unwrap();
        people.distinct("age", doc! {}).await.unwrap();
        db.run_command(doc! { "ping": 1 }).await.unwrap();
        people.drop().await.unwrap();
    }

    #[tokio::test]
    async fn command_events_give_counts_and_outcomes() {
        let scene = Scene::new("attach-work");
        work(&scene.attached(Capture::Commands).await).await;
        let records = scene.finish().await;
        expect![[r#"
            mongowatch.command insert people ok inserted=30
            mongowatch.command insert people error code=11000 inserted=0
            mongowatch.command insert people partial code=11000 inserted=1
            mongowatch.command find people ok
            mongowatch.command find people ok
            mongowatch.command update people ok matched=9 modified=9
            mongowatch.command update people ok matched=0 upserted=1 modified=0
            mongowatch.command delete people ok deleted=3
            mongowatch.command find_and_modify people ok matched=1
            mongowatch.command find_and_modify people ok matched=1 deleted=1
            mongowatch.command aggregate people ok
            mongowatch.command distinct people ok matched=27
            mongowatch.command ping - ok
            mongowatch.command drop people ok
        "#]]
        .assert_eq(&lines(&records));
        let get = |record: usize, field| Bson::from(records[record].get(field));
        assert_eq!(get(3, Field::Filter), doc! { "age": { "$lt": 5 } }.into());
        assert_eq!(get(3, Field::ReturnedCount), Bson::Int64(5));
        assert_eq!(get(3, Field::Batches), Bson::Int64(1));
        assert_eq!(get(5, Field::Update), doc! { "$inc": { "age": 1 } }.into());
        assert_eq!(get(2, Field::InsertedIds), vec![Bson::Int32(40)].into());
        assert_eq!(get(6, Field::InsertedIds), vec![Bson::Int32(77)].into());
        for record in &records {
            let traffic = &record.traffic;
            assert_eq!(traffic.attempts, Some(1));
            assert_eq!(traffic.request_ids.len(), 1);
            assert!(
                traffic.request_bytes > Some(40) && traffic.reply_bytes > Some(40)
                    || record.error.is_some()
            );
            assert!(traffic.server.is_some() && traffic.connection_id.is_some());
            assert!(traffic.session_id.is_some() && traffic.server_connection_id.is_some());
        }
    }

    #[tokio::test]
    async fn spans_give_the_operations_without_counts() {
        let scene = Scene::new("spans-work");
        work(&scene.attached(Capture::Spans).await).await;
        let records = scene.finish().await;
        expect![[r#"
            mongowatch.command insert people ok
            mongowatch.command insert people error
            mongowatch.command insert people error
            mongowatch.command find people ok
            mongowatch.command find people ok
            mongowatch.command update people ok
            mongowatch.command update people ok
            mongowatch.command delete people ok
            mongowatch.command find_and_modify people ok
            mongowatch.command find_and_modify people ok
            mongowatch.command aggregate people ok
            mongowatch.command distinct people ok
            mongowatch.command ping - ok
            mongowatch.command drop_collection people ok
        "#]]
        .assert_eq(&lines(&records));
        for record in &records {
            let traffic = &record.traffic;
            assert_eq!(traffic.attempts, Some(1), "{record:?}");
            assert!(traffic.server.is_some() && traffic.connection_id.is_some());
            assert!(traffic.session_id.is_some() && traffic.server_connection_id.is_some());
        }
    }

    #[tokio::test]
    async fn a_find_joins_its_get_mores() {
        let scene = Scene::new("join");
        let numbers = scene.attached(Capture::Commands).await.collection::<Document>("numbers");
        numbers.insert_many((0..100).map(|n| doc! { "_id": n })).await.unwrap();
        let cursor = numbers.find(doc! {}).batch_size(10).await.unwrap();
        assert_eq!(cursor.try_collect::<Vec<_>>().await.unwrap().len(), 100);
        let records = scene.finish().await;
        assert_eq!(
            lines(&records),
            "mongowatch.command insert numbers ok inserted=100\nmongowatch.command find numbers ok\n"
        );
        let traffic = &records[1].traffic;
        assert_eq!(
            (traffic.returned, traffic.batches, traffic.attempts),
            (Some(100), Some(11), Some(11))
        );
    }

    #[tokio::test]
    async fn killing_a_cursor_cancels_its_record() {
        let scene = Scene::new("kill");
        let db = scene.attached(Capture::Commands).await;
        let numbers = db.collection::<Document>("numbers");
        numbers.insert_many((0..100).map(|n| doc! { "_id": n })).await.unwrap();
        let mut cursor = numbers.find(doc! {}).batch_size(10).await.unwrap();
        cursor.next().await.unwrap().unwrap();
        drop(cursor);
        db.client().clone().shutdown().await;
        let records = scene.finish().await;
        assert_eq!(records[1].outcome, Some(Outcome::Cancelled), "{}", lines(&records));
        assert_eq!(records[1].traffic.returned, Some(10));
        assert_eq!(records.len(), 2, "{}", lines(&records));
    }

    #[tokio::test]
    async fn a_leaked_cursor_expires() {
        let scene = Scene::with("leak", |b| {
            let mut queue = mongowatch::QueueSettings::default();
            queue.timeout = Duration::from_millis(30);
            b.queue(queue)
        });
        let db = scene.attached(Capture::Commands).await;
        let numbers = db.collection::<Document>("numbers");
        numbers.insert_many((0..100).map(|n| doc! { "_id": n })).await.unwrap();
        let cursor = numbers.find(doc! {}).batch_size(10).await.unwrap();
        std::mem::forget(cursor);
        let expired = loop {
            tokio::task::yield_now().await;
            let records = scene.seen.records();
            // On a busy machine the insert may expire too, before it ends.
            let is_expired = |record: &mongowatch::WatchMessage| {
                record.phase == Phase::Timeout && record.operation == "find"
            };
            if let Some(record) = records.into_iter().find(is_expired) {
                break record;
            }
        };
        assert_eq!(expired.traffic.returned, Some(10));
        let stats = scene.watcher.shutdown().await.unwrap();
        assert!(stats.is_balanced(), "{stats:#?}");
        assert_eq!(stats.open, 1);
    }

    #[tokio::test]
    async fn retries_join_the_operation_that_they_repeat() {
        for (capture, name) in [(Capture::Commands, "retry-b"), (Capture::Spans, "retry-c")] {
            let scene = Scene::new(name);
            let people = scene.attached(capture).await.collection::<Document>("people");
            let close = |command: &str| doc! { "failCommands": [command], "closeConnection": true };
            let fail_point = scene.fail(doc! { "times": 1 }, close("insert")).await;
            people.insert_one(doc! {}).await.unwrap();
            fail_point.off().await.unwrap();
            let fail_point = scene.fail(doc! { "times": 1 }, close("find")).await;
            people.find_one(doc! {}).await.unwrap();
            fail_point.off().await.unwrap();
            let fail_point = scene.fail(doc! { "times": 2 }, close("find")).await;
            people.find_one(doc! {}).await.unwrap_err();
            fail_point.off().await.unwrap();
            people.find_one(doc! {}).await.unwrap();
            let records = scene.finish().await;
            let told: Vec<_> = records
                .iter()
                .map(|record| (record.operation.as_ref(), record.outcome, record.traffic.attempts))
                .collect();
            assert_eq!(
                told,
                [
                    ("insert", Some(Outcome::Ok), Some(2)),
                    ("find", Some(Outcome::Ok), Some(2)),
                    ("find", Some(Outcome::Error), Some(2)),
                    ("find", Some(Outcome::Ok), Some(1)),
                ],
                "{name}"
            );
        }
    }

    #[tokio::test]
    async fn spans_tell_what_was_cancelled_and_what_was_not_sent() {
        let scene = Scene::new("spans-ends");
        let people = scene.attached(Capture::Spans).await.collection::<Document>("people");
        people.insert_one(doc! { "_id": 1 }).await.unwrap();
        let slow = people.find_one(doc! { "$where": "sleep(300) || true" }).into_future();
        tokio::time::timeout(Duration::from_millis(50), slow).await.unwrap_err();
        let mut options = scene.options().await;
        // Nobody listens on the discard port.
        options.hosts = vec![mongodb::options::ServerAddress::parse("127.0.0.1:9").unwrap()];
        options.server_selection_timeout = Some(Duration::from_millis(50));
        scene.watcher.attach_spans(&mut options);
        let nowhere = mongodb::Client::with_options(options).unwrap();
        nowhere.list_database_names().await.unwrap_err();
        let records = scene.finish().await;
        let told: Vec<_> =
            records.iter().map(|record| (record.operation.as_ref(), record.outcome)).collect();
        assert_eq!(
            told,
            [
                ("insert", Some(Outcome::Ok)),
                ("find", Some(Outcome::Cancelled)),
                ("list_databases", Some(Outcome::NotSent)),
            ]
        );
        assert_eq!(records[2].error.as_ref().unwrap().name.as_deref(), Some("ServerSelection"));
    }

    #[tokio::test]
    async fn raw_handles_of_a_watched_client_are_recorded_beside_the_mirrored_calls() {
        for capture in [Capture::Spans, Capture::Commands] {
            let scene = Scene::with(&format!("raw-{capture:?}"), |b| b.capture(capture));
            let people = scene.db().await.collection::<Document>("people");
            people.insert_one(doc! {}).await.unwrap();
            people.unwatched().find_one(doc! {}).await.unwrap();
            people.find_one(doc! {}).await.unwrap();
            let records = scene.finish().await;
            let told: Vec<_> = records
                .iter()
                .map(|record| (record.watcher.as_str(), record.operation.as_ref()))
                .collect();
            assert_eq!(
                told,
                [
                    ("mongowatch.collection", "insert_one"),
                    ("mongowatch.command", "find"),
                    ("mongowatch.collection", "find_one"),
                ],
                "{capture:?}"
            );
        }
    }

    #[tokio::test]
    async fn the_applications_own_handlers_keep_working() {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(100);
        let called = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let counter = Arc::clone(&called);
        let count = move || {
            counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        };
        let async_count = count.clone();
        let handlers: [EventHandler<CommandEvent>; 3] = [
            EventHandler::callback(move |_| count()),
            EventHandler::async_callback(move |_| {
                let count = async_count.clone();
                Box::pin(async move { count() })
            }),
            sender.into(),
        ];
        let scene = Scene::new("handlers");
        for handler in handlers {
            let mut options = scene.options().await;
            options.command_event_handler = Some(handler);
            scene.watcher.attach(&mut options);
            let client = mongodb::Client::with_options(options).unwrap();
            client.database("admin").run_command(doc! { "ping": 1 }).await.unwrap();
        }
        assert!(receiver.recv().await.is_some() && receiver.recv().await.is_some());
        while called.load(std::sync::atomic::Ordering::Relaxed) < 4 {
            tokio::task::yield_now().await;
        }
        assert_eq!(scene.finish().await.len(), 3);
    }

    #[tokio::test]
    async fn credentials_are_in_no_record_of_raw_traffic() {
        for (capture, name) in
            [(Capture::Commands, "raw-secret-b"), (Capture::Spans, "raw-secret-c")]
        {
            let scene = Scene::new(name);
            let db = scene.attached(capture).await;
            let create = doc! { "createUser": "eve", "pwd": "s3cr3t", "roles": [] };
            db.run_command(create.clone()).await.unwrap();
            db.run_command(create).await.unwrap_err();
            scene.bare().await.run_command(doc! { "dropUser": "eve" }).await.unwrap();
            let records = scene.finish().await;
            let told: Vec<_> =
                records.iter().map(|record| (record.operation.as_ref(), record.outcome)).collect();
            assert_eq!(
                told,
                [("create_user", Some(Outcome::Ok)), ("create_user", Some(Outcome::Error))]
            );
            for record in &records {
                for field in Field::ALL {
                    let value = Bson::from(record.get(*field)).to_string();
                    assert!(
                        !value.contains("s3cr3t") && !value.contains("eve"),
                        "{field}: {value}"
                    );
                }
            }
        }
    }

    /// Within a transaction the driver repeats nothing: a second insert is not the first one again.
    #[tokio::test]
    async fn a_failure_in_a_transaction_is_not_taken_for_a_retry() {
        let scene = Scene::new("txn");
        let db = scene.attached(Capture::Commands).await;
        db.create_collection("people").await.unwrap();
        let people = db.collection::<Document>("people");
        let mut session = db.client().start_session().await.unwrap();
        session.start_transaction().await.unwrap();
        let close = doc! { "failCommands": ["insert"], "closeConnection": true };
        let fail_point = scene.fail(doc! { "times": 1 }, close).await;
        people.insert_one(doc! {}).session(&mut session).await.unwrap_err();
        fail_point.off().await.unwrap();
        people.insert_one(doc! {}).session(&mut session).await.unwrap_err();
        session.abort_transaction().await.unwrap();
        let records = scene.finish().await;
        let told: Vec<_> = records
            .iter()
            .map(|record| (record.operation.as_ref(), record.outcome, record.traffic.attempts))
            .collect();
        assert_eq!(
            told[1..3],
            [("insert", Some(Outcome::Error), Some(1)), ("insert", Some(Outcome::Error), Some(1))]
        );
    }

    #[tokio::test]
    async fn a_write_concern_error_that_is_retried_is_one_record_and_counted_once() {
        for (capture, name) in [(Capture::Commands, "wce-b"), (Capture::Spans, "wce-c")] {
            let scene = Scene::new(name);
            let people = scene.attached(capture).await.collection::<Document>("people");
            let fail = doc! {
                "failCommands": ["insert"],
                "writeConcernError": { "code": 91, "errmsg": "shutting down" },
                "errorLabels": ["RetryableWriteError"],
            };
            let fail_point = scene.fail(doc! { "times": 1 }, fail).await;
            people.insert_one(doc! {}).await.unwrap();
            fail_point.off().await.unwrap();
            let record = only(scene.finish().await);
            assert_eq!((record.outcome, record.traffic.attempts), (Some(Outcome::Ok), Some(2)));
            if capture == Capture::Commands {
                assert_eq!(record.counts.inserted, Some(1));
            }
        }
    }

    /// The driver would have repeated the read, but its server was gone: the shutdown tells.
    #[tokio::test]
    async fn a_retry_that_never_goes_out_is_an_error_at_the_end() {
        for capture in [Capture::Commands, Capture::Spans] {
            let server = Server::start().unwrap();
            let seen = Seen::default();
            let watcher = Watcher::builder().foreign_layer("seen", seen.clone()).start().unwrap();
            let mut options = ClientOptions::parse(server.uri()).await.unwrap();
            options.server_selection_timeout = Some(Duration::from_millis(300));
            match capture {
                Capture::Spans => watcher.attach_spans(&mut options),
                _ => watcher.attach(&mut options),
            }
            let client = mongodb::Client::with_options(options).unwrap();
            let people = client.database("gone").collection::<Document>("people");
            people.insert_one(doc! {}).await.unwrap();
            let slow = tokio::spawn({
                let people = people.clone();
                async move { people.find_one(doc! { "$where": "sleep(2000) || true" }).await }
            });
            tokio::time::sleep(Duration::from_millis(200)).await;
            drop(server);
            slow.await.unwrap().unwrap_err();
            let stats = watcher.shutdown().await.unwrap();
            assert!(stats.is_balanced(), "{stats:#?}");
            assert_eq!(stats.open, 0, "{capture:?}");
            let records = seen.records();
            assert_eq!(records.len(), 2, "{}", lines(&records));
            assert_eq!(records[1].outcome, Some(Outcome::Error), "{capture:?}");
        }
    }

    #[tokio::test]
    async fn a_cancelled_wait_for_a_retry_is_cancelled_and_not_ok() {
        let server = Server::start().unwrap();
        let seen = Seen::default();
        let watcher = Watcher::builder().foreign_layer("seen", seen.clone()).start().unwrap();
        let mut options = ClientOptions::parse(server.uri()).await.unwrap();
        watcher.attach_spans(&mut options);
        let client = mongodb::Client::with_options(options).unwrap();
        let people = client.database("gone").collection::<Document>("people");
        people.insert_one(doc! {}).await.unwrap();
        let slow = tokio::spawn(async move {
            let slow = people.find_one(doc! { "$where": "sleep(3000) || true" }).into_future();
            tokio::time::timeout(Duration::from_millis(700), slow).await
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        drop(server);
        slow.await.unwrap().unwrap_err();
        watcher.shutdown().await.unwrap();
        let records = seen.records();
        assert_eq!(records[1].outcome, Some(Outcome::Cancelled), "{}", lines(&records));
    }

    /// The driver kills the cursor after the error; the record of the `find` has the error.
    #[tokio::test]
    async fn an_error_in_a_raw_cursor_is_one_record() {
        let scene = Scene::new("raw-later");
        let db = scene.attached(Capture::Commands).await;
        let numbers = db.collection::<Document>("numbers");
        numbers.insert_many((0..50).map(|n| doc! { "_id": n })).await.unwrap();
        for goes_on in [false, true] {
            let mut cursor = numbers.find(doc! {}).batch_size(10).await.unwrap();
            let fail = doc! { "failCommands": ["getMore"], "errorCode": 2 };
            let fail_point = scene.fail(doc! { "times": 1 }, fail).await;
            while let Some(number) = cursor.next().await {
                if number.is_err() && !goes_on {
                    break;
                }
            }
            fail_point.off().await.unwrap();
        }
        db.client().clone().shutdown().await;
        let records = scene.finish().await;
        assert_eq!(
            lines(&records),
            "mongowatch.command insert numbers ok inserted=50\n\
             mongowatch.command find numbers error code=2\n\
             mongowatch.command find numbers error code=2\n"
        );
        assert_eq!(records[1].traffic.returned, Some(10));
        assert_eq!(records[2].traffic.returned, Some(50));
    }

    /// Both doors of one client, by mistake or on purpose: the mirrored call is recorded once.
    #[tokio::test]
    async fn attaching_to_the_options_of_a_watched_client_doubles_nothing() {
        let scene = Scene::new("both");
        let mut options = scene.options().await;
        scene.watcher.attach(&mut options);
        let client = scene.watcher.client(options).unwrap();
        client.database("admin").run_command(doc! { "ping": 1 }).await.unwrap();
        let record = only(scene.finish().await);
        assert_eq!(record.traffic.attempts, Some(1));
    }

    #[tokio::test]
    async fn two_watchers_at_one_client_record_each_on_its_own() {
        let (inner, outer) = (Scene::new("inner"), Scene::new("outer"));
        let mut options = inner.options().await;
        inner.watcher.attach(&mut options);
        let client = outer.watcher.client(options).unwrap();
        client.database("admin").run_command(doc! { "ping": 1 }).await.unwrap();
        assert_eq!(lines(&inner.finish().await), "mongowatch.command ping - ok\n");
        assert_eq!(lines(&outer.finish().await), "mongowatch.database run_command - ok\n");
    }

    /// A provider that records nothing gives each span the context of its parent.
    #[tokio::test]
    async fn a_provider_that_records_nothing_mixes_no_operations_up() {
        use opentelemetry::{
            Context,
            context::FutureExt,
            trace::{
                SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState,
                noop::NoopTracerProvider,
            },
        };
        let scene = Scene::new("noop");
        let mut options = scene.options().await;
        let noop = NoopTracerProvider::new();
        let theirs = mongodb::otel::OpentelemetryOptions::builder().enabled(true);
        options.tracing = Some(theirs.tracer_provider(noop).build());
        scene.watcher.attach_spans(&mut options);
        let people = mongodb::Client::with_options(options)
            .unwrap()
            .database(scene.database())
            .collection::<Document>("people");
        people.insert_one(doc! {}).await.unwrap();
        let state = TraceState::default();
        let (trace, span) = (TraceId::from(5_u128), SpanId::from(77_u64));
        let remote = SpanContext::new(trace, span, TraceFlags::SAMPLED, true, state);
        let context = Context::new().with_remote_span_context(remote);
        let finds = (0..4).map(|n| {
            let slow = doc! { "$where": format!("sleep({}) || true", 20 + n * 10) };
            people.find_one(slow).into_future().with_context(context.clone())
        });
        for found in futures_util::future::join_all(finds).await {
            found.unwrap().unwrap();
        }
        let records = scene.finish().await;
        assert_eq!(records.len(), 5, "{}", lines(&records));
        for record in &records {
            assert_eq!((record.outcome, record.traffic.attempts), (Some(Outcome::Ok), Some(1)));
        }
    }

    /// What the driver tells the application's own provider is what it would tell without us.
    #[tokio::test]
    async fn the_applications_own_spans_keep_working() {
        use opentelemetry::{
            context::FutureExt,
            trace::{SpanId, TraceContextExt, Tracer, TracerProvider},
        };
        use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};

        let mut told = Vec::new();
        for watched in [false, true] {
            let exporter = InMemorySpanExporter::default();
            let provider =
                SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
            let scene = Scene::new(&format!("own-spans-{watched}"));
            let mut options = scene.options().await;
            let theirs = mongodb::otel::OpentelemetryOptions::builder().enabled(true);
            options.tracing = Some(theirs.tracer_provider(provider.clone()).build());
            if watched {
                scene.watcher.attach_spans(&mut options);
            }
            let client = mongodb::Client::with_options(options).unwrap();
            let people = client.database(scene.database()).collection::<Document>("people");
            let request = provider.tracer("application").start("request");
            let context = opentelemetry::Context::new().with_span(request);
            let work = async {
                people.insert_one(doc! { "_id": 1 }).await.unwrap();
                people.insert_one(doc! { "_id": 1 }).await.unwrap_err();
                people.find_one(doc! {}).await.unwrap();
            };
            work.with_context(context.clone()).await;
            drop(context);
            let spans = exporter.get_finished_spans().unwrap();
            let name_of = |id: SpanId| {
                let parent = spans.iter().find(|span| span.span_context.span_id() == id);
                parent.map_or("-", |span| span.name.split(' ').next().unwrap_or_default())
            };
            let names: Vec<_> = spans
                .iter()
                .map(|span| {
                    let name = span.name.split(' ').next().unwrap_or_default();
                    let n_attributes = span.attributes.len();
                    format!(
                        "{name} < {} {n_attributes} {:?}",
                        name_of(span.parent_span_id),
                        span.span_kind
                    )
                })
                .collect();
            told.push(names);
            let records = scene.finish().await;
            assert_eq!(records.len(), if watched { 3 } else { 0 }, "{}", lines(&records));
        }
        assert_eq!(told[0], told[1]);
        assert_eq!(told[0].len(), 7, "{told:#?}");
    }

    /// The server answers an unacknowledged write with a count of zero, whatever it does.
    #[tokio::test]
    async fn what_became_of_an_unacknowledged_write_is_unknown() {
        let scene = Scene::with("w0", |b| b.capture(Capture::Commands));
        let db = scene.db().await;
        let raw = db.unwatched();
        let none = doc! { "w": 0 };
        let insert = doc! { "insert": "people", "documents": [{ "_id": 1 }], "writeConcern": none };
        raw.run_command(insert.clone()).await.unwrap();
        raw.run_command(insert.clone()).await.unwrap();
        db.run_command(insert).await.unwrap();
        assert_eq!(
            lines(&scene.finish().await),
            "mongowatch.command insert people unknown\n\
             mongowatch.command insert people unknown\n\
             mongowatch.database run_command people unknown\n"
        );
    }

    #[tokio::test]
    async fn a_client_that_was_never_used_has_no_record() {
        let scene = Scene::new("unused");
        drop(scene.attached(Capture::Commands).await);
        drop(scene.client().await);
        assert!(scene.finish().await.is_empty());
        let scene = Scene::new("one-ping");
        scene.db().await.run_command(doc! { "ping": 1 }).await.unwrap();
        only(scene.finish().await);
    }
}
