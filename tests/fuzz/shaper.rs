//! The shapes of queries.

use std::sync::Arc;

use mongowatch::{
    Shaper, WatchMessage,
    bson::{Bson, Document, doc},
};

use crate::{choices::Choices, growth::assert_linear, odd, short_run};

/// Stands in no name that the generator has.
const SECRET: &str = "s3cr3t value";

fn target(choices: &mut Choices<'_>) {
    let mut record = odd::record(choices);
    record.filter = record.filter.map(|filter| Arc::new(with_secrets(&filter)));
    let shaper = Shaper::new(4);
    let Some(shape) = shaper.shape(&record) else { return };
    assert_eq!(shaper.shape(&record).as_ref(), Some(&shape), "a shape that was seen is the same");
    assert_eq!(
        Shaper::default().shape(&record),
        Some(Arc::clone(&shape)),
        "so is one of another shaper"
    );
    let digits = shape.hash.strip_prefix("v1:").unwrap();
    assert!(
        digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()),
        "{digits}"
    );
    assert!(shape.label.chars().count() <= 120, "{}", shape.label);
    let shown = format!("{} {}", shape.query, shape.label);
    assert!(!shown.contains(SECRET), "{shown}\n{:?}", record.filter);
    // A record whose values are their types already has the same shape.
    if let (Bson::Document(query), "find") = (&shape.query, &*record.operation)
        && let Some(filter) = query.get("filter")
    {
        let mut again = record.clone();
        again.filter = Some(Arc::new(filter.clone()));
        assert!(shaper.shape(&again).is_some());
        odd::read_all(&again);
    }
}

/// The value with each text that is data replaced. Those with a `$` may be paths.
fn with_secrets(value: &Bson) -> Bson {
    match value {
        Bson::Document(document) => Bson::Document(
            document.iter().map(|(key, value)| (key.clone(), with_secrets(value))).collect(),
        ),
        Bson::Array(items) => Bson::Array(items.iter().map(with_secrets).collect()),
        Bson::String(text) if !text.starts_with(['$', '?']) => Bson::String(SECRET.to_owned()),
        other => other.clone(),
    }
}

#[test]
fn any_record_has_a_shape_without_its_values() {
    short_run!(6_000, target);
}

fn record(operation: &'static str, filter: Bson) -> WatchMessage {
    let mut record = odd::record(&mut Choices::new(&[]));
    record.operation = operation.into();
    (record.filter, record.update, record.options) = (Some(Arc::new(filter)), None, None);
    record
}

#[test]
fn the_time_for_a_shape_grows_with_the_query() {
    const SIZE: usize = 8_000;
    let check = |name: &str, operation: &'static str, query: &dyn Fn(usize) -> Bson| {
        assert_linear(
            name,
            SIZE,
            |n| record(operation, query(n)),
            |record| Shaper::new(0).shape(record),
        );
    };
    let ints = |n: usize| (0..n).map(|i| Bson::Int32(i as i32)).collect::<Vec<_>>();
    // What comes behind the first 8 KiB of a shape is left out.
    let keys = |n: usize| {
        (0..n).map(|i| (format!("key{}", "x".repeat(i % 50)), 1.into())).collect::<Document>()
    };
    check("many fields", "find", &|n| {
        (0..n / 16).map(|i| (format!("k{i}"), 1.into())).collect::<Document>().into()
    });
    check("many like keys", "find", &|n| {
        (0..n).map(|i| (i.to_string(), 1.into())).collect::<Document>().into()
    });
    check("many alternatives", "find", &|n| {
        doc! { "$or": (0..n / 20).map(|i| doc! { format!("k{i}"): 1 }).collect::<Vec<_>>() }.into()
    });
    check("many equal alternatives", "find", &|n| doc! { "$or": vec![doc! { "a": 1 }; n] }.into());
    check("many `$and`", "find", &|n| doc! { "$and": vec![doc! {}; n] }.into());
    check("a long list", "find", &|n| doc! { "a": { "$in": ints(n) } }.into());
    check("lists in lists", "find", &|n| doc! { "a": vec![ints(n / 8); 8] }.into());
    check("many levels of `$and`", "find", &|n| {
        (0..n / 100).fold(keys(30), |inner, _| doc! { "$and": [inner, { "a": 1 }] }).into()
    });
    check("many levels of `$not`", "find", &|n| {
        doc! { "a": (0..n / 100).fold(doc! { "$gt": 1 }, |inner, _| doc! { "$not": inner }) }.into()
    });
    check("`$all` in `$all`", "find", &|n| {
        doc! { "a": (0..n / 100).fold(doc! { "$gt": 1 }, |inner, _| doc! { "$all": [1, 2, 3, { "$elemMatch": inner }] }) }.into()
    });
    check("a long key", "find", &|n| doc! { "a".repeat(n * 10): 1 }.into());
    check("a key that is a long path", "find", &|n| doc! { "a1.".repeat(n * 4): 1 }.into());
    check("many stages", "aggregate", &|n| vec![doc! { "$match": { "a": 1 } }; n / 16].into());
    check("many equal writes", "bulk_write", &|n| {
        vec![
            doc! { "updateOne": { "filter": { "a": 1 }, "update": { "$set": { "b": 1 } } } };
            n / 4
        ]
        .into()
    });
    check("expressions", "aggregate", &|n| {
        vec![doc! { "$set": { "a": (0..n / 100).fold(Bson::from("$a"), |inner, _| doc! { "$add": [inner.clone(), 1, "$b"] }.into()) } }].into()
    });
    check("a command of values", "run_command", &|n| {
        doc! { "x": ints(n), "y": "z".repeat(n) }.into()
    });
}
