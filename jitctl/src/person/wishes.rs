//! From what was typed to a wish: what is missing is asked for on a terminal, with what would do beside the question; elsewhere all that is
//! missing is named at once. Must never guess.

use std::collections::BTreeSet;
use std::sync::Arc;

use jit_model::dn::Dn;
use jit_model::grant::End;
use jit_model::host::HostPattern;
use jit_model::name::Service;
use jit_model::role::Role;
use jit_model::source::Source;
use jit_model::time::{Span, Timestamp};

use super::ask::{self, Asker, Needed, line};
use super::cover::{self, Cover, cover};
use super::propose::{self, Wish, typed};
use super::{example, who};
use crate::cli::RequestArgs;
use crate::report::Failure;
use crate::terminal::{Colour, Table, Tone, clean};
use crate::when;

/// The longest list of hosts that is typed at a question.
const MOST_HOSTS: usize = 50;

/// Makes a wish of the command line, and of what somebody answers.
///
/// # Errors
/// When something typed makes no sense, or something is missing and nobody is there to ask.
pub fn wish(
    args: &RequestArgs,
    source: &Source,
    roles: &Dn,
    subject: &Dn,
    asker: &mut Asker<'_>,
    now: Timestamp,
) -> Result<Wish, Failure> {
    // All that was typed is read before the first question.
    let hosts = hosts(args.host.iter().map(String::as_str)).map_err(Failure::usage)?;
    let services = args.service.iter().map(|name| Service::new(name)).collect::<Result<BTreeSet<_>, _>>();
    let services = services.map_err(|e| Failure::usage(e.to_string()))?;
    let span = args.for_.as_deref().map(when::parse_span).transpose().map_err(Failure::usage)?;
    let not_before = start(args.at.as_deref(), now)?;
    let text =
        |what, given: Option<&str>| given.map(|text| line(what, text)).transpose().map_err(Failure::usage);
    let (reason, ticket) = (text("reason", args.reason.as_deref())?, text("ticket", args.ticket.as_deref())?);
    let named = args.role.as_deref().map(|name| propose::role(source, roles, subject, name)).transpose()?;
    if !asker.is_person() {
        complete(args, source, subject, &hosts)?;
    }

    let role = match named {
        Some(role) => role,
        None => choose(source, subject, &hosts, asker)?,
    };
    let hosts = if hosts.is_empty() { ask_hosts(&role, asker)? } else { hosts };
    let span = match span {
        Some(span) => span,
        None => ask_span(&role, asker)?,
    };
    let reason = match reason {
        Some(reason) => Some(reason),
        None if role.reason_required => {
            let because = format!("the role {} wants a reason", role.name);
            ask::reason(None, asker, Needed::Because(&because))?
        }
        None => ask::reason(None, asker, Needed::No)?,
    };
    let ticket = match ticket {
        Some(ticket) => Some(ticket),
        None => ask_ticket(&role, asker)?,
    };
    Ok(Wish {
        subject: subject.clone(),
        role,
        hosts,
        services,
        not_before,
        end: End::After(span),
        reason,
        ticket,
    })
}

/// A list of hosts as typed.
///
/// # Errors
/// What is wrong with one of them.
pub fn hosts<'t>(typed: impl IntoIterator<Item = &'t str>) -> Result<BTreeSet<HostPattern>, String> {
    typed.into_iter().map(|host| HostPattern::new(host).map_err(|e| e.to_string())).collect()
}

/// From when, if that was said.
///
/// # Errors
/// When it is no time, or over.
fn start(at: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
    match at.map(|typed| when::parse(typed, now)).transpose().map_err(Failure::usage)? {
        Some(at) if at < now => Err(Failure::usage(format!("--at {} is over", when::until(at, now)))),
        // Now is as soon as it is approved.
        Some(at) if at == now => Ok(None),
        at => Ok(at),
    }
}

/// All that a script has left out.
fn complete(
    args: &RequestArgs,
    source: &Source,
    subject: &Dn,
    hosts: &BTreeSet<HostPattern>,
) -> Result<(), Failure> {
    let mut missing = Vec::new();
    if args.role.is_none() {
        let roles: Vec<&str> =
            offered(source, subject, hosts).into_iter().map(|role| role.name.as_str()).collect();
        missing.push(match roles.as_slice() {
            [] => "--role ROLE (there is none that you can ask for there)".to_owned(),
            roles => format!("--role ROLE (you can ask for: {})", roles.join(", ")),
        });
    }
    if hosts.is_empty() {
        missing.push("--host HOST".to_owned());
    }
    if args.for_.is_none() {
        missing.push("--for DURATION".to_owned());
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(format!("what is missing: {}", missing.join(" "))))
}

