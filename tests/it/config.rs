//! Configuration: what a faulty file is told, that the examples are whole, and the tool's commands.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use expect_test::{Expect, expect};
use mongodb::options::ClientOptions;
use mongowatch::{
    Capture, CursorUpdates, Field, Otherwise, Privacy, QueueSettings, Settings, Watcher,
    WatchersSettings, WhenFull,
    bson::{Bson, Document},
    config::CONFIG_VARIABLE,
    filter::OwnField,
    layer::{
        ApplicationSettings, Color, Columns, ConsoleSettings, CsvSettings, EventLevel,
        FileSettings, FileSize, Header, JsonSettings, LayerSettings, Levels, LineTemplate,
        Rotation, Shown, Stream, Versions,
    },
};
use proptest::{collection, option, prelude::*, sample::select};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const REFERENCE: &str = include_str!("../../config/reference.yaml");
const MINIMAL: &str = include_str!("../../config/minimal.yaml");

/// Checks what a faulty file is told.
#[track_caller]
fn check(yaml: &str, expected: Expect) {
    let error = Settings::from_yaml_str(yaml, "audit.yaml").unwrap_err();
    assert!(error.is_config());
    let message = error.to_string();
    assert!(!message.contains('\n'), "{message}");
    expected.assert_eq(&message);
}

