//! Many writes in one call: `bulk_write`.

use std::collections::{BTreeMap, BTreeSet};

use mongodb::{
    Namespace,
    bson::doc,
    error::{ErrorKind, PartialBulkWriteResult},
    options::{BulkWriteOptions, WriteConcern, WriteModel},
    results::{SummaryBulkWriteResult, VerboseBulkWriteResult},
};

use super::*;
use crate::record::{Counts, WatchMessage};

/// Writes on any collections of the client; made by
/// [`Client::bulk_write`](crate::Client::bulk_write).
///
/// Its record has all counts; the ids of inserted and upserted documents only with
/// [`BulkWrite::verbose_results`], since else the server does not tell them. If the writes are all
/// on one collection, that is the record's.
///
/// The record's filter is the list of the writes as the server's command has them, with the names
/// of their namespaces: `{ "update": "shop.articles", "multi": false, "filter": .., "updateMods":
/// .. }`. Inserted documents are not in it, and neither are writes after the first 100: `nOps` among
/// the options is how many there were.
#[must_use = "an action does nothing until it is awaited"]
pub struct BulkWrite<'a, R> {
    pub(in crate::driver) action: mongodb::action::BulkWrite<'a, R>,
    pub(in crate::driver) call: Call,
    pub(in crate::driver) options: Option<BulkWriteOptions>,
}

impl<R> BulkWrite<'_, R> {
    setters!(BulkWriteOptions {
        ordered: bool,
        bypass_document_validation: bool,
        comment: into Bson,
        let_vars: Document,
        write_concern: WriteConcern,
    });
}

impl<'a> BulkWrite<'a, SummaryBulkWriteResult> {
    action!(@session);

    /// Asks for the result of each write that was done.
    pub fn verbose_results(self) -> BulkWrite<'a, VerboseBulkWriteResult> {
        BulkWrite { action: self.action.verbose_results(), call: self.call, options: self.options }
    }
}

impl<'a> BulkWrite<'a, VerboseBulkWriteResult> {
    action!(@session);
}

result_future!(
    [] BulkWrite<'a, SummaryBulkWriteResult> => SummaryBulkWriteResult,
    |record, result| match result {
        Ok(done) => record.counts = counts(done),
        Err(error) => learn_failure(record, error),
    }
);
result_future!(
    [] BulkWrite<'a, VerboseBulkWriteResult> => VerboseBulkWriteResult,
    |record, result| match result {
        Ok(done) => learn_verbose(record, done),
        Err(error) => learn_failure(record, error),
    }
);

/// So many writes stand in the record at most.
const OPS_MAX: usize = 100;

/// Writes down what the call is going to do.
pub(in crate::driver) fn ask(call: &mut Call, models: &[WriteModel]) {
    let mut ops: Vec<Bson> = Vec::with_capacity(models.len().min(OPS_MAX));
    ops.extend(models.iter().take(OPS_MAX).map(|model| Bson::Document(op(model))));
    call.filter = Some(Arc::new(Bson::Array(ops)));
    call.arguments.insert("nOps", i64::try_from(models.len()).unwrap_or(i64::MAX));
    let mut namespaces = models.iter().map(|model| target(model).1);
    let Some(Some(first)) = namespaces.next() else { return };
    let (mut same_db, mut same_collection) = (true, true);
    for namespace in namespaces {
        same_db &= namespace.is_some_and(|namespace| namespace.db == first.db);
        same_collection &= namespace == Some(first);
    }
    if !same_collection {
        // Each of them has its rules.
        let namespaces = models.iter().filter_map(|model| target(model).1);
        let different: BTreeSet<_> = namespaces.map(|ns| (&ns.db, &ns.coll)).collect();
        call.namespaces =
            different.into_iter().map(|(db, collection)| format!("{db}.{collection}")).collect();
    }
    call.place.db = same_db.then(|| first.db.as_str().into());
    call.place.collection = same_collection.then(|| first.coll.as_str().into());
}

