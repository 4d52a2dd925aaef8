//! Filters in code: closures, and predicates that are combined.
//!
//! A predicate is a flat list of operations on one truth value, with jumps over what need not be asked.
//! So neither asking nor dropping one takes more stack the more parts it has, and no part is asked in
//! vain.

use std::{fmt, ops, sync::Arc, time::Duration};

use super::{Draft, Expression, Filter, Matcher, Verdict};
use crate::record::{Field, Outcome, Value, WatchMessage};

/// A closure is a step.
///
/// ```
/// use std::sync::Arc;
///
/// use mongowatch::{
///     Timestamp, WatchMessage, WatcherName,
///     filter::{Draft, Filter, Verdict},
/// };
///
/// let mut n_seen = 0;
/// let mut third = move |_: &mut Draft| {
///     n_seen += 1;
///     Verdict::pass_if(n_seen % 3 == 0)
/// };
/// let now = Timestamp::from_micros(0);
/// let record = Arc::new(WatchMessage::new(WatcherName::Collection, "find", now));
/// let verdicts = [(); 3].map(|()| third.apply(&mut Draft::new(Arc::clone(&record), now)));
/// assert_eq!(verdicts, [Verdict::Drop, Verdict::Drop, Verdict::Pass]);
/// ```
impl<F: FnMut(&mut Draft) -> Verdict + Send> Filter for F {
    fn apply(&mut self, draft: &mut Draft) -> Verdict {
        self(draft)
    }
}

/// Says of a record whether it is one of those that are meant; as a [`Filter`], lets these through.
///
/// Made of a closure, of a [`Matcher`] or an [`Expression`], or by [`slower_than`], [`collection`] and
/// the like, and combined. Clones share what it was made of.
///
/// ```
/// use std::time::Duration;
///
/// use mongowatch::{
///     Timestamp, Watcher, WatchMessage, WatcherName,
///     filter::{Expression, Predicate, collection, slower_than},
/// };
///
/// let writes: Expression = r#"Operation =~ /^(insert|update|delete)/"#.parse()?;
/// let wanted = collection("orders")
///     .and(slower_than(Duration::from_millis(500)).or(writes))
///     .and(Predicate::new(|record| record.counts.inserted > Some(1_000)).not());
///
/// let now = Timestamp::from_micros(0);
/// let mut record = WatchMessage::new(WatcherName::Collection, "insert_one", now);
/// assert!(!wanted.matches(&record));
/// record.collection = Some("orders".into());
/// assert!(wanted.matches(&record));
///
/// // `filter: orders` in the configuration asks for it.
/// let builder = Watcher::builder().filter("orders", move || Box::new(wanted.clone()));
/// # drop(builder);
/// # Ok::<(), mongowatch::filter::Malformed>(())
/// ```
#[derive(Clone)]
pub struct Predicate {
    operations: Vec<Operation>,
}

/// One step of a predicate, on the truth value that the step before left.
#[derive(Clone)]
enum Operation {
    /// The value is what the test says.
    Test(Test),
    /// The value turns round.
    Not,
    /// If the value is this one, it stays, and so many operations are left out.
    SkipIf(bool, usize),
}

#[derive(Clone)]
enum Test {
    Closure(Arc<dyn Fn(&WatchMessage) -> bool + Send + Sync>),
    Matcher(Matcher),
    SlowerThan(Duration),
    /// The text of this field is this one.
    Is(Field, Arc<str>),
    Outcome(Outcome),
}

/// What took longer than this inside the driver; not what has no Duration yet.
///
/// ```
/// use std::time::Duration;
///
/// use mongowatch::{Timestamp, WatchMessage, WatcherName, filter::slower_than};
///
/// let mut record = WatchMessage::new(WatcherName::Collection, "find", Timestamp::from_micros(0));
/// let slow = slower_than(Duration::from_secs(1));
/// assert!(!slow.matches(&record));
/// record.duration = Some(Duration::from_secs(2));
/// assert!(slow.matches(&record));
/// ```
#[must_use]
pub fn slower_than(duration: Duration) -> Predicate {
    Predicate::of(Test::SlowerThan(duration))
}

/// What worked on the database of this name.
#[must_use]
pub fn database(name: impl Into<Arc<str>>) -> Predicate {
    Predicate::of(Test::Is(Field::Db, name.into()))
}