#[track_caller]
fn read(yaml: &str) -> Settings {
    Settings::from_yaml_str(yaml, "audit.yaml").unwrap()
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_one() {
    check(
        "captur: spans",
        expect![
            "audit.yaml:1:1: unknown key `captur`, expected `capture`, `privacy`, `service`, `service_version`, `context`, `require_context`, `comment`, `buffer`, `queue`, `watchers`, `levels`, `fields`, `reload`, `layers` or `shutdown_timeout`: did you mean `capture`?"
        ],
    );
    check(
        "queue:\n  capacty: 10",
        expect![
            "audit.yaml:2:3: queue: unknown key `capacty`, expected `timeout`, `forced_delay`, `capacity` or `when_full`: did you mean `capacity`?"
        ],
    );
    check(
        "Queue: {}",
        expect![
            "audit.yaml:1:1: unknown key `Queue`, expected `capture`, `privacy`, `service`, `service_version`, `context`, `require_context`, `comment`, `buffer`, `queue`, `watchers`, `levels`, `fields`, `reload`, `layers` or `shutdown_timeout`: did you mean `queue`?"
        ],
    );
    check(
        "3: spans",
        expect![
            "audit.yaml:1:1: unknown key `3`, expected `capture`, `privacy`, `service`, `service_version`, `context`, `require_context`, `comment`, `buffer`, `queue`, `watchers`, `levels`, `fields`, `reload`, `layers` or `shutdown_timeout`"
        ],
    );
    check(
        "levels: {finale: info}",
        expect![
            "audit.yaml:1:10: levels: unknown key `finale`, expected `first`, `update`, `final` or `timeout`: did you mean `final`?"
        ],
    );
    check(
        "layers:\n- file:\n    path: a.log\n    header: true",
        expect![
            "audit.yaml:4:5: layers[0].file: unknown key `header`, expected `name`, `levels`, `versions`, `privacy`, `path`, `rotation`, `keep`, `template`, `fields` or `steps`"
        ],
    );
    check(
        "layers:\n- csv:\n    path: a.csv\n    rotation:\n      sise: 100MB",
        expect![
            "audit.yaml:5:7: layers[0].csv.rotation: unknown key `sise`, expected `never`, `minutely`, `hourly`, `daily`, `weekly` or `size`: did you mean `size`?"
        ],
    );
}

#[test]
fn unknown_values_are_refused_with_the_nearest_one() {
    check(
        "capture: span",
        expect![
            "audit.yaml:1:10: capture: unknown value `span`, expected `spans`, `commands` or `operations`: did you mean `spans`?"
        ],
    );
    check(
        "queue:\n  when_full: drop_update",
        expect![
            "audit.yaml:2:14: queue.when_full: unknown value `drop_update`, expected `block`, `drop_updates` or `drop_newest`: did you mean `drop_updates`?"
        ],
    );
    check(
        "levels:\n  final: inform",
        expect![
            "audit.yaml:2:10: levels.final: unknown level `inform`, expected off, error, warn, info, debug or trace: did you mean `info`?"
        ],
    );
    check(
        "layers:\n- consol",
        expect![
            "audit.yaml:2:3: layers[0]: unknown value `consol`, expected `console`, `file`, `csv`, `json` or `application`: did you mean `console`?"
        ],
    );
    check(
        "layers:\n- console: {}\n- jsn: {path: a}",
        expect![
            "audit.yaml:3:3: layers[1]: unknown key `jsn`, expected `console`, `file`, `csv`, `json` or `application`: did you mean `json`?"
        ],
    );
    check(
        "layers:\n- csv: {path: a.csv, rotation: dayly}",
        expect![
            "audit.yaml:2:32: layers[0].csv.rotation: unknown value `dayly`, expected `never`, `minutely`, `hourly`, `daily`, `weekly` or `size`: did you mean `daily`?"
        ],
    );
    check(
        "layers:\n- csv: {path: a.csv, columns: [DB, Colection]}",
        expect![
            "audit.yaml:2:36: layers[0].csv.columns[1]: unknown field `Colection`: did you mean `Collection`?"
        ],
    );
    check(
        "layers:\n- csv:\n    path: a.csv\n    columns: defualt",
        expect![
            "audit.yaml:4:14: layers[0].csv.columns: found `defualt`, expected `default`, `all` or a list of fields: did you mean `default`?"
        ],
    );
    check("fields: [DB, DB]", expect!["audit.yaml:1:9: fields: the field `DB` is there twice"]);
    check(
        "layers:\n- file:\n    path: a.log\n    template: '{StartTime} {Operatoin}'",
        expect![
            "audit.yaml:4:29: layers[0].file.template: unknown field `Operatoin`: did you mean `Operation`?"
        ],
    );
    check(
        "layers:\n- console: {template: '{DB'}",
        expect!["audit.yaml:2:24: layers[0].console.template: `{` without its `}`"],
    );
}

#[test]
fn durations_and_sizes_are_refused_with_an_example() {
    check(
        "queue:\n  timeout: 10 parsec",
        expect![
            "audit.yaml:2:12: queue.timeout: found `10 parsec`, expected a duration such as `250ms`, `10m` or `1h 30m`"
        ],
    );
    check(
        "queue:\n  timeout: 10",
        expect![
            "audit.yaml:2:12: queue.timeout: found `10`, expected a duration such as `250ms`, `10m` or `1h 30m`"
        ],
    );
    check(
        "watchers: {cursor: {timeout: [10m]}}",
        expect!["audit.yaml:1:30: watchers.cursor.timeout: found a list, expected a text"],
    );
    check(
        "shutdown_timeout: -3s",
        expect![
            "audit.yaml:1:19: shutdown_timeout: found `-3s`, expected a duration such as `250ms`, `10m` or `1h 30m`"
        ],
    );
    check(
        "layers:\n- csv: {path: a.csv, rotation: {size: 12 parsec}}",
        expect![
            "audit.yaml:2:39: layers[0].csv.rotation.size: expected a size such as `100MB` or `64KiB`, found `12 parsec`"
        ],
    );
    check(
        "layers:\n- csv: {path: a.csv, rotation: {size: 1}}",
        expect![
            "audit.yaml:2:39: layers[0].csv.rotation.size: expected at least 1000 bytes, found 1"
        ],
    );
    check(
        "layers:\n- csv: {path: a.csv, rotation: size}",
        expect![
            "audit.yaml:2:32: layers[0].csv.rotation.size: found nothing, expected a size such as `100MB` or `64KiB`"
        ],
    );
}

#[test]
fn wrong_types_are_refused_with_what_was_found() {
    check(
        "queue:\n  capacity: ten",
        expect!["audit.yaml:2:13: queue.capacity: found `ten`, expected a whole number"],
    );
    check(
        "queue:\n  capacity: -1",
        expect!["audit.yaml:2:13: queue.capacity: found `-1`, expected a whole number, 0 or more"],
    );
    check(
        "queue:\n  capacity: 1.5",
        expect!["audit.yaml:2:13: queue.capacity: found `1.5`, expected a whole number"],
    );
    check(
        "queue:\n  capacity: '10'",
        expect!["audit.yaml:2:13: queue.capacity: found the text `10`, expected a whole number"],
    );
    check(
        "queue:\n  capacity: 99999999999999999999",
        expect![
            "audit.yaml:2:13: queue.capacity: found `99999999999999999999`, expected a whole number"
        ],
    );
    check(
        "queue:\n  capacity:",
        expect!["audit.yaml:2:11: queue.capacity: found nothing, expected a whole number"],
    );
    check("queue: 10m", expect!["audit.yaml:1:8: queue: found `10m`, expected keys with values"]);
    check(
        "queue: [timeout]",
        expect!["audit.yaml:1:8: queue: found a list, expected keys with values"],
    );
    check(
        "capture: [spans]",
        expect![
            "audit.yaml:1:10: capture: found a list, expected `spans`, `commands` or `operations`"
        ],
    );
    check(
        "capture: {spans: 1}",
        expect!["audit.yaml:1:18: capture.spans: found `1`, expected nothing behind `spans`"],
    );
    check("service: [shop]", expect!["audit.yaml:1:10: service: found a list, expected a text"]);
    check(
        "layers:\n- csv: {path: a.csv, header: yes}",
        expect!["audit.yaml:2:30: layers[0].csv.header: found `yes`, expected `true` or `false`"],
    );
    check(
        "layers:\n  csv:\n    path: a.csv",
        expect!["audit.yaml:2:3: layers: found a map, expected a list, each item after a `-`"],
    );
    check(
        "layers:\n- csv:\n    path:",
        expect!["audit.yaml:3:9: layers[0].csv.path: found nothing, expected a text"],
    );
    check(
        "layers:\n- csv: {path: a.csv, columns: []}",
        expect![
            "audit.yaml:2:31: layers[0].csv.columns: found an empty list, expected `default`, `all` or a list of fields"
        ],
    );
    check("- capture: spans", expect!["audit.yaml:1:1: found a list, expected keys with values"]);
    check("spans", expect!["audit.yaml:1:1: found `spans`, expected keys with values"]);
}

#[test]
fn what_does_not_fit_together_is_refused_at_its_key() {
    check(
        "queue: {capacity: 0}",
        expect!["audit.yaml:1:19: queue.capacity: found `0`, expected at least 1"],
    );
    check("buffer: 0", expect!["audit.yaml:1:9: buffer: found `0`, expected at least 1"]);
    check(
        "queue: {timeout: 0s}",
        expect!["audit.yaml:1:18: queue.timeout: found `0s`, expected a duration longer than 0"],
    );
    check(
        "watchers: {cursor: {timeout: 0m}}",
        expect![
            "audit.yaml:1:30: watchers.cursor.timeout: found `0m`, expected a duration longer than 0"
        ],
    );
    check(
        "shutdown_timeout: 0s",
        expect!["audit.yaml:1:19: shutdown_timeout: found `0s`, expected a duration longer than 0"],
    );
    check(
        "layers:\n- csv: {columns: all}",
        expect!["audit.yaml:2:8: layers[0].csv: expected the key `path`, which has no default"],
    );
    check(
        "layers:\n- csv",
        expect!["audit.yaml:2:3: layers[0].csv: expected the key `path`, which has no default"],
    );
    check(
        "layers:\n- csv: {path: ''}",
        expect![
            "audit.yaml:2:15: layers[0].csv.path: found an empty path, expected that of a file"
        ],
    );
    check(
        "layers:\n- csv: {path: a.csv, keep: 3}",
        expect!["audit.yaml:2:28: layers[0].csv.keep: `keep` needs a `rotation`"],
    );
    check(
        "layers:\n- csv: {path: a.csv, rotation: daily, keep: 0}",
        expect!["audit.yaml:2:45: layers[0].csv.keep: `keep` must be at least 1"],
    );
    check(
        "layers:\n- json: {}",
        expect!["audit.yaml:2:9: layers[0].json: expected `path` or `stream`"],
    );
    check(
        "privacy: masked\nlayers:\n- csv: {path: a.csv, privacy: full}",
        expect![
            "audit.yaml:3:31: layers[0].csv.privacy: `privacy` is `full`, which is milder than `masked`, that of the watcher: a layer can only be stricter"
        ],
    );
    check(
        "layers:\n- json: {path: a.jsonl, stream: stdout}",
        expect!["audit.yaml:2:16: layers[0].json.path: `path` and `stream` exclude each other"],
    );
    check(
        "layers:\n- json: {stream: stdout, rotation: daily}",
        expect!["audit.yaml:2:18: layers[0].json.stream: a `stream` has no `rotation`"],
    );
    check(
        "layers:\n- console: {name: out}\n- csv: {path: a.csv, name: out}",
        expect!["audit.yaml:3:28: layers[1].csv.name: the name `out` is that of layers[0] too"],
    );
    check(
        "layers:\n- json: {path: a.jsonl, name: console}\n- console",
        expect!["audit.yaml:3:3: layers[1].console: the name `console` is that of layers[0] too"],
    );
    check(
        "layers:\n- csv: {path: a.csv}\n- json: {path: a.csv}",
        expect!["audit.yaml:3:16: layers[1].json.path: `a.csv` is the file of layers[0] too"],
    );
}

#[test]
fn layers_that_are_not_indented_are_told_so() {
    check(
        "layers:\n- csv:\n  path: a.csv",
        expect![
            "audit.yaml:3:3: layers[0]: found `path` beside `csv`, expected one key: indent what belongs to `csv`"
        ],
    );
    check(
        "layers:\n- csv: {path: a.csv}\n  json: {path: a.jsonl}",
        expect!["audit.yaml:3:3: layers[0]: found `json` beside `csv`, expected one key"],
    );
    check(
        "layers:\n- kind: csv\n  path: a.csv",
        expect![
            "audit.yaml:2:3: layers[0]: found a map, expected one key: `console`, `file`, `csv`, `json` or `application`"
        ],
    );
}

#[test]
fn text_that_is_not_our_yaml_is_refused() {
    check(
        "capture: spans\nbuffer: 3\ncapture: commands",
        expect!["audit.yaml:3:1: the key `capture` is there twice, first in line 1"],
    );
    check(
        "queue:\n\ttimeout: 3s",
        expect![
            "audit.yaml:2:2: tabs disallowed within this context (block indentation): indent with spaces"
        ],
    );
    check("queue: {timeout: 3s", expect!["audit.yaml:1:8: unclosed bracket '{'"]);
    check("service: \"shop", expect!["audit.yaml:1:10: unclosed quote"]);
    check(
        "service: shop: north",
        expect!["audit.yaml:1:14: mapping values are not allowed in this context"],
    );
    check(
        "capture: spans\n---\ncapture: commands",
        expect!["audit.yaml:3:1: found a second document, expected one"],
    );
    check("capture: !include other.yaml", expect!["audit.yaml:1:19: unsupported tag `!include`"]);
    check("capture: *other", expect!["audit.yaml:1:10: found an alias without its anchor"]);
    check("? [capture]\n: spans", expect!["audit.yaml:1:3: expected string scalar"]);
    check("service: a\u{0}b", expect![[r#"audit.yaml:1:11: unexpected character: `\u{0}'"#]]);
    check(
        "\u{feff}# with a mark\r\ncapture: span\r\n",
        expect![
            "audit.yaml:2:10: capture: unknown value `span`, expected `spans`, `commands` or `operations`: did you mean `spans`?"
        ],
    );
    check(
        "\"a\\nb\\e[31m\": 1",
        expect![[
            r#"audit.yaml:1:1: unknown key `a\nb\u{1b}[31m`, expected `capture`, `privacy`, `service`, `service_version`, `context`, `require_context`, `comment`, `buffer`, `queue`, `watchers`, `levels`, `fields`, `reload`, `layers` or `shutdown_timeout`"#
        ]],
    );
    let bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned()
        + "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
        + "d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]\n";
    check(&bomb, expect!["audit.yaml:1:20: found more than a configuration can need"]);
    check(&"[".repeat(100_000), expect!["audit.yaml:1:256: recursion limit exceeded"]);
}

#[test]
fn faults_behind_aliases_and_merge_keys_are_shown_where_they_stand() {
    let layer = "layers:\n- console: {levels: &quiet {final: lowd}}\n- csv: ";
    check(
        &format!("{layer}{{path: a.csv, levels: *quiet}}"),
        expect![
            "audit.yaml:2:36: layers[0].console.levels.final: unknown level `lowd`, expected off, error, warn, info, debug or trace"
        ],
    );
    check(
        "levels:\n  <<: {final: lowd}",
        expect![
            "audit.yaml:2:15: levels.final: unknown level `lowd`, expected off, error, warn, info, debug or trace"
        ],
    );
    check(
        "levels: &l {final: info}\nqueue: *l",
        expect![
            "audit.yaml:1:13: queue: unknown key `final`, expected `timeout`, `forced_delay`, `capacity` or `when_full`"
        ],
    );
}

#[test]
fn files_that_cannot_be_read_are_refused_by_name() {
    #[track_caller]
    fn check(path: &Path, content: Option<&[u8]>, expected: Expect) {
        if let Some(content) = content {
            fs::write(path, content).unwrap();
        }
        let error = Settings::from_yaml_file(path).unwrap_err();
        assert!(error.is_config());
        let cause = std::error::Error::source(&error);
        let message = cause.map_or(error.to_string(), |cause| format!("{error}: {cause}"));
        let directory = path.parent().unwrap().display().to_string();
        expected.assert_eq(&message.replace(&directory, "DIR"));
    }
    let directory = desk();
    let path = directory.path().join("audit.yaml");
    check(
        &path,
        None,
        expect!["DIR/audit.yaml: cannot be read: No such file or directory (os error 2)"],
    );
    check(
        &path,
        Some(b"capture: spans\nservice: caf\xe9"),
        expect!["DIR/audit.yaml:2:13: found a byte that is not UTF-8, expected text in UTF-8"],
    );
    check(
        &path,
        Some(b"\xff\xfec\0a\0"),
        expect!["DIR/audit.yaml:1:1: found a byte that is not UTF-8, expected text in UTF-8"],
    );
    check(
        &path,
        Some(b"capture: span"),
        expect![
            "DIR/audit.yaml:1:10: capture: unknown value `span`, expected `spans`, `commands` or `operations`: did you mean `spans`?"
        ],
    );
    check(
        &path,
        Some(&vec![b'#'; 2 << 20]),
        expect!["DIR/audit.yaml: found more than 1 MiB, expected a configuration"],
    );
    let inner = directory.path().join("inner");
    fs::create_dir(&inner).unwrap();
    check(&inner, None, expect!["DIR/inner: found a directory, expected a file"]);
}

#[test]
fn what_is_left_out_has_its_default() {
    for yaml in ["", "# nothing\n", "---\n", "{}", "~", "queue:\nlayers:\nservice:\n", "levels: {}"]
    {
        assert_eq!(read(yaml), Settings::default(), "{yaml:?}");
    }
    let console = LayerSettings::Console(ConsoleSettings::default());
    for yaml in ["layers: [console]", "layers:\n- console:", "layers:\n- console: {}"] {
        assert_eq!(read(yaml).layers, std::slice::from_ref(&console), "{yaml:?}");
    }
    assert_eq!(Settings::default().resolved().layers, [console]);
}

#[test]
fn texts_that_look_like_something_else_stay_texts() {
    let settings = read("service: 0x10\nservice_version: 1.10\nlevels: {final: off}");
    assert_eq!(settings.service.as_deref(), Some("0x10"));
    assert_eq!(settings.service_version.as_deref(), Some("1.10"));
    assert_eq!(settings.levels.final_, EventLevel::Off);
    // `$${` stands for `${`.
    assert_eq!(read("service: $${HOME}").service.as_deref(), Some("${HOME}"));
}

#[test]
fn anchors_and_merge_keys_save_writing() {
    let settings = read(
        "layers:
- csv: &daily {path: a.csv, rotation: daily, keep: 7}
- csv: {<<: *daily, path: b.csv, columns: all}",
    );
    let [LayerSettings::Csv(first), LayerSettings::Csv(second)] = &settings.layers[..] else {
        panic!("{settings:?}");
    };
    assert_eq!((first.rotation, first.keep), (second.rotation, second.keep));
    assert_eq!(second.path, Path::new("b.csv"));
}

#[test]
fn rules_on_the_context_are_checked() {
    let rule = |rule: &str| format!("require_context:\n- {rule}");
    check(
        &rule("{namespace: shop, fields: [actor]}"),
        expect![
            "audit.yaml:2:15: require_context[0].namespace: found `shop`, expected a namespace such as `shop.orders`, `shop.*` or `*`"
        ],
    );
    check(
        &rule("{namespace: shop.*, fields: []}"),
        expect![
            "audit.yaml:2:31: require_context[0].fields: found an empty list, expected at least one part of the context, such as `actor`"
        ],
    );
    check(
        &rule("{namespace: shop.*, fields: [acto]}"),
        expect![
            "audit.yaml:2:32: require_context[0].fields[0]: unknown value `acto`, expected `actor`, `on_behalf_of`, `tenant`, `request_id`, `reason`, `labels`, `trace_id` or `span_id`: did you mean `actor`?"
        ],
    );
    check(
        &rule("{namespace: shop.*, fields: [actor], otherwise: reject}"),
        expect![
            "audit.yaml:2:51: require_context[0].otherwise: unknown value `reject`, expected `flag` or `refuse`"
        ],
    );
    check(
        "context: {span_fields: {user.id: user}}",
        expect![
            "audit.yaml:1:34: context.span_fields.user.id: unknown value `user`, expected `actor`, `on_behalf_of`, `tenant`, `request_id`, `reason`, `labels`, `trace_id` or `span_id`"
        ],
    );
    check(
        "comment: WatchID",
        expect![
            "audit.yaml:1:10: comment: unknown value `WatchID`, expected `none` or `watch_id`: did you mean `watch_id`?"
        ],
    );
    let settings = read(&rule("{namespace: \"*\", fields: [actor, labels]}"));
    assert_eq!(settings.require_context[0].otherwise, Otherwise::Flag);
}

#[test]
fn the_reference_has_every_key_with_another_value_than_its_default() {
    let whole = reference();
    let settings = parse(&whole).unwrap();
    // Some keys exclude each other: together, all of one kind have all keys.
    let mut kinds: BTreeMap<&str, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    for (path, node) in nodes(&whole) {
        let Some(map) = node.as_object() else { continue };
        // Queries, and maps from paths, have the keys of records.
        if ["/match", "/always", "/rename", "/set", "/operations"]
            .iter()
            .any(|step| path.contains(step))
        {
            continue;
        }
        for key in map.keys() {
            let path = format!("{path}/{key}");
            match parse(&without(&whole, &path)) {
                Ok(changed) => assert_ne!(changed, settings, "{path} has its default"),
                Err(message) => assert!(is_needed(&message), "{path}: {message}"),
            }
        }
        // Each map is asked for the keys that it knows, by an unknown one.
        let message = parse(&with(&whole, &format!("{path}/zz"), Value::from(1))).unwrap_err();
        if message.contains("beside `") || path == "/context/span_fields" {
            continue; // A choice with one key, or keys of the application: the next test.
        }
        let known = choices(&message, "unknown key `zz`, expected ");
        if let Some(kind) = ["json", "mask", "script"].into_iter().find(|kind| path.ends_with(kind))
        {
            let (knows, has) = kinds.entry(kind).or_default();
            knows.extend(known);
            has.extend(map.keys().cloned());
            continue;
        }
        for key in known {
            assert!(map.contains_key(&key), "{path}: the reference lacks `{key}`");
        }
    }
    for (kind, (knows, has)) in kinds {
        assert_eq!(knows, has, "{kind}");
    }
}

/// Is the fault that something else needs the key that was taken away?
fn is_needed(message: &str) -> bool {
    [
        "no default",
        "needs a `rotation`",
        "expected `path` or `stream`",
        "expected one key",
        "expected `code` or `file`",
        // The text of a mask of another mode than the default.
        "` only",
        "needs a key",
    ]
    .iter()
    .any(|part| message.contains(part))
}

#[test]
fn the_reference_names_every_value_that_may_be_chosen() {
    let whole = reference();
    let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
    let words: BTreeSet<_> = REFERENCE.split(|letter| !is_letter(letter)).collect();
    let mut n_choices = 0;
    for (path, _) in nodes(&whole).into_iter().skip(1) {
        // Each value is asked for the words that may stand there, by an unknown one.
        let Err(message) = parse(&with(&whole, &path, Value::from("zz"))) else { continue };
        let question = [
            "unknown value `zz`, expected ",
            "unknown level `zz`, expected ",
            "found `zz`, expected `",
        ];
        let Some(question) = question.into_iter().find(|text| message.contains(text)) else {
            continue;
        };
        n_choices += 1;
        for choice in choices(&message, question) {
            let is_there = choice.split(' ').all(|word| words.contains(word));
            assert!(is_there, "{path}: the reference lacks `{choice}`");
        }
    }
    // The capture, the context and its requirement, the comment, when_full, watchers, levels, fields, reload,
    // layers and what is in them.
    // Two steps `script`, and what becomes of a record.
    let n_of_scripts = if cfg!(feature = "script") { 3 } else { 0 };
    assert_eq!(n_choices, 147 + n_of_scripts);
    let kinds = parse(&with(&whole, "/layers/0", Value::from("zz"))).unwrap_err();
    for kind in choices(&kinds, "expected ") {
        assert!(REFERENCE.contains(&format!("\n- {kind}:")), "the reference lacks `{kind}`");
    }
}

fn reference() -> Value {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(&with_scripts(REFERENCE), options).unwrap()
}

/// The reference with the steps that stand behind `#`, if this build has them.
fn with_scripts(reference: &str) -> String {
    let mut is_script = false;
    let line = |line: &str| {
        let code = line.strip_prefix("    #");
        is_script = code.is_some_and(|code| {
            code.starts_with("- script:") || is_script && code.starts_with("    ")
        });
        let shown = code.filter(|_| is_script && cfg!(feature = "script"));
        shown.map_or_else(|| line.to_owned(), |code| format!("    {code}")) + "\n"
    };
    reference.lines().map(line).collect()
}

#[test]
fn a_script_needs_its_feature() {
    let yaml = "layers:\n- file:\n    path: a.log\n    steps:\n    - script: 'record.Tennant'";
    let message = Settings::from_yaml_str(yaml, "audit.yaml").unwrap_err().to_string();
    let expected = if cfg!(feature = "script") {
        "audit.yaml:5:23: layers[0].file.steps[0].script.code: line 1, column 8: unknown field \
         `Tennant`: did you mean `Tenant`?"
    } else {
        "audit.yaml:5:15: layers[0].file.steps[0].script: this build has no scripts: enable the \
         feature `script`"
    };
    assert_eq!(message, expected);
}

/// All values in the tree, each with the way to it.
pub(crate) fn nodes(root: &Value) -> Vec<(String, &Value)> {
    let mut found = vec![(String::new(), root)];
    let mut next = 0;
    while let Some((path, node)) = found.get(next).cloned() {
        match node {
            Value::Object(object) => {
                found.extend(object.iter().map(|(key, value)| (format!("{path}/{key}"), value)));
            }
            Value::Array(list) => {
                let indexed = list.iter().enumerate();
                found.extend(indexed.map(|(index, value)| (format!("{path}/{index}"), value)));
            }
            _ => {}
        }
        next += 1;
    }
    found
}

pub(crate) fn with(root: &Value, path: &str, value: Value) -> Value {
    let mut root = root.clone();
    let (parent, key) = path.rsplit_once('/').unwrap();
    match root.pointer_mut(parent).unwrap() {
        Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
        parent => parent[key] = value,
    }
    root
}

fn without(root: &Value, path: &str) -> Value {
    let mut root = root.clone();
    let (parent, key) = path.rsplit_once('/').unwrap();
    root.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key);
    root
}

/// JSON is YAML.
pub(crate) fn parse(value: &Value) -> Result<Settings, String> {
    Settings::from_yaml_str(&value.to_string(), "json").map_err(|error| error.to_string())
}

/// The words that a message offers after the question.
pub(crate) fn choices(message: &str, question: &str) -> Vec<String> {
    let list = message.split_once(question).expect(message).1;
    let list = list.split(": did you").next().unwrap();
    let list = list.split(" (and ").next().unwrap().replace(" or ", ", ").replace('`', "");
    list.split(", ").map(str::to_owned).collect()
}

#[tokio::test]
async fn the_minimal_file_starts_a_watcher_that_writes_a_header_and_rows() {
    assert_eq!(read(MINIMAL).layers, [LayerSettings::Csv(CsvSettings::new("audit.csv"))]);
    // The working directory of a test is shared: the file gets another path instead.
    let directory = desk();
    let (yaml, csv) = (directory.path().join("minimal.yaml"), directory.path().join("audit.csv"));
    fs::write(&yaml, MINIMAL.replace("audit.csv", csv.to_str().unwrap())).unwrap();
    let watcher = Watcher::from_yaml_file(&yaml).unwrap();
    assert_eq!(watcher.capture(), Capture::Spans);
    // Nobody listens there: an operation that never reaches a server has a record too.
    let nobody = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=10";
    let client = watcher.client(ClientOptions::parse(nobody).await.unwrap()).unwrap();
    let products = client.database("shop").collection::<Document>("products");
    products.find_one(Document::new()).await.unwrap_err();
    assert!(watcher.shutdown().await.unwrap().is_balanced());
    let lines = fs::read_to_string(csv).unwrap();
    let lines: Vec<_> = lines.lines().collect();
    assert!(lines[0].starts_with("WatcherName,WatchID,Iteration,StartTime,"), "{lines:?}");
    assert!(lines[1].contains(",shop,products,find_one,"), "{lines:?}");
    assert_eq!(lines.len(), 2, "{lines:?}");
}

#[test]
fn a_watcher_is_not_started_from_a_faulty_file() {
    let directory = desk();
    let path = directory.path().join("audit.yaml");
    let csv = directory.path().join("audit.csv");
    fs::write(&path, format!("layers: [csv: {{path: {csv:?}}}, csv: {{path: {csv:?}}}]")).unwrap();
    assert!(Watcher::from_yaml_file(&path).unwrap_err().is_config());
    assert!(!csv.exists());
}

/// Runs in a process of its own, where the variable is set.
#[test]
fn watcher_from_env_in_another_process() {
    let Some(path) = std::env::var_os(CONFIG_VARIABLE).map(PathBuf::from) else { return };
    if let Some(csv) = std::env::var_os("MONGOWATCH_TEST_CSV") {
        drop(Watcher::from_env().unwrap());
        assert!(Path::new(&csv).exists());
    } else {
        let message = Watcher::from_env().unwrap_err().to_string();
        assert!(
            message.starts_with(&format!("MONGOWATCH_CONFIG: {}", path.display())),
            "{message}"
        );
    }
}

#[test]
fn the_environment_names_the_file() {
    let run = |config: &Path, csv: Option<&Path>| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "config::watcher_from_env_in_another_process"]);
        command.env(CONFIG_VARIABLE, config);
        command.envs(csv.map(|csv| ("MONGOWATCH_TEST_CSV", csv)));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    };
    let directory = desk();
    let (yaml, csv) = (directory.path().join("env.yaml"), directory.path().join("env.csv"));
    fs::write(&yaml, MINIMAL.replace("audit.csv", csv.to_str().unwrap())).unwrap();
    run(&yaml, Some(&csv));
    run(&directory.path().join("none.yaml"), None);
    run(Path::new(""), None);
}

