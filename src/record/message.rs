//! The record of one operation.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use mongodb::bson::{Bson, Document};
use uuid::Uuid;

use crate::record::{
    Actor, Context, Field, Iteration, Outcome, Phase, Shape, Timestamp, TxnOutcome, Value, WatchId,
    WatcherName, WriteError,
};

/// What is known of one logical operation.
///
/// A record is made when the operation begins, goes out in versions ([`Iteration`]), and is final
/// when the operation has ended. What is heavy (filter, update, options, ids) is shared between the
/// versions, so that a version is a small copy.
///
/// ```
/// use mongowatch::{Field, Timestamp, Value, WatchMessage, WatcherName};
///
/// let start = Timestamp::from_micros(1_714_564_800_060_000);
/// let mut record = WatchMessage::new(WatcherName::Collection, "insert_one", start);
/// record.counts.inserted = Some(1);
/// assert_eq!(record.get(Field::InsertedCount), Value::Int(1));
/// assert_eq!(record.get(Field::MatchedCount), Value::Missing);
/// record.set(Field::Db, "shop".into())?;
/// assert_eq!(record.get(Field::Db), Value::Str("shop"));
/// # Ok::<(), mongowatch::Error>(())
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct WatchMessage {
    /// Identity of the operation.
    pub id: WatchId,
    /// Version of the record.
    pub iteration: Iteration,
    /// Why this version came out.
    pub phase: Phase,
    /// Which part of the driver watched.
    pub watcher: WatcherName,
    /// Number of the operation in this process.
    pub seq: u64,
    /// When the operation began.
    pub start_time: Timestamp,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// Time inside the driver, by a monotonic clock.
    pub duration: Option<Duration>,
    /// Name of the database.
    pub db: Option<Arc<str>>,
    /// Name of the collection.
    pub collection: Option<Arc<str>>,
    /// The driver's method in snake case.
    pub operation: Cow<'static, str>,
    /// The filter (a document), the pipeline (an array) or the command.
    pub filter: Option<Arc<Bson>>,
    /// The update (a document or a pipeline) or the replacement.
    pub update: Option<Arc<Bson>>,
    /// The options of the call, a document.
    pub options: Option<Arc<Bson>>,
    /// How many documents were touched.
    pub counts: Counts,
    /// How the operation ended.
    pub outcome: Option<Outcome>,
    /// The error, if there was one.
    pub error: Option<Arc<ErrorInfo>>,
    /// The ids of inserted and upserted documents.
    pub inserted_ids: Option<Arc<Vec<Bson>>>,
    /// The resume token after the last event of a change stream, a document.
    pub resume_token: Option<Arc<Bson>>,
    /// What became of the transaction that the operation belongs to.
    pub txn_outcome: Option<TxnOutcome>,
    /// What went over the wire.
    pub traffic: Traffic,
    /// Who did it and why, as the application said when the operation began.
    pub context: Option<Arc<Context>>,
    /// The fields of the context that the configuration requires and that were not given.
    pub missing_context: Option<Arc<Vec<Bson>>>,
    /// The shape of the query, where it was asked for.
    pub shape: Option<Arc<Shape>>,
    /// How many values privacy steps have replaced or removed, where the count was asked for.
    pub redacted: Option<u64>,
    /// The fields that the configuration adds.
    pub extra: Option<Arc<Document>>,
    /// Which process and which database account did it.
    pub origin: Arc<Origin>,
}

/// How many documents an operation touched, as the driver's results give them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the field of its name")]
pub struct Counts {
    pub matched: Option<u64>,
    pub inserted: Option<u64>,
    pub upserted: Option<u64>,
    pub modified: Option<u64>,
    pub deleted: Option<u64>,
    pub file_bytes: Option<u64>,
    pub file_chunks: Option<u64>,
}

/// What an operation sent and received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Documents that the server sent.
    pub returned: Option<u64>,
    /// In how many batches.
    pub batches: Option<u64>,
    /// How many times a command was sent, retries included.
    pub attempts: Option<u64>,
    /// How many times a change stream was resumed.
    pub resumes: Option<u64>,
    /// BSON bytes of all commands.
    pub request_bytes: Option<u64>,
    /// BSON bytes of all replies.
    pub reply_bytes: Option<u64>,
    /// Address of the server that was asked last.
    pub server: Option<Arc<str>>,
    /// The driver's number of the connection.
    pub connection_id: Option<i64>,
    /// The server's number of the connection.
    pub server_connection_id: Option<i64>,
    /// The request ids of the commands, at most [`Traffic::REQUEST_IDS_MAX`].
    pub request_ids: Vec<i32>,
    /// The id of the server session.
    pub session_id: Option<Uuid>,
    /// Number of the transaction or retryable write in the session.
    pub txn_number: Option<i64>,
}

