//! Operations on clients and databases, and what manages collections and indexes.

use std::{rc::Rc, sync::Arc};

use mongodb::{
    IndexModel, SearchIndexModel,
    bson::{Bson, Document, doc},
    options::{
        CreateCollectionOptions, CreateIndexOptions, CursorType, DropCollectionOptions,
        DropDatabaseOptions, DropIndexOptions, IndexOptions, ListCollectionsOptions,
        ListDatabasesOptions, ListIndexesOptions, RunCursorCommandOptions,
    },
};

use super::{
    super::api::{Client, Collection, Database},
    Answer, Entity, InSession, Value, World,
    crud::{aggregate_options, lacks_session, run},
    cursors::{Opened, Purpose, Watched, open},
    nothing, value,
};
use crate::{
    arguments::Arguments,
    ledger::Place,
    serial,
    verdict::{Run, Stop},
};

const INDEX_OPTIONS: &[&str] = &[
    "expireAfterSeconds",
    "name",
    "sparse",
    "storageEngine",
    "unique",
    "v",
    "default_language",
    "language_override",
    "textIndexVersion",
    "weights",
    "2dsphereIndexVersion",
    "bits",
    "max",
    "min",
    "bucketSize",
    "partialFilterExpression",
    "collation",
    "wildcardProjection",
    "hidden",
];

impl World {
    /// An operation whose object is a client.
    pub(super) async fn call_client(
        self: &Rc<Self>,
        client: &Client,
        place: &Place,
        args: Arguments,
        session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        match args.operation() {
            "listDatabases" | "listDatabaseObjects" => {
                self.list_databases(client, place, args, session).await
            }
            "listDatabaseNames" => self.list_database_names(client, place, args, session).await,
            "createChangeStream" | "watch" => {
                self.watch(Watched::Client(client), place, args, session).await
            }
            "clientBulkWrite" => self.bulk_write(client, place, args, session).await,
            "appendMetadata" => {
                let mut args = args;
                let info: Document = args.required("driverInfoOptions")?;
                args.finish()?;
                let mut args = Arguments::new("driverInfoOptions", &info);
                let name: String = args.required("name")?;
                let info = mongodb::options::DriverInfo::builder()
                    .name(name)
                    .version(args.optional::<String>("version")?)
                    .platform(args.optional::<String>("platform")?)
                    .build();
                args.finish()?;
                Ok(nothing(client.append_metadata(info)))
            }
            other => Err(Stop::Skip(format!("the driver's client has no operation {other}"))),
        }
    }

    async fn list_databases(
        &self,
        client: &Client,
        place: &Place,
        mut args: Arguments,
        session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        let options = list_databases_options(&mut args, session.as_ref())?;
        args.finish()?;
        let call = self.note("list_databases", place, None);
        let result = client.list_databases().with_options(options).await;
        call.end(&result, |found, counts| counts.matched = Some(found.len() as u64));
        Ok(value(result, |found| {
            let found = found.iter().filter_map(|found| serial::write(found).ok());
            Bson::Array(found.collect())
        }))
    }

    async fn list_database_names(
        &self,
        client: &Client,
        place: &Place,
        mut args: Arguments,
        session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        let options = list_databases_options(&mut args, session.as_ref())?;
        args.finish()?;
        let call = self.note("list_database_names", place, None);
        let result = client.list_database_names().with_options(options).await;
        call.end(&result, |found, counts| counts.matched = Some(found.len() as u64));
        Ok(value(result, strings))
    }

    /// `close` on a client.
    pub(super) async fn close_client(&self, id: &str, args: Arguments) -> Run<Answer> {
        args.finish()?;
        let client = self.entities.borrow_mut().remove(id);
        let Some(Entity::Client(client, _)) = client else {
            return Err(format!("there is no client {id:?}").into());
        };
        // It waits for what the client's handles hold open unless it is told not to.
        client.shutdown().immediate(true).await;
        Ok(Ok(Value::Nothing))
    }

