use std::{future::pending, marker::PhantomPinned, sync::Mutex, time::Duration};

use mongodb::bson::doc;

use super::{moment, *};
use crate::record::{Actor, Context};

fn tenant() -> Option<String> {
    Context::current().and_then(|context| context.tenant.clone())
}

#[test]
fn the_inner_context_adds_and_overrides() {
    let outer = Context::new()
        .actor("alice")
        .tenant("acme")
        .reason("routine")
        .labels(doc! { "a": 1, "b": 1 });
    let inner = Context::new().actor(Actor::system("job")).request_id("r-1").label("b", 2);
    let merged = inner.label("c", 3).within(&outer);
    let expected = Context::new()
        .actor(Actor::system("job"))
        .tenant("acme")
        .request_id("r-1")
        .reason("routine")
        .labels(doc! { "a": 1, "b": 2, "c": 3 });
    assert!(merged == expected, "{merged:?}");
}

#[test]
fn a_span_is_not_put_into_another_trace() {
    let outer = Context::new().trace_id("t1").span_id("s1");
    let merged = Context::new().trace_id("t2").within(&outer);
    assert_eq!((merged.trace_id.as_deref(), merged.span_id.as_deref()), (Some("t2"), None));
    let merged = Context::new().within(&outer);
    assert_eq!((merged.trace_id.as_deref(), merged.span_id.as_deref()), (Some("t1"), Some("s1")));
}

#[test]
fn a_scope_ends_with_its_closure_also_by_a_panic() {
    Context::new().tenant("a").sync_scope(|| {
        assert_eq!(tenant().as_deref(), Some("a"));
        let panicked = std::panic::catch_unwind(|| {
            Context::new().tenant("b").sync_scope(|| panic!("on purpose"));
        });
        assert!(panicked.is_err());
        assert_eq!(tenant().as_deref(), Some("a"));
    });
    assert!(Context::current().is_none());
}

#[tokio::test]
async fn a_scope_is_inside_of_the_scope_that_polls_it_first() {
    let actor = || Context::current().is_some_and(|context| context.actor.is_some());
    // Built outside, awaited inside.
    let inner = Context::new().tenant("b").scope(async { (tenant(), actor()) });
    let outer = Context::new().actor("alice").tenant("a");
    assert_eq!(outer.clone().scope(inner).await, (Some("b".to_owned()), true));
    // Built inside, awaited outside.
    let inner = outer.sync_scope(|| Context::new().scope(async { actor() }));
    assert!(!inner.await);
}

#[tokio::test]
async fn scopes_that_are_polled_in_turns_do_not_mix() {
    let one = |name: &'static str| {
        Context::new().tenant(name).scope(async move {
            for _ in 0..10 {
                assert_eq!(tenant().as_deref(), Some(name));
                tokio::task::yield_now().await;
            }
        })
    };
    tokio::join!(one("a"), one("b"), async {
        for _ in 0..10 {
            assert!(Context::current().is_none());
            tokio::task::yield_now().await;
        }
    });
}

#[tokio::test]
async fn values_of_a_dropped_future_are_dropped_in_its_context() {
    static SEEN: Mutex<Vec<Option<String>>> = Mutex::new(Vec::new());
    struct Witness;
    impl Drop for Witness {
        fn drop(&mut self) {
            SEEN.lock().unwrap().push(tenant());
        }
    }
    let held = || async {
        let _witness = Witness;
        pending::<()>().await;
    };
    let cut_off = tokio::time::timeout(Duration::ZERO, Context::new().tenant("a").scope(held()));
    assert!(cut_off.await.is_err());
    let carried = Context::new().tenant("b").sync_scope(|| held().in_current_context());
    assert!(tokio::time::timeout(Duration::ZERO, carried).await.is_err());
    let done = async { drop(Witness) };
    Context::new().tenant("c").scope(done).await;
    let seen = SEEN.lock().unwrap().clone();
    assert_eq!(seen, ["a", "b", "c"].map(|tenant| Some(tenant.to_owned())));
}

#[tokio::test]
async fn what_is_carried_along_replaces_what_is_there() {
    let carried = Context::new().tenant("a").sync_scope(|| async { tenant() }.in_current_context());
    assert_eq!(Context::new().tenant("b").scope(carried).await.as_deref(), Some("a"));
    let none = async { tenant() }.in_current_context();
    assert_eq!(Context::new().tenant("b").scope(none).await, None);
}

#[test]
fn the_innermost_span_counts_however_spans_are_left() {
    let outer = SpanFields::new(Context::new().tenant("a").actor("alice"), None);
    let inner = SpanFields::new(Context::new().tenant("b"), Some(outer.clone()));
    enter_span(1, Some(outer.clone()));
    enter_span(2, Some(inner));
    assert_eq!(tenant().as_deref(), Some("b"));
    assert!(Context::current().unwrap().actor.is_some());
    // A root span that says nothing is not inside of the others.
    enter_span(3, None);
    assert!(Context::current().is_none());
    exit_span(2);
    exit_span(3);
    assert_eq!(tenant().as_deref(), Some("a"));
    // What is recorded later counts from then on; scopes go before spans.
    outer.own().tenant = Some("c".to_owned());
    assert_eq!(tenant().as_deref(), Some("c"));
    Context::new().tenant("d").sync_scope(|| {
        assert_eq!(tenant().as_deref(), Some("d"));
        assert!(Context::current().unwrap().actor.is_some());
    });
    exit_span(1);
    assert!(Context::current().is_none());
}

#[test]
fn nobody_saying_anything_is_no_context() {
    assert!(at_start().is_none());
    enter_span(1, Some(SpanFields::new(Context::new(), None)));
    assert!(at_start().is_none());
    exit_span(1);
    assert!(moment::scoped().is_none());
}

#[test]
fn any_future_can_have_a_scope_and_stays_what_it_is() {
    fn is_send<T: Send + 'static>(_: &T) {}
    fn is_unpin<T: Unpin>(_: &T) {}
    is_send(&Context::new().scope(async { tokio::task::yield_now().await }));
    is_unpin(&Context::new().scope(std::future::ready(())));
    // One that must not move and is not `Send`.
    let local = std::rc::Rc::new(PhantomPinned);
    let stuck = Context::new().scope(async move { drop(local) });
    let mut stuck = std::pin::pin!(stuck);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(stuck.as_mut().poll(&mut cx).is_ready());
}

#[test]
fn the_active_span_of_opentelemetry_gives_the_ids() {
    use opentelemetry::trace::{
        SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    };
    let ids = SpanContext::new(
        TraceId::from(0xabc),
        SpanId::from(0xdef),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    let active = opentelemetry::Context::new().with_remote_span_context(ids).attach();
    let context = at_start().unwrap();
    assert_eq!(context.trace_id.as_deref(), Some("00000000000000000000000000000abc"));
    assert_eq!(context.span_id.as_deref(), Some("0000000000000def"));
    let own = Context::new().trace_id("mine").sync_scope(at_start).unwrap();
    assert_eq!((own.trace_id.as_deref(), own.span_id.as_deref()), (Some("mine"), None));
    drop(active);
    assert!(at_start().is_none());
}
