//! A document that is a wrapper of Extended JSON, folded into the value that it stands for.
//!
//! A wrapper has exactly the keys of its kind. Any other document, such as `{"$regex": "x"}` or
//! `{"$gt": 1}`, is one that it stays.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mongodb::bson::{
    Binary, Bson, DateTime, Decimal128, Document, JavaScriptCodeWithScope, Timestamp,
    oid::ObjectId, spec::BinarySubtype,
};

/// Folds a document whose values are folded already; says what is wrong with a malformed wrapper.
pub(super) fn fold(mut document: Document) -> Result<Bson, String> {
    let mut keys = document.keys().map(String::as_str);
    let kind = match (keys.next(), keys.next(), keys.next()) {
        (Some(key), None, _) if is_wrapper(key) => key.to_owned(),
        (Some("$code"), Some("$scope"), None) | (Some("$scope"), Some("$code"), None) => {
            return code_with_scope(document);
        }
        (Some("$binary"), Some("$type"), None) | (Some("$type"), Some("$binary"), None) => {
            return old_binary(&document);
        }
        _ => return Ok(document.into()),
    };
    let value = document.remove(&kind).unwrap_or(Bson::Null);
    unwrap(&kind, value)
}

/// Is a document with this key only a wrapper?
fn is_wrapper(key: &str) -> bool {
    const KINDS: &[&str] = &[
        "$binary",
        "$code",
        "$date",
        "$dbPointer",
        "$maxKey",
        "$minKey",
        "$numberDecimal",
        "$numberDouble",
        "$numberInt",
        "$numberLong",
        "$oid",
        "$regularExpression",
        "$symbol",
        "$timestamp",
        "$undefined",
        "$uuid",
    ];
    KINDS.binary_search(&key).is_ok()
}

fn unwrap(kind: &str, value: Bson) -> Result<Bson, String> {
    let expected = |what: &str| format!("`{kind}`: expected {what}");
    match kind {
        "$oid" => parsed(&value, |text| ObjectId::parse_str(text).ok())
            .map(Bson::ObjectId)
            .ok_or_else(|| expected("24 hexadecimal digits in quotes")),
        "$date" => date(&value)
            .map(Bson::DateTime)
            .ok_or_else(|| expected("a moment such as \"2026-01-31T12:00:00Z\", or milliseconds")),
        "$numberInt" => parsed(&value, |text| text.parse().ok())
            .map(Bson::Int32)
            .ok_or_else(|| expected("an integer of 32 bits in quotes")),
        "$numberLong" => parsed(&value, |text| text.parse().ok())
            .map(Bson::Int64)
            .ok_or_else(|| expected("an integer of 64 bits in quotes")),
        "$numberDouble" => parsed(&value, double)
            .map(Bson::Double)
            .ok_or_else(|| expected("a number, `Infinity`, `-Infinity` or `NaN` in quotes")),
        "$numberDecimal" => parsed(&value, |text| text.parse::<Decimal128>().ok())
            .map(Bson::Decimal128)
            .ok_or_else(|| expected("a decimal number in quotes")),
        "$binary" => binary(&value)
            .map(Bson::Binary)
            .ok_or_else(|| expected("a document of `base64` and two hexadecimal digits `subType`")),
        "$uuid" => parsed(&value, |text| uuid::Uuid::try_parse(text).ok())
            .map(|uuid| {
                let bytes = uuid.as_bytes().to_vec();
                Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes })
            })
            .ok_or_else(|| expected("a UUID in quotes")),
        "$timestamp" => timestamp(&value)
            .map(Bson::Timestamp)
            .ok_or_else(|| expected("a document of `t` and `i`, integers of 32 bits without sign")),
        "$regularExpression" => {
            regex(&value).ok_or_else(|| expected("a document of the texts `pattern` and `options`"))
        }
        "$dbPointer" => db_pointer(&value)
            .ok_or_else(|| expected("a document of the text `$ref` and the ObjectId `$id`")),
        "$symbol" => text(value).map(Bson::Symbol).ok_or_else(|| expected("a text")),
        "$code" => text(value).map(Bson::JavaScriptCode).ok_or_else(|| expected("a text")),
        "$minKey" if is_one(&value) => Ok(Bson::MinKey),
        "$maxKey" if is_one(&value) => Ok(Bson::MaxKey),
        "$undefined" if value == Bson::Boolean(true) => Ok(Bson::Undefined),
        "$undefined" => Err(expected("`true`")),
        _ => Err(expected("1")),
    }
}