impl Counts {
    /// Is any document known to have been written?
    #[must_use]
    pub fn any_written(&self) -> bool {
        let written = [self.inserted, self.upserted, self.modified, self.deleted];
        written.into_iter().flatten().any(|n| n > 0)
    }
}

impl Traffic {
    /// No more request ids than this are kept: a cursor may send commands without end.
    pub const REQUEST_IDS_MAX: usize = 64;
}

/// What an error said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorInfo {
    /// The server's code.
    pub code: Option<i32>,
    /// The server's name of the code, or the driver's kind of error.
    pub name: Option<String>,
    /// The text.
    pub message: Option<String>,
    /// Each write that failed, of a call that had several.
    pub write_errors: Vec<WriteError>,
}

/// Where a record comes from: the process and the database account. Shared by all records of a
/// client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The host of this process.
    pub host: Option<String>,
    /// The id of this process.
    pub pid: Option<u32>,
    /// The name of the watched service.
    pub service: Option<String>,
    /// Its version.
    pub service_version: Option<String>,
    /// The database account.
    pub user: Option<String>,
    /// The database that the account belongs to.
    pub auth_source: Option<String>,
    /// The application name that the server was given.
    pub app_name: Option<String>,
}

impl WatchMessage {
    /// The first version of the record of an operation that starts now.
    #[must_use]
    pub fn new(
        watcher: WatcherName,
        operation: impl Into<Cow<'static, str>>,
        start_time: Timestamp,
    ) -> Self {
        Self {
            id: WatchId::at(start_time),
            iteration: Iteration::Update(0),
            phase: Phase::First,
            watcher,
            seq: 0,
            start_time,
            end_time: None,
            duration: None,
            db: None,
            collection: None,
            operation: operation.into(),
            filter: None,
            update: None,
            options: None,
            counts: Counts::default(),
            outcome: None,
            error: None,
            inserted_ids: None,
            resume_token: None,
            txn_outcome: None,
            traffic: Traffic::default(),
            context: None,
            missing_context: None,
            shape: None,
            redacted: None,
            extra: None,
            origin: Arc::default(),
        }
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, field: Field) -> Value<'_> {
        let (counts, traffic, origin) = (&self.counts, &self.traffic, &*self.origin);
        let error = self.error.as_deref();
        match field {
            Field::WatcherName => Value::Str(self.watcher.as_str()),
            Field::WatchId => Value::Uuid(*self.id.as_uuid()),
            Field::Iteration => Value::Iteration(self.iteration),
            Field::StartTime => Value::Time(self.start_time),
            Field::EndTime => self.end_time.map_or(Value::Missing, Value::Time),
            Field::Db => text(self.db.as_deref()),
            Field::Collection => text(self.collection.as_deref()),
            Field::Operation => Value::Str(&self.operation),
            Field::Filter => bson(self.filter.as_deref()),
            Field::Duration => self.duration.map_or(Value::Missing, Value::Duration),
            Field::MatchedCount => count(counts.matched),
            Field::InsertedCount => count(counts.inserted),
            Field::UpsertedCount => count(counts.upserted),
            Field::ModifiedCount => count(counts.modified),
            Field::DeletedCount => count(counts.deleted),
            Field::Outcome => text(self.outcome.map(Outcome::as_str)),
            Field::ErrorCode => int(error.and_then(|error| error.code)),
            Field::ErrorName => text(error.and_then(|error| error.name.as_deref())),
            Field::ErrorMessage => text(error.and_then(|error| error.message.as_deref())),
            Field::WriteErrors => match error {
                Some(error) if !error.write_errors.is_empty() => {
                    Value::WriteErrors(&error.write_errors)
                }
                _ => Value::Missing,
            },
            Field::ReturnedCount => count(traffic.returned),
            Field::FileBytes => count(counts.file_bytes),
            Field::FileChunks => count(counts.file_chunks),
            Field::Batches => count(traffic.batches),
            Field::Attempts => count(traffic.attempts),
            Field::Resumes => count(traffic.resumes),
            Field::RequestBytes => count(traffic.request_bytes),
            Field::ReplyBytes => count(traffic.reply_bytes),
            Field::Update => bson(self.update.as_deref()),
            Field::Options => bson(self.options.as_deref()),
            Field::InsertedIds => {
                self.inserted_ids.as_ref().map_or(Value::Missing, |ids| Value::Array(ids))
            }
            Field::ResumeToken => bson(self.resume_token.as_deref()),
            Field::SessionId => traffic.session_id.map_or(Value::Missing, Value::Uuid),
            Field::TxnNumber => int(traffic.txn_number),
            Field::TxnOutcome => text(self.txn_outcome.map(TxnOutcome::as_str)),
            Field::Server => text(traffic.server.as_deref()),
            Field::ConnectionId => int(traffic.connection_id),
            Field::ServerConnectionId => int(traffic.server_connection_id),
            Field::RequestIds if traffic.request_ids.is_empty() => Value::Missing,
            Field::RequestIds => Value::Ints(&traffic.request_ids),
            Field::User => text(origin.user.as_deref()),
            Field::AuthSource => text(origin.auth_source.as_deref()),
            Field::AppName => text(origin.app_name.as_deref()),
            Field::Actor
            | Field::OnBehalfOf
            | Field::Tenant
            | Field::RequestId
            | Field::Reason
            | Field::Labels
            | Field::TraceId
            | Field::SpanId => self
                .context
                .as_deref()
                .map_or(Value::Missing, |context| circumstance(context, field)),
            Field::MissingContext => {
                self.missing_context.as_ref().map_or(Value::Missing, |names| Value::Array(names))
            }
            Field::QueryShape => {
                let query = self.shape.as_deref().map(|shape| &shape.query);
                bson(query.filter(|query| **query != Bson::Null))
            }
            Field::ShapeHash => said(self.shape.as_deref().map(|shape| &*shape.hash)),
            Field::ShapeLabel => said(self.shape.as_deref().map(|shape| &*shape.label)),
            Field::Redacted => count(self.redacted),
            Field::Extra => self.extra.as_deref().map_or(Value::Missing, Value::Document),
            Field::Host => text(origin.host.as_deref()),
            Field::Pid => int(origin.pid),
            Field::Service => text(origin.service.as_deref()),
            Field::ServiceVersion => text(origin.service_version.as_deref()),
            Field::Seq => count(Some(self.seq)),
        }
    }
}

