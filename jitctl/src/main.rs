//! `jitctl`: see the library beside it; here is only the process.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match jitctl::cli::Cli::try_parse() {
        Ok(cli) => jitctl::run(&cli),
        Err(error) => jitctl::unparsed(&error, std::env::args_os().any(|arg| arg == "--json")),
    }
}
