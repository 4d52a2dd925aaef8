//! Conditions on one line.

use mongowatch::filter::{Expression, Matcher};

use crate::{choices::Choices, growth::assert_linear, odd, place, short_run};

const SEEDS: &[&str] = &[
    r#"Collection == "news" and Duration > 10"#,
    r#"Operation in ["update_one", "delete_many"] and not (Actor.Name == "batch")"#,
    "MatchedCount > ModifiedCount or ErrorCode exists",
    "Duration between 1s and 5s && RequestBytes >= 1.5MiB",
    r#"Filter has "email" and Filter.`first-name` !~ /^a\/b/i"#,
    "StartTime >= 2026-01-31T12:00:00Z or StartTime < 2026-01-31",
    r"DB starts with 'sh' and Collection not in [/^x/, 'a\u00e9\n']",
    "(ModifiedCount + 1) * 2 - -InsertedCount / 3 % 4 <= MatchedCount",
    "!(A missing) || Labels.team contains \"x\"",
    "Filter.a == null and Filter.b != true and Filter.c == 1_000.5e-3",
];
const TOKENS: &[&str] = &[
    "Collection",
    "Duration",
    "Filter",
    "Filter.a",
    "ErrorCode",
    "and",
    "or",
    "not",
    "in",
    "between",
    "has",
    "exists",
    "missing",
    "matches",
    "starts with",
    "ends with",
    "contains",
    "==",
    "!=",
    ">",
    ">=",
    "<",
    "=~",
    "!~",
    "!",
    "(",
    ")",
    "[",
    "]",
    ",",
    "+",
    "-",
    "*",
    "/",
    "%",
    "=",
    "1",
    "0",
    "1.5",
    "1e400",
    "9223372036854775808",
    "ms",
    "10s",
    "MB",
    "2026-01-31",
    "2026-13-99",
    "\"a\"",
    "'b'",
    "/^a/i",
    "/(/",
    "/a{1000}{1000}/",
    "`",
    "\\",
    "null",
    "true",
    "$and",
    ".",
    "..",
    "é",
];

fn target(choices: &mut Choices<'_>) {
    let text = if choices.one_in(2) { condition(choices, 5) } else { choices.text(SEEDS, TOKENS) };
    let record = odd::record(choices);
    let document = odd::document(choices, odd::QUERY, 3);
    for read in [Expression::for_records, Expression::for_documents] {
        match read(&text) {
            Ok(expression) => {
                assert_eq!(expression.as_str(), text);
                assert_eq!(read(&expression.to_string()).as_ref(), Ok(&expression));
                let _ = expression.matcher().matches(&record);
                let _ = expression.matcher().matches_document(&document);
            }
            Err(malformed) => {
                let error = malformed.to_string();
                // A line end is white space here: columns are counted through the whole text.
                place::assert_within(&text.replace('\n', " "), 1, malformed.column(), &error);
                place::assert_harmless(&error);
            }
        }
    }
    if let Ok(expression) = text.parse::<Expression>() {
        assert_eq!(Matcher::for_records(expression.query()).as_ref(), Ok(expression.matcher()));
        let json = serde_json::to_string(&expression).unwrap();
        assert_eq!(serde_json::from_str::<Expression>(&json).unwrap(), expression);
    }
}

/// A condition by the grammar, with wrong types here and there.
fn condition(choices: &mut Choices<'_>, depth: usize) -> String {
    const PATHS: &[&str] = &[
        "Collection",
        "Duration",
        "Filter.a",
        "ModifiedCount",
        "Labels.`x y`",
        "StartTime",
        "Filter.$or.a.0",
    ];
    const VALUES: &[&str] =
        &["1", "\"a\"", "5ms", "2MB", "null", "true", "-1.5", "2026-01-31", "'\\n'"];
    const RELATIONS: &[&str] = &["==", "!=", ">", ">=", "<", "<="];
    let n_kinds = if depth == 0 { 7 } else { 11 };
    let inner = |choices: &mut Choices<'_>| condition(choices, depth - 1);
    match choices.below(n_kinds) {
        0 => {
            format!("{} {} {}", choices.pick(PATHS), choices.pick(RELATIONS), choices.pick(VALUES))
        }
        1 => format!(
            "{} in [{}, {}]",
            choices.pick(PATHS),
            choices.pick(VALUES),
            choices.pick(VALUES)
        ),
        2 => format!(
            "{} between {} and {}",
            choices.pick(PATHS),
            choices.pick(VALUES),
            choices.pick(VALUES)
        ),
        3 => format!("{} exists", choices.pick(PATHS)),
        4 => format!("{} has \"a.b\"", choices.pick(PATHS)),
        5 => format!("{} =~ /^a.*b$/", choices.pick(PATHS)),
        6 => format!(
            "{} + {} {} {}",
            choices.pick(PATHS),
            choices.pick(VALUES),
            choices.pick(RELATIONS),
            choices.pick(PATHS)
        ),
        7 => format!("not {}", inner(choices)),
        8 => format!("({})", inner(choices)),
        9 => format!("{} and {}", inner(choices), inner(choices)),
        _ => format!("{} or {}", inner(choices), inner(choices)),
    }
}

