//! Random records with a secret at every place: no `mask` and no `hash` lets one through.

use std::sync::Arc;

use mongodb::bson::{
    Binary, Bson, DateTime, Document, JavaScriptCodeWithScope, Regex, doc, oid::ObjectId,
    spec::BinarySubtype,
};
use proptest::prelude::*;

use super::{Mask, MaskMode, MaskSettings};
use crate::{
    filter::{
        Draft, FieldPath, FieldPaths, Filter, HashSettings, KeySource, PatternSettings, Secret,
        Verdict, edit::DEPTH_MAX, path::Kind,
    },
    format::{csv::CsvRows, json},
    record::{Field, Timestamp, WatchMessage, WatcherName},
};

const TEXT: &str = "xqzcanaryqzx";
const NUMBER: i64 = 987_654_321_987;
const ID: &str = "c0ffeec0ffeec0ffeec0ffee";

/// The secrets in all the forms in which a record could show them.
const FORMS: &[&str] = &[
    TEXT,
    "987654321987",
    // In units of another size, as a date, as a timestamp, with an exponent.
    "987654321",
    "2001-04-19T04:25:21",
    "9.87654321987",
    ID,
    // The text's bytes: in base64, as numbers, in hexadecimal digits.
    "eHF6Y2FuYXJ5cXp4",
    "120, 113, 122, 99, 97",
    "78717a63616e61",
];

const MODES: [MaskMode; 4] = [MaskMode::Type, MaskMode::Fixed, MaskMode::Partial, MaskMode::Hash];

/// Keys of queries, updates, pipelines and options, among them ones that are no ordinary ones.
const KEYS: &[&str] = &[
    "a",
    "status",
    "user.email",
    "items.$[].n",
    "",
    ".",
    "$eq",
    "$in",
    "$not",
    "$regex",
    "$options",
    "$where",
    "$text",
    "$search",
    "$function",
    "body",
    "args",
    "$elemMatch",
    "$set",
    "$push",
    "$each",
    "$expr",
    "$match",
    "$lookup",
    "pipeline",
    "let",
    "comment",
    "hint",
    "?string",
    "0",
    "_id",
];

const SECRET_KEYS: &[&str] =
    &["password", "user.userPassword", "API_KEY", "accessTokens", "credentials", "x.token.y"];

fn regex(pattern: &str, options: &str) -> Bson {
    Bson::RegularExpression(Regex {
        pattern: pattern.to_owned().try_into().unwrap(),
        options: options.to_owned().try_into().unwrap(),
    })
}

fn with_scope(code: &str, scope: Document) -> Bson {
    Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope { code: code.to_owned(), scope })
}

fn bytes(text: &str) -> Bson {
    Binary { subtype: BinarySubtype::Generic, bytes: text.as_bytes().to_vec() }.into()
}

fn pointer(namespace: &str) -> Bson {
    let id = serde_json::json!({ "$oid": "65f0a1b2c3d4e5f601234567" });
    let pointer = serde_json::json!({ "$dbPointer": { "$ref": namespace, "$id": id } });
    Bson::try_from(pointer).unwrap()
}

/// A text in each type that can hold one.
fn in_each_type(text: &str) -> Vec<Bson> {
    vec![
        text.into(),
        Bson::Symbol(text.into()),
        Bson::JavaScriptCode(text.into()),
        with_scope(text, doc! {}),
        with_scope("f()", doc! { "a": [{ "b": text }] }),
        with_scope("f()", doc! { text: 1 }),
        regex(text, "i"),
        regex("x", text),
        bytes(text),
        pointer(text),
    ]
}

/// The secret in each type.
fn secrets() -> Vec<Bson> {
    let mut secrets = in_each_type(TEXT);
    secrets.extend([
        NUMBER.into(),
        (NUMBER as f64).into(),
        Bson::Decimal128(NUMBER.to_string().parse().unwrap()),
        Bson::Decimal128("9.87654321987E+30".parse().unwrap()),
        DateTime::from_millis(NUMBER).into(),
        Bson::Timestamp(mongodb::bson::Timestamp { time: 987_654_321, increment: 1 }),
        ID.parse::<ObjectId>().unwrap().into(),
    ]);
    secrets
}

fn secret() -> impl Strategy<Value = Bson> {
    prop::sample::select(secrets())
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(KEYS).prop_map(str::to_owned)
}

