//! `jitctl directory init` and `directory check`: the directory's side, and the proof that it holds.

use crate::cli::{Cli, DirectoryCommand};
use crate::context::Context;
use crate::report::{Failure, Report};

/// `jitctl directory …`
///
/// # Errors
/// When it cannot be done, or does not hold.
pub fn run(_context: &Context, _cli: &Cli, _command: &DirectoryCommand) -> Result<Report, Failure> {
    Err(Failure::not_applicable("not-built", "not built yet"))
}
