//! `mongowatch config`: is a configuration right, and what does it say?

use std::{
    error::Error,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Subcommand;

use crate::{
    cli::{Exit, convert},
    config,
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say whether configuration files are right, opening nothing that they name but scripts
    Check(Check),
    /// Print the settings that a configuration file comes to, with all defaults, as YAML; a value that
    /// came from the environment is shown as its variable
    Print(Print),
    /// Print the JSON Schema (2020-12) of configuration files, for editors that complete and check
    #[command(after_long_help = "\
In an editor with a YAML language server, the first line of a configuration names the schema: \
`# yaml-language-server: $schema=mongowatch.schema.json`, a path beside the file or a URL.")]
    Schema,
    /// Make a configuration of one of pymongowatch, and say what could not be carried over
    Convert(convert::Args),
}

/// What the user said to `config check`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A file that is right gets a line `FILE: ok` on standard output. All faults of each other file go to \
standard error, as `FILE:LINE:COLUMN: KEY: what was found, what was expected` and the line of the file.")]
pub(super) struct Check {
    /// YAML files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// What the user said to `config print`.
#[derive(Debug, clap::Args)]
pub(super) struct Print {
    /// A YAML file [default: the one that MONGOWATCH_CONFIG names; else the defaults]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Command {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        match self {
            Self::Check(args) => check(&args.files),
            Self::Print(args) => print(args.file.as_deref()),
            Self::Schema => out(&config::json_schema()).map(|()| Exit::Success),
            Self::Convert(args) => args.run(),
        }
    }
}

fn check(files: &[PathBuf]) -> anyhow::Result<Exit> {
    let mut exit = Exit::Success;
    for file in files {
        let faults =
            config::check_yaml_file(file).unwrap_or_else(|error| vec![(error, String::new())]);
        if faults.is_empty() {
            out(&format!("{}: ok\n", file.display()))?;
            continue;
        }
        exit = Exit::Failure;
        for (error, snippet) in faults {
            // Not after the tool's name: editors and other tools know lines that begin with a
            // place. A closed stderr must not stop the work; the status still says it.
            let _ = write!(io::stderr(), "{}\n{snippet}", chain(&error));
        }
    }
    Ok(exit)
}

fn print(file: Option<&Path>) -> anyhow::Result<Exit> {
    out(&match file {
        Some(file) => config::print_yaml_file(file)?,
        None => config::print_yaml_env()?,
    })?;
    Ok(Exit::Success)
}

/// Writes data to stdout. That nobody wants to read on is not an error.
fn out(text: &str) -> anyhow::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("standard output cannot be written"),
    }
}

/// The error and its causes, in one line.
fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
