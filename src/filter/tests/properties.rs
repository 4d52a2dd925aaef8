//! What holds for steps whatever records they get.

use std::collections::BTreeMap;

use mongodb::bson::{Binary, Bson, Document, spec::BinarySubtype};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::{
    format::extjson,
    record::{Actor, Context, ErrorInfo, Field, Outcome, Value, WatchId},
};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zé]{0,40}",
        "[a-zé]{0,30}\\.\\.\\.\\(\\+[0-9]{1,25}\\)",
        "[A-Za-z0-9+/]{0,30}\\.\\.\\.\\(\\+[0-9]{1,3} bytes\\)",
        "[a-z]{0,1}\\.\\.\\.\\(\\+[0-9]{1,21} items\\)",
    ]
}

fn value() -> impl Strategy<Value = Bson> {
    let leaf = prop_oneof![
        text().prop_map(Bson::String),
        text().prop_map(Bson::Symbol),
        text().prop_map(Bson::JavaScriptCode),
        vec(any::<u8>(), 0..60)
            .prop_map(|bytes| Binary { subtype: BinarySubtype::Generic, bytes }.into()),
        any::<i32>().prop_map(Bson::Int32),
        any::<bool>().prop_map(Bson::Boolean),
        any::<f64>().prop_map(Bson::Double),
        Just(Bson::Null),
    ];
    leaf.prop_recursive(4, 60, 12, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..12).prop_map(Bson::Array),
            document_of(inner).prop_map(Bson::Document),
        ]
    })
}

fn document_of(value: impl Strategy<Value = Bson>) -> impl Strategy<Value = Document> {
    let key = select(vec!["a", "b", "c", "a.b", "$set", "0", "team", "Count"]);
    vec((key, value), 0..5).prop_map(|entries| {
        entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    })
}

fn document() -> impl Strategy<Value = Document> {
    document_of(value())
}

/// A record of which any part may be known.
fn any_record() -> impl Strategy<Value = WatchMessage> {
    let queries = (
        option::of(prop_oneof![
            document().prop_map(Bson::Document),
            vec(value(), 0..4).prop_map(Bson::Array),
        ]),
        option::of(document()),
        option::of(vec(value(), 0..4)),
    );
    let context = (option::of(text()), option::of(text()), document());
    let rest = (option::of(document()), option::of(0..5_000_u64), option::of(text()));
    (queries, context, rest).prop_map(|((filter, update, ids), (actor, tenant, labels), rest)| {
        let mut record = (*record("find", "orders", 1)).clone();
        record.filter = filter.map(Arc::new);
        record.update = update.map(|update| Arc::new(update.into()));
        record.inserted_ids = ids.map(Arc::new);
        let actor = actor.map(|id| Actor::user(id).name("Alice"));
        let context = Context { actor, tenant, labels, ..Context::default() };
        record.context = (context != Context::default()).then(|| Arc::new(context));
        let (extra, millis, message) = rest;
        record.extra = extra.map(Arc::new);
        record.duration = millis.map(std::time::Duration::from_millis);
        record.error = message
            .map(|message| ErrorInfo { message: Some(message), ..ErrorInfo::default() }.into());
        record.outcome = Some(Outcome::Ok);
        record
    })
}

fn made(json: &str) -> Steps {
    let settings: Vec<StepSettings> = serde_json::from_str(json).unwrap();
    Steps::build(&settings, &NamedFilters::default()).unwrap()
}

fn apply(json: &str, record: &WatchMessage) -> WatchMessage {
    let mut draft = Draft::new(Arc::new(record.clone()), at(0));
    made(json).apply(&mut draft).unwrap();
    draft.record().clone()
}

fn length(value: &Bson) -> usize {
    let mut text = Vec::new();
    extjson::value(value, &mut text);
    text.len()
}

/// How many characters, or items at the top of a list, a value had before it was cut.
fn whole(value: &Bson) -> Option<u64> {
    let number = |text: &str, unit| -> Option<u64> {
        text.strip_suffix(unit)?.rsplit_once("...(+")?.1.parse().ok()
    };
    match value {
        Bson::String(text) => {
            let body = text.rsplit_once("...(+").map_or(&**text, |(body, _)| body);
            number(text, ")").map(|n| n + body.chars().count() as u64)
        }
        Bson::Array(items) => {
            let last = items.last()?.as_str()?;
            number(last, " items)").map(|n| n + items.len() as u64 - 1)
        }
        _ => None,
    }
}

