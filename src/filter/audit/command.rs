//! Which command an operation of the driver sends, and which audit event a command is.

/// The command that an operation is sent as; one that is not known here is a command itself.
pub(super) fn of_operation(operation: &str, has_collection: bool) -> &str {
    match operation {
        "find" | "find_one" => "find",
        "aggregate" | "count_documents" | "watch" | "list_search_indexes" => "aggregate",
        "estimated_document_count" => "count",
        "insert_one" | "insert_many" => "insert",
        "update_one" | "update_many" | "replace_one" => "update",
        "delete_one" | "delete_many" => "delete",
        "find_one_and_update" | "find_one_and_replace" | "find_one_and_delete" => "findAndModify",
        "bulk_write" => "bulkWrite",
        "create_collection" => "create",
        "drop" if has_collection => "drop",
        "drop" => "dropDatabase",
        "create_index" | "create_indexes" => "createIndexes",
        "drop_index" | "drop_indexes" => "dropIndexes",
        "list_indexes" | "list_index_names" => "listIndexes",
        "list_collections" | "list_collection_names" => "listCollections",
        "list_databases" | "list_database_names" => "listDatabases",
        "create_search_index" | "create_search_indexes" => "createSearchIndexes",
        "update_search_index" => "updateSearchIndex",
        "drop_search_index" => "dropSearchIndex",
        "commit_transaction" => "commitTransaction",
        "abort_transaction" => "abortTransaction",
        command => command,
    }
}

/// The command of an operation on the files of a GridFS bucket.
pub(super) fn of_files(operation: &str) -> &str {
    match operation {
        "open_upload_stream" => "insert",
        "rename" | "rename_by_name" => "update",
        "delete" | "delete_by_name" => "delete",
        "drop" => "drop",
        _ => "find",
    }
}

/// Is it the name of a collection that stands in the command's first field, if it is a text?
pub(super) fn is_on_collection(command: &str) -> bool {
    let is_on_account = command.contains("User") || command.contains("Role");
    let has_namespace = matches!(
        command,
        "renameCollection" | "shardCollection" | "refineCollectionShardKey" | "reshardCollection"
    );
    !is_on_account && !has_namespace && command != "logApplicationMessage"
}

/// The event that a server writes of a command, besides that of the check of permissions.
pub(super) fn event(command: &str) -> Option<&str> {
    Some(match command {
        "create" => "createCollection",
        "drop" => "dropCollection",
        "createIndexes" => "createIndex",
        "dropIndexes" | "deleteIndexes" => "dropIndex",
        "logApplicationMessage" => "applicationMessage",
        "logRotate" => "rotateLog",
        "addShard"
        | "authenticate"
        | "createRole"
        | "createUser"
        | "dropAllRolesFromDatabase"
        | "dropAllUsersFromDatabase"
        | "dropDatabase"
        | "dropRole"
        | "dropUser"
        | "enableSharding"
        | "grantPrivilegesToRole"
        | "grantRolesToRole"
        | "grantRolesToUser"
        | "logout"
        | "refineCollectionShardKey"
        | "removeShard"
        | "renameCollection"
        | "replSetReconfig"
        | "revokePrivilegesFromRole"
        | "revokeRolesFromRole"
        | "revokeRolesFromUser"
        | "setClusterParameter"
        | "shardCollection"
        | "shutdown"
        | "updateRole"
        | "updateUser" => command,
        _ => return None,
    })
}
