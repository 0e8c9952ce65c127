//! What an approver must know before he says yes: exactly what is asked, by whom, for what, what he had before, and what is unusual about
//! it. Everything that comes from the directory is cleaned, broken where we break it, and cut where it is longer than people write: a
//! reason must not be able to paint over a warning, look like a line of ours, or push what is asked out of sight.

use jit_model::assess::{Assessed, AssessedGrant, Services};
use jit_model::digest::digest;
use jit_model::dn::Dn;
use jit_model::grant::{End, Grant};
use jit_model::people::People;
use jit_model::role::Role;
use jit_model::source::Source;
use jit_model::text::clock_time;
use jit_model::time::{Span, Timestamp};

use super::approval::asked_for;
use super::ask::LONGEST;
use super::cover::{self, Cover, cover};
use super::propose::{state_of, typed};
use super::standing::{approvers, missing};
use super::who;
use crate::terminal::{Colour, Table, Tone, beginning, clean, some_of, wrapped};
use crate::when;

/// How many earlier grants are shown.
const EARLIER: usize = 5;

/// How many hosts, services or the like are listed.
const LISTED: usize = 25;

/// The columns that the names of the lines take.
const MARGIN: usize = 11;

/// The whole of it, in lines.
pub fn request(
    source: &Source,
    grants: &[AssessedGrant],
    judged: &AssessedGrant,
    only: Option<Span>,
    now: Timestamp,
    colour: Colour,
    columns: usize,
) -> String {
    let (grant, people) = (&*judged.grant, &source.people);
    let mut table = Table::bare();
    // What goes on in a line of its own stands further to the right than what begins one.
    let mut say = |what: &str, text: &str| {
        let lines = wrapped(&clean(text), columns.saturating_sub(MARGIN + 2).max(20));
        for (i, line) in lines.iter().enumerate() {
            let (what, line) = if i == 0 { (what, line.clone()) } else { ("", format!("  {line}")) };
            table.row([(Tone::Strong, what), (Tone::Plain, &line)]);
        }
    };
    say("who", &format!("{}  {}", who::full_name(people, &grant.subject), grant.subject));
    if let Some(role) = &judged.role {
        say("role", &role_line(role));
    }
    say("hosts", &beginning(&hosts(grant, judged.role.as_deref()), 2 * LONGEST));
    say("services", &services(judged));
    if let Some(role) = judged.role.as_ref().filter(|role| !role.local_groups.is_empty()) {
        let groups: Vec<&str> = role.local_groups.iter().map(|group| group.as_str()).collect();
        say("groups", &format!("{} (where a host lets the directory confer them)", groups.join(", ")));
    }
    say("when", &period(judged, now));
    if let Some(only) = only {
        say("you allow", &format!("only {}", typed(only)));
    }
    say("reason", &grant.reason.as_deref().map_or("none given".to_owned(), |text| beginning(text, LONGEST)));
    if let Some(ticket) = &grant.ticket {
        say("ticket", &beginning(ticket, LONGEST));
    }
    say("asked", &asked(people, grant, now));
    say("approved", &approved(people, judged, now));
    for (i, earlier) in earlier(grants, grant).into_iter().enumerate() {
        say(if i == 0 { "before" } else { "" }, &history(earlier, now));
    }
    say("id", &beginning(&grant.id, LONGEST));
    say("digest", &digest(grant).to_string());
    let mut out = table.render(colour);
    for warning in warnings(people, judged) {
        for (i, line) in wrapped(&clean(&warning), columns.saturating_sub(2).max(20)).iter().enumerate() {
            let sign = if i == 0 { "!" } else { " " };
            out.push_str(&colour.paint(Tone::Fair, &format!("{sign} {line}")));
            out.push('\n');
        }
    }
    out
}

fn role_line(role: &Role) -> String {
    let approvals = match (role.approvals_required, role.approvals_from_each) {
        (0, false) => "no approval needed".to_owned(),
        (n, false) => format!("{n} of {}", who::names(&role.approver_groups)),
        (n, true) => format!("{} or more, and each of {}", n.max(1), who::names(&role.approver_groups)),
    };
    let signed = if role.signature_required { ", signed" } else { "" };
    format!("{} (at most {}; approved by {approvals}{signed})", role.name, typed(role.max_duration))
}

/// Grant ∩ role, as far as names tell.
fn hosts(grant: &Grant, role: Option<&Role>) -> String {
    let one = |host: &jit_model::host::HostPattern| match role.map(|role| (cover(&role.hosts, host), role)) {
        None | Some((Cover::Whole, _)) => host.to_string(),
        Some((Cover::Part, role)) => format!("{host} (only {}, by the role)", cover::names(&role.hosts)),
        Some((Cover::Unknown, role)) => format!("{host} (as far as it is in {})", cover::names(&role.hosts)),
        Some((Cover::Nothing, _)) => format!("{host} (nothing: the role is not for it)"),
    };
    some_of(&grant.hosts.iter().map(one).collect::<Vec<_>>(), LISTED)
}

fn services(judged: &AssessedGrant) -> String {
    match &judged.services {
        Services::AllGuarded => "all that are guarded".to_owned(),
        Services::Only(services) if services.is_empty() => "none: the role's are others".to_owned(),
        Services::Only(services) => {
            some_of(&services.iter().map(ToString::to_string).collect::<Vec<_>>(), LISTED)
        }
    }
}

