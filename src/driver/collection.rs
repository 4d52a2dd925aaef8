//! A collection: the driver's, whose calls are watched.

use std::{borrow::Borrow, fmt, marker::PhantomData, sync::Arc};

use mongodb::{
    IndexModel, Namespace, SearchIndexModel,
    action::{Multiple, Single},
    bson::{Bson, Document, doc},
    error::Result,
    options::{
        InsertOneModel, ReadConcern, ReplaceOneModel, SelectionCriteria, UpdateModifications,
        WriteConcern,
    },
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    action::{
        self, Aggregate, CountDocuments, CreateIndex, CreateSearchIndex, Delete, Distinct,
        DropCollection, DropIndex, DropSearchIndex, EstimatedDocumentCount, Find, FindOne,
        FindOneAndDelete, FindOneAndReplace, FindOneAndUpdate, InsertMany, InsertOne, ListIndexes,
        ListNames, ListSearchIndexes, ReplaceOne, Update, UpdateSearchIndex, Watch,
    },
    client::{Client, Site},
    describe,
    operation::Call,
};
use crate::record::WatcherName;

/// A handle to a collection, as the driver's [`mongodb::Collection`]: each call writes a record.
///
/// Made by [`Database::collection`](crate::Database::collection).
pub struct Collection<T: Send + Sync> {
    inner: mongodb::Collection<T>,
    site: Arc<Site>,
}

impl<T: Send + Sync> Collection<T> {
    pub(super) const fn new(inner: mongodb::Collection<T>, site: Arc<Site>) -> Self {
        Self { inner, site }
    }

