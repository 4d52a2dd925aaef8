use crate::layer::{
    Columns, CsvSettings, EventLevel, FileSettings, FileSize, LayerSettings, Levels, Rotation,
    Shown, Stream, names,
};
use crate::record::Field;

fn parse(json: &str) -> Result<LayerSettings, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

#[test]
fn every_kind_is_read_and_written_back() {
    for json in [
        r#"{"console":{}}"#,
        r#"{"console":{"name":"c","stream":"stdout","color":"never","template":"{DB}",
            "fields":["DB","Filter"],"levels":{"first":"off","final":"warn"}}}"#,
        r#"{"file":{"path":"a.log","rotation":"weekly","keep":3,"template":"{{ {DB}"}}"#,
        r#"{"csv":{"path":"a.csv","rotation":{"size":"100MB"},"columns":"all","header":false}}"#,
        r#"{"csv":{"path":"a.csv","columns":["Seq","DB"]}}"#,
        r#"{"json":{"path":"a.json","rotation":{"size":64000}}}"#,
        r#"{"json":{"stream":"stdout"}}"#,
        r#"{"application":{"levels":{"timeout":"error"}}}"#,
    ] {
        let settings = parse(json).unwrap();
        settings.check().unwrap();
        let written = serde_json::to_string(&settings).unwrap();
        assert_eq!(parse(&written).unwrap(), settings, "{written}");
    }
}

#[test]
fn values_are_what_they_say() {
    let json = r#"{"csv":{"path":"a","rotation":{"size":"2KiB"},"levels":{"final":"WARN"},
        "columns":["Seq","DB"]}}"#;
    let LayerSettings::Csv(csv) = parse(json).unwrap() else { panic!("not a CSV layer") };
    assert_eq!(csv.rotation, Rotation::Size(FileSize::from_bytes(2_048).unwrap()));
    assert_eq!(csv.levels, Some(Levels { final_: EventLevel::Warn, ..Levels::default() }));
    assert_eq!(csv.columns, Columns::Fields(vec![Field::Seq, Field::Db]));
    let LayerSettings::Console(console) = parse(r#"{"console":{"fields":"all"}}"#).unwrap() else {
        panic!("not a console")
    };
    assert_eq!(
        (console.stream, console.fields),
        (Stream::Stderr, Some(Shown(Field::ALL.to_vec())))
    );
}

#[test]
fn a_mistake_is_named_with_what_was_meant() {
    let check = |json: &str, expected: &str| {
        let error = parse(json).unwrap_err();
        assert!(error.contains(expected), "{json}: {error}");
    };
    check(r#"{"csv":{"path":"a","columns":["DBB"]}}"#, "unknown field `DBB`: did you mean `DB`?");
    check(r#"{"csv":{"path":"a","columns":["DB","DB"]}}"#, "the field `DB` is there twice");
    check(r#"{"csv":{"path":"a","columns":[]}}"#, "`default`, `all` or a list of fields");
    check(r#"{"csv":{"path":"a","columns":"al"}}"#, "`default`, `all` or a list of fields");
    check(r#"{"console":{"template":"{Durration}"}}"#, "column 2: unknown field `Durration`");
    check(r#"{"console":{"levels":{"final":"wran"}}}"#, "did you mean `warn`?");
    check(r#"{"console":{"levels":{"finale":"warn"}}}"#, "unknown field `finale`");
    check(r#"{"file":{"path":"a","rotation":{"size":"x"}}}"#, "expected a size such as `100MB`");
    check(r#"{"file":{"path":"a","rotation":{"size":10}}}"#, "expected at least 1000 bytes");
    check(r#"{"file":{"path":"a","rotation":"dayly"}}"#, "unknown variant `dayly`");
    check(r#"{"file":{}}"#, "missing field `path`");
    check(r#"{"consle":{}}"#, "unknown variant `consle`");
}

#[test]
fn settings_that_do_not_fit_together_are_refused() {
    let check = |json: &str, expected: &str| {
        let error = parse(json).unwrap().check().unwrap_err();
        assert!(error.is_config());
        assert_eq!(error.to_string(), expected);
    };
    check(r#"{"json":{}}"#, "json: expected `path` or `stream`");
    check(
        r#"{"json":{"path":"a","stream":"stdout"}}"#,
        "json: `path` and `stream` exclude each other",
    );
    check(
        r#"{"json":{"stream":"stdout","rotation":"daily"}}"#,
        "json: a `stream` has no `rotation`",
    );
    check(r#"{"csv":{"path":"a","keep":2}}"#, "csv: `keep` needs a `rotation`");
    check(r#"{"csv":{"path":"a","rotation":"daily","keep":0}}"#, "csv: `keep` must be at least 1");
}

#[test]
fn two_layers_of_one_name_are_refused() {
    let named = parse(r#"{"console":{"name":"console-2"}}"#).unwrap();
    let plain = parse(r#"{"console":{}}"#).unwrap();
    let error = names(&[named, plain]).err().unwrap();
    assert_eq!(error.to_string(), "two layers have the name `console-2`");
}

#[test]
fn two_layers_of_one_file_are_refused() {
    let path = tempfile::tempdir().unwrap().path().join("records");
    let rows = LayerSettings::Csv(CsvSettings::new(&path));
    let lines = LayerSettings::File(FileSettings::new(&path));
    let error = names(&[rows, lines]).err().unwrap();
    let expected = format!("file: another layer writes to {} too", path.display());
    assert_eq!(error.to_string(), expected);
}

#[cfg(feature = "yaml")]
#[test]
fn yaml_is_read_as_it_is_meant() {
    let yaml = "\
        - console: {levels: {first: off, final: info}, color: auto}\n\
        - csv:\n    path: a.csv\n    rotation: {size: 100MB}\n    keep: 5\n    columns: [DB, Seq]\n\
        - file: {path: b.log, rotation: daily, template: '{DB} {Duration:.3}'}\n\
        - application: {}\n";
    let layers: Vec<LayerSettings> = serde_saphyr::from_str(yaml).unwrap();
    let kinds: Vec<_> = layers.iter().map(LayerSettings::kind).collect();
    assert_eq!(kinds, ["console", "csv", "file", "application"]);
    assert_eq!(layers[0].levels().unwrap().first, EventLevel::Off);
    for layer in layers {
        layer.check().unwrap();
    }
    let wrong = "- csv:\n    path: a.csv\n    columns: [DB, Sek]\n";
    let error = serde_saphyr::from_str::<Vec<LayerSettings>>(wrong).unwrap_err().to_string();
    assert!(error.contains("did you mean `Seq`?") && error.contains("line 3"), "{error}");
}
