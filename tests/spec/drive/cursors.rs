//! Cursors and change streams: read to the end at once, or kept as entities.

use std::{rc::Rc, sync::Arc, time::Instant};

use futures_util::TryStreamExt;
use mongodb::{
    bson::{Bson, Document},
    error::{Error, Result},
    options::ChangeStreamOptions,
};
use mongowatch::Outcome;

use super::{
    super::api::{
        ChangeStream, Client, ClientSession, Collection, Cursor, Database, SessionChangeStream,
        SessionCursor,
    },
    Answer, Entity, InSession, Value, World,
};
use crate::{
    arguments::Arguments,
    events::{Observer, PATIENCE, wait_until},
    ledger::{Call, Place},
    verdict::{Run, Stop},
};

/// Awaits an action that gives a cursor, in the session if there is one.
macro_rules! open {
    ($action:expr, $session:ident) => {
        match &mut $session {
            Some(in_session) => $action
                .session(&mut *in_session.session)
                .await
                .map(|cursor| Opened::InSession(cursor.with_type())),
            None => $action.await.map(|cursor| Opened::Plain(cursor.with_type())),
        }
    };
}

pub(super) use open;

/// What a cursor is opened for.
#[derive(Clone, Copy)]
pub(super) struct Purpose {
    is_kept: bool,
    /// So many documents are asked for at most.
    limit: Option<u64>,
    is_tailable: bool,
}

impl Purpose {
    /// To be read to its end at once.
    pub(super) const DRAIN: Self = Self { is_kept: false, limit: None, is_tailable: false };
    /// To become an entity.
    pub(super) const KEEP: Self = Self { is_kept: true, limit: None, is_tailable: false };

    pub(super) fn limited(self, limit: Option<i64>) -> Self {
        Self { limit: limit.map(i64::unsigned_abs).filter(|limit| *limit > 0), ..self }
    }

    pub(super) fn tailable(self, is_tailable: bool) -> Self {
        Self { is_tailable, ..self }
    }
}

/// A cursor of the driver.
pub(super) enum Opened {
    Plain(Cursor<Document>),
    InSession(SessionCursor<Document>),
    Stream(ChangeStream<Document>),
    SessionStream(Box<SessionChangeStream<Document>>),
}

/// A cursor that is an entity.
pub(super) struct OpenCursor {
    cursor: Opened,
    session_id: Option<String>,
    observer: Arc<Observer>,
    /// None when its record must be final.
    call: Option<Call>,
    n: u64,
    purpose: Purpose,
    trouble: Option<Error>,
}

/// What one step of a cursor gave.
enum Step {
    Document(Document),
    /// No document yet.
    Nothing,
    Exhausted,
}

impl World {
    /// Goes on with a cursor that was opened, or was not.
    pub(super) async fn opened(
        &self,
        opened: Result<Opened>,
        mut call: Call,
        session: Option<InSession<'_>>,
        purpose: Purpose,
    ) -> Run<Answer> {
        let cursor = match opened {
            Ok(cursor) => cursor,
            Err(error) => {
                call.fail(&error);
                return Ok(Err(error));
            }
        };
        if purpose.is_kept {
            let session_id = session.map(|session| session.id);
            let observer = call.observer();
            let call = Some(call);
            let cursor =
                OpenCursor { cursor, session_id, observer, call, n: 0, purpose, trouble: None };
            return Ok(Ok(Value::Entity(Entity::Cursor(Box::new(cursor)))));
        }
        let mut documents = Vec::new();
        let result = drain(cursor, session, &mut documents).await;
        call.counts().matched = Some(documents.len() as u64);
        Ok(match result {
            Ok(()) => {
                call.close(&[Outcome::Ok]);
                Ok(Value::Bson(crate::arguments::as_documents(documents)))
            }
            Err(error) => {
                call.fail(&error);
                Err(error)
            }
        })
    }

