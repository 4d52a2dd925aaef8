//! The steps that look at values of users: `mask` with patterns, where the keys are data too.

use std::sync::Arc;

use mongowatch::{
    Field, Timestamp, WatchMessage, WatcherName,
    bson::{Bson, Document},
    filter::{Draft, Filter, MaskSettings, Verdict},
};

use crate::growth::assert_linear;

fn record(filter: Bson) -> Arc<WatchMessage> {
    let start = Timestamp::from_micros(0);
    let mut record = WatchMessage::new(WatcherName::Cursor, "find", start);
    record.set(Field::Filter, filter).unwrap();
    Arc::new(record)
}

fn masked(record: &Arc<WatchMessage>) -> Arc<WatchMessage> {
    masked_with(r#"{"fields":"Filter","patterns":["email","card","token"]}"#, record)
}

fn masked_with(settings: &str, record: &Arc<WatchMessage>) -> Arc<WatchMessage> {
    let settings: MaskSettings = serde_json::from_str(settings).unwrap();
    let mut draft = Draft::new(Arc::clone(record), record.start_time);
    assert_eq!(settings.build().unwrap().apply(&mut draft), Verdict::Pass);
    draft.into_parts().0
}

#[test]
fn the_time_for_a_mask_grows_with_the_document() {
    const SIZE: usize = 16_000;
    let check = |name: &str, filter: &dyn Fn(usize) -> Bson| {
        assert_linear(name, SIZE, |n| record(filter(n)), masked);
    };
    let keys = |key: &dyn Fn(usize) -> String, n: usize| {
        (0..n).map(|i| (key(i), Bson::Int32(1))).collect::<Document>().into()
    };
    check("keys that are addresses", &|n| keys(&|i| format!("user{i}@example.com"), n));
    check("keys that are taken", &|n| {
        keys(&|i| if i % 2 == 0 { format!("u{i}@example.com") } else { format!("?string#{i}") }, n)
    });
    check("texts of addresses", &|n| {
        Document::from_iter([("a".into(), "a@b.c ".repeat(n).into())]).into()
    });
    check("texts of digits", &|n| {
        Document::from_iter([("a".into(), "4 ".repeat(n).into())]).into()
    });
    check("classes of a regular expression", &|n| {
        Document::from_iter([("a".into(), "4[ -]?[".repeat(n).into())]).into()
    });
    check("names of secrets", &|n| {
        Document::from_iter([("a".into(), "password=\"x ".repeat(n).into())]).into()
    });
}

#[test]
fn the_time_for_a_path_grows_with_the_expressions() {
    let check = |name: &str, size: usize, filter: &dyn Fn(usize) -> Bson| {
        let settings = r#"{"fields":["Filter.**.a.b.a.c","Filter.**.pipeline.a.b"]}"#;
        let masked = |record: &Arc<WatchMessage>| masked_with(settings, record);
        assert_linear(name, size, |n| record(filter(n)), masked);
    };
    let all = |items: Vec<Bson>| Document::from_iter([("$eq".to_owned(), items.into())]);
    check("references side by side", 16_000, &|n| {
        all((0..n).map(|i| format!("$x.b.{i}").into()).collect()).into()
    });
    check("a long reference", 16_000, &|n| {
        all(vec![format!("$x{}", ".y".repeat(n)).into(), "z".into()]).into()
    });
    check("names in code", 16_000, &|n| {
        Document::from_iter([("$where".into(), "x.y-z-".repeat(n).into())]).into()
    });
    // Each one is searched again where the paths led on.
    check("expressions in pipelines", 4_000, &|n| {
        let deep = |_| {
            (0..30).fold(Bson::from(all(vec!["$x".into()])), |inner, level| {
                let key = if level % 2 == 0 { "$lookup" } else { "pipeline" };
                Document::from_iter([(key.to_owned(), inner)]).into()
            })
        };
        Bson::Array((0..n / 30).map(deep).collect())
    });
}

#[test]
fn keys_that_become_the_same_stay_apart() {
    let addresses = (0..1_000).map(|i| (format!("user{i}@example.com"), Bson::Int32(i)));
    let masked = masked(&record(addresses.collect::<Document>().into()));
    let filter = masked.filter.as_deref().and_then(Bson::as_document).unwrap();
    assert_eq!(filter.len(), 1_000);
    assert!(!filter.to_string().contains('@'));
}
