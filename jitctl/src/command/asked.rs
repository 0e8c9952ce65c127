//! `jitctl grants` in the directory: those that wait, mine, the live ones, and those that rest on somebody.

use jit_control::{Answer, Grant, Grants};
use jit_model::assess::Assessed;
use jit_model::dn::Dn;
use jit_model::source::EntryKind;
use jit_model::time::{Span, Timestamp};

use crate::cli::{Cli, GrantsArgs};
use crate::command::grants::{self, short_id};
use crate::command::resting;
use crate::context::Context;
use crate::person::config;
use crate::person::judging::Picture;
use crate::person::session::Session;
use crate::person::shown::{self, Shown};
use crate::person::who;
use crate::report::{Exit, Failure, Report};
use crate::terminal::{Colour, Table, Tone, some_of};
use crate::when;

/// How long ago something of mine may have ended and still be listed among mine.
const LATELY: Span = Span(7 * 86_400);

/// Which grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Pending,
    Mine,
    Live,
    All,
    /// Neither ended nor refused, as on a host.
    Current,
}

impl Which {
    fn of(args: &GrantsArgs) -> Which {
        match args {
            GrantsArgs { pending: true, .. } => Which::Pending,
            GrantsArgs { mine: true, .. } => Which::Mine,
            GrantsArgs { live: true, .. } => Which::Live,
            GrantsArgs { all: true, .. } => Which::All,
            _ => Which::Current,
        }
    }

    fn nothing(self) -> &'static str {
        match self {
            Which::Pending => "nothing that you can see waits for approval",
            Which::Mine => {
                "there is no grant for you that waits, is or will be live, or has ended in the last 7 days"
            }
            Which::Live => "no grant that you can see is live",
            Which::All => "you can see no grants",
            Which::Current => {
                "no grant that you can see waits, is or will be live; --all shows the others too"
            }
        }
    }
}

/// `jitctl grants --pending`, `--mine`, `--live`, `--all`, `--resting-on`, `--directory`
///
/// # Errors
/// When the directory cannot be read.
pub fn run(context: &Context, cli: &Cli, args: &GrantsArgs) -> Result<Report, Failure> {
    let mut session = Session::open(config::load(cli)?)?;
    if let Some(user) = &args.resting_on {
        let who = session.person(user)?;
        session.refresh()?;
        return Ok(resting::report(session.picture(), &who, user, context.now, context.colour));
    }
    let which = Which::of(args);
    if which == Which::All {
        session.look_back_to_the_beginning()?;
    }
    let mut report = report(session.picture(), session.me(), which, context.now, context.colour);
    if !session.judging().checks_signatures() && needs_signatures(session.picture()) {
        report.notes.push(
            "signatures were not checked here (sign.allowed_signers is not configured); hosts check them"
                .to_owned(),
        );
    }
    Ok(report)
}

/// Whether any of it rests on a signature.
fn needs_signatures(picture: &Picture) -> bool {
    use jit_model::source::{Proof, RoleEntry};
    let role = |entry: &RoleEntry| matches!(entry, RoleEntry::Known(role) if role.signature_required);
    picture.source.proof == Proof::Signature || picture.source.roles.values().any(role)
}

fn report(picture: &Picture, me: &Dn, which: Which, now: Timestamp, colour: Colour) -> Report {
    let mut notes = Vec::new();
    let mut grants = listed(picture, me, which, now);
    if which == Which::Pending {
        let before = grants.len();
        grants.retain(|one| !shown::is_overdue(&one.grant, now));
        match before - grants.len() {
            0 => {}
            n => notes.push(format!(
                "{n} more can come to nothing any more, for the end they ask for has passed: --all shows them"
            )),
        }
    }
    let grants: Vec<Grant> = grants.into_iter().map(|one| one.grant).collect();
    let text = match (grants.is_empty(), which) {
        (true, _) => format!("{}\n", which.nothing()),
        (false, Which::Pending) => pending(&grants, now, colour),
        (false, _) => grants::directory_table(&grants, now, colour),
    };
    notes.extend(set_aside(picture, me, which));
    Report { answer: Answer::Grants(Grants { grants, roles: Vec::new() }), text, notes, exit: Exit::Done }
}

