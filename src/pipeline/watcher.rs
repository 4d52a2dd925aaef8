//! The watcher: what an application starts, asks and shuts down.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use tracing_subscriber::{Layer, Registry};

use super::{
    Capture, Comment, ContextRequirement, Emitter, Settings, Stats, WatchersSettings,
    books::Before,
    emitter::HandOver,
    exit,
    reload::{Live, Source},
    route::{MadeOf, Plan, Route},
    watchers::{CursorUpdates, Kinds},
    worker::{Command, Worker},
};
use crate::{
    filter::{Filter, NamedFilters, Steps},
    layer::{ContextLayer, ContextSettings, LayerSettings, Levels, Outlet, Versions},
    queue::QueueSettings,
    record::{ByWatcher, Origin, Privacy, Timestamp},
    watch_error::{Error, Result},
};

/// Watches MongoDB clients and writes their records.
///
/// A watcher owns a queue thread and the routes behind it. It lives as long as it, or a client made
/// from it, is in use; [`Watcher::shutdown`] ends it earlier and tells the books. When the last
/// handle is dropped without that, what waits is still written, for `shutdown_timeout` at most; the
/// thread that drops it waits for that, and it may be one of the runtime's, since the driver's own
/// tasks hold on to a client for a moment. What is left when the process exits, by returning from
/// `main` or by [`std::process::exit`], is written then.
///
/// ```
/// use mongowatch::{Capture, Watcher, layer::{CsvSettings, LayerSettings}};
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("audit.csv");
/// let watcher = Watcher::builder()
///     .capture(Capture::Operations)
///     .layer(LayerSettings::Csv(CsvSettings::new(path)))
///     .start()?;
/// assert!(watcher.stats().is_balanced());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Watcher {
    pub(super) pipeline: Arc<Pipeline>,
    capture: Capture,
    origin: Origin,
    policy: Arc<Policy>,
}

/// What the settings say of the context, and of what is sent for it.
pub(crate) struct Policy {
    rules: ArcSwap<Rules>,
    context_layer: ContextLayer,
}

/// The part of a policy that a reload may change.
pub(crate) struct Rules {
    pub(crate) require_context: Vec<ContextRequirement>,
    pub(crate) comment: Comment,
    pub(crate) cursor_updates: CursorUpdates,
}

impl Policy {
    /// The rules of this moment.
    pub(crate) fn rules(&self) -> arc_swap::Guard<Arc<Rules>> {
        self.rules.load()
    }

    pub(super) fn set_rules(&self, settings: &Settings) {
        self.rules.store(Arc::new(Rules::of(settings)));
    }
}

impl Rules {
    fn of(settings: &Settings) -> Self {
        Self {
            require_context: settings.require_context.clone(),
            comment: settings.comment,
            cursor_updates: settings.watchers.cursor.emit_on_new_retrieves,
        }
    }
}

/// The running parts, shared by the watcher and the emitters of its clients.
pub(super) struct Pipeline {
    pub(super) hand_over: Arc<HandOver>,
    /// What a reload starts from.
    pub(super) live: Live,
    /// Disconnected when the queue thread has ended.
    pub(super) done: Receiver<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
    pub(super) shutdown_timeout: Duration,
    /// What is to be done before the end, by those that hold back what they could emit.
    closers: Mutex<Vec<Weak<dyn AtTheEnd>>>,
    /// Was the end begun? Then there is nothing more to wait for.
    is_ended: AtomicBool,
}

/// Has something to do before a watcher ends: emit what it holds back.
pub(crate) trait AtTheEnd: Send + Sync {
    /// Does it; called once at most, and not when it was dropped before.
    fn at_the_end(&self);
}

/// Makes a [`Watcher`].
#[must_use = "a builder does nothing until `start`"]
pub struct WatcherBuilder {
    settings: Settings,
    source: Option<Source>,
    foreign: Vec<Box<dyn FnOnce(ByWatcher<Levels>) -> Outlet>>,
    filters: NamedFilters,
}

impl Watcher {
    /// Starts to build a watcher with the default settings.
    pub fn builder() -> WatcherBuilder {
        Self::with_settings(Settings::default())
    }

