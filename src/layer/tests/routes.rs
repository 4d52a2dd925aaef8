use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    thread,
};

use super::{record, reports};
use crate::{
    format::Paint,
    layer::{
        Color, ConsoleSettings, CsvSettings, Defaults, FileSettings, FileSize, Header,
        JsonSettings, LayerSettings, Outlet, Rotation, Shown, Stream, TallyCounts,
        lines::choose_paint, names,
    },
    record::Field,
};

fn open_all(layers: &[LayerSettings]) -> Vec<Outlet> {
    let names = names(layers).unwrap();
    let open = |(name, layer)| Outlet::open(name, layer, &Defaults::default()).unwrap();
    names.into_iter().zip(layers).map(open).collect()
}

fn open(layer: LayerSettings) -> Outlet {
    open_all(&[layer]).remove(0)
}

fn csv(path: &Path) -> CsvSettings {
    CsvSettings::new(path)
}

fn send(outlet: &Outlet, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        assert!(outlet.send(&record(number), None));
    }
}

fn counts(outlet: &Outlet) -> (u64, u64, u64) {
    let TallyCounts { written, failed, held } = outlet.tally().unwrap().counts();
    (written, failed, held)
}

/// The matched counts in the rows of a CSV file with a header.
fn numbers(path: &Path) -> Vec<u64> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let column = reader.headers().unwrap().iter().position(|name| name == "MatchedCount").unwrap();
    reader.records().map(|row| row.unwrap()[column].parse().unwrap()).collect()
}

#[test]
fn every_kind_of_file_gets_its_lines() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let mut file = FileSettings::new(path("a.log"));
    file.template.0 = "{Seq} {message} {watch}".parse().unwrap();
    file.fields = Some(Shown(vec![Field::MatchedCount]));
    let mut columns = csv(&path("a.csv"));
    columns.columns = crate::layer::Columns::Fields(vec![Field::Seq, Field::Db]);
    let settings = [
        LayerSettings::File(file),
        LayerSettings::Csv(columns),
        LayerSettings::Json(JsonSettings::to_file(path("a.json"))),
        LayerSettings::File(FileSettings::new(path("b.log"))),
    ];
    let outlets = open_all(&settings);
    let names: Vec<_> = outlets.iter().map(Outlet::name).collect();
    assert_eq!(names, ["file", "csv", "json", "file-2"]);
    for outlet in &outlets {
        send(outlet, [1, 2]);
        assert_eq!(counts(outlet), (0, 0, 2));
        outlet.flush();
        assert_eq!(counts(outlet), (2, 0, 0));
    }
    let read = |name: &str| fs::read_to_string(path(name)).unwrap();
    assert_eq!(
        read("a.log"),
        "1 find shop.orders ok MatchedCount=1\n2 find shop.orders ok MatchedCount=2\n"
    );
    assert_eq!(read("a.csv"), "Seq,DB\n1,shop\n2,shop\n");
    assert_eq!(
        read("b.log").lines().next().unwrap(),
        "2024-05-01T12:00:00.060000Z find shop.orders ok MatchedCount=1"
    );
    for line in read("a.json").lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(object["Operation"], "find");
    }
}

#[test]
fn a_csv_file_gets_one_header_however_often_it_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/audit.csv");
    for number in 0..3 {
        let outlet = open(LayerSettings::Csv(csv(&path)));
        send(&outlet, [number]);
        outlet.close();
    }
    assert_eq!(numbers(&path), [0, 1, 2]);
    assert_eq!(fs::read_to_string(&path).unwrap().matches("WatchID").count(), 1);
}

#[test]
fn a_csv_file_has_no_header_when_none_is_wanted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.csv");
    let mut settings = csv(&path);
    settings.header = Header::None;
    let outlet = open(LayerSettings::Csv(settings));
    send(&outlet, [1]);
    outlet.close();
    assert!(fs::read_to_string(&path).unwrap().starts_with("mongowatch.collection,"));
}

#[test]
fn a_file_that_another_process_left_torn_goes_on_with_a_new_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.csv");
    fs::write(&path, "WatcherName\nmongo").unwrap();
    let outlet = open(LayerSettings::Csv(csv(&path)));
    send(&outlet, [1]);
    outlet.close();
    assert!(fs::read_to_string(&path).unwrap().starts_with("WatcherName\nmongo\nmongowatch.coll"));
    assert_eq!(counts(&outlet), (1, 0, 0));
}

// In pymongowatch a rotated file has no header, and its aggregator cannot read it.
#[test]
fn every_file_of_a_rotation_has_its_header() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.csv");
    let mut settings = csv(&path);
    settings.rotation = Rotation::Size(FileSize::from_bytes(2_000).unwrap());
    let outlet = open(LayerSettings::Csv(settings));
    for number in 0..100 {
        send(&outlet, [number]);
        outlet.flush();
    }
    assert_eq!(counts(&outlet), (100, 0, 0));
    let mut files: Vec<PathBuf> =
        fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() > 5, "{files:?}");
    let mut all: Vec<u64> = files
        .drain(..)
        .flat_map(|file| {
            assert!(fs::metadata(&file).unwrap().len() <= 2_000);
            numbers(&file)
        })
        .collect();
    all.sort_unstable();
    assert_eq!(all, Vec::from_iter(0..100));
}

