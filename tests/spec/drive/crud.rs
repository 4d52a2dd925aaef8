//! Reading and writing documents.

use std::rc::Rc;

use mongodb::{
    bson::{Bson, Document},
    error::{Error, ErrorKind},
    options::{
        AggregateOptions, CountOptions, CursorType, DeleteOptions, DistinctOptions,
        EstimatedDocumentCountOptions, FindOneAndDeleteOptions, FindOneAndReplaceOptions,
        FindOneAndUpdateOptions, FindOneOptions, FindOptions, InsertManyOptions, InsertOneOptions,
        ReplaceOptions, UpdateModifications, UpdateOptions, WriteConcern,
    },
    results::{DeleteResult, InsertManyResult, InsertOneResult, UpdateResult},
};

use super::{
    super::api::Collection,
    Answer, InSession, World,
    cursors::{Opened, Purpose, open},
    value,
};
use crate::{
    arguments::{Arguments, is_acknowledged},
    failure,
    ledger::{Call, Counts, Place},
    verdict::{Run, Stop},
};

/// Awaits an action, in the session if there is one.
macro_rules! run {
    ($action:expr, $session:expr) => {
        match $session {
            Some(in_session) => $action.session(&mut *in_session.session).await,
            None => $action.await,
        }
    };
}

pub(super) use run;

/// An operation on a collection, and what it needs.
struct Act<'w, 's> {
    world: &'w World,
    collection: &'w Collection<Document>,
    place: &'w Place,
    args: Arguments,
    session: Option<InSession<'s>>,
}

impl World {
    /// An operation whose object is a collection.
    pub(super) async fn call_collection(
        self: &Rc<Self>,
        collection: &Collection<Document>,
        place: &Place,
        args: Arguments,
        session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        let operation = args.operation().to_owned();
        let act = Act { world: self, collection, place, args, session };
        match operation.as_str() {
            "find" => act.find(Purpose::DRAIN).await,
            "createFindCursor" => act.find(Purpose::KEEP).await,
            "findOne" => act.find_one().await,
            "aggregate" => act.aggregate().await,
            "countDocuments" => act.count_documents().await,
            "estimatedDocumentCount" => act.estimated_document_count().await,
            "distinct" => act.distinct().await,
            "insertOne" => act.insert_one().await,
            "insertMany" => act.insert_many().await,
            "updateOne" => act.update(Many::One).await,
            "updateMany" => act.update(Many::All).await,
            "replaceOne" => act.replace_one().await,
            "deleteOne" => act.delete(Many::One).await,
            "deleteMany" => act.delete(Many::All).await,
            "findOneAndUpdate" => act.find_one_and_update().await,
            "findOneAndReplace" => act.find_one_and_replace().await,
            "findOneAndDelete" => act.find_one_and_delete().await,
            _ => {
                let Act { args, session, .. } = act;
                self.manage_collection(collection, place, args, session).await
            }
        }
    }
}

/// Does the operation change one document or all that match?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Many {
    One,
    All,
}

impl Act<'_, '_> {
    fn note(&self, operation: &'static str) -> Call {
        self.world.note(operation, self.place, self.session.as_ref())
    }

    /// Notes the end of a write.
    fn end_write<T>(
        &self,
        call: Call,
        concern: Option<&WriteConcern>,
        result: &Result<T, Error>,
        learn: impl FnOnce(&T, &mut Counts),
    ) {
        let concern = concern.cloned().or_else(|| self.collection.write_concern().cloned());
        // In a transaction the operation's own concern is none.
        let in_txn = self.session.as_ref().is_some_and(|session| session.fate.is_some());
        if in_txn || is_acknowledged(concern.as_ref()) {
            call.end(result, learn);
        } else {
            call.end_unacknowledged(result);
        }
    }

