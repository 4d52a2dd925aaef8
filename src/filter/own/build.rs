//! From the settings of own fields to what is done with each operation's records.

use std::collections::BTreeMap;

use super::{
    ALL, OwnField, OwnFieldsSettings,
    change::{Change, Changes, OwnFields, field_of},
};
use crate::{
    filter::{Fault, FieldPath, Part, key::variable},
    record::{CallName, KnownCall, WatcherName, nearest, server_name},
};

impl OwnFieldsSettings {
    /// Makes them for the records of this watcher; `None` if there are none.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong; its way begins with the operation.
    pub(crate) fn build(&self, watcher: WatcherName) -> Result<Option<OwnFields>, Fault> {
        if self.is_empty() {
            return Ok(None);
        }
        let built = self.build_with(watcher, variable);
        built.map(Some).map_err(|faults| {
            let first = faults.into_iter().next();
            first.unwrap_or_else(|| Fault::new("cannot be used"))
        })
    }

    pub(super) fn build_with(
        &self,
        watcher: WatcherName,
        read: impl Fn(&str) -> Result<String, Fault>,
    ) -> Result<OwnFields, Vec<Fault>> {
        let mut faults = Vec::new();
        for (operation, entries) in &self.0 {
            if let Err(fault) = check_operation(watcher, operation) {
                faults.push(fault.within(Part::from(operation.as_str())));
                continue;
            }
            let calls: Vec<_> =
                KnownCall::all_of(watcher).filter(|call| names(operation, call)).collect();
            for (key, own) in entries {
                let checked = check_entry(watcher, &calls, key, own, &read);
                let within = |fault: Fault| fault.within(key.as_str().into());
                let fault = checked.err().map(within);
                faults.extend(fault.map(|fault| fault.within(Part::from(operation.as_str()))));
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut made = OwnFields::default();
        for call in KnownCall::all_of(watcher) {
            match self.changes(watcher, call.operation, Some(call), &read) {
                Ok(changes) => made.insert(call.operation, changes),
                Err(fault) => faults.push(fault),
            }
        }
        // Of raw traffic any command may be named.
        for operation in self.0.keys().filter(|name| KnownCall::find(watcher, name).is_none()) {
            match self.changes(watcher, operation, None, &read) {
                Ok(changes) => made.insert(operation, changes),
                Err(fault) => faults.push(fault),
            }
        }
        // One fault of `all` is one, however many operations have it.
        faults.dedup();
        if faults.is_empty() { Ok(made) } else { Err(faults) }
    }

    /// What is done with the records of one operation.
    fn changes(
        &self,
        watcher: WatcherName,
        operation: &str,
        call: Option<&'static KnownCall>,
        read: &impl Fn(&str) -> Result<String, Fault>,
    ) -> Result<Changes, Fault> {
        let nothing = BTreeMap::new();
        let own = self.0.get(operation).unwrap_or(&nothing);
        let all = self.0.get(ALL).filter(|_| operation != ALL).unwrap_or(&nothing);
        let of_all = all.iter().filter(|(key, _)| !own.contains_key(*key));
        let entries =
            of_all.map(|entry| (ALL, entry)).chain(own.iter().map(|own| (operation, own)));
        let mut changes = Changes::default();
        let mut targets: Vec<(&str, FieldPath)> = Vec::new();
        for (said_for, (key, becomes)) in entries {
            let within = |fault: Fault| fault.within(key.as_str().into()).within(said_for.into());
            let Ok(made) = Change::of(watcher, call, key, becomes, read) else {
                // An argument of other operations, of which `all` speaks.
                continue;
            };
            if let Some(path) = made.target_path(key, becomes) {
                let meets = |(_, other): &&(&str, FieldPath)| is_below(other, &path);
                if let Some((other, _)) = targets.iter().find(meets) {
                    let message = format!("`{path}` is where `{other}` goes too");
                    return Err(within(Fault::new(message)));
                }
                targets.push((key, path));
            }
            changes.0.push(made);
        }
        Ok(changes)
    }
}

/// Does the name stand for this call?
fn names(operation: &str, call: &KnownCall) -> bool {
    operation == ALL || call.operation == operation
}

/// Is one of the places the other, or in it?
fn is_below(one: &FieldPath, other: &FieldPath) -> bool {
    match (one.exact(), other.exact()) {
        (Some((field, one)), Some((same, other))) => {
            field == same && one.iter().zip(&other).all(|(one, other)| one == other)
        }
        _ => false,
    }
}

fn check_operation(watcher: WatcherName, operation: &str) -> Result<(), Fault> {
    if operation == ALL {
        return Ok(());
    }
    if let Some(other) = KnownCall::watcher_of(operation)
        && KnownCall::is_named(watcher, operation) != CallName::Known
    {
        let kind = other.as_str().trim_start_matches("mongowatch.");
        let message = format!("unknown operation `{operation}` here: it belongs to `{kind}`");
        return Err(Fault::new(message));
    }
    let hint = match KnownCall::is_named(watcher, operation) {
        CallName::Known => return Ok(()),
        CallName::Unknown(Some(meant)) => format!(": did you mean `{meant}`?"),
        CallName::Unknown(None) if watcher == WatcherName::Command => {
            ", expected a command of the server in snake case, such as `find_and_modify`".to_owned()
        }
        CallName::Unknown(None) => {
            let known: Vec<_> = KnownCall::all_of(watcher).map(|call| call.operation).collect();
            format!(", expected {} or `all`", listed(&known))
        }
    };
    Err(Fault::new(format!("unknown operation `{operation}`{hint}")))
}

/// Could something be made of it for one of the calls?
fn check_entry(
    watcher: WatcherName,
    calls: &[&'static KnownCall],
    key: &str,
    becomes: &OwnField,
    read: &impl Fn(&str) -> Result<String, Fault>,
) -> Result<(), Fault> {
    let is_known = field_of(key).is_some() || watcher == WatcherName::Command;
    if !is_known && !calls.iter().any(|call| call.place_of(key).is_some()) {
        return Err(unknown_argument(calls, key));
    }
    let calls = calls.iter().copied().filter(|call| is_known || call.place_of(key).is_some());
    let mut tried = calls.map(Some).chain(is_known.then_some(None));
    tried.try_for_each(|call| Change::of(watcher, call, key, becomes, read).map(drop))
}

pub(super) fn unknown_argument(calls: &[&'static KnownCall], key: &str) -> Fault {
    if key.starts_with(|letter: char| letter.is_uppercase())
        && let Err(error) = key.parse::<FieldPath>()
    {
        return Fault::of_text(error);
    }
    if ["document", "documents", "doc", "docs"].contains(&key) {
        let message = "inserted documents are in no record, only their ids: `InsertedIds`";
        return Fault::new(message);
    }
    let known = || calls.iter().flat_map(|call| call.names());
    let of_server = known().find(|name| server_name(name) == key);
    let hint = match (of_server.or_else(|| nearest(key, known())), calls) {
        (Some(meant), _) => format!(": did you mean `{meant}`?"),
        (None, [call]) => {
            let names: Vec<_> = call.names().collect();
            let names = if names.is_empty() { String::new() } else { listed(&names) + ", " };
            format!(", expected {names}or a field such as `Extra.Team`")
        }
        (None, _) => String::new(),
    };
    Fault::new(format!("unknown argument `{key}`{hint}"))
}

fn listed(names: &[&str]) -> String {
    format!("`{}`", names.join("`, `"))
}
