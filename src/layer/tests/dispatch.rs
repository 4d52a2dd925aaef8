use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use mongodb::bson::doc;
use tracing_core::{Dispatch, Event, Level, LevelFilter, Subscriber};
use tracing_subscriber::{
    Layer, Registry,
    filter::Targets,
    layer::{Context, SubscriberExt as _},
};

use super::{Memory, record};
use crate::{
    layer::{EventLevel, Levels, Outlet, dispatch, event, record_of},
    record::{Field, Outcome, Phase, Timestamp, WatchMessage, WatcherName},
};

/// Remembers target and level of what it is given.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl<S: Subscriber> Layer<S> for Seen {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        self.0.lock().unwrap().push(format!("{} {}", metadata.level(), metadata.target()));
    }
}

fn of(watcher: WatcherName, phase: Phase) -> Arc<WatchMessage> {
    let mut record = WatchMessage::new(watcher, "find", Timestamp::from_micros(0));
    record.phase = phase;
    Arc::new(record)
}

#[test]
fn target_and_level_follow_the_watcher_and_the_phase() {
    let seen = Seen::default();
    let outlet = Outlet::from_layer("seen", Levels::default(), seen.clone());
    for watcher in WatcherName::ALL {
        for phase in Phase::ALL {
            assert!(outlet.send(&of(*watcher, *phase), None));
        }
        let expected = ["DEBUG", "DEBUG", "INFO", "INFO"].map(|level| format!("{level} {watcher}"));
        assert_eq!(seen.take(), expected);
    }
}

#[test]
fn each_level_can_be_chosen_and_off_is_one_of_them() {
    let seen = Seen::default();
    for level in EventLevel::ALL {
        let levels = Levels { timeout: *level, ..Levels::default() };
        let outlet = Outlet::from_layer("seen", levels, seen.clone());
        let is_taken = outlet.send(&of(WatcherName::Cursor, Phase::Timeout), None);
        assert_eq!(is_taken, *level != EventLevel::Off);
        let expected: Vec<_> =
            level.level().map(|level| format!("{level} mongowatch.cursor")).into_iter().collect();
        assert_eq!(seen.take(), expected);
    }
}

#[test]
fn a_foreign_layer_sees_each_known_field_with_its_type() {
    let memory = Memory::default();
    let writer = memory.clone();
    let layer = tracing_subscriber::fmt::layer().json().with_writer(move || writer.clone());
    let outlet = Outlet::from_layer("foreign", Levels::default(), layer);
    let mut record = WatchMessage::clone(&record(7));
    record.filter = Some(Arc::new(doc! { "a": { "$gt": 1 } }.into()));
    record.set(Field::Duration, 0.25.into()).unwrap();
    assert!(outlet.send(&Arc::new(record.clone()), None));

    let event: serde_json::Value = serde_json::from_str(&memory.text()).unwrap();
    assert_eq!(event["target"], "mongowatch.collection");
    assert_eq!(event["level"], "INFO");
    let mut fields = event["fields"].as_object().unwrap().clone();
    assert_eq!(fields.remove("WatchID").unwrap(), record.id.to_string());
    assert_eq!(
        serde_json::Value::from(fields),
        serde_json::json!({
            "message": "find shop.orders ok", "WatcherName": "mongowatch.collection",
            "Iteration": "final(0)", "StartTime": "2024-05-01T12:00:00.060000Z", "DB": "shop",
            "Collection": "orders", "Operation": "find", "Filter": "{\"a\":{\"$gt\":1}}",
            "Duration": 0.25, "MatchedCount": 7, "Outcome": "ok", "Seq": 7,
        })
    );
}

#[test]
fn filters_of_a_layer_hold_for_records() {
    let (all, info, cursors) = (Seen::default(), Seen::default(), Seen::default());
    let only_cursors = Targets::new().with_target("mongowatch.cursor", Level::DEBUG);
    let layers = all
        .clone()
        .and_then(info.clone().with_filter(LevelFilter::INFO))
        .and_then(cursors.clone().with_filter(only_cursors.clone()));
    let outlet = Outlet::from_layer("filtered", Levels::default(), layers);
    assert!(outlet.send(&of(WatcherName::Collection, Phase::First), None));
    assert!(outlet.send(&of(WatcherName::Cursor, Phase::First), None));
    assert!(outlet.send(&of(WatcherName::Collection, Phase::Final), None));
    assert_eq!(all.take().len(), 3);
    assert_eq!(info.take(), ["INFO mongowatch.collection"]);
    assert_eq!(cursors.take(), ["DEBUG mongowatch.cursor"]);

    // When the whole subscriber does not want a record, the sender hears it.
    let outlet =
        Outlet::from_layer("cursors", Levels::default(), cursors.clone().and_then(only_cursors));
    assert!(!outlet.send(&of(WatcherName::Collection, Phase::Final), None));
    assert!(outlet.send(&of(WatcherName::Cursor, Phase::Final), None));
    assert_eq!(cursors.take(), ["INFO mongowatch.cursor"]);
}

