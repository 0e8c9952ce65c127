//! The little that must be remembered whatever a directory shows later: revocations seen, grants that are gone, since when
//! a duration counts, who held a grant here lately, and the settled time.
//!
//! What is learned counts at once, in memory, and is written at once; nobody waits for the disk, and if it fails, memory goes
//! on counting and the write is tried again. Between the two lie milliseconds, and a crash in them forgets only what the
//! directory itself still shows, unless somebody takes it away there in the same moment.
//!
//! Each memory is kept until the grant could not be live any more, plus a margin, by the settled time: a wall clock that
//! jumps to 2038 and back prunes nothing. Nothing is forgotten while its grant is still shown by a source.
//!
//! **A damaged ledger** is set aside and the daemon begins an empty one. Then a revocation holds only as long as its entry is in the
//! directory, and a deleted grant stays away only if no replica shows it again; durations count from the approvals that
//! are there. That is what every host without this ledger would do, and it is reported as loudly as can be, because whoever can
//! damage this file could also have meant to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jit_model::assess::{AssessedGrant, Memory};
use jit_model::dn::Dn;
use jit_model::grant::{EntryUuid, Revocation};
use jit_model::name::Login;
use jit_model::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::disk::saver::Urgency;
use crate::disk::{self, Damage, Found, Kind, SetAside};

/// The file's kind. A change of [`Record`] must raise the version, and then the old one must still be read: a ledger that is
/// set aside forgets.
pub const KIND: Kind = Kind { magic: *b"jitledgr", version: 1, max: 64 << 20 };

/// How long a memory is kept beyond the known end of its grant.
const MARGIN: Span = Span(7 * 86_400);
/// How long a memory is kept, from when its grant was last shown, if the end is not known (it lacked approvals).
const UNKNOWN_END: Span = Span(90 * 86_400);
/// How long somebody counts as having lately held a grant.
pub const LATELY: Span = Span(30 * 86_400);
/// How closely that is remembered, so that a live grant does not cost a write a minute.
const GRAIN: Span = Span(86_400);
/// The most grants that no source shows any more and are still remembered, and the most logins. Past it, what would have
/// ended first is forgotten early, and that is reported.
const MOST: usize = 65_536;

/// The grants that the sources show now.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// All that any source shows.
    Whole(&'a BTreeSet<EntryUuid>),
    /// A source has shown no set yet, neither in this run nor from disk: what is not among these may be shown all the same.
    Partly(&'a BTreeSet<EntryUuid>),
}

/// What this host remembers. A plain value; [`disk::saver::Saver`] brings it to disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    memory: Memory,
    /// For each grant that is shown or remembered: from when on it need not be remembered.
    over: BTreeMap<EntryUuid, Timestamp>,
    /// When somebody last held a grant.
    held: BTreeMap<Login, Timestamp>,
    ratchet: Option<Moment>,
}

/// What was new in a whole set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Revocations seen for the first time.
    pub revoked: Vec<(EntryUuid, Revocation)>,
    /// Grants that were shown and are gone.
    pub deleted: Vec<EntryUuid>,
    /// Whether anything else is new.
    pub otherwise: bool,
}

impl Learned {
    /// How soon it must be on disk; `None` if there is nothing new.
    pub fn urgency(&self) -> Option<Urgency> {
        let new = self.otherwise || !self.revoked.is_empty() || !self.deleted.is_empty();
        new.then_some(Urgency::Now)
    }
}

/// What was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Memories whose time had come.
    pub over: usize,
    /// Memories that should have been kept, but there were too many: a fault to report.
    pub early: usize,
}

impl Ledger {
    /// Reads the ledger. A damaged one is set aside and counts as none; see the module's text for what that means.
    pub fn open(path: &Path) -> (Ledger, Option<SetAside>) {
        let found: Found<Ledger> = disk::read(path, KIND).decode(path, |payload| Ledger::decode(&payload));
        let (ledger, aside) = found.split();
        (ledger.unwrap_or_default(), aside)
    }

