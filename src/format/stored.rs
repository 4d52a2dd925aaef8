//! Lines of JSON that were stored, read back: records, and any other documents.

use std::error::Error as _;

use mongodb::bson::{Bson, Document};

use crate::{
    format::extjson,
    record::{Field, Iteration, Phase, Timestamp, WatchMessage, WatcherName},
    watch_error::{Error, Result},
};

/// Reads any document of Extended JSON.
///
/// # Errors
///
/// When it is none; the message names the column.
pub(crate) fn document(line: &[u8]) -> Result<Document> {
    let value = extjson::parse(line).map_err(|error| {
        // The line is known to whoever reads lines.
        Error::invalid(format!("column {}: {}", error.column, error.message))
    })?;
    match value {
        Bson::Document(document) => Ok(document),
        _ => Err(Error::invalid("expected a document: `{`, keys and values, `}`")),
    }
}

/// Reads a record from a line that [`json::line`](super::json::line) wrote.
///
/// What is not in the line is not known of the record; but for its identity, its version, what it was
/// and when it began.
///
/// # Errors
///
/// When the line is no document, or one of another kind.
pub(crate) fn record(line: &[u8]) -> Result<WatchMessage> {
    const NEEDED: [Field; 5] =
        [Field::WatcherName, Field::WatchId, Field::Iteration, Field::StartTime, Field::Operation];

    let document = self::document(line)?;
    if let Some(missing) = NEEDED.iter().find(|field| !document.contains_key(field.name())) {
        return Err(Error::invalid(format!("it is no record: it has no `{missing}`")));
    }
    let start = Timestamp::from_micros(0);
    let mut record = WatchMessage::new(WatcherName::Collection, "", start);
    for (name, value) in document {
        let field: Field = name.parse()?;
        record.set(field, value).map_err(|error| match error.source() {
            Some(source) => Error::invalid(format!("{error}: {source}")),
            None => error,
        })?;
    }
    record.phase = match record.iteration {
        Iteration::Update(0) => Phase::First,
        Iteration::Update(_) => Phase::Update,
        Iteration::Final(_) => Phase::Final,
    };
    Ok(record)
}