    /// An operation whose object is a database.
    pub(super) async fn call_database(
        self: &Rc<Self>,
        db: &Database,
        place: &Place,
        args: Arguments,
        session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        match args.operation() {
            "aggregate" => self.aggregate_database(db, place, args, session).await,
            "runCommand" => self.run_command(db, place, args, session).await,
            "runCursorCommand" => {
                self.run_cursor_command(db, place, args, session, Purpose::DRAIN).await
            }
            "createCommandCursor" => {
                self.run_cursor_command(db, place, args, session, Purpose::KEEP).await
            }
            "createChangeStream" | "watch" => {
                self.watch(Watched::Database(db), place, args, session).await
            }
            "createCollection" => self.create_collection(db, place, args, session).await,
            "modifyCollection" => self.modify_collection(db, place, args, session).await,
            "dropCollection" => self.drop_collection(db, place, args, session).await,
            "dropDatabase" => {
                let mut args = args;
                let mut session = session;
                let mut options = DropDatabaseOptions::default();
                options.write_concern = args.optional("writeConcern")?;
                args.finish()?;
                let call = self.note("drop", place, session.as_ref());
                let action = db.drop().with_options(options);
                let result = run!(action, &mut session);
                call.end(&result, |(), _| ());
                Ok(nothing(result))
            }
            "listCollections" | "listCollectionObjects" => {
                self.list_collections(db, place, args, session).await
            }
            "listCollectionNames" => self.list_collection_names(db, place, args, session).await,
            other => Err(Stop::Skip(format!("the driver's database has no operation {other}"))),
        }
    }

    async fn aggregate_database(
        &self,
        db: &Database,
        place: &Place,
        mut args: Arguments,
        mut session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        let pipeline: Vec<Document> = args.required("pipeline")?;
        let options = aggregate_options(&mut args)?;
        args.finish()?;
        let call = self.note("aggregate", place, session.as_ref());
        let action = db.aggregate(pipeline).with_options(options);
        let opened = open!(action, session);
        self.opened(opened, call, session, Purpose::DRAIN).await
    }

    async fn run_command(
        &self,
        db: &Database,
        place: &Place,
        mut args: Arguments,
        mut session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        args.optional::<String>("commandName")?;
        let command: Document = args.required("command")?;
        let criteria = args.read_preference()?;
        args.finish()?;
        let call = self.note("run_command", &place.of_command(&command), session.as_ref());
        let mut action = db.run_command(command);
        if let Some(criteria) = criteria {
            action = action.selection_criteria(criteria);
        }
        let result = run!(action, &mut session);
        call.end_command(&result);
        Ok(value(result, Bson::Document))
    }

    async fn run_cursor_command(
        &self,
        db: &Database,
        place: &Place,
        mut args: Arguments,
        mut session: Option<InSession<'_>>,
        purpose: Purpose,
    ) -> Run<Answer> {
        args.optional::<String>("commandName")?;
        let command: Document = args.required("command")?;
        let max_time = args.millis("maxTimeMS")?;
        let criteria = args.read_preference()?;
        let cursor_type: Option<CursorType> = args.optional("cursorType")?;
        let mut options: RunCursorCommandOptions = args.options(&["batchSize", "comment"])?;
        options.max_time = max_time;
        options.selection_criteria = criteria;
        options.cursor_type = cursor_type;
        args.finish()?;
        let is_tailable = command.get_bool("tailable").unwrap_or(false);
        let place = place.of_command(&command);
        let call = self.note("run_cursor_command", &place, session.as_ref());
        let action = db.run_cursor_command(command).with_options(options);
        let opened = open!(action, session);
        self.opened(opened, call, session, purpose.tailable(is_tailable)).await
    }

