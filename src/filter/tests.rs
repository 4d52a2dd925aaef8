//! The steps at work.

use std::sync::Arc;

use expect_test::{Expect, expect};
use mongodb::bson::doc;

use super::*;
use crate::{
    format::json,
    record::{Iteration, Phase, Timestamp, WatchMessage, WatcherName},
};

const SECOND: i64 = 1_000_000;

fn record(operation: &'static str, collection: &str, millis: u64) -> Arc<WatchMessage> {
    let start = Timestamp::from_micros(1_714_564_800 * SECOND);
    let mut record = WatchMessage::new(WatcherName::Collection, operation, start);
    record.db = Some("shop".into());
    record.collection = Some(collection.into());
    record.duration = Some(std::time::Duration::from_millis(millis));
    record.counts.inserted = Some(2);
    record.iteration = Iteration::Final(Some(1));
    record.phase = Phase::Final;
    Arc::new(record)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_714_564_800 + seconds) * SECOND)
}

fn lines(made: Vec<Made>) -> String {
    let mut out = Vec::new();
    for (place, mut record) in made {
        record.id = "018f3423-2660-7000-8000-000000000000".parse().unwrap();
        out.extend_from_slice(format!("{place}: ").as_bytes());
        json::line(&record, &mut out);
    }
    String::from_utf8(out).unwrap()
}

fn check_rate(settings: RateSettings, expected: &Expect) {
    let settings = [StepSettings::Rate(settings)];
    let mut steps = Steps::build(&settings, &NamedFilters::default()).unwrap();
    assert_eq!(steps.due(), None);
    for n in 0..100 {
        let _ = steps.apply(&mut Draft::new(record("insert_many", "orders", n), at(61)));
    }
    let _ = steps.apply(&mut Draft::new(record("insert_many", "people", 5_000), at(70)));
    let mut open = (*record("insert_many", "people", 5_000)).clone();
    open.iteration = Iteration::Update(1);
    let _ = steps.apply(&mut Draft::new(Arc::new(open), at(70)));
    assert!(steps.collect(at(119)).is_empty());
    expected.assert_eq(&lines(steps.collect(at(121))));
    assert_eq!(steps.due(), None);
}

