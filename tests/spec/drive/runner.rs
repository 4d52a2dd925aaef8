//! Operations of the runner itself: fail points, threads, and what a test asserts in between.

use std::{rc::Rc, time::Duration};

use mongodb::bson::{Bson, Document, doc};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{super::api, Entity, Held, World};
use crate::{
    arguments::Arguments,
    events::{PATIENCE, topology_type, wait_until},
    file::Operation,
    serial,
    verdict::{Run, Stop},
};

/// A tester outside ends a loop when it likes; ours does so after this many rounds.
const LOOP_ROUNDS: u32 = 10;

/// Runs operations one after the other, beside the test.
pub(super) struct Thread {
    operations: mpsc::UnboundedSender<Operation>,
    end: JoinHandle<Run<()>>,
}

impl Thread {
    pub(super) fn start(world: &Rc<World>) -> Self {
        let (operations, mut next) = mpsc::unbounded_channel::<Operation>();
        // The world holds the thread, and must end without it.
        let world = Rc::downgrade(world);
        let end = tokio::task::spawn_local(async move {
            while let Some(operation) = next.recv().await {
                let Some(world) = world.upgrade() else { break };
                world.run(&operation, None).await?;
            }
            Ok(())
        });
        Self { operations, end }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.end.abort();
    }
}

/// Must something be there, or must it not?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Present,
    Absent,
}

impl World {
    /// An operation whose object is the runner.
    pub(super) async fn instruct(
        self: &Rc<Self>,
        operation: &Operation,
        held: Option<&mut Held<'_>>,
    ) -> Run<()> {
        let mut args = Arguments::of_runner(&operation.name, &operation.arguments);
        match operation.name.as_str() {
            "failPoint" | "targetedFailPoint" => self.fail_point(args).await,
            "createEntities" => {
                let entities: Vec<Document> = args.required("entities")?;
                args.finish()?;
                Box::pin(self.create(&entities)).await
            }
            "wait" => {
                let ms: u64 = args.required("ms")?;
                args.finish()?;
                // The format asks for it.
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Ok(())
            }
            "loop" => self.run_loop(args).await,
            "runOnThread" => self.run_on_thread(args),
            "waitForThread" => self.wait_for_thread(args).await,
            "waitForEvent" => self.wait_for_event(args).await,
            "assertEventCount" => self.assert_event_count(args),
            "recordTopologyDescription" | "assertTopologyType" => self.topology(args).await,
            "waitForPrimaryChange" => {
                Err(Stop::Skip("one node has no other to become primary".to_owned()))
            }
            name if name.starts_with("assertSession") => self.assert_session(args, held),
            "assertSameLsidOnLastTwoCommands" | "assertDifferentLsidOnLastTwoCommands" => {
                self.assert_lsids(args)
            }
            "assertNumberConnectionsCheckedOut" => self.assert_checked_out(args).await,
            "assertCollectionExists" => self.assert_collection(args, Wanted::Present).await,
            "assertCollectionNotExists" => self.assert_collection(args, Wanted::Absent).await,
            "assertIndexExists" => self.assert_index(args, Wanted::Present).await,
            "assertIndexNotExists" => self.assert_index(args, Wanted::Absent).await,
            other => Err(format!("unknown operation of the runner {other:?}").into()),
        }
    }

    async fn fail_point(&self, mut args: Arguments) -> Run<()> {
        let command: Document = args.required("failPoint")?;
        if args.operation() == "failPoint" {
            let client: String = args.required("client")?;
            self.observer(&client)?;
        } else {
            let session: String = args.required("session")?;
            if !self.is_session(&session) {
                return Err(format!("there is no session {session:?}").into());
            }
        }
        args.finish()?;
        self.host.fail_point(command).await
    }