#[test]
fn a_layer_reads_the_record_of_its_event_and_of_no_other() {
    /// Emits another event, and dispatches another record, while it looks at one.
    struct Curious(Arc<Mutex<Vec<Option<u64>>>>, AtomicUsize);

    impl<S: Subscriber> Layer<S> for Curious {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let seq = || record_of(event).map(|record| record.seq);
            self.0.lock().unwrap().push(seq());
            if self.1.fetch_add(1, Ordering::Relaxed) == 0 {
                tracing::dispatcher::get_default(|present| {
                    dispatch(present, &Levels::default(), &record(2));
                });
                tracing::info!("not a record");
                self.0.lock().unwrap().push(seq());
            }
        }
    }

    let seen = Arc::default();
    let layer = Curious(Arc::clone(&seen), AtomicUsize::new(0));
    let to = Dispatch::new(Registry::default().with(layer));
    tracing::dispatcher::with_default(&to, || {
        assert!(dispatch(&to, &Levels::default(), &record(1)));
    });
    assert_eq!(*seen.lock().unwrap(), [Some(1), Some(2), None, Some(1)]);
}

#[test]
fn a_layer_that_panics_leaves_no_record_behind() {
    struct Panicking;
    impl<S: Subscriber> Layer<S> for Panicking {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            std::panic::resume_unwind(Box::new("as told"));
        }
    }
    let outlet = Outlet::from_layer("panicking", Levels::default(), Panicking);
    let record = record(1);
    let act = std::panic::AssertUnwindSafe(|| outlet.send(&record, None));
    assert!(std::panic::catch_unwind(act).is_err());
    assert_eq!(Arc::strong_count(&record), 1);
}

#[test]
fn nothing_is_formatted_when_nobody_looks() {
    // Strings and numbers pass as they are; all else is a `DisplayValue`, which is lazy. A visitor
    // that only counts must not see a text made for it.
    struct Count(usize);
    impl tracing_core::field::Visit for Count {
        fn record_debug(&mut self, _: &tracing_core::Field, _: &dyn fmt::Debug) {
            self.0 += 1;
        }
    }
    struct Counting(Arc<AtomicUsize>);
    impl<S: Subscriber> Layer<S> for Counting {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut count = Count(0);
            event.record(&mut count);
            self.0.store(count.0, Ordering::Relaxed);
        }
    }
    let count = Arc::default();
    let outlet = Outlet::from_layer("count", Levels::default(), Counting(Arc::clone(&count)));
    let record = record(1);
    assert!(outlet.send(&record, None));
    let n_known = Field::ALL.iter().filter(|field| !record.get(**field).is_missing()).count();
    assert_eq!(count.load(Ordering::Relaxed), n_known + 1);
}

#[test]
fn an_outlet_does_not_make_the_applications_own_events_dearer() {
    let outlet = Outlet::from_layer("route", Levels::default(), Seen::default());
    drop(outlet);
    let subscriber =
        Registry::default().with(Seen::default()).with(crate::layer::outlet::RecordsOnly);
    static METADATA: tracing_core::Metadata<'static> = tracing_core::Metadata::new(
        "mongowatch.record",
        "mongowatch.collection",
        Level::INFO,
        None,
        None,
        None,
        tracing_core::field::FieldSet::new(&[], tracing_core::identify_callsite!(&CALLSITE)),
        tracing_core::Kind::EVENT,
    );
    static CALLSITE: tracing_core::callsite::DefaultCallsite =
        tracing_core::callsite::DefaultCallsite::new(&METADATA);
    assert!(subscriber.register_callsite(&METADATA).is_never());
    assert_eq!(subscriber.max_level_hint(), Some(LevelFilter::OFF));
    let ours = event::callsite(WatcherName::Gridfs, Level::WARN);
    let ours = tracing_core::Callsite::metadata(ours);
    assert!(subscriber.register_callsite(ours).is_always());
}

#[test]
fn the_applications_subscriber_gets_records_as_events() {
    let seen = Seen::default();
    let subscriber = Registry::default().with(seen.clone()).with(LevelFilter::INFO);
    let outlet = tracing::subscriber::with_default(subscriber, || {
        Outlet::application("application", Levels::default())
    });
    assert!(outlet.send(&record(1), None));
    assert!(!outlet.send(&of(WatcherName::Collection, Phase::First), None));
    assert_eq!(seen.take(), ["INFO mongowatch.collection"]);
}

#[test]
fn without_a_subscriber_the_application_takes_nothing() {
    let outlet = Outlet::application("application", Levels::default());
    // Another subscriber in the process must not be mistaken for the application's.
    let _other = Outlet::from_layer("other", Levels::default(), Seen::default());
    assert!(!outlet.send(&record(1), None));
}

#[test]
fn the_outcome_is_not_a_level() {
    let seen = Seen::default();
    let outlet = Outlet::from_layer("seen", Levels::default(), seen.clone());
    let mut failed = WatchMessage::clone(&record(1));
    failed.outcome = Some(Outcome::Error);
    assert!(outlet.send(&Arc::new(failed), None));
    assert_eq!(seen.take(), ["INFO mongowatch.collection"]);
}