#[test]
fn a_rate_sums_up_by_its_fields() {
    check_rate(
        RateSettings::default(),
        &expect![[r#"
            0: {"WatcherName":"mongowatch.rate","WatchID":"018f3423-2660-7000-8000-000000000000","Iteration":"final","StartTime":"2024-05-01T12:01:00.000000Z","EndTime":"2024-05-01T12:02:00.000000Z","DB":"shop","Collection":"orders","Operation":"insert_many","InsertedCount":200,"Outcome":"ok","Extra":{"Count":100,"Rate":1.6666666666666667,"Rates":{"InsertedCount":3.3333333333333335},"Duration":{"Sum":4.95,"Min":0.0,"Max":0.099,"P50":0.049151,"P95":0.094207,"P99":0.098303}},"Seq":0}
            0: {"WatcherName":"mongowatch.rate","WatchID":"018f3423-2660-7000-8000-000000000000","Iteration":"final","StartTime":"2024-05-01T12:01:00.000000Z","EndTime":"2024-05-01T12:02:00.000000Z","DB":"shop","Collection":"people","Operation":"insert_many","InsertedCount":2,"Outcome":"ok","Extra":{"Count":1,"Rate":0.016666666666666666,"Rates":{"InsertedCount":0.03333333333333333},"Duration":{"Sum":5.0,"Min":5.0,"Max":5.0,"P50":5.0,"P95":5.0,"P99":5.0}},"Seq":0}
        "#]],
    );
}

#[test]
fn a_rate_sums_up_what_finds_no_place() {
    let settings = RateSettings { max_keys: 1, quantiles: vec![], ..RateSettings::default() };
    check_rate(
        settings,
        &expect![[r#"
            0: {"WatcherName":"mongowatch.rate","WatchID":"018f3423-2660-7000-8000-000000000000","Iteration":"final","StartTime":"2024-05-01T12:01:00.000000Z","EndTime":"2024-05-01T12:02:00.000000Z","DB":"shop","Collection":"orders","Operation":"insert_many","InsertedCount":200,"Outcome":"ok","Extra":{"Count":100,"Rate":1.6666666666666667,"Rates":{"InsertedCount":3.3333333333333335},"Duration":{"Sum":4.95,"Min":0.0,"Max":0.099}},"Seq":0}
            0: {"WatcherName":"mongowatch.rate","WatchID":"018f3423-2660-7000-8000-000000000000","Iteration":"final","StartTime":"2024-05-01T12:01:00.000000Z","EndTime":"2024-05-01T12:02:00.000000Z","Operation":"rate","InsertedCount":2,"Outcome":"ok","Extra":{"Count":1,"Rate":0.016666666666666666,"Rates":{"InsertedCount":0.03333333333333333},"Duration":{"Sum":5.0,"Min":5.0,"Max":5.0},"Overflow":true},"Seq":0}
        "#]],
    );
}

#[test]
fn a_rate_tells_of_an_unfinished_period_at_the_end() {
    let settings = [StepSettings::Rate(RateSettings::default())];
    let mut steps = Steps::build(&settings, &NamedFilters::default()).unwrap();
    assert_eq!(steps.apply(&mut Draft::new(record("find", "orders", 1), at(60))), Ok(()));
    let made = steps.finish(at(70));
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].1.start_time, at(60));
    assert_eq!(made[0].1.end_time, Some(at(70)));
    assert_eq!(made[0].1.extra.as_ref().unwrap().get("Rate"), doc! { "Rate": 0.1 }.get("Rate"));
}

#[test]
fn what_the_watcher_tells_of_itself_cannot_be_dropped() {
    let settings = [StepSettings::Level("off".parse().unwrap())];
    let mut steps = Steps::build(&settings, &NamedFilters::default()).unwrap();
    assert_eq!(steps.apply(&mut Draft::new(record("find", "orders", 1), at(0))), Err(0));
    let own = WatchMessage::new(WatcherName::Watcher, "audit_configure", at(0));
    assert_eq!(steps.apply(&mut Draft::new(Arc::new(own), at(0))), Ok(()));
}

#[test]
fn a_filter_in_code_is_asked_by_its_name() {
    struct Slow;
    impl Filter for Slow {
        fn apply(&mut self, draft: &mut Draft) -> Verdict {
            Verdict::pass_if(draft.record().duration.is_some_and(|time| time.as_secs() > 0))
        }
    }
    let mut filters = NamedFilters::default();
    filters.add("slow", || Box::new(Slow));
    let mut steps = Steps::build(&[StepSettings::Filter("slow".into())], &filters).unwrap();
    assert_eq!(steps.names().collect::<Vec<_>>(), ["1-filter"]);
    assert_eq!(steps.apply(&mut Draft::new(record("find", "orders", 1_000), at(0))), Ok(()));
    assert_eq!(steps.apply(&mut Draft::new(record("find", "orders", 999), at(0))), Err(0));

    let fault = Steps::build(&[StepSettings::Filter("slwo".into())], &filters).unwrap_err();
    expect!["[0].filter: no filter of the name `slwo` was registered: did you mean `slow`?"]
        .assert_eq(&fault.to_string());
}

#[test]
fn settings_out_of_range_are_refused_with_their_place() {
    let check = |settings: RateSettings, expected: &Expect| {
        let steps = Steps::build(&[StepSettings::Rate(settings)], &NamedFilters::default());
        expected.assert_eq(&steps.unwrap_err().to_string());
    };
    let every = std::time::Duration::from_millis(10);
    check(
        RateSettings { every, ..RateSettings::default() },
        &expect!["[0].rate.every: expected a duration between 1s and 24h"],
    );
    check(
        RateSettings { max_keys: 0, ..RateSettings::default() },
        &expect!["[0].rate.max_keys: expected between 1 and 100000"],
    );
    check(
        RateSettings { quantiles: vec![0.5, 99.0], ..RateSettings::default() },
        &expect!["[0].rate.quantiles[1]: found 99, expected between 0 and 1"],
    );
    check(
        RateSettings { by: vec![crate::Field::WatchId], ..RateSettings::default() },
        &expect!["[0].rate.by[0]: WatchID is another one for each operation"],
    );
    check(
        RateSettings { sum: vec![crate::Field::Db], ..RateSettings::default() },
        &expect!["[0].rate.sum[0]: DB is no number of documents or bytes"],
    );
}

#[test]
fn a_mask_that_remembers_makes_what_one_makes_that_does_not() {
    use mongodb::bson::{Bson, Document};

    let masked = |mask: &mut Mask, filter: &Document| {
        let mut record = (*record("find", "orders", 1)).clone();
        record.filter = Some(Arc::new(filter.clone().into()));
        let mut draft = Draft::new(Arc::new(record), at(0));
        assert_eq!(mask.apply(&mut draft), Verdict::Pass);
        (draft.record().filter.as_deref().cloned(), draft.record().redacted)
    };
    let filters = [
        doc! {},
        doc! { "a": 1 },
        doc! { "a": 2 },
        doc! { "a": "secret" },
        doc! { "a": "other" },
        doc! { "a": ["x", 1] },
        doc! { "a": ["y", 2] },
        doc! { "a": { "b": "x", "c": 1 } },
        doc! { "a": { "b": "y" }, "c": 2 },
        doc! { "ab": "?", "c": 3 },
        doc! { "a": "?", "bc": 3 },
    ];
    for fields in ["Filter", "Filter.a", "Filter.**.b"] {
        for keep in [None, Some("Filter.a.b")] {
            let mut settings = MaskSettings::new(fields.parse::<FieldPath>().unwrap());
            settings.count = true;
            if let Some(keep) = keep {
                settings.keep = keep.parse::<FieldPath>().unwrap().into();
            }
            let mut remembers = settings.build().unwrap();
            for filter in filters.iter().chain(&filters) {
                let fresh = masked(&mut settings.build().unwrap(), filter);
                assert_eq!(masked(&mut remembers, filter), fresh, "{fields} of {filter}");
                if fields == "Filter" && keep.is_none() {
                    let text = Bson::from(filter.clone()).to_string();
                    let made = fresh.0.unwrap().to_string();
                    assert!(!made.contains("secret") && !made.contains("other"), "{text} {made}");
                }
            }
        }
    }
}
