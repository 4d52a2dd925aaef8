//! Reading: what was written comes back, and what is malformed is refused at its place.

use expect_test::{Expect, expect};
use mongodb::bson::{
    Binary, Bson, DateTime, JavaScriptCodeWithScope, Timestamp, doc, oid::ObjectId,
    spec::BinarySubtype,
};
use proptest::prelude::*;

use super::*;

fn written(bson: &Bson) -> String {
    let mut out = Vec::new();
    value(bson, &mut out);
    String::from_utf8(out).unwrap()
}

/// One value of each type.
fn all_types() -> Vec<Bson> {
    let conversion = |json| Bson::try_from(json).unwrap();
    let id = ObjectId::parse_str("65a1b2c3d4e5f60718293a4b").unwrap();
    vec![
        1.5.into(),
        2.0.into(),
        (-0.0).into(),
        1e300.into(),
        f64::INFINITY.into(),
        f64::NEG_INFINITY.into(),
        "text \u{1F600} \"\\\n".into(),
        vec![Bson::Int32(1), "x".into()].into(),
        doc! { "b": 1, "a": { "$gt": 2 }, "$or": [{ "x": null }] }.into(),
        Bson::Binary(Binary { subtype: BinarySubtype::UserDefined(0x81), bytes: vec![1, 2, 3, 4] }),
        Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: vec![7; 16] }),
        Bson::Undefined,
        id.into(),
        true.into(),
        DateTime::from_millis(1_714_564_800_060).into(),
        DateTime::from_millis(-1).into(),
        DateTime::from_millis(i64::MAX).into(),
        Bson::Null,
        conversion(serde_json::json!({
            "$regularExpression": { "pattern": "^a/\"b", "options": "im" }
        })),
        conversion(serde_json::json!({
            "$dbPointer": { "$ref": "db.c", "$id": { "$oid": id.to_hex() } }
        })),
        Bson::JavaScriptCode("f()".into()),
        Bson::Symbol("s".into()),
        Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope {
            code: "f()".into(),
            scope: doc! { "x": id },
        }),
        Bson::Int32(i32::MIN),
        Bson::Timestamp(Timestamp { time: u32::MAX, increment: 1 }),
        Bson::Int64(i64::MIN),
        Bson::Decimal128("1.50".parse().unwrap()),
        Bson::MinKey,
        Bson::MaxKey,
    ]
}