/// The values of a record that are no documents or lists, by the keys that lead to them, and how often
/// each is there.
fn leaves(record: &WatchMessage) -> BTreeMap<(String, String), usize> {
    fn add(path: &str, value: &Bson, leaves: &mut BTreeMap<(String, String), usize>) {
        match value {
            Bson::Document(document) => {
                for (key, value) in document {
                    add(&format!("{path}/{key}"), value, leaves);
                }
            }
            Bson::Array(items) => items.iter().for_each(|item| add(path, item, leaves)),
            leaf => *leaves.entry((path.to_owned(), leaf.to_string())).or_default() += 1,
        }
    }
    let mut leaves = BTreeMap::new();
    for field in Field::ALL {
        let value = record.get(*field);
        if !value.is_missing() {
            add(field.name(), &value.into(), &mut leaves);
        }
    }
    leaves
}

const PATHS: [&str; 16] = [
    "Filter",
    "Filter.a",
    "Filter.a.b",
    "Filter.*",
    "Filter.*.b",
    "Filter.**.a",
    "Filter.0",
    "*.c",
    "**.b",
    "Update.$set",
    "InsertedIds.0",
    "Labels.team",
    "Actor.ID",
    "Actor",
    "Tenant",
    "Extra",
];

const TARGETS: [&str; 14] = [
    "Filter",
    "Filter.a",
    "Filter.a.b.c",
    "Filter.0",
    "Update.$set.x",
    "Options.a",
    "Labels.team",
    "Labels",
    "Actor",
    "Tenant",
    "Extra.a",
    "Extra.a.b",
    "InsertedIds",
    "Reason",
];

const SOURCES: [&str; 14] = [
    "Filter",
    "Filter.a",
    "Filter.a.b",
    "Filter.0",
    "Filter.0.a",
    "Update",
    "InsertedIds.0",
    "Labels.team",
    "Actor.ID",
    "Actor",
    "Tenant",
    "Extra.a",
    "Duration",
    "ErrorMessage",
];

/// The field in which a path leads.
fn root(path: &str) -> Field {
    path.split('.').next().unwrap().parse().unwrap()
}

/// Nothing but these fields has changed, and Extra perhaps by what could not be set.
fn check_untouched(
    before: &WatchMessage,
    after: &WatchMessage,
    touched: &[&str],
) -> Result<(), TestCaseError> {
    let of = |field| touched.iter().filter(|path| root(path) == field).collect::<Vec<_>>();
    for field in Field::ALL.iter().filter(|field| **field != Field::Extra) {
        if of(*field).is_empty() {
            prop_assert_eq!(after.get(*field), before.get(*field), "{}", field);
        }
    }
    // Keys beside those that the paths begin with stay too.
    for field in [Field::Filter, Field::Labels, Field::Extra, Field::Update] {
        let first = |path: &&str| path.split('.').nth(1).map(str::to_owned);
        let paths = of(field);
        let keys: Option<Vec<String>> = paths.into_iter().map(first).collect();
        let Some(keys) = keys else { continue };
        let (Bson::Document(before), after) =
            (Bson::from(before.get(field)), Bson::from(after.get(field)))
        else {
            continue;
        };
        // A key may be the beginning of a path: `a.b`.
        let is_named = |key: &str| {
            key.split('.').next().is_some_and(|first| keys.iter().any(|named| named == first))
        };
        for (key, value) in before.iter().filter(|(key, _)| !is_named(key)) {
            let after = after.as_document().and_then(|after| after.get(key));
            // NaN is not equal to itself.
            let texts = (after.map(ToString::to_string), Some(value.to_string()));
            prop_assert_eq!(texts.0, texts.1, "{}.{}", field, key);
        }
    }
    Ok(())
}

/// A `limit` as its documentation says it, with lists instead of tables.
#[derive(Default)]
struct Limits {
    first: u64,
    then_every: Option<u64>,
    max_keys: usize,
    second: i64,
    /// Kind, how many came, how many were kept back and are not yet told.
    now: Vec<(u8, u64, u64)>,
    others: (u64, u64),
    earlier: Vec<(u8, u64)>,
    n_forgotten: u64,
}

impl Limits {
    /// Does it pass, and what is told then of its kind and of others?
    fn pass(&mut self, kind: u8, second: i64) -> Option<(u64, u64)> {
        if second != self.second {
            self.second = second;
            let last = std::mem::take(&mut self.now);
            let last: Vec<_> =
                last.iter().filter(|(.., n)| *n > 0).map(|(k, _, n)| (*k, *n)).collect();
            if self.earlier.len() + last.len() > self.max_keys {
                self.n_forgotten += self.earlier.drain(..).map(|(_, n)| n).sum::<u64>();
            }
            self.earlier.extend(last);
            self.others.0 = 0;
        }
        if !self.now.iter().any(|(known, ..)| *known == kind) && self.now.len() < self.max_keys {
            let place = self.earlier.iter().position(|(known, _)| *known == kind);
            let n_untold = place.map_or(0, |place| self.earlier.remove(place).1);
            self.now.push((kind, 0, n_untold));
        }
        let own = self.now.iter_mut().find(|(known, ..)| *known == kind);
        let is_own = own.is_some();
        let (n_seen, n_untold) = match own {
            Some((_, n_seen, n_untold)) => (n_seen, n_untold),
            None => (&mut self.others.0, &mut self.others.1),
        };
        *n_seen += 1;
        let passes = *n_seen <= self.first
            || self.then_every.is_some_and(|every| (*n_seen - self.first).is_multiple_of(every));
        if !passes {
            *n_untold += 1;
            return None;
        }
        let n_untold = std::mem::take(n_untold);
        let of_own = if is_own { n_untold } else { 0 };
        Some((of_own, std::mem::take(&mut self.n_forgotten) + n_untold - of_own))
    }

