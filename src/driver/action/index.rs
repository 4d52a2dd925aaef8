//! Indexes: `create_index`, `create_indexes`, `drop_index`, `drop_indexes` and their lists.

use std::{marker::PhantomData, time::Duration};

use mongodb::{
    IndexModel,
    action::{Multiple, Single},
    options::{CommitQuorum, CreateIndexOptions, ListIndexesOptions, WriteConcern},
    results::{CreateIndexResult, CreateIndexesResult},
};

use super::*;
use crate::driver::{Cursor, SessionCursor};

/// Creates indexes; made by [`Collection::create_index`](crate::Collection::create_index) and
/// [`Collection::create_indexes`](crate::Collection::create_indexes).
#[must_use = "an action does nothing until it is awaited"]
pub struct CreateIndex<'a, M = Single> {
    pub(in crate::driver) action: mongodb::action::CreateIndex<'a, M>,
    pub(in crate::driver) call: Call,
    pub(in crate::driver) options: Option<CreateIndexOptions>,
}

impl<'a, M> CreateIndex<'a, M> {
    setters!(CreateIndexOptions {
        commit_quorum: CommitQuorum,
        max_time: Duration,
        write_concern: WriteConcern,
        comment: into Bson,
    });

    action!(@session);
}

result_future!([] CreateIndex<'a, Single> => CreateIndexResult, |_record, _result| ());
result_future!([] CreateIndex<'a, Multiple> => CreateIndexesResult, |_record, _result| ());

action! {
    /// Drops indexes; made by [`Collection::drop_index`](crate::Collection::drop_index) and
    /// [`Collection::drop_indexes`](crate::Collection::drop_indexes).
    DropIndex<'a> = mongodb::action::DropIndex<'a>,
    DropIndexOptions {
        max_time: Duration,
        write_concern: WriteConcern,
        comment: into Bson,
    } => (),
    session,
    |_record, _result| ()
}

/// Lists indexes, or their names; made by
/// [`Collection::list_indexes`](crate::Collection::list_indexes) and
/// [`Collection::list_index_names`](crate::Collection::list_index_names).
#[must_use = "an action does nothing until it is awaited"]
pub struct ListIndexes<'a, M = ListSpecifications, S = ImplicitSession> {
    pub(in crate::driver) action: mongodb::action::ListIndexes<'a, M, S>,
    pub(in crate::driver) call: Call,
    pub(in crate::driver) options: Option<ListIndexesOptions>,
    pub(in crate::driver) mode: PhantomData<fn() -> M>,
}

impl<'a, M, S> ListIndexes<'a, M, S> {
    setters!(ListIndexesOptions {
        max_time: Duration,
        batch_size: u32,
        comment: into Bson,
    });
}

impl<'a, M> ListIndexes<'a, M, ImplicitSession> {
    /// Runs the operation in this session.
    pub fn session(
        mut self,
        value: impl Into<&'a mut ClientSession>,
    ) -> ListIndexes<'a, M, ExplicitSession<'a>> {
        ListIndexes {
            action: self.action.session(self.call.in_session(value)),
            call: self.call,
            options: self.options,
            mode: PhantomData,
        }
    }
}

cursor_future!([] ListIndexes<'a, ListSpecifications, ImplicitSession> => Cursor<IndexModel>; RawBatchCursor);
cursor_future!([] ListIndexes<'a, ListSpecifications, ExplicitSession<'a>> => SessionCursor<IndexModel>; SessionRawBatchCursor);
result_future!(
    [] ListIndexes<'a, ListNames, ImplicitSession> => Vec<String>,
    |record, result| record.counts.matched = listed(result)
);
result_future!(
    [] ListIndexes<'a, ListNames, ExplicitSession<'a>> => Vec<String>,
    |record, result| record.counts.matched = listed(result)
);