    async fn find(mut self, purpose: Purpose) -> Run<Answer> {
        let filter = self.args.optional("filter")?.unwrap_or_default();
        let max_time = self.args.millis("maxTimeMS")?;
        let max_await_time = self.args.millis("maxAwaitTimeMS")?;
        let criteria = self.args.read_preference()?;
        let cursor_type: Option<CursorType> = self.args.optional("cursorType")?;
        let mut options: FindOptions = self.args.options(&[
            "allowDiskUse",
            "allowPartialResults",
            "batchSize",
            "collation",
            "comment",
            "hint",
            "let",
            "limit",
            "max",
            "min",
            "noCursorTimeout",
            "projection",
            "readConcern",
            "returnKey",
            "showRecordId",
            "skip",
            "sort",
        ])?;
        options.max_time = max_time;
        options.max_await_time = max_await_time;
        options.selection_criteria = criteria;
        options.cursor_type = cursor_type;
        let purpose = purpose.limited(options.limit).tailable(matches!(
            cursor_type,
            Some(CursorType::Tailable | CursorType::TailableAwait)
        ));
        let call = self.note("find");
        let Self { world, collection, args, mut session, .. } = self;
        args.finish()?;
        let action = collection.find(filter).with_options(options);
        let opened = open!(action, session);
        world.opened(opened, call, session, purpose).await
    }

    async fn find_one(mut self) -> Run<Answer> {
        let filter = self.args.optional("filter")?.unwrap_or_default();
        let max_time = self.args.millis("maxTimeMS")?;
        let criteria = self.args.read_preference()?;
        let mut options: FindOneOptions = self.args.options(&[
            "allowPartialResults",
            "collation",
            "comment",
            "hint",
            "let",
            "max",
            "min",
            "projection",
            "readConcern",
            "returnKey",
            "showRecordId",
            "skip",
            "sort",
        ])?;
        options.max_time = max_time;
        options.selection_criteria = criteria;
        let call = self.note("find_one");
        self.finish()?;
        let action = self.collection.find_one(filter).with_options(options);
        let result = run!(action, &mut self.session);
        call.end(&result, |found, counts| counts.matched = Some(found.is_some().into()));
        Ok(value(result, or_null))
    }

    async fn aggregate(mut self) -> Run<Answer> {
        let pipeline: Vec<Document> = self.args.required("pipeline")?;
        let options = aggregate_options(&mut self.args)?;
        let call = self.note("aggregate");
        let Self { world, collection, args, mut session, .. } = self;
        args.finish()?;
        let action = collection.aggregate(pipeline).with_options(options);
        let opened = open!(action, session);
        world.opened(opened, call, session, Purpose::DRAIN).await
    }

    async fn count_documents(mut self) -> Run<Answer> {
        let filter = self.args.optional("filter")?.unwrap_or_default();
        let max_time = self.args.millis("maxTimeMS")?;
        let criteria = self.args.read_preference()?;
        let mut options: CountOptions =
            self.args.options(&["collation", "comment", "hint", "limit", "readConcern", "skip"])?;
        options.max_time = max_time;
        options.selection_criteria = criteria;
        let call = self.note("count_documents");
        self.finish()?;
        let action = self.collection.count_documents(filter).with_options(options);
        let result = run!(action, &mut self.session);
        call.end(&result, |n, counts| counts.matched = Some(*n));
        Ok(value(result, integer))
    }

    async fn estimated_document_count(mut self) -> Run<Answer> {
        if self.session.is_some() {
            return Err(lacks_session("estimatedDocumentCount"));
        }
        let criteria = self.args.read_preference()?;
        let mut options: EstimatedDocumentCountOptions =
            self.args.options(&["comment", "maxTimeMS", "readConcern"])?;
        options.selection_criteria = criteria;
        let call = self.note("estimated_document_count");
        self.finish()?;
        let result = self.collection.estimated_document_count().with_options(options).await;
        call.end(&result, |n, counts| counts.matched = Some(*n));
        Ok(value(result, integer))
    }

    async fn distinct(mut self) -> Run<Answer> {
        let field: String = self.args.required("fieldName")?;
        let filter = self.args.optional("filter")?.unwrap_or_default();
        let criteria = self.args.read_preference()?;
        let mut options: DistinctOptions =
            self.args.options(&["collation", "comment", "hint", "maxTimeMS", "readConcern"])?;
        options.selection_criteria = criteria;
        let call = self.note("distinct");
        self.finish()?;
        let action = self.collection.distinct(field, filter).with_options(options);
        let result = run!(action, &mut self.session);
        call.end(&result, |values, counts| counts.matched = Some(values.len() as u64));
        Ok(value(result, Bson::Array))
    }

