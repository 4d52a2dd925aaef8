//! `mongowatch filter test`: sends recorded records through the steps of a configuration.

use std::{path::PathBuf, sync::Arc};

use super::{
    lines::{Complaints, Line, Lines},
    out::{Out, Wants},
    route::{Route, title},
};
use crate::{
    cli::{Exit, say},
    config::Settings,
    format::stored,
    record::{Timestamp, WatchMessage, nearest},
};

const ABOUT: &str = "\
Show what the steps of a configuration make of recorded records.

Each record goes through the steps of each route of the configuration. What each step does is shown: \
does the record pass, and which fields has it changed? At the end stands how many records passed each \
step. Nothing is opened or written of what the configuration names.";

const AFTER: &str = "\
Time:
  It is taken from the records: each comes to the routes at its EndTime, or at its StartTime without
  one, and time never goes back. So rates and limits say what they would have said then.

What is different from a watcher:
  The records went through the watcher's `privacy` when they were recorded; through steps that changed
  them too, unless they were recorded without. A `filter` step is a filter of the application: here it lets
  everything pass. Own fields (`watchers`) are not made again: they are as they were recorded. Levels keep
  nothing back, and every line is a record: none is superseded by a later one. Environment variables and
  files with keys must be there. Long values are shown cut.

Malformed lines:
  They are left out; the first 20 are shown with file and line.

Examples:
  mongowatch filter test --config mongowatch.yaml watch.jsonl
  mongowatch filter test --config mongowatch.yaml --route slow --counts watch.jsonl";

/// What the user said.
#[derive(Debug, clap::Args)]
#[command(about = "Show what the steps of a configuration make of recorded records", long_about = ABOUT)]
#[command(after_long_help = AFTER)]
pub(in crate::cli) struct Args {
    /// The configuration [default: the one that MONGOWATCH_CONFIG names; else the defaults]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Only this route, by its name; may be given several times [default: all]
    #[arg(short, long, value_name = "NAME")]
    route: Vec<String>,

    /// Show the counts at the end only
    #[arg(long)]
    counts: bool,

    /// Files of JSON lines; `-`, or none at all, is standard input
    #[arg(value_name = "RECORDS")]
    files: Vec<PathBuf>,
}

/// Says what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    Each,
    Counts,
}

impl Shows {
    /// Values are shown up to this many characters.
    pub(super) const VALUE_MAX: usize = 400;
}

/// What the arguments resolve to.
struct Plan {
    routes: Vec<Route>,
    shows: Shows,
    files: Vec<PathBuf>,
    /// The latest moment that a record told.
    now: Timestamp,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        self.resolve()?.run()
    }

    fn resolve(self) -> anyhow::Result<Plan> {
        let files = super::inputs("test", self.files)?;
        let settings = match &self.config {
            Some(file) => Settings::from_yaml_file(file)?,
            None => Settings::from_env()?,
        };
        let mut all = settings.routes()?;
        let known: Vec<String> = all.iter().map(|route| route.name.clone()).collect();
        if let Some(other) = self.route.iter().find(|name| !known.contains(name)) {
            let near = nearest(other, known.iter().map(String::as_str));
            let hint = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("expected one of `{}`", known.join("`, `")),
            };
            return Err(super::usage("test", &format!("--route: unknown route `{other}`: {hint}")));
        }
        all.retain(|route| self.route.is_empty() || self.route.contains(&route.name));
        let mut unknown = Vec::new();
        let routes = all.into_iter().map(|route| Route::new(route, &mut unknown));
        let routes = routes.collect::<anyhow::Result<Vec<_>>>()?;
        for filter in unknown {
            say(format_args!(
                "the filter `{filter}` is the application's: here it lets everything pass"
            ));
        }
        let shows = if self.counts { Shows::Counts } else { Shows::Each };
        Ok(Plan { routes, shows, files, now: Timestamp::from_micros(i64::MIN) })
    }
}

impl Plan {
    fn run(mut self) -> anyhow::Result<Exit> {
        let mut out = Out::new();
        let mut complaints = Complaints::default();
        let mut exit = Exit::Success;
        for file in self.files.clone() {
            let sent =
                Lines::open(&file).and_then(|lines| self.read(lines, &mut out, &mut complaints));
            match sent {
                Ok(Wants::More) => {}
                Ok(Wants::Nothing) => return Ok(Exit::Success),
                Err(error) => {
                    say(format_args!("error: {error:#}"));
                    exit = Exit::Failure;
                }
            }
        }
        let mut told = String::new();
        self.routes.iter_mut().for_each(|route| route.finish(self.now, &mut told));
        if self.shows == Shows::Counts {
            told.clear();
        } else {
            told.push('\n');
        }
        self.routes.iter().for_each(|route| route.sum_up(&mut told));
        out.print(told.as_bytes())?;
        out.flush()?;
        complaints.sum_up();
        Ok(if exit == Exit::Success && !complaints.is_empty() { Exit::Malformed } else { exit })
    }

    fn read(
        &mut self,
        mut lines: Lines,
        out: &mut Out,
        complaints: &mut Complaints,
    ) -> anyhow::Result<Wants> {
        let mut told = String::new();
        loop {
            let read = match lines.next()? {
                None => return Ok(Wants::More),
                Some(Line::TooLong) => Err("the line is longer than 64 MiB".to_owned()),
                Some(Line::Whole(line)) => stored::record(line).map_err(|error| error.to_string()),
            };
            let record = match read {
                Ok(record) => Arc::new(record),
                Err(reason) => {
                    complaints.add(&lines.place(), reason);
                    continue;
                }
            };
            told.clear();
            self.send(&record, &lines, &mut told);
            if self.shows == Shows::Each && out.print(told.as_bytes())? == Wants::Nothing {
                return Ok(Wants::Nothing);
            }
        }
    }

    fn send(&mut self, record: &Arc<WatchMessage>, lines: &Lines, told: &mut String) {
        let time = record.end_time.unwrap_or(record.start_time);
        self.now = self.now.max(time);
        self.routes.iter_mut().for_each(|route| route.tick(self.now, told));
        told.push_str(&format!("{}: {}\n", lines.place(), title(record)));
        self.routes.iter_mut().for_each(|route| route.send(record, self.now, told));
    }
}