/// What worked on collections of this name, in any database.
#[must_use]
pub fn collection(name: impl Into<Arc<str>>) -> Predicate {
    Predicate::of(Test::Is(Field::Collection, name.into()))
}

/// The calls of this method, in snake case: `find`, `insert_many`.
#[must_use]
pub fn operation(name: impl Into<Arc<str>>) -> Predicate {
    Predicate::of(Test::Is(Field::Operation, name.into()))
}

/// What ended like this; not what has no Outcome yet.
#[must_use]
pub fn outcome(outcome: Outcome) -> Predicate {
    Predicate::of(Test::Outcome(outcome))
}

impl Predicate {
    /// What the closure is true of.
    ///
    /// ```
    /// use mongowatch::filter::Predicate;
    ///
    /// let many = Predicate::new(|record| record.counts.deleted > Some(100));
    /// # drop(many);
    /// ```
    #[must_use]
    pub fn new(test: impl Fn(&WatchMessage) -> bool + Send + Sync + 'static) -> Self {
        Self::of(Test::Closure(Arc::new(test)))
    }

    fn of(test: Test) -> Self {
        Self { operations: vec![Operation::Test(test)] }
    }

    /// Is it true of the record?
    #[must_use]
    pub fn matches(&self, record: &WatchMessage) -> bool {
        let mut is_true = false;
        let mut next = 0;
        while let Some(operation) = self.operations.get(next) {
            next += 1;
            match operation {
                Operation::Test(test) => is_true = test.matches(record),
                Operation::Not => is_true = !is_true,
                Operation::SkipIf(when, n) if is_true == *when => next += n,
                Operation::SkipIf(..) => {}
            }
        }
        is_true
    }

    /// What both are true of; the other one is not asked where this one is false.
    #[must_use]
    pub fn and(self, other: impl Into<Self>) -> Self {
        self.then_unless(false, other.into())
    }

    /// What one of them is true of; the other one is not asked where this one is true.
    #[must_use]
    pub fn or(self, other: impl Into<Self>) -> Self {
        self.then_unless(true, other.into())
    }

    /// What it is not true of. Also `!predicate`.
    #[must_use]
    #[expect(
        clippy::should_implement_trait,
        reason = "it does; chains read better without an import"
    )]
    pub fn not(mut self) -> Self {
        self.operations.push(Operation::Not);
        self
    }

    fn then_unless(mut self, when: bool, mut other: Self) -> Self {
        self.operations.push(Operation::SkipIf(when, other.operations.len()));
        self.operations.append(&mut other.operations);
        self
    }
}

impl Test {
    fn matches(&self, record: &WatchMessage) -> bool {
        match self {
            Self::Closure(test) => test(record),
            Self::Matcher(matcher) => matcher.matches(record),
            Self::SlowerThan(duration) => record.duration.is_some_and(|found| found > *duration),
            Self::Is(field, text) => record.get(*field) == Value::Str(text),
            Self::Outcome(outcome) => record.outcome == Some(*outcome),
        }
    }
}

impl Filter for Predicate {
    fn apply(&mut self, draft: &mut Draft) -> Verdict {
        Verdict::pass_if(self.matches(draft.record()))
    }
}

impl From<Matcher> for Predicate {
    fn from(matcher: Matcher) -> Self {
        Self::of(Test::Matcher(matcher))
    }
}

impl From<Expression> for Predicate {
    fn from(expression: Expression) -> Self {
        expression.matcher().clone().into()
    }
}

impl ops::Not for Predicate {
    type Output = Self;

    fn not(self) -> Self {
        Self::not(self)
    }
}

impl fmt::Debug for Predicate {
    /// Its parts in the order in which they are asked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Predicate")?;
        f.debug_list().entries(&self.operations).finish()
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Test(test) => test.fmt(f),
            Self::Not => f.write_str("not"),
            Self::SkipIf(false, n) => write!(f, "and the next {n}"),
            Self::SkipIf(true, n) => write!(f, "or the next {n}"),
        }
    }
}

impl fmt::Debug for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closure(_) => f.write_str("a closure"),
            Self::Matcher(matcher) => matcher.fmt(f),
            Self::SlowerThan(duration) => write!(f, "slower than {duration:?}"),
            Self::Is(field, text) => write!(f, "{field} is {text:?}"),
            Self::Outcome(outcome) => write!(f, "Outcome is {:?}", outcome.as_str()),
        }
    }
}
