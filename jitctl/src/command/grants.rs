//! `jitctl grants`: every grant for this host with its state.

use jit_control::{Answer, Grant, Grants, Request};
use jit_model::text;
use jit_model::time::Timestamp;

use crate::cli::GrantsArgs;
use crate::context::Context;
use crate::person::shown;
use crate::report::{Exit, Failure, Report};
use crate::terminal::{Colour, Table, Tone, some_of};
use crate::when;

/// How much of a random id is shown where it is enough to tell it from the others.
const SHORT_ID: usize = 8;

/// `jitctl grants`
///
/// # Errors
/// When the daemon cannot be reached.
pub fn run(context: &Context, args: &GrantsArgs) -> Result<Report, Failure> {
    let grants = all(context, args.all)?;
    let text = if grants.is_empty() {
        let whose = if args.all {
            "no grants here"
        } else {
            "no grants here that are or will be live; --all shows the others too"
        };
        format!("{whose}\n")
    } else {
        table(&grants, context.now, context.colour)
    };
    Ok(Report {
        answer: Answer::Grants(Grants { grants, roles: Vec::new() }),
        text,
        notes: Vec::new(),
        exit: Exit::Done,
    })
}

/// The daemon's list.
///
/// # Errors
/// When the daemon cannot be reached.
pub fn all(context: &Context, all: bool) -> Result<Vec<Grant>, Failure> {
    match context.ask(&Request::Grants { all })? {
        Answer::Grants(Grants { grants, .. }) => Ok(grants),
        _ => Err(context.beside_the_point()),
    }
}

/// What is told apart where the grants are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Apart {
    /// On one host: the sources.
    Sources,
    /// In the directory: the hosts.
    Hosts,
}

/// The grants as a table for people on a host.
pub fn table(grants: &[Grant], now: Timestamp, colour: Colour) -> String {
    with(Apart::Sources, grants, now, colour)
}

/// The same for any host.
pub fn directory_table(grants: &[Grant], now: Timestamp, colour: Colour) -> String {
    with(Apart::Hosts, grants, now, colour)
}

fn with(apart: Apart, grants: &[Grant], now: Timestamp, colour: Colour) -> String {
    let heading = match apart {
        Apart::Sources => "SOURCE",
        Apart::Hosts => "HOSTS",
    };
    let mut table = Table::new(&["ID", "STATE", "WHO", "WHEN", "SERVICES", "ROLE", heading, "REASON"]);
    let ids: Vec<&str> = grants.iter().map(|grant| grant.id.as_str()).collect();
    for grant in grants {
        let tone = tone(&grant.state);
        let who = match (grant.logins.as_slice(), apart) {
            ([], Apart::Sources) => grant.subject.clone(),
            _ => shown::who(grant),
        };
        let place = match apart {
            Apart::Sources => grant.source.clone(),
            Apart::Hosts => some_of(&grant.hosts, 2),
        };
        let services =
            if grant.services.is_empty() { "all guarded".to_owned() } else { some_of(&grant.services, 3) };
        let reason = shown::reason(grant);
        table.row([
            (Tone::Plain, short_id(&grant.id, &ids).as_str()),
            (tone, &grant.state),
            (Tone::Plain, &who),
            (Tone::Plain, &span(grant, now)),
            (Tone::Plain, &services),
            (Tone::Plain, grant.role.as_deref().unwrap_or("-")),
            (Tone::Plain, &place),
            (Tone::Plain, &reason),
        ]);
        if let Some(why) = &grant.why {
            table.note(tone, why);
        }
        if let Some(without) = &grant.without {
            table.note(Tone::Fair, without);
        }
        if matches!(grant.state.as_str(), "pending" | "scheduled" | "live") {
            if !grant.groups.is_empty() {
                table.note(Tone::Plain, &format!("groups: {}", grant.groups.join(", ")));
            }
            for refused in &grant.groups_refused {
                table.note(Tone::Fair, &format!("without the group {}: {}", refused.group, refused.reason));
            }
        }
    }
    table.render(colour)
}

/// What a state means to the reader.
pub fn tone(state: &str) -> Tone {
    match state {
        "live" => Tone::Good,
        "pending" | "scheduled" => Tone::Fair,
        "refused" | "revoked" => Tone::Bad,
        _ => Tone::Faint,
    }
}

/// From when until when, as far as that is known, and how far off.
fn span(grant: &Grant, now: Timestamp) -> String {
    let (start, end) = (grant.start.map(Timestamp), grant.end.map(Timestamp));
    match (grant.state.as_str(), start, end) {
        ("live", _, Some(end)) => format!("until {}", when::until(end, now)),
        ("scheduled", Some(start), Some(end)) => {
            let length = when::about(end.since(start));
            format!("from {} ({}), for {length}", text::clock_time(start), when::ago(start, now))
        }
        ("expired", _, Some(end)) => format!("ended {} ({})", text::clock_time(end), when::ago(end, now)),
        (_, Some(start), Some(end)) => format!("{} to {}", text::clock_time(start), text::clock_time(end)),
        (_, None, Some(end)) => format!("until {}", text::clock_time(end)),
        (_, Some(start), None) => format!("from {}", text::clock_time(start)),
        (_, None, None) => "-".to_owned(),
    }
}

/// A long random id cut to what tells it from the others; any other id whole.
pub fn short_id(id: &str, among: &[&str]) -> String {
    let random = id.len() >= 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
    if !random {
        return id.to_owned();
    }
    let unique = |short: &&str| !among.iter().any(|other| *other != id && other.starts_with(*short));
    (SHORT_ID..id.len()).filter_map(|n| id.get(..n)).find(unique).unwrap_or(id).to_owned()
}
