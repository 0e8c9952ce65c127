//! `jitctl mode enforcing`: what the daemon renders, written as root, unless the host's own doctor says that nobody could get in to repair it. Whoever
//! types it at a terminal has ten minutes to show from a new login that he was right.

use std::thread;
use std::time::{Duration, Instant};

use jit_control::{Answer, Request, Status};
use jit_model::text::clock_time;
use jit_model::time::{Span, Timestamp};
use jit_proto::enforcing::MAX_FILE;

use super::file;
use super::term::{self, CLOCKS_AGREE, Term, Within, term};
use super::{State, report, tell};
use crate::cli::ModeArgs;
use crate::command::lockout::{self, Local, Ways};
use crate::context::{Context, wall_clock};
use crate::doctor::host::Host;
use crate::doctor::{self, Finding, Findings, Level};
use crate::report::{Exit, Failure, Report};

/// How long a directory may take to answer a daemon that has just started.
const PATIENCE: Duration = Duration::from_secs(5);

/// Credentials that end sooner than this are worth a word.
const WITHIN: Span = Span(14 * 86_400);

/// Findings of the doctor that say what is about to be changed, or that [`lockout`] says as well.
const OUR_OWN: [&str; 5] = ["permissive", "unconfirmed", "enforcing-broken", "enforcing-old", "lock-out"];

/// Enforces.
pub(super) fn enforce(context: &Context, args: &ModeArgs) -> Result<Report, Failure> {
    let asked = args.confirm_within.as_deref().map(Within::parse).transpose()?;
    context.root_only("setting the mode", "jitctl mode enforcing")?;
    let status = settled(context)?;
    if !status.production {
        return Err(Failure::not_applicable(
            "not-here",
            "production = false in jitd.toml: nothing is guarded on this host, so there is nothing to enforce. \
             Set production = true, let jitd read it (SIGHUP), and run this again.",
        ));
    }
    let rendered = rendered(context)?;
    let mut notes = dangers(context, args, &status, &rendered)?;
    notes.extend(standing(&rendered));
    // Only now: to look around took a while. The time is the admin's; and meanwhile somebody may have confirmed, or begun, what must neither
    // wait again nor be for good.
    let now = wall_clock();
    let before = file::read(&args.file, now);
    let term = term(asked, &before, context.seat, now)?;
    if term != Term::ForGood {
        agree(&status, context.now)?;
    }
    let until = match term {
        Term::ForGood => None,
        Term::For(span) => Some(now.plus(span)),
        Term::Until(until) => Some(until),
    };
    let text = until.map_or_else(|| rendered.clone(), |until| file::unconfirmed(&rendered, until));
    if text.len() > MAX_FILE {
        let most = MAX_FILE >> 10;
        return Err(Failure::no(
            "file",
            format!(
                "the file would be longer than the {most} KiB that modules read: name fewer exemptions, or groups instead of users\nNothing was written."
            ),
        ));
    }
    file::write(&args.file, text.as_bytes()).map_err(|e| {
        Failure::no("file", format!("{} cannot be written: {e}; the mode is as it was", args.file.display()))
    })?;
    tell::tell(context, "enforcing");
    // Last, where it is read.
    let last = until.map(|until| term::says(until, now, &before)).unwrap_or_default();
    verify(context, args, until, notes, last)
}

