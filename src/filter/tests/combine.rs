//! Predicates that are combined, against plain boolean algebra, and how far they can be.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use proptest::prelude::*;

use super::*;
use crate::record::Outcome;

/// What a predicate is to be made of, and is asked of.
#[derive(Clone, Debug)]
enum Tree {
    /// Is this bit of MatchedCount set?
    Bit(u32),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

impl Tree {
    fn predicate(&self) -> Predicate {
        match self {
            Self::Bit(bit) => Predicate::new(bit_is_set(*bit)),
            Self::Not(inner) => inner.predicate().not(),
            Self::And(left, right) => left.predicate().and(right.predicate()),
            Self::Or(left, right) => left.predicate().or(right.predicate()),
        }
    }

    fn is_true(&self, bits: u64) -> bool {
        match self {
            Self::Bit(bit) => bits >> bit & 1 == 1,
            Self::Not(inner) => !inner.is_true(bits),
            Self::And(left, right) => left.is_true(bits) && right.is_true(bits),
            Self::Or(left, right) => left.is_true(bits) || right.is_true(bits),
        }
    }
}

fn bit_is_set(bit: u32) -> impl Fn(&WatchMessage) -> bool + Send + Sync + 'static {
    move |record| record.counts.matched.unwrap_or(0) >> bit & 1 == 1
}

fn with_bits(bits: u64) -> WatchMessage {
    let mut record = WatchMessage::new(WatcherName::Collection, "find", at(0));
    record.counts.matched = Some(bits);
    record
}

fn tree() -> impl Strategy<Value = Tree> {
    (0..5_u32).prop_map(Tree::Bit).prop_recursive(6, 40, 2, |inner| {
        let boxed = inner.prop_map(Box::new);
        prop_oneof![
            boxed.clone().prop_map(Tree::Not),
            (boxed.clone(), boxed.clone()).prop_map(|(left, right)| Tree::And(left, right)),
            (boxed.clone(), boxed).prop_map(|(left, right)| Tree::Or(left, right)),
        ]
    })
}

proptest! {
    #[test]
    fn combined_predicates_are_boolean_algebra(tree in tree()) {
        let predicate = tree.predicate();
        for bits in 0..32 {
            prop_assert_eq!(predicate.matches(&with_bits(bits)), tree.is_true(bits), "{}", bits);
        }
    }
}

#[test]
fn long_chains_overflow_no_stack() {
    let test = || {
        let bit = || Predicate::new(bit_is_set(0));
        let mut left = bit();
        let mut right = bit();
        for n in 0..10_000 {
            left = match n % 3 {
                0 => left.and(bit()),
                1 => left.or(bit()),
                _ => left.not().not(),
            };
            right = if n % 2 == 0 { bit().and(right) } else { bit().or(right.not()).and(bit()) };
        }
        for predicate in [left, right] {
            let copy = predicate.clone();
            drop(predicate);
            assert!(copy.matches(&with_bits(1)));
            assert!(!copy.matches(&with_bits(0)));
            assert!(format!("{copy:?}").len() > 10_000);
        }
    };
    // A tenth of what a recursion over 10,000 parts would take.
    let small = thread::Builder::new().stack_size(128 * 1_024);
    small.spawn(test).unwrap().join().unwrap();
}

#[test]
fn what_needs_not_be_asked_is_not_asked() {
    let n_asked = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&n_asked);
    let counted = Predicate::new(move |_| {
        asked.fetch_add(1, Ordering::Relaxed);
        true
    });
    let record = record("find", "orders", 1);
    assert!(!collection("people").and(counted.clone()).and(counted.clone()).matches(&record));
    assert!(collection("orders").or(counted.clone()).or(counted.clone()).matches(&record));
    assert_eq!(n_asked.load(Ordering::Relaxed), 0);
    assert!(collection("people").and(counted.clone()).or(counted).matches(&record));
    assert_eq!(n_asked.load(Ordering::Relaxed), 1);
}

#[test]
fn ready_predicates_say_what_they_let_through() {
    let mut record = (*record("find", "orders", 500)).clone();
    record.outcome = Some(Outcome::Error);
    let expression: Expression = "Duration > 400ms".parse().unwrap();
    let matcher = Matcher::for_records(&doc! { "DB": "shop" }).unwrap();
    for (predicate, expected) in [
        (slower_than(Duration::from_millis(499)), true),
        (slower_than(Duration::from_millis(500)), false),
        (database("shop"), true),
        (database("shops"), false),
        (collection("orders"), true),
        (collection("order"), false),
        (operation("find"), true),
        (operation("find_one"), false),
        (outcome(Outcome::Error), true),
        (outcome(Outcome::Ok), false),
        (expression.clone().into(), true),
        (matcher.clone().into(), true),
        (!Predicate::from(expression), false),
        (!Predicate::from(matcher), false),
    ] {
        assert_eq!(predicate.matches(&record), expected, "{predicate:?}");
    }
    // What is not known is not what was meant.
    let empty = WatchMessage::new(WatcherName::Client, "list_databases", at(0));
    let zero = Duration::ZERO;
    for predicate in [slower_than(zero), database(""), collection(""), outcome(Outcome::Ok)] {
        assert!(!predicate.matches(&empty), "{predicate:?}");
    }
}

#[test]
fn a_predicate_shows_its_parts_in_their_order() {
    let slow = slower_than(Duration::from_millis(500));
    let predicate = collection("news").and(slow.or(Predicate::new(|_| true).not()));
    expect![[
        r#"Predicate[Collection is "news", and the next 4, slower than 500ms, or the next 2, a closure, not]"#
    ]]
    .assert_eq(&format!("{predicate:?}"));
}

#[test]
fn closures_and_predicates_are_steps_by_name() {
    let mut filters = NamedFilters::default();
    let wanted = collection("orders").and(slower_than(Duration::from_millis(10)));
    filters.add("wanted", move || Box::new(wanted.clone()));
    filters.add("every_second", || {
        let mut n_seen = 0;
        Box::new(move |_: &mut Draft| {
            n_seen += 1;
            Verdict::pass_if(n_seen % 2 == 1)
        })
    });
    filters.add("stamp", || {
        Box::new(|draft: &mut Draft| {
            draft.to_mut().extra = Some(Arc::new(doc! { "By": "stamp" }));
            Verdict::Pass
        })
    });
    let settings = ["wanted", "every_second", "stamp"];
    let settings = settings.map(|name| StepSettings::Filter(name.to_owned()));
    let mut steps = Steps::build(&settings, &filters).unwrap();
    let mut apply = |collection, millis| {
        let mut draft = Draft::new(record("find", collection, millis), at(0));
        let verdict = steps.apply(&mut draft);
        (verdict, draft.record().extra.is_some())
    };
    assert_eq!(apply("orders", 11), (Ok(()), true));
    assert_eq!(apply("orders", 11), (Err(1), false));
    assert_eq!(apply("orders", 10), (Err(0), false));
    assert_eq!(apply("people", 11), (Err(0), false));
    assert_eq!(apply("orders", 11), (Ok(()), true));
}