/// The roles that somebody can ask for and that may be for these hosts.
fn offered<'s>(source: &'s Source, subject: &Dn, hosts: &BTreeSet<HostPattern>) -> Vec<&'s Arc<Role>> {
    let fits = |role: &Role| hosts.iter().all(|host| cover(&role.hosts, host) != Cover::Nothing);
    who::roles_for(source, subject).into_iter().filter(|role| fits(role)).collect()
}

fn choose(
    source: &Source,
    subject: &Dn,
    hosts: &BTreeSet<HostPattern>,
    asker: &mut Asker<'_>,
) -> Result<Arc<Role>, Failure> {
    let roles = offered(source, subject, hosts);
    if roles.is_empty() {
        let wherever = if hosts.is_empty() { String::new() } else { format!(" for {}", cover::names(hosts)) };
        let text = format!(
            "there is no role{wherever} that you can ask for; nothing was written\nWhich there are, and for whom: jitctl role list"
        );
        return Err(Failure::no("not-eligible", text));
    }
    let mut table = Table::bare();
    for (i, role) in roles.iter().enumerate() {
        let approvals = match role.approvals_required {
            0 if !role.approvals_from_each => "no approval".to_owned(),
            _ => format!("approved by {}", who::names(&role.approver_groups)),
        };
        table.row([
            (Tone::Plain, format!("{:>3}.", i + 1)),
            (Tone::Plain, role.name.clone()),
            (Tone::Plain, format!("at most {}", typed(role.max_duration))),
            (Tone::Plain, cover::names(&role.hosts)),
            (Tone::Plain, approvals),
        ]);
    }
    asker.show(&table.render(Colour::Off));
    let missing = || Failure::usage("say under which role: --role ROLE; nothing was written");
    let question = if roles.len() == 1 { "role (Enter for this one):" } else { "role (number or name):" };
    asker.ask(question, missing, |typed| {
        let number = typed.parse::<usize>().ok().and_then(|n| roles.get(n.checked_sub(1)?));
        let name = || roles.iter().find(|role| role.name.eq_ignore_ascii_case(typed));
        let only = || roles.first().filter(|_| typed.is_empty() && roles.len() == 1);
        let found = number.or_else(name).or_else(only);
        found.map(|role| Arc::clone(role)).ok_or_else(|| format!("`{typed}` is none of them"))
    })
}

fn ask_hosts(role: &Role, asker: &mut Asker<'_>) -> Result<BTreeSet<HostPattern>, Failure> {
    let allowed = clean(&cover::names(&role.hosts));
    let missing = || Failure::usage("say on which hosts: --host HOST; nothing was written");
    asker.ask(
        &format!("hosts (full names, *.domain, @group; the role is for {allowed}):"),
        missing,
        |typed| {
            let words: Vec<&str> = typed.split([' ', ',']).filter(|word| !word.is_empty()).collect();
            if words.is_empty() || words.len() > MOST_HOSTS {
                return Err(format!("write 1 to {MOST_HOSTS} names, such as web1.example.com"));
            }
            let hosts = hosts(words)?;
            match hosts.iter().find(|host| cover(&role.hosts, host) == Cover::Nothing) {
                Some(host) => Err(format!("the role is not for {host}")),
                None => Ok(hosts),
            }
        },
    )
}

fn ask_span(role: &Role, asker: &mut Asker<'_>) -> Result<Span, Failure> {
    let missing = || Failure::usage("say how long: --for 2h; nothing was written");
    let most = role.max_duration;
    asker.ask(&format!("for how long (at most {}):", typed(most)), missing, |text| {
        match when::parse_span(text)? {
            span if span > most => Err(format!("the role allows {} at most", typed(most))),
            span => Ok(span),
        }
    })
}

fn ask_ticket(role: &Role, asker: &mut Asker<'_>) -> Result<Option<String>, Failure> {
    let Some(pattern) = role.ticket_pattern.as_ref().filter(|_| asker.is_person()) else { return Ok(None) };
    let such = match example::of(pattern.as_str()) {
        Some(example) => format!("such as {example}"),
        None => format!("must match {}", pattern.as_str()),
    };
    let missing = || {
        Failure::usage(format!("the role {} wants a ticket: --ticket TICKET; nothing was written", role.name))
    };
    asker.ask(&format!("ticket ({}):", clean(&such)), missing, |typed| {
        let ticket = line("ticket", typed)?;
        if !pattern.matches(&ticket) {
            return Err(format!("it must match {}", pattern.as_str()));
        }
        Ok(Some(ticket))
    })
}

#[cfg(test)]
mod tests;
