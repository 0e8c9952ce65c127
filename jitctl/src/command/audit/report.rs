//! `jitctl audit report`: who was in and why, as a table for people, CSV for a spreadsheet, or JSON.

mod csv;

use std::collections::HashMap;

use jit_control::Answer;
use jit_control::audit::{Grant, Missing, Report as Reported, Session};
use jit_model::text::clock_time;
use jit_model::time::Timestamp;

use super::{NAMED, unread};
use crate::audit::input::gather;
use crate::audit::numbers::span;
use crate::audit::read::read;
use crate::audit::sessions::{Sessions, Wanted};
use crate::cli::AuditReportArgs;
use crate::context::Context;
use crate::report::{Exit, Failure, Report};
use crate::terminal::{Table, Tone, beginning, clean, columns, wrapped};
use crate::when;

/// Of a note below a row; Table sets it in by this much.
const INDENT: usize = 4;
/// How much of a reason is shown to people.
const REASON: usize = 200;

/// `jitctl audit report`
///
/// # Errors
/// When a time makes no sense.
pub fn report(context: &Context, args: &AuditReportArgs) -> Result<Report, Failure> {
    let time = |typed: &Option<String>| {
        let at = typed.as_deref().map(|typed| when::parse_past(typed, context.now)).transpose();
        at.map(|at| at.map(|Timestamp(at)| at)).map_err(Failure::usage)
    };
    let wanted = Wanted {
        hosts: args.host.clone(),
        users: args.user.clone(),
        from: time(&args.from)?,
        to: time(&args.to)?,
    };
    if wanted.from.zip(wanted.to).is_some_and(|(from, to)| from > to) {
        return Err(Failure::usage("--from is after --to: there is nothing between"));
    }
    let mut sessions = Sessions::of(wanted.clone());
    let reading = read(&gather(&args.files.input), |told| sessions.see(told));
    let hosts: Vec<String> = reading.numbers.hosts().map(|(host, _)| host.to_owned()).collect();
    let missing =
        hosts.iter().filter(|host| wanted.host(host)).flat_map(|host| reading.numbers.missing(host));
    let missing =
        missing.filter(|missing| wanted.time(missing.after.unwrap_or(i64::MIN), missing.before)).collect();
    let (sessions, unguarded) = sessions.finish(&reading.numbers);
    let reported = Reported {
        from: wanted.from,
        to: wanted.to,
        lines: reading.lines,
        sessions,
        unguarded,
        missing,
        unread: reading.unread,
        more_unread: reading.more_unread,
    };
    let text = if args.csv { csv::of(&reported.sessions) } else { table(context, &reported) };
    let mut notes = unread(&reported.unread, reported.more_unread);
    if args.csv {
        let told = |missing: &Missing| format!("{}: {}{}", missing.host, missing.text, span(missing));
        notes.extend(reported.missing.iter().take(NAMED).map(told));
        notes.extend(more_missing(&reported));
    }
    let exit = if reading.broken_files > 0 { Exit::No } else { Exit::Done };
    Ok(Report { answer: Answer::AuditReport(reported), text, notes, exit })
}

fn table(context: &Context, reported: &Reported) -> String {
    let mut text = String::new();
    let hosts = reported
        .sessions
        .iter()
        .any(|session| reported.sessions.first().is_some_and(|first| first.host != session.host));
    if reported.sessions.is_empty() {
        text.push_str("nobody was in, and nobody was refused, as far as these lines say\n");
    } else {
        let mut heading = vec!["BEGIN (UTC)", "END", "USER", "SERVICE", "FROM", "VERDICT"];
        if hosts {
            heading.insert(0, "HOST");
        }
        let mut table = Table::new(&heading);
        let logins = logins(reported);
        for session in &reported.sessions {
            let (verdict_tone, verdict) = verdict(session);
            let (end_tone, end) = end(session, context.now);
            let service = match &session.target {
                Some(target) => format!("{} as {target}", session.service),
                None => session.service.to_string(),
            };
            let begin = when::short(Timestamp(session.begin), context.now);
            let from = session.from.as_deref().unwrap_or("-");
            let mut cells = vec![
                (Tone::Plain, begin.as_str()),
                (end_tone, &end),
                (Tone::Plain, &session.user),
                (Tone::Plain, &service),
                (Tone::Plain, from),
                (verdict_tone, &verdict),
            ];
            if hosts {
                cells.insert(0, (Tone::Plain, &session.host));
            }
            table.row(cells);
            for line in details(session, &logins)
                .iter()
                .flat_map(|text| wrapped(&clean(text), columns().saturating_sub(INDENT)))
            {
                table.note(Tone::Faint, &line);
            }
        }
        text.push_str(&table.render(context.colour));
    }
    for missing in reported.missing.iter().take(NAMED) {
        let boot = missing.boot.get(..8).unwrap_or(&missing.boot);
        let line = clean(&format!("{}, boot {boot}: {}{}", missing.host, missing.text, span(missing)));
        text.push_str(&format!("{}  {line}\n", context.colour.paint(Tone::Bad, "missing")));
    }
    text.extend(more_missing(reported).map(|line| format!("{line}\n")));
    text
}

