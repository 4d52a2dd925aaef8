//! Benchmark of `mongowatch csv aggregate`: the real command on a generated file of 1,000,000 rows
//! with five versions of each record, against the `csv` crate that reads the same file into nothing.
//!
//! Rounds of both are interleaved, and medians compared. The command runs as a process of its own,
//! its start included, with a file as its standard output. `cargo test` runs one small
//! round of it.

use std::{
    error::Error,
    fs::{self, File},
    io::{BufWriter, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const TOOL: &str = env!("CARGO_BIN_EXE_mongowatch");
const VERSIONS: usize = 5;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let is_full = std::env::args().any(|arg| arg == "--bench");
    let (n_ids, n_rounds) = if is_full { (200_000, 9) } else { (2_000, 1) };
    let input = generate(n_ids)?;
    let n_bytes = fs::metadata(&input)?.len();
    println!("{}: {} rows, {n_bytes} bytes", input.display(), n_ids * VERSIONS);

    let output = input.with_extension("out.csv");
    let (mut tool, mut reader) = (Vec::new(), Vec::new());
    for _ in 0..n_rounds {
        reader.push(time(|| read(&input, n_ids))?);
        tool.push(time(|| aggregate(&input, &output))?);
    }
    let n_rows = fs::read(&output)?.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(n_rows, n_ids + 1, "one row an id, and the header");
    let (tool, reader) = (median(tool), median(reader));
    let mb_per_second = |time: Duration| n_bytes as f64 / 1e6 / time.as_secs_f64();
    println!("csv reader alone: {:.0} MB/s", mb_per_second(reader));
    println!("RESULT csv.mb_per_second={:.0}", mb_per_second(tool));
    println!("RESULT csv.ratio_to_reader={:.2}", tool.as_secs_f64() / reader.as_secs_f64());
    if let Some(peak) = peak_rss_mb(&input)? {
        println!("RESULT csv.peak_rss_mb={peak:.1}");
    }
    fs::remove_file(output)?;
    Ok(())
}

fn time(run: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let start = Instant::now();
    run()?;
    Ok(start.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The baseline: every record, into nothing.
fn read(input: &Path, n_ids: usize) -> Result<()> {
    let mut reader = csv::Reader::from_path(input)?;
    let mut record = csv::ByteRecord::new();
    let mut n_rows = 0;
    while reader.read_byte_record(&mut record)? {
        n_rows += 1;
    }
    assert_eq!(n_rows, n_ids * VERSIONS);
    Ok(())
}

fn aggregate(input: &Path, output: &Path) -> Result<()> {
    let status = command(input).stdout(File::create(output)?).stderr(Stdio::null()).status()?;
    assert!(status.success());
    Ok(())
}

fn command(input: &Path) -> Command {
    let mut command = Command::new(TOOL);
    command.args(["csv", "aggregate"]).arg(input);
    command
}

/// The largest memory of the process, where `/proc` tells it.
///
/// The process is asked while it stands still: at the first byte of its output the first pass is
/// over and everything it needs is there, and until the pipe is read it cannot go on to its end.
fn peak_rss_mb(input: &Path) -> Result<Option<f64>> {
    let mut child = command(input).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut out = child.stdout.take().ok_or("no pipe")?;
    out.read_exact(&mut [0])?;
    let peak = high_water_mb(&child);
    std::io::copy(&mut out, &mut std::io::sink())?;
    assert!(child.wait()?.success());
    Ok(peak)
}

fn high_water_mb(child: &Child) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

/// Writes the input, unless it is there from another run.
fn generate(n_ids: usize) -> Result<PathBuf> {
    let input =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{n_ids}x{VERSIONS}.csv"));
    if input.exists() {
        return Ok(input);
    }
    let part = input.with_extension("part");
    let mut out = BufWriter::new(File::create(&part)?);
    writeln!(
        out,
        "WatchID,Iteration,StartTime,EndTime,DB,Collection,Operation,Filter,Duration,MatchedCount,\
         InsertedCount,UpsertedCount,ModifiedCount,DeletedCount"
    )?;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    // About a hundred operations run at once: each step takes one of them a version further.
    let mut next = 0;
    let mut running: Vec<(usize, usize)> = Vec::new();
    while next < n_ids || !running.is_empty() {
        while running.len() < 100 && next < n_ids {
            running.push((next, 0));
            next += 1;
        }
        let at = random.below(running.len());
        let (id, version) = running[at];
        row(&mut out, id, version, &mut random)?;
        running[at].1 += 1;
        if running[at].1 == VERSIONS {
            running.swap_remove(at);
        }
    }
    out.into_inner()?.sync_all()?;
    fs::rename(part, &input)?;
    Ok(input)
}

/// One version of a record: two in a hundred never become final.
fn row(out: &mut impl Write, id: usize, version: usize, random: &mut Random) -> Result<()> {
    let (second, micros) = (id / 500, id % 500 * 2_000);
    let time = format!(
        "2024-05-01 {:02}:{:02}:{:02}",
        12 + second / 3600 % 12,
        second / 60 % 60,
        second % 60
    );
    write!(
        out,
        "{:08x}{:016x},",
        0x6632_2ec0 + second,
        (id as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    )?;
    match version {
        4 if !id.is_multiple_of(50) => {
            write!(out, "final(4),{time}.{micros:06},{time}.{:06},", micros + 1_999)?
        }
        _ => write!(out, "{version},{time}.{micros:06},None,")?,
    }
    write!(out, "shop,orders{},get_more,", id % 8)?;
    match id % 4 {
        0 => write!(out, r#""{{""name"": ""user{id}, \""the {id}th\""""}}""#)?,
        1 => write!(out, r#""{{""a"": {{""$gte"": {id}, ""$lt"": {}}}}}""#, id + 1_000)?,
        2 => write!(out, "{{'_id': ObjectId('{id:024x}')}}")?,
        _ => write!(
            out,
            r#""[{{""$match"": {{""k"": {id}}}}}, {{""$group"": {{""_id"": ""$g""}}}}]""#
        )?,
    }
    writeln!(out, ",0.{:06},{},,,,", random.below(50_000), 101 * (version + 1))?;
    Ok(())
}

/// Always the same numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}
