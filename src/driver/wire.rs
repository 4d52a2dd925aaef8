//! What the doors to the driver's traffic learn of an open operation of the mirrored API.
//!
//! The operation of a mirrored call runs inside a task-local scope; the driver's command events and
//! spans happen in the same task and find it there.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use uuid::Uuid;

use super::reply::Reply;
use crate::record::{Counts, Traffic};

thread_local! {
    /// The operation that is being polled on this thread. A `tokio` task-local would do the same,
    /// with two more reference counts for each document of a cursor.
    static OPEN: RefCell<Option<Arc<Wire>>> = const { RefCell::new(None) };
}

/// The traffic of one open operation.
#[derive(Default)]
pub(super) struct Wire(Mutex<Learned>);

/// What was learned so far.
#[derive(Clone, Default)]
pub(super) struct Learned {
    pub(super) traffic: Traffic,
    /// Counts out of the server's replies, for what the driver's results do not say.
    pub(super) counts: Counts,
    /// The cursor that the operation holds open on the server.
    pub(super) cursor_id: Option<i64>,
}

/// One command on its way to a server.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) server: Option<Arc<str>>,
    pub(super) connection_id: Option<i64>,
    pub(super) server_connection_id: Option<i64>,
    pub(super) request_id: Option<i32>,
    pub(super) request_bytes: Option<u64>,
    pub(super) session_id: Option<Uuid>,
    pub(super) txn_number: Option<i64>,
}

impl Wire {
    /// The operation in whose scope this thread is now.
    pub(super) fn current() -> Option<Arc<Self>> {
        OPEN.with_borrow(Clone::clone)
    }

    /// Runs `act` in the scope of this operation.
    pub(super) fn enter<R>(self: &Arc<Self>, act: impl FnOnce() -> R) -> R {
        /// Puts back what was there before, when `act` panics too.
        struct Restore(Option<Arc<Wire>>);
        impl Drop for Restore {
            fn drop(&mut self) {
                let before = self.0.take();
                OPEN.with_borrow_mut(|open| *open = before);
            }
        }
        let before = OPEN.with_borrow_mut(|open| open.replace(Arc::clone(self)));
        let _restore = Restore(before);
        act()
    }

    /// Runs a future of the driver in the scope of this operation.
    pub(super) const fn scope<F: Future + Unpin>(self: &Arc<Self>, future: F) -> Scope<'_, F> {
        Scope { wire: self, future }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Learned> {
        // Nothing panics while it holds the lock; if it did, plain counts are still good to read.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Learned {
    /// A command goes out.
    pub(super) fn sent(&mut self, sent: Sent) {
        let traffic = &mut self.traffic;
        *traffic.attempts.get_or_insert(0) += 1;
        replace(&mut traffic.server, sent.server);
        replace(&mut traffic.connection_id, sent.connection_id);
        replace(&mut traffic.server_connection_id, sent.server_connection_id);
        replace(&mut traffic.session_id, sent.session_id);
        replace(&mut traffic.txn_number, sent.txn_number);
        add(&mut traffic.request_bytes, sent.request_bytes);
        if let Some(request_id) = sent.request_id
            && traffic.request_ids.len() < Traffic::REQUEST_IDS_MAX
        {
            traffic.request_ids.push(request_id);
        }
    }

    /// A reply came in, and this is what it says.
    pub(super) fn received(&mut self, reply: &Reply) {
        add(&mut self.traffic.reply_bytes, reply.bytes);
        add(&mut self.traffic.returned, reply.returned);
        if reply.returned.is_some() {
            *self.traffic.batches.get_or_insert(0) += 1;
        }
        add(&mut self.counts.matched, reply.counts.matched);
        add(&mut self.counts.inserted, reply.counts.inserted);
        add(&mut self.counts.upserted, reply.counts.upserted);
        add(&mut self.counts.modified, reply.counts.modified);
        add(&mut self.counts.deleted, reply.counts.deleted);
        if reply.cursor_id.is_some() {
            self.cursor_id = reply.cursor_id.filter(|id| *id != 0);
        }
    }
}

fn replace<T>(place: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *place = value;
    }
}

fn add(place: &mut Option<u64>, value: Option<u64>) {
    if let Some(value) = value {
        *place.get_or_insert(0) += value;
    }
}

/// A future of the driver in the scope of an operation.
pub(super) struct Scope<'a, F> {
    wire: &'a Arc<Wire>,
    future: F,
}

impl<F: Future + Unpin> Future for Scope<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        this.wire.enter(|| Pin::new(&mut this.future).poll(cx))
    }
}
