//! What becomes of the arguments of single operations.
//!
//! Each is tried with our own check before it is taken: what a call does not have here, or a field does
//! not hold, is told with the reason of that check.

use mongodb::bson::Bson;

use super::{
    filter::{constant, is_path},
    graph::Watcher,
    remark::Remark,
    source::{Entry, Spot},
    watchers::Fields,
    yaml::{Block, Yaml},
};
use crate::{
    config::{Fault, Kind, quoted},
    filter::{OwnField, OwnFieldsSettings},
    record::{Field, WatcherName},
};

/// So many arguments all operations may have.
const N_MAX: usize = 200;

/// The name under which pymongowatch has the result of a call.
const RESULT: &str = "_result";

/// What pymongo calls otherwise than the driver of Rust.
const RENAMED: &[(&str, &str)] =
    &[("max_time_ms", "max_time"), ("max_await_time_ms", "max_await_time")];

/// What is in these fields anyway.
const USUAL: &[(&str, &str)] =
    &[("filter", "Filter"), ("pipeline", "Filter"), ("update", "Update")];

/// The own fields, by our watchers: a `find` is a call on a collection there and a cursor here.
#[derive(Debug, Default)]
pub(super) struct Operations {
    kinds: [Kinds; 2],
    n_arguments: usize,
}

#[derive(Debug, Default)]
struct Kinds {
    settings: OwnFieldsSettings,
    operations: Vec<(String, Block)>,
}

/// One argument, as it would stand here.
struct Own {
    key: String,
    becomes: OwnField,
    yaml: Yaml,
}

impl Operations {
    /// Reads the operations of a watcher; what cannot be said here is told in `block`.
    pub(super) fn read(
        &mut self,
        watcher: &Spot<'_>,
        of: Watcher,
        fields: &Fields,
        block: &mut Block,
    ) -> Result<(), Fault> {
        let Some(operations) = watcher.get("operations")? else { return Ok(()) };
        for operation in operations.entries()? {
            for argument in operation.raw.followed()?.entries()? {
                self.n_arguments += 1;
                if self.n_arguments > N_MAX {
                    return Err(argument.raw.fault(format!("more than {N_MAX} arguments in all")));
                }
                if let Err(remark) = self.add(operation.name, &argument, of, fields, block)? {
                    block.remark(remark);
                }
            }
        }
        Ok(())
    }

    /// What was taken, by the operations of collections and of cursors.
    pub(super) fn blocks(self) -> [Block; 2] {
        self.kinds.map(|kind| {
            let mut block = Block::new();
            for (operation, own) in kind.operations {
                block.block(&operation, own);
            }
            block
        })
    }

    fn add(
        &mut self,
        operation: &str,
        argument: &Entry<'_>,
        of: Watcher,
        fields: &Fields,
        block: &mut Block,
    ) -> Result<Result<(), Remark>, Fault> {
        let spot = argument.raw.followed()?;
        let own = match own(&spot, argument.name, fields, block)? {
            Ok(Some(own)) => own,
            Ok(None) => return Ok(Ok(())),
            Err(message) => return Ok(Err(Remark::lost(&spot, message))),
        };
        let tried: &[Watcher] = match of {
            Watcher::Collection => &[Watcher::Collection, Watcher::Cursor],
            Watcher::Cursor => &[Watcher::Cursor],
        };
        let mut reason = String::new();
        for (index, watcher) in tried.iter().enumerate() {
            match self.kinds[*watcher as usize].take(operation, &own, *watcher) {
                Ok(()) => return Ok(Ok(())),
                Err(message) if index == 0 || !message.starts_with("unknown operation") => {
                    reason = message;
                }
                Err(_) => {}
            }
        }
        // The list of all operations is of no help here.
        let reason = match reason.starts_with("unknown operation") {
            true => reason.split(", expected `").next().unwrap_or_default(),
            false => &reason,
        };
        Ok(Err(Remark::lost(&spot, reason)))
    }
}

impl Kinds {
    /// Takes an argument, if all of them can be used then.
    fn take(&mut self, operation: &str, own: &Own, watcher: Watcher) -> Result<(), String> {
        let name = match watcher {
            Watcher::Collection => WatcherName::Collection,
            Watcher::Cursor => WatcherName::Cursor,
        };
        let mut settings = self.settings.clone();
        settings.add(operation, &own.key, own.becomes.clone());
        if let Some(fault) = settings.check(name).first() {
            return Err(fault.message().to_owned());
        }
        self.settings = settings;
        let known = self.operations.iter().position(|(known, _)| known == operation);
        let index = known.unwrap_or(self.operations.len());
        if known.is_none() {
            self.operations.push((operation.to_owned(), Block::new()));
        }
        self.operations[index].1.entry(&own.key, own.yaml.clone());
        Ok(())
    }
}