fn within(leaf: impl Strategy<Value = Bson> + 'static) -> impl Strategy<Value = Bson> {
    leaf.prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Bson::Array),
            prop::collection::vec((key(), inner), 0..4)
                .prop_map(|fields| Bson::Document(fields.into_iter().collect())),
        ]
    })
}

/// A document with secrets.
fn document() -> impl Strategy<Value = Document> {
    prop::collection::vec((key(), within(secret())), 1..4)
        .prop_map(|fields| fields.into_iter().collect())
}

/// May a mask be asked for this field?
fn is_alterable(field: Field) -> bool {
    !matches!(Kind::of(field), Kind::Identity | Kind::Measured)
}

/// Every field that a mask can reach holds secrets.
fn record(parts: &[Document; 3]) -> WatchMessage {
    let mut record = WatchMessage::new(WatcherName::Collection, "find", Timestamp::from_micros(0));
    for (place, field) in Field::ALL.iter().filter(|field| is_alterable(**field)).enumerate() {
        let part = &parts[place % parts.len()];
        let value: Bson = match (Kind::of(*field), field) {
            (Kind::Actor, _) => doc! { "Kind": "user", "ID": TEXT, "Name": TEXT }.into(),
            (_, Field::InsertedIds) => part.values().cloned().collect::<Vec<_>>().into(),
            (Kind::Open, _) => part.clone().into(),
            _ => format!("dup key: {{ a: \"{TEXT}\" }}").into(),
        };
        record.set(*field, value).unwrap();
    }
    record
}

fn all_fields() -> FieldPaths {
    Field::ALL
        .iter()
        .filter(|field| is_alterable(**field))
        .map(|field| FieldPath::of(*field))
        .collect()
}

fn key_of_hashes(_: &KeySource) -> Result<Secret, crate::filter::Fault> {
    Secret::new("0123456789abcdef")
}

fn mask(fields: impl Into<FieldPaths>, mode: MaskMode) -> MaskSettings {
    let mut settings = MaskSettings::new("Filter".parse::<FieldPath>().unwrap());
    settings.fields = fields.into();
    (settings.mode, settings.count) = (mode, true);
    settings.key = (mode == MaskMode::Hash).then(|| KeySource::Env("KEY".into()));
    settings
}

fn build(settings: &MaskSettings) -> Mask {
    settings.build_with(key_of_hashes).unwrap()
}

fn path(path: &str) -> FieldPath {
    path.parse().unwrap()
}

fn applied(filter: &mut impl Filter, record: &Arc<WatchMessage>) -> WatchMessage {
    let mut draft = Draft::new(Arc::clone(record), Timestamp::from_micros(0));
    assert_eq!(filter.apply(&mut draft), Verdict::Pass);
    draft.record().clone()
}

/// A record in every way in which it leaves the process, and as those who look for errors see it.
fn shown(record: &WatchMessage) -> String {
    let mut out = Vec::new();
    json::line(record, &mut out);
    CsvRows::new(Field::ALL).row(record, &mut out);
    let mut text = String::from_utf8(out).unwrap();
    text += &format!("{record:?} {:#?}", record);
    for field in Field::ALL {
        let value = record.get(*field);
        text += &format!("{value:?} {}", Bson::from(value));
    }
    text
}

/// Which form of the secrets is in the record?
fn leaked(record: &WatchMessage) -> Option<String> {
    let text = shown(record);
    let (form, at) = FORMS.iter().find_map(|form| Some((form, text.find(*form)?)))?;
    let from = text[..at].char_indices().rev().nth(80).map_or(0, |(at, _)| at);
    Some(format!("{form} in ..{}", &text[from..at + form.len()]))
}

fn n_leaves(value: &Bson) -> u64 {
    match value {
        Bson::Document(document) => document.values().map(n_leaves).sum(),
        Bson::Array(items) => items.iter().map(n_leaves).sum(),
        _ => 1,
    }
}

/// The same keys and lists with other values.
fn with_leaves(document: &Document, leaves: &mut impl Iterator<Item = Bson>) -> Document {
    fn value(old: &Bson, leaves: &mut impl Iterator<Item = Bson>) -> Bson {
        match old {
            Bson::Document(document) => with_leaves(document, leaves).into(),
            Bson::Array(items) => items.iter().map(|item| value(item, leaves)).collect(),
            _ => leaves.next().unwrap(),
        }
    }
    document.iter().map(|(key, old)| (key.clone(), value(old, leaves))).collect()
}

