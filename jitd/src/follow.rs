//! From what the sources say to the view that answers are given from: decode, assess, learn, remember, publish. Runs on the
//! daemon's main thread, off the threads that answer. A source that is in trouble changes nothing but its own status, and
//! nothing that was once taken away comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jit_directory::decode::decode;
use jit_directory::entry::Entries;
use jit_directory::update::{Membership, Update, Word};
use jit_model::assess::{AssessedGrant, assess};
use jit_model::dn::Dn;
use jit_model::grant::EntryUuid;
use jit_model::learn::{held, learn};
use jit_model::name::{SourceName, UnixGroup};
use jit_model::people::Person;
use jit_model::snapshot::{Aside, Freshness, Snapshot};
use jit_model::source::Proof;
use jit_model::state::{State, state};
use jit_model::time::Timestamp;

use crate::audit::Event;
use crate::audit::event::{Fate, Health};
use crate::audit::grant::GrantRecord;
use crate::clock::Moment;
use crate::clock::system::SystemClock;
use crate::config::{Config, SourceConfig};
use crate::groups::grant::of_grant;
use crate::groups::{Basis, Groups};
use crate::ledger::Learned;
use crate::mode::Mode;
use crate::offers::Offers;
use crate::people::roll::Showing;
use crate::remember::Remembered;
use crate::scribe::Scribe;
use crate::signers::Signers;
use crate::view::{Current, SourceView, View};

mod look;
mod telling;

use telling::{Line, Telling};

/// What is known from one source.
#[derive(Default)]
struct Standing {
    /// The last whole set; none before the first.
    entries: Option<Arc<Entries>>,
    /// The grants in it.
    uuids: BTreeSet<EntryUuid>,
    /// What they mean.
    grants: Vec<Arc<AssessedGrant>>,
    /// Whom they are for.
    people: Arc<BTreeMap<Dn, Person>>,
    /// Which roles could be asked for.
    offers: Arc<Offers>,
    aside: Vec<Aside>,
    /// Whether approvals in it must be signed.
    signed: bool,
    heard: Option<Moment>,
    /// Whether the set is from this run of the daemon, and not recalled from disk.
    has_spoken: bool,
    trouble: Option<String>,
}

/// Follows the sources.
pub struct Follower {
    config: Arc<Config>,
    clock: Arc<SystemClock>,
    scribe: Scribe,
    current: Arc<Current>,
    sources: BTreeMap<SourceName, Standing>,
    servers: BTreeMap<SourceName, String>,
    remembered: Remembered,
    groups: Groups,
    signers: Signers,
    /// What is wrong with the configuration on disk, while another is in force.
    config_fault: Option<String>,
    /// What is wrong with the way in which the daemon was started; a sentence each.
    started: Vec<String>,
    noticed: look::Noticed,
}

impl Follower {
    /// Begins with a configuration and what was remembered: a host that comes up while its directory is down knows its grants.
    pub fn new(
        config: Arc<Config>,
        clock: Arc<SystemClock>,
        scribe: Scribe,
        remembered: Remembered,
        groups: Groups,
    ) -> Follower {
        let nothing =
            Snapshot::new(config.policy.clone(), BTreeMap::new(), Vec::new(), Vec::new(), BTreeSet::new());
        let view = View {
            config: Arc::clone(&config),
            snapshot: nothing,
            sources: BTreeMap::new(),
            people: BTreeMap::new(),
            offers: BTreeMap::new(),
            conferred: Arc::default(),
            served: Arc::default(),
            concerns: Vec::new(),
        };
        let signers = Signers::at(&config.signatures.allowed_signers);
        let mut follower = Follower {
            signers,
            config,
            clock,
            scribe,
            current: Arc::new(Current::new(view)),
            sources: BTreeMap::new(),
            servers: BTreeMap::new(),
            remembered,
            groups,
            config_fault: None,
            started: Vec::new(),
            noticed: look::Noticed::default(),
        };
        follower.introduce_signers();
        follower.recall();
        follower
    }

