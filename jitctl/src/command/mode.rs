//! `jitctl mode`: one file, there or not there. Setting enforcing needs a running daemon that answers for its own
//! configuration; setting permissive needs nothing but root, because it is what one types when everything else is broken.
//! Must never leave a half-written file: the module reads what it cannot parse as "enforcing, with the built-in list".

use std::ffi::CString;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use jit_control::{Answer, Mode as Shown, Request, Session, Status};
use jit_model::time::Timestamp;
use jit_proto::enforcing::{self, MAX_FILE, Reading};

use crate::cli::{Mode, ModeArgs};
use crate::command::lockout::{self, Local, Ways};
use crate::context::Context;
use crate::report::{Exit, Failure, Report};
use crate::terminal::{Colour, Tone};
use crate::when;

/// How long a directory may take to answer a daemon that has just started.
const PATIENCE: Duration = Duration::from_secs(5);

/// `jitctl mode [permissive|enforcing]`
///
/// # Errors
/// When it may not, or should not, be set; and when the file cannot be written.
pub fn run(context: &Context, args: &ModeArgs) -> Result<Report, Failure> {
    match args.mode {
        None => show(context, args),
        Some(Mode::Permissive) => permit(context, args),
        Some(Mode::Enforcing) => enforce(context, args),
        Some(Mode::Confirm) => {
            Err(Failure::not_applicable("not-built", "jitctl mode confirm is not built yet"))
        }
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
            Ok(report(context, args, &status.mode, status.until, notes))
        }
        Err(failure) if failure.exit == Exit::Unreachable => {
            let (mode, until, says) = by_file(&args.file, context.now);
            let note = format!("jitd does not answer; the modules go by {}, {says}", args.file.display());
            Ok(report(context, args, mode, until, vec![note]))
        }
        Err(failure) => Err(failure),
    }
}

/// The mode as a module without a daemon finds it, until when, and how the file is.
fn by_file(file: &Path, now: Timestamp) -> (&'static str, Option<i64>, String) {
    let Ok(path) = CString::new(file.as_os_str().as_bytes()) else {
        return ("enforcing", None, "which is no path".to_owned());
    };
    let mut room = Box::new([0; MAX_FILE]);
    match enforcing::read(&path, now.0, &mut room) {
        Reading::Permissive => ("permissive", None, "which does not exist".to_owned()),
        Reading::Void(at) => {
            ("permissive", None, format!("which was not confirmed by {}", when::until(Timestamp(at), now)))
        }
        Reading::Enforcing(rules) => ("enforcing", rules.until(), "which is in order".to_owned()),
        Reading::Broken(why) => (
            "enforcing",
            None,
            format!("which cannot be used ({why}), so the built-in list of services is denied"),
        ),
    }
}

