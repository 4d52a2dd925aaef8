//! `set`: puts constants, variables of the environment and texts of the record's own fields into it.

use mongodb::bson::Bson;

use super::{Draft, Fault, Filter, Part, Query, Verdict, key::variable, target::Target};
use crate::{
    format::Template,
    record::{Timestamp, WatchMessage, WatcherName},
};

/// Puts values into a record.
#[derive(Debug)]
pub(super) struct Set(Vec<(Target, Source)>);

/// Where a value comes from.
#[derive(Debug)]
pub(super) enum Source {
    Constant(Bson),
    Template(Box<Template>),
}

impl Set {
    /// Of a map from paths to constants, `{env: NAME}` and `{template: '{DB}.{Collection}'}`.
    ///
    /// # Errors
    ///
    /// When there is none, a path does not name one place, a variable is not set, or a value never
    /// fits.
    pub(super) fn build(
        values: &Query,
        read: impl Fn(&str) -> Result<String, Fault>,
    ) -> Result<Self, Fault> {
        if values.as_document().is_empty() {
            return Err(Fault::new("expected at least one path with its value"));
        }
        // What fits into an empty record, after those before it, fits into some record.
        let mut record = scratch();
        let mut one = |(path, value): (&String, &Bson)| {
            let (source, target) = (source(value, &read)?, Target::parse(path)?);
            target.put(&mut record, source.sample()).map_err(Fault::of_text)?;
            Ok((target, source))
        };
        let within = |(path, value): (&String, &Bson)| {
            one((path, value)).map_err(|fault: Fault| fault.within(Part::from(path.as_str())))
        };
        values.as_document().iter().map(within).collect::<Result<_, _>>().map(Self)
    }

    /// Reads variables of the environment.
    pub(super) fn read(name: &str) -> Result<String, Fault> {
        variable(name)
    }
}

/// A record of which nothing is known, to try out what fits.
pub(super) fn scratch() -> WatchMessage {
    WatchMessage::new(WatcherName::Collection, "find", Timestamp::from_micros(0))
}

impl Source {
    /// A value of its type.
    fn sample(&self) -> Bson {
        match self {
            Self::Constant(value) => value.clone(),
            Self::Template(_) => String::new().into(),
        }
    }

    /// The value for a record.
    pub(super) fn value(&self, record: &WatchMessage) -> Bson {
        match self {
            Self::Constant(value) => value.clone(),
            Self::Template(template) => template.line(record).into(),
        }
    }
}

pub(super) fn source(
    value: &Bson,
    read: impl Fn(&str) -> Result<String, Fault>,
) -> Result<Source, Fault> {
    let constant = || Ok(Source::Constant(value.clone()));
    let Some(map) = value.as_document() else { return constant() };
    let Some(form) = ["env", "template"].into_iter().find(|form| map.contains_key(form)) else {
        return constant();
    };
    if map.len() > 1 {
        return Err(Fault::new(format!("expected `{form}` alone, found {} keys", map.len())));
    }
    let Some(Bson::String(text)) = map.get(form) else {
        return Err(Fault::new("expected a text").within(form.into()));
    };
    match form {
        "env" => read(text)
            .map(|value| Source::Constant(value.into()))
            .map_err(|fault| fault.within("env".into())),
        _ => text
            .parse()
            .map(|template| Source::Template(Box::new(template)))
            .map_err(|error| Fault::of_text(error).within("template".into())),
    }
}

impl Filter for Set {
    fn apply(&mut self, draft: &mut Draft) -> Verdict {
        for (target, source) in &self.0 {
            let value = source.value(draft.record());
            target.put_or_tell(draft.to_mut(), value);
        }
        Verdict::Pass
    }
}
