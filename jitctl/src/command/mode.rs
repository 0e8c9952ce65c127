//! `jitctl mode`: one file, there or not there. Setting enforcing needs a running daemon that answers for its own
//! configuration; setting permissive needs nothing but root, because it is what one types when everything else is broken.
//! Must never leave a half-written file: the module reads what it cannot parse as "enforcing, with the built-in list".

use jit_control::{Answer, Mode as Shown, Status};
use jit_model::time::Timestamp;
use jit_proto::enforcing::MOST_UNCONFIRMED;

use crate::cli::{Mode, ModeArgs};
use crate::context::Context;
use crate::report::{Exit, Failure, Report};
use crate::terminal::{Colour, Tone};
use crate::when;

mod confirm;
mod enforce;
mod file;
mod tell;
mod term;

use file::OnDisk;

/// `jitctl mode [permissive|enforcing|confirm]`
///
/// # Errors
/// When it may not, or should not, be set; and when the file cannot be written.
pub fn run(context: &Context, args: &ModeArgs) -> Result<Report, Failure> {
    if args.mode != Some(Mode::Enforcing) {
        for (given, option) in [(args.confirm_within.is_some(), "--confirm-within"), (args.force, "--force")]
        {
            if given {
                return Err(Failure::usage(format!("{option} belongs to: jitctl mode enforcing")));
            }
        }
    }
    match args.mode {
        None => show(context, args),
        Some(Mode::Permissive) => permit(context, args),
        Some(Mode::Enforcing) => enforce::enforce(context, args),
        Some(Mode::Confirm) => confirm::confirm(context, args),
    }
}

/// The mode, as the daemon or the file says it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    mode: String,
    /// Until when enforcing is unconfirmed.
    until: Option<i64>,
    /// Until when it should have been confirmed.
    lapsed: Option<i64>,
}

impl State {
    fn of(status: &Status) -> State {
        State { mode: status.mode.clone(), until: status.until, lapsed: status.lapsed }
    }

    fn permissive() -> State {
        State { mode: "permissive".to_owned(), until: None, lapsed: None }
    }

    fn enforcing(until: Option<Timestamp>) -> State {
        State { mode: "enforcing".to_owned(), until: until.map(|at| at.0), lapsed: None }
    }
}

fn show(context: &Context, args: &ModeArgs) -> Result<Report, Failure> {
    match context.status() {
        Ok(status) => {
            let mut notes = Vec::new();
            if !status.production {
                notes.push(
                    "production = false in jitd.toml: nothing is guarded on this host in either mode"
                        .to_owned(),
                );
            }
            let now = Timestamp(status.now);
            notes.extend(status.until.map(|_| term::how_to_confirm().to_owned()));
            notes.extend(status.lapsed.map(|at| was_not_confirmed(Timestamp(at), now)));
            Ok(report(context, args, &State::of(&status), notes))
        }
        Err(failure) if failure.exit == Exit::Unreachable => {
            let (state, says) = by_file(args, context.now);
            let note = format!("jitd does not answer; the modules go by {}, {says}", args.file.display());
            Ok(report(context, args, &state, vec![note]))
        }
        Err(failure) => Err(failure),
    }
}

/// The mode as a module without a daemon finds it, and how the file is.
fn by_file(args: &ModeArgs, now: Timestamp) -> (State, String) {
    match file::read(&args.file, now) {
        OnDisk::Absent => (State::permissive(), "which does not exist".to_owned()),
        OnDisk::Lapsed(at) => {
            let says = if at.0.saturating_sub(now.0) > MOST_UNCONFIRMED {
                format!(
                    "which had to be confirmed by {}, further ahead than it can have been: was this clock set back?",
                    when::until(at, now)
                )
            } else {
                format!("which was not confirmed by {}", when::until(at, now))
            };
            (State { lapsed: Some(at.0), ..State::permissive() }, says)
        }
        OnDisk::Unconfirmed { until, .. } => (
            State::enforcing(Some(until)),
            "which waits to be confirmed; that takes a running jitd".to_owned(),
        ),
        OnDisk::ForGood => (State::enforcing(None), "which is in order".to_owned()),
        OnDisk::Broken(why) => {
            let says = format!("which cannot be used ({why}), so the built-in list of services is denied");
            (State::enforcing(None), says)
        }
    }
}

fn was_not_confirmed(at: Timestamp, now: Timestamp) -> String {
    format!(
        "enforcing was not confirmed by {}, so this host is permissive; to begin anew: jitctl mode enforcing",
        when::until(at, now)
    )
}

fn permit(context: &Context, args: &ModeArgs) -> Result<Report, Failure> {
    context.root_only("setting the mode", "jitctl mode permissive")?;
    let removed = file::remove(&args.file).map_err(|e| {
        Failure::no(
            "file",
            format!("{} cannot be removed: {e}; this host stays enforcing", args.file.display()),
        )
    })?;
    if removed == file::Removed::Now {
        tell::tell(context, "permissive");
    }
    let mut notes = Vec::new();
    let mut exit = Exit::Done;
    match context.status() {
        Ok(status) if status.mode != "permissive" => {
            notes.push(format!(
                "jitd still says {}: does it read another file than {}?",
                status.mode,
                args.file.display()
            ));
            exit = Exit::No;
        }
        Ok(_) => {}
        Err(_) => notes.push(
            "jitd does not answer; without it, and permissive, everybody gets in as if jit were not there"
                .to_owned(),
        ),
    }
    Ok(Report { exit, ..report(context, args, &State::permissive(), notes) })
}

fn report(context: &Context, args: &ModeArgs, state: &State, warnings: Vec<String>) -> Report {
    let text = line(state, context.now, context.colour);
    let answer = Answer::Mode(Shown {
        mode: state.mode.clone(),
        until: state.until,
        lapsed: state.lapsed,
        file: args.file.display().to_string(),
        warnings: warnings.clone(),
    });
    Report { answer, text, notes: warnings, exit: Exit::Done }
}

fn line(state: &State, now: Timestamp, colour: Colour) -> String {
    let tone = if state.mode == "enforcing" && state.until.is_none() { Tone::Good } else { Tone::Fair };
    let until = state
        .until
        .map(|at| format!(", unconfirmed until {}, then permissive", when::until(Timestamp(at), now)))
        .unwrap_or_default();
    format!("{}{until}\n", colour.paint(tone, &crate::terminal::clean(&state.mode)))
}