fn permit(context: &Context, args: &ModeArgs) -> Result<Report, Failure> {
    context.root_only("setting the mode", "jitctl mode permissive")?;
    let failed = |e: io::Error| {
        Failure::no(
            "file",
            format!("{} cannot be removed: {e}; this host stays enforcing", args.file.display()),
        )
    };
    match fs::remove_file(&args.file) {
        Ok(()) => sync_parent(&args.file).map_err(failed)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(failed(e)),
    }
    let mut notes = Vec::new();
    match context.status() {
        Ok(status) if status.mode != "permissive" => notes.push(format!(
            "jitd still says {}: does it read another file than {}?",
            status.mode,
            args.file.display()
        )),
        Ok(_) => {}
        Err(_) => notes.push(
            "jitd does not answer; without it, and permissive, everybody gets in as if jit were not there"
                .to_owned(),
        ),
    }
    let mut report = report(context, args, "permissive", None, notes.clone());
    if notes.iter().any(|n| n.starts_with("jitd still")) {
        report.exit = Exit::No;
    }
    Ok(report)
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

fn enforce(context: &Context, args: &ModeArgs) -> Result<Report, Failure> {
    context.root_only("setting the mode", "jitctl mode enforcing")?;
    let status = settled(context)?;
    if !status.production {
        return Err(Failure::not_applicable(
            "not-here",
            "production = false in jitd.toml: nothing is guarded on this host, so there is nothing to enforce. \
             Set production = true, let jitd read it (SIGHUP), and run this again.",
        ));
    }
    let Answer::Enforcing { text } = context.ask(&Request::RenderEnforcing {})? else {
        return Err(context.beside_the_point());
    };
    if text.len() > MAX_FILE {
        let most = MAX_FILE >> 10;
        return Err(Failure::no(
            "file",
            format!(
                "the file would be longer than the {most} KiB that modules read: name fewer exemptions, or groups instead of users\nNothing was written."
            ),
        ));
    }
    let ways = Ways::of(&status, &text, &Local::of_host()).map_err(|e| {
        let text = format!("what jitd rendered is no enforcing file ({e}); are jitctl and jitd from the same package?\nNothing was written.");
        Failure::no("file", text)
    })?;
    let mut warnings = match (lockout::judge(&ways), args.force) {
        (Ok(warnings), _) => warnings,
        (Err(danger), true) => vec![danger],
        (Err(danger), false) => {
            let cure = "Nothing was written. To have a way in first: jitctl grant add, or [break_glass] users or groups in jitd.toml. \
                        To enforce all the same: jitctl mode enforcing --force";
            return Err(Failure::no("locked-out", format!("{danger}\n{cure}")));
        }
    };
    warnings.extend(standing(&text));
    write(&args.file, text.as_bytes()).map_err(|e| {
        Failure::no("file", format!("{} cannot be written: {e}; the mode is as it was", args.file.display()))
    })?;
    verify(context, args, warnings)
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
    let from_before = |session: &&Session| {
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
fn verify(context: &Context, args: &ModeArgs, warnings: Vec<String>) -> Result<Report, Failure> {
    let (mode, until, exit, more) = match context.status() {
        Ok(Status { mode, until, .. }) if mode == "enforcing" => (mode, until, Exit::Done, endless(context)),
        Ok(Status { mode, until, .. }) => {
            let more = format!(
                "{} is written, but jitd says {mode}: does it read another file?",
                args.file.display()
            );
            (mode, until, Exit::No, Some(more))
        }
        Err(failure) => (
            "enforcing".to_owned(),
            None,
            failure.exit,
            Some(format!("the file is written; {}", failure.text)),
        ),
    };
    let mut report = report(context, args, &mode, until, warnings.into_iter().chain(more).collect());
    report.exit = exit;
    Ok(report)
}

fn report(
    context: &Context,
    args: &ModeArgs,
    mode: &str,
    until: Option<i64>,
    warnings: Vec<String>,
) -> Report {
    let text = line(mode, until, context.now, context.colour);
    let answer = Answer::Mode(Shown {
        mode: mode.to_owned(),
        until,
        file: args.file.display().to_string(),
        warnings: warnings.clone(),
    });
    Report { answer, text, notes: warnings, exit: Exit::Done }
}

fn line(mode: &str, until: Option<i64>, now: Timestamp, colour: Colour) -> String {
    let tone = if mode == "enforcing" { Tone::Good } else { Tone::Fair };
    let until = until
        .map(|at| format!(", unconfirmed until {}", when::until(Timestamp(at), now)))
        .unwrap_or_default();
    format!("{}{until}\n", colour.paint(tone, &crate::terminal::clean(mode)))
}

/// Whole or not at all: written beside its place, synced, renamed over it, and the directory synced. 0644, whatever the
/// umask, because modules in unprivileged processes (sudo's user side, polkit's helper) read it too.
fn write(file: &Path, text: &[u8]) -> io::Result<()> {
    let directory = parent(file);
    let mut beside = tempfile::Builder::new().prefix(".enforcing-").tempfile_in(directory)?;
    beside.write_all(text)?;
    beside.as_file().set_permissions(Permissions::from_mode(0o644))?;
    beside.as_file().sync_all()?;
    beside.persist(file).map_err(|e| e.error)?;
    sync_parent(file)
}

fn parent(file: &Path) -> &Path {
    file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_parent(file: &Path) -> io::Result<()> {
    File::open(parent(file))?.sync_all()
}
