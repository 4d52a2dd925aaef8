//! Expressions: what they become, and what is refused.

use std::sync::Arc;

use expect_test::{Expect, expect};
use mongodb::bson::{Bson, doc};
use proptest::prelude::*;

use super::*;
use crate::{
    filter::Query,
    record::{Field, Timestamp, WatchMessage, WatcherName},
};

fn lowered(expression: Result<Expression, Malformed>) -> String {
    match expression {
        Ok(expression) => Query::from(expression.query().clone()).to_string(),
        Err(error) => error.to_string(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "an `expect![]` stands in the call")]
fn check(text: &str, expected: Expect) {
    expected.assert_eq(&lowered(Expression::for_records(text)));
}

#[expect(clippy::needless_pass_by_value, reason = "an `expect![]` stands in the call")]
fn check_free(text: &str, expected: Expect) {
    expected.assert_eq(&lowered(Expression::for_documents(text)));
}

#[test]
fn fields_are_compared_with_values() {
    check(
        r#"Collection == "news" and Duration > 10"#,
        expect![[r#"{"Collection":"news","Duration":{"$gt":10}}"#]],
    );
    check("Collection != 'news'", expect![[r#"{"Collection":{"$ne":"news"}}"#]]);
    check("10 < Duration", expect![[r#"{"Duration":{"$gt":10}}"#]]);
    check(
        "5 >= MatchedCount && -1 <= MatchedCount",
        expect![[r#"{"$and":[{"MatchedCount":{"$lte":5}},{"MatchedCount":{"$gte":-1}}]}"#]],
    );
    check(
        "Tenant == null || Tenant != null",
        expect![[r#"{"$or":[{"Tenant":null},{"Tenant":{"$ne":null}}]}"#]],
    );
    check(
        "Filter.paid == true and Filter.gone == false",
        expect![[r#"{"Filter.paid":true,"Filter.gone":false}"#]],
    );
    check(
        "Filter.n == -2147483649 and Filter.x == 1_000.5e-1",
        expect![[r#"{"Filter.n":-2147483649,"Filter.x":100.05}"#]],
    );
    check(
        "Extra.Text == 'it\\'s \\u00e4 \"x\"\\n'",
        expect![[r#"{"Extra.Text":"it's ä \"x\"\n"}"#]],
    );
    check(
        "Iteration == 0 or Iteration == \"final\"",
        expect![[r#"{"$or":[{"Iteration":0},{"Iteration":"final"}]}"#]],
    );
}

#[test]
fn conditions_join_by_their_ranks() {
    check(
        "DB == 'a' or DB == 'b' and Outcome == 'ok'",
        expect![[r#"{"$or":[{"DB":"a"},{"DB":"b","Outcome":"ok"}]}"#]],
    );
    check(
        "(DB == 'a' or DB == 'b') and not Outcome == 'ok'",
        expect![[r#"{"$or":[{"DB":"a"},{"DB":"b"}],"$nor":[{"Outcome":"ok"}]}"#]],
    );
    check(
        "Duration > 1 and (Duration < 5 and DB == 'a')",
        expect![[r#"{"$and":[{"Duration":{"$gt":1}},{"Duration":{"$lt":5}},{"DB":"a"}]}"#]],
    );
    check("not (DB == 'a' or DB == 'b')", expect![[r#"{"$nor":[{"DB":"a"},{"DB":"b"}]}"#]]);
    check("!!(DB == 'a')", expect![[r#"{"$nor":[{"$nor":[{"DB":"a"}]}]}"#]]);
    check(
        r#"Operation in ["update_one", "delete_many"] and not (Actor.Name == "batch")"#,
        expect![[
            r#"{"Operation":{"$in":["update_one","delete_many"]},"$nor":[{"Actor.Name":"batch"}]}"#
        ]],
    );
}

#[test]
fn tests_stand_behind_a_field() {
    check(
        "Operation not in ['find', /^count/i]",
        expect![[
            r#"{"Operation":{"$nin":["find",{"$regularExpression":{"pattern":"^count","options":"i"}}]}}"#
        ]],
    );
    check("ErrorCode in []", expect![[r#"{"ErrorCode":{"$in":[]}}"#]]);
    check(
        "Duration between 1s and 5s and DB == 'a'",
        expect![[r#"{"Duration":{"$gte":1,"$lte":5},"DB":"a"}"#]],
    );
    check(
        "Duration not between 1 and 5",
        expect![[r#"{"$nor":[{"Duration":{"$gte":1,"$lte":5}}]}"#]],
    );
    check(
        "Filter has \"email\" or Filter has $or.0.a",
        expect![[
            r#"{"$or":[{"Filter.email":{"$exists":true}},{"Filter.$or.0.a":{"$exists":true}}]}"#
        ]],
    );
    check(
        "Filter has 'address.city'",
        expect![[
            r#"{"$or":[{"Filter.address.city":{"$exists":true}},{"Filter.`address.city`":{"$exists":true}}]}"#
        ]],
    );
    check(
        "Filter.`address.city` == 'Rome' and Filter.a.`b``.c`.`d` > 1",
        expect![[r#"{"Filter.`address.city`":"Rome","Filter.a.`b``.c`.d":{"$gt":1}}"#]],
    );
    check(
        "Filter.`a.b` > Filter.`c`",
        expect![[
            r#"{"$expr":{"$and":[{"$gt":["$Filter.`a.b`",null]},{"$gt":["$Filter.c",null]},{"$gt":["$Filter.`a.b`","$Filter.c"]}]}}"#
        ]],
    );
    check("Filter.`a.b == 1", expect!["column 8: a name in backticks is empty or has no end"]);
    check("Filter.`` == 1", expect!["column 8: a name in backticks is empty or has no end"]);
    check("Filter has `a.b`.c", expect![[r#"{"Filter.`a.b`.c":{"$exists":true}}"#]]);
    check(
        "ErrorCode exists and Tenant missing",
        expect![[r#"{"ErrorCode":{"$exists":true},"Tenant":{"$exists":false}}"#]],
    );
    check(
        r"Collection =~ /^a\/b\.c$/i and DB !~ /x/",
        expect![[
            r#"{"Collection":{"$regex":"^a/b\\.c$","$options":"i"},"$nor":[{"DB":{"$regex":"x"}}]}"#
        ]],
    );
    check(r#"Collection matches "^a\\d""#, expect![[r#"{"Collection":{"$regex":"^a\\d"}}"#]]);
    check(
        "Collection starts with 'a.b' or Collection ends with '$'",
        expect![[
            r#"{"$or":[{"Collection":{"$regex":"\\Aa\\.b"}},{"Collection":{"$regex":"\\$\\z"}}]}"#
        ]],
    );
    check(
        "ErrorMessage contains 'dup key: {' and Tenant not contains '\\\\'",
        expect![[
            r#"{"ErrorMessage":{"$regex":"dup key: \\{"},"$nor":[{"Tenant":{"$regex":"\\\\"}}]}"#
        ]],
    );
    check("Filter.`first name`.`or` == 1", expect![[r#"{"Filter.first name.or":1}"#]]);
}

#[test]
fn units_become_seconds_and_bytes() {
    check(
        "Duration > 250us and Duration < 1.5min and Duration != 2 h",
        expect![[
            r#"{"$and":[{"Duration":{"$gt":0.00025}},{"Duration":{"$lt":90}},{"Duration":{"$ne":7200}}]}"#
        ]],
    );
    check(
        "Duration > 1ns or Duration > 7 d",
        expect![[r#"{"$or":[{"Duration":{"$gt":1e-9}},{"Duration":{"$gt":604800}}]}"#]],
    );
    check(
        "ReplyBytes > 16MiB or RequestBytes >= 1.5kB or ReplyBytes < 1 B",
        expect![[
            r#"{"$or":[{"ReplyBytes":{"$gt":16777216}},{"RequestBytes":{"$gte":1500}},{"ReplyBytes":{"$lt":1}}]}"#
        ]],
    );
    check(
        "Extra.Duration.P95 > 100ms and Labels.size > 1GB",
        expect![[r#"{"Extra.Duration.P95":{"$gt":0.1},"Labels.size":{"$gt":1000000000}}"#]],
    );
    check(
        "ReplyBytes / Duration > 1MB",
        expect![[
            r#"{"$expr":{"$and":[{"$isNumber":"$ReplyBytes"},{"$isNumber":"$Duration"},{"$ne":["$Duration",0]},{"$gt":[{"$divide":["$ReplyBytes","$Duration"]},1000000]}]}}"#
        ]],
    );
}

#[test]
fn moments_stand_without_quotes() {
    check(
        "StartTime >= 2026-01-31 and StartTime < 2026-02-01T12:00:00.5+02:00",
        expect![[
            r#"{"$and":[{"StartTime":{"$gte":{"$date":"2026-01-31T00:00:00Z"}}},{"StartTime":{"$lt":{"$date":"2026-02-01T10:00:00.500Z"}}}]}"#
        ]],
    );
    check(
        "EndTime between 2026-01-31T10:00 and 2026-01-31T10:00:01Z",
        expect![[
            r#"{"EndTime":{"$gte":{"$date":"2026-01-31T10:00:00Z"},"$lte":{"$date":"2026-01-31T10:00:01Z"}}}"#
        ]],
    );
}

#[test]
fn fields_are_compared_and_calculated_with() {
    check(
        "MatchedCount > ModifiedCount",
        expect![[
            r#"{"$expr":{"$and":[{"$gt":["$MatchedCount",null]},{"$gt":["$ModifiedCount",null]},{"$gt":["$MatchedCount","$ModifiedCount"]}]}}"#
        ]],
    );
    check(
        "Tenant != Actor.ID",
        expect![[
            r#"{"$expr":{"$and":[{"$gt":["$Tenant",null]},{"$gt":["$Actor.ID",null]},{"$ne":["$Tenant","$Actor.ID"]}]}}"#
        ]],
    );
    check(
        "ReturnedCount - MatchedCount > 100",
        expect![[
            r#"{"$expr":{"$and":[{"$isNumber":"$ReturnedCount"},{"$isNumber":"$MatchedCount"},{"$gt":[{"$subtract":["$ReturnedCount","$MatchedCount"]},100]}]}}"#
        ]],
    );
    check(
        "MatchedCount * 2 + 1 >= ReturnedCount % 10",
        expect![[
            r#"{"$expr":{"$and":[{"$isNumber":"$MatchedCount"},{"$isNumber":"$ReturnedCount"},{"$ne":[10,0]},{"$gte":[{"$add":[{"$multiply":["$MatchedCount",2]},1]},{"$mod":["$ReturnedCount",10]}]}]}}"#
        ]],
    );
    check(
        "-(MatchedCount - 1) < -ReturnedCount",
        expect![[
            r#"{"$expr":{"$and":[{"$isNumber":"$MatchedCount"},{"$isNumber":"$ReturnedCount"},{"$lt":[{"$subtract":[0,{"$subtract":["$MatchedCount",1]}]},{"$subtract":[0,"$ReturnedCount"]}]}]}}"#
        ]],
    );
    check(
        "MatchedCount / (ReturnedCount + 1) < 0.5",
        expect![[
            r#"{"$expr":{"$and":[{"$isNumber":"$MatchedCount"},{"$isNumber":"$ReturnedCount"},{"$ne":[{"$add":["$ReturnedCount",1]},0]},{"$lt":[{"$divide":["$MatchedCount",{"$add":["$ReturnedCount",1]}]},0.5]}]}}"#
        ]],
    );
}

#[test]
fn what_is_not_understood_is_refused_at_its_column() {
    check("", expect!["column 1: found the end, expected a value or a field"]);
    check(
        "Collection",
        expect![
            "column 11: found the end, expected a comparison after `Collection`, such as `==`, `>` or `in`"
        ],
    );
    check("Collection = 'news'", expect!["column 12: unexpected `=`: did you mean `==`?"]);
    check("Collection == 'news", expect!["column 15: a text has no end: expected `'`"]);
    check(
        "Collection == 'news' ad Duration > 10",
        expect!["column 22: found `ad`, expected `and`, `or` or the end: did you mean `and`?"],
    );
    check(
        "Collection == 'news' and",
        expect!["column 25: found the end, expected a value or a field"],
    );
    check(
        "Collection contians 'x'",
        expect![
            "column 12: found `contians`, expected a comparison after `Collection`, such as `==`, `>` or `in`: did you mean `contains`?"
        ],
    );
    check("(Collection == 'news'", expect!["column 22: found the end, expected `)`"]);
    check(
        "Collection == 'news')",
        expect!["column 21: found `)`, expected `and`, `or` or the end"],
    );
    check(
        "1 < Duration < 5",
        expect!["column 14: comparisons do not chain: join them with `and`, or use `between`"],
    );
    check(
        "(DB == 'a') + 1 > 2",
        expect!["column 1: found a condition, expected a value or a field"],
    );
    check(
        "DB == /x/",
        expect!["column 7: found `/x/`, expected a value or a field: compare with `=~`"],
    );
    check("DB =~ 'x' 'y'", expect![[r#"column 11: found `"y"`, expected `and`, `or` or the end"#]]);
    check("DB in 'x'", expect![[r#"column 7: found `"x"`, expected a list such as `["a", "b"]`"#]]);
    check("DB in ['x' 'y']", expect![[r#"column 12: found `"y"`, expected `,` or `]`"#]]);
    check(
        "DB in [Collection]",
        expect!["column 8: found `Collection`, expected a text, a number or another value"],
    );
    check("DB starts 'x'", expect![[r#"column 11: found `"x"`, expected `with`"#]]);
    check(
        "Duration between 1 or 2",
        expect!["column 20: found `or`, expected `and` and the upper bound"],
    );
    check("'x' in ['x']", expect!["column 5: expected a field before `in`"]);
    check("1 == 1", expect!["column 3: expected a field on one side"]);
    check(
        "DB == 'a\\d'",
        expect![[
            r#"column 9: unknown escape `\d`: expected `\\`, `\"`, `\'`, `\n`, `\r`, `\t` or `\u` and four hexadecimal digits; regular expressions may stand between slashes"#
        ]],
    );
    check("DB == #", expect!["column 7: unexpected character `#`"]);
    check("Filter. == 1", expect!["column 8: expected a name after `Filter.`"]);
    check("Filter.`x == 1", expect!["column 8: a name in backticks is empty or has no end"]);
    check("Seq > 1e999", expect!["column 7: the number is too large"]);
    check(
        "StartTime > 2026-13-01",
        expect![
            "column 13: `2026-13-01` is no moment: expected one such as `2026-01-31` or `2026-01-31T12:00:00Z`"
        ],
    );
    check(
        "DB =~ /(?=a)/",
        expect!["column 7: looking ahead cannot be run in linear time, and so is not taken"],
    );
    check(
        "\u{e4}\u{e4} == 1",
        expect!["column 1: unknown field `ää`: fields of your own are under `Extra`: `Extra.ää`"],
    );
}

#[test]
fn names_and_types_are_checked() {
    check(
        "DB == 'a' and Colection == 'news'",
        expect!["column 15: unknown field `Colection`: did you mean `Collection`?"],
    );
    check(
        "Team == 'x'",
        expect![
            "column 1: unknown field `Team`: fields of your own are under `Extra`: `Extra.Team`"
        ],
    );
    check(
        "Actor.Nme == 'x'",
        expect!["column 1: unknown field `Nme` of `Actor`: did you mean `Name`?"],
    );
    check("Duration.x exists", expect!["column 1: `Duration` has no fields below it, found `x`"]);
    check(
        "Collection has 'x'",
        expect!["column 16: `Collection` has no fields below it, found `x`"],
    );
    check(
        "Collection == news",
        expect![[r#"column 15: unknown field `news`: a text stands in quotes, `"news"`"#]],
    );
    check("Collection > 5", expect!["column 14: `Collection` is a text: expected one, in quotes"]);
    check(
        "Duration > '5'",
        expect!["column 12: `Duration` is a number of seconds: expected one, without quotes"],
    );
    check(
        "StartTime > '2026-01-01'",
        expect![
            "column 13: `StartTime` is a moment: expected one, such as `2026-01-31` or `2026-01-31T12:00:00Z`, without quotes"
        ],
    );
    check(
        "MatchedCount > 5s",
        expect!["column 16: the unit does not fit: `MatchedCount` is a number"],
    );
    check(
        "Duration > 5MB",
        expect!["column 12: the unit does not fit: `Duration` is a number of seconds"],
    );
    check(
        "Duration > 5sec",
        expect![
            "column 13: unknown unit `sec`: expected one of ns, us, ms, s, min, h, d, B, kB, MB, GB, KiB, MiB, GiB"
        ],
    );
    check("ReplyBytes > 5KB", expect!["column 15: unknown unit `KB`: did you mean `kB`?"]);
    check(
        "Duration =~ /5/",
        expect!["column 1: `Duration` is a number of seconds, expected a text"],
    );
    check(
        "Collection > MatchedCount",
        expect!["column 14: `Collection` is a text, `MatchedCount` is a number"],
    );
    check("Collection + 1 > 2", expect!["column 1: `Collection` is a text, expected a number"]);
    check("MatchedCount - 1s > 2", expect!["column 16: the unit fits none of the fields"]);
    check("MatchedCount - 'x' > 2", expect!["column 16: expected a number to calculate with"]);
}

#[test]
fn any_documents_have_any_names() {
    check_free(
        "a.b == 1 and `in` has c and x > '2026' and y > z",
        expect![[
            r#"{"a.b":1,"in.c":{"$exists":true},"x":{"$gt":"2026"},"$expr":{"$and":[{"$gt":["$y",null]},{"$gt":["$z",null]},{"$gt":["$y","$z"]}]}}"#
        ]],
    );
    check_free(
        "size > 1MB and time > 1s",
        expect![[r#"{"size":{"$gt":1000000},"time":{"$gt":1}}"#]],
    );
}

#[test]
fn what_is_too_deep_or_too_long_is_refused() {
    let nested = |depth: usize| format!("{}DB == 'a'{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Expression::for_records(&nested(50)).is_ok());
    check(&nested(51), expect!["column 51: it is too deep: there are more than 50 levels"]);
    check(
        &format!("{}DB == 'a'", "not ".repeat(100_000 / 10)),
        expect!["column 205: it is too deep: there are more than 50 levels"],
    );
    check(
        &format!("Seq{} > 1", " - 1".repeat(51)),
        expect!["column 209: it is too deep: there are more than 50 levels"],
    );
    assert!(Expression::for_records(&format!("Seq{} > 1", " - 1".repeat(50))).is_ok());
    let nots = format!("{}(DB == 'a' and DB == 'b')", "not ".repeat(49));
    assert!(Expression::for_records(&nots).is_ok());
    check(
        &"x".repeat(Expression::LENGTH_MAX + 1),
        expect!["column 1: found 65537 bytes, expected at most 65536"],
    );
}

fn matches(text: &str, fields: &[(Field, Bson)]) -> bool {
    let mut record = WatchMessage::new(WatcherName::Collection, "find", Timestamp::from_micros(0));
    for (field, value) in fields {
        record.set(*field, value.clone()).unwrap();
    }
    let expression: Expression = text.parse().unwrap();
    expression.matcher().matches(&Arc::new(record))
}

#[test]
fn what_is_missing_does_not_match_a_comparison_of_fields() {
    let both = [(Field::MatchedCount, 5.into()), (Field::ModifiedCount, 3.into())];
    let one = &both[..1];
    assert!(matches("MatchedCount > ModifiedCount", &both));
    assert!(!matches("MatchedCount > ModifiedCount", one));
    assert!(!matches("ModifiedCount < MatchedCount", one));
    assert!(matches("not (MatchedCount > ModifiedCount)", one));
    assert!(matches("MatchedCount - ModifiedCount == 2", &both));
    assert!(!matches("MatchedCount - ModifiedCount < 100", one));
    assert!(!matches(
        "MatchedCount / DeletedCount > 0",
        &[(Field::MatchedCount, 5.into()), (Field::DeletedCount, 0.into())]
    ));
    let zero = [(Field::MatchedCount, 5.into()), (Field::DeletedCount, 0.into())];
    assert!(matches("not (MatchedCount / DeletedCount > 0)", &zero));
    assert!(matches(
        "Extra.a contains 'b&~#-\n{c}'",
        &[(Field::Extra, doc! { "a": "ab&~#-\n{c}d" }.into())]
    ));
    let text = [(Field::Extra, doc! { "a": "x", "b": 1 }.into())];
    assert!(!matches("Extra.a - Extra.b < 100", &text));
    assert!(!matches("Extra.b / (Extra.b - 1) > 0", &text));
}

#[test]
fn an_expression_is_a_text_in_the_configuration() {
    let expression: Expression = serde_json::from_str(r#""Duration > 1s""#).unwrap();
    assert_eq!(*expression.query(), doc! { "Duration": { "$gt": 1 } });
    assert_eq!(serde_json::to_string(&expression).unwrap(), r#""Duration > 1s""#);
    let error = serde_json::from_str::<Expression>(r#""Duraton > 1s""#).unwrap_err().to_string();
    expect!["column 1: unknown field `Duraton`: did you mean `Duration`?"].assert_eq(&error);
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        let _ = Expression::for_records(&text);
        let _ = Expression::for_documents(&text);
    }

    #[test]
    fn no_tokens_make_the_parser_panic(
        tokens in proptest::collection::vec(
            prop::sample::select(vec![
                "DB", "Duration", "Filter.a", "and", "or", "not", "in", "between", "has", "exists", "(", ")", "[",
                "]", ",", "==", "!=", ">", "=~", "!~", "+", "-", "*", "/", "%", "1", "2.5", "3s", "'x'", "/x/", "null",
                "starts", "with", "contains", "2026-01-01", "`a b`",
            ]),
            0..20,
        ),
    ) {
        let text = tokens.join(" ");
        if let Ok(expression) = Expression::for_records(&text) {
            // What was understood is understood again.
            prop_assert_eq!(Expression::for_records(expression.as_str()).unwrap(), expression);
        }
        let _ = Expression::for_documents(&text);
    }
}
