//! `mongowatch filter match`: prints the lines that match a query, as they are.

use std::{fmt::Write as _, path::PathBuf};

use super::{
    lines::{Complaints, Line, Lines},
    out::{Out, Wants},
};
use crate::{
    cli::{Exit, say},
    filter::{Expression, Matcher, Query},
    format::stored,
};

const ABOUT: &str = "\
Print the lines whose records match a query, unchanged and in their order.

The files hold one record a line, as the JSON layer writes them. The query is a document of MongoDB's \
query language, as for `find`, or an expression on one line.";

const AFTER: &str = "\
Input:
  JSON lines; Extended JSON, relaxed or canonical, is understood, in the query too. Lines may be up
  to 64 MiB long. Blank lines are skipped, and so is a byte order mark.
  Without --free each line is a record, and the names of fields in the query are checked. With --free
  the lines are any documents, and a mistyped name matches nothing.
  The query may be written as for a shell: keys without quotes, texts in single quotes, /regex/i.

Malformed lines:
  They are left out, whatever the query; the first 20 are shown with file and line.

Examples:
  mongowatch filter match --expr 'Collection == \"news\" and Duration > 100ms' watch.jsonl
  mongowatch filter match --query '{Operation: {$in: [\"delete_one\", \"delete_many\"]}}' *.jsonl
  zcat watch.jsonl.gz | mongowatch filter match --count --expr 'Outcome != \"ok\"'
  mongowatch filter match --free --query '{\"address.city\": \"Bonn\"}' people.jsonl";

/// What the user said.
#[derive(Debug, clap::Args)]
#[command(about = "Print the lines whose records match a query", long_about = ABOUT)]
#[command(after_long_help = AFTER)]
#[command(group(clap::ArgGroup::new("predicate").required(true).args(["query", "expr"])))]
pub(in crate::cli) struct Args {
    /// A query document, such as '{"Duration": {"$gt": 1}}'
    #[arg(short, long, value_name = "DOCUMENT")]
    query: Option<String>,

    /// An expression, such as 'Duration > 1s and not Operation == "find"'
    #[arg(short, long, value_name = "EXPRESSION", allow_hyphen_values = true)]
    expr: Option<String>,

    /// The lines are any documents, not only records: names of fields are not checked
    #[arg(long)]
    free: bool,

    /// Print how many lines match, instead of the lines
    #[arg(short, long)]
    count: bool,

    /// Print the lines that do not match
    #[arg(short = 'v', long)]
    invert_match: bool,

    /// Files of JSON lines; `-`, or none at all, is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// What the arguments resolve to.
struct Plan {
    matcher: Matcher,
    reads: Reads,
    prints: Prints,
    /// What the matcher says of a line that is wanted.
    wanted: bool,
    files: Vec<PathBuf>,
}

/// Says what stands on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    Records,
    Documents,
}

/// Says what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prints {
    Lines,
    Count,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        self.resolve()?.run()
    }

    fn resolve(self) -> anyhow::Result<Plan> {
        let files = super::inputs("match", self.files)?;
        let reads = if self.free { Reads::Documents } else { Reads::Records };
        let matcher = match (&self.query, &self.expr) {
            (Some(query), _) => of_query(query, reads)?,
            (None, expr) => of_expression(expr.as_deref().unwrap_or_default(), reads)?,
        };
        let prints = if self.count { Prints::Count } else { Prints::Lines };
        Ok(Plan { matcher, reads, prints, wanted: !self.invert_match, files })
    }
}

fn of_query(text: &str, reads: Reads) -> anyhow::Result<Matcher> {
    let query = Query::parse_loose(text).map_err(|error| usage(&format!("--query: {error}")))?;
    let matcher = match reads {
        Reads::Records => query.for_records(),
        Reads::Documents => Matcher::for_documents(query.as_document()),
    };
    matcher.map_err(|fault| usage(&format!("--query: {fault}")))
}

fn of_expression(text: &str, reads: Reads) -> anyhow::Result<Matcher> {
    let expression = match reads {
        Reads::Records => Expression::for_records(text),
        Reads::Documents => Expression::for_documents(text),
    };
    match expression {
        Ok(expression) => Ok(expression.matcher().clone()),
        Err(error) => {
            let mut message = format!("--expr: {error}");
            point_at(text, error.column(), &mut message);
            Err(usage(&message))
        }
    }
}

/// Adds the line of a text with a mark under a column; a long line is cut around it.
fn point_at(text: &str, column: usize, message: &mut String) {
    const AROUND: usize = 60;
    let letters: Vec<char> = text.chars().collect();
    let at = (column - 1).min(letters.len());
    let start = letters[..at].iter().rposition(|letter| *letter == '\n').map_or(0, |feed| feed + 1);
    let start = start.max(at.saturating_sub(AROUND));
    let line = letters[start..].iter().take_while(|letter| **letter != '\n').take(2 * AROUND);
    let shown = |letter: &char| if letter.is_control() { ' ' } else { *letter };
    let line: String = line.map(shown).collect();
    let _infallible = write!(message, "\n  {line}\n  {:>1$}", "^", at - start + 1);
}

impl Plan {
    fn run(self) -> anyhow::Result<Exit> {
        let mut out = Out::new();
        let mut complaints = Complaints::default();
        let (mut exit, mut n_found) = (Exit::Success, 0_u64);
        for file in &self.files {
            let searched = Lines::open(file)
                .and_then(|lines| self.search(lines, &mut out, &mut complaints, &mut n_found));
            match searched {
                Ok(Wants::More) => {}
                Ok(Wants::Nothing) => return Ok(Exit::Success),
                Err(error) => {
                    // The other files may still be read.
                    say(format_args!("error: {error:#}"));
                    exit = Exit::Failure;
                }
            }
        }
        if self.prints == Prints::Count {
            out.print(format!("{n_found}\n").as_bytes())?;
        }
        out.flush()?;
        complaints.sum_up();
        Ok(if exit == Exit::Success && !complaints.is_empty() { Exit::Malformed } else { exit })
    }

    fn search(
        &self,
        mut lines: Lines,
        out: &mut Out,
        complaints: &mut Complaints,
        n_found: &mut u64,
    ) -> anyhow::Result<Wants> {
        loop {
            if lines.is_drained() && out.flush()? == Wants::Nothing {
                return Ok(Wants::Nothing);
            }
            let found = match lines.next()? {
                None => return Ok(Wants::More),
                Some(Line::TooLong) => Err("the line is longer than 64 MiB".to_owned()),
                Some(Line::Whole(line)) => match self.is_wanted(line) {
                    Ok(false) => continue,
                    Ok(true) => Ok(line),
                    Err(error) => Err(error.to_string()),
                },
            };
            match found {
                Ok(line) => {
                    *n_found += 1;
                    if self.prints == Prints::Lines && out.print(line)? == Wants::Nothing {
                        return Ok(Wants::Nothing);
                    }
                }
                Err(reason) => complaints.add(&lines.place(), reason),
            }
        }
    }

    fn is_wanted(&self, line: &[u8]) -> crate::watch_error::Result<bool> {
        let matches = match self.reads {
            Reads::Records => self.matcher.matches(&stored::record(line)?),
            Reads::Documents => self.matcher.matches_document(&stored::document(line)?),
        };
        Ok(matches == self.wanted)
    }
}

/// A mistake on the command line.
fn usage(message: &str) -> anyhow::Error {
    super::usage("match", message)
}
