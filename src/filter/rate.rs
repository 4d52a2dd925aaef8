//! `rate`: sums, counts and quantiles over periods, as records of their own.
//!
//! Periods are aligned to the clock: with `every: 60s` they begin with each full minute. Records are
//! counted in the period in which they come to the route. The table of keys is bounded: what finds no
//! place is summed up in one record more, which says so.

use std::{collections::HashMap, sync::Arc, time::Duration};

use hdrhistogram::Histogram;
use jiff::fmt::serde::unsigned_duration::friendly::compact;
use mongodb::bson::{Document, doc};
use serde::{Deserialize, Serialize};

use super::{Draft, Fault, FieldPath, FieldPaths, group};
use crate::record::{
    Field, Iteration, Origin, Outcome, Phase, Timestamp, Value, WatchId, WatchMessage, WatcherName,
};

/// Sums up records over periods.
///
/// Only final versions are counted: each operation once. At the end of a period, and when the watcher
/// or its configuration ends, each group of records that there was gives one record: its watcher is
/// `mongowatch.rate`, StartTime and EndTime are those of the period, what `by` names is that of the
/// group, the fields of `sum` are sums, and Extra has more:
///
/// - `Count`, and `Rate`, which is `Count` for each second;
/// - `Rates`: for each sum that is not zero, the sum for each second;
/// - `Duration`: `Sum`, `Min`, `Max` and the quantiles (`P50`...) in seconds, to 1 %;
/// - `Overflow: true` if there were more than `max_keys` groups, and this is all the others;
/// - what `by` names and cannot stand where it came from, under the name of its field: WatcherName, the
///   id of an actor without its kind (`Extra.Actor.ID`), or a key of Extra that is used here.
///
/// What is missing is a group of its own. A value whose text is longer than 1,024 bytes is compared by
/// its SHA-256, and told as a text that is cut: so a group has a bounded size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RateSettings {
    /// The length of a period, a duration between `1s` and `24h`. Default: `60s`.
    #[serde(default = "every", with = "compact::required")]
    #[cfg_attr(feature = "schema", schemars(with = "Duration"))]
    pub every: Duration,
    /// By what records are grouped: fields, or parts of them such as `Actor.ID`, `Labels.team` or
    /// `Filter.status`; at most 32. Numbers of different types are of different groups. Default: DB,
    /// Collection and Operation.
    #[serde(default = "group::by_default")]
    pub by: FieldPaths,
    /// The fields that are summed up: counts and bytes. Default: the five counts.
    #[serde(default = "sum")]
    pub sum: Vec<Field>,
    /// The quantiles of Duration, each between 0 and 1. Default: 0.5, 0.95 and 0.99.
    #[serde(default = "quantiles")]
    #[cfg_attr(feature = "schema", schemars(inner(range(min = 0, max = 1))))]
    pub quantiles: Vec<f64>,
    /// What becomes of the records themselves. Default: `pass`.
    #[serde(default)]
    pub originals: Originals,
    /// How many groups there may be in a period, up to 100000. Default: 1000.
    #[serde(default = "max_keys")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = RateSettings::KEYS_MAX)))]
    pub max_keys: usize,
}

/// Says what becomes of records after they have been summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Originals {
    /// They go on.
    #[default]
    Pass,
    /// They end here, and are counted as filtered.
    Drop,
}

const fn every() -> Duration {
    Duration::from_secs(60)
}

fn sum() -> Vec<Field> {
    vec![
        Field::MatchedCount,
        Field::InsertedCount,
        Field::UpsertedCount,
        Field::ModifiedCount,
        Field::DeletedCount,
    ]
}

fn quantiles() -> Vec<f64> {
    vec![0.5, 0.95, 0.99]
}

pub(super) const fn max_keys() -> usize {
    1_000
}

impl Default for RateSettings {
    fn default() -> Self {
        Self {
            every: every(),
            by: group::by_default(),
            sum: sum(),
            quantiles: quantiles(),
            originals: Originals::default(),
            max_keys: max_keys(),
        }
    }
}

impl RateSettings {
    /// No more groups are kept.
    pub const KEYS_MAX: usize = 100_000;

