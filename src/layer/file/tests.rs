use std::path::PathBuf;

use super::{
    name::{date_of, period_of},
    *,
};
use crate::layer::FileSize;

const BY_TIME: [Rotation; 4] =
    [Rotation::Minutely, Rotation::Hourly, Rotation::Daily, Rotation::Weekly];

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn write(file: &mut RollingFile, text: &str) -> Place {
    let place = file.prepare(text.len(), false).unwrap();
    assert_eq!(file.write(text.as_bytes()).unwrap(), Wrote::Bytes(text.len()));
    place
}

/// Makes the file in use one of the period before, as if time had passed; gives its new path.
fn age(file: &mut RollingFile) -> PathBuf {
    let open = file.open.as_mut().unwrap();
    open.period -= 1;
    let old = file.name.path(file.rotation, open.period);
    fs::rename(&open.path, &old).unwrap();
    old
}

#[test]
fn periods_have_the_names_that_the_appender_gives_them() {
    // One file each: a name of ours that was not the appender's would be a second one.
    for rotation in BY_TIME.into_iter().chain([Rotation::Never]) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.csv");
        let file = RollingFile::open(&path, rotation, None).unwrap();
        let open = file.open.as_ref().unwrap();
        let name = open.path.file_name().unwrap().to_str().unwrap().to_owned();
        // A minute may end between the two.
        assert!(names(directory.path()).contains(&name));
        if rotation != Rotation::Minutely {
            assert_eq!(names(directory.path()), [name], "{rotation:?}");
        }
    }
}

#[test]
fn a_week_begins_on_sunday() {
    let check = |rotation, date: &str, expected: &str| {
        let date: jiff::Timestamp = date.parse().unwrap();
        let period = period_of(rotation, Timestamp::from_micros(date.as_microsecond()));
        assert_eq!(date_of(rotation, period).as_deref(), Some(expected));
    };
    check(Rotation::Weekly, "2024-05-04T23:59:59Z", "2024-04-28");
    check(Rotation::Weekly, "2024-05-05T00:00:00Z", "2024-05-05");
    check(Rotation::Daily, "2024-05-04T23:59:59.999999Z", "2024-05-04");
    check(Rotation::Hourly, "2024-05-04T23:59:59Z", "2024-05-04-23");
    check(Rotation::Minutely, "2024-05-04T23:59:59Z", "2024-05-04-23-59");
    check(Rotation::Daily, "1969-12-31T23:59:59Z", "1969-12-31");
    assert_eq!(date_of(Rotation::Never, 0), None);
}

#[test]
fn a_new_period_begins_an_empty_file() {
    for rotation in [Rotation::Hourly, Rotation::Daily, Rotation::Weekly] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.csv");
        let mut file = RollingFile::open(&path, rotation, None).unwrap();
        assert_eq!(write(&mut file, "one\n"), Place::Empty);
        assert_eq!(write(&mut file, "two\n"), Place::Same);
        let old = age(&mut file);
        assert_eq!(file.write(b"three\n").unwrap(), Wrote::Moved);
        assert_eq!(write(&mut file, "three\n"), Place::Empty);
        assert_eq!(fs::read_to_string(old).unwrap(), "one\ntwo\n");
        assert_eq!(fs::read_to_string(&file.open.as_ref().unwrap().path).unwrap(), "three\n");
    }
}

#[test]
fn old_periods_are_removed_and_files_of_others_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let others = ["audit-slow.2020-01-01.csv", "audit.2020-01-01.csv.gz", "audit.csv", "other.csv"];
    let old = ["audit.2020-01-01.csv", "audit.2020-01-02.csv", "audit.2020-01-03.csv"];
    for name in others.iter().chain(&old) {
        fs::write(directory.path().join(name), "x\n").unwrap();
    }
    let path = directory.path().join("audit.csv");
    let file = RollingFile::open(&path, Rotation::Daily, Some(2)).unwrap();
    let open = file.open.as_ref().unwrap();
    let present = open.path.file_name().unwrap().to_str().unwrap();
    let mut expected: Vec<_> = others.into_iter().chain([old[2], present]).collect();
    expected.sort_unstable();
    assert_eq!(names(directory.path()), expected);
}

