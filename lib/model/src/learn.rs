//! What a host must remember so that a removal is final: revocations seen, grants that are gone, and since when a
//! duration counts. A function of values; the ledger only keeps the result on disk.

use std::collections::BTreeSet;

use crate::assess::{AssessedGrant, Memory};
use crate::grant::EntryUuid;
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
    let _ = (before, source, assessed);
    memory.clone()
}

/// Everybody who holds a grant at `now` or held it before: background services are guarded for them.
pub fn held(assessed: &[AssessedGrant], now: Timestamp) -> BTreeSet<Login> {
    let _ = (assessed, now);
    BTreeSet::new()
}

/// From when on a grant cannot be live any more, whatever is removed, and need not be remembered; `None` as long as that is
/// unknown, for instance because the clock of its duration has not begun.
pub fn over(grant: &AssessedGrant) -> Option<Timestamp> {
    let _ = grant;
    None
}
