//! Queries as Extended JSON, and as people write them for a shell.

use mongowatch::{Error, filter::Query};

use crate::{choices::Choices, expression::filled, growth::assert_linear, odd, place, short_run};

pub(crate) const SEEDS: &[&str] = &[
    r#"{"Collection": "news", "Duration": {"$gt": 10}}"#,
    r#"{"a": [1, -2, 2.5e3, 9223372036854775807, 1e999, true, null, "\u00e9\n\ud83d\ude00"], "b": {}}"#,
    r#"{"a": {"$oid": "6650c1f0a1b2c3d4e5f60718"}, "b": {"$date": "2026-01-31T12:00:00Z"}}"#,
    r#"{"a": {"$numberDecimal": "1.50"}, "b": {"$numberLong": "7"}, "c": {"$numberDouble": "-Infinity"}}"#,
    r#"{"a": {"$binary": {"base64": "AQID", "subType": "04"}}, "b": {"$binary": "AQID", "$type": "00"}}"#,
    r#"{"a": {"$regularExpression": {"pattern": "^a/b", "options": "ix"}}, "b": {"$timestamp": {"t": 1, "i": 2}}}"#,
    r#"{"a": {"$code": "f()", "$scope": {"x": {"$minKey": 1}}}, "b": {"$uuid": "c8edabc3-f738-4ca3-b68d-ab92a91478a3"}}"#,
    "{ atype: { $in: [ 'dropCollection', 'it\\'s' ] }, 'param.ns': /^shop\\/x/i, a: [ /x/, /y/ ] }",
    r#"{"a": {"$date": {"$numberLong": "-9223372036854775808"}}, "b": {"$symbol": "s"}, "c": {"$undefined": true}}"#,
    r#"{"a": {"$dbPointer": {"$ref": "a.b", "$id": {"$oid": "6650c1f0a1b2c3d4e5f60718"}}}}"#,
];
pub(crate) const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"a\"",
    "'b'",
    "c",
    "$gt",
    "\"$oid\"",
    "\"$date\"",
    "\"$numberDouble\"",
    "\"$numberInt\"",
    "\"$code\"",
    "\"$scope\"",
    "/",
    "/^a/i",
    "\\",
    "\\u",
    "\\ud83d",
    "1",
    "-0",
    "1e999",
    "1E-400",
    "9223372036854775808",
    "18446744073709551616",
    "NaN",
    "true",
    "null",
    "\"",
    "'",
    "\n",
    "\"$regularExpression\"",
];

fn target(choices: &mut Choices<'_>) {
    if choices.one_in(4) {
        return round_trip(&Query::from(odd::document(choices, odd::QUERY, 5)));
    }
    let text = choices.text(SEEDS, TOKENS);
    for read in [|text: &str| text.parse::<Query>(), Query::parse_loose] {
        match read(&text) {
            Ok(query) => round_trip(&query),
            Err(error) => assert_place(&text, &error),
        }
    }
    if let Ok(query) = text.parse::<Query>() {
        // What is JSON already means the same there.
        assert_eq!(Query::parse_loose(&text).unwrap().to_string(), query.to_string());
    }
}

/// What was written is read as the same; not-a-number is not equal to itself, so texts are compared.
fn round_trip(query: &Query) {
    let text = query.to_string();
    place::assert_harmless(&text);
    let Ok(again) = text.parse::<Query>() else { return assert_wrapped(query) };
    assert_eq!(again.to_string(), query.to_string());
    let json = serde_json::to_string(query).unwrap();
    let again: Query = serde_json::from_str(&json).unwrap();
    assert_eq!(again.to_string(), query.to_string(), "{json}");
}

fn assert_wrapped(query: &Query) {
    panic!("{query} is not read again: {:?}", query.to_string().parse::<Query>());
}

/// The error names line and column, but for what is only wrong as a whole.
pub(crate) fn assert_place(text: &str, error: &Error) {
    let error = error.to_string();
    let line = error.starts_with("line ").then(|| place::number_behind(&error, "line ")).flatten();
    match line.zip(place::number_behind(&error, ", column ")) {
        Some((line, column)) => place::assert_within(text, line, column, &error),
        None => assert!(error.contains("expected a document"), "{error}\n{text:?}"),
    }
}

#[test]
fn any_text_is_a_query_or_an_error_with_a_place() {
    short_run!(3_000, target);
}

#[test]
fn the_time_for_a_query_grows_with_its_length() {
    const LENGTH: usize = 100_000;
    let check = |name: &str, text: &dyn Fn(usize) -> String| {
        assert_linear(name, LENGTH, text, |text| text.parse::<Query>().is_ok());
        assert_linear(&format!("{name}, loose"), LENGTH, text, |text| {
            Query::parse_loose(text).is_ok()
        });
    };
    let same = |piece: &'static str| move |_: usize| piece.to_owned();
    check("many keys", &|n| filled("{a: 1", |i| format!(", a{i}: 1"), "}", n));
    check("many keys in quotes", &|n| filled("{\"a\": 1", |i| format!(", \"a{i}\": 1"), "}", n));
    check("many levels", &|n| filled("", same("{a: "), "", n));
    check("many lists", &|n| filled("", same("["), "", n));
    check("many texts", &|n| filled("{a: [1", same(", 'it\\'s'"), "]}", n));
    check("many patterns", &|n| filled("{a: [1", same(", /a\\/b/i"), "]}", n));
    check("many wrappers", &|n| filled("{a: [1", same(", {$numberLong: '1'}"), "]}", n));
    check("many lines, and no end", &|n| filled("{a: 1", |i| format!(",\n'a{i}': 1"), "", n));
    check("many words that are no keys", &|n| filled("{a: [", same("a "), "]}", n));
    check("words and white space", &|n| filled("{", same("a     "), &" ".repeat(n / 2), n));
    check("a text without its end", &|n| format!("{{a: '{}", "x".repeat(n)));
    check("many quotes of one kind", &|n| format!("{{a: {}", "'\"".repeat(n / 2)));
    check("many slashes", &|n| format!("{{a: {}", "/:".repeat(n / 2)));
    check("a long number", &|n| format!("{{\"a\": {}}}", "1".repeat(n)));
    check("a long fraction", &|n| format!("{{\"a\": 0.{}1}}", "0".repeat(n)));
    check("a long decimal", &|n| {
        format!("{{\"a\": {{\"$numberDecimal\": \"{}\"}}}}", "1".repeat(n))
    });
    check("a long date", &|n| {
        format!("{{\"a\": {{\"$date\": \"2026-01-31T12:00:00.{}Z\"}}}}", "1".repeat(n))
    });
}
