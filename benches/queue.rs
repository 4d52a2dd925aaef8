//! The queue against a plain `HashMap` + `BinaryHeap` that does the same moves without its rules.
//!
//! `cargo bench --bench queue`; each line `RESULT name=value`. Rounds of both sides alternate, a
//! value is the median of its rounds, and a ratio is the median of the ratios of the pairs, so that
//! a busy neighbour does not count for one side only. Records are made before the clock starts.
//!
//! - `update`: a newer version of a waiting record, by a random choice among all that wait.
//! - `release`: a new record, its final version, and the final version taken out.
//! - `stall`: the longest single push on the way to 1,000,000 waiting records and while they all
//!   expire. The same pushes are made in each round, and of each push the best of the rounds
//!   counts: a stall of the queue's own comes back in every round, one of the machine does not.
//! - `bytes_per_waiting`: resident memory of 1,000,000 waiting records, less that of the same
//!   records in a `Vec`.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, hash_map::Entry},
    fs,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use mongowatch::{
    Iteration, Timestamp, WatchId, WatchMessage, WatcherName,
    bson::{DateTime, doc},
    queue::{Pushed, QueueSettings, WatchQueue},
    record::Origin,
};

const TIMEOUT: Duration = Duration::from_secs(600);
const TICK: Duration = Duration::from_nanos(100);
const MILLION: usize = 1_000_000;

fn main() {
    // `cargo test --benches` runs this too; it is not a test.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    // `cargo bench --bench queue -- 1m` runs one part only.
    let part = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let wanted = |name| part.as_ref().is_none_or(|part| part == name);
    // First, while no freed memory is there to be used again.
    if wanted("bytes") {
        bytes_per_waiting();
    }
    if wanted("1k") {
        moves("1k", 1_000, 4_000, 401);
    }
    if wanted("1m") {
        moves("1m", MILLION, 4_000, 401);
    }
    if wanted("stall") {
        stall(7);
    }
}

fn result(name: &str, value: f64) {
    println!("RESULT queue.{name}={value:.2}");
}

// ---- the two sides

/// What both sides can do.
trait Side {
    const NAME: &str;
    fn new(capacity: usize) -> Self;
    /// Takes a version of a record that is not final.
    fn update(&mut self, record: Box<WatchMessage>, now: Instant);
    /// Takes a final version and gives it back.
    fn finish(&mut self, record: Box<WatchMessage>, now: Instant) -> Option<Box<WatchMessage>>;
    /// Gives back the next record whose deadline has passed.
    fn expire(&mut self, now: Instant) -> Option<Box<WatchMessage>>;
}

impl Side for WatchQueue {
    const NAME: &str = "";

    fn new(capacity: usize) -> Self {
        let mut settings = QueueSettings::default();
        settings.capacity = capacity;
        settings.timeout = TIMEOUT;
        Self::new(settings)
    }

    fn update(&mut self, record: Box<WatchMessage>, now: Instant) {
        let pushed = self.push(record, now);
        assert!(matches!(pushed, Pushed::Waiting | Pushed::Superseded));
    }

    fn finish(&mut self, record: Box<WatchMessage>, now: Instant) -> Option<Box<WatchMessage>> {
        let pushed = self.push(record, now);
        assert_eq!(pushed, Pushed::Superseded);
        self.pop(now)
    }

    fn expire(&mut self, now: Instant) -> Option<Box<WatchMessage>> {
        self.pop(now)
    }
}

/// Newest version by id, deadlines in a heap whose stale entries are skipped when they come up.
/// No capacity, no memory of what was released, no order among finals, no clock rules.
#[derive(Default)]
struct Baseline {
    newest: HashMap<WatchId, (Box<WatchMessage>, Instant)>,
    deadlines: BinaryHeap<Reverse<(Instant, WatchId)>>,
}

impl Side for Baseline {
    const NAME: &str = "_baseline";

    fn new(_capacity: usize) -> Self {
        Self::default()
    }

    fn update(&mut self, record: Box<WatchMessage>, now: Instant) {
        let deadline = now + TIMEOUT;
        self.deadlines.push(Reverse((deadline, record.id)));
        match self.newest.entry(record.id) {
            Entry::Occupied(mut entry) if entry.get().0.iteration < record.iteration => {
                entry.insert((record, deadline));
            }
            Entry::Occupied(_) => {}
            Entry::Vacant(entry) => {
                entry.insert((record, deadline));
            }
        }
    }

