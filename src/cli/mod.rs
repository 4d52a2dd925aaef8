//! The `mongowatch` command line tool: one file per command.

/// Runs the tool with the arguments of the process and gives its exit status.
#[must_use]
pub fn run() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
