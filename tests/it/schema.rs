//! The JSON Schema of configurations: it is what is committed, and says what the reader says.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    sync::LazyLock,
};

use expect_test::expect_file;
use jsonschema::Validator;
use mongowatch::{Settings, config::json_schema};
use proptest::prelude::*;
use serde_json::Value;

use crate::config::{REFERENCE, choices, nodes, parse, settings, with};

fn schema() -> Value {
    serde_json::from_str(&json_schema()).unwrap()
}

static VALIDATOR: LazyLock<Validator> =
    LazyLock::new(|| jsonschema::draft202012::new(&schema()).unwrap());

fn value(yaml: &str) -> Value {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(yaml, options).unwrap()
}

/// What an editor would complain about.
fn complaints(value: &Value) -> String {
    let complaints = VALIDATOR.iter_errors(value);
    complaints.map(|error| format!("{}: {error}\n", error.instance_path())).collect()
}

#[test]
fn the_schema_is_one() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    // Each reference leads somewhere, and each definition is led to.
    let text = schema.to_string();
    let references: BTreeSet<_> = nodes(&schema)
        .into_iter()
        .filter(|(path, _)| path.ends_with("/$ref"))
        .filter_map(|(_, target)| target.as_str()?.strip_prefix("#/$defs/"))
        .collect();
    let definitions: BTreeSet<_> =
        schema["$defs"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(references, definitions);
    // Nothing of Rust has slipped in.
    for foreign in ["crate::", "super::", "use mongowatch", "\"description\":null", "\"uint", "[`"]
    {
        assert!(!text.contains(foreign), "{foreign}");
    }
}

#[test]
fn everything_is_described() {
    let schema = schema();
    for (path, node) in nodes(&schema) {
        let Some(properties) = node.get("properties").and_then(Value::as_object) else { continue };
        if path.ends_with("/properties") || path.contains("AuditFilterSettings") {
            continue;
        }
        for (key, property) in properties {
            let description = property["description"].as_str().unwrap_or_default();
            assert!(!description.is_empty(), "{path}: `{key}` is not described");
        }
    }
}

#[test]
fn what_is_committed_is_what_the_command_prints() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config/mongowatch.schema.json");
    // After a change of the settings: UPDATE_EXPECT=1 cargo test --all-features --test it schema::
    expect_file![file].assert_eq(&json_schema());
}

#[cfg(feature = "cli")]
#[test]
fn the_command_prints_it_into_a_closed_pipe_too() {
    let command = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mongowatch"));
        command.args(["config", "schema"]).stderr(Stdio::piped());
        command
    };
    let output = command().output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), json_schema());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command().stdout(writer).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// The files of `config/`, by name.
fn examples() -> Vec<(String, String)> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config");
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let yaml = files.filter(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    let read = |path: PathBuf| {
        (path.file_name().unwrap().display().to_string(), fs::read_to_string(&path).unwrap())
    };
    yaml.map(read).collect()
}

#[test]
fn the_examples_are_valid_and_name_the_schema() {
    let examples = examples();
    assert!(examples.len() >= 7, "{examples:?}");
    for (name, yaml) in examples {
        assert_eq!(complaints(&value(&yaml)), "", "{name}");
        is_valid_as_written(&Settings::from_yaml_str(&yaml, &name).unwrap());
        let first = yaml.lines().next().unwrap();
        assert_eq!(first, "# yaml-language-server: $schema=mongowatch.schema.json", "{name}");
    }
}

