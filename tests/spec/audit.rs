//! A test through the mirror: it must do what it does on the bare driver, and leave its records.

use std::{collections::BTreeMap, rc::Rc, sync::Arc};

use mongowatch::{Capture, Phase, WatchMessage, Watcher, layer::Levels};

use crate::{
    events::wait_until,
    file::{Test, TestFile},
    host::Host,
    ledger::{Ledger, line},
    mirror,
    scene::Seen,
    verdict::{Run, Stop},
};

/// How a test is run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode {
    Bare,
    Mirror(Capture),
}

impl Mode {
    pub(crate) const MIRRORED: &[Self] = &[
        Self::Mirror(Capture::Operations),
        Self::Mirror(Capture::Spans),
        Self::Mirror(Capture::Commands),
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Mirror(Capture::Operations) => "operations",
            Self::Mirror(Capture::Commands) => "commands",
            Self::Mirror(_) => "spans",
        }
    }
}

/// Runs a test with a watcher of its own, and looks at what that has written.
pub(crate) async fn run(
    host: &Rc<Host>,
    file: &TestFile,
    test: &Test,
    capture: Capture,
) -> Run<()> {
    let seen = Seen::default();
    let watcher = Watcher::builder()
        .levels(Levels::default())
        .capture(capture)
        .foreign_layer("seen", seen.clone())
        .start()
        .map_err(|error| Stop::Fail(format!("cannot start the watcher: {error}")))?;
    let watcher = Rc::new(watcher);
    let ledger = Arc::<Ledger>::default();
    let result = mirror::trial::run(host, Rc::clone(&watcher), file, test, &ledger).await;
    // What the driver does when its handles are dropped goes on for a moment.
    wait_until(|| watcher.stats().open == 0 && Rc::strong_count(&watcher) == 1).await;
    let watcher = Rc::into_inner(watcher)
        .ok_or_else(|| Stop::Fail("a part of the test still runs".to_owned()))?;
    let stats = watcher
        .shutdown()
        .await
        .map_err(|error| Stop::Fail(format!("cannot shut the watcher down: {error}")))?;
    result?;
    if !stats.is_balanced() {
        return Err(format!("the books do not balance: {stats:?}").into());
    }
    if stats.open != 0 {
        let open = still_open(&seen.records()).join("; ");
        return Err(format!("{} operations are still open: {open}", stats.open).into());
    }
    let records = final_records(&seen.records())?;
    if records.len() as u64 != stats.operations {
        let found = records.len();
        return Err(format!("{found} final records of {} operations", stats.operations).into());
    }
    let wrong = ledger.compare(&records, capture);
    if wrong.is_empty() { Ok(()) } else { Err(format!("records: {}", wrong.join("\n    ")).into()) }
}

/// The final records in the order of their operations, of which each must have one.
fn final_records(records: &[WatchMessage]) -> Run<Vec<WatchMessage>> {
    let mut n_finals = BTreeMap::new();
    for record in records {
        *n_finals.entry(record.id).or_insert(0) += usize::from(record.phase == Phase::Final);
    }
    let mut finals: Vec<_> =
        records.iter().filter(|record| record.phase == Phase::Final).cloned().collect();
    finals.sort_by_key(|record| record.seq);
    match n_finals.values().find(|n| **n != 1) {
        None => Ok(finals),
        Some(n) => Err(format!("an operation has {n} final records").into()),
    }
}

/// The last versions of records that are not final.
fn still_open(records: &[WatchMessage]) -> Vec<String> {
    let mut last = BTreeMap::new();
    for record in records {
        last.insert(record.id, record);
    }
    last.retain(|_, record| record.phase != Phase::Final);
    last.into_values().map(line).collect()
}