/// One write in the form of the server's `bulkWrite`, without a document that it inserts.
fn op(model: &WriteModel) -> Document {
    let (name, namespace, multi) = target(model);
    let mut op = doc! { name: namespace.map(ToString::to_string) };
    if let Some(multi) = multi {
        op.insert("multi", multi);
        op.extend(serialized_document(model));
    }
    op
}

/// What a write does, where, and whether on all documents that match: none for an insert.
fn target(model: &WriteModel) -> (&'static str, Option<&Namespace>, Option<bool>) {
    match model {
        WriteModel::InsertOne(model) => ("insert", Some(&model.namespace), None),
        WriteModel::UpdateOne(model) => ("update", Some(&model.namespace), Some(false)),
        WriteModel::UpdateMany(model) => ("update", Some(&model.namespace), Some(true)),
        WriteModel::ReplaceOne(model) => ("update", Some(&model.namespace), Some(false)),
        WriteModel::DeleteOne(model) => ("delete", Some(&model.namespace), Some(false)),
        WriteModel::DeleteMany(model) => ("delete", Some(&model.namespace), Some(true)),
        _ => ("other", None, None),
    }
}

fn counts(done: &SummaryBulkWriteResult) -> Counts {
    let count = |n: i64| u64::try_from(n).ok();
    Counts {
        inserted: count(done.inserted_count),
        matched: count(done.matched_count),
        modified: count(done.modified_count),
        upserted: count(done.upserted_count),
        deleted: count(done.deleted_count),
        ..Counts::default()
    }
}

fn learn_verbose(record: &mut WatchMessage, done: &VerboseBulkWriteResult) {
    record.counts = counts(&done.summary);
    // In the order of the writes.
    let mut ids: BTreeMap<usize, Bson> = BTreeMap::new();
    ids.extend(done.insert_results.iter().map(|(index, done)| (*index, done.inserted_id.clone())));
    let upserted = done.update_results.iter();
    ids.extend(upserted.filter_map(|(index, done)| Some((*index, done.upserted_id.clone()?))));
    record.inserted_ids = (!ids.is_empty()).then(|| Arc::new(ids.into_values().collect()));
}

/// The writes before the failure, or around it.
fn learn_failure(record: &mut WatchMessage, error: &Error) {
    let ErrorKind::BulkWrite(failed) = &*error.kind else { return };
    match &failed.partial_result {
        Some(PartialBulkWriteResult::Summary(done)) => record.counts = counts(done),
        Some(PartialBulkWriteResult::Verbose(done)) => learn_verbose(record, done),
        // The driver has it when any write succeeded.
        None => record.counts = counts(&SummaryBulkWriteResult::default()),
    }
}

#[cfg(test)]
mod tests {
    use mongodb::options::{DeleteManyModel, InsertOneModel, ReplaceOneModel, UpdateOneModel};
    use mongodb::{
        error::{BulkWriteError, WriteConcernError, WriteError},
        results::{InsertOneResult, UpdateResult},
    };

    use super::*;
    use crate::{
        driver::failure,
        record::{Outcome, Timestamp, WatcherName},
    };

    fn record() -> WatchMessage {
        WatchMessage::new(WatcherName::Client, "bulk_write", Timestamp::from_micros(0))
    }

    fn summary(inserted: i64) -> SummaryBulkWriteResult {
        let mut done = SummaryBulkWriteResult::default();
        done.inserted_count = inserted;
        done.matched_count = 2;
        done
    }

    fn write_error(code: i32) -> WriteError {
        read(doc! { "code": code, "errmsg": "no" })
    }

    /// A type of the driver's out of a reply of the server's.
    fn read<T: serde::de::DeserializeOwned>(document: Document) -> T {
        let deserializer = mongodb::bson::Deserializer::new(Bson::Document(document));
        T::deserialize(deserializer).unwrap()
    }

