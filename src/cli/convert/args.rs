//! What the user said, the file that is read, and where the other one goes.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::{Converted, Refusal, convert};
use crate::{
    cli::{Exit, Hinted, csv::Target, say},
    config,
};

const AFTER: &str = "\
The file is one of Python's `logging.config` (version 1) with the key `watchers`, as pymongowatch reads \
it. What cannot be carried over, or means something else here, goes to standard error, as \
`FILE:LINE:COLUMN: KEY: not carried over: ...` or `...: changed: ...`, and stands as a comment at its \
place in the result. Only the first makes the exit status 4. \
The result is always one that `mongowatch config check` takes.

Examples:
  mongowatch config convert pymongowatch.yaml > mongowatch.yaml
  mongowatch config convert pymongowatch.yaml --output mongowatch.yaml";

/// What the user said to `config convert`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER)]
pub(in crate::cli) struct Args {
    /// A YAML file of pymongowatch; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The file to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file of --output if it is there
    #[arg(long, requires = "output")]
    force: bool,
}

impl Args {
    pub(in crate::cli) fn run(&self) -> anyhow::Result<Exit> {
        let (name, text) = self.read()?;
        // Before the work, and again when it is written.
        if let Some(path) = self.output.as_deref().filter(|path| !self.force && path.exists()) {
            return Err(is_there(path));
        }
        let converted = convert(&text, &name).map_err(|refusal| refused(refusal, &name))?;
        self.write(&converted)?;
        for line in converted.lines(&name) {
            // Not after the tool's name: editors and other tools know lines that begin with a
            // place. A closed stderr must not stop the work; the status still says it.
            let _ = writeln!(io::stderr(), "{line}");
        }
        Ok(match converted.n_losses() {
            0 => Exit::Success,
            n_losses => {
                let parts = if n_losses == 1 { "part was" } else { "parts were" };
                say(format_args!("{n_losses} {parts} not carried over"));
                Exit::Incomplete
            }
        })
    }

    fn read(&self) -> anyhow::Result<(String, String)> {
        if self.file == Path::new("-") {
            let name = "<stdin>".to_owned();
            let text = config::read_text(io::stdin(), &name)?;
            return Ok((name, text));
        }
        let name = self.file.display().to_string();
        let text = config::read_text_file(&self.file)?;
        Ok((name, text))
    }

    fn write(&self, converted: &Converted) -> anyhow::Result<()> {
        let yaml = converted.yaml.as_bytes();
        let Some(path) = &self.output else {
            return match io::stdout().write_all(yaml) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                result => result.context("standard output cannot be written"),
            };
        };
        let written = || -> anyhow::Result<()> {
            if !self.force {
                return create(path, yaml);
            }
            let mut output = Target::at(path)?.open()?;
            output.write_all(yaml)?;
            output.finish(|| Ok(()))
        };
        let is_taken = |error: &anyhow::Error| {
            let error = error.downcast_ref::<io::Error>();
            error.is_some_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
        };
        match written() {
            Err(error) if is_taken(&error) => Err(is_there(path)),
            result => result.with_context(|| format!("could not write {}", path.display())),
        }
    }
}

/// Writes a file that is not there yet, whole or not at all.
fn create(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // What cannot be removed either is what the error is about.
        let _ = fs::remove_file(path);
    }
    Ok(written?)
}

fn is_there(path: &Path) -> anyhow::Error {
    let message = format!("{} is there already", path.display());
    Hinted::error(message, "replace it with --force, or name another file")
}

fn refused(refusal: Refusal, name: &str) -> anyhow::Error {
    match refusal {
        Refusal::Source(fault) => fault.into_error(name).into(),
        Refusal::Result(message) => Hinted::error(
            format!("{name}: what it becomes cannot be used: {message}"),
            "this is a mistake of mongowatch: please report it with the file",
        ),
    }
}
