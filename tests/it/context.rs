//! Who and why: the context of operations, out of scopes and spans, required or not.

mod needs_server {
    use std::{sync::Arc, time::Duration};

    use futures_util::{TryStreamExt, future::join_all};
    use mongodb::options::{ClientOptions, Credential};
    use mongowatch::{
        Actor, Capture, Client, Collection, Comment, Context, ContextExt, ContextField,
        ContextRequirement, Field, Otherwise, Outcome, Value, WatchMessage,
        bson::{Bson, Document, doc},
        is_refused,
        layer::{ContextLayer, ContextSettings},
    };
    use tracing::{Instrument, info_span, instrument::WithSubscriber};
    use tracing_subscriber::{Registry, layer::SubscriberExt as _};

    use crate::scene::{Scene, only};

    const CAPTURES: [Capture; 3] = [Capture::Operations, Capture::Spans, Capture::Commands];

    /// A text field of a record, the id of an actor, or nothing.
    fn said(record: &WatchMessage, field: Field) -> String {
        match record.get(field) {
            Value::Str(text) => text.to_owned(),
            Value::Document(actor) if actor.contains_key("Kind") => {
                actor.get_str("ID").unwrap_or("-").to_owned()
            }
            Value::Document(document) => document.to_string(),
            Value::Array(names) => {
                let names: Vec<_> = names.iter().filter_map(Bson::as_str).collect();
                names.join(",")
            }
            _ => String::new(),
        }
    }

    /// Operation, actor, tenant and request id of each record.
    fn who(records: &[WatchMessage]) -> Vec<String> {
        let line = |record: &WatchMessage| {
            let [actor, tenant, request] =
                [Field::Actor, Field::Tenant, Field::RequestId].map(|field| said(record, field));
            format!("{} {actor}/{tenant}/{request}", record.operation)
        };
        records.iter().map(line).collect()
    }

