use mongodb::{
    bson::Document,
    results::{SummaryBulkWriteResult, VerboseBulkWriteResult},
};

use super::*;
use crate::record::{KnownCall, WatcherName};

type Everything = Document;

/// The options of each call, as its setters have them.
fn mirrored() -> Vec<(WatcherName, &'static str, &'static [&'static str])> {
    use WatcherName::{Client, Collection, Cursor, Database, Gridfs, Session};
    let nothing: &[&str] = &[];
    vec![
        (Collection, "insert_one", InsertOne::OPTIONS),
        (Collection, "insert_many", InsertMany::OPTIONS),
        (Collection, "update_one", Update::OPTIONS),
        (Collection, "update_many", Update::OPTIONS),
        (Collection, "replace_one", ReplaceOne::OPTIONS),
        (Collection, "delete_one", Delete::OPTIONS),
        (Collection, "delete_many", Delete::OPTIONS),
        (Collection, "find_one", FindOne::<Everything>::OPTIONS),
        (Collection, "find_one_and_delete", FindOneAndDelete::<Everything>::OPTIONS),
        (Collection, "find_one_and_update", FindOneAndUpdate::<Everything>::OPTIONS),
        (Collection, "find_one_and_replace", FindOneAndReplace::<Everything>::OPTIONS),
        (Collection, "count_documents", CountDocuments::OPTIONS),
        (Collection, "estimated_document_count", EstimatedDocumentCount::OPTIONS),
        (Collection, "distinct", Distinct::OPTIONS),
        (Collection, "create_index", CreateIndex::<Single>::OPTIONS),
        (Collection, "create_indexes", CreateIndex::<Multiple>::OPTIONS),
        (Collection, "drop_index", DropIndex::OPTIONS),
        (Collection, "drop_indexes", DropIndex::OPTIONS),
        (Collection, "list_index_names", ListIndexes::<ListNames>::OPTIONS),
        (Collection, "create_search_index", nothing),
        (Collection, "create_search_indexes", nothing),
        (Collection, "update_search_index", nothing),
        (Collection, "drop_search_index", nothing),
        (Collection, "drop", DropCollection::OPTIONS),
        (Cursor, "find", Find::<Everything>::OPTIONS),
        (Cursor, "aggregate", Aggregate::<ImplicitSession, Everything>::OPTIONS),
        (Cursor, "list_indexes", ListIndexes::<ListSpecifications>::OPTIONS),
        // Those of the aggregation that lists them.
        (Cursor, "list_search_indexes", Aggregate::<ImplicitSession, Everything>::OPTIONS),
        (Cursor, "list_collections", ListCollections::<ListSpecifications>::OPTIONS),
        (Cursor, "run_cursor_command", RunCursorCommand::<ImplicitSession>::OPTIONS),
        (Cursor, "watch", Watch::<Everything, ImplicitSession>::OPTIONS),
        (Database, "run_command", RunCommand::OPTIONS),
        (Database, "create_collection", CreateCollection::OPTIONS),
        (Database, "list_collection_names", ListCollections::<ListNames>::OPTIONS),
        (Database, "drop", DropDatabase::OPTIONS),
        (Client, "list_databases", ListDatabases::<ListSpecifications>::OPTIONS),
        (Client, "list_database_names", ListDatabases::<ListNames>::OPTIONS),
        (Client, "bulk_write", BulkWrite::<SummaryBulkWriteResult>::OPTIONS),
        (Client, "bulk_write", BulkWrite::<VerboseBulkWriteResult>::OPTIONS),
        (Session, "commit_transaction", StartTransaction::<()>::OPTIONS),
        (Session, "abort_transaction", StartTransaction::<()>::OPTIONS),
        // But for the metadata of the file, which is not recorded.
        (Gridfs, "open_upload_stream", gridfs::OpenUploadStream::OPTIONS),
        (Gridfs, "open_download_stream", nothing),
        (Gridfs, "open_download_stream_by_name", gridfs::OpenDownloadStreamByName::OPTIONS),
        (Gridfs, "find", gridfs::Find::OPTIONS),
        (Gridfs, "find_one", gridfs::FindOne::OPTIONS),
        (Gridfs, "rename", nothing),
        (Gridfs, "rename_by_name", nothing),
        (Gridfs, "delete", nothing),
        (Gridfs, "delete_by_name", nothing),
        (Gridfs, "drop", nothing),
    ]
}

#[test]
fn the_calls_that_the_configuration_knows_are_those_of_the_mirror() {
    let mirrored = mirrored();
    for (watcher, operation, options) in &mirrored {
        let known = KnownCall::find(*watcher, operation).expect(operation);
        let recorded = options.iter().filter(|option| **option != "metadata");
        assert_eq!(known.options, recorded.copied().collect::<Vec<_>>(), "{operation}");
    }
    for watcher in WatcherName::ALL {
        for call in KnownCall::all_of(*watcher) {
            let is_this = |(by, operation, _): &&(WatcherName, &str, _)| {
                by == watcher && *operation == call.operation
            };
            assert!(mirrored.iter().any(|line| is_this(&line)), "{watcher} {}", call.operation);
        }
    }
}
