//! `jitctl mode confirm`: jitd says whether the login that this is typed in proves that one gets in; then the file is written once more, the same
//! but for the time until which it had to be confirmed.

use jit_control::{Answer, Request};
use jit_model::time::Timestamp;
use jit_proto::enforcing::{Rules, is_void};

use super::file::{self, OnDisk};
use super::{State, by_file, report, tell};
use crate::cli::ModeArgs;
use crate::context::{Context, wall_clock};
use crate::report::{Exit, Failure, Report};
use crate::when;

/// Confirms.
pub(super) fn confirm(context: &Context, args: &ModeArgs) -> Result<Report, Failure> {
    context.root_only("confirming the mode", "jitctl mode confirm")?;
    let judged = match context.ask(&Request::Confirm {}) {
        Ok(Answer::Enforcing { text }) => text,
        Ok(Answer::Done { text }) => {
            return Ok(report(context, args, &State::enforcing(None), vec![text]));
        }
        Ok(_) => return Err(context.beside_the_point()),
        Err(failure) if failure.exit == Exit::Unreachable => {
            return Err(without_jitd(context, args, failure));
        }
        Err(failure) => return Err(failure),
    };
    let (file, now) = (args.file.display(), wall_clock());
    match file::read(&args.file, now) {
        OnDisk::Unconfirmed { text, .. } if text == judged => {}
        OnDisk::Lapsed(until) => {
            return Err(Failure::no("not-enforcing", super::was_not_confirmed(until, now)));
        }
        _ => {
            return Err(Failure::unwritten(
                "changed",
                &format!(
                    "{file} is not what jitd goes by: was it changed just now, or does jitd read another file?"
                ),
            ));
        }
    }
    let text = file::confirmed(&judged);
    let rules = Rules::parse(text.as_bytes());
    if rules.is_err() || rules.is_ok_and(|rules| rules.until().is_some()) {
        let why = format!("{file} is not as jitctl writes it; write it anew: jitctl mode enforcing");
        return Err(Failure::unwritten("file", &why));
    }
    file::write(&args.file, text.as_bytes())
        .map_err(|e| Failure::no("file", format!("{file} cannot be written: {e}; it is not confirmed")))?;
    tell::tell(context, "enforcing, confirmed");
    verify(context, args)
}

/// Whether the daemon sees it.
fn verify(context: &Context, args: &ModeArgs) -> Result<Report, Failure> {
    let status = context.status()?;
    let state = State::of(&status);
    let mut report = report(context, args, &state, Vec::new());
    if state != State::enforcing(None) {
        report.notes.push(format!(
            "{} is written, but jitd says {}: does it read another file?",
            args.file.display(),
            report.text.trim_end()
        ));
        report.exit = Exit::No;
    }
    Ok(report)
}

/// Nobody but jitd knows who came in when.
fn without_jitd(context: &Context, args: &ModeArgs, failure: Failure) -> Failure {
    let (state, _) = by_file(args, context.now);
    let until = state.until.map(Timestamp).filter(|until| !is_void(until.0, context.now.0));
    let until = until.map(|until| {
        format!(
            "\nNobody but jitd knows who came in since; without it this host is permissive again from {} on.",
            when::until(until, context.now)
        )
    });
    Failure { text: format!("{}{}", failure.text, until.unwrap_or_default()), ..failure }
}
