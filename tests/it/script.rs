//! The step `script`, as a configuration has it: on operations of the real server, and in the tool.

mod needs_server {
    use std::fs;

    use mongodb::options::ClientOptions;
    use mongowatch::{
        Client, Context, Settings, Stats, Watcher,
        bson::{Document, doc, oid::ObjectId},
    };
    use serde_json::{Value, json};

    use crate::server::Server;

    /// A watcher whose only layer, `json`, writes final records through these steps.
    struct Scripted {
        watcher: Watcher,
        client: Client,
        directory: tempfile::TempDir,
        yaml: String,
    }

    impl Scripted {
        async fn start(steps: &str) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().display().to_string();
            let yaml = format!("layers:\n- json:\n    path: DIR/audit.jsonl\n    steps:\n{steps}");
            let yaml = yaml.replace("DIR", &path);
            let settings = Settings::from_yaml_str(&yaml, "audit.yaml").unwrap();
            let watcher = Watcher::with_settings(settings).start().unwrap();
            let options = ClientOptions::parse(Server::shared().uri()).await.unwrap();
            let client = watcher.client(options).unwrap();
            Self { watcher, client, directory, yaml }
        }

        async fn end(self) -> (Vec<Value>, Stats) {
            let stats = self.watcher.shutdown().await.unwrap();
            assert!(stats.is_balanced(), "{stats:#?}");
            let text = fs::read_to_string(self.directory.path().join("audit.jsonl")).unwrap();
            (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), stats)
        }
    }

    const STEPS: &str = r#"
    - script:
        code: |
          if record.Operation == "find_one" && record.Actor.ID == "batch" { return false; }
          record.Extra.Namespace = `$${record.DB}.$${record.Collection}`;
          record.Extra.ByAge = record.Filter.age["$gt"] ?? 0;
          if "email" in record.Filter { record.mask("Filter.email"); }
          // Fails where there is no name: such a record is dropped.
          if record.Operation == "delete_many" { record.Extra.Letters = record.Filter.name.len(); }
    - script: {code: 'if record.Operation == "count_documents" { nothing() }', on_error: pass}
"#;

    #[tokio::test]
    async fn a_script_changes_drops_and_fails_by_what_the_operations_were() {
        let scripted = Scripted::start(STEPS).await;
        let name = Server::shared().database_name("scripts");
        let people = scripted.client.database(&name).collection::<Document>("people");
        let id = ObjectId::new();
        let filter =
            doc! { "email": "alice@example.com", "age": { "$gt": 30_i64 }, "_id": id, "x": 1.0 };
        people.find_one(filter.clone()).await.unwrap();
        let batch = Context::new().actor("batch");
        batch.scope(async { people.find_one(filter).await.unwrap() }).await;
        people.delete_many(doc! { "name": "bob" }).await.unwrap();
        people.delete_many(doc! { "nick": "bob" }).await.unwrap();
        people.count_documents(doc! { "age": { "$gt": 5 } }).await.unwrap();
        let (lines, stats) = scripted.end().await;
        let lines: Vec<_> = lines
            .iter()
            .map(|line| (line["Operation"].as_str().unwrap(), &line["Filter"], &line["Extra"]))
            .collect();
        let namespace = format!("{name}.people");
        let filter = json!({
            "email": "?string", "age": { "$gt": 30 }, "_id": { "$oid": id.to_hex() }, "x": 1.0
        });
        assert_eq!(
            lines,
            [
                ("find_one", &filter, &json!({ "Namespace": namespace, "ByAge": 30 })),
                (
                    "delete_many",
                    &json!({ "name": "bob" }),
                    &json!({ "Namespace": namespace, "ByAge": 0, "Letters": 3 })
                ),
                (
                    "count_documents",
                    &json!({ "age": { "$gt": 5 } }),
                    &json!({ "Namespace": namespace, "ByAge": 5 })
                ),
            ]
        );
        let route = stats.route("json").unwrap();
        let steps = route.filtered_by.iter();
        let steps: Vec<_> = steps.map(|step| (&*step.name, step.filtered, step.errors)).collect();
        assert_eq!(steps, [("1-script", 2, 1), ("2-script", 0, 1)]);
        assert_eq!((route.written, route.failed), (3, 0));
    }

    #[tokio::test]
    async fn a_reload_reads_the_file_of_a_script_again() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.rhai");
        fs::write(&file, "record.Extra.Version = 1;").unwrap();
        let steps = format!("    - script: {{file: {}}}\n", file.display());
        let scripted = Scripted::start(&steps).await;
        let name = Server::shared().database_name("script_files");
        let things = scripted.client.database(&name).collection::<Document>("things");
        for version in 1..4 {
            fs::write(&file, format!("record.Extra.Version = {};", version.min(2))).unwrap();
            let settings = Settings::from_yaml_str(&scripted.yaml, "audit.yaml").unwrap();
            scripted.watcher.reload(settings).await.unwrap();
            things.find_one(doc! {}).await.unwrap();
            scripted.watcher.flush().await.unwrap();
        }
        fs::write(&file, "record.Exrta").unwrap();
        let error = Settings::from_yaml_str(&scripted.yaml, "audit.yaml").unwrap_err();
        assert!(error.to_string().contains("a.rhai: line 1, column 8: unknown field"), "{error}");
        let (lines, stats) = scripted.end().await;
        let versions: Vec<_> = lines
            .iter()
            .filter(|line| line["Operation"] == "find_one" && line["Iteration"] != "0")
            .map(|line| line["Extra"]["Version"].as_i64().unwrap())
            .collect();
        assert_eq!(versions, [1, 2, 2]);
        // The route of the second file went on through the last reload.
        assert_eq!(stats.route("json").unwrap().filtered_by[0].errors, 0);
    }
}
