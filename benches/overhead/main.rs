//! What it costs an application to be watched: processor time and wall time per operation, as
//! ratios to the bare driver, on a real server.
//!
//! `cargo bench --bench overhead`; each line `RESULT overhead.<row>.<variant>.<value>`.
//!
//! - Variants: the driver alone (`bare`), the driver with a command event handler that does nothing
//!   (`handler`), and mongowatch with a CSV file of the default columns, by `capture`:
//!   `operations_csv`, `spans_csv`, `commands_csv`.
//! - Rows: `insert_one`, `find_one` (by id), `update_one`; `read_10k`: 10,000 documents in batches
//!   of 1,000, taken from the cursor as a stream of `Document`s; `transaction`: an insert, an update
//!   and a find, and their commit; `insert_1k`: one `insert_many` of 1,000 documents; `changes_10k`:
//!   a change stream of 10,000 events that are there already, in batches of 1,000.
//! - `cpu`: processor time of all threads of the process, from before a block of operations until
//!   everything that the block emitted is in the file. `wall`: what the application waits for,
//!   until the last operation of the block is done.
//! - `<cpu|wall>_ratio`: median of the rounds' ratios to `bare`; `<cpu|wall>_us`: median per
//!   operation. `cpu_ratio_to_handler`: the share of the command events is not ours.
//!
//! Each variant works in a process of its own, so that the monitors of one client are not on the
//! bill of another. In each round all of them do a block of the same operations, one after the
//! other in random order: a busy neighbour does not count for one side only. Before each measured
//! block comes a small one that warms the caches up. The processes are replaced every few rounds,
//! since the layout of memory alone makes a difference of some percent that lasts for a process's
//! life. They run `tokio`'s current-thread flavour: no operation moves between threads, which costs
//! the bare driver least and varies least, so that the ratios are rather too high than too low. A
//! second thread sleeps in each process, as an application has more than one: as long as a process
//! never had a second thread, its allocator works without locks (glibc), which alone makes the bare
//! driver several percent cheaper.
//!
//! At its end each watched process looks into its books: an operation without its row in the file
//! fails the benchmark.
//!
//! `MONGOWATCH_BENCH_ROUNDS`: the number of rounds (default 40, some five minutes).
//!
//! To see where the time goes, let a profiler run one variant alone, without other processes:
//!
//! ```text
//! valgrind --tool=callgrind --separate-threads=yes \
//!     target/release/deps/overhead-... profile operations_csv insert_one 2000
//! ```

#[path = "../../tests/support/server.rs"]
mod server;
mod worker;

use std::{
    env,
    error::Error,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    str::FromStr,
};

use server::Server;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const ROUNDS: usize = 40;
/// A process does so many rounds.
const ROUNDS_PER_PROCESS: usize = 10;
const N_DOCUMENTS: i32 = 10_000;

/// What is compared.
#[derive(Clone, Copy, PartialEq)]
enum Variant {
    Bare,
    Handler,
    Operations,
    Spans,
    Commands,
}

/// What is done.
#[derive(Clone, Copy, PartialEq)]
enum Row {
    InsertOne,
    FindOne,
    UpdateOne,
    Read10k,
    Transaction,
    Insert1k,
    Changes10k,
}

/// What a block of operations took, in seconds per operation.
#[derive(Clone, Copy, Default)]
struct Cost {
    cpu: f64,
    wall: f64,
}

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match *args {
        ["worker", variant, uri, database, csv] => {
            worker::serve(variant.parse()?, uri, database, Path::new(csv))
        }
        ["profile", variant, row, n_operations] => {
            profile(variant.parse()?, row.parse()?, n_operations.parse()?)
        }
        _ => compare(args.contains(&"--bench")),
    }
}

/// All variants; a single small round unless it `is_full`.
fn compare(is_full: bool) -> Result<()> {
    let n_rounds = match env::var("MONGOWATCH_BENCH_ROUNDS") {
        _ if !is_full => 1,
        Ok(rounds) => rounds.parse()?,
        Err(_) => ROUNDS,
    };
    let directory = tempfile::tempdir()?;
    let (server, database) = filled_server()?;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut costs: Vec<[[Cost; Variant::ALL.len()]; Row::ALL.len()]> = Vec::new();
    while costs.len() < n_rounds {
        let n_made = costs.len();
        let start = |variant: &Variant| {
            let csv = directory.path().join(format!("{variant}-{n_made}.csv"));
            Worker::start(*variant, server.uri(), &database, &csv)
        };
        let mut workers = Variant::ALL.iter().map(start).collect::<Result<Vec<_>>>()?;
        for row in Row::ALL {
            for worker in &mut workers {
                worker.run(*row, row.n_operations(is_full))?;
            }
        }
        for _ in n_made..n_rounds.min(n_made + ROUNDS_PER_PROCESS) {
            let mut round = [[Cost::default(); Variant::ALL.len()]; Row::ALL.len()];
            for (row, costs) in Row::ALL.iter().zip(&mut round) {
                for place in random.order::<{ Variant::ALL.len() }>() {
                    costs[place] = workers[place].run(*row, row.n_operations(is_full))?;
                }
            }
            costs.push(round);
        }
        workers.into_iter().try_for_each(Worker::end)?;
    }
    worker::drop_database(server.uri(), &database)?;
    for (place, row) in Row::ALL.iter().enumerate() {
        let rounds: Vec<_> = costs.iter().map(|round| round[place]).collect();
        report(*row, &rounds);
    }
    Ok(())
}

/// One variant and one row in this process.
fn profile(variant: Variant, row: Row, n_operations: usize) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (server, database) = filled_server()?;
    let csv = directory.path().join("profile.csv");
    let cost = worker::profile(variant, server.uri(), &database, &csv, row, n_operations)?;
    println!("{variant} {row}: {:.1} us of processor time", 1e6 * cost.cpu);
    worker::drop_database(server.uri(), &database)
}

