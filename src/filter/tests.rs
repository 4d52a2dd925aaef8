//! The steps at work.

use std::sync::Arc;

use expect_test::{Expect, expect};
use mongodb::bson::doc;

mod combine;
mod holds;
mod properties;
mod transform;

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
        RateSettings { by: crate::record::Field::WatchId.into(), ..RateSettings::default() },
        &expect!["[0].rate.by[0]: WatchID is another one for each operation"],
    );
    check(
        RateSettings { sum: vec![crate::record::Field::Db], ..RateSettings::default() },
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

/// What becomes of a record: its line, or the name of the step that dropped it.
fn check_steps(steps: &str, expected: &Expect) {
    let settings: Vec<StepSettings> = serde_json::from_str(steps).unwrap();
    for step in &settings {
        step.check().unwrap();
    }
    let written = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<Vec<StepSettings>>(&written).unwrap(), settings);
    let mut steps = Steps::build(&settings, &NamedFilters::default()).unwrap();
    let mut record = (*record("find", "orders", 1)).clone();
    record.id = "018f3423-2660-7000-8000-000000000000".parse().unwrap();
    let filter = doc! {
        "status": "open", "email": "alice@example.com", "user": { "card": "4111111111111111", "n": 1 },
        "$or": [{ "note": "a long text" }, { "ids": [1, 2, 3, 4] }],
    };
    record.filter = Some(Arc::new(filter.into()));
    let shared = Arc::new(record);
    let before = (*shared).clone();
    let mut draft = Draft::new(Arc::clone(&shared), at(0));
    let line = match steps.apply(&mut draft) {
        Ok(()) => {
            let mut line = Vec::new();
            json::line(draft.record(), &mut line);
            String::from_utf8(line).unwrap()
        }
        Err(place) => format!("dropped by {}\n", steps.names().nth(place).unwrap()),
    };
    assert_eq!(*shared, before, "the record of the other routes has changed");
    expected.assert_eq(&line);
}

fn check_refused(steps: &str, expected: &Expect) {
    let settings: Vec<StepSettings> = serde_json::from_str(steps).unwrap();
    let built = Steps::build(&settings, &NamedFilters::default()).unwrap_err();
    expected.assert_eq(&built.to_string());
}