#[test]
fn a_directory_that_vanishes_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("logs/audit.csv");
    let outlet = open(LayerSettings::Csv(csv(&path)));
    send(&outlet, [1]);
    outlet.flush();
    fs::remove_dir_all(directory.path().join("logs")).unwrap();
    send(&outlet, [2]);
    outlet.flush();
    assert_eq!(numbers(&path), [2]);

    // As long as it cannot be made, records are held.
    let logs = directory.path().join("logs");
    fs::remove_dir_all(&logs).unwrap();
    fs::write(&logs, "in the way").unwrap();
    let heard = reports(|| {
        send(&outlet, [3]);
        outlet.flush();
        assert_eq!(counts(&outlet), (2, 0, 1));
        fs::remove_file(&logs).unwrap();
        send(&outlet, [4]);
        outlet.flush();
    });
    assert_eq!(numbers(&path), [3, 4]);
    assert_eq!(counts(&outlet), (4, 0, 0));
    assert_eq!(heard.len(), 2, "{heard:#?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_counted_and_reported_and_nothing_else_happens() {
    let outlet = open(LayerSettings::Csv(csv(Path::new("/dev/full"))));
    let heard = reports(|| {
        for number in 0..10 {
            send(&outlet, [number]);
            outlet.flush();
        }
        assert_eq!(counts(&outlet), (0, 0, 10));
        outlet.close();
    });
    assert_eq!(counts(&outlet), (0, 10, 0));
    assert_eq!(heard.len(), 2, "{heard:#?}");
    assert!(heard[0].contains("No space left on device"), "{}", heard[0]);
    assert!(heard[1].contains("n_lost=10"), "{}", heard[1]);
    // Whoever sends after the end is counted too.
    send(&outlet, [11]);
    outlet.close();
    assert_eq!(counts(&outlet), (0, 11, 0));
}

/// Runs one test of this binary in a process of its own, where `PATH_OF_CHILD` is set.
fn child(test: &str, path: &Path, before: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{before}exec \"$0\" \"$@\""));
    shell.arg(std::env::current_exe().unwrap());
    shell.args(["--exact", test, "--nocapture", "--quiet"]);
    shell.env("PATH_OF_CHILD", path);
    shell
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_grow_holds_whole_rows_and_the_books_know_how_many() {
    const NAME: &str = "layer::tests::routes::\
        a_file_that_may_not_grow_holds_whole_rows_and_the_books_know_how_many";
    if let Some(path) = std::env::var_os("PATH_OF_CHILD") {
        let outlet = open(LayerSettings::Csv(csv(Path::new(&path))));
        send(&outlet, 0..1_000);
        outlet.flush();
        let (written, failed, held) = counts(&outlet);
        assert!(written > 10 && held > 10, "{written} {held}");
        assert_eq!((written + held, failed), (1_000, 0));
        outlet.close();
        assert_eq!(counts(&outlet), (written, held, 0));
        fs::write(Path::new(&path).with_extension("books"), written.to_string()).unwrap();
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.csv");
    // A file size limit that is met in the middle of a row; without the trap it would kill.
    let status =
        child(NAME, &path, "trap '' XFSZ; ulimit -f 8; ").stdout(Stdio::null()).status().unwrap();
    assert!(status.success());
    let text = fs::read_to_string(&path).unwrap();
    let written: usize = fs::read_to_string(path.with_extension("books")).unwrap().parse().unwrap();
    assert_eq!(text.matches('\n').count(), written + 1);
    assert!(!text.ends_with('\n'), "the limit did not tear a row");
}

#[cfg(unix)]
#[test]
fn a_console_that_is_no_terminal_has_no_colours() {
    const NAME: &str = "layer::tests::routes::a_console_that_is_no_terminal_has_no_colours";
    if std::env::var_os("PATH_OF_CHILD").is_some() {
        let mut console = ConsoleSettings { stream: Stream::Stdout, ..Default::default() };
        let plain = open(LayerSettings::Console(console.clone()));
        console.color = Color::Always;
        let coloured = open(LayerSettings::Console(console));
        send(&plain, [1]);
        plain.close();
        send(&coloured, [2]);
        coloured.close();
        return;
    }
    let output = child(NAME, Path::new("-"), "").output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\n2024-05-01T12:00:00.060000Z find shop.orders ok MatchedCount=1\n"));
    assert!(text.contains("\x1b[32mok\x1b[0m \x1b[2mMatchedCount=\x1b[0m2\n"), "{text:?}");
}

#[test]
fn colours_are_for_terminals_whose_user_did_not_refuse_them() {
    let check = |color, is_terminal, no_color: Option<&str>, expected| {
        assert_eq!(choose_paint(color, is_terminal, no_color.map(OsStr::new)), expected);
    };
    check(Color::Auto, true, None, Paint::Coloured);
    check(Color::Auto, true, Some(""), Paint::Coloured);
    check(Color::Auto, true, Some("1"), Paint::Plain);
    check(Color::Auto, false, None, Paint::Plain);
    check(Color::Always, false, Some("1"), Paint::Coloured);
    check(Color::Never, true, None, Paint::Plain);
}

#[test]
fn many_threads_may_send_and_flush_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.csv");
    let outlet = Arc::new(open(LayerSettings::Csv(csv(&path))));
    thread::scope(|scope| {
        for thread in 0..4 {
            let outlet = &outlet;
            scope.spawn(move || {
                for number in 0..500 {
                    send(outlet, [thread * 500 + number]);
                    if number % 7 == 0 {
                        outlet.flush();
                    }
                }
            });
        }
    });
    outlet.close();
    assert_eq!(counts(&outlet), (2_000, 0, 0));
    let mut all = numbers(&path);
    all.sort_unstable();
    assert_eq!(all, Vec::from_iter(0..2_000));
}
