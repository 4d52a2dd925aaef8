//! `set`: puts constants, variables of the environment and texts of the record's own fields into it.

use mongodb::bson::Bson;

use super::{Draft, Fault, Filter, Part, Query, Verdict, fields::Target, key::variable};
use crate::{format::Template, record::WatchMessage};

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
    pub(super) fn build(
        values: &Query,
        read: impl Fn(&str) -> Result<String, Fault>,
    ) -> Result<Self, Fault> {
        let one = |(path, value): (&String, &Bson)| {
            let (source, target) = (source(value, &read)?, Target::parse(path)?);
            if let Source::Constant(value) = &source {
                target.check(value)?;
            }
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

pub(super) fn source(
    value: &Bson,
    read: impl Fn(&str) -> Result<String, Fault>,
) -> Result<Source, Fault> {
    let Some((key, Bson::String(text))) = value
        .as_document()
        .filter(|document| document.len() == 1)
        .and_then(|one| one.iter().next())
    else {
        return Ok(Source::Constant(value.clone()));
    };
    match key.as_str() {
        "env" => read(text)
            .map(|value| Source::Constant(value.into()))
            .map_err(|fault| fault.within("env".into())),
        "template" => text
            .parse()
            .map(|template| Source::Template(Box::new(template)))
            .map_err(|error| Fault::of_text(error).within("template".into())),
        _ => Ok(Source::Constant(value.clone())),
    }
}

impl Source {
    /// The value for a record.
    pub(super) fn value(&self, record: &WatchMessage) -> Bson {
        match self {
            Self::Constant(value) => value.clone(),
            Self::Template(template) => template.line(record).into(),
        }
    }
}

impl Filter for Set {
    fn apply(&mut self, draft: &mut Draft) -> Verdict {
        for (target, source) in &self.0 {
            let value = source.value(draft.record());
            // A text that a field does not take, such as an actor, changes nothing.
            let _fits = target.put(draft, value);
        }
        Verdict::Pass
    }
}
