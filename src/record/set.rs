//! Setting a field of a record by its name: what filters and readers of stored records do.

use std::{sync::Arc, time::Duration};

use mongodb::bson::{Bson, Document};
use uuid::Uuid;

use crate::{
    record::{
        Actor, Context, ErrorInfo, Field, Iteration, Shape, Timestamp, WatchId, WatchMessage,
        WriteError, kind_of,
    },
    watch_error::{Error, Result},
};

impl WatchMessage {
    /// Sets a field to a BSON value; null clears a field that may be missing.
    ///
    /// # Errors
    ///
    /// When the value is not of the field's type; the record is unchanged then.
    ///
    /// ```
    /// use mongowatch::{Field, Timestamp, WatchMessage, WatcherName};
    ///
    /// let start = Timestamp::from_micros(0);
    /// let mut record = WatchMessage::new(WatcherName::Collection, "find", start);
    /// let error = record.set(Field::MatchedCount, "many".into()).unwrap_err();
    /// assert_eq!(error.to_string(), "MatchedCount: expected a count, found a string");
    /// ```
    pub fn set(&mut self, field: Field, value: Bson) -> Result<()> {
        let given = Given { field, value };
        match field {
            Field::WatcherName => self.watcher = given.text()?.parse()?,
            Field::WatchId => self.id = WatchId::from(given.uuid()?),
            Field::Iteration => self.iteration = given.iteration()?,
            Field::StartTime => self.start_time = given.time()?,
            Field::EndTime => self.end_time = given.optional(Given::time)?,
            Field::Db => self.db = given.optional(Given::text)?.map(Arc::from),
            Field::Collection => self.collection = given.optional(Given::text)?.map(Arc::from),
            Field::Operation => self.operation = given.text()?.into(),
            Field::Filter => self.filter = given.optional(Given::structure)?,
            Field::Update => self.update = given.optional(Given::structure)?,
            Field::Options => self.options = given.optional(Given::structure)?,
            Field::Duration => self.duration = given.optional(Given::seconds)?,
            Field::MatchedCount => self.counts.matched = given.optional(Given::count)?,
            Field::InsertedCount => self.counts.inserted = given.optional(Given::count)?,
            Field::UpsertedCount => self.counts.upserted = given.optional(Given::count)?,
            Field::ModifiedCount => self.counts.modified = given.optional(Given::count)?,
            Field::DeletedCount => self.counts.deleted = given.optional(Given::count)?,
            Field::Outcome => {
                self.outcome = given.optional(|given| given.text()?.parse())?;
            }
            Field::InsertedIds => self.inserted_ids = given.optional(Given::array)?.map(Arc::new),
            Field::ResumeToken => self.resume_token = given.optional(Given::structure)?,
            Field::TxnOutcome => {
                self.txn_outcome = given.optional(|given| given.text()?.parse())?;
            }
            Field::MissingContext => {
                self.missing_context = given.optional(Given::array)?.map(Arc::new);
            }
            Field::Actor
            | Field::OnBehalfOf
            | Field::Tenant
            | Field::RequestId
            | Field::Reason
            | Field::Labels
            | Field::TraceId
            | Field::SpanId => self.set_context(given)?,
            Field::QueryShape | Field::ShapeHash | Field::ShapeLabel => self.set_shape(given)?,
            Field::Redacted => self.redacted = given.optional(Given::count)?,
            Field::Extra => self.extra = given.optional(Given::document)?.map(Arc::new),
            Field::FileBytes => self.counts.file_bytes = given.optional(Given::count)?,
            Field::FileChunks => self.counts.file_chunks = given.optional(Given::count)?,
            Field::Seq => self.seq = given.count()?,
            Field::ErrorCode | Field::ErrorName | Field::ErrorMessage | Field::WriteErrors => {
                self.set_error(given)?;
            }
            Field::User
            | Field::AuthSource
            | Field::AppName
            | Field::Host
            | Field::Pid
            | Field::Service
            | Field::ServiceVersion => self.set_origin(given)?,
            _ => self.set_traffic(given)?,
        }
        Ok(())
    }

    /// The value of a field that versions share.
    pub(crate) fn shared(&self, field: Field) -> Option<&Arc<Bson>> {
        match field {
            Field::Filter => self.filter.as_ref(),
            Field::Update => self.update.as_ref(),
            Field::Options => self.options.as_ref(),
            _ => None,
        }
    }

