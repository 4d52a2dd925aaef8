use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use mongodb::{bson::doc, options::ClientOptions};
use uuid::Uuid;

use super::*;
use crate::{
    driver::{probe::Probe, wire::Sent},
    pipeline::{Capture, Watcher},
    record::ErrorInfo,
};

/// A watcher whose records nobody looks at, and a client's side of it.
fn probe() -> (Watcher, Arc<Probe>) {
    let watcher = Watcher::builder()
        .foreign_layer("nowhere", tracing_subscriber::layer::Identity::new())
        .start()
        .unwrap();
    let options = ClientOptions::default();
    let probe = Probe::new(&watcher, &options, Capture::Commands);
    (watcher, Arc::new(probe))
}

fn table(n_records: usize) -> RawTable {
    RawTable::new(Limits { n_records, cursor_age: Duration::from_secs(600) })
}

fn call(n: i32) -> RawCall {
    RawCall { filter: Some(Arc::new(doc! { "n": n }.into())), ..RawCall::default() }
}

fn record(probe: &Arc<Probe>, n: i32, txn_number: Option<i64>, in_transaction: bool) -> RawRecord {
    let mut record = RawRecord::open(probe, "insert", call(n));
    record.sent(Sent {
        session_id: Some(Uuid::nil()),
        txn_number,
        in_transaction,
        ..Sent::default()
    });
    record
}

#[test]
fn the_oldest_record_goes_when_there_are_too_many() {
    let (_watcher, probe) = probe();
    let table = table(3);
    let now = Instant::now();
    for n in 0..5 {
        table.insert_command(n, record(&probe, n, None, false), now);
    }
    let kept: Vec<bool> = (0..5).map(|n| table.take_command(n).is_some()).collect();
    assert_eq!(kept, [false, false, true, true, true]);
}

/// A cursor comes again with each of its batches: it is the newest then, however old it is.
#[test]
fn a_record_that_comes_again_is_not_the_oldest() {
    let (_watcher, probe) = probe();
    let table = table(3);
    let now = Instant::now();
    for n in 0..3 {
        table.insert_cursor(n.into(), record(&probe, n, None, false), now);
    }
    for _ in 0..1_000 {
        let first = table.take_cursor(None, 0).unwrap();
        table.insert_cursor(0, first, now);
    }
    table.insert_cursor(3, record(&probe, 3, None, false), now);
    let kept: Vec<bool> = (0..4).map(|n| table.take_cursor(None, n).is_some()).collect();
    assert_eq!(kept, [true, false, true, true]);
}

#[test]
fn a_cursor_that_is_silent_for_too_long_goes() {
    let (watcher, probe) = probe();
    let table = table(100);
    let now = Instant::now();
    table.insert_cursor(0, record(&probe, 0, None, false), now);
    table.insert_cursor(1, record(&probe, 1, None, false), now + Duration::from_secs(599));
    assert_eq!(watcher.stats().open, 2);
    table.insert_cursor(2, record(&probe, 2, None, false), now + Duration::from_secs(601));
    assert!(table.take_cursor(None, 0).is_none());
    assert!(table.take_cursor(None, 1).is_some());
}

#[test]
fn a_failed_command_is_joined_by_its_repetition_and_by_no_other() {
    let (watcher, probe) = probe();
    let table = table(100);
    let now = Instant::now();
    let session = Uuid::nil();
    let hold = |n| {
        table.insert_retry(session, record(&probe, n, Some(7), false), ErrorInfo::default(), now);
    };
    hold(1);
    let joined = table.take_retry(session, Some(7), "insert", call(1)).ok().unwrap();
    assert!(joined.may_be_sent_again(Again::Once).is_none());
    assert!(joined.may_be_sent_again(Again::AnyTime).is_some());
    drop(joined);
    for (txn_number, command, n) in
        [(Some(8), "insert", 1), (Some(7), "update", 1), (Some(7), "insert", 2)]
    {
        hold(1);
        assert!(table.take_retry(session, txn_number, command, call(n)).is_err());
        assert_eq!(watcher.stats().open, 0, "the failed one has failed");
    }
}

#[test]
fn a_failed_command_that_is_never_sent_again_fails_after_a_minute() {
    let (watcher, probe) = probe();
    let table = table(100);
    let now = Instant::now();
    for n in 0..3 {
        let failed = record(&probe, n, Some(1), false);
        table.insert_retry(Uuid::from_u128(n as u128), failed, ErrorInfo::default(), now);
    }
    table.give_up_retries(now + RawTable::RETRY_MAX);
    assert_eq!(watcher.stats().open, 3);
    table.give_up_retries(now + RawTable::RETRY_MAX + Duration::from_millis(1));
    assert_eq!(watcher.stats().open, 0);
    table.insert_retry(Uuid::nil(), record(&probe, 9, Some(1), false), ErrorInfo::default(), now);
    drop(table);
    assert_eq!(watcher.stats().open, 0, "with the client, nothing is sent again");
}

#[test]
fn nothing_is_sent_again_within_a_transaction() {
    let (_watcher, probe) = probe();
    assert!(record(&probe, 1, Some(1), true).may_be_sent_again(Again::Once).is_none());
    assert!(record(&probe, 1, Some(1), false).may_be_sent_again(Again::Once).is_some());
    let mut commit = RawRecord::open(&probe, "commitTransaction", RawCall::default());
    commit.sent(Sent {
        session_id: Some(Uuid::nil()),
        txn_number: Some(1),
        in_transaction: true,
        ..Sent::default()
    });
    assert!(commit.may_be_sent_again(Again::Once).is_some());
}

/// A dropped future leaves its command in the table; what its session or its cursor does next takes
/// it out, once.
#[test]
fn a_command_is_taken_by_its_session_or_by_the_killing_of_its_cursor() {
    let (watcher, probe) = probe();
    let table = table(2);
    let now = Instant::now();
    let session = Uuid::nil();
    table.insert_command(1, record(&probe, 1, None, false), now);
    assert!(table.take_abandoned(session).is_some());
    assert!(table.take_abandoned(session).is_none() && table.take_command(1).is_none());

    let at_cursor = |id| {
        let mut record = record(&probe, 2, None, false);
        record.learned().cursor_id = Some(id);
        record
    };
    table.insert_command(2, at_cursor(77), now);
    assert!(table.take_killed(None, 78).is_none());
    assert!(table.take_killed(None, 77).is_some());
    assert!(table.take_killed(None, 77).is_none() && table.take_abandoned(session).is_none());
    table.insert_cursor(77, at_cursor(77), now);
    assert!(table.take_killed(None, 77).is_some(), "an idle one");

    // A reply came: neither has anything to take.
    table.insert_command(3, at_cursor(77), now);
    assert!(table.take_command(3).is_some());
    assert!(table.take_killed(None, 77).is_none() && table.take_abandoned(session).is_none());

    // What is pushed out is known to neither.
    for n in 4..8 {
        table.insert_command(n, at_cursor(n.into()), now);
    }
    assert_eq!(watcher.stats().open, 2);
    assert!(table.take_killed(None, 4).is_none() && table.take_killed(None, 7).is_some());
    assert_eq!(watcher.stats().open, 1);
}