    async fn run_loop(self: &Rc<Self>, mut args: Arguments) -> Run<()> {
        let operations: Vec<Operation> = args.required("operations")?;
        let errors: Option<String> = args.optional("storeErrorsAsEntity")?;
        let failures: Option<String> = args.optional("storeFailuresAsEntity")?;
        let successes: Option<String> = args.optional("storeSuccessesAsEntity")?;
        let rounds: Option<String> = args.optional("storeIterationsAsEntity")?;
        args.finish()?;
        let sink = errors.or(failures);
        let (mut n_successes, mut stops) = (0_i64, Vec::new());
        for _ in 0..LOOP_ROUNDS {
            for operation in &operations {
                match Box::pin(self.run(operation, None)).await {
                    Ok(_) => n_successes += 1,
                    Err(Stop::Fail(why)) if sink.is_some() => {
                        stops.push(Bson::Document(doc! { "error": why, "time": 0 }));
                        break;
                    }
                    Err(stop) => return Err(stop),
                }
            }
        }
        let store = |id: Option<String>, value: Bson| {
            if let Some(id) = id {
                self.put(&id, Entity::Value(value));
            }
        };
        store(sink, Bson::Array(stops));
        store(successes, Bson::Int64(n_successes));
        store(rounds, Bson::Int64(LOOP_ROUNDS.into()));
        Ok(())
    }

    fn run_on_thread(&self, mut args: Arguments) -> Run<()> {
        let thread: String = args.required("thread")?;
        let operation: Document = args.required("operation")?;
        args.finish()?;
        let operation: Operation = serial::read_document(operation).map_err(Stop::Fail)?;
        self.ledger.is_concurrent();
        match self.entities.borrow().get(&thread) {
            // Who has ended has failed: `waitForThread` tells.
            Some(Entity::Thread(thread)) => {
                let _ = thread.operations.send(operation);
                Ok(())
            }
            _ => Err(format!("there is no thread {thread:?}").into()),
        }
    }

    async fn wait_for_thread(&self, mut args: Arguments) -> Run<()> {
        let id: String = args.required("thread")?;
        args.finish()?;
        let Some(Entity::Thread(mut thread)) = self.entities.borrow_mut().remove(&id) else {
            return Err(format!("there is no thread {id:?}").into());
        };
        // Without a sender the thread ends after what it was given.
        thread.operations = mpsc::unbounded_channel().0;
        match tokio::time::timeout(PATIENCE, &mut thread.end).await {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => Err(format!("thread {id}: {error}").into()),
            Err(_) => Err(format!("thread {id} does not end").into()),
        }
    }

    async fn wait_for_event(&self, mut args: Arguments) -> Run<()> {
        let client: String = args.required("client")?;
        let event: Document = args.required("event")?;
        let count: usize = args.required("count")?;
        args.finish()?;
        let observer = self.observer(&client)?;
        if wait_until(|| observer.count(&event, self) >= count).await {
            return Ok(());
        }
        let found = observer.count(&event, self);
        Err(format!("expected {count} of {event}, found {found}").into())
    }

    fn assert_event_count(&self, mut args: Arguments) -> Run<()> {
        let client: String = args.required("client")?;
        let event: Document = args.required("event")?;
        let count: usize = args.required("count")?;
        args.finish()?;
        let found = self.observer(&client)?.count(&event, self);
        if found == count {
            return Ok(());
        }
        Err(format!("expected {count} of {event}, found {found}").into())
    }

    async fn topology(&self, mut args: Arguments) -> Run<()> {
        if args.operation() == "recordTopologyDescription" {
            let client: String = args.required("client")?;
            let id: String = args.required("id")?;
            args.finish()?;
            let observer = self.observer(&client)?;
            wait_until(|| observer.topology().is_some()).await;
            let topology = observer.topology().ok_or_else(|| "no topology is known".to_owned())?;
            return self.put_new(&id, Entity::Topology(topology));
        }
        let id: String = args.required("topologyDescription")?;
        let expected: String = args.required("topologyType")?;
        args.finish()?;
        match self.entities.borrow().get(&id) {
            Some(Entity::Topology(topology)) if topology_type(topology) == expected => Ok(()),
            Some(Entity::Topology(topology)) => {
                Err(format!("expected {expected}, found {}", topology_type(topology)).into())
            }
            _ => Err(format!("there is no topology description {id:?}").into()),
        }
    }

