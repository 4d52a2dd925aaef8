//! `mongowatch filter`: work on records that were written as JSON lines.
//!
//! [`lines`] reads files line by line; [`matching`] prints the lines that match a query.

mod lines;
mod matching;

use clap::Subcommand;

use crate::cli::Exit;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print the lines whose records match a query
    Match(matching::Args),
}

impl Command {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        match self {
            Self::Match(args) => args.run(),
        }
    }
}
