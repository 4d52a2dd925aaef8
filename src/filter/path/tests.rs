use expect_test::{Expect, expect};

use super::FieldPath;

#[track_caller]
fn check(path: &str, expected: Expect) {
    let shown = match path.parse::<FieldPath>() {
        Ok(path) => format!("{:?} {:?}", path.field, path.steps),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn paths_are_read_and_what_is_wrong_has_its_column() {
    check("Filter", expect!["Some(Filter) []"]);
    check("Filter.**.email", expect![[r#"Some(Filter) [AnyDepth, Key("email")]"#]]);
    check(
        "Update.$set.`a.b`.``*``",
        expect!["path `Update.$set.`a.b`.``*```, column 21: expected `.` or the end, found `*`"],
    );
    check("Filter.`a``b.c`.`*`", expect![[r#"Some(Filter) [Key("a`b.c"), Key("*")]"#]]);
    check("*.email", expect![[r#"None [Key("email")]"#]]);
    check("**.email", expect![[r#"None [AnyDepth, Key("email")]"#]]);
    check("Actor.Name", expect![[r#"Some(Actor) [Key("Name")]"#]]);
    check("", expect!["path ``, column 1: expected a name"]);
    check("*", expect!["path `*`, column 1: `*` alone names everything: name the fields"]);
    check("Filter.", expect!["path `Filter.`, column 8: expected a name"]);
    check("Filter..a", expect!["path `Filter..a`, column 8: expected a name"]);
    check("Filter.`a", expect!["path `Filter.`a`, column 8: a backtick without its second one"]);
    check(
        "Filter.`a`b",
        expect!["path `Filter.`a`b`, column 11: expected `.` or the end, found `b`"],
    );
    check(
        "Fliter.a",
        expect!["path `Fliter.a`, column 1: unknown field `Fliter`: did you mean `Filter`?"],
    );
    check(
        "Zebra",
        expect![
            "path `Zebra`, column 1: unknown field `Zebra`: fields of your own are under `Extra`: `Extra.Zebra`"
        ],
    );
    check("DB.x", expect!["path `DB.x`, column 4: `DB` is no document: nothing is below it"]);
    check(
        "Duration.x",
        expect!["path `Duration.x`, column 10: `Duration` is no document: nothing is below it"],
    );
    check(
        "Actor.Nmae",
        expect![
            "path `Actor.Nmae`, column 7: `Actor` has `Kind`, `ID` and `Name`, not `Nmae`: did you mean `Name`?"
        ],
    );
    check("Actor.Name.x", expect!["path `Actor.Name.x`, column 12: nothing is below `Actor.Name`"]);
    check(
        &format!("Filter{}", ".a".repeat(40)),
        expect![
            "path `Filter.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a`, column 70: more than 32 parts"
        ],
    );
    check(
        &"x".repeat(2_000),
        expect![
            "path `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`, column 1: longer than 1024 bytes"
        ],
    );
}
