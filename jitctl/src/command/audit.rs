//! `jitctl audit`: what the audit's files say, as a table, CSV or JSON.

use crate::cli::{AuditFiles, AuditReplayArgs, AuditReportArgs};
use crate::context::Context;
use crate::report::{Failure, Report};

/// `jitctl audit verify`
///
/// # Errors
/// When a file cannot be read.
pub fn verify(_context: &Context, _files: &AuditFiles) -> Result<Report, Failure> {
    Err(not_built())
}

/// `jitctl audit report`
///
/// # Errors
/// When a file cannot be read, or a time makes no sense.
pub fn report(_context: &Context, _args: &AuditReportArgs) -> Result<Report, Failure> {
    Err(not_built())
}

/// `jitctl audit replay`
///
/// # Errors
/// When a file cannot be read, or a time makes no sense.
pub fn replay(_context: &Context, _args: &AuditReplayArgs) -> Result<Report, Failure> {
    Err(not_built())
}

fn not_built() -> Failure {
    Failure::not_applicable("not-built", "jitctl audit is not built yet")
}
