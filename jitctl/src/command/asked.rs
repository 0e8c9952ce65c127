//! `jitctl grants` in the directory: those that wait, mine, the live ones, and those that rest on somebody.

use crate::cli::{Cli, GrantsArgs};
use crate::context::Context;
use crate::report::{Failure, Report};

/// `jitctl grants --pending`, `--mine`, `--live`, `--resting-on`, `--directory`
///
/// # Errors
/// When the directory cannot be read.
pub fn run(_context: &Context, _cli: &Cli, _args: &GrantsArgs) -> Result<Report, Failure> {
    Err(Failure::not_applicable("not-built", "not built yet"))
}
