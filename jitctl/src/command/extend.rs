//! `jitctl extend`: a new grant that begins where the old one ends, for the same person, role, hosts and services, approved as that one was.
//! The old one is not touched.

use jit_model::assess::{Assessed, AssessedGrant};
use jit_model::grant::End;
use jit_model::state::State;
use jit_model::text::clock_time;
use jit_model::time::{Span, Timestamp};

use crate::cli::{Cli, ExtendArgs};
use crate::command::ldif_file::random;
use crate::command::request;
use crate::context::Context;
use crate::person::ask::line;
use crate::person::config;
use crate::person::propose::{Wish, draft, foresee, state_of};
use crate::person::session::Session;
use crate::person::stopwatch::Stopwatch;
use crate::person::who;
use crate::report::{Failure, Report};
use crate::terminal::quoted;
use crate::when;

/// `jitctl extend`
///
/// # Errors
/// When the old grant cannot be extended, hosts would refuse the new one, or the directory does.
pub fn run(context: &Context, cli: &Cli, args: &ExtendArgs) -> Result<Report, Failure> {
    let watch = Stopwatch::from(context.now);
    let span = when::parse_span(&args.for_).map_err(Failure::usage)?;
    let reason =
        args.reason.as_deref().map(|text| line("reason", text)).transpose().map_err(Failure::usage)?;
    let mut session = Session::open(config::load(cli)?)?;
    let now = watch.now();
    let me = session.me().clone();
    session.reach(&args.id)?;
    let old = session.find(&args.id)?;
    let mut wish = longer(old, span, now)?;
    let own = who::is_for(&session.source().people, &old.grant.subject, &me);
    if !own {
        let text = "it is somebody else's grant, and everybody asks for himself; nothing was written";
        return Err(Failure::no("not-yours", text));
    }
    let again = session.grants().iter().any(|other| follows(other, old, &wish, now));
    wish.reason = reason.or(wish.reason);
    let grant = draft(&wish, &session.config().directory.bases.grants, &me, random::<16>()?, now)?;
    let foreseen = foresee(session.source(), &wish, &grant);
    let (_, mut notes) = foreseen.map_err(|failure| {
        let way = format!("{}\nOr ask anew: jitctl request --role {}", failure.text, quoted(&wish.role.name));
        Failure { text: way, ..failure }
    })?;
    if again {
        notes.push("there was an extension of this grant already; this is one more".to_owned());
    }
    request::written(context, &mut session, &grant, args.wait, notes, watch)
}

/// What makes a grant go on.
///
/// # Errors
/// When the old one is not, or will not be, live until a time that is known.
pub fn longer(old: &AssessedGrant, span: Span, now: Timestamp) -> Result<Wish, Failure> {
    let grant = &old.grant;
    let new = "A new one: jitctl request";
    let no = |why: String| Err(Failure::no("not-written", format!("{why}; nothing was written\n{new}")));
    let role = match &old.role {
        Some(role) => role.clone(),
        None => return no("the grant's role cannot be used any more".to_owned()),
    };
    let end = match (&old.assessed, state_of(old, now)) {
        (Assessed::Granted { window, .. }, State::Live | State::Scheduled) => window.end(),
        (Assessed::Granted { window, .. }, _) => {
            let ended = when::ago(window.end(), now);
            return no(format!(
                "the grant ended {} ({ended}), and what is over does not go on",
                clock_time(window.end())
            ));
        }
        (Assessed::Pending { .. }, _) => {
            let text = "the grant is not approved yet, so nobody knows when it will end; nothing was written\n\
                        Ask for longer: give it back (jitctl release ID), and jitctl request";
            return Err(Failure::no("not-written", text));
        }
        (Assessed::Refused(why), _) => return no(format!("no host counts the grant: {why}")),
        (Assessed::Revoked(_), _) => return no("the grant was taken away".to_owned()),
    };
    Ok(Wish {
        subject: grant.subject.clone(),
        role,
        hosts: grant.hosts.clone(),
        services: grant.services.clone(),
        not_before: Some(end),
        end: End::After(span),
        reason: grant.reason.clone(),
        ticket: grant.ticket.clone(),
    })
}

/// Whether `other` begins where `old` ends, for the same.
fn follows(other: &AssessedGrant, old: &AssessedGrant, wish: &Wish, now: Timestamp) -> bool {
    let alive = matches!(state_of(other, now), State::Pending | State::Scheduled | State::Live);
    let (a, b) = (&other.grant, &old.grant);
    alive
        && a.not_before == wish.not_before
        && a.subject == b.subject
        && a.role == b.role
        && a.hosts == b.hosts
}
