//! `jitctl approve`: say yes to somebody's request, after a look at exactly what is asked.

use crate::cli::{ApproveArgs, Cli};
use crate::context::Context;
use crate::report::{Failure, Report};

/// `jitctl approve`
///
/// # Errors
/// When it cannot be done.
pub fn run(_context: &Context, _cli: &Cli, _args: &ApproveArgs) -> Result<Report, Failure> {
    Err(Failure::not_applicable("not-built", "not built yet"))
}
