//! Counting: `count_documents`, `estimated_document_count` and `distinct`.

use std::time::Duration;

use mongodb::options::{Collation, Hint, ReadConcern, SelectionCriteria};

use super::*;

action! {
    /// Counts the documents that match a filter; made by
    /// [`Collection::count_documents`](crate::Collection::count_documents).
    CountDocuments<'a> = mongodb::action::CountDocuments<'a>,
    CountOptions {
        hint: Hint,
        limit: u64,
        max_time: Duration,
        skip: u64,
        collation: Collation,
        selection_criteria: SelectionCriteria,
        read_concern: ReadConcern,
        comment: into Bson,
    } => u64,
    session,
    |record, result| if let Ok(n) = result { record.counts.matched = Some(*n); }
}

action! {
    /// Estimates the number of documents; made by
    /// [`Collection::estimated_document_count`](crate::Collection::estimated_document_count).
    EstimatedDocumentCount<'a> = mongodb::action::EstimatedDocumentCount<'a>,
    EstimatedDocumentCountOptions {
        max_time: Duration,
        selection_criteria: SelectionCriteria,
        read_concern: ReadConcern,
        comment: into Bson,
    } => u64,
    |record, result| if let Ok(n) = result { record.counts.matched = Some(*n); }
}

action! {
    /// Finds the distinct values of a field; made by
    /// [`Collection::distinct`](crate::Collection::distinct).
    Distinct<'a> = mongodb::action::Distinct<'a>,
    DistinctOptions {
        max_time: Duration,
        selection_criteria: SelectionCriteria,
        read_concern: ReadConcern,
        collation: Collation,
        comment: into Bson,
        hint: Hint,
    } => Vec<Bson>,
    session,
    |record, result| if let Ok(values) = result {
        record.counts.matched = Some(values.len() as u64);
    }
}
