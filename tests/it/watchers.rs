//! What differs by the kind of operation: timeouts, levels, fields, own fields.

use expect_test::{Expect, expect};
use mongowatch::Settings;

/// What is wrong with the watchers, told at load.
#[track_caller]
fn check(watchers: &str, expected: Expect) {
    let yaml = format!("watchers:\n  {}", watchers.replace('\n', "\n  "));
    let error = Settings::from_yaml_str(&yaml, "a.yaml").unwrap_err();
    expected.assert_eq(&error.to_string());
}

#[test]
fn kinds_and_their_keys_are_checked() {
    check(
        "cursors: {timeout: 1h}",
        expect![
            "a.yaml:2:3: watchers: unknown key `cursors`, expected `collection`, `cursor`, `database`, `client`, `session`, `gridfs` or `command`: did you mean `cursor`?"
        ],
    );
    check(
        "rate: {timeout: 1h}",
        expect![
            "a.yaml:2:3: watchers: unknown key `rate`, expected `collection`, `cursor`, `database`, `client`, `session`, `gridfs` or `command`"
        ],
    );
    check(
        "collection: {emit_on_new_retrieves: false}",
        expect![
            "a.yaml:2:16: watchers.collection: unknown key `emit_on_new_retrieves`, expected `timeout`, `levels`, `fields` or `operations`"
        ],
    );
    check(
        "cursor: {emit_on_new_retrieves: batches}",
        expect![
            "a.yaml:2:35: watchers.cursor.emit_on_new_retrieves: found `batches`, expected `true` or `false`"
        ],
    );
    check(
        "session: {timeout: 0s}",
        expect![
            "a.yaml:2:22: watchers.session.timeout: found `0s`, expected a duration longer than 0"
        ],
    );
    check(
        "gridfs: {levels: {first: lowd}}",
        expect![
            "a.yaml:2:28: watchers.gridfs.levels.first: unknown level `lowd`, expected off, error, warn, info, debug or trace"
        ],
    );
    check(
        "database: {fields: [DB, Fliter]}",
        expect![
            "a.yaml:2:27: watchers.database.fields[1]: unknown field `Fliter`: did you mean `Filter`?"
        ],
    );
}

#[test]
fn the_timeout_of_cursors_has_another_place_now() {
    let error = Settings::from_yaml_str("queue:\n  cursor_timeout: 1h", "a.yaml").unwrap_err();
    expect!["a.yaml:2:3: queue: unknown key `cursor_timeout`, expected `timeout`, `forced_delay`, `capacity` or `when_full`: did you mean `watchers.cursor.timeout`?"].assert_eq(&error.to_string());
}

#[test]
fn operations_and_arguments_are_checked_by_name() {
    check(
        "cursor:\n  operations:\n    fnd: {sort: {to: Extra.Sort}}",
        expect![
            "a.yaml:4:7: watchers.cursor.operations.fnd: unknown operation `fnd`: did you mean `find`?"
        ],
    );
    check(
        "collection: {operations: {find: {}}}",
        expect![
            "a.yaml:2:29: watchers.collection.operations.find: unknown operation `find` here: it belongs to `cursor`"
        ],
    );
    check(
        "command: {operations: {findAndModify: {sort: {to: null}}}}",
        expect![
            "a.yaml:2:26: watchers.command.operations.findAndModify: unknown operation `findAndModify`, expected a command of the server in snake case, such as `find_and_modify`"
        ],
    );
    check(
        "cursor:\n  operations:\n    find:\n      srot: {to: Extra.Sort}",
        expect![
            "a.yaml:5:9: watchers.cursor.operations.find.srot: unknown argument `srot`: did you mean `sort`?"
        ],
    );
    check(
        "cursor: {operations: {find: {maxTimeMS: {to: null}}}}",
        expect![
            "a.yaml:2:32: watchers.cursor.operations.find.maxTimeMS: unknown argument `maxTimeMS`: did you mean `max_time`?"
        ],
    );
    check(
        "collection: {operations: {insert_one: {sort: {to: null}}}}",
        expect![
            "a.yaml:2:42: watchers.collection.operations.insert_one.sort: unknown argument `sort`, expected `bypass_document_validation`, `write_concern`, `comment`, or a field such as `Extra.Team`"
        ],
    );
    check(
        "session: {operations: {all: {sort: {to: null}}}}",
        expect!["a.yaml:2:32: watchers.session.operations.all.sort: unknown argument `sort`"],
    );
    check(
        "cursor: {operations: {find: {Extr.Sort: {value: 1}}}}",
        expect![
            "a.yaml:2:32: watchers.cursor.operations.find.Extr.Sort: path `Extr.Sort`, column 1: unknown field `Extr`: did you mean `Extra`?"
        ],
    );
}

