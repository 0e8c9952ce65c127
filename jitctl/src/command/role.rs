//! `jitctl role list` and `role show`.

use crate::cli::{Cli, RoleCommand};
use crate::context::Context;
use crate::report::{Failure, Report};

/// `jitctl role …`
///
/// # Errors
/// When the directory cannot be read, or has no such role.
pub fn run(_context: &Context, _cli: &Cli, _command: &RoleCommand) -> Result<Report, Failure> {
    Err(Failure::not_applicable("not-built", "not built yet"))
}
