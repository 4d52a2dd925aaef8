//! Queries with what the server found, saved, so that they can be asked again without a server.
//!
//! One JSON document a line: documents, then the queries over them. Documents and queries stand there as
//! the Base64 of their BSON, since Extended JSON cannot tell the operator `$regex` from a value; the
//! text of a query is for people.

use base64::{Engine, engine::general_purpose::STANDARD};
use mongowatch::{
    bson::{Document, RawDocumentBuf},
    filter::Matcher,
};
use serde_json::{Value, json};

pub(crate) const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/matcher/vectors.jsonl");

pub(crate) fn documents(documents: &[Document]) -> String {
    let documents: Vec<String> = documents.iter().map(encoded).collect();
    format!("{}\n", json!({ "documents": documents }))
}

/// A line for what the server said: the ids that it found, or null if it refused.
pub(crate) fn query(query: &Document, answer: Result<Vec<i32>, String>) -> String {
    let line = json!({ "query": encoded(query), "ids": answer.ok(), "text": query.to_string() });
    format!("{line}\n")
}

fn encoded(document: &Document) -> String {
    STANDARD.encode(RawDocumentBuf::try_from(document).unwrap().as_bytes())
}

fn decoded(text: &Value) -> Document {
    let bytes = STANDARD.decode(text.as_str().unwrap()).unwrap();
    RawDocumentBuf::from_bytes(bytes).unwrap().try_into().unwrap()
}

#[test]
fn saved_queries_find_what_the_server_found() {
    let mut documents: Vec<Document> = Vec::new();
    let (mut n_queries, mut n_found) = (0, 0);
    for line in std::fs::read_to_string(PATH).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if let Some(set) = line["documents"].as_array() {
            documents = set.iter().map(decoded).collect();
            continue;
        }
        n_queries += 1;
        let matcher = Matcher::for_documents(&decoded(&line["query"]));
        let Some(ids) = line["ids"].as_array() else {
            let refuses = matcher.is_err()
                || documents
                    .iter()
                    .any(|d| matcher.as_ref().unwrap().try_matches_document(d).is_err());
            assert!(refuses, "taken: {}", line["text"]);
            continue;
        };
        let matcher = matcher.unwrap_or_else(|fault| panic!("{}: {fault}", line["text"]));
        for document in &documents {
            let is_found = ids.iter().any(|id| *id == document.get_i32("_id").unwrap());
            n_found += usize::from(is_found);
            assert_eq!(
                matcher.matches_document(document),
                is_found,
                "{} over {document}",
                line["text"]
            );
        }
    }
    assert!(n_queries >= 400 && n_found >= 1_000, "{n_queries} queries found {n_found}");
}