    /// The client that the collection was reached through.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.site.client
    }

    /// The same collection with another type of documents.
    pub fn clone_with_type<U: Send + Sync>(&self) -> Collection<U> {
        Collection { inner: self.inner.clone_with_type(), site: Arc::clone(&self.site) }
    }

    /// The driver's own handle, past the mirrored calls: doors B and C still see what it does.
    #[must_use]
    pub const fn unwatched(&self) -> &mongodb::Collection<T> {
        &self.inner
    }

    /// The name of the collection.
    #[must_use]
    pub fn name(&self) -> &str {
        self.inner.name()
    }

    /// The names of database and collection.
    #[must_use]
    pub fn namespace(&self) -> Namespace {
        self.inner.namespace()
    }

    /// The read preference of the collection.
    #[must_use]
    pub fn selection_criteria(&self) -> Option<&SelectionCriteria> {
        self.inner.selection_criteria()
    }

    /// The read concern of the collection.
    #[must_use]
    pub fn read_concern(&self) -> Option<&ReadConcern> {
        self.inner.read_concern()
    }

    /// The write concern of the collection.
    #[must_use]
    pub fn write_concern(&self) -> Option<&WriteConcern> {
        self.inner.write_concern()
    }

    /// Finds the documents that match `filter`.
    pub fn find(&self, filter: Document) -> Find<'_, T> {
        let mut call = self.site.call(WatcherName::Cursor, "find", "find");
        call.filter = action::document(&filter);
        Find { action: self.inner.find(filter), call, options: None }
    }

    /// Runs an aggregation pipeline.
    pub fn aggregate(&self, pipeline: impl IntoIterator<Item = Document>) -> Aggregate<'_> {
        let pipeline: Vec<_> = pipeline.into_iter().collect();
        let mut call = self.site.call(WatcherName::Cursor, "aggregate", "aggregate");
        call.filter = action::documents(&pipeline);
        let action = self.inner.aggregate(pipeline);
        Aggregate { action, call, options: None, item: PhantomData }
    }

    /// Counts the documents that match `filter`.
    pub fn count_documents(&self, filter: Document) -> CountDocuments<'_> {
        let mut call = self.call("count_documents", "aggregate");
        call.filter = action::document(&filter);
        CountDocuments { action: self.inner.count_documents(filter), call, options: None }
    }

    /// Estimates the number of documents out of the collection's metadata.
    pub fn estimated_document_count(&self) -> EstimatedDocumentCount<'_> {
        let call = self.call("estimated_document_count", "count");
        EstimatedDocumentCount {
            action: self.inner.estimated_document_count(),
            call,
            options: None,
        }
    }

    /// Finds the distinct values of a field among the documents that match `filter`.
    pub fn distinct(&self, field_name: impl AsRef<str>, filter: Document) -> Distinct<'_> {
        let mut call = self.call("distinct", "distinct");
        call.filter = action::document(&filter);
        call.arguments.insert("key", field_name.as_ref());
        Distinct { action: self.inner.distinct(field_name, filter), call, options: None }
    }

    /// Updates one document that matches `query`.
    pub fn update_one(
        &self,
        query: Document,
        update: impl Into<UpdateModifications>,
    ) -> Update<'_> {
        let update = update.into();
        let mut call = self.call("update_one", "update");
        call.filter = action::document(&query);
        call.update = modifications(&update);
        Update { action: self.inner.update_one(query, update), call, options: None }
    }

    /// Updates all documents that match `query`.
    pub fn update_many(
        &self,
        query: Document,
        update: impl Into<UpdateModifications>,
    ) -> Update<'_> {
        let update = update.into();
        let mut call = self.call("update_many", "update");
        call.filter = action::document(&query);
        call.update = modifications(&update);
        Update { action: self.inner.update_many(query, update), call, options: None }
    }

    /// Deletes one document that matches `query`.
    pub fn delete_one(&self, query: Document) -> Delete<'_> {
        let mut call = self.call("delete_one", "delete");
        call.filter = action::document(&query);
        Delete { action: self.inner.delete_one(query), call, options: None }
    }

    /// Deletes all documents that match `query`.
    pub fn delete_many(&self, query: Document) -> Delete<'_> {
        let mut call = self.call("delete_many", "delete");
        call.filter = action::document(&query);
        Delete { action: self.inner.delete_many(query), call, options: None }
    }

    /// Creates an index.
    pub fn create_index(&self, index: IndexModel) -> CreateIndex<'_> {
        let mut call = self.call("create_index", "createIndexes");
        call.filter = serialized(&index);
        CreateIndex { action: self.inner.create_index(index), call, options: None }
    }

    /// Creates indexes.
    pub fn create_indexes(
        &self,
        indexes: impl IntoIterator<Item = IndexModel>,
    ) -> CreateIndex<'_, Multiple> {
        let indexes: Vec<_> = indexes.into_iter().collect();
        let mut call = self.call("create_indexes", "createIndexes");
        call.filter = all_serialized(&indexes);
        CreateIndex { action: self.inner.create_indexes(indexes), call, options: None }
    }

    /// Drops the index of this name.
    pub fn drop_index(&self, name: impl AsRef<str>) -> DropIndex<'_> {
        let mut call = self.call("drop_index", "dropIndexes");
        call.filter = action::document(&doc! { "index": name.as_ref() });
        DropIndex { action: self.inner.drop_index(name), call, options: None }
    }

    /// Drops all indexes but that of `_id`.
    pub fn drop_indexes(&self) -> DropIndex<'_> {
        let call = self.call("drop_indexes", "dropIndexes");
        DropIndex { action: self.inner.drop_indexes(), call, options: None }
    }

    /// Lists the indexes.
    pub fn list_indexes(&self) -> ListIndexes<'_> {
        let call = self.site.call(WatcherName::Cursor, "list_indexes", "listIndexes");
        let action = self.inner.list_indexes();
        ListIndexes { action, call, options: None, mode: PhantomData }
    }

    /// Lists the names of the indexes.
    pub fn list_index_names(&self) -> ListIndexes<'_, ListNames> {
        let call = self.call("list_index_names", "listIndexes");
        let action = self.inner.list_index_names();
        ListIndexes { action, call, options: None, mode: PhantomData }
    }

    /// Opens a stream of the changes in this collection.
    pub fn watch(&self) -> Watch<'_, T> {
        let call = self.site.call(WatcherName::Cursor, "watch", "aggregate");
        Watch { action: self.inner.watch(), call, options: None, session: None, mode: PhantomData }
    }

    /// Creates a search index.
    pub fn create_search_index(&self, model: SearchIndexModel) -> CreateSearchIndex<'_, Single> {
        let mut call = self.call("create_search_index", "createSearchIndexes");
        call.filter = serialized(&model);
        CreateSearchIndex { action: self.inner.create_search_index(model), call, options: None }
    }

    /// Creates search indexes.
    pub fn create_search_indexes(
        &self,
        models: impl IntoIterator<Item = SearchIndexModel>,
    ) -> CreateSearchIndex<'_, Multiple> {
        let models: Vec<_> = models.into_iter().collect();
        let mut call = self.call("create_search_indexes", "createSearchIndexes");
        call.filter = all_serialized(&models);
        CreateSearchIndex { action: self.inner.create_search_indexes(models), call, options: None }
    }

    /// Gives the search index of this name another definition.
    pub fn update_search_index(
        &self,
        name: impl Into<String>,
        definition: Document,
    ) -> UpdateSearchIndex<'_> {
        let name = name.into();
        let mut call = self.call("update_search_index", "updateSearchIndex");
        call.filter = action::document(&doc! { "name": &name });
        call.update = action::document(&definition);
        let action = self.inner.update_search_index(name, definition);
        UpdateSearchIndex { action, call, options: None }
    }

    /// Drops the search index of this name.
    pub fn drop_search_index(&self, name: impl Into<String>) -> DropSearchIndex<'_> {
        let name = name.into();
        let mut call = self.call("drop_search_index", "dropSearchIndex");
        call.filter = action::document(&doc! { "name": &name });
        DropSearchIndex { action: self.inner.drop_search_index(name), call, options: None }
    }

    /// Lists the search indexes.
    pub fn list_search_indexes(&self) -> ListSearchIndexes<'_> {
        let call = self.site.call(WatcherName::Cursor, "list_search_indexes", "aggregate");
        let action = self.inner.list_search_indexes();
        ListSearchIndexes { action, call, options: None, aggregate_options: None }
    }

    /// Drops the collection.
    pub fn drop(&self) -> DropCollection<'_> {
        let call = self.call("drop", "drop");
        DropCollection { action: self.inner.drop(), call, options: None }
    }

    fn call(&self, operation: &'static str, command: &'static str) -> Call {
        self.site.call(WatcherName::Collection, operation, command)
    }
}

