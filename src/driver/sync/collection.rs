//! A collection of the blocking API.

use std::borrow::Borrow;

use mongodb::{
    IndexModel, Namespace, SearchIndexModel,
    bson::Document,
    options::{ReadConcern, SelectionCriteria, UpdateModifications, WriteConcern},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::driver::{
    self,
    action::{
        Aggregate, CountDocuments, CreateIndex, CreateSearchIndex, Delete, Distinct,
        DropCollection, DropIndex, DropSearchIndex, EstimatedDocumentCount, Find, FindOne,
        FindOneAndDelete, FindOneAndReplace, FindOneAndUpdate, InsertMany, InsertOne, ListIndexes,
        ListNames, ListSearchIndexes, Multiple, ReplaceOne, Single, Update, UpdateSearchIndex,
        Watch,
    },
};

/// A handle to a collection, as the driver's [`mongodb::sync::Collection`]: each call writes a
/// record.
///
/// Made by [`Database::collection`](super::Database::collection).
#[derive(Clone, Debug)]
pub struct Collection<T: Send + Sync> {
    pub(super) async_collection: driver::Collection<T>,
}

impl<T: Send + Sync> Collection<T> {
    /// The same collection with another type of documents.
    pub fn clone_with_type<U: Send + Sync>(&self) -> Collection<U> {
        Collection { async_collection: self.async_collection.clone_with_type() }
    }

    /// The name of the collection.
    #[must_use]
    pub fn name(&self) -> &str {
        self.async_collection.name()
    }

    /// The names of database and collection.
    #[must_use]
    pub fn namespace(&self) -> Namespace {
        self.async_collection.namespace()
    }

    /// The read preference of the collection.
    #[must_use]
    pub fn selection_criteria(&self) -> Option<&SelectionCriteria> {
        self.async_collection.selection_criteria()
    }

    /// The read concern of the collection.
    #[must_use]
    pub fn read_concern(&self) -> Option<&ReadConcern> {
        self.async_collection.read_concern()
    }

    /// The write concern of the collection.
    #[must_use]
    pub fn write_concern(&self) -> Option<&WriteConcern> {
        self.async_collection.write_concern()
    }

    /// Finds the documents that match `filter`.
    pub fn find(&self, filter: Document) -> Find<'_, T> {
        self.async_collection.find(filter)
    }

    /// Runs an aggregation pipeline.
    pub fn aggregate(&self, pipeline: impl IntoIterator<Item = Document>) -> Aggregate<'_> {
        self.async_collection.aggregate(pipeline)
    }

    /// Counts the documents that match `filter`.
    pub fn count_documents(&self, filter: Document) -> CountDocuments<'_> {
        self.async_collection.count_documents(filter)
    }

    /// Estimates the number of documents out of the collection's metadata.
    pub fn estimated_document_count(&self) -> EstimatedDocumentCount<'_> {
        self.async_collection.estimated_document_count()
    }

    /// Finds the distinct values of a field among the documents that match `filter`.
    pub fn distinct(&self, field_name: impl AsRef<str>, filter: Document) -> Distinct<'_> {
        self.async_collection.distinct(field_name, filter)
    }

    /// Updates one document that matches `query`.
    pub fn update_one(
        &self,
        query: Document,
        update: impl Into<UpdateModifications>,
    ) -> Update<'_> {
        self.async_collection.update_one(query, update)
    }

    /// Updates all documents that match `query`.
    pub fn update_many(
        &self,
        query: Document,
        update: impl Into<UpdateModifications>,
    ) -> Update<'_> {
        self.async_collection.update_many(query, update)
    }

    /// Deletes one document that matches `query`.
    pub fn delete_one(&self, query: Document) -> Delete<'_> {
        self.async_collection.delete_one(query)
    }

    /// Deletes all documents that match `query`.
    pub fn delete_many(&self, query: Document) -> Delete<'_> {
        self.async_collection.delete_many(query)
    }

    /// Creates an index.
    pub fn create_index(&self, index: IndexModel) -> CreateIndex<'_> {
        self.async_collection.create_index(index)
    }

    /// Creates indexes.
    pub fn create_indexes(
        &self,
        indexes: impl IntoIterator<Item = IndexModel>,
    ) -> CreateIndex<'_, Multiple> {
        self.async_collection.create_indexes(indexes)
    }

    /// Drops the index of this name.
    pub fn drop_index(&self, name: impl AsRef<str>) -> DropIndex<'_> {
        self.async_collection.drop_index(name)
    }

    /// Drops all indexes but that of `_id`.
    pub fn drop_indexes(&self) -> DropIndex<'_> {
        self.async_collection.drop_indexes()
    }

    /// Lists the indexes.
    pub fn list_indexes(&self) -> ListIndexes<'_> {
        self.async_collection.list_indexes()
    }

    /// Lists the names of the indexes.
    pub fn list_index_names(&self) -> ListIndexes<'_, ListNames> {
        self.async_collection.list_index_names()
    }

    /// Creates a search index.
    pub fn create_search_index(&self, model: SearchIndexModel) -> CreateSearchIndex<'_, Single> {
        self.async_collection.create_search_index(model)
    }

    /// Creates search indexes.
    pub fn create_search_indexes(
        &self,
        models: impl IntoIterator<Item = SearchIndexModel>,
    ) -> CreateSearchIndex<'_, Multiple> {
        self.async_collection.create_search_indexes(models)
    }

    /// Gives the search index of this name another definition.
    pub fn update_search_index(
        &self,
        name: impl Into<String>,
        definition: Document,
    ) -> UpdateSearchIndex<'_> {
        self.async_collection.update_search_index(name, definition)
    }

    /// Drops the search index of this name.
    pub fn drop_search_index(&self, name: impl Into<String>) -> DropSearchIndex<'_> {
        self.async_collection.drop_search_index(name)
    }

    /// Lists the search indexes.
    pub fn list_search_indexes(&self) -> ListSearchIndexes<'_> {
        self.async_collection.list_search_indexes()
    }

    /// Opens a stream of the changes in this collection.
    pub fn watch(&self) -> Watch<'_, T> {
        self.async_collection.watch()
    }

    /// Drops the collection.
    pub fn drop(&self) -> DropCollection<'_> {
        self.async_collection.drop()
    }
}

