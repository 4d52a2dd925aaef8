//! `mongowatch csv`: work on CSV files of records.
//!
//! The way of a row: [`source`] opens the input, [`rows`] cuts it into rows with the grammar of
//! [`scan`], [`layout`] knows the columns, [`survey`] remembers where the newest version of each
//! record stands, [`copy`] writes these rows to a [`target`].

mod aggregate;
mod copy;
mod dialect;
mod layout;
mod newest;
mod progress;
mod rows;
mod scan;
mod source;
mod survey;
mod target;
#[cfg(test)]
mod tests;

use clap::Subcommand;

pub(super) use self::target::Target;
use crate::cli::Exit;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Keep one row of each record: its newest version
    #[command(visible_alias = "aggr")]
    Aggregate(aggregate::Args),
}

impl Command {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        match self {
            Self::Aggregate(args) => args.run(),
        }
    }
}
