//! Does a value match what a test expects? The format's rules: numbers of any type are equal by
//! value, the order of keys does not count, a root document may have more keys than expected, and
//! `$$` operators say more than equality.

use mongodb::bson::{Bson, Document, spec::ElementType};

/// Where the operators that name an entity find it.
pub(crate) trait Lookup {
    /// The value of an entity.
    fn value(&self, id: &str) -> Option<Bson>;
    /// The `lsid` of a session.
    fn lsid(&self, id: &str) -> Option<Document>;
}

/// May the document have more keys than are expected?
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// A root document may, and each document of a root array.
    Root,
    /// An embedded one may not.
    Embedded,
}

/// Compares a value with what is expected; the error tells where they differ.
pub(crate) fn check(
    expected: &Bson,
    actual: Option<&Bson>,
    level: Level,
    lookup: &dyn Lookup,
) -> Result<(), String> {
    if let Some((operator, operand)) = operator(expected) {
        return special(operator, operand, actual, level, lookup);
    }
    let Some(actual) = actual else {
        return Err(format!("expected {expected}, found nothing"));
    };
    match (expected, actual) {
        (Bson::Document(expected), Bson::Document(actual)) => {
            documents(expected, actual, level, lookup)
        }
        (Bson::Array(expected), Bson::Array(actual)) => arrays(expected, actual, level, lookup),
        _ if is_number(expected) && is_number(actual) => {
            same(same_number(expected, actual), expected, actual)
        }
        _ => same(expected == actual, expected, actual),
    }
}

fn same(is_same: bool, expected: &Bson, actual: &Bson) -> Result<(), String> {
    if is_same { Ok(()) } else { Err(format!("expected {expected}, found {actual}")) }
}

fn documents(
    expected: &Document,
    actual: &Document,
    level: Level,
    lookup: &dyn Lookup,
) -> Result<(), String> {
    for (key, value) in expected {
        check(value, actual.get(key), Level::Embedded, lookup)
            .map_err(|why| format!("{key}: {why}"))?;
    }
    let extra = actual.keys().find(|key| !expected.contains_key(key.as_str()));
    match extra {
        Some(key) if level == Level::Embedded => {
            Err(format!("unexpected key {key} in {actual}, expected {expected}"))
        }
        _ => Ok(()),
    }
}

fn arrays(
    expected: &[Bson],
    actual: &[Bson],
    level: Level,
    lookup: &dyn Lookup,
) -> Result<(), String> {
    if expected.len() != actual.len() {
        let (expected, actual) = (Bson::Array(expected.to_vec()), Bson::Array(actual.to_vec()));
        return Err(format!("expected {expected}, found {actual}"));
    }
    for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
        check(expected, Some(actual), level, lookup).map_err(|why| format!("[{index}]: {why}"))?;
    }
    Ok(())
}

/// The operator of a document that consists of one.
fn operator(expected: &Bson) -> Option<(&str, &Bson)> {
    let document = expected.as_document()?;
    let (key, operand) = document.iter().next()?;
    (document.len() == 1 && key.starts_with("$$")).then_some((key.as_str(), operand))
}

