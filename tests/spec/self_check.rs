//! The audit audited: does it report records that are wrong? Needs no server.

use std::sync::Arc;

use mongowatch::{Capture, Outcome, Timestamp, WatchMessage, WatcherName, record::ErrorInfo};

use crate::ledger::{Ledger, Place};

const CAPTURES: &[Capture] = &[Capture::Operations, Capture::Spans, Capture::Commands];

/// Compares one expected call with records that are right and with such that are not.
pub(crate) fn run() -> Result<(), String> {
    let mut cases = vec![("the right record", vec![right()], Wanted::Silence)];
    for (what, spoil) in SPOILED {
        let mut record = right();
        spoil(&mut record);
        cases.push((what, vec![record], Wanted::Report));
    }
    cases.push(("a missing record", Vec::new(), Wanted::Report));
    cases.push(("an extra record", vec![right(), right()], Wanted::Report));
    let mut extra = right();
    extra.operation = "insert_one".into();
    cases.push(("an extra record of another call", vec![right(), extra], Wanted::Report));
    for capture in CAPTURES {
        for (what, records, wanted) in &cases {
            let wrong = ledger().compare(records, *capture);
            if wrong.is_empty() == (*wanted == Wanted::Report) {
                return Err(format!("{what} in {capture:?}: expected {wanted:?}, found {wrong:?}"));
            }
        }
    }
    Ok(())
}

/// What the audit must make of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Silence,
    Report,
}

/// What may be wrong with a record.
type Spoil = fn(&mut WatchMessage);

const SPOILED: &[(&str, Spoil)] = &[
    ("a wrong outcome", |record| record.outcome = Some(Outcome::Error)),
    ("no outcome", |record| record.outcome = None),
    ("a wrong count", |record| record.counts.matched = Some(3)),
    ("a missing count", |record| record.counts.matched = None),
    ("an invented count", |record| record.counts.modified = Some(1)),
    ("an invented code", |record| {
        record.error = Some(Arc::new(ErrorInfo { code: Some(1), ..ErrorInfo::default() }));
    }),
    ("a wrong database", |record| record.db = Some("other".into())),
    ("a wrong collection", |record| record.collection = None),
    ("a raw record", |record| record.watcher = WatcherName::Command),
];

/// A ledger that expects one call.
fn ledger() -> Arc<Ledger> {
    let ledger = Arc::<Ledger>::default();
    let place = Place {
        db: Some("shop".to_owned()),
        collection: Some("orders".to_owned()),
        observer: Arc::default(),
    };
    ledger.call("find_one", &place, None).end(&Ok(2), |n, counts| counts.matched = Some(*n));
    ledger
}

/// The record of that call.
fn right() -> WatchMessage {
    let mut record =
        WatchMessage::new(WatcherName::Collection, "find_one", Timestamp::from_micros(0));
    record.db = Some("shop".into());
    record.collection = Some("orders".into());
    record.outcome = Some(Outcome::Ok);
    record.counts.matched = Some(2);
    record
}