    /// An operation whose object is a cursor.
    pub(super) async fn call_cursor(self: &Rc<Self>, id: &str, args: Arguments) -> Run<Answer> {
        let Some(Entity::Cursor(mut cursor)) = self.entities.borrow_mut().remove(id) else {
            return Err(format!("there is no cursor {id:?}").into());
        };
        match args.operation() {
            "close" => {
                args.finish()?;
                cursor.close().await;
                Ok(Ok(Value::Nothing))
            }
            "iterateUntilDocumentOrError" => {
                let answer = self.iterate(&mut cursor, Until::Document).await;
                self.put(id, Entity::Cursor(cursor));
                answer
            }
            "iterateOnce" => {
                let answer = self.iterate(&mut cursor, Until::Answer).await;
                self.put(id, Entity::Cursor(cursor));
                answer
            }
            other => Err(Stop::Skip(format!("the driver's cursor has no operation {other}"))),
        }
    }

    async fn iterate(&self, cursor: &mut OpenCursor, until: Until) -> Run<Answer> {
        let mut session = match cursor.session_id.clone() {
            Some(id) => {
                let taken = self.take_session(&id)?;
                Some((id, taken))
            }
            None => None,
        };
        let in_session = session.as_mut().map(|(_, taken)| &mut taken.session);
        let answer = cursor.iterate(in_session, until).await;
        if let Some((id, taken)) = session {
            self.put(&id, Entity::Session(taken));
        }
        answer
    }

    /// `createChangeStream` on whatever can be watched.
    pub(super) async fn watch(
        &self,
        watched: Watched<'_>,
        place: &Place,
        mut args: Arguments,
        mut session: Option<InSession<'_>>,
    ) -> Run<Answer> {
        let pipeline: Vec<Document> = args.optional("pipeline")?.unwrap_or_default();
        let options = change_stream_options(&mut args)?;
        args.finish()?;
        let call = self.note("watch", place, session.as_ref());
        macro_rules! open_stream {
            ($handle:expr) => {{
                let action = $handle.watch().pipeline(pipeline).with_options(options);
                match &mut session {
                    Some(in_session) => action
                        .session(&mut *in_session.session)
                        .await
                        .map(|stream| Opened::SessionStream(Box::new(stream.with_type()))),
                    None => action.await.map(|stream| Opened::Stream(stream.with_type())),
                }
            }};
        }
        let opened = match watched {
            Watched::Client(client) => open_stream!(client),
            Watched::Database(db) => open_stream!(db),
            Watched::Collection(collection) => open_stream!(collection),
        };
        self.opened(opened, call, session, Purpose::KEEP).await
    }
}

