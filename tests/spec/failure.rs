//! Is a driver's error the one that a test expects?

use mongodb::{
    bson::{Bson, Document, doc},
    error::{
        BulkWriteError, Error, ErrorKind, InsertManyError, PartialBulkWriteResult, WriteFailure,
    },
    results::{SummaryBulkWriteResult, UpdateResult, VerboseBulkWriteResult},
};

use crate::{
    file::Operation,
    matching::{self, Level, Lookup},
};

/// The server's code for an error, if it gave one.
pub(crate) fn code(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        ErrorKind::InsertMany(insert) => {
            let first = insert.write_errors.iter().flatten().next().map(|write| write.code);
            first.or_else(|| insert.write_concern_error.as_ref().map(|concern| concern.code))
        }
        _ => None,
    }
    .or_else(|| source(error).and_then(code))
}

fn code_name(error: &Error) -> Option<String> {
    let name = match &*error.kind {
        ErrorKind::Command(command) => Some(command.code_name.clone()),
        ErrorKind::Write(WriteFailure::WriteError(write)) => write.code_name.clone(),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => {
            Some(concern.code_name.clone())
        }
        ErrorKind::InsertMany(insert) => {
            insert.write_concern_error.as_ref().map(|concern| concern.code_name.clone())
        }
        _ => None,
    };
    name.or_else(|| source(error).and_then(code_name))
}

/// The driver's error below this one.
pub(crate) fn source(error: &Error) -> Option<&Error> {
    std::error::Error::source(error)?.downcast_ref()
}

/// Did the server answer with the error? Otherwise it arose in the driver, or on the network.
pub(crate) fn is_of_server(error: &Error) -> bool {
    match &*error.kind {
        ErrorKind::Command(_)
        | ErrorKind::Write(_)
        | ErrorKind::InsertMany(_)
        | ErrorKind::Authentication { .. } => true,
        ErrorKind::BulkWrite(bulk) => {
            !bulk.write_errors.is_empty()
                || !bulk.write_concern_errors.is_empty()
                || source(error).is_some_and(is_of_server)
        }
        _ => false,
    }
}

/// The text of an error, and of those below it.
fn text(error: &Error) -> String {
    let mut text = error.to_string();
    if let Some(source) = source(error) {
        text += &format!(" {source}");
    }
    text.to_lowercase()
}

/// Does the driver refuse a write because it wants no answer?
pub(crate) fn is_unacknowledged(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::InvalidArgument { message, .. }
        if message == "Unacknowledged write concerns are not supported")
}

/// Compares the error of an operation with what is expected.
pub(crate) fn check(
    expected: &Document,
    error: &Error,
    operation: &Operation,
    lookup: &dyn Lookup,
) -> Result<(), String> {
    for (key, value) in expected {
        check_part(key, value, error, operation, lookup)
            .map_err(|why| format!("expectError: {key}: {why}; the error: {error}"))?;
    }
    Ok(())
}

fn check_part(
    key: &str,
    value: &Bson,
    error: &Error,
    operation: &Operation,
    lookup: &dyn Lookup,
) -> Result<(), String> {
    let hold = |holds: bool, found: String| {
        if holds { Ok(()) } else { Err(format!("expected {value}, found {found}")) }
    };
    match key {
        "isError" => Ok(()),
        // The driver has no timeouts of operations, and so no errors of them.
        "isTimeoutError" => hold(value.as_bool() == Some(false), "false".to_owned()),
        "isClientError" => {
            let is_client = !is_of_server(error);
            hold(value.as_bool() == Some(is_client), is_client.to_string())
        }
        "errorContains" => {
            let wanted = value.as_str().unwrap_or_default().to_lowercase();
            hold(text(error).contains(&wanted), error.to_string())
        }
        "errorCode" => {
            let found = code(error);
            let wanted = value.as_i64().or_else(|| value.as_i32().map(i64::from));
            hold(found.map(i64::from) == wanted, format!("{found:?}"))
        }
        "errorCodeName" => {
            let found = code_name(error);
            hold(found.as_deref() == value.as_str(), format!("{found:?}"))
        }
        "errorLabelsContain" => {
            let missing = labels(value).find(|label| !error.contains_label(label));
            hold(missing.is_none(), format!("{:?}", error.labels()))
        }
        "errorLabelsOmit" => {
            let there = labels(value).find(|label| error.contains_label(label));
            hold(there.is_none(), format!("{:?}", error.labels()))
        }
        "errorResponse" => {
            let response = error.server_response().or_else(|| source(error)?.server_response());
            let response = response.and_then(|raw| Document::try_from(raw.as_ref()).ok());
            let response = response.map(Bson::Document);
            matching::check(value, response.as_ref(), Level::Root, lookup)
        }
        "expectResult" => {
            let partial = partial_result(error, operation).map(Bson::Document);
            matching::check(value, partial.as_ref(), Level::Root, lookup)
        }
        "writeErrors" => write_errors(value, error, lookup),
        "writeConcernErrors" => write_concern_errors(value, error, lookup),
        _ => Err("unknown to the runner".to_owned()),
    }
}

