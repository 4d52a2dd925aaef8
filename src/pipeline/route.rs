//! One way out: the steps that a record goes through, the outlet behind them, and the books.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use super::{
    WatchersSettings,
    books::{Before, RouteBooks},
    watchers::Kinds,
};
use crate::{
    filter::{Draft, NamedFilters, Part, StepFailure, StepSettings, Steps},
    layer::{Defaults, LayerSettings, Outlet, Versions, names},
    record::{Privacy, Timestamp, WatchMessage},
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
    /// The configuration, and the files with code that it names.
    Settings(Box<(LayerSettings, Defaults, Vec<Option<String>>)>),
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

/// What the routes are to be.
pub(super) struct Plan {
    pub(super) layers: Vec<LayerSettings>,
    /// The watcher's own; that of a layer may be stricter.
    pub(super) privacy: Privacy,
    /// The watcher's own so far.
    pub(super) before: Privacy,
    pub(super) defaults: Defaults,
    pub(super) filters: NamedFilters,
    pub(super) watchers: WatchersSettings,
}

/// The routes of a plan, in its order: those that run already and are the same go on as they are, the
/// others are opened. Those of the application's own layers go on in any case.
pub(super) struct Arranged {
    routes: Vec<Arrangement>,
}

enum Arrangement {
    /// The running route at this place.
    Running(usize),
    Opened(Box<Route>),
}

impl Plan {
    /// Arranges the routes, and opens those that are new.
    ///
    /// # Errors
    ///
    /// When settings do not fit together or a file cannot be opened; the message names the route. The
    /// running ones are as they were.
    pub(super) fn arrange(&self, running: &mut [Route], now: Timestamp) -> Result<Arranged> {
        let names = names(&self.layers)?;
        self.layers.iter().try_for_each(|layer| layer.check_privacy(self.privacy))?;
        let same = |name: &str, layer: &LayerSettings| {
            let made_of = self.made_of(layer);
            running.iter().position(|route| route.name() == name && route.made_of == made_of)
        };
        let places: Vec<_> =
            names.iter().zip(&self.layers).map(|(name, layer)| same(name, layer)).collect();
        // All steps before any file is made.
        let mut steps = Vec::with_capacity(names.len());
        for ((name, layer), place) in names.iter().zip(&self.layers).zip(&places) {
            steps.push(match place {
                Some(_) => None,
                None => Some(steps_of(name, layer, &self.filters)?),
            });
        }
        // What a route has to tell is written before another one opens the same file, and what was summed
        // up under a milder policy is told before the stricter one counts.
        let is_stricter = self.privacy > self.before;
        for (place, route) in running.iter_mut().enumerate() {
            let goes = route.made_of != MadeOf::Code && !places.contains(&Some(place));
            if goes || is_stricter {
                route.finish(now);
                route.flush();
            }
        }
        let mut routes = Vec::with_capacity(names.len());
        for (((name, layer), place), steps) in
            names.into_iter().zip(&self.layers).zip(places).zip(steps)
        {
            routes.push(match (place, steps) {
                (Some(place), _) => Arrangement::Running(place),
                (None, steps) => {
                    let outlet = Outlet::open(name, layer, &self.defaults)?;
                    let route = Route::new(outlet, steps.unwrap_or_default(), self.made_of(layer));
                    Arrangement::Opened(Box::new(route))
                }
            });
        }
        Ok(Arranged { routes })
    }

    fn made_of(&self, layer: &LayerSettings) -> MadeOf {
        let code = layer.steps().iter().map(StepSettings::code_of_file).collect();
        MadeOf::Settings(Box::new((layer.clone(), self.defaults.clone(), code)))
    }
}

fn steps_of(name: &str, layer: &LayerSettings, filters: &NamedFilters) -> Result<Steps> {
    let steps = Steps::build(layer.steps(), filters)
        .map_err(|fault| fault.within("steps".into()).within(Part::from(name)))?;
    Ok(steps.behind(layer.privacy()))
}

impl Arranged {
    /// Puts the routes in the place of the running ones, and closes those that are not among them.
    /// `before` is what is on the books of this moment, for the new ones.
    pub(super) fn take_over(self, running: &mut Vec<Route>, before: Before) {
        let mut old: Vec<_> = running.drain(..).map(Some).collect();
        for arrangement in self.routes {
            match arrangement {
                Arrangement::Running(place) => running.extend(old[place].take()),
                Arrangement::Opened(route) => {
                    route.books.begin_after(before);
                    running.push(*route);
                }
            }
        }
        for route in old.into_iter().flatten() {
            if route.made_of == MadeOf::Code {
                running.push(route);
            } else {
                route.close();
            }
        }
    }
}

impl Route {
    pub(super) fn new(outlet: Outlet, steps: Steps, made_of: MadeOf) -> Self {
        let books = RouteBooks::new(
            outlet.name(),
            outlet.versions() == Versions::All,
            steps.names().zip(steps.errors()),
            outlet.tally().cloned(),
        );
        Self { outlet, steps, books: Arc::new(books), made_of }
    }

    pub(super) const fn books(&self) -> &Arc<RouteBooks> {
        &self.books
    }

    fn name(&self) -> &str {
        self.outlet.name()
    }

    /// Does the route see every version, and not only those that the queue releases?
    pub(super) fn sees_every_version(&self) -> bool {
        self.books.every_version
    }

    /// Sends a record and counts it. A step or a layer that panics loses this record and no other.
    pub(super) fn send(&mut self, record: &Arc<WatchMessage>, kinds: &Kinds, now: Timestamp) {
        let draft = Draft::new(Arc::clone(record), now);
        self.count(draft, |steps, draft| {
            steps.admit(draft);
            kinds.apply(draft);
            steps.apply_from(0, draft)
        });
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
            let draft = Draft::new(Arc::new(record), now);
            self.count(draft, |steps, draft| steps.apply_from(place + 1, draft));
        }
    }

    /// Sends a record on its way through the steps, and counts what becomes of it.
    fn count(
        &mut self,
        mut draft: Draft,
        apply: impl FnOnce(&mut Steps, &mut Draft) -> std::result::Result<(), usize>,
    ) {
        let (steps, outlet) = (&mut self.steps, &self.outlet);
        let sent = panic::catch_unwind(AssertUnwindSafe(|| {
            if let Err(place) = apply(steps, &mut draft) {
                return Sent::Dropped(place);
            }
            let (record, level) = draft.into_parts();
            if outlet.send(&record, level) { Sent::Written } else { Sent::KeptBack }
        }));
        self.warn_of_failures();
        let books = &*self.books;
        let counter = match sent {
            Ok(Sent::Written) if books.tally.is_some() => return,
            Ok(Sent::Written) => &books.written,
            Ok(Sent::KeptBack) => &books.filtered,
            Ok(Sent::Dropped(place)) => &books.steps[place].filtered,
            Err(_) => &books.panicked,
        };
        counter.fetch_add(1, Relaxed);
    }

    /// Says once for each step that it has failed; after that, the books count.
    fn warn_of_failures(&mut self) {
        while let Some(failure) = self.steps.take_failure() {
            if failure.n_failures == 1 {
                let (route, StepFailure { step, message, .. }) = (self.name(), &failure);
                tracing::warn!(target: "mongowatch::pipeline", route, step, message, "a step failed");
            }
        }
    }
}
