//! Another configuration for a watcher that runs: taken as a whole or not at all.
//!
//! The queue thread changes its routes between two records. It opens what is new first; if that
//! fails, nothing has changed. A route that is the same in both configurations goes on as it is, with
//! its file and its counts. Every reload, also one that is refused, is a record of its own, which no
//! step keeps back.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, SystemTime},
};

use crossbeam_channel::{RecvTimeoutError, bounded};
use mongodb::bson::doc;
use sha2::{Digest as _, Sha256};

use super::{
    ReloadOn, Settings, Watcher,
    route::Plan,
    watcher::{Pipeline, Policy, lock, off_the_runtime},
    worker::{Claim, Command},
};
use crate::{
    filter::NamedFilters,
    record::{
        ErrorInfo, Iteration, Origin, Outcome, Phase, Privacy, Timestamp, WatchMessage, WatcherName,
    },
    watch_error::{Error, Result},
};

/// What a reload starts from.
pub(super) struct Live {
    settings: Mutex<Settings>,
    filters: NamedFilters,
    policy: Arc<Policy>,
    origin: Arc<Origin>,
    /// Has the application layers of its own, so that none of the configuration is enough?
    has_own_layers: bool,
}

/// The file that settings were read from, and how it is read.
pub(super) struct Source {
    path: PathBuf,
    read: fn(&Path) -> Result<Settings>,
    /// As they stood in the file.
    settings: Settings,
    /// What code said on top of it, if that is the stricter policy: the file does not undo it.
    privacy: Privacy,
}

impl Watcher {
    /// Lets the watcher go on with other settings.
    ///
    /// What can change are the layers with their steps, the levels, the fields, `watchers`, `privacy`,
    /// `require_context` and `comment`; the rest (`capture`, `buffer`, `queue`, `service`...) is said once. No record is
    /// lost, and none sees a part of the old and a part of the new settings: what was emitted before
    /// goes to the old layers, unless it waits in the queue. Layers that stay the same go on with
    /// their file and their counts; the layers that the application gave stay. The change is itself
    /// a record: its watcher is `mongowatch.watcher`, its operation `audit_configure`, and Extra holds
    /// who asked for it and a hash (SHA-256) of the settings before and after.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use mongowatch::{Settings, Watcher, layer::{CsvSettings, LayerSettings}};
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let csv = |name| LayerSettings::Csv(CsvSettings::new(directory.path().join(name)));
    /// let watcher = Watcher::builder().layer(csv("before.csv")).start()?;
    /// let mut settings = Settings::default();
    /// settings.layers.push(csv("after.csv"));
    /// watcher.reload(settings).await?;
    /// assert!(directory.path().join("after.csv").exists());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When a setting changed that cannot change, when settings do not fit together, when a file
    /// cannot be opened, or when the watcher is shut down. It goes on as it was then.
    pub async fn reload(&self, settings: Settings) -> Result<()> {
        let pipeline = Arc::clone(&self.pipeline);
        off_the_runtime(move || pipeline.reload(Ok(settings), "call")).await?
    }
}

impl Plan {
    /// What the settings say of the routes.
    pub(super) fn of(settings: &Settings, filters: &NamedFilters) -> Self {
        Self {
            layers: settings.layers.clone(),
            privacy: settings.privacy,
            before: settings.privacy,
            defaults: settings.defaults(),
            filters: filters.clone(),
            watchers: settings.watchers.clone(),
        }
    }
}

impl Live {
    pub(super) fn new(
        settings: Settings,
        filters: NamedFilters,
        policy: Arc<Policy>,
        origin: Origin,
        has_own_layers: bool,
    ) -> Self {
        let (settings, origin) = (Mutex::new(settings), Arc::new(origin));
        Self { settings, filters, policy, origin, has_own_layers }
    }
}

