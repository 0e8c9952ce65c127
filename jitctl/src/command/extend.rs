//! `jitctl extend`: a new grant that begins where the old one ends.

use crate::cli::{Cli, ExtendArgs};
use crate::context::Context;
use crate::report::{Failure, Report};

/// `jitctl extend`
///
/// # Errors
/// When it cannot be done.
pub fn run(_context: &Context, _cli: &Cli, _args: &ExtendArgs) -> Result<Report, Failure> {
    Err(Failure::not_applicable("not-built", "not built yet"))
}
