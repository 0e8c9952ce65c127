//! What people read about their sessions: the warning and the last words. Lines of plain ASCII, a sentence each. They reach a terminal
//! in the middle of something else, so nothing that somebody wrote into a directory may pass unfiltered, and what is to be done stands on
//! a line of its own. Must say what is known and no more: of a grant that is gone, what is remembered of it.

use std::iter::once;
use std::sync::Arc;

use jit_model::assess::{Approver, Assessed, AssessedGrant};
use jit_model::reason::DenyReason;
use jit_model::session::Rest;
use jit_model::text::{civil, clock_time, plain};
use jit_model::time::{Span, Timestamp};

use super::record::{Basis, Order, Session};
use crate::config::OnEnd;
use crate::view::View;
use crate::words::{Wish, extend, giver, lines, way};

/// The most approvers that are named.
const MOST_NAMES: usize = 4;

/// Why a session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its grants are over.
    Over(DenyReason),
    /// Somebody ordered it.
    Ordered(Order),
    /// It was denied when it opened, and its service goes on regardless.
    Denied,
}

/// The warning: time left, the grant and its reason, how to get more.
pub fn warning(view: &View, session: &Session, left: Span) -> String {
    let host = view.snapshot.policy().host.fqdn();
    let (service, left) = (&session.service, (left, in_words(left)));
    let (at, grant, to_go_on) = match &session.basis {
        Basis::Grants { rests, until } => {
            let last = rests.iter().find(|rest| rest.end == *until).or(rests.first());
            (
                format!(", at {}", time_of_day(*until, left.0)),
                last.map(|rest| described(view, rest)).unwrap_or_default(),
                extend(view, wish(session), *until, last.map(|rest| (&rest.source, rest.id.as_str()))),
            )
        }
        Basis::Standing(_) => (String::new(), String::new(), giver(view).ask(view, wish(session), None)),
    };
    let what = format!("jit: your access to {host} by {service} ends in {}{at}{grant}.", left.1);
    lines(once(what).chain(to_go_on))
}

/// The last words: which grant, when and why it ended, who approved it, how to ask again. Where `on_end = "warn"` the same, but for
/// the session's end.
pub fn last(view: &View, session: &Session, why: &Why) -> String {
    let host = view.snapshot.policy().host.fqdn();
    let service = &session.service;
    match why {
        Why::Over(reason) => {
            let story = story(view, session, reason);
            let what = match view.config.session.on_end {
                OnEnd::Terminate => format!("jit: your {service} session has ended: {story}."),
                OnEnd::Warn => {
                    format!("jit: your access to {host} by {service} has ended, please leave: {story}.")
                }
            };
            lines(once(what).chain(way(view, reason, wish(session))))
        }
        Why::Ordered(order) => {
            let by = match order.by {
                0 => "root".to_owned(),
                uid => format!("uid {uid}"),
            };
            let reason = plain(&order.reason);
            lines([
                format!("jit: your {service} session on {host} has ended, ordered by {by}: {reason}"),
                format!("before you come back, talk to those who run {host}"),
            ])
        }
        Why::Denied => {
            let what = format!(
                "jit: {service} on {host} is closed to {}, so this session has ended.",
                session.login
            );
            lines(once(what).chain(giver(view).ask(view, wish(session), None)))
        }
    }
}

fn wish(session: &Session) -> Wish<'_> {
    Wish { login: &session.login, service: &session.service }
}

/// The grant for a warning: ` (grant ID, TICKET: REASON)`, as far as it is known.
fn described(view: &View, rest: &Rest) -> String {
    let shown = shown(view, rest).map(|grant| &grant.grant);
    let ticket = shown.and_then(|grant| grant.ticket.as_deref());
    let ticket = ticket.map(|ticket| format!(", {}", plain(ticket))).unwrap_or_default();
    let reason = shown.and_then(|grant| grant.reason.as_deref());
    let reason = reason.map(|reason| format!(": {}", plain(reason))).unwrap_or_default();
    format!(" (grant {}{ticket}{reason})", plain(&rest.id))
}

