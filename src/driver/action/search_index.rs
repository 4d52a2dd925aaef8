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
    /// Those of the aggregation that lists the indexes.
    pub(in crate::driver) aggregate_options: Option<AggregateOptions>,
}

impl ListSearchIndexes<'_> {
    /// Sets all options; this replaces those set before. See
    /// [`mongodb::options::ListSearchIndexOptions`].
    pub fn with_options(mut self, value: impl Into<Option<ListSearchIndexOptions>>) -> Self {
        self.options = value.into();
        self
    }

    /// Lists the index of this name alone.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.call.filter = document(&mongodb::bson::doc! { "name": &name });
        self.action = self.action.name(name);
        self
    }

    /// Sets the options of the aggregation that lists the indexes; this replaces those set before.
    pub fn aggregate_options(mut self, value: AggregateOptions) -> Self {
        self.aggregate_options = Some(value);
        self
    }
}

run!(
    [] ListSearchIndexes<'a> => crate::driver::sync::Cursor<Document>,
    crate::driver::sync::Cursor::new
);

impl Mirrored for ListSearchIndexes<'_> {}

impl<'a> IntoFuture for ListSearchIndexes<'a> {
    type Output = mongodb::error::Result<Cursor<Document>>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { mut action, mut call, options, mut aggregate_options } = self;
        let described = aggregate_options.as_ref().map(<Aggregate<'_>>::describe);
        let described = described.filter(|described| !described.is_empty());
        if let Some(comment) = call.comment() {
            aggregate_options.get_or_insert_default().comment.get_or_insert(comment);
        }
        if let Some(aggregate_options) = aggregate_options {
            action = action.aggregate_options(aggregate_options);
        }
        let future = action.with_options(options).into_future();
        Box::pin(async move {
            let described = described.map(|described| Arc::new(described.into()));
            keep_open(Operation::open(call, described)?, future, Cursor::new).await
        })
    }
}
