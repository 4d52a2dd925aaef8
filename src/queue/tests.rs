//! The rules one by one, and all of them at random against a plain model.

mod model;

use std::time::{Duration, Instant};

use super::*;
use crate::record::{Iteration, Timestamp, WatchId, WatchMessage, WatcherName};

const SECOND: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(600);

/// A version of the record with this number.
fn version(number: u128, iteration: Iteration) -> Box<WatchMessage> {
    let mut record =
        WatchMessage::new(WatcherName::Collection, "find", Timestamp::from_micros(1_000_000));
    record.id = WatchId::from(uuid::Uuid::from_u128(number));
    record.iteration = iteration;
    Box::new(record)
}

fn update(number: u128, iteration: u64) -> Box<WatchMessage> {
    version(number, Iteration::Update(iteration))
}

fn last(number: u128) -> Box<WatchMessage> {
    version(number, Iteration::Final(None))
}

fn cursor(number: u128) -> Box<WatchMessage> {
    let mut record = update(number, 0);
    record.watcher = WatcherName::Cursor;
    record
}

fn queue(change: impl FnOnce(&mut QueueSettings)) -> (WatchQueue, Instant) {
    let mut settings = QueueSettings::default();
    change(&mut settings);
    (WatchQueue::new(settings), Instant::now() + 24 * 3_600 * SECOND)
}

/// Number, version and phase of all that comes out.
fn popped(queue: &mut WatchQueue, now: Instant) -> Vec<String> {
    std::iter::from_fn(|| queue.pop(now)).map(|record| shown(&record)).collect()
}

fn shown(record: &WatchMessage) -> String {
    format!("{} {} {}", record.id.as_uuid().as_u128(), record.iteration, record.phase)
}

#[test]
fn a_final_version_is_released_at_once() {
    let (mut queue, now) = queue(|_| {});
    assert_eq!(queue.push(update(1, 0), now), Pushed::Waiting);
    assert_eq!(popped(&mut queue, now), [""; 0]);
    assert_eq!(queue.push(last(1), now), Pushed::Superseded);
    assert_eq!(queue.next_deadline(), Some(now));
    assert_eq!(queue.len(), 1);
    assert_eq!(popped(&mut queue, now), ["1 final final"]);
    assert!(queue.is_empty());
    assert_eq!(queue.next_deadline(), None);
}

#[test]
fn only_the_newest_version_comes_out() {
    let (mut queue, now) = queue(|_| {});
    assert_eq!(queue.push(update(1, 3), now), Pushed::Waiting);
    assert_eq!(queue.push(update(1, 2), now), Pushed::Stale);
    assert_eq!(queue.push(update(1, 3), now), Pushed::Stale);
    assert_eq!(queue.push(update(1, 5), now), Pushed::Superseded);
    assert_eq!(popped(&mut queue, now + TIMEOUT), ["1 5 timeout"]);
}

#[test]
fn a_silent_record_is_released_when_its_timeout_has_passed_and_not_before() {
    let (mut queue, now) = queue(|_| {});
    let _ = queue.push(update(1, 0), now);
    assert_eq!(queue.next_deadline(), Some(now + TIMEOUT));
    assert_eq!(popped(&mut queue, now + TIMEOUT - Duration::from_nanos(1)), [""; 0]);
    assert_eq!(popped(&mut queue, now + TIMEOUT), ["1 0 timeout"]);
}

#[test]
fn an_update_renews_the_deadline() {
    let (mut queue, now) = queue(|_| {});
    let _ = queue.push(update(1, 0), now);
    let _ = queue.push(update(2, 0), now + SECOND);
    let _ = queue.push(update(1, 1), now + 2 * SECOND);
    assert_eq!(queue.next_deadline(), Some(now + TIMEOUT + SECOND));
    assert_eq!(popped(&mut queue, now + 2 * TIMEOUT), ["2 0 timeout", "1 1 timeout"]);
}

#[test]
fn a_stale_version_does_not_renew_the_deadline() {
    let (mut queue, now) = queue(|_| {});
    let _ = queue.push(update(1, 4), now);
    assert_eq!(queue.push(update(1, 4), now + SECOND), Pushed::Stale);
    assert_eq!(queue.next_deadline(), Some(now + TIMEOUT));
}

