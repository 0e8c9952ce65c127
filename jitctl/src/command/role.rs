//! `jitctl role list` and `role show`: what there is to ask for, who may have it, and who approves. As the directory shows it to the
//! person who asks; a role that nobody can use is shown with its fault.

use jit_control::{Answer, ApproverGroup, Role, Roles};
use jit_model::dn::Dn;
use jit_model::people::People;
use jit_model::role::Role as Policy;
use jit_model::source::{RoleEntry, SetAside, Source};
use jit_model::time::Span;

use crate::cli::{Cli, RoleCommand};
use crate::context::Context;
use crate::person::config;
use crate::person::session::Session;
use crate::person::shown::{self, called};
use crate::person::who;
use crate::report::{Exit, Failure, Report};
use crate::terminal::{Colour, Table, Tone, clean, quoted, some_of};

/// `jitctl role …`
///
/// # Errors
/// When the directory cannot be read, or has no such role.
pub fn run(context: &Context, cli: &Cli, command: &RoleCommand) -> Result<Report, Failure> {
    let session = Session::open(config::load(cli)?)?;
    let roles = all(session.source(), session.me());
    let (roles, text) = match command {
        RoleCommand::List => {
            let text = list(&roles, context.colour);
            (roles, text)
        }
        RoleCommand::Show { role } => {
            let role = one(roles, role)?;
            let text = show(&role, context.colour);
            (vec![role], text)
        }
    };
    Ok(Report { answer: Answer::Roles(Roles { roles }), text, notes: Vec::new(), exit: Exit::Done })
}

/// Every role as it is to `me`, in the order of their names.
fn all(source: &Source, me: &Dn) -> Vec<Role> {
    let mut roles: Vec<Role> = source
        .roles
        .iter()
        .map(|(dn, entry)| match entry {
            RoleEntry::Known(role) => of(dn, role, &source.people, me),
            RoleEntry::Malformed(aside) => faulty(dn, aside),
        })
        .collect();
    roles.sort_by(|a, b| a.name.cmp(&b.name));
    roles
}

fn one(roles: Vec<Role>, name: &str) -> Result<Role, Failure> {
    let known: Vec<String> = roles.iter().map(|role| role.name.clone()).collect();
    let wanted = Dn::parse(name).map(|dn| dn.to_string());
    let is_meant = |role: &Role| role.name.eq_ignore_ascii_case(name) || Ok(&role.dn) == wanted.as_ref();
    roles.into_iter().find(is_meant).ok_or_else(|| {
        let there = match known.as_slice() {
            [] => "you can see no roles".to_owned(),
            known => format!("there are {}", some_of(known, 10)),
        };
        Failure::no("no-such-role", format!("there is no role {name}: {there}"))
    })
}

fn faulty(dn: &Dn, aside: &SetAside) -> Role {
    Role { name: dn.rdn_value(), dn: dn.to_string(), fault: Some(shown::fault(aside)), ..Role::default() }
}

fn of(dn: &Dn, role: &Policy, people: &People, me: &Dn) -> Role {
    let approvers: Vec<ApproverGroup> =
        role.approver_groups.iter().map(|group| approver_group(group, people)).collect();
    Role {
        name: role.name.clone(),
        dn: dn.to_string(),
        fault: None,
        hosts: role.hosts.iter().map(ToString::to_string).collect(),
        services: role.services.iter().map(ToString::to_string).collect(),
        groups: role.local_groups.iter().map(ToString::to_string).collect(),
        eligible: role.eligible.iter().map(ToString::to_string).collect(),
        max_duration: role.max_duration.0,
        approvals_required: role.approvals_required,
        approvals_from_each: role.approvals_from_each,
        signature_required: role.signature_required,
        reason_required: role.reason_required,
        ticket_pattern: role.ticket_pattern.as_ref().map(|pattern| pattern.as_str().to_owned()),
        eligible_by: eligible_by(role, people, me),
        approver: role.approver_groups.iter().any(|group| people.is_member(me, group)),
        approvers,
    }
}

/// The groups that make `me` eligible, by the shortest way.
fn eligible_by(role: &Policy, people: &People, me: &Dn) -> Option<Vec<String>> {
    if role.eligible.contains(me) {
        return Some(Vec::new());
    }
    let paths = role.eligible.iter().filter_map(|group| people.path(me, group));
    let shortest = paths.min_by_key(Vec::len)?;
    Some(shortest.iter().map(ToString::to_string).collect())
}

fn approver_group(group: &Dn, people: &People) -> ApproverGroup {
    ApproverGroup {
        group: group.to_string(),
        found: people.group(group).is_some(),
        people: who::people_in(people, group).map(ToString::to_string).collect(),
    }
}

