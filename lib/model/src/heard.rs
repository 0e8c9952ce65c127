//! What became of each approval that was written under a grant: for those who ask why. Nothing is decided by it.

use crate::dn::Dn;
use crate::signature::BadSignature;
use crate::time::Timestamp;

/// An approval, and what it is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Its entry.
    pub dn: Dn,
    /// Who approves, by its own claim.
    pub approver: Dn,
    /// Whether it counts.
    pub outcome: Outcome,
}

/// Whether an approval counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It does.
    Counts {
        /// Since when.
        at: Timestamp,
        /// How its author is proved.
        evidence: Evidence,
        /// The approver groups that he speaks for, each with the groups that lead there from him, his own first.
        paths: Vec<Vec<Dn>>,
    },
    /// It does not.
    Ignored(Ignored),
}

/// What proves an approval's author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// creatorsName and modifiersName.
    CreatorsName,
    /// A signature by this key.
    Signature(String),
    /// The source as a whole.
    Source,
}

/// Why an approval does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ignored {
    /// The role requires none.
    #[error("its role requires no approval")]
    NotNeeded,
    /// The subject approves his own grant.
    #[error("he is the grant's subject")]
    OwnGrant,
    /// Whoever wrote the grant approves it.
    #[error("he wrote or last changed the grant")]
    OwnWords,
    /// The grant is for him, as one of a group, and a signature is the only proof.
    #[error("the grant is for a group that he is in")]
    OneOfThem,
    /// He may not.
    #[error("he is in none of the role's approver groups")]
    NoApprover,
    /// The directory does not show what proves it.
    #[error("the directory does not show its {0}")]
    EvidenceMissing(&'static str),
    /// The directory names somebody else as its author.
    #[error("it was written by {0}")]
    WrittenByOther(String),
    /// It was changed after it was written.
    #[error("it was changed after it was written")]
    Changed,
    /// It approves other words than the grant has now.
    #[error("it approves other words than the grant has now")]
    OtherWords,
    /// Its signature is for another grant.
    #[error("its signature is for another grant")]
    OtherGrant,
    /// It has no signature and needs one.
    #[error("it is not signed")]
    Unsigned,
    /// Its signature proves nothing.
    #[error("its signature does not count: {0}")]
    BadSignature(BadSignature),
    /// Its signature says something else than the entry.
    #[error("its signature is {0}'s")]
    SignedByOther(Dn),
    /// The same person or the same key has been heard already.
    #[error("the same signer is counted already")]
    SameSigner,
}