    fn n_untold(&self) -> u64 {
        let now: u64 = self.now.iter().map(|(.., n)| n).sum();
        let earlier: u64 = self.earlier.iter().map(|(_, n)| n).sum();
        now + earlier + self.others.1 + self.n_forgotten
    }
}

proptest! {
    #[test]
    fn a_cut_is_never_longer_counts_right_and_changes_nothing_twice(
        value in value(), max_chars in 0..20_usize, max_items in 0..6_usize, fewer in 0..20_usize,
    ) {
        let step = |max_chars, max_items| format!(
            r#"[{{"truncate":{{"fields":"Filter","max_chars":{max_chars},"max_items":{max_items}}}}}]"#
        );
        let mut record = (*record("find", "orders", 1)).clone();
        record.filter = Some(Arc::new(doc! { "v": value }.into()));
        let of = |record: &WatchMessage| record.filter.as_deref().unwrap().clone();
        let once = apply(&step(max_chars, max_items), &record);
        prop_assert!(length(&of(&once)) <= length(&of(&record)), "{} {}", of(&record), of(&once));
        let twice = apply(&step(max_chars, max_items), &once);
        prop_assert_eq!(of(&once).to_string(), of(&twice).to_string());
        // Cut at once, or in two steps: as much is said to be missing.
        let less = step(max_chars.min(fewer), max_items.min(fewer));
        let (at_once, in_two) = (apply(&less, &record), apply(&less, &once));
        let v = |record| of(record).as_document().unwrap().get("v").unwrap().clone();
        if let (Some(at_once), Some(in_two)) = (whole(&v(&at_once)), whole(&v(&in_two))) {
            prop_assert_eq!(at_once, in_two, "{} {} {}", of(&record), of(&once), less);
        }
    }

    #[test]
    fn a_text_that_is_cut_says_what_is_missing(text in "[a-zé(+.]{0,60}", max_chars in 0..30_usize) {
        let step = format!(r#"[{{"truncate":{{"fields":"Tenant","max_chars":{max_chars}}}}}]"#);
        let mut record = (*record("find", "orders", 1)).clone();
        record.set(Field::Tenant, text.clone().into()).unwrap();
        let after = apply(&step, &record);
        let Value::Str(after) = after.get(Field::Tenant) else { panic!() };
        let n_chars = text.chars().count();
        if after == text {
            let mark = format!("...(+{})", n_chars.saturating_sub(max_chars));
            prop_assert!(n_chars <= max_chars + mark.len());
        } else {
            let kept: String = text.chars().take(max_chars).collect();
            prop_assert_eq!(after, format!("{kept}...(+{})", n_chars - max_chars));
        }
    }

    #[test]
    fn keep_and_drop_share_a_record_between_them(
        record in any_record(), paths in vec(select(PATHS.to_vec()), 1..4),
    ) {
        let paths = serde_json::to_string(&paths).unwrap();
        let dropped = leaves(&apply(&format!(r#"[{{"drop":{paths}}}]"#), &record));
        let kept = leaves(&apply(&format!(r#"[{{"keep":{paths}}}]"#), &record));
        let whole = leaves(&record);
        for (leaf, n) in &whole {
            let count = |leaves: &BTreeMap<_, _>| leaves.get(leaf).copied().unwrap_or(0);
            let (in_dropped, in_kept) = (count(&dropped), count(&kept));
            let is_both = leaf.0 == "Actor/Kind" || [
                "WatcherName", "WatchID", "Iteration", "StartTime", "Operation", "Seq",
            ].contains(&leaf.0.as_str());
            if is_both {
                prop_assert!(in_dropped + in_kept >= *n, "{:?}", leaf);
            } else {
                prop_assert_eq!(in_dropped + in_kept, *n, "{:?}", leaf);
            }
        }
        for leaf in dropped.keys().chain(kept.keys()) {
            prop_assert!(whole.contains_key(leaf), "{:?}", leaf);
        }
    }

    #[test]
    fn set_touches_its_places_alone(
        record in any_record(), target in select(TARGETS.to_vec()), value in value(),
        is_template in any::<bool>(),
    ) {
        let values = match is_template {
            true => doc! { target: { "template": "{DB} {Filter}" } },
            false => doc! { target: value },
        };
        let step = StepSettings::Set(values.into());
        if let Ok(mut steps) = Steps::build(&[step], &NamedFilters::default()) {
            let mut draft = Draft::new(Arc::new(record.clone()), at(0));
            prop_assert_eq!(steps.apply(&mut draft), Ok(()));
            check_untouched(&record, draft.record(), &[target, "Extra.NotSet"])?;
        }
    }

    #[test]
    fn rename_touches_its_places_alone(
        record in any_record(), from in select(SOURCES.to_vec()), to in select(TARGETS.to_vec()),
    ) {
        let step = StepSettings::Rename(doc! { from: to }.into());
        if let Ok(mut steps) = Steps::build(&[step], &NamedFilters::default()) {
            let mut draft = Draft::new(Arc::new(record.clone()), at(0));
            prop_assert_eq!(steps.apply(&mut draft), Ok(()));
            check_untouched(&record, draft.record(), &[from, to, "Extra.NotSet"])?;
            let value: FieldPath = from.parse().unwrap();
            if value.get(&record).is_missing() {
                prop_assert_eq!(
                    format!("{:?}", leaves(draft.record())), format!("{:?}", leaves(&record))
                );
            }
        }
    }

    #[test]
    fn a_limit_does_as_its_model(
        first in 0..3_u64, then_every in option::of(1..4_u64), max_keys in 1..4_usize,
        report in any::<bool>(), acts in vec((0..6_u8, 0..3_i64), 0..80),
    ) {
        let then = then_every.map_or_else(String::new, |every| format!(r#","then_every":{every}"#));
        let mut steps = made(&format!(
            r#"[{{"limit":{{"first":{first},"max_keys":{max_keys},"report":{report}{then}}}}}]"#
        ));
        let mut model = Limits { first, then_every, max_keys, ..Limits::default() };
        let (mut second, mut n_dropped, mut n_told) = (1, 0, 0);
        for (kind, later) in acts {
            second += i64::from(later == 2);
            let mut draft = Draft::new(record("find", &format!("c{kind}"), 1), at(second));
            let passes = steps.apply(&mut draft).is_ok();
            let expected = model.pass(kind, second);
            prop_assert_eq!(passes, expected.is_some());
            let extra = draft.record().extra.as_deref().cloned().unwrap_or_default();
            let number = |key| u64::try_from(extra.get_i64(key).unwrap_or(0)).unwrap();
            let told = (number("Suppressed"), number("SuppressedOthers"));
            prop_assert_eq!(told, expected.filter(|_| report).unwrap_or_default());
            n_dropped += u64::from(!passes);
            n_told += told.0 + told.1;
        }
        if report {
            prop_assert_eq!(n_told + model.n_untold(), n_dropped);
        }
    }

    #[test]
    fn a_sample_takes_all_versions_and_grows_with_its_ratio(
        micros in 0..4_000_000_000_000_000_i64, smaller in 0.0..=1.0_f64, larger in 0.0..=1.0_f64,
    ) {
        let mut first = (*record("find", "orders", 1)).clone();
        first.id = WatchId::at(Timestamp::from_micros(micros));
        let mut last = first.clone();
        last.iteration = Iteration::Final(Some(9));
        last.collection = None;
        let passes = |ratio: f64, record: &WatchMessage| {
            let mut step = SampleSettings::new(ratio).build().unwrap();
            step.apply(&mut Draft::new(Arc::new(record.clone()), at(0))) == Verdict::Pass
        };
        let (smaller, larger) = (smaller.min(larger), smaller.max(larger));
        prop_assert_eq!(passes(smaller, &first), passes(smaller, &last));
        prop_assert!(!passes(smaller, &first) || passes(larger, &first));
        prop_assert!(passes(1.0, &first) && !passes(0.0, &first));
    }
}

#[test]
fn a_sample_has_its_ratio() {
    for ratio in [0.01, 0.1, 0.5, 0.9] {
        let mut step = SampleSettings::new(ratio).build().unwrap();
        let mut n_passed = 0_u32;
        for n in 0..20_000 {
            let mut record = (*record("find", "orders", 1)).clone();
            record.id = WatchId::at(at(n));
            let draft = &mut Draft::new(Arc::new(record), at(0));
            n_passed += u32::from(step.apply(draft) == Verdict::Pass);
        }
        // Six standard deviations.
        let (expected, deviation) = (20_000.0 * ratio, (20_000.0 * ratio * (1.0 - ratio)).sqrt());
        assert!((f64::from(n_passed) - expected).abs() < 6.0 * deviation, "{ratio}: {n_passed}");
    }
}
