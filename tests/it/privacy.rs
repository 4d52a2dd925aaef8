//! Secrets in every place that an application can put them: none comes out where the policy says so.

mod needs_server {
    use std::{
        env,
        fmt::{self, Write as _},
        fs,
        process::Command,
        sync::{Arc, Mutex},
        time::Duration,
    };

    use futures_util::{AsyncWriteExt as _, StreamExt, TryStreamExt};
    use mongodb::options::{
        ClientOptions, Credential, DistinctOptions, FindOneAndUpdateOptions, FindOptions, Hint,
        ServerAddress, UpdateOneModel, UpdateOptions,
    };
    use mongowatch::{
        Capture, Context, Field, Privacy, WatchMessage, WatcherBuilder, WatchersSettings,
        bson::{Bson, Document, doc},
        filter::{
            Draft, FieldPath, FieldPaths, Filter, HashSettings, KeySource, MaskSettings, OwnField,
            PatternSettings, StepSettings, Verdict,
        },
        layer::{
            ApplicationSettings, Columns, CsvSettings, FileSettings, JsonSettings, LayerSettings,
            Shown, Versions, record_of,
        },
    };
    use tracing::field::Visit;
    use tracing_subscriber::{Layer, layer::Context as LayerContext, layer::SubscriberExt as _};

    use crate::scene::Scene;

    const CAPTURES: [Capture; 3] = [Capture::Operations, Capture::Spans, Capture::Commands];

    /// Everything that comes to a subscriber from this crate, as text.
    #[derive(Clone, Default)]
    struct Catch {
        /// Records, with all they hold.
        records: Arc<Mutex<String>>,
        /// What the crate says of its own work.
        logs: Arc<Mutex<String>>,
    }

    impl<S: tracing::Subscriber> Layer<S> for Catch {
        fn on_event(&self, event: &tracing::Event<'_>, _: LayerContext<'_, S>) {
            if !event.metadata().target().starts_with("mongowatch") {
                return;
            }
            let record = record_of(event);
            let text = if record.is_some() { &self.records } else { &self.logs };
            let mut text = text.lock().unwrap();
            write!(text, "{:?} ", std::thread::current().name()).unwrap();
            event.record(&mut Words(&mut text));
            if let Some(record) = record {
                text.push_str(&whole(&record));
            }
            text.push('\n');
        }
    }

