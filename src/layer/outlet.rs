//! From settings to something that takes records: an outlet is one way out of the pipeline.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tracing_core::{
    Dispatch, Interest, LevelFilter, Metadata, Subscriber, subscriber::NoSubscriber,
};
use tracing_subscriber::{Layer, Registry, layer::SubscriberExt as _};

use crate::{
    layer::{
        LayerSettings, Levels, Shown, Tally, Versions,
        dispatch::{Values, dispatch_at},
        event,
        lines::{self, Lines},
        output::Output,
    },
    record::{ByWatcher, EventLevel, WatchMessage},
    watch_error::{Error, Result},
};

/// What a layer takes from its watcher unless it says otherwise itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Defaults {
    /// The level by phase, of the records of each watcher.
    pub levels: ByWatcher<Levels>,
    /// The fields of `{watch}` and `{rest}`, in the same way.
    pub fields: ByWatcher<Shown>,
}

/// One way out of the pipeline: a name, the layers behind it, and their books.
///
/// The queue thread [sends](Self::send) released records, [flushes](Self::flush) after each batch
/// and [closes](Self::close) at the end.
#[derive(Debug)]
pub(crate) struct Outlet {
    name: String,
    levels: ByWatcher<Levels>,
    versions: Versions,
    to: To,
    output: Option<Arc<Mutex<Output>>>,
    tally: Option<Arc<Tally>>,
}

#[derive(Debug)]
enum To {
    /// This subscriber.
    Given(Dispatch),
    /// The global default of the moment.
    Global,
}

/// The names of the layers' routes, in their order.
///
/// # Errors
///
/// When two of them have one name or one file.
pub(crate) fn names(settings: &[LayerSettings]) -> Result<Vec<String>> {
    let names = LayerSettings::routes(settings);
    let (mut taken, mut written) = (HashSet::new(), HashSet::new());
    for (name, layer) in names.iter().zip(settings) {
        if !taken.insert(name) {
            return Err(Error::config(format!("two layers have the name `{name}`")));
        }
        if let Some(path) = layer.path()
            && !written.insert(absolute(path))
        {
            let path = path.display();
            return Err(Error::config(format!("{name}: another layer writes to {path} too")));
        }
    }
    Ok(names)
}

/// The path from the root on, by which two ways to write it are known to be one: `a.csv` and `./a.csv`.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl Outlet {
    /// Opens the outlet that the settings ask for.
    ///
    /// # Errors
    ///
    /// When the settings do not fit together or the file cannot be opened.
    pub(crate) fn open(name: String, layer: &LayerSettings, defaults: &Defaults) -> Result<Self> {
        layer.check()?;
        let levels = layer.levels().map_or(defaults.levels, ByWatcher::from);
        let Some((format, output)) = lines::open(&name, layer, defaults)? else {
            return Ok(Self::application(name, levels).of(layer.versions()));
        };
        let tally = output.tally();
        let output = Arc::new(Mutex::new(output));
        let lines = Lines::new(format, Arc::clone(&output));
        let mut outlet = Self::from_layer(name, levels, lines).of(layer.versions());
        outlet.output = Some(output);
        outlet.tally = Some(tally);
        Ok(outlet)
    }

    /// An outlet to any layer of the `tracing` ecosystem.
    pub(crate) fn from_layer(
        name: impl Into<String>,
        levels: impl Into<ByWatcher<Levels>>,
        layer: impl Layer<Registry> + Send + Sync + 'static,
    ) -> Self {
        event::register_all();
        let subscriber = Registry::default().with(layer).with(RecordsOnly);
        let to = To::Given(Dispatch::new(subscriber));
        let versions = Versions::default();
        Self { name: name.into(), levels: levels.into(), versions, to, output: None, tally: None }
    }

    /// An outlet to the application's own subscriber: the default of the present thread or, if it
    /// has none, the global default of the moment in which a record goes out.
    pub(crate) fn application(
        name: impl Into<String>,
        levels: impl Into<ByWatcher<Levels>>,
    ) -> Self {
        let to = tracing_core::dispatcher::get_default(|present| {
            if present.is::<NoSubscriber>() { To::Global } else { To::Given(present.clone()) }
        });
        Self {
            name: name.into(),
            levels: levels.into(),
            versions: Versions::Released,
            to,
            output: None,
            tally: None,
        }
    }

    /// The same outlet for these versions of the records.
    pub(crate) fn of(self, versions: Versions) -> Self {
        Self { versions, ..self }
    }

    /// Which versions of a record the outlet wants.
    pub(crate) const fn versions(&self) -> Versions {
        self.versions
    }

    /// The name of the route in books and warnings.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The books of our own layers; a foreign layer keeps none.
    pub(crate) fn tally(&self) -> Option<&Arc<Tally>> {
        self.tally.as_ref()
    }

    /// Hands a record over, at this level or else at that of its phase; says whether it was taken,
    /// as [`dispatch`](super::dispatch()) does.
    pub(crate) fn send(&self, record: &Arc<WatchMessage>, level: Option<EventLevel>) -> bool {
        let level = level.unwrap_or_else(|| self.levels.of(record.watcher).of(record.phase));
        match &self.to {
            // Our own layers are those that have an output.
            To::Given(to) if self.output.is_some() => {
                dispatch_at(to, level, record, Values::LeftOut)
            }
            To::Given(to) => dispatch_at(to, level, record, Values::Given),
            To::Global => tracing_core::dispatcher::get_default(|to| {
                dispatch_at(to, level, record, Values::Given)
            }),
        }
    }

    /// Writes what is buffered. What cannot be written is kept for the next time, or counted as
    /// failed when there is too much of it.
    pub(crate) fn flush(&self) {
        if let Some(output) = &self.output {
            lock(output).flush();
        }
    }

    /// Writes what is buffered for the last time; what cannot be written is lost and counted.
    pub(crate) fn close(&self) {
        if let Some(output) = &self.output {
            lock(output).close();
        }
    }
}

/// A panic of another layer does not stop the writing.
pub(super) fn lock(output: &Mutex<Output>) -> std::sync::MutexGuard<'_, Output> {
    output.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps an outlet's subscriber out of the application's own events.
///
/// `tracing` asks every living subscriber whether a callsite is of interest, and switches off what
/// none wants. Without this layer, an outlet would seem to want everything, and each `trace!` of
/// the application, the driver and the runtime would cost more for being watched.
pub(super) struct RecordsOnly;

impl<S: Subscriber> Layer<S> for RecordsOnly {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if event::is_record(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        // For the macros of the application: records do not pass by this gate.
        Some(LevelFilter::OFF)
    }
}
