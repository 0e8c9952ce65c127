//! What a session can rest on, shown or only remembered, and what became of it when nothing holds any more.
//!
//! Here it is decided what is believed: of a source that has spoken everything, also what it does not show; of one that has not, and
//! whose set is from before the daemon began or not there at all, only what lets stay and what was taken away by name (a
//! revocation, a deletion that the ledger remembers). It may lack a grant, an approval or a membership that was added just before.
//! So it is with a grant whose approvals are signed while this host has no list of signers that it can use.

use std::sync::Arc;

use super::Rest;
use crate::assess::{Assessed, AssessedGrant};
use crate::decide::cover::Covers;
use crate::decide::{Asked, miss};
use crate::grant::EntryUuid;
use crate::name::Login;
use crate::reason::{DenyReason, Refusal};
use crate::snapshot::{Aside, Silence, Snapshot};
use crate::source::EntryKind;
use crate::time::{Timestamp, Window};

/// Something that a session rests on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Holds<'a> {
    /// A grant that a source shows.
    Shown(&'a Arc<AssessedGrant>),
    /// A grant that is remembered, and whose source has not spoken.
    Remembered(&'a Rest),
}

impl Covers for Holds<'_> {
    fn uuid(self) -> EntryUuid {
        match self {
            Holds::Shown(grant) => grant.grant.uuid,
            Holds::Remembered(rest) => rest.uuid,
        }
    }
}

impl<'a> Holds<'a> {
    /// What to remember of it.
    pub(super) fn rest(self) -> Option<Rest> {
        match self {
            Holds::Shown(grant) => Rest::of(grant),
            Holds::Remembered(rest) => Some(rest.clone()),
        }
    }

    /// The grant, if it is shown.
    pub(super) fn shown(self) -> Option<&'a Arc<AssessedGrant>> {
        match self {
            Holds::Shown(grant) => Some(grant),
            Holds::Remembered(_) => None,
        }
    }
}

/// Everything that opens the service for the person at some time.
pub(super) fn covering<'a>(
    snapshot: &'a Snapshot,
    asked: &Asked<'_>,
    rests: &'a [Rest],
) -> Vec<(Window, Holds<'a>)> {
    let counts = |grant: &AssessedGrant| match snapshot.silence(&grant.source, asked.now) {
        Silence::Fresh | Silence::Stale(_) => true,
        // Its people were never read, so the door is closed to it; but what a session began with goes on.
        Silence::NeverHeard => rests.iter().any(|rest| rest.uuid == grant.grant.uuid),
    };
    let shown = shown(snapshot, &asked.question.subject)
        .filter(|(_, grant)| asked.opened_by(grant) && counts(grant))
        .map(|(window, grant)| (window, Holds::Shown(grant)));
    let remembered = remembered(snapshot, rests).map(|(window, rest)| (window, Holds::Remembered(rest)));
    shown.chain(remembered).collect()
}

/// Every grant of somebody's that configured sources show, whatever its services and however silent its source.
pub(super) fn shown<'a>(
    snapshot: &'a Snapshot,
    login: &Login,
) -> impl Iterator<Item = (Window, &'a Arc<AssessedGrant>)> {
    let granted = |grant: &'a Arc<AssessedGrant>| match grant.assessed {
        Assessed::Granted { window, .. } => Some((window, grant)),
        Assessed::Pending { .. } | Assessed::Refused(_) | Assessed::Revoked(_) => None,
    };
    let configured = |grant: &&Arc<AssessedGrant>| snapshot.sources().contains_key(&grant.source);
    snapshot.grants_of(login).iter().filter(configured).filter_map(granted)
}

/// What still counts though it is only remembered.
pub(super) fn remembered<'a>(
    snapshot: &Snapshot,
    rests: &'a [Rest],
) -> impl Iterator<Item = (Window, &'a Rest)> {
    let counts = |rest: &&Rest| {
        let silent = match snapshot.sources().contains_key(&rest.source) {
            true => {
                !snapshot.has_spoken(&rest.source)
                    || snapshot
                        .grants()
                        .iter()
                        .any(|grant| grant.grant.uuid == rest.uuid && is_in_doubt(grant))
            }
            // It may have been given another name.
            false => some_source_is_silent(snapshot),
        };
        silent && !words(snapshot, rest.uuid).any(|_| true)
    };
    rests.iter().filter(counts).filter_map(|rest| Some((Window::new(rest.start, rest.end)?, rest)))
}

