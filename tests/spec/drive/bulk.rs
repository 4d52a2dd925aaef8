//! `clientBulkWrite`: writes to several collections at once.

use mongodb::{
    Namespace,
    bson::{Bson, Document},
    error::{Error, ErrorKind, PartialBulkWriteResult},
    options::{
        BulkWriteOptions, DeleteManyModel, DeleteOneModel, InsertOneModel, ReplaceOneModel,
        UpdateManyModel, UpdateModifications, UpdateOneModel, WriteModel,
    },
    results::SummaryBulkWriteResult,
};

use super::{super::api::Client, Answer, InSession, World, crud::run, value};
use crate::{
    arguments::{Arguments, is_acknowledged},
    failure,
    ledger::{Call, Counts, Place},
    verdict::{Run, Stop},
};

impl World {
    pub(super) async fn bulk_write(
        &self,
        client: &Client,
        place: &Place,
        mut args: Arguments,
        mut session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        let models: Vec<Document> = args.required("models")?;
        let models: Vec<_> = models.iter().map(model).collect::<Run<_>>()?;
        let is_verbose = args.optional::<bool>("verboseResults")?.unwrap_or(false);
        let options: BulkWriteOptions = args.options(&[
            "bypassDocumentValidation",
            "comment",
            "let",
            "ordered",
            "writeConcern",
        ])?;
        args.finish()?;
        let concern = options.write_concern.as_ref().or(client.write_concern());
        let is_acknowledged = is_acknowledged(concern);
        let place = place_of(&models, place);
        let call = self.note("bulk_write", &place, session.as_ref());
        let action = client.bulk_write(models).with_options(options);
        if is_verbose {
            let action = action.verbose_results();
            let result = run!(action, &mut session);
            end(call, is_acknowledged, result.as_ref().map(|done| &done.summary));
            Ok(value(result, |done| Bson::Document(failure::of_verbose(&done))))
        } else {
            let result = run!(action, &mut session);
            end(call, is_acknowledged, result.as_ref());
            Ok(value(result, |done| Bson::Document(failure::of_summary(&done))))
        }
    }
}

/// The database and the collection that all models have in common.
fn place_of(models: &[WriteModel], place: &Place) -> Place {
    let mut namespaces = models.iter().map(namespace);
    let first = namespaces.next();
    let mut place = Place { db: None, collection: None, ..place.clone() };
    if let Some(first) = first {
        let others: Vec<_> = namespaces.collect();
        if others.iter().all(|other| other.db == first.db) {
            place.db = Some(first.db.clone());
        }
        if others.iter().all(|other| *other == first) {
            place.collection = Some(first.coll.clone());
        }
    }
    place
}

fn namespace(model: &WriteModel) -> &Namespace {
    match model {
        WriteModel::InsertOne(model) => &model.namespace,
        WriteModel::UpdateOne(model) => &model.namespace,
        WriteModel::UpdateMany(model) => &model.namespace,
        WriteModel::ReplaceOne(model) => &model.namespace,
        WriteModel::DeleteOne(model) => &model.namespace,
        WriteModel::DeleteMany(model) => &model.namespace,
        other => panic!("the driver has a new model: {other:?}"),
    }
}

fn end(call: Call, is_acknowledged: bool, result: Result<&SummaryBulkWriteResult, &Error>) {
    match result {
        Ok(_) if !is_acknowledged => call.end_unacknowledged(&Ok(())),
        Ok(done) => call.end(&Ok(()), |(), counts| *counts = counts_of(done)),
        Err(error) => match &*error.kind {
            ErrorKind::BulkWrite(bulk) => {
                let done = bulk.partial_result.as_ref().map(|partial| match partial {
                    PartialBulkWriteResult::Summary(summary) => counts_of(summary),
                    PartialBulkWriteResult::Verbose(verbose) => counts_of(&verbose.summary),
                });
                call.fail_with(error, done.unwrap_or_default());
            }
            _ => call.fail(error),
        },
    }
}

fn counts_of(done: &SummaryBulkWriteResult) -> Counts {
    let count = |n: i64| u64::try_from(n).ok();
    Counts {
        matched: count(done.matched_count),
        inserted: count(done.inserted_count),
        upserted: count(done.upserted_count),
        modified: count(done.modified_count),
        deleted: count(done.deleted_count),
        ..Counts::default()
    }
}

fn model(model: &Document) -> Run<WriteModel> {
    let (kind, spec) = model.iter().next().ok_or_else(|| "an empty write model".to_owned())?;
    let spec = spec.as_document().ok_or_else(|| format!("{kind}: {spec} is no document"))?;
    let mut args = Arguments::new(kind, spec);
    let namespace: String = args.required("namespace")?;
    let namespace: Namespace =
        namespace.parse().map_err(|error: Error| Stop::Fail(error.to_string()))?;
    let model = if kind == "insertOne" {
        let document: Document = args.required("document")?;
        InsertOneModel::builder().namespace(namespace).document(document).build().into()
    } else {
        filtered(kind, namespace, &mut args)?
    };
    args.finish()?;
    Ok(model)
}

/// A model that has a filter.
fn filtered(kind: &str, namespace: Namespace, args: &mut Arguments) -> Run<WriteModel> {
    let filter: Document = args.required("filter")?;
    let collation: Option<Document> = args.optional("collation")?;
    let hint: Option<Bson> = args.optional("hint")?;
    Ok(match kind {
        "updateOne" => {
            let update: UpdateModifications = args.required("update")?;
            let builder = UpdateOneModel::builder().namespace(namespace).filter(filter);
            let builder = builder.update(update).collation(collation).hint(hint);
            let array_filters: Option<Vec<Bson>> = args.optional("arrayFilters")?;
            let upsert: Option<bool> = args.optional("upsert")?;
            let sort: Option<Document> = args.optional("sort")?;
            builder.array_filters(array_filters).upsert(upsert).sort(sort).build().into()
        }
        "updateMany" => {
            let update: UpdateModifications = args.required("update")?;
            let builder = UpdateManyModel::builder().namespace(namespace).filter(filter);
            let builder = builder.update(update).collation(collation).hint(hint);
            let array_filters: Option<Vec<Bson>> = args.optional("arrayFilters")?;
            let upsert: Option<bool> = args.optional("upsert")?;
            builder.array_filters(array_filters).upsert(upsert).build().into()
        }
        "replaceOne" => {
            let replacement: Document = args.required("replacement")?;
            let builder = ReplaceOneModel::builder().namespace(namespace).filter(filter);
            let builder = builder.replacement(replacement).collation(collation).hint(hint);
            let upsert: Option<bool> = args.optional("upsert")?;
            let sort: Option<Document> = args.optional("sort")?;
            builder.upsert(upsert).sort(sort).build().into()
        }
        "deleteOne" => {
            let builder = DeleteOneModel::builder().namespace(namespace).filter(filter);
            builder.collation(collation).hint(hint).build().into()
        }
        "deleteMany" => {
            let builder = DeleteManyModel::builder().namespace(namespace).filter(filter);
            builder.collation(collation).hint(hint).build().into()
        }
        other => return Err(format!("unknown write model {other:?}").into()),
    })
}