    async fn create_collection(
        &self,
        db: &Database,
        place: &Place,
        mut args: Arguments,
        mut session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        let name: String = args.required("collection")?;
        let options: CreateCollectionOptions = args.options(&[
            "capped",
            "changeStreamPreAndPostImages",
            "clusteredIndex",
            "collation",
            "comment",
            "expireAfterSeconds",
            "indexOptionDefaults",
            "max",
            "pipeline",
            "size",
            "storageEngine",
            "timeseries",
            "validationAction",
            "validationLevel",
            "validator",
            "viewOn",
            "writeConcern",
        ])?;
        args.finish()?;
        let place = Place { collection: Some(name.clone()), ..place.clone() };
        let call = self.note("create_collection", &place, session.as_ref());
        let action = db.create_collection(&name).with_options(options);
        let result = run!(action, &mut session);
        call.end(&result, |(), _| ());
        Ok(result.map(|()| Value::Entity(Entity::Collection(db.collection(&name), place))))
    }

    /// The driver has no method of its own for it.
    async fn modify_collection(
        &self,
        db: &Database,
        place: &Place,
        mut args: Arguments,
        mut session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        let name: String = args.required("collection")?;
        let mut command = doc! { "collMod": name };
        command.extend(args.rest());
        let call = self.note("run_command", &place.of_command(&command), session.as_ref());
        let action = db.run_command(command);
        let result = run!(action, &mut session);
        call.end_command(&result);
        Ok(nothing(result))
    }

    async fn drop_collection(
        &self,
        db: &Database,
        place: &Place,
        mut args: Arguments,
        mut session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        let name: String = args.required("collection")?;
        let options: DropCollectionOptions = args.options(&["writeConcern"])?;
        args.finish()?;
        let place = Place { collection: Some(name.clone()), ..place.clone() };
        let call = self.note("drop", &place, session.as_ref());
        let collection = db.collection::<Document>(&name);
        let action = collection.drop().with_options(options);
        let result = run!(action, &mut session);
        call.end(&result, |(), _| ());
        Ok(nothing(result))
    }

    async fn list_collections(
        &self,
        db: &Database,
        place: &Place,
        mut args: Arguments,
        mut session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        let options = list_collections_options(&mut args)?;
        args.finish()?;
        let call = self.note("list_collections", place, session.as_ref());
        let action = db.list_collections().with_options(options);
        let opened = open!(action, session);
        self.opened(opened, call, session, Purpose::DRAIN).await
    }

    async fn list_collection_names(
        &self,
        db: &Database,
        place: &Place,
        mut args: Arguments,
        mut session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        let options = list_collections_options(&mut args)?;
        args.finish()?;
        let call = self.note("list_collection_names", place, session.as_ref());
        let action = db.list_collection_names().with_options(options);
        let result = run!(action, &mut session);
        call.end(&result, |found, counts| counts.matched = Some(found.len() as u64));
        Ok(value(result, strings))
    }

    /// What manages a collection, of the operations whose object is one.
    pub(super) async fn manage_collection(
        self: &Rc<Self>,
        collection: &Collection<Document>,
        place: &Place,
        args: Arguments,
        session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        match args.operation() {
            "createChangeStream" | "watch" => {
                self.watch(Watched::Collection(collection), place, args, session).await
            }
            "createIndex" => self.create_index(collection, place, args, session).await,
            "createIndexes" => self.create_indexes(collection, place, args, session).await,
            "dropIndex" | "dropIndexes" => self.drop_index(collection, place, args, session).await,
            "listIndexes" => self.list_indexes(collection, place, args, session).await,
            "listIndexNames" => self.list_index_names(collection, place, args, session).await,
            "rename" => self.rename(place, args, session).await,
            "drop" | "dropCollection" => {
                let mut args = args;
                let mut session = session;
                let options: DropCollectionOptions = args.options(&["writeConcern"])?;
                args.finish()?;
                let call = self.note("drop", place, session.as_ref());
                let action = collection.drop().with_options(options);
                let result = run!(action, &mut session);
                call.end(&result, |(), _| ());
                Ok(nothing(result))
            }
            name if name.ends_with("SearchIndex") || name.ends_with("SearchIndexes") => {
                if session.is_some() {
                    return Err(lacks_session(name));
                }
                self.call_search_index(collection, place, args).await
            }
            other => Err(Stop::Skip(format!("the driver's collection has no operation {other}"))),
        }
    }