/// The server, and the name of a database on it that has the documents to be read.
fn filled_server() -> Result<(&'static Server, String)> {
    let server = Server::shared();
    let database = server.database_name("overhead");
    worker::fill(server.uri(), &database)?;
    Ok((server, database))
}

// ---- the processes

/// A process that works for one variant.
struct Worker {
    variant: Variant,
    process: Child,
    /// `None` when it was told that there is no more to do.
    blocks: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    fn start(variant: Variant, uri: &str, database: &str, csv: &Path) -> Result<Self> {
        let mut process = Command::new(env::current_exe()?)
            .args(["worker", variant.as_str(), uri, database])
            .arg(csv)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let blocks = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().ok_or("no pipe from a worker")?);
        Ok(Self { variant, process, blocks, answers })
    }

    /// Lets it do a block of operations.
    fn run(&mut self, row: Row, n_operations: usize) -> Result<Cost> {
        let failed = || format!("{}: the worker failed", self.variant);
        let blocks = self.blocks.as_mut().ok_or_else(failed)?;
        writeln!(blocks, "{row} {n_operations}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        answer.parse().map_err(|_| failed().into())
    }

    /// Lets it check its books and end.
    fn end(mut self) -> Result<()> {
        self.blocks = None;
        let status = self.process.wait()?;
        if status.success() { Ok(()) } else { Err(format!("{}: {status}", self.variant).into()) }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It ends at the end of its input; one that failed has ended already.
        self.blocks = None;
        let _ = self.process.wait();
    }
}

// ---- the report

fn report(row: Row, rounds: &[[Cost; Variant::ALL.len()]]) {
    let (bare, handler) = (Variant::Bare as usize, Variant::Handler as usize);
    for (place, variant) in Variant::ALL.iter().enumerate() {
        let name = format!("overhead.{row}.{variant}");
        for (kind, of) in
            [("cpu", (|cost| cost.cpu) as fn(&Cost) -> f64), ("wall", |cost| cost.wall)]
        {
            let absolute = Quartiles::of(rounds.iter().map(|round| 1e6 * of(&round[place])));
            println!("RESULT {name}.{kind}_us={:.2}", absolute.median);
            if place == bare {
                continue;
            }
            let ratio_to = |base: usize| {
                Quartiles::of(rounds.iter().map(|round| of(&round[place]) / of(&round[base])))
            };
            let ratio = ratio_to(bare);
            let (low, high) = (ratio.low, ratio.high);
            println!("{name}: half of the {kind} ratios lie between {low:.3} and {high:.3}");
            println!("RESULT {name}.{kind}_ratio={:.3}", ratio.median);
            if *variant == Variant::Commands && kind == "cpu" {
                println!("RESULT {name}.cpu_ratio_to_handler={:.3}", ratio_to(handler).median);
            }
        }
    }
}

/// What the middle of many values is, and how far they spread.
struct Quartiles {
    low: f64,
    median: f64,
    high: f64,
}

impl Quartiles {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_unstable_by(f64::total_cmp);
        let at = |quarter: usize| values[(values.len() - 1) * quarter / 4];
        Self { low: at(1), median: at(2), high: at(3) }
    }
}

// ---- names

impl Variant {
    const ALL: &[Self] =
        &[Self::Bare, Self::Handler, Self::Operations, Self::Spans, Self::Commands];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Handler => "handler",
            Self::Operations => "operations_csv",
            Self::Spans => "spans_csv",
            Self::Commands => "commands_csv",
        }
    }
}

impl Row {
    const ALL: &[Self] = &[
        Self::InsertOne,
        Self::FindOne,
        Self::UpdateOne,
        Self::Read10k,
        Self::Transaction,
        Self::Insert1k,
        Self::Changes10k,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::InsertOne => "insert_one",
            Self::FindOne => "find_one",
            Self::UpdateOne => "update_one",
            Self::Read10k => "read_10k",
            Self::Transaction => "transaction",
            Self::Insert1k => "insert_1k",
            Self::Changes10k => "changes_10k",
        }
    }

    /// The size of a block: so large that the one flush at its end hardly counts. Writes wait for
    /// the journal of the server, so that a block of them takes long.
    const fn n_operations(self, is_full: bool) -> usize {
        match self {
            Self::InsertOne | Self::UpdateOne if is_full => 150,
            Self::FindOne if is_full => 400,
            Self::Transaction if is_full => 60,
            Self::Insert1k if is_full => 6,
            Self::Read10k if is_full => 3,
            Self::Read10k | Self::Insert1k | Self::Changes10k => 1,
            _ => 20,
        }
    }
}

macro_rules! named {
    ($($name:ident),*) => {$(
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> std::result::Result<Self, String> {
                let named = Self::ALL.iter().find(|named| named.as_str() == text).copied();
                named.ok_or_else(|| format!("unknown name `{text}`"))
            }
        }
    )*};
}

named!(Variant, Row);

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.cpu, self.wall)
    }
}

impl FromStr for Cost {
    type Err = Box<dyn Error>;

    fn from_str(text: &str) -> Result<Self> {
        let (cpu, wall) = text.trim().split_once(' ').ok_or("expected two numbers")?;
        Ok(Self { cpu: cpu.parse()?, wall: wall.parse()? })
    }
}

/// Always the same numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    /// The numbers below `N` in a random order.
    fn order<const N: usize>(&mut self) -> [usize; N] {
        let mut order = std::array::from_fn(|place| place);
        for place in (1..N).rev() {
            order.swap(place, self.below(place + 1));
        }
        order
    }
}