    async fn insert_one(mut self) -> Run<Answer> {
        let document: Document = self.args.required("document")?;
        let options: InsertOneOptions =
            self.args.options(&["bypassDocumentValidation", "comment", "writeConcern"])?;
        let concern = options.write_concern.clone();
        let call = self.note("insert_one");
        self.finish()?;
        let action = self.collection.insert_one(document).with_options(options);
        let result = run!(action, &mut self.session);
        self.end_write(call, concern.as_ref(), &result, |_, counts| counts.inserted = Some(1));
        Ok(value(result, |done: InsertOneResult| {
            Bson::Document(mongodb::bson::doc! { "insertedId": done.inserted_id })
        }))
    }

    async fn insert_many(mut self) -> Run<Answer> {
        let documents: Vec<Document> = self.args.required("documents")?;
        let concern: Option<WriteConcern> = self.args.optional("writeConcern")?;
        let mut options: InsertManyOptions =
            self.args.options(&["bypassDocumentValidation", "comment", "ordered"])?;
        options.write_concern.clone_from(&concern);
        let (n, ordered) = (documents.len(), options.ordered.unwrap_or(true));
        let call = self.note("insert_many");
        self.finish()?;
        let action = self.collection.insert_many(documents).with_options(options);
        let result = run!(action, &mut self.session);
        match &result {
            Err(error) => match &*error.kind {
                ErrorKind::InsertMany(insert) => {
                    let inserted = failure::inserted_before(insert, n, ordered) as u64;
                    let counts = Counts { inserted: Some(inserted), ..Counts::default() };
                    call.fail_with(error, counts);
                }
                _ => call.fail(error),
            },
            Ok(_) => self.end_write(call, concern.as_ref(), &result, |done, counts| {
                counts.inserted = Some(done.inserted_ids.len() as u64);
            }),
        }
        Ok(value(result, |done: InsertManyResult| {
            let count = done.inserted_ids.len() as i64;
            let ids = done.inserted_ids.into_iter().map(|(index, id)| (index.to_string(), id));
            let ids: Document = ids.collect();
            Bson::Document(mongodb::bson::doc! { "insertedIds": ids, "insertedCount": count })
        }))
    }

    async fn update(mut self, many: Many) -> Run<Answer> {
        let filter: Document = self.args.required("filter")?;
        let update: UpdateModifications = self.args.required("update")?;
        let options: UpdateOptions = self.args.options(&[
            "arrayFilters",
            "bypassDocumentValidation",
            "collation",
            "comment",
            "hint",
            "let",
            "sort",
            "upsert",
            "writeConcern",
        ])?;
        if many == Many::All && options.sort.is_some() {
            return Err(Stop::Fail("updateMany has no sort".to_owned()));
        }
        let concern = options.write_concern.clone();
        let (name, action) = match many {
            Many::One => ("update_one", self.collection.update_one(filter, update)),
            Many::All => ("update_many", self.collection.update_many(filter, update)),
        };
        let call = self.note(name);
        self.finish()?;
        let action = action.with_options(options);
        let result = run!(action, &mut self.session);
        self.end_write(call, concern.as_ref(), &result, updated);
        Ok(value(result, |done| Bson::Document(failure::of_update(&done))))
    }

    async fn replace_one(mut self) -> Run<Answer> {
        let filter: Document = self.args.required("filter")?;
        let replacement: Document = self.args.required("replacement")?;
        let options: ReplaceOptions = self.args.options(&[
            "bypassDocumentValidation",
            "collation",
            "comment",
            "hint",
            "let",
            "sort",
            "upsert",
            "writeConcern",
        ])?;
        let concern = options.write_concern.clone();
        let call = self.note("replace_one");
        self.finish()?;
        let action = self.collection.replace_one(filter, replacement).with_options(options);
        let result = run!(action, &mut self.session);
        self.end_write(call, concern.as_ref(), &result, updated);
        Ok(value(result, |done| Bson::Document(failure::of_update(&done))))
    }

    async fn delete(mut self, many: Many) -> Run<Answer> {
        let filter: Document = self.args.required("filter")?;
        let options: DeleteOptions =
            self.args.options(&["collation", "comment", "hint", "let", "writeConcern"])?;
        let concern = options.write_concern.clone();
        let (name, action) = match many {
            Many::One => ("delete_one", self.collection.delete_one(filter)),
            Many::All => ("delete_many", self.collection.delete_many(filter)),
        };
        let call = self.note(name);
        self.finish()?;
        let action = action.with_options(options);
        let result = run!(action, &mut self.session);
        self.end_write(call, concern.as_ref(), &result, |done, counts| {
            counts.deleted = Some(done.deleted_count);
        });
        Ok(value(result, |done: DeleteResult| {
            Bson::Document(mongodb::bson::doc! { "deletedCount": done.deleted_count as i64 })
        }))
    }

