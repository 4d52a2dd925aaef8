//! Sessions and transactions.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use mongodb::{
    bson::{Bson, Document},
    error::{Error, ErrorKind, WriteFailure},
    options::TransactionOptions,
};
use mongowatch::{Outcome, TxnOutcome};

use super::{super::api::ClientSession, Answer, Entity, Held, Value, World, nothing};
use crate::{
    arguments::Arguments,
    events::wait_until,
    file::Operation,
    ledger::{Fate, Ledger, Place},
    verdict::{Run, Stop},
};

const TXN_OPTIONS: &[&str] = &["readConcern", "writeConcern", "readPreference", "maxCommitTimeMS"];

/// A session, and what is known of its transaction.
pub(super) struct Session {
    pub(super) session: ClientSession,
    pub(super) txn: Txn,
    pub(super) place: Place,
}

/// The last transaction of a session.
#[derive(Clone, Default)]
pub(super) struct Txn {
    fate: Option<Fate>,
    is_open: bool,
    asked: Option<Asked>,
}

/// How often a commit was asked for.
#[derive(Clone, Copy)]
enum Asked {
    Once,
    /// One before may have been carried out.
    Again,
}

impl Txn {
    /// The fate of the transaction, as long as it is open.
    pub(super) fn open(&self) -> Option<Fate> {
        self.fate.clone().filter(|_| self.is_open)
    }

    fn abort_if_open(&mut self) {
        if self.is_open {
            self.end(TxnOutcome::Aborted);
        }
    }

    fn start(&mut self) {
        *self = Self { fate: Some(Fate::default()), is_open: true, asked: None };
    }

    /// Notes that a commit is asked for.
    fn ask(&mut self) -> Asked {
        let asked = if self.asked.is_some() { Asked::Again } else { Asked::Once };
        self.asked = Some(asked);
        asked
    }

    fn end(&mut self, outcome: TxnOutcome) {
        self.is_open = false;
        if let Some(fate) = &self.fate {
            let mut fate = fate.lock().unwrap();
            // A commit whose result is unknown may be tried again.
            if matches!(*fate, None | Some(TxnOutcome::Unknown)) {
                *fate = Some(outcome);
            }
        }
    }
}

impl Session {
    pub(super) fn new(session: ClientSession, place: Place) -> Self {
        Self { session, txn: Txn::default(), place }
    }

    /// Drops the session: the driver aborts a transaction that is open, in the background.
    pub(super) async fn end(mut self, ledger: &Arc<Ledger>) {
        if !self.txn.is_open {
            return;
        }
        self.txn.end(TxnOutcome::Aborted);
        ledger.stray("abort_transaction");
        let observer = Arc::clone(&self.place.observer);
        let lsid = Bson::Document(self.session.id().clone());
        let is_in_txn = |command: &Document| {
            command.contains_key("autocommit") && command.get("lsid") == Some(&lsid)
        };
        let was_sent = observer.commands().iter().any(is_in_txn);
        let n_before = observer.n_ended("abortTransaction");
        drop(self);
        if was_sent {
            wait_until(|| observer.n_ended("abortTransaction") > n_before).await;
        }
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Transaction { .. })
}

/// What a commit brought about.
fn committed(result: &Result<(), Error>, asked: Asked) -> TxnOutcome {
    let Err(error) = result else { return TxnOutcome::Committed };
    if error.contains_label("UnknownTransactionCommitResult") {
        return TxnOutcome::Unknown;
    }
    match &*error.kind {
        // What the server refuses of a repetition may be what it has done before.
        ErrorKind::Command(_)
            if matches!(asked, Asked::Once)
                || error.contains_label("TransientTransactionError") =>
        {
            TxnOutcome::Aborted
        }
        // Committed, but not as widely as was asked for.
        ErrorKind::Write(WriteFailure::WriteConcernError(_)) => TxnOutcome::Committed,
        _ => TxnOutcome::Unknown,
    }
}

impl World {
    /// An operation whose object is a session.
    pub(super) async fn call_session(self: &Rc<Self>, id: &str, args: Arguments) -> Run<Answer> {
        let mut taken = self.take_session(id)?;
        if args.operation() == "endSession" {
            args.finish()?;
            taken.end(&self.ledger).await;
            return Ok(Ok(Value::Nothing));
        }
        let answer = if args.operation() == "withTransaction" {
            self.with_transaction(id, args, &mut taken).await
        } else {
            let Session { session, txn, place } = &mut *taken;
            self.call_on_session(args, session, txn, place).await
        };
        self.put(id, Entity::Session(taken));
        answer
    }

    /// An operation of a callback whose object is the session of the transaction.
    pub(super) async fn call_held(&self, args: Arguments, held: &mut Held<'_>) -> Run<Answer> {
        self.call_on_session(args, held.session, &mut held.txn, &held.place).await
    }

