//! `limit`: of what comes too often, the first ones and then every so-and-so-many-th.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::fmt::serde::unsigned_duration::friendly::compact;
use serde::{Deserialize, Serialize};

use super::{Draft, Fault, FieldPaths, Filter, Matcher, Query, Verdict, group, rate};

/// Says how many records of one kind a `limit` step lets through in a period.
///
/// Periods are aligned to the clock. What is kept back is counted as filtered by the step.
///
/// Versions of records are counted, not operations. On a route with `versions: released`, each
/// operation normally comes once; with `versions: all` one version may go through and the next one
/// not: `sample` is for those who want all versions of an operation or none.
///
/// Memory is bounded: a kind is forgotten with its period, unless `report` has to tell of it. What a
/// kind kept back is told by its next record that goes through. If that does not come in the next
/// period, and there would be more than `max_keys` kinds to remember, those of earlier periods are
/// forgotten, and the next record of any kind that goes through tells of them in one number. What is
/// still untold at the end is in the books alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LimitSettings {
    /// How many records of a period go through.
    pub first: u64,
    /// After those, every n-th goes through; none if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub then_every: Option<u64>,
    /// The length of a period, a duration between `1s` and `24h`. Default: `1s`.
    #[serde(default = "second", with = "compact::required")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub per: Duration,
    /// By what records are of one kind: fields, or parts of them such as `Actor.ID`; numbers of
    /// different types differ. Default: DB, Collection and Operation.
    #[serde(default = "group::by_default")]
    pub by: FieldPaths,
    /// What goes through in any case, and is not counted: a query document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub always: Option<Query>,
    /// How many kinds are told apart in a period, up to 100000; all others are one more. Default: 1000.
    #[serde(default = "rate::max_keys")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = rate::RateSettings::KEYS_MAX)))]
    pub max_keys: usize,
    /// Whether the next record that goes through says how many of its kind did not, `Suppressed` in
    /// Extra, and how many of kinds that are not told apart or have been forgotten,
    /// `SuppressedOthers`. One that `always` lets through says nothing. Default: `false`.
    #[serde(default)]
    pub report: bool,
}

const fn second() -> Duration {
    Duration::from_secs(1)
}

/// Lets some records of each kind through.
#[derive(Debug)]
pub struct Limit {
    settings: LimitSettings,
    always: Option<Matcher>,
    /// The number of the present period.
    period: i64,
    /// Those that came in the present period, at most `max_keys`.
    kinds: HashMap<Box<[u8]>, Kind>,
    /// What found no place among them.
    others: Kind,
    /// How many were kept back of kinds that came in earlier periods and not yet in this one; at most
    /// `max_keys`.
    untold: HashMap<Box<[u8]>, u64>,
    /// How many were kept back of kinds that have been forgotten.
    n_forgotten: u64,
    key: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Kind {
    /// So many came in this period.
    n_seen: u64,
    /// So many were kept back since the last one that went through.
    n_suppressed: u64,
}

impl LimitSettings {
    /// Lets so many of each kind through in a second.
    #[must_use]
    pub fn new(first: u64) -> Self {
        Self {
            first,
            then_every: None,
            per: second(),
            by: group::by_default(),
            always: None,
            max_keys: rate::max_keys(),
            report: false,
        }
    }

    /// Makes the step.
    ///
    /// # Errors
    ///
    /// When a number is out of its range, a field is another one for each operation, or the query
    /// cannot be matched.
    pub fn build(&self) -> Result<Limit, Fault> {
        rate::check_period(self.per, "per")?;
        rate::check_keys(self.max_keys, &self.by)?;
        if self.then_every == Some(0) {
            return Err(Fault::new("expected at least 1").within("then_every".into()));
        }
        let always = self.always.as_ref().map(Query::for_records);
        let always = always.transpose().map_err(|fault| fault.within("always".into()))?;
        Ok(Limit {
            settings: self.clone(),
            always,
            period: 0,
            kinds: HashMap::new(),
            others: Kind::default(),
            untold: HashMap::new(),
            n_forgotten: 0,
            key: Vec::new(),
        })
    }
}

impl Limit {
    /// Begins a new period, in which nothing was seen yet.
    fn begin(&mut self, period: i64) {
        self.period = period;
        self.others.n_seen = 0;
        let kinds = std::mem::take(&mut self.kinds);
        if !self.settings.report {
            return;
        }
        let untold: Vec<_> = kinds.into_iter().filter(|(_, kind)| kind.n_suppressed > 0).collect();
        if self.untold.len() + untold.len() > self.settings.max_keys {
            let earlier = self.untold.drain().map(|(_, n_suppressed)| n_suppressed);
            self.n_forgotten = earlier.fold(self.n_forgotten, u64::saturating_add);
        }
        self.untold.extend(untold.into_iter().map(|(key, kind)| (key, kind.n_suppressed)));
    }

    /// The kind whose key is at hand.
    fn kind(&mut self) -> &mut Kind {
        if !self.kinds.contains_key(&*self.key) {
            if self.kinds.len() >= self.settings.max_keys {
                return &mut self.others;
            }
            let n_suppressed = self.untold.remove(&*self.key).unwrap_or(0);
            let kind = Kind { n_seen: 0, n_suppressed };
            self.kinds.insert(self.key.as_slice().into(), kind);
        }
        self.kinds.get_mut(&*self.key).expect("it was there, or has been put there")
    }

    /// Tells, on a record that goes through, how many did not.
    fn report(&mut self, n_suppressed: u64, draft: &mut Draft) {
        let n_forgotten = std::mem::take(&mut self.n_forgotten);
        let numbers = [("Suppressed", n_suppressed), ("SuppressedOthers", n_forgotten)];
        for (key, number) in numbers.into_iter().filter(|(_, number)| *number > 0) {
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            let extra = draft.to_mut().extra.get_or_insert_default();
            Arc::make_mut(extra).insert(key, number);
        }
    }
}

impl Filter for Limit {
    fn apply(&mut self, draft: &mut Draft) -> Verdict {
        if self.always.as_ref().is_some_and(|always| always.matches(draft.record())) {
            return Verdict::Pass;
        }
        let per = i64::try_from(self.settings.per.as_micros()).unwrap_or(i64::MAX);
        let period = draft.now().as_micros().div_euclid(per);
        if period != self.period {
            self.begin(period);
        }
        group::write_key(draft.record(), &self.settings.by, &mut self.key);
        let (first, then_every) = (self.settings.first, self.settings.then_every);
        let kind = self.kind();
        kind.n_seen += 1;
        let n_more = kind.n_seen.saturating_sub(first);
        if n_more > 0 && !then_every.is_some_and(|every| n_more.is_multiple_of(every)) {
            kind.n_suppressed += 1;
            return Verdict::Drop;
        }
        let n_suppressed = std::mem::take(&mut kind.n_suppressed);
        if self.settings.report && self.kinds.contains_key(&*self.key) {
            self.report(n_suppressed, draft);
        } else if self.settings.report {
            // Of the others nobody knows which kind they were.
            self.n_forgotten = self.n_forgotten.saturating_add(n_suppressed);
            self.report(0, draft);
        }
        Verdict::Pass
    }
}