    #[tokio::test]
    async fn records_carry_the_context_of_the_moment_at_which_they_begin() {
        for capture in CAPTURES {
            let scene = Scene::with(&format!("ctx-begin-{capture:?}"), |b| b.capture(capture));
            let things = scene.db().await.collection::<Document>("things");
            things.insert_one(doc! { "_id": 0 }).await.unwrap();
            let outer = Context::new().actor("alice").tenant("acme").request_id("r-1");
            // Built in one scope, awaited in another: what counts is the latter.
            let built =
                outer.clone().sync_scope(|| things.delete_one(doc! { "_id": 9 }).into_future());
            built.await.unwrap();
            outer
                .scope(async {
                    things.insert_one(doc! { "_id": 1 }).await.unwrap();
                    let inner = Context::new().actor(Actor::system("sweeper")).reason("old");
                    inner.scope(things.delete_many(doc! { "n": 1 }).into_future()).await.unwrap();
                    things.find_one(doc! {}).await.unwrap();
                    // A task has no context, unless it is carried along.
                    for carried in [false, true] {
                        let things = things.clone();
                        let work = async move { things.count_documents(doc! {}).await.map(drop) };
                        let task = if carried {
                            tokio::spawn(work.in_current_context())
                        } else {
                            tokio::spawn(work)
                        };
                        task.await.unwrap().unwrap();
                    }
                })
                .await;
            things.drop().await.unwrap();
            let records = scene.finish().await;
            assert_eq!(
                who(&records),
                [
                    "insert_one //",
                    "delete_one //",
                    "insert_one alice/acme/r-1",
                    "delete_many sweeper/acme/r-1",
                    "find_one alice/acme/r-1",
                    "count_documents //",
                    "count_documents alice/acme/r-1",
                    "drop //",
                ],
                "{capture:?}"
            );
            assert_eq!(said(&records[3], Field::Reason), "old");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_hundred_tasks_with_their_own_actors_never_mix() {
        let scene = Scene::new("ctx-hundred");
        let db = scene.db().await;
        let tasks = (0..100).map(|n| {
            let things = db.collection::<Document>(&format!("of-{n}"));
            let work = async move {
                for i in 0..5 {
                    things.insert_one(doc! { "i": i as i64 }).await.unwrap();
                    let other = things.clone();
                    let task = async move { other.find_one(doc! {}).await };
                    tokio::spawn(task.in_current_context()).await.unwrap().unwrap();
                    let cursor = things.find(doc! {}).batch_size(2).await.unwrap();
                    tokio::task::yield_now().await;
                    assert_eq!(cursor.try_collect::<Vec<_>>().await.unwrap().len(), i + 1);
                }
            };
            tokio::spawn(Context::new().actor(format!("of-{n}")).scope(work))
        });
        join_all(tasks).await.into_iter().for_each(|task| task.unwrap());
        let records = scene.finish().await;
        assert_eq!(records.len(), 1_500);
        for record in &records {
            assert_eq!(said(record, Field::Actor), record.collection.as_deref().unwrap());
        }
    }

    #[tokio::test]
    async fn a_cursor_keeps_the_context_of_its_start_and_so_does_what_is_cancelled() {
        for capture in CAPTURES {
            let scene = Scene::with(&format!("ctx-cursor-{capture:?}"), |b| b.capture(capture));
            let things = scene.db().await.collection::<Document>("things");
            let alice = || Context::new().actor("alice");
            let many = (0..10).map(|n| doc! { "_id": n });
            alice().scope(things.insert_many(many).into_future()).await.unwrap();
            let find = things.find(doc! {}).batch_size(2).into_future();
            let cursor = alice().scope(find).await.unwrap();
            let rest = Context::new().actor("bob").scope(cursor.try_collect::<Vec<_>>());
            assert_eq!(rest.await.unwrap().len(), 10);
            let slow = things.find_one(doc! { "$where": "sleep(200) || true" }).into_future();
            let cut_off = tokio::time::timeout(Duration::from_millis(50), alice().scope(slow));
            assert!(cut_off.await.is_err());
            let records = scene.finish().await;
            let alices = ["insert_many alice//", "find alice//", "find_one alice//"];
            assert_eq!(who(&records), alices, "{capture:?}");
            assert_eq!(records[2].outcome, Some(Outcome::Cancelled));
        }
    }

    #[tokio::test]
    async fn raw_traffic_has_its_context_too() {
        for capture in [Capture::Spans, Capture::Commands] {
            let scene = Scene::new(&format!("ctx-raw-{capture:?}"));
            let things = scene.attached(capture).await.collection::<Document>("things");
            let alice = Context::new().actor("alice").tenant("acme");
            let work = async {
                let many = (0..5).map(|n| doc! { "_id": n });
                things.insert_many(many).await.unwrap();
                things.find(doc! {}).batch_size(2).await.unwrap()
            };
            let cursor = alice.scope(work).await;
            let all: Vec<_> = cursor.try_collect().await.unwrap();
            assert_eq!(all.len(), 5);
            drop(things);
            let records = match capture {
                Capture::Commands => scene.finish().await,
                // No span tells that a raw cursor is exhausted: its record is open.
                _ => {
                    scene.drop_database().await;
                    let stats = scene.watcher.shutdown().await.unwrap();
                    assert!(stats.is_balanced());
                    scene.seen.records()
                }
            };
            assert_eq!(who(&records), ["insert alice/acme/", "find alice/acme/"], "{capture:?}");
        }
    }

    fn subscriber(layer: ContextLayer) -> impl tracing::Subscriber + Send + Sync {
        Registry::default().with(layer)
    }

    #[tokio::test]
    async fn the_application_s_spans_are_context() {
        let mut settings = ContextSettings::default();
        settings.span_fields.insert("shop.order".into(), ContextField::Labels);
        let scene = Scene::with("ctx-spans", |b| b.context(settings));
        let things = scene.db().await.collection::<Document>("things");
        let work = async {
            let request = info_span!(
                "request",
                request_id = "r-7",
                user.id = tracing::field::Empty,
                tenant = %"acme"
            );
            async {
                things.insert_one(doc! { "_id": 1 }).await.unwrap();
                // Known only when the request is authenticated.
                tracing::Span::current().record("user.id", 4711);
                things.find_one(doc! {}).await.unwrap();
                let job = info_span!("job", enduser.id = "bob", shop.order = 17, other = 1);
                things.find_one(doc! {}).into_future().instrument(job).await.unwrap();
                // Scopes go before spans; a span without context does not hide its parent's.
                let scoped =
                    Context::new().actor("carol").scope(things.find_one(doc! {}).into_future());
                scoped.instrument(info_span!("plain")).await.unwrap();
                // A task is in a span of the request, on whatever thread.
                let things = things.clone();
                let task = async move { things.find_one(doc! {}).await };
                let task = task.instrument(info_span!("task")).with_current_subscriber();
                tokio::spawn(task).await.unwrap().unwrap();
            }
            .instrument(request)
            .await;
            things.find_one(doc! {}).await.unwrap();
        };
        work.with_subscriber(subscriber(scene.watcher.context_layer())).await;
        let records = scene.finish().await;
        assert_eq!(
            who(&records),
            [
                "insert_one /acme/r-7",
                "find_one 4711/acme/r-7",
                "find_one bob/acme/r-7",
                "find_one carol/acme/r-7",
                "find_one 4711/acme/r-7",
                "find_one //",
            ]
        );
        assert_eq!(records[2].get(Field::Labels), Value::Document(&doc! { "shop.order": 17_i64 }));
    }

    #[cfg(feature = "tracing-opentelemetry")]
    #[tokio::test]
    async fn the_ids_of_trace_and_span_are_those_of_the_application_s_span() {
        use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
        use tracing_opentelemetry::OpenTelemetrySpanExt as _;

        for capture in CAPTURES {
            for is_active in [true, false] {
                let name = format!("ctx-otel-{capture:?}-{is_active}");
                let scene = Scene::with(&name, |b| b.capture(capture));
                let things = scene.db().await.collection::<Document>("things");
                let raw = scene.attached(capture).await.collection::<Document>("things");
                let provider = opentelemetry_sdk::trace::SdkTracerProvider::default();
                let tracing = tracing_opentelemetry::layer()
                    .with_tracer(provider.tracer("test"))
                    .with_context_activation(is_active);
                let work = async {
                    things.insert_one(doc! { "_id": 1 }).await.unwrap();
                    raw.find_one(doc! {}).await.unwrap();
                    let ids = tracing::Span::current().context().span().span_context().clone();
                    (ids.trace_id().to_string(), ids.span_id().to_string())
                };
                let work = async { work.instrument(info_span!("request")).await };
                let ids = work.with_subscriber(Registry::default().with(tracing)).await;
                let records = scene.finish().await;
                assert_eq!(records.len(), 2);
                for record in records {
                    let [trace, span] = [Field::TraceId, Field::SpanId].map(|id| said(&record, id));
                    assert_eq!((trace, span), ids, "{name} {}", record.operation);
                }
            }
        }
    }

    fn required(namespace: &str, otherwise: Otherwise) -> ContextRequirement {
        let fields = [ContextField::Actor, ContextField::Tenant];
        ContextRequirement::new(namespace.parse().unwrap(), fields, otherwise)
    }

    #[tokio::test]
    async fn what_is_missing_is_flagged_in_mirrored_calls_and_raw_traffic() {
        for capture in [Capture::Spans, Capture::Commands] {
            // Raw traffic cannot be refused.
            let rule = required("*", Otherwise::Flag);
            let raw_rule = required("*.raw", Otherwise::Refuse);
            let scene = Scene::with(&format!("ctx-flag-{capture:?}"), |b| {
                b.capture(capture).require_context(raw_rule).require_context(rule)
            });
            let db = scene.db().await;
            let things = db.collection::<Document>("things");
            things.insert_one(doc! {}).await.unwrap();
            let alice = || Context::new().actor("alice");
            alice().scope(things.find_one(doc! {}).into_future()).await.unwrap();
            alice().tenant("acme").scope(things.find_one(doc! {}).into_future()).await.unwrap();
            db.run_command(doc! { "ping": 1 }).await.unwrap();
            let raw = scene.attached(capture).await.collection::<Document>("raw");
            alice().scope(raw.insert_one(doc! {}).into_future()).await.unwrap();
            let records = scene.finish().await;
            let missing: Vec<_> = records.iter().map(|r| said(r, Field::MissingContext)).collect();
            assert_eq!(missing, ["Actor,Tenant", "Tenant", "", "Actor,Tenant", "Tenant"]);
            assert!(records.iter().all(|record| record.outcome == Some(Outcome::Ok)));
        }
    }

    /// Does it, and says whether it was refused.
    async fn refused<T: std::fmt::Debug>(
        call: impl IntoFuture<Output = mongodb::error::Result<T>>,
    ) -> String {
        let error = call.await.unwrap_err();
        assert!(is_refused(&error), "{error}");
        error.to_string()
    }

    #[tokio::test]
    async fn an_operation_without_its_context_is_refused_before_anything_is_sent() {
        for capture in CAPTURES {
            let scene = Scene::with(&format!("ctx-refuse-{capture:?}"), |b| {
                b.capture(capture)
                    .require_context(required("*.free", Otherwise::Flag))
                    .require_context(required("*ctx*.*", Otherwise::Refuse))
            });
            let db = scene.db().await;
            let things: Collection<Document> = db.collection("things");
            let whole = || Context::new().actor("alice").tenant("acme");
            whole().scope(things.insert_one(doc! { "_id": 1 }).into_future()).await.unwrap();

            let text = refused(things.insert_one(doc! { "_id": 2 })).await;
            let place = format!("`insert_one` on `{}.things` requires", scene.database());
            for part in
                [&*place, "`actor` and `tenant`", "Context::new().actor(..).tenant(..).scope("]
            {
                assert!(text.contains(part), "{part} is not in {text}");
            }
            let partly = Context::new().actor("alice").scope(refused(things.delete_many(doc! {})));
            assert!(partly.await.contains("requires `tenant` of its context"));
            refused(things.insert_many([doc! { "_id": 3 }])).await;
            refused(things.update_one(doc! {}, doc! { "$set": { "n": 1 } })).await;
            refused(things.find_one_and_delete(doc! {})).await;
            refused(things.find(doc! {})).await;
            refused(things.aggregate([doc! { "$out": "elsewhere" }])).await;
            refused(things.watch()).await;
            refused(things.drop()).await;
            refused(db.run_command(doc! { "create": "elsewhere" })).await;
            refused(db.drop()).await;
            db.collection::<Document>("free").insert_one(doc! {}).await.unwrap();

            // The server has seen nothing of it.
            let bare = scene.bare().await;
            let left = bare.collection::<Document>("things").find(doc! {}).await.unwrap();
            assert_eq!(left.try_collect::<Vec<_>>().await.unwrap(), [doc! { "_id": 1 }]);
            let mut names = bare.list_collection_names().await.unwrap();
            names.sort();
            assert_eq!(names, ["free", "things"]);

            let records = scene.finish().await;
            assert_eq!(records.len(), 13);
            for record in &records[1..12] {
                let error = record.error.as_deref().unwrap();
                assert_eq!(record.outcome, Some(Outcome::NotSent), "{}", record.operation);
                assert_eq!(error.name.as_deref(), Some("ContextRequired"));
                assert!(error.message.as_deref().unwrap().contains(&*record.operation));
                assert_eq!(record.traffic.attempts.unwrap_or(0), 0);
            }
            assert_eq!(said(&records[1], Field::MissingContext), "Actor,Tenant");
            assert_eq!(said(&records[2], Field::MissingContext), "Tenant");
            assert_eq!(records[12].outcome, Some(Outcome::Ok));
        }
    }

    #[tokio::test]
    async fn a_call_on_several_namespaces_is_under_the_rules_of_each() {
        let scene = Scene::with("ctx-bulk", |b| {
            b.require_context(required("*.kept", Otherwise::Refuse))
                .require_context(required("*.seen", Otherwise::Flag))
        });
        let client = scene.client().await;
        let insert = |name: &str| {
            let things = client.database(scene.database()).collection::<Document>(name);
            things.insert_one_model(doc! {}).unwrap()
        };
        refused(client.bulk_write(["free", "seen", "kept"].map(insert))).await;
        let kept = client.database(scene.database()).gridfs_bucket(None);
        kept.find(doc! {}).await.unwrap();
        // Whether the server knows `bulkWrite` or not.
        let _ = client.bulk_write(["free", "seen"].map(insert)).await;
        let records = scene.finish().await;
        let missing: Vec<_> = records.iter().map(|r| said(r, Field::MissingContext)).collect();
        assert_eq!(missing, ["Actor,Tenant", "", "Actor,Tenant"]);
        assert_eq!(records[0].error.as_ref().unwrap().name.as_deref(), Some("ContextRequired"));
        assert_ne!(
            records[2].error.as_ref().and_then(|e| e.name.as_deref()),
            Some("ContextRequired")
        );
    }

    #[tokio::test]
    async fn a_transaction_can_always_end() {
        let scene = Scene::with("ctx-txn", |b| b.require_context(required("*", Otherwise::Refuse)));
        let client = scene.client().await;
        let things = client.database(scene.database()).collection::<Document>("things");
        let whole = || Context::new().actor("alice").tenant("acme");
        let mut session = client.start_session().await.unwrap();
        for abort in [false, true] {
            session.start_transaction().await.unwrap();
            let insert = things.insert_one(doc! {}).session(&mut session).into_future();
            whole().scope(insert).await.unwrap();
            if abort {
                session.abort_transaction().await.unwrap();
            } else {
                session.commit_transaction().await.unwrap();
            }
        }
        let left = scene.bare().await.collection::<Document>("things");
        assert_eq!(left.count_documents(doc! {}).await.unwrap(), 1);
        let records = scene.finish().await;
        let missing: Vec<_> = records
            .iter()
            .map(|r| format!("{} {}", r.operation, said(r, Field::MissingContext)))
            .collect();
        assert_eq!(
            missing,
            [
                "insert_one ",
                "commit_transaction Actor,Tenant",
                "insert_one ",
                "abort_transaction Actor,Tenant"
            ]
        );
    }

    /// The entries of the server's profiler for a collection: operation and comment.
    async fn profiled(db: &mongodb::Database, collection: &str) -> Vec<(String, Option<Bson>)> {
        let namespace = format!("{}.{collection}", db.name());
        let profile = db.collection::<Document>("system.profile");
        let entries = profile.find(doc! { "ns": namespace }).sort(doc! { "ts": 1 }).await.unwrap();
        let entries: Vec<_> = entries.try_collect().await.unwrap();
        let entry = |entry: Document| {
            let command = entry.get_document("command").unwrap();
            (entry.get_str("op").unwrap().to_owned(), command.get("comment").cloned())
        };
        entries.into_iter().map(entry).collect()
    }

    #[tokio::test]
    async fn the_server_s_profiler_can_be_joined_to_the_records() {
        let scene = Scene::with("ctx-comment", |b| b.comment(Comment::WatchId));
        let bare = scene.bare().await;
        let things = scene.db().await.collection::<Document>("things");
        // The collection is there before the profiler sees it being made.
        bare.collection::<Document>("things").insert_one(doc! { "_id": 0 }).await.unwrap();
        bare.run_command(doc! { "profile": 2 }).await.unwrap();

        things.insert_one(doc! { "_id": 1 }).await.unwrap();
        things.insert_many((2..10).map(|n| doc! { "_id": n })).await.unwrap();
        things.update_many(doc! {}, doc! { "$set": { "n": 1 } }).await.unwrap();
        let cursor = things.find(doc! {}).batch_size(4).await.unwrap();
        assert_eq!(cursor.try_collect::<Vec<_>>().await.unwrap().len(), 10);
        let cursor = things.aggregate([doc! { "$match": {} }]).batch_size(6).await.unwrap();
        assert_eq!(cursor.try_collect::<Vec<_>>().await.unwrap().len(), 10);
        things.find_one(doc! {}).await.unwrap();
        things.find_one_and_delete(doc! { "_id": 1 }).await.unwrap();
        things.delete_one(doc! { "_id": 2 }).await.unwrap();
        things.count_documents(doc! {}).await.unwrap();
        things.distinct("n", doc! {}).await.unwrap();
        // The application's own comment stays.
        things.find_one(doc! {}).comment("mine").await.unwrap();

        bare.run_command(doc! { "profile": 0 }).await.unwrap();
        let entries = profiled(&bare, "things").await;
        let records = scene.finish().await;
        let mut joined = Vec::new();
        for (op, comment) in &entries {
            let id = comment.as_ref().and_then(Bson::as_str).unwrap_or_default();
            let record = records.iter().find(|record| record.id.to_string() == id);
            joined.push(match record {
                Some(record) => format!("{op} {}", record.operation),
                None => format!("{op} {id}"),
            });
        }
        assert_eq!(
            joined,
            [
                "insert insert_one",
                "insert insert_many",
                "update update_many",
                "query find",
                "getmore find",
                "getmore find",
                "command aggregate",
                "getmore aggregate",
                "query find_one",
                "command find_one_and_delete",
                "remove delete_one",
                "command count_documents",
                "command distinct",
                "query mine",
            ]
        );
        // What we add is no option of the application's.
        let options = |record: &WatchMessage| record.options.as_deref().map(Bson::to_string);
        assert_eq!(options(&records[0]), None);
        assert_eq!(options(&records[10]), Some(r#"{ "comment": "mine" }"#.to_owned()));
    }

    #[tokio::test]
    async fn by_default_no_comment_is_added() {
        let scene = Scene::new("ctx-no-comment");
        let bare = scene.bare().await;
        let things = scene.db().await.collection::<Document>("things");
        bare.run_command(doc! { "profile": 2 }).await.unwrap();
        things.find_one(doc! {}).await.unwrap();
        bare.run_command(doc! { "profile": 0 }).await.unwrap();
        assert_eq!(profiled(&bare, "things").await, [("query".to_owned(), None)]);
        assert!(only(scene.finish().await).context.is_none());
    }

    /// User, AuthSource, AppName, Service and ServiceVersion of a record.
    fn origin(record: &WatchMessage) -> [String; 5] {
        assert_eq!(record.get(Field::Pid), Value::Int(std::process::id().into()));
        assert!(!said(record, Field::Host).is_empty());
        [Field::User, Field::AuthSource, Field::AppName, Field::Service, Field::ServiceVersion]
            .map(|field| said(record, field))
    }

    #[tokio::test]
    async fn records_name_the_account_that_the_server_has_let_in() {
        let scene = Scene::with("ctx-account", |b| b.service("shop", "1.2"));
        let bare = scene.bare().await;
        let user = doc! { "createUser": "ann", "pwd": "secret", "roles": ["readWrite"] };
        bare.run_command(user).await.unwrap();
        let base = scene.options().await;
        // A server without access control checks the credentials all the same.
        let address = base.hosts[0].to_string();
        let uri = |path: &str| {
            format!("mongodb://ann:secret@{address}/{path}directConnection=true&appName=till")
        };
        let by_code = |source: Option<&str>| {
            let mut options = base.clone();
            let credential = Credential::builder().username("ann".to_owned());
            let credential = credential.password("secret".to_owned());
            options.credential = Some(credential.source(source.map(str::to_owned)).build());
            options
        };
        let db = scene.database();
        let in_uri = ClientOptions::parse(uri(&format!("?authSource={db}&"))).await.unwrap();
        let in_path = ClientOptions::parse(uri(&format!("{db}?"))).await.unwrap();
        let nobody = ClientOptions::parse(uri("?")).await.unwrap();
        let ping = async |client: Client| {
            client.database(db).run_command(doc! { "ping": 1 }).await.is_ok()
        };
        let mut let_in = Vec::new();
        for options in [in_uri, in_path, by_code(Some(db)), nobody, by_code(None), base.clone()] {
            let client = scene.watcher.client(options).unwrap();
            let_in.push(ping(client).await);
        }
        // `admin` is where the driver looks when nobody says where, and Ann is not there.
        assert_eq!(let_in, [true, true, true, false, false, true]);
        let mut attached = by_code(Some(db));
        scene.watcher.attach(&mut attached);
        let client = mongodb::Client::with_options(attached).unwrap();
        client.database(db).run_command(doc! { "ping": 1 }).await.unwrap();

        bare.run_command(doc! { "dropUser": "ann" }).await.unwrap();
        let (name, db) = (scene.name.clone(), db.to_owned());
        let records = scene.finish().await;
        let seen: Vec<_> = records.iter().map(origin).collect();
        let expect = |user: &str, source: &str, app: &str| {
            [user, source, app, "shop", "1.2"].map(str::to_owned)
        };
        assert_eq!(
            seen,
            [
                expect("ann", &db, "till"),
                expect("ann", &db, "till"),
                expect("ann", &db, &name),
                expect("ann", "admin", "till"),
                expect("ann", "admin", &name),
                expect("", "", &name),
                expect("ann", &db, &name),
            ]
        );
        assert_eq!(records[3].outcome, Some(Outcome::NotSent));
        let debug = format!("{records:?}");
        assert!(!debug.contains("secret"));
    }

    #[tokio::test]
    async fn an_account_outside_of_the_server_has_its_own_source() {
        let scene = Scene::new("ctx-x509");
        let mut options = scene.options().await;
        let x509 = mongodb::options::AuthMechanism::MongoDbX509;
        options.credential = Some(Credential::builder().mechanism(x509).build());
        let client = scene.watcher.client(options).unwrap();
        let ping = client.database("admin").run_command(doc! { "ping": 1 }).await;
        assert!(ping.is_err(), "the server has no certificates");
        let record = only(scene.finish().await);
        assert_eq!(origin(&record)[..2], ["".to_owned(), "$external".to_owned()]);
    }

    #[tokio::test]
    async fn one_context_is_shared_by_the_records_that_carry_it() {
        let scene = Scene::new("ctx-shared");
        let things = scene.db().await.collection::<Document>("things");
        let work = async {
            things.insert_one(doc! {}).await.unwrap();
            things.find_one(doc! {}).await.unwrap();
        };
        Context::new().actor("alice").labels(doc! { "a": 1 }).scope(work).await;
        let records = scene.finish().await;
        let [first, second] = [0, 1].map(|n| records[n].context.clone().unwrap());
        assert!(Arc::ptr_eq(&first, &second));
    }
}

#[test]
fn patterns_of_namespaces() {
    use mongowatch::NamespacePattern;

    for (pattern, matched, missed) in [
        ("shop.orders", &["shop.orders"][..], &["shop.order", "shop.orders2", "shop."][..]),
        ("shop.*", &["shop.orders", "shop.a.b", "shop."], &["shop2.orders", "."]),
        ("*.orders", &["shop.orders", "a.b.orders"], &["shop.orders2", "shop."]),
        ("*", &["shop.orders", "shop.", "."], &[]),
        ("s*p.o*r*s", &["shop.orders", "sp.orrs"], &["shop.order", "hop.orders"]),
        ("shop.*_v*_a", &["shop.x_v1_v2_a"], &["shop.x_v1_b"]),
        ("shop.", &["shop."], &["shop.orders"]),
    ] {
        let pattern: NamespacePattern = pattern.parse().unwrap();
        for namespace in matched {
            assert!(pattern.matches(namespace), "{pattern} {namespace}");
        }
        for namespace in missed {
            assert!(!pattern.matches(namespace), "{pattern} {namespace}");
        }
    }
    assert!("shop".parse::<NamespacePattern>().is_err());
}