impl Pipeline {
    /// Takes the settings over, and tells of it; one reload at a time.
    fn reload(&self, settings: Result<Settings>, asked_by: &str) -> Result<()> {
        let mut present = lock(&self.live.settings);
        let start = Timestamp::now();
        let result = settings.and_then(|settings| self.change(&present, settings));
        self.tell(start, asked_by, &present, &result);
        match result {
            Ok(settings) => {
                tracing::info!(target: TARGET, asked_by, "configuration taken over");
                *present = settings;
                Ok(())
            }
            Err(error) => {
                let cause = &error as &dyn std::error::Error;
                tracing::error!(
                    target: TARGET, asked_by, error = cause,
                    "configuration refused, the old one stays"
                );
                Err(error)
            }
        }
    }

    fn change(&self, present: &Settings, mut settings: Settings) -> Result<Settings> {
        settings.shutdown_timeout = present.shutdown_timeout.min(settings.shutdown_timeout);
        if let Some(key) = changed_for_good(present, &settings) {
            let message = format!("{key} cannot change while the watcher runs");
            return Err(Error::config(message));
        }
        if settings.layers.is_empty() && !self.live.has_own_layers {
            settings = settings.resolved();
        }
        // The stricter policy holds from before the first new layer to after the last old one.
        let before = self.hand_over.privacy();
        self.hand_over.set_privacy(before.max(settings.privacy));
        let arranged = self.arrange(&settings, before);
        let after = if arranged.is_ok() { settings.privacy } else { before };
        self.hand_over.set_privacy(after);
        arranged?;
        self.live.policy.set_rules(&settings);
        Ok(settings)
    }

    /// Lets the queue thread change its routes.
    fn arrange(&self, settings: &Settings, before: Privacy) -> Result<()> {
        let (answer, answered) = bounded(1);
        let claim = Claim::default();
        let plan = Plan { before, ..Plan::of(settings, &self.live.filters) };
        if !self.hand_over.send(Command::Arrange(Box::new(plan), claim.clone(), answer)) {
            return Err(Error::closed());
        }
        match answered.recv_timeout(self.shutdown_timeout) {
            Ok(arranged) => arranged,
            Err(RecvTimeoutError::Disconnected) => Err(Error::closed()),
            Err(RecvTimeoutError::Timeout) if claim.take() => {
                Err(Error::config("the queue thread does not answer"))
            }
            // It has begun: what comes of it counts.
            Err(RecvTimeoutError::Timeout) => {
                answered.recv().unwrap_or_else(|_| Err(Error::closed()))
            }
        }
    }

    /// Emits the record of a reload.
    fn tell(&self, start: Timestamp, asked_by: &str, from: &Settings, to: &Result<Settings>) {
        let mut record =
            Box::new(WatchMessage::new(WatcherName::Watcher, "audit_configure", start));
        record.seq = self.hand_over.begin();
        record.origin = Arc::clone(&self.live.origin);
        record.iteration = Iteration::Final(Some(0));
        record.phase = Phase::Final;
        record.end_time = Some(Timestamp::now());
        let mut extra = doc! { "AskedBy": asked_by, "From": hash(from) };
        match to {
            Ok(settings) => {
                record.outcome = Some(Outcome::Ok);
                extra.insert("To", hash(settings));
            }
            Err(error) => {
                record.outcome = Some(Outcome::Error);
                let message = Some(error.to_string());
                record.error = Some(Arc::new(ErrorInfo { message, ..ErrorInfo::default() }));
            }
        }
        record.extra = Some(Arc::new(extra));
        self.hand_over.emit(record);
    }
}

/// The first setting that is said once and differs.
fn changed_for_good(present: &Settings, next: &Settings) -> Option<&'static str> {
    let same = [
        ("capture", present.capture == next.capture),
        ("service", present.service == next.service),
        ("service_version", present.service_version == next.service_version),
        ("context", present.context == next.context),
        ("buffer", present.buffer == next.buffer),
        ("queue", present.queue == next.queue),
        ("reload", present.reload == next.reload),
    ];
    same.into_iter().find(|(_, same)| !same).map(|(key, _)| key)
}

