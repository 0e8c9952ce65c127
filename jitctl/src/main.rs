//! `jitctl`: see the library beside it; here is only the process.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    jitctl::run(&jitctl::cli::Cli::parse())
}