    /// Starts to build a watcher with these settings.
    pub fn with_settings(settings: Settings) -> WatcherBuilder {
        WatcherBuilder {
            settings,
            source: None,
            foreign: Vec::new(),
            filters: NamedFilters::default(),
        }
    }

    /// The books of this moment.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.pipeline.stats()
    }

    /// Writes everything that has been released so far.
    ///
    /// Records of operations that are still open stay in the queue.
    ///
    /// # Errors
    ///
    /// When the watcher is shut down, or does not answer within its `shutdown_timeout`.
    pub async fn flush(&self) -> Result<()> {
        let (answer, answered) = bounded(1);
        if !self.pipeline.hand_over.send(Command::Flush(answer)) {
            return Err(Error::closed());
        }
        let limit = self.pipeline.shutdown_timeout;
        match off_the_runtime(move || answered.recv_timeout(limit)).await? {
            Ok(()) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => Err(Error::closed()),
            Err(RecvTimeoutError::Timeout) => {
                let stats = self.stats();
                Err(Error::unfinished(stats.n_pending()))
            }
        }
    }

    /// Takes what was emitted, releases everything that waits, writes it, and closes the layers.
    ///
    /// Operations that are still open come out with phase `timeout`; what they emit afterwards is
    /// counted as dropped.
    ///
    /// # Errors
    ///
    /// When it does not finish within `shutdown_timeout`: the error tells how many records were
    /// left.
    pub async fn shutdown(self) -> Result<Stats> {
        let pipeline = Arc::clone(&self.pipeline);
        let finished = off_the_runtime(move || pipeline.end()).await?;
        let stats = self.stats();
        if finished { Ok(stats) } else { Err(Error::unfinished(stats.n_pending())) }
    }

    /// What of the driver's work is seen, besides the mirrored calls.
    #[must_use]
    pub const fn capture(&self) -> Capture {
        self.capture
    }

    /// A layer for the application's own subscriber, which takes context from its spans as the
    /// settings say.
    #[must_use]
    pub fn context_layer(&self) -> ContextLayer {
        self.policy.context_layer.clone()
    }

    pub(crate) const fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    pub(crate) const fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(crate) fn emitter(&self) -> Emitter {
        Emitter::new(Arc::clone(&self.pipeline.hand_over), Arc::clone(&self.pipeline))
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.stats();
        f.debug_struct("Watcher").field("capture", &self.capture).field("stats", &stats).finish()
    }
}

impl Pipeline {
    fn stats(&self) -> Stats {
        Stats::of(&self.hand_over.books)
    }

    pub(super) fn at_the_end(&self, closer: Weak<dyn AtTheEnd>) {
        let mut closers = lock(&self.closers);
        // An application may make clients without end.
        closers.retain(|closer| closer.strong_count() > 0);
        closers.push(closer);
    }

    /// Ends the queue thread; `false` when its time runs out. A second time waits for the first.
    pub(super) fn end(&self) -> bool {
        if self.is_ended.swap(true, SeqCst) {
            let _ = self.done.recv_timeout(self.shutdown_timeout);
            return self.stats().n_pending() == 0;
        }
        self.hand_over.begin_end();
        for closer in std::mem::take(&mut *lock(&self.closers)) {
            if let Some(closer) = closer.upgrade() {
                closer.at_the_end();
            }
        }
        self.hand_over.send(Command::Shutdown(Instant::now() + self.shutdown_timeout));
        // Nothing is ever sent: the channel is disconnected when the thread has ended. The thread
        // keeps to the deadline by itself unless an output hangs.
        let grace = Duration::from_millis(200);
        let waited = self.done.recv_timeout(self.shutdown_timeout + grace);
        if waited == Err(RecvTimeoutError::Timeout) {
            return false;
        }
        if lock(&self.thread).take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!(target: "mongowatch::pipeline", "the queue thread panicked");
        }
        let stats = self.stats();
        let (operations, open) = (stats.operations, stats.open);
        tracing::info!(target: "mongowatch::pipeline", operations, open, "watcher stopped");
        stats.n_pending() == 0
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it holds one of these.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.end();
        let stats = self.stats();
        let failed: u64 = stats.routes.iter().map(|route| route.failed).sum();
        if stats.dropped.total() + failed + stats.n_pending() > 0 {
            let (dropped, pending) = (stats.dropped.total(), stats.n_pending());
            tracing::warn!(
                target: "mongowatch::pipeline",
                dropped, failed, pending,
                "records were lost"
            );
        }
    }
}