#[test]
fn fields_are_dropped_kept_and_renamed() {
    check_steps(
        r#"[{"drop":["Filter.user.card","Duration"]}]"#,
        &expect![[r#"
        {"WatcherName":"mongowatch.collection","WatchID":"018f3423-2660-7000-8000-000000000000","Iteration":"final(1)","StartTime":"2024-05-01T12:00:00.000000Z","DB":"shop","Collection":"orders","Operation":"find","Filter":{"status":"open","email":"alice@example.com","user":{"n":1},"$or":[{"note":"a long text"},{"ids":[1,2,3,4]}]},"InsertedCount":2,"Seq":0}
    "#]],
    );
    check_steps(
        r#"[{"drop":"Filter"}]"#,
        &expect![[r#"
        {"WatcherName":"mongowatch.collection","WatchID":"018f3423-2660-7000-8000-000000000000","Iteration":"final(1)","StartTime":"2024-05-01T12:00:00.000000Z","DB":"shop","Collection":"orders","Operation":"find","Duration":0.001000,"InsertedCount":2,"Seq":0}
    "#]],
    );
    check_steps(
        r#"[{"keep":["Collection","Filter.user.n"]}]"#,
        &expect![[r#"
        {"WatcherName":"mongowatch.collection","WatchID":"018f3423-2660-7000-8000-000000000000","Iteration":"final(1)","StartTime":"2024-05-01T12:00:00.000000Z","Collection":"orders","Operation":"find","Filter":{"user":{"n":1},"$or":[{},{"ids":[]}]},"Seq":0}
    "#]],
    );
    check_steps(
        r#"[{"rename":{"Filter.email":"Filter.account","Duration":"Extra.Seconds","DB":"Tenant"}}]"#,
        &expect![[r#"
            {"WatcherName":"mongowatch.collection","WatchID":"018f3423-2660-7000-8000-000000000000","Iteration":"final(1)","StartTime":"2024-05-01T12:00:00.000000Z","Collection":"orders","Operation":"find","Filter":{"status":"open","user":{"card":"4111111111111111","n":1},"$or":[{"note":"a long text"},{"ids":[1,2,3,4]}],"account":"alice@example.com"},"InsertedCount":2,"Tenant":"shop","Extra":{"Seconds":0.001},"Seq":0}
        "#]],
    );
    // A number is no name of a tenant.
    check_steps(
        r#"[{"rename":{"Filter.user.n":"Tenant","Filter.nothing":"Reason"}}]"#,
        &expect![[r#"
            {"WatcherName":"mongowatch.collection","WatchID":"018f3423-2660-7000-8000-000000000000","Iteration":"final(1)","StartTime":"2024-05-01T12:00:00.000000Z","DB":"shop","Collection":"orders","Operation":"find","Filter":{"status":"open","email":"alice@example.com","user":{"card":"4111111111111111"},"$or":[{"note":"a long text"},{"ids":[1,2,3,4]}]},"Duration":0.001000,"InsertedCount":2,"Extra":{"NotSet":["Tenant"]},"Seq":0}
        "#]],
    );
    check_refused(
        r#"[{"drop":["Collection","WatchID"]}]"#,
        &expect!["[0].drop[1]: `WatchID` tells the record from others: it stays as it is"],
    );
    check_refused(
        r#"[{"drop":[]}]"#,
        &expect!["[0].drop: expected at least one path, such as `Filter`"],
    );
    check_refused(
        r#"[{"rename":{"Filter.*":"Extra.a"}}]"#,
        &expect!["[0].rename.Filter.*: `Filter.*` may name several places, expected one"],
    );
    check_refused(
        r#"[{"rename":{"DB":"MatchedCount"}}]"#,
        &expect!["[0].rename.DB: `MatchedCount` is measured: nothing else can stand there"],
    );
    check_refused(
        r#"[{"rename":{"DB":1}}]"#,
        &expect!["[0].rename.DB: expected a path, such as `Extra.Team`"],
    );
    check_refused(
        r#"[{"rename":{"DB":"Name"}}]"#,
        &expect![
            "[0].rename.DB: path `Name`, column 1: unknown field `Name`: did you mean `AppName`?"
        ],
    );
}

#[test]
fn values_are_set() {
    check_steps(
        r#"[{"set":{"Extra.Team":"payments","Tenant":"acme","Extra.Where.NS":{"template":"{DB}.{Collection}"},
            "Labels.n":{"a":[1,{"$date":"2026-01-31T00:00:00Z"}]}}}]"#,
        &expect![[r#"
            {"WatcherName":"mongowatch.collection","WatchID":"018f3423-2660-7000-8000-000000000000","Iteration":"final(1)","StartTime":"2024-05-01T12:00:00.000000Z","DB":"shop","Collection":"orders","Operation":"find","Filter":{"status":"open","email":"alice@example.com","user":{"card":"4111111111111111","n":1},"$or":[{"note":"a long text"},{"ids":[1,2,3,4]}]},"Duration":0.001000,"InsertedCount":2,"Tenant":"acme","Labels":{"n":{"a":[1,{"$date":"2026-01-31T00:00:00Z"}]}},"Extra":{"Team":"payments","Where":{"NS":"shop.orders"}},"Seq":0}
        "#]],
    );
    check_refused(
        r#"[{"set":{"Team":"payments"}}]"#,
        &expect![
            "[0].set.Team: path `Team`, column 1: unknown field `Team`: fields of your own are under `Extra`: `Extra.Team`"
        ],
    );
    check_refused(
        r#"[{"set":{"Extra.T":{"template":"{Colection}"}}}]"#,
        &expect![
            "[0].set.Extra.T.template: template, column 2: unknown field `Colection`: did you mean `Collection`?"
        ],
    );
    check_refused(
        r#"[{"set":{"Extra.T":{"env":"MONGOWATCH_NOT_SET"}}}]"#,
        &expect!["[0].set.Extra.T.env: the environment variable `MONGOWATCH_NOT_SET` is not set"],
    );
    check_refused(
        r#"[{"set":{"Reason":5}}]"#,
        &expect!["[0].set.Reason: Reason: expected a string, found an integer"],
    );
    check_refused(
        r#"[{"set":{"Extra.a":{"env":"A","template":"B"}}}]"#,
        &expect!["[0].set.Extra.a: expected `env` alone, found 2 keys"],
    );
    check_refused(
        r#"[{"set":{"Extra.a":{"template":5}}}]"#,
        &expect!["[0].set.Extra.a.template: expected a text"],
    );
    check_refused(
        r#"[{"set":{"Seq":1}}]"#,
        &expect!["[0].set.Seq: `Seq` tells the record from others: it stays as it is"],
    );
}

#[test]
fn texts_and_lists_are_cut() {
    check_steps(
        r#"[{"truncate":{"fields":["Filter","Collection"],"max_chars":5,"max_items":2}}]"#,
        &expect![[r#"
            {"WatcherName":"mongowatch.collection","WatchID":"018f3423-2660-7000-8000-000000000000","Iteration":"final(1)","StartTime":"2024-05-01T12:00:00.000000Z","DB":"shop","Collection":"orders","Operation":"find","Filter":{"status":"open","email":"alice...(+12)","user":{"card":"41111...(+11)","n":1},"$or":[{"note":"a long text"},{"ids":[1,2,3,4]}]},"Duration":0.001000,"InsertedCount":2,"Seq":0}
        "#]],
    );
    check_steps(
        r#"[{"truncate":"Filter"},{"match":{"Filter.status":"closed"}}]"#,
        &expect![[r#"
        dropped by 2-match
    "#]],
    );
    check_refused(
        r#"[{"truncate":"Duration"}]"#,
        &expect!["[0].truncate.fields[0]: `Duration` is measured: it can be dropped, not altered"],
    );
}

#[test]
fn a_sample_has_its_part_and_all_versions_of_an_operation() {
    let settings: Vec<StepSettings> = serde_json::from_str(
        r#"[{"sample":{"ratio":0.25,"always":{"Duration":{"$gt":4}}}},{"sample":1},{"sample":0.5}]"#,
    )
    .unwrap();
    let of =
        |place: usize| Steps::build(&settings[place..=place], &NamedFilters::default()).unwrap();
    let (mut quarter, mut all, mut half) = (of(0), of(1), of(2));
    let mut n_passed = 0;
    for n in 0..10_000 {
        let mut first = (*record("find", "orders", 1)).clone();
        first.id = crate::record::WatchId::at(at(n));
        let passes = |steps: &mut Steps, record: &WatchMessage| {
            steps.apply(&mut Draft::new(Arc::new(record.clone()), at(0))).is_ok()
        };
        let is_among = passes(&mut quarter, &first);
        n_passed += u32::from(is_among);
        assert!(passes(&mut all, &first));
        // A smaller sample is a part of a larger one.
        assert!(!is_among || passes(&mut half, &first));
        let mut last = first.clone();
        last.iteration = Iteration::Final(Some(7));
        assert_eq!(passes(&mut quarter, &last), is_among);
        last.duration = Some(std::time::Duration::from_secs(5));
        assert!(passes(&mut quarter, &last));
    }
    // Of 10,000 with a chance of a quarter: 8 standard deviations around 2,500.
    assert!((2_150..2_850).contains(&n_passed), "{n_passed}");
    check_refused(
        r#"[{"sample":1.5}]"#,
        &expect!["[0].sample.ratio: found 1.5, expected a ratio between 0 and 1"],
    );
    check_refused(
        r#"[{"sample":{"ratio":0,"always":{"Colection":1}}}]"#,
        &expect![
            "[0].sample.always.Colection: unknown field `Colection`: did you mean `Collection`?"
        ],
    );
}

#[test]
fn a_limit_lets_the_first_through_and_then_some() {
    let settings: Vec<StepSettings> = serde_json::from_str(
        r#"[{"limit":{"first":2,"then_every":3,"per":"10s","report":true,"max_keys":2,
            "always":{"Operation":"drop"}}}]"#,
    )
    .unwrap();
    let mut steps = Steps::build(&settings, &NamedFilters::default()).unwrap();
    let mut passed = |operation: &'static str, collection: &str, seconds: i64| {
        let mut draft = Draft::new(record(operation, collection, 1), at(seconds));
        steps.apply(&mut draft).ok().map(|()| {
            let extra = draft.record().extra.clone();
            extra.map_or(0, |extra| extra.get_i64("Suppressed").unwrap())
        })
    };
    let orders: Vec<_> = (0..9).map(|_| passed("find", "orders", 0)).collect();
    assert_eq!(orders, [Some(0), Some(0), None, None, Some(2), None, None, Some(2), None]);
    assert_eq!(passed("drop", "orders", 0), Some(0));
    assert_eq!(passed("find", "people", 0), Some(0));
    // The third kind and the fourth share a place.
    assert_eq!(passed("find", "a", 0), Some(0));
    assert_eq!(passed("find", "b", 0), Some(0));
    assert_eq!(passed("find", "a", 0), None);
    // The next period.
    assert_eq!(passed("find", "orders", 10), Some(1));
    check_refused(
        r#"[{"limit":{"first":2,"per":"10ms"}}]"#,
        &expect!["[0].limit.per: expected a duration between 1s and 24h"],
    );
    check_refused(
        r#"[{"limit":{"first":2,"then_every":0}}]"#,
        &expect!["[0].limit.then_every: expected at least 1"],
    );
    check_refused(
        r#"[{"limit":{"first":2,"by":["Seq"]}}]"#,
        &expect!["[0].limit.by[0]: Seq is another one for each operation"],
    );
}