    /// What is remembered about grants: the input of [`jit_model::assess::assess`].
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Takes what [`jit_model::learn::learn`] made of this ledger's memory and a whole set of a source. `assessed` is what that
    /// set came to; `now` is the settled time.
    #[must_use]
    pub fn learn<'a>(
        &mut self,
        learned: Memory,
        assessed: impl IntoIterator<Item = &'a AssessedGrant>,
        now: Timestamp,
    ) -> Learned {
        let ends = assessed.into_iter().map(|grant| (grant.grant.uuid, jit_model::learn::over(grant)));
        self.note(learned, ends, now)
    }

    fn note(
        &mut self,
        learned: Memory,
        ends: impl Iterator<Item = (EntryUuid, Option<Timestamp>)>,
        now: Timestamp,
    ) -> Learned {
        let old = std::mem::replace(&mut self.memory, learned);
        for (uuid, end) in ends {
            let keep = end.map_or(now.plus(UNKNOWN_END), |end| end.plus(MARGIN));
            let over = self.over.entry(uuid).or_insert(keep);
            *over = keep.max(*over);
        }
        for uuid in remembered(&self.memory) {
            self.over.entry(uuid).or_insert(now.plus(UNKNOWN_END));
        }
        let new = &self.memory;
        let revoked = new.revoked.iter().filter(|(uuid, _)| !old.revoked.contains_key(uuid));
        Learned {
            revoked: revoked.map(|(uuid, revocation)| (*uuid, revocation.clone())).collect(),
            deleted: new.deleted.difference(&old.deleted).copied().collect(),
            otherwise: *new != old,
        }
    }

    /// These people hold a grant, or held one that is still shown ([`jit_model::learn::held`]). `now` is the settled time.
    #[must_use]
    pub fn hold(&mut self, logins: impl IntoIterator<Item = Login>, now: Timestamp) -> Option<Urgency> {
        let mut urgency = None;
        for login in logins {
            let last = self.held.get(&login).copied();
            if last.is_none_or(|last| now.since(last) >= GRAIN) {
                self.held.insert(login, now);
                // The first time decides what is guarded; later ones only how long.
                urgency = urgency.max(Some(if last.is_none() { Urgency::Now } else { Urgency::Lazy }));
            }
        }
        urgency
    }

    /// Who holds a grant or lately held one: background services are guarded for them.
    pub fn lately(&self, now: Timestamp) -> BTreeSet<Login> {
        let lately = |last: &Timestamp| now.since(*last) < Span(LATELY.0 + GRAIN.0);
        self.held.iter().filter(|(_, last)| lately(last)).map(|(login, _)| login.clone()).collect()
    }

    /// Forgets what need not be remembered any more, and, if there is too much, what would have ended first. `now` is the settled
    /// time.
    #[must_use]
    pub fn prune(&mut self, shown: Shown<'_>, now: Timestamp) -> Forgotten {
        let of_account = remembered(&self.memory);
        let (Shown::Whole(known) | Shown::Partly(known)) = shown;
        // Of a grant that is neither shown nor remembered, no end need be known.
        self.over.retain(|uuid, _| known.contains(uuid) || of_account.contains(uuid));
        let gone: Vec<(Timestamp, EntryUuid)> = {
            let mut gone: Vec<_> = self
                .over
                .iter()
                .filter(|(uuid, _)| !known.contains(uuid))
                .map(|(uuid, at)| (*at, *uuid))
                .collect();
            gone.sort_unstable();
            gone
        };
        let over = match shown {
            Shown::Whole(_) => gone.partition_point(|(at, _)| *at <= now),
            Shown::Partly(_) => 0,
        };
        let early = (gone.len() - over).saturating_sub(MOST);
        for (_, uuid) in gone.iter().take(over + early) {
            self.over.remove(uuid);
            self.memory.revoked.remove(uuid);
            self.memory.deleted.remove(uuid);
            self.memory.began.remove(uuid);
        }
        self.held.retain(|_, last| now.since(*last) < Span(LATELY.0 + GRAIN.0));
        let excess = self.held.len().saturating_sub(MOST);
        if excess > 0 {
            let mut oldest: Vec<_> = self.held.iter().map(|(login, last)| (*last, login.clone())).collect();
            oldest.sort_unstable();
            for (_, login) in oldest.iter().take(excess) {
                self.held.remove(login);
            }
        }
        Forgotten { over, early: early + excess }
    }

    /// Time has moved on. To be put lazily every now and then, and at once when a grant has ended, so that what was seen to
    /// end stays ended.
    pub fn settle(&mut self, moment: Moment) {
        self.ratchet = Some(moment);
    }

    /// Root has mended the clock, and it is `now`: nobody held a grant later than that. Without this, whoever held one while the clock
    /// was years ahead would be somebody who lately held one for all those years.
    pub fn restate(&mut self, now: Timestamp) {
        for last in self.held.values_mut() {
            *last = now.min(*last);
        }
    }

    /// The settled time, as last kept.
    pub fn ratchet(&self) -> Option<Moment> {
        self.ratchet
    }

    /// A ledger from the payload of its file. Strict: all of it, or nothing.
    ///
    /// # Errors
    /// When the bytes are not what [`Ledger::encode`] writes.
    pub fn decode(payload: &[u8]) -> Result<Ledger, Damage> {
        let (record, rest) = postcard::take_from_bytes::<Record>(payload).map_err(|_| Damage::Payload)?;
        if rest.is_empty() { Ok(record.into()) } else { Err(Damage::Payload) }
    }

    /// The payload of its file.
    ///
    /// # Errors
    /// Never, in practice: memory is all it takes.
    pub fn encode(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_allocvec(&Record::from(self.clone()))
    }
}

