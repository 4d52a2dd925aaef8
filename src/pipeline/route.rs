//! One way out: the steps that a record goes through, the outlet behind them, and the books.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use super::books::{Before, RouteBooks};
use crate::{
    filter::{Draft, NamedFilters, Part, Steps},
    layer::{Defaults, LayerSettings, Outlet, Versions, outlets},
    record::{Timestamp, WatchMessage},
    watch_error::Result,
};

/// One way out, with its steps and its books.
pub(super) struct Route {
    outlet: Outlet,
    steps: Steps,
    books: Arc<RouteBooks>,
    made_of: MadeOf,
}

/// What a route was made of: what is the same after a reload goes on as it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum MadeOf {
    /// The configuration.
    Settings(LayerSettings, Defaults),
    /// A layer that the application gave.
    Code,
}

/// What became of a record at a route.
enum Sent {
    Written,
    /// A level or a filter of the layer kept it back.
    KeptBack,
    /// The step at this place dropped it.
    Dropped(usize),
}

/// Opens a route for each layer of the configuration.
///
/// # Errors
///
/// When settings do not fit together or a file cannot be opened; the message names the route.
pub(super) fn configured(
    layers: &[LayerSettings],
    defaults: &Defaults,
    filters: &NamedFilters,
) -> Result<Vec<Route>> {
    // Before any file is made.
    let steps = layers.iter().enumerate().map(|(place, layer)| {
        let name = layer.route(&layers[..place]);
        Steps::build(layer.steps(), filters)
            .map_err(|fault| fault.within("steps".into()).within(Part::Key(name)).into())
    });
    let steps: Vec<_> = steps.collect::<Result<_>>()?;
    let routes = outlets(layers, defaults)?.into_iter().zip(steps).zip(layers);
    let route = |((outlet, steps), layer): ((Outlet, Steps), &LayerSettings)| {
        Route::new(outlet, steps, MadeOf::Settings(layer.clone(), defaults.clone()))
    };
    Ok(routes.map(route).collect())
}

impl Route {
    pub(super) fn new(outlet: Outlet, steps: Steps, made_of: MadeOf) -> Self {
        let books = RouteBooks::new(
            outlet.name(),
            outlet.versions() == Versions::All,
            steps.names(),
            outlet.tally().cloned(),
        );
        Self { outlet, steps, books: Arc::new(books), made_of }
    }

    pub(super) const fn books(&self) -> &Arc<RouteBooks> {
        &self.books
    }

    pub(super) const fn made_of(&self) -> &MadeOf {
        &self.made_of
    }

    pub(super) fn name(&self) -> &str {
        self.outlet.name()
    }

    /// Does the route see every version, and not only those that the queue releases?
    pub(super) fn sees_every_version(&self) -> bool {
        self.books.every_version
    }

    /// From here on the route takes part: what was emitted before went elsewhere.
    pub(super) fn begin_after(&self, before: Before) {
        self.books.begin_after(before);
    }

    /// Sends a record and counts it. A step or a layer that panics loses this record and no other.
    pub(super) fn send(&mut self, record: &Arc<WatchMessage>, now: Timestamp) {
        self.send_from(0, Draft::new(Arc::clone(record), now));
    }

    /// Sends what the steps have to tell by now, if they have.
    pub(super) fn tick(&mut self, now: Timestamp) {
        if self.steps.due().is_some_and(|due| due <= now) {
            let made = self.steps.collect(now);
            self.send_made(made, now);
        }
    }

    /// How long it is until the steps have something to tell.
    pub(super) fn due_in(&self, now: Timestamp) -> Option<Duration> {
        let micros = self.steps.due()?.as_micros().saturating_sub(now.as_micros());
        Some(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
    }

    /// Writes what is buffered.
    pub(super) fn flush(&self) {
        self.outlet.flush();
    }

    /// Sends what the steps still have to tell.
    pub(super) fn finish(&mut self, now: Timestamp) {
        let made = self.steps.finish(now);
        self.send_made(made, now);
    }

    /// Writes what is buffered for the last time.
    pub(super) fn close(&self) {
        self.outlet.close();
    }

    fn send_made(&mut self, made: Vec<(usize, WatchMessage)>, now: Timestamp) {
        for (place, record) in made {
            self.books.made.fetch_add(1, Relaxed);
            self.send_from(place + 1, Draft::new(Arc::new(record), now));
        }
    }

    fn send_from(&mut self, first: usize, mut draft: Draft) {
        let (steps, outlet) = (&mut self.steps, &self.outlet);
        let sent = panic::catch_unwind(AssertUnwindSafe(|| {
            if let Err(place) = steps.apply_from(first, &mut draft) {
                return Sent::Dropped(place);
            }
            let (record, level) = draft.into_parts();
            if outlet.send(&record, level) { Sent::Written } else { Sent::KeptBack }
        }));
        let books = &*self.books;
        let counter = match sent {
            Ok(Sent::Written) if books.tally.is_some() => return,
            Ok(Sent::Written) => &books.written,
            Ok(Sent::KeptBack) => &books.filtered,
            Ok(Sent::Dropped(place)) => &books.steps[place].1,
            Err(_) => &books.panicked,
        };
        counter.fetch_add(1, Relaxed);
    }
}