proptest! {
    #[test]
    fn settings_come_back_from_yaml(settings in settings()) {
        let yaml = settings.to_yaml_string().unwrap();
        prop_assert_eq!(Settings::from_yaml_str(&yaml, "printed.yaml").unwrap(), settings, "{}", yaml);
    }

    #[test]
    fn no_text_panics(text in "[a-z:{}\\[\\]&*!|>\"'#\\- \n\t0-9,?~%@<]{0,200}") {
        let _settings = Settings::from_yaml_str(&text, "any.yaml");
    }
}

fn duration() -> impl Strategy<Value = Duration> {
    (0..1_000_000_000_u64, 0..1_000_000_000_u32)
        .prop_map(|(seconds, nanos)| Duration::new(seconds, nanos).max(Duration::from_nanos(1)))
}

/// Texts that YAML writers and readers like to get wrong are frequent.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec![
            "off", "~", "null", "1.10", "0x10", "1_000", "yes", "true", "- a", "a: b", "#"
        ])
        .prop_map(str::to_owned),
        "[a-z ]{1,120}",
        "\\PC{1,20}",
        "[ -~\n\r\t\u{0}\u{85}\u{2028}\u{feff}]{1,30}",
    ]
}

fn levels() -> impl Strategy<Value = Levels> {
    let level = || select(EventLevel::ALL);
    (level(), level(), level(), level()).prop_map(|(first, update, final_, timeout)| Levels {
        first,
        update,
        final_,
        timeout,
    })
}