#[test]
fn cursors_have_a_timeout_of_their_own() {
    let (mut queue, now) = queue(|_| {});
    queue.set_timeout(WatcherName::Cursor, Some(2 * SECOND));
    let _ = queue.push(update(1, 0), now);
    let _ = queue.push(cursor(2), now);
    assert_eq!(popped(&mut queue, now + 2 * SECOND), ["2 0 timeout"]);
    assert_eq!(popped(&mut queue, now + TIMEOUT), ["1 0 timeout"]);
}

#[test]
fn each_kind_may_have_a_timeout_of_its_own() {
    let (mut queue, now) = queue(|_| {});
    for (number, watcher) in (0..).zip(WatcherName::ALL) {
        queue.set_timeout(*watcher, Some((20 - number) * SECOND));
        let mut record = update(number.into(), 0);
        record.watcher = *watcher;
        let _ = queue.push(record, now);
    }
    let shown: Vec<_> =
        (0..WatcherName::ALL.len()).rev().map(|number| format!("{number} 0 timeout")).collect();
    assert_eq!(popped(&mut queue, now + 20 * SECOND), shown);
}

#[test]
fn what_waits_keeps_its_deadline_when_the_timeout_of_its_kind_changes() {
    let (mut queue, now) = queue(|_| {});
    queue.set_timeout(WatcherName::Cursor, Some(9 * SECOND));
    let _ = queue.push(cursor(1), now);
    queue.set_timeout(WatcherName::Cursor, Some(SECOND));
    let _ = queue.push(cursor(2), now);
    assert_eq!(popped(&mut queue, now + SECOND), ["2 0 timeout"]);
    // A version that comes later has the timeout of its time.
    let mut newer = cursor(1);
    newer.iteration = Iteration::Update(1);
    assert_eq!(queue.push(newer, now + 2 * SECOND), Pushed::Superseded);
    assert_eq!(popped(&mut queue, now + 3 * SECOND), ["1 1 timeout"]);
    queue.set_timeout(WatcherName::Cursor, None);
    let _ = queue.push(cursor(3), now + 3 * SECOND);
    assert_eq!(queue.next_deadline(), Some(now + TIMEOUT + 3 * SECOND));
}

#[test]
fn timeouts_that_come_and_go_leave_no_lanes_behind() {
    let (mut queue, now) = queue(|_| {});
    for second in 1..1_000 {
        queue.set_timeout(WatcherName::Cursor, Some(second * SECOND));
        let _ = queue.push(cursor(second.into()), now);
        assert_eq!(queue.drain().count(), 1);
    }
    assert_eq!(queue.n_lanes(), 2);
}

#[test]
fn cursors_have_the_common_timeout_by_default() {
    let (mut queue, now) = queue(|settings| settings.timeout = SECOND);
    let _ = queue.push(cursor(1), now);
    assert_eq!(queue.next_deadline(), Some(now + SECOND));
}

#[test]
fn records_come_out_in_the_order_in_which_they_became_due() {
    let (mut queue, now) = queue(|_| {});
    queue.set_timeout(WatcherName::Cursor, Some(5 * SECOND));
    let _ = queue.push(update(1, 0), now);
    let _ = queue.push(cursor(2), now);
    let _ = queue.push(last(3), now + SECOND);
    let _ = queue.push(last(4), now + 6 * SECOND);
    let later = now + TIMEOUT;
    assert_eq!(
        popped(&mut queue, later),
        ["3 final final", "2 0 timeout", "4 final final", "1 0 timeout"]
    );
}

#[test]
fn an_update_after_the_timeout_opens_the_record_again() {
    let (mut queue, now) = queue(|_| {});
    let _ = queue.push(update(1, 2), now);
    let now = now + TIMEOUT;
    assert_eq!(popped(&mut queue, now), ["1 2 timeout"]);
    assert_eq!(queue.push(update(1, 2), now), Pushed::Stale, "a duplicate of what expired");
    assert_eq!(queue.push(update(1, 1), now), Pushed::Stale, "older than what expired");
    assert_eq!(queue.push(update(1, 3), now), Pushed::Waiting);
    assert_eq!(queue.push(last(1), now), Pushed::Superseded);
    assert_eq!(popped(&mut queue, now), ["1 final final"]);
}