#[test]
fn places_and_types_are_checked() {
    let find = |own: &str| format!("cursor:\n  operations:\n    find:\n      {own}");
    check(
        &find("sort: {to: Extar.Sort}"),
        expect![
            "a.yaml:5:20: watchers.cursor.operations.find.sort.to: path `Extar.Sort`: unknown field `Extar`: did you mean `Extra`?"
        ],
    );
    check(
        &find("sort: {to: Reason}"),
        expect![
            "a.yaml:5:20: watchers.cursor.operations.find.sort.to: `sort` cannot stand there: Reason: expected a string, found a document"
        ],
    );
    check(
        &find("filter: {to: InsertedIds}"),
        expect![
            "a.yaml:5:22: watchers.cursor.operations.find.filter.to: `filter` cannot stand there: InsertedIds: expected an array, found a document"
        ],
    );
    check(
        &find("limit: {to: MatchedCount}"),
        expect![
            "a.yaml:5:21: watchers.cursor.operations.find.limit.to: `MatchedCount` is measured: nothing else can stand there"
        ],
    );
    check(
        &find("sort: {to: WatchID}"),
        expect![
            "a.yaml:5:20: watchers.cursor.operations.find.sort.to: `WatchID` tells the record from others: it stays as it is"
        ],
    );
    check(
        &find("sort: {to: Filter.**.sort}"),
        expect![
            "a.yaml:5:20: watchers.cursor.operations.find.sort.to: `Filter.**.sort` may name several places, expected one"
        ],
    );
    check(
        &find("Operation: {to: null}"),
        expect![
            "a.yaml:5:20: watchers.cursor.operations.find.Operation: `Operation` tells the record from others: it stays as it is"
        ],
    );
    check(
        &find("Filter.*.a: {to: null}"),
        expect![
            "a.yaml:5:21: watchers.cursor.operations.find.Filter.*.a: `Filter.*.a` may name several places, expected one"
        ],
    );
    check(
        &find("sort: {value: 1}"),
        expect![
            "a.yaml:5:15: watchers.cursor.operations.find.sort: expected a field for a constant, such as `Extra.Team`"
        ],
    );
    check(
        &find("Reason: {value: 1}"),
        expect![
            "a.yaml:5:25: watchers.cursor.operations.find.Reason.value: Reason: expected a string, found an integer"
        ],
    );
    check(
        &find("Extra.Team: {value: null}"),
        expect![
            "a.yaml:5:29: watchers.cursor.operations.find.Extra.Team.value: found nothing, expected a value"
        ],
    );
    check(
        &find("sort: {into: Extra.Sort}"),
        expect![
            "a.yaml:5:16: watchers.cursor.operations.find.sort: unknown key `into`, expected `to` or `value`: did you mean `to`?"
        ],
    );
    check(
        &find("sort: Extra.Sort"),
        expect![
            "a.yaml:5:15: watchers.cursor.operations.find.sort: unknown value `Extra.Sort`, expected `to` or `value`"
        ],
    );
    check(
        &find("sort: {to: Extra.Sort, value: 1}"),
        expect![
            "a.yaml:5:32: watchers.cursor.operations.find.sort: found `value` beside `to`, expected one key"
        ],
    );
    check(
        &find("sort: {to: Extra.A}\n      hint: {to: Extra.A.B}"),
        expect![
            "a.yaml:5:15: watchers.cursor.operations.find.sort: `Extra.A` is where `hint` goes too"
        ],
    );
    check(
        "cursor:\n  operations:\n    all:\n      comment: {to: Extra.C}\n    find:\n      Extra.C: {value: 1}",
        expect![
            "a.yaml:7:18: watchers.cursor.operations.find.Extra.C: `Extra.C` is where `comment` goes too"
        ],
    );
}

#[test]
fn every_fault_is_told() {
    let yaml = "
watchers:
  cursor:
    timeout: 0s
    operations:
      find: {srot: {to: Extra.Sort}, limit: {to: Reason}}
      watch: {pipelin: {to: Extra.Pipeline}}
";
    let error = Settings::from_yaml_str(yaml, "a.yaml").unwrap_err().to_string();
    assert!(error.ends_with("(and 3 more faults: `mongowatch config check` shows all)"), "{error}");
}

