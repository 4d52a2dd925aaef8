//! Paths of fields, and masks over what they name.

use std::sync::Arc;

use mongowatch::{
    Timestamp,
    bson::{Bson, Document, doc},
    filter::{Draft, FieldPath, Filter, MaskSettings},
};

use crate::{choices::Choices, growth::assert_linear, odd, place, short_run};

const SEEDS: &[&str] = &[
    "Filter",
    "Filter.email",
    "Filter.**.email",
    "Update.$set.card",
    "Filter.`a.b`",
    "Filter.`a``b`.c",
    "InsertedIds.0",
    "*.email",
    "**.email",
    "Actor.Name",
    "Actor.*",
    "Filter.**.**.*.a",
    "Options.sort.`é`",
];
const TOKENS: &[&str] = &[
    "Filter", "Fliter", "Update", "Actor", "Kind", "Name", "DB", ".", ".", ".", "*", "**", "`",
    "``", "a", "$or", "0", "email", "é", " ", "\0",
];

fn target(choices: &mut Choices<'_>) {
    let text = choices.text(SEEDS, TOKENS);
    let path = match text.parse::<FieldPath>() {
        Ok(path) => path,
        Err(error) => {
            let error = error.to_string();
            let (_, behind) = error.rsplit_once("`, column ").unwrap_or(("", &error));
            let column = place::number_behind(&format!("column {behind}"), "column ");
            let column = column.unwrap_or_else(|| panic!("no column: {error}"));
            return place::assert_within(&text.replace('\n', " "), 1, column, &error);
        }
    };
    assert_eq!(path.to_string(), text);
    assert_eq!(path.to_string().parse::<FieldPath>().unwrap(), path);
    let record = odd::record(choices);
    let _ = path.get(&record);
    if let Ok(mut mask) = MaskSettings::new(path).build() {
        let mut draft = Draft::new(Arc::new(record), Timestamp::from_micros(0));
        let _ = mask.apply(&mut draft);
        odd::read_all(draft.record());
    }
}

#[test]
fn any_text_is_a_path_or_an_error_with_a_place() {
    short_run!(4_000, target);
}

#[test]
fn the_time_for_a_mask_grows_with_the_record() {
    const SIZE: usize = 8_000;
    let check = |name: &str, path: &str, value: &dyn Fn(usize) -> Document| {
        let path: FieldPath = path.parse().unwrap();
        let record = |n: usize| {
            let mut record = odd::record(&mut Choices::new(&[]));
            record.filter = Some(Arc::new(Bson::from(value(n))));
            Arc::new(record)
        };
        // A mask remembers structures that it has seen: each one is new.
        let settings = MaskSettings::new(path);
        assert_linear(name, SIZE, record, |record| {
            let mut draft = Draft::new(Arc::clone(record), Timestamp::from_micros(0));
            settings.build().unwrap().apply(&mut draft)
        });
    };
    let wild = "Filter.**.a.**.a.**.a.**.a.**.a.**.a.**.b";
    check("many keys", "Filter.*", &|n| (0..n).map(|i| (format!("k{i}"), 1.into())).collect());
    check("many keys, any depth", wild, &|n| (0..n).map(|i| (format!("k{i}"), 1.into())).collect());
    check("many levels", wild, &|n| {
        (0..n / 40).fold(doc! { "b": 1 }, |inner, _| doc! { "a": inner })
    });
    check("a key that is a long way", wild, &|n| doc! { "a.".repeat(n): 1 });
    check("a long list", "Filter.**.7.b", &|n| doc! { "a": vec![doc! { "b": 1 }; n / 2] });
    check(
        "a long text",
        "Filter.**.a",
        &|n| doc! { "a": "x@y.zz 4111 1111 1111 1111 ".repeat(n / 8) },
    );
}
