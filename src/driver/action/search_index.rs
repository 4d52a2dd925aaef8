//! Search indexes: `create_search_index`, `create_search_indexes`, `update_search_index`,
//! `drop_search_index` and `list_search_indexes`. Only Atlas and servers with a search process have
//! them.

use mongodb::{
    action::{Multiple, Single},
    options::{AggregateOptions, CreateSearchIndexOptions, ListSearchIndexOptions},
};

use super::*;
use crate::driver::Cursor;

/// Creates search indexes; made by
/// [`Collection::create_search_index`](crate::Collection::create_search_index) and
/// [`Collection::create_search_indexes`](crate::Collection::create_search_indexes).
#[must_use = "an action does nothing until it is awaited"]
pub struct CreateSearchIndex<'a, Mode> {
    pub(in crate::driver) action: mongodb::action::CreateSearchIndex<'a, Mode>,
    pub(in crate::driver) call: Call,
    pub(in crate::driver) options: Option<CreateSearchIndexOptions>,
}

impl<Mode> CreateSearchIndex<'_, Mode> {
    setters!(CreateSearchIndexOptions {});
}

result_future!([] CreateSearchIndex<'a, Single> => String, |_record, _result| ());
result_future!([] CreateSearchIndex<'a, Multiple> => Vec<String>, |_record, _result| ());

action! {
    /// Gives a search index another definition; made by
    /// [`Collection::update_search_index`](crate::Collection::update_search_index).
    UpdateSearchIndex<'a> = mongodb::action::UpdateSearchIndex<'a>,
    UpdateSearchIndexOptions {} => (),
    |_record, _result| ()
}

action! {
    /// Drops a search index; made by
    /// [`Collection::drop_search_index`](crate::Collection::drop_search_index).
    DropSearchIndex<'a> = mongodb::action::DropSearchIndex<'a>,
    DropSearchIndexOptions {} => (),
    |_record, _result| ()
}

/// Lists search indexes; made by
/// [`Collection::list_search_indexes`](crate::Collection::list_search_indexes).
#[must_use = "an action does nothing until it is awaited"]
pub struct ListSearchIndexes<'a> {
    pub(in crate::driver) action: mongodb::action::ListSearchIndexes<'a>,
    pub(in crate::driver) call: Call,
    pub(in crate::driver) options: Option<ListSearchIndexOptions>,
}

impl ListSearchIndexes<'_> {
    setters!(ListSearchIndexOptions {});

    /// Lists the index of this name alone.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.call.filter = document(&mongodb::bson::doc! { "name": &name });
        self.action = self.action.name(name);
        self
    }

    /// Sets the options of the aggregation that lists the indexes; this replaces those set before.
    pub fn aggregate_options(mut self, value: AggregateOptions) -> Self {
        self.call.arguments = serialized_document(&value);
        self.action = self.action.aggregate_options(value);
        self
    }
}

cursor_future!([] ListSearchIndexes<'a> => Cursor<Document>);