fn labels(value: &Bson) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Bson::as_str)
}

fn bulk(error: &Error) -> Result<&BulkWriteError, String> {
    match &*error.kind {
        ErrorKind::BulkWrite(bulk) => Ok(bulk),
        _ => Err("not the error of a bulk write".to_owned()),
    }
}

fn write_errors(expected: &Bson, error: &Error, lookup: &dyn Lookup) -> Result<(), String> {
    let found = &bulk(error)?.write_errors;
    let expected = expected.as_document().ok_or("expected a document")?;
    if found.len() != expected.len() {
        return Err(format!("expected {expected}, found {found:?}"));
    }
    for (index, expected) in expected {
        let write = index.parse().ok().and_then(|index: usize| found.get(&index));
        let write = write
            .map(|write| Bson::Document(doc! { "code": write.code, "message": &write.message }));
        matching::check(expected, write.as_ref(), Level::Root, lookup)
            .map_err(|why| format!("{index}: {why}"))?;
    }
    Ok(())
}

fn write_concern_errors(expected: &Bson, error: &Error, lookup: &dyn Lookup) -> Result<(), String> {
    let found = bulk(error)?.write_concern_errors.iter();
    let found = found
        .map(|concern| Bson::Document(doc! { "code": concern.code, "message": &concern.message }));
    matching::check(expected, Some(&Bson::Array(found.collect())), Level::Root, lookup)
}

/// What an operation had done before it failed, as far as the driver's error tells.
fn partial_result(error: &Error, operation: &Operation) -> Option<Document> {
    match &*error.kind {
        ErrorKind::BulkWrite(bulk) => match bulk.partial_result.as_ref()? {
            PartialBulkWriteResult::Summary(summary) => Some(of_summary(summary)),
            PartialBulkWriteResult::Verbose(verbose) => Some(of_verbose(verbose)),
        },
        ErrorKind::InsertMany(insert) => {
            let n = operation.arguments.get_array("documents").ok()?.len();
            let ordered = operation.arguments.get_bool("ordered").unwrap_or(true);
            let summary = doc! {
                "insertedCount": inserted_before(insert, n, ordered) as i64,
                "matchedCount": 0,
                "modifiedCount": 0,
                "upsertedCount": 0,
                "upsertedIds": {},
                "deletedCount": 0,
            };
            Some(summary)
        }
        _ => None,
    }
}

/// How many of `n` documents were inserted although the call failed.
pub(crate) fn inserted_before(error: &InsertManyError, n: usize, ordered: bool) -> usize {
    let failed = error.write_errors.as_deref().unwrap_or_default();
    match failed.first() {
        // An ordered insert ends with its first failure.
        Some(first) if ordered => first.index,
        _ => n - failed.len(),
    }
}

/// The result of a bulk write under the format's names.
pub(crate) fn of_summary(summary: &SummaryBulkWriteResult) -> Document {
    doc! {
        "insertedCount": summary.inserted_count,
        "matchedCount": summary.matched_count,
        "modifiedCount": summary.modified_count,
        "upsertedCount": summary.upserted_count,
        "deletedCount": summary.deleted_count,
    }
}

/// The result of a bulk write with one result for each model.
pub(crate) fn of_verbose(verbose: &VerboseBulkWriteResult) -> Document {
    let mut document = of_summary(&verbose.summary);
    let inserts = verbose.insert_results.iter().map(|(index, result)| {
        (index.to_string(), Bson::from(doc! { "insertedId": result.inserted_id.clone() }))
    });
    document.insert("insertResults", inserts.collect::<Document>());
    let updates = verbose
        .update_results
        .iter()
        .map(|(index, result)| (index.to_string(), Bson::from(of_bulk_update(result))));
    document.insert("updateResults", updates.collect::<Document>());
    let deletes = verbose.delete_results.iter().map(|(index, result)| {
        (index.to_string(), Bson::from(doc! { "deletedCount": result.deleted_count as i64 }))
    });
    document.insert("deleteResults", deletes.collect::<Document>());
    document
}

fn of_bulk_update(result: &UpdateResult) -> Document {
    let mut document = doc! {
        "matchedCount": result.matched_count as i64,
        "modifiedCount": result.modified_count as i64,
    };
    if let Some(id) = &result.upserted_id {
        document.insert("upsertedId", id.clone());
    }
    document
}

/// The result of an update under the format's names.
pub(crate) fn of_update(result: &UpdateResult) -> Document {
    let mut document = of_bulk_update(result);
    document.insert("upsertedCount", i64::from(result.upserted_id.is_some()));
    document
}
