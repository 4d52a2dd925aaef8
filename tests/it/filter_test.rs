//! `mongowatch filter test`, as a user runs it: the real binary on real files.
#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

use std::{
    fs,
    process::{Command, Output, Stdio},
};

use expect_test::{Expect, expect};
use tempfile::TempDir;

const CONFIG: &str = "
layers:
- json:
    name: slow
    path: never-opened.jsonl
    steps:
    - when: Duration > 10ms
    - mask: Filter
    - filter: ours
    - level: debug
- csv:
    name: rates
    path: never-opened.csv
    privacy: masked
    steps:
    - rate: {every: 60s, by: [Collection], originals: drop}
";

fn record(second: u32, collection: &str, duration: &str) -> String {
    format!(
        r#"{{"WatcherName":"mongowatch.collection","WatchID":"0190163d-8694-739b-aea5-966c26f8ad91","Iteration":"final(1)","StartTime":"2024-05-01T12:00:{second:02}.000000Z","EndTime":"2024-05-01T12:00:{second:02}.500000Z","DB":"shop","Collection":"{collection}","Operation":"find","Filter":{{"a":1}},"Duration":{duration},"Outcome":"ok","Seq":7}}"#
    )
}

fn run(config: &str, records: &str, args: &[&str]) -> Output {
    let desk = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    fs::write(desk.path().join("config.yaml"), config).unwrap();
    fs::write(desk.path().join("in.jsonl"), records).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mongowatch"));
    command.args(["filter", "test", "--config", "config.yaml"]).args(args).arg("in.jsonl");
    let output = command.current_dir(desk.path()).stdin(Stdio::null()).output().unwrap();
    let files = fs::read_dir(desk.path()).unwrap().count();
    assert_eq!(files, 2, "nothing else was opened");
    output
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an `expect![]` stands in the call")]
fn check(records: &str, args: &[&str], code: i32, expected: Expect) {
    let output = run(CONFIG, records, args);
    let shown = format!(
        "{}--- stderr\n{}",
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap()
    );
    expected.assert_eq(&without_new_ids(&shown));
    assert_eq!(output.status.code(), Some(code));
}

/// Replaces the ids that were not in the input: a record that a step makes has one of its own.
fn without_new_ids(text: &str) -> String {
    let is_id =
        |word: &str| word.len() >= 38 && word.starts_with("\"0") && word.matches('-').count() == 4;
    let known = "\"0190163d-8694-739b-aea5-966c26f8ad91\"";
    let words = |line: &str| {
        let words = line
            .split(' ')
            .map(|word| if is_id(word) && word != known { "\"<new>\"" } else { word });
        words.collect::<Vec<_>>().join(" ")
    };
    text.split('\n').map(words).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_step_shows_what_it_does() {
    let records = [record(1, "news", "0.5"), record(2, "people", "0.001")].join("\n");
    check(
        &records,
        &["--route", "slow"],
        0,
        expect![[r#"
        in.jsonl:1: "find" "shop" "news" "0190163d-8694-739b-aea5-966c26f8ad91" "final(1)"
          slow
            1-when: passed
            2-mask: passed
              Filter: {"a":1} -> {"a":"?number"}
            3-filter: passed
            4-level: passed
              level: debug
            out
        in.jsonl:2: "find" "shop" "people" "0190163d-8694-739b-aea5-966c26f8ad91" "final(1)"
          slow
            1-when: dropped

        slow: 2 records in, 1 out
          1-when    1 passed, 1 dropped
          2-mask    1 passed, 0 dropped, 1 changed
          3-filter  1 passed, 0 dropped
          4-level   1 passed, 0 dropped, 1 changed
        --- stderr
        mongowatch: the filter `ours` is the application's: here it lets everything pass
    "#]],
    );
}

#[test]
fn rates_take_their_time_from_the_records() {
    let mut records = vec![record(1, "news", "0.5"), record(2, "news", "0.25")];
    records.push(record(3, "news", "0.5").replace("12:00:", "12:07:"));
    records.push("nonsense".to_owned());
    check(
        &records.join("\n"),
        &["--route", "rates"],
        3,
        expect![[r#"
            in.jsonl:1: "find" "shop" "news" "0190163d-8694-739b-aea5-966c26f8ad91" "final(1)"
              rates
                privacy
                  Filter: {"a":1} -> {"a":"?number"}
                  QueryShape: nothing -> {"filter":{"a":{"$eq":"?number"}}}
                  ShapeHash: nothing -> "v1:c6a585c01cddda4da5d3a98ec96629bc"
                  ShapeLabel: nothing -> "find shop.news a"
                1-rate: dropped
            in.jsonl:2: "find" "shop" "news" "0190163d-8694-739b-aea5-966c26f8ad91" "final(1)"
              rates
                privacy
                  Filter: {"a":1} -> {"a":"?number"}
                  QueryShape: nothing -> {"filter":{"a":{"$eq":"?number"}}}
                  ShapeHash: nothing -> "v1:c6a585c01cddda4da5d3a98ec96629bc"
                  ShapeLabel: nothing -> "find shop.news a"
                1-rate: dropped
            made by 1-rate of rates: "rate" "news" "<new>" "final"
                WatcherName: "mongowatch.rate"
                WatchID: "<new>"
                Iteration: "final"
                StartTime: "2024-05-01T12:00:00.000000Z"
                EndTime: "2024-05-01T12:01:00.000000Z"
                Collection: "news"
                Operation: "rate"
                Outcome: "ok"
                Extra: {"Count":2,"Rate":0.03333333333333333,"Duration":{"Sum":0.75,"Min":0.25,"Max":0.5,"P50":0.250879,"P95":0.5,"P99":0.5}}
                Seq: 0
                out
            in.jsonl:3: "find" "shop" "news" "0190163d-8694-739b-aea5-966c26f8ad91" "final(1)"
              rates
                privacy
                  Filter: {"a":1} -> {"a":"?number"}
                  QueryShape: nothing -> {"filter":{"a":{"$eq":"?number"}}}
                  ShapeHash: nothing -> "v1:c6a585c01cddda4da5d3a98ec96629bc"
                  ShapeLabel: nothing -> "find shop.news a"
                1-rate: dropped
            made by 1-rate of rates: "rate" "news" "<new>" "final"
                WatcherName: "mongowatch.rate"
                WatchID: "<new>"
                Iteration: "final"
                StartTime: "2024-05-01T12:07:00.000000Z"
                EndTime: "2024-05-01T12:07:03.500000Z"
                Collection: "news"
                Operation: "rate"
                Outcome: "ok"
                Extra: {"Count":1,"Rate":0.2857142857142857,"Duration":{"Sum":0.5,"Min":0.5,"Max":0.5,"P50":0.5,"P95":0.5,"P99":0.5}}
                Seq: 0
                out

            rates: 3 records in, 2 out
              1-rate  0 passed, 3 dropped, 2 made
            --- stderr
            in.jsonl:4: column 2: expected ident
            mongowatch: 1 malformed line was left out
        "#]],
    );
}

#[test]
fn counts_alone_may_be_shown() {
    let records = [record(1, "news", "0.5"), record(2, "people", "0.001")].join("\n");
    check(
        &records,
        &["--counts"],
        0,
        expect![[r#"
        slow: 2 records in, 1 out
          1-when    1 passed, 1 dropped
          2-mask    1 passed, 0 dropped, 1 changed
          3-filter  1 passed, 0 dropped
          4-level   1 passed, 0 dropped, 1 changed
        rates: 2 records in, 2 out
          1-rate  0 passed, 2 dropped, 2 made
        --- stderr
        mongowatch: the filter `ours` is the application's: here it lets everything pass
    "#]],
    );
}

#[test]
fn unknown_routes_and_faulty_configurations_are_refused() {
    let output = run(CONFIG, "", &["--route", "slwo"]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("unknown route `slwo`: did you mean `slow`?"), "{stderr}");
    let output = run(&CONFIG.replace("Duration >", "Duraton >"), "", &[]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    expect![[r#"
        mongowatch: error: config.yaml:7:13: layers[0].json.steps[0].when: unknown field `Duraton`: did you mean `Duration`?
    "#]].assert_eq(&stderr);
}

#[cfg(feature = "script")]
#[test]
fn a_script_shows_what_it_does_and_why_it_fails() {
    let config = r#"
layers:
- json:
    name: scripted
    path: never-opened.jsonl
    steps:
    - script: 'if record.Collection == "b" { nothing() } record.Extra.Slow = record.Duration > 1;'
"#;
    let records = [record(1, "a", "0.5"), record(2, "b", "2.0")].join("\n");
    let output = run(config, &records, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown = String::from_utf8(output.stdout).unwrap();
    for expected in [
        "    1-script: passed\n      Extra: nothing -> {\"Slow\":false}\n    out\n",
        "    1-script: failed: line 1, column 31: unknown function `nothing ()`\n    1-script: dropped\n",
        "  1-script  1 passed, 1 dropped, 1 changed, 1 failed\n",
    ] {
        assert!(shown.contains(expected), "no {expected:?} in\n{shown}");
    }
}