fn text(value: Bson) -> Option<String> {
    match value {
        Bson::String(text) => Some(text),
        _ => None,
    }
}

fn parsed<T>(value: &Bson, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    value.as_str().and_then(parse)
}

fn is_one(value: &Bson) -> bool {
    matches!(value, Bson::Int32(1))
}

fn double(text: &str) -> Option<f64> {
    match text {
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        // `parse` knows more words for these three.
        _ => text.parse().ok().filter(|_| !text.contains(['n', 'N'])),
    }
}

fn date(value: &Bson) -> Option<DateTime> {
    match value {
        Bson::String(text) => DateTime::parse_rfc3339_str(text).ok(),
        Bson::Int32(millis) => Some(DateTime::from_millis(i64::from(*millis))),
        Bson::Int64(millis) => Some(DateTime::from_millis(*millis)),
        _ => None,
    }
}

/// The parts of a document that has these two keys and no others.
fn pair<'a>(value: &'a Bson, first: &str, second: &str) -> Option<(&'a Bson, &'a Bson)> {
    let document = value.as_document().filter(|document| document.len() == 2)?;
    Some((document.get(first)?, document.get(second)?))
}

fn binary(value: &Bson) -> Option<Binary> {
    let (bytes, subtype) = pair(value, "base64", "subType")?;
    binary_of(bytes, subtype)
}

fn binary_of(bytes: &Bson, subtype: &Bson) -> Option<Binary> {
    let digits = subtype.as_str().filter(|text| matches!(text.len(), 1 | 2))?;
    let subtype = u8::from_str_radix(digits, 16).ok()?;
    let bytes = STANDARD.decode(bytes.as_str()?).ok()?;
    Some(Binary { subtype: subtype.into(), bytes })
}

/// `{"$binary": "...", "$type": "00"}`, as the first version of Extended JSON has it.
fn old_binary(document: &Document) -> Result<Bson, String> {
    let parts = document.get("$binary").zip(document.get("$type"));
    parts.and_then(|(bytes, subtype)| binary_of(bytes, subtype)).map(Bson::Binary).ok_or_else(
        || "`$binary`: expected Base64 in quotes, and two hexadecimal digits as `$type`".to_owned(),
    )
}

fn code_with_scope(mut document: Document) -> Result<Bson, String> {
    match (document.remove("$code"), document.remove("$scope")) {
        (Some(Bson::String(code)), Some(Bson::Document(scope))) => {
            Ok(Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope { code, scope }))
        }
        _ => Err("`$code`: expected a text, and a document as `$scope`".to_owned()),
    }
}

fn timestamp(value: &Bson) -> Option<Timestamp> {
    let (time, increment) = pair(value, "t", "i")?;
    let unsigned = |value: &Bson| match value {
        Bson::Int32(int) => u32::try_from(*int).ok(),
        Bson::Int64(int) => u32::try_from(*int).ok(),
        _ => None,
    };
    Some(Timestamp { time: unsigned(time)?, increment: unsigned(increment)? })
}

/// The type of a regular expression is another in each version of `bson`; its conversion is not.
fn regex(value: &Bson) -> Option<Bson> {
    let (pattern, options) = pair(value, "pattern", "options")?;
    let (pattern, options) = (pattern.as_str()?, options.as_str()?);
    let json = serde_json::json!({
        "$regularExpression": { "pattern": pattern, "options": options }
    });
    Bson::try_from(json).ok()
}

/// A DBPointer can only be made by the conversion of `bson`.
fn db_pointer(value: &Bson) -> Option<Bson> {
    let (namespace, id) = pair(value, "$ref", "$id")?;
    let (namespace, id) = (namespace.as_str()?, id.as_object_id()?.to_hex());
    let json = serde_json::json!({ "$dbPointer": { "$ref": namespace, "$id": { "$oid": id } } });
    Bson::try_from(json).ok()
}
