//! Door C: the driver's spans, through a tracer provider of ours.
//!
//! The driver makes a span for each of its operations and, inside it, one for each command. Ours
//! look at the attributes and pass everything on to the provider that the application has set, if
//! it has asked for one. Spans carry no bodies, so there are no counts and no bytes here.
//!
//! The driver never says that an operation succeeded. But a span that ends because its work is done
//! is dropped while that work is being polled, and one whose future was dropped is not: then the
//! operation is not the current one. That is how cancellation is told from success.

mod joined;

use std::{borrow::Cow, sync::Arc, time::SystemTime};

use mongodb::options::ClientOptions;
use opentelemetry::{
    Context, InstrumentationScope, KeyValue,
    global::{BoxedSpan, BoxedTracer, ObjectSafeTracerProvider},
    trace::{Span, SpanBuilder, SpanContext, Status, Tracer, TracerProvider},
};

use self::joined::{SeenSpan, SpanDoor};
use super::probe::Probe;

type AnyProvider = Arc<dyn ObjectSafeTracerProvider + Send + Sync>;

/// Sets our tracer provider, with the application's behind it.
pub(super) fn open(probe: &Arc<Probe>, options: &mut ClientOptions) {
    let theirs = options.tracing.take();
    let enabled = theirs.as_ref().and_then(|theirs| theirs.enabled).unwrap_or_else(enabled_by_env);
    let text_max = theirs.as_ref().and_then(|theirs| theirs.query_text_max_length);
    let provider = theirs.and_then(|theirs| theirs.tracer_provider);
    let behind = match (enabled, provider) {
        (false, _) => Behind::Nothing,
        (true, Some(provider)) => Behind::Provider(provider),
        (true, None) => Behind::Global,
    };
    // Without a provider behind, nobody reads the text of the commands, whatever the environment
    // says of its length.
    let text_max = if enabled { text_max } else { Some(0) };
    let door = SpanDoor::new(probe);
    let tracing = mongodb::otel::OpentelemetryOptions::builder()
        .enabled(true)
        .tracer_provider(WatchProvider { door, behind });
    options.tracing = Some(match text_max {
        Some(length) => tracing.query_text_max_length(length).build(),
        None => tracing.build(),
    });
}

/// Did the environment switch the driver's spans on? The driver looks at the same variable.
fn enabled_by_env() -> bool {
    std::env::var("OTEL_RUST_INSTRUMENTATION_MONGODB_ENABLED")
        .is_ok_and(|value| matches!(value.as_str(), "1" | "true" | "yes"))
}

/// The provider that the application wants its spans from.
#[derive(Clone)]
enum Behind {
    Nothing,
    Global,
    Provider(AnyProvider),
}

struct WatchProvider {
    door: Arc<SpanDoor>,
    behind: Behind,
}

impl TracerProvider for WatchProvider {
    type Tracer = WatchTracer;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> WatchTracer {
        let behind = match &self.behind {
            Behind::Nothing => None,
            Behind::Global => Some(opentelemetry::global::tracer_with_scope(scope)),
            Behind::Provider(provider) => Some(BoxedTracer::new(provider.boxed_tracer(scope))),
        };
        WatchTracer { door: Arc::clone(&self.door), behind }
    }
}

struct WatchTracer {
    door: Arc<SpanDoor>,
    behind: Option<BoxedTracer>,
}

impl Tracer for WatchTracer {
    type Span = WatchSpan;

    fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> WatchSpan {
        let Some(tracer) = &self.behind else {
            let attributes = builder.attributes.as_deref().unwrap_or_default();
            let (seen, context) = self.door.begin(attributes, parent, None);
            return WatchSpan { seen, behind: None, context };
        };
        let attributes = builder.attributes.clone().unwrap_or_default();
        let behind = tracer.build_with_context(builder, parent);
        let context = behind.span_context().clone();
        let (seen, context) = self.door.begin(&attributes, parent, Some(context));
        WatchSpan { seen, behind: Some(behind), context }
    }
}

/// A span of the driver: ours in front, the application's behind.
struct WatchSpan {
    seen: SeenSpan,
    behind: Option<BoxedSpan>,
    context: SpanContext,
}

/// Everything goes to the application's span; ours looks at the attributes.
impl Span for WatchSpan {
    fn add_event_with_timestamp<T>(&mut self, name: T, time: SystemTime, attributes: Vec<KeyValue>)
    where
        T: Into<Cow<'static, str>>,
    {
        if let Some(behind) = &mut self.behind {
            behind.add_event_with_timestamp(name, time, attributes);
        }
    }

    fn span_context(&self) -> &SpanContext {
        &self.context
    }

    fn is_recording(&self) -> bool {
        // We want the attributes, whatever the span behind does with them.
        true
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        self.seen.look_at(&attribute);
        if let Some(behind) = &mut self.behind {
            behind.set_attribute(attribute);
        }
    }

    fn set_status(&mut self, status: Status) {
        if let Some(behind) = &mut self.behind {
            behind.set_status(status);
        }
    }

    fn update_name<T>(&mut self, new_name: T)
    where
        T: Into<Cow<'static, str>>,
    {
        if let Some(behind) = &mut self.behind {
            behind.update_name(new_name);
        }
    }

    fn add_link(&mut self, span_context: SpanContext, attributes: Vec<KeyValue>) {
        if let Some(behind) = &mut self.behind {
            behind.add_link(span_context, attributes);
        }
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        if let Some(behind) = &mut self.behind {
            behind.end_with_timestamp(timestamp);
        }
    }
}