fn shown() -> impl Strategy<Value = Shown> {
    proptest::sample::subsequence(Field::ALL, 1..Field::ALL.len()).prop_map(Shown)
}

fn template() -> impl Strategy<Value = LineTemplate> {
    let piece = prop_oneof![
        Just("{Operation:<12}".to_owned()),
        Just("{rest}".to_owned()),
        text().prop_map(|text| text.replace('{', "{{").replace('}', "}}")),
    ];
    collection::vec(piece, 0..4).prop_map(|pieces| LineTemplate(pieces.concat().parse().unwrap()))
}

fn rotation() -> impl Strategy<Value = (Rotation, Option<usize>)> {
    let size = (FileSize::MIN..u64::MAX).prop_map(|size| FileSize::from_bytes(size).unwrap());
    let rotation = prop_oneof![
        select(vec![Rotation::Minutely, Rotation::Hourly, Rotation::Daily, Rotation::Weekly]),
        size.prop_map(Rotation::Size),
    ];
    prop_oneof![Just((Rotation::Never, None)), (rotation, option::of(1_usize..1_000)),]
}

fn privacy() -> impl Strategy<Value = Privacy> {
    select(vec![Privacy::Full, Privacy::Masked, Privacy::Shape])
}

fn layer() -> impl Strategy<Value = LayerSettings> {
    let versions = select(vec![Versions::Released, Versions::All]);
    let stream = select(vec![Stream::Stdout, Stream::Stderr]);
    let what = (versions, option::of(privacy()));
    let common = (option::of(levels()), what, option::of(shown()), text());
    let lines = (stream, select(vec![Color::Auto, Color::Always, Color::Never]), template());
    let columns = prop_oneof![
        Just(Columns::Default),
        Just(Columns::All),
        shown().prop_map(|shown| Columns::Fields(shown.0)),
    ];
    let rows = (columns, select(vec![Header::EveryFile, Header::None]));
    (0..6, common, lines, rows, rotation()).prop_map(
        |(
            kind,
            (levels, (versions, privacy), fields, path),
            (stream, color, template),
            rows,
            rotation,
        )| {
            let (rotation, keep) = rotation;
            match kind {
                0 => {
                    let mut layer = ConsoleSettings::default();
                    (layer.levels, layer.versions, layer.fields) = (levels, versions, fields);
                    layer.privacy = privacy;
                    (layer.stream, layer.color, layer.template) = (stream, color, template);
                    LayerSettings::Console(layer)
                }
                1 => {
                    let mut layer = FileSettings::new(path);
                    (layer.levels, layer.versions, layer.fields) = (levels, versions, fields);
                    layer.privacy = privacy;
                    (layer.rotation, layer.keep, layer.template) = (rotation, keep, template);
                    LayerSettings::File(layer)
                }
                2 => {
                    let mut layer = CsvSettings::new(path);
                    (layer.levels, layer.versions, layer.privacy) = (levels, versions, privacy);
                    (layer.rotation, layer.keep) = (rotation, keep);
                    (layer.columns, layer.header) = rows;
                    LayerSettings::Csv(layer)
                }
                3 => {
                    let mut layer = JsonSettings::to_file(path);
                    (layer.levels, layer.versions, layer.privacy) = (levels, versions, privacy);
                    (layer.rotation, layer.keep) = (rotation, keep);
                    LayerSettings::Json(layer)
                }
                4 => {
                    let mut layer = JsonSettings::to_stream(stream);
                    (layer.levels, layer.versions, layer.privacy) = (levels, versions, privacy);
                    LayerSettings::Json(layer)
                }
                _ => {
                    let mut layer = ApplicationSettings::default();
                    (layer.levels, layer.versions, layer.privacy) = (levels, versions, privacy);
                    LayerSettings::Application(layer)
                }
            }
        },
    )
}