    struct Words<'a>(&'a mut String);

    impl Visit for Words<'_> {
        fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
            write!(self.0, "{field}={value:?} ").unwrap();
        }
    }

    /// A record with each of its fields, and its `Debug`.
    fn whole(record: &WatchMessage) -> String {
        let mut text = format!("{record:?}");
        for field in Field::ALL {
            write!(text, " {field}={:?}", record.get(*field)).unwrap();
        }
        text
    }

    /// Works on a database with secrets in all places: those called `ok` may stand in a record that is
    /// kept in full, those called `no` in none. Both the mirror and the driver are such a database.
    macro_rules! work {
        ($db:expr) => {{
            let db = $db;
            let people = db.collection::<Document>("people");
            people.insert_one(doc! { "n": 1 }).await.unwrap();
            let filter = doc! {
                "a": "canary-ok-filter", "b": { "$in": ["canary-ok-in", ["canary-ok-nested"]] },
                "$expr": { "$eq": ["$a", "canary-ok-expr"] }, "c": { "$regex": "canary-ok-regex" },
                "canary-ok-key@example.com": 1, "d": { "$not": { "$eq": "canary-ok-not" } },
                "e": { "$elemMatch": { "x": "canary-ok-elem" } }, "f": { "g": "canary-ok-object" },
            };
            let options = FindOptions::builder()
                .comment(Bson::from("canary-ok-comment"))
                .let_vars(doc! { "x": "canary-ok-let" })
                .projection(doc! { "a": 1, "z": { "$literal": "canary-ok-literal" } })
                .collation(mongodb::options::Collation::builder().locale("de").build())
                .build();
            let cursor = people.find(filter.clone()).with_options(options).await.unwrap();
            cursor.try_collect::<Vec<_>>().await.unwrap();
            // What the server refuses is recorded too, with what it says.
            let hint = FindOptions::builder()
                .hint(Hint::Name("canary-ok-hint".into()))
                .min(doc! { "a": "canary-ok-min" })
                .max(doc! { "a": "canary-ok-max" })
                .build();
            people.find(doc! {}).with_options(hint).await.map(drop).unwrap_err();
            let _ = people.find_one(doc! { "$where": "'canary-ok-where' == 1" }).await;
            let _ = people.find_one(doc! { "$text": { "$search": "canary-ok-text" } }).await;
            let below_secrets = doc! {
                "userPassword": { "$in": ["canary-ok-secret-in"] },
                "credentials": { "user": ["canary-ok-secret-nested"] },
                "$or": [{ "user.api_key": { "$not": { "$eq": "canary-ok-secret-not" } } }],
                "$expr": { "$eq": [{ "$toLower": "$token" }, "canary-ok-secret-expr"] },
            };
            people.find_one(below_secrets).await.unwrap();
            let set = doc! { "$set": { "user.passwords": ["canary-ok-secret-set"] } };
            people.update_one(doc! { "a": 0 }, set).await.unwrap();
            let code = "this.password == 'canary-ok-secret-where'";
            let _ = people.find_one(doc! { "$where": code }).await;
            let _ = people.find_one(doc! { "a": { "$regex": "canary-ok-(" } }).await;
            let _ = people.find_one(doc! { "a": { "$unknown": "canary-ok-operator" } }).await;
            people.count_documents(doc! { "a": "canary-ok-count" }).await.unwrap();
            let distinct =
                DistinctOptions::builder().comment(Bson::from("canary-ok-comment")).build();
            let wanted = doc! { "a": "canary-ok-distinct" };
            people.distinct("a", wanted).with_options(distinct).await.unwrap();
            let pipeline = [
                doc! { "$match": { "a": "canary-ok-match" } },
                doc! { "$lookup": {
                    "from": "others", "as": "o", "let": { "x": "canary-ok-lookup" },
                    "pipeline": [{ "$match": { "a": "canary-ok-inner" } }],
                } },
                doc! { "$addFields": { "z": "canary-ok-field", "n": { "$add": [1, 2] } } },
            ];
            let cursor = people.aggregate(pipeline).await.unwrap();
            cursor.try_collect::<Vec<_>>().await.unwrap();

            let id = "canary-ok-id";
            people.insert_one(doc! { "_id": id, "a": "canary-no-document" }).await.unwrap();
            people.insert_one(doc! { "_id": id, "a": "canary-no-document" }).await.unwrap_err();
            let many = [doc! { "a": "canary-no-document" }, doc! { "_id": id }];
            people.insert_many(many).await.unwrap_err();
            let update = doc! {
                "$set": { "b": "canary-ok-set", "list.$[x].y": ["canary-ok-array"] },
                "$push": { "p": { "$each": ["canary-ok-push"] } },
            };
            let filters = UpdateOptions::builder()
                .array_filters(vec![doc! { "x.y": "canary-ok-array-filter" }])
                .build();
            let _ = people.update_one(filter.clone(), update.clone()).with_options(filters).await;
            let stage = doc! { "$set": { "b": "canary-ok-stage" } };
            people.update_many(doc! { "a": "canary-ok-many" }, vec![stage]).await.unwrap();
            let upsert = UpdateOptions::builder().upsert(true).build();
            let upserted = doc! { "_id": "canary-ok-upserted" };
            people
                .update_one(upserted, doc! { "$set": { "z": 1 } })
                .with_options(upsert)
                .await
                .unwrap();
            let replacement = doc! { "a": "canary-ok-replacement" };
            people.replace_one(doc! { "_id": 0 }, replacement.clone()).await.unwrap();
            let options =
                FindOneAndUpdateOptions::builder().comment(Bson::from("canary-ok-comment")).build();
            let found = people.find_one_and_update(doc! { "a": "canary-ok-modify" }, update);
            let _ = found.with_options(options).await;
            people.delete_many(doc! { "a": "canary-ok-delete" }).await.unwrap();

            let validator = doc! { "$jsonSchema": { "required": ["canary-ok-validator"] } };
            let _ = db.create_collection("strict").validator(validator).await;
            let strict = db.collection::<Document>("strict");
            let _ = strict.insert_one(doc! { "a": "canary-no-invalid" }).await;

            db.run_command(doc! { "ping": "canary-ok-ping" }).await.unwrap();
            let find = doc! { "find": "people", "filter": { "a": "canary-ok-command" } };
            db.run_command(find.clone()).await.unwrap();
            db.run_cursor_command(find.clone()).await.unwrap();
            let _ = db.run_command(doc! { "explain": find, "comment": "canary-ok-explain" }).await;
            let insert = doc! { "insert": "people", "documents": [{ "a": "canary-no-raw" }] };
            db.run_command(insert).await.unwrap();
            let user = doc! { "createUser": "eve", "pwd": "canary-no-pwd", "roles": ["canary-no"] };
            let _ = db.run_command(doc! { "explain": user.clone() }).await;
            let mut behind = doc! { "comment": "canary-no-comment" };
            behind.extend(user.clone());
            let _ = db.run_command(behind).await;
            let _ = db.run_command(user).await;
            let _ = db.run_command(doc! { "dropUser": "eve" }).await;
            let _ = db.run_command(doc! { "saslStart": 1, "payload": "canary-no-payload" }).await;
            let uri = "mongodb://eve:canary-no-uri@host:27017/";
            let _ = db.run_command(doc! { "addShard": uri }).await;
            let _ = people.find_one(doc! { "$uri": uri }).await;

            let bucket = db.gridfs_bucket(None);
            let metadata = doc! { "by": "canary-ok-metadata" };
            let mut upload =
                bucket.open_upload_stream("canary-ok-file").metadata(metadata).await.unwrap();
            upload.write_all(b"canary-no-bytes").await.unwrap();
            upload.close().await.unwrap();
            let _ = bucket.find_one(doc! { "filename": "canary-ok-file" }).await.unwrap();
            let mut stream = people
                .watch()
                .pipeline([doc! { "$match": { "fullDocument.a": "canary-ok-stream" } }])
                .await
                .unwrap();
            let event = doc! { "_id": "canary-ok-event", "a": "canary-ok-stream" };
            db.run_command(doc! { "update": "people", "updates": [
                { "q": { "_id": "canary-ok-event" }, "u": event, "upsert": true },
            ] })
            .await
            .unwrap();
            stream.next().await.unwrap().unwrap();
        }};
    }

    /// How one tries.
    struct Attack {
        privacy: Privacy,
        capture: Capture,
        /// What records go through on their way into the files.
        steps: Vec<StepSettings>,
        caught: Catch,
        /// Catches what all threads of the process say, and makes writes and filters fail.
        is_alone: bool,
    }

    /// What comes out of the work, in whatever way.
    struct Loot {
        caught: Catch,
        debug: String,
        files: String,
    }

    /// A filter of the application with a fault: it shows what it should let through.
    struct Panics;

    impl Filter for Panics {
        fn apply(&mut self, draft: &mut Draft) -> Verdict {
            panic!("the filter's own: {:?}", draft.record());
        }
    }

    impl Loot {
        fn logs(&self) -> String {
            self.caught.logs.lock().unwrap().clone() + &self.debug
        }

        fn records(&self) -> String {
            self.caught.records.lock().unwrap().clone()
        }

        fn all(&self) -> String {
            self.records() + &self.logs() + &self.files
        }
    }

    impl Attack {
        fn new(privacy: Privacy, capture: Capture) -> Self {
            let (steps, caught) = (Vec::new(), Catch::default());
            Self { privacy, capture, steps, caught, is_alone: false }
        }

        async fn run(self) -> Loot {
            let Self { privacy, capture, steps, caught, is_alone } = self;
            let _guard = (!is_alone).then(|| {
                let subscriber = tracing_subscriber::registry().with(caught.clone());
                tracing::subscriber::set_default(subscriber)
            });
            let directory = tempfile::tempdir().unwrap();
            let path = |name: &str| directory.path().join(name);
            let mut csv = CsvSettings::new(path("all.csv"));
            (csv.columns, csv.versions) = (Columns::All, Versions::All);
            let mut json = JsonSettings::to_file(path("all.json"));
            json.versions = Versions::All;
            let mut text = FileSettings::new(path("all.txt"));
            (text.fields, text.versions) = (Some(Shown(Field::ALL.to_vec())), Versions::All);
            (csv.steps, json.steps, text.steps) = (steps.clone(), steps.clone(), steps);
            let application = ApplicationSettings::default();
            let name = format!("privacy-{privacy:?}-{capture:?}-{}", json.steps.len());
            let scene = Scene::with(&name, |builder| {
                let builder = builder.capture(capture).privacy(privacy);
                let builder = if is_alone { with_faults(builder) } else { builder };
                let text_of_builder = format!("{builder:?}");
                assert!(!text_of_builder.contains("canary"));
                builder
                    .layer(LayerSettings::Csv(csv))
                    .layer(LayerSettings::Json(json))
                    .layer(LayerSettings::File(text))
                    .layer(LayerSettings::Application(application))
                    .foreign_layer_of("caught", Versions::All, caught.clone())
            });
            let db = scene.db().await;
            work!(&db);
            in_other_ways(&scene).await;
            if capture != Capture::Operations {
                let plain = scene.attached(capture).await;
                plain.drop().await.unwrap();
                work!(&plain);
            }
            let debug = format!("{:?} {db:?}", scene.watcher);
            drop(db);
            // A raw call may end in an error that the driver does not tell of: the finals are not counted.
            scene.drop_database().await;
            let stats = scene.watcher.shutdown().await.unwrap();
            assert!(stats.is_balanced(), "{stats:#?}");
            let mut files = String::new();
            for name in ["all.csv", "all.json", "all.txt"] {
                let written = fs::read_to_string(path(name)).unwrap();
                assert!(written.contains("people"), "{name} is no copy of the records");
                files.push_str(&written);
            }
            let debug = format!("{debug} {stats:?}");
            Loot { caught, debug, files }
        }
    }

    /// A disk that is full, and a filter that panics: the queue thread tells of both.
    fn with_faults(builder: WatcherBuilder) -> WatcherBuilder {
        let full = JsonSettings::to_file("/dev/full");
        let mut panics = JsonSettings::to_file("/dev/null");
        panics.steps = vec![StepSettings::Filter("panics".into())];
        builder
            .filter("panics", || Box::new(Panics))
            .layer(LayerSettings::Json(full))
            .layer(LayerSettings::Json(panics))
    }

    /// Bulk writes, transactions, connections that fail, and a future that panics.
    async fn in_other_ways(scene: &Scene) {
        let client = scene.client().await;
        let people = client.database(scene.database()).collection::<Document>("people");
        let insert = people.insert_one_model(doc! { "a": "canary-no-bulk" }).unwrap();
        // Whether the server knows `bulkWrite` or not.
        let _ = client.bulk_write([insert]).await;
        let update = UpdateOneModel::builder()
            .namespace(people.namespace())
            .filter(doc! { "a": "canary-ok-bulk" })
            .update(doc! { "$set": { "a": "canary-ok-bulk-set" } })
            .build();
        let _ = client.bulk_write([update]).await;

        let mut session = client.start_session().await.unwrap();
        session.start_transaction().await.unwrap();
        let inserted = doc! { "_id": "canary-ok-txn", "a": "canary-no-txn" };
        people.insert_one(inserted).session(&mut session).await.unwrap();
        let found = people.find_one(doc! { "a": "canary-ok-txn-find" });
        found.session(&mut session).await.unwrap();
        session.abort_transaction().await.unwrap();

        let mut options = scene.options().await;
        options.credential = Some(
            Credential::builder()
                .username("eve".to_owned())
                .password("canary-no-password".to_owned())
                .build(),
        );
        options.server_selection_timeout = Some(Duration::from_secs(5));
        let wrong = scene.watcher.client(options).unwrap();
        wrong.list_database_names().await.unwrap_err();
        let uri = "mongodb://eve:canary-no-uri-password@127.0.0.1:9/";
        let mut options = ClientOptions::parse(uri).await.unwrap();
        options.hosts = vec![ServerAddress::parse("127.0.0.1:9").unwrap()];
        options.server_selection_timeout = Some(Duration::from_millis(50));
        let nowhere = scene.watcher.client(options).unwrap();
        assert!(!format!("{nowhere:?}").contains("canary"));
        nowhere.list_database_names().await.unwrap_err();

        let panicking = tokio::spawn(Context::new().actor("eve").scope(async move {
            let cursor = people.find(doc! { "a": "canary-ok-panic" }).await.unwrap();
            let _cursor = cursor;
            panic!("the application's own");
        }));
        panicking.await.unwrap_err();
    }

    /// The first canaries in a text, each with what stands around it.
    fn canaries(text: &str, canary: &str) -> Vec<String> {
        let around = |at: usize| {
            let start = boundary(text, at.saturating_sub(160));
            let end = boundary(text, (at + 40).min(text.len()));
            text[start..end].to_owned()
        };
        text.match_indices(canary).take(5).map(|(at, _)| around(at)).collect()
    }

    #[tokio::test]
    async fn in_full_records_there_are_queries_but_no_documents_and_no_credentials() {
        for capture in CAPTURES {
            let all = Attack::new(Privacy::Full, capture).run().await.all();
            // The search can fail: what may be there is there.
            for canary in
                ["filter", "set", "comment", "match", "command", "id", "panic", "array-filter"]
            {
                assert!(all.contains(&format!("canary-ok-{canary}")), "{capture:?}: {canary}");
            }
            assert!(all.contains("<redacted>"));
            assert_eq!(canaries(&all, "canary-no"), [""; 0], "{capture:?}");
        }
    }

    #[tokio::test]
    async fn in_masked_records_there_are_no_values() {
        for capture in CAPTURES {
            let all = Attack::new(Privacy::Masked, capture).run().await.all();
            assert_eq!(canaries(&all, "canary"), [""; 0], "{capture:?}");
            for kept in ["?array<?string>", "<email>", "v1:", "DuplicateKey", "Filter"] {
                assert!(all.contains(kept), "{capture:?}: {kept}");
            }
        }
    }

    #[tokio::test]
    async fn in_records_of_shapes_there_are_no_filters() {
        for capture in CAPTURES {
            let all = Attack::new(Privacy::Shape, capture).run().await.all();
            assert_eq!(canaries(&all, "canary"), [""; 0], "{capture:?}");
            assert!(all.contains("v1:") && all.contains("ShapeHash"), "{capture:?}");
        }
    }

    #[tokio::test]
    async fn a_layer_is_stricter_than_its_watcher_for_itself_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let layer = |name: &str, privacy| {
            let mut json = JsonSettings::to_file(path(name));
            (json.name, json.versions, json.privacy) = (Some(name.into()), Versions::All, privacy);
            // What a step moves to another place has passed the policy before.
            let moved = doc! { "Extra.Moved": { "template": "{Filter} {Update} {ErrorMessage}" } };
            json.steps = vec![
                StepSettings::Set(moved.into()),
                StepSettings::Rename(doc! { "Options.comment": "Extra.Comment" }.into()),
            ];
            LayerSettings::Json(json)
        };
        // Nor does an own field that is made of an option or of the filter pass it by.
        let mut kinds = WatchersSettings::default();
        let moved = |name: &str| OwnField::To(Some(name.parse().unwrap()));
        kinds.collection.operations.add("all", "filter", moved("Extra.Filter"));
        kinds.cursor.operations.add("find", "comment", moved("Extra.Comment"));
        kinds.cursor.operations.add("find", "filter", moved("Labels.filter"));
        let scene = Scene::with("privacy-layers", |builder| {
            builder
                .capture(Capture::Commands)
                .watchers(kinds.clone())
                .layer(layer("masked", Some(Privacy::Masked)))
                .layer(layer("full", None))
                .layer(layer("shape", Some(Privacy::Shape)))
        });
        let db = scene.db().await;
        work!(&db);
        let plain = scene.attached(Capture::Commands).await;
        plain.drop().await.unwrap();
        work!(&plain);
        drop(db);
        scene.drop_database().await;
        let stats = scene.watcher.shutdown().await.unwrap();
        assert!(stats.is_balanced(), "{stats:#?}");
        let read = |name: &str| fs::read_to_string(path(name)).unwrap();
        for name in ["masked", "shape"] {
            assert_eq!(canaries(&read(name), "canary"), [""; 0], "{name}");
            assert!(read(name).contains("v1:"), "{name}");
        }
        assert!(read("masked").contains("?string") && read("full").contains("canary-ok-filter"));
        assert!(read("masked").contains(r#""Extra":{"Filter":{"_id":"?number"}"#));
        assert_eq!(canaries(&read("full"), "canary-no"), [""; 0]);
        assert_eq!(read("full").lines().count(), read("shape").lines().count());
    }

    /// The steps of one route hide what those of another one show.
    #[tokio::test]
    async fn masks_and_hashes_let_no_value_into_their_files() {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key");
        fs::write(&key, "0123456789abcdef").unwrap();
        let fields = || {
            let names =
                ["Filter", "Update", "Options", "InsertedIds", "ResumeToken", "ErrorMessage"];
            names.iter().map(|name| name.parse().unwrap()).collect::<FieldPaths>()
        };
        // A key that is data has a form that is known.
        let mut keys = MaskSettings::new("Filter".parse::<FieldPath>().unwrap());
        keys.patterns = vec![PatternSettings::Email];
        let mut mask = MaskSettings::new(Field::Filter);
        mask.fields = fields();
        let mut hash = HashSettings::new(Field::Filter, KeySource::File(key));
        hash.fields = fields();
        for (step, kept) in
            [(StepSettings::Mask(mask), "?string"), (StepSettings::Hash(hash), "hmac:v1:")]
        {
            let steps = vec![step, StepSettings::Mask(keys.clone())];
            let attack = Attack { steps, ..Attack::new(Privacy::Full, Capture::Commands) };
            let loot = attack.run().await;
            assert_eq!(canaries(&loot.files, "canary"), [""; 0]);
            assert!(loot.files.contains(kept) && loot.files.contains("DuplicateKey"));
            assert!(loot.records().contains("canary-ok-filter"));
        }
    }

    #[tokio::test]
    async fn what_lies_below_the_name_of_a_secret_is_in_no_file_of_a_masked_route() {
        let mut mask = MaskSettings::new(Field::Filter);
        mask.fields =
            [Field::Filter, Field::Update, Field::Options].map(FieldPath::of).into_iter().collect();
        mask.patterns = vec![PatternSettings::Token];
        let steps = vec![StepSettings::Mask(mask)];
        let attack = Attack { steps, ..Attack::new(Privacy::Full, Capture::Commands) };
        let loot = attack.run().await;
        assert_eq!(canaries(&loot.files, "canary-ok-secret"), [""; 0]);
        assert!(loot.files.contains("canary-ok-filter"));
        for canary in ["in", "nested", "not", "expr", "set", "where"] {
            assert!(loot.records().contains(&format!("canary-ok-secret-{canary}")), "{canary}");
        }
    }

    /// Names the privacy of the child process of the next test.
    const ALONE: &str = "MONGOWATCH_TEST_PRIVACY_ALONE";

    /// A subscriber sees the events of the queue thread only if it is that of the whole process, and panics are
    /// told on its standard error.
    #[test]
    fn panics_and_logs_of_any_thread_tell_no_values() {
        for privacy in ["full", "masked"] {
            let output = Command::new(env::current_exe().unwrap())
                .args(["--exact", "privacy::needs_server::attacks_alone_when_asked", "--nocapture"])
                .env(ALONE, privacy)
                .output()
                .unwrap();
            let told =
                String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{told}");
            assert_eq!(canaries(&told, "canary"), [""; 0], "{privacy}");
            let queue_thread = "Some(\"mongowatch-queue\") ";
            for part in ["the filter's own: WatchMessage {", "could not be written", queue_thread] {
                assert!(told.contains(part), "{privacy}: {part} in {told}");
            }
        }
    }

    /// The child process of `panics_and_logs_of_any_thread_tell_no_values`; by itself it has nothing to do.
    #[tokio::test]
    async fn attacks_alone_when_asked() {
        let Ok(privacy) = env::var(ALONE) else { return };
        let privacy = if privacy == "full" { Privacy::Full } else { Privacy::Masked };
        let caught = Catch::default();
        let subscriber = tracing_subscriber::registry().with(caught.clone());
        tracing::subscriber::set_global_default(subscriber).unwrap();
        for capture in CAPTURES {
            let caught = caught.clone();
            let attack = Attack { caught, is_alone: true, ..Attack::new(privacy, capture) };
            let loot = attack.run().await;
            println!("{}", loot.logs());
            // The records of the application's subscriber come from the queue thread too.
            assert!(loot.records().contains("people"));
            if privacy == Privacy::Masked {
                println!("{}", loot.records());
            }
        }
    }

    /// The last place at or before this one where a character begins.
    fn boundary(text: &str, at: usize) -> usize {
        (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
    }
}
