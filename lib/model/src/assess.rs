//! What the entries say, without time: each grant is pending, refused, revoked, or granted for a window.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::dn::Dn;
use crate::grant::{EntryUuid, Grant, Revocation};
use crate::host::HostNames;
use crate::name::{Login, Service, SourceName};
use crate::reason::Refusal;
use crate::role::Role;
use crate::source::Source;
use crate::time::{Timestamp, Window};

/// What this host remembers about grants, kept in the ledger: it makes a removal final whatever a replica says later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Revocations seen, by grant; they hold even if the entry is deleted again.
    pub revoked: BTreeMap<EntryUuid, Revocation>,
    /// Grants that were here and then gone from a whole sync.
    pub deleted: BTreeSet<EntryUuid>,
    /// The earliest time from which a grant's duration was ever counted ([`AssessedGrant::began`]): removing an early
    /// approval must not restart the clock.
    pub began: BTreeMap<EntryUuid, Timestamp>,
}

/// An approval that was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approver {
    /// Who.
    pub dn: Dn,
    /// When, by the directory's clock.
    pub at: Timestamp,
}

/// Which services a grant opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Services {
    /// All that are guarded.
    AllGuarded,
    /// These and no others; may be empty when grant and role share none.
    Only(BTreeSet<Service>),
}

/// What the entries say about one grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assessed {
    /// It lacks approvals.
    Pending {
        /// How many more it takes.
        missing: u32,
        /// From members of these groups.
        from: BTreeSet<Dn>,
        /// Who has approved already.
        approved: Vec<Approver>,
    },
    /// It does not count.
    Refused(Refusal),
    /// Somebody took it away.
    Revoked(Revocation),
    /// It is good for a while.
    Granted {
        /// When.
        window: Window,
        /// Whose approvals it rests on, spare ones too; in the order of time.
        approved: Vec<Approver>,
    },
}

/// A grant, what it means on this host, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssessedGrant {
    /// Where it comes from.
    pub source: SourceName,
    /// The grant as written.
    pub grant: Arc<Grant>,
    /// The role it is under, if it is known.
    pub role: Option<Arc<Role>>,
    /// The logins it is for, with their DNs: the eligible ones. Of a refused grant everybody whom its subject names, so
    /// that they can be told.
    pub logins: BTreeMap<Login, Dn>,
    /// Grant ∩ role.
    pub services: Services,
    /// Since when a duration counts, jitNotBefore aside: the time of the approval that completed the number needed, or of
    /// the grant's making where none is needed; the earliest that was ever found. `None` as long as there is none.
    pub began: Option<Timestamp>,
    /// What it means.
    pub assessed: Assessed,
}

/// Judges every grant of a source for this host.
///
/// Set-aside grants appear in [`Source::set_aside`], not here.
pub fn assess(source: &Source, host: &HostNames, memory: &Memory) -> Vec<AssessedGrant> {
    let _ = (source, host, memory);
    Vec::new()
}