/// Some for the kinds of operations.
fn watchers(timeout: Option<Duration>, levels: Levels, fields: &Shown) -> WatchersSettings {
    let mut watchers = WatchersSettings::default();
    (watchers.cursor.timeout, watchers.session.timeout) = (timeout, timeout);
    watchers.cursor.emit_on_new_retrieves = CursorUpdates::from(timeout.is_none());
    watchers.collection.levels.first = Some(levels.first);
    watchers.collection.levels.final_ = timeout.map(|_| levels.final_);
    watchers.client.fields = Some(fields.clone());
    let mut add = |key: &str, becomes| watchers.cursor.operations.add("find", key, becomes);
    add("hint", OwnField::To(None));
    add("sort", OwnField::To(Some("Extra.Sort".parse().unwrap())));
    let number = i64::try_from(fields.0.len()).unwrap();
    add("Extra.Number", OwnField::Value(Bson::from(number).into()));
    watchers
}

/// Any settings that fit together.
pub(crate) fn settings() -> impl Strategy<Value = Settings> {
    let when_full = select(vec![WhenFull::Block, WhenFull::DropUpdates, WhenFull::DropNewest]);
    let times = (duration(), option::of(duration()), option::of(duration()), duration());
    let service = (option::of(text()), option::of(text()));
    let capture = select(vec![Capture::Spans, Capture::Commands, Capture::Operations]);
    let sizes = (1_usize..usize::MAX, 1_usize..usize::MAX, when_full);
    let layers = (privacy(), collection::vec((layer(), option::of(text())), 0..4));
    (capture, service, sizes, times, (levels(), shown()), layers).prop_map(
        |(capture, service, sizes, times, (levels, shown), (privacy, layers))| {
            let mut queue = QueueSettings::default();
            let mut settings = Settings::default();
            (settings.service, settings.service_version) = service;
            (settings.buffer, queue.capacity, queue.when_full) = sizes;
            (queue.timeout, queue.forced_delay, settings.shutdown_timeout) =
                (times.0, times.2, times.3);
            settings.watchers = watchers(times.1, levels, &shown);
            (settings.capture, settings.queue) = (capture, queue);
            (settings.levels, settings.fields) = (levels, shown);
            // A layer can only be stricter.
            let own = layers.iter().filter_map(|(layer, _)| layer.privacy());
            settings.privacy = own.fold(privacy, Privacy::min);
            // Names and files are made to differ by the number of the layer.
            let layers = layers.into_iter().enumerate();
            settings.layers = layers
                .map(|(number, (mut layer, name))| {
                    let name = name.map(|name| format!("{name}{number}"));
                    let path = |path: &mut PathBuf| {
                        *path = PathBuf::from(format!("{}{number}", path.display()));
                    };
                    match &mut layer {
                        LayerSettings::Console(layer) => layer.name = name,
                        LayerSettings::File(layer) => {
                            (layer.name, ()) = (name, path(&mut layer.path))
                        }
                        LayerSettings::Csv(layer) => {
                            (layer.name, ()) = (name, path(&mut layer.path))
                        }
                        LayerSettings::Json(layer) => {
                            layer.name = name;
                            layer.path.iter_mut().for_each(path);
                        }
                        LayerSettings::Application(layer) => layer.name = name,
                        _ => unreachable!("`layer` makes no others"),
                    }
                    layer
                })
                .collect();
            settings
        },
    )
}

