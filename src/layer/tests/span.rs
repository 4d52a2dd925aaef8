use tracing::{Subscriber, field::Empty, info_span, subscriber::with_default, trace_span};
use tracing_subscriber::{Layer, Registry, filter::LevelFilter, layer::SubscriberExt as _, reload};

use crate::{
    layer::{ContextLayer, ContextSettings},
    record::{Actor, Context, ContextField},
};

/// What is said now.
fn now() -> Context {
    Context::current().map(std::sync::Arc::unwrap_or_clone).unwrap_or_default()
}

fn in_subscriber(act: impl FnOnce()) {
    with_default(Registry::default().with(ContextLayer::default()), act);
}

#[test]
fn inner_spans_override_field_by_field() {
    in_subscriber(|| {
        let request = info_span!("request", user.id = "alice", tenant = "acme");
        let _request = request.enter();
        let job = info_span!("job", enduser.id = %"bob");
        {
            let _plain = info_span!("plain").entered();
            let _job = job.enter();
            assert!(now() == Context::new().actor("bob").tenant("acme"), "{:?}", now());
        }
        assert!(now() == Context::new().actor("alice").tenant("acme"), "{:?}", now());
    });
    assert!(now() == Context::new());
}

#[test]
fn a_span_is_within_its_parent_not_within_what_is_entered() {
    in_subscriber(|| {
        let request = info_span!("request", request_id = 7);
        let _other = info_span!("other", tenant = "acme").entered();
        let child = info_span!(parent: &request, "child");
        child.in_scope(|| assert!(now() == Context::new().request_id("7"), "{:?}", now()));
        let root = info_span!(parent: None, "root");
        root.in_scope(|| assert!(now() == Context::new(), "{:?}", now()));
        assert!(now() == Context::new().tenant("acme"));
    });
}

#[test]
fn fields_that_are_recorded_later_count_from_then_on() {
    in_subscriber(|| {
        let request = info_span!("request", user.id = Empty, other = Empty);
        let child = info_span!(parent: &request, "child", other = Empty);
        let _child = child.enter();
        assert!(now() == Context::new());
        request.record("user.id", "alice").record("other", "x");
        child.record("other", "y");
        assert!(now() == Context::new().actor("alice"));
        // An id that is empty is none.
        request.record("user.id", "");
        assert!(now() == Context::new());
    });
}

#[test]
fn the_settings_say_which_fields_are_what() {
    let fields = [
        ("service", ContextField::OnBehalfOf),
        ("why", ContextField::Reason),
        ("big", ContextField::Labels),
        ("flag", ContextField::Labels),
        ("share", ContextField::Labels),
        ("trace", ContextField::TraceId),
        ("span", ContextField::SpanId),
    ];
    let span_fields = fields.map(|(name, field)| (name.to_owned(), field)).into();
    let settings = ContextSettings { span_fields };
    let subscriber = Registry::default().with(ContextLayer::new(settings));
    with_default(subscriber, || {
        let _span = info_span!(
            "all", user.id = "nobody", service = "billing", why = ?"x", big = u64::MAX, flag = true,
            share = 0.5, trace = "t", span = "s",
        )
        .entered();
        let expected = Context::new()
            .on_behalf_of(Actor::user("billing"))
            .reason("\"x\"")
            .label("big", u64::MAX.to_string())
            .label("flag", true)
            .label("share", 0.5)
            .trace_id("t")
            .span_id("s");
        assert!(now() == expected, "{:?}", now());
    });
}

#[test]
fn the_layer_works_behind_filters_and_reloads() {
    let check = |subscriber: Box<dyn Subscriber + Send + Sync>, sees_trace: bool| {
        with_default(subscriber, || {
            let _request = info_span!("request", tenant = "acme").entered();
            let _detail = trace_span!("detail", user.id = "alice").entered();
            let tenant = Context::new().tenant("acme");
            let expected = if sees_trace { tenant.actor("alice") } else { tenant };
            assert!(now() == expected, "{:?}", now());
        });
        assert!(now() == Context::new());
    };
    let layer = ContextLayer::default;
    check(Box::new(Registry::default().with(layer())), true);
    check(Box::new(Registry::default().with(layer().with_filter(LevelFilter::INFO))), false);
    check(Box::new(Registry::default().with(LevelFilter::INFO).with(layer())), false);
    let (reloaded, _handle) = reload::Layer::new(layer());
    check(Box::new(Registry::default().with(reloaded)), true);
    check(Box::new(Registry::default().with(vec![layer().boxed()])), true);
}
