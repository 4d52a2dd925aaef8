//! `mongowatch csv aggregate`, as a user runs it: the real binary on real files.
#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

const TOOL: &str = env!("CARGO_BIN_EXE_mongowatch");
const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/pymongowatch");

/// An empty directory to run the tool in.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap())
    }

    fn with(files: &[(&str, &[u8])]) -> Self {
        let desk = Self::new();
        for (name, content) in files {
            fs::write(desk.path(name), content).unwrap();
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(TOOL);
        command.args(["csv", "aggregate"]).args(args).current_dir(self.0.path());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).stdin(Stdio::null()).output().unwrap()
    }

    /// Names in the directory that no test put there.
    fn leftovers(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let names = names.map(|name| name.into_string().unwrap());
        names.filter(|name| name.starts_with('.')).collect()
    }
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Checks what one file becomes on standard output, without malformed rows.
#[track_caller]
fn check(args: &[&str], input: impl AsRef<[u8]>, expected: impl AsRef<[u8]>) {
    let desk = Desk::with(&[("in.csv", input.as_ref())]);
    let output = desk.run(&[args, &["in.csv"]].concat());
    assert_eq!(shown(&output.stdout), shown(expected.as_ref()), "{}", stderr(&output));
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    // A pipe takes another way through the tool, and must not make a difference.
    let piped = pipe(&desk, args, input.as_ref());
    assert_eq!(shown(&piped.stdout), shown(expected.as_ref()), "{}", stderr(&piped));
}