    #[test]
    fn a_write_stands_in_the_record_as_in_the_command_without_what_it_inserts() {
        let namespace = || Namespace::new("shop", "articles");
        let insert = InsertOneModel::builder().namespace(namespace()).document(doc! { "a": 1 });
        let update = UpdateOneModel::builder()
            .namespace(namespace())
            .filter(doc! { "_id": 1 })
            .update(doc! { "$inc": { "n": 1 } })
            .upsert(true);
        let replace = ReplaceOneModel::builder()
            .namespace(namespace())
            .filter(doc! { "_id": 2 })
            .replacement(doc! { "b": 1 });
        let delete = DeleteManyModel::builder().namespace(namespace()).filter(doc! {});
        assert_eq!(op(&insert.build().into()), doc! { "insert": "shop.articles" });
        assert_eq!(
            op(&update.build().into()),
            doc! {
                "update": "shop.articles", "multi": false, "filter": { "_id": 1 },
                "updateMods": { "$inc": { "n": 1 } }, "upsert": true,
            }
        );
        assert_eq!(
            op(&replace.build().into()),
            doc! {
                "update": "shop.articles", "multi": false, "filter": { "_id": 2 },
                "updateMods": { "b": 1 },
            }
        );
        assert_eq!(
            op(&delete.build().into()),
            doc! { "delete": "shop.articles", "multi": true, "filter": {} }
        );
    }

    #[test]
    fn verbose_results_give_the_ids_in_the_order_of_the_writes() {
        let mut done = VerboseBulkWriteResult::default();
        done.summary = summary(2);
        for (index, id) in [(3, 30), (0, 1)] {
            let mut inserted = InsertOneResult::default();
            inserted.inserted_id = Bson::Int32(id);
            done.insert_results.insert(index, inserted);
        }
        let mut upserted = UpdateResult::default();
        upserted.upserted_id = Some(Bson::Int32(20));
        done.update_results.insert(2, upserted);
        done.update_results.insert(1, UpdateResult::default());
        let mut record = record();
        learn_verbose(&mut record, &done);
        assert_eq!((record.counts.inserted, record.counts.matched), (Some(2), Some(2)));
        let ids: Vec<_> = [1, 20, 30].into_iter().map(Bson::Int32).collect();
        assert_eq!(record.inserted_ids.as_deref(), Some(&ids));
    }

    #[test]
    fn failed_writes_are_told_with_index_and_code_and_the_others_are_counted() {
        let mut failed = BulkWriteError::default();
        failed.write_errors.insert(7, write_error(121));
        failed.write_errors.insert(1, write_error(11000));
        failed.partial_result = Some(PartialBulkWriteResult::Summary(summary(5)));
        let error = ErrorKind::BulkWrite(failed).into();
        let mut record = record();
        learn_failure(&mut record, &error);
        assert_eq!(record.counts.inserted, Some(5));
        let failure = failure::describe("bulkWrite", &error, Some(1));
        assert!(failure.is_of_several);
        assert_eq!(failure.outcome, Outcome::Error);
        let info = failure.error;
        assert_eq!((info.code, info.name.as_deref()), (Some(11000), Some("DuplicateKey")));
        let failed: Vec<_> = info.write_errors.iter().map(|e| (e.index, e.code)).collect();
        assert_eq!(failed, [(1, 11000), (7, 121)]);
    }

    #[test]
    fn when_all_writes_fail_nothing_was_written() {
        let mut failed = BulkWriteError::default();
        failed.write_errors.insert(0, write_error(11000));
        let mut record = record();
        learn_failure(&mut record, &ErrorKind::BulkWrite(failed).into());
        assert_eq!(record.counts.inserted, Some(0));
        assert!(!record.counts.any_written());
    }

    #[test]
    fn a_write_concern_that_was_not_met_undoes_nothing() {
        let concern = doc! { "code": 64, "codeName": "WriteConcernFailed", "errmsg": "waited" };
        let concern: WriteConcernError = read(concern);
        let mut failed = BulkWriteError::default();
        failed.write_concern_errors.push(concern);
        failed.partial_result = Some(PartialBulkWriteResult::Summary(summary(5)));
        let error = ErrorKind::BulkWrite(failed).into();
        let mut record = record();
        learn_failure(&mut record, &error);
        assert_eq!(record.counts.inserted, Some(5));
        let failure = failure::describe("bulkWrite", &error, Some(1));
        // As for `insert_many`: no single write failed.
        assert!(!failure.is_of_several);
        assert_eq!(failure.error.code, Some(64));
    }
}
