//! `mongowatch filter`: work on records that were written as JSON lines.
//!
//! [`lines`] reads files line by line, [`out`] is standard output; [`matching`] prints the lines that
//! match a query, [`trying`] sends records through the steps of a configuration, one [`route`] after
//! the other.

mod lines;
mod matching;
mod out;
mod route;
mod trying;

use std::path::PathBuf;

use clap::{CommandFactory, Subcommand, error::ErrorKind};

use crate::cli::{Cli, Exit};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print the lines whose records match a query
    Match(matching::Args),
    /// Show what the steps of a configuration make of recorded records
    Test(trying::Args),
}

impl Command {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        match self {
            Self::Match(args) => args.run(),
            Self::Test(args) => args.run(),
        }
    }
}

/// A mistake on the command line of `filter NAME`.
fn usage(name: &str, message: &str) -> anyhow::Error {
    let mut tool = Cli::command();
    tool.build();
    let command =
        tool.find_subcommand_mut("filter").and_then(|filter| filter.find_subcommand_mut(name));
    let error = clap::Error::raw(ErrorKind::ValueValidation, format!("{message}\n"));
    command.map_or(error, |command| command.error(ErrorKind::ValueValidation, message)).into()
}

/// The files to read: standard input if none is named, and only once.
fn inputs(command: &str, mut files: Vec<PathBuf>) -> anyhow::Result<Vec<PathBuf>> {
    if files.is_empty() {
        files.push(PathBuf::from("-"));
    }
    if files.iter().filter(|file| file.as_os_str() == "-").count() > 1 {
        return Err(usage(command, "standard input can be read only once"));
    }
    Ok(files)
}
