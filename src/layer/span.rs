//! The context out of the application's spans: who and why, where the application says it already.

use std::{collections::BTreeMap, fmt, sync::Arc};

use mongodb::bson::Bson;
use serde::{Deserialize, Serialize};
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    layer::{Context as Spans, Layer},
    registry::{LookupSpan, SpanRef},
};

use crate::{
    context::{SpanFields, enter_span, exit_span},
    record::{Actor, Context, ContextField},
};

/// Says which fields of the application's spans are context.
///
/// ```
/// use mongowatch::{ContextField, layer::ContextSettings};
///
/// let mut settings = ContextSettings::default();
/// assert_eq!(settings.span_fields["user.id"], ContextField::Actor);
/// settings.span_fields.insert("shop.order".into(), ContextField::Labels);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ContextSettings {
    /// The part of the context that each field of a span is. An `actor` and an `on_behalf_of` are the
    /// id of a user; one of the `labels` stands under the name of its field. Default: `user.id` and
    /// `enduser.id` are the actor; `request_id`, `request.id` and `http.request_id` the request id;
    /// `tenant`, `tenant_id` and `tenant.id` the tenant.
    pub span_fields: BTreeMap<String, ContextField>,
}

impl Default for ContextSettings {
    fn default() -> Self {
        let fields = [
            ("user.id", ContextField::Actor),
            ("enduser.id", ContextField::Actor),
            ("request_id", ContextField::RequestId),
            ("request.id", ContextField::RequestId),
            ("http.request_id", ContextField::RequestId),
            ("tenant", ContextField::Tenant),
            ("tenant_id", ContextField::Tenant),
            ("tenant.id", ContextField::Tenant),
        ];
        let named = |(name, field): (&str, _)| (name.to_owned(), field);
        Self { span_fields: fields.into_iter().map(named).collect() }
    }
}

/// Takes context from the application's spans: operations that begin inside of a span carry what
/// its fields say, and what the spans around it say.
///
/// The application adds it to its own subscriber. Fields that are recorded later
/// ([`tracing::Span::record`]) count from then on. What a [scope](crate::Context::scope) says goes
/// before what spans say.
///
/// ```
/// use mongowatch::{Context, layer::ContextLayer};
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let subscriber = tracing_subscriber::registry().with(ContextLayer::default());
/// tracing::subscriber::with_default(subscriber, || {
///     let request = tracing::info_span!("request", tenant = "acme", user.id = "alice");
///     request.in_scope(|| {
///         let context = Context::current().expect("the span says something");
///         assert_eq!(context.tenant.as_deref(), Some("acme"));
///     });
/// });
/// ```
///
/// A span that the subscriber or a filter of this layer does not want says nothing.
#[derive(Clone, Debug, Default)]
pub struct ContextLayer {
    settings: Arc<ContextSettings>,
}

impl ContextLayer {
    /// A layer that takes these fields; `default` takes those of [`ContextSettings::default`], and
    /// [`Watcher::context_layer`](crate::Watcher::context_layer) those of a configuration.
    #[must_use]
    pub fn new(settings: ContextSettings) -> Self {
        Self { settings: Arc::new(settings) }
    }

    fn part(&self, field: &Field) -> Option<ContextField> {
        self.settings.span_fields.get(field.name()).copied()
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for ContextLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, spans: Spans<'_, S>) {
        let Some(span) = spans.span(id) else { return };
        let around = span.parent().and_then(|parent| fields_of(&parent));
        // Also a field that is empty yet, since it may be recorded later.
        let speaks = attributes.metadata().fields().iter().any(|field| self.part(&field).is_some());
        let fields = if speaks {
            let mut own = Context::default();
            attributes.record(&mut Reader { layer: self, context: &mut own });
            Some(SpanFields::new(own, around))
        } else {
            around
        };
        if let Some(fields) = fields {
            span.extensions_mut().replace(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, spans: Spans<'_, S>) {
        let Some(span) = spans.span(id) else { return };
        // A span that says nothing has those of its parent, and none of its values is read.
        if let Some(fields) = fields_of(&span) {
            values.record(&mut Reader { layer: self, context: &mut fields.own() });
        }
    }

    fn on_enter(&self, id: &Id, spans: Spans<'_, S>) {
        let fields = spans.span(id).and_then(|span| fields_of(&span));
        enter_span(id.into_u64(), fields);
    }

    fn on_exit(&self, id: &Id, _: Spans<'_, S>) {
        exit_span(id.into_u64());
    }
}

fn fields_of<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>) -> Option<Arc<SpanFields>> {
    span.extensions().get::<Arc<SpanFields>>().cloned()
}

/// Reads the fields of a span into its context.
struct Reader<'a> {
    layer: &'a ContextLayer,
    context: &'a mut Context,
}

impl Reader<'_> {
    fn take(&mut self, field: &Field, value: impl Into<Bson>) {
        let Some(part) = self.layer.part(field) else { return };
        let value = value.into();
        if part == ContextField::Labels {
            self.context.labels.insert(field.name(), value);
            return;
        }
        let text = match value {
            Bson::String(text) => text,
            other => other.to_string(),
        };
        // An id that is empty is none.
        let text = Some(text).filter(|text| !text.is_empty());
        let context = &mut *self.context;
        match part {
            ContextField::Actor => context.actor = text.map(Actor::user),
            ContextField::OnBehalfOf => context.on_behalf_of = text.map(Actor::user),
            ContextField::Tenant => context.tenant = text,
            ContextField::RequestId => context.request_id = text,
            ContextField::Reason => context.reason = text,
            ContextField::TraceId => context.trace_id = text,
            ContextField::SpanId => context.span_id = text,
            ContextField::Labels => {}
        }
    }
}

impl Visit for Reader<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.take(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.take(field, value),
            Err(_) => self.take(field, value.to_string()),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.take(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.take(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Formatted only if it is wanted: it may be anything.
        if self.layer.part(field).is_some() {
            self.take(field, format!("{value:?}"));
        }
    }
}
