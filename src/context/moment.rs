//! The context of this moment on this thread.
//!
//! Two things say it, each in a thread-local: the scopes, which set it for each poll of their
//! future, and the application's spans, as the [`ContextLayer`](crate::layer::ContextLayer) sees
//! them entered and left. They are put together when somebody asks. A `tokio` task-local would know
//! the scopes too, but it panics on a thread that ends.

use std::{
    cell::RefCell,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::trace;
use crate::record::Context;

thread_local! {
    /// What the scopes say, the inner ones in the outer ones already.
    static SCOPED: RefCell<Option<Arc<Context>>> = const { RefCell::new(None) };
    /// The spans that are entered, the last one innermost; those that say nothing too, since what
    /// counts is the innermost.
    static SPANS: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
}

/// A span that is entered: its id, and what it and those around it say.
type Entered = (u64, Option<Arc<SpanFields>>);

/// What the fields of a span say, and those of the spans around it.
pub(crate) struct SpanFields {
    /// Fields may be recorded while the span is open.
    own: Mutex<Context>,
    around: Option<Arc<Self>>,
}

impl SpanFields {
    pub(crate) fn new(own: Context, around: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self { own: Mutex::new(own), around })
    }

    /// What the span itself says.
    pub(crate) fn own(&self) -> MutexGuard<'_, Context> {
        // Nothing panics while it holds the lock; if it did, plain data is still good to read.
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn merged(&self) -> Context {
        let mut merged = self.own().clone();
        let mut around = &self.around;
        while let Some(span) = around {
            merged = merged.within(&span.own());
            around = &span.around;
        }
        merged
    }
}

impl Context {
    /// The context of this moment: what the scopes around it say, and the fields of the
    /// application's spans. None when nobody says anything.
    ///
    /// The ids of trace and span that come from `opentelemetry` are looked up when an operation
    /// begins, and are not in here.
    ///
    /// ```
    /// use mongowatch::Context;
    ///
    /// assert!(Context::current().is_none());
    /// Context::new().actor("alice").sync_scope(|| {
    ///     // For a thread, which has a context of its own.
    ///     let context = Context::current().map(std::sync::Arc::unwrap_or_clone).unwrap_or_default();
    ///     let thread = std::thread::spawn(|| {
    ///         context.sync_scope(|| assert!(Context::current().is_some()));
    ///     });
    ///     thread.join().expect("the thread does not panic");
    /// });
    /// ```
    #[must_use]
    pub fn current() -> Option<Arc<Self>> {
        let spans = spanned();
        match (scoped(), spans) {
            (scoped, None) => scoped,
            (None, Some(spans)) => Some(spans.merged()).filter(says_something).map(Arc::new),
            (Some(scoped), Some(spans)) => Some(Arc::new(inside(&scoped, &spans.merged()))),
        }
    }
}

/// The context of an operation that begins now.
pub(crate) fn at_start() -> Option<Arc<Context>> {
    let current = Context::current();
    if current.as_ref().is_some_and(|context| context.trace_id.is_some()) {
        return current;
    }
    let Some(ids) = trace::active() else { return current };
    let mut context = current.map_or_else(Context::default, Arc::unwrap_or_clone);
    context.trace_id = Some(ids.trace_id().to_string());
    context.span_id.get_or_insert_with(|| ids.span_id().to_string());
    Some(Arc::new(context))
}

/// What the scopes say.
pub(super) fn scoped() -> Option<Arc<Context>> {
    // A thread that ends has no scope any more.
    SCOPED.try_with(|scoped| scoped.borrow().clone()).ok().flatten()
}

/// What is said inside of what the scopes say already.
pub(super) fn in_scope(context: Context) -> Arc<Context> {
    Arc::new(match scoped() {
        Some(outer) => context.within(&outer),
        None => context,
    })
}

/// Runs `act` while the scopes say this, and nothing else.
pub(super) fn enter<R>(context: Option<Arc<Context>>, act: impl FnOnce() -> R) -> R {
    /// Puts back what was there before, when `act` panics too.
    struct Restore(Option<Arc<Context>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let before = self.0.take();
            // A thread that ends has no scope any more.
            let _ = SCOPED.try_with(|scoped| scoped.replace(before));
        }
    }
    let before = SCOPED.try_with(|scoped| scoped.replace(context)).ok().flatten();
    let _restore = Restore(before);
    act()
}

/// A span is entered on this thread.
pub(crate) fn enter_span(id: u64, fields: Option<Arc<SpanFields>>) {
    // A thread that ends begins no operation any more.
    let _ = SPANS.try_with(|spans| spans.borrow_mut().push((id, fields)));
}

/// A span is left on this thread; not always the one that was entered last.
pub(crate) fn exit_span(id: u64) {
    let leave = |spans: &RefCell<Vec<Entered>>| {
        let mut spans = spans.borrow_mut();
        let place = spans.iter().rposition(|(entered, _)| *entered == id)?;
        // Dropped outside of the borrow: with the last handle to it, an outer span's goes too.
        Some(spans.remove(place))
    };
    drop(SPANS.try_with(leave));
}

/// The innermost span, if it says anything.
fn spanned() -> Option<Arc<SpanFields>> {
    SPANS.try_with(|spans| spans.borrow().last().and_then(|(_, fields)| fields.clone())).ok()?
}

fn inside(inner: &Context, outer: &Context) -> Context {
    inner.clone().within(outer)
}

fn says_something(context: &Context) -> bool {
    *context != Context::default()
}