fn pipe(desk: &Desk, args: &[&str], input: &[u8]) -> Output {
    let mut command = desk.command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Checks which rows are called malformed, and that only the others come out.
#[track_caller]
fn check_malformed(input: impl AsRef<[u8]>, expected: &str, complaints: &[&str]) {
    let desk = Desk::with(&[("in.csv", input.as_ref())]);
    let output = desk.run(&["in.csv"]);
    assert_eq!(shown(&output.stdout), shown(expected.as_bytes()), "{}", stderr(&output));
    let talk = stderr(&output);
    for complaint in complaints {
        assert!(talk.contains(&format!("in.csv:{complaint}\n")), "{complaint}: {talk}");
    }
    assert!(talk.contains(&format!(" {} malformed\n", complaints.len())), "{talk}");
    assert_eq!(code(&output), Some(3), "{talk}");

    let edit = desk.run(&["--in-place", "in.csv"]);
    assert_eq!(code(&edit), Some(3), "{}", stderr(&edit));
    assert!(stderr(&edit).contains("left as it was"), "{}", stderr(&edit));
    assert_eq!(desk.read("in.csv"), input.as_ref(), "a file with malformed rows stays");
    assert!(desk.leftovers().is_empty());
}

#[test]
fn the_output_for_a_file_of_pymongowatch_is_that_of_pymongowatch() {
    let (input, expected) = (
        Path::new(SHARED).join("watch-10k.csv"),
        Path::new(SHARED).join("watch-10k.aggregated.csv"),
    );
    if !input.exists() {
        eprintln!("skipped: {} is not there", input.display());
        return;
    }
    let desk = Desk::with(&[("in.csv", &fs::read(input).unwrap())]);
    let output = desk.run(&["in.csv"]);
    assert!(output.stdout == fs::read(&expected).unwrap(), "another output: {}", stderr(&output));
    assert_eq!(
        stderr(&output),
        "mongowatch: 10000 rows read, 2000 rows written, 2000 ids, 40 unfinished, 0 malformed\n"
    );
    let rewritten = desk.run(&["--dialect", "unix", "in.csv"]);
    assert!(rewritten.stdout == output.stdout, "the dialect of pymongowatch is `unix`");
}

#[test]
fn the_newest_version_stays_where_it_stood() {
    let header = "WatchID,Iteration,x\n";
    check(
        &[],
        format!("{header}a,0,1\nb,0,2\na,1,3\nc,final,4\nb,final(7),5\na,final(2),6\nc,9,7\n"),
        format!("{header}c,final,4\nb,final(7),5\na,final(2),6\n"),
    );
    // Out of order: the position is that of the row that stays.
    check(&[], format!("{header}a,2,1\nb,0,2\na,1,3\na,0,4\n"), format!("{header}a,2,1\nb,0,2\n"));
}

#[test]
fn iterations_are_ordered_as_numbers_then_final_then_final_by_number() {
    for (low, high) in [
        ("9", "10"),
        ("09", "10"),
        ("99", "final"),
        ("final", "final(0)"),
        ("final(9)", "final(10)"),
    ] {
        for rows in [[low, high], [high, low]] {
            let input = rows.map(|version| format!("id,{version},{version}\n")).concat();
            check(&[], input, format!("id,{high},{high}\n"));
        }
    }
}

#[test]
fn of_equal_versions_the_first_stays() {
    check(&[], "a,1,x\na,01,y\na,1,z\n", "a,1,x\n");
    check(&[], "a,final(3),x\na,final(03),y\n", "a,final(3),x\n");
}

#[test]
fn ids_are_compared_as_bytes() {
    let ids: [&[u8]; 9] = [
        b"66322ec0000000128a8042be",
        b"66322EC0000000128A8042BE",
        b"66322ec0000000128a8042bf",
        b"0192d3a4-0000-7000-8000-000000000001",
        b"0192d3a4-0000-7000-8000-000000000002",
        b"0192D3A4-0000-7000-8000-000000000001",
        b"0192d3a400007000800000000000001",
        b" a",
        b"\xff\xfe",
    ];
    let rows =
        |version: &str| ids.map(|id| [id, b",", version.as_bytes(), b",x\n"].concat()).concat();
    check(&[], [rows("0"), rows("1"), rows("final")].concat(), rows("final"));
    check(&[], "\"a\",0,x\na,1,y\n\"b\"\"c\",0,x\n\"b\"\"c\",1,y\n", "a,1,y\n\"b\"\"c\",1,y\n");
}

#[test]
fn our_files_are_known_with_and_without_header() {
    let rows = "mongowatch.cursor,0192d3a4-0000-7000-8000-000000000001,0,x\n\
                mongowatch.cursor,0192d3a4-0000-7000-8000-000000000001,final(3),y\n";
    let newest = "mongowatch.cursor,0192d3a4-0000-7000-8000-000000000001,final(3),y\n";
    let header = "WatcherName,WatchID,Iteration,StartTime\n";
    check(&[], rows, newest);
    check(&[], format!("{header}{rows}"), format!("{header}{newest}"));
}

#[test]
fn columns_can_be_chosen_by_number_from_1_and_by_name() {
    let rows = "x,0,a\ny,1,a\nz,0,b\n";
    let newest = "y,1,a\nz,0,b\n";
    check(&["--id-column", "3", "--iteration-column", "2"], rows, newest);
    let (with, without) = (format!("val,ver,key\n{rows}"), format!("val,ver,key\n{newest}"));
    check(&["--id-column", "3", "--iteration-column", "2"], &with, &without);
    check(&["--id-column", "key", "--iteration-column", "ver"], &with, &without);
    check(&["--id-column", "key", "--iteration-column", "2"], &with, &without);
    check(&["--iteration-column", "2"], "a,0\na,1\n", "a,1\n");
    check(&["--id-column", "1"], "a,0\na,1\n", "a,1\n");
}

#[test]
fn columns_that_cannot_be_found_are_an_error_with_a_hint() {
    let cases: [(&[&str], &str, &str); 6] = [
        (&[], "x,y,z\n", "in.csv:1: expected a header or a record"),
        (&["--id-column", "nope"], "WatchID,Iteration\n", "expected a column named `nope`"),
        (&[], "WatchID,x\n", "expected a column named `Iteration`"),
        (&["--id-column", "9"], "WatchID,Iteration\n", "expected at least 9 columns, found 2"),
        (&["--id-column", "2"], "WatchID,Iteration\n", "found column 2 twice"),
        (&[], "WatchID\tIteration\n", "--dialect excel-tab"),
    ];
    for (args, input, complaint) in cases {
        let desk = Desk::with(&[("in.csv", input.as_bytes())]);
        let output = desk.run(&[args, &["in.csv"]].concat());
        assert_eq!(code(&output), Some(1), "{args:?}");
        assert!(stderr(&output).contains(complaint), "{args:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn unfinished_records_are_kept_dropped_or_the_only_ones() {
    let input = "a,0,x\nb,final(1),x\nc,3,x\nc,final,y\n";
    check(&[], input, "a,0,x\nb,final(1),x\nc,final,y\n");
    check(&["--unfinished", "keep"], input, "a,0,x\nb,final(1),x\nc,final,y\n");
    check(&["--unfinished", "drop"], input, "b,final(1),x\nc,final,y\n");
    check(&["--unfinished", "only"], input, "a,0,x\n");
}

#[test]
fn files_are_read_as_one_in_any_order() {
    let header = "WatchID,Iteration,x\n";
    let desk = Desk::with(&[
        ("old.csv", b"a,0,1\nb,0,2\nc,final,3\n"),
        ("new.csv", b"WatchID,Iteration,x\nb,1,4\nd,0,5\na,final(1),6"),
        ("empty.csv", b""),
    ]);
    let output = desk.run(&["old.csv", "empty.csv", "new.csv"]);
    let rows = "c,final,3\nb,1,4\nd,0,5\na,final(1),6\n";
    assert_eq!(shown(&output.stdout), shown(format!("{header}{rows}").as_bytes()));
    assert!(stderr(&output).contains("6 rows read, 4 rows written, 4 ids, 2 unfinished, 0 malf"));
    let output = desk.run(&["new.csv", "old.csv"]);
    let rows = "b,1,4\nd,0,5\na,final(1),6\nc,final,3\n";
    assert_eq!(shown(&output.stdout), shown(format!("{header}{rows}").as_bytes()));
    let output = desk.run(&["new.csv", "new.csv"]);
    assert_eq!(
        shown(&output.stdout),
        shown(format!("{header}b,1,4\nd,0,5\na,final(1),6\n").as_bytes())
    );
}

#[test]
fn files_with_other_columns_are_refused() {
    let desk = Desk::with(&[
        ("theirs.csv", b"WatchID,Iteration,x\na,0,1\n"),
        ("ours.csv", b"WatcherName,WatchID,Iteration,x\nmongowatch.cursor,a,1,1\n"),
    ]);
    let output = desk.run(&["theirs.csv", "ours.csv"]);
    assert_eq!(code(&output), Some(1));
    assert!(stderr(&output).contains("ours.csv:1: the columns differ"), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_header_that_comes_again_is_no_row() {
    let header = "WatchID,Iteration,x\n";
    check(
        &[],
        format!("{header}a,0,1\n{header}a,1,2\n{header}b,0,3\n"),
        format!("{header}a,1,2\nb,0,3\n"),
    );
    check(&[], format!("a,0,1\n{header}b,0,2\n"), format!("{header}a,0,1\nb,0,2\n"));
}

#[test]
fn quotes_newlines_and_foreign_bytes_pass_unchanged() {
    let rows = b"\"a\",\"0\",\"x\"\n\
                 b,0,\"two\nlines, and \"\"quotes\"\"\"\n\
                 c,0,5\" disk\n\
                 d,0,\xff\xfe\x00\n\
                 e,0,\"\"\n\
                 f,0,\n\
                 g,0,\xc3\xa9\r\n";
    check(&[], rows, rows);
}

#[test]
fn a_field_may_be_longer_than_any_buffer() {
    // One `$in` of 25,000 numbers is longer than what the predecessor can read.
    let filter = "{\"\"x\"\": [\n]}".repeat(100_000);
    let (old, new) = (format!("a,0,\"{filter}\"\n"), format!("a,1,\"{filter}\"\n"));
    check(&[], format!("{old}b,0,x\n{new}c,0,x\n"), format!("b,0,x\n{new}c,0,x\n"));
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_bytes_of_the_input() {
    let desk = Desk::new();
    let mut command = desk.command(&["-"]);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let peak_kib = || -> u64 {
        let status = fs::read_to_string(&status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
    };
    let mut stdin = child.stdin.take().unwrap();
    let mut feed = |n_rows: usize| {
        let row = |n| format!("id{},{n},{}\n", n % 100, "x".repeat(1_000));
        let rows: String = (0..1_000).map(row).collect();
        (0..n_rows / 1_000).for_each(|_| stdin.write_all(rows.as_bytes()).unwrap());
    };
    feed(2_000);
    let before = peak_kib();
    feed(40_000);
    let after = peak_kib();
    drop(stdin);
    assert!(child.wait_with_output().unwrap().status.success());
    assert!(after < before + 2_000, "{before} KiB at first, {after} KiB after 40 MB more");
}

#[test]
fn line_ends_stay_as_they_are_and_the_last_one_is_added() {
    check(&[], "WatchID,Iteration\r\na,0\r\na,1", "WatchID,Iteration\r\na,1\r\n");
    check(&[], "a,0\nb,0", "a,0\nb,0\n");
    check(&[], "b,0,y\na,0,x\r\na,1,\"\r\n\"\r\n", "b,0,y\na,1,\"\r\n\"\r\n");
    check(&[], "a,0\ra,1\rb,0\r", "a,1\rb,0\r");
    check(&[], "\n\r\na,0\n\n\nb,0\n\n", "a,0\nb,0\n");
    check(&[], "WatchID,Iteration", "WatchID,Iteration\n");
}

#[test]
fn a_byte_order_mark_is_kept_and_is_no_part_of_the_first_column() {
    check(&[], "\u{feff}WatchID,Iteration\na,0\na,1\n", "\u{feff}WatchID,Iteration\na,1\n");
    check(&[], "\u{feff}a,0\na,1\n", "\u{feff}a,1\n");
    check(&[], "\u{feff}\"a\",0\na,1\n", "\u{feff}a,1\n");
}

#[test]
fn an_empty_input_gives_an_empty_output() {
    for input in ["", "\n", "\u{feff}", "\r\n\r\n"] {
        check(&[], input, if input == "\u{feff}" { input } else { "" });
    }
}

#[test]
fn a_dialect_rewrites_the_rows() {
    let input = "WatchID,Iteration,\"x\"\r\n\"a\",\"0\",\"p,q\"\r\nb,0,\"r\"\"s\"\n";
    let fields = "a,0,\"p,q\"\nb,0,\"r\"\"s\"\n";
    check(&["--dialect", "unix"], input, format!("WatchID,Iteration,x\n{fields}"));
    let excel = format!("WatchID,Iteration,x\n{fields}").replace('\n', "\r\n");
    check(&["--dialect", "excel"], input, excel);
    check(
        &["--dialect", "excel-tab"],
        "WatchID\tIteration\t\"x\"\na\t0\tp,q\na\t1\t\"t\tu\"",
        "WatchID\tIteration\tx\r\na\t1\t\"t\tu\"\r\n",
    );
}

#[test]
fn rows_with_too_few_or_too_many_columns_are_malformed() {
    check_malformed(
        "WatchID,Iteration,x\na,0\nb,0,1\nc,0,1,2\nd\n",
        "WatchID,Iteration,x\nb,0,1\n",
        &[
            "2: expected 3 columns, found 2",
            "4: expected 3 columns, found 4",
            "5: expected 3 columns, found 1",
        ],
    );
}

#[test]
fn rows_without_id_or_iteration_are_malformed() {
    let found =
        |text: &str| format!("Iteration: expected a number, `final` or `final(n)`, found {text:?}");
    let complaints = [
        "2: expected a WatchID, found nothing".to_owned(),
        format!("3: {}", found("")),
        format!("4: {}", found("-1")),
        format!("5: {}", found("1.5")),
        format!("6: {}", found("FINAL")),
    ];
    check_malformed(
        "WatchID,Iteration\n\"\",0\nb,\nc,-1\nd,1.5\ne,FINAL\nf,0\n",
        "WatchID,Iteration\nf,0\n",
        &complaints.each_ref().map(String::as_str),
    );
}

#[test]
fn a_torn_row_is_malformed_and_hides_no_other() {
    // The row that was being written when its process died, and the row of the next process.
    check_malformed(
        "a,0,\"{\"\"x\"\": \"b,0,\"{}\"\nc,0,z\n",
        "c,0,z\n",
        &["1: expected a delimiter after the closing quote, found text"],
    );
    check_malformed(
        "a,0,\"p\nq\"\nb,0,\"torn\nc,0,x\nd,0,y",
        "a,0,\"p\nq\"\nc,0,x\nd,0,y\n",
        &["3: expected a closing quote, found none"],
    );
    check_malformed("a,0,x\nb,0,\"torn", "a,0,x\n", &["2: expected a closing quote, found none"]);
}

#[test]
fn only_the_first_malformed_rows_are_shown() {
    let input = format!("a,0,\"two\nlines\"\n{}b,0,x\n", "torn\n".repeat(12));
    let output = pipe(&Desk::new(), &[], input.as_bytes());
    let talk = stderr(&output);
    assert_eq!(talk.matches("expected 3 columns, found 1").count(), 5, "{talk}");
    assert!(talk.contains("<stdin>:3: ") && talk.contains("<stdin>:7: "), "{talk}");
    assert!(talk.contains("... and 7 more malformed rows"), "{talk}");
    assert!(talk.contains("14 rows read, 2 rows written, 2 ids, 2 unfinished, 12 malformed"));
    assert_eq!(code(&output), Some(3));
}

#[test]
fn a_pipe_given_by_name_is_read_too() {
    #[cfg(target_os = "linux")]
    {
        let desk = Desk::with(&[("b.csv", b"a,1,y\n")]);
        let output = pipe(&desk, &["/dev/stdin", "b.csv"], b"a,0,x\nb,0,z\n");
        assert_eq!(shown(&output.stdout), "b,0,z\\na,1,y\\n", "{}", stderr(&output));
    }
}

#[test]
fn a_file_as_standard_input_is_read_from_where_it_stands() {
    let desk = Desk::with(&[("in.csv", b"skipped\na,0,x\na,1,y\n")]);
    let mut file = fs::File::open(desk.path("in.csv")).unwrap();
    file.read_exact(&mut [0; 8]).unwrap();
    let output = desk.command(&["-"]).stdin(file).output().unwrap();
    assert_eq!(shown(&output.stdout), "a,1,y\\n", "{}", stderr(&output));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let rows: String = (0..100_000).map(|n| format!("id{n},0,x\n")).collect();
    let desk = Desk::with(&[("in.csv", rows.as_bytes())]);
    let mut command = desk.command(&["in.csv"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(!stderr(&output).contains("error"), "{}", stderr(&output));
}

#[test]
fn the_output_file_may_be_an_input() {
    let desk = Desk::with(&[("a.csv", b"a,0,x\nb,0,x\n"), ("b.csv", b"a,1,y\n")]);
    let output = desk.run(&["--output", "./a.csv", "a.csv", "b.csv"]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
    assert_eq!(shown(&desk.read("a.csv")), "b,0,x\\na,1,y\\n");

    fs::write(desk.path("a.csv"), "a,0,x\ntorn\n").unwrap();
    let output = desk.run(&["--output", "a.csv", "a.csv"]);
    assert_eq!(code(&output), Some(3));
    assert_eq!(shown(&desk.read("a.csv")), "a,0,x\\ntorn\\n", "no row is lost that way");
    let output = desk.run(&["--output", "new.csv", "a.csv"]);
    assert_eq!(code(&output), Some(3));
    assert_eq!(shown(&desk.read("new.csv")), "a,0,x\\n");
    assert!(desk.leftovers().is_empty());
}

#[test]
fn errors_of_use_and_of_files_have_their_own_codes() {
    let desk = Desk::with(&[("a.csv", b"a,0\n"), ("b.csv", b"b,0\n")]);
    let cases: [(&[&str], i32); 9] = [
        (&["--in-place", "a.csv", "b.csv"], 2),
        (&["--in-place"], 2),
        (&["--in-place", "-"], 2),
        (&["--in-place", "--output", "x", "a.csv"], 2),
        (&["--id-column", "0", "a.csv"], 2),
        (&["--dialect", "klingon", "a.csv"], 2),
        (&["-", "-"], 2),
        (&["missing.csv"], 1),
        (&["."], 1),
    ];
    for (args, expected) in cases {
        let output = desk.run(args);
        assert_eq!(code(&output), Some(expected), "{args:?}: {}", stderr(&output));
        assert!(!output.stderr.is_empty());
    }
    assert_eq!(code(&desk.run(&["--output", "no/such/dir.csv", "a.csv"])), Some(1));
}

#[test]
fn the_help_tells_the_exit_codes_and_the_alias_works() {
    for args in [&["--help"][..], &["-h"], &["csv", "aggregate", "--help"], &["csv", "aggr", "-h"]]
    {
        let output = Command::new(TOOL).args(args).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        for exit in mongowatch::cli::Exit::ALL {
            assert!(
                text.contains(&format!("  {}  {}", exit.code(), exit.doc())),
                "{args:?}: {text}"
            );
        }
        assert_eq!(output.status.code(), Some(0));
    }
    let version = Command::new(TOOL).arg("--version").output().unwrap();
    let expected = concat!("mongowatch ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(String::from_utf8(version.stdout).unwrap(), expected);
}

#[cfg(unix)]
mod in_place {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    const OLD: &[u8] = b"a,0,x\nb,0,x\na,1,y\n";
    const NEW: &str = "b,0,x\\na,1,y\\n";

    #[test]
    fn the_file_is_replaced_and_keeps_its_permissions() {
        for mode in [0o640, 0o604, 0o400] {
            let desk = Desk::with(&[("in.csv", OLD)]);
            let before = fs::metadata(desk.path("in.csv")).unwrap();
            fs::set_permissions(desk.path("in.csv"), fs::Permissions::from_mode(mode)).unwrap();
            let output = desk.run(&["--in-place", "in.csv"]);
            assert_eq!(code(&output), Some(0), "{}", stderr(&output));
            let after = fs::metadata(desk.path("in.csv")).unwrap();
            assert_eq!(after.mode() & 0o7777, mode);
            assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
            assert_eq!(shown(&desk.read("in.csv")), NEW);
            assert!(desk.leftovers().is_empty() && output.stdout.is_empty());
        }
    }

    #[test]
    fn the_owner_is_kept_where_that_is_allowed() {
        let desk = Desk::with(&[("in.csv", OLD)]);
        if std::os::unix::fs::chown(desk.path("in.csv"), Some(12), Some(34)).is_err() {
            eprintln!("skipped: only root may give files away");
            return;
        }
        fs::set_permissions(desk.path("in.csv"), fs::Permissions::from_mode(0o2750)).unwrap();
        assert_eq!(code(&desk.run(&["--in-place", "in.csv"])), Some(0));
        let after = fs::metadata(desk.path("in.csv")).unwrap();
        assert_eq!((after.uid(), after.gid(), after.mode() & 0o7777), (12, 34, 0o2750));
    }

    #[test]
    fn a_new_output_file_has_the_permissions_of_any_new_file() {
        let desk = Desk::with(&[("in.csv", OLD)]);
        assert_eq!(code(&desk.run(&["--output", "out.csv", "in.csv"])), Some(0));
        let mode = |name| fs::metadata(desk.path(name)).unwrap().mode() & 0o7777;
        assert_eq!(mode("out.csv"), mode("in.csv"));
    }

    #[test]
    fn a_link_stays_and_its_target_is_edited() {
        let desk = Desk::with(&[]);
        fs::create_dir(desk.path("dir")).unwrap();
        fs::write(desk.path("dir/in.csv"), OLD).unwrap();
        symlink("dir/in.csv", desk.path("link.csv")).unwrap();
        assert_eq!(code(&desk.run(&["--in-place", "link.csv"])), Some(0));
        assert!(fs::symlink_metadata(desk.path("link.csv")).unwrap().is_symlink());
        assert_eq!(shown(&desk.read("dir/in.csv")), NEW);
        fs::write(desk.path("dir/in.csv"), OLD).unwrap();
        assert_eq!(code(&desk.run(&["--output", "link.csv", "dir/in.csv"])), Some(0));
        assert!(fs::symlink_metadata(desk.path("link.csv")).unwrap().is_symlink());
        assert_eq!(shown(&desk.read("dir/in.csv")), NEW);
    }

    #[test]
    fn a_device_is_written_to_and_never_replaced() {
        let desk = Desk::with(&[("in.csv", OLD)]);
        let output = desk.run(&["--output", "/dev/null", "in.csv"]);
        assert_eq!(code(&output), Some(0), "{}", stderr(&output));
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        assert_eq!(code(&desk.run(&["--in-place", "/dev/null"])), Some(1));
    }

    #[test]
    fn leftovers_of_killed_runs_are_swept_and_those_of_running_ones_are_not() {
        let desk = Desk::with(&[
            ("in.csv", OLD),
            (".mongowatch-dead.tmp", b"half"),
            (".mongowatch-live.tmp", b"half"),
            (".other.tmp", b""),
        ]);
        let live = fs::File::open(desk.path(".mongowatch-live.tmp")).unwrap();
        live.lock().unwrap();
        assert_eq!(code(&desk.run(&["--in-place", "in.csv"])), Some(0));
        let mut left = desk.leftovers();
        left.sort();
        assert_eq!(left, [".mongowatch-live.tmp", ".other.tmp"]);
    }

    #[test]
    fn a_file_that_grows_in_the_meantime_is_left_as_it_is() {
        let desk = Desk::with(&[("in.csv", rows(50_000).as_bytes())]);
        let mut logger = fs::OpenOptions::new().append(true).open(desk.path("in.csv")).unwrap();
        let mut expected = rows(50_000);
        let mut command = desk.command(&["--in-place", "in.csv"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut n = 0;
        while child.try_wait().unwrap().is_none() {
            let row = format!("new{n},0,x\n");
            logger.write_all(row.as_bytes()).unwrap();
            expected += &row;
            n += 1;
            spin(Duration::from_millis(1));
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(code(&output), Some(1), "{}", stderr(&output));
        assert!(stderr(&output).contains("was changed by somebody else"), "{}", stderr(&output));
        assert!(desk.read("in.csv") == expected.as_bytes(), "every row of the logger is there");
        assert!(desk.leftovers().is_empty());
    }

    #[test]
    fn killed_at_any_moment_the_old_or_the_new_file_is_there_whole() {
        let old = rows(3_000);
        let desk = Desk::with(&[("in.csv", old.as_bytes())]);
        let start = Instant::now();
        assert_eq!(code(&desk.run(&["--in-place", "in.csv"])), Some(0));
        let (step, new) = (start.elapsed() / 50, desk.read("in.csv"));
        assert!(new.len() < old.len());
        // Each round lives a little longer, until some were done before they were killed.
        let (mut n_killed, mut n_done) = (0, 0);
        while n_done < 5 {
            fs::write(desk.path("in.csv"), &old).unwrap();
            let mut child = desk.command(&["-i", "in.csv"]).stderr(Stdio::null()).spawn().unwrap();
            spin(step * n_killed);
            child.kill().unwrap();
            let is_done = child.wait().unwrap().success();
            let now = desk.read("in.csv");
            assert!(now == new || (now == old.as_bytes() && !is_done), "torn in round {n_killed}");
            if is_done { n_done += 1 } else { n_killed += 1 }
        }
        assert!(n_killed > 10, "only {n_killed} runs were killed");
        assert!(desk.leftovers().is_empty(), "the last run swept");
    }

    /// Three versions of each record.
    fn rows(n_ids: usize) -> String {
        let row =
            |n| format!("{:024x},{},some text to make the row longer\n", n % n_ids, n / n_ids);
        (0..3 * n_ids).map(row).collect()
    }

    /// Waits without giving the processor away, as a sleep is too coarse here.
    fn spin(time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time {
            std::hint::spin_loop();
        }
    }
}