#[test]
fn a_file_is_rotated_before_it_grows_beyond_its_size() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.csv");
    let size = Rotation::Size(FileSize::from_bytes(1_000).unwrap());
    let mut file = RollingFile::open(&path, size, Some(3)).unwrap();
    let line = |letter: &str| letter.repeat(599) + "\n";
    for letter in ["a", "b", "c", "d", "e"] {
        assert_eq!(write(&mut file, &line(letter)), Place::Empty);
    }
    assert_eq!(names(directory.path()), ["audit.csv", "audit.csv.1", "audit.csv.2"]);
    for (name, letter) in names(directory.path()).iter().zip(["e", "d", "c"]) {
        assert_eq!(fs::read_to_string(directory.path().join(name)).unwrap(), line(letter));
    }
    // A torn line is completed where it began.
    assert_eq!(file.prepare(600, true).unwrap(), Place::Same);
    assert_eq!(file.prepare(600, false).unwrap(), Place::Empty);
}

#[test]
fn a_file_that_cannot_be_rotated_is_written_to_beyond_its_size() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.csv");
    let size = Rotation::Size(FileSize::from_bytes(1_000).unwrap());
    let mut file = RollingFile::open(&path, size, None).unwrap();
    // A directory with a file in it cannot be the target of a rename of a file.
    fs::create_dir(directory.path().join("audit.csv.1")).unwrap();
    fs::create_dir_all(directory.path().join("audit.csv.2/x")).unwrap();
    fs::remove_dir(directory.path().join("audit.csv.1")).unwrap();
    fs::write(directory.path().join("audit.csv.1"), "old\n").unwrap();
    fs::create_dir_all(directory.path().join("audit.csv.3/x")).unwrap();
    let long = "a".repeat(999) + "\n";
    write(&mut file, &long);
    fs::remove_file(directory.path().join("audit.csv.1")).unwrap();
    fs::create_dir_all(directory.path().join("audit.csv.1/x")).unwrap();
    // The directories are moved along; what matters is that nothing is lost.
    write(&mut file, &long);
    let all: usize = names(directory.path())
        .iter()
        .filter_map(|name| fs::read(directory.path().join(name)).ok())
        .map(|content| content.len())
        .sum();
    assert_eq!(all, 2_000);
}

#[cfg(unix)]
#[test]
fn a_new_file_is_for_its_owner_only_and_an_old_one_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let directory = tempfile::tempdir().unwrap();
    for rotation in BY_TIME.into_iter().chain([Rotation::Never]) {
        let path = directory.path().join(format!("new-{rotation:?}.csv"));
        let file = RollingFile::open(&path, rotation, None).unwrap();
        assert_eq!(mode(&file.open.as_ref().unwrap().path), 0o600, "{rotation:?}");
    }
    let path = directory.path().join("old.csv");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    RollingFile::open(&path, Rotation::Never, None).unwrap();
    assert_eq!(mode(&path), 0o640);
}

#[test]
fn a_file_that_was_moved_away_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deep/er/audit.csv");
    let mut file = RollingFile::open(&path, Rotation::Never, None).unwrap();
    write(&mut file, "one\n");
    fs::rename(&path, directory.path().join("moved")).unwrap();
    assert_eq!(write(&mut file, "two\n"), Place::Empty);
    fs::remove_dir_all(directory.path().join("deep")).unwrap();
    assert_eq!(write(&mut file, "three\n"), Place::Empty);
    assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
    assert_eq!(fs::read_to_string(directory.path().join("moved")).unwrap(), "one\n");
}

#[test]
fn a_file_that_ends_torn_is_known_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit");
    for (content, ends_torn) in [("whole\n", false), ("whole\nto", true)] {
        fs::write(&path, content).unwrap();
        let mut file = RollingFile::open(&path, Rotation::Never, None).unwrap();
        assert_eq!(file.prepare(1, false).unwrap(), Place::Used { ends_torn });
        assert_eq!(file.prepare(1, false).unwrap(), Place::Same);
    }
}

#[test]
fn a_path_that_is_not_that_of_a_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let error = RollingFile::open(Path::new(".."), Rotation::Never, None).err().unwrap();
    assert_eq!(error.to_string(), "expected the path of a file, found ..");
    let error = RollingFile::open(directory.path(), Rotation::Never, None).err().unwrap();
    assert!(error.is_io());
    assert!(error.to_string().starts_with("could not open /"), "{error}");
    let blocked = directory.path().join("file/audit.csv");
    fs::write(directory.path().join("file"), "").unwrap();
    assert!(RollingFile::open(&blocked, Rotation::Never, None).err().unwrap().is_io());
}
