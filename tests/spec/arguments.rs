//! The arguments of an operation, taken one by one: what is left at the end is something that the
//! driver does not have, or that the runner does not know.

use std::time::Duration;

use mongodb::{
    bson::{Bson, Document},
    options::{SelectionCriteria, WriteConcern},
};
use serde::de::DeserializeOwned;

use crate::{
    serial,
    verdict::{Run, Stop},
};

/// What is left of an operation's arguments.
#[derive(Default)]
pub(crate) struct Arguments {
    operation: String,
    whose: Whose,
    left: Document,
}

/// Who must know the arguments.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Whose {
    /// It has its own options, fewer than the format.
    #[default]
    Driver,
    /// What it does not know it lacks.
    Runner,
}

impl Arguments {
    /// Arguments that are handed on to the driver.
    pub(crate) fn new(operation: &str, arguments: &Document) -> Self {
        let operation = operation.to_owned();
        Self { operation, whose: Whose::Driver, left: arguments.clone() }
    }

    /// Arguments of an instruction to the runner.
    pub(crate) fn of_runner(operation: &str, arguments: &Document) -> Self {
        Self::new(operation, arguments).for_runner()
    }

    /// From now on it is the runner that must know them.
    pub(crate) fn for_runner(self) -> Self {
        Self { whose: Whose::Runner, ..self }
    }

    /// The name of the operation.
    pub(crate) fn operation(&self) -> &str {
        &self.operation
    }

    /// Takes an argument that may be there.
    pub(crate) fn optional<T: DeserializeOwned>(&mut self, key: &str) -> Run<Option<T>> {
        let Some(value) = self.left.remove(key) else { return Ok(None) };
        serial::read(value.clone())
            .map(Some)
            .map_err(|error| self.impossible(&format!("{key}: {value} ({error})"), self.whose))
    }

    /// Takes an argument that must be there.
    pub(crate) fn required<T: DeserializeOwned>(&mut self, key: &str) -> Run<T> {
        let value = self.optional(key)?;
        value.ok_or_else(|| Stop::Fail(format!("{} without its argument {key}", self.operation)))
    }

    /// Takes a duration in milliseconds.
    pub(crate) fn millis(&mut self, key: &str) -> Run<Option<Duration>> {
        Ok(self.optional::<u64>(key)?.map(Duration::from_millis))
    }

    /// Takes the read preference.
    pub(crate) fn read_preference(&mut self) -> Run<Option<SelectionCriteria>> {
        self.optional("readPreference")
    }

    /// Takes what the driver reads into an options' type.
    pub(crate) fn options<T: DeserializeOwned>(&mut self, keys: &[&str]) -> Run<T> {
        let mut options = Document::new();
        for key in keys {
            if let Some(value) = self.left.remove(key) {
                options.insert(*key, value);
            }
        }
        serial::read_document(options.clone())
            .map_err(|error| self.impossible(&format!("{options} ({error})"), Whose::Driver))
    }

    /// Takes all that is left.
    pub(crate) fn rest(self) -> Document {
        self.left
    }

    /// Nothing may be left: the driver has no setter for it, or the runner has a gap.
    pub(crate) fn finish(self) -> Run<()> {
        match self.left.keys().next() {
            None => Ok(()),
            // The one option that the format adds everywhere, and the driver nowhere.
            Some(key) if self.whose == Whose::Runner && key != "timeoutMS" => {
                Err(Stop::Fail(format!("the runner knows no argument {key} of {}", self.operation)))
            }
            Some(key) => Err(Stop::Skip(format!(
                "the driver's operation for {} has no option {key}",
                self.operation
            ))),
        }
    }

    fn impossible(&self, what: &str, whose: Whose) -> Stop {
        let operation = &self.operation;
        if whose == Whose::Runner {
            return Stop::Fail(format!(
                "the runner cannot read the argument of {operation}: {what}"
            ));
        }
        Stop::Skip(format!("the driver's types do not admit the argument of {operation}: {what}"))
    }
}

/// Does the write concern ask for an acknowledgement?
pub(crate) fn is_acknowledged(concern: Option<&WriteConcern>) -> bool {
    let w = concern.and_then(|concern| concern.w.as_ref());
    !matches!(w, Some(mongodb::options::Acknowledgment::Nodes(0)))
}

/// The documents of an array.
pub(crate) fn as_documents(values: Vec<Document>) -> Bson {
    Bson::Array(values.into_iter().map(Bson::Document).collect())
}
