//! Running a pipeline: `aggregate`.

use std::{marker::PhantomData, time::Duration};

use mongodb::options::{
    AggregateOptions, Collation, Hint, ReadConcern, SelectionCriteria, WriteConcern,
};

use super::*;
use crate::driver::{Cursor, SessionCursor};

/// Runs an aggregation pipeline; made by [`Collection::aggregate`](crate::Collection::aggregate)
/// and [`Database::aggregate`](crate::Database::aggregate).
#[must_use = "an action does nothing until it is awaited"]
pub struct Aggregate<'a, Session = ImplicitSession, T = Document> {
    pub(in crate::driver) action: mongodb::action::Aggregate<'a, Session>,
    pub(in crate::driver) call: Call,
    pub(in crate::driver) options: Option<AggregateOptions>,
    pub(in crate::driver) item: PhantomData<fn() -> T>,
}

impl<'a, Session, T> Aggregate<'a, Session, T> {
    setters!(AggregateOptions {
        allow_disk_use: bool,
        batch_size: u32,
        bypass_document_validation: bool,
        collation: Collation,
        comment: into Bson,
        hint: Hint,
        max_await_time: Duration,
        max_time: Duration,
        read_concern: ReadConcern,
        selection_criteria: SelectionCriteria,
        write_concern: WriteConcern,
        let_vars: Document,
    });

    /// Uses another type for the documents of the cursor.
    pub fn with_type<U>(self) -> Aggregate<'a, Session, U> {
        Aggregate { action: self.action, call: self.call, options: self.options, item: PhantomData }
    }
}

impl<'a, T> Aggregate<'a, ImplicitSession, T> {
    /// Runs the operation in this session.
    pub fn session(
        mut self,
        value: impl Into<&'a mut ClientSession>,
    ) -> Aggregate<'a, ExplicitSession<'a>, T> {
        Aggregate {
            action: self.action.session(self.call.in_session(value)),
            call: self.call,
            options: self.options,
            item: PhantomData,
        }
    }
}

cursor_future!([T] Aggregate<'a, ImplicitSession, T> => Cursor<T>, with_type; RawBatchCursor);
cursor_future!([T] Aggregate<'a, ExplicitSession<'a>, T> => SessionCursor<T>, with_type; SessionRawBatchCursor);
