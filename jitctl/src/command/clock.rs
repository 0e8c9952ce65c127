//! `jitctl clock`: root's word about the wall clock.

use jit_control::{Answer, Request};

use crate::context::Context;
use crate::report::{Exit, Failure, Report};
use crate::terminal;

/// `jitctl clock accept`
///
/// # Errors
/// When the daemon cannot be reached, or says no.
pub fn accept(context: &Context) -> Result<Report, Failure> {
    context.root_only("accepting the clock", "jitctl clock accept")?;
    match context.ask(&Request::ClockAccept {})? {
        Answer::Done { text } => {
            let line = format!("{}\n", terminal::clean(&text));
            Ok(Report { answer: Answer::Done { text }, text: line, notes: Vec::new(), exit: Exit::Done })
        }
        _ => Err(context.beside_the_point()),
    }
}
