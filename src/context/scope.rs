//! Scopes: futures and closures of which a context is said.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context as Wakeup, Poll},
};

use pin_project_lite::pin_project;

use super::moment;
use crate::record::Context;

impl Context {
    /// Says this of everything that the future does, inside of what the scopes around it say where
    /// it is first polled: what is set here goes before, labels are merged.
    ///
    /// It holds for the future alone, on whatever threads that is polled. A task that the future
    /// spawns has none of it: see [`ContextExt::in_current_context`].
    ///
    /// ```
    /// use mongowatch::Context;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let tenant = || Context::current().and_then(|context| context.tenant.clone());
    /// let inner = Context::new().tenant("b");
    /// let seen = Context::new()
    ///     .actor("alice")
    ///     .tenant("a")
    ///     .scope(async { (tenant(), inner.scope(async { tenant() }).await) })
    ///     .await;
    /// assert_eq!(seen, (Some("a".to_owned()), Some("b".to_owned())));
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn scope<F: Future>(self, future: F) -> Scope<F> {
        Scope { said: Said::New(Box::new(self)), future: Some(future) }
    }

    /// Says this of everything that the closure does on this thread, inside of what the scopes
    /// around it say.
    ///
    /// A future that the closure makes is not polled in it: for one, use [`Context::scope`].
    pub fn sync_scope<R>(self, act: impl FnOnce() -> R) -> R {
        moment::enter(Some(moment::in_scope(self)), act)
    }
}

/// What a scope says.
enum Said {
    /// It was not polled yet, and does not know what it is inside of.
    New(Box<Context>),
    /// Its own, inside of the scopes around it.
    Merged(Arc<Context>),
}

pin_project! {
    /// A future of which a context is said; made by [`Context::scope`].
    #[must_use = "a future does nothing until it is awaited"]
    pub struct Scope<F> {
        said: Said,
        // None when it is done.
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Scope<F> {
        /// What the future's values do when they are dropped is done in their context too.
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let context = this.said.merge();
            moment::enter(Some(context), || this.future.set(None));
        }
    }
}

impl Said {
    fn merge(&mut self) -> Arc<Context> {
        match self {
            Self::Merged(context) => Arc::clone(context),
            Self::New(context) => {
                let context = moment::in_scope(std::mem::take(&mut **context));
                *self = Self::Merged(Arc::clone(&context));
                context
            }
        }
    }
}

impl<F: Future> Future for Scope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Wakeup<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let context = this.said.merge();
        moment::enter(Some(context), || poll_once(this.future.as_mut(), cx))
    }
}

/// Carries the context of a moment along with a future: for tasks that are spawned.
pub trait ContextExt: Future + Sized {
    /// Runs the future in the context in which this is called ([`Context::current`]), and in none
    /// if there is none, wherever it is polled.
    ///
    /// ```
    /// use mongowatch::{Context, ContextExt};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// async fn work() -> bool {
    ///     Context::current().is_some()
    /// }
    ///
    /// let request = async {
    ///     assert!(tokio::spawn(work().in_current_context()).await?);
    ///     assert!(!tokio::spawn(work()).await?);
    ///     Ok::<(), tokio::task::JoinError>(())
    /// };
    /// Context::new().actor("alice").scope(request).await
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn in_current_context(self) -> InContext<Self> {
        InContext { context: Context::current(), future: Some(self) }
    }
}

impl<F: Future> ContextExt for F {}

pin_project! {
    /// A future that runs in a context which was carried along; made by
    /// [`ContextExt::in_current_context`].
    #[must_use = "a future does nothing until it is awaited"]
    pub struct InContext<F> {
        context: Option<Arc<Context>>,
        // None when it is done.
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for InContext<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            moment::enter(this.context.take(), || this.future.set(None));
        }
    }
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Wakeup<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        moment::enter(this.context.clone(), || poll_once(this.future.as_mut(), cx))
    }
}

/// Polls a future, and drops it where it is done: in its context.
fn poll_once<F: Future>(mut future: Pin<&mut Option<F>>, cx: &mut Wakeup<'_>) -> Poll<F::Output> {
    let running = future.as_mut().as_pin_mut().expect("a future is not polled after it is done");
    let polled = running.poll(cx);
    if polled.is_ready() {
        future.set(None);
    }
    polled
}

impl<F> fmt::Debug for Scope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let context: &Context = match &self.said {
            Said::New(context) => context,
            Said::Merged(context) => context,
        };
        f.debug_tuple("Scope").field(context).finish()
    }
}

impl<F> fmt::Debug for InContext<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InContext").field(&self.context).finish()
    }
}
