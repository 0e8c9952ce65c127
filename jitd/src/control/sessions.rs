//! The sessions on this host, and the order to end one. Must never show anybody another's sessions, nor pass a text on to a terminal as
//! somebody typed it.

use std::collections::BTreeSet;

use jit_control::{Answer, Session as Shown, Sessions};
use jit_model::text::plain;

use super::{Caller, Reach, refused};
use crate::audit::Event;
use crate::audit::event::{Outcome, Text};
use crate::desk::Desk;
use crate::sessions::record::{Basis, Life, Order, Session, SessionId};
use crate::sessions::registry::Registry;

/// The sessions that the caller may see.
pub(super) fn sessions(desk: &Desk, registry: &Registry, caller: &Caller) -> Answer {
    let mine = |session: &Session| caller.may_ask_about(&session.login);
    let sessions = registry
        .sessions()
        .iter()
        .filter(|session| mine(session))
        .map(|session| shown(session, registry.is_ending(&session.id)))
        .collect();
    // The time by which sessions end.
    Answer::Sessions(Sessions { now: desk.clock().now().settled.0, sessions })
}

fn shown(session: &Session, ending: bool) -> Shown {
    let (grants, until, standing) = match &session.basis {
        Basis::Grants { rests, until } => {
            // One whose end was moved may be remembered as it was, too.
            let mut told = BTreeSet::new();
            let grants = rests.iter().map(|rest| &rest.id).filter(|id| told.insert(*id)).cloned().collect();
            (grants, Some(until.0), None)
        }
        Basis::Standing(standing) => (Vec::new(), None, Some(standing.as_str().to_owned())),
    };
    let state = match session.life {
        _ if ending => "ending",
        Life::Open | Life::Ending => "open",
        Life::Closed => "closed",
    };
    Shown {
        id: session.id.to_string(),
        user: session.login.to_string(),
        service: session.service.to_string(),
        target: session.target.clone(),
        from: session.rhost.clone(),
        pid: session.mark.leader.pid,
        since: session.opened.0,
        grants,
        until,
        standing,
        state: state.to_owned(),
    }
}

/// Orders the end of a session. Who may not is not written down: he could fill the audit with it.
pub(super) fn terminate(desk: &Desk, registry: &Registry, caller: &Caller, id: &str, reason: &str) -> Answer {
    if caller.reach != Reach::All {
        return refused("not-permitted", "only root and the group jit-admin may end sessions");
    }
    let reason = reason.trim();
    if reason.is_empty() {
        return refused("bad-request", "say why: whose session it is reads it, and so does the audit");
    }
    let unknown = || {
        let id = plain(id);
        refused("no-such-session", format!("there is no session {id:?} here; jitctl sessions lists them"))
    };
    let Some(session) = SessionId::typed(id).and_then(|id| registry.session(&id)) else {
        return unknown();
    };
    let told = |outcome: Outcome, what: &str| {
        let request = Text::from("session-terminate");
        let Session { id, login, service, .. } = &session;
        let text = Text::from(format!("session {id} of {login} ({service}){what}: {reason}"));
        desk.scribe().note(Event::Control { uid: caller.peer.uid, request, outcome, text });
    };
    // jit-admin is no way around root: the last shell in a broken host may be the one on the console.
    if session.mark.uid == 0 && caller.peer.uid != 0 {
        told(Outcome::Refused, ", which is for root alone to end");
        return refused("not-permitted", "this is a session of root's; only root may end it");
    }
    // What its person reads on the terminal.
    if !registry.order(&session.id, Order { by: caller.peer.uid, reason: plain(reason) }) {
        return unknown();
    }
    told(Outcome::Done, "");
    let text = format!("session {} of {} ({}) is being ended", session.id, session.login, session.service);
    Answer::Done { text }
}

#[cfg(test)]
mod tests;
