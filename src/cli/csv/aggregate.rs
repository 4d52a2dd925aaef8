//! `mongowatch csv aggregate`: keeps one row of each record, its newest version.

use std::{io, path::PathBuf};

use anyhow::Context;
use clap::{CommandFactory, ValueEnum, error::ErrorKind};

use super::{
    copy::{self, Place, Rows},
    dialect::Dialect,
    layout::{Column, Wish},
    progress::Progress,
    source::Source,
    survey::Survey,
    target::{Output, Target},
};
use crate::cli::{Exit, say};

const ABOUT: &str = "\
Keep one row of each record: its newest version.

Rows with the same WatchID are versions of one record. The one with the highest Iteration stays: \
`final(n)` by n, then `final`, then the highest number; of equal ones the first. The rows that stay \
keep their order and their bytes, across all files, which may come in any order.";

const AFTER: &str = "\
Input:
  Files of mongowatch and pymongowatch, with or without header, or others whose columns are named by
  --id-column and --iteration-column. All files of one run have the same columns. The first header
  becomes that of the output. Rows end with \\n, \\r\\n or \\r; blank lines are skipped; a byte order
  mark is kept. Ids are any bytes. Fields need not be UTF-8.
  What cannot be read twice (a pipe, standard input) is kept in a temporary file meanwhile: TMPDIR
  says where. Memory grows with the number of ids, not with the size of the files.

Malformed rows:
  Rows with another number of columns than the first row, without id, without a valid iteration,
  with an unclosed quote, with text after a closing quote, or longer than 128 MiB are counted and left
  out; the first five are shown with file and line. A file that is an input too is not replaced then.

In place:
  The new file is written beside the old one, synced and renamed, with the same permissions and, where
  possible, owner: at any moment the old or the new one is there whole. Links are followed. If the
  file changes in the meantime it is left as it is. A program that keeps the file open would go on
  writing to the old one: stop it, or rotate the file, before.

Examples:
  mongowatch csv aggregate watch.csv > newest.csv
  mongowatch csv aggregate --output all.csv watch.csv.2 watch.csv.1 watch.csv
  mongowatch csv aggregate --in-place watch.csv
  zcat watch.csv.gz | mongowatch csv aggregate --unfinished only -";

/// What the user said.
#[derive(Debug, clap::Args)]
#[command(about = "Keep one row of each record: its newest version", long_about = ABOUT)]
#[command(after_long_help = AFTER)]
pub(in crate::cli) struct Args {
    /// CSV files, read as one; `-`, or none at all, is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Write to FILE instead of standard output; it may be one of the inputs
    #[arg(short, long, value_name = "FILE", conflicts_with = "in_place")]
    output: Option<PathBuf>,

    /// Replace the one input file by the output
    #[arg(short, long)]
    in_place: bool,

    /// Delimiter of the input, and form of the output [default: comma, rows keep their bytes]
    #[arg(short, long, value_enum)]
    dialect: Option<Dialect>,

    /// Column of the id: a number from 1, or a name [default: WatchID]
    #[arg(long, value_name = "N|NAME")]
    id_column: Option<Column>,

    /// Column of the iteration: a number from 1, or a name [default: Iteration]
    #[arg(long, value_name = "N|NAME")]
    iteration_column: Option<Column>,

    /// What becomes of records whose newest version is not final
    #[arg(short, long, value_enum, default_value_t = Unfinished::Keep)]
    unfinished: Unfinished,
}

/// Says what becomes of a record whose newest version is not final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Unfinished {
    /// It stays
    Keep,
    /// It is left out
    Drop,
    /// It stays, and finished records are left out
    Only,
}

/// What the arguments resolve to.
struct Plan {
    sources: Vec<Source>,
    target: Target,
    /// The input that the output replaces.
    replaced: Option<usize>,
    dialect: Option<Dialect>,
    wish: Wish,
    unfinished: Unfinished,
}

/// What became of the rows that stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Rows(usize),
    /// Whoever read standard output has seen enough. That is no error.
    UntilClosed,
    /// A file would lose its malformed rows.
    Refused,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        self.resolve()?.run()
    }

    fn resolve(mut self) -> anyhow::Result<Plan> {
        if self.files.is_empty() {
            self.files.push(PathBuf::from("-"));
        }
        let n_stdin = self.files.iter().filter(|file| file.as_os_str() == "-").count();
        if n_stdin > 1 {
            return Err(usage("standard input can be read only once"));
        }
        if self.in_place && (self.files.len() > 1 || n_stdin > 0) {
            return Err(usage("--in-place takes exactly one file: each edit is all or nothing"));
        }
        let open = self.files.iter().map(|file| Source::open(file));
        let sources = open.collect::<anyhow::Result<Vec<_>>>()?;
        let target = match self.output {
            _ if self.in_place => Target::at(&self.files[0])?,
            Some(file) if file.as_os_str() != "-" => Target::at(&file)?,
            _ => Target::Stdout,
        };
        anyhow::ensure!(
            !self.in_place || sources[0].is_file(),
            "{}: expected a file to edit in place, found a device or a pipe",
            sources[0].name
        );
        let replaced = match &target {
            Target::File(path) => sources.iter().position(|source| source.is_at(path)),
            Target::Stdout | Target::Stream(_) => None,
        };
        let wish = Wish { id: self.id_column, iteration: self.iteration_column };
        let (dialect, unfinished) = (self.dialect, self.unfinished);
        Ok(Plan { sources, target, replaced, dialect, wish, unfinished })
    }
}

