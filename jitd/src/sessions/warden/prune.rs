//! Looks at the sessions that nobody tells anything of: whose leader went without a word, whose person left and whose last process has
//! gone, and whose marks the host made a moment after they opened.

use std::time::Instant;

use super::host::Host;
use super::underway::Whom;
use super::{Known, SETTLED, Warden, note};
use crate::audit::event::SessionState;
use crate::sessions::claim::{Claim, Whose};
use crate::sessions::process::Table;
use crate::sessions::record::{Life, Session};

impl<H: Host> Warden<H> {
    /// Looks again at the marks of sessions that opened a moment ago.
    pub(super) fn refresh(&mut self, now: Instant) {
        let due = |at: &Instant| now.saturating_duration_since(*at) >= SETTLED;
        if !self.fresh.iter().any(|(_, at)| due(at)) {
            return;
        }
        let Some(table) = self.table() else { return };
        let (ripe, fresh) = std::mem::take(&mut self.fresh).into_iter().partition(|(_, at)| due(at));
        self.fresh = fresh;
        for session in ripe.iter().filter_map(|(id, _)| self.registry.session(id)) {
            self.refresh_mark(&table, &session);
        }
    }

    /// Takes out what has gone by itself.
    pub(super) fn prune(&mut self, known: &Known) {
        let mut sessions = self.registry.sessions();
        sessions.retain(|session| !self.underway.contains_key(&Whom::Session(session.id.clone())));
        if sessions.is_empty() {
            return;
        }
        // After the sessions were listed: the leader of each was there before its session was.
        let Some(table) = self.table() else { return };
        for session in sessions {
            let session = self.refresh_mark(&table, &session).unwrap_or(session);
            if session.life == Life::Open && table.alive(session.mark.leader).is_some() {
                continue;
            }
            // Without sparing anybody: more that seems to be its own keeps it longer in the list, and harms nobody.
            let claim = Claim { whose: Whose::Session(session.mark.clone()), spared: Vec::new() };
            if claim.members(&table).is_empty() {
                self.registry.remove(&session.id);
                self.note(known.mode, note::of(&session, SessionState::Closed, "closed"));
            } else if session.life == Life::Open {
                self.registry.change(&session.id, |kept| kept.life = Life::Closed);
            }
        }
    }

    /// Looks again at a mark that says too little; the session, if it says more now.
    fn refresh_mark(&self, table: &Table, session: &Session) -> Option<Session> {
        let mut mark = session.mark.clone();
        if !mark.refresh(table) {
            return None;
        }
        self.registry.change(&session.id, |kept| kept.mark = mark.clone());
        if mark.audit.is_some() {
            self.registry.change_visitor(&session.login, |visitor| visitor.marked = true);
        }
        Some(Session { mark, ..session.clone() })
    }
}