fn listed(picture: &Picture, me: &Dn, which: Which, now: Timestamp) -> Vec<Shown> {
    let is_mine = |one: &Shown| {
        Dn::parse(&one.grant.subject).is_ok_and(|subject| who::is_for(&picture.source.people, &subject, me))
    };
    let is_current = |one: &Shown| matches!(one.grant.state.as_str(), "pending" | "scheduled" | "live");
    let lately = |one: &Shown| now.since(ended(picture, one)) < LATELY;
    let mut grants = shown::all(picture, me, now);
    grants.retain(|one| match which {
        Which::Pending => one.grant.state == "pending",
        Which::Mine => is_mine(one) && (is_current(one) || lately(one)),
        Which::Live => one.grant.state == "live",
        Which::All => true,
        Which::Current => is_current(one),
    });
    match which {
        Which::Pending => shown::by_waiting(&mut grants),
        _ => grants.sort_by(|a, b| {
            let key = |one: &Shown| (one.grant.start.or(one.grant.asked), one.grant.asked);
            key(a).cmp(&key(b)).then_with(|| a.grant.id.cmp(&b.grant.id))
        }),
    }
    grants
}

/// When it ended, as far as that is known: by its window, by somebody's word, or else when it was asked.
fn ended(picture: &Picture, one: &Shown) -> Timestamp {
    let assessed =
        picture.grants.iter().find(|grant| grant.grant.uuid == one.uuid).map(|grant| &grant.assessed);
    let known = match assessed {
        Some(Assessed::Granted { window, .. }) => Some(window.end()),
        Some(Assessed::Revoked(revocation)) => revocation.at,
        _ => None,
    };
    known.or(one.grant.asked.map(Timestamp)).unwrap_or(Timestamp(0))
}

/// The requests that wait, as a table for people.
pub fn pending(grants: &[Grant], now: Timestamp, colour: Colour) -> String {
    let mut table = Table::new(&["", "ID", "WHO", "ROLE", "HOSTS", "FOR", "ASKED", "NEEDS", "REASON"]);
    let ids: Vec<&str> = grants.iter().map(|grant| grant.id.as_str()).collect();
    let mut mine = false;
    for grant in grants {
        let for_me = grant.waits_for_me == Some(true);
        mine |= for_me;
        let tone = if for_me { Tone::Fair } else { Tone::Plain };
        table.row([
            (tone, if for_me { "*" } else { "" }),
            (tone, short_id(&grant.id, &ids).as_str()),
            (tone, &shown::who(grant)),
            (Tone::Plain, grant.role.as_deref().unwrap_or("-")),
            (Tone::Plain, &some_of(&grant.hosts, 2)),
            (Tone::Plain, &shown::asked_for(grant, now)),
            (Tone::Plain, &grant.asked.map_or_else(|| "-".to_owned(), |at| when::ago(Timestamp(at), now))),
            (Tone::Plain, &shown::needs(grant)),
            (Tone::Plain, &shown::reason(grant)),
        ]);
        if !grant.approved.is_empty() {
            table.note(Tone::Good, &format!("approved by {}", shown::approved(grant, now)));
        }
    }
    let mut text = table.render(colour);
    if mine {
        text.push_str("* waits for you: jitctl approve ID, or jitctl deny ID --reason …\n");
    }
    text
}

/// Grants that cannot be understood, as far as they belong into the list.
fn set_aside(picture: &Picture, me: &Dn, which: Which) -> Vec<String> {
    let wanted = |subject: Option<&Dn>| match which {
        Which::All => true,
        Which::Mine => subject == Some(me),
        Which::Pending | Which::Live | Which::Current => false,
    };
    let aside = picture.source.set_aside.iter().filter(|entry| entry.kind == EntryKind::Grant);
    aside
        .filter(|entry| wanted(entry.subject.as_ref()))
        .map(|entry| format!("{} is no grant that counts: {}", entry.dn, shown::fault(entry)))
        .collect()
}

#[cfg(test)]
#[path = "asked/tests.rs"]
mod tests;