/// How much more is missing than is named.
fn more_missing(reported: &Reported) -> Option<String> {
    let more = reported.missing.len().checked_sub(NAMED).filter(|more| *more > 0)?;
    Some(format!("{more} more places where lines are missing; --json names them"))
}

/// From where those came in within whose login something happened, by host and session id.
type Logins<'a> = HashMap<(&'a str, &'a str), Option<&'a str>>;

fn logins(reported: &Reported) -> Logins<'_> {
    let mut logins = Logins::new();
    for session in &reported.sessions {
        let Some(id) = &session.id else { continue };
        logins.entry((&session.host, id)).or_insert(session.from.as_deref());
    }
    logins
}

fn verdict(session: &Session) -> (Tone, String) {
    match session.verdict.as_ref() {
        "allow" => (Tone::Good, "allow".to_owned()),
        "deny" => (Tone::Bad, format!("refused: {}", session.code)),
        "would-deny" => (Tone::Fair, format!("would be refused: {}", session.code)),
        "break-glass" => (Tone::Bad, "break-glass".to_owned()),
        other => (Tone::Fair, other.to_owned()),
    }
}

fn end(session: &Session, now: Timestamp) -> (Tone, String) {
    let at = session.end.map(|end| when::short(Timestamp(end), now));
    match (session.state.as_ref(), at) {
        ("closed", Some(at)) => (Tone::Plain, at),
        (_, Some(at)) => (Tone::Fair, format!("{at} {}", session.end_code.as_deref().unwrap_or("ended"))),
        ("refused" | "passed", None) => (Tone::Faint, "-".to_owned()),
        (state, None) => (Tone::Fair, state.to_owned()),
    }
}

/// What stands below the row.
fn details(session: &Session, logins: &Logins<'_>) -> Vec<String> {
    let mut lines: Vec<String> = session.grants.iter().map(|held| grant(held)).collect();
    if matches!(session.verdict.as_ref(), "deny" | "would-deny" | "found" | "unknown" | "exempt") {
        lines.push(session.why.to_string());
    }
    let mut facts = Vec::new();
    if let Some(id) = &session.id {
        facts.push(format!("session {id}"));
    } else if session.kind == "passed" {
        facts.push("let in; jitd was told of no session".to_owned());
    }
    if let Some(id) = &session.within {
        let from = logins.get(&(session.host.as_ref(), id.as_ref())).copied().flatten();
        let from = from.map(|from| format!(" from {from}")).unwrap_or_default();
        facts.push(format!("within session {id}{from}"));
    }
    if let Some(key) = &session.key {
        facts.push(format!("key {key}"));
    }
    if let Some(by) = session.ended_by {
        facts.push(format!("ended by uid {by}"));
    }
    if let Some(at) = session.would_end {
        facts.push(format!("would have been ended {}", clock_time(Timestamp(at))));
    }
    if !facts.is_empty() {
        lines.push(facts.join(", "));
    }
    if matches!(session.state.as_ref(), "open" | "unknown" | "ending" | "stuck") || session.ended_by.is_some()
    {
        lines.extend(session.end_text.iter().map(|text| match session.state.as_ref() {
            "open" => format!("open {text}"),
            _ => text.to_string(),
        }));
    }
    lines
}

fn grant(grant: &Grant) -> String {
    let mut text = format!("grant {}", grant.id);
    if let Some(role) = &grant.role {
        text.push_str(&format!(" as {role}"));
    }
    if let Some(reason) = &grant.reason {
        text.push_str(&format!(": {}", beginning(reason, REASON)));
    }
    if let Some(ticket) = &grant.ticket {
        text.push_str(&format!(" [{ticket}]"));
    }
    let approvers = approvers(grant);
    match approvers.is_empty() {
        false => text.push_str(&format!("; approved by {approvers}")),
        true if grant.dn.is_some() => text.push_str("; no approval was needed"),
        true => text.push_str("; no line tells more of it"),
    }
    text
}

/// Who approved, each with what proves it.
fn approvers(grant: &Grant) -> String {
    let mut all: Vec<String> = grant
        .approvers
        .iter()
        .map(|approver| match &approver.key {
            Some(key) => format!("{} ({} {key})", approver.dn, approver.proof),
            None => format!("{} ({})", approver.dn, approver.proof),
        })
        .collect();
    if grant.more_approvers > 0 {
        all.push(format!("{} more", grant.more_approvers));
    }
    all.join("; ")
}
