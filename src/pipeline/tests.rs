use std::time::Duration;

use super::{books::Books, worker::Worker};
use crate::pipeline::{RouteStats, Stats};

#[test]
fn the_tick_follows_what_comes_in_and_keeps_to_its_bounds() {
    let millis = Duration::from_millis;
    for (tick, n_taken, expected) in [
        // As many as wanted: the same again.
        (millis(10), 256, millis(10)),
        // Twice as many: half the time.
        (millis(10), 512, millis(5)),
        (millis(10), 64, millis(40)),
        // One now and then, and a rush.
        (millis(10), 1, millis(100)),
        (millis(100), 0, millis(100)),
        (millis(100), 1_000_000, millis(2)),
        (millis(100), usize::MAX, millis(2)),
    ] {
        assert_eq!(Worker::next_tick(tick, n_taken), expected, "{tick:?} {n_taken}");
        assert!(Worker::TICK.contains(&Worker::next_tick(tick, n_taken)));
    }
}

#[test]
fn books_in_which_a_version_is_missing_do_not_balance() {
    let mut stats = Stats::of(&Books::default());
    assert!(stats.is_balanced());
    stats.emitted = 10;
    let route = RouteStats {
        name: "csv".into(),
        written: 3,
        superseded: 2,
        filtered: 1,
        dropped: 1,
        failed: 1,
        pending: 2,
        made: 2,
        before: 2,
        ..RouteStats::default()
    };
    stats.routes = vec![route.clone()];
    assert!(stats.is_balanced());
    stats.routes.push(RouteStats { pending: 1, ..route });
    assert!(!stats.is_balanced());
}
