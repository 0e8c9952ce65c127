//! The groups that live grants confer on this host, as a file that every process reads for itself: what lib/model says of a snapshot goes
//! into one map ([`jit_proto::map`]), written whole, before the view that it belongs to is published: whoever is let in has his groups.
//!
//! Must never leave a map in force that confers what has been taken away: where the next one cannot be written, the one before is
//! superseded all the same, and there is none.

pub mod content;
pub mod due;
pub mod encode;
pub mod grant;
pub mod lease;
pub mod local;
pub mod publish;
mod refusals;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use jit_model::assess::AssessedGrant;
use jit_model::confer::{Conferred, Local, confer};
use jit_model::name::{Login, SourceName};
use jit_model::serve::{KnownPerson, Served, serve};
use jit_model::snapshot::{Freshness, Snapshot};
use jit_model::time::Timestamp;

use crate::accounts::Accounts;
use crate::audit::Event;
use crate::audit::event::DiskState;
use crate::clock::{Moment, Now};
use crate::config::Config;
use crate::scribe::Scribe;

use due::{Said, Times, is_due};
use encode::{Content, Unwritable, encode};
use lease::Lease;
use local::Locals;
use publish::{PublishError, Publisher};
use refusals::Refusals;

/// Everything that what is conferred follows from, but for the time.
#[derive(Clone, Debug)]
pub struct Basis {
    /// What the host allows.
    pub config: Arc<Config>,
    /// How fresh the sources are.
    pub sources: BTreeMap<SourceName, Freshness>,
    /// Every grant.
    pub grants: Vec<Arc<AssessedGrant>>,
    /// Who may be shown as an account.
    pub people: BTreeMap<Login, KnownPerson>,
}

impl Basis {
    /// Whether it is the same; what only may be the same is not looked at closely.
    fn is(&self, other: &Basis) -> bool {
        Arc::ptr_eq(&self.config, &other.config)
            && self.grants.len() == other.grants.len()
            && self.grants.iter().zip(&other.grants).all(|(a, b)| Arc::ptr_eq(a, b))
            && self.sources == other.sources
            && self.people == other.people
    }
}

/// Why there is no map.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// What was conferred last, and what it followed from.
struct Latest {
    basis: Basis,
    local: Arc<Local>,
    /// Since then. What had ended by then is left out, and counts again if root sets the clock back before it.
    since: Timestamp,
    /// From then on it is less.
    until: Option<Timestamp>,
}

/// The map, and what goes into it.
pub struct Groups {
    publisher: Publisher,
    locals: Locals,
    scribe: Scribe,
    lease: Lease,
    latest: Option<Latest>,
    conferred: Arc<Conferred>,
    served: Arc<Served>,
    /// The rows of the next map.
    content: Content,
    /// Whether they are those of the map in force.
    said: Said,
    /// The times of the map in force, if this life of the daemon has written one.
    written: Option<Times>,
    refusals: Refusals,
    trouble: Option<String>,
}

impl Groups {
    /// With the map in this directory. Whatever lies there stays in force until the first one is written.
    pub fn new(directory: &Path, accounts: Accounts, scribe: Scribe) -> Groups {
        Groups {
            publisher: Publisher::within(directory),
            locals: Locals::new(accounts),
            scribe,
            lease: Lease::default(),
            latest: None,
            conferred: Arc::default(),
            served: Arc::default(),
            content: Content::default(),
            said: Said::Otherwise,
            written: None,
            refusals: Refusals::default(),
            trouble: None,
        }
    }

    /// What is conferred.
    pub fn conferred(&self) -> &Arc<Conferred> {
        &self.conferred
    }

    /// Who is shown as an account.
    pub fn served(&self) -> &Arc<Served> {
        &self.served
    }

    /// What is wrong with the map, if anything: a sentence.
    pub fn concern(&self) -> Option<&String> {
        self.trouble.as_ref()
    }

    /// Finds out what is conferred now. Costs little when nothing has changed.
    pub fn confer(&mut self, basis: Basis, now: Now) {
        // For the map, a source is as fresh as the lease says: not as fresh as at its last word, which may be a second ago.
        let basis = Basis { sources: self.lease.at(&basis.sources, now.login), ..basis };
        let local = self.locals.get();
        let same = |latest: &Latest| {
            Arc::ptr_eq(&latest.local, &local)
                && latest.since <= now.settled
                && latest.until.is_none_or(|until| now.settled < until)
                && latest.basis.is(&basis)
        };
        if self.latest.as_ref().is_some_and(same) {
            return;
        }
        let config = &basis.config;
        let snapshot = Snapshot::new(
            config.policy.clone(),
            basis.sources.clone(),
            basis.grants.clone(),
            Vec::new(),
            BTreeSet::new(),
        );
        // By the settled time: what a clock that runs ahead calls over may have to come back. Readers leave it out by themselves.
        let conferred = confer(&snapshot, &config.groups, &local, now.settled);
        let served = match &config.people {
            Some(rules) => serve(&basis.people, rules, &local, &conferred.groups),
            None => Served::default(),
        };
        self.refusals.tell(&conferred, &served, &self.scribe);
        let rows = content::rows(&conferred, &served);
        if rows.groups != self.content.groups || rows.people != self.content.people {
            self.said = Said::Otherwise;
            self.content = rows;
        }
        let until = content::first_end(&conferred, &served);
        self.latest = Some(Latest { basis, local, since: now.settled, until });
        if *self.conferred != conferred {
            self.conferred = Arc::new(conferred);
        }
        if *self.served != served {
            self.served = Arc::new(served);
        }
    }

    /// Writes the map, if what is in force is not what a new one would say. A failure is kept for [`Groups::concern`], and it is due
    /// again at once.
    pub fn write(&mut self, moment: Moment, now: Timestamp) {
        let times = Times {
            settled_ms: moment.settled_ms(),
            boot_ms: moment.boot_ms(),
            valid_until: self.lease.valid_until(now),
        };
        // One that somebody removed is none.
        let written = self.written.filter(|_| self.publisher.is_in_place());
        if !is_due(written, times, self.said, now) {
            return;
        }
        content::at(&mut self.content, times);
        let done = encode(&self.content)
            .map_err(Failure::from)
            .and_then(|bytes| Ok(self.publisher.publish(&bytes)?));
        match done {
            Ok(()) => {
                self.written = Some(times);
                self.said = Said::Already;
                if self.trouble.take().is_some() {
                    let text = "the group map can be written again";
                    self.scribe.note(Event::disk(self.publisher.path(), DiskState::Recovered, text));
                }
            }
            Err(failure) => {
                self.written = None;
                let trouble = self.withdraw(&failure);
                if self.trouble.is_none() {
                    self.scribe.note(Event::disk(self.publisher.path(), DiskState::Failing, &trouble));
                }
                self.trouble = Some(trouble);
            }
        }
    }

    /// What was taken away must not stay because the disk is full.
    fn withdraw(&self, failure: &Failure) -> String {
        let way = "free space or mend its directory, jitd tries again each second";
        match self.publisher.withdraw() {
            Ok(()) => format!(
                "the group map cannot be written, so nobody has a group by his grant: {failure}; {way}"
            ),
            Err(error) => format!(
                "the group map cannot be written, and the one before is still in force, with groups that may have been taken \
                 away: {failure}; {error}; {way}"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
