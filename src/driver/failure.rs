//! The driver's errors as they stand in a record.

use mongodb::error::{BulkWriteError, Error, ErrorKind, GridFsErrorKind, WriteFailure};

use super::reply::Reply;
use crate::record::{ErrorInfo, Outcome, WriteError, redact};

/// How an operation failed.
pub(super) struct Failure {
    pub(super) outcome: Outcome,
    pub(super) error: ErrorInfo,
    /// Was it one of several writes that failed, so that others may have been done?
    pub(super) is_of_several: bool,
    /// The server's reply, when it is known: it may have done a part of the work.
    pub(super) reply: Option<Reply>,
}

/// Describes an error that an operation of the application ended with.
///
/// `attempts` is how many commands were seen on their way to a server; `None` when no door to the
/// traffic is open, so that only the kind of the error can tell whether anything was sent.
pub(super) fn describe(command: &str, error: &Error, attempts: Option<u64>) -> Failure {
    let mut info = explain(error);
    if redact::is_sensitive_command(command) {
        info.message = None;
    }
    let reply = error
        .server_response()
        .and_then(|raw| mongodb::bson::Document::try_from(raw.as_ref()).ok())
        .map(|document| Reply::read(command, &document));
    let outcome = outcome(&first(error).kind, attempts);
    let is_of_several = !info.write_errors.is_empty()
        || matches!(&*error.kind, ErrorKind::BulkWrite(_)) && cause(error).is_some();
    Failure { outcome, error: info, is_of_several, reply }
}

/// What the error says: its code, name and text, and the writes that failed.
fn explain(error: &Error) -> ErrorInfo {
    let mut info =
        ErrorInfo { name: Some(kind_name(&error.kind).to_owned()), ..Default::default() };
    match &*error.kind {
        ErrorKind::Command(command) => {
            fill(&mut info, command.code, &command.code_name, &command.message);
        }
        ErrorKind::Write(WriteFailure::WriteError(write)) => fill_write(&mut info, write),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => {
            fill(&mut info, concern.code, &concern.code_name, &concern.message);
        }
        ErrorKind::InsertMany(insert) => {
            if let Some(concern) = &insert.write_concern_error {
                fill(&mut info, concern.code, &concern.code_name, &concern.message);
            }
            let writes = insert.write_errors.as_deref().unwrap_or_default();
            if let Some(first) = writes.first() {
                let name = first.code_name.as_deref().unwrap_or_default();
                fill(&mut info, first.code, name, &first.message);
            }
            info.write_errors =
                writes.iter().map(|write| WriteError::new(write.index, write.code)).collect();
        }
        ErrorKind::BulkWrite(bulk) => fill_bulk(&mut info, bulk, error),
        ErrorKind::GridFs(GridFsErrorKind::AbortError { .. }) => {
            info = explain(first(error));
            info.message = Some(error.to_string());
        }
        _ => info.message = Some(error.to_string()),
    }
    info
}

/// The first of the writes that failed, else the first write concern that was not met, else the
/// error that ended the call between its writes.
fn fill_bulk(info: &mut ErrorInfo, bulk: &BulkWriteError, error: &Error) {
    let mut writes: Vec<_> = bulk.write_errors.iter().collect();
    writes.sort_unstable_by_key(|(index, _)| **index);
    info.write_errors =
        writes.iter().map(|(index, write)| WriteError::new(**index, write.code)).collect();
    if let Some((_, first)) = writes.first() {
        fill_write(info, first);
    } else if let Some(concern) = bulk.write_concern_errors.first() {
        fill(info, concern.code, &concern.code_name, &concern.message);
    } else if let Some(cause) = cause(error) {
        *info = explain(cause);
    } else {
        info.message = Some(error.to_string());
    }
}

/// What went wrong first: when the chunks of a failed upload cannot be removed either, the driver
/// gives an error of both.
fn first(error: &Error) -> &Error {
    match &*error.kind {
        ErrorKind::GridFs(GridFsErrorKind::AbortError { original_error, delete_error, .. }) => {
            first(original_error.as_ref().unwrap_or(delete_error))
        }
        _ => error,
    }
}

/// The driver's error behind another one.
fn cause(error: &Error) -> Option<&Error> {
    let source = std::error::Error::source(error)?;
    let boxed = || source.downcast_ref::<Box<Error>>().map(Box::as_ref);
    source.downcast_ref::<Error>().or_else(boxed)
}

fn fill_write(info: &mut ErrorInfo, write: &mongodb::error::WriteError) {
    fill(info, write.code, write.code_name.as_deref().unwrap_or_default(), &write.message);
}

