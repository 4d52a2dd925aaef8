//! The names of a record's fields. They are API: CSV headers, JSON keys, templates and filters.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::watch_error::{Error, Result};

/// One line a field: variant, name, meaning.
macro_rules! fields {
    ($($variant:ident = $name:literal, $doc:literal;)+) => {
        /// Names one field of a [`WatchMessage`](crate::WatchMessage).
        ///
        /// ```
        /// use mongowatch::Field;
        ///
        /// assert_eq!(Field::MatchedCount.name(), "MatchedCount");
        /// assert_eq!("DB".parse::<Field>()?, Field::Db);
        /// let error = "Colection".parse::<Field>().unwrap_err();
        /// assert_eq!(error.to_string(), "unknown field `Colection`: did you mean `Collection`?");
        /// # Ok::<(), mongowatch::Error>(())
        /// ```
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(try_from = "String", into = "&'static str")]
        #[non_exhaustive]
        pub enum Field { $(#[doc = $doc] $variant,)+ }

        impl Field {
            /// Every field, in the order of the CSV columns.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name under which the field leaves the process.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What the field means, in one line.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$variant => $doc,)+ }
            }
        }
    };
}

fields! {
    WatcherName = "WatcherName", "Which part of the driver watched the operation";
    WatchId = "WatchID", "Identity of the operation, a UUIDv7";
    Iteration = "Iteration", "Version of the record: 0, 1, 2, ... then `final` or `final(n)`";
    StartTime = "StartTime", "When the operation began, UTC, to the microsecond";
    EndTime = "EndTime", "When the operation ended, UTC, to the microsecond";
    Db = "DB", "Name of the database";
    Collection = "Collection", "Name of the collection";
    Operation = "Operation", "The driver's method, in snake case";
    Filter = "Filter", "The filter, or the pipeline, or the command";
    Duration = "Duration", "Seconds spent inside the driver";
    MatchedCount = "MatchedCount", "Documents matched by a write, or received by the application";
    InsertedCount = "InsertedCount", "Documents inserted";
    UpsertedCount = "UpsertedCount", "Documents inserted by an update with `upsert`";
    ModifiedCount = "ModifiedCount", "Documents changed";
    DeletedCount = "DeletedCount", "Documents deleted";
    Outcome = "Outcome", "ok, error, partial, cancelled, not_sent or unknown";
    ErrorCode = "ErrorCode", "The server's error code";
    ErrorName = "ErrorName", "The server's name of the error code, or the driver's kind of error";
    ErrorMessage = "ErrorMessage", "The text of the error";
    WriteErrors = "WriteErrors", "Index and code of each write that failed";
    ReturnedCount = "ReturnedCount", "Documents that the server sent";
    FileBytes = "FileBytes", "Bytes of a GridFS file that were written or read";
    FileChunks = "FileChunks", "Chunks of a GridFS file that were written or read";
    Batches = "Batches", "In how many batches the server sent them";
    Attempts = "Attempts", "How many times a command was sent, retries included";
    Resumes = "Resumes", "How many times a change stream was resumed";
    RequestBytes = "RequestBytes", "BSON bytes of all commands";
    ReplyBytes = "ReplyBytes", "BSON bytes of all replies";
    Update = "Update", "The update or the replacement";
    Options = "Options", "Sort, limit, projection, hint and the other options of the call";
    QueryShape = "QueryShape", "The query with its values replaced by their types";
    ShapeHash = "ShapeHash", "Groups operations whose queries have the same shape";
    ShapeLabel = "ShapeLabel", "The shape of the query in a few words";
    InsertedIds = "InsertedIds", "The ids of inserted and upserted documents";
    ResumeToken = "ResumeToken", "Where a change stream can be resumed after its last event";
    SessionId = "SessionID", "The id of the server session";
    TxnNumber = "TxnNumber", "Number of the transaction or retryable write in its session";
    TxnOutcome = "TxnOutcome", "What became of the operation's transaction: committed, aborted or unknown";
    Server = "Server", "Address of the server that answered last";
    ConnectionId = "ConnectionID", "The driver's number of the connection";
    ServerConnectionId = "ServerConnectionID", "The server's number of the connection, as in its log";
    RequestIds = "RequestIDs", "The request ids of the commands";
    User = "User", "The database account of the client";
    AuthSource = "AuthSource", "The database that the account belongs to";
    AppName = "AppName", "The application name that the client gave the server";
    Actor = "Actor", "Who did it: a document of Kind, ID and Name";
    OnBehalfOf = "OnBehalfOf", "For whom the actor did it: a document like that of Actor";
    Tenant = "Tenant", "The tenant whose data it is";
    RequestId = "RequestID", "The id of the application's request";
    Reason = "Reason", "Why it was done";
    Labels = "Labels", "More that the application says of it: a document";
    TraceId = "TraceID", "The id of the trace that the operation belongs to";
    SpanId = "SpanID", "The id of the span that the operation belongs to";
    MissingContext = "MissingContext", "What the configuration requires of the context and was not given";
    Redacted = "Redacted", "How many values privacy steps have replaced or removed";
    Extra = "Extra", "Fields that the configuration adds: a document";
    Host = "Host", "The host of this process";
    Pid = "PID", "The id of this process";
    Service = "Service", "The name of the watched service";
    ServiceVersion = "ServiceVersion", "The version of the watched service";
    Seq = "Seq", "Number of the operation in this process; a gap is evidence of loss";
}

impl Field {
    /// The columns that a CSV file has unless others are asked for: the watcher's name, then those
    /// of pymongowatch in its order.
    pub const CSV_DEFAULT: &'static [Self] = Self::ALL.split_at(15).0;
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl TryFrom<String> for Field {
    type Error = Error;

    fn try_from(name: String) -> Result<Self> {
        name.parse()
    }
}

impl From<Field> for &'static str {
    fn from(field: Field) -> Self {
        field.name()
    }
}

impl FromStr for Field {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(field) = Self::ALL.iter().find(|field| field.name() == text) {
            return Ok(*field);
        }
        let hint = nearest(text, Self::ALL.iter().map(|field| field.name()))
            .map_or_else(String::new, |name| format!(": did you mean `{name}`?"));
        Err(Error::invalid(format!("unknown field `{text}`{hint}")))
    }
}

/// Finds the candidate that a mistyped word most likely means, if one is near enough.
///
/// Near is at most a third of the word's letters, by Levenshtein distance without regard to case.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    let n_letters = word.chars().count();
    let distance = |candidate: &'a str| {
        let of_candidate = candidate.chars().count();
        let near = of_candidate.max(n_letters).div_ceil(3);
        // At least so many letters are added or left out; a long text is not looked at.
        let is_possible = of_candidate.abs_diff(n_letters) <= near;
        let distance = is_possible.then(|| distance(&word, &candidate.to_lowercase()))?;
        (distance <= near).then_some((distance, candidate))
    };
    let near = candidates.into_iter().filter_map(distance).min_by_key(|(distance, _)| *distance);
    near.map(|(_, candidate)| candidate)
}

/// Levenshtein distance, one row at a time.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, from) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in right.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Field {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Field".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let word = |field: &Self| {
            schemars::json_schema!({
                "type": "string",
                "const": field.name(),
                "description": field.doc(),
            })
        };
        schemars::json_schema!({
            "description": "The name of one field of a record.",
            "oneOf": Self::ALL.iter().map(word).collect::<Vec<_>>(),
        })
    }
}
