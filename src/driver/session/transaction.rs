//! The transaction of a session, and the records that wait for its end.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mongodb::{
    bson::Bson,
    error::{Error, ErrorKind, Result, UNKNOWN_TRANSACTION_COMMIT_RESULT, WriteFailure},
};

use crate::{
    pipeline::Emitter,
    record::{Iteration, Phase, TxnOutcome, WatchMessage},
};

/// How far the transaction of a session has come; the driver keeps the same states.
///
/// When the session is dropped, its driver aborts what is running.
#[derive(Default)]
pub(in crate::driver) struct Transaction {
    state: State,
    /// The options of the transaction, for the records of its commit and abort.
    pub(in crate::driver) options: Option<Arc<Bson>>,
}

#[derive(Default)]
enum State {
    /// There was none yet, or it has ended and its end is known.
    #[default]
    Settled,
    Running(Txn),
    /// A commit was asked for, and its result is not known.
    Committing(Txn),
}

/// The operations of one transaction. Clones are the same transaction.
#[derive(Clone, Default)]
pub(in crate::driver) struct Txn(Arc<Mutex<Operations>>);

enum Operations {
    /// Those that have ended before their transaction, in the order of their ends.
    Waiting(VecDeque<Waiting>),
    Ended(TxnOutcome),
}

/// A record that is final but for the outcome of its transaction.
struct Waiting {
    record: Box<WatchMessage>,
    emitter: Emitter,
}

impl Default for Operations {
    fn default() -> Self {
        Self::Waiting(VecDeque::new())
    }
}

impl Transaction {
    /// A transaction has begun.
    pub(in crate::driver) fn start(&mut self, options: Option<Arc<Bson>>) {
        self.settle(TxnOutcome::Unknown);
        self.options = options;
        self.state = State::Running(Txn::default());
    }

    /// The transaction that new operations belong to.
    pub(in crate::driver) fn running(&self) -> Option<Txn> {
        match &self.state {
            State::Running(txn) => Some(txn.clone()),
            State::Settled | State::Committing(_) => None,
        }
    }

    pub(in crate::driver) const fn is_running(&self) -> bool {
        matches!(self.state, State::Running(_))
    }

    /// A commit is about to be sent: from now on only its result can tell what became of it.
    pub(in crate::driver) fn commit(&mut self) {
        self.state = match mem::take(&mut self.state) {
            State::Running(txn) => State::Committing(txn),
            state => state,
        };
    }

    /// The result of a commit has come in.
    pub(in crate::driver) fn committed(&mut self, result: &Result<()>) {
        let outcome = match result {
            Ok(()) => Some(TxnOutcome::Committed),
            Err(error) => outcome_of_commit(error),
        };
        if let Some(outcome) = outcome {
            self.settle(outcome);
        }
    }

    /// The transaction is given up: nothing can commit it any more.
    pub(in crate::driver) fn abort(&mut self) {
        if self.is_running() {
            self.settle(TxnOutcome::Aborted);
        }
    }

    /// Ends the transaction, if one has not ended, with this outcome.
    fn settle(&mut self, outcome: TxnOutcome) {
        if let State::Running(txn) | State::Committing(txn) = mem::take(&mut self.state) {
            txn.end(outcome);
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.abort();
        self.settle(TxnOutcome::Unknown);
    }
}

/// What a failed commit says of its transaction; none if it may be asked for again.
///
/// Source: the driver specification "Transactions", section UnknownTransactionCommitResult.
fn outcome_of_commit(error: &Error) -> Option<TxnOutcome> {
    if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) {
        return None;
    }
    match &*error.kind {
        // The server has refused the commit.
        ErrorKind::Command(_) => Some(TxnOutcome::Aborted),
        // It is committed, but not as widely as was asked for.
        ErrorKind::Write(WriteFailure::WriteConcernError(_)) => Some(TxnOutcome::Committed),
        // The driver has refused it: there is none to commit.
        ErrorKind::Transaction { .. } => None,
        _ => Some(TxnOutcome::Unknown),
    }
}

impl Txn {
    /// So many records wait at most. A transaction of more operations is beyond what servers
    /// advise by far (1,000 documents); its oldest records are final without an outcome then.
    const WAITING_MAX: usize = 65_536;

    /// Takes the final version of an operation's record: it comes out now as an update, and as the
    /// final version when the transaction has ended, or at once if it has.
    pub(in crate::driver) fn take(&self, mut record: Box<WatchMessage>, emitter: &Emitter) {
        let mut operations = self.lock();
        match &mut *operations {
            Operations::Ended(outcome) => {
                record.txn_outcome = Some(*outcome);
                drop(operations);
                emitter.emit(record);
            }
            Operations::Waiting(waiting) => {
                let update = as_update(&mut record);
                waiting.push_back(Waiting { record, emitter: emitter.clone() });
                let beyond = waiting.len() > Self::WAITING_MAX;
                let oldest = if beyond { waiting.pop_front() } else { None };
                drop(operations);
                emitter.emit(update);
                if let Some(Waiting { record, emitter }) = oldest {
                    emitter.emit(record);
                }
            }
        }
    }

    /// The transaction has ended: its operations are final.
    fn end(&self, outcome: TxnOutcome) {
        let before = mem::replace(&mut *self.lock(), Operations::Ended(outcome));
        // Out of the lock before anything is emitted.
        if let Operations::Waiting(waiting) = before {
            for Waiting { mut record, emitter } in waiting {
                record.txn_outcome = Some(outcome);
                emitter.emit(record);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Operations> {
        // A plain list: what a panicking holder left behind is still a list.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An update with what the record says; the record becomes the version after it.
fn as_update(record: &mut WatchMessage) -> Box<WatchMessage> {
    let mut update = Box::new(record.clone());
    let n_versions = match record.iteration {
        Iteration::Final(n) => n.unwrap_or_default(),
        Iteration::Update(n) => n,
    };
    update.phase = Phase::Update;
    update.iteration = Iteration::Update(n_versions);
    record.iteration = Iteration::Final(Some(n_versions + 1));
    update
}
