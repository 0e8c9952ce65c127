//! What an approver signs: six lines of text that he can read.
//!
//! ```text
//! jit-approval-1
//! grant 6ba7b810-9dad-11d1-80b4-00c04fd430c8
//! digest 0f…
//! approver uid=bob,ou=people,dc=example,dc=com
//! signed-at 20261123T041500Z
//! not-after 20261123T081500Z
//! ```
//!
//! `grant` is the entryUUID: a grant that is deleted and added again is another one, whatever it says. The attribute jitSignature holds these bytes and then the armoured signature over them. There is one way to write a statement,
//! and anything else is malformed.

use jit_model::dn::Dn;
use jit_model::grant::{EntryUuid, GrantDigest};
use jit_model::time::Timestamp;

/// What an approver signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The grant's identity.
    pub grant: EntryUuid,
    /// Its words, as he saw them.
    pub digest: GrantDigest,
    /// He.
    pub approver: Dn,
    /// When: a duration counts from here.
    pub at: Timestamp,
    /// Until when at the latest, whatever the directory says.
    pub latest_end: Timestamp,
}