impl<T: Serialize + Send + Sync> Collection<T> {
    /// Inserts a document.
    pub fn insert_one(&self, doc: impl Borrow<T>) -> InsertOne<'_> {
        let call = self.call("insert_one", "insert");
        InsertOne { action: self.inner.insert_one(doc), call, options: None }
    }

    /// Inserts documents.
    pub fn insert_many(&self, docs: impl IntoIterator<Item = impl Borrow<T>>) -> InsertMany<'_> {
        let call = self.call("insert_many", "insert");
        let mut n_documents = 0;
        // The driver takes the documents within this call.
        let action = self.inner.insert_many(docs.into_iter().inspect(|_| n_documents += 1));
        InsertMany { action, call, options: None, n_documents }
    }

    /// An insert into this collection, to be given to
    /// [`Client::bulk_write`](crate::Client::bulk_write).
    ///
    /// # Errors
    ///
    /// When the document cannot be serialized.
    pub fn insert_one_model(&self, document: impl Borrow<T>) -> Result<InsertOneModel> {
        self.inner.insert_one_model(document)
    }

    /// A replacement in this collection, to be given to
    /// [`Client::bulk_write`](crate::Client::bulk_write).
    ///
    /// # Errors
    ///
    /// When the replacement cannot be serialized.
    pub fn replace_one_model(
        &self,
        filter: Document,
        replacement: impl Borrow<T>,
    ) -> Result<ReplaceOneModel> {
        self.inner.replace_one_model(filter, replacement)
    }

    /// Replaces one document that matches `query`.
    pub fn replace_one(&self, query: Document, replacement: impl Borrow<T>) -> ReplaceOne<'_> {
        let mut call = self.call("replace_one", "update");
        call.filter = action::document(&query);
        call.update = serialized(replacement.borrow());
        ReplaceOne { action: self.inner.replace_one(query, replacement), call, options: None }
    }
}

impl<T: DeserializeOwned + Send + Sync> Collection<T> {
    /// Finds one document that matches `filter`.
    pub fn find_one(&self, filter: Document) -> FindOne<'_, T> {
        let mut call = self.call("find_one", "find");
        call.filter = action::document(&filter);
        FindOne { action: self.inner.find_one(filter), call, options: None }
    }

    /// Finds a document that matches `filter` and deletes it.
    pub fn find_one_and_delete(&self, filter: Document) -> FindOneAndDelete<'_, T> {
        let mut call = self.call("find_one_and_delete", "findAndModify");
        call.filter = action::document(&filter);
        FindOneAndDelete { action: self.inner.find_one_and_delete(filter), call, options: None }
    }

    /// Finds a document that matches `filter` and updates it.
    pub fn find_one_and_update(
        &self,
        filter: Document,
        update: impl Into<UpdateModifications>,
    ) -> FindOneAndUpdate<'_, T> {
        let update = update.into();
        let mut call = self.call("find_one_and_update", "findAndModify");
        call.filter = action::document(&filter);
        call.update = modifications(&update);
        let action = self.inner.find_one_and_update(filter, update);
        FindOneAndUpdate { action, call, options: None }
    }
}

impl<T: Serialize + DeserializeOwned + Send + Sync> Collection<T> {
    /// Finds a document that matches `filter` and replaces it.
    pub fn find_one_and_replace(
        &self,
        filter: Document,
        replacement: impl Borrow<T>,
    ) -> FindOneAndReplace<'_, T> {
        let mut call = self.call("find_one_and_replace", "findAndModify");
        call.filter = action::document(&filter);
        call.update = serialized(replacement.borrow());
        let action = self.inner.find_one_and_replace(filter, replacement);
        FindOneAndReplace { action, call, options: None }
    }
}

fn modifications(update: &UpdateModifications) -> Option<Arc<Bson>> {
    match update {
        UpdateModifications::Document(document) => action::document(document),
        UpdateModifications::Pipeline(stages) => action::documents(stages),
        #[allow(unreachable_patterns, reason = "the driver may add a third form")]
        _ => None,
    }
}

fn serialized(value: &impl Serialize) -> Option<Arc<Bson>> {
    describe::serialized(value).map(Arc::new)
}

fn all_serialized(values: &[impl Serialize]) -> Option<Arc<Bson>> {
    let values = values.iter().filter_map(describe::serialized);
    Some(Arc::new(Bson::Array(values.collect())))
}

impl<T: Send + Sync> Clone for Collection<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), site: Arc::clone(&self.site) }
    }
}

impl<T: Send + Sync> fmt::Debug for Collection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collection").field("namespace", &self.namespace()).finish_non_exhaustive()
    }
}