/// Added to the present moment this is still a moment.
const LONGEST_SHUTDOWN: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Runs what blocks on a thread of its own, so that it works on any runtime.
pub(super) async fn off_the_runtime<T: Send + 'static>(
    act: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let spawned = thread::Builder::new().name("mongowatch-wait".into()).spawn(move || {
        // Whoever asked may have stopped waiting.
        let _ = sender.send(act());
    });
    spawned.map_err(|source| Error::closed().with_source(source))?;
    receiver.await.map_err(|_| Error::closed())
}

impl WatcherBuilder {
    /// Sets what of the driver's work is seen, besides the mirrored calls.
    pub const fn capture(mut self, capture: Capture) -> Self {
        self.settings.capture = capture;
        self
    }

    /// Sets how much of the application's data is in records.
    pub const fn privacy(mut self, privacy: Privacy) -> Self {
        self.settings.privacy = privacy;
        self
    }

    /// Sets how records wait for their final version.
    pub const fn queue(mut self, queue: QueueSettings) -> Self {
        self.settings.queue = queue;
        self
    }

    /// Sets what differs by the kind of operation.
    pub fn watchers(mut self, watchers: WatchersSettings) -> Self {
        self.settings.watchers = watchers;
        self
    }

    /// Sets how many versions of records fit between the application and the queue thread.
    pub const fn buffer(mut self, n_versions: usize) -> Self {
        self.settings.buffer = n_versions;
        self
    }

    /// Sets the level of a record's event by its phase.
    pub const fn levels(mut self, levels: Levels) -> Self {
        self.settings.levels = levels;
        self
    }

    /// Sets the name and the version of the watched service.
    pub fn service(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.settings.service = Some(name.into());
        self.settings.service_version = Some(version.into());
        self
    }

    /// Sets what of the context is taken from the application's spans.
    pub fn context(mut self, context: ContextSettings) -> Self {
        self.settings.context = context;
        self
    }

    /// Adds a rule on the context of operations; of several the first one that matches counts.
    pub fn require_context(mut self, rule: ContextRequirement) -> Self {
        self.settings.require_context.push(rule);
        self
    }

    /// Sets what stands in the comment of commands.
    pub const fn comment(mut self, comment: Comment) -> Self {
        self.settings.comment = comment;
        self
    }

    /// Adds a layer of ours.
    pub fn layer(mut self, layer: LayerSettings) -> Self {
        self.settings.layers.push(layer);
        self
    }

    /// Adds any layer of the `tracing` ecosystem, on a route of this name.
    ///
    /// It sees each released record as an event with ordinary fields; a layer that wants the
    /// record itself asks [`record_of`](crate::layer::record_of).
    pub fn foreign_layer(
        self,
        name: impl Into<String>,
        layer: impl Layer<Registry> + Send + Sync + 'static,
    ) -> Self {
        self.foreign_layer_of(name, Versions::Released, layer)
    }

    /// Adds any layer of the `tracing` ecosystem that sees these versions of the records.
    pub fn foreign_layer_of(
        mut self,
        name: impl Into<String>,
        versions: Versions,
        layer: impl Layer<Registry> + Send + Sync + 'static,
    ) -> Self {
        let name = name.into();
        let open = move |levels| Outlet::from_layer(name, levels, layer).of(versions);
        self.foreign.push(Box::new(open));
        self
    }

    /// Gives a filter of the application a name, by which `filter` steps of the configuration ask for
    /// it; each route gets one of its own.
    ///
    /// ```
    /// use mongowatch::{Watcher, filter::{Draft, Filter, Verdict}};
    ///
    /// /// Lets one record of three through.
    /// struct Third(u64);
    ///
    /// impl Filter for Third {
    ///     fn apply(&mut self, _: &mut Draft) -> Verdict {
    ///         self.0 += 1;
    ///         Verdict::pass_if(self.0 % 3 == 1)
    ///     }
    /// }
    ///
    /// let builder = Watcher::builder().filter("third", || Box::new(Third(0)));
    /// # drop(builder);
    /// ```
    pub fn filter(
        mut self,
        name: impl Into<String>,
        make: impl Fn() -> Box<dyn Filter> + Send + Sync + 'static,
    ) -> Self {
        self.filters.add(name, make);
        self
    }

