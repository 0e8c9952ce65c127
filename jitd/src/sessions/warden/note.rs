//! What the warden writes into the audit.

use jit_model::session::Rest;
use jit_model::text::{clock_time, plain};

use crate::audit::event::{Text, Time};
use crate::audit::session::{SessionEvent, SessionState};
use crate::sessions::ending::Outcome;
use crate::sessions::record::{Basis, Session, Visitor};
use crate::sessions::terminal::Told;
use crate::sessions::words::Why;

/// Something that happened to a session.
pub(super) fn of(session: &Session, state: SessionState, text: impl Into<Text>) -> SessionEvent {
    let (grants, until, standing) = match &session.basis {
        Basis::Grants { rests, until } => (ids(rests), Some(Time(*until)), None),
        Basis::Standing(standing) => (Vec::new(), None, Some(standing.as_str())),
    };
    SessionEvent {
        id: Some(Text::from(&session.id)),
        service: Some(Text::from(&session.service)),
        rhost: session.rhost.as_ref().map(Text::from),
        target: session.target.as_ref().map(Text::from),
        pid: Some(session.mark.leader.pid),
        audit_session: session.mark.audit.map(|mark| mark.session),
        grants,
        until,
        standing,
        ..SessionEvent::new(state, Text::from(&session.login), session.mark.uid, text.into())
    }
}

/// Something that happened to everything of a person.
pub(super) fn of_person(visitor: &Visitor, state: SessionState, text: impl Into<Text>) -> SessionEvent {
    let event = SessionEvent::new(state, Text::from(&visitor.login), visitor.uid, text.into());
    SessionEvent { grants: ids(&visitor.rests), ..event }
}

fn ids(rests: &[Rest]) -> Vec<Text> {
    rests.iter().map(|rest| Text::from(&rest.id)).collect()
}

/// Why it ends: a stable word, and who ordered it.
pub(super) fn code(event: &mut SessionEvent, why: &Why) {
    match why {
        Why::Over(reason) => event.code = Some(reason.code()),
        Why::Ordered(order) => {
            event.code = Some("ordered");
            event.by = Some(order.by);
        }
        Why::Denied => event.code = Some("denied"),
    }
}

/// Why it ends, for people.
pub(super) fn phrase(why: &Why) -> String {
    match why {
        Why::Over(reason) => plain(&reason.to_string()),
        Why::Ordered(order) => format!("uid {} ordered it: {}", order.by, plain(&order.reason)),
        Why::Denied => "it was denied".to_owned(),
    }
}

/// Which terminals were told.
pub(super) fn told(event: &mut SessionEvent, told: &Told) {
    event.told = told.on.iter().map(Text::from).collect();
    if !told.failed.is_empty() {
        let failed: Vec<String> = told.failed.iter().map(|(tty, why)| format!("{tty} ({why})")).collect();
        event.text = Text::from(format!("{}; not told: {}", event.text.as_str(), failed.join(", ")));
    }
}

/// What came of an ending.
pub(super) fn outcome(event: &mut SessionEvent, outcome: &Outcome) {
    event.processes = Some(outcome.processes);
    event.killed = outcome.killed.iter().map(|(_, name)| Text::from(plain(name))).collect();
    let text = match (outcome.processes, outcome.killed.len().saturating_add(outcome.more_killed)) {
        (0, _) => "ended; nothing of it was left".to_owned(),
        (all, 0) => format!("ended: {} in {} ms", processes(all), outcome.took.as_millis()),
        (all, killed) => {
            format!("ended: {}, {killed} of them killed, in {} ms", processes(all), outcome.took.as_millis())
        }
    };
    event.text = Text::from(text);
}

fn processes(n: usize) -> String {
    format!("{n} process{}", if n == 1 { "" } else { "es" })
}

/// How long a session may last, for people.
pub(super) fn term(session: &Session) -> String {
    match &session.basis {
        Basis::Grants { until, .. } => format!("until {}", clock_time(*until)),
        Basis::Standing(standing) => format!("without a deadline: {}", standing.as_str()),
    }
}
