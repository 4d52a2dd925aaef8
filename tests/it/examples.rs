//! The examples run, and show what they say.

mod needs_server {
    use std::{env, process::Command};

    use crate::server::Server;

    /// Runs an example as it was built beside the tests, on their server.
    fn output_of(example: &str) -> Option<String> {
        let tests = env::current_exe().unwrap();
        let binary = tests.parent()?.parent()?.join("examples").join(example);
        if !binary.exists() {
            // Only `cargo test` as a whole builds the examples.
            println!("skipped: the example `{example}` is not built");
            return None;
        }
        let output =
            Command::new(binary).env("MONGODB_URI", Server::shared().uri()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{example}: {}", text(&output.stderr));
        Some(text(&output.stdout) + text(&output.stderr).as_str())
    }

    #[test]
    fn quickstart_shows_records_books_and_one_row_of_each() {
        let Some(output) = output_of("quickstart") else { return };
        for shown in [
            "articles ok Filter={\"price\":{\"$lt\":20}}",
            "ErrorCode=11000 ErrorName=DuplicateKey",
            "articles cancelled Filter={}",
            "the books balance: true",
            " rows read, 8 rows written",
            ",articles,find,ok,130,,,",
        ] {
            assert!(output.contains(shown), "{shown:?} is not in\n{output}");
        }
    }

    #[test]
    fn attach_records_a_plain_client() {
        let Some(output) = output_of("attach") else { return };
        for shown in ["people ok Filter={\"age\":{\"$gte\":18}}", "84 adults, 4 operations"] {
            assert!(output.contains(shown), "{shown:?} is not in\n{output}");
        }
    }

    #[test]
    fn axum_context_shows_who_did_it() {
        let Some(output) = output_of("axum_context") else { return };
        for shown in [
            "-- HTTP/1.1 200 OK: 2",
            r#"find       ok Actor={"Kind":"user","ID":"alice"} Tenant=acme RequestID=r-1"#,
            r#"insert_one ok Actor={"Kind":"user","ID":"bob"} Tenant=globex RequestID=r-2"#,
            r#"drop       ok MissingContext=["Actor"]"#,
        ] {
            assert!(output.contains(shown), "{shown:?} is not in\n{output}");
        }
    }

    #[test]
    fn gridfs_shows_one_record_of_each_file_that_was_written_or_read() {
        let Some(output) = output_of("gridfs") else { return };
        for shown in [
            "FileBytes=1000000 FileChunks=16",
            "FileBytes=16 ",
            "FileBytes=100000 FileChunks=1 ",
            "ErrorName=GridFs",
            "8 operations, the books balance: true",
        ] {
            assert!(output.contains(shown), "{shown:?} is not in\n{output}");
        }
        for (operation, outcome, n) in [
            ("open_upload_stream", "ok", 1),
            ("open_upload_stream", "cancelled", 1),
            ("open_download_stream", "ok", 1),
            ("open_download_stream_by_name", "cancelled", 1),
            ("open_download_stream_by_name", "error", 1),
            ("rename", "ok", 1),
            ("delete", "ok", 1),
        ] {
            let (operation, outcome) = (format!(" {operation} "), format!(".pictures {outcome} "));
            let lines = output.lines();
            let found = lines.filter(|l| l.contains(&operation) && l.contains(&outcome)).count();
            assert_eq!(found, n, "{operation}{outcome}\n{output}");
        }
    }

    #[test]
    fn own_layer_shows_ordinary_event_fields() {
        let Some(output) = output_of("own_layer") else { return };
        let line = output.lines().find(|line| line.contains("find_one")).unwrap();
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["target"], "mongowatch.collection");
        assert_eq!(event["fields"]["MatchedCount"], 1);
        assert_eq!(event["fields"]["Outcome"], "ok");
    }

    #[test]
    fn transactions_show_what_became_of_each_operation() {
        let Some(output) = output_of("transactions") else { return };
        for shown in [
            "update_one         ok     committed session",
            "commit_transaction ok     -         session",
            "delete_many        ok     aborted   session",
            "8 operations, balanced: true",
        ] {
            assert!(output.contains(shown), "{shown:?} is not in\n{output}");
        }
    }

