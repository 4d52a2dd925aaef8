//! `truncate`, `set`, `rename`, `sample` and `limit`: what they do where it is not obvious.

use mongodb::bson::{
    Binary, Bson, Document, JavaScriptCodeWithScope, Regex, bson, spec::BinarySubtype,
};

use super::*;
use crate::record::{Field, Value};

fn steps(json: &str) -> Steps {
    let settings: Vec<StepSettings> = serde_json::from_str(json).unwrap();
    for step in &settings {
        step.check().unwrap();
    }
    Steps::build(&settings, &NamedFilters::default()).unwrap()
}

/// A record with this filter, after the steps.
fn after(steps_json: &str, filter: impl Into<Bson>) -> WatchMessage {
    let mut record = (*record("find", "orders", 1)).clone();
    record.filter = Some(Arc::new(filter.into()));
    let mut draft = Draft::new(Arc::new(record), at(0));
    steps(steps_json).apply(&mut draft).unwrap();
    draft.record().clone()
}

/// The value of the key `v` after a cut.
fn cut(limits: &str, value: impl Into<Bson>) -> Bson {
    let step = format!(r#"[{{"truncate":{{"fields":"Filter",{limits}}}}}]"#);
    let record = after(&step, doc! { "v": value.into() });
    record.filter.unwrap().as_document().unwrap().get("v").unwrap().clone()
}

#[test]
fn lists_in_a_cut_list_are_cut_too() {
    let inner: Vec<Bson> = (0..100).map(Bson::Int32).collect();
    let outer: Vec<Bson> = (0..30).map(|_| inner.clone().into()).collect();
    let short = bson!([0, 1, "...(+98 items)"]);
    assert_eq!(cut(r#""max_items":2"#, outer), bson!([short.clone(), short, "...(+28 items)"]));
    let deep = bson!([{ "a": [inner.clone(), "x".repeat(100)] }, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(
        cut(r#""max_items":1,"max_chars":3"#, deep),
        bson!([{ "a": [[0, "...(+99 items)"], "...(+1 items)"] }, "...(+9 items)"])
    );
}

#[test]
fn code_symbols_bytes_and_patterns_are_cut() {
    let limits = r#""max_chars":8"#;
    let long = "abcdefghi".repeat(100);
    let text = "abcdefgh...(+892)";
    assert_eq!(cut(limits, Bson::Symbol(long.clone())), Bson::Symbol(text.to_owned()));
    assert_eq!(
        cut(limits, Bson::JavaScriptCode(long.clone())),
        Bson::JavaScriptCode(text.to_owned())
    );
    let code = |code: &str, scope| JavaScriptCodeWithScope { code: code.to_owned(), scope };
    assert_eq!(
        cut(limits, Bson::JavaScriptCodeWithScope(code(&long, doc! { "x": &long }))),
        Bson::JavaScriptCodeWithScope(code(text, doc! { "x": text }))
    );
    let regex = |pattern: &str| {
        let (pattern, options) = (pattern.try_into().unwrap(), "i".try_into().unwrap());
        Bson::RegularExpression(Regex { pattern, options })
    };
    assert_eq!(cut(limits, regex(&long)), regex(text));
    let bytes = |n_bytes| {
        Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: vec![0xff; n_bytes] })
    };
    assert_eq!(cut(limits, bytes(1_000)), Bson::from("////////...(+994 bytes)"));
    assert_eq!(cut(limits, bytes(20)), bytes(20));
}

#[test]
fn what_looks_like_a_mark_is_cut_all_the_same() {
    let long = format!("{}...(+1)", "x".repeat(100));
    assert_eq!(cut(r#""max_chars":5"#, long), Bson::from("xxxxx...(+96)"));
    let digits = format!("...(+{})", "1".repeat(100));
    assert_eq!(cut(r#""max_chars":5"#, digits), Bson::from("...(+...(+101)"));
}

#[test]
fn a_second_cut_adds_up() {
    let text = "x".repeat(1_000);
    let first = cut(r#""max_chars":100"#, text.clone());
    assert_eq!(first, Bson::from(format!("{}...(+900)", "x".repeat(100))));
    assert_eq!(cut(r#""max_chars":100"#, first.clone()), first);
    assert_eq!(cut(r#""max_chars":5"#, first), cut(r#""max_chars":5"#, text));

    let items: Vec<Bson> = (0..1_000).map(Bson::Int32).collect();
    let first = cut(r#""max_items":100"#, items.clone());
    assert_eq!(first.as_array().unwrap().last(), Some(&Bson::from("...(+900 items)")));
    assert_eq!(cut(r#""max_items":100"#, first.clone()), first);
    assert_eq!(cut(r#""max_items":5"#, first), cut(r#""max_items":5"#, items));

    let bytes = Binary { subtype: BinarySubtype::Generic, bytes: vec![0xff; 1_000] };
    let first = cut(r#""max_chars":100"#, bytes.clone());
    assert_eq!(cut(r#""max_chars":100"#, first.clone()), first);
    assert_eq!(cut(r#""max_chars":10"#, first), cut(r#""max_chars":10"#, bytes));
}

#[test]
fn a_text_of_which_nothing_is_left_is_not_taken_for_the_mark_of_its_list() {
    let text = "a text that is long";
    let once = cut(r#""max_chars":0"#, bson!([text, text, text]));
    assert_eq!(once, bson!(["...(+19)", "...(+19)", "...(+19)"]));
    assert_eq!(cut(r#""max_items":1"#, once), bson!(["...(+19)", "...(+2 items)"]));
}

#[test]
fn what_would_not_become_shorter_stays() {
    let marks = [bson!("...(+3)"), bson!(["...(+3 items)"]), bson!("...(+3 bytes)")];
    for value in [bson!("abcdefgh"), bson!([1, 2, 3, 4])].into_iter().chain(marks) {
        assert_eq!(cut(r#""max_chars":2,"max_items":2"#, value.clone()), value);
    }
}

#[test]
fn what_is_nested_too_deeply_is_removed_by_a_cut() {
    let mut deep = bson!([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    for _ in 0..300 {
        deep = Bson::Array(vec![deep]);
    }
    let mut wide = vec![deep.clone()];
    wide.extend((0..50).map(Bson::Int32));
    for value in [deep, wide.into()] {
        let step = r#"[{"truncate":{"fields":"Filter","max_items":1}}]"#;
        assert_eq!(after(step, doc! { "v": value }).filter, None);
    }
}

#[test]
fn a_ratio_is_a_number_and_nothing_else() {
    for json in [r#"{"ratio":{"ratio":0.1,"always":{"DB":"a"}}}"#, r#"{"ratio":{"ratio":0.1}}"#] {
        let error = serde_json::from_str::<SampleSettings>(json).unwrap_err().to_string();
        assert!(error.contains("expected a number between 0 and 1"), "{error}");
    }
}

#[test]
fn kinds_that_kept_something_back_make_room_for_new_ones() {
    let mut steps = steps(r#"[{"limit":{"first":1,"per":"1s","max_keys":2,"report":true}}]"#);
    let mut told = Vec::new();
    let mut passes = |collection: &str, second: i64| {
        let mut draft = Draft::new(record("find", collection, 1), at(second));
        let passes = steps.apply(&mut draft).is_ok();
        let extra = draft.record().extra.as_deref().cloned().unwrap_or_default();
        let number = |key| extra.get_i64(key).unwrap_or(0);
        told.push((number("Suppressed"), number("SuppressedOthers")));
        passes
    };
    for second in 0..5 {
        for n in 0..2 {
            let collection = format!("c{second}-{n}");
            assert!(passes(&collection, second), "{collection}");
            assert!(!passes(&collection, second), "{collection}");
        }
    }
    // What the kinds of the last period kept back is told of each, what older ones did in one number.
    assert!(passes("c4-0", 5) && passes("c4-1", 6));
    assert_eq!(told[told.len() - 2..], [(1, 2), (1, 0)]);
    let all: i64 = told.iter().map(|(own, others)| own + others).sum();
    assert_eq!(all, 10, "each that was kept back is told once: {told:?}");
}

#[test]
fn a_pipeline_is_no_document_to_set_a_key_in() {
    let pipeline = bson!([{ "$match": { "a": 1 } }]);
    let record = after(r#"[{"set":{"Filter.team":"x","Tenant":"acme"}}]"#, pipeline.clone());
    assert_eq!(record.filter.as_deref(), Some(&pipeline));
    assert_eq!(record.get(Field::Tenant), Value::Str("acme"));
    assert_eq!(record.extra.as_deref(), Some(&doc! { "NotSet": ["Filter.team"] }));

    let filter = doc! { "status": "open", "n": [1] };
    let set = r#"[{"set":{"Filter.status.by":"x","Filter.n.0":2,"Filter.a.b":3}}]"#;
    let record = after(set, filter);
    let expected = doc! { "status": "open", "n": [1], "a": { "b": 3 } };
    assert_eq!(record.filter.as_deref(), Some(&expected.into()));
    let not_set = doc! { "NotSet": ["Filter.status.by", "Filter.n.0"] };
    assert_eq!(record.extra.as_deref(), Some(&not_set));
}

#[test]
fn what_a_rename_could_not_put_is_told() {
    let filter = doc! { "user": { "n": 1, "name": "alice" }, "status": "open" };
    let rename = r#"[{"rename":{"Filter.user.n":"Tenant","Filter.user.name":"Filter.status.by"}}]"#;
    let record = after(rename, filter);
    assert_eq!(record.filter.as_deref(), Some(&doc! { "user": {}, "status": "open" }.into()));
    let not_set = doc! { "NotSet": ["Tenant", "Filter.status.by"] };
    assert_eq!(record.extra.as_deref(), Some(&not_set));
}

/// As they are in the filter of an application that writes paths.
#[test]
fn a_key_that_is_a_way_is_found_by_its_steps() {
    let of = |path: &str, filter: &Document| {
        let mut record = (*record("find", "orders", 1)).clone();
        record.filter = Some(Arc::new(filter.clone().into()));
        Bson::from(path.parse::<FieldPath>().unwrap().get(&record))
    };
    let filter = doc! {
        "user.email": 1, "user": { "name": 2 }, "items.0.sku": 3, "a": [{ "b.c": { "d": 4 } }],
        "x.y": { "z": 5 }, "x": { "y": 6, "w.v": 7 },
    };
    for (path, expected) in [
        ("Filter.user.email", Bson::Int32(1)),
        ("Filter.`user.email`", Bson::Int32(1)),
        ("Filter.user.name", Bson::Int32(2)),
        ("Filter.items.0.sku", Bson::Int32(3)),
        ("Filter.a.0.b.c.d", Bson::Int32(4)),
        ("Filter.x.y.z", Bson::Int32(5)),
        // What is nested goes before.
        ("Filter.x.y", Bson::Int32(6)),
        ("Filter.x.w.v", Bson::Int32(7)),
        ("Filter.user", doc! { "name": 2 }.into()),
        ("Filter.email", Bson::Null),
        ("Filter.`x`.`w`.`v`", Bson::Int32(7)),
    ] {
        assert_eq!(of(path, &filter), expected, "{path}");
    }
    let renamed = |path: &str| {
        let record = after(&format!(r#"[{{"rename":{{"{path}":"Extra.to"}}}}]"#), filter.clone());
        let left = record.filter.as_deref().unwrap().as_document().unwrap().clone();
        (record.extra.as_deref().map(|extra| extra.get("to").unwrap().clone()), left)
    };
    for (path, key) in [("Filter.user.email", "user.email"), ("Filter.items.0.sku", "items.0.sku")]
    {
        let (taken, left) = renamed(path);
        assert_eq!(taken.as_ref(), filter.get(key), "{path}");
        let mut expected = filter.clone();
        expected.remove(key);
        assert_eq!(left, expected);
    }
    let (taken, left) = renamed("Filter.a.0.b.c.d");
    assert_eq!(
        (taken, left.get_array("a").unwrap()),
        (Some(4.into()), &vec![doc! { "b.c": {} }.into()])
    );
    assert_eq!(renamed("Filter.user.none"), (None, filter.clone()));
}

#[test]
fn a_rename_takes_what_its_path_names_and_no_more() {
    let filter = doc! { "a": [[1, 2], [3, 4]], "user": { "email": 1 }, "user.email": 2 };
    let rename = r#"[{"rename":{"Filter.a.0":"Extra.A","Filter.user.email":"Extra.E"}}]"#;
    let record = after(rename, filter);
    let left: Document = doc! { "a": [[3, 4]], "user": {}, "user.email": 2 };
    assert_eq!(record.filter.as_deref(), Some(&left.into()));
    assert_eq!(record.extra.as_deref(), Some(&doc! { "A": [1, 2], "E": 1 }));
}

#[test]
fn an_own_field_takes_what_its_path_names_and_no_more() {
    let yaml_fields = r#"{"all":{
        "Filter.a.0":{"to":"Extra.A"}, "Filter.a.1":{"to":"Extra.B"},
        "Filter.user.email":{"to":"Extra.E"}, "Filter.list.x":{"to":"Extra.X"}
    }}"#;
    let settings: OwnFieldsSettings = serde_json::from_str(yaml_fields).unwrap();
    let fields = settings.build(WatcherName::Collection).unwrap().unwrap();
    let mut record = (*record("find_one", "orders", 1)).clone();
    let filter = doc! { "a": [1, [2, 3], 4], "user": {}, "user.email": 2, "list": [{ "x": 1 }] };
    record.filter = Some(Arc::new(filter.into()));
    let mut draft = Draft::new(Arc::new(record), at(0));
    fields.apply(&mut draft);
    let left: Document = doc! { "a": [4], "user": {}, "list": [{ "x": 1 }] };
    assert_eq!(draft.record().filter.as_deref(), Some(&left.into()));
    assert_eq!(draft.record().extra.as_deref(), Some(&doc! { "A": 1, "B": [2, 3], "E": 2 }));
}

#[test]
fn what_can_never_fit_is_refused() {
    for (step, expected) in [
        (
            r#"{"rename":{"Duration":"Tenant"}}"#,
            expect![[
                r#"[0].rename.Duration: nothing of `Duration` fits there: Tenant: expected a string, found a double"#
            ]],
        ),
        (
            r#"{"rename":{"DB":"Labels"}}"#,
            expect![[
                r#"[0].rename.DB: nothing of `DB` fits there: Labels: expected a document, found a string"#
            ]],
        ),
        (
            r#"{"rename":{"DB":"InsertedIds.x"}}"#,
            expect![[r#"[0].rename.DB: `InsertedIds` is a list: nothing can be put below it"#]],
        ),
        (
            r#"{"set":{"InsertedIds.x":1}}"#,
            expect![[
                r#"[0].set.InsertedIds.x: `InsertedIds` is a list: nothing can be put below it"#
            ]],
        ),
        (
            r#"{"set":{"Filter":{"template":"{DB}"}}}"#,
            expect![[r#"[0].set.Filter: Filter: expected a document or an array, found a string"#]],
        ),
        (
            r#"{"set":{"Actor":{"template":"{DB}"}}}"#,
            expect!["[0].set.Actor: Actor: expected a document, found a string"],
        ),
        (
            r#"{"set":{"Extra.a":1,"Extra.a.b":2}}"#,
            expect![[r#"[0].set.Extra.a.b: what stands above is no document"#]],
        ),
        (r#"{"set":{}}"#, expect![[r#"[0].set: expected at least one path with its value"#]]),
        (
            r#"{"rename":{}}"#,
            expect![[r#"[0].rename: expected at least one path with its new one"#]],
        ),
    ] {
        check_refused(&format!("[{step}]"), &expected);
    }
}

#[test]
fn records_are_grouped_by_parts_of_fields() {
    use crate::record::{Actor, Context};

    let rate = r#"[{"rate":{"by":["Actor.ID","Labels.team","Filter.status","Extra.Team","Extra.Count"],
        "quantiles":[],"sum":[]}}]"#;
    let mut steps = steps(rate);
    let mut count = |status: Bson, actor: Option<&str>| {
        let mut record = (*record("find", "orders", 1)).clone();
        record.filter = Some(Arc::new(doc! { "status": status, "n": 1 }.into()));
        record.extra = Some(Arc::new(doc! { "Team": "payments", "Count": 7 }));
        let labels = doc! { "team": "blue", "other": 1 };
        let context = Context { actor: actor.map(Actor::user), labels, ..Context::default() };
        record.context = Some(Arc::new(context));
        assert_eq!(steps.apply(&mut Draft::new(Arc::new(record), at(0))), Ok(()));
    };
    for _ in 0..2 {
        count("open".into(), Some("alice"));
    }
    count("open".into(), None);
    count(Bson::Null, None);
    count(1.into(), None);
    count("1".into(), None);
    let made = steps.finish(at(1));
    let told: Vec<_> = made
        .iter()
        .map(|(_, record)| {
            let of = |path: &str| Bson::from(path.parse::<FieldPath>().unwrap().get(record));
            let paths = [
                "Extra.Actor.ID",
                "Labels.team",
                "Filter.status",
                "Extra.Team",
                "Extra.Extra.Count",
            ];
            let values: Vec<_> = paths.into_iter().map(of).collect();
            (of("Extra.Count").as_i64().unwrap(), values)
        })
        .collect();
    let group = |n, actor: Bson, status: Bson| {
        (n, vec![actor, "blue".into(), status, "payments".into(), 7.into()])
    };
    let expected = [
        group(2, "alice".into(), "open".into()),
        group(1, Bson::Null, 1.into()),
        group(1, Bson::Null, "1".into()),
        group(1, Bson::Null, Bson::Null),
        group(1, Bson::Null, "open".into()),
    ];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    assert!(expected.iter().all(|group| told.contains(group)), "{told:?}");
}

#[test]
fn an_actor_takes_its_parts_when_its_kind_is_among_them() {
    let mut steps = steps(r#"[{"rate":{"by":["Actor.ID","Actor.Kind","WatcherName"],"sum":[]}}]"#);
    let mut record = (*record("find", "orders", 1)).clone();
    record.set(Field::Actor, bson!({ "Kind": "user", "ID": "alice" })).unwrap();
    assert_eq!(steps.apply(&mut Draft::new(Arc::new(record), at(0))), Ok(()));
    let made = steps.finish(at(1));
    let (_, record) = &made[0];
    assert_eq!(Bson::from(record.get(Field::Actor)), bson!({ "Kind": "user", "ID": "alice" }));
    let extra = record.extra.as_ref().unwrap();
    assert_eq!(extra.get("WatcherName"), Some(&"mongowatch.collection".into()));
    assert_eq!(record.watcher, WatcherName::Rate);
}

#[test]
fn missing_is_another_group_than_empty_or_null() {
    let mut steps = steps(r#"[{"limit":{"first":1,"by":["Filter.v"]}}]"#);
    let mut passes = |filter: Document| {
        let mut record = (*record("find", "orders", 1)).clone();
        record.filter = Some(Arc::new(filter.into()));
        steps.apply(&mut Draft::new(Arc::new(record), at(0))).is_ok()
    };
    let long = |last: &str| doc! { "v": "x".repeat(10_000) + last };
    let filters =
        [doc! {}, doc! { "v": null }, doc! { "v": "" }, doc! { "v": [] }, long("a"), long("b")];
    for filter in filters {
        assert!(passes(filter.clone()), "{filter}");
        assert!(!passes(filter));
    }
}

#[test]
fn long_values_of_a_group_are_told_cut() {
    let mut steps = steps(r#"[{"rate":{"by":["Filter","Tenant"],"sum":[]}}]"#);
    let mut record = (*record("find", "orders", 1)).clone();
    record.filter = Some(Arc::new(doc! { "v": "x".repeat(100_000) }.into()));
    record.set(Field::Tenant, "y".repeat(100_000).into()).unwrap();
    assert_eq!(steps.apply(&mut Draft::new(Arc::new(record), at(0))), Ok(()));
    let made = steps.finish(at(1));
    let (_, record) = &made[0];
    let tenant = format!("{}...(+99800)", "y".repeat(200));
    assert_eq!(record.get(Field::Tenant), Value::Str(&tenant));
    let filter = record.extra.as_ref().unwrap().get_str("Filter").unwrap().to_owned();
    assert!(filter.starts_with(r#"{"v":"xxx"#) && filter.ends_with("...(+99808)"), "{filter}");
}

#[test]
fn groups_by_what_is_no_one_place_are_refused() {
    for (step, expected) in [
        (
            r#"{"rate":{"by":["DB","Filter.*"]}}"#,
            expect!["[0].rate.by[1]: `Filter.*` may name several places, expected one"],
        ),
        (
            r#"{"limit":{"first":1,"by":["InsertedIds.0"]}}"#,
            expect!["[0].limit.by[0]: InsertedIds.0 is another one for each operation"],
        ),
    ] {
        check_refused(&format!("[{step}]"), &expected);
    }
    let error = serde_json::from_str::<Vec<StepSettings>>(r#"[{"rate":{"by":["Actor.Id"]}}]"#);
    let expected = "path `Actor.Id`, column 7: `Actor` has `Kind`, `ID` and `Name`, not `Id`";
    let error = error.unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}
