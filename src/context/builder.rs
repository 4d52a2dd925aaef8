//! Saying a context, and what comes out when one is said inside of another.

use mongodb::bson::{Bson, Document};

use crate::record::{Actor, Context};

impl Context {
    /// A context that says nothing yet.
    ///
    /// ```
    /// use mongowatch::{Actor, Context};
    ///
    /// let context = Context::new()
    ///     .actor(Actor::service("billing"))
    ///     .on_behalf_of(Actor::user("u-17").name("Alice"))
    ///     .tenant("acme")
    ///     .reason("invoice run")
    ///     .label("run", 42);
    /// assert_eq!(context.tenant.as_deref(), Some("acme"));
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says who does it; a text is the id of a user.
    #[must_use]
    pub fn actor(mut self, actor: impl Into<Actor>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Says for whom the actor does it; a text is the id of a user.
    #[must_use]
    pub fn on_behalf_of(mut self, actor: impl Into<Actor>) -> Self {
        self.on_behalf_of = Some(actor.into());
        self
    }

    /// Says whose data it is.
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Says the id of the application's request.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// Says why it is done: a ticket, a job, a sentence.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Adds a label, or replaces the one of this key.
    #[must_use]
    pub fn label(mut self, key: impl Into<String>, value: impl Into<Bson>) -> Self {
        self.labels.insert(key, value);
        self
    }

    /// Adds labels, or replaces those of the same keys.
    #[must_use]
    pub fn labels(mut self, labels: Document) -> Self {
        self.labels.extend(labels);
        self
    }

    /// Says the id of the trace, 32 hexadecimal digits, for those who trace without
    /// `opentelemetry`: from there it is taken by itself.
    #[must_use]
    pub fn trace_id(mut self, id: impl Into<String>) -> Self {
        self.trace_id = Some(id.into());
        self
    }

    /// Says the id of the span, 16 hexadecimal digits; see [`Context::trace_id`].
    #[must_use]
    pub fn span_id(mut self, id: impl Into<String>) -> Self {
        self.span_id = Some(id.into());
        self
    }

    /// What this says inside of `outer`: its own, and for the rest what `outer` says.
    ///
    /// Labels are merged by their keys. A span is one of its trace: with a trace id of its own,
    /// the outer span id is not taken over.
    pub(super) fn within(mut self, outer: &Self) -> Self {
        inherit(&mut self.actor, &outer.actor);
        inherit(&mut self.on_behalf_of, &outer.on_behalf_of);
        inherit(&mut self.tenant, &outer.tenant);
        inherit(&mut self.request_id, &outer.request_id);
        inherit(&mut self.reason, &outer.reason);
        if self.trace_id.is_none() {
            inherit(&mut self.trace_id, &outer.trace_id);
            inherit(&mut self.span_id, &outer.span_id);
        }
        if !outer.labels.is_empty() {
            let mut labels = outer.labels.clone();
            labels.extend(self.labels);
            self.labels = labels;
        }
        self
    }
}

fn inherit<T: Clone>(own: &mut Option<T>, outer: &Option<T>) {
    if own.is_none() {
        own.clone_from(outer);
    }
}
