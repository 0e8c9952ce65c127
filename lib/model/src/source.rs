//! What one source says, whole and decoded: the input of [`crate::assess`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::dn::Dn;
use crate::grant::{EntryUuid, GrantTree, Revocation};
use crate::name::SourceName;
use crate::people::People;
use crate::role::Role;

/// How a source proves who approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// creatorsName = jitApprover = modifiersName and modifyTimestamp = createTimestamp.
    CreatorsName,
    /// An SSH signature by a key of the approver.
    Signature,
    /// The source as a whole is trusted: root's own LDIF file.
    Source,
}

/// A well-formed role, or why it is none. A grant under a malformed role is refused; it never falls back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleEntry {
    /// It can be used.
    Known(Arc<Role>),
    /// It is there but says something that cannot be understood.
    Malformed(SetAside),
}

/// An entry that could not be used, and why: reported in `status`, never silently dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// Which entry.
    pub dn: Dn,
    /// The entry's identity, if it has one.
    pub uuid: Option<EntryUuid>,
    /// What the entry was meant to be.
    pub kind: EntryKind,
    /// The attribute at fault, if it is one.
    pub attribute: Option<String>,
    /// What is wrong and what would do, for people.
    pub reason: String,
    /// jitSubject, where it could be read, so that the person can be told.
    pub subject: Option<Dn>,
}

/// The kinds of entries that a source holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// jitGrant
    Grant,
    /// jitApproval
    Approval,
    /// jitRevocation
    Revocation,
    /// jitRole
    Role,
    /// A person.
    Person,
    /// Something of a person's account or keys; the person counts all the same.
    Account,
    /// A group.
    Group,
    /// Something else where one of these should stand.
    Other,
}

/// Everything that one source says about this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name in the configuration.
    pub name: SourceName,
    /// How it proves who approved.
    pub proof: Proof,
    /// Who may write grants for others where no approval is needed.
    pub writers: BTreeSet<Dn>,
    /// The role of grants without one; only an LDIF source has it.
    pub default_role: Option<Arc<Role>>,
    /// Grants with what was written under them.
    pub grants: BTreeMap<EntryUuid, GrantTree>,
    /// Roles by their DN.
    pub roles: BTreeMap<Dn, RoleEntry>,
    /// People and groups.
    pub people: People,
    /// What could not be used.
    pub set_aside: Vec<SetAside>,
    /// Revocations under grants that are themselves set aside, by the grant's identity: mending the grant must not bring it
    /// back.
    pub revoked_aside: BTreeMap<EntryUuid, Revocation>,
}

impl Source {
    /// Whether there is anything in it that only signed approvals can allow.
    pub fn needs_signatures(&self) -> bool {
        self.proof == Proof::Signature || self.known_roles().any(|role| role.signature_required)
    }

    /// The roles that can be used.
    pub fn known_roles(&self) -> impl Iterator<Item = &Arc<Role>> {
        self.roles.values().filter_map(|entry| match entry {
            RoleEntry::Known(role) => Some(role),
            RoleEntry::Malformed(_) => None,
        })
    }

    /// The identity of every grant that the source shows, those set aside too: what [`crate::learn::learn`] wants to know
    /// of the set before.
    pub fn grant_uuids(&self) -> BTreeSet<EntryUuid> {
        let aside = self.set_aside.iter().filter(|entry| entry.kind == EntryKind::Grant);
        self.grants.keys().copied().chain(aside.filter_map(|entry| entry.uuid)).collect()
    }
}