/// The roles as a table.
fn list(roles: &[Role], colour: Colour) -> String {
    if roles.is_empty() {
        return "you can see no roles\n".to_owned();
    }
    let mut table = Table::new(&["ROLE", "YOU", "HOSTS", "AT MOST", "APPROVALS", "SERVICES"]);
    for role in roles {
        if let Some(fault) = &role.fault {
            table.row([(Tone::Bad, role.name.as_str()), (Tone::Bad, "malformed")]);
            table.note(Tone::Bad, fault);
            continue;
        }
        let you = match (&role.eligible_by, role.approver) {
            (Some(_), true) => (Tone::Good, "may ask, approve"),
            (Some(_), false) => (Tone::Good, "may ask"),
            (None, true) => (Tone::Fair, "approve"),
            (None, false) => (Tone::Faint, "-"),
        };
        let services =
            if role.services.is_empty() { "all guarded".to_owned() } else { some_of(&role.services, 3) };
        table.row([
            (Tone::Plain, role.name.as_str()),
            you,
            (Tone::Plain, some_of(&role.hosts, 2).as_str()),
            (Tone::Plain, &Span(role.max_duration).to_string()),
            (Tone::Plain, &approvals(role)),
            (Tone::Plain, &services),
        ]);
    }
    table.render(colour)
}

/// `none`, `2 of leads, dba`, `2, one from each of leads, dba; signed`.
fn approvals(role: &Role) -> String {
    let groups: Vec<String> = role.approvers.iter().map(|group| called(&group.group)).collect();
    let each = role.approvals_from_each && !groups.is_empty();
    let signed = if role.signature_required { "; signed" } else { "" };
    if role.approvals_required == 0 && !each {
        return format!("none{signed}");
    }
    let names = groups.join(", ");
    if each {
        let at_least = u32::try_from(groups.len()).unwrap_or(u32::MAX);
        return match role.approvals_required {
            n if n > at_least => format!("{n}, one at least from each of {names}{signed}"),
            _ => format!("one from each of {names}{signed}"),
        };
    }
    format!("{} of {names}{signed}", role.approvals_required)
}

/// One role, line by line.
fn show(role: &Role, colour: Colour) -> String {
    let mut table = Table::bare();
    let mut line = |what: &str, tone: Tone, text: &str| table.row([(Tone::Strong, what), (tone, text)]);
    line("role", Tone::Plain, &role.name);
    line("entry", Tone::Plain, &role.dn);
    if let Some(fault) = &role.fault {
        line("malformed", Tone::Bad, fault);
        line("", Tone::Plain, "nobody can be in it until that is mended");
        return table.render(colour);
    }
    line("hosts", Tone::Plain, &role.hosts.join(", "));
    let services =
        if role.services.is_empty() { "all guarded ones".to_owned() } else { role.services.join(", ") };
    line("services", Tone::Plain, &services);
    if !role.groups.is_empty() {
        line("Unix groups", Tone::Plain, &role.groups.join(", "));
    }
    line("at most", Tone::Plain, &Span(role.max_duration).to_string());
    line("approvals", Tone::Plain, &approvals(role));
    if role.signature_required {
        line("", Tone::Plain, "only signed ones count");
    }
    line("reason", Tone::Plain, if role.reason_required { "needed" } else { "as you like" });
    if let Some(pattern) = &role.ticket_pattern {
        line("ticket", Tone::Plain, &format!("needed, of the form {pattern}"));
    }
    let eligible: Vec<String> = role.eligible.iter().map(|dn| called(dn)).collect();
    line("eligible", Tone::Plain, &eligible.join(", "));
    for group in &role.approvers {
        let people: Vec<String> = group.people.iter().map(|dn| called(dn)).collect();
        let (tone, text) = match (group.found, people.is_empty()) {
            (false, _) => (Tone::Bad, "(there is no such group, or you cannot see it)".to_owned()),
            (true, true) => (Tone::Bad, "(nobody is in it)".to_owned()),
            (true, false) => (Tone::Plain, people.join(", ")),
        };
        line("approvers", tone, &format!("{}: {text}", called(&group.group)));
    }
    let (tone, you) = you(role);
    line("you", tone, &you);
    let mut text = table.render(colour);
    if role.eligible_by.is_some() {
        text.push_str(&format!("to ask for it: jitctl request --role {}\n", clean(&quoted(&role.name))));
    }
    text
}

/// What the role is to whoever asks.
fn you(role: &Role) -> (Tone, String) {
    let by = |groups: &[String]| match groups {
        [] => "may ask for it: it names you yourself".to_owned(),
        groups => {
            let names: Vec<String> = groups.iter().map(|dn| called(dn)).collect();
            format!("may ask for it, as a member of {}", names.join(", which is in "))
        }
    };
    match (&role.eligible_by, role.approver) {
        (Some(groups), true) => (Tone::Good, format!("{}; and approve it for others", by(groups))),
        (Some(groups), false) => (Tone::Good, by(groups)),
        (None, true) => (Tone::Fair, "approve it, and may not have it yourself".to_owned()),
        (None, false) => (Tone::Faint, "may neither ask for it nor approve it".to_owned()),
    }
}

#[cfg(test)]
#[path = "role/tests.rs"]
mod tests;
