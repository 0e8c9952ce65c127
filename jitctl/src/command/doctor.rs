//! `jitctl doctor`: gathers what the rules need, and shows what they find.

use crate::cli::DoctorArgs;
use crate::context::Context;
use crate::report::{Failure, Report};

/// `jitctl doctor`
///
/// # Errors
/// When it is not root who asks, or a duration makes no sense.
pub fn run(_context: &Context, _args: &DoctorArgs) -> Result<Report, Failure> {
    Err(Failure::not_applicable("not-built", "jitctl doctor is not built yet"))
}
