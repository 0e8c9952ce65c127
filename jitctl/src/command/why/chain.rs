//! What a grant rests on, for people: its role, what makes the person eligible, and every approval with its proof or why it does not count.
//!
//! Names and reasons come from a directory, and approvals from whoever may write them: everything is cleaned on its way to the terminal.

use jit_control::{Approval, Grant};
use jit_model::text::clock_time;
use jit_model::time::Timestamp;

use crate::command::grants::{short_id, tone};
use crate::person::shown::called as name;
use crate::terminal::{Colour, Tone, clean};

/// What the grants rest on that are or could come to be good, one after the other. Empty if there is nothing to say.
pub(super) fn render(grants: &[Grant], colour: Colour) -> String {
    let ids: Vec<&str> = grants.iter().map(|grant| grant.id.as_str()).collect();
    let matters =
        |grant: &&Grant| matches!(grant.state.as_str(), "live" | "scheduled" | "pending" | "refused");
    let said = |grant: &Grant| {
        let lines = lines(grant, colour);
        let id = colour.paint(tone(&grant.state), &clean(&short_id(&grant.id, &ids)));
        (!lines.is_empty()).then(|| format!("\nwhat {id} rests on:\n{}", lines.concat()))
    };
    grants.iter().filter(matters).filter_map(said).collect()
}

fn lines(grant: &Grant, colour: Colour) -> Vec<String> {
    let role = grant.role.as_deref().unwrap_or("-");
    let mut lines = Vec::new();
    if let Some(eligible) = &grant.eligible {
        let way = match eligible.by.as_slice() {
            [] => format!("{}, whom {role} names", eligible.login),
            by => format!("{} -> {} (eligible of {role})", eligible.login, names(by)),
        };
        lines.push(line("eligible", &clean(&way)));
    }
    for approval in &grant.approvals {
        let who = clean(&called(&approval.approver, &grant.approvals));
        lines.push(line("approval", &format!("{who}{}", worth(approval, colour))));
    }
    match grant.more_approvals {
        0 => {}
        1 => lines.push(line("approval", "and one more")),
        more => lines.push(line("approval", &format!("and {more} more"))),
    }
    if let Some(missing) = grant.missing {
        let from: Vec<String> = grant.from.iter().map(|dn| name(dn)).collect();
        let needs = format!("{missing} more from {}", clean(&from.join(", ")));
        lines.push(line("needs", &colour.paint(Tone::Fair, &needs)));
    }
    // Alone, the role says nothing that the table does not.
    if !lines.is_empty() {
        lines.insert(0, line("role", &clean(role)));
    }
    lines
}

fn line(what: &str, text: &str) -> String {
    format!("  {what:<8}  {text}\n")
}

/// What an approval is worth.
fn worth(approval: &Approval, colour: Colour) -> String {
    if !approval.counts {
        let why = approval.why.as_deref().unwrap_or("nobody says why");
        return format!(": {}", colour.paint(Tone::Bad, &format!("does not count: {}", clean(why))));
    }
    let at = approval.at.map(|at| format!(" at {}", clock_time(Timestamp(at)))).unwrap_or_default();
    let proof = match (approval.evidence.as_deref(), &approval.key) {
        (Some("signature"), Some(key)) => format!("signature {key}"),
        (Some("creators-name"), _) => "written by himself, says the directory".to_owned(),
        (Some("source"), _) => "its source is root's".to_owned(),
        (Some(other), _) => other.to_owned(),
        (None, _) => "nobody says by which proof".to_owned(),
    };
    let groups: Vec<String> = approval.groups.iter().filter_map(|path| member(path)).collect();
    let within = if groups.is_empty() { String::new() } else { format!(", in {}", groups.join(" and ")) };
    let text = clean(&format!("{proof}{within}"));
    format!("{at}: {} {text}", colour.paint(Tone::Good, "counts:"))
}

/// `sre-leads by oncall`: the group that the role names, and the way to it.
fn member(path: &[String]) -> Option<String> {
    let (group, way) = path.split_last()?;
    Some(if way.is_empty() { name(group) } else { format!("{} by {}", name(group), names(way)) })
}

fn names(dns: &[String]) -> String {
    dns.iter().map(|dn| name(dn)).collect::<Vec<_>>().join(" -> ")
}

/// The approver's name, or his DN where another one of that name approves, too.
fn called(dn: &str, among: &[Approval]) -> String {
    let short = name(dn);
    let alike = |other: &Approval| other.approver != dn && name(&other.approver) == short;
    if among.iter().any(alike) { dn.to_owned() } else { short }
}