/// What an argument becomes; nothing, if it is so anyway; or why it cannot be said.
fn own(
    spot: &Spot<'_>,
    name: &str,
    fields: &Fields,
    block: &mut Block,
) -> Result<Result<Option<Own>, String>, Fault> {
    if name == RESULT {
        let message = "what is known of results is in fields of their own, such as MatchedCount and \
                       InsertedIds";
        return Ok(Err(message.to_owned()));
    }
    let to = target(spot, name, fields, block)?;
    if let Some(path) = to.as_ref().filter(|path| path.starts_with("Extra.") && !is_path(path)) {
        return Ok(Err(format!("the field {}", quoted(path.trim_start_matches("Extra.")))));
    }
    if let Some(value) = spot.get("value")? {
        return Ok(constant_of(&value, to).map(Some));
    }
    let key = RENAMED.iter().find(|(theirs, _)| *theirs == name).map_or(name, |(_, ours)| ours);
    let Some(path) = to else {
        let yaml = Yaml::map([("to", "null".to_owned())]);
        return Ok(Ok(Some(Own { key: key.to_owned(), becomes: OwnField::To(None), yaml })));
    };
    if USUAL.contains(&(name, path.as_str())) {
        return Ok(Ok(None));
    }
    let yaml = Yaml::map([("to", path.clone())]);
    Ok(match path.parse() {
        Ok(path) => Ok(Some(Own { key: key.to_owned(), becomes: OwnField::To(Some(path)), yaml })),
        Err(error) => Err(format!("{error}")),
    })
}

/// The field that an argument goes to; none, if it is dropped.
fn target(
    spot: &Spot<'_>,
    name: &str,
    fields: &Fields,
    block: &mut Block,
) -> Result<Option<String>, Fault> {
    let mut to = Some(fields.own_path(name));
    for entry in spot.entries()? {
        match entry.name {
            "to" => {
                let target = entry.raw.followed()?;
                to = match target.is_nothing() {
                    true => None,
                    false => Some(fields.own_path(target.text()?)),
                };
            }
            "value" => {}
            "cast" => {
                let message = "a function of Python: values are as they are in the driver's call";
                block.remark(Remark::lost(&entry.raw, message));
            }
            other => {
                let message = format!("the key {} of an argument", quoted(other));
                block.remark(Remark::lost(&entry.raw, message));
            }
        }
    }
    Ok(to)
}

/// A field with a constant.
fn constant_of(value: &Spot<'_>, to: Option<String>) -> Result<Own, String> {
    let Some(key) = to else { return Err("a value without a field".to_owned()) };
    let bson = match value.kind() {
        Kind::Text(text) => Bson::from(text.as_str()),
        Kind::Bool(value) => Bson::from(*value),
        Kind::Unsigned(number) => i64::try_from(*number).map_or(Bson::Null, Bson::from),
        Kind::Signed(number) => Bson::from(*number),
        Kind::Float(number) => Bson::from(*number),
        _ => Bson::Null,
    };
    let Some(written) = constant(value) else {
        return Err("a value that is neither a text nor a number".to_owned());
    };
    let yaml = Yaml::map([("value", written)]);
    Ok(Own { key, becomes: OwnField::Value(bson.into()), yaml })
}

/// The names of the fields that the arguments of a watcher get.
pub(super) fn own_names(watcher: &Spot<'_>) -> Result<Vec<String>, Fault> {
    let mut own = Vec::new();
    let Some(operations) = watcher.get("operations")? else { return Ok(own) };
    for operation in operations.entries()? {
        for argument in operation.raw.followed()?.entries()? {
            let spot = argument.raw.followed()?;
            let to = match spot.raw("to")? {
                Some(to) => to.followed()?.text()?,
                None => argument.name,
            };
            let is_ours = Field::ALL.iter().any(|field| field.name() == to);
            if !is_ours && !own.iter().any(|known| known == to) {
                own.push(to.to_owned());
            }
        }
    }
    Ok(own)
}
