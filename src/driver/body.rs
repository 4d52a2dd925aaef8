//! The body of a command, reduced to what a record may keep.

use mongodb::bson::{Bson, Document};

/// The command without what the driver adds to it, without the documents that it inserts, and
/// without the keys of `but`.
pub(super) fn reduced(command: &Document, but: &[&str]) -> Document {
    const ADDED: &[&str] = &[
        "$db",
        "lsid",
        "txnNumber",
        "$clusterTime",
        "autocommit",
        "startTransaction",
        "apiVersion",
        "apiStrict",
        "apiDeprecationErrors",
    ];
    let is_kept = |key: &str| !ADDED.contains(&key) && !but.contains(&key);
    let kept = command.iter().filter(|(key, _)| is_kept(key));
    kept.filter_map(|(key, value)| Some((key.clone(), part(key, value)?))).collect()
}

/// Does the command name a collection behind its own name? What stands there in other commands may be
/// anything: `addShard` takes a connection string.
pub(super) fn is_on_collection(command: &str) -> bool {
    const COMMANDS: &[&str] = &[
        "aggregate",
        "analyze",
        "cloneCollectionAsCapped",
        "collMod",
        "collStats",
        "compact",
        "convertToCapped",
        "count",
        "create",
        "createIndexes",
        "createSearchIndexes",
        "delete",
        "deleteIndexes",
        "distinct",
        "drop",
        "dropIndexes",
        "dropSearchIndex",
        "find",
        "findAndModify",
        "findandmodify",
        "getMore",
        "insert",
        "killCursors",
        "listIndexes",
        "listSearchIndexes",
        "mapReduce",
        "mapreduce",
        "planCacheClear",
        "planCacheClearFilters",
        "planCacheListFilters",
        "planCacheSetFilter",
        "reIndex",
        "update",
        "updateSearchIndex",
        "validate",
    ];
    COMMANDS.contains(&command)
}

/// A part of a command; none if it holds documents that are inserted.
fn part(key: &str, value: &Bson) -> Option<Bson> {
    match (key, value) {
        ("documents", Bson::Array(_)) => None,
        // The operations of a `bulkWrite`, each of which may insert a document; what `applyOps` inserts
        // or replaces is its `o`.
        ("ops" | "applyOps", Bson::Array(operations)) => {
            let name = if key == "ops" { "document" } else { "o" };
            let without = |operation| without_document(operation, name);
            Some(Bson::Array(operations.iter().map(without).collect()))
        }
        ("explain", Bson::Document(command)) => {
            let kept =
                command.iter().filter_map(|(key, value)| Some((key.clone(), part(key, value)?)));
            Some(Bson::Document(kept.collect()))
        }
        _ => Some(value.clone()),
    }
}

fn without_document(operation: &Bson, name: &str) -> Bson {
    let mut operation = operation.clone();
    if let Bson::Document(document) = &mut operation {
        document.remove(name);
    }
    operation
}

/// Does the command ask for no acknowledgement? The server answers it all the same, with counts of
/// zero, whatever it does.
pub(super) fn is_unacknowledged(command: &Document) -> bool {
    let w = command.get_document("writeConcern").ok().and_then(|concern| concern.get("w"));
    matches!(w, Some(Bson::Int32(0) | Bson::Int64(0))) || w == Some(&Bson::Double(0.0))
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::reduced;

    #[test]
    fn inserted_documents_are_in_no_body() {
        let secret = || doc! { "a": "secret" };
        for (command, expected) in [
            (doc! { "insert": "c", "documents": [secret()] }, doc! { "insert": "c" }),
            (
                doc! { "explain": { "insert": "c", "documents": [secret()] }, "verbosity": "x" },
                doc! { "explain": { "insert": "c" }, "verbosity": "x" },
            ),
            (
                doc! { "bulkWrite": 1, "ops": [{ "insert": 0, "document": secret() }] },
                doc! { "bulkWrite": 1, "ops": [{ "insert": 0 }] },
            ),
            (
                doc! { "applyOps": [{ "op": "i", "ns": "a.b", "o": secret() }] },
                doc! { "applyOps": [{ "op": "i", "ns": "a.b" }] },
            ),
        ] {
            assert_eq!(reduced(&command, &[]), expected, "{command}");
        }
    }
}
