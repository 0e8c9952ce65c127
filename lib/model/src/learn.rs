//! What a host must remember so that a removal is final: revocations seen, grants that are gone, and since when a
//! duration counts. A function of values; the ledger only keeps the result on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::assess::{Assessed, AssessedGrant, Memory, earliest};
use crate::grant::{End, EntryUuid};
use crate::name::Login;
use crate::source::Source;
use crate::time::Timestamp;

/// `memory` and what is to be learned from a whole set of a source. Never forgets.
///
/// `before`: [`Source::grant_uuids`] of the set that was in force until now; empty when there was none. `assessed`: what
/// [`crate::assess::assess`] made of `source` with `memory`; assessing it again with the result changes nothing.
pub fn learn(
    memory: &Memory,
    before: &BTreeSet<EntryUuid>,
    source: &Source,
    assessed: &[AssessedGrant],
) -> Memory {
    let mut memory = memory.clone();
    let now = source.grant_uuids();
    memory.deleted.extend(before.difference(&now));
    for tree in source.grants.values() {
        if let Some(revocation) = earliest(&tree.revocations) {
            memory.revoked.entry(tree.grant.uuid).or_insert_with(|| revocation.clone());
        }
    }
    for (uuid, revocation) in &source.revoked_aside {
        memory.revoked.entry(*uuid).or_insert_with(|| revocation.clone());
    }
    for judged in assessed {
        if let Some(began) = judged.began {
            let earliest = memory.began.entry(judged.grant.uuid).or_insert(began);
            *earliest = began.min(*earliest);
        }
    }
    memory
}

/// Everybody who holds a grant at `now` or held it before: background services are guarded for them.
pub fn held<'a>(assessed: impl IntoIterator<Item = &'a AssessedGrant>, now: Timestamp) -> BTreeSet<Login> {
    let begun = assessed.into_iter().filter(|judged| match &judged.assessed {
        Assessed::Granted { window, .. } => window.start() <= now,
        Assessed::Pending { .. } | Assessed::Refused(_) | Assessed::Revoked(_) => false,
    });
    // Those whom many grants share are gone through once: this is asked every second.
    let shared: BTreeMap<_, _> = begun.map(|judged| (Arc::as_ptr(&judged.logins), &judged.logins)).collect();
    shared.into_values().flat_map(|logins| logins.keys().cloned()).collect()
}

/// From when on a grant cannot be live any more, whatever is removed, and need not be remembered; `None` as long as that is
/// unknown, for instance because the clock of its duration has not begun.
pub fn over(grant: &AssessedGrant) -> Option<Timestamp> {
    match (grant.grant.end, grant.began) {
        (End::At(end), _) => Some(end),
        (End::After(span), Some(began)) => {
            Some(grant.grant.not_before.map_or(began, |not_before| began.max(not_before)).plus(span))
        }
        (End::After(_), None) => None,
    }
}
