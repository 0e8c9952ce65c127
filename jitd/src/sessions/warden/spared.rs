//! Whose processes an ending never takes: those of the sessions that go on.

use std::collections::BTreeSet;

use super::Warden;
use super::host::Host;
use super::underway::{Of, Whom};
use crate::sessions::claim::{Claim, Mark, Whose};
use crate::sessions::ending::Ending;
use crate::sessions::process::{Process, ProcessId, Table};
use crate::sessions::record::Session;

/// Who is spared, lent to one claim at a time: a thousand endings would otherwise keep a thousand lists.
pub(super) struct Spared {
    /// By a session that ends: the sessions that go on.
    by_sessions: Vec<Mark>,
    /// By a person's ending: all sessions, also those that end by themselves at the moment.
    by_persons: Vec<Mark>,
}

impl Spared {
    /// As it is now.
    pub(super) fn of<H: Host>(warden: &Warden<H>) -> Spared {
        let peers = warden.underway.values().filter_map(|underway| match &underway.of {
            Of::Peer(session) => Some(session.mark.clone()),
            Of::Session(..) | Of::Person(..) => None,
        });
        let persons = warden.underway.keys().any(|whom| matches!(whom, Whom::Person(_)));
        let by_persons = match persons {
            true => {
                let all = warden.registry.shared();
                all.iter().map(|session| session.mark.clone()).chain(peers).collect()
            }
            false => Vec::new(),
        };
        Spared { by_sessions: warden.spared(), by_persons }
    }

    fn of_whom(&mut self, whom: &Whom) -> &mut Vec<Mark> {
        match whom {
            Whom::Session(_) | Whom::Peer(_) => &mut self.by_sessions,
            Whom::Person(_) => &mut self.by_persons,
        }
    }

    /// The members of a session that goes on. It is among those that are spared, by others.
    pub(super) fn members(&mut self, table: &Table, session: &Session) -> Vec<ProcessId> {
        self.with_claim_of(session, |claim| claim.members(table))
    }

    /// Whether one of these, which are in no table, is a process of a session of which nothing is in one.
    pub(super) fn takes_any(&mut self, session: &Session, processes: &[Process]) -> bool {
        let none = BTreeSet::new();
        self.with_claim_of(session, |claim| processes.iter().any(|process| claim.takes(process, &none)))
    }

    fn with_claim_of<T>(&mut self, session: &Session, with: impl FnOnce(&Claim) -> T) -> T {
        let others = std::mem::take(&mut self.by_sessions);
        let (own, others): (Vec<Mark>, Vec<Mark>) =
            others.into_iter().partition(|mark| *mark == session.mark);
        let claim = Claim { whose: Whose::Session(session.mark.clone()), spared: others };
        let done = with(&claim);
        self.by_sessions = claim.spared;
        self.by_sessions.extend(own);
        done
    }

    /// Lends them to the claim of an ending.
    pub(super) fn lend<T>(&mut self, whom: &Whom, claim: &mut Claim, with: impl FnOnce(&Claim) -> T) -> T {
        std::mem::swap(&mut claim.spared, self.of_whom(whom));
        let done = with(claim);
        std::mem::swap(&mut claim.spared, self.of_whom(whom));
        done
    }

    /// The same, to an ending.
    pub(super) fn lend_ending<T>(
        &mut self,
        whom: &Whom,
        ending: &mut Ending,
        with: impl FnOnce(&mut Ending) -> T,
    ) -> T {
        std::mem::swap(&mut ending.claim.spared, self.of_whom(whom));
        let done = with(ending);
        std::mem::swap(&mut ending.claim.spared, self.of_whom(whom));
        done
    }
}
