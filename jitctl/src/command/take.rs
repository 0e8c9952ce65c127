//! `jitctl deny`, `revoke` and `release`: an entry below the grant that takes it away, at once and for good. Taking away is always easy: no
//! signature, no question but why, and where the directory's rules allow it, it is not asked whether one may.

use std::collections::BTreeSet;

use jit_directory::write;
use jit_model::assess::Assessed;
use jit_model::dn::Dn;
use jit_model::host::HostPattern;
use jit_model::state::State;
use jit_model::text::clock_time;
use jit_model::time::Timestamp;

use crate::cli::{Cli, ReleaseArgs, TakeArgs};
use crate::command::ldif_file::random;
use crate::context::Context;
use crate::person::ask::{Needed, Terminal, reason};
use crate::person::outcome::{self, Done, Kind};
use crate::person::propose::state_of;
use crate::person::session::{Meant, Session};
use crate::person::stopwatch::Stopwatch;
use crate::person::{config, who};
use crate::report::{Failure, Report};
use crate::terminal::quoted;
use crate::when;

/// Which of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// A request, by somebody else.
    Deny,
    /// Whatever there is, by whoever may.
    Revoke,
    /// One's own.
    Release,
}

/// `jitctl deny`
///
/// # Errors
/// When it is no request any more, or the directory refuses.
pub fn deny(context: &Context, cli: &Cli, args: &TakeArgs) -> Result<Report, Failure> {
    take(context, cli, Way::Deny, &args.id, args.reason.as_deref())
}

/// `jitctl revoke`
///
/// # Errors
/// When the directory refuses.
pub fn revoke(context: &Context, cli: &Cli, args: &TakeArgs) -> Result<Report, Failure> {
    take(context, cli, Way::Revoke, &args.id, args.reason.as_deref())
}

/// `jitctl release`
///
/// # Errors
/// When it is not one's own, or the directory refuses.
pub fn release(context: &Context, cli: &Cli, args: &ReleaseArgs) -> Result<Report, Failure> {
    take(context, cli, Way::Release, &args.id, None)
}

fn take(context: &Context, cli: &Cli, way: Way, id: &str, given: Option<&str>) -> Result<Report, Failure> {
    let watch = Stopwatch::from(context.now);
    let mut session = Session::open_to_take(config::load(cli)?)?;
    let mut terminal = Terminal;
    let mut asker = terminal.asker();
    let me = session.me().clone();
    session.reach(id)?;
    let meant = session.find_to_take(id)?;
    let mine = subject(meant).is_some_and(|of| who::is_for(&session.source().people, of, &me));
    let (grant, hosts) = match meant {
        Meant::Grant(judged) => (judged.grant.dn.clone(), judged.grant.hosts.clone()),
        // What it is for cannot be told: whichever host reads it may hear of it.
        Meant::Aside(aside, _) => (aside.dn.clone(), every_host()?),
    };
    let role = match meant {
        Meant::Grant(judged) => judged.role.as_ref(),
        Meant::Aside(..) => None,
    };
    let approvers = role.map(|role| who::names(&role.approver_groups)).filter(|names| !names.is_empty());
    let approvers = approvers.unwrap_or_else(|| "its role's approver groups".to_owned());
    let mut notes = Vec::new();
    let (kind, entry) = match look(meant, way, mine, watch.now(), &mut notes)? {
        // What was wanted is so; a script that says it twice has not failed.
        Look::Gone(entry) => {
            notes.push("it was taken away before; nothing was written".to_owned());
            (Kind::Nothing, entry)
        }
        Look::Take => {
            let reason = match way {
                Way::Deny => reason(given, &mut asker, Needed::Because("say why, for the person who asked"))?,
                Way::Revoke => reason(given, &mut asker, Needed::No)?,
                Way::Release => Some("given back".to_owned()),
            };
            let id = name("revocation", watch.now(), random::<8>()?);
            let entry = write::revocation(&grant, &hosts, &id, reason.as_deref());
            let entry = entry.map_err(|e| Failure::no("file", e.to_string()))?;
            let who_may = format!("its subject, or a member of {approvers}");
            outcome::add(&mut session, &entry, "take it away", &who_may)?;
            session.settle();
            (Kind::Revocation, entry.dn)
        }
    };
    let verb = match way {
        Way::Deny => "denied",
        Way::Revoke => "revoked",
        Way::Release => "given back",
    };
    let done = Done { kind, entry, grant, verb, next: Vec::new() };
    Ok(outcome::report(&session, done, notes, watch.now()))
}

/// For whom it is, where that can be told.
fn subject(meant: Meant<'_>) -> Option<&Dn> {
    match meant {
        Meant::Grant(judged) => Some(&judged.grant.subject),
        Meant::Aside(aside, _) => aside.subject.as_ref(),
    }
}

fn every_host() -> Result<BTreeSet<HostPattern>, Failure> {
    let every = HostPattern::new("*").map_err(|e| Failure::no("file", e.to_string()))?;
    Ok(BTreeSet::from([every]))
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    /// Take it away.
    Take,
    /// It was taken away by this entry.
    Gone(Dn),
}

/// Whether this is the command for it. By our clock alone nothing is over: it may be wrong.
fn look(
    meant: Meant<'_>,
    way: Way,
    mine: bool,
    now: Timestamp,
    notes: &mut Vec<String>,
) -> Result<Look, Failure> {
    let short = quoted(&match meant {
        Meant::Grant(judged) => judged.grant.id.clone(),
        Meant::Aside(aside, _) => aside.dn.rdn_value(),
    });
    let other = |code: &str, text: String| Err(Failure::not_applicable(code, text));
    if way == Way::Release && !mine && subject(meant).is_some() {
        let text = format!("it is somebody else's grant; an approver takes it away: jitctl revoke {short}");
        return Err(Failure::no("not-yours", text));
    }
    if way == Way::Deny && mine {
        return other("own", format!("it is your own request; to give it back: jitctl release {short}"));
    }
    let judged = match meant {
        Meant::Aside(_, Some(revocation)) => return Ok(Look::Gone(revocation.dn.clone())),
        Meant::Aside(_, None) => return Ok(Look::Take),
        Meant::Grant(judged) => judged,
    };
    match (&judged.assessed, state_of(judged, now), way) {
        (Assessed::Revoked(revocation), ..) => Ok(Look::Gone(revocation.dn.clone())),
        (Assessed::Granted { window, .. }, State::Expired, Way::Deny) => {
            let ago = when::ago(window.end(), now);
            other("over", format!("the grant ended {} ({ago})", clock_time(window.end())))
        }
        (Assessed::Granted { .. }, _, Way::Deny) => {
            other("not-pending", format!("it is approved already; to take it away: jitctl revoke {short}"))
        }
        (Assessed::Granted { window, .. }, State::Expired, _) => {
            notes.push(format!("by this machine's clock it had ended {}", when::ago(window.end(), now)));
            Ok(Look::Take)
        }
        _ => Ok(Look::Take),
    }
}

/// A name below a grant that nobody else takes: when, and random digits.
pub fn name(what: &str, now: Timestamp, random: [u8; 8]) -> String {
    let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{what}-{}-{digits}", now.to_generalized())
}
