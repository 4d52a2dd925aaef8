//! The operations of the format, written once and compiled twice: over the driver and over the
//! mirror. What they call is `super::api`.
//!
//! A [`World`] holds the entities of one test. An operation takes the entities that it needs out of
//! it, and puts back what it took.

mod bulk;
mod create;
mod crud;
mod cursors;
mod files;
mod manage;
mod runner;
mod session;

use std::{cell::RefCell, collections::HashMap, rc::Rc, sync::Arc};

use mongodb::{
    bson::{Bson, Document},
    error::Error,
    event::sdam::TopologyDescription,
};

use self::{cursors::OpenCursor, runner::Thread, session::Session};
pub(crate) use super::api::Maker;
use super::api::{Client, ClientSession, Collection, Database, GridFsBucket};
use crate::{
    arguments::Arguments,
    events::Observer,
    failure,
    file::Operation,
    host::Host,
    ledger::{Call, Fate, Ledger, Place},
    matching::{self, Level, Lookup},
    verdict::{Run, Stop},
};

/// The entities of one test, and where its calls are noted.
pub(crate) struct World {
    maker: Maker,
    host: Rc<Host>,
    entities: RefCell<HashMap<String, Entity>>,
    /// The clients' observers and the sessions' ids outlive the entities.
    observers: RefCell<HashMap<String, Arc<Observer>>>,
    lsids: RefCell<HashMap<String, Document>>,
    stored_events: RefCell<Vec<StoredEvents>>,
    ledger: Arc<Ledger>,
}

/// The entity that events are kept in, whose they are, and their names.
type StoredEvents = (String, Arc<Observer>, Vec<String>);

/// What a test may name.
enum Entity {
    Client(Client, Place),
    Database(Database, Place),
    Collection(Collection<Document>, Place),
    Bucket(GridFsBucket, Place),
    Session(Box<Session>),
    Cursor(Box<OpenCursor>),
    Thread(Thread),
    Topology(TopologyDescription),
    Value(Bson),
}

/// What an operation gave.
enum Value {
    Nothing,
    Bson(Bson),
    Entity(Entity),
}

/// The result of an operation, as the driver gave it.
type Answer = Result<Value, Error>;

/// The session that an operation runs in.
struct InSession<'s> {
    id: String,
    session: &'s mut ClientSession,
    /// Of the transaction that is open.
    fate: Option<Fate>,
}

/// The session of a transaction whose callback runs.
pub(crate) struct Held<'s> {
    id: String,
    session: &'s mut ClientSession,
    txn: session::Txn,
    place: Place,
}

impl World {
    pub(crate) fn new(maker: Maker, host: Rc<Host>, ledger: Arc<Ledger>) -> Rc<Self> {
        Rc::new(Self {
            maker,
            host,
            entities: RefCell::default(),
            observers: RefCell::default(),
            lsids: RefCell::default(),
            stored_events: RefCell::default(),
            ledger,
        })
    }

    /// Runs an operation and compares what it gives with what is expected; gives the driver's
    /// error, if there was one.
    pub(crate) async fn run(
        self: &Rc<Self>,
        operation: &Operation,
        held: Option<&mut Held<'_>>,
    ) -> Run<Option<Error>> {
        let name = &operation.name;
        let within = |stop| match stop {
            Stop::Fail(why) => Stop::Fail(format!("{name}: {why}")),
            skip => skip,
        };
        if operation.object == "testRunner" {
            return self.instruct(operation, held).await.map(|()| None).map_err(within);
        }
        let answer = self.call(operation, held).await.map_err(within)?;
        self.judge(operation, answer).map_err(within)
    }