    /// Makes the step.
    ///
    /// # Errors
    ///
    /// When a number is out of its range, or a field cannot be summed up or grouped by.
    pub(super) fn build(&self) -> Result<Rate, Fault> {
        check_period(self.every, "every")?;
        check_keys(self.max_keys, &self.by)?;
        for (place, quantile) in self.quantiles.iter().enumerate() {
            if !(0.0..=1.0).contains(quantile) {
                let fault = Fault::new(format!("found {quantile}, expected between 0 and 1"));
                return Err(fault.within(place.into()).within("quantiles".into()));
            }
        }
        for (place, field) in self.sum.iter().enumerate() {
            if !is_sum(*field) {
                let fault = Fault::new(format!("{field} is no number of documents or bytes"));
                return Err(fault.within(place.into()).within("sum".into()));
            }
        }
        Ok(Rate { settings: self.clone(), period: None, key: Vec::new() })
    }
}

/// Is it the length of a period? `key` is where it stands.
pub(super) fn check_period(period: Duration, key: &str) -> Result<(), Fault> {
    let day = Duration::from_secs(24 * 60 * 60);
    match (Duration::from_secs(1)..=day).contains(&period) {
        true => Ok(()),
        false => Err(Fault::new("expected a duration between 1s and 24h").within(key.into())),
    }
}

/// May there be so many groups by these fields?
pub(super) fn check_keys(max_keys: usize, by: &[FieldPath]) -> Result<(), Fault> {
    let max = RateSettings::KEYS_MAX;
    if max_keys == 0 || max_keys > max {
        return Err(Fault::new(format!("expected between 1 and {max}")).within("max_keys".into()));
    }
    group::check(by)
}

/// Can the field be summed up?
pub(super) const fn is_sum(field: Field) -> bool {
    matches!(
        field,
        Field::MatchedCount
            | Field::InsertedCount
            | Field::UpsertedCount
            | Field::ModifiedCount
            | Field::DeletedCount
            | Field::ReturnedCount
            | Field::FileBytes
            | Field::FileChunks
            | Field::Batches
            | Field::Attempts
            | Field::Resumes
            | Field::RequestBytes
            | Field::ReplyBytes
    )
}

/// The step at work.
pub(super) struct Rate {
    settings: RateSettings,
    /// The present period, if anything came in it.
    period: Option<Period>,
    /// The key of the record at hand; used again for each.
    key: Vec<u8>,
}

struct Period {
    start: Timestamp,
    end: Timestamp,
    groups: HashMap<Box<[u8]>, Group>,
    /// What found no place.
    others: Option<Group>,
}

/// The sums of one group.
struct Group {
    /// The values of `by` in the group's records; none if it is all the others.
    values: Option<group::Values>,
    origin: Arc<Origin>,
    count: u64,
    sums: Vec<u64>,
    /// Microseconds.
    durations: Histogram<u32>,
    duration: Duration,
    shortest: Duration,
    longest: Duration,
}

impl Rate {
    pub(super) const fn originals(&self) -> Originals {
        self.settings.originals
    }

    /// When the present period ends.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.period.as_ref().map(|period| period.end)
    }

    /// Counts a record, if it is the last version of an operation's.
    pub(super) fn count(&mut self, draft: &Draft) {
        let record = draft.record();
        if !record.iteration.is_final() || record.watcher == WatcherName::Rate {
            return;
        }
        group::write_key(record, &self.settings.by, &mut self.key);
        let settings = &self.settings;
        let period = self.period.get_or_insert_with(|| Period::around(draft.now(), settings.every));
        period.group(&self.key, record, settings).add(record, settings);
    }

    /// Tells of the present period, if it is over.
    pub(super) fn collect(&mut self, now: Timestamp, made: &mut Vec<WatchMessage>) {
        if self.due().is_some_and(|end| end <= now) {
            self.tell(None, made);
        }
    }

    /// Tells of the present period up to now.
    pub(super) fn finish(&mut self, now: Timestamp, made: &mut Vec<WatchMessage>) {
        self.tell(Some(now), made);
    }

    fn tell(&mut self, end: Option<Timestamp>, made: &mut Vec<WatchMessage>) {
        let Some(period) = self.period.take() else { return };
        let end = end.map_or(period.end, |end| end.clamp(period.start, period.end));
        let mut groups: Vec<_> = period.groups.into_iter().collect();
        groups.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        let groups = groups.into_iter().map(|(_, group)| group).chain(period.others);
        made.extend(groups.map(|group| group.record(&self.settings, period.start, end)));
    }
}

