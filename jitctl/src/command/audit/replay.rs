//! `jitctl audit replay`

use crate::cli::AuditReplayArgs;
use crate::context::Context;
use crate::report::{Failure, Report};

/// `jitctl audit replay`
///
/// # Errors
/// Not built yet.
pub fn replay(_context: &Context, _args: &AuditReplayArgs) -> Result<Report, Failure> {
    Err(Failure::not_applicable("not-built", "jitctl audit replay is not built yet"))
}