    fn judge(&self, operation: &Operation, answer: Answer) -> Run<Option<Error>> {
        if operation.ignore_result_and_error {
            return Ok(answer.err());
        }
        match (answer, &operation.expect_error) {
            (Err(error), Some(expected)) => {
                failure::check(expected, &error, operation, self)?;
                Ok(Some(error))
            }
            // It refuses all writes for which the application wants no answer.
            (Err(error), None) if failure::is_unacknowledged(&error) => {
                Err(Stop::Skip("the driver has no unacknowledged writes".to_owned()))
            }
            (Err(error), None) => Err(Stop::Fail(format!("unexpected error: {error}"))),
            (Ok(value), Some(expected)) => {
                let found = match value {
                    Value::Nothing => "nothing".to_owned(),
                    Value::Bson(value) => value.to_string(),
                    Value::Entity(_) => "an entity".to_owned(),
                };
                Err(Stop::Fail(format!("expected the error {expected}, found {found}")))
            }
            (Ok(value), None) => {
                if let Some(expected) = &operation.expect_result {
                    let found = match &value {
                        Value::Bson(value) => Some(value),
                        Value::Nothing | Value::Entity(_) => None,
                    };
                    matching::check(expected, found, Level::Root, self)
                        .map_err(|why| format!("expectResult: {why}"))?;
                }
                self.save(operation, value)?;
                Ok(None)
            }
        }
    }

    fn save(&self, operation: &Operation, value: Value) -> Run<()> {
        let Some(id) = &operation.save_result_as_entity else { return Ok(()) };
        let entity = match value {
            Value::Nothing => return Err(format!("no result to save as {id}").into()),
            Value::Bson(value) => Entity::Value(value),
            Value::Entity(entity) => entity,
        };
        self.put_new(id, entity)
    }

    /// Calls the driver.
    async fn call(
        self: &Rc<Self>,
        operation: &Operation,
        held: Option<&mut Held<'_>>,
    ) -> Run<Answer> {
        let mut args = Arguments::new(&operation.name, &operation.arguments);
        let id = &operation.object;
        if let Some(held) = held {
            if held.id == *id {
                return self.call_held(args, held).await;
            }
            let session: Option<String> = args.optional("session")?;
            if session.as_ref() == Some(&held.id) {
                let fate = held.txn.open();
                let in_session = InSession { id: held.id.clone(), session: held.session, fate };
                return self.call_on(id, args, Some(in_session)).await;
            }
            return self.call_in(id, args, session).await;
        }
        if self.is_session(id) {
            return self.call_session(id, args).await;
        }
        if self.is_cursor(id) {
            return self.call_cursor(id, args).await;
        }
        let session = args.optional("session")?;
        self.call_in(id, args, session).await
    }

    /// Calls the driver, in a session of this name if there is one.
    async fn call_in(
        self: &Rc<Self>,
        id: &str,
        args: Arguments,
        session: Option<String>,
    ) -> Run<Answer> {
        let Some(session_id) = session else { return self.call_on(id, args, None).await };
        let mut taken = self.take_session(&session_id)?;
        let fate = taken.txn.open();
        let in_session = InSession { id: session_id.clone(), session: &mut taken.session, fate };
        let answer = self.call_on(id, args, Some(in_session)).await;
        self.put(&session_id, Entity::Session(taken));
        answer
    }

    async fn call_on(
        self: &Rc<Self>,
        id: &str,
        args: Arguments,
        session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        match self.handle(id)? {
            Entity::Client(client, place) => {
                if args.operation() == "close" {
                    return self.close_client(id, args).await;
                }
                self.call_client(&client, &place, args, session).await
            }
            Entity::Database(db, place) => self.call_database(&db, &place, args, session).await,
            Entity::Collection(collection, place) => {
                self.call_collection(&collection, &place, args, session).await
            }
            Entity::Bucket(bucket, place) => {
                if session.is_some() {
                    return Err(Stop::Skip("the driver's GridFS takes no session".to_owned()));
                }
                self.call_bucket(&bucket, &place, args).await
            }
            _ => Err(format!("{id} has no operations").into()),
        }
    }

