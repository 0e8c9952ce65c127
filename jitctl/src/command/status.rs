//! `jitctl status`: how the daemon is, and what is wrong. Exits 1 when anything is, so that monitoring needs no parser.

use jit_control::{Answer, SourceStatus, Status};
use jit_model::text;
use jit_model::time::{Span, Timestamp};

use crate::context::Context;
use crate::report::{Exit, Failure, Report};
use crate::terminal::{Colour, Table, Tone, clean, some_of};
use crate::when;

/// `jitctl status`
///
/// # Errors
/// When the daemon cannot be reached.
pub fn run(context: &Context) -> Result<Report, Failure> {
    let status = context.status()?;
    let exit = if healthy(&status) { Exit::Done } else { Exit::No };
    let text = render(&status, context.colour);
    Ok(Report { answer: Answer::Status(status), text, notes: Vec::new(), exit })
}

fn healthy(status: &Status) -> bool {
    status.degraded.is_empty()
}

fn render(status: &Status, colour: Colour) -> String {
    let now = Timestamp(status.now);
    let mut facts = Table::bare();
    facts.row([(Tone::Faint, "host"), (Tone::Plain, status.host.as_str())]);
    let others: Vec<&str> =
        status.answers_to.iter().filter(|n| **n != status.host).map(String::as_str).collect();
    facts.row([(Tone::Faint, "and answers to"), (Tone::Plain, others.join(" ").as_str())]);
    let (tone, mode) = mode_line(status, now);
    facts.row([(Tone::Faint, "mode"), (tone, mode.as_str())]);
    facts.row([(Tone::Faint, "guards"), (Tone::Plain, status.guarded.join(" ").as_str())]);
    let clock = match &status.clock {
        Some(trouble) => (Tone::Bad, format!("{}: {trouble}", text::clock_time(now))),
        None => (Tone::Plain, text::clock_time(now)),
    };
    facts.row([(Tone::Faint, "time"), (clock.0, clock.1.as_str())]);
    facts.row([(Tone::Faint, "live grants"), (Tone::Plain, status.live.to_string().as_str())]);
    let sessions = match status.on_end.as_deref() {
        Some("warn") => {
            (Tone::Fair, format!("{}; at its end each is only warned (on_end = \"warn\")", status.sessions))
        }
        _ => (Tone::Plain, status.sessions.to_string()),
    };
    facts.row([(Tone::Faint, "open sessions"), (sessions.0, sessions.1.as_str())]);

    let mut sources = Table::new(&["SOURCE", "KIND", "STATE", "LAST WORD", "ENTRIES", "AT"]);
    for source in &status.sources {
        let (tone, state, note) = source_line(source);
        let heard = source.heard.map_or("never".to_owned(), |at| when::ago(Timestamp(at), now));
        let entries = source.entries.to_string();
        sources.row([
            (Tone::Plain, source.name.as_str()),
            (Tone::Plain, &source.kind),
            (tone, state),
            (Tone::Plain, &heard),
            (Tone::Plain, &entries),
            (Tone::Plain, &source.at),
        ]);
        if let Some(note) = note {
            sources.note(tone, note);
        }
    }

    let verdict = if healthy(status) {
        colour.paint(Tone::Good, "healthy")
    } else {
        colour.paint(Tone::Bad, "degraded")
    };
    let mut out = format!("jitd {}: {verdict}\n", clean(&status.version));
    for sentence in &status.degraded {
        out.push_str(&format!("  - {}\n", clean(sentence)));
    }
    out.push('\n');
    out.push_str(&facts.render(colour));
    out.push('\n');
    out.push_str(&sources.render(colour));
    if !status.stuck.is_empty() {
        let mut stuck = Table::new(&["STUCK ENDING", "OF", "FOR"]);
        for ending in &status.stuck {
            let session = ending.session.as_deref().unwrap_or("-");
            let since = when::about(Span(ending.seconds));
            stuck.row([(Tone::Bad, session), (Tone::Plain, &ending.user), (Tone::Plain, &since)]);
            stuck.note(Tone::Fair, &ending.why);
        }
        out.push('\n');
        out.push_str(&stuck.render(colour));
    }
    if !status.groups_refused.is_empty() {
        let mut refused = Table::new(&["GROUP NOT CONFERRED", "BY ROLES"]);
        for group in &status.groups_refused {
            let roles = if group.roles.is_empty() { "-".to_owned() } else { some_of(&group.roles, 3) };
            refused.row([(Tone::Fair, group.group.as_str()), (Tone::Plain, &roles)]);
            refused.note(Tone::Fair, &group.reason);
        }
        out.push('\n');
        out.push_str(&refused.render(colour));
    }
    if !status.people_refused.is_empty() {
        let mut refused = Table::new(&["PERSON NOT AS IN THE DIRECTORY"]);
        for person in &status.people_refused {
            refused.row([(Tone::Fair, person.user.as_str())]);
            refused.note(Tone::Fair, &person.reason);
        }
        out.push('\n');
        out.push_str(&refused.render(colour));
    }
    if !status.set_aside.is_empty() {
        let mut aside = Table::new(&["SET ASIDE FROM", "ATTRIBUTE", "ENTRY"]);
        for entry in &status.set_aside {
            let attribute = entry.attribute.as_deref().unwrap_or("-");
            aside.row([
                (Tone::Plain, entry.source.as_str()),
                (Tone::Plain, attribute),
                (Tone::Plain, &entry.dn),
            ]);
            aside.note(Tone::Fair, &entry.reason);
        }
        out.push('\n');
        out.push_str(&aside.render(colour));
    }
    out
}

fn mode_line(status: &Status, now: Timestamp) -> (Tone, String) {
    if !status.production {
        return (
            Tone::Fair,
            format!("{}, but production = false: nothing is guarded on this host", status.mode),
        );
    }
    match (status.mode.as_str(), status.until) {
        ("enforcing", None) => (Tone::Good, "enforcing".to_owned()),
        ("enforcing", Some(until)) => {
            let until = when::until(Timestamp(until), now);
            (
                Tone::Fair,
                format!(
                    "enforcing, unconfirmed until {until}, then permissive; from a new login: jitctl mode confirm"
                ),
            )
        }
        ("permissive", _) if status.lapsed.is_some() => {
            let at = when::until(Timestamp(status.lapsed.unwrap_or_default()), now);
            (Tone::Bad, format!("permissive, because enforcing was not confirmed by {at}"))
        }
        ("permissive", _) => {
            (Tone::Fair, "permissive: what would be denied is logged, and nobody is denied".to_owned())
        }
        (other, _) => (Tone::Fair, other.to_owned()),
    }
}

fn source_line(source: &SourceStatus) -> (Tone, &'static str, Option<&str>) {
    let trouble = source.trouble.as_deref();
    match (source.heard, source.stale, trouble) {
        (None, _, _) => (Tone::Bad, "silent", trouble),
        (Some(_), true, _) => (Tone::Bad, "stale", trouble),
        (Some(_), false, Some(_)) => (Tone::Fair, "trouble", trouble),
        (Some(_), false, None) => (Tone::Good, "fresh", None),
    }
}