    /// Sets a field that versions share.
    pub(crate) fn set_shared(&mut self, field: Field, value: Arc<Bson>) {
        match field {
            Field::Filter => self.filter = Some(value),
            Field::Update => self.update = Some(value),
            Field::Options => self.options = Some(value),
            _ => debug_assert!(false, "{field} is not shared"),
        }
    }

    fn set_error(&mut self, given: Given) -> Result<()> {
        let mut error = self.error.as_deref().cloned().unwrap_or_default();
        match given.field {
            Field::ErrorCode => error.code = given.optional(Given::int)?,
            Field::ErrorName => error.name = given.optional(Given::text)?,
            Field::ErrorMessage => error.message = given.optional(Given::text)?,
            _ => error.write_errors = given.optional(Given::write_errors)?.unwrap_or_default(),
        }
        self.error = (error != ErrorInfo::default()).then(|| Arc::new(error));
        Ok(())
    }

    fn set_origin(&mut self, given: Given) -> Result<()> {
        let field = given.field;
        let pid = if field == Field::Pid { given.clone().optional(Given::int)? } else { None };
        let text = if field == Field::Pid { None } else { given.optional(Given::text)? };
        let origin = Arc::make_mut(&mut self.origin);
        match field {
            Field::User => origin.user = text,
            Field::AuthSource => origin.auth_source = text,
            Field::AppName => origin.app_name = text,
            Field::Host => origin.host = text,
            Field::Service => origin.service = text,
            Field::ServiceVersion => origin.service_version = text,
            _ => origin.pid = pid,
        }
        Ok(())
    }

    fn set_context(&mut self, given: Given) -> Result<()> {
        let mut context = self.context.as_deref().cloned().unwrap_or_default();
        match given.field {
            Field::Actor => context.actor = given.optional(Given::actor)?,
            Field::OnBehalfOf => context.on_behalf_of = given.optional(Given::actor)?,
            Field::Tenant => context.tenant = given.optional(Given::text)?,
            Field::RequestId => context.request_id = given.optional(Given::text)?,
            Field::Reason => context.reason = given.optional(Given::text)?,
            Field::Labels => {
                context.labels = given.optional(Given::document)?.unwrap_or_default();
            }
            Field::TraceId => context.trace_id = given.optional(Given::text)?,
            _ => context.span_id = given.optional(Given::text)?,
        }
        self.context = (context != Context::default()).then(|| Arc::new(context));
        Ok(())
    }

    fn set_shape(&mut self, given: Given) -> Result<()> {
        let mut shape = self.shape.as_deref().cloned().unwrap_or_default();
        match given.field {
            Field::QueryShape => {
                shape.query = given
                    .optional(|given| given.structure())?
                    .map_or(Bson::Null, |query| (*query).clone())
            }
            Field::ShapeHash => shape.hash = given.optional(Given::text)?.unwrap_or_default(),
            _ => shape.label = given.optional(Given::text)?.unwrap_or_default(),
        }
        self.shape = (shape != Shape::default()).then(|| Arc::new(shape));
        Ok(())
    }

    fn set_traffic(&mut self, given: Given) -> Result<()> {
        let traffic = &mut self.traffic;
        match given.field {
            Field::ReturnedCount => traffic.returned = given.optional(Given::count)?,
            Field::Batches => traffic.batches = given.optional(Given::count)?,
            Field::Attempts => traffic.attempts = given.optional(Given::count)?,
            Field::Resumes => traffic.resumes = given.optional(Given::count)?,
            Field::RequestBytes => traffic.request_bytes = given.optional(Given::count)?,
            Field::ReplyBytes => traffic.reply_bytes = given.optional(Given::count)?,
            Field::SessionId => traffic.session_id = given.optional(Given::uuid)?,
            Field::TxnNumber => traffic.txn_number = given.optional(Given::int)?,
            Field::Server => traffic.server = given.optional(Given::text)?.map(Arc::from),
            Field::ConnectionId => traffic.connection_id = given.optional(Given::int)?,
            Field::ServerConnectionId => {
                traffic.server_connection_id = given.optional(Given::int)?;
            }
            Field::RequestIds => {
                traffic.request_ids = given.optional(Given::ints)?.unwrap_or_default();
            }
            field => return Err(Error::invalid(format!("{field}: cannot be set"))),
        }
        Ok(())
    }
}