    async fn find_one_and_update(mut self) -> Run<Answer> {
        let filter: Document = self.args.required("filter")?;
        let update: UpdateModifications = self.args.required("update")?;
        let max_time = self.args.millis("maxTimeMS")?;
        let mut options: FindOneAndUpdateOptions = self.args.options(&[
            "arrayFilters",
            "bypassDocumentValidation",
            "collation",
            "comment",
            "hint",
            "let",
            "projection",
            "returnDocument",
            "sort",
            "upsert",
            "writeConcern",
        ])?;
        options.max_time = max_time;
        let concern = options.write_concern.clone();
        let upsert = options.upsert.unwrap_or(false);
        let call = self.note("find_one_and_update");
        self.finish()?;
        let action = self.collection.find_one_and_update(filter, update).with_options(options);
        let result = run!(action, &mut self.session);
        self.end_write(call, concern.as_ref(), &result, |found, counts| {
            counts.matched = (!upsert).then(|| found.is_some().into());
        });
        Ok(value(result, or_null))
    }

    async fn find_one_and_replace(mut self) -> Run<Answer> {
        let filter: Document = self.args.required("filter")?;
        let replacement: Document = self.args.required("replacement")?;
        let max_time = self.args.millis("maxTimeMS")?;
        let mut options: FindOneAndReplaceOptions = self.args.options(&[
            "bypassDocumentValidation",
            "collation",
            "comment",
            "hint",
            "let",
            "projection",
            "returnDocument",
            "sort",
            "upsert",
            "writeConcern",
        ])?;
        options.max_time = max_time;
        let concern = options.write_concern.clone();
        let upsert = options.upsert.unwrap_or(false);
        let call = self.note("find_one_and_replace");
        self.finish()?;
        let action =
            self.collection.find_one_and_replace(filter, replacement).with_options(options);
        let result = run!(action, &mut self.session);
        self.end_write(call, concern.as_ref(), &result, |found, counts| {
            counts.matched = (!upsert).then(|| found.is_some().into());
        });
        Ok(value(result, or_null))
    }

    async fn find_one_and_delete(mut self) -> Run<Answer> {
        let filter: Document = self.args.required("filter")?;
        let max_time = self.args.millis("maxTimeMS")?;
        let mut options: FindOneAndDeleteOptions = self.args.options(&[
            "collation",
            "comment",
            "hint",
            "let",
            "projection",
            "sort",
            "writeConcern",
        ])?;
        options.max_time = max_time;
        let concern = options.write_concern.clone();
        let call = self.note("find_one_and_delete");
        self.finish()?;
        let action = self.collection.find_one_and_delete(filter).with_options(options);
        let result = run!(action, &mut self.session);
        self.end_write(call, concern.as_ref(), &result, |found, counts| {
            counts.matched = Some(found.is_some().into());
            counts.deleted = Some(found.is_some().into());
        });
        Ok(value(result, or_null))
    }

    /// No argument may be left.
    fn finish(&mut self) -> Run<()> {
        std::mem::take(&mut self.args).finish()
    }
}

/// The options of an aggregation.
pub(super) fn aggregate_options(args: &mut Arguments) -> Run<AggregateOptions> {
    let max_await_time = args.millis("maxAwaitTimeMS")?;
    let mut options: AggregateOptions = args.options(&[
        "allowDiskUse",
        "batchSize",
        "bypassDocumentValidation",
        "collation",
        "comment",
        "hint",
        "let",
        "maxTimeMS",
        "readConcern",
        "readPreference",
        "writeConcern",
    ])?;
    options.max_await_time = max_await_time;
    Ok(options)
}

/// The driver takes no session here.
pub(super) fn lacks_session(operation: &str) -> Stop {
    Stop::Skip(format!("the driver's operation for {operation} takes no session"))
}

fn updated(done: &UpdateResult, counts: &mut Counts) {
    counts.matched = Some(done.matched_count);
    counts.modified = Some(done.modified_count);
    counts.upserted = Some(done.upserted_id.is_some().into());
}

fn or_null(found: Option<Document>) -> Bson {
    found.map_or(Bson::Null, Bson::Document)
}

fn integer(n: u64) -> Bson {
    Bson::Int64(i64::try_from(n).unwrap_or(i64::MAX))
}
