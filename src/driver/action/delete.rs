//! Deleting documents: `delete_one` and `delete_many`.

use mongodb::{
    options::{Collation, Hint, WriteConcern},
    results::DeleteResult,
};

use super::*;

action! {
    /// Deletes documents; made by [`Collection::delete_one`](crate::Collection::delete_one) and
    /// [`Collection::delete_many`](crate::Collection::delete_many).
    Delete<'a> = mongodb::action::Delete<'a>,
    DeleteOptions {
        collation: Collation,
        write_concern: WriteConcern,
        hint: Hint,
        let_vars: Document,
        comment: into Bson,
    } => DeleteResult,
    session,
    |record, result| if let Ok(done) = result {
        record.counts.deleted = Some(done.deleted_count);
    }
}