#[test]
fn any_text_is_a_condition_or_an_error_with_a_place() {
    short_run!(3_000, target);
}

/// So many pieces as fill a length, with something before and after them.
pub(crate) fn filled(
    before: &str,
    piece: impl Fn(usize) -> String,
    after: &str,
    length: usize,
) -> String {
    let mut text = before.to_owned();
    for number in 0.. {
        let piece = piece(number);
        if text.len() + piece.len() + after.len() > length {
            break;
        }
        text.push_str(&piece);
    }
    text + after
}

/// Operands with `+` between them, in brackets so that the depth is small.
fn balanced(numbers: std::ops::Range<usize>, leaf: &dyn Fn(usize) -> String) -> String {
    if numbers.len() == 1 {
        return leaf(numbers.start);
    }
    let middle = numbers.start + numbers.len() / 2;
    let (left, right) =
        (balanced(numbers.start..middle, leaf), balanced(middle..numbers.end, leaf));
    format!("({left}+{right})")
}

#[test]
fn the_time_for_a_condition_grows_with_its_length() {
    const LENGTH: usize = Expression::LENGTH_MAX / 2;
    let check = |name: &str, text: &dyn Fn(usize) -> String| {
        assert_linear(name, LENGTH, text, |text| Expression::for_documents(text).is_ok());
    };
    let same = |piece: &'static str| move |_: usize| piece.to_owned();
    check("many `and` of one field", &|n| filled("a==1", same(" and a==1"), "", n));
    check("many `and` of many fields", &|n| filled("a==1", |i| format!(" and a{i}==1"), "", n));
    check("many `or`", &|n| filled("a==1", |i| format!(" or a{i}==1"), "", n));
    check("many `and` in `or`", &|n| filled("a==1", same(" or (a==1 and b==2 and a==3)"), "", n));
    check("many `not`", &|n| filled("", same("not "), "a==1", n));
    check("many brackets", &|n| filled("", same("("), "", n));
    check("a long list", &|n| filled("a in [0", |i| format!(",{i}"), "]", n));
    check("a long list of equal texts", &|n| filled("a in [0", same(",\"abcdefgh\""), "]", n));
    check("many patterns", &|n| filled("a in [0", same(",/^abc$/i"), "]", n / 4));
    check("a long name", &|n| "a".repeat(n));
    check("a long unknown operator", &|n| format!("a {}", "x".repeat(n)));
    check("a path of many names", &|n| filled("a", same(".a"), "==1", n));
    check("a long text", &|n| format!("a == \"{}\"", "\\n".repeat(n / 2)));
    check("a long pattern", &|n| format!("a =~ /{}/", "\\/a".repeat(n / 3)));
    check("a long number", &|n| format!("a == {}", "1".repeat(n)));
    check("a text without its end", &|n| format!("a == \"{}", "x".repeat(n)));
    check("white space", &|n| format!("a{}== 1", " ".repeat(n)));
    check("a long sum", &|n| filled("a", |i| format!("+a{i}"), ">1", n));
    check("a sum of many fields", &|n| balanced(0..n / 10, &|i| format!("a{i}")) + ">1");
    check("a sum of one field", &|n| balanced(0..n / 10, &|_| "abcde".to_owned()) + ">1");
    check("a sum with many units", &|n| {
        balanced(0..n / 10, &|i| if i % 2 == 0 { format!("a{i}") } else { format!("{i}ms") }) + ">1"
    });
    let names = |text: &String| Expression::for_records(text).is_ok();
    assert_linear("an unknown field", LENGTH, |n| format!("{} == 1", "Coll".repeat(n / 4)), names);
    assert_linear(
        "a sum of fields below one",
        LENGTH,
        |n| balanced(0..n / 16, &|i| format!("Extra.a{i}")) + ">1",
        names,
    );
}
