//! A grant as the audit tells it, in a decision and in its own events: what must still be known when its entry is long gone.

use std::collections::BTreeSet;

use jit_model::assess::{Approver, Assessed, AssessedGrant};
use jit_model::name::UnixGroup;
use serde::Serialize;

use super::event::{Text, Time};

/// The most approvers of a grant in one line.
const MAX_APPROVERS: usize = 32;

/// A grant, with everything that must be known of it in ten years.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GrantRecord {
    /// Its cn.
    pub id: Text,
    /// Its DN.
    pub dn: Text,
    /// Its entryUUID.
    pub uuid: Text,
    /// The source.
    pub source: Text,
    /// The subject's DN: a person's or a group's.
    pub subject: Text,
    /// The role's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Text>,
    /// The logins it is for: only in a grant's own events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logins: Vec<Text>,
    /// The Unix groups that it confers on them here while it is live: only in a grant's own events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Text>,
    /// Its start, if it has a window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Time>,
    /// Its end, if it has a window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Time>,
    /// The reason given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// The ticket given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Text>,
    /// Who wrote the grant, by the directory's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creator: Option<Text>,
    /// Who approved, when and by which proof; the first 32.
    pub approvers: Vec<ApproverRecord>,
    /// How many more approved.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_approvers: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// Who approved, when, and what proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApproverRecord {
    /// The approver's DN.
    pub dn: Text,
    /// By the directory's clock; of a signature, what was signed.
    pub at: Time,
    /// What proves it: `creators-name`, `signature` or `source`.
    pub proof: &'static str,
    /// The key that signed, as `ssh-keygen -l` shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Text>,
}

impl From<&Approver> for ApproverRecord {
    fn from(approver: &Approver) -> ApproverRecord {
        ApproverRecord {
            dn: Text::from(&approver.dn),
            at: Time(approver.at),
            proof: approver.evidence.code(),
            key: approver.evidence.key().map(Text::from),
        }
    }
}

impl GrantRecord {
    /// The grant with everybody it is for, and the groups that it confers here: whoever asks later who was in a group has to know both.
    pub fn conferring(assessed: &AssessedGrant, groups: &BTreeSet<UnixGroup>) -> GrantRecord {
        GrantRecord {
            logins: assessed.logins.keys().map(Text::from).collect(),
            groups: groups.iter().map(Text::from).collect(),
            ..GrantRecord::from(assessed)
        }
    }
}

impl From<&AssessedGrant> for GrantRecord {
    fn from(assessed: &AssessedGrant) -> GrantRecord {
        let grant = &assessed.grant;
        let (window, approved) = match &assessed.assessed {
            Assessed::Granted { window, approved } => (Some(*window), approved.as_slice()),
            Assessed::Pending { approved, .. } => (None, approved.as_slice()),
            Assessed::Refused(_) | Assessed::Revoked(_) => (None, &[][..]),
        };
        GrantRecord {
            id: Text::from(&grant.id),
            dn: Text::from(&grant.dn),
            uuid: Text::from(grant.uuid),
            source: Text::from(&assessed.source),
            subject: Text::from(&grant.subject),
            role: assessed.role.as_ref().map(|role| Text::from(&role.name)),
            logins: Vec::new(),
            groups: Vec::new(),
            start: window.map(|window| Time(window.start())),
            end: window.map(|window| Time(window.end())),
            reason: grant.reason.as_ref().map(Text::from),
            ticket: grant.ticket.as_ref().map(Text::from),
            creator: grant.provenance.creator.as_ref().map(Text::from),
            approvers: approved.iter().take(MAX_APPROVERS).map(ApproverRecord::from).collect(),
            more_approvers: approved.len().saturating_sub(MAX_APPROVERS),
        }
    }
}
