//! Making the entities of a test.

use std::{rc::Rc, sync::Arc, time::Duration};

use mongodb::{
    bson::{Bson, Document, Timestamp},
    event::EventHandler,
    options::{
        ClientOptions, CollectionOptions, DatabaseOptions, GridFsBucketOptions, SelectionCriteria,
        ServerApi, ServerApiVersion, SessionOptions, TransactionOptions,
    },
};

use super::{super::api, Entity, World, runner::Thread, session::Session};
use crate::{
    arguments::Arguments,
    events::{Observer, Wishes},
    ledger::Place,
    verdict::{Run, Stop},
};

/// The driver allows no shorter time between two heartbeats.
const SHORTEST_HEARTBEAT: Duration = Duration::from_millis(500);

impl World {
    /// Makes the entities in their order.
    pub(crate) async fn create(self: &Rc<Self>, entities: &[Document]) -> Run<()> {
        for entity in entities {
            let (kind, spec) =
                entity.iter().next().ok_or_else(|| "an entity of no kind".to_owned())?;
            let spec =
                spec.as_document().ok_or_else(|| format!("{kind}: {spec} is no document"))?;
            let mut args = Arguments::of_runner(kind, spec);
            let id: String = args.required("id")?;
            let entity = match kind.as_str() {
                "client" => self.create_client(&id, &mut args).await?,
                "database" => self.create_database(&mut args)?,
                "collection" => self.create_collection_handle(&mut args)?,
                "session" => self.create_session(&id, &mut args).await?,
                "bucket" => self.create_bucket(&mut args)?,
                "thread" => Entity::Thread(Thread::start(self)),
                "clientEncryption" => {
                    return Err(Stop::Skip("the driver is built without encryption".to_owned()));
                }
                _ => return Err(format!("unknown kind of entity {kind:?}").into()),
            };
            args.finish()?;
            self.put_new(&id, entity)?;
        }
        Ok(())
    }

    async fn create_client(&self, id: &str, args: &mut Arguments) -> Run<Entity> {
        // One node is all there is; log messages are asked for by `expectLogMessages`.
        for ignored in ["useMultipleMongoses", "observeLogMessages", "observeTracingMessages"] {
            args.optional::<Bson>(ignored)?;
        }
        if args.optional::<Bson>("autoEncryptOpts")?.is_some() {
            return Err(Stop::Skip("the driver is built without encryption".to_owned()));
        }
        let uri_options: Document = args.optional("uriOptions")?.unwrap_or_default();
        let mut options = self.client_options(&uri_options).await?;
        options.server_api = args.optional("serverApi")?.map(|api| server_api(&api)).transpose()?;
        let wishes = Wishes {
            observe: args.optional("observeEvents")?.unwrap_or_default(),
            ignore_commands: args.optional("ignoreCommandMonitoringEvents")?.unwrap_or_default(),
            observe_sensitive: args.optional("observeSensitiveCommands")?.unwrap_or(false),
        };
        if options.heartbeat_freq.is_none() && !wishes.sees_heartbeats() {
            // After an error the driver may wait for the next heartbeat: 10 seconds by default.
            options.heartbeat_freq = Some(SHORTEST_HEARTBEAT);
        }
        let observer = Arc::new(Observer::new(wishes));
        observe(&mut options, &observer);
        let stored: Vec<Document> = args.optional("storeEventsAsEntities")?.unwrap_or_default();
        for list in stored {
            let mut args = Arguments::of_runner("storeEventsAsEntities", &list);
            let events = (args.required("id")?, Arc::clone(&observer), args.required("events")?);
            self.stored_events.borrow_mut().push(events);
        }
        let wants_pool = args.millis("awaitMinPoolSizeMS")?;
        let client = api::client(&self.maker, options)
            .map_err(|error| Stop::Fail(format!("cannot make the client: {error}")))?;
        if let Some(patience) = wants_pool {
            tokio::time::timeout(patience, client.warm_connection_pool())
                .await
                .map_err(|_| "the pool did not reach its minimum in time".to_owned())?;
            observer.clear();
        }
        self.observers.borrow_mut().insert(id.to_owned(), Arc::clone(&observer));
        Ok(Entity::Client(client, Place { db: None, collection: None, observer }))
    }

    async fn client_options(&self, uri_options: &Document) -> Run<ClientOptions> {
        let uri = self.host.uri_with(uri_options);
        ClientOptions::parse(&uri).await.map_err(|error| {
            let options = uri.split_once('?').map_or("", |(_, options)| options);
            let why = format!("the driver does not take the URI options {options:?}: {error}");
            // Without any of the test's own it is the runner that built them wrong.
            if uri_options.is_empty() { Stop::Fail(why) } else { Stop::Skip(why) }
        })
    }

    fn create_database(&self, args: &mut Arguments) -> Run<Entity> {
        let client: String = args.required("client")?;
        let name: String = args.required("databaseName")?;
        let options: Document = args.optional("databaseOptions")?.unwrap_or_default();
        let Entity::Client(client, place) = self.handle(&client)? else {
            return Err(format!("{client} is no client").into());
        };
        let place = Place { db: Some(name.clone()), ..place };
        let db = if options.is_empty() {
            client.database(&name)
        } else {
            client.database_with_options(&name, database_options(&options)?)
        };
        Ok(Entity::Database(db, place))
    }