    /// Says where the settings came from, so that [`Settings::reload`] can ask for them again: the
    /// file, and what reads it.
    ///
    /// [`WatcherBuilder::from_yaml_file`] says it already. What was said in code on top of the file is
    /// not said again by a reload, but for the layers and filters of the application, and for a `privacy`
    /// that is stricter than that of the file.
    pub fn reload_from(
        mut self,
        path: impl Into<PathBuf>,
        read: fn(&Path) -> Result<Settings>,
    ) -> Self {
        self.source = Some(Source::new(path.into(), read, self.settings.clone()));
        self
    }

    /// Sets how long a shutdown may take before what is left is given up; a year at most.
    pub const fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.settings.shutdown_timeout = timeout;
        self
    }

    /// Opens the layers and starts the queue thread.
    ///
    /// # Errors
    ///
    /// When a file cannot be opened, settings do not fit together, or the thread cannot be
    /// started.
    pub fn start(self) -> Result<Watcher> {
        let Self { mut settings, source, foreign, filters } = self;
        settings.shutdown_timeout = settings.shutdown_timeout.min(LONGEST_SHUTDOWN);
        if source.is_none() && !settings.reload.is_empty() {
            let message = "reload: settings that did not come from a file cannot be read again";
            return Err(Error::config(message));
        }
        if settings.layers.is_empty() && foreign.is_empty() {
            settings = settings.resolved();
        }
        let has_own_layers = !foreign.is_empty();
        let mut routes = Vec::new();
        let plan = Plan::of(&settings, &filters);
        let kinds = Kinds::of(&settings.watchers)?;
        let opened = plan.arrange(&mut routes, Timestamp::now())?;
        routes.extend(
            foreign
                .into_iter()
                .map(|open| Route::new(open(plan.defaults.levels), Steps::default(), MadeOf::Code)),
        );
        opened.take_over(&mut routes, Before::default());
        let origin = Origin {
            host: gethostname::gethostname().into_string().ok(),
            pid: Some(std::process::id()),
            service: settings.service.clone(),
            service_version: settings.service_version.clone(),
            ..Origin::default()
        };
        let (hand_over, receivers) =
            HandOver::new(settings.buffer, settings.queue.when_full, settings.privacy);
        let books = routes.iter().map(|route| Arc::clone(route.books())).collect();
        hand_over.books.set_routes(books);
        let queue = settings.queue.clone();
        let worker = Worker::new(Arc::clone(&hand_over), receivers, queue, kinds, routes);
        let (running, done) = bounded(0);
        let thread = thread::Builder::new()
            .name("mongowatch-queue".into())
            .spawn(move || {
                let _running = running;
                worker.run();
            })
            .map_err(|source| Error::closed().with_source(source))?;
        hand_over.set_thread(thread.thread().clone());
        let policy = Arc::new(Policy {
            rules: ArcSwap::from_pointee(Rules::of(&settings)),
            context_layer: ContextLayer::new(settings.context.clone()),
        });
        let (capture, shutdown_timeout) = (settings.capture, settings.shutdown_timeout);
        let pipeline = Arc::new(Pipeline {
            hand_over,
            live: Live::new(settings, filters, Arc::clone(&policy), origin.clone(), has_own_layers),
            done,
            thread: Mutex::new(Some(thread)),
            shutdown_timeout,
            closers: Mutex::default(),
            is_ended: AtomicBool::new(false),
        });
        exit::remember(exit::Started {
            pipeline: Arc::downgrade(&pipeline),
            done: pipeline.done.clone(),
            within: pipeline.shutdown_timeout,
        });
        if let Some(source) = source {
            source.follow(&pipeline)?;
        }
        tracing::info!(target: "mongowatch::pipeline", ?capture, "watcher started");
        Ok(Watcher { pipeline, capture, origin, policy })
    }
}

impl fmt::Debug for WatcherBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatcherBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
