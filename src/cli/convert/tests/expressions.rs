//! Expressions of Python become conditions.

use super::*;

#[test]
fn what_is_not_known_is_asked_for_as_python_does() {
    let ok = |source: &str, expected| check_expression(source, false, expected);
    ok("record.watch.Duration > 1", expect!["Duration > 1"]);
    ok("not record.watch.Duration > 1", expect!["Duration <= 1"]);
    ok(
        "watch.Duration > 1 or watch.Collection == 'a'",
        expect![[r#"Duration > 1 or Duration <= 1 and Collection == "a""#]],
    );
    ok(
        "watch.Collection == 'a' or watch.Duration > 1",
        expect![[r#"Collection == "a" or Duration > 1"#]],
    );
    ok(
        "not (watch.Duration > 1 and watch.MatchedCount > 2)",
        expect!["Duration <= 1 or Duration > 1 and MatchedCount <= 2"],
    );
    ok(
        "(watch.DB == 'a' or watch.DB == 'b') and not watch.Operation in ('find', \"x\")",
        expect![[r#"(DB == "a" or DB == "b") and Operation not in ["find", "x"]"#]],
    );
    ok(
        "watch.Operation not in ['find_one', 'get_more']",
        expect![[r#"Operation not in ["find_one", "find"]"#]],
    );
    ok("1 < watch.Duration <= 5.5", expect!["1 < Duration and Duration <= 5.5"]);
    ok(
        "watch.EndTime is None and watch.ErrorCode is not None",
        expect!["EndTime == null and ErrorCode != null"],
    );
    ok(
        "'email' in watch.Filter and 'x' not in watch.Collection",
        expect![[r#"Filter has "email" and Collection != null and not (Collection contains "x")"#]],
    );
    ok(
        "not record.watch.Collection.startswith('sys\\\\')",
        expect![[r#"Collection != null and not (Collection starts with "sys\\")"#]],
    );
    ok(
        "record.name == 'pymongo.watcher.cursor'",
        expect![[r#"WatcherName == "mongowatch.cursor""#]],
    );
    ok(
        "watch.MatchedCount - watch.ModifiedCount > 1_000 * 2",
        expect!["(MatchedCount - ModifiedCount) > (1000 * 2)"],
    );
    ok("watch.MatchedCount > watch.ModifiedCount", expect!["MatchedCount > ModifiedCount"]);
}

#[test]
fn the_result_of_an_error_is_kept() {
    let ok = |source: &str, expected| check_expression(source, true, expected);
    ok("watch.Collection == 'a'", expect![[r#"Collection == "a""#]]);
    ok("watch.Duration > 1", expect!["not (Duration <= 1)"]);
    ok(
        "watch.Duration > 1 and watch.Collection == 'a'",
        expect![[r#"not (Duration <= 1 or Duration > 1 and Collection != "a")"#]],
    );
}

#[test]
fn expressions_that_say_more_are_not_guessed_at() {
    let lost = |source: &str, expected| check_expression(source, false, expected);
    lost(
        "record.watch.Query == 'a'",
        expect!["lost: unknown field `Query`: fields of your own are under `Extra`: `Extra.Query`"],
    );
    lost("watch.DB", expect!["lost: `DB` alone, without a comparison"]);
    lost("True", expect!["lost: a value where a condition is needed"]);
    lost("len(watch.Filter) > 3", expect!["lost: the call of `len`"]);
    lost("watch.Filter['a'] == 1", expect!["lost: `[` is not understood there"]);
    lost("watch.Filter.a == 1", expect!["lost: `watch.Filter.a`"]);
    lost("watch.MatchedCount == watch.ModifiedCount", expect!["lost: `==` of two fields"]);
    lost(
        "watch.Duration == 'a'",
        expect!["lost: `Duration` is a number of seconds: expected one, without quotes"],
    );
    lost("watch.Duration // 2 > 1", expect!["lost: `//` is not understood there"]);
    lost("watch.DB == f'a'", expect!["lost: a text with `f` before it"]);
    lost("watch.DB == \"\"\"a\"\"\"", expect!["lost: a text in three quotes"]);
    lost("watch.DB == 'a' if x else y", expect!["lost: `if` is not understood there"]);
    lost("watch.Duration > 0x10", expect!["lost: the number `0x10`"]);
    lost("record.levelno >= 30", expect!["lost: `record.levelno`"]);
    lost("lambda: 1", expect!["lost: `:`"]);
    lost("watch.DB == 'a' and", expect!["lost: the end is not understood there"]);
    lost("", expect!["lost: the end is not understood there"]);
    lost("watch.DB == 'a", expect!["lost: a text without its end"]);
    lost("watch.DB == 'a' @ 2", expect!["lost: `@`"]);
    lost(
        &format!("{}watch.DB == 'a'", "not ".repeat(40)),
        expect!["lost: more than 30 brackets within one another"],
    );
    lost(&vec!["watch.Duration > 1"; 30].join(" or "), expect!["lost: more than 200 comparisons"]);
}
