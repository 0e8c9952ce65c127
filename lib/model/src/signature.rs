//! What an approval's signature comes to. Values only: signatures are checked where the keys are (`lib/signature`), and judged in
//! [`crate::assess`]. One that nobody has checked proves nothing.

use crate::dn::Dn;
use crate::grant::{EntryUuid, GrantDigest};
use crate::time::{Span, Timestamp};

/// The signature of an approval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Signature {
    /// There is none.
    #[default]
    Absent,
    /// As it stands in the entry; nobody has looked at it.
    Unchecked(Vec<u8>),
    /// By a key that root's list of signers knows.
    Good(Signed),
    /// It proves nothing.
    Bad(BadSignature),
}

/// What was signed, by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The name that root's list of signers gives the key: the first part of the approver's DN, such as `bob`.
    pub principal: String,
    /// The key, as `ssh-keygen -l` shows it: `SHA256:…`.
    pub key: String,
    /// Who signed, by his own words.
    pub approver: Dn,
    /// Of which grant.
    pub grant: EntryUuid,
    /// Of which words.
    pub digest: GrantDigest,
    /// Only for this long, by his own words.
    pub duration: Option<Span>,
    /// When, by his own words: a duration counts from here.
    pub at: Timestamp,
    /// Until when at the latest: his own words, or the end of the key's validity if that is sooner.
    pub latest_end: Timestamp,
}

/// Why a signature proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSignature {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Malformed(String),
    /// It was made for something else.
    #[error("it was made for `{0}` and not for jit-approval")]
    Namespace(String),
    /// Nobody has this key.
    #[error("its key {0} is in no line of the list of signers")]
    UnknownKey(String),
    /// The key is somebody else's.
    #[error("its key {key} is not {principal}'s in the list of signers")]
    Principal {
        /// The key.
        key: String,
        /// Whose it should be.
        principal: String,
    },
    /// The key is of a kind that may not sign.
    #[error("its key {key} {why}")]
    KeyUnfit {
        /// The key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// The list of signers does not let the key sign approvals.
    #[error("its key {0} may not sign approvals: its line names other namespaces")]
    KeyNotForApprovals(String),
    /// The list of signers bounds the key's validity.
    #[error("its key {0} was not valid when it signed")]
    KeyNotValid(String),
    /// The bytes do not fit the words.
    #[error("it does not fit what it is said to sign")]
    Forged,
    /// A security key that nobody touched.
    #[error("nobody touched the security key")]
    NotTouched,
    /// There is no list of signers that can be used.
    #[error("this host knows no signers: {0}")]
    NoSigners(String),
}

impl BadSignature {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            BadSignature::Malformed(_) => "malformed",
            BadSignature::Namespace(_) => "namespace",
            BadSignature::UnknownKey(_) => "unknown-key",
            BadSignature::Principal { .. } => "principal",
            BadSignature::KeyUnfit { .. } => "key-unfit",
            BadSignature::KeyNotForApprovals(_) => "key-not-for-approvals",
            BadSignature::KeyNotValid(_) => "key-not-valid",
            BadSignature::Forged => "forged",
            BadSignature::NotTouched => "not-touched",
            BadSignature::NoSigners(_) => "no-signers",
        }
    }
}