/// Does the error end a cursor, so that there is nothing to go on with and nothing to kill?
///
/// `CursorNotFound` and `CursorKilled`; after all other errors the driver goes on when it is asked.
pub(super) fn ends_cursor(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Command(command) if matches!(command.code, 43 | 237))
}

/// Servers before 4.4 send no name with some codes; the driver's kind of error stands in for it.
fn fill(info: &mut ErrorInfo, code: i32, name: &str, message: &str) {
    info.code = Some(code);
    if !name.is_empty() {
        info.name = Some(name.to_owned());
    } else if let Some(known) = code_name(code) {
        info.name = Some(known.to_owned());
    }
    info.message = Some(message.to_owned());
}

/// Names of the codes that write errors carry: the server sends them without `codeName`.
///
/// Source: MongoDB manual, "Error Codes".
pub(super) fn code_name(code: i32) -> Option<&'static str> {
    Some(match code {
        2 => "BadValue",
        9 => "FailedToParse",
        14 => "TypeMismatch",
        28 => "PathNotViable",
        40 => "ConflictingUpdateOperators",
        52 => "DollarPrefixedFieldName",
        64 => "WriteConcernFailed",
        66 => "ImmutableField",
        112 => "WriteConflict",
        121 => "DocumentValidationFailure",
        11000 => "DuplicateKey",
        _ => return None,
    })
}

fn outcome(kind: &ErrorKind, attempts: Option<u64>) -> Outcome {
    let nothing_sent = match (kind, attempts) {
        // The server answered.
        (
            ErrorKind::Command(_)
            | ErrorKind::Write(_)
            | ErrorKind::InsertMany(_)
            | ErrorKind::BulkWrite(_),
            _,
        ) => false,
        // The traffic was watched: what it shows is the truth.
        (_, Some(attempts)) => attempts == 0,
        // Without a look at the traffic, these kinds arise before anything is sent.
        (
            ErrorKind::InvalidArgument { .. }
            | ErrorKind::BsonSerialization(_)
            | ErrorKind::ServerSelection { .. }
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::DnsResolve { .. }
            | ErrorKind::InvalidTlsConfig { .. }
            | ErrorKind::Authentication { .. }
            | ErrorKind::SessionsNotSupported
            | ErrorKind::Transaction { .. }
            | ErrorKind::IncompatibleServer { .. }
            | ErrorKind::Shutdown,
            None,
        ) => true,
        #[cfg(feature = "bson-3")]
        (ErrorKind::Bson(error), None) => !is_of_reply(&error.kind),
        _ => false,
    };
    if nothing_sent { Outcome::NotSent } else { Outcome::Error }
}

/// Does the error arise in reading, so that there is a reply? Version 3 of `bson` has one type of
/// error for both ways.
#[cfg(feature = "bson-3")]
const fn is_of_reply(kind: &mongodb::bson::error::ErrorKind) -> bool {
    use mongodb::bson::error::ErrorKind;
    matches!(
        kind,
        ErrorKind::Deserialization { .. }
            | ErrorKind::EndOfStream { .. }
            | ErrorKind::ValueAccess { .. }
    )
}

/// The name of the driver's kind of error: its variant.
fn kind_name(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidArgument { .. } => "InvalidArgument",
        ErrorKind::Authentication { .. } => "Authentication",
        ErrorKind::BsonDeserialization(_) => "BsonDeserialization",
        ErrorKind::BsonSerialization(_) => "BsonSerialization",
        #[cfg(feature = "bson-3")]
        ErrorKind::Bson(_) => "Bson",
        ErrorKind::InsertMany(_) => "InsertMany",
        ErrorKind::BulkWrite(_) => "BulkWrite",
        ErrorKind::Command(_) => "Command",
        ErrorKind::DnsResolve { .. } => "DnsResolve",
        ErrorKind::GridFs(_) => "GridFs",
        ErrorKind::Internal { .. } => "Internal",
        ErrorKind::Io(_) => "Io",
        ErrorKind::ConnectionPoolCleared { .. } => "ConnectionPoolCleared",
        ErrorKind::InvalidResponse { .. } => "InvalidResponse",
        ErrorKind::ServerSelection { .. } => "ServerSelection",
        ErrorKind::SessionsNotSupported => "SessionsNotSupported",
        ErrorKind::InvalidTlsConfig { .. } => "InvalidTlsConfig",
        ErrorKind::Write(_) => "Write",
        ErrorKind::Transaction { .. } => "Transaction",
        ErrorKind::IncompatibleServer { .. } => "IncompatibleServer",
        ErrorKind::MissingResumeToken => "MissingResumeToken",
        ErrorKind::Custom(_) => "Custom",
        ErrorKind::Shutdown => "Shutdown",
        _ => "Other",
    }
}