/// How the daemon is, once its directories have had a moment to answer: one that was started by the line before has not heard of them.
fn settled(context: &Context) -> Result<Status, Failure> {
    let begun = Instant::now();
    loop {
        let status = context.status()?;
        let mut sources = status.sources.iter();
        let is_early =
            sources.any(|source| source.kind != "ldif" && source.heard.is_none() && source.trouble.is_none());
        if !is_early || lockout::directory_answers(&status) || begun.elapsed() >= PATIENCE {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn rendered(context: &Context) -> Result<String, Failure> {
    match context.ask(&Request::RenderEnforcing {})? {
        Answer::Enforcing { text } => Ok(text),
        _ => Err(context.beside_the_point()),
    }
}

/// A time that modules judge by one clock and jitd by another could be over before it began, or last for days.
fn agree(status: &Status, now: Timestamp) -> Result<(), Failure> {
    let jitd = Timestamp(status.now);
    if jitd.since(now).max(now.since(jitd)) <= CLOCKS_AGREE {
        return Ok(());
    }
    Err(Failure::no(
        "clock",
        format!(
            "for jitd it is {}, by this host's clock {}: a time to confirm could not be kept. Nothing was written.\n\
             Set the clock; if it is right: jitctl clock accept. To enforce for good at once: jitctl mode enforcing --confirm-within never",
            clock_time(jitd),
            clock_time(now)
        ),
    ))
}

/// Whatever speaks against it: as an error, why nobody might get in any more, unless that is meant.
fn dangers(
    context: &Context,
    args: &ModeArgs,
    status: &Status,
    rendered: &str,
) -> Result<Vec<String>, Failure> {
    let ways = Ways::of(status, rendered, &Local::of_host()).map_err(|e| {
        let text = format!("what jitd rendered is no enforcing file ({e}); are jitctl and jitd from the same package?\nNothing was written.");
        Failure::no("file", text)
    })?;
    let found = examined(context, args, status, rendered);
    let (mut locked_out, mut notes) = match lockout::judge(&ways) {
        Ok(notes) => (Vec::new(), notes),
        Err(danger) => (vec![danger], Vec::new()),
    };
    locked_out.extend(found.lock_outs().filter(|finding| !is_ours(finding)).map(in_a_line));
    if !locked_out.is_empty() && !args.force {
        let cure = "Nothing was written. To have a way in first: jitctl grant add, or [break_glass] users or groups in jitd.toml. \
                    All that was found: jitctl doctor. To enforce all the same: jitctl mode enforcing --force";
        return Err(Failure::no("locked-out", format!("{}\n{cure}", locked_out.join("\n"))));
    }
    let mut said = locked_out;
    said.append(&mut notes);
    for level in [Level::Hole, Level::Warning] {
        let again = |finding: &&Finding| said.contains(&finding.text);
        let of_level = |finding: &&Finding| finding.level == level && !is_ours(finding) && !again(finding);
        let more: Vec<String> = found.findings.iter().filter(of_level).map(in_a_line).collect();
        said.extend(more);
    }
    match found.unexamined.len() {
        0 => {}
        n => said.push(format!("{n} things could not be examined; jitctl doctor says which")),
    }
    Ok(said)
}

fn is_ours(finding: &Finding) -> bool {
    OUR_OWN.contains(&finding.code)
}

fn in_a_line(finding: &Finding) -> String {
    let Finding { level, place, text, cure, .. } = finding;
    format!("{}: {place}: {text}; {cure}", level.as_str())
}

/// What the doctor says of this host with this file.
fn examined(context: &Context, args: &ModeArgs, status: &Status, rendered: &str) -> Findings {
    doctor::examine(&Host {
        root: args.root.clone(),
        status: Some(status.clone()),
        rules: rendered.to_owned(),
        within: WITHIN,
        now: context.now,
        config: context.etc.join("jitd.toml"),
        enforcing: args.file.clone(),
    })
}

/// The lines that open a door without a grant. The daemon renders them and root writes them, so root is shown them.
fn standing(text: &str) -> Vec<String> {
    let opens = |line: &&str| {
        line.starts_with("exempt ") || line.starts_with("break-glass-") && *line != "break-glass-console no"
    };
    text.lines().filter(opens).map(|line| format!("in without a grant: {line}")).collect()
}

/// The sessions that enforcing ends no more: those that were open while the host was permissive keep going. Asked when the daemon
/// enforces, for until then more of them may open. Nothing that is unclear here makes the mode another.
fn endless(context: &Context) -> Option<String> {
    let sessions = match context.ask(&Request::Sessions {}) {
        Ok(Answer::Sessions(sessions)) => sessions.sessions,
        Ok(_) => return Some(context.beside_the_point().text),
        Err(failure) => {
            let why = failure.text.lines().next().unwrap_or_default();
            return Some(format!("sessions without a deadline may be open; jitd does not list them: {why}"));
        }
    };
    let from_before = |session: &&jit_control::Session| {
        session.state != "ending" && matches!(session.standing.as_deref(), Some("permissive" | "lifted"))
    };
    let (who, they) = match sessions.iter().filter(from_before).count() {
        0 => return None,
        1 => ("1 session that was".to_owned(), "goes"),
        n => (format!("{n} sessions that were"), "go"),
    };
    Some(format!(
        "{who} open while this host was permissive {they} on without a deadline; jitctl sessions shows them; to end one: \
         jitctl sessions terminate ID --reason TEXT"
    ))
}

/// Asks the daemon whether it sees what was written.
fn verify(
    context: &Context,
    args: &ModeArgs,
    until: Option<Timestamp>,
    mut notes: Vec<String>,
    last: Vec<String>,
) -> Result<Report, Failure> {
    let written = State::enforcing(until);
    let (state, exit, more) = match context.status() {
        Ok(status) if State::of(&status) == written => (written, Exit::Done, endless(context)),
        Ok(status) => {
            let more = format!(
                "{} is written, but jitd says {}: does it read another file?",
                args.file.display(),
                status.mode
            );
            (State::of(&status), Exit::No, Some(more))
        }
        Err(failure) => (written, failure.exit, Some(format!("the file is written; {}", failure.text))),
    };
    notes.extend(more);
    notes.extend(last);
    Ok(Report { exit, ..report(context, args, &state, notes) })
}