    /// Notes a call.
    fn note(
        &self,
        operation: &'static str,
        place: &Place,
        session: Option<&InSession<'_>>,
    ) -> Call {
        let fate = session.and_then(|session| session.fate.clone());
        self.ledger.call(operation, place, fate)
    }

    /// A handle that can be used beside the one in the world.
    fn handle(&self, id: &str) -> Run<Entity> {
        match self.entities.borrow().get(id) {
            Some(Entity::Client(client, place)) => {
                Ok(Entity::Client(client.clone(), place.clone()))
            }
            Some(Entity::Database(db, place)) => Ok(Entity::Database(db.clone(), place.clone())),
            Some(Entity::Collection(collection, place)) => {
                Ok(Entity::Collection(collection.clone(), place.clone()))
            }
            Some(Entity::Bucket(bucket, place)) => {
                Ok(Entity::Bucket(bucket.clone(), place.clone()))
            }
            Some(_) => Err(format!("{id} has no operations").into()),
            None => Err(format!("there is no entity {id:?}").into()),
        }
    }

    fn put(&self, id: &str, entity: Entity) {
        self.entities.borrow_mut().insert(id.to_owned(), entity);
    }

    /// Adds an entity whose name must be new.
    fn put_new(&self, id: &str, entity: Entity) -> Run<()> {
        if self.entities.borrow().contains_key(id) {
            return Err(format!("there are two entities {id:?}").into());
        }
        self.put(id, entity);
        Ok(())
    }

    fn is_session(&self, id: &str) -> bool {
        matches!(self.entities.borrow().get(id), Some(Entity::Session(_)))
    }

    fn is_cursor(&self, id: &str) -> bool {
        matches!(self.entities.borrow().get(id), Some(Entity::Cursor(_)))
    }

    fn take_session(&self, id: &str) -> Run<Box<Session>> {
        let mut entities = self.entities.borrow_mut();
        match entities.remove(id) {
            Some(Entity::Session(session)) => Ok(session),
            Some(other) => {
                entities.insert(id.to_owned(), other);
                Err(format!("{id} is no session").into())
            }
            None => Err(format!("there is no session {id:?} that is free").into()),
        }
    }

    /// The observer of a client.
    pub(crate) fn observer(&self, id: &str) -> Run<Arc<Observer>> {
        let observer = self.observers.borrow().get(id).cloned();
        observer.ok_or_else(|| Stop::Fail(format!("there is no client {id:?}")))
    }

    /// Makes entities of the events that a client was asked to keep.
    pub(crate) fn store_events(&self) {
        for (id, observer, names) in self.stored_events.take() {
            self.put(&id, Entity::Value(Bson::Array(observer.stored(&names))));
        }
    }

    /// Drops all entities: what the driver does then belongs to the test.
    ///
    /// Cursors go first and sessions next, since both need their clients.
    pub(crate) async fn end(&self) {
        let mut entities: Vec<_> = self.entities.take().into_values().collect();
        entities.sort_by_key(|entity| match entity {
            Entity::Cursor(_) => 0,
            Entity::Session(_) => 1,
            _ => 2,
        });
        for entity in entities {
            match entity {
                Entity::Cursor(cursor) => cursor.abandon(),
                Entity::Session(session) => session.end(&self.ledger).await,
                _ => {}
            }
        }
    }
}

impl Lookup for World {
    fn value(&self, id: &str) -> Option<Bson> {
        match self.entities.borrow().get(id) {
            Some(Entity::Value(value)) => Some(value.clone()),
            _ => None,
        }
    }

    fn lsid(&self, id: &str) -> Option<Document> {
        self.lsids.borrow().get(id).cloned()
    }
}

fn nothing<T>(result: Result<T, Error>) -> Answer {
    result.map(|_| Value::Nothing)
}

fn value<T>(result: Result<T, Error>, as_bson: impl FnOnce(T) -> Bson) -> Answer {
    result.map(|value| Value::Bson(as_bson(value)))
}