/// Files that the reader takes, though not every schema would.
const RIGHT: &[&str] = &[
    "",
    "{}",
    "~",
    "queue:\nlayers:\nlevels:\nreload:\ncontext:\nrequire_context:",
    "service: 0x10\nservice_version: 1.10",
    "service: ~\nservice_version: true",
    "levels: {first: OFF, update: Trace, final: info}",
    "fields: all",
    "fields: default",
    "layers: [console, application]",
    "layers:\n- console:",
    "layers: [console: {name: 5, template: 3, levels: ~, fields: ~, steps: ~}]",
    "layers: [csv: {path: 5, rotation: {size: 100 mb}, keep: ~, columns: [DB]}]",
    "layers: [csv: {path: a, rotation: {size: 1.5GiB}}, csv: {path: b, rotation: {size: '2000'}}]",
    "layers: [csv: {path: a, rotation: {size: 1000}, header: true}]",
    "require_context: [{namespace: '*', fields: [actor]}, {namespace: 1.5, fields: [labels]}]",
    "context: {span_fields: {}}",
    "queue: {timeout: 1 hour 30 minutes, forced_delay: +1.5s}\nwatchers: {cursor: {timeout: '01:30:00'}}",
    "shutdown_timeout: 1m, 30s, 250ms",
    // Variables.
    "buffer: ${BUFFER:-12}\ncapture: ${CAPTURE:-spans}\nfields: ${FIELDS:-all}",
    "queue:\n  timeout: ${TIMEOUT:-10m}\n  capacity: ${N:-1}0",
    "levels: {first: '${LEVEL:-off}'}\nservice: ${SERVICE:-}\nreload: ['${RELOAD:-file}']",
    "layers: [csv: {path: '${DIR:-a}/b'}, '${LAYER:-console}']",
    "layers:\n- csv:\n    path: a\n    header: ${H:-true}\n    rotation: ${R:-daily}\n    keep: ${K:-3}",
    "layers: [csv: {path: a, columns: ['${F:-DB}'], rotation: {size: '${S:-1MB}'}}]",
    // Steps.
    "layers: [console: {steps: [rate, shape, {rate: }, {shape: }, {shape: {}}]}]",
    "layers: [console: {steps: [{level: WARN}, {filter: 5}, {sample: 0.5}, {sample: 1}]}]",
    "layers: [console: {steps: [{sample: {ratio: 1, always: {Outcome: error}}}]}]",
    "layers:\n- console:\n    steps:\n    - sample: ${S:-0.5}\n    - rate: {max_keys: 5}\n    - ${STEP:-shape}",
    "layers: [console: {steps: [{level: '${L:-off}'}, {drop: '${P:-Filter}'}]}]",
    "layers: [console: {steps: [{mask: Filter}, {mask: [Filter, '**.email', '`Filter`.`a.b`']}]}]",
    "layers: [console: {steps: [{mask: {fields: '*.a', patterns: [card, regex: 5], text: ~}}]}]",
    "layers: [console: {steps: [{hash: {fields: Filter, key: {env: A}}}, {truncate: Update.$set}]}]",
    "layers: [console: {steps: [{set: {Extra.a: 1, Extra.b: {env: HOME}, Extra.c: {d: [1]}}}]}]",
    "layers: [console: {steps: [{rename: {Filter.a: Extra.a}}, {keep: DB}, {drop: [Filter.a]}]}]",
    "layers: [console: {steps: [{limit: {first: 1, per: 1s, by: [DB]}}, {rate: {quantiles: [1]}}]}]",
    "layers: [console: {steps: [{when: Duration > 1s}, {audit_filter: '{}'}, {audit_filter: {}}]}]",
    "layers: [console: {steps: [{match: {}}, {match: {Filter.a.b: {$gt: 1, $lt: 2}, $comment: x}}]}]",
    "layers: [console: {steps: [{match: {$or: [{DB: a}, {Extra: {a: 1, $b: 2}}], Filter.x: ~}}]}]",
    "layers: [console: {steps: [{match: {StartTime: {$gt: {$date: '2026-01-31T12:00:00Z'}}}}]}]",
    "layers: [console: {steps: [{match: {Filter._id: {$not: {$in: [a, {$oid: 6543210fedcba9876543210f}]}}}}]}]",
];