    fn finish(&mut self, record: Box<WatchMessage>, _now: Instant) -> Option<Box<WatchMessage>> {
        let older = self.newest.remove(&record.id);
        assert!(older.is_some());
        Some(record)
    }

    fn expire(&mut self, now: Instant) -> Option<Box<WatchMessage>> {
        while let Some(Reverse((deadline, id))) = self.deadlines.peek().copied() {
            if deadline > now {
                return None;
            }
            self.deadlines.pop();
            if let Entry::Occupied(entry) = self.newest.entry(id)
                && entry.get().1 == deadline
            {
                return Some(entry.remove().0);
            }
        }
        None
    }
}

// ---- the records

/// Makes records as the library does: names and origin shared by all, the filter by all versions.
struct Records {
    db: Arc<str>,
    collection: Arc<str>,
    origin: Arc<Origin>,
    n_made: i64,
}

impl Records {
    fn new() -> Self {
        let text = |text: &str| Some(text.to_owned());
        let origin = Origin {
            host: text("app-7f9c"),
            pid: Some(4_711),
            service: text("shop"),
            user: text("shop_rw"),
            auth_source: text("admin"),
            ..Origin::default()
        };
        Self { db: "shop".into(), collection: "orders".into(), origin: Arc::new(origin), n_made: 0 }
    }

    fn first(&mut self) -> Box<WatchMessage> {
        self.n_made += 1;
        let micros = 1_714_564_800_000_000 + self.n_made * 20;
        let start = Timestamp::from_micros(micros);
        let mut record = WatchMessage::new(WatcherName::Collection, "find", start);
        record.db = Some(self.db.clone());
        record.collection = Some(self.collection.clone());
        record.origin = self.origin.clone();
        let filter = doc! {
            "customer_id": self.n_made,
            "status": "open",
            "total": { "$gt": 10.5 },
            "created": { "$gte": DateTime::from_millis(micros / 1_000) },
            "region": "eu-central",
            "tags": { "$in": ["gift", "express"] },
        };
        record.filter = Some(Arc::new(filter.into()));
        Box::new(record)
    }

    #[expect(clippy::vec_box, reason = "the queue takes boxes, and they are made before the clock")]
    fn firsts(&mut self, n: usize) -> Vec<Box<WatchMessage>> {
        (0..n).map(|_| self.first()).collect()
    }
}

fn version(record: &WatchMessage, iteration: Iteration) -> Box<WatchMessage> {
    let mut record = record.clone();
    record.iteration = iteration;
    Box::new(record)
}

/// A small generator of numbers (SplitMix64): the choice of records needs no more.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

// ---- updates and releases

/// One side with its records waiting, and what it took so far.
struct Bench<S> {
    side: S,
    records: Records,
    /// A version of each waiting record, to make newer ones of. It shares what versions share.
    waiting: Vec<WatchMessage>,
    random: Random,
    now: Instant,
    iteration: u64,
    update_ns: Vec<f64>,
    release_ns: Vec<f64>,
}

impl<S: Side> Bench<S> {
    fn new(n_waiting: usize) -> Self {
        let mut bench = Self {
            side: S::new(2 * n_waiting),
            records: Records::new(),
            waiting: Vec::with_capacity(n_waiting),
            random: Random(7),
            now: Instant::now(),
            iteration: 0,
            update_ns: Vec::new(),
            release_ns: Vec::new(),
        };
        for _ in 0..n_waiting {
            let record = bench.records.first();
            bench.waiting.push(WatchMessage::clone(&record));
            bench.now += TICK;
            bench.side.update(record, bench.now);
        }
        bench
    }

    fn update_round(&mut self, n: usize) {
        let versions: Vec<_> = (0..n)
            .map(|_| {
                self.iteration += 1;
                let record = &self.waiting[self.random.below(self.waiting.len())];
                version(record, Iteration::Update(self.iteration))
            })
            .collect();
        let clock = Instant::now();
        for record in versions {
            self.now += TICK;
            self.side.update(record, self.now);
        }
        self.update_ns.push(clock.elapsed().as_nanos() as f64 / n as f64);
    }

