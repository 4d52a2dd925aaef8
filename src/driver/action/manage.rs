//! Making and dropping collections and databases.

use std::time::Duration;

use mongodb::options::{
    ChangeStreamPreAndPostImages, ClusteredIndex, Collation, IndexOptionDefaults,
    TimeseriesOptions, ValidationAction, ValidationLevel, WriteConcern,
};

use super::*;

action! {
    /// Creates a collection; made by
    /// [`Database::create_collection`](crate::Database::create_collection).
    CreateCollection<'a> = mongodb::action::CreateCollection<'a>,
    CreateCollectionOptions {
        capped: bool,
        size: u64,
        max: u64,
        storage_engine: Document,
        validator: Document,
        validation_level: ValidationLevel,
        validation_action: ValidationAction,
        view_on: into String,
        pipeline: each Document,
        collation: Collation,
        write_concern: WriteConcern,
        index_option_defaults: IndexOptionDefaults,
        timeseries: TimeseriesOptions,
        expire_after_seconds: Duration,
        change_stream_pre_and_post_images: ChangeStreamPreAndPostImages,
        clustered_index: ClusteredIndex,
        comment: into Bson,
    } => (),
    session,
    |_record, _result| ()
}

action! {
    /// Drops a collection; made by [`Collection::drop`](crate::Collection::drop).
    DropCollection<'a> = mongodb::action::DropCollection<'a>,
    DropCollectionOptions {
        write_concern: WriteConcern,
    } => (),
    session,
    |_record, _result| ()
}

action! {
    /// Drops a database; made by [`Database::drop`](crate::Database::drop).
    DropDatabase<'a> = mongodb::action::DropDatabase<'a>,
    DropDatabaseOptions {
        write_concern: WriteConcern,
    } => (),
    session,
    |_record, _result| ()
}