fn circumstance(context: &Context, field: Field) -> Value<'_> {
    match field {
        Field::Actor => actor(context.actor.as_ref()),
        Field::OnBehalfOf => actor(context.on_behalf_of.as_ref()),
        Field::Tenant => text(context.tenant.as_deref()),
        Field::RequestId => text(context.request_id.as_deref()),
        Field::Reason => text(context.reason.as_deref()),
        Field::Labels if context.labels.is_empty() => Value::Missing,
        Field::Labels => Value::Document(&context.labels),
        Field::TraceId => text(context.trace_id.as_deref()),
        Field::SpanId => text(context.span_id.as_deref()),
        _ => Value::Missing,
    }
}

fn actor(value: Option<&Actor>) -> Value<'_> {
    value.map_or(Value::Missing, |actor| Value::Document(actor.as_document()))
}

fn text(value: Option<&str>) -> Value<'_> {
    value.map_or(Value::Missing, Value::Str)
}

/// A text that is empty as long as nothing is known.
fn said(value: Option<&str>) -> Value<'_> {
    text(value.filter(|text| !text.is_empty()))
}

fn bson(value: Option<&Bson>) -> Value<'_> {
    value.map_or(Value::Missing, Value::Bson)
}

fn int<'a>(value: Option<impl Into<i64>>) -> Value<'a> {
    value.map_or(Value::Missing, |value| Value::Int(value.into()))
}

/// BSON has no unsigned numbers: a count beyond `i64::MAX` would be shown as `i64::MAX`.
fn count<'a>(value: Option<u64>) -> Value<'a> {
    value.map_or(Value::Missing, |value| Value::Int(i64::try_from(value).unwrap_or(i64::MAX)))
}

impl fmt::Debug for WatchMessage {
    /// Names of the fields that are known, and the sizes of those that may hold user data; no
    /// values besides identity, version and operation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("WatchMessage");
        debug.field("id", &self.id).field("iteration", &self.iteration);
        debug.field("phase", &self.phase).field("operation", &self.operation);
        for field in Field::ALL {
            let size = match self.get(*field) {
                Value::Str(text) => text.len(),
                Value::Bson(Bson::Document(document)) => document.len(),
                Value::Bson(Bson::Array(items)) => items.len(),
                Value::Document(document) => document.len(),
                Value::Array(items) => items.len(),
                Value::Ints(ints) => ints.len(),
                Value::WriteErrors(errors) => errors.len(),
                _ => continue,
            };
            debug.field(field.name(), &format_args!("<{size}>"));
        }
        debug.finish_non_exhaustive()
    }
}
