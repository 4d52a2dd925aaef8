//! One value of a record as text, and as JSON.

use std::io::Write as _;

use crate::{
    format::{extjson, number},
    record::{Iteration, Value, WriteError},
};

/// Appends a value as the cell of a table: texts as they are, nothing for a missing value, moments
/// by RFC 3339, spans as seconds with six decimals, documents as relaxed Extended JSON.
pub(crate) fn write(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Missing => {}
        Value::Str(text) => out.extend_from_slice(text.as_bytes()),
        Value::Int(int) => number::int(int, out),
        Value::Time(time) => number::moment(time, out),
        Value::Duration(span) => number::seconds(span, 6, out),
        Value::Iteration(iteration) => write_iteration(iteration, out),
        Value::Uuid(uuid) => {
            let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
            out.extend_from_slice(uuid.as_hyphenated().encode_lower(&mut text).as_bytes());
        }
        Value::Bson(bson) => extjson::value(bson, out),
        Value::Document(document) => extjson::document(document, out),
        Value::Array(items) => extjson::array(items, out),
        Value::Ints(ints) => list(ints, out, |int, out| number::int(i64::from(*int), out)),
        Value::WriteErrors(errors) => list(errors, out, write_error),
    }
}

/// Appends a value as JSON: numbers for counts and spans, strings for texts, moments, ids and
/// iterations (an iteration is always a string: one type for whoever reads it), null for a missing
/// one.
pub(crate) fn write_json(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Missing => out.extend_from_slice(b"null"),
        Value::Str(text) => extjson::string(text, out),
        Value::Time(_) | Value::Iteration(_) | Value::Uuid(_) => {
            out.push(b'"');
            write(value, out);
            out.push(b'"');
        }
        _ => write(value, out),
    }
}

/// Appends a span as seconds with so many decimals.
pub(super) fn write_seconds(span: std::time::Duration, decimals: u8, out: &mut Vec<u8>) {
    number::seconds(span, decimals, out);
}

fn write_iteration(iteration: Iteration, out: &mut Vec<u8>) {
    write!(out, "{iteration}").expect("writing into memory cannot fail");
}

fn write_error(error: &WriteError, out: &mut Vec<u8>) {
    let (index, code) = (error.index, error.code);
    write!(out, "{{\"index\":{index},\"code\":{code}}}").expect("writing into memory cannot fail");
}

fn list<T>(items: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}
