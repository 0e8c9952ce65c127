//! `jitctl deny`, `revoke` and `release`: an entry below the grant that takes it away, at once and for good. Taking away is always easy.

use crate::cli::{Cli, ReleaseArgs, TakeArgs};
use crate::context::Context;
use crate::report::{Failure, Report};

/// `jitctl deny`
///
/// # Errors
/// When it cannot be done.
pub fn deny(_context: &Context, _cli: &Cli, _args: &TakeArgs) -> Result<Report, Failure> {
    Err(Failure::not_applicable("not-built", "not built yet"))
}

/// `jitctl revoke`
///
/// # Errors
/// When it cannot be done.
pub fn revoke(_context: &Context, _cli: &Cli, _args: &TakeArgs) -> Result<Report, Failure> {
    Err(Failure::not_applicable("not-built", "not built yet"))
}

/// `jitctl release`
///
/// # Errors
/// When it cannot be done.
pub fn release(_context: &Context, _cli: &Cli, _args: &ReleaseArgs) -> Result<Report, Failure> {
    Err(Failure::not_applicable("not-built", "not built yet"))
}