/// From when until when.
fn period(judged: &AssessedGrant, now: Timestamp) -> String {
    if let Assessed::Granted { window, .. } = &judged.assessed {
        return format!("from {} until {}", clock_time(window.start()), when::until(window.end(), now));
    }
    let grant = &judged.grant;
    match (grant.not_before, grant.end) {
        (None, End::After(span)) => format!("{} from the last approval that it needs", typed(span)),
        (Some(from), End::After(span)) => {
            format!("from {} ({}), for {}", clock_time(from), when::ago(from, now), typed(span))
        }
        (None, End::At(end)) => format!("until {}", when::until(end, now)),
        (Some(from), End::At(end)) => format!("from {} until {}", clock_time(from), when::until(end, now)),
    }
}

fn asked(people: &People, grant: &Grant, now: Timestamp) -> String {
    let when = grant.provenance.created.map(|at| format!("{} ({})", clock_time(at), when::ago(at, now)));
    let by = grant.provenance.creator.as_ref().map(|dn| format!("by {}", who::name(people, dn)));
    let parts: Vec<String> = [when, by].into_iter().flatten().collect();
    if parts.is_empty() { "the directory does not say when, nor by whom".to_owned() } else { parts.join(" ") }
}

fn approved(people: &People, judged: &AssessedGrant, now: Timestamp) -> String {
    let by: Vec<String> = approvers(judged)
        .iter()
        .map(|a| format!("{} {}", who::name(people, &a.dn), when::ago(a.at, now)))
        .collect();
    let by = if by.is_empty() { "by nobody yet".to_owned() } else { format!("by {}", some_of(&by, 5)) };
    match missing(judged) {
        None | Some(0) => format!("{by}; it has the approvals that it needs"),
        Some(n) => format!("{by}; it takes {n} more"),
    }
}

/// The latest grants of the same subject, the newest first.
fn earlier<'g>(grants: &'g [AssessedGrant], grant: &Grant) -> Vec<&'g AssessedGrant> {
    let mut earlier: Vec<&AssessedGrant> =
        grants.iter().filter(|g| g.grant.subject == grant.subject && g.grant.uuid != grant.uuid).collect();
    earlier.sort_by_key(|g| std::cmp::Reverse((g.grant.provenance.created, g.grant.uuid)));
    earlier.truncate(EARLIER);
    earlier
}

fn history(judged: &AssessedGrant, now: Timestamp) -> String {
    let grant = &judged.grant;
    let when = grant.provenance.created.map_or_else(|| "?".to_owned(), clock_time);
    let role = judged.role.as_ref().map_or("-", |role| role.name.as_str());
    let state = format!("{:?}", state_of(judged, now)).to_lowercase();
    let span = asked_for(grant).map(|span| format!(" for {}", typed(span))).unwrap_or_default();
    let hosts: Vec<String> = grant.hosts.iter().map(ToString::to_string).collect();
    format!("{when}  {role} on {}{span}: {state}", some_of(&hosts, 3))
}

/// What is unusual enough to be said twice.
fn warnings(people: &People, judged: &AssessedGrant) -> Vec<String> {
    let grant = &*judged.grant;
    let mut warnings = Vec::new();
    if people.group(&grant.subject).is_some() {
        let logins: Vec<String> = judged.logins.keys().map(ToString::to_string).collect();
        warnings.push(format!("this is for a group, {} people now: {}", logins.len(), some_of(&logins, 10)));
    }
    if grant.hosts.iter().any(|host| host.as_str() == "*") {
        warnings.push("this is for every host that the role is for".to_owned());
    }
    if grant.hosts.len() > LISTED || cover::names(&grant.hosts).len() > LONGEST {
        let hosts = grant.hosts.len();
        warnings.push(format!(
            "this is for {hosts} hosts, and may be more than is shown above; all of them: jitctl grants --all --directory --json"
        ));
    }
    let long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.chars().count() > LONGEST);
    if long(&grant.reason) || long(&grant.ticket) {
        warnings
            .push(format!("its reason or ticket is longer than the {LONGEST} characters that jitctl writes"));
    }
    if let (Some(asked), Some(role)) = (asked_for(grant), &judged.role) {
        if asked >= role.max_duration {
            warnings.push(format!("this is for the longest time that the role allows, {}", typed(asked)));
        }
    }
    let author = |dn: &&Dn| **dn != grant.subject && !people.is_member(dn, &grant.subject);
    match grant.provenance.creator.as_ref() {
        Some(by) if author(&by) => {
            warnings.push(format!(
                "this was written by {}, not by {}",
                who::name(people, by),
                who::name(people, &grant.subject)
            ));
        }
        _ => {}
    }
    let changed = grant.provenance.modified.zip(grant.provenance.created).is_some_and(|(m, c)| m != c);
    if changed || grant.provenance.modifier != grant.provenance.creator {
        let by = grant.provenance.modifier.as_ref().map(|dn| format!(" by {}", who::name(people, dn)));
        warnings.push(format!("this was changed after it was written{}", by.unwrap_or_default()));
    }
    warnings
}

#[cfg(test)]
#[path = "describe/tests.rs"]
mod tests;
