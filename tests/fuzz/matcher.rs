//! The loader of the matcher, and what it loads.

use mongowatch::{
    bson::{Bson, Document, doc},
    filter::{Fault, Matcher, Part},
};

use crate::{choices::Choices, growth::assert_linear, odd, short_run};

/// How paths of queries over records begin.
const NAMES: &[&str] = &[
    "Collection",
    "Duration",
    "Filter",
    "Filter.a",
    "Filter.$and.0.a",
    "Actor.Name",
    "RequestIDs.0",
    "Extra.x",
    "$and",
    "$or",
    "$nor",
    "$expr",
    "$comment",
    "$eq",
    "$ne",
    "$gt",
    "$lte",
    "$in",
    "$nin",
    "$not",
    "$exists",
    "$type",
    "$regex",
    "$options",
    "$all",
    "$elemMatch",
    "$size",
    "$mod",
    "$bitsAllSet",
    "$bitsAnyClear",
    "$add",
    "$divide",
    "$cond",
    "$literal",
    "$concat",
    "$substrCP",
    "if",
    "then",
    "else",
    "a",
    "b",
];

fn target(choices: &mut Choices<'_>) {
    let query =
        if choices.one_in(4) { odd::document(choices, NAMES, 5) } else { conditions(choices, 3) };
    let records: Vec<_> = (0..2).map(|_| odd::record(choices)).collect();
    let documents: Vec<_> = (0..3).map(|_| odd::document(choices, NAMES, 4)).collect();
    for compile in [Matcher::for_records, Matcher::for_documents] {
        match compile(&query) {
            Ok(matcher) => {
                // Not-a-number is not equal to itself, so what is shown is compared.
                let again = compile(&query).map(|again| format!("{again:?}"));
                assert_eq!(again, Ok(format!("{matcher:?}")), "{query}");
                let _ =
                    records.iter().map(|record| matcher.try_matches(record)).collect::<Vec<_>>();
                for document in &documents {
                    let matches = matcher.try_matches_document(document);
                    assert_eq!(matcher.matches_document(document), matches.unwrap_or(false));
                }
            }
            Err(fault) => assert_place(&query, &fault),
        }
    }
}

/// A query whose operators stand where they may.
fn conditions(choices: &mut Choices<'_>, depth: usize) -> Document {
    const PATHS: &[&str] = &[
        "Collection",
        "Filter",
        "Filter.a",
        "Filter.a.0.b",
        "Filter.0.1",
        "Duration",
        "a",
        "a.0",
        "$expr",
    ];
    let n_fields = 1 + choices.below(3);
    let mut query = Document::new();
    for _ in 0..n_fields {
        match choices.below(if depth == 0 { 4 } else { 6 }) {
            0 => query.insert(choices.pick(PATHS), odd::value(choices, NAMES, 2)),
            1..=3 => query.insert(choices.pick(PATHS), operators(choices, depth)),
            _ => {
                let name = choices.pick(&["$and", "$or", "$nor"]);
                let queries = (0..=choices.below(3)).map(|_| conditions(choices, depth - 1));
                query.insert(name, queries.collect::<Vec<_>>())
            }
        };
    }
    query
}

fn operators(choices: &mut Choices<'_>, depth: usize) -> Document {
    const PATTERNS: &[&str] = &[
        "^a",
        "a$",
        "(a",
        "[[:alpha:]-z]",
        r"\bx\Q",
        "a{2,1}",
        "(?i)a",
        "a++",
        "(?<n>a)",
        r"\x{110000}",
    ];
    let mut operators = Document::new();
    for _ in 0..=choices.below(2) {
        let name = choices.pick(&["$eq", "$ne", "$gt", "$lt", "$gte", "$lte"]);
        let (name, value) = match choices.below(12) {
            0..=2 => (name, odd::value(choices, NAMES, 2)),
            3 => (
                choices.pick(&["$in", "$nin", "$all"]),
                vec![odd::value(choices, NAMES, 1); 1 + choices.below(12)].into(),
            ),
            4 if depth > 0 => ("$not", self::operators(choices, depth - 1).into()),
            5 if depth > 0 => ("$elemMatch", conditions(choices, depth - 1).into()),
            6 => ("$regex", choices.pick(PATTERNS).into()),
            7 => ("$options", choices.pick(&["i", "x", "ms", "", "q"]).into()),
            8 => {
                ("$mod", vec![odd::value(choices, NAMES, 0), odd::value(choices, NAMES, 0)].into())
            }
            9 => (
                choices.pick(&["$bitsAllSet", "$bitsAnyClear", "$size"]),
                odd::value(choices, NAMES, 1),
            ),
            10 => ("$type", vec![odd::value(choices, NAMES, 0), "number".into()].into()),
            _ => ("$exists", odd::value(choices, NAMES, 0)),
        };
        operators.insert(name, value);
    }
    operators
}

/// The way of a fault leads through the query, from its root.
pub(crate) fn assert_place(query: &Document, fault: &Fault) {
    let mut place = Bson::Document(query.clone());
    for part in fault.path() {
        let below = match (&place, part) {
            (Bson::Document(document), Part::Key(key)) => document.get(key).cloned(),
            (Bson::Array(items), Part::Index(index)) => items.get(*index).cloned(),
            _ => None,
        };
        place = below.unwrap_or_else(|| panic!("no {part:?} in {place}: {fault}\n{query}"));
    }
}

#[test]
fn any_document_is_a_query_or_a_fault_with_a_place() {
    short_run!(6_000, target);
}