#[test]
fn what_is_right_is_written_as_it_was_read() {
    let yaml = "
watchers:
  collection:
    timeout: 2m
    levels: {first: trace}
    fields: [DB, Filter]
    operations:
      all: {Extra.Team: {value: payments}, Extra.Level: {value: {a: [1, 2.5]}}}
      distinct: {key: {to: Extra.Key}, field_name: {to: null}, filter: {to: null}}
      replace_one: {query: {to: Extra.Query}, replacement: {to: null}}
  cursor:
    emit_on_new_retrieves: false
    operations:
      aggregate: {pipeline: {to: Extra.Pipeline}}
      list_collections: {filter: {to: Extra.Filter}}
      find: {comment: {to: Reason}, hint: {to: null}, 'InsertedIds': {to: null}}
  command: {operations: {find_and_modify: {writeConcern: {to: Extra.Concern}}}}
";
    let settings = Settings::from_yaml_str(yaml, "a.yaml").unwrap();
    let written = settings.to_yaml_string().unwrap();
    assert_eq!(Settings::from_yaml_str(&written, "written").unwrap(), settings, "{written}");
}

#[test]
fn settings_made_in_code_are_checked_when_the_watcher_starts() {
    use mongowatch::{Watcher, filter::OwnField};

    let mut settings = Settings::default();
    let becomes = OwnField::To(Some("Extra.Sort".parse().unwrap()));
    settings.watchers.collection.operations.add("find_one", "srot", becomes);
    let error = Watcher::with_settings(settings).start().unwrap_err();
    expect!["watchers.collection.operations.find_one.srot: unknown argument `srot`: did you mean `sort`?"].assert_eq(&error.to_string());
}

mod needs_server {
    use std::{
        fs,
        path::Path,
        sync::{
            Arc, Mutex,
            atomic::{AtomicBool, Ordering::SeqCst},
        },
        time::{Duration, Instant},
    };

    use futures_util::{AsyncWriteExt as _, StreamExt, TryStreamExt, future::join_all};
    use mongowatch::{
        Capture, CursorUpdates, Field, Phase, Privacy, Settings, Value, WatchMessage, Watcher,
        WatcherName,
        bson::{Bson, Document, doc},
        filter::OwnField,
        layer::Versions,
    };
    use serde_json::Value as Json;
    use tracing_subscriber::layer::{Context, Layer};

    use crate::scene::{Scene, Seen};

    /// The settings of a text that names the directory as `DIR`.
    fn settings(yaml: &str, directory: &Path) -> Settings {
        let yaml = yaml.replace("DIR", directory.to_str().unwrap());
        Settings::from_yaml_str(&yaml, "watchers.yaml").unwrap()
    }

    fn scene(name: &str, settings: Settings) -> Scene {
        Scene::of(name, Watcher::with_settings(settings))
    }