#[test]
fn no_editor_complains_about_a_right_file() {
    for yaml in RIGHT {
        match Settings::from_yaml_str(yaml, "right.yaml") {
            Ok(settings) => is_valid_as_written(&settings),
            Err(error) => panic!("{error}\n{yaml}"),
        }
        // The reader takes an empty text for nothing.
        let value = if yaml.is_empty() { Value::Null } else { value(yaml) };
        assert_eq!(complaints(&value), "", "{yaml}");
    }
}

/// What is written has other forms: steps in full, sizes in bytes, all defaults.
#[track_caller]
fn is_valid_as_written(settings: &Settings) {
    let yaml = settings.to_yaml_string().unwrap();
    assert_eq!(complaints(&value(&yaml)), "", "{yaml}");
}

/// Files with one fault each.
const FAULTY: &[&str] = &[
    // Unknown keys.
    "captur: spans",
    "queue: {capacty: 10}",
    "levels: {finale: info}",
    "layers: [csv: {path: a, heder: true}]",
    "layers: [console: {steps: [{mask: {fields: Filter, mod: type}}]}]",
    "layers: [console: {steps: [{sample: {ratio: 0.5, alwys: {}}}]}]",
    "require_context: [{namespace: '*', fields: [actor], othrwise: flag}]",
    // Wrong types.
    "- capture: spans",
    "buffer: ten",
    "buffer: -1",
    "buffer: 0",
    "buffer: '10'",
    "buffer: ~",
    "service: [shop]",
    "queue: 10m",
    "queue: [timeout]",
    "queue: {timeout: 10}",
    "queue: {timeout: 10 parsec}",
    "shutdown_timeout: -3s",
    "capture: [spans]",
    "layers: {csv: {path: a}}",
    "layers: [csv: {path: a, header: yes}]",
    "layers: [csv: {path: ~}]",
    "layers: [csv: {path: a, columns: []}]",
    "layers: [csv: {path: a, columns: ~}]",
    "layers: [csv: {path: a, rotation: {size: 12 parsec}}]",
    "layers: [csv: {path: a, rotation: {size: 1}}]",
    "layers: [csv: {path: a, rotation: size}]",
    "layers: [csv: {path: a, rotation: daily, keep: 0}]",
    "layers: [console: {steps: {level: off}}]",
    "layers: [console: {steps: [{match: Filter}]}]",
    "layers: [console: {steps: [{match: {$or: {DB: a}}}]}]",
    "layers: [console: {steps: [{match: {DB: {$in: a}}}]}]",
    "layers: [console: {steps: [{sample: 2}]}]",
    "layers: [console: {steps: [{sample: }]}]",
    "layers: [console: {steps: [{rate: {quantiles: [2]}}]}]",
    "layers: [console: {steps: [{rate: {max_keys: 100001}}]}]",
    "layers: [console: {steps: [{rename: {Filter.a: 5}}]}]",
    "layers: [console: {steps: [{drop: }]}]",
    "layers: [console: {steps: [{audit_filter: 5}]}]",
    // What has no default.
    "layers: [csv]",
    "layers: [csv: {columns: all}]",
    "layers: [console: {steps: [{limit: {}}]}]",
    "layers: [console: {steps: [{hash: {fields: Filter}}]}]",
    "require_context: [{namespace: shop.*}]",
    "require_context: [{namespace: shop.*, fields: []}]",
    // Words that are none of those that may stand there.
    "capture: span",
    "capture: Spans",
    "comment: WatchID",
    "levels: {final: inform}",
    "queue: {when_full: drop_update}",
    "fields: defualt",
    "fields: [DB, Colection]",
    "fields: [DB, DB]",
    "reload: [never]",
    "context: {span_fields: {user.id: user}}",
    "require_context: [{namespace: shop, fields: [actor]}]",
    "layers: [consol]",
    "layers: [jsn: {path: a}]",
    "layers: [csv: {path: a, rotation: dayly}]",
    "layers: [console: {steps: [{maks: Filter}]}]",
    "layers: [console: {steps: [{level: loud}]}]",
    "layers: [console: {steps: [{mask: Fliter}]}]",
    "layers: [console: {steps: [{mask: '*'}]}]",
    "layers: [console: {steps: [{drop: [Fliter.email]}]}]",
    "layers: [console: {steps: [{set: {Exta.a: 1}}]}]",
    "layers: [console: {steps: [{mask: {fields: Filter, mode: partly}}]}]",
    "layers: [console: {steps: [{mask: {fields: Filter, patterns: [cards]}}]}]",
    "layers: [console: {steps: [{hash: {fields: Filter, key: {evn: A}}}]}]",
    "layers: [console: {steps: [{rate: {by: [Fliter]}}]}]",
    // Two keys where one is expected.
    "layers:\n- csv:\n  path: a.csv",
    "layers: [{console: {}, application: {}}]",
    "layers: [console: {steps: [{level: off, filter: a}]}]",
    "layers: [console: {steps: [{hash: {fields: Filter, key: {env: A, file: b}}}]}]",
];