fn desk() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

#[cfg(feature = "cli")]
mod tool {
    use std::process::Output;

    use super::*;

    /// Checks exit status, stdout and stderr of the real binary, run in `directory`.
    #[track_caller]
    fn check(
        directory: &TempDir,
        variable: Option<&str>,
        args: &[&str],
        code: i32,
        expected: Expect,
    ) {
        let output = run(directory, variable, args);
        let shown = format!(
            "-- stdout\n{}-- stderr\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        expected.assert_eq(&shown);
        assert_eq!(output.status.code(), Some(code), "{shown}");
    }

    fn run(directory: &TempDir, variable: Option<&str>, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mongowatch"));
        command.arg("config").args(args).current_dir(directory.path()).env_remove(CONFIG_VARIABLE);
        command.envs(variable.map(|value| (CONFIG_VARIABLE, value))).output().unwrap()
    }

    fn files() -> TempDir {
        let directory = desk();
        let write = |name: &str, yaml: &str| fs::write(directory.path().join(name), yaml).unwrap();
        write(
            "good.yaml",
            "capture: operations\nlayers:\n- csv: {path: out/audit.csv, name: rows}",
        );
        write("empty.yaml", "");
        write("bad.yaml", "capture: span");
        directory
    }

    #[test]
    fn check_tells_right_files_from_faulty_ones_and_opens_nothing() {
        let directory = files();
        let args = &["check", "good.yaml", "bad.yaml", "none.yaml", "empty.yaml"];
        check(
            &directory,
            None,
            args,
            1,
            expect![[r#"
                -- stdout
                good.yaml: ok
                empty.yaml: ok
                -- stderr
                bad.yaml:1:10: capture: unknown value `span`, expected `spans`, `commands` or `operations`: did you mean `spans`?
                1 | capture: span
                  |          ^
                none.yaml: cannot be read: No such file or directory (os error 2)
            "#]],
        );
        check(
            &directory,
            None,
            &["check", "good.yaml"],
            0,
            expect![[r#"
            -- stdout
            good.yaml: ok
            -- stderr
        "#]],
        );
        assert_eq!(run(&directory, None, &["check"]).status.code(), Some(2));
        assert!(!directory.path().join("out").exists());
    }

    #[test]
    fn check_tells_all_faults_in_the_order_of_the_file() {
        let directory = desk();
        let yaml = "\
capture: span
queue:
  capacty: 10
  timeout: 0s
service: [shop]
levels: {first: lowd, final: &loud lowd, update: *loud}
fields: [DB, Colection, Duraton]
require_context:
- {namespace: shop, fields: [actor]}
- {namespace: shop.*}
- {namespace: shop.*, fields: []}
layers:
- csv:
  path: a.csv
- csv: {pth: a.csv}
- csv: {columns: all, header: yes}
- json: {path: b.jsonl, keep: 0, rotation: daily}
- jsn
- file: {path: b.jsonl, rotatoin: daily, keep: 3}
- application:
    steps:
    - when: \"Colection == 'news'\"
    - when: >-
        Duration > 1s
        and Duration >> 3
";
        fs::write(directory.path().join("bad.yaml"), yaml).unwrap();
        check(
            &directory,
            None,
            &["check", "bad.yaml"],
            1,
            expect![[r#"
                -- stdout
                -- stderr
                bad.yaml:1:10: capture: unknown value `span`, expected `spans`, `commands` or `operations`: did you mean `spans`?
                1 | capture: span
                  |          ^
                bad.yaml:3:3: queue: unknown key `capacty`, expected `timeout`, `forced_delay`, `capacity` or `when_full`: did you mean `capacity`?
                3 |   capacty: 10
                  |   ^
                bad.yaml:4:12: queue.timeout: found `0s`, expected a duration longer than 0
                4 |   timeout: 0s
                  |            ^
                bad.yaml:5:10: service: found a list, expected a text
                5 | service: [shop]
                  |          ^
                bad.yaml:6:17: levels.first: unknown level `lowd`, expected off, error, warn, info, debug or trace
                6 | levels: {first: lowd, final: &loud lowd, update: *loud}
                  |                 ^
                bad.yaml:6:36: levels.final: unknown level `lowd`, expected off, error, warn, info, debug or trace
                6 | levels: {first: lowd, final: &loud lowd, update: *loud}
                  |                                    ^
                bad.yaml:7:14: fields[1]: unknown field `Colection`: did you mean `Collection`?
                7 | fields: [DB, Colection, Duraton]
                  |              ^
                bad.yaml:7:25: fields[2]: unknown field `Duraton`: did you mean `Duration`?
                7 | fields: [DB, Colection, Duraton]
                  |                         ^
                bad.yaml:9:15: require_context[0].namespace: found `shop`, expected a namespace such as `shop.orders`, `shop.*` or `*`
                9 | - {namespace: shop, fields: [actor]}
                  |               ^
                bad.yaml:10:3: require_context[1]: expected the key `fields`, which has no default
                10 | - {namespace: shop.*}
                   |   ^
                bad.yaml:11:31: require_context[2].fields: found an empty list, expected at least one part of the context, such as `actor`
                11 | - {namespace: shop.*, fields: []}
                   |                               ^
                bad.yaml:14:3: layers[0]: found `path` beside `csv`, expected one key: indent what belongs to `csv`
                14 |   path: a.csv
                   |   ^
                bad.yaml:15:9: layers[1].csv: unknown key `pth`, expected `name`, `levels`, `versions`, `privacy`, `path`, `rotation`, `keep`, `columns`, `header` or `steps`: did you mean `path`?
                15 | - csv: {pth: a.csv}
                   |         ^
                bad.yaml:16:31: layers[2].csv.header: found `yes`, expected `true` or `false`
                16 | - csv: {columns: all, header: yes}
                   |                               ^
                bad.yaml:17:31: layers[3].json.keep: `keep` must be at least 1
                17 | - json: {path: b.jsonl, keep: 0, rotation: daily}
                   |                               ^
                bad.yaml:18:3: layers[4]: unknown value `jsn`, expected `console`, `file`, `csv`, `json` or `application`: did you mean `json`?
                18 | - jsn
                   |   ^
                bad.yaml:19:16: layers[5].file.path: `b.jsonl` is the file of layers[3] too
                19 | - file: {path: b.jsonl, rotatoin: daily, keep: 3}
                   |                ^
                bad.yaml:19:25: layers[5].file: unknown key `rotatoin`, expected `name`, `levels`, `versions`, `privacy`, `path`, `rotation`, `keep`, `template`, `fields` or `steps`: did you mean `rotation`?
                19 | - file: {path: b.jsonl, rotatoin: daily, keep: 3}
                   |                         ^
                bad.yaml:22:14: layers[6].application.steps[0].when: unknown field `Colection`: did you mean `Collection`?
                22 |     - when: "Colection == 'news'"
                   |              ^
                bad.yaml:25:23: layers[6].application.steps[1].when: found `>`, expected a value or a field
                25 |         and Duration >> 3
                   |                       ^
            "#]],
        );
        let error = Settings::from_yaml_str(yaml, "bad.yaml").unwrap_err().to_string();
        assert!(
            error.contains("(and 19 more faults: `mongowatch config check` shows all)"),
            "{error}"
        );
    }

    #[test]
    fn print_shows_the_settings_with_all_defaults() {
        let directory = files();
        check(
            &directory,
            None,
            &["print", "good.yaml"],
            0,
            expect![[r#"
                -- stdout
                capture: operations
                privacy: full
                context:
                  span_fields:
                    enduser.id: actor
                    http.request_id: request_id
                    request.id: request_id
                    request_id: request_id
                    tenant: tenant
                    tenant.id: tenant
                    tenant_id: tenant
                    user.id: actor
                require_context: []
                comment: none
                buffer: 65536
                queue:
                  timeout: 10m
                  capacity: 100000
                  when_full: block
                watchers:
                  cursor:
                    emit_on_new_retrieves: true
                levels:
                  first: debug
                  update: debug
                  final: info
                  timeout: info
                fields:
                - DB
                - Collection
                - Operation
                - Filter
                - Duration
                - MatchedCount
                - InsertedCount
                - UpsertedCount
                - ModifiedCount
                - DeletedCount
                - Outcome
                - ErrorCode
                - ErrorName
                - ErrorMessage
                reload: []
                layers:
                - csv:
                    name: rows
                    versions: released
                    path: out/audit.csv
                    rotation: never
                    columns: default
                    header: true
                shutdown_timeout: 10s
                -- stderr
            "#]],
        );
        check(
            &directory,
            None,
            &["print", "bad.yaml"],
            1,
            expect![[r#"
            -- stdout
            -- stderr
            mongowatch: error: bad.yaml:1:10: capture: unknown value `span`, expected `spans`, `commands` or `operations`: did you mean `spans`?
        "#]],
        );
        let by_default = run(&directory, None, &["print"]).stdout;
        assert_eq!(run(&directory, None, &["print", "empty.yaml"]).stdout, by_default);
        let printed = read(std::str::from_utf8(&by_default).unwrap());
        assert_eq!(printed, Settings::default().resolved());
    }

    #[test]
    fn print_without_file_takes_that_of_the_environment() {
        let directory = files();
        let named = run(&directory, None, &["print", "good.yaml"]).stdout;
        assert_eq!(run(&directory, Some("good.yaml"), &["print"]).stdout, named);
        assert_eq!(run(&directory, Some("none.yaml"), &["print", "good.yaml"]).stdout, named);
        check(
            &directory,
            Some("bad.yaml"),
            &["print"],
            1,
            expect![[r#"
            -- stdout
            -- stderr
            mongowatch: error: MONGOWATCH_CONFIG: bad.yaml:1:10: capture: unknown value `span`, expected `spans`, `commands` or `operations`: did you mean `spans`?
        "#]],
        );
        check(
            &directory,
            Some("none.yaml"),
            &["print"],
            1,
            expect![[r#"
            -- stdout
            -- stderr
            mongowatch: error: MONGOWATCH_CONFIG: none.yaml: cannot be read: No such file or directory (os error 2)
        "#]],
        );
        check(
            &directory,
            Some(""),
            &["print"],
            1,
            expect![[r#"
            -- stdout
            -- stderr
            mongowatch: error: MONGOWATCH_CONFIG: found nothing, expected the path of a file
        "#]],
        );
    }

    #[test]
    fn what_is_printed_comes_to_the_same_again() {
        let directory = files();
        let path = directory.path().join("reference.yaml");
        fs::write(&path, REFERENCE).unwrap();
        let printed = run(&directory, None, &["print", "reference.yaml"]).stdout;
        assert_eq!(read(std::str::from_utf8(&printed).unwrap()), read(REFERENCE));
    }
}