impl Period {
    /// The aligned period that holds this moment.
    fn around(now: Timestamp, every: Duration) -> Self {
        let every = i64::try_from(every.as_micros()).unwrap_or(i64::MAX);
        let start = now.as_micros().div_euclid(every).saturating_mul(every);
        Self {
            start: Timestamp::from_micros(start),
            end: Timestamp::from_micros(start.saturating_add(every)),
            groups: HashMap::new(),
            others: None,
        }
    }

    fn group(&mut self, key: &[u8], record: &WatchMessage, settings: &RateSettings) -> &mut Group {
        let is_full = self.groups.len() >= settings.max_keys;
        if !self.groups.contains_key(key) {
            if is_full {
                return self.others.get_or_insert_with(|| Group::new(None, record, settings));
            }
            let values = group::values(record, &settings.by);
            self.groups.insert(key.into(), Group::new(Some(values), record, settings));
        }
        self.groups.get_mut(key).expect("it was there, or has been put there")
    }
}

impl Group {
    fn new(values: Option<group::Values>, record: &WatchMessage, settings: &RateSettings) -> Self {
        Self {
            values,
            origin: Arc::clone(&record.origin),
            count: 0,
            sums: vec![0; settings.sum.len()],
            durations: Histogram::new(2).expect("two digits are a valid precision"),
            duration: Duration::ZERO,
            shortest: Duration::MAX,
            longest: Duration::ZERO,
        }
    }

    fn add(&mut self, record: &WatchMessage, settings: &RateSettings) {
        self.count += 1;
        for (sum, field) in self.sums.iter_mut().zip(&settings.sum) {
            if let Value::Int(count) = record.get(*field) {
                *sum = sum.saturating_add(u64::try_from(count).unwrap_or(0));
            }
        }
        if let Some(duration) = record.duration {
            self.duration = self.duration.saturating_add(duration);
            self.shortest = self.shortest.min(duration);
            self.longest = self.longest.max(duration);
            // Whoever waits for longer than an hour is counted as that: the table stays small.
            let micros = duration.as_micros().min(3_600_000_000) as u64;
            if self.durations.record(micros).is_err() {
                self.durations.saturating_record(micros);
            }
        }
    }

    /// The record that tells of the group.
    fn record(self, settings: &RateSettings, start: Timestamp, end: Timestamp) -> WatchMessage {
        let mut record = WatchMessage::new(WatcherName::Rate, "rate", start);
        record.id = WatchId::at(start);
        record.iteration = Iteration::Final(None);
        record.phase = Phase::Final;
        record.end_time = Some(end);
        record.outcome = Some(Outcome::Ok);
        record.origin = Arc::clone(&self.origin);
        let mut extra = self.extra(settings, start, end);
        for (sum, field) in self.sums.iter().zip(&settings.sum) {
            let sum = i64::try_from(*sum).unwrap_or(i64::MAX);
            // A field that takes counts takes a sum of counts.
            if sum > 0 && record.set(*field, sum.into()).is_err() {
                extra.insert(field.name(), sum);
            }
        }
        if self.values.is_none() {
            extra.insert("Overflow", true);
        }
        record.extra = Some(Arc::new(extra));
        group::put(&mut record, &settings.by, self.values.unwrap_or_default());
        record
    }

    #[expect(clippy::cast_precision_loss, reason = "sums beyond 2^53 are not told exactly")]
    fn extra(&self, settings: &RateSettings, start: Timestamp, end: Timestamp) -> Document {
        let seconds = (end.as_micros() - start.as_micros()).max(1) as f64 / 1e6;
        let count = i64::try_from(self.count).unwrap_or(i64::MAX);
        let mut extra = doc! { "Count": count, "Rate": self.count as f64 / seconds };
        let sums = self.sums.iter().zip(&settings.sum).filter(|(sum, _)| **sum > 0);
        let rates: Document = sums
            .map(|(sum, field)| (field.name().to_owned(), (*sum as f64 / seconds).into()))
            .collect();
        if !rates.is_empty() {
            extra.insert("Rates", rates);
        }
        if !self.durations.is_empty() {
            let (shortest, longest) = (self.shortest.as_secs_f64(), self.longest.as_secs_f64());
            let mut duration =
                doc! { "Sum": self.duration.as_secs_f64(), "Min": shortest, "Max": longest };
            for quantile in &settings.quantiles {
                let value = self.durations.value_at_quantile(*quantile) as f64 / 1e6;
                let value = value.clamp(shortest, longest);
                duration.insert(format!("P{}", quantile * 100.0), value);
            }
            extra.insert("Duration", duration);
        }
        extra
    }
}
