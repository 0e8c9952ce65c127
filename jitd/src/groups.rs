//! The groups that live grants confer on this host, as a file that every process reads for itself: what lib/model says of a snapshot goes
//! into one map ([`jit_proto::map`]), written whole, before the view that it belongs to is published: whoever is let in has his groups.
//!
//! Must never leave a map in force that confers what has been taken away: where the next one cannot be written, the one before is
//! superseded all the same, and there is none. But it stays if everything that it says still holds ([`content::still_holds`]).

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

impl Failure {
    /// As everybody may read it, so it names nobody.
    fn in_public(&self) -> String {
        match self {
            Failure::Unwritable(Unwritable::Text(_) | Unwritable::Number(_)) => {
                "a name or a number of a directory does not fit into it, and the audit says which".to_owned()
            }
            Failure::Unwritable(Unwritable::TooLarge) | Failure::Publish(_) => self.to_string(),
        }
    }
}

/// What is in force while the next map cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// The one before, for nothing that it says was taken away.
    Before,
    /// None.
    None,
    /// Something that may say what was taken away.
    Stale,
}

/// That no map can be written.
struct Trouble {
    left: Left,
    /// A sentence for everybody.
    text: String,
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
    content: Arc<Content>,
    /// Whether they are those of the map in force.
    said: Said,
    /// What the map in force was written from, if this life of the daemon has written it.
    in_force: Option<Arc<Content>>,
    refusals: Refusals,
    trouble: Option<Trouble>,
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
            content: Arc::default(),
            said: Said::Otherwise,
            in_force: None,
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
    pub fn concern(&self) -> Option<&str> {
        let unread = self.latest.as_ref().is_some_and(|latest| !is_read(&latest.local));
        let unread = unread.then_some(
            "/etc/passwd or /etc/group cannot be read, so nobody has a group by his grant, nor an account: let jitd read them",
        );
        self.trouble.as_ref().map(|trouble| trouble.text.as_str()).or(unread)
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
        let (mut conferred, mut served) = (Conferred::default(), Served::default());
        if is_read(&local) {
            // By the settled time: what a clock that runs ahead calls over may have to come back. Readers leave it out by themselves.
            conferred = confer(&snapshot, &config.groups, &local, now.settled);
            if let Some(rules) = &config.people {
                served = serve(&basis.people, rules, &local, &conferred.groups);
            }
        }
        self.refusals.tell(&conferred, &served, &self.scribe);
        let rows = content::rows(&conferred, &served);
        if rows.groups != self.content.groups || rows.people != self.content.people {
            self.said = Said::Otherwise;
            self.content = Arc::new(rows);
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
        // One that somebody removed or changed is none.
        if self.in_force.is_some() && !self.publisher.is_in_force() {
            self.in_force = None;
        }
        let written = self.in_force.as_deref().map(content::times);
        if self.trouble.is_none() && !is_due(written, times, self.said, now) {
            return;
        }
        content::at(Arc::make_mut(&mut self.content), times);
        let done = encode(&self.content)
            .map_err(Failure::from)
            .and_then(|bytes| Ok(self.publisher.publish(&bytes)?));
        match done {
            Ok(strange) => {
                self.in_force = Some(Arc::clone(&self.content));
                self.said = Said::Already;
                if let Some(whose) = strange {
                    let text = format!(
                        "the group map there was uid {whose}'s and not jitd's, and was replaced; a process that has read it goes by it \
                         until its memberships end: start anew what did"
                    );
                    self.scribe.note(Event::disk(self.publisher.path(), DiskState::SetAside, text));
                }
                if self.trouble.take().is_some() {
                    let text = "the group map can be written again";
                    self.scribe.note(Event::disk(self.publisher.path(), DiskState::Recovered, text));
                }
            }
            Err(failure) => self.fail(&failure),
        }
    }

    /// What was taken away must not stay because the disk is full; nor need anybody lose what he has for it.
    fn fail(&mut self, failure: &Failure) {
        let in_force = self.in_force.as_deref().filter(|_| self.publisher.is_in_force());
        let (left, why_not) = if in_force.is_some_and(|old| content::still_holds(old, &self.content)) {
            (Left::Before, None)
        } else {
            self.in_force = None;
            self.said = Said::Otherwise;
            match self.publisher.withdraw() {
                Ok(()) => (Left::None, None),
                Err(error) => (Left::Stale, Some(error)),
            }
        };
        let so = match left {
            Left::Before => {
                "the one before stays in force, as nothing that it says was taken away; what is new has to wait"
            }
            Left::None => "nobody has a group by his grant",
            Left::Stale => "the one before is still in force, with groups that may have been taken away",
        };
        let why_not = why_not.map_or_else(String::new, |error| format!("; {error}"));
        let words = |failure: &dyn std::fmt::Display| {
            format!(
                "the group map cannot be written, so {so}: {failure}{why_not}; free space or mend its directory, jitd tries again \
                 each second"
            )
        };
        if self.trouble.as_ref().is_none_or(|trouble| trouble.left != left) {
            self.scribe.note(Event::disk(self.publisher.path(), DiskState::Failing, words(failure)));
        }
        self.trouble = Some(Trouble { left, text: words(&failure.in_public()) });
    }
}

/// Whether both files were read: each has a line for root, at least. Where one was not, nothing tells whose a number is, or who is root.
fn is_read(local: &Local) -> bool {
    !local.users.is_empty() && !local.groups.is_empty()
}

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
