//! The queue thread: takes records out of the hand-over, lets them wait for their newest version,
//! and sends what is released to the routes.

use std::{
    ops::RangeInclusive,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc,
        atomic::{
            AtomicBool,
            Ordering::{Relaxed, SeqCst},
        },
    },
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::Sender;

use super::{
    emitter::{HandOver, Receivers},
    route::{Plan, Route},
    watchers::Kinds,
};
use crate::{
    queue::{Pushed, QueueSettings, WatchQueue},
    record::{Timestamp, WatchMessage, WatcherName},
    watch_error::{Error, Result},
};

/// What the queue thread is asked to do.
pub(super) enum Command {
    /// Write what has been released so far, and answer.
    Flush(Sender<()>),
    /// Let the routes be these from now on, and answer; unless nobody waits for it any more.
    Arrange(Box<Plan>, Claim, Sender<Result<()>>),
    /// Take what is there, release everything, and end by this time.
    Shutdown(Instant),
}

/// Who decides about a change: the queue thread that begins with it, or the one who asked for it and
/// gives up.
#[derive(Clone, Default)]
pub(super) struct Claim(Arc<AtomicBool>);

impl Claim {
    /// Takes the decision; `false` if the other one has it.
    pub(super) fn take(&self) -> bool {
        !self.0.swap(true, SeqCst)
    }
}

/// Everything the queue thread owns.
pub(super) struct Worker {
    hand_over: Arc<HandOver>,
    receivers: Receivers,
    queue: WatchQueue,
    kinds: Kinds,
    routes: Vec<Route>,
    /// The moment on the wall clock at which the present batch began.
    time: Timestamp,
    /// Were the settings changed? Then records may wait that passed a milder policy.
    is_rearranged: bool,
}

/// From now on records may be silent for so long.
fn set_timeouts(queue: &mut WatchQueue, kinds: &Kinds) {
    for watcher in WatcherName::ALL {
        queue.set_timeout(*watcher, *kinds.timeouts.of(*watcher));
    }
}

/// How a step of the thread ended.
enum Step {
    /// It took so many versions, or did something else.
    Busy(usize),
    Idle,
    ShutDown(Instant),
}

impl Worker {
    /// Between two looks into the hand-over about so many versions come in. A wake-up and the write
    /// that follows cost some 50 µs, more when the caches are cold: divided by so many, they are
    /// little. A crash loses as many, or what a sudden rush brings in within one tick.
    const WANTED: u32 = 256;

    /// The thread looks again no sooner and no later than this.
    pub(super) const TICK: RangeInclusive<Duration> =
        Duration::from_millis(2)..=Duration::from_millis(100);

    /// After so many looks without work the thread parks.
    const IDLE_TICKS: u32 = 2;

    /// So many records are taken, or released, before the other side has its turn.
    const BATCH: usize = 4_096;

    pub(super) fn new(
        hand_over: Arc<HandOver>,
        receivers: Receivers,
        queue: QueueSettings,
        kinds: Kinds,
        routes: Vec<Route>,
    ) -> Self {
        let time = Timestamp::now();
        let mut queue = WatchQueue::new(queue);
        set_timeouts(&mut queue, &kinds);
        Self { hand_over, receivers, queue, kinds, routes, time, is_rearranged: false }
    }

    /// The life of the thread.
    pub(super) fn run(mut self) {
        let mut n_idle = 0;
        let mut tick = *Self::TICK.start();
        loop {
            match self.step(Instant::now()) {
                Step::ShutDown(deadline) => return self.shut_down(deadline),
                Step::Busy(n_taken) => {
                    n_idle = 0;
                    tick = Self::next_tick(tick, n_taken);
                }
                Step::Idle => n_idle += 1,
            }
            if n_idle > Self::IDLE_TICKS {
                self.park();
            } else if !self.is_behind() {
                thread::park_timeout(tick);
            }
        }
    }

    /// As long as it takes for [`Self::WANTED`] versions to come in, if they come as fast as
    /// `n_taken` did in the last tick.
    pub(super) fn next_tick(tick: Duration, n_taken: usize) -> Duration {
        let n_taken = u32::try_from(n_taken).unwrap_or(u32::MAX).max(1);
        (tick * Self::WANTED / n_taken).clamp(*Self::TICK.start(), *Self::TICK.end())
    }

    /// Takes, releases and writes one batch, and does what is asked.
    fn step(&mut self, now: Instant) -> Step {
        self.time = Timestamp::now();
        let n_taken = self.take_batch(now);
        let n_released = self.release_batch(now);
        self.tick();
        if n_released > 0 {
            self.flush();
        }
        self.hand_over.books.waiting.store(self.queue.len() as u64, Relaxed);
        match self.receivers.commands.try_recv() {
            Ok(Command::Shutdown(deadline)) => return Step::ShutDown(deadline),
            Ok(Command::Flush(answer)) => {
                self.catch_up();
                // Whoever asked may have stopped waiting.
                let _ = answer.send(());
            }
            Ok(Command::Arrange(plan, claim, answer)) => {
                if claim.take() {
                    let arranged = self.arrange(&plan);
                    // As above.
                    let _ = answer.send(arranged);
                }
            }
            Err(_) if n_taken + n_released == 0 => return Step::Idle,
            Err(_) => {}
        }
        Step::Busy(n_taken)
    }

