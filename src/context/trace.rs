//! The ids of trace and span that are active where an operation begins.

use opentelemetry::{
    Context,
    trace::{SpanContext, TraceContextExt as _},
};

/// The span that an operation which begins now belongs to.
///
/// That is the active span of `opentelemetry`, which `tracing-opentelemetry` sets too, unless its
/// `with_context_activation` is off: then its present span is asked, if the feature is on. A span of
/// another process, as it is attached from a request's headers, is the last choice.
pub(super) fn active() -> Option<SpanContext> {
    let active = Context::map_current(|context| {
        context.has_active_span().then(|| context.span().span_context().clone())
    })
    .filter(SpanContext::is_valid);
    match active {
        Some(active) if !active.is_remote() => Some(active),
        remote => of_tracing_span().or(remote),
    }
}

#[cfg(feature = "tracing-opentelemetry")]
fn of_tracing_span() -> Option<SpanContext> {
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    let span = tracing::Span::current();
    if span.is_none() {
        return None;
    }
    let ids = span.context().span().span_context().clone();
    Some(ids).filter(SpanContext::is_valid)
}

#[cfg(not(feature = "tracing-opentelemetry"))]
const fn of_tracing_span() -> Option<SpanContext> {
    None
}