#[test]
fn what_is_past_its_deadline_is_renewed_if_the_update_comes_before_the_release() {
    let (mut queue, now) = queue(|_| {});
    let _ = queue.push(update(1, 0), now);
    let now = now + 2 * TIMEOUT;
    assert_eq!(queue.push(update(1, 1), now), Pushed::Superseded);
    assert_eq!(popped(&mut queue, now), [""; 0]);
}

#[test]
fn a_late_version_does_not_come_out_after_the_final_one() {
    let (mut queue, now) = queue(|_| {});
    let _ = queue.push(version(1, Iteration::Final(Some(7))), now);
    assert_eq!(popped(&mut queue, now), ["1 final(7) final"]);
    for late in [Iteration::Update(6), Iteration::Update(99), Iteration::Final(Some(7))] {
        assert_eq!(queue.push(version(1, late), now), Pushed::Stale, "{late}");
    }
    assert!(queue.is_empty());
}

#[test]
fn the_last_releases_are_remembered_and_no_more() {
    let (mut queue, now) = queue(|_| {});
    let n = WatchQueue::REMEMBERED_MAX as u128;
    for number in 1..=n {
        let _ = queue.push(last(number), now);
        assert!(queue.pop(now).is_some());
    }
    assert_eq!(queue.push(last(n), now), Pushed::Stale);
    assert_eq!(queue.push(last(n / 8), now), Pushed::Stale);
    assert_eq!(queue.push(last(1), now), Pushed::Waiting, "too long ago to know better");
}

#[test]
fn a_ready_record_takes_newer_versions_and_keeps_its_turn() {
    let (mut queue, now) = queue(|_| {});
    let _ = queue.push(version(1, Iteration::Final(Some(1))), now);
    let _ = queue.push(last(2), now + SECOND);
    let newer = version(1, Iteration::Final(Some(2)));
    assert_eq!(queue.push(newer, now + 2 * SECOND), Pushed::Superseded);
    assert_eq!(popped(&mut queue, now), ["1 final(2) final", "2 final final"]);
}

#[test]
fn a_forced_delay_holds_final_versions_from_the_first_one_on() {
    let (mut queue, now) = queue(|settings| settings.forced_delay = Some(5 * SECOND));
    let _ = queue.push(update(1, 0), now);
    let _ = queue.push(version(1, Iteration::Final(Some(1))), now + SECOND);
    assert_eq!(queue.next_deadline(), Some(now + 5 * SECOND));
    let newer = version(1, Iteration::Final(Some(2)));
    assert_eq!(queue.push(newer, now + 4 * SECOND), Pushed::Superseded, "late versions merge");
    assert_eq!(popped(&mut queue, now + 4 * SECOND), [""; 0]);
    assert_eq!(popped(&mut queue, now + 5 * SECOND), ["1 final(2) final"]);
}

#[test]
fn a_forced_delay_that_has_passed_holds_nothing_longer() {
    let (mut queue, now) = queue(|settings| settings.forced_delay = Some(5 * SECOND));
    let _ = queue.push(update(1, 0), now);
    let _ = queue.push(last(1), now + 6 * SECOND);
    assert_eq!(popped(&mut queue, now + 6 * SECOND), ["1 final final"]);
}

#[test]
fn a_forced_delay_holds_longer_than_a_shorter_timeout() {
    let (mut queue, now) = queue(|settings| {
        settings.timeout = SECOND;
        settings.forced_delay = Some(5 * SECOND);
    });
    let _ = queue.push(update(1, 0), now);
    assert_eq!(queue.next_deadline(), Some(now + 5 * SECOND));
    let _ = queue.push(update(1, 1), now + 4 * SECOND + SECOND / 2);
    assert_eq!(popped(&mut queue, now + 5 * SECOND), [""; 0], "renewed until 5.5 s");
    assert_eq!(popped(&mut queue, now + 6 * SECOND), ["1 1 timeout"]);
}

#[test]
fn a_full_queue_that_blocks_releases_what_is_nearest_to_its_deadline() {
    let (mut queue, now) = queue(|settings| settings.capacity = 2);
    queue.set_timeout(WatcherName::Cursor, Some(2 * TIMEOUT));
    let _ = queue.push(cursor(1), now);
    let _ = queue.push(update(2, 0), now);
    assert_eq!(queue.push(update(3, 0), now + SECOND), Pushed::Waiting);
    assert_eq!(queue.n_released_early(), 1);
    assert_eq!(queue.push(update(2, 1), now + SECOND), Pushed::Superseded, "ready, not gone");
    assert_eq!(popped(&mut queue, now + SECOND), ["2 1 timeout"]);
    assert_eq!(queue.len(), 2);
}