/// The time by which a session is judged: never before it began. It was let in by the login time, and the settled time may lag behind
/// that when the clock jumped; a grant that has not begun by it ends nothing that it began.
pub(super) fn moment(rests: &[Rest], settled: Timestamp) -> Timestamp {
    rests.iter().map(|rest| rest.start).min().map_or(settled, |began| settled.max(began))
}

/// Whether a configured source has not spoken since the daemon began.
pub(super) fn some_source_is_silent(snapshot: &Snapshot) -> bool {
    snapshot.sources().keys().any(|source| !snapshot.has_spoken(source))
}

/// Whether a grant lacks approvals only as far as this host can tell: they are signed, and its list of signers cannot be used. A list that
/// is being mended, or was given to the wrong owner by mistake, closes the door and ends nothing. Whatever else the grant lacks by now is
/// no doubt: an approver who withdrew or left, or other words than were approved.
fn is_in_doubt(grant: &AssessedGrant) -> bool {
    grant.in_doubt && matches!(grant.assessed, Assessed::Pending { .. })
}

/// What is said of a grant and believed.
enum Word<'a> {
    Grant(&'a Arc<AssessedGrant>),
    Aside(&'a Aside),
}

fn words(snapshot: &Snapshot, uuid: EntryUuid) -> impl Iterator<Item = Word<'_>> {
    let removed = |grant: &AssessedGrant| match &grant.assessed {
        Assessed::Revoked(_) | Assessed::Refused(Refusal::Deleted) => true,
        Assessed::Refused(_) | Assessed::Pending { .. } | Assessed::Granted { .. } => false,
    };
    let grants = snapshot.grants().iter().filter(move |grant| {
        let believed = snapshot.has_spoken(&grant.source) && !is_in_doubt(grant);
        grant.grant.uuid == uuid && (believed || removed(grant))
    });
    let aside = snapshot.set_aside().iter().filter(move |aside| {
        let entry = &aside.entry;
        entry.kind == EntryKind::Grant && entry.uuid == Some(uuid) && snapshot.has_spoken(&aside.source)
    });
    grants.map(Word::Grant).chain(aside.map(Word::Aside))
}

/// Why nothing holds any more: what became of the grant that would have held longest; without one, the nearest miss.
pub(super) fn fate(snapshot: &Snapshot, asked: &Asked<'_>, rests: &[Rest]) -> DenyReason {
    // One that only lies ahead did not hold yet.
    let held = |rest: &&Rest| (rest.start <= asked.now, rest.end, rest.uuid);
    let Some(rest) = rests.iter().max_by_key(held) else {
        return miss::nearest(snapshot, asked);
    };
    let his = |grant: &AssessedGrant| grant.logins.contains_key(&asked.question.subject);
    let said = words(snapshot, rest.uuid).min_by_key(|word| match word {
        Word::Grant(grant) => (!his(grant), grant.source != rest.source),
        Word::Aside(aside) => (true, aside.source != rest.source),
    });
    match said {
        Some(Word::Grant(grant)) if his(grant) || is_removed(grant) => miss::reason(grant, asked),
        Some(Word::Aside(aside)) => miss::refused(aside),
        Some(Word::Grant(_)) | None => unshown(rest, asked.now),
    }
}

/// Whether it counts for nobody.
fn is_removed(grant: &AssessedGrant) -> bool {
    match grant.assessed {
        Assessed::Revoked(_) | Assessed::Refused(_) => true,
        Assessed::Pending { .. } | Assessed::Granted { .. } => false,
    }
}

/// Of a grant that is not shown, or not for its person any more.
fn unshown(rest: &Rest, now: Timestamp) -> DenyReason {
    let grant = rest.id.clone();
    if rest.end <= now {
        DenyReason::Expired { ago: now.since(rest.end), grant }
    } else {
        DenyReason::Gone { grant }
    }
}