    async fn with_transaction(
        self: &Rc<Self>,
        id: &str,
        args: Arguments,
        taken: &mut Session,
    ) -> Run<Answer> {
        let mut args = args.for_runner();
        let callback: Vec<Operation> = args.required("callback")?;
        let options: TransactionOptions = args.options(TXN_OPTIONS)?;
        args.finish()?;
        let Session { session, txn, place } = taken;
        let stop = RefCell::new(None);
        let shared = RefCell::new(std::mem::take(txn));
        let has_failed = Cell::new(false);
        let n_attempts = Cell::new(0_usize);
        let n_commits = || place.observer.n_started("commitTransaction");
        // Those of the callback have calls of their own.
        let n_commits_before = Cell::new(n_commits());
        let n_commits_by_last = Cell::new(0);
        let attempt = async |session: &mut ClientSession| {
            let mut txn = shared.take();
            txn.abort_if_open();
            txn.start();
            n_attempts.set(n_attempts.get() + 1);
            let n_before = n_commits();
            let mut held = Held { id: id.to_owned(), session, txn, place: place.clone() };
            let result = self.run_callback(&callback, &mut held, &stop).await;
            shared.replace(held.txn);
            n_commits_by_last.set(n_commits());
            n_commits_before.set(n_commits_before.get() + n_commits() - n_before);
            has_failed.set(result.is_err());
            result
        };
        let result = session.start_transaction().with_options(options).and_run2(attempt).await;
        *txn = shared.take();
        if let Some(stop) = stop.take() {
            txn.abort_if_open();
            return Err(stop);
        }
        // A commit may be asked for again; one of an empty transaction sends nothing.
        let mut n_commits_more = (n_commits() - n_commits_before.get()).max(n_attempts.get());
        let mut n_aborts = n_attempts.get();
        if txn.is_open {
            // How the last attempt ended; the driver may have made more before it.
            let (operation, end) = if has_failed.get() {
                ("abort_transaction", TxnOutcome::Aborted)
            } else {
                // The driver sends a commit twice, if need be, before it says what came of it.
                let asked = if n_commits() - n_commits_by_last.get() > 2 {
                    Asked::Again
                } else {
                    Asked::Once
                };
                ("commit_transaction", committed(&result, asked))
            };
            let n_left = if has_failed.get() { &mut n_aborts } else { &mut n_commits_more };
            *n_left = n_left.saturating_sub(1);
            txn.end(end);
            let call = self.ledger.call(operation, place, None);
            match &result {
                Err(error) if !has_failed.get() => call.fail_sent(error),
                _ => call.close(&[Outcome::Ok]),
            }
        }
        self.ledger.repeats("commit_transaction", n_commits_more);
        self.ledger.repeats("abort_transaction", n_aborts);
        Ok(nothing(result))
    }

    /// Runs the operations of a callback; an error that one was right to have goes to the driver,
    /// which may try again.
    async fn run_callback(
        self: &Rc<Self>,
        callback: &[Operation],
        held: &mut Held<'_>,
        stop: &RefCell<Option<Stop>>,
    ) -> Result<(), Error> {
        for operation in callback {
            match Box::pin(self.run(operation, Some(&mut *held))).await {
                Ok(None) => {}
                Ok(Some(_)) if operation.ignore_result_and_error => {}
                Ok(Some(error)) => return Err(error),
                Err(why) => {
                    stop.replace(Some(why));
                    return Err(Error::custom("the test ends".to_owned()));
                }
            }
        }
        Ok(())
    }

    async fn call_on_session(
        &self,
        mut args: Arguments,
        session: &mut ClientSession,
        txn: &mut Txn,
        place: &Place,
    ) -> Run<Answer> {
        match args.operation() {
            "startTransaction" => {
                let options = args.options(TXN_OPTIONS)?;
                args.finish()?;
                let options: TransactionOptions = options;
                let result = session.start_transaction().with_options(options).await;
                if result.is_ok() {
                    txn.start();
                }
                Ok(nothing(result))
            }
            "commitTransaction" => {
                args.finish()?;
                let call = self.ledger.call("commit_transaction", place, None);
                let asked = txn.ask();
                let result = session.commit_transaction().await;
                // The driver refuses when there is none to commit.
                if !matches!(&result, Err(error) if is_refusal(error)) {
                    txn.end(committed(&result, asked));
                }
                call.end(&result, |(), _| ());
                Ok(nothing(result))
            }
            "abortTransaction" => {
                args.finish()?;
                let call = self.ledger.call("abort_transaction", place, None);
                let result = session.abort_transaction().await;
                if result.is_ok() {
                    txn.end(TxnOutcome::Aborted);
                }
                // The driver hides what went wrong with an abort; the traffic may show it.
                match &result {
                    Ok(()) => call.close(&[Outcome::Ok, Outcome::Error]),
                    Err(error) => call.fail(error),
                }
                Ok(nothing(result))
            }
            "getSnapshotTime" => {
                args.finish()?;
                Ok(Ok(session
                    .snapshot_time()
                    .map_or(Value::Nothing, |time| Value::Bson(Bson::Timestamp(time)))))
            }
            other => Err(Stop::Skip(format!("the driver's session has no operation {other}"))),
        }
    }
}