impl<T: Serialize + Send + Sync> Collection<T> {
    /// Inserts a document.
    pub fn insert_one(&self, doc: impl Borrow<T>) -> InsertOne<'_> {
        self.async_collection.insert_one(doc)
    }

    /// Inserts documents.
    pub fn insert_many(&self, docs: impl IntoIterator<Item = impl Borrow<T>>) -> InsertMany<'_> {
        self.async_collection.insert_many(docs)
    }

    /// Replaces one document that matches `query`.
    pub fn replace_one(&self, query: Document, replacement: impl Borrow<T>) -> ReplaceOne<'_> {
        self.async_collection.replace_one(query, replacement)
    }
}

impl<T: DeserializeOwned + Send + Sync> Collection<T> {
    /// Finds one document that matches `filter`.
    pub fn find_one(&self, filter: Document) -> FindOne<'_, T> {
        self.async_collection.find_one(filter)
    }

    /// Finds a document that matches `filter` and deletes it.
    pub fn find_one_and_delete(&self, filter: Document) -> FindOneAndDelete<'_, T> {
        self.async_collection.find_one_and_delete(filter)
    }

    /// Finds a document that matches `filter` and updates it.
    pub fn find_one_and_update(
        &self,
        filter: Document,
        update: impl Into<UpdateModifications>,
    ) -> FindOneAndUpdate<'_, T> {
        self.async_collection.find_one_and_update(filter, update)
    }
}

impl<T: Serialize + DeserializeOwned + Send + Sync> Collection<T> {
    /// Finds a document that matches `filter` and replaces it.
    pub fn find_one_and_replace(
        &self,
        filter: Document,
        replacement: impl Borrow<T>,
    ) -> FindOneAndReplace<'_, T> {
        self.async_collection.find_one_and_replace(filter, replacement)
    }
}
