//! `limit`: of what comes too often, the first ones and then every so-and-so-many-th.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::fmt::serde::unsigned_duration::friendly::compact;
use serde::{Deserialize, Serialize};

use super::{Draft, Fault, Filter, Matcher, Query, Verdict, rate};
use crate::record::Field;

/// Says how many records of one kind a `limit` step lets through in a period.
///
/// Periods are aligned to the clock. What is kept back is counted as filtered by the step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LimitSettings {
    /// How many records of a period go through.
    pub first: u64,
    /// After those, every n-th goes through; none if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then_every: Option<u64>,
    /// The length of a period, a duration between `1s` and `24h`. Default: `1s`.
    #[serde(default = "second", with = "compact::required")]
    pub per: Duration,
    /// The fields by which records are of one kind. Default: DB, Collection and Operation.
    #[serde(default = "rate::by")]
    pub by: Vec<Field>,
    /// What goes through in any case, and is not counted: a query document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub always: Option<Query>,
    /// How many kinds are told apart in a period, up to 100000; all others are one more. Default: 1000.
    #[serde(default = "rate::max_keys")]
    pub max_keys: usize,
    /// Whether the next record that goes through says how many of its kind did not: `Suppressed` in
    /// Extra. Default: `false`.
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
    kinds: HashMap<Box<[u8]>, Kind>,
    others: Kind,
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
            by: rate::by(),
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
        let always = self.always.as_ref().map(|query| Matcher::for_records(query.as_document()));
        let always = always.transpose().map_err(|fault| fault.within("always".into()))?;
        Ok(Limit {
            settings: self.clone(),
            always,
            period: 0,
            kinds: HashMap::new(),
            others: Kind::default(),
            key: Vec::new(),
        })
    }
}

impl Limit {
    /// Begins a new period, in which nothing was seen yet.
    fn begin(&mut self, period: i64) {
        self.period = period;
        // Kinds that kept nothing back need no memory.
        self.kinds.retain(|_, kind| kind.n_suppressed > 0);
        for kind in self.kinds.values_mut() {
            kind.n_seen = 0;
        }
        self.others.n_seen = 0;
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
        rate::write_key(draft.record(), &self.settings.by, &mut self.key);
        if !self.kinds.contains_key(&*self.key) && self.kinds.len() < self.settings.max_keys {
            self.kinds.insert(self.key.as_slice().into(), Kind::default());
        }
        let kind = self.kinds.get_mut(&*self.key).unwrap_or(&mut self.others);
        kind.n_seen += 1;
        let n_more = kind.n_seen.saturating_sub(self.settings.first);
        let passes = n_more == 0
            || self.settings.then_every.is_some_and(|every| n_more.is_multiple_of(every));
        if !passes {
            kind.n_suppressed += 1;
            return Verdict::Drop;
        }
        let n_suppressed = std::mem::take(&mut kind.n_suppressed);
        if self.settings.report && n_suppressed > 0 {
            let extra = &mut draft.to_mut().extra;
            let mut more = extra.as_deref().cloned().unwrap_or_default();
            more.insert("Suppressed", i64::try_from(n_suppressed).unwrap_or(i64::MAX));
            *extra = Some(Arc::new(more));
        }
        Verdict::Pass
    }
}
