//! Those who came in under a grant, beyond their sessions: when their last grant is over, everything of theirs ends.

use std::collections::{BTreeMap, BTreeSet};

use jit_model::name::{Login, Service};
use jit_model::session::{Presence, Rest, presence};

use super::host::Host;
use super::judge::{Stays, leavers};
use super::underway::Whom;
use super::{Due, Known, Warden};
use crate::config::OnEnd;
use crate::mode::Mode;
use crate::sessions::record::{Basis, Session, SessionId, Visitor};

impl<H: Host> Warden<H> {
    /// What a person's sessions rest on is what he may be here for, also once they are closed. What he held besides stays, as long as
    /// it lasts and nobody who would know says otherwise.
    pub(super) fn keep_rests(&self, known: &Known, sessions: &[Session]) {
        let snapshot = &known.view.snapshot;
        let mut all: BTreeMap<&Login, BTreeSet<&Rest>> = BTreeMap::new();
        for session in sessions {
            if let Basis::Grants { rests, .. } = &session.basis {
                all.entry(&session.login).or_default().extend(rests);
            }
        }
        for visitor in self.registry.visitors() {
            let mut rests = all.remove(&visitor.login).unwrap_or_default();
            let same = |a: &Rest, b: &Rest| a.source == b.source && a.uuid == b.uuid;
            let held = visitor.rests.iter().filter(|old| {
                let doubted = rests.iter().any(|new| same(old, new)) || snapshot.has_spoken(&old.source);
                old.end > known.now && !doubted
            });
            let held: Vec<&Rest> = held.collect();
            rests.extend(held);
            // One that has nothing any more keeps what he had: so it can be said what is over.
            if !rests.is_empty() && !visitor.rests.iter().collect::<BTreeSet<_>>().eq(&rests) {
                let rests = rests.into_iter().cloned().collect();
                self.registry.change_visitor(&visitor.login, |visitor| visitor.rests = rests);
            }
        }
    }

    /// Whether a uid is still a visitor's by /etc/passwd, which may have changed since he came: his name has another now, or the uid
    /// another name. Who is not in it has his uid from elsewhere.
    fn has_his_uid_still(&self, visitor: &Visitor) -> bool {
        match self.desk.uid_of(&visitor.login) {
            Some(uid) => uid == visitor.uid,
            None => self.desk.login_of(visitor.uid).is_none(),
        }
    }

    /// Asks of those who came under a grant whether they have any business here.
    pub(super) fn judge_persons(&mut self, known: &Known, due: &mut Due) {
        let Known { view, now, mode } = known;
        let terminate = view.config.session.on_end == OnEnd::Terminate;
        let Ok(service) = Service::new("sshd") else { return };
        let ask = |visitor: Visitor| {
            let question = self.desk.question_as(&visitor.login, visitor.uid, &service);
            let presence = presence(&view.snapshot, &question, &visitor.rests, *now);
            (visitor, presence)
        };
        let visitors = self.registry.visitors().into_iter().map(ask);
        // Nothing is ended that may be somebody else's now.
        let his = |(visitor, presence): &(Visitor, Presence)| {
            !matches!(presence, Presence::Over(_)) || self.has_his_uid_still(visitor)
        };
        let visitors: Vec<(Visitor, Presence)> = visitors.filter(his).collect();
        let ending: BTreeSet<&SessionId> = due.end.iter().map(|(session, _)| &session.id).collect();
        let stays: Vec<Stays> = self
            .registry
            .shared()
            .iter()
            .map(|session| Stays {
                uid: session.mark.uid,
                ending: ending.contains(&session.id)
                    || self.underway.contains_key(&Whom::Session(session.id.clone())),
            })
            .collect();
        let leaving = leavers(&visitors, &stays);
        self.call_off(*mode, &leaving.iter().map(|(visitor, _)| visitor.uid).collect());
        if *mode == Mode::Permissive || !terminate {
            return;
        }
        let ends = visitors.iter().flat_map(|(visitor, _)| &visitor.rests).map(|rest| rest.end);
        if let Some(at) = ends.filter(|end| end > now).min() {
            self.wake(at, *now);
        }
        let new = leaving.into_iter().filter(|(visitor, _)| !self.is_leaving(visitor.uid));
        due.leave = new.map(|(visitor, reason)| (visitor.clone(), reason.clone())).collect();
    }
}