    async fn create_index(
        &self,
        collection: &Collection<Document>,
        place: &Place,
        mut args: Arguments,
        mut session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        let keys: Document = args.required("keys")?;
        let index: IndexOptions = args.options(INDEX_OPTIONS)?;
        let options = create_index_options(&mut args)?;
        args.finish()?;
        let model = IndexModel::builder().keys(keys).options(index).build();
        let call = self.note("create_index", place, session.as_ref());
        let action = collection.create_index(model).with_options(options);
        let result = run!(action, &mut session);
        call.end(&result, |_, _| ());
        Ok(value(result, |done| Bson::String(done.index_name)))
    }

    async fn create_indexes(
        &self,
        collection: &Collection<Document>,
        place: &Place,
        mut args: Arguments,
        mut session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        let models: Vec<Document> = args.required("models")?;
        let mut indexes = Vec::new();
        for model in models {
            let mut args = Arguments::new("an index model", &model);
            let keys: Document = args.required("keys")?;
            let options: IndexOptions = args.options(INDEX_OPTIONS)?;
            args.finish()?;
            indexes.push(IndexModel::builder().keys(keys).options(options).build());
        }
        let options = create_index_options(&mut args)?;
        args.finish()?;
        let call = self.note("create_indexes", place, session.as_ref());
        let action = collection.create_indexes(indexes).with_options(options);
        let result = run!(action, &mut session);
        call.end(&result, |_, _| ());
        Ok(value(result, |done| strings(done.index_names)))
    }

    async fn drop_index(
        &self,
        collection: &Collection<Document>,
        place: &Place,
        mut args: Arguments,
        mut session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        let options: DropIndexOptions = args.options(&["comment", "maxTimeMS", "writeConcern"])?;
        let (name, action) = match args.operation() {
            "dropIndex" => {
                let index: Bson = args.required("name")?;
                let Bson::String(index) = index else {
                    return Err(Stop::Skip("the driver drops an index by name only".to_owned()));
                };
                ("drop_index", collection.drop_index(index))
            }
            _ => ("drop_indexes", collection.drop_indexes()),
        };
        args.finish()?;
        let call = self.note(name, place, session.as_ref());
        let action = action.with_options(options);
        let result = run!(action, &mut session);
        call.end(&result, |(), _| ());
        Ok(nothing(result))
    }

    async fn list_indexes(
        &self,
        collection: &Collection<Document>,
        place: &Place,
        mut args: Arguments,
        mut session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        let options: ListIndexesOptions = args.options(&["batchSize", "comment", "maxTimeMS"])?;
        args.finish()?;
        let call = self.note("list_indexes", place, session.as_ref());
        let action = collection.list_indexes().with_options(options);
        let opened = open!(action, session);
        self.opened(opened, call, session, Purpose::DRAIN).await
    }

    async fn list_index_names(
        &self,
        collection: &Collection<Document>,
        place: &Place,
        mut args: Arguments,
        mut session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        let options: ListIndexesOptions = args.options(&["batchSize", "comment", "maxTimeMS"])?;
        args.finish()?;
        let call = self.note("list_index_names", place, session.as_ref());
        let action = collection.list_index_names().with_options(options);
        let result = run!(action, &mut session);
        call.end(&result, |found, counts| counts.matched = Some(found.len() as u64));
        Ok(value(result, strings))
    }

    /// The driver has no method of its own for it.
    async fn rename(
        &self,
        place: &Place,
        mut args: Arguments,
        mut session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        let to: String = args.required("to")?;
        let drop_target: Option<bool> = args.optional("dropTarget")?;
        args.finish()?;
        let (db, from) = (place.db.clone().unwrap_or_default(), &place.collection);
        let from = from.clone().unwrap_or_default();
        let mut command =
            doc! { "renameCollection": format!("{db}.{from}"), "to": format!("{db}.{to}") };
        if let Some(drop_target) = drop_target {
            command.insert("dropTarget", drop_target);
        }
        let admin = self.client_of(place)?.database("admin");
        let place = Place { db: Some("admin".to_owned()), collection: None, ..place.clone() };
        let call = self.note("run_command", &place.of_command(&command), session.as_ref());
        let action = admin.run_command(command);
        let result = run!(action, &mut session);
        call.end_command(&result);
        Ok(nothing(result))
    }

