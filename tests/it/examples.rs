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
        Some(text(&output.stdout) + &text(&output.stderr))
    }

    #[test]
    fn quickstart_shows_records_books_and_one_row_of_each() {
        let Some(output) = output_of("quickstart") else { return };
        for shown in [
            "articles ok Filter={\"price\":{\"$lt\":20}}",
            "ErrorCode=11000 ErrorName=DuplicateKey",
            "articles cancelled Filter={}",
            "the books balance: true",
            "18 rows read, 8 rows written",
            ",final(3),articles,find,ok,130,,,",
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
    fn own_layer_shows_ordinary_event_fields() {
        let Some(output) = output_of("own_layer") else { return };
        let line = output.lines().find(|line| line.contains("find_one")).unwrap();
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["target"], "mongowatch.collection");
        assert_eq!(event["fields"]["MatchedCount"], 1);
        assert_eq!(event["fields"]["Outcome"], "ok");
    }
}
