//! Filters of the application, asked from YAML and in code, on the real server.

mod needs_server {
    use std::{fs, path::Path, sync::Arc};

    use mongodb::options::ClientOptions;
    use mongowatch::{
        Database, Settings, Watcher, WatcherBuilder,
        bson::{Document, doc},
        filter::{
            Draft, Expression, Predicate, StepSettings, Verdict, collection, operation, slower_than,
        },
        layer::{JsonSettings, LayerSettings},
    };
    use serde_json::Value;

    use crate::server::Server;

    /// The application's filters: a predicate, and closures that keep count and change records.
    fn with_filters(builder: WatcherBuilder) -> WatcherBuilder {
        let changes: Expression = "Operation =~ /^(insert|update|delete)/".parse().unwrap();
        let wanted = collection("orders")
            .and(Predicate::from(changes).or(slower_than(std::time::Duration::from_secs(3_600))))
            .and(operation("insert_many").not());
        builder
            .filter("changes_of_orders", move || Box::new(wanted.clone()))
            .filter("every_second", || {
                let mut n_seen = 0;
                Box::new(move |_: &mut Draft| {
                    n_seen += 1;
                    Verdict::pass_if(n_seen % 2 == 1)
                })
            })
            .filter("stamp", || {
                Box::new(|draft: &mut Draft| {
                    let n_deleted = draft.record().counts.deleted.unwrap_or(0);
                    let stamp = doc! { "Many": n_deleted > 2 };
                    draft.to_mut().extra = Some(Arc::new(stamp));
                    Verdict::Pass
                })
            })
    }

    fn from_yaml(path: &Path) -> Watcher {
        let yaml = format!(
            "layers:\n- json:\n    path: {}\n    steps:\n    - filter: changes_of_orders\n    - filter: stamp\n",
            path.display()
        );
        let settings = Settings::from_yaml_str(&yaml, "audit.yaml").unwrap();
        with_filters(Watcher::with_settings(settings)).start().unwrap()
    }

    fn from_code(path: &Path) -> Watcher {
        let mut json = JsonSettings::to_file(path);
        json.steps = ["changes_of_orders", "every_second"]
            .map(|name| StepSettings::Filter(name.to_owned()))
            .to_vec();
        with_filters(Watcher::builder().layer(LayerSettings::Json(json))).start().unwrap()
    }

    async fn work(db: &Database) {
        for name in ["orders", "people"] {
            let things = db.collection::<Document>(name);
            things.insert_many((0..5).map(|n| doc! { "_id": n })).await.unwrap();
            things.find_one(doc! {}).await.unwrap();
            things.update_one(doc! { "_id": 1 }, doc! { "$set": { "a": 1 } }).await.unwrap();
            things.delete_one(doc! { "_id": 1 }).await.unwrap();
            things.delete_many(doc! {}).await.unwrap();
        }
    }

    /// Collection, operation and Extra of each line.
    fn lines(path: &Path) -> Vec<String> {
        let line = |line: &str| {
            let record: Value = serde_json::from_str(line).unwrap();
            let part = |name: &str| record[name].to_string().replace('"', "");
            format!("{} {} {}", part("Collection"), part("Operation"), part("Extra"))
        };
        fs::read_to_string(path).unwrap().lines().map(line).collect()
    }

    #[tokio::test]
    async fn closures_and_predicates_filter_for_yaml_and_for_code() {
        let server = Server::shared();
        let name = server.database_name("code_filters");
        let directory = tempfile::tempdir().unwrap();
        let files = ["yaml.jsonl", "code.jsonl"].map(|file| directory.path().join(file));
        // Ten operations: three of them are changes of orders that are meant; in code, the second one of
        // them is kept back too.
        let watchers = [(from_yaml(&files[0]), [7, 0]), (from_code(&files[1]), [7, 1])];
        for (watcher, filtered) in watchers {
            let options = ClientOptions::parse(server.uri()).await.unwrap();
            let db = watcher.client(options).unwrap().database(&name);
            work(&db).await;
            let stats = watcher.shutdown().await.unwrap();
            assert!(stats.is_balanced(), "{stats:#?}");
            let route = stats.route("json").unwrap();
            let by_step: Vec<_> = route.filtered_by.iter().map(|step| step.filtered).collect();
            assert_eq!(by_step, filtered);
            assert_eq!(route.written, 10 - filtered[0] - filtered[1]);
        }
        assert_eq!(
            lines(&files[0]),
            [
                "orders update_one {Many:false}",
                "orders delete_one {Many:false}",
                "orders delete_many {Many:true}",
            ]
        );
        assert_eq!(lines(&files[1]), ["orders update_one null", "orders delete_many null"]);
        let bare = mongodb::Client::with_uri_str(server.uri()).await.unwrap();
        bare.database(&name).drop().await.unwrap();
    }

    #[test]
    fn a_filter_that_nobody_registered_is_refused_by_its_name() {
        let yaml = "layers:\n- console: {steps: [filter: every_secnd]}";
        let settings = Settings::from_yaml_str(yaml, "audit.yaml").unwrap();
        let error = with_filters(Watcher::with_settings(settings)).start().unwrap_err();
        let error = error.to_string();
        assert!(error.contains("did you mean `every_second`?"), "{error}");
    }
}
