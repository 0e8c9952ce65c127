//! Tells the audit what is not conferred, and who is not shown, when it is new.

use std::collections::{BTreeMap, BTreeSet};

use jit_model::confer::{Conferred, GroupRefusal};
use jit_model::name::{Login, UnixGroup};
use jit_model::serve::Served;

use crate::audit::Event;
use crate::scribe::Scribe;

/// The most that one change may cause of each.
const MOST_EVENTS: usize = 200;

/// What has been told.
#[derive(Default)]
pub(super) struct Refusals {
    groups: BTreeMap<UnixGroup, (BTreeSet<String>, GroupRefusal)>,
    people: BTreeMap<Login, String>,
}

impl Refusals {
    /// Tells what has not been told.
    pub(super) fn tell(&mut self, conferred: &Conferred, served: &Served, scribe: &Scribe) {
        let told = |refused: &&jit_model::confer::RefusedGroup| {
            let before = self.groups.get(&refused.group);
            before.is_some_and(|(roles, why)| *why == refused.why && refused.roles.is_subset(roles))
        };
        let new = conferred.refused.iter().filter(|refused| !told(refused));
        new.take(MOST_EVENTS).for_each(|refused| scribe.note(Event::group_refused(refused)));
        let new = served.refused.iter().filter(|(login, why)| self.people.get(login) != Some(why));
        new.take(MOST_EVENTS).for_each(|(login, why)| scribe.note(Event::person_refused(login, why)));

        let group = |refused: &jit_model::confer::RefusedGroup| {
            (refused.group.clone(), (refused.roles.clone(), refused.why.clone()))
        };
        self.groups = conferred.refused.iter().map(group).collect();
        self.people = served.refused.clone();
    }
}