fn special(
    operator: &str,
    operand: &Bson,
    actual: Option<&Bson>,
    level: Level,
    lookup: &dyn Lookup,
) -> Result<(), String> {
    let found = || actual.map_or_else(|| "nothing".to_owned(), ToString::to_string);
    let hold = |holds: bool| {
        if holds {
            Ok(())
        } else {
            Err(format!("expected {operator} {operand}, found {}", found()))
        }
    };
    match operator {
        "$$exists" => hold(operand.as_bool() == Some(actual.is_some())),
        "$$unsetOrMatches" => match actual {
            None => Ok(()),
            Some(_) => check(operand, actual, level, lookup),
        },
        "$$type" => hold(actual.is_some_and(|actual| has_type(operand, actual))),
        "$$matchesEntity" => {
            let id = operand.as_str().unwrap_or_default();
            let value = lookup.value(id).ok_or_else(|| format!("no entity {id:?} to match"))?;
            check(&value, actual, level, lookup)
        }
        "$$matchesHexBytes" => {
            let hex = operand.as_str().unwrap_or_default();
            let wanted = bytes_of_hex(hex).ok_or_else(|| format!("{hex:?} is not hexadecimal"))?;
            hold(matches!(actual, Some(Bson::Binary(binary)) if binary.bytes == wanted))
        }
        "$$sessionLsid" => {
            let id = operand.as_str().unwrap_or_default();
            let lsid = lookup.lsid(id).ok_or_else(|| format!("no session {id:?} to match"))?;
            check(&Bson::Document(lsid), actual, level, lookup)
        }
        "$$lte" => {
            let limit = number(operand);
            hold(actual.and_then(number).zip(limit).is_some_and(|(n, limit)| n <= limit))
        }
        "$$matchAsRoot" => check(operand, actual, Level::Root, lookup),
        "$$matchAsDocument" => {
            let text = actual.and_then(Bson::as_str).ok_or_else(|| {
                format!("expected the JSON of a document in a string, found {}", found())
            })?;
            let json: serde_json::Value =
                serde_json::from_str(text).map_err(|error| error.to_string())?;
            let document = Bson::try_from(json).map_err(|error| error.to_string())?;
            check(operand, Some(&document), Level::Embedded, lookup)
        }
        _ => Err(format!("unknown operator {operator}")),
    }
}

fn is_number(value: &Bson) -> bool {
    matches!(value, Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_))
}

fn number(value: &Bson) -> Option<f64> {
    match value {
        Bson::Int32(n) => Some((*n).into()),
        #[expect(clippy::cast_precision_loss, reason = "the numbers of tests are small")]
        Bson::Int64(n) => Some(*n as f64),
        Bson::Double(n) => Some(*n),
        _ => None,
    }
}

fn same_number(expected: &Bson, actual: &Bson) -> bool {
    let integer = |value: &Bson| match value {
        Bson::Int32(n) => Some(i64::from(*n)),
        Bson::Int64(n) => Some(*n),
        _ => None,
    };
    match (integer(expected), integer(actual)) {
        (Some(expected), Some(actual)) => expected == actual,
        _ => number(expected) == number(actual),
    }
}

fn has_type(types: &Bson, actual: &Bson) -> bool {
    match types {
        Bson::Array(types) => types.iter().any(|name| has_type(name, actual)),
        Bson::String(name) if name == "number" => {
            is_number(actual) || matches!(actual, Bson::Decimal128(_))
        }
        Bson::String(name) => element_type(name) == Some(actual.element_type()),
        _ => false,
    }
}

/// The type of a name, as the server's `$type` takes them.
fn element_type(name: &str) -> Option<ElementType> {
    Some(match name {
        "double" => ElementType::Double,
        "string" => ElementType::String,
        "object" => ElementType::EmbeddedDocument,
        "array" => ElementType::Array,
        "binData" => ElementType::Binary,
        "undefined" => ElementType::Undefined,
        "objectId" => ElementType::ObjectId,
        "bool" => ElementType::Boolean,
        "date" => ElementType::DateTime,
        "null" => ElementType::Null,
        "regex" => ElementType::RegularExpression,
        "dbPointer" => ElementType::DbPointer,
        "javascript" => ElementType::JavaScriptCode,
        "symbol" => ElementType::Symbol,
        "javascriptWithScope" => ElementType::JavaScriptCodeWithScope,
        "int" => ElementType::Int32,
        "timestamp" => ElementType::Timestamp,
        "long" => ElementType::Int64,
        "decimal" => ElementType::Decimal128,
        "minKey" => ElementType::MinKey,
        "maxKey" => ElementType::MaxKey,
        _ => return None,
    })
}

/// The bytes that pairs of hexadecimal digits stand for.
pub(crate) fn bytes_of_hex(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = hex.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then_some(())?;
    Some(digits.chunks_exact(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect())
}