    #[test]
    fn change_streams_show_their_events_and_tokens() {
        let Some(output) = output_of("change_stream") else { return };
        let streams: Vec<_> = output.lines().filter(|line| line.starts_with("watch ")).collect();
        let [first, resumed] = streams.as_slice() else { panic!("{output}") };
        assert!(first.starts_with("watch orders ok 2 events, token {\"_data\":"), "{output}");
        assert!(resumed.starts_with("watch orders ok 1 events"), "{output}");
        assert!(output.contains("resumed: Insert Some(Document({\"_id\""), "{output}");
    }

    #[cfg(feature = "sync")]
    #[test]
    fn the_blocking_api_shows_who_did_it() {
        let Some(output) = output_of("sync") else { return };
        for shown in [
            "insert_many orders ok - by {\"Kind\":\"user\",\"ID\":\"ada\"}",
            "find orders ok 2 by {\"Kind\":\"user\",\"ID\":\"ada\"}",
            "drop - ok - by",
            "3 operations, balanced: true",
        ] {
            assert!(output.contains(shown), "{shown:?} is not in\n{output}");
        }
    }

    /// Runs the application of the driver. Its own package is built by its own call of cargo, in the
    /// same build directory.
    #[cfg(feature = "yaml")]
    fn dropin(config: Option<&std::path::Path>) -> std::process::Output {
        let server = Server::shared();
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(["run", "--quiet", "--package", "dropin", "--manifest-path", manifest, "--"])
            .args([server.uri(), &server.database_name("dropin")]);
        match config {
            Some(config) => cargo.env("MONGOWATCH_CONFIG", config),
            None => cargo.env_remove("MONGOWATCH_CONFIG"),
        };
        cargo.output().unwrap()
    }

    #[cfg(feature = "yaml")]
    #[test]
    fn an_application_of_the_driver_is_watched_by_the_defaults_or_not_made_at_all() {
        let output = dropin(None);
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{log}");
        assert!(log.contains("find_one_and_update") && log.contains(".orders ok"), "{log}");
        let output = dropin(Some("there/is/no.yaml".as_ref()));
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{log}");
        assert!(log.contains("mongowatch: MONGOWATCH_CONFIG: "), "{log}");
        assert!(log.contains("no.yaml"), "{log}");
    }

    #[cfg(feature = "yaml")]
    #[test]
    fn an_application_of_the_driver_is_watched_by_the_name_of_its_dependency_alone() {
        let directory = tempfile::tempdir().unwrap();
        let csv = directory.path().join("audit.csv");
        let config = directory.path().join("audit.yaml");
        let fields = "[Operation, Collection, Outcome, MatchedCount, TxnOutcome]";
        let yaml = format!(
            "layers:\n- csv:\n    path: {}\n    columns: {fields}\n    versions: released\n",
            csv.display()
        );
        std::fs::write(&config, yaml).unwrap();
        let output = dropin(Some(&config));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        // It has a subscriber of its own, which must not suffer from what is said at the exit.
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(log.contains("watcher started") && log.contains("watcher stopped"), "{log}");
        assert!(text.contains("paid: 2") && text.contains("seen by another client: 3"), "{text}");
        let mut rows: Vec<_> =
            std::fs::read_to_string(&csv).unwrap().lines().skip(1).map(str::to_owned).collect();
        rows.sort_unstable();
        assert_eq!(
            rows,
            [
                "commit_transaction,,ok,,",
                "count_documents,orders,ok,1,",
                "create_index,orders,ok,,",
                "drop,,ok,,",
                "find,orders,ok,3,",
                "find,orders,ok,3,",
                "find_one_and_update,orders,ok,1,",
                "insert_one,orders,error,,",
                "insert_one,orders,ok,,",
                "insert_one,orders,ok,,",
                "insert_one,orders,ok,,",
                "update_many,orders,ok,2,committed",
                "watch,orders,ok,1,",
            ]
        );
    }
}