#[test]
fn a_full_queue_takes_newer_versions_of_what_it_has() {
    for when_full in [WhenFull::Block, WhenFull::DropUpdates, WhenFull::DropNewest] {
        let (mut queue, now) = queue(|settings| {
            settings.capacity = 1;
            settings.when_full = when_full;
        });
        let _ = queue.push(update(1, 0), now);
        assert_eq!(queue.push(update(1, 1), now), Pushed::Superseded);
        assert_eq!(queue.push(last(1), now), Pushed::Superseded);
        assert_eq!(queue.push(update(2, 0), now), Pushed::Waiting, "a ready record has no place");
        assert_eq!(queue.n_released_early(), 0);
    }
}

#[test]
fn a_final_version_that_is_not_held_needs_no_place() {
    for when_full in [WhenFull::Block, WhenFull::DropUpdates, WhenFull::DropNewest] {
        let (mut queue, now) = queue(|settings| {
            settings.capacity = 1;
            settings.when_full = when_full;
        });
        let _ = queue.push(update(1, 0), now);
        assert_eq!(queue.push(last(2), now), Pushed::Waiting);
        assert_eq!(popped(&mut queue, now), ["2 final final"]);
    }
}

#[test]
fn a_full_queue_that_drops_updates_drops_new_records_but_no_final_one() {
    let (mut queue, now) = queue(|settings| {
        settings.capacity = 1;
        settings.when_full = WhenFull::DropUpdates;
        settings.forced_delay = Some(SECOND);
    });
    let _ = queue.push(last(1), now);
    assert_eq!(queue.push(update(2, 0), now), Pushed::DroppedFull);
    assert_eq!(queue.push(last(3), now), Pushed::Waiting);
    assert_eq!(popped(&mut queue, now), ["1 final final"], "makes room, before its time");
    assert_eq!(popped(&mut queue, now + SECOND), ["3 final final"]);
}

#[test]
fn a_full_queue_that_drops_the_newest_drops_a_final_one_that_would_be_held() {
    let (mut queue, now) = queue(|settings| {
        settings.capacity = 1;
        settings.when_full = WhenFull::DropNewest;
        settings.forced_delay = Some(SECOND);
    });
    let _ = queue.push(update(1, 0), now);
    assert_eq!(queue.push(update(2, 0), now), Pushed::DroppedFull);
    assert_eq!(queue.push(last(3), now), Pushed::DroppedFull);
    assert_eq!(queue.len(), 1);
}

#[test]
fn a_record_that_was_dropped_can_still_come_later() {
    let (mut queue, now) = queue(|settings| {
        settings.capacity = 1;
        settings.when_full = WhenFull::DropNewest;
    });
    let _ = queue.push(update(1, 0), now);
    assert_eq!(queue.push(update(2, 0), now), Pushed::DroppedFull);
    assert_eq!(queue.push(last(1), now), Pushed::Superseded);
    assert_eq!(queue.push(update(2, 0), now), Pushed::Waiting);
}

#[test]
fn with_no_capacity_each_version_goes_through() {
    let (mut queue, now) = queue(|settings| settings.capacity = 0);
    let _ = queue.push(update(1, 0), now);
    assert_eq!(popped(&mut queue, now), ["1 0 timeout"]);
    let _ = queue.push(last(1), now);
    assert_eq!(popped(&mut queue, now), ["1 final final"]);
}

#[test]
fn a_clock_that_steps_back_counts_as_standing_still() {
    let (mut queue, now) = queue(|settings| settings.forced_delay = Some(SECOND));
    let _ = queue.push(update(1, 0), now);
    let _ = queue.push(update(2, 0), now - 3_600 * SECOND);
    assert!(queue.pop(now - TIMEOUT).is_none());
    let _ = queue.push(last(2), now - TIMEOUT);
    assert_eq!(queue.next_deadline(), Some(now + SECOND));
    assert_eq!(popped(&mut queue, now + SECOND), ["2 final final"]);
    assert_eq!(popped(&mut queue, now + TIMEOUT), ["1 0 timeout"]);
}

