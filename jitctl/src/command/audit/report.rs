//! `jitctl audit report`

use crate::cli::AuditReportArgs;
use crate::context::Context;
use crate::report::{Failure, Report};

/// `jitctl audit report`
///
/// # Errors
/// Not built yet.
pub fn report(_context: &Context, _args: &AuditReportArgs) -> Result<Report, Failure> {
    Err(Failure::not_applicable("not-built", "jitctl audit report is not built yet"))
}
