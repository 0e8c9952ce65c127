//! What a directory says about one access: the grant and what was written under it. Values as decoded, before anything
//! is judged; see [`crate::assess`] for what they mean.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::dn::Dn;
use crate::host::HostPattern;
use crate::name::Service;
use crate::signature::Signature;
use crate::time::{Span, Timestamp};

/// What makes an entry this entry, even after a rename: its entryUUID (RFC 4530).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntryUuid(pub [u8; 16]);

impl fmt::Display for EntryUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for EntryUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the directory itself says about an entry's making (RFC 4512 §3.4); nothing an author can write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// creatorsName
    pub creator: Option<Dn>,
    /// modifiersName
    pub modifier: Option<Dn>,
    /// createTimestamp
    pub created: Option<Timestamp>,
    /// modifyTimestamp
    pub modified: Option<Timestamp>,
}

/// When a grant ends: at a time, or a while after it begins. An entry with both or neither is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// jitNotAfter
    At(Timestamp),
    /// jitDuration
    After(Span),
}

/// Who, which hosts, which services, which role, from when until when, why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its identity.
    pub uuid: EntryUuid,
    /// Where it stands.
    pub dn: Dn,
    /// Its cn: what people type.
    pub id: String,
    /// The person, or the group of people, that gets the access.
    pub subject: Dn,
    /// The role it is written under; none only from an LDIF source with a default role.
    pub role: Option<Dn>,
    /// The hosts asked for, never empty.
    pub hosts: BTreeSet<HostPattern>,
    /// The services asked for; empty means the role's.
    pub services: BTreeSet<Service>,
    /// Not before this time.
    pub not_before: Option<Timestamp>,
    /// Until when.
    pub end: End,
    /// Why.
    pub reason: Option<String>,
    /// The ticket that belongs to it.
    pub ticket: Option<String>,
    /// Who wrote it and when, by the directory's word.
    pub provenance: Provenance,
}

/// SHA-256 over everything that an approver approves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantDigest(pub [u8; 32]);

/// One person's word that a grant may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Where it stands, exactly one below its grant.
    pub dn: Dn,
    /// Who approves, by his own claim; [`Provenance`] is what proves it.
    pub approver: Dn,
    /// What was approved.
    pub digest: GrantDigest,
    /// Only until this time.
    pub not_after: Option<Timestamp>,
    /// Only for this long.
    pub duration: Option<Span>,
    /// Its author's signature, if it has one.
    pub signature: Signature,
    /// Who wrote it and when, by the directory's word.
    pub provenance: Provenance,
}

/// Somebody's word that a grant may no longer be used. A malformed one is one of these too, with what could be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Where it stands, exactly one below its grant.
    pub dn: Dn,
    /// Who wrote it (creatorsName), if the directory says.
    pub by: Option<Dn>,
    /// When (createTimestamp), if the directory says.
    pub at: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
}

/// A grant with everything that was written under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantTree {
    /// The grant.
    pub grant: Arc<Grant>,
    /// Well-formed approvals, in the order of their DNs.
    pub approvals: Vec<Approval>,
    /// Revocations, malformed ones too.
    pub revocations: Vec<Revocation>,
}
