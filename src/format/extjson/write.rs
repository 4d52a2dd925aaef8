//! BSON as relaxed Extended JSON, written straight from the value: always one line, always valid.
//!
//! The form is that of the [specification]; the driver's own conversion gives the same but clones
//! the value and builds a tree first. Beyond what JSON asks, the characters of
//! [`text::is_unsafe`] are escaped, so that the text is safe in a terminal too.
//!
//! [specification]: https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md

use std::io::Write as _;

use mongodb::bson::{Binary, Bson, DateTime, Document};

use crate::format::{number, text};

/// Appends a value.
pub(crate) fn value(bson: &Bson, out: &mut Vec<u8>) {
    match bson {
        Bson::Double(double) if double.is_finite() => number::double(*double, out),
        Bson::Double(double) => tagged("$numberDouble", not_finite(*double), out),
        Bson::String(text) => string(text, out),
        Bson::Array(items) => array(items, out),
        Bson::Document(fields) => document(fields, out),
        Bson::Boolean(true) => out.extend_from_slice(b"true"),
        Bson::Boolean(false) => out.extend_from_slice(b"false"),
        Bson::Null => out.extend_from_slice(b"null"),
        Bson::Int32(int) => number::int(i64::from(*int), out),
        Bson::Int64(int) => number::int(*int, out),
        Bson::ObjectId(id) => tagged("$oid", &id.to_hex(), out),
        Bson::DateTime(date) => date_time(*date, out),
        Bson::Binary(data) => binary(data, out),
        Bson::Decimal128(decimal) => tagged("$numberDecimal", &decimal.to_string(), out),
        Bson::Symbol(symbol) => tagged("$symbol", symbol, out),
        Bson::JavaScriptCode(code) => tagged("$code", code, out),
        _ => seldom(bson, out),
    }
}

/// Appends a list.
pub(crate) fn array(items: &[Bson], out: &mut Vec<u8>) {
    out.push(b'[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        value(item, out);
    }
    out.push(b']');
}

/// Appends a string in quotes.
pub(crate) fn string(content: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = content.as_bytes();
    let (mut plain, mut at) = (0, 0);
    while let Some(found) = bytes[at..].iter().position(|byte| SUSPECT[usize::from(*byte)]) {
        at += found;
        let Some(character) = content[at..].chars().next() else { break };
        let next = at + character.len_utf8();
        if matches!(character, '"' | '\\') || text::is_unsafe(character) {
            out.extend_from_slice(&bytes[plain..at]);
            escaped(character, out);
            plain = next;
        }
        at = next;
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

/// The bytes at which a character that must be escaped may begin.
const SUSPECT: [bool; 256] = {
    let mut table = [false; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = true;
        control += 1;
    }
    let others = [b'"', b'\\', 0x7f, 0xc2, 0xd8, 0xe2, 0xef];
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
};

fn escaped(character: char, out: &mut Vec<u8>) {
    let short = match character {
        '"' => b'"',
        '\\' => b'\\',
        '\n' => b'n',
        '\r' => b'r',
        '\t' => b't',
        _ => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            // All unsafe characters lie in the basic plane: one unit of UTF-16.
            let code = u32::from(character);
            out.extend_from_slice(b"\\u");
            out.extend([12, 8, 4, 0].map(|shift| HEX[(code >> shift & 0xf) as usize]));
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

pub(crate) fn document(fields: &Document, out: &mut Vec<u8>) {
    out.push(b'{');
    for (place, (key, item)) in fields.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        string(key, out);
        out.push(b':');
        value(item, out);
    }
    out.push(b'}');
}

/// Appends `{"$tag":"text"}`.
fn tagged(tag: &str, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"");
    out.extend_from_slice(tag.as_bytes());
    out.extend_from_slice(b"\":");
    string(text, out);
    out.push(b'}');
}

fn not_finite(double: f64) -> &'static str {
    match (double.is_nan(), double.is_sign_negative()) {
        (true, _) => "NaN",
        (false, true) => "-Infinity",
        (false, false) => "Infinity",
    }
}

/// A date between 1970 and 9999 is readable, any other one a number of milliseconds.
fn date_time(date: DateTime, out: &mut Vec<u8>) {
    let millis = date.timestamp_millis();
    out.extend_from_slice(b"{\"$date\":");
    let start = out.len();
    out.push(b'"');
    if millis >= 0 && number::civil(millis / 1_000, out) {
        if millis % 1_000 != 0 {
            out.push(b'.');
            number::digits((millis % 1_000).unsigned_abs(), 3, out);
        }
        out.extend_from_slice(b"Z\"}");
        return;
    }
    out.truncate(start);
    out.extend_from_slice(b"{\"$numberLong\":\"");
    number::int(millis, out);
    out.extend_from_slice(b"\"}}");
}

fn binary(data: &Binary, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"$binary\":{\"base64\":\"");
    base64(&data.bytes, out);
    let subtype = u8::from(data.subtype);
    put(out, format_args!("\",\"subType\":\"{subtype:02x}\"}}}}"));
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let byte = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let letter = |place: usize| LETTERS[(bits >> (18 - 6 * place) & 0x3f) as usize];
        for place in 0..4 {
            out.push(if place <= group.len() { letter(place) } else { b'=' });
        }
    }
}

/// The types that hardly any filter holds.
fn seldom(bson: &Bson, out: &mut Vec<u8>) {
    match bson {
        Bson::RegularExpression(regex) => {
            out.extend_from_slice(b"{\"$regularExpression\":{\"pattern\":");
            string(&regex.pattern.to_string(), out);
            let mut options: Vec<char> = regex.options.to_string().chars().collect();
            options.sort_unstable();
            out.extend_from_slice(b",\"options\":");
            string(&String::from_iter(options), out);
            out.extend_from_slice(b"}}");
        }
        Bson::JavaScriptCodeWithScope(code) => {
            out.extend_from_slice(b"{\"$code\":");
            string(&code.code, out);
            out.extend_from_slice(b",\"$scope\":");
            document(&code.scope, out);
            out.push(b'}');
        }
        Bson::Timestamp(stamp) => {
            let (time, increment) = (stamp.time, stamp.increment);
            put(out, format_args!("{{\"$timestamp\":{{\"t\":{time},\"i\":{increment}}}}}"));
        }
        Bson::Undefined => out.extend_from_slice(b"{\"$undefined\":true}"),
        Bson::MinKey => out.extend_from_slice(b"{\"$minKey\":1}"),
        Bson::MaxKey => out.extend_from_slice(b"{\"$maxKey\":1}"),
        other => db_pointer(&other.to_string(), out),
    }
}

/// A DBPointer hides its parts; its display, `DbPointer(namespace, id)`, does not.
fn db_pointer(shown: &str, out: &mut Vec<u8>) {
    let inner = shown.strip_prefix("DbPointer(").and_then(|shown| shown.strip_suffix(')'));
    let (namespace, id) = inner.and_then(|inner| inner.rsplit_once(", ")).unwrap_or((shown, ""));
    out.extend_from_slice(b"{\"$dbPointer\":{\"$ref\":");
    string(namespace, out);
    out.extend_from_slice(b",\"$id\":");
    tagged("$oid", id, out);
    out.extend_from_slice(b"}}");
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing into memory cannot fail");
}