fn remembered(memory: &Memory) -> BTreeSet<EntryUuid> {
    let Memory { revoked, deleted, began } = memory;
    revoked.keys().chain(deleted).chain(began.keys()).copied().collect()
}

/// The ledger on disk, format 1. Spelled out, so that a new field in the model is a compile error here and not a
/// ledger that cannot be read.
#[derive(Serialize, Deserialize)]
struct Record {
    revoked: Vec<(EntryUuid, RevocationRecord)>,
    deleted: Vec<EntryUuid>,
    began: Vec<(EntryUuid, Timestamp)>,
    over: Vec<(EntryUuid, Timestamp)>,
    held: Vec<(Login, Timestamp)>,
    ratchet: Option<Moment>,
}

#[derive(Serialize, Deserialize)]
struct RevocationRecord {
    dn: Dn,
    by: Option<Dn>,
    at: Option<Timestamp>,
    reason: Option<String>,
}

impl From<Ledger> for Record {
    fn from(ledger: Ledger) -> Record {
        let Ledger { memory: Memory { revoked, deleted, began }, over, held, ratchet } = ledger;
        let revoked = revoked.into_iter().map(|(uuid, revocation)| {
            let Revocation { dn, by, at, reason } = revocation;
            (uuid, RevocationRecord { dn, by, at, reason })
        });
        Record {
            revoked: revoked.collect(),
            deleted: deleted.into_iter().collect(),
            began: began.into_iter().collect(),
            over: over.into_iter().collect(),
            held: held.into_iter().collect(),
            ratchet,
        }
    }
}

impl From<Record> for Ledger {
    fn from(record: Record) -> Ledger {
        let revoked = record.revoked.into_iter().map(|(uuid, revocation)| {
            let RevocationRecord { dn, by, at, reason } = revocation;
            (uuid, Revocation { dn, by, at, reason })
        });
        let memory = Memory {
            revoked: revoked.collect(),
            deleted: record.deleted.into_iter().collect(),
            began: record.began.into_iter().collect(),
        };
        Ledger {
            memory,
            over: record.over.into_iter().collect(),
            held: record.held.into_iter().collect(),
            ratchet: record.ratchet,
        }
    }
}

#[cfg(test)]
mod tests;
