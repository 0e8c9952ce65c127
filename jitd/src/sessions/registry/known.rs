//! What the registry knows, behind its one lock, and how it comes to disk. What cannot be written is kept, and tried again; what there is no
//! room for is forgotten in the order of what matters least, and that is said.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jit_model::name::Login;
use jit_model::session::Rest;

use super::Stuck;
use crate::clock::BootId;
use crate::disk::WriteError;
use crate::mode::FileId;
use crate::sessions::claim::Marking;
use crate::sessions::record::{Basis, Life, Session, SessionId, Visitor};
use crate::sessions::state::StateDir;

/// What is behind the lock.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) sessions: BTreeMap<SessionId, Arc<Session>>,
    pub(super) visitors: BTreeMap<Login, Visitor>,
    pub(super) count: u64,
    /// Sessions that are not on disk as they are here.
    pub(super) unwritten: BTreeSet<SessionId>,
    /// Whether the visitors are not.
    pub(super) unwritten_visitors: bool,
    /// Why.
    pub(super) fault: Option<String>,
    /// What was forgotten for want of room.
    pub(super) forgotten: Forgotten,
    /// What was found damaged at the start.
    pub(super) damage: Vec<String>,
    /// What the warden has seen of whether this host marks those who come in.
    pub(super) marking: Marking,
    /// Which the warden is ending just now: to show, so not on disk.
    pub(super) ending: BTreeSet<SessionId>,
    /// Of its endings, those that do not get on.
    pub(super) stuck: Vec<Stuck>,
    /// What keeps the warden from ending any.
    pub(super) lacks: Vec<String>,
    /// Those that were let in while the enforcing file waited to be confirmed, and by which: such a login may confirm it. Not on disk, so a
    /// login before a restart does not count, and a session that was found never does.
    pub(super) under: BTreeMap<SessionId, FileId>,
}

/// What there was no room for, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Forgotten {
    /// Sessions that their people had left.
    pub(super) closed: usize,
    /// Sessions without a deadline.
    pub(super) standing: usize,
    /// Sessions that would have had a deadline, and were not let begin.
    pub(super) refused: usize,
    /// Visitors.
    pub(super) visitors: usize,
}

impl Known {
    /// Brings a session to disk as it is; whether that worked.
    pub(super) fn write(&mut self, state: &StateDir, id: &SessionId) -> bool {
        let Some(session) = self.sessions.get(id) else { return true };
        match state.write(session) {
            Ok(()) => {
                self.unwritten.remove(id);
                self.relieve();
                true
            }
            Err(error) => {
                self.unwritten.insert(id.clone());
                self.fault(&error);
                false
            }
        }
    }

    /// The same for the visitors.
    pub(super) fn write_visitors(&mut self, state: &StateDir, boot: BootId) -> bool {
        let visitors: Vec<&Visitor> = self.visitors.values().collect();
        let written = state.write_visitors(boot, &visitors);
        self.unwritten_visitors = written.is_err();
        match written {
            Ok(()) => self.relieve(),
            Err(error) => self.fault(&error),
        }
        !self.unwritten_visitors
    }

    pub(super) fn fault(&mut self, error: &WriteError) {
        self.fault =
            Some(format!("sessions are only in memory, and a restart of jitd would forget them: {error}"));
    }

    pub(super) fn relieve(&mut self) {
        if self.unwritten.is_empty() && !self.unwritten_visitors {
            self.fault = None;
        }
    }

    /// Writes what could not be written before, as long as it works.
    pub(super) fn retry(&mut self, state: &StateDir, boot: BootId, most: usize) {
        if self.unwritten_visitors && !self.write_visitors(state, boot) {
            return;
        }
        let unwritten: Vec<SessionId> = self.unwritten.iter().take(most).cloned().collect();
        for id in unwritten {
            if !self.write(state, &id) {
                return;
            }
        }
    }

    /// Changes a session; whether it is there.
    pub(super) fn change(
        &mut self,
        state: &StateDir,
        id: &SessionId,
        change: impl FnOnce(&mut Session),
    ) -> bool {
        let Some(session) = self.sessions.get_mut(id) else { return false };
        let mut changed = Session::clone(session);
        change(&mut changed);
        if changed != **session {
            *session = Arc::new(changed);
            self.write(state, id);
        }
        true
    }

    pub(super) fn remove(&mut self, state: &StateDir, id: &SessionId) -> Option<Arc<Session>> {
        let removed = self.sessions.remove(id)?;
        state.remove(id);
        self.unwritten.remove(id);
        self.relieve();
        Some(removed)
    }

    /// Room for one more, at the cost of what matters least: one that its person has left, then one that has no deadline.
    pub(super) fn make_room(&mut self, state: &StateDir, newcomer: &Session, most: usize) -> bool {
        if self.sessions.len() < most {
            return true;
        }
        let oldest = |wanted: &dyn Fn(&Session) -> bool| {
            let fitting = self.sessions.values().filter(|session| wanted(session));
            fitting.min_by_key(|session| session.opened).map(|session| session.id.clone())
        };
        if let Some(id) = oldest(&|session| session.life == Life::Closed) {
            self.forgotten.closed = self.forgotten.closed.saturating_add(1);
            self.remove(state, &id);
            return true;
        }
        if matches!(newcomer.basis, Basis::Standing(_)) {
            self.forgotten.standing = self.forgotten.standing.saturating_add(1);
            return false;
        }
        if let Some(id) = oldest(&|session| matches!(session.basis, Basis::Standing(_))) {
            self.forgotten.standing = self.forgotten.standing.saturating_add(1);
            self.remove(state, &id);
            return true;
        }
        self.forgotten.refused = self.forgotten.refused.saturating_add(1);
        false
    }

    /// Takes the person of a session among the visitors if it rests on grants; whether that changed anything.
    pub(super) fn welcome(&mut self, session: &Session, most: usize) -> bool {
        let Basis::Grants { rests, .. } = &session.basis else { return false };
        let borne = if session.mark.audit.is_some() { Marking::Borne } else { Marking::Unseen };
        let (uid, marked) = (session.mark.uid, borne.max(self.marking));
        let room = self.visitors.len() < most;
        let Some(visitor) = self.visitors.get_mut(&session.login) else {
            if room {
                let visitor = Visitor { login: session.login.clone(), uid, marked, rests: rests.clone() };
                self.visitors.insert(session.login.clone(), visitor);
            } else {
                self.forgotten.visitors = self.forgotten.visitors.saturating_add(1);
            }
            return room;
        };
        let same = |a: &Rest, b: &Rest| a.source == b.source && a.uuid == b.uuid;
        let others = visitor.rests.iter().filter(|old| {
            // What was over when this one began is nothing to go by any more.
            old.end > session.opened && !rests.iter().any(|new| same(old, new))
        });
        let rests: Vec<Rest> = others.chain(rests).cloned().collect();
        let new = Visitor { login: visitor.login.clone(), uid, marked: visitor.marked.max(marked), rests };
        let changed = new != *visitor;
        *visitor = new;
        changed
    }
}

impl Forgotten {
    pub(super) fn concern(self, most: usize) -> Option<String> {
        let Forgotten { closed, standing, refused, visitors } = self;
        (self != Forgotten::default()).then(|| {
            format!(
                "there were more than {most} sessions or people at a time: {closed} closed sessions were forgotten, whose \
                 left-over processes are not ended, {standing} sessions without a deadline and {visitors} people are not \
                 remembered, and {refused} sessions were denied; see jitctl sessions"
            )
        })
    }
}
