use std::{sync::Arc, time::Duration};

use expect_test::{Expect, expect};
use mongodb::bson::{
    Binary, Bson, DateTime, Decimal128, JavaScriptCodeWithScope, doc, oid::ObjectId,
    spec::BinarySubtype,
};
use proptest::prelude::*;

use super::*;
use crate::record::{
    Counts, ErrorInfo, Field, Iteration, Origin, Outcome, Timestamp, Value, WatchMessage,
    WatcherName, WriteError,
};

fn record() -> WatchMessage {
    let start = Timestamp::from_micros(1_714_564_800_060_000);
    let mut record = WatchMessage::new(WatcherName::Collection, "update_many", start);
    record.set(Field::WatchId, "0190163d-8694-739b-aea5-966c26f8ad91".into()).unwrap();
    record.iteration = Iteration::Final(Some(2));
    record.db = Some("shop".into());
    record.collection = Some("orders".into());
    record.duration = Some(Duration::from_nanos(12_345_678));
    record.end_time = Some(Timestamp::from_micros(1_714_564_800_072_346));
    record.filter = Some(Arc::new(doc! { "a": 1, "b": { "$in": ["x", 2.5] } }.into()));
    record.counts = Counts { matched: Some(3), modified: Some(0), ..Counts::default() };
    record.outcome = Some(Outcome::Ok);
    record
}

fn text(value: Value<'_>) -> String {
    let mut out = Vec::new();
    value::write(value, &mut out);
    String::from_utf8(out).unwrap()
}

fn json(value: Value<'_>) -> String {
    let mut out = Vec::new();
    value::write_json(value, &mut out);
    String::from_utf8(out).unwrap()
}

fn bson(value: impl Into<Bson>) -> String {
    text(Value::Bson(&value.into()))
}

/// A regular expression, whose type is another in each version of `bson`.
fn regex(pattern: &str, options: &str) -> Bson {
    let json = serde_json::json!({
        "$regularExpression": { "pattern": pattern, "options": options }
    });
    Bson::try_from(json).unwrap()
}

fn rows(columns: &[Field], records: &[WatchMessage]) -> String {
    let mut rows = CsvRows::new(columns);
    let mut out = Vec::new();
    rows.header(&mut out);
    records.iter().for_each(|record| rows.row(record, &mut out));
    String::from_utf8(out).unwrap()
}

fn check(found: &str, expected: Expect) {
    expected.assert_eq(found);
}

