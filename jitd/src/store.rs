//! The last good set of entries of each source, kept on disk so that a host comes up again while its directory is down.
//!
//! Only whole sets are kept, as raw entries: a newer version may understand more of them. Each belongs to a configuration
//! (its fingerprint): a set that was read under another base or filter is not used. The store decides nothing; how old
//! a set may be, `max_offline` says, and the age is counted from the [`Moment`] beside it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jit_directory::entry::{Entries, Entry};
use jit_model::grant::EntryUuid;
use jit_model::name::SourceName;
use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::disk::saver::Urgency;
use crate::disk::{self, Damage, Found, Kind, SetAside};

/// The file's kind. A change of what is below must raise the version; a store of another version is set aside, and
/// the daemon starts as if for the first time, waiting for its sources.
pub const KIND: Kind = Kind { magic: *b"jitstore", version: 1, max: 256 << 20 };

/// What of a source's configuration a set belongs to: SHA-256 over everything that chooses its entries (kind, server's bases,
/// bind name, host names …), but not over how it is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint(pub [u8; 32]);

/// The last good set of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The configuration it belongs to.
    pub fingerprint: Fingerprint,
    /// When there was last word from the source.
    pub heard: Moment,
    /// The set.
    pub entries: Arc<Entries>,
}

/// All sources' last good sets. A plain value; [`disk::saver::Saver`] brings it to disk. Cloning is cheap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    sources: BTreeMap<SourceName, Kept>,
}

impl Store {
    /// Reads the store. A damaged one is set aside and counts as none.
    pub fn open(path: &Path) -> (Store, Option<SetAside>) {
        let found: Found<Store> = disk::read(path, KIND).decode(path, |payload| Store::decode(&payload));
        let (store, aside) = found.split();
        (store.unwrap_or_default(), aside)
    }

    /// A store from the payload of its file. Strict: all of it, or nothing.
    ///
    /// # Errors
    /// When the bytes are not what [`Store::encode`] writes.
    pub fn decode(payload: &[u8]) -> Result<Store, Damage> {
        let (store, rest) = postcard::take_from_bytes::<Store>(payload).map_err(|_| Damage::Payload)?;
        let named = |(uuid, entry): (&EntryUuid, &Arc<Entry>)| *uuid == entry.uuid;
        let sound = |kept: &Kept| kept.entries.access.iter().chain(&kept.entries.people).all(named);
        if rest.is_empty() && store.sources.values().all(sound) { Ok(store) } else { Err(Damage::Payload) }
    }

    /// The payload of its file.
    ///
    /// # Errors
    /// Never, in practice: memory is all it takes.
    pub fn encode(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_allocvec(self)
    }

    /// A source's last good set, if it belongs to this configuration.
    pub fn get(&self, source: &SourceName, fingerprint: Fingerprint) -> Option<&Kept> {
        self.sources.get(source).filter(|kept| kept.fingerprint == fingerprint)
    }

    /// Takes a source's new set, and says how soon it must be on disk: at once unless it only adds.
    #[must_use]
    pub fn put(&mut self, source: SourceName, kept: Kept) -> Urgency {
        let urgency = match self.sources.get(&source) {
            Some(old) if old.fingerprint != kept.fingerprint => Urgency::Now,
            Some(old) => urgency(&old.entries, &kept.entries),
            None => urgency(&Entries::default(), &kept.entries),
        };
        self.sources.insert(source, kept);
        urgency
    }

    /// There was word from a source, and nothing has changed.
    #[must_use]
    pub fn heard(&mut self, source: &SourceName, at: Moment) -> Urgency {
        if let Some(kept) = self.sources.get_mut(source) {
            kept.heard = at;
        }
        Urgency::Lazy
    }

    /// Root has mended the clock: every moment in it is put on the new scale ([`crate::clock::Clock::restate`]).
    #[must_use]
    pub fn restate(&mut self, restated: impl Fn(&Moment) -> Moment) -> Urgency {
        for kept in self.sources.values_mut() {
            kept.heard = restated(&kept.heard);
        }
        Urgency::Now
    }

    /// Forgets the sources that the configuration no longer has; whether there were any.
    #[must_use]
    pub fn retain(&mut self, configured: impl Fn(&SourceName) -> bool) -> Option<Urgency> {
        let before = self.sources.len();
        self.sources.retain(|name, _| configured(name));
        (self.sources.len() < before).then_some(Urgency::Now)
    }

    /// The latest moment in it: what is left of the ratchet when there is no ledger.
    pub fn latest(&self) -> Option<Moment> {
        self.sources.values().map(|kept| kept.heard).reduce(Moment::later)
    }
}

/// Losing an addition in a crash shortens an access until the next sync; losing anything else could lengthen one.
fn urgency(old: &Entries, new: &Entries) -> Urgency {
    if old == new {
        return Urgency::Lazy;
    }
    let kept = |old: &BTreeMap<EntryUuid, Arc<Entry>>, new: &BTreeMap<EntryUuid, Arc<Entry>>| {
        old.iter().all(|(uuid, entry)| new.get(uuid) == Some(entry))
    };
    let mut added = new.access.iter().filter(|(uuid, _)| !old.access.contains_key(uuid));
    let only_adds = kept(&old.access, &new.access)
        && kept(&old.people, &new.people)
        && !added.any(|(_, entry)| may_revoke(entry));
    if only_adds { Urgency::Soon } else { Urgency::Now }
}

/// Whether an entry is, or was meant to be, a revocation. An entry without object class may be anything.
fn may_revoke(entry: &Entry) -> bool {
    entry
        .attributes
        .get("objectclass")
        .is_none_or(|classes| classes.iter().any(|class| class.to_ascii_lowercase().ends_with(b"revocation")))
}

#[cfg(test)]
mod tests;
