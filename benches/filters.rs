//! What the steps of a route cost: predicates, masks, shapes, rates, and the load of a configuration.
//!
//! `cargo bench --bench filters`; each line `RESULT filters.name=value unit`. A time is the processor
//! time of the thread, for one record, as the median of 15 rounds; a busy neighbour counts little.

use std::{hint::black_box, sync::Arc, time::Duration};

use mongowatch::{
    Iteration, Phase, Settings, Shaper, Timestamp, WatchMessage, WatcherName,
    bson::{Document, doc, oid::ObjectId},
    filter::{
        Draft, FieldPath, Filter, MaskSettings, Matcher, NamedFilters, Query, RateSettings,
        StepSettings, Steps,
    },
};

const ROUNDS: usize = 15;

fn main() {
    // `cargo test --benches` runs this too; it is not a test.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    predicates();
    mask();
    shapes();
    route();
    #[cfg(feature = "script")]
    script();
    load();
}

/// Processor time of this thread.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// The median time of one call, of rounds with so many calls each.
fn median(n_calls: usize, mut round: impl FnMut(usize)) -> Duration {
    round(n_calls);
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = cpu();
            round(n_calls);
            cpu() - start
        })
        .collect();
    times.sort_unstable();
    times[ROUNDS / 2] / u32::try_from(n_calls).expect("rounds are short")
}

#[expect(clippy::cast_precision_loss, reason = "times are small")]
fn nanos(name: &str, n_calls: usize, round: impl FnMut(usize)) {
    println!("RESULT filters.{name}={:.0} ns", median(n_calls, round).as_nanos() as f64);
}

/// A filter with six keys and nine values.
fn filter(number: i32) -> Document {
    doc! {
        "status": "open",
        "email": format!("alice{number}@example.com"),
        "year": { "$gte": 2_000 + number, "$lt": 2_030 },
        "tags": { "$in": ["news", "sport", "weather"] },
        "owner": ObjectId::from_bytes([7; 12]),
        "active": true,
    }
}

fn record(number: i32) -> Arc<WatchMessage> {
    let start = Timestamp::from_micros(1_714_564_800_060_000);
    let mut record = WatchMessage::new(WatcherName::Cursor, "find", start);
    record.iteration = Iteration::Final(Some(2));
    record.phase = Phase::Final;
    record.db = Some("shop".into());
    record.collection = Some("news".into());
    record.duration = Some(Duration::from_millis(12_000));
    record.counts.matched = Some(12);
    record.filter = Some(Arc::new(filter(number).into()));
    Arc::new(record)
}

fn predicates() {
    let record = record(1);
    let check = |name: &str, query: Document| {
        let matcher = Matcher::for_records(&query).expect("the query is valid");
        assert!(matcher.matches(&record), "{query}");
        nanos(name, 100_000, |n| {
            for _ in 0..n {
                black_box(matcher.matches(black_box(&record)));
            }
        });
    };
    check("match_2_ns", doc! { "Collection": "news", "Duration": { "$gt": 10 } });
    check(
        "match_6_ns",
        doc! {
            "DB": { "$in": ["shop", "store"] },
            "$or": [{ "Operation": "delete_many" }, { "Operation": "find" }],
            "Collection": { "$regex": "^ne" },
            "MatchedCount": { "$not": { "$lt": 5 } },
            "Filter.email": { "$exists": true },
            "Duration": { "$gte": 10 },
        },
    );
}

fn mask() {
    let path: FieldPath = "Filter".parse().expect("a path");
    let mut mask = MaskSettings::new(path).build().expect("valid settings");
    let record = record(1);
    let now = record.start_time;
    nanos("mask_6_new_ns", 2_000, |n| {
        for _ in 0..n {
            // A mask that has seen nothing yet.
            let mut mask = MaskSettings::new("Filter".parse::<FieldPath>().expect("a path"))
                .build()
                .expect("valid settings");
            let mut draft = Draft::new(Arc::clone(&record), now);
            let _ = black_box(mask.apply(&mut draft));
            black_box(draft);
        }
    });
    nanos("mask_6_ns", 20_000, |n| {
        for _ in 0..n {
            let mut draft = Draft::new(Arc::clone(&record), now);
            let _ = black_box(mask.apply(&mut draft));
            black_box(draft);
        }
    });
}

fn shapes() {
    let record = record(1);
    nanos("shape_new_ns", 2_000, |n| {
        for _ in 0..n {
            // Nothing has been seen by a shaper without memory.
            black_box(Shaper::new(0).shape(black_box(&record)));
        }
    });
    let shaper = Shaper::default();
    nanos("shape_seen_ns", 20_000, |n| {
        for _ in 0..n {
            black_box(shaper.shape(black_box(&record)));
        }
    });
}

fn route() {
    let path: FieldPath = "Filter".parse().expect("a path");
    let steps = [
        StepSettings::Match(Query::from(doc! { "Collection": "news", "Duration": { "$gt": 10 } })),
        StepSettings::Mask(MaskSettings::new(path)),
        StepSettings::Rate(RateSettings::default()),
    ];
    let mut steps = Steps::build(&steps, &NamedFilters::default()).expect("valid steps");
    let records: Vec<_> = (0..16).map(record).collect();
    let now = records[0].start_time;
    nanos("route_ns", 20_000, |n| {
        for number in 0..n {
            let mut draft = Draft::new(Arc::clone(&records[number % 16]), now);
            black_box(steps.apply(&mut draft)).expect("it passes");
            black_box(draft);
        }
    });
}

#[cfg(feature = "script")]
fn script() {
    use mongowatch::filter::ScriptSettings;

    let code = r#"
        if record.Collection == "news" && record.Duration > 1.0 { record.Extra.Slow = true; }
        record.DB != "admin"
    "#;
    let mut script = ScriptSettings::new(code).build().expect("a valid script");
    let records: Vec<_> = (0..16).map(record).collect();
    let now = records[0].start_time;
    nanos("script_ns", 2_000, |n| {
        for number in 0..n {
            let mut draft = Draft::new(Arc::clone(&records[number % 16]), now);
            let _ = black_box(script.apply(&mut draft));
            black_box(draft);
        }
    });
}

fn load() {
    let mut yaml = String::from("layers:\n");
    for number in 0..100 {
        yaml += &format!(
            "- csv:
    name: route-{number}
    path: logs/{number}.csv
    steps:
    - match: {{Collection: news{number}, Duration: {{$gt: 10}}, Operation: {{$in: [find, aggregate]}}}}
    - match: {{'Filter.email': {{$regex: '@example\\.com$'}}}}
    - mask: {{fields: [Filter, Update], keep: [Filter.status]}}
    - rate: {{every: 60s, by: [DB, Collection]}}
"
        );
    }
    let time = median(1, |n| {
        for _ in 0..n {
            let settings = Settings::from_yaml_str(&yaml, "100.yaml").expect("a valid file");
            for layer in &settings.layers {
                let steps = Steps::build(layer.steps(), &NamedFilters::default());
                black_box(steps.expect("valid steps"));
            }
        }
    });
    println!("RESULT filters.load_100_routes_ms={:.1} ms", time.as_secs_f64() * 1e3);
}