/// SHA-256 of settings, in hexadecimal digits; secrets are not part of it.
fn hash(settings: &Settings) -> String {
    // Settings are plain data; what could not be written would be no settings.
    let json = serde_json::to_vec(settings).unwrap_or_default();
    Sha256::digest(&json).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Source {
    pub(super) const fn new(
        path: PathBuf,
        read: fn(&Path) -> Result<Settings>,
        settings: Settings,
    ) -> Self {
        Self { path, read, settings, privacy: Privacy::Full }
    }

    /// Reads the file again when its settings ask for it, on a thread that ends with the pipeline.
    ///
    /// # Errors
    ///
    /// When the thread cannot be started, or the signal cannot be caught.
    pub(super) fn follow(mut self, pipeline: &Arc<Pipeline>) -> Result<()> {
        if self.settings.reload.is_empty() {
            return Ok(());
        }
        // What code has said on top of the file is no change of the file.
        *lock(&pipeline.live.settings) = self.settings.clone();
        let privacy = pipeline.hand_over.privacy();
        if privacy > self.settings.privacy {
            self.privacy = privacy;
        }
        let signal = Arc::new(AtomicBool::new(false));
        if self.settings.reload.contains(&ReloadOn::Sighup) {
            catch_sighup(&signal)?;
        }
        let (done, pipeline) = (pipeline.done.clone(), Arc::downgrade(pipeline));
        let mut seen = Seen::of(&self.path);
        let look = move || {
            // Nothing is ever sent: the channel is disconnected when the queue thread has ended.
            while done.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                if signal.swap(false, Relaxed) {
                    seen.file = Stamp::of(&self.path);
                    self.reload(&pipeline, "SIGHUP");
                } else if self.settings.reload.contains(&ReloadOn::File)
                    && seen.has_changed(&self.path)
                {
                    self.reload(&pipeline, "file");
                }
            }
        };
        let thread = thread::Builder::new().name("mongowatch-reload".into()).spawn(look);
        thread.map(drop).map_err(|source| Error::closed().with_source(source))
    }

    fn reload(&self, pipeline: &Weak<Pipeline>, asked_by: &str) {
        if let Some(pipeline) = pipeline.upgrade() {
            let asked_by = format!("{asked_by}: {}", self.path.display());
            let mut settings = (self.read)(&self.path);
            if let Ok(settings) = &mut settings {
                settings.privacy = settings.privacy.max(self.privacy);
            }
            // Told as a record and in the log; there is nobody else to tell.
            let _ = pipeline.reload(settings, &asked_by);
        }
    }
}

const TARGET: &str = "mongowatch::pipeline";

/// So often the file is looked at. An editor that writes in pieces is waited for: a file is read when
/// two looks found it the same.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What was last seen of a file.
struct Seen {
    file: Stamp,
    /// It has changed, and may do so again.
    changing: Option<Stamp>,
}

/// What tells one state of a file from another; none if there is no file.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp(Option<(u64, Option<SystemTime>, u64)>);

impl Stamp {
    fn of(path: &Path) -> Self {
        let meta = fs::metadata(path).ok();
        Self(meta.map(|meta| (meta.len(), meta.modified().ok(), inode(&meta))))
    }
}

impl Seen {
    fn of(path: &Path) -> Self {
        Self { file: Stamp::of(path), changing: None }
    }

    fn has_changed(&mut self, path: &Path) -> bool {
        let now = Stamp::of(path);
        // A file that is gone is about to come back.
        if now.0.is_none() || now == self.file {
            self.changing = None;
            return false;
        }
        if self.changing == Some(now) {
            self.changing = None;
            self.file = now;
            return true;
        }
        self.changing = Some(now);
        false
    }
}

/// The number of the file itself: an editor that replaces a file makes another one.
#[cfg(unix)]
fn inode(meta: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(meta)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}

/// Sets the flag at each SIGHUP, in addition to what the application does then.
#[cfg(unix)]
fn catch_sighup(flag: &Arc<AtomicBool>) -> Result<()> {
    let caught = signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::clone(flag));
    caught
        .map(drop)
        .map_err(|source| Error::config("reload: SIGHUP cannot be caught").with_source(source))
}

#[cfg(not(unix))]
fn catch_sighup(_: &Arc<AtomicBool>) -> Result<()> {
    Err(Error::config("reload: there is no `sighup` on this system"))
}
