//! The steps of one route, made and in their order.

use std::sync::{Arc, atomic::AtomicU64};

use super::{
    Draft, Fault, Filter, Hash, Mask, Matcher, NamedFilters, Part, Script, Shape, StepSettings,
    Verdict,
    fields::{Drop, Keep},
    rate::{Originals, Rate},
    rename::Rename,
    set::Set,
};
use crate::record::{EventLevel, Privacy, Shaper, Timestamp, WatchMessage, WatcherName};

/// The steps of one route.
///
/// ```
/// use std::sync::Arc;
///
/// use mongowatch::{Timestamp, WatchMessage, WatcherName, filter::{Draft, NamedFilters, StepSettings, Steps}};
///
/// let off = StepSettings::Level("off".parse()?);
/// let mut steps = Steps::build(&[off], &NamedFilters::default())?;
/// let now = Timestamp::from_micros(0);
/// let record = Arc::new(WatchMessage::new(WatcherName::Collection, "find", now));
/// assert_eq!(steps.apply(&mut Draft::new(record, now)), Err(0));
/// # Ok::<(), mongowatch::Error>(())
/// ```
#[derive(Default)]
pub struct Steps {
    /// What a record passes before the first step, if the route has a policy of its own.
    privacy: Option<(Privacy, Shaper)>,
    steps: Vec<Step>,
}

/// A step, with its name in the books.
struct Step {
    name: String,
    act: Act,
}

enum Act {
    Match(Matcher),
    Mask(Mask),
    Hash(Hash),
    Shape(Shape),
    Level(EventLevel),
    Rate(Box<Rate>),
    Script(Box<Script>),
    Other(Box<dyn Filter>),
}

/// A record that a step made, and the place of the step: only those after it see the record.
pub type Made = (usize, WatchMessage);

/// Why a step failed at a record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepFailure {
    /// The name of the step, as in [`Steps::names`].
    pub step: String,
    /// What went wrong, and where in the script; without values of the record.
    pub message: String,
    /// At how many records it has failed by now, with this one.
    pub n_failures: u64,
}

impl Steps {
    /// No route has more steps.
    pub const N_MAX: usize = 100;

    /// Makes steps of their settings; `filters` holds the application's own filters.
    ///
    /// # Errors
    ///
    /// When a step's settings cannot be used; the fault's way begins with the place of the step and
    /// its kind.
    pub fn build(settings: &[StepSettings], filters: &NamedFilters) -> Result<Self, Fault> {
        if settings.len() > Self::N_MAX {
            let (found, max) = (settings.len(), Self::N_MAX);
            return Err(Fault::new(format!("found {found} steps, expected at most {max}")));
        }
        let mut steps = Vec::with_capacity(settings.len());
        for (place, step) in settings.iter().enumerate() {
            let kind = step.kind();
            let act = step.act(filters);
            let act = act.map_err(|fault| fault.within(kind.into()).within(Part::Index(place)))?;
            steps.push(Step { name: format!("{}-{kind}", place + 1), act });
        }
        Ok(Self { privacy: None, steps })
    }

    /// The same steps behind a policy of the route's own, which a record passes before the first: no
    /// step sees, or can move elsewhere, what the policy takes out.
    #[must_use]
    pub fn behind(self, privacy: Option<Privacy>) -> Self {
        Self { privacy: privacy.map(|privacy| (privacy, Shaper::default())), ..self }
    }

