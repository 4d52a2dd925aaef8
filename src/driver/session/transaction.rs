//! The transaction of a session, and the records that wait for its end.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mongodb::{
    bson::Bson,
    error::{
        ErrorKind, Result, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT,
        WriteFailure,
    },
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
    /// Was the driver's own session handed out, so that the transaction may have ended unseen?
    is_out_of_sight: bool,
}

#[derive(Default)]
enum State {
    /// There was none yet, or it has ended and its end is known.
    #[default]
    Settled,
    Running(Txn),
    /// A commit was asked for, and its result is not known.
    Committing(Txn, Asked),
    /// An abort was asked for, and the driver has not said yes yet.
    Aborting(Txn),
}

/// How often a commit was asked for.
#[derive(Clone, Copy, PartialEq)]
enum Asked {
    Once,
    /// The commit before may have been carried out.
    Again,
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
    /// A transaction has begun: the one before, if it is not settled, will never be.
    pub(in crate::driver) fn start(&mut self, options: Option<Arc<Bson>>) {
        self.give_up();
        self.options = options;
        self.is_out_of_sight = false;
        self.state = State::Running(Txn::default());
    }

    /// The transaction that new operations belong to.
    pub(in crate::driver) fn running(&self) -> Option<Txn> {
        match &self.state {
            State::Running(txn) => Some(txn.clone()),
            State::Settled | State::Committing(..) | State::Aborting(_) => None,
        }
    }

    pub(in crate::driver) const fn is_running(&self) -> bool {
        matches!(self.state, State::Running(_))
    }

    /// The transaction may be ended past the mirror from now on.
    pub(super) const fn leave_sight(&mut self) {
        self.is_out_of_sight = true;
    }

    /// A commit is about to be sent: from now on only its result can tell what became of it.
    pub(in crate::driver) fn commit(&mut self) {
        self.state = match mem::take(&mut self.state) {
            State::Running(txn) => State::Committing(txn, Asked::Once),
            State::Committing(txn, _) => State::Committing(txn, Asked::Again),
            state => state,
        };
    }

    /// The result of a commit has come in.
    pub(in crate::driver) fn committed(&mut self, result: &Result<()>) {
        let State::Committing(_, asked) = &self.state else { return };
        if let Some(outcome) = outcome_of_commit(result, *asked) {
            self.settle(outcome);
        }
    }

    /// An abort is about to be sent: nothing can commit the transaction any more.
    pub(in crate::driver) fn abort(&mut self) {
        self.state = match mem::take(&mut self.state) {
            State::Running(txn) => State::Aborting(txn),
            state => state,
        };
    }

    /// The result of an abort has come in. The driver refuses to abort what was ended unseen.
    pub(in crate::driver) fn aborted(&mut self, result: &Result<()>) {
        if matches!(self.state, State::Aborting(_)) {
            let is_aborted = result.is_ok();
            self.settle(if is_aborted { TxnOutcome::Aborted } else { TxnOutcome::Unknown });
        }
    }

    /// Nobody will say any more what became of the transaction.
    fn give_up(&mut self) {
        let outcome = match self.state {
            State::Aborting(_) => TxnOutcome::Aborted,
            // The driver aborts what runs in a session that is dropped.
            State::Running(_) if !self.is_out_of_sight => TxnOutcome::Aborted,
            _ => TxnOutcome::Unknown,
        };
        self.settle(outcome);
    }

    /// Ends the transaction, if one has not ended, with this outcome.
    fn settle(&mut self, outcome: TxnOutcome) {
        match mem::take(&mut self.state) {
            State::Running(txn) | State::Committing(txn, _) | State::Aborting(txn) => {
                txn.end(outcome);
            }
            State::Settled => {}
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// What a commit says of its transaction; none if it may be asked for again.
///
/// Source: the driver specification "Transactions", section UnknownTransactionCommitResult.
fn outcome_of_commit(result: &Result<()>, asked: Asked) -> Option<TxnOutcome> {
    let Err(error) = result else { return Some(TxnOutcome::Committed) };
    if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) {
        return None;
    }
    match &*error.kind {
        // The server has refused the commit; what it refuses of a repetition may not be the first.
        ErrorKind::Command(_)
            if asked == Asked::Once || error.contains_label(TRANSIENT_TRANSACTION_ERROR) =>
        {
            Some(TxnOutcome::Aborted)
        }
        // It is committed, but not as widely as was asked for.
        ErrorKind::Write(WriteFailure::WriteConcernError(_)) => Some(TxnOutcome::Committed),
        _ => None,
    }
}

impl Txn {
    /// So many records wait at most. A transaction of more operations is beyond what servers
    /// advise by far (1,000 documents); its oldest records are final without an outcome then.
    const WAITING_MAX: usize = 65_536;

    /// Takes the final version of an operation's record: it comes out now as an update, and as the
    /// final version when the transaction has ended, or at once if it has.
    pub(in crate::driver) fn take(&self, mut record: Box<WatchMessage>, emitter: &Emitter) {
        if !self.has_ended() {
            // Before the record is where the end of the transaction finds it: a final version is
            // the last.
            emitter.emit(as_update(&mut record));
        }
        let mut operations = self.lock();
        let ready = match &mut *operations {
            Operations::Ended(outcome) => {
                record.txn_outcome = Some(*outcome);
                Some(Waiting { record, emitter: emitter.clone() })
            }
            Operations::Waiting(waiting) => {
                waiting.push_back(Waiting { record, emitter: emitter.clone() });
                if waiting.len() > Self::WAITING_MAX { waiting.pop_front() } else { None }
            }
        };
        drop(operations);
        if let Some(Waiting { record, emitter }) = ready {
            emitter.emit(record);
        }
    }

    fn has_ended(&self) -> bool {
        matches!(*self.lock(), Operations::Ended(_))
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