    fn assert_session(&self, mut args: Arguments, held: Option<&mut Held<'_>>) -> Run<()> {
        let id: String = args.required("session")?;
        let text = match (held, self.entities.borrow_mut().get_mut(&id)) {
            (Some(held), _) if held.id == id => api::state(held.session),
            (_, Some(Entity::Session(session))) => api::state(&mut session.session),
            _ => return Err(format!("there is no session {id:?}").into()),
        };
        let (part, expected) = match args.operation() {
            "assertSessionTransactionState" => {
                let state: String = args.required("state")?;
                let name = match state.as_str() {
                    "none" => "None",
                    "starting" => "Starting",
                    "in_progress" => "InProgress",
                    "committed" => "Committed",
                    "aborted" => "Aborted",
                    other => return Err(format!("unknown state {other:?}").into()),
                };
                (["transaction: Transaction {", "state: "], name)
            }
            "assertSessionPinned" => (["transaction: Transaction {", "pinned: "], "Some"),
            "assertSessionUnpinned" => (["transaction: Transaction {", "pinned: "], "None"),
            "assertSessionDirty" => (["server_session: ServerSession {", "dirty: "], "true"),
            "assertSessionNotDirty" => (["server_session: ServerSession {", "dirty: "], "false"),
            other => return Err(format!("unknown operation of the runner {other:?}").into()),
        };
        args.finish()?;
        let found = part
            .iter()
            .try_fold(text.as_str(), |text, part| text.split_once(part).map(|(_, rest)| rest));
        match found {
            Some(found) if found.starts_with(expected) => Ok(()),
            Some(found) => {
                let found: String = found.chars().take(20).collect();
                Err(format!("expected {expected}, found {found}...").into())
            }
            None => Err(format!("the session's state is not where it was: {text}").into()),
        }
    }

    fn assert_lsids(&self, mut args: Arguments) -> Run<()> {
        let client: String = args.required("client")?;
        let wants_same = args.operation().starts_with("assertSame");
        args.finish()?;
        let commands = self.observer(&client)?.commands();
        let mut lsids = commands
            .iter()
            .rev()
            .filter(|command| !command.contains_key("configureFailPoint"))
            .map(|command| command.get("lsid").cloned());
        let (last, before) = (lsids.next().flatten(), lsids.next().flatten());
        if last.is_none() || before.is_none() {
            return Err("the last two commands have no lsid".to_owned().into());
        }
        if (last == before) == wants_same {
            return Ok(());
        }
        Err(format!("the lsids are {before:?} and {last:?}").into())
    }

    async fn assert_checked_out(&self, mut args: Arguments) -> Run<()> {
        let client: String = args.required("client")?;
        let expected: i64 = args.required("connections")?;
        args.finish()?;
        let observer = self.observer(&client)?;
        // A connection goes back to its pool a moment after its operation.
        if wait_until(|| observer.n_checked_out() == expected).await {
            return Ok(());
        }
        let found = observer.n_checked_out();
        Err(format!("expected {expected} connections checked out, found {found}").into())
    }

    async fn assert_collection(&self, mut args: Arguments, wanted: Wanted) -> Run<()> {
        let db: String = args.required("databaseName")?;
        let name: String = args.required("collectionName")?;
        args.finish()?;
        let names = self.host.collection_names(&db).await?;
        present(names.contains(&name), wanted, &format!("collection {db}.{name}"))
    }

    async fn assert_index(&self, mut args: Arguments, wanted: Wanted) -> Run<()> {
        let db: String = args.required("databaseName")?;
        let collection: String = args.required("collectionName")?;
        let index: String = args.required("indexName")?;
        args.finish()?;
        let names = self.host.index_names(&db, &collection).await?;
        present(names.contains(&index), wanted, &format!("index {index} of {db}.{collection}"))
    }
}

fn present(is_there: bool, wanted: Wanted, what: &str) -> Run<()> {
    match (is_there, wanted) {
        (true, Wanted::Absent) => Err(format!("{what} is there").into()),
        (false, Wanted::Present) => Err(format!("{what} is not there").into()),
        _ => Ok(()),
    }
}