    /// The names of the steps, by which the books count what each dropped: `1-match`, `2-mask`...
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|step| &*step.name)
    }

    /// Are there none?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Lets the route's own policy take out of a record what it does not let through.
    pub fn admit(&self, draft: &mut Draft) {
        if let Some((privacy, shaper)) = &self.privacy
            && draft.record().watcher != WatcherName::Watcher
        {
            privacy.apply(draft.to_mut(), shaper);
        }
    }

    /// Sends a record through the route's policy and all steps.
    ///
    /// What the watcher tells of itself goes past them: it cannot be filtered away.
    ///
    /// # Errors
    ///
    /// When a step drops the record: its place.
    pub fn apply(&mut self, draft: &mut Draft) -> Result<(), usize> {
        self.admit(draft);
        self.apply_from(0, draft)
    }

    /// Sends a record that a step made through the steps from this place on.
    ///
    /// # Errors
    ///
    /// As [`Steps::apply`].
    pub fn apply_from(&mut self, first: usize, draft: &mut Draft) -> Result<(), usize> {
        if draft.record().watcher == WatcherName::Watcher {
            return Ok(());
        }
        for (place, step) in self.steps.iter_mut().enumerate().skip(first) {
            if step.act.apply(draft) == Verdict::Drop {
                return Err(place);
            }
        }
        Ok(())
    }

    /// Sends a record through one step, for those who want to look in between.
    ///
    /// # Panics
    ///
    /// When there is no step at this place.
    pub fn apply_one(&mut self, place: usize, draft: &mut Draft) -> Verdict {
        self.steps[place].act.apply(draft)
    }

    /// At how many records each step failed, for those steps that can: counters that go on counting.
    pub fn errors(&self) -> impl Iterator<Item = Option<Arc<AtomicU64>>> {
        self.steps.iter().map(|step| match &step.act {
            Act::Script(script) => Some(script.errors()),
            _ => None,
        })
    }

    /// Why a step failed at the record that was sent last, if one did.
    pub fn take_failure(&mut self) -> Option<StepFailure> {
        self.steps.iter_mut().find_map(|step| match &mut step.act {
            Act::Script(script) => script.take_failure().map(|(message, n_failures)| StepFailure {
                step: step.name.clone(),
                message,
                n_failures,
            }),
            _ => None,
        })
    }

    /// When a step has something to tell by itself.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        self.rates().filter_map(|rate| rate.due()).min()
    }

    /// The records that steps have to tell by now, each with the place of its step.
    pub fn collect(&mut self, now: Timestamp) -> Vec<Made> {
        self.made(|rate, made| rate.collect(now, made))
    }

    /// The records that steps still have to tell at the end.
    pub fn finish(&mut self, now: Timestamp) -> Vec<Made> {
        self.made(|rate, made| rate.finish(now, made))
    }

    fn rates(&self) -> impl Iterator<Item = &Rate> {
        self.steps.iter().filter_map(|step| match &step.act {
            Act::Rate(rate) => Some(&**rate),
            _ => None,
        })
    }

    fn made(&mut self, mut tell: impl FnMut(&mut Rate, &mut Vec<WatchMessage>)) -> Vec<Made> {
        let mut all = Vec::new();
        for (place, step) in self.steps.iter_mut().enumerate() {
            if let Act::Rate(rate) = &mut step.act {
                let mut made = Vec::new();
                tell(rate, &mut made);
                all.extend(made.into_iter().map(|record| (place, record)));
            }
        }
        all
    }
}

impl StepSettings {
    fn act(&self, filters: &NamedFilters) -> Result<Act, Fault> {
        Ok(match self {
            Self::Match(query) => Act::Match(query.for_records()?),
            Self::When(expression) => Act::Match(expression.matcher().clone()),
            Self::AuditFilter(settings) => Act::Other(Box::new(settings.build()?)),
            Self::Mask(settings) => Act::Mask(settings.build()?),
            Self::Hash(settings) => Act::Hash(settings.build()?),
            Self::Shape(settings) => Act::Shape(settings.build()?),
            Self::Truncate(settings) => Act::Other(Box::new(settings.build()?)),
            Self::Drop(paths) => Act::Other(Box::new(Drop::build(paths)?)),
            Self::Keep(paths) => Act::Other(Box::new(Keep::build(paths)?)),
            Self::Rename(names) => Act::Other(Box::new(Rename::build(names)?)),
            Self::Set(values) => Act::Other(Box::new(Set::build(values, Set::read)?)),
            Self::Sample(settings) => Act::Other(Box::new(settings.build()?)),
            Self::Limit(settings) => Act::Other(Box::new(settings.build()?)),
            Self::Rate(settings) => Act::Rate(Box::new(settings.build()?)),
            Self::Script(settings) => Act::Script(Box::new(settings.build()?)),
            Self::Level(level) => Act::Level(*level),
            Self::Filter(name) => Act::Other(filters.make(name)?),
        })
    }
}

impl Act {
    fn apply(&mut self, draft: &mut Draft) -> Verdict {
        match self {
            Self::Match(matcher) => matcher.apply(draft),
            Self::Mask(mask) => mask.apply(draft),
            Self::Hash(hash) => hash.apply(draft),
            Self::Shape(shape) => shape.apply(draft),
            Self::Level(EventLevel::Off) => Verdict::Drop,
            Self::Level(level) => {
                draft.set_level(*level);
                Verdict::Pass
            }
            Self::Rate(rate) => {
                rate.count(draft);
                Verdict::pass_if(rate.originals() == Originals::Pass)
            }
            Self::Script(script) => script.apply(draft),
            Self::Other(filter) => filter.apply(draft),
        }
    }
}

impl std::fmt::Debug for Steps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