#[test]
fn a_csv_row_has_pymongowatchs_columns_after_the_watchers_name() {
    check(
        &rows(Field::CSV_DEFAULT, &[record()]),
        expect![[r#"
            WatcherName,WatchID,Iteration,StartTime,EndTime,DB,Collection,Operation,Filter,Duration,MatchedCount,InsertedCount,UpsertedCount,ModifiedCount,DeletedCount
            mongowatch.collection,0190163d-8694-739b-aea5-966c26f8ad91,final(2),2024-05-01T12:00:00.060000Z,2024-05-01T12:00:00.072346Z,shop,orders,update_many,"{""a"":1,""b"":{""$in"":[""x"",2.5]}}",0.012346,3,,,0,
        "#]],
    );
}

#[test]
fn a_json_line_holds_what_is_known() {
    let mut record = record();
    record.filter = None;
    record.traffic.request_ids = vec![7, 8];
    record.error = Some(Arc::new(ErrorInfo {
        message: Some("a \"quoted\"\nline".into()),
        write_errors: vec![WriteError::new(1, 11_000)],
        ..ErrorInfo::default()
    }));
    let mut out = Vec::new();
    json::line(&record, &mut out);
    check(
        std::str::from_utf8(&out).unwrap(),
        expect![[r#"
            {"WatcherName":"mongowatch.collection","WatchID":"0190163d-8694-739b-aea5-966c26f8ad91","Iteration":"final(2)","StartTime":"2024-05-01T12:00:00.060000Z","EndTime":"2024-05-01T12:00:00.072346Z","DB":"shop","Collection":"orders","Operation":"update_many","Duration":0.012346,"MatchedCount":3,"ModifiedCount":0,"Outcome":"ok","ErrorMessage":"a \"quoted\"\nline","WriteErrors":[{"index":1,"code":11000}],"RequestIDs":[7,8],"Seq":0}
        "#]],
    );
}

#[test]
fn every_bson_type_has_its_extended_json() {
    let id = ObjectId::parse_str("65f0a1b2c3d4e5f601234567").unwrap();
    let everything = doc! {
        "null": null, "true": true, "int": 1, "long": 5_000_000_000_i64, "double": 1.0,
        "nan": f64::NAN, "inf": f64::INFINITY, "minus": f64::NEG_INFINITY, "id": id,
        "date": DateTime::from_millis(1_714_564_800_060),
        "second": DateTime::from_millis(1_714_564_800_000),
        "old": DateTime::from_millis(-1), "far": DateTime::from_millis(i64::MAX),
        "decimal": "1.50".parse::<Decimal128>().unwrap(),
        "bytes": Binary { subtype: BinarySubtype::Generic, bytes: vec![0, 255, 1, 2] },
        "regex": regex("^a\"", "xi"),
        "symbol": Bson::Symbol("s".into()), "code": Bson::JavaScriptCode("f()".into()),
        "scoped": JavaScriptCodeWithScope { code: "g()".into(), scope: doc! { "x": 1 } },
        "stamp": mongodb::bson::Timestamp { time: 1, increment: 2 },
        "undefined": Bson::Undefined, "min": Bson::MinKey, "max": Bson::MaxKey,
    };
    check(
        &bson(everything).replace(",\"", ",\n\""),
        expect![[r#"
            {"null":null,
            "true":true,
            "int":1,
            "long":5000000000,
            "double":1.0,
            "nan":{"$numberDouble":"NaN"},
            "inf":{"$numberDouble":"Infinity"},
            "minus":{"$numberDouble":"-Infinity"},
            "id":{"$oid":"65f0a1b2c3d4e5f601234567"},
            "date":{"$date":"2024-05-01T12:00:00.060Z"},
            "second":{"$date":"2024-05-01T12:00:00Z"},
            "old":{"$date":{"$numberLong":"-1"}},
            "far":{"$date":{"$numberLong":"9223372036854775807"}},
            "decimal":{"$numberDecimal":"1.50"},
            "bytes":{"$binary":{"base64":"AP8BAg==",
            "subType":"00"}},
            "regex":{"$regularExpression":{"pattern":"^a\"",
            "options":"ix"}},
            "symbol":{"$symbol":"s"},
            "code":{"$code":"f()"},
            "scoped":{"$code":"g()",
            "$scope":{"x":1}},
            "stamp":{"$timestamp":{"t":1,
            "i":2}},
            "undefined":{"$undefined":true},
            "min":{"$minKey":1},
            "max":{"$maxKey":1}}"#]],
    );
}

#[test]
fn a_db_pointer_keeps_its_parts() {
    let json = serde_json::json!({
        "$dbPointer": { "$ref": "a, \"b", "$id": { "$oid": "65f0a1b2c3d4e5f601234567" } }
    });
    let pointer = Bson::try_from(json.clone()).unwrap();
    assert!(matches!(pointer, Bson::DbPointer(_)));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&bson(pointer)).unwrap(), json);
}

#[test]
fn seconds_are_rounded_to_their_decimals() {
    let seconds = |span, decimals| {
        let mut out = Vec::new();
        number::seconds(span, decimals, &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(seconds(Duration::ZERO, 6), "0.000000");
    assert_eq!(seconds(Duration::from_nanos(499), 6), "0.000000");
    assert_eq!(seconds(Duration::from_nanos(500), 6), "0.000001");
    assert_eq!(seconds(Duration::from_millis(1_999), 0), "2");
    assert_eq!(seconds(Duration::from_nanos(1), 9), "0.000000001");
    assert_eq!(seconds(Duration::MAX, 3), "18446744073709551616.000");
}

#[test]
fn a_template_fills_in_what_it_names() {
    let check = |template: &str, expected: &str| {
        assert_eq!(template.parse::<Template>().unwrap().line(&record()), expected, "{template}");
    };
    check(
        "{StartTime} {DB}.{Collection} {Operation} {MatchedCount} in {Duration:.3}s",
        "2024-05-01T12:00:00.060000Z shop.orders update_many 3 in 0.012s",
    );
    check("{Duration} {Duration:.0} {Duration:>8.1}", "0.012346 0      0.0");
    check(
        "[{Outcome:<5}] [{Outcome:>5}] [{Outcome:^5}] [{Outcome:1}]",
        "[ok   ] [   ok] [ ok  ] [ok]",
    );
    check("{{{DB}}} }}{{", "{shop} }{");
    check("{DeletedCount} {Server:<3}|", "- -  |");
    check("{message}", "update_many shop.orders ok");
    check(
        "{DB} {Filter} {rest}",
        "shop {\"a\":1,\"b\":{\"$in\":[\"x\",2.5]}} Collection=orders \
           Operation=update_many Duration=0.012346 MatchedCount=3 ModifiedCount=0 Outcome=ok",
    );
    check(
        "{message} {rest}",
        "update_many shop.orders ok \
           Filter={\"a\":1,\"b\":{\"$in\":[\"x\",2.5]}} Duration=0.012346 MatchedCount=3 \
           ModifiedCount=0",
    );
    check("", "");
    check("ä{DB:<6}ö", "äshop  ö");
}

#[test]
fn a_template_shows_the_fields_that_it_is_told_to() {
    let template: Template = "{watch} | {DB} {rest}".parse().unwrap();
    let template = template.with_shown([Field::Db, Field::Operation, Field::Server]);
    assert_eq!(
        template.line(&record()),
        "DB=shop Operation=update_many | shop Operation=update_many"
    );
    let full: Template = "{watch.full}".parse().unwrap();
    let line = full.line(&record());
    assert!(line.starts_with("WatcherName=mongowatch.collection WatchID=0190163d-"), "{line}");
    assert!(line.ends_with("Outcome=ok Seq=0"), "{line}");
}

#[test]
fn a_message_says_how_far_an_unfinished_operation_is() {
    let start = Timestamp::from_micros(0);
    let record = WatchMessage::new(WatcherName::Client, "list_databases", start);
    assert_eq!(Sentence(&record).to_string(), "list_databases first");
}

#[test]
fn a_wrong_template_names_the_column_and_what_was_meant() {
    let check = |template: &str, expected: &str| {
        let error = template.parse::<Template>().unwrap_err();
        assert!(error.is_invalid());
        assert_eq!(error.to_string(), format!("template, {expected}"));
    };
    check(
        "äö {Operation} {Colection}",
        "column 17: unknown field `Colection`: did you mean `Collection`?",
    );
    check("{wacth}", "column 2: unknown field `wacth`: did you mean `watch`?");
    check("{xyzzyxyzzy}", "column 2: unknown field `xyzzyxyzzy`");
    check("{}", "column 2: unknown field ``");
    check("a {DB", "column 3: `{` without its `}`");
    check("a } b", "column 3: a single `}`: write `}}` for a brace");
    check("{DB:.3}", "column 2: `DB` has no decimals, only `Duration` has");
    check("{Duration:.10}", "column 2: `.10` is not of the form `<12` or `.3`");
    check("{DB:<99999}", "column 2: `<99999` is not of the form `<12` or `.3`");
    check("{DB:<}", "column 2: `<` is not of the form `<12` or `.3`");
    check("{DB:ä}", "column 2: `ä` is not of the form `<12` or `.3`");
}

#[test]
fn control_characters_cannot_forge_a_line_or_drive_a_terminal() {
    let mut record = record();
    let evil = "a\nb\r\x1b[31m\u{9b}2J\u{202e}\u{2028}\\é";
    record.db = Some(evil.into());
    record.operation = evil.into();
    record.filter = Some(Arc::new(doc! { evil: evil }.into()));
    let template: Template = "{DB} {Filter} {message} {watch.full}".parse().unwrap();
    let line = template.line(&record);
    assert!(!line.chars().any(text::is_unsafe), "{line:?}");
    let escaped = r"a\nb\r\u{1b}[31m\u{9b}2J\u{202e}\u{2028}\\é";
    assert!(line.starts_with(&format!("{escaped} {{\"")), "{line}");
    assert!(!Sentence(&record).to_string().chars().any(text::is_unsafe));

    let mut out = Vec::new();
    json::line(&record, &mut out);
    let line = std::str::from_utf8(&out).unwrap();
    assert_eq!(line.find(text::is_unsafe), Some(line.len() - 1));
    let parsed: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(parsed["DB"], evil);
    assert_eq!(parsed["Filter"][evil], evil);
}

#[test]
fn colours_surround_values_and_leave_widths_alone() {
    let template: Template = "{StartTime} {Outcome:<5} {message} {DB} {rest}".parse().unwrap();
    let template = template.with_shown([Field::MatchedCount]);
    let mut out = Vec::new();
    template.write(&record(), Paint::Coloured, &mut out);
    check(
        &String::from_utf8(out).unwrap().replace('\x1b', "^"),
        expect![[
            r#"^[2m2024-05-01T12:00:00.060000Z^[0m ^[32mok   ^[0m update_many shop.orders ^[32mok^[0m shop ^[2mMatchedCount=^[0m3"#
        ]],
    );
}

#[test]
fn a_template_survives_its_settings() {
    let template: Template = "{DB} {{x}} {Duration:.1}".parse().unwrap();
    let text = serde_json::to_string(&template).unwrap();
    assert_eq!(text, "\"{DB} {{x}} {Duration:.1}\"");
    assert_eq!(serde_json::from_str::<Template>(&text).unwrap(), template);
    assert!(
        serde_json::from_str::<Template>("\"{DBB}\"").unwrap_err().to_string().contains("`DB`")
    );
}

/// Any BSON value, down to a few levels.
fn any_bson() -> impl Strategy<Value = Bson> {
    let leaf = prop_oneof![
        Just(Bson::Null),
        Just(Bson::MinKey),
        Just(Bson::Undefined),
        any::<bool>().prop_map(Bson::from),
        any::<i32>().prop_map(Bson::from),
        any::<i64>().prop_map(Bson::from),
        // serde_json reads only short numbers exactly.
        any::<i32>().prop_map(|eighths| Bson::from(f64::from(eighths) / 8.0)),
        prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY)].prop_map(Bson::from),
        ".*".prop_map(Bson::String),
        any::<[u8; 12]>().prop_map(|bytes| ObjectId::from_bytes(bytes).into()),
        any::<i64>().prop_map(|millis| DateTime::from_millis(millis).into()),
        (0..253_402_300_800_000_i64).prop_map(|millis| DateTime::from_millis(millis).into()),
        any::<Vec<u8>>()
            .prop_map(|bytes| { Binary { subtype: BinarySubtype::Generic, bytes }.into() }),
        ("[^\0]*", "[imsx]*").prop_map(|(pattern, options)| { regex(&pattern, &options) }),
        any::<(u32, u32)>().prop_map(|(time, increment)| {
            Bson::Timestamp(mongodb::bson::Timestamp { time, increment })
        }),
        any::<i64>()
            .prop_map(|int| { Bson::Decimal128(int.to_string().parse::<Decimal128>().unwrap()) }),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Bson::Array),
            prop::collection::vec((".*", inner), 0..6)
                .prop_map(|fields| Bson::Document(fields.into_iter().collect())),
        ]
    })
}

/// Dates in one form: bson leaves out zeros at the end of the milliseconds.
fn same_dates(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Array(items) => items.iter_mut().for_each(same_dates),
        serde_json::Value::Object(fields) => {
            for (key, item) in fields {
                match item.as_str().map(str::parse::<jiff::Timestamp>) {
                    Some(Ok(date)) if key == "$date" => *item = date.as_millisecond().into(),
                    _ => same_dates(item),
                }
            }
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn extended_json_is_that_of_the_driver(value in any_bson()) {
        let mut ours: serde_json::Value = serde_json::from_str(&bson(value.clone())).unwrap();
        let mut theirs = value.into_relaxed_extjson();
        same_dates(&mut ours);
        same_dates(&mut theirs);
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn a_csv_row_is_read_back_as_it_was(
        db in ".*", collection in "[,\"\r\n a-z]*", message in ".*", value in any_bson(),
        matched in any::<Option<u64>>(), user: String,
    ) {
        let mut record = record();
        record.db = Some(db.as_str().into());
        record.collection = Some(collection.as_str().into());
        record.filter = Some(Arc::new(value));
        record.counts.matched = matched;
        record.error = Some(Arc::new(ErrorInfo { message: Some(message), ..ErrorInfo::default() }));
        record.origin = Arc::new(Origin { user: Some(user), ..Origin::default() });
        let out = rows(Field::ALL, &[record.clone(), record.clone()]);
        let mut reader = ::csv::Reader::from_reader(out.as_bytes());
        let names: Vec<_> = Field::ALL.iter().map(|field| field.name()).collect();
        prop_assert_eq!(reader.headers().unwrap(), names);
        let expected: Vec<_> = Field::ALL.iter().map(|field| text(record.get(*field))).collect();
        let read: Vec<_> = reader.records().map(Result::unwrap).collect();
        prop_assert_eq!(read.len(), 2);
        prop_assert_eq!(&read[0], &expected);
        prop_assert_eq!(&read[1], &expected);
    }

    #[test]
    fn a_double_is_read_back_exactly(double: f64) {
        prop_assume!(double.is_finite());
        prop_assert_eq!(bson(double).parse::<f64>().unwrap().to_bits(), double.to_bits());
    }

    #[test]
    fn a_single_column_is_read_back_as_it_was(db in ".*") {
        let mut record = record();
        record.db = Some(db.as_str().into());
        let out = rows(&[Field::Db], &[record]);
        let mut reader = ::csv::Reader::from_reader(out.as_bytes());
        let read: Vec<_> = reader.records().map(Result::unwrap).collect();
        prop_assert_eq!(read.len(), 1);
        prop_assert_eq!(&read[0][0], &*db);
    }

    #[test]
    fn a_json_line_is_one_line_of_json(db in ".*", value in any_bson()) {
        let mut record = record();
        record.db = Some(db.as_str().into());
        record.filter = Some(Arc::new(value));
        let mut out = Vec::new();
        json::line(&record, &mut out);
        prop_assert_eq!(out.iter().position(|byte| *byte == b'\n'), Some(out.len() - 1));
        let parsed: serde_json::Value = serde_json::from_slice(&out).unwrap();
        prop_assert_eq!(&parsed["DB"], &db);
    }

    #[test]
    fn a_moment_is_written_as_it_is_displayed(
        micros in prop_oneof![any::<i64>(), -70_000_000_000_000_000..260_000_000_000_000_000_i64],
    ) {
        let time = Timestamp::from_micros(micros);
        // Years before 0 have another form, which no clock of ours reaches.
        prop_assume!(!time.to_string().starts_with('-'));
        prop_assert_eq!(text(Value::Time(time)), time.to_string());
    }

    #[test]
    fn no_pattern_makes_the_parser_panic(pattern in "[{}:.<>^0-9a-zA-Z ä]*", other: String) {
        for pattern in [pattern, other] {
            if let Ok(template) = pattern.parse::<Template>() {
                assert!(!template.line(&record()).contains("\n"));
            }
        }
    }

    #[test]
    fn escaped_text_has_nothing_unsafe_and_no_two_texts_look_alike(one: String, other: String) {
        let escape = |text: &str| {
            let mut out = Vec::new();
            text::escape(text, &mut out);
            String::from_utf8(out).unwrap()
        };
        prop_assert!(!escape(&one).chars().any(text::is_unsafe));
        prop_assert_eq!(escape(&one) == escape(&other), one == other);
    }
}

#[test]
fn json_values_keep_their_kinds() {
    assert_eq!(json(Value::Missing), "null");
    assert_eq!(json(Value::Iteration(Iteration::Update(3))), "\"3\"");
    assert_eq!(json(Value::Duration(Duration::from_millis(250))), "0.250000");
    assert_eq!(json(Value::Array(&[Bson::Int32(1), "x".into()])), "[1,\"x\"]");
}

#[cfg(feature = "cli")]
#[test]
fn a_record_comes_back_from_its_line() {
    let mut full = record();
    let values: &[(Field, Bson)] = &[
        (Field::Update, doc! { "$set": { "at": DateTime::from_millis(5) } }.into()),
        (Field::Options, doc! { "sort": { "b": 1, "a": -1 } }.into()),
        (Field::WriteErrors, Bson::Array(vec![doc! { "index": 1, "code": 11000 }.into()])),
        (Field::ErrorCode, 11000.into()),
        (Field::ErrorMessage, "line\none".into()),
        (Field::SessionId, "0190163d-8694-739b-aea5-966c26f8ad91".into()),
        (Field::RequestIds, Bson::Array(vec![1.into(), 2.into()])),
        (Field::Actor, doc! { "Kind": "user", "ID": "7" }.into()),
        (Field::Labels, doc! { "z": 1, "a": Bson::Int64(i64::MAX) }.into()),
        (Field::InsertedIds, Bson::Array(vec![ObjectId::from_bytes([7; 12]).into()])),
        (Field::Pid, 42.into()),
        (Field::Seq, 7.into()),
        (Field::Extra, doc! { "Team": "payments" }.into()),
        (Field::TxnOutcome, "committed".into()),
    ];
    for (field, value) in values {
        full.set(*field, value.clone()).unwrap();
    }
    full.phase = crate::record::Phase::Final;
    // What is finer than the six decimals of a line is lost.
    full.duration = Some(Duration::from_micros(12_346));
    let mut line = Vec::new();
    json::line(&full, &mut line);
    let back = stored::record(&line).unwrap();
    let mut again = Vec::new();
    json::line(&back, &mut again);
    assert_eq!(String::from_utf8(again).unwrap(), String::from_utf8(line).unwrap());
    assert!(back == full);
}

#[cfg(feature = "cli")]
#[test]
fn what_is_no_record_is_refused() {
    let refused = |line: &str| stored::record(line.as_bytes()).unwrap_err().to_string();
    let mut line = Vec::new();
    json::line(&record(), &mut line);
    let line = String::from_utf8(line).unwrap();
    check(&refused("{}"), expect!["it is no record: it has no `WatcherName`"]);
    check(&refused("[1]"), expect!["expected a document: `{`, keys and values, `}`"]);
    check(&refused("{\"a\": }"), expect!["column 7: expected value"]);
    check(
        &refused(&line.replace("\"DB\"", "\"DBB\"")),
        expect!["unknown field `DBB`: did you mean `DB`?"],
    );
    check(
        &refused(&line.replace("\"shop\"", "5")),
        expect!["DB: expected a string, found an integer"],
    );
    check(
        &refused(&line.replace("final(2)", "last")),
        expect![[r#"Iteration: expected a number, `final` or `final(n)`, found "last""#]],
    );
    check(
        &refused(&line.replace("2024-05-01T12:00:00.060000Z", "today")),
        expect![
            "StartTime: expected a date, found a string: failed to parse four digit integer as year: invalid digit, expected 0-9 but got t"
        ],
    );
}
