//! The daemon's door: see the library.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    jitd::run::run(&jitd::args::Args::parse())
}