    fn create_collection_handle(&self, args: &mut Arguments) -> Run<Entity> {
        let db: String = args.required("database")?;
        let name: String = args.required("collectionName")?;
        let options: Document = args.optional("collectionOptions")?.unwrap_or_default();
        let Entity::Database(db, place) = self.handle(&db)? else {
            return Err(format!("{db} is no database").into());
        };
        let place = Place { collection: Some(name.clone()), ..place };
        let collection = if options.is_empty() {
            db.collection(&name)
        } else {
            db.collection_with_options(&name, collection_options(&options)?)
        };
        Ok(Entity::Collection(collection, place))
    }

    async fn create_session(&self, id: &str, args: &mut Arguments) -> Run<Entity> {
        let client: String = args.required("client")?;
        let options: Document = args.optional("sessionOptions")?.unwrap_or_default();
        let options = self.session_options(&options)?;
        let Entity::Client(client, place) = self.handle(&client)? else {
            return Err(format!("{client} is no client").into());
        };
        let session = client
            .start_session()
            .with_options(options)
            .await
            .map_err(|error| format!("cannot start the session: {error}"))?;
        self.lsids.borrow_mut().insert(id.to_owned(), session.id().clone());
        Ok(Entity::Session(Box::new(Session::new(session, place))))
    }

    fn session_options(&self, options: &Document) -> Run<SessionOptions> {
        let mut args = Arguments::new("sessionOptions", options);
        // A test may name the entity that holds the time.
        let time = match args.optional::<Bson>("snapshotTime")? {
            Some(Bson::String(id)) => {
                let value = crate::matching::Lookup::value(self, &id);
                Some(value.ok_or_else(|| format!("there is no entity {id:?}"))?)
            }
            other => other,
        };
        let time: Option<Timestamp> = match time {
            Some(Bson::Timestamp(time)) => Some(time),
            Some(other) => return Err(format!("{other} is no time").into()),
            None => None,
        };
        let defaults: Option<Document> = args.optional("defaultTransactionOptions")?;
        let defaults = defaults.map(|options| transaction_options(&options)).transpose()?;
        let options = SessionOptions::builder()
            .causal_consistency(args.optional::<bool>("causalConsistency")?)
            .snapshot(args.optional::<bool>("snapshot")?)
            .snapshot_time(time)
            .default_transaction_options(defaults)
            .build();
        args.finish()?;
        Ok(options)
    }

    fn create_bucket(&self, args: &mut Arguments) -> Run<Entity> {
        let db: String = args.required("database")?;
        let options: Document = args.optional("bucketOptions")?.unwrap_or_default();
        let Entity::Database(db, place) = self.handle(&db)? else {
            return Err(format!("{db} is no database").into());
        };
        let mut args = Arguments::new("bucketOptions", &options);
        let options = GridFsBucketOptions::builder()
            .bucket_name(args.optional::<String>("bucketName")?)
            .chunk_size_bytes(args.optional::<u32>("chunkSizeBytes")?)
            .read_concern(args.optional("readConcern")?)
            .write_concern(args.optional("writeConcern")?)
            .selection_criteria(args.read_preference()?)
            .build();
        args.finish()?;
        let name = options.bucket_name.clone().unwrap_or_else(|| "fs".to_owned());
        let place = Place { collection: Some(name), ..place };
        Ok(Entity::Bucket(db.gridfs_bucket(options), place))
    }
}

fn observe(options: &mut ClientOptions, observer: &Arc<Observer>) {
    let seen = Arc::clone(observer);
    options.command_event_handler = Some(EventHandler::callback(move |event| seen.command(event)));
    let seen = Arc::clone(observer);
    options.cmap_event_handler = Some(EventHandler::callback(move |event| seen.cmap(&event)));
    let seen = Arc::clone(observer);
    options.sdam_event_handler = Some(EventHandler::callback(move |event| seen.sdam(&event)));
}

fn server_api(api: &Document) -> Run<ServerApi> {
    let mut args = Arguments::new("serverApi", api);
    let api = ServerApi::builder()
        .version(args.required::<ServerApiVersion>("version")?)
        .strict(args.optional::<bool>("strict")?)
        .deprecation_errors(args.optional::<bool>("deprecationErrors")?)
        .build();
    args.finish()?;
    Ok(api)
}

fn database_options(options: &Document) -> Run<DatabaseOptions> {
    let mut args = Arguments::new("databaseOptions", options);
    let options = DatabaseOptions::builder()
        .read_concern(args.optional("readConcern")?)
        .write_concern(args.optional("writeConcern")?)
        .selection_criteria(args.read_preference()?)
        .build();
    args.finish()?;
    Ok(options)
}

pub(super) fn collection_options(options: &Document) -> Run<CollectionOptions> {
    let mut args = Arguments::new("collectionOptions", options);
    let criteria: Option<SelectionCriteria> = args.read_preference()?;
    let options = CollectionOptions::builder()
        .read_concern(args.optional("readConcern")?)
        .write_concern(args.optional("writeConcern")?)
        .selection_criteria(criteria)
        .build();
    args.finish()?;
    Ok(options)
}

/// The options of a transaction.
pub(super) fn transaction_options(options: &Document) -> Run<TransactionOptions> {
    let mut args = Arguments::new("transaction options", options);
    let read =
        args.options(&["readConcern", "writeConcern", "readPreference", "maxCommitTimeMS"])?;
    args.finish()?;
    Ok(read)
}