    fn is_behind(&self) -> bool {
        self.receivers.records.len() >= Self::BATCH
            || !self.receivers.commands.is_empty()
            || self.queue.next_deadline().is_some_and(|due| due <= Instant::now())
    }

    fn take_batch(&mut self, now: Instant) -> usize {
        let mut n_taken = 0;
        while n_taken < Self::BATCH
            && let Ok(record) = self.receivers.records.try_recv()
        {
            n_taken += 1;
            self.take(record, now);
        }
        self.hand_over.books.taken.fetch_add(n_taken as u64, SeqCst);
        n_taken
    }

    fn take(&mut self, record: Box<WatchMessage>, now: Instant) {
        if self.routes.iter().any(Route::sees_every_version) {
            let time = self.time;
            let mut version = Box::new((*record).clone());
            if self.is_rearranged {
                self.hand_over.redact(&mut version);
            }
            let version = Arc::from(version);
            for route in self.routes.iter_mut().filter(|route| route.sees_every_version()) {
                route.send(&version, &self.kinds, time);
            }
        }
        let books = &self.hand_over.books;
        match self.queue.push(record, now) {
            Pushed::Waiting => {}
            Pushed::Superseded | Pushed::Stale => {
                books.superseded.fetch_add(1, Relaxed);
            }
            Pushed::DroppedFull => {
                if books.queue_full.fetch_add(1, Relaxed) == 0 {
                    tracing::warn!(
                        target: "mongowatch::pipeline",
                        "the queue is full: records are dropped, see the statistics"
                    );
                }
            }
        }
    }

    fn release_batch(&mut self, now: Instant) -> usize {
        let mut n_released = 0;
        while n_released < Self::BATCH
            && let Some(record) = self.queue.pop(now)
        {
            n_released += 1;
            self.release(record);
        }
        n_released
    }

    fn release(&mut self, mut record: Box<WatchMessage>) {
        if self.is_rearranged {
            self.hand_over.redact(&mut record);
        }
        let time = self.time;
        let record = Arc::from(record);
        for route in self.routes.iter_mut().filter(|route| !route.sees_every_version()) {
            route.send(&record, &self.kinds, time);
        }
    }

    /// Lets the steps of the routes tell what is due.
    fn tick(&mut self) {
        for route in &mut self.routes {
            route.tick(self.time);
        }
    }

    /// Takes and releases all that was emitted before.
    fn catch_up(&mut self) {
        let mut n_left = self.receivers.records.len();
        let now = Instant::now();
        while n_left > 0 {
            n_left = n_left.saturating_sub(self.take_batch(now).max(1));
        }
        while self.release_batch(now) == Self::BATCH {}
        self.flush();
        self.hand_over.books.waiting.store(self.queue.len() as u64, Relaxed);
    }

    /// Sends what has come before to the present routes, and lets them be those of the plan.
    fn arrange(&mut self, plan: &Plan) -> Result<()> {
        self.catch_up();
        let kinds = Kinds::of(&plan.watchers)?;
        // The application's filters are made here, by its own code.
        let arranged = AssertUnwindSafe(|| plan.arrange(&mut self.routes, self.time));
        let arranged = panic::catch_unwind(arranged)
            .unwrap_or_else(|_| Err(Error::config("a filter of the application panicked")))?;
        set_timeouts(&mut self.queue, &kinds);
        self.kinds = kinds;
        let books = &self.hand_over.books;
        self.is_rearranged = true;
        arranged.take_over(&mut self.routes, books.before(self.queue.len()));
        books.set_routes(self.routes.iter().map(|route| Arc::clone(route.books())).collect());
        Ok(())
    }

    fn flush(&self) {
        for route in &self.routes {
            route.flush();
        }
    }

    /// Sleeps until something is emitted or asked, or a record is due.
    fn park(&self) {
        if !self.hand_over.announce_park(&self.receivers) {
            return;
        }
        let record = self.queue.next_deadline();
        let record = record.map(|due| due.saturating_duration_since(Instant::now()));
        let time = Timestamp::now();
        let step = self.routes.iter().filter_map(|route| route.due_in(time)).min();
        match record.into_iter().chain(step).min() {
            Some(pause) => thread::park_timeout(pause),
            None => thread::park(),
        }
        self.hand_over.end_park();
    }

    /// Takes what is under way, releases what waits, and closes the routes. What is left when the
    /// time has run out stays on the books as pending.
    fn shut_down(mut self, deadline: Instant) {
        self.hand_over.close();
        let in_time = || Instant::now() < deadline;
        while !self.hand_over.is_settled() && in_time() {
            if self.take_batch(Instant::now()) == 0 {
                // An emitter stands between its count and its push.
                thread::yield_now();
            }
            self.release_batch(Instant::now());
        }
        let mut waiting =
            std::mem::replace(&mut self.queue, WatchQueue::new(QueueSettings::default()));
        let hand_over = Arc::clone(&self.hand_over);
        let books = &hand_over.books;
        books.waiting.store(waiting.len() as u64, Relaxed);
        for record in waiting.drain() {
            if !in_time() {
                break;
            }
            self.release(record);
            books.waiting.fetch_sub(1, Relaxed);
        }
        for route in &mut self.routes {
            route.finish(Timestamp::now());
            route.close();
        }
    }
}
