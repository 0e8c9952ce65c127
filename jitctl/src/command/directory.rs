//! `jitctl directory init` and `directory check`: the directory's side, and the proof that it holds.

mod apply;
mod attempt;
mod cast;
mod check;
mod connect;
mod files;
mod init;
mod merge;
mod script;
mod trials;

use crate::cli::{Cli, DirectoryCommand};
use crate::context::Context;
use crate::report::{Failure, Report};

/// `jitctl directory …`
///
/// # Errors
/// When it cannot be done, or does not hold.
pub fn run(context: &Context, cli: &Cli, command: &DirectoryCommand) -> Result<Report, Failure> {
    match command {
        DirectoryCommand::Init(args) => init::run(context, cli, args),
        DirectoryCommand::Check(args) => check::run(context, cli, args),
    }
}
