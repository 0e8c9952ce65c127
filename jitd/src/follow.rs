//! From what the sources say to the view that answers are given from: decode, assess, learn, remember, publish. Runs on the
//! daemon's main thread, off the threads that answer. A source that is in trouble changes nothing but its own status, and
//! nothing that was once taken away comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jit_directory::decode::decode;
use jit_directory::entry::Entries;
use jit_directory::update::{Update, Word};
use jit_model::assess::{AssessedGrant, Memory, assess};
use jit_model::grant::EntryUuid;
use jit_model::learn::{held, learn};
use jit_model::name::{Login, SourceName};
use jit_model::snapshot::{Aside, Freshness, Snapshot};

use crate::clock::Moment;
use crate::clock::system::SystemClock;
use crate::config::{Config, SourceConfig};
use crate::view::{Current, SourceView, View};

/// What is known from one source.
#[derive(Debug, Default)]
struct Standing {
    /// The last whole set.
    entries: Arc<Entries>,
    /// The grants in it.
    uuids: BTreeSet<EntryUuid>,
    /// What they mean.
    grants: Vec<Arc<AssessedGrant>>,
    aside: Vec<Aside>,
    heard: Option<Moment>,
    trouble: Option<String>,
}

/// Follows the sources.
pub struct Follower {
    config: Arc<Config>,
    clock: Arc<SystemClock>,
    current: Arc<Current>,
    sources: BTreeMap<SourceName, Standing>,
    memory: Memory,
    known: BTreeSet<Login>,
    concerns: Vec<String>,
}

impl Follower {
    /// Begins with a configuration and nothing known.
    pub fn new(config: Arc<Config>, clock: Arc<SystemClock>) -> Follower {
        let view = View {
            config: Arc::clone(&config),
            snapshot: Snapshot::new(
                config.policy.clone(),
                BTreeMap::new(),
                Vec::new(),
                Vec::new(),
                BTreeSet::new(),
            ),
            sources: BTreeMap::new(),
            concerns: Vec::new(),
        };
        let sources = config.sources.keys().map(|name| (name.clone(), Standing::default())).collect();
        let follower = Follower {
            config,
            clock,
            current: Arc::new(Current::new(view)),
            sources,
            memory: Memory::default(),
            known: BTreeSet::new(),
            concerns: Vec::new(),
        };
        follower.publish();
        follower
    }

    /// Where the view is published.
    pub fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current)
    }

    /// Takes a word from a source.
    pub fn hear(&mut self, update: Update) {
        let Some(config) = self.config.sources.get(&update.source) else { return };
        let standing = self.sources.entry(update.source.clone()).or_default();
        match update.word {
            Word::Whole { entries, directory_time } => {
                if let Some(at) = directory_time {
                    self.clock.witness(at);
                }
                standing.heard = Some(self.clock.moment());
                standing.trouble = None;
                standing.entries = entries;
                let learned = understand(standing, config, &self.config, &self.memory);
                self.memory = learned;
                self.known.extend(held(standing.grants.iter().map(Arc::as_ref), self.clock.now().settled));
            }
            Word::Alive { directory_time } => {
                if let Some(at) = directory_time {
                    self.clock.witness(at);
                }
                standing.heard = Some(self.clock.moment());
                standing.trouble = None;
            }
            Word::Trouble { why } => standing.trouble = Some(why),
        }
        self.publish();
    }

    /// Puts what is known before those who answer.
    fn publish(&self) {
        let freshness = |(name, config): (&SourceName, &SourceConfig)| {
            let heard = self.sources.get(name).and_then(|standing| standing.heard);
            let heard = heard.map(|moment| self.clock.login_time_of(&moment));
            (name.clone(), Freshness { heard, max_offline: config.max_offline() })
        };
        let shown = |(name, standing): (&SourceName, &Standing)| {
            let entries = standing.entries.access.len();
            (name.clone(), SourceView { trouble: standing.trouble.clone(), entries })
        };
        let view = View {
            config: Arc::clone(&self.config),
            snapshot: Snapshot::new(
                self.config.policy.clone(),
                self.config.sources.iter().map(freshness).collect(),
                self.sources.values().flat_map(|standing| standing.grants.iter().cloned()).collect(),
                self.sources.values().flat_map(|standing| standing.aside.iter().cloned()).collect(),
                self.known.clone(),
            ),
            sources: self.sources.iter().map(shown).collect(),
            concerns: self.concerns.clone(),
        };
        self.current.put(view);
    }
}

/// Makes sense of a source's entries, and says what is to be remembered from now on.
fn understand(standing: &mut Standing, config: &SourceConfig, whole: &Config, memory: &Memory) -> Memory {
    let source = decode(&standing.entries, &config.bases, &config.reading);
    let assessed = assess(&source, &whole.policy.host, memory);
    let learned = learn(memory, &standing.uuids, &source, &assessed);
    standing.uuids = source.grant_uuids();
    standing.aside = Aside::of(&source);
    standing.grants = assessed.into_iter().map(Arc::new).collect();
    learned
}