#[test]
fn what_is_due_stays_due_when_the_clock_steps_back() {
    let (mut queue, now) = queue(|_| {});
    let _ = queue.push(last(1), now);
    assert_eq!(popped(&mut queue, now - TIMEOUT), ["1 final final"]);
}

#[test]
fn a_timeout_beyond_all_clocks_never_comes() {
    let (mut queue, now) = queue(|settings| settings.timeout = Duration::MAX);
    queue.set_timeout(WatcherName::Cursor, Some(Duration::MAX - SECOND));
    let _ = queue.push(update(1, 0), now);
    let _ = queue.push(cursor(2), now);
    assert_eq!(queue.next_deadline(), None);
    assert!(queue.pop(now + 1_000_000 * TIMEOUT).is_none());
    assert_eq!(queue.drain().count(), 2);
}

#[test]
fn a_timeout_of_zero_releases_with_the_next_pop() {
    let (mut queue, now) = queue(|settings| settings.timeout = Duration::ZERO);
    let _ = queue.push(update(1, 0), now);
    assert_eq!(popped(&mut queue, now), ["1 0 timeout"]);
}

#[test]
fn draining_gives_the_newest_versions_and_says_which_are_not_final() {
    let (mut queue, now) = queue(|settings| settings.forced_delay = Some(SECOND));
    let _ = queue.push(update(1, 0), now);
    let _ = queue.push(update(2, 0), now);
    let _ = queue.push(update(1, 4), now);
    let _ = queue.push(last(2), now);
    let drained: Vec<_> = queue.drain().map(|record| shown(&record)).collect();
    assert_eq!(drained, ["2 final final", "1 4 timeout"]);
    assert!(queue.is_empty());
}

#[test]
fn a_drain_that_is_given_up_loses_nothing() {
    let (mut queue, now) = queue(|_| {});
    for number in 0..10 {
        let _ = queue.push(update(number, 0), now);
    }
    assert_eq!(queue.drain().take(4).count(), 4);
    assert_eq!(queue.len(), 6);
    assert_eq!(queue.drain().count(), 6);
}

#[test]
fn every_record_of_many_is_found_again() {
    let (mut queue, now) = queue(|_| {});
    let n = 50_000;
    // Numbers that differ in few bits, as an outsider could choose them.
    let number = |n: u128| n << 40;
    for round in 0..4 {
        for at in 0..n {
            let pushed = queue.push(update(number(at), round), now);
            let wanted = if round == 0 { Pushed::Waiting } else { Pushed::Superseded };
            assert_eq!(pushed, wanted);
        }
    }
    for at in (0..n).rev() {
        assert_eq!(queue.push(last(number(at)), now), Pushed::Superseded);
        assert!(queue.pop(now).is_some_and(|record| record.iteration.is_final()));
    }
    assert!(queue.is_empty());
}

#[cfg(feature = "yaml")]
#[test]
fn settings_survive_their_text() {
    let settings = QueueSettings {
        timeout: Duration::from_secs(90),
        forced_delay: Some(Duration::from_millis(250)),
        when_full: WhenFull::DropUpdates,
        ..QueueSettings::default()
    };
    let text = serde_saphyr::to_string(&settings).unwrap();
    expect_test::expect![[r#"
        timeout: 1m 30s
        forced_delay: 250ms
        capacity: 100000
        when_full: drop_updates
    "#]]
    .assert_eq(&text);
    assert_eq!(serde_saphyr::from_str::<QueueSettings>(&text).unwrap(), settings);
    assert_eq!(serde_saphyr::from_str::<QueueSettings>("{}").unwrap(), QueueSettings::default());
}

#[cfg(feature = "yaml")]
#[test]
fn settings_refuse_what_they_do_not_know() {
    for wrong in
        ["timeouts: 1s", "timeout: soon", "timeout: -1s", "capacity: -1", "when_full: Block"]
    {
        assert!(serde_saphyr::from_str::<QueueSettings>(wrong).is_err(), "{wrong} was taken");
    }
}

#[test]
fn debug_shows_no_record() {
    let (mut queue, now) = queue(|_| {});
    let _ = queue.push(update(1, 0), now);
    let debug = format!("{queue:?}");
    assert!(debug.contains("len: 1") && !debug.contains("find"), "{debug}");
}