    fn json(path: &Path) -> Vec<Json> {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits for what another thread will do, a minute at most.
    async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !is_so() {
            assert!(Instant::now() < deadline, "{what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn expired(seen: &Seen) -> Vec<WatchMessage> {
        let records = seen.records().into_iter();
        records.filter(|record| record.phase == Phase::Timeout).collect()
    }

    #[tokio::test]
    async fn each_kind_of_record_expires_after_its_own_timeout() {
        for (kind, silent) in [("cursor", "find"), ("gridfs", "open_upload_stream")] {
            let mut settings = Settings::default();
            let own = Some(Duration::from_millis(50));
            match kind {
                "cursor" => settings.watchers.cursor.timeout = own,
                _ => settings.watchers.gridfs.timeout = own,
            }
            let scene = scene(&format!("expires-{kind}"), settings);
            let db = scene.db().await;
            let numbers = db.collection::<Document>("numbers");
            numbers.insert_many((0..7).map(|n| doc! { "_id": n })).await.unwrap();
            let bucket = db.gridfs_bucket(None);
            // The one that does not expire is silent for longer.
            let (mut cursor, mut file);
            let find = numbers.find(doc! {}).batch_size(2);
            if kind == "cursor" {
                file = bucket.open_upload_stream("a").await.unwrap();
                cursor = find.await.unwrap();
            } else {
                cursor = find.await.unwrap();
                file = bucket.open_upload_stream("a").await.unwrap();
            }
            until("one expires", || !expired(&scene.seen).is_empty()).await;
            let operations: Vec<_> =
                expired(&scene.seen).iter().map(|record| record.operation.to_string()).collect();
            assert_eq!(operations, [silent]);
            while cursor.try_next().await.unwrap().is_some() {}
            file.close().await.unwrap();
            let finals = scene.finish().await;
            let is_silent = |record: &&WatchMessage| record.operation == silent;
            assert_eq!(finals.iter().filter(is_silent).count(), 1, "and is final all the same");
        }
    }

    /// Remembers the level of each event: watcher, operation, phase, level.
    #[derive(Clone, Default)]
    struct Levels(Arc<Mutex<Vec<String>>>);

    impl<S: tracing::Subscriber> Layer<S> for Levels {
        fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
            let Some(record) = mongowatch::layer::record_of(event) else { return };
            let level = event.metadata().level();
            let line = format!("{} {} {level}", record.operation, record.phase);
            self.0.lock().unwrap().push(line);
        }
    }

    #[tokio::test]
    async fn levels_differ_by_kind_and_phase_and_a_layers_own_go_before() {
        let directory = tempfile::tempdir().unwrap();
        let settings = settings(
            "
levels: {first: debug, final: warn}
watchers:
  collection: {levels: {first: trace, final: off}}
  cursor: {levels: {update: error}}
layers:
- csv: {name: own, path: DIR/own.csv, levels: {final: info}, columns: [Operation]}
- csv: {name: common, path: DIR/common.csv, columns: [Operation]}
",
            directory.path(),
        );
        let levels = Levels::default();
        let scene = Scene::of(
            "levels",
            Watcher::with_settings(settings).foreign_layer_of("all", Versions::All, levels.clone()),
        );
        let numbers = scene.db().await.collection::<Document>("numbers");
        numbers.insert_many((0..3).map(|n| doc! { "_id": n })).await.unwrap();
        let cursor = numbers.find(doc! {}).batch_size(2).await.unwrap();
        cursor.try_collect::<Vec<_>>().await.unwrap();
        scene.watcher.flush().await.unwrap();
        scene.drop_database().await;
        let stats = scene.watcher.shutdown().await.unwrap();
        assert!(stats.is_balanced(), "{stats:#?}");
        assert_eq!(
            *levels.0.lock().unwrap(),
            ["insert_many first TRACE", "find first DEBUG", "find update ERROR", "find final WARN",]
        );
        let rows = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!(rows("own.csv"), "Operation\ninsert_many\nfind\n");
        assert_eq!(rows("common.csv"), "Operation\nfind\n");
    }

    #[tokio::test]
    async fn fields_differ_by_kind_and_a_layers_own_go_before() {
        let directory = tempfile::tempdir().unwrap();
        let settings = settings(
            "
fields: [Operation]
watchers:
  collection: {fields: [Collection, InsertedCount]}
  cursor: {fields: [Operation, Filter, MatchedCount]}
layers:
- file: {name: common, path: DIR/common.log, template: 'watch={{{watch}}}'}
- file: {name: rest, path: DIR/rest.log, template: '{Operation} {rest}'}
- file: {name: own, path: DIR/own.log, template: '{watch}', fields: [Outcome]}
",
            directory.path(),
        );
        let scene = scene("fields", settings);
        let db = scene.db().await;
        let numbers = db.collection::<Document>("numbers");
        numbers.insert_one(doc! { "_id": 1 }).await.unwrap();
        numbers.find(doc! { "_id": 1 }).await.unwrap().try_collect::<Vec<_>>().await.unwrap();
        db.run_command(doc! { "ping": 1 }).await.unwrap();
        scene.finish().await;
        let lines = |name: &str| {
            let text = fs::read_to_string(directory.path().join(name)).unwrap();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            lines("common.log"),
            [
                "watch={Collection=numbers InsertedCount=1}",
                r#"watch={Operation=find Filter={"_id":1} MatchedCount=1}"#,
                "watch={Operation=run_command}",
            ]
        );
        assert_eq!(
            lines("rest.log"),
            [
                "insert_one Collection=numbers InsertedCount=1",
                r#"find Filter={"_id":1} MatchedCount=1"#,
                "run_command ",
            ]
        );
        assert_eq!(lines("own.log"), ["Outcome=ok"; 3]);
    }

    const OWN: &str = "
privacy: PRIVACY
watchers:
  collection:
    operations:
      all: {Extra.Team: {value: payments}, comment: {to: Reason}}
      distinct: {key: {to: Extra.Key}, filter: {to: null}}
      update_one: {update: {to: Extra.Change.Made}, hint: {to: null}, Extra.Team: {value: other}}
      insert_one: {InsertedIds: {to: Extra.Ids}, Extra.Where: {value: {template: '{DB}.{Collection}'}}}
  cursor:
    operations:
      find: {sort: {to: Extra.Sort}, max_time: {to: null}, filter: {to: Options.filter}}
      aggregate: {pipeline: {to: Labels.Pipeline}}
layers:
- json: {path: DIR/audit.jsonl}
";

    fn own(privacy: &str, directory: &Path) -> Settings {
        settings(&OWN.replace("PRIVACY", privacy), directory)
    }

    /// Works with a secret in each place that goes elsewhere.
    async fn work(scene: &Scene) {
        let things = scene.db().await.collection::<Document>("things");
        things.insert_one(doc! { "_id": "canary-id" }).await.unwrap();
        let comment = "canary-comment";
        let set = doc! { "$set": { "a": "canary-update" } };
        things
            .update_one(doc! { "_id": "canary-filter" }, set)
            .hint(mongodb::options::Hint::Keys(doc! { "_id": 1 }))
            .comment(Bson::from(comment))
            .await
            .unwrap();
        let filter = doc! { "a": "canary-distinct" };
        things.distinct("a", filter).comment(Bson::from(comment)).await.unwrap();
        let filter = doc! { "a": "canary-find" };
        let sort = doc! { "a": 1, "b": { "$meta": "textScore" } };
        let _ = things.find(filter.clone()).sort(sort).await;
        let limit = Duration::from_secs(60);
        let cursor = things.find(filter).sort(doc! { "a": 1 }).limit(5).max_time(limit);
        cursor.await.unwrap().try_collect::<Vec<_>>().await.unwrap();
        let pipeline = [doc! { "$match": { "a": "canary-match" } }];
        things.aggregate(pipeline).await.unwrap().try_collect::<Vec<_>>().await.unwrap();
    }

    #[tokio::test]
    async fn own_fields_move_arguments_and_add_constants() {
        let directory = tempfile::tempdir().unwrap();
        let scene = scene("own", own("full", directory.path()));
        let database = scene.database().to_owned();
        work(&scene).await;
        scene.finish().await;
        let records = json(&directory.path().join("audit.jsonl"));
        let of = |operation: &str| {
            let found = records.iter().rfind(|record| record["Operation"] == operation).unwrap();
            let fields =
                ["Filter", "Update", "Options", "InsertedIds", "Reason", "Labels", "Extra"];
            let known = fields.iter().filter_map(|field| {
                let value = found.get(*field).filter(|value| !value.is_null())?;
                Some(((*field).to_owned(), value.clone()))
            });
            Json::Object(known.collect())
        };
        assert_eq!(
            of("insert_one"),
            serde_json::json!({ "Extra": {
                "Ids": ["canary-id"], "Team": "payments", "Where": format!("{database}.things"),
            } })
        );
        assert_eq!(
            of("update_one"),
            serde_json::json!({
                "Filter": { "_id": "canary-filter" }, "Reason": "canary-comment",
                "Extra": { "Change": { "Made": { "$set": { "a": "canary-update" } } }, "Team": "other" },
            })
        );
        assert_eq!(
            of("distinct"),
            serde_json::json!({
                "Reason": "canary-comment", "Extra": { "Key": "a", "Team": "payments" },
            })
        );
        assert_eq!(
            of("find"),
            serde_json::json!({
                "Options": { "limit": 5, "filter": { "a": "canary-find" } },
                "Extra": { "Sort": { "a": 1 } },
            })
        );
        assert_eq!(
            of("aggregate"),
            serde_json::json!({
                "Labels": { "Pipeline": [{ "$match": { "a": "canary-match" } }] },
            })
        );
    }

    #[tokio::test]
    async fn no_move_leads_around_the_policy() {
        for privacy in ["masked", "shape"] {
            let directory = tempfile::tempdir().unwrap();
            let mut settings = own(privacy, directory.path());
            let template =
                doc! { "template": "{Filter} {Update} {Options} {ErrorMessage} {InsertedIds}" };
            let all = OwnField::Value(Bson::from(template).into());
            settings.watchers.cursor.operations.add("all", "Extra.All", all.clone());
            settings.watchers.collection.operations.add("all", "Extra.All", all);
            let all = Seen::default();
            let builder = Watcher::with_settings(settings);
            let builder = builder.foreign_layer_of("all", Versions::All, all.clone());
            let scene = Scene::of(&format!("own-{privacy}"), builder);
            work(&scene).await;
            scene.finish().await;
            let written = fs::read_to_string(directory.path().join("audit.jsonl")).unwrap();
            assert!(written.contains("payments"), "the own fields are there");
            assert!(!written.contains("canary"), "{written}");
            let mut seen = String::new();
            for record in all.records() {
                for field in Field::ALL {
                    seen += &format!("{:?}", record.get(*field));
                }
            }
            assert!(seen.contains("payments") && !seen.contains("canary"), "{seen}");
        }
    }

    /// A record that waits has passed the policy of its time. When it comes out it passes that of today,
    /// and only then is anything moved to where no policy looks.
    #[tokio::test]
    async fn a_stricter_policy_holds_for_what_waits_with_its_own_fields() {
        let directory = tempfile::tempdir().unwrap();
        let scene = scene("own-reload", own("full", directory.path()));
        let things = scene.db().await.collection::<Document>("things");
        things.insert_many((0..5).map(|n| doc! { "n": n, "a": "x" })).await.unwrap();
        let filter = doc! { "a": { "$ne": "canary-waiting" } };
        let sort = doc! { "a": 1, "canary": -1 };
        let find = things.find(filter.clone()).sort(sort.clone()).batch_size(2);
        let mut cursor = find.await.unwrap();
        cursor.next().await.unwrap().unwrap();
        let pipeline = [doc! { "$match": filter }, doc! { "$sort": { "canary-key@a.b": 1 } }];
        let mut aggregate = things.aggregate(pipeline).batch_size(2).await.unwrap();
        aggregate.next().await.unwrap().unwrap();
        scene.watcher.reload(own("masked", directory.path())).await.unwrap();
        // What waits comes out as it is: nothing more is told of it.
        scene.drop_database().await;
        let seen = scene.seen.clone();
        scene.watcher.shutdown().await.unwrap();
        drop((cursor, aggregate));
        let records = seen.records();
        let of = |operation: &str| records.iter().find(|r| r.operation == operation).unwrap();
        let (find, aggregate) = (of("find"), of("aggregate"));
        assert_eq!((find.phase, aggregate.phase), (Phase::Timeout, Phase::Timeout));
        let options = find.options.as_deref().unwrap().as_document().unwrap();
        assert_eq!(
            options.get_document("filter").unwrap(),
            &doc! { "a": { "$ne": "?string" } },
            "{options}"
        );
        let Value::Document(labels) = aggregate.get(Field::Labels) else { panic!("no labels") };
        assert!(!labels.to_string().contains("canary"), "{labels}");
        assert!(labels.contains_key("Pipeline"));
    }

    #[tokio::test]
    async fn raw_traffic_has_own_fields_by_command() {
        let directory = tempfile::tempdir().unwrap();
        let settings = settings(
            "
capture: commands
watchers:
  command:
    operations:
      find: {sort: {to: Extra.Sort}, filter: {to: Extra.Filter}}
      all: {Extra.Kind: {value: raw}}
",
            directory.path(),
        );
        let scene = scene("own-raw", settings);
        let things = scene.attached(Capture::Commands).await.collection::<Document>("things");
        things.insert_one(doc! {}).await.unwrap();
        let find = things.find(doc! { "a": 1 }).sort(doc! { "a": 1 });
        find.await.unwrap().try_collect::<Vec<_>>().await.unwrap();
        let records = scene.finish().await;
        let extra = |operation: &str| {
            let record = records.iter().find(|record| record.operation == operation).unwrap();
            record.extra.as_deref().cloned().unwrap()
        };
        assert_eq!(extra("insert"), doc! { "Kind": "raw" });
        let all = doc! { "Filter": { "a": 1 }, "Kind": "raw", "Sort": { "a": 1 } };
        let found = extra("find");
        assert_eq!(found.len(), 3, "{found}");
        assert!(all.iter().all(|(key, value)| found.get(key) == Some(value)), "{found}");
    }

    #[tokio::test]
    async fn a_reload_changes_levels_fields_own_fields_and_timeouts() {
        let directory = tempfile::tempdir().unwrap();
        let layers = "layers: [file: {path: DIR/a.log, template: '{Operation} {rest} {Extra}'}]";
        let before = settings(layers, directory.path());
        let after = settings(
            &format!(
                "
{layers}
watchers:
  collection:
    fields: [InsertedCount]
    operations: {{insert_one: {{Extra.New: {{value: 1}}}}}}
  cursor: {{timeout: 50ms, levels: {{final: off}}}}
"
            ),
            directory.path(),
        );
        let scene = scene("own-change", before);
        let things = scene.db().await.collection::<Document>("things");
        let all = || async {
            things.insert_one(doc! {}).await.unwrap();
            let cursor = things.find(doc! {}).await.unwrap();
            cursor.try_collect::<Vec<_>>().await.unwrap();
        };
        all().await;
        scene.watcher.reload(after).await.unwrap();
        all().await;
        let open = things.find(doc! {}).await.unwrap();
        until("the cursor expires", || !expired(&scene.seen).is_empty()).await;
        drop(open);
        let records = scene.finish().await;
        let change = records.iter().find(|record| record.watcher == WatcherName::Watcher).unwrap();
        assert!(!change.extra.as_deref().unwrap().contains_key("New"));
        let text = fs::read_to_string(directory.path().join("a.log")).unwrap();
        let inserts: Vec<_> = text.lines().filter(|line| line.starts_with("insert")).collect();
        assert!(inserts[0].ends_with("Outcome=ok -"), "{text}");
        assert_eq!(inserts[1], r#"insert_one InsertedCount=1 {"New":1}"#);
        let finds: Vec<_> = text.lines().filter(|line| line.starts_with("find")).collect();
        // The last one has expired; the final versions of the last two are off.
        assert_eq!(finds.len(), 2, "{text}");
    }

    #[tokio::test]
    async fn a_reload_with_a_fault_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let scene = scene("own-fault", own("full", directory.path()));
        let mut bad = own("full", directory.path());
        bad.watchers.collection.operations.add("insert_one", "zz", OwnField::To(None));
        let error = scene.watcher.reload(bad).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "watchers.collection.operations.insert_one.zz: unknown argument `zz`, expected \
             `bypass_document_validation`, `write_concern`, `comment`, or a field such as `Extra.Team`"
        );
        let things = scene.db().await.collection::<Document>("things");
        things.insert_one(doc! {}).await.unwrap();
        let records = scene.finish().await;
        let insert = records.iter().find(|record| record.operation == "insert_one").unwrap();
        assert_eq!(insert.extra.as_deref().unwrap().get_str("Team").unwrap(), "payments");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn each_record_has_the_own_fields_of_one_configuration() {
        let own = |number: i32| {
            let mut settings = Settings::default();
            let operations = &mut settings.watchers.collection.operations;
            for field in ["Extra.A", "Extra.B"] {
                operations.add("all", field, OwnField::Value(Bson::from(number).into()));
            }
            settings
        };
        let scene = scene("own-many", own(0));
        let db = scene.db().await;
        let is_done = Arc::new(AtomicBool::new(false));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let things = db.collection::<Document>("things");
                tokio::spawn(async move {
                    for n in 0..100 {
                        things.insert_one(doc! { "n": n }).await.unwrap();
                    }
                })
            })
            .collect();
        let mut n_reloads = 0;
        while !is_done.load(SeqCst) {
            n_reloads += 1;
            scene.watcher.reload(own(n_reloads)).await.unwrap();
            is_done.store(tasks.iter().all(tokio::task::JoinHandle::is_finished), SeqCst);
        }
        join_all(tasks).await.into_iter().for_each(|task| task.unwrap());
        let records = scene.finish().await;
        let inserts = records.iter().filter(|record| record.operation == "insert_one");
        let mut n_inserts = 0;
        for record in inserts {
            n_inserts += 1;
            let extra = record.extra.as_deref().unwrap();
            assert_eq!(extra.get("A"), extra.get("B"), "{extra}");
        }
        assert_eq!(n_inserts, 800);
    }

    /// The versions of the cursor's record: phase, and the documents received by then.
    async fn versions(
        name: &str,
        capture: Capture,
        updates: CursorUpdates,
        batches: bool,
    ) -> Vec<(Phase, Option<u64>)> {
        let mut settings = Settings::default();
        (settings.capture, settings.watchers.cursor.emit_on_new_retrieves) = (capture, updates);
        let all = Seen::default();
        let builder = Watcher::with_settings(settings);
        let scene = Scene::of(name, builder.foreign_layer_of("all", Versions::All, all.clone()));
        let numbers = scene.bare().await.collection::<Document>("numbers");
        numbers.insert_many((0..7).map(|n| doc! { "_id": n })).await.unwrap();
        let find = scene.db().await.collection::<Document>("numbers");
        let find = find.find(doc! {}).batch_size(2);
        if batches {
            assert_eq!(find.batch().await.unwrap().count().await, 4);
        } else {
            assert_eq!(find.await.unwrap().try_collect::<Vec<_>>().await.unwrap().len(), 7);
        }
        scene.finish().await;
        let records = all.records();
        records.iter().map(|record| (record.phase, record.counts.matched)).collect()
    }

    const CAPTURES: [Capture; 3] = [Capture::Operations, Capture::Spans, Capture::Commands];

    #[tokio::test]
    async fn an_update_comes_with_each_new_batch_or_with_each_document() {
        for capture in CAPTURES {
            let name = format!("retrieves-{capture:?}");
            let seen = versions(&name, capture, CursorUpdates::EveryBatch, false).await;
            let update = |n| (Phase::Update, Some(n));
            let (first, last) = ((Phase::First, None), (Phase::Final, Some(7)));
            assert_eq!(seen, [first, update(3), update(5), update(7), last], "{capture:?}");
            let seen = versions(&name, capture, CursorUpdates::EveryDocument, false).await;
            let each = (1..=7).map(update);
            let wanted: Vec<_> = [first].into_iter().chain(each).chain([last]).collect();
            assert_eq!(seen, wanted, "{capture:?}");
            // Raw batches are taken as a whole.
            let seen = versions(&name, capture, CursorUpdates::EveryBatch, true).await;
            assert_eq!(seen, [first, update(4), update(6), update(7), last], "{capture:?}");
            let seen = versions(&name, capture, CursorUpdates::EveryDocument, true).await;
            let wanted = [first, update(2), update(4), update(6), update(7), last];
            assert_eq!(seen, wanted, "{capture:?}");
        }
    }

    #[tokio::test]
    async fn an_update_of_a_change_stream_has_its_token_in_either_way() {
        for capture in CAPTURES {
            for updates in [CursorUpdates::EveryBatch, CursorUpdates::EveryDocument] {
                let mut settings = Settings::default();
                settings.capture = capture;
                settings.watchers.cursor.emit_on_new_retrieves = updates;
                let all = Seen::default();
                let builder = Watcher::with_settings(settings);
                let builder = builder.foreign_layer_of("all", Versions::All, all.clone());
                let scene = Scene::of(&format!("stream-{capture:?}"), builder);
                let people = scene.db().await.collection::<Document>("people");
                let mut stream = people.watch().batch_size(2).await.unwrap();
                let bare = scene.bare().await.collection::<Document>("people");
                // One transaction of the server's log: the first batch has two events, the next two.
                bare.insert_many((0..4).map(|n| doc! { "_id": n })).await.unwrap();
                for _ in 0..4 {
                    stream.next().await.unwrap().unwrap();
                }
                drop(stream);
                scene.finish().await;
                let updates_seen: Vec<_> = all
                    .records()
                    .into_iter()
                    .filter(|record| record.phase == Phase::Update)
                    .collect();
                assert!(updates_seen.iter().all(|record| record.resume_token.is_some()));
                if updates == CursorUpdates::EveryDocument {
                    let matched = updates_seen.iter().map(|record| record.counts.matched);
                    assert!(matched.eq((1..=4).map(Some)), "{capture:?}");
                } else {
                    // How the server cuts its log into batches is its own affair: each gives one, and
                    // holds two events at most.
                    let n_updates = updates_seen.len();
                    assert!((2..=4).contains(&n_updates), "{capture:?}: {n_updates}");
                }
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_cursor_of_a_query_keeps_its_updates() {
        let mut settings = Settings::default();
        settings.watchers.cursor.emit_on_new_retrieves = CursorUpdates::EveryDocument;
        let privacy = Privacy::Full;
        settings.privacy = privacy;
        let all = Seen::default();
        let builder = Watcher::with_settings(settings);
        let scene = Scene::of("files", builder.foreign_layer_of("all", Versions::All, all.clone()));
        let bucket = scene.db().await.gridfs_bucket(None);
        for name in ["a", "b", "c"] {
            let mut file = bucket.open_upload_stream(name).await.unwrap();
            file.write_all(b"text").await.unwrap();
            file.close().await.unwrap();
        }
        let files = bucket.find(doc! {}).await.unwrap();
        assert_eq!(files.try_collect::<Vec<_>>().await.unwrap().len(), 3);
        scene.finish().await;
        let records = all.records();
        let is_update = |r: &&WatchMessage| r.operation == "find" && r.phase == Phase::Update;
        assert_eq!(records.iter().filter(is_update).count(), 0);
    }
}
