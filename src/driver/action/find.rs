//! Finding documents: `find` and `find_one`.

use std::time::Duration;

use mongodb::{
    bson::{Bson, Document},
    options::{Collation, CursorType, FindOptions, Hint, ReadConcern, SelectionCriteria},
};
use serde::de::DeserializeOwned;

use super::*;
use crate::driver::{Cursor, SessionCursor};

/// Finds the documents that match a filter; made by [`Collection::find`](crate::Collection::find).
#[must_use = "an action does nothing until it is awaited"]
pub struct Find<'a, T: Send + Sync, Session = ImplicitSession> {
    pub(in crate::driver) action: mongodb::action::Find<'a, T, Session>,
    pub(in crate::driver) call: Call,
    pub(in crate::driver) options: Option<FindOptions>,
}

impl<'a, T: Send + Sync, Session> Find<'a, T, Session> {
    setters!(FindOptions {
        allow_disk_use: bool,
        allow_partial_results: bool,
        batch_size: u32,
        comment: into Bson,
        cursor_type: CursorType,
        hint: Hint,
        limit: i64,
        max: Document,
        max_await_time: Duration,
        max_scan: u64,
        max_time: Duration,
        min: Document,
        no_cursor_timeout: bool,
        projection: Document,
        read_concern: ReadConcern,
        return_key: bool,
        selection_criteria: SelectionCriteria,
        show_record_id: bool,
        skip: u64,
        sort: Document,
        collation: Collation,
        let_vars: Document,
    });

    /// Runs the operation in this session.
    pub fn session<'s>(
        mut self,
        value: impl Into<&'s mut ClientSession>,
    ) -> Find<'a, T, ExplicitSession<'s>> {
        Find {
            action: self.action.session(self.call.in_session(value)),
            call: self.call,
            options: self.options,
        }
    }
}

cursor_future!([T: Send + Sync] Find<'a, T, ImplicitSession> => Cursor<T>; RawBatchCursor);
cursor_future!([T: Send + Sync] Find<'a, T, ExplicitSession<'a>> => SessionCursor<T>; SessionRawBatchCursor);

action! {
    /// Finds one document that matches a filter; made by
    /// [`Collection::find_one`](crate::Collection::find_one).
    FindOne<'a, T: DeserializeOwned> = mongodb::action::FindOne<'a, T>,
    FindOneOptions {
        allow_partial_results: bool,
        collation: Collation,
        comment: into Bson,
        hint: Hint,
        max: Document,
        max_scan: u64,
        max_time: Duration,
        min: Document,
        projection: Document,
        read_concern: ReadConcern,
        return_key: bool,
        selection_criteria: SelectionCriteria,
        show_record_id: bool,
        skip: u64,
        sort: Document,
        let_vars: Document,
    } => Option<T>,
    session,
    |record, result| if let Ok(found) = result {
        record.counts.matched = Some(found.is_some().into());
    }
}