#[test]
fn the_time_for_a_query_grows_with_its_size() {
    const SIZE: usize = 8_000;
    let check = |name: &str, query: &dyn Fn(usize) -> Document| {
        assert_linear(name, SIZE, query, |query| Matcher::for_documents(query).is_ok());
    };
    let ints = |n: usize| (0..n).map(|i| Bson::Int32(i as i32)).collect::<Vec<_>>();
    let long = |n: usize| "a".repeat(n);
    let nested =
        |n: usize, name: &str| (0..n).fold(doc! { "a": 1 }, |inner, _| doc! { name: [inner] });
    check("many fields", &|n| (0..n).map(|i| (format!("a{i}"), Bson::Null)).collect());
    check("many alternatives", &|n| doc! { "$or": vec![doc! { "a": 1 }; n] });
    check(
        "alternatives with a long name",
        &|n| doc! { "$or": vec![doc! { long(100): { "$gt": 1, "$lt": 5 } }; n / 8] },
    );
    check("many levels", &|n| nested(n / 100, "$or"));
    check(
        "many `$not`",
        &|n| doc! { "a": (0..n / 100).fold(doc! { "$gt": 1 }, |inner, _| doc! { "$not": inner }) },
    );
    check("a long list", &|n| doc! { "a": { "$in": ints(n) } });
    check(
        "a long list, backwards",
        &|n| doc! { "a": { "$in": ints(n).into_iter().rev().collect::<Vec<_>>() } },
    );
    check(
        "a long list of like texts",
        &|n| doc! { "a": { "$nin": (0..n / 8).map(|i| Bson::String(long(50) + &i.to_string())).collect::<Vec<_>>() } },
    );
    check("all of a long list, at a long name", &|n| doc! { long(n * 4): { "$all": ints(n) } });
    check(
        "`$elemMatch` many times, at a long name",
        &|n| doc! { long(n * 4): { "$all": vec![doc! { "$elemMatch": { "$gt": 1 } }; n / 2] } },
    );
    check(
        "many levels, at a long name",
        &|n| doc! { long(n * 4): (0..n / 100).fold(doc! { "$gt": 1 }, |inner, _| doc! { "$not": inner }) },
    );
    check(
        "a long name below a name",
        &|n| doc! { format!("a.{}", long(n * 20)): { "$all": ints(n / 4) } },
    );
    check("many types", &|n| doc! { "a": { "$type": vec!["int"; n / 8] } });
    check("many bits", &|n| doc! { "a": { "$bitsAllSet": ints(n) } });
    check("an unknown operator", &|n| doc! { "a": { format!("${}", long(n * 4)): 1 } });
    check(
        "a sum of many fields",
        &|n| doc! { "$expr": { "$gt": [{ "$add": (0..n).map(|i| format!("$a{i}")).collect::<Vec<_>>() }, 1] } },
    );
    check("a constant sum", &|n| doc! { "$expr": { "$gt": [{ "$add": ints(n) }, 1] } });
    check(
        "constants in each other",
        &|n| doc! { "$expr": { "$gt": [(0..90).fold(Bson::from(ints(n / 90)), |inner, _| Bson::Array(vec![inner, 1.into()])), 1] } },
    );
    check("a long path in an expression", &|n| doc! { "$expr": format!("${}", long(n * 4)) });
    check(
        "many names in an expression",
        &|n| doc! { "$expr": { "$eq": [(0..n).map(|i| (format!("a{i}"), Bson::from("$a"))).collect::<Document>(), 1] } },
    );
}

#[test]
fn the_time_for_a_match_grows_with_the_document() {
    const SIZE: usize = 8_000;
    let check = |name: &str, query: Document, document: &dyn Fn(usize) -> Document| {
        let matcher = Matcher::for_documents(&query).unwrap();
        assert_linear(name, SIZE, document, |document| matcher.matches_document(document));
    };
    let ints = |n: usize| (0..n).map(|i| Bson::Int32(i as i32)).collect::<Vec<_>>();
    let list = |n: usize| doc! { "a": vec![doc! { "b": [1, 2, 3] }; n / 4] };
    let deep = |n: usize| (0..n / 40).fold(doc! { "a": 1 }, |inner, _| doc! { "a": [inner] });
    check("a list", doc! { "a": -1 }, &|n| doc! { "a": ints(n) });
    check("a list in a list", doc! { "a.b": -1 }, &list);
    check("places in lists", doc! { "a.0.b.0.1.2": -1 }, &list);
    check("many levels", doc! { "a.a.a.a.a.a.a.a": -1 }, &deep);
    check("many places in many levels", doc! { "a.0.a.0.a.0.a.0.a.0.a.0.a.0.a.0": -1 }, &deep);
    check(
        "`$elemMatch`",
        doc! { "a": { "$elemMatch": { "b": { "$elemMatch": { "$gt": 5 } } } } },
        &list,
    );
    check("`$all`", doc! { "a": { "$all": [1, 2, 3, -1] } }, &|n| doc! { "a": ints(n) });
    check("equal to a list", doc! { "a": ints(2_000) }, &|n| doc! { "a": vec![ints(n / 4); 4] });
    check(
        "a pattern",
        doc! { "a": { "$regex": "(a+)+$" } },
        &|n| doc! { "a": "a".repeat(n * 8) + "b" },
    );
    check(
        "a pattern with choices",
        doc! { "a": { "$regex": "(a|aa|a?){10}c" } },
        &|n| doc! { "a": "a".repeat(n) },
    );
    check("an expression over lists", doc! { "$expr": { "$gt": ["$a.b", 1] } }, &list);
}
