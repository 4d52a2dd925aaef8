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
    check(r#"Collection == "news" and Duration > 10"#, expect![[""]]);
    check("Collection != 'news'", expect![[""]]);
    check("10 < Duration", expect![[""]]);
    check("5 >= MatchedCount && -1 <= MatchedCount", expect![[""]]);
    check("Tenant == null || Tenant != null", expect![[""]]);
    check("Filter.paid == true and Filter.gone == false", expect![[""]]);
    check("Filter.n == -2147483649 and Filter.x == 1_000.5e-1", expect![[""]]);
    check("Extra.Text == 'it\\'s \\u00e4 \"x\"\\n'", expect![[""]]);
    check("Iteration == 0 or Iteration == \"final\"", expect![[""]]);
}

#[test]
fn conditions_join_by_their_ranks() {
    check("DB == 'a' or DB == 'b' and Outcome == 'ok'", expect![[""]]);
    check("(DB == 'a' or DB == 'b') and not Outcome == 'ok'", expect![[""]]);
    check("Duration > 1 and (Duration < 5 and DB == 'a')", expect![[""]]);
    check("not (DB == 'a' or DB == 'b')", expect![[""]]);
    check("!!(DB == 'a')", expect![[""]]);
    check(
        r#"Operation in ["update_one", "delete_many"] and not (Actor.Name == "batch")"#,
        expect![[""]],
    );
}

#[test]
fn tests_stand_behind_a_field() {
    check("Operation not in ['find', /^count/i]", expect![[""]]);
    check("ErrorCode in []", expect![[""]]);
    check("Duration between 1s and 5s and DB == 'a'", expect![[""]]);
    check("Duration not between 1 and 5", expect![[""]]);
    check("Filter has \"email\" or Filter has $or.0.a", expect![[""]]);
    check("ErrorCode exists and Tenant missing", expect![[""]]);
    check(r"Collection =~ /^a\/b\.c$/i and DB !~ /x/", expect![[""]]);
    check(r#"Collection matches "^a\\d""#, expect![[""]]);
    check("Collection starts with 'a.b' or Collection ends with '$'", expect![[""]]);
    check("ErrorMessage contains 'dup key: {' and Tenant not contains '\\\\'", expect![[""]]);
    check("Filter.`first name`.`or` == 1", expect![[""]]);
}

#[test]
fn units_become_seconds_and_bytes() {
    check("Duration > 250us and Duration < 1.5min and Duration != 2 h", expect![[""]]);
    check("Duration > 1ns or Duration > 7 d", expect![[""]]);
    check("ReplyBytes > 16MiB or RequestBytes >= 1.5kB or ReplyBytes < 1 B", expect![[""]]);
    check("Extra.Duration.P95 > 100ms and Labels.size > 1GB", expect![[""]]);
    check("ReplyBytes / Duration > 1MB", expect![[""]]);
}

#[test]
fn moments_stand_without_quotes() {
    check("StartTime >= 2026-01-31 and StartTime < 2026-02-01T12:00:00.5+02:00", expect![[""]]);
    check("EndTime between 2026-01-31T10:00 and 2026-01-31T10:00:01Z", expect![[""]]);
}

#[test]
fn fields_are_compared_and_calculated_with() {
    check("MatchedCount > ModifiedCount", expect![[""]]);
    check("Tenant != Actor.ID", expect![[""]]);
    check("ReturnedCount - MatchedCount > 100", expect![[""]]);
    check("MatchedCount * 2 + 1 >= ReturnedCount % 10", expect![[""]]);
    check("-(MatchedCount - 1) < -ReturnedCount", expect![[""]]);
    check("MatchedCount / (ReturnedCount + 1) < 0.5", expect![[""]]);
}

#[test]
fn what_is_not_understood_is_refused_at_its_column() {
    check("", expect![[""]]);
    check("Collection", expect![[""]]);
    check("Collection = 'news'", expect![[""]]);
    check("Collection == 'news", expect![[""]]);
    check("Collection == 'news' ad Duration > 10", expect![[""]]);
    check("Collection == 'news' and", expect![[""]]);
    check("Collection contians 'x'", expect![[""]]);
    check("(Collection == 'news'", expect![[""]]);
    check("Collection == 'news')", expect![[""]]);
    check("1 < Duration < 5", expect![[""]]);
    check("(DB == 'a') + 1 > 2", expect![[""]]);
    check("DB == /x/", expect![[""]]);
    check("DB =~ 'x' 'y'", expect![[""]]);
    check("DB in 'x'", expect![[""]]);
    check("DB in ['x' 'y']", expect![[""]]);
    check("DB in [Collection]", expect![[""]]);
    check("DB starts 'x'", expect![[""]]);
    check("Duration between 1 or 2", expect![[""]]);
    check("'x' in ['x']", expect![[""]]);
    check("1 == 1", expect![[""]]);
    check("DB == 'a\\d'", expect![[""]]);
    check("DB == #", expect![[""]]);
    check("Filter. == 1", expect![[""]]);
    check("Filter.`x == 1", expect![[""]]);
    check("Seq > 1e999", expect![[""]]);
    check("StartTime > 2026-13-01", expect![[""]]);
    check("DB =~ /(?=a)/", expect![[""]]);
    check("\u{e4}\u{e4} == 1", expect![[""]]);
}

#[test]
fn names_and_types_are_checked() {
    check("DB == 'a' and Colection == 'news'", expect![[""]]);
    check("Team == 'x'", expect![[""]]);
    check("Actor.Nme == 'x'", expect![[""]]);
    check("Duration.x exists", expect![[""]]);
    check("Collection has 'x'", expect![[""]]);
    check("Collection == news", expect![[""]]);
    check("Collection > 5", expect![[""]]);
    check("Duration > '5'", expect![[""]]);
    check("StartTime > '2026-01-01'", expect![[""]]);
    check("MatchedCount > 5s", expect![[""]]);
    check("Duration > 5MB", expect![[""]]);
    check("Duration > 5sec", expect![[""]]);
    check("ReplyBytes > 5KB", expect![[""]]);
    check("Duration =~ /5/", expect![[""]]);
    check("Collection > MatchedCount", expect![[""]]);
    check("Collection + 1 > 2", expect![[""]]);
    check("MatchedCount - 1s > 2", expect![[""]]);
    check("MatchedCount - 'x' > 2", expect![[""]]);
}

#[test]
fn any_documents_have_any_names() {
    check_free("a.b == 1 and `in` has c and x > '2026' and y > z", expect![[""]]);
    check_free("size > 1MB and time > 1s", expect![[""]]);
}

#[test]
fn what_is_too_deep_or_too_long_is_refused() {
    let nested = |depth: usize| format!("{}DB == 'a'{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Expression::for_records(&nested(50)).is_ok());
    check(&nested(51), expect![[""]]);
    check(&format!("{}DB == 'a'", "not ".repeat(100_000 / 10)), expect![[""]]);
    check(&format!("Seq{} > 1", " - 1".repeat(51)), expect![[""]]);
    assert!(Expression::for_records(&format!("Seq{} > 1", " - 1".repeat(50))).is_ok());
    let nots = format!("{}(DB == 'a' and DB == 'b')", "not ".repeat(49));
    assert!(Expression::for_records(&nots).is_ok());
    check(&"x".repeat(Expression::LENGTH_MAX + 1), expect![[""]]);
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
    assert!(!matches("MatchedCount / DeletedCount > 0", &[(Field::MatchedCount, 5.into()), (Field::DeletedCount, 0.into())]));
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
    expect![[""]].assert_eq(&error);
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
