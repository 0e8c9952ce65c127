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
    /// Nobody has checked the signature that it needs: where there is no list of signers to check it with.
    #[error("its signature has not been checked here")]
    Unchecked,
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

impl Evidence {
    /// A stable word for programs: part of the audit's and of jitctl's format, never changed.
    pub fn code(&self) -> &'static str {
        match self {
            Evidence::CreatorsName => "creators-name",
            Evidence::Signature(_) => "signature",
            Evidence::Source => "source",
        }
    }

    /// The key that signed, as `ssh-keygen -l` shows it.
    pub fn key(&self) -> Option<&str> {
        match self {
            Evidence::Signature(key) => Some(key),
            Evidence::CreatorsName | Evidence::Source => None,
        }
    }
}

impl Ignored {
    /// A stable word for programs: part of jitctl's format, never changed.
    pub fn code(&self) -> &'static str {
        match self {
            Ignored::NotNeeded => "not-needed",
            Ignored::OwnGrant => "own-grant",
            Ignored::OwnWords => "own-words",
            Ignored::OneOfThem => "one-of-them",
            Ignored::NoApprover => "no-approver",
            Ignored::EvidenceMissing(_) => "evidence-missing",
            Ignored::WrittenByOther(_) => "written-by-other",
            Ignored::Changed => "changed",
            Ignored::OtherWords => "other-words",
            Ignored::OtherGrant => "other-grant",
            Ignored::Unsigned => "unsigned",
            Ignored::Unchecked => "unchecked",
            Ignored::BadSignature(BadSignature::Malformed(_)) => "signature-malformed",
            Ignored::BadSignature(BadSignature::Namespace(_)) => "signature-namespace",
            Ignored::BadSignature(BadSignature::UnknownKey(_)) => "signature-unknown-key",
            Ignored::BadSignature(BadSignature::Principal { .. }) => "signature-principal",
            Ignored::BadSignature(BadSignature::KeyUnfit { .. }) => "signature-key-unfit",
            Ignored::BadSignature(BadSignature::KeyNotForApprovals(_)) => "signature-key-not-for-approvals",
            Ignored::BadSignature(BadSignature::KeyNotValid(_)) => "signature-key-not-valid",
            Ignored::BadSignature(BadSignature::Forged) => "signature-forged",
            Ignored::BadSignature(BadSignature::NotTouched) => "signature-not-touched",
            Ignored::BadSignature(BadSignature::NoSigners(_)) => "signature-no-signers",
            Ignored::SignedByOther(_) => "signed-by-other",
            Ignored::SameSigner => "same-signer",
        }
    }
}
