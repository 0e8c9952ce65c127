//! Takes down what logins show of whether this host marks those who come in: when they open, when they have settled, when they close, and
//! for those that were there before this daemon, at each look at all of them. Nothing is looked at any more once it is certain that it does.

use super::host::Host;
use super::{Known, SETTLED, Warden};
use crate::sessions::claim::{Marking, Modules};
use crate::sessions::process::{Process, Table};
use crate::sessions::record::Session;

impl<H: Host> Warden<H> {
    /// What a session's leader shows now.
    pub(super) fn witness(&mut self, session: &Session, modules: Modules) {
        if self.registry.marking() == Marking::Made {
            return;
        }
        let leader = self.host.look(session.mark.leader.pid);
        let parent = leader.as_ref().and_then(|leader| self.host.look(leader.parent));
        self.take_down(session, leader.as_ref(), parent.as_ref(), modules);
    }

    /// What it shows in a table.
    pub(super) fn witness_in(&self, table: &Table, known: &Known, session: &Session) {
        let opened = u64::try_from(known.now.0.saturating_sub(session.opened.0)).unwrap_or_default();
        // Whole seconds: two are more than one.
        let modules = if opened > SETTLED.as_secs() { Modules::Done } else { Modules::Asked };
        let leader = table.get(session.mark.leader.pid);
        let parent = leader.and_then(|leader| table.get(leader.parent));
        self.take_down(session, leader, parent, modules);
    }

    fn take_down(
        &self,
        session: &Session,
        leader: Option<&Process>,
        parent: Option<&Process>,
        modules: Modules,
    ) {
        match Marking::of(&session.mark, leader, parent, modules) {
            Marking::Unseen => {}
            shown => self.registry.witness(shown),
        }
    }
}
