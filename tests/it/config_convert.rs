//! `mongowatch config convert`, as a user runs it: the real binary on real files.
#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use expect_test::{Expect, expect};
use tempfile::TempDir;

/// Everything in it has a counterpart.
const WHOLE: &str = "
version: 1
handlers:
  file: {class: logging.FileHandler, filename: watch.log}
loggers:
  pymongo.watcher: {level: DEBUG, handlers: [file]}
";

/// Something in it has none.
const LOSSY: &str = "
version: 1
handlers:
  file: {class: logging.FileHandler, filename: watch.log, filters: [mask]}
filters:
  mask: {(): p.ExecuteFilter, execute: 'record.watch.Filter = None'}
loggers:
  pymongo.watcher: {level: DEBUG, handlers: [file]}
";

fn desk() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn run(desk: &Path, args: &[&str], stdin: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mongowatch"));
    command.args(["config", "convert"]).args(args).current_dir(desk);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may have ended without reading.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an `expect![]` stands in the call")]
fn check(desk: &TempDir, args: &[&str], stdin: &str, code: i32, expected: Expect) {
    let output = run(desk.path(), args, stdin);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    expected.assert_eq(&format!("{}--- stderr\n{}", text(output.stdout), text(output.stderr)));
    assert_eq!(output.status.code(), Some(code));
}

#[test]
fn a_file_is_printed_and_what_is_lost_is_told() {
    let desk = desk();
    fs::write(desk.path().join("whole.yaml"), WHOLE).unwrap();
    check(
        &desk,
        &["whole.yaml"],
        "",
        0,
        expect![[r#"
        # Made by `mongowatch config convert` of whole.yaml.
        layers:
        - file:
            name: file
            versions: all
            path: watch.log
            template: '{watch}'
        --- stderr
    "#]],
    );
    check(
        &desk,
        &["-"],
        LOSSY,
        4,
        expect![[r#"
            # Made by `mongowatch config convert` of <stdin>.
            layers:
            - file:
                name: file
                versions: all
                path: watch.log
                template: '{watch}'
                steps:
                  # not carried over: filters.mask.execute (line 6): code of Python; if it masks values, the
                  #   step `mask: Filter` does so too
                  #   record.watch.Filter = None
                  # - mask: Filter
            --- stderr
            <stdin>:6:40: filters.mask.execute: not carried over: code of Python; if it masks values, the step `mask: Filter` does so too
            mongowatch: 1 part was not carried over
        "#]],
    );
}

#[test]
fn a_file_that_is_there_is_replaced_only_if_that_is_asked_for() {
    let desk = desk();
    let out = desk.path().join("out.yaml");
    check(
        &desk,
        &["-", "--output", "out.yaml"],
        WHOLE,
        0,
        expect![[r#"
        --- stderr
    "#]],
    );
    let first = fs::read_to_string(&out).unwrap();
    assert!(first.contains("path: watch.log"), "{first}");
    check(
        &desk,
        &["-", "-o", "out.yaml"],
        LOSSY,
        1,
        expect![[r#"
        --- stderr
        mongowatch: error: out.yaml is there already
        mongowatch: hint: replace it with --force, or name another file
    "#]],
    );
    assert_eq!(fs::read_to_string(&out).unwrap(), first);
    check(
        &desk,
        &["-", "-o", "out.yaml", "--force"],
        LOSSY,
        4,
        expect![[r#"
            --- stderr
            <stdin>:6:40: filters.mask.execute: not carried over: code of Python; if it masks values, the step `mask: Filter` does so too
            mongowatch: 1 part was not carried over
        "#]],
    );
    let second = fs::read_to_string(&out).unwrap();
    assert!(second.contains("# - mask: Filter"), "{second}");
    let check =
        Command::new(env!("CARGO_BIN_EXE_mongowatch")).args(["config", "check"]).arg(&out).output();
    assert!(check.unwrap().status.success());
    assert_eq!(fs::read_dir(desk.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let desk = desk();
    check(
        &desk,
        &["none.yaml"],
        "",
        1,
        expect![[r#"
        --- stderr
        mongowatch: error: none.yaml: cannot be read: No such file or directory (os error 2)
    "#]],
    );
    check(
        &desk,
        &["."],
        "",
        1,
        expect![[r#"
        --- stderr
        mongowatch: error: .: found a directory, expected a file
    "#]],
    );
    check(
        &desk,
        &["-"],
        "version: 1\nhandlers: [",
        1,
        expect![[r#"
        --- stderr
        mongowatch: error: <stdin>:2:11: unclosed bracket '['
    "#]],
    );
    check(
        &desk,
        &["-"],
        &"#".repeat((1 << 20) + 1),
        1,
        expect![[r#"
        --- stderr
        mongowatch: error: <stdin>: found more than 1 MiB, expected a configuration
    "#]],
    );
    check(
        &desk,
        &["-", "--output", "none/out.yaml"],
        WHOLE,
        1,
        expect![[r#"
        --- stderr
        mongowatch: error: could not write none/out.yaml: No such file or directory (os error 2)
    "#]],
    );
    fs::write(desk.path().join("bytes.yaml"), b"version: 1\na: \xff").unwrap();
    check(
        &desk,
        &["bytes.yaml"],
        "",
        1,
        expect![[r#"
        --- stderr
        mongowatch: error: bytes.yaml:2:4: found a byte that is not UTF-8, expected text in UTF-8
    "#]],
    );
}

#[test]
fn one_file_is_needed() {
    assert_eq!(run(desk().path(), &[], "").status.code(), Some(2));
    assert_eq!(run(desk().path(), &["a", "b"], "").status.code(), Some(2));
    assert_eq!(run(desk().path(), &["a", "--force"], "").status.code(), Some(2));
}

mod needs_server {
    use mongodb::options::ClientOptions;
    use mongowatch::{
        Settings, Watcher,
        bson::{Document, doc},
    };

    use super::*;
    use crate::server::Server;

    /// As pymongowatch's users have it: a console, a CSV file behind a queue, filters.
    const SOURCE: &str = r#"
version: 1
watchers:
  global:
    timeout_sec: 60
    csv:
    - file: cfg://handlers.rows.filename
      add_headers_if_empty: "WatcherName,{watch.csv}"
  collection:
    operations:
      insert_one:
        Team: {value: payments}
      find_one:
        sort: {to: Sort}
formatters:
  rows: {format: "{name},{watch.csv}", style: "{"}
  line: {format: "{levelname} {name} {watch.Operation} {watch.Collection} {watch.DeletedCount} {watch.Team}", style: "{"}
filters:
  writes:
    (): pymongo_watch.ExpressionFilter
    expression: record.watch.Operation in ("insert_one", "delete_many") and not record.watch.Collection.startswith("tmp")
  finds:
    (): pymongo_watch.ExpressionFilter
    expression: record.watch.Operation == "get_more" and record.watch.MatchedCount > 1
handlers:
  rows: {class: logging.FileHandler, filename: DIRECTORY/rows.csv, formatter: rows, filters: [finds]}
  lines: {class: logging.FileHandler, filename: DIRECTORY/lines.log, formatter: line}
  rows_queue: {(): pymongo_watch.setup_queue_handler, backend: cfg://handlers.rows}
  lines_queue: {(): pymongo_watch.setup_queue_handler, backend: cfg://handlers.lines, filters: [writes]}
loggers:
  pymongo.watcher: {level: INFO, handlers: [rows_queue, lines_queue]}
"#;

    #[tokio::test]
    async fn a_watcher_writes_what_a_converted_file_says() {
        let (server, desk) = (Server::shared(), desk());
        let source = SOURCE.replace("DIRECTORY", desk.path().to_str().unwrap());
        let output = run(desk.path(), &["-", "-o", "out.yaml"], &source);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{told}");

        let settings = Settings::from_yaml_file(desk.path().join("out.yaml")).unwrap();
        let watcher = Watcher::with_settings(settings).start().unwrap();
        let options = ClientOptions::parse(server.uri()).await.unwrap();
        let db = watcher.client(options).unwrap().database(&server.database_name("convert"));
        for name in ["orders", "tmp_orders"] {
            let orders = db.collection::<Document>(name);
            for id in 0..2 {
                orders.insert_one(doc! { "_id": id }).await.unwrap();
            }
            let mut found = orders.find(doc! {}).await.unwrap();
            while found.advance().await.unwrap() {}
            let mut found = orders.find(doc! { "_id": 1 }).await.unwrap();
            while found.advance().await.unwrap() {}
            orders.find_one(doc! {}).await.unwrap();
            orders.delete_many(doc! {}).await.unwrap();
        }
        db.drop().await.unwrap();
        let stats = watcher.shutdown().await.unwrap();
        assert!(stats.is_balanced(), "{stats:#?}");

        let read = |name: &str| fs::read_to_string(desk.path().join(name)).unwrap();
        let insert = "INFO mongowatch.collection insert_one orders - {\"Team\":\"payments\"}\n";
        let delete = "INFO mongowatch.collection delete_many orders 2 -\n";
        assert_eq!(read("lines.log"), [insert, insert, delete].concat());
        let rows = read("rows.csv");
        let rows: Vec<_> = rows.lines().collect();
        assert!(rows[0].starts_with("WatcherName,WatchID,Iteration,StartTime"), "{rows:#?}");
        let is_find = |row: &&str| row.starts_with("mongowatch.cursor,") && row.contains(",find,");
        assert_eq!(
            (rows.len(), rows.iter().copied().filter(|row| is_find(row)).count()),
            (3, 2),
            "{rows:#?}"
        );
    }
}