/// What a mask by types makes of a value, for a path `**.secret`.
fn by_types(value: &Bson, is_inside: bool) -> Bson {
    match value {
        Bson::Document(document) => {
            let field = |(key, value): (&String, &Bson)| {
                let is_inside = is_inside || key.split('.').any(|part| part == "secret");
                (key.clone(), by_types(value, is_inside))
            };
            Bson::Document(document.iter().map(field).collect())
        }
        Bson::Array(items) => items.iter().map(|item| by_types(item, is_inside)).collect(),
        leaf if is_inside => super::type_name(&crate::filter::edit::view(leaf)).into(),
        leaf => leaf.clone(),
    }
}

/// A value below so many documents, or lists.
fn nested(mut value: Bson, depth: usize, is_list: bool) -> Bson {
    for _ in 0..depth {
        value = if is_list { vec![value].into() } else { doc! { "a": value }.into() };
    }
    value
}

#[test]
fn the_search_finds_each_form_of_the_secrets() {
    let parts = [doc! { "a": TEXT }, doc! {}, doc! {}];
    assert!(leaked(&record(&parts)).is_some());
    for value in in_each_type(TEXT).into_iter().chain([NUMBER.into(), (NUMBER as f64).into()]) {
        let start = Timestamp::from_micros(0);
        let mut record = WatchMessage::new(WatcherName::Collection, "find", start);
        record.filter = Some(Arc::new(doc! { "a": value.clone() }.into()));
        assert!(leaked(&record).is_some(), "{value}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_secret_passes_a_mask_or_a_hash(
        parts in [document(), document(), document()], mode in prop::sample::select(&MODES[..]),
    ) {
        let record = Arc::new(record(&parts));
        let (before, shared) = ((*record).clone(), Arc::clone(&record));
        let mut mask = build(&mask(all_fields(), mode));
        let masked = applied(&mut mask, &record);
        prop_assert_eq!(leaked(&masked), None);
        // The record of the other routes has not changed.
        prop_assert_eq!(&*shared, &before);

        // Each value is counted, but for the kinds of the two actors.
        let all = Field::ALL.iter().filter(|field| is_alterable(**field));
        let n_values: u64 = all.map(|field| n_leaves(&record.get(*field).into())).sum();
        prop_assert_eq!(masked.redacted, Some(n_values - 2));

        // What is remembered makes the same as what is not.
        prop_assert_eq!(&applied(&mut mask, &record), &masked);
        mask.memo = None;
        prop_assert_eq!(&applied(&mut mask, &record), &masked);
        if matches!(mode, MaskMode::Type | MaskMode::Fixed) {
            mask.count = false;
            let again = applied(&mut mask, &Arc::new(masked.clone()));
            prop_assert_eq!(&again, &masked);
        }

        let mut settings = HashSettings::new(path("Filter"), KeySource::Env("KEY".into()));
        (settings.fields, settings.count) = (all_fields(), true);
        let hashed = applied(&mut settings.build_with(key_of_hashes).unwrap(), &record);
        prop_assert_eq!(leaked(&hashed), None);
        prop_assert_eq!(hashed.redacted, Some(n_values - 2));
    }

    /// Values of one type share what was remembered; those of another one do not.
    #[test]
    fn a_mask_that_remembers_others_makes_what_a_new_one_makes(
        parts in [document(), document(), document()],
        others in prop::collection::vec(any::<prop::sample::Index>(), 1..12),
        texts in prop::collection::vec(prop::sample::select(&["?", "?string", "?number", TEXT][..]), 3),
    ) {
        let mut leaves = secrets();
        leaves.extend(texts.into_iter().map(Bson::from));
        // The same structure with values of other types.
        let like = |place: usize| {
            let mut leaves = others.iter().cycle().skip(place).map(|other| other.get(&leaves).clone());
            parts.each_ref().map(|part| with_leaves(part, &mut leaves))
        };
        for mode in [MaskMode::Type, MaskMode::Fixed] {
            let settings = mask(all_fields(), mode);
            let mut remembers = build(&settings);
            for place in 0..others.len() {
                let record = Arc::new(record(&like(place)));
                let fresh = applied(&mut build(&settings), &record);
                prop_assert_eq!(applied(&mut remembers, &record), fresh);
            }
        }
    }

    #[test]
    fn what_is_to_be_kept_stays_and_nothing_else(
        parts in [document(), document(), document()], kept in within(any::<i32>().prop_map(|int| Bson::from(int % 100))),
        mode in prop::sample::select(&MODES[..]),
    ) {
        let mut record = record(&parts);
        let list = vec![Bson::from(doc! { "kept": kept.clone(), "secret": TEXT }), TEXT.into()];
        let mut filter = parts[0].clone();
        filter.extend(doc! { "kept": kept.clone(), "list": list, "kept2": TEXT, "x": { "kept": TEXT } });
        record.filter = Some(Arc::new(filter.into()));
        let mut settings = mask(all_fields(), mode);
        settings.keep = [path("Filter.kept"), path("Filter.list.kept")].into_iter().collect();
        let masked = applied(&mut build(&settings), &Arc::new(record));
        prop_assert_eq!(leaked(&masked), None);
        let filter = masked.filter.as_ref().unwrap().as_document().unwrap();
        prop_assert_eq!(filter.get("kept"), Some(&kept));
        let first = filter.get_array("list").unwrap()[0].as_document().unwrap();
        prop_assert_eq!(first.get("kept"), Some(&kept));
    }

    #[test]
    fn a_path_names_what_lies_below_it_at_any_depth(
        parts in [document(), document(), document()], at in prop::collection::vec(key(), 0..4),
        name in prop::sample::select(&["secret", "secret.a", "a.secret", "a.secret.0"][..]),
    ) {
        let mut value = Bson::from(doc! { name: parts[1].clone(), "open": 1 });
        for key in &at {
            value = vec![Bson::from(doc! { key: value })].into();
        }
        let mut filter = parts[0].clone();
        filter.extend(doc! { "list": value, "secret": parts[2].clone() });
        let before = Bson::from(filter);
        let mut record = record(&parts);
        record.filter = Some(Arc::new(before.clone()));
        let masked = applied(
            &mut build(&mask(path("Filter.**.secret"), MaskMode::Type)), &Arc::new(record),
        );
        prop_assert_eq!(masked.filter.as_deref(), Some(&by_types(&before, false)));
    }

    #[test]
    fn below_the_name_of_a_secret_nothing_passes_a_mask_by_patterns(
        below in within(secret()), above in prop::collection::vec((key(), any::<bool>()), 0..6),
        name in prop::sample::select(SECRET_KEYS),
    ) {
        let mut value = Bson::from(doc! { name: [below, Bson::from(TEXT)], "$gt": 1 });
        for (key, is_list) in above {
            let list = || vec![Bson::Null, value.clone()].into();
            value = doc! { key: if is_list { list() } else { value.clone() } }.into();
        }
        for field in [Field::Filter, Field::Update, Field::Options, Field::Extra] {
            let mut record = WatchMessage::new(
                WatcherName::Collection, "find", Timestamp::from_micros(0),
            );
            record.set(field, value.clone()).unwrap();
            prop_assert!(leaked(&record).is_some());
            let mut settings = mask(all_fields(), MaskMode::Type);
            settings.patterns = vec![PatternSettings::Token];
            prop_assert_eq!(leaked(&applied(&mut build(&settings), &Arc::new(record))), None);
        }
    }

    /// By a path, or by a pattern: both follow the sense of operators.
    #[test]
    fn operators_and_expressions_hide_no_named_field(
        below in within(secret()), is_beside: bool, is_path: bool,
        reference in prop::sample::select(&[
            r#""$token""#, r#""$$ROOT.token""#, r#""$$each.token""#, r#"{ "$getField": "token" }"#,
            r#"{ "$toLower": "$token.a" }"#, r#"{ "$ifNull": [{ "$trim": { "input": "$token" } }, 1] }"#,
        ][..]),
        function in prop::sample::select(&["$eq", "$in", "$cond", "$regexMatch", "$concat"][..]),
        above in prop::collection::vec(
            (prop::sample::select(&["$expr", "$and", "$or", "$match", "$not", "$elemMatch", "$set"][..]),
             any::<bool>()),
            0..5,
        ),
    ) {
        let reference: serde_json::Value = serde_json::from_str(reference).unwrap();
        let reference = Bson::try_from(reference).unwrap();
        let mut value = Bson::from(match (is_beside, is_path) {
            (true, true) => doc! { function: [reference, below, TEXT] },
            (true, false) => doc! { function: { "input": reference, "x": [below, TEXT] } },
            (false, _) => doc! { "token": [below, TEXT], "open": 1 },
        });
        for (key, is_list) in above {
            value = doc! { key: if is_list { vec![value].into() } else { value } }.into();
        }
        let mut record =
            WatchMessage::new(WatcherName::Collection, "find", Timestamp::from_micros(0));
        record.filter = Some(Arc::new(value));
        let mut settings = mask(path(if is_path { "Filter.token" } else { "Filter" }), MaskMode::Type);
        if !is_path {
            settings.patterns = vec![PatternSettings::Token];
        }
        prop_assert_eq!(leaked(&applied(&mut build(&settings), &Arc::new(record))), None);
    }

    /// Texts and keys that nobody thought of are read without a panic, and end.
    #[test]
    fn any_text_can_be_looked_at(
        text in "(\\PC|[{}\\[\\]()=:\"'`@./\\\\ 0-9]|password|token|://|bearer ){0,40}", any in ".*",
    ) {
        let mut settings = mask(path("Filter"), MaskMode::Partial);
        settings.patterns =
            vec![PatternSettings::Card, PatternSettings::Email, PatternSettings::Token];
        let mut mask = build(&settings);
        for text in [&text, &any] {
            let start = Timestamp::from_micros(0);
            let mut record = WatchMessage::new(WatcherName::Collection, "find", start);
            // A value behind a name is covered, whatever stands before the name.
            let named = format!("{text} password={TEXT}");
            let below = doc! { format!("{text}_password"): TEXT };
            record.filter = Some(Arc::new(
                doc! { text: text, "named": named, "below": below, "$where": text }.into(),
            ));
            let masked = applied(&mut mask, &Arc::new(record));
            prop_assert_eq!(leaked(&masked), None);
        }
    }

    /// What has no form of a secret is shared with the other routes, as it is.
    #[test]
    fn what_is_no_secret_passes_a_mask_by_patterns(parts in [document(), document(), document()]) {
        let record = Arc::new(record(&parts));
        let mut settings = mask(all_fields(), MaskMode::Type);
        settings.patterns =
            vec![PatternSettings::Card, PatternSettings::Email, PatternSettings::Token];
        prop_assert_eq!(&applied(&mut build(&settings), &record), &*record);
    }

    #[test]
    fn a_pattern_is_found_in_each_type_and_in_keys(
        // No word of these letters makes a key secret, which would count as well.
        before in "([a-e]{1,9} )?", after in "( [a-e]{1,9})?",
        secret in prop::sample::select(&[
            "4111111111111111", "5500-0055-5555-5559", "3782 822463 10005", "ada@example.com",
            "AKIAIOSFODNN7EXAMPLE", "ghp_abcdefghijklmnopqrst0123",
            "0123456789abcdef0123456789abcdef", "eyJhbGciOiJIUzI1.eyJzdWIiOiIx.c2ln",
        ][..]),
        mode in prop::sample::select(&MODES[..]),
    ) {
        let text = format!("{before}{secret}{after}");
        let mut settings = mask(path("Filter"), mode);
        settings.patterns =
            vec![PatternSettings::Card, PatternSettings::Email, PatternSettings::Token];
        let mut mask = build(&settings);
        let as_key = Bson::from(doc! { text.clone(): 1 });
        for value in in_each_type(&text).into_iter().chain([as_key]) {
            let start = Timestamp::from_micros(0);
            let mut record = WatchMessage::new(WatcherName::Collection, "find", start);
            record.filter = Some(Arc::new(doc! { "$in": [value.clone()] }.into()));
            let masked = applied(&mut mask, &Arc::new(record));
            let shown = shown(&masked);
            prop_assert!(!shown.contains(secret), "{value}: {shown}");
            prop_assert_eq!(masked.redacted, Some(1));
            if let Bson::Binary(binary) = value {
                let base64 = Bson::Binary(binary).to_string();
                prop_assert!(!shown.contains(&base64));
            }
        }
    }

    #[test]
    fn what_is_too_deep_goes_with_its_field(
        depth in DEPTH_MAX - 3..DEPTH_MAX + 4, is_list: bool, value in secret(),
        mode in prop::sample::select(&MODES[..]), has_path: bool, has_patterns: bool,
    ) {
        let value = nested(value, depth, is_list);
        let mut record = WatchMessage::new(WatcherName::Collection, "find", Timestamp::from_micros(0));
        record.filter = Some(Arc::new(doc! { "password": value }.into()));
        let fields = if has_path { "Filter.**.password" } else { "Filter" };
        let mut settings = mask(path(fields), mode);
        if has_patterns {
            settings.patterns = vec![PatternSettings::Token];
        }
        let masked = applied(&mut build(&settings), &Arc::new(record));
        prop_assert_eq!(leaked(&masked), None);
        prop_assert_eq!(masked.filter.is_none(), depth >= DEPTH_MAX);
        prop_assert_eq!(masked.redacted, Some(1));
    }
}