/// What became of the grant, for the last words.
fn story(view: &View, session: &Session, reason: &DenyReason) -> String {
    let host = view.snapshot.policy().host.fqdn();
    let Some(id) = reason.grant() else {
        return match reason {
            DenyReason::NoGrant => format!("nothing in the directory speaks for you on {host}"),
            _ => plain(&reason.to_string()),
        };
    };
    let rest = rest_of(session, id);
    let shown = rest.and_then(|rest| shown(view, rest)).or_else(|| {
        let grants = view.snapshot.grants_of(&session.login);
        grants.iter().find(|grant| plain(&grant.grant.id) == id)
    });
    let grant = format!("grant {} for {host}", plain(id));
    match reason {
        DenyReason::Expired { ago, .. } => {
            let (window, approved) = match shown.map(|grant| &grant.assessed) {
                Some(Assessed::Granted { window, approved }) => (Some(window.end()), by(approved)),
                _ => (None, String::new()),
            };
            match window.or(rest.map(|rest| rest.end)) {
                Some(end) => format!("{grant} ended at {}{approved}", time_of_day(end, *ago)),
                None => format!("{grant} ended {} ago{approved}", in_words(*ago)),
            }
        }
        DenyReason::Revoked { by, .. } => {
            let by = by.as_ref().map(|by| format!(" by {}", plain(by))).unwrap_or_default();
            let why = match shown.map(|grant| &grant.assessed) {
                Some(Assessed::Revoked(revocation)) => revocation.reason.as_deref(),
                _ => None,
            };
            let why = why.map(|why| format!(": {}", plain(why))).unwrap_or_default();
            format!("{grant} was revoked{by}{why}")
        }
        DenyReason::Gone { .. } => format!("{grant} was deleted, or is not for you any more"),
        DenyReason::WrongService { .. } => format!("{grant} is not for {} any more", session.service),
        DenyReason::Refused { why, .. } => {
            format!("{grant} does not count any more: {}", plain(&why.to_string()))
        }
        DenyReason::Pending { .. } | DenyReason::Scheduled { .. } => format!("{grant}: {reason}"),
        _ => format!("{grant}: {}", plain(&reason.to_string())),
    }
}

/// What the session rests on that has this id.
fn rest_of<'s>(session: &'s Session, id: &str) -> Option<&'s Rest> {
    match &session.basis {
        Basis::Grants { rests, .. } => rests.iter().find(|rest| plain(&rest.id) == id),
        Basis::Standing(_) => None,
    }
}

/// The grant as its source shows it now.
fn shown<'v>(view: &'v View, rest: &Rest) -> Option<&'v Arc<AssessedGrant>> {
    let grants = view.snapshot.grants().iter().filter(|grant| grant.grant.uuid == rest.uuid);
    grants.min_by_key(|grant| grant.source != rest.source)
}

/// `; approved by bob, carol`; nothing where nobody had to.
fn by(approved: &[Approver]) -> String {
    let names: Vec<String> =
        approved.iter().take(MOST_NAMES).map(|approver| plain(&approver.dn.rdn_value())).collect();
    let more = match approved.len().saturating_sub(MOST_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    if names.is_empty() { String::new() } else { format!("; approved by {}{more}", names.join(", ")) }
}

/// `15:00 UTC`, or with its day if it is not near.
fn time_of_day(at: Timestamp, away: Span) -> String {
    const NEAR: Span = Span(12 * 3_600);
    let (_, _, _, hour, minute, _) = civil(at);
    if away <= NEAR { format!("{hour:02}:{minute:02} UTC") } else { clock_time(at) }
}

/// `45 s`, `5 min`, `1 h 30 min`, `2d 3h`: to the nearest minute, for a warning is given within a moment of its time.
fn in_words(span: Span) -> String {
    let minutes = span.0.saturating_add(30) / 60;
    match (span.0, minutes / 60, minutes % 60) {
        (0..60, _, _) => format!("{} s", span.0),
        (86_400.., _, _) => span.to_string(),
        (_, 0, minutes) => format!("{minutes} min"),
        (_, hours, 0) => format!("{hours} h"),
        (_, hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests;