#[test]
fn what_the_schema_refuses_the_reader_refuses_too() {
    for yaml in FAULTY {
        assert!(Settings::from_yaml_str(yaml, "faulty.yaml").is_err(), "the reader takes {yaml}");
        assert!(!VALIDATOR.is_valid(&value(yaml)), "the schema takes {yaml}");
    }
}

#[cfg(feature = "cli")]
#[test]
fn config_check_refuses_what_the_schema_refuses() {
    let directory = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mongowatch"));
    command.args(["config", "check"]).current_dir(directory.path());
    for (number, yaml) in FAULTY.iter().enumerate() {
        let name = format!("{number}.yaml");
        fs::write(directory.path().join(&name), yaml).unwrap();
        command.arg(name);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let told = String::from_utf8(output.stderr).unwrap();
    for (number, yaml) in FAULTY.iter().enumerate() {
        let name = format!("{number}.yaml:");
        assert!(told.lines().any(|line| line.starts_with(&name)), "{yaml}");
    }
}

/// What the schema knows at one place of a file.
#[derive(Default)]
struct Known {
    keys: BTreeSet<String>,
    words: BTreeSet<String>,
}

/// The schemas at the end of a way into a file, through references and alternatives.
fn at<'a>(schema: &'a Value, root: &'a Value, way: &[&str]) -> Vec<&'a Value> {
    if let Some(name) = schema["$ref"].as_str() {
        return at(root.pointer(&name[1..]).unwrap(), root, way);
    }
    let alternatives = ["anyOf", "oneOf"].into_iter().filter_map(|key| schema[key].as_array());
    let mut found: Vec<_> = alternatives.flatten().flat_map(|one| at(one, root, way)).collect();
    match way {
        [] => found.push(schema),
        [step, rest @ ..] => {
            let is_index = step.bytes().all(|byte| byte.is_ascii_digit());
            let below = match schema["properties"].get(step) {
                Some(property) => Some(property),
                None if is_index => schema.get("items"),
                None => schema.get("additionalProperties"),
            };
            found.extend(below.into_iter().flat_map(|below| at(below, root, rest)));
        }
    }
    found
}

fn known(root: &Value, path: &str) -> Known {
    let way: Vec<_> = path.split('/').skip(1).collect();
    let mut known = Known::default();
    for schema in at(root, root, &way) {
        let properties = schema["properties"].as_object().into_iter().flat_map(|map| map.keys());
        known.keys.extend(properties.cloned());
        let words = schema["enum"].as_array().into_iter().flatten().chain(schema.get("const"));
        known.words.extend(words.filter_map(Value::as_str).map(str::to_owned));
    }
    known
}

/// The reference file has each key: what the reader knows at each of its places is what the schema
/// knows there.
#[test]
fn the_schema_names_the_keys_and_words_that_the_reader_takes() {
    let (schema, whole) = (schema(), value(REFERENCE));
    let (mut n_maps, mut n_choices) = (0, 0);
    for (path, node) in nodes(&whole) {
        // Queries, and maps from paths, have the keys of records.
        let is_open = ["/match/", "/always/", "/rename/", "/set/", "/audit_filter/"];
        if is_open.iter().any(|step| format!("{path}/").contains(step)) {
            continue;
        }
        let known = known(&schema, &path);
        let asked = |value: Value| parse(&value).unwrap_err();
        if node.is_object() && path != "/context/span_fields" {
            let message = asked(with(&whole, &format!("{path}/zz"), Value::from(1)));
            if message.contains("unknown key `zz`, expected ") {
                let keys = choices(&message, "unknown key `zz`, expected ");
                assert_eq!(known.keys, BTreeSet::from_iter(keys), "{path}");
                n_maps += 1;
            }
        }
        if path.is_empty() {
            continue;
        }
        let Err(message) = parse(&with(&whole, &path, Value::from("zz"))) else { continue };
        for question in ["unknown value `zz`, expected ", "unknown level `zz`, expected "] {
            if message.contains(question) {
                let choices = BTreeSet::from_iter(choices(&message, question));
                let schema: BTreeSet<_> = known.keys.union(&known.words).cloned().collect();
                assert_eq!(schema, choices, "{path}");
                n_choices += 1;
            }
        }
    }
    assert!(n_maps > 20 && n_choices > 60, "{n_maps} maps, {n_choices} choices");
}

/// The reader's own default is the one that the schema says.
#[test]
fn defaults_are_those_of_the_reader() {
    let schema = schema();
    let yaml = Settings::default().to_yaml_string().unwrap();
    let defaults: BTreeMap<String, Value> = serde_json::from_value(value(&yaml)).unwrap();
    for (key, default) in defaults {
        assert_eq!(schema["properties"][&key]["default"], default, "{key}");
    }
}

proptest! {
    #[test]
    fn settings_that_are_written_are_valid(settings in settings()) {
        let yaml = settings.to_yaml_string().unwrap();
        prop_assert_eq!(complaints(&value(&yaml)), "", "{}", yaml);
    }

    /// Texts that look like durations, and some that are.
    #[test]
    fn durations_that_are_read_are_valid(text in "[+-]?([0-9]{1,3}([.,][0-9]{1,2})? ?\
            (h|hrs?|hours?|m|mins?|minutes?|s|secs?|seconds?|ms|millis|us|µs|micros?|ns|nanos|d|days|w|y)\
            [, ]{0,2}){0,3}([0-9]{1,2}:[0-9]{2}:[0-9]{2}(\\.[0-9])?)?( ago)?") {
        is_valid_if_read(&format!("shutdown_timeout: {text:?}"))?;
    }

    #[test]
    fn sizes_that_are_read_are_valid(text in "\\+?[0-9.]{0,6} {0,2}[kmgtpeKMGTPE]?[iI]?[bB]?") {
        is_valid_if_read(&format!("layers: [csv: {{path: a, rotation: {{size: {text:?}}}}}]"))?;
    }

    #[test]
    fn paths_that_are_read_are_valid(text in "`?(Filter|Update|Extra|DB|Actor|\\*\\*?)`?(\\.[a-z$*`.\n]{0,4}){0,3}") {
        is_valid_if_read(&format!("layers: [console: {{steps: [drop: {text:?}]}}]"))?;
    }
}

fn is_valid_if_read(yaml: &str) -> Result<(), TestCaseError> {
    if Settings::from_yaml_str(yaml, "any.yaml").is_ok() {
        prop_assert_eq!(complaints(&value(yaml)), "", "{}", yaml);
    }
    Ok(())
}