/// A value on its way into a field: each method takes it as one type or says what it found.
#[derive(Clone)]
struct Given {
    field: Field,
    value: Bson,
}

impl Given {
    fn optional<T>(self, take: impl FnOnce(Self) -> Result<T>) -> Result<Option<T>> {
        if self.value == Bson::Null { Ok(None) } else { take(self).map(Some) }
    }

    fn expected(&self, what: &str) -> Error {
        let found = kind_of(&self.value);
        Error::invalid(format!("{}: expected {what}, found {found}", self.field))
    }

    fn text(self) -> Result<String> {
        match self.value {
            Bson::String(text) => Ok(text),
            _ => Err(self.expected("a string")),
        }
    }

    fn int<T: TryFrom<i64>>(self) -> Result<T> {
        whole(&self.value)
            .and_then(|int| T::try_from(int).ok())
            .ok_or_else(|| self.expected("an integer of its range"))
    }

    fn count(self) -> Result<u64> {
        whole(&self.value)
            .and_then(|int| u64::try_from(int).ok())
            .ok_or_else(|| self.expected("a count"))
    }

    fn seconds(self) -> Result<Duration> {
        let seconds = match self.value {
            Bson::Double(seconds) => Some(seconds),
            #[expect(clippy::cast_precision_loss, reason = "a duration of 2^53 s is not measured")]
            _ => whole(&self.value).map(|seconds| seconds as f64),
        };
        seconds
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .ok_or_else(|| self.expected("a number of seconds"))
    }

    fn time(self) -> Result<Timestamp> {
        match &self.value {
            Bson::DateTime(time) => {
                Ok(Timestamp::from_micros(time.timestamp_millis().saturating_mul(1_000)))
            }
            Bson::String(text) => text
                .parse::<jiff::Timestamp>()
                .map(|time| Timestamp::from_micros(time.as_microsecond()))
                .map_err(|source| self.expected("a date").with_source(source)),
            _ => Err(self.expected("a date")),
        }
    }

    fn uuid(self) -> Result<Uuid> {
        let Bson::String(text) = &self.value else {
            return Err(self.expected("a UUID as a string"));
        };
        Uuid::try_parse(text).map_err(|source| self.expected("a UUID").with_source(source))
    }

    fn iteration(self) -> Result<Iteration> {
        match &self.value {
            Bson::String(text) => text.parse(),
            _ => self.count().map(Iteration::Update),
        }
    }

    fn structure(self) -> Result<Arc<Bson>> {
        match self.value {
            Bson::Document(_) | Bson::Array(_) => Ok(Arc::new(self.value)),
            _ => Err(self.expected("a document or an array")),
        }
    }

    fn document(self) -> Result<Document> {
        match self.value {
            Bson::Document(document) => Ok(document),
            _ => Err(self.expected("a document")),
        }
    }

    fn actor(self) -> Result<Actor> {
        let expected = self.expected("a document of `Kind`, `ID` and `Name`");
        Actor::from_document(&self.document()?).map_err(|source| expected.with_source(source))
    }

    fn array(self) -> Result<Vec<Bson>> {
        match self.value {
            Bson::Array(items) => Ok(items),
            _ => Err(self.expected("an array")),
        }
    }

    fn ints(self) -> Result<Vec<i32>> {
        let field = self.field;
        self.array()?.into_iter().map(|value| Self { field, value }.int()).collect()
    }

    fn write_errors(self) -> Result<Vec<WriteError>> {
        let field = self.field;
        let error = |value: Bson| {
            let given = Self { field, value };
            let part = |key: &str| {
                let document = given.value.as_document()?;
                whole(document.get(key)?)
            };
            let index = part("index").and_then(|index| usize::try_from(index).ok());
            let code = part("code").and_then(|code| i32::try_from(code).ok());
            match (index, code) {
                (Some(index), Some(code)) => Ok(WriteError::new(index, code)),
                _ => Err(given.expected("documents of `index` and `code`")),
            }
        };
        self.array()?.into_iter().map(error).collect()
    }
}

/// The integer that a BSON number is, if it is one without a fraction.
fn whole(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int32(int) => Some(i64::from(*int)),
        Bson::Int64(int) => Some(*int),
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
        Bson::Double(double) if double.fract() == 0.0 && double.abs() < 9.0e15 => {
            Some(*double as i64)
        }
        _ => None,
    }
}