#[test]
fn what_was_written_comes_back() {
    let types: std::collections::HashSet<u8> =
        all_types().iter().map(|value| value.element_type() as u8).collect();
    assert_eq!(types.len(), 21, "there are 21 types of BSON");
    for bson in all_types() {
        let text = written(&bson);
        assert_eq!(parse(text.as_bytes()).unwrap(), bson, "relaxed: {text}");
        let nested: Bson = doc! { "a": [bson.clone()], "b": { "c": bson } }.into();
        assert_eq!(parse(written(&nested).as_bytes()).unwrap(), nested);
        let text = nested.clone().into_canonical_extjson().to_string();
        assert_eq!(parse(text.as_bytes()).unwrap(), nested, "canonical: {text}");
    }
    assert!(matches!(parse(br#"{"$numberDouble": "NaN"}"#), Ok(Bson::Double(nan)) if nan.is_nan()));
}

fn check(text: &str, expected: &Expect) {
    expected.assert_eq(&match parse(text.as_bytes()) {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.to_string(),
    });
}

#[test]
fn order_and_sizes_are_kept() {
    check(
        r#"{"z": 1, "a": 2147483648, "m": 1.0, "b": 9223372036854775808}"#,
        &expect![[
            r#"Document({"z": Int32(1), "a": Int64(2147483648), "m": Double(1.0), "b": Double(9.223372036854776e18)})"#
        ]],
    );
}

#[test]
fn what_is_no_wrapper_stays_a_document() {
    for text in [
        r#"{"$regex":"^a","$options":"i"}"#,
        r#"{"$regex":"^a"}"#,
        r#"{"$gt":1}"#,
        r#"{"$date":"x","more":1}"#,
        r#"{"$code":"x","$scope":{},"more":1}"#,
        r#"{"$type":"string"}"#,
        r#"{"$ref":"c","$id":1}"#,
        "{}",
    ] {
        assert_eq!(written(&parse(text.as_bytes()).unwrap()), text);
    }
}

#[test]
fn older_and_shorter_wrappers_are_read() {
    let text = r#"[{"$binary": "AQI=", "$type": "5"}, {"$uuid": "00112233-4455-6677-8899-aabbccddeeff"},
        {"$date": -5}, {"$date": {"$numberLong": "5"}}]"#;
    expect![[r#"[{"$binary":{"base64":"AQI=","subType":"05"}},{"$binary":{"base64":"ABEiM0RVZneImaq7zN3u/w==","subType":"04"}},{"$date":{"$numberLong":"-5"}},{"$date":"1970-01-01T00:00:00.005Z"}]"#]].assert_eq(&written(&parse(text.as_bytes()).unwrap()));
}

#[test]
fn malformed_wrappers_are_refused() {
    let check = |text: &str, expected: Expect| check(text, &expected);
    check(
        r#"{"$oid": "5"}"#,
        expect!["line 1, column 13: `$oid`: expected 24 hexadecimal digits in quotes"],
    );
    check(
        "{\n \"a\": {\"$date\": \"yesterday\"}}",
        expect![[
            r#"line 2, column 28: `$date`: expected a moment such as "2026-01-31T12:00:00Z", or milliseconds"#
        ]],
    );
    check(
        r#"{"$numberInt": "2147483648"}"#,
        expect!["line 1, column 28: `$numberInt`: expected an integer of 32 bits in quotes"],
    );
    check(
        r#"{"$numberLong": 1.5}"#,
        expect!["line 1, column 20: `$numberLong`: expected an integer of 64 bits in quotes"],
    );
    check(
        r#"{"$numberDouble": "inf"}"#,
        expect![
            "line 1, column 24: `$numberDouble`: expected a number, `Infinity`, `-Infinity` or `NaN` in quotes"
        ],
    );
    check(
        r#"{"$numberDecimal": "x"}"#,
        expect!["line 1, column 23: `$numberDecimal`: expected a decimal number in quotes"],
    );
    check(
        r#"{"$binary": {"base64": "?", "subType": "00"}}"#,
        expect![
            "line 1, column 45: `$binary`: expected a document of `base64` and two hexadecimal digits `subType`"
        ],
    );
    check(
        r#"{"$timestamp": {"t": -1, "i": 0}}"#,
        expect![
            "line 1, column 33: `$timestamp`: expected a document of `t` and `i`, integers of 32 bits without sign"
        ],
    );
    check(r#"{"$minKey": 2}"#, expect!["line 1, column 14: `$minKey`: expected 1"]);
    check(r#"{"$undefined": false}"#, expect!["line 1, column 21: `$undefined`: expected `true`"]);
    check(
        r#"{"$code": "f", "$scope": 1}"#,
        expect!["line 1, column 27: `$code`: expected a text, and a document as `$scope`"],
    );
}

#[test]
fn malformed_json_is_refused_at_its_place() {
    let check = |text: &str, expected: Expect| check(text, &expected);
    check(r#"{"a": 1, "a": 2}"#, expect!["line 1, column 12: the key `a` is there twice"]);
    check("{\"a\": 1}\n}", expect!["line 2, column 1: trailing characters"]);
    check("{\"\u{e4}\": nul}", expect!["line 1, column 10: expected ident"]);
    check("", expect!["line 1, column 1: EOF while parsing a value"]);
    let deep = "[".repeat(101) + &"]".repeat(101);
    check(&deep, expect!["line 1, column 102: it is too deep: there are more than 100 levels"]);
    assert!(parse(&deep.as_bytes()[1..201]).is_ok());
}

fn check_loose(text: &str, expected: &Expect) {
    expected.assert_eq(&match parse_loose(text) {
        Ok(value) => written(&value),
        Err(error) => error.to_string(),
    });
}

#[test]
fn what_shells_take_is_read_too() {
    let check = |text: &str, expected: Expect| check_loose(text, &expected);
    check(
        r#"{ atype: { $in: [ "createCollection", "dropCollection" ] } }"#,
        expect![[r#"{"atype":{"$in":["createCollection","dropCollection"]}}"#]],
    );
    check(r#"{ "users.user": "tim" }"#, expect![[r#"{"users.user":"tim"}"#]]);
    check(
        r#"{ atype: 'it\'s "x"', users.user: null, n: [ -1.5, true ] }"#,
        expect![[r#"{"atype":"it's \"x\"","users.user":null,"n":[-1.5,true]}"#]],
    );
    check(
        r#"{ "param.ns": /^shop\.\/a/i }"#,
        expect![[r#"{"param.ns":{"$regularExpression":{"pattern":"^shop\\./a","options":"i"}}}"#]],
    );
    check(
        "{ a: 'x: {y: 1}', \"b\": \"it's {c: 1}\" }",
        expect![[r#"{"a":"x: {y: 1}","b":"it's {c: 1}"}"#]],
    );
}

#[test]
fn what_no_shell_takes_is_refused_at_its_place() {
    let check = |text: &str, expected: Expect| check_loose(text, &expected);
    check("{ atype: oops }", expect!["line 1, column 10: expected value"]);
    check("{ atype: 1,\n  'b' 2 }", expect!["line 2, column 7: expected `:`"]);
    check("{ atype: 'oops }", expect!["line 1, column 10: expected value"]);
    check("{ atype: 1, atype: 2 }", expect!["line 1, column 18: the key `atype` is there twice"]);
}

proptest! {
    #[test]
    fn no_text_makes_the_readers_panic(text in "[\\{\\}\\[\\]:,'\"/\\\\$a-z0-9.\u{e4} \n-]{0,60}") {
        let _ = parse(text.as_bytes());
        let _ = parse_loose(&text);
    }
}
