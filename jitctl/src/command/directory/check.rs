//! x
use crate::cli::{CheckArgs, Cli};
use crate::context::Context;
use crate::report::{Failure, Report};
pub(super) fn run(_context: &Context, _cli: &Cli, _args: &CheckArgs) -> Result<Report, Failure> {
    Err(Failure::not_applicable("not-built", "not built yet"))
}
