//! `mongowatch filter match`, as a user runs it: the real binary on real files.
#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use expect_test::{Expect, expect};
use tempfile::TempDir;

const TOOL: &str = env!("CARGO_BIN_EXE_mongowatch");

/// A directory to run the tool in.
struct Desk(TempDir);

impl Desk {
    fn with(files: &[(&str, &[u8])]) -> Self {
        let desk = Self(TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap());
        for (name, content) in files {
            fs::write(desk.path(name), content).unwrap();
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(TOOL);
        command.args(["filter", "match"]).args(args).current_dir(self.0.path());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).stdin(Stdio::null()).output().unwrap()
    }
}

/// A record as the JSON layer writes it.
fn record(collection: &str, duration: &str) -> String {
    format!(
        r#"{{"WatcherName":"mongowatch.collection","WatchID":"0190163d-8694-739b-aea5-966c26f8ad91","Iteration":"final(1)","StartTime":"2024-05-01T12:00:00.060000Z","DB":"shop","Collection":"{collection}","Operation":"find","Filter":{{"b":1,"a":{{"$gt":{{"$date":"2024-05-01T12:00:00Z"}}}}}},"Duration":{duration},"Outcome":"ok","Seq":7}}"#
    )
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Checks what one file gives on standard output; a pipe must give the same.
#[track_caller]
fn check(args: &[&str], input: &[u8], expected: &[u8]) {
    let desk = Desk::with(&[("in.jsonl", input)]);
    let output = desk.run(&[args, &["in.jsonl"]].concat());
    assert_eq!(text(&output.stdout), text(expected), "{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let mut child =
        desk.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    assert_eq!(text(&child.wait_with_output().unwrap().stdout), text(expected));
}

/// Checks what the tool says on standard error, and its status.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an `expect![]` stands in the call")]
fn check_refused(args: &[&str], code: i32, expected: Expect) {
    let output = Desk::with(&[]).run(args);
    expected.assert_eq(&text(&output.stderr));
    assert_eq!(output.status.code(), Some(code));
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn lines_that_match_are_printed_as_they_are_and_in_order() {
    let lines = [record("news", "0.5"), record("people", "20.0"), record("news", "20.0")];
    // Space that no writer of ours would leave shows that the bytes are kept.
    let spaced = lines[2].replace("\"DB\":", "  \"DB\" : ");
    let input = format!("{}\n{}\n{spaced}\n", lines[0], lines[1]);
    let slow = format!("{}\n{spaced}\n", lines[1]);
    check(&["--expr", "Duration > 10"], input.as_bytes(), slow.as_bytes());
    check(&["--query", r#"{"Duration": {"$gt": 10}}"#], input.as_bytes(), slow.as_bytes());
    check(&["-q", "{ Duration: { $gt: 10 } }"], input.as_bytes(), slow.as_bytes());
    let news = format!("{spaced}\n");
    check(
        &["--expr", "Collection == 'news' and Duration > 10s"],
        input.as_bytes(),
        news.as_bytes(),
    );
    check(
        &["-v", "--expr", "Duration > 10"],
        input.as_bytes(),
        format!("{}\n", lines[0]).as_bytes(),
    );
    check(&["--count", "--expr", "Duration > 10"], input.as_bytes(), b"2\n");
    check(&["--query", "{}"], input.as_bytes(), input.as_bytes());
    let dates =
        r#"{"Filter.a.$gt": {"$date": "2024-05-01T12:00:00Z"}, "Filter.b": {"$type": "int"}}"#;
    check(&["--query", dates], input.as_bytes(), input.as_bytes());
}

#[test]
fn free_lines_are_any_documents() {
    let input: &[u8] =
        b"{\"a\": {\"$numberInt\": \"5\"}, \"t\": \"x\"}\n{\"a\":[1,5]}\n{\"b\":5}\n{ }\n";
    check(
        &["--free", "--query", r#"{"a": 5}"#],
        input,
        b"{\"a\": {\"$numberInt\": \"5\"}, \"t\": \"x\"}\n{\"a\":[1,5]}\n",
    );
    check(&["--free", "--expr", "b exists"], input, b"{\"b\":5}\n");
    let canonical: &[u8] =
        b"{\"_id\":{\"$oid\":\"65a1b2c3d4e5f60718293a4b\"},\"n\":{\"$numberLong\":\"7\"}}\n";
    check(
        &["--free", "--query", r#"{"_id": {"$oid": "65a1b2c3d4e5f60718293a4b"}, "n": 7}"#],
        canonical,
        canonical,
    );
}

#[test]
fn ends_of_lines_and_of_files_are_kept() {
    let any = &["--free", "--query", "{}"];
    check(any, b"{\"a\":1}\r\n\r\n  \n{\"a\":2}\r\n", b"{\"a\":1}\r\n{\"a\":2}\r\n");
    check(any, b"{\"a\":1}\n{\"a\":2}", b"{\"a\":1}\n{\"a\":2}");
    check(any, b"\xef\xbb\xbf{\"a\":1}\n", b"{\"a\":1}\n");
    check(any, b"\xef\xbb\xbf", b"");
    check(any, b"", b"");
    // Larger than any buffer.
    let long = format!("{{\"a\":\"{}\"}}\n", "x".repeat(1 << 20));
    check(any, long.as_bytes(), long.as_bytes());
}

#[test]
fn several_files_are_read_as_one() {
    let desk = Desk::with(&[("a.jsonl", b"{\"a\":1}"), ("b.jsonl", b"{\"a\":2}\n{\"a\":3}\n")]);
    let output = desk.run(&["--free", "--expr", "a != 2", "a.jsonl", "b.jsonl"]);
    assert_eq!(text(&output.stdout), "{\"a\":1}\n{\"a\":3}\n");
    let output = desk.run(&["--free", "--expr", "a != 2", "b.jsonl", "none.jsonl", "a.jsonl"]);
    assert_eq!(text(&output.stdout), "{\"a\":3}\n{\"a\":1}");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("could not open none.jsonl"), "{}", text(&output.stderr));
    let output = desk.run(&["--free", "--expr", "a != 2", "."]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn malformed_lines_are_left_out_and_told() {
    let good = record("news", "20.0");
    let input = format!(
        "{good}\nnonsense\n\n{{\"Collection\":\"news\"}}\n{}\n{good}\n",
        good.replace("DB", "DBB")
    );
    let desk = Desk::with(&[("in.jsonl", input.as_bytes())]);
    let output = desk.run(&["--expr", "Duration > 10", "in.jsonl"]);
    assert_eq!(text(&output.stdout), format!("{good}\n{good}\n"));
    assert_eq!(output.status.code(), Some(3));
    expect![[r#"
        in.jsonl:2: column 2: expected ident
        in.jsonl:4: it is no record: it has no `WatcherName`
        in.jsonl:5: unknown field `DBB`: did you mean `DB`?
        mongowatch: 3 malformed lines were left out
    "#]]
    .assert_eq(&text(&output.stderr));
    // They match nothing, and so are not printed by the opposite either.
    let output = desk.run(&["-v", "--expr", "Duration > 10", "in.jsonl"]);
    assert_eq!((text(&output.stdout), output.status.code()), (String::new(), Some(3)));

    let many = "x\n".repeat(30);
    let desk = Desk::with(&[("in.jsonl", many.as_bytes())]);
    let output = desk.run(&["--free", "--query", "{}", "in.jsonl"]);
    let stderr = text(&output.stderr);
    assert_eq!(stderr.lines().count(), 21);
    assert!(stderr.ends_with("30 malformed lines were left out\n"), "{stderr}");
}

#[test]
fn a_line_that_is_too_long_is_left_out() {
    let mut input = vec![b' '; (64 << 20) + 1];
    input.extend_from_slice(b"{\"a\":1}\n{\"a\":2}\n");
    let desk = Desk::with(&[("in.jsonl", &input)]);
    let output = desk.run(&["--free", "--query", "{}", "in.jsonl"]);
    assert_eq!(text(&output.stdout), "{\"a\":2}\n");
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).starts_with("in.jsonl:1: the line is longer than 64 MiB\n"));
}

#[test]
fn queries_that_cannot_be_used_are_mistakes_on_the_command_line() {
    check_refused(
        &["--expr", "Colection == 'news'"],
        2,
        expect![[r#"
        error: --expr: column 1: unknown field `Colection`: did you mean `Collection`?
          Colection == 'news'
          ^

        Usage: mongowatch filter match [OPTIONS] <--query <DOCUMENT>|--expr <EXPRESSION>> [FILE]...

        For more information, try '--help'.
    "#]],
    );
    check_refused(
        &["--expr", "Collection = 'news'"],
        2,
        expect![[r#"
        error: --expr: column 12: unexpected `=`: did you mean `==`?
          Collection = 'news'
                     ^

        Usage: mongowatch filter match [OPTIONS] <--query <DOCUMENT>|--expr <EXPRESSION>> [FILE]...

        For more information, try '--help'.
    "#]],
    );
    check_refused(
        &["--query", r#"{"Duration": {"$gtt": 1}}"#],
        2,
        expect![[r#"
        error: --query: Duration: unknown operator `$gtt`: did you mean `$gt`?

        Usage: mongowatch filter match [OPTIONS] <--query <DOCUMENT>|--expr <EXPRESSION>> [FILE]...

        For more information, try '--help'.
    "#]],
    );
    check_refused(
        &["--query", "{"],
        2,
        expect![[r#"
        error: --query: line 1, column 1: EOF while parsing an object

        Usage: mongowatch filter match [OPTIONS] <--query <DOCUMENT>|--expr <EXPRESSION>> [FILE]...

        For more information, try '--help'.
    "#]],
    );
    check_refused(
        &["--query", "5"],
        2,
        expect![[r#"
        error: --query: found 5, expected a document such as {Collection: news}

        Usage: mongowatch filter match [OPTIONS] <--query <DOCUMENT>|--expr <EXPRESSION>> [FILE]...

        For more information, try '--help'.
    "#]],
    );
    check_refused(
        &["--query", "{}", "-", "-"],
        2,
        expect![[r#"
        error: standard input can be read only once

        Usage: mongowatch filter match [OPTIONS] <--query <DOCUMENT>|--expr <EXPRESSION>> [FILE]...

        For more information, try '--help'.
    "#]],
    );
    let output = Desk::with(&[]).run(&["in.jsonl"]);
    assert_eq!(output.status.code(), Some(2));
    let output = Desk::with(&[]).run(&["--query", "{}", "--expr", "DB exists"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn nobody_has_to_read_all_of_the_output() {
    let line = record("news", "20.0") + "\n";
    let desk = Desk::with(&[("in.jsonl", line.repeat(20_000).as_bytes())]);
    let mut command = desk.command(&["--query", "{}", "in.jsonl"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(first, line);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

#[test]
fn what_comes_slowly_is_answered_at_once() {
    let desk = Desk::with(&[]);
    let mut command = desk.command(&["--free", "--expr", "a == 1"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"{\"a\":1}\n").unwrap();
    let mut answer = String::new();
    // The input is still open.
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut answer).unwrap();
    assert_eq!(answer, "{\"a\":1}\n");
    drop(input);
    assert!(child.wait().unwrap().success());
}