    fn release_round(&mut self, n: usize) {
        let pairs: Vec<_> = (0..n)
            .map(|_| {
                let first = self.records.first();
                let last = version(&first, Iteration::Final(Some(1)));
                (first, last)
            })
            .collect();
        let mut released = Vec::with_capacity(n);
        let clock = Instant::now();
        for (first, last) in pairs {
            self.now += TICK;
            self.side.update(first, self.now);
            released.push(self.side.finish(last, self.now));
        }
        self.release_ns.push(clock.elapsed().as_nanos() as f64 / n as f64);
        assert!(released.iter().all(Option::is_some));
    }
}

fn moves(size: &str, n_waiting: usize, n: usize, n_rounds: usize) {
    let mut queue = Bench::<WatchQueue>::new(n_waiting);
    let mut baseline = Bench::<Baseline>::new(n_waiting);
    for round in 0..n_rounds {
        // Whoever goes second finds a warmer or a colder machine: take turns.
        if round % 2 == 0 {
            queue.update_round(n);
            baseline.update_round(n);
            queue.release_round(n);
            baseline.release_round(n);
        } else {
            baseline.update_round(n);
            queue.update_round(n);
            baseline.release_round(n);
            queue.release_round(n);
        }
    }
    report("update", size, &queue.update_ns, &baseline.update_ns);
    report("release", size, &queue.release_ns, &baseline.release_ns);
}

fn report(act: &str, size: &str, queue: &[f64], baseline: &[f64]) {
    result(&format!("{act}_{size}_ns"), median(queue.to_vec()));
    result(&format!("{act}_{size}_baseline_ns"), median(baseline.to_vec()));
    let ratios = queue.iter().zip(baseline).map(|(queue, baseline)| queue / baseline);
    result(&format!("{act}_{size}_ratio"), median(ratios.collect()));
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

// ---- stalls

fn stall(n_rounds: usize) {
    report_stall::<WatchQueue>(n_rounds);
    report_stall::<Baseline>(n_rounds);
}

fn report_stall<S: Side>(n_rounds: usize) {
    let mut records = Records::new().firsts(MILLION + MILLION / 5);
    let n_pushes = records.len();
    let mut best_ns = vec![u128::MAX; n_pushes];
    let mut worst_ns = 0;
    for _ in 0..n_rounds {
        let mut side = S::new(2 * MILLION);
        let start = Instant::now();
        let mut released = Vec::with_capacity(n_pushes);
        for (n, record) in records.drain(..).enumerate() {
            // All of the first million enter within the timeout and are past it after that.
            let expiring = n >= MILLION;
            let now = start + if expiring { 3 * TIMEOUT / 2 } else { Duration::ZERO } + TICK;
            let clock = Instant::now();
            side.update(record, now);
            let took = clock.elapsed().as_nanos();
            best_ns[n] = best_ns[n].min(took);
            worst_ns = worst_ns.max(took);
            if expiring {
                released.extend((0..5).filter_map(|_| side.expire(now)));
            }
        }
        assert_eq!(released.len(), MILLION);
        let end = start + 10 * TIMEOUT;
        released.extend(std::iter::from_fn(|| side.expire(end)));
        // In the order in which they were pushed: the next round makes the same moves.
        assert_eq!(released.len(), n_pushes);
        records = black_box(released);
    }
    let longest_ns = best_ns.into_iter().max().unwrap_or_default();
    result(&format!("stall_1m{}_us", S::NAME), longest_ns as f64 / 1_000.0);
    result(&format!("stall_1m{}_with_machine_us", S::NAME), worst_ns as f64 / 1_000.0);
}

// ---- memory

fn bytes_per_waiting() {
    let mut records = Records::new().firsts(MILLION);
    let mut queue = <WatchQueue as Side>::new(MILLION);
    let now = Instant::now();
    let before = resident_bytes();
    // The vector keeps its own memory while it is emptied.
    for record in records.drain(..) {
        queue.update(record, now);
    }
    let after = resident_bytes();
    assert_eq!(queue.len(), MILLION);
    if let (Some(before), Some(after)) = (before, after) {
        result("bytes_per_waiting", (after - before) / MILLION as f64);
    }
    drop(records);
}

/// The memory of this process, where the system tells it.
fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok().map(|kilobytes| kilobytes * 1024.0)
}
