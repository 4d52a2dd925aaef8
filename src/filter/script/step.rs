//! The step: sends records through a script.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use rhai::{AST, Dynamic, Engine, Scope};

use super::{
    OnError, ScriptSettings,
    clock::Stopwatch,
    desk::Desk,
    engine::engine,
    failure::describe,
    load::load,
    record::{NAME, Record},
};
use crate::{
    filter::{Draft, Fault, Filter, Verdict},
    record::{Timestamp, WatchMessage, WatcherName},
};

/// The step `script`; made by [`ScriptSettings::build`].
///
/// ```
/// use std::sync::Arc;
///
/// use mongowatch::{
///     Field, Timestamp, Value, WatchMessage, WatcherName,
///     bson::doc,
///     filter::{Draft, Filter, ScriptSettings, Verdict},
/// };
///
/// let code = r#"record.mask("Filter.email"); record.DB != "admin""#;
/// let mut script = ScriptSettings::new(code).build()?;
/// let start = Timestamp::from_micros(0);
/// let mut record = WatchMessage::new(WatcherName::Collection, "find", start);
/// record.set(Field::Filter, doc! { "email": "alice@example.com", "year": 1999 }.into())?;
/// let mut draft = Draft::new(Arc::new(record), start);
/// assert_eq!(script.apply(&mut draft), Verdict::Pass);
/// let masked = doc! { "email": "?string", "year": 1999 };
/// assert_eq!(draft.record().get(Field::Filter), Value::Bson(&masked.into()));
/// # Ok::<(), mongowatch::Error>(())
/// ```
pub struct Script {
    engine: Engine,
    ast: AST,
    code: Box<str>,
    desk: Desk,
    stopwatch: Arc<Stopwatch>,
    on_error: OnError,
    errors: Arc<AtomicU64>,
    /// Why it failed at the last record, if it did.
    failure: Option<(String, u64)>,
}

impl Script {
    /// Are there scripts in this build?
    #[expect(clippy::unnecessary_wraps, reason = "a build without scripts says so here")]
    pub(super) const fn check_present() -> Result<(), Fault> {
        Ok(())
    }

    pub(super) fn new(code: &str, settings: &ScriptSettings) -> Result<Self, Fault> {
        let start = Timestamp::from_micros(0);
        let blank = Arc::new(WatchMessage::new(WatcherName::Watcher, "", start));
        let desk = Desk::new(Draft::new(blank, start), settings.max_operations);
        let stopwatch = Arc::new(Stopwatch::new(settings.timeout));
        let engine = engine(settings.max_operations, Arc::clone(&stopwatch));
        let ast = load(&engine, code, &Record(desk.clone()))?;
        let (on_error, errors) = (settings.on_error, Arc::default());
        let code = code.into();
        Ok(Self { engine, ast, code, desk, stopwatch, on_error, errors, failure: None })
    }

    /// At how many records it has failed.
    pub(in crate::filter) fn errors(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.errors)
    }

    /// Why it failed at the record that was sent last, and at how many records it has failed by now.
    pub(in crate::filter) fn take_failure(&mut self) -> Option<(String, u64)> {
        self.failure.take()
    }
}

impl Filter for Script {
    fn apply(&mut self, draft: &mut Draft) -> Verdict {
        let mut scope = Scope::new();
        scope.push(NAME, Record(self.desk.clone()));
        self.stopwatch.reset();
        // The draft itself lies on the desk, not a copy of it: what no other route shares is changed
        // in its place.
        self.desk.exchange(draft);
        let result = self.engine.eval_ast_with_scope::<Dynamic>(&mut scope, &self.ast);
        self.desk.exchange(draft);
        match result {
            Ok(value) => Verdict::pass_if(!matches!(value.as_bool(), Ok(false))),
            Err(error) => {
                let n_failures = self.errors.fetch_add(1, Relaxed) + 1;
                self.failure = Some((describe(&error, &self.code), n_failures));
                Verdict::pass_if(self.on_error == OnError::Pass)
            }
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("on_error", &self.on_error).finish_non_exhaustive()
    }
}
