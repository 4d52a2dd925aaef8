//! Listing what there is: `list_collections`, `list_databases` and the lists of their names.

use std::marker::PhantomData;

use mongodb::{
    options::{ListCollectionsOptions, ListDatabasesOptions},
    results::{CollectionSpecification, DatabaseSpecification},
};

use super::*;
use crate::driver::{Cursor, SessionCursor};

/// Lists collections, or their names; made by
/// [`Database::list_collections`](crate::Database::list_collections) and
/// [`Database::list_collection_names`](crate::Database::list_collection_names).
#[must_use = "an action does nothing until it is awaited"]
pub struct ListCollections<'a, M = ListSpecifications, S = ImplicitSession> {
    pub(in crate::driver) action: mongodb::action::ListCollections<'a, M, S>,
    pub(in crate::driver) call: Call,
    pub(in crate::driver) options: Option<ListCollectionsOptions>,
    pub(in crate::driver) mode: PhantomData<fn() -> M>,
}

impl<'a, M, S> ListCollections<'a, M, S> {
    setters!(ListCollectionsOptions {
        batch_size: u32,
        comment: into Bson,
        filter: Document,
        authorized_collections: bool,
    });
}

impl<'a, M> ListCollections<'a, M, ImplicitSession> {
    /// Runs the operation in this session.
    pub fn session<'s>(
        mut self,
        value: impl Into<&'s mut ClientSession>,
    ) -> ListCollections<'a, M, ExplicitSession<'s>> {
        ListCollections {
            action: self.action.session(self.call.in_session(value)),
            call: self.call,
            options: self.options,
            mode: PhantomData,
        }
    }
}

cursor_future!([] ListCollections<'a, ListSpecifications, ImplicitSession> => Cursor<CollectionSpecification>; RawBatchCursor);
cursor_future!([] ListCollections<'a, ListSpecifications, ExplicitSession<'a>> => SessionCursor<CollectionSpecification>; SessionRawBatchCursor);
result_future!(
    [] ListCollections<'a, ListNames, ImplicitSession> => Vec<String>,
    |record, result| record.counts.matched = listed(result)
);
result_future!(
    [] ListCollections<'a, ListNames, ExplicitSession<'a>> => Vec<String>,
    |record, result| record.counts.matched = listed(result)
);

/// Lists databases, or their names; made by
/// [`Client::list_databases`](crate::Client::list_databases) and
/// [`Client::list_database_names`](crate::Client::list_database_names).
#[must_use = "an action does nothing until it is awaited"]
pub struct ListDatabases<'a, M = ListSpecifications> {
    pub(in crate::driver) action: mongodb::action::ListDatabases<'a, M>,
    pub(in crate::driver) call: Call,
    pub(in crate::driver) options: Option<ListDatabasesOptions>,
}

impl<'a, M> ListDatabases<'a, M> {
    setters!(ListDatabasesOptions {
        authorized_databases: bool,
        comment: into Bson,
        filter: Document,
    });

    action!(@session);
}

result_future!(
    [] ListDatabases<'a, ListSpecifications> => Vec<DatabaseSpecification>,
    |record, result| record.counts.matched = listed(result)
);
result_future!(
    [] ListDatabases<'a, ListNames> => Vec<String>,
    |record, result| record.counts.matched = listed(result)
);
