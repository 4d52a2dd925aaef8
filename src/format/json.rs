//! JSON lines: one record, one object, one line.

use crate::{
    format::value,
    record::{Field, WatchMessage},
};

/// Appends a record as a JSON object and a line feed; fields that are not known are left out.
pub(crate) fn line(record: &WatchMessage, out: &mut Vec<u8>) {
    out.push(b'{');
    let start = out.len();
    for field in Field::ALL {
        let known = record.get(*field);
        if known.is_missing() {
            continue;
        }
        if out.len() > start {
            out.push(b',');
        }
        out.push(b'"');
        out.extend_from_slice(field.name().as_bytes());
        out.extend_from_slice(b"\":");
        value::write_json(known, out);
    }
    out.extend_from_slice(b"}\n");
}
