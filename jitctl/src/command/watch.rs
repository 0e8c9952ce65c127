//! `jitctl watch`: the requests that wait, by push.

use crate::cli::Cli;
use crate::context::Context;
use crate::report::{Failure, Report};

/// `jitctl watch`
///
/// # Errors
/// When the directory cannot be reached.
pub fn run(_context: &Context, _cli: &Cli) -> Result<Report, Failure> {
    Err(Failure::not_applicable("not-built", "not built yet"))
}
