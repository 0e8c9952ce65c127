//! `jitctl request`: ask the directory for access.

use crate::cli::{Cli, RequestArgs};
use crate::context::Context;
use crate::report::{Failure, Report};

/// `jitctl request`
///
/// # Errors
/// When it cannot be done.
pub fn run(_context: &Context, _cli: &Cli, _args: &RequestArgs) -> Result<Report, Failure> {
    Err(Failure::not_applicable("not-built", "not built yet"))
}
