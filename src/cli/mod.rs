//! The `mongowatch` command line tool: one file per command.
//!
//! A command goes through three steps: what the user said (its `Args`), what that resolves to, and
//! what runs. Data goes to stdout, talk to stderr, and the exit status is an [`Exit`].

mod config;
mod convert;
mod csv;
mod exit;
mod filter;

use std::{fmt, io::Write, process::ExitCode};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use self::exit::Exit;

/// What the user said: one variant a command.
#[derive(Debug, Parser)]
#[command(name = "mongowatch", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check, print and convert configuration files
    #[command(subcommand)]
    Config(config::Command),
    /// Work on the CSV files that mongowatch and pymongowatch write
    #[command(subcommand)]
    Csv(csv::Command),
    /// Ask which records match, and what the steps of a configuration make of them
    #[command(subcommand)]
    Filter(filter::Command),
}

impl Command {
    fn run(self) -> anyhow::Result<Exit> {
        match self {
            Self::Config(command) => command.run(),
            Self::Csv(command) => command.run(),
            Self::Filter(command) => command.run(),
        }
    }
}

/// Runs the tool with the arguments of the process and gives its exit status.
#[must_use]
pub fn run() -> ExitCode {
    let outcome = parse().map_err(anyhow::Error::from).and_then(|cli| cli.command.run());
    outcome.unwrap_or_else(|error| report(&error)).code().into()
}

/// Reads the command line; every command's help ends with the exit codes.
fn parse() -> Result<Cli, clap::Error> {
    let mut command = with_exit_codes(Cli::command());
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

fn with_exit_codes(command: clap::Command) -> clap::Command {
    let codes = Exit::help();
    let long = match command.get_after_long_help() {
        Some(own) => format!("{own}\n\n{codes}"),
        None => codes.clone(),
    };
    command.after_help(codes).after_long_help(long).mut_subcommands(with_exit_codes)
}

/// Says on stderr why the command failed, and gives the exit status that says so too.
fn report(error: &anyhow::Error) -> Exit {
    if let Some(usage) = error.downcast_ref::<clap::Error>() {
        // Nobody is left to tell when the terminal is gone; the status still says it.
        let _ = usage.print();
        return if usage.use_stderr() { Exit::Usage } else { Exit::Success };
    }
    say(format_args!("error: {error:#}"));
    if let Some(Hinted { hint, .. }) = error.downcast_ref() {
        say(format_args!("hint: {hint}"));
    }
    Exit::Failure
}

/// Writes a line to stderr, after the name of the tool.
fn say(line: impl fmt::Display) {
    // A closed stderr must not stop the work: `eprintln!` would panic.
    let _ = writeln!(std::io::stderr(), "mongowatch: {line}");
}

/// An error together with what the user can do about it.
#[derive(Debug)]
struct Hinted {
    message: String,
    hint: String,
}

impl Hinted {
    fn error(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        Self { message: message.into(), hint: hint.into() }.into()
    }
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Hinted {}