    /// The configuration in force.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config)
    }

    /// Which server each directory is followed at, for those that are.
    pub fn set_servers(&mut self, servers: BTreeMap<SourceName, String>) {
        if self.servers != servers {
            self.servers = servers;
            self.publish();
        }
    }

    /// One line for the service manager.
    pub fn summary(&self, mode: Mode) -> String {
        let now = self.clock.now().login;
        let grants = self.sources.values().flat_map(|standing| &standing.grants);
        let live = grants.filter(|grant| state(&grant.assessed, now) == State::Live).count();
        let ill = self.sources.values().filter(|standing| standing.trouble.is_some()).count();
        let trouble = if ill > 0 { format!(", {ill} sources in trouble") } else { String::new() };
        format!("{}, {live} live grants{trouble}", mode.as_str())
    }

    /// Where the view is published.
    pub fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current)
    }

    /// The last whole set of a source.
    pub fn entries(&self, source: &SourceName) -> Option<Arc<Entries>> {
        self.sources.get(source).and_then(|standing| standing.entries.clone())
    }

    /// Takes another configuration. What is known from sources that are still read in the same way stays.
    pub fn reconfigure(&mut self, config: Arc<Config>) {
        if self.config.signatures != config.signatures {
            self.signers = Signers::at(&config.signatures.allowed_signers);
            self.introduce_signers();
        }
        self.config = config;
        self.config_fault = None;
        self.sources.clear();
        self.recall();
    }

    /// The configuration on disk cannot be used.
    pub fn keep_configuration(&mut self, fault: String) {
        self.config_fault = Some(fault);
        self.publish();
    }

    /// Something is wrong with the way in which the daemon was started, and stays so while it runs.
    pub fn started_with(&mut self, concerns: Vec<String>) {
        self.started = concerns;
        self.publish();
    }

    /// Root said that the wall clock is right: what was settled may have gone back, and what was heard is as old as before.
    pub fn clock_accepted(&mut self) {
        self.remembered.restate(&self.clock);
        for standing in self.sources.values_mut() {
            standing.heard = standing.heard.map(|moment| self.clock.restate(&moment));
        }
        self.publish();
    }

    /// Waits a while for the disk.
    pub fn end(mut self) -> bool {
        if let Some(event) = self.noticed.mode.flush() {
            self.scribe.note(event);
        }
        self.remembered.settle(self.clock.moment(), crate::disk::saver::Urgency::Now);
        self.remembered.flush()
    }

    /// Begins each source with what is remembered of it. What another configuration had is forgotten: a file that was taken
    /// out of it must not come back years later with the grants that it had, for a file is never stale.
    fn recall(&mut self) {
        let config = Arc::clone(&self.config);
        self.remembered.retain(|name| config.sources.contains_key(name));
        for (name, source) in &config.sources {
            let kept = self.remembered.last(name, source.fingerprint(&config.policy.host)).cloned();
            let mut standing = Standing::default();
            if let Some(kept) = kept {
                standing.heard = Some(kept.heard);
                standing.entries = Some(kept.entries);
                self.understand(name, source, &mut standing);
            }
            self.sources.insert(name.clone(), standing);
        }
        // As they were when there was last word, so that what changed since is noticed.
        let settled = self.clock.now().settled;
        let grants = self.sources.values().flat_map(|standing| {
            let then = standing.heard.map_or(settled, |heard| heard.settled());
            standing.grants.iter().map(move |grant| (grant, then))
        });
        self.noticed.know(grants);
        self.publish();
    }

    /// Takes a word from a source.
    pub fn hear(&mut self, Update { source: name, word }: Update) {
        let config = Arc::clone(&self.config);
        let Some(source) = config.sources.get(&name) else { return };
        let mut standing = self.sources.remove(&name).unwrap_or_default();
        match word {
            Word::Whole { entries, membership, directory_time } => {
                standing.has_spoken = true;
                match membership {
                    Membership::Read => self.word(&name, &mut standing, directory_time),
                    Membership::Kept => self.witness(directory_time),
                }
                if standing.entries.as_ref() != Some(&entries) {
                    let fingerprint = source.fingerprint(&config.policy.host);
                    standing.entries = Some(Arc::clone(&entries));
                    // The ledger first: a set on disk in which a grant is missing, without the memory that it was there,
                    // would let a lagging replica bring it back after a crash.
                    self.understand(&name, source, &mut standing);
                    if let Some(heard) = standing.heard {
                        self.remembered.keep(&name, fingerprint, heard, entries);
                    }
                } else if let Some(heard) = standing.heard {
                    self.remembered.heard(&name, heard);
                }
            }
            Word::Alive { directory_time } => {
                self.word(&name, &mut standing, directory_time);
                self.remembered.heard(&name, self.clock.moment());
            }
            Word::Trouble { why } => {
                if standing.trouble.as_ref() != Some(&why) {
                    self.scribe.note(Event::source(&name, Health::Trouble, &why));
                }
                standing.trouble = Some(why);
            }
        }
        self.sources.insert(name, standing);
        self.confer();
        self.notice_grants();
        self.show();
    }

    /// There was word from a source.
    fn word(&self, name: &SourceName, standing: &mut Standing, directory_time: Option<Timestamp>) {
        self.witness(directory_time);
        standing.heard = Some(self.clock.moment());
        if standing.trouble.take().is_some() {
            self.scribe.note(Event::source(name, Health::Recovered, "there is word from it again"));
        }
    }

    /// A directory's clock has reached this time.
    fn witness(&self, directory_time: Option<Timestamp>) {
        if let Some(at) = directory_time {
            self.clock.witness(at);
        }
    }

    /// Says in the audit whose keys may sign from here on.
    fn introduce_signers(&self) {
        if let Some(change) = self.signers.introduction() {
            self.scribe.note(change.into());
        }
    }

    /// Looks at the list of signers; whether there is another one in force. Everything that was signed is judged anew by it.
    fn look_at_signers(&mut self) -> bool {
        let Some(change) = self.signers.look() else { return false };
        self.scribe.note(change.into());
        let config = Arc::clone(&self.config);
        for (name, source) in &config.sources {
            let Some(mut standing) = self.sources.remove(name) else { continue };
            self.understand(name, source, &mut standing);
            self.sources.insert(name.clone(), standing);
        }
        true
    }

    /// Makes sense of a source's entries, and learns from them.
    fn understand(&mut self, name: &SourceName, config: &SourceConfig, standing: &mut Standing) {
        let Some(entries) = &standing.entries else { return };
        let settled = self.clock.now().settled;
        let mut source = decode(entries, &config.bases, &config.reading);
        self.signers.check(&mut source);
        standing.signed = source.needs_signatures();
        let assessed = assess(&source, &self.config.policy.host, self.remembered.memory());
        let memory = learn(self.remembered.memory(), &standing.uuids, &source, &assessed);
        let learned = self.remembered.learn(memory, &assessed, settled);
        self.remembered.hold(held(&assessed, settled), settled);

        self.tell_removals(name, &learned, &standing.grants);
        let aside = Aside::of(&source);
        // By DN: who may write entries may write very many that cannot be used.
        let mut before: BTreeMap<&Dn, Vec<&Aside>> = BTreeMap::new();
        for aside in &standing.aside {
            before.entry(&aside.entry.dn).or_default().push(aside);
        }
        let is_known = |now: &&Aside| before.get(&now.entry.dn).is_some_and(|before| before.contains(now));
        let new = aside.iter().filter(|now| !is_known(now));
        new.take(telling::MOST).for_each(|now| self.scribe.note(Event::set_aside(name, &now.entry)));
        standing.uuids = source.grant_uuids();
        standing.aside = aside;
        // Each of them once: many grants may be for the same thousand.
        let named: BTreeSet<&Dn> = assessed.iter().flat_map(|grant| grant.logins.values()).collect();
        let people = named.into_iter().filter_map(|dn| Some((dn.clone(), source.people.person(dn)?.clone())));
        standing.people = Arc::new(people.collect());
        standing.offers = Arc::new(Offers::of(&source, &self.config.policy.host));
        standing.grants = assessed.into_iter().map(Arc::new).collect();
    }

    fn tell_removals(&self, name: &SourceName, learned: &Learned, before: &[Arc<AssessedGrant>]) {
        for (uuid, revocation) in learned.revoked.iter().take(telling::MOST) {
            self.scribe.note(Event::revocation(name, *uuid, revocation));
        }
        let before: BTreeMap<EntryUuid, &AssessedGrant> =
            before.iter().map(|grant| (grant.grant.uuid, grant.as_ref())).collect();
        let now = self.clock.now().login;
        let mut telling = Telling::default();
        for uuid in &learned.deleted {
            let was = before.get(uuid).copied();
            let groups = was.map(|was| self.groups_of(was)).unwrap_or_default();
            let live = was.is_some_and(|was| state(&was.assessed, now) == State::Live);
            let conferred = if live { groups.clone() } else { BTreeSet::new() };
            if telling.take(Fate::Deleted, was, &conferred) == Line::Own {
                let was = was.map(|was| GrantRecord::conferring(was, &groups));
                self.scribe.note(Event::deletion(name, *uuid, was));
            }
        }
        telling.rest().for_each(|event| self.scribe.note(event));
    }

    /// Tells which grants are in another state than when last looked at, or confer other groups or on others.
    fn notice_grants(&mut self) -> Vec<State> {
        let now = self.clock.now().login;
        let grants = self.sources.values().flat_map(|standing| &standing.grants);
        let (rules, conferred) = (&self.config.groups, self.groups.conferred());
        let grants = grants.map(|grant| (grant, of_grant(grant, rules, conferred).conferred));
        let changed = self.noticed.changes(grants, now);
        let states = changed.iter().map(|changed| changed.state).collect();
        let mut telling = Telling::default();
        for look::Changed { state, grant, groups, while_live } in changed {
            if telling.take(state.into(), Some(&grant), &while_live) == Line::Own {
                let grant = Box::new(GrantRecord::conferring(&grant, &groups));
                self.scribe.note(Event::Grant { state, grant });
            }
        }
        telling.rest().for_each(|event| self.scribe.note(event));
        states
    }

    /// The groups that a grant confers here while it is live.
    fn groups_of(&self, grant: &AssessedGrant) -> BTreeSet<UnixGroup> {
        of_grant(grant, &self.config.groups, self.groups.conferred()).conferred
    }

    /// Finds out what is conferred now.
    fn confer(&mut self) {
        let now = self.clock.now();
        let grants: Vec<_> =
            self.sources.values().flat_map(|standing| standing.grants.iter().cloned()).collect();
        let config = Arc::clone(&self.config);
        let people = config.people.as_ref().map(|rules| {
            let (people, recalled) = (self.people(), self.recalled().cloned().collect());
            let showing = Showing { grants: &grants, people: &people, recalled: &recalled };
            self.remembered.known(&showing, rules.linger, now.settled)
        });
        let basis = Basis { config, sources: self.freshness(), grants, people: people.unwrap_or_default() };
        self.groups.confer(basis, now);
    }

    /// The people of the grants.
    fn people(&self) -> BTreeMap<SourceName, Arc<BTreeMap<Dn, Person>>> {
        self.sources.iter().map(|(name, of)| (name.clone(), Arc::clone(&of.people))).collect()
    }

    /// The roles that could be asked for.
    fn offers(&self) -> BTreeMap<SourceName, Arc<Offers>> {
        self.sources.iter().map(|(name, of)| (name.clone(), Arc::clone(&of.offers))).collect()
    }

    /// The sources whose set is from disk.
    fn recalled(&self) -> impl Iterator<Item = &SourceName> {
        self.sources.iter().filter(|(_, standing)| !standing.has_spoken).map(|(name, _)| name)
    }

    fn freshness(&self) -> BTreeMap<SourceName, Freshness> {
        let freshness = |(name, config): (&SourceName, &SourceConfig)| {
            let heard = self.sources.get(name).and_then(|standing| standing.heard);
            let heard = heard.map(|moment| self.clock.login_time_of(&moment));
            (name.clone(), Freshness { heard, max_offline: config.max_offline() })
        };
        self.config.sources.iter().map(freshness).collect()
    }

    fn concerns(&self) -> Vec<String> {
        let map = self.groups.concern().map(str::to_owned);
        let configured = self.config.sources.values().any(|source| source.reading.proof == Proof::Signature);
        let signed = configured || self.sources.values().any(|standing| standing.signed);
        let signers = signed.then(|| self.signers.concern()).flatten();
        self.config_fault
            .iter()
            .chain(&self.started)
            .cloned()
            .chain(self.remembered.concerns())
            .chain(map)
            .chain(signers)
            .collect()
    }

    /// Finds out what is conferred now, and puts what is known before those who answer.
    fn publish(&mut self) {
        self.confer();
        self.show();
    }

    /// Puts what is known before those who answer, with what was last found to be conferred; before them the map, so that whoever is let
    /// in has his groups.
    fn show(&mut self) {
        self.groups.write(self.clock.moment(), self.clock.now().login);
        let shown = |(name, standing): (&SourceName, &Standing)| {
            let entries = standing.entries.as_ref().map_or(0, |entries| entries.access.len());
            let server = self.servers.get(name).cloned();
            (name.clone(), SourceView { trouble: standing.trouble.clone(), server, entries })
        };
        let view = View {
            config: Arc::clone(&self.config),
            snapshot: Snapshot::new(
                self.config.policy.clone(),
                self.freshness(),
                self.sources.values().flat_map(|standing| standing.grants.iter().cloned()).collect(),
                self.sources.values().flat_map(|standing| standing.aside.iter().cloned()).collect(),
                self.remembered.lately(self.clock.now().settled),
            )
            .recalled(self.recalled().cloned()),
            sources: self.sources.iter().map(shown).collect(),
            people: self.people(),
            offers: self.offers(),
            conferred: Arc::clone(self.groups.conferred()),
            served: Arc::clone(self.groups.served()),
            concerns: self.concerns(),
        };
        self.current.put(view);
    }
}

#[cfg(test)]
mod tests;