/// What a change stream watches.
pub(super) enum Watched<'a> {
    Client(&'a Client),
    Database(&'a Database),
    Collection(&'a Collection<Document>),
}

/// How far an iteration goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Until there is a document or an error.
    Document,
    /// Until the server has answered once, at most.
    Answer,
}

impl OpenCursor {
    async fn iterate(
        &mut self,
        mut session: Option<&mut ClientSession>,
        until: Until,
    ) -> Run<Answer> {
        if until == Until::Answer && self.purpose.is_tailable {
            return Err(Stop::Skip(
                "the driver's tailable cursors wait for a document: they have no single step"
                    .to_owned(),
            ));
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.cursor.step(session.as_deref_mut()).await {
                Ok(Step::Document(document)) => {
                    self.n += 1;
                    // A change stream is judged by its last event.
                    self.trouble.take_if(|_| self.cursor.is_stream());
                    return Ok(Ok(Value::Bson(Bson::Document(document))));
                }
                Ok(Step::Exhausted) => {
                    self.exhausted();
                    return match until {
                        Until::Answer => Ok(Ok(Value::Nothing)),
                        Until::Document => Err("the cursor is exhausted".to_owned().into()),
                    };
                }
                Ok(Step::Nothing) if until == Until::Answer => return Ok(Ok(Value::Nothing)),
                Ok(Step::Nothing) if Instant::now() > deadline => {
                    return Err("no document came".to_owned().into());
                }
                Ok(Step::Nothing) => {}
                Err(error) => {
                    self.trouble = Some(error.clone());
                    return Ok(Err(error));
                }
            }
        }
    }

    fn exhausted(&mut self) {
        if let Some(mut call) = self.call.take() {
            call.counts().matched = Some(self.n);
            match &self.trouble {
                Some(error) => call.fail(error),
                None => call.close(&[Outcome::Ok]),
            }
        }
    }

    /// Drops the cursor and waits until the driver has killed it on the server.
    async fn close(self) {
        let observer = Arc::clone(&self.observer);
        let n_kills = || {
            let commands = observer.commands();
            commands.iter().filter(|command| command.contains_key("killCursors")).count()
        };
        let before = n_kills();
        let is_on_server = self.observer.has_open_cursor() && self.trouble.is_none();
        self.abandon();
        if is_on_server {
            wait_until(|| n_kills() > before).await;
        }
    }

    /// Drops the cursor.
    pub(super) fn abandon(mut self) {
        let Some(mut call) = self.call.take() else { return };
        call.counts().matched = Some(self.n);
        let has_all = self.purpose.limit.is_some_and(|limit| self.n >= limit);
        match &self.trouble {
            Some(error) => call.fail(error),
            // A change stream has no other end.
            None if has_all || self.cursor.is_stream() => call.close(&[Outcome::Ok]),
            // Nobody asked for a document after the last, but the traffic may tell that it was.
            None if !self.observer.has_open_cursor() => {
                call.close(&[Outcome::Ok, Outcome::Cancelled]);
            }
            None => call.close(&[Outcome::Cancelled]),
        }
    }
}

impl Opened {
    async fn step(&mut self, session: Option<&mut ClientSession>) -> Result<Step> {
        let document = |found: Option<Document>| found.map_or(Step::Nothing, Step::Document);
        match (self, session) {
            (Self::Plain(cursor), _) => Ok(match cursor.advance().await? {
                true => Step::Document(cursor.deserialize_current()?),
                false => Step::Exhausted,
            }),
            (Self::InSession(cursor), Some(session)) => Ok(match cursor.advance(session).await? {
                true => Step::Document(cursor.deserialize_current()?),
                false => Step::Exhausted,
            }),
            (Self::Stream(stream), _) => Ok(match stream.next_if_any().await? {
                None if !stream.is_alive() => Step::Exhausted,
                found => document(found),
            }),
            (Self::SessionStream(stream), Some(session)) => {
                Ok(match stream.next_if_any(session).await? {
                    None if !stream.is_alive() => Step::Exhausted,
                    found => document(found),
                })
            }
            _ => Err(Error::custom("the cursor's session is gone".to_owned())),
        }
    }

    const fn is_stream(&self) -> bool {
        matches!(self, Self::Stream(_) | Self::SessionStream(_))
    }
}

/// Reads a cursor to its end.
async fn drain(
    cursor: Opened,
    session: Option<InSession<'_>>,
    documents: &mut Vec<Document>,
) -> Result<()> {
    match (cursor, session) {
        (Opened::Plain(mut cursor), _) => {
            while let Some(document) = cursor.try_next().await? {
                documents.push(document);
            }
        }
        (Opened::InSession(mut cursor), Some(in_session)) => {
            let mut stream = cursor.stream(in_session.session);
            while let Some(document) = stream.try_next().await? {
                documents.push(document);
            }
        }
        // A change stream has no end.
        _ => {}
    }
    Ok(())
}

fn change_stream_options(args: &mut Arguments) -> Run<ChangeStreamOptions> {
    let max_await_time = args.millis("maxAwaitTimeMS")?;
    let criteria = args.read_preference()?;
    let mut options: ChangeStreamOptions = args.options(&[
        "batchSize",
        "collation",
        "comment",
        "fullDocument",
        "fullDocumentBeforeChange",
        "readConcern",
        "resumeAfter",
        "showExpandedEvents",
        "startAfter",
        "startAtOperationTime",
    ])?;
    options.max_await_time = max_await_time;
    options.selection_criteria = criteria;
    Ok(options)
}