    /// The client that a handle was made from.
    fn client_of(&self, place: &Place) -> Run<Client> {
        let entities = self.entities.borrow();
        let client = entities.values().find_map(|entity| match entity {
            Entity::Client(client, its) if Arc::ptr_eq(&its.observer, &place.observer) => {
                Some(client.clone())
            }
            _ => None,
        });
        client.ok_or_else(|| Stop::Fail("the collection's client is gone".to_owned()))
    }

    async fn call_search_index(
        &self,
        collection: &Collection<Document>,
        place: &Place,
        mut args: Arguments,
    ) -> Run<Answer> {
        match args.operation() {
            "createSearchIndex" => {
                let model: SearchIndexModel = args.required("model")?;
                args.finish()?;
                let call = self.note("create_search_index", place, None);
                let result = collection.create_search_index(model).await;
                call.end(&result, |_, _| ());
                Ok(value(result, Bson::String))
            }
            "createSearchIndexes" => {
                let models: Vec<SearchIndexModel> = args.required("models")?;
                args.finish()?;
                let call = self.note("create_search_indexes", place, None);
                let result = collection.create_search_indexes(models).await;
                call.end(&result, |_, _| ());
                Ok(value(result, strings))
            }
            "updateSearchIndex" => {
                let name: String = args.required("name")?;
                let definition: Document = args.required("definition")?;
                args.finish()?;
                let call = self.note("update_search_index", place, None);
                let result = collection.update_search_index(name, definition).await;
                call.end(&result, |(), _| ());
                Ok(nothing(result))
            }
            "dropSearchIndex" => {
                let name: String = args.required("name")?;
                args.finish()?;
                let call = self.note("drop_search_index", place, None);
                let result = collection.drop_search_index(name).await;
                call.end(&result, |(), _| ());
                Ok(nothing(result))
            }
            "listSearchIndexes" => {
                let name: Option<String> = args.optional("name")?;
                let mut options: Option<Document> = args.optional("aggregationOptions")?;
                let options = options.get_or_insert_default();
                let mut aggregation = Arguments::new("aggregationOptions", options);
                let options = aggregate_options(&mut aggregation)?;
                aggregation.finish()?;
                args.finish()?;
                let call = self.note("list_search_indexes", place, None);
                let mut action = collection.list_search_indexes().aggregate_options(options);
                if let Some(name) = name {
                    action = action.name(name);
                }
                let opened = action.await.map(Opened::Plain);
                self.opened(opened, call, None, Purpose::DRAIN).await
            }
            other => Err(Stop::Skip(format!("the driver's collection has no operation {other}"))),
        }
    }
}

fn list_databases_options(
    args: &mut Arguments,
    session: Option<&InSession<'_>>,
) -> Run<ListDatabasesOptions> {
    if session.is_some() {
        return Err(lacks_session(args.operation()));
    }
    args.options(&["authorizedDatabases", "comment", "filter"])
}

fn list_collections_options(args: &mut Arguments) -> Run<ListCollectionsOptions> {
    args.options(&["authorizedCollections", "batchSize", "comment", "filter"])
}

fn create_index_options(args: &mut Arguments) -> Run<CreateIndexOptions> {
    let max_time = args.millis("maxTimeMS")?;
    let options = CreateIndexOptions::builder()
        .commit_quorum(args.optional("commitQuorum")?)
        .max_time(max_time)
        .write_concern(args.optional("writeConcern")?)
        .comment(args.optional::<Bson>("comment")?)
        .build();
    Ok(options)
}

fn strings(values: Vec<String>) -> Bson {
    Bson::Array(values.into_iter().map(Bson::String).collect())
}
