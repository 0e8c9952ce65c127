//! What happens without anybody's telling: grants begin and end, sources fall silent, the clock and the mode change, disks fail.
//! Noticed by a look every second, and written down.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;
use std::path::Path;
use std::sync::Arc;

use jit_model::assess::AssessedGrant;
use jit_model::grant::EntryUuid;
use jit_model::name::{SourceName, UnixGroup};
use jit_model::snapshot::Silence;
use jit_model::state::{State, state};
use jit_model::time::{Span, Timestamp};

use super::Follower;
use super::telling::while_live;
use crate::audit::Event;
use crate::audit::event::{DiskState, Health};
use crate::clock::Concern;
use crate::disk::saver::Urgency;
use crate::ledger::Shown;
use crate::mode::Seen;
use crate::mode::notice::{By, Notice};

/// How often the settled time is kept without another reason.
const SETTLE: Span = Span(60);

/// How often what need not be remembered is forgotten.
const PRUNE: Span = Span(3600);

/// How far a source's last word may seem to move before the view is made anew: the login time jumped.
const MOVED: Span = Span(2);

/// What was noticed at the last look.
#[derive(Default)]
pub(super) struct Noticed {
    states: BTreeMap<EntryUuid, Known>,
    stale: BTreeSet<SourceName>,
    concern: Option<Concern>,
    pub(super) mode: Notice,
    settled: Regular,
    pruned: Regular,
}

/// How a grant was when last looked at.
struct Known {
    state: State,
    grant: Arc<AssessedGrant>,
    /// What it conferred; none before it was found out.
    groups: Option<BTreeSet<UnixGroup>>,
}

impl Known {
    /// Whether it conferred what it confers now, on whom it does.
    fn confers(&self, grant: &AssessedGrant, groups: &BTreeSet<UnixGroup>) -> bool {
        match &self.groups {
            Some(before) if groups.is_empty() => before.is_empty(),
            Some(before) => before == groups && self.grant.logins == grant.logins,
            // Nothing can have changed where the role names none.
            None => grant.role.as_ref().is_none_or(|role| role.local_groups.is_empty()),
        }
    }
}

/// A grant that is not as it was.
pub(super) struct Changed {
    pub(super) state: State,
    pub(super) grant: Arc<AssessedGrant>,
    /// What it confers while it is live.
    pub(super) groups: BTreeSet<UnixGroup>,
    /// What it confers now that it is live or scheduled, or conferred while it was.
    pub(super) while_live: BTreeSet<UnixGroup>,
}

/// Something that is done every now and then.
#[derive(Default)]
struct Regular(Option<Timestamp>);

impl Regular {
    fn due(&mut self, now: Timestamp, every: Span) -> bool {
        // Also when the settled time went back, by root's word.
        let due = self.0.is_none_or(|last| now.since(last) >= every || now < last);
        if due {
            self.0 = Some(now);
        }
        due
    }
}

impl Noticed {
    /// Takes the states of grants at a time as known, and no others. What they conferred is known of those that were known before.
    pub(super) fn know<'g>(&mut self, grants: impl Iterator<Item = (&'g Arc<AssessedGrant>, Timestamp)>) {
        let mut before = std::mem::take(&mut self.states);
        self.states = grants
            .map(|(grant, at)| {
                let groups = before.remove(&grant.grant.uuid).and_then(|known| known.groups);
                let state = state(&grant.assessed, at);
                (grant.grant.uuid, Known { state, grant: Arc::clone(grant), groups })
            })
            .collect();
    }

    /// The grants that are in another state now than when last looked at, and the live and scheduled ones that confer other groups, or on
    /// others: a scheduled one begins by the map alone, should the daemon be dead then. Those that are gone are forgotten.
    pub(super) fn changes<'g>(
        &mut self,
        grants: impl Iterator<Item = (&'g Arc<AssessedGrant>, BTreeSet<UnixGroup>)>,
        now: Timestamp,
    ) -> Vec<Changed> {
        let mut states = BTreeMap::new();
        let mut changed = Vec::new();
        for (grant, groups) in grants {
            let uuid = grant.grant.uuid;
            let state = state(&grant.assessed, now);
            let known = self.states.get(&uuid);
            let as_before = known.is_some_and(|known| {
                let in_map = matches!(state, State::Live | State::Scheduled);
                known.state == state && (!in_map || known.confers(grant, &groups))
            });
            if !as_before {
                let before = known.map(|known| (known.state, known.groups.as_ref()));
                let while_live = while_live(before, state, &groups);
                changed.push(Changed { state, grant: Arc::clone(grant), groups: groups.clone(), while_live });
            }
            states.insert(uuid, Known { state, grant: Arc::clone(grant), groups: Some(groups) });
        }
        self.states = states;
        changed
    }
}

