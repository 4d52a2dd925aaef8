//! The `mongowatch` command line tool.

fn main() -> std::process::ExitCode {
    mongowatch::cli::run()
}