impl Plan {
    fn run(mut self) -> anyhow::Result<Exit> {
        let delimiter = self.dialect.unwrap_or(Dialect::Unix).delimiter();
        let mut survey = Survey::new(delimiter, self.wish.clone());
        let mut progress = Progress::new(self.sources.iter().map(Source::len).sum());
        let mut lens = Vec::with_capacity(self.sources.len());
        for source in &mut self.sources {
            let name = source.name.clone();
            lens.push(survey.read(&name, progress.wrap(source))?);
        }
        progress.suspend(|| complain(&survey));
        let written = if survey.n_malformed > 0 && self.replaced.is_some() {
            Written::Refused
        } else {
            self.write(&survey, &lens, &mut progress)?
        };
        progress.finish();
        self.sum_up(&survey, written);
        Ok(if survey.n_malformed > 0 { Exit::Malformed } else { Exit::Success })
    }

    /// The rows that stay, in the order of the input.
    fn places(&self, survey: &Survey) -> Vec<Place> {
        let stays = |is_final: bool| match self.unfinished {
            Unfinished::Keep => true,
            Unfinished::Drop => is_final,
            Unfinished::Only => !is_final,
        };
        let versions = survey.newest.versions().filter(|row| stays(row.iteration.is_final()));
        let mut places = Vec::with_capacity(survey.newest.len());
        places.extend(versions.map(|row| Place { start: row.start, len: row.len }));
        places.sort_unstable();
        places
    }

    /// Writes the output.
    fn write(
        &mut self,
        survey: &Survey,
        lens: &[u64],
        progress: &mut Progress,
    ) -> anyhow::Result<Written> {
        let places = self.places(survey);
        let mut output = self.target.open().context("could not open the output")?;
        let rows = Rows::start(&mut output, &survey.head, self.dialect);
        let copied = rows.and_then(|rows| self.copy(rows, &places, lens, progress));
        match copied {
            Err(error) if self.is_closed_pipe(&error) => return Ok(Written::UntilClosed),
            copied => copied.context("could not write the output")?,
        }
        self.finish(output)?;
        Ok(Written::Rows(places.len()))
    }

    fn copy(
        &mut self,
        mut rows: Rows<&mut Output>,
        mut places: &[Place],
        lens: &[u64],
        progress: &mut Progress,
    ) -> io::Result<()> {
        let mut start = 0;
        for (source, len) in self.sources.iter_mut().zip(lens) {
            let end = start + len;
            let (these, others) = places.split_at(places.partition_point(|row| row.start < end));
            let these = these.iter().map(|row| Place { start: row.start - start, ..*row });
            copy::copy(progress.wrap(source), these, &mut rows)?;
            (start, places) = (end, others);
        }
        rows.flush()
    }

    fn finish(&self, output: Output) -> anyhow::Result<()> {
        let check = || match self.replaced {
            Some(source) => self.sources[source].check_unchanged(),
            None => Ok(()),
        };
        output.finish(check)
    }

    fn is_closed_pipe(&self, error: &io::Error) -> bool {
        matches!(self.target, Target::Stdout) && error.kind() == io::ErrorKind::BrokenPipe
    }

    fn sum_up(&self, survey: &Survey, written: Written) {
        let n_ids = survey.newest.len();
        let n_unfinished = survey.newest.versions().filter(|row| !row.iteration.is_final()).count();
        let (n_rows, n_malformed) = (survey.n_rows, survey.n_malformed);
        let written_text = match written {
            Written::Rows(n_rows) => format!("{n_rows} rows written"),
            Written::UntilClosed => "written until the reader closed".to_owned(),
            Written::Refused => "0 rows written".to_owned(),
        };
        say(format_args!(
            "{n_rows} rows read, {written_text}, {n_ids} ids, {n_unfinished} unfinished, \
             {n_malformed} malformed"
        ));
        if let (Written::Refused, Some(source)) = (written, self.replaced) {
            let name = &self.sources[source].name;
            say(format_args!("{name} is left as it was, because of malformed rows"));
            say("hint: --output to another file writes the rest");
        }
    }
}

/// Shows the first malformed rows.
fn complain(survey: &Survey) {
    for row in &survey.shown {
        say(row);
    }
    let n_more = survey.n_malformed - survey.shown.len() as u64;
    if n_more > 0 {
        say(format_args!("... and {n_more} more malformed rows"));
    }
}

/// An error in the command line that the parser cannot see.
fn usage(message: &str) -> anyhow::Error {
    let mut tool = crate::cli::Cli::command();
    tool.build();
    let command =
        tool.find_subcommand_mut("csv").and_then(|csv| csv.find_subcommand_mut("aggregate"));
    let error = clap::Error::raw(ErrorKind::ArgumentConflict, format!("{message}\n"));
    command.map_or(error, |command| command.error(ErrorKind::ArgumentConflict, message)).into()
}