impl Follower {
    /// Looks around; to be called about every second. `seen` is the enforcing file as it is now.
    pub fn look(&mut self, seen: &Seen) {
        let now = self.clock.now();
        self.notice_mode(seen);
        self.notice_clock(now.concern);
        let judged_anew = self.look_at_signers();
        self.confer();
        let changed = self.notice_grants();
        self.notice_silence(now.login);

        if changed.contains(&State::Expired) {
            // What was seen to end stays ended, whatever happens to the clock.
            self.remembered.settle(self.clock.moment(), Urgency::Now);
        } else if self.noticed.settled.due(now.settled, SETTLE) {
            self.remembered.settle(self.clock.moment(), Urgency::Lazy);
        }
        let live = self.sources.values().flat_map(|standing| &standing.grants).map(Arc::as_ref);
        let held = jit_model::learn::held(live, now.settled);
        self.remembered.hold(held, now.settled);
        if self.noticed.pruned.due(now.settled, PRUNE) {
            let shown = self.sources.values().flat_map(|standing| standing.uuids.iter().copied()).collect();
            let shown = match self.sources.values().all(|standing| standing.entries.is_some()) {
                true => Shown::Whole(&shown),
                false => Shown::Partly(&shown),
            };
            let forgotten = self.remembered.prune(shown, now.settled);
            if forgotten.early > 0 {
                let text = format!(
                    "the ledger is full: {} removals or logins were forgotten early, those that matter least long",
                    forgotten.early
                );
                self.scribe.note(Event::disk(Path::new("ledger"), DiskState::Full, text));
            }
        }
        self.groups.write(self.clock.moment(), now.login);
        if judged_anew || !changed.is_empty() || self.is_behind() {
            self.show();
        }
    }

    /// Whether the published view says something that no longer holds.
    fn is_behind(&self) -> bool {
        let view = self.current.get();
        let published = view.snapshot.sources();
        let moved = self.freshness().iter().any(|(name, now)| {
            let heard = |freshness: &jit_model::snapshot::Freshness| freshness.heard;
            match (published.get(name).and_then(heard), now.heard) {
                (Some(a), Some(b)) => a.since(b).max(b.since(a)) > MOVED,
                (a, b) => a != b,
            }
        });
        let another = !Arc::ptr_eq(&view.conferred, self.groups.conferred())
            || !Arc::ptr_eq(&view.served, self.groups.served());
        moved || another || view.concerns != self.concerns()
    }

    /// Notices a change of the mode; to be called before anything is written into the audit, which names the mode.
    pub fn notice_mode(&mut self, seen: &Seen) {
        let now = self.clock.now().login;
        let events = self.noticed.mode.look(seen, self.scribe.mode(), now);
        self.scribe.set_mode(seen.mode(now));
        for event in events {
            self.scribe.note(event);
        }
    }

    /// Somebody says that the change of the mode was his.
    pub fn mode_was_set(&mut self, seen: &Seen, by: By) {
        self.notice_mode(seen);
        if let Some(event) = self.noticed.mode.told(by) {
            self.scribe.note(event);
        }
    }

    fn notice_clock(&mut self, concern: Option<Concern>) {
        if self.noticed.concern.as_ref().map(discriminant) != concern.as_ref().map(discriminant) {
            self.scribe.note(Event::clock(concern));
        }
        self.noticed.concern = concern;
    }

    fn notice_silence(&mut self, now: Timestamp) {
        let freshness = self.freshness();
        for (name, fresh) in &freshness {
            match fresh.silence(now) {
                Silence::Fresh => {
                    self.noticed.stale.remove(name);
                }
                Silence::Stale(span) => {
                    if self.noticed.stale.insert(name.clone()) {
                        let text = format!("no word for {span}: its grants no longer count");
                        self.scribe.note(Event::source(name, Health::Stale, text));
                    }
                }
                // Said as trouble by the source itself.
                Silence::NeverHeard => {}
            }
        }
        self.noticed.stale.retain(|name| freshness.contains_key(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::testing::{NOW, grant};

    /// Who was in a group must be known also of a time at which the daemon was dead: the map alone lets a scheduled grant begin.
    #[test]
    fn what_a_grant_confers_is_told_before_it_begins_and_when_it_changes() {
        let dba = BTreeSet::from([UnixGroup::new("jit-dba").unwrap()]);
        let nothing = BTreeSet::new();
        let grant = grant(1, 500);
        for (at, state) in [(NOW - 100, State::Scheduled), (NOW, State::Live), (NOW + 500, State::Expired)] {
            let mut noticed = Noticed::default();
            let mut told = |groups: &BTreeSet<UnixGroup>| {
                let changed = noticed.changes([(&grant, groups.clone())].into_iter(), Timestamp(at));
                changed.into_iter().map(|changed| (changed.state, changed.groups)).collect::<Vec<_>>()
            };
            assert_eq!(told(&nothing), [(state, nothing.clone())]);
            let again = if state == State::Expired { Vec::new() } else { vec![(state, dba.clone())] };
            assert_eq!(told(&dba), again, "the configuration allows it now");
            assert_eq!(told(&dba), []);
        }
    }
}
