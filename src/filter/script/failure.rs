//! Why a script failed, in words that tell nothing of the record.
//!
//! Rhai puts values into some of its messages (what was thrown, the numbers that overflowed, the key
//! that was not found). Those are replaced by what they are about.

use rhai::{Dynamic, EvalAltResult, Position};

use crate::filter::Fault;

/// What the functions of ours fail with.
pub(super) type Failed = Box<EvalAltResult>;

/// A message of ours, which holds no value of the record.
#[derive(Clone, Debug)]
struct Refusal(String);

/// A failure with this message; it may name fields and paths of the script, but no values.
pub(super) fn refuse(message: impl Into<String>) -> Failed {
    let refusal = Dynamic::from(Refusal(message.into()));
    Box::new(EvalAltResult::ErrorRuntime(refusal, Position::NONE))
}

/// As [`refuse`], of what another step has against a field.
pub(super) fn refuse_fault(fault: &Fault) -> Failed {
    refuse(fault.to_string())
}

/// A text would be too long.
pub(super) fn too_long() -> Failed {
    Box::new(EvalAltResult::ErrorDataTooLarge("length of a text".to_owned(), Position::NONE))
}

/// The run has had all of its operations.
pub(super) fn too_much() -> Failed {
    Box::new(EvalAltResult::ErrorTooManyOperations(Position::NONE))
}

/// Where a script with this code failed, and why.
pub(super) fn describe(error: &EvalAltResult, code: &str) -> String {
    let (what, place) = (what(innermost(error), code), error.position());
    match (place.line(), place.position()) {
        (Some(line), Some(column)) => format!("line {line}, column {column}: {what}"),
        (Some(line), None) => format!("line {line}: {what}"),
        _ => what,
    }
}

/// The failure within the functions of the script.
fn innermost(error: &EvalAltResult) -> &EvalAltResult {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => innermost(inner),
        other => other,
    }
}

fn what(error: &EvalAltResult, code: &str) -> String {
    use EvalAltResult as Rhai;
    match error {
        Rhai::ErrorRuntime(value, _) => match value.read_lock::<Refusal>() {
            Some(refusal) => refusal.0.clone(),
            None => "the script has thrown an error".to_owned(),
        },
        Rhai::ErrorTooManyOperations(_) => "too many operations".to_owned(),
        Rhai::ErrorTerminated(..) => "it took too long".to_owned(),
        Rhai::ErrorStackOverflow(_) => "functions call each other too deeply".to_owned(),
        Rhai::ErrorTooManyVariables(_) => "too many variables".to_owned(),
        Rhai::ErrorDataTooLarge(what, _) => format!("too large: {what}"),
        // Where a function is called by its name as a text, this may be any text of the record.
        Rhai::ErrorFunctionNotFound(call, _) => {
            let name = call.split(' ').next().unwrap_or_default();
            match code.contains(name) {
                true => format!("unknown function `{call}`"),
                false => "unknown function".to_owned(),
            }
        }
        Rhai::ErrorPropertyNotFound(..) | Rhai::ErrorDotExpr(..) => {
            "such a value has no such property".to_owned()
        }
        Rhai::ErrorIndexingType(..) | Rhai::ErrorIndexNotFound(..) => {
            "such a value has no such place".to_owned()
        }
        Rhai::ErrorArrayBounds(..)
        | Rhai::ErrorStringBounds(..)
        | Rhai::ErrorBitFieldBounds(..) => "there is no such place in it".to_owned(),
        Rhai::ErrorMismatchDataType(expected, found, _) => {
            format!("expected {expected}, found {found}")
        }
        Rhai::ErrorArithmetic(..) => "a calculation is out of its range".to_owned(),
        Rhai::ErrorFor(_) => "`for` needs a list, a text or a range".to_owned(),
        Rhai::ErrorVariableNotFound(name, _) => format!("unknown variable `{name}`"),
        Rhai::ErrorAssignmentToConstant(name, _) => format!("`{name}` is constant"),
        _ => "the script cannot go on".to_owned(),
    }
}
