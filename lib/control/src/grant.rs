//! Grants as jitctl shows them, the verdict that rests on them, and what was written.

use serde::{Deserialize, Serialize};

use crate::RefusedGroup;

/// A verdict and the road to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// About whom.
    pub user: String,
    /// For what.
    pub service: String,
    /// At which time.
    pub at: i64,
    /// `allow`, `deny` or `unguarded`.
    pub verdict: String,
    /// A stable word for the reason of a deny or an unguarded: `no-grant`, `pending`, `scheduled`, `expired`, `wrong-service`,
    /// `revoked`, `refused`, `stale`, `root`, `exempt`, `service`, `not-production`, …
    #[serde(default)]
    pub code: Option<String>,
    /// The verdict in one sentence.
    pub text: String,
    /// Unix seconds of the end of an allow.
    pub until: Option<i64>,
    /// `permissive` or `enforcing`: whether a deny is carried out.
    pub mode: String,
    /// The steps of the decision, in order, a sentence each.
    pub road: Vec<String>,
    /// Every grant of this person here.
    pub grants: Vec<Grant>,
}

/// A list of grants.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Grants {
    /// In the order of their start; pending ones alone, the ones that wait for whoever asks first, and the longest wait first.
    pub grants: Vec<Grant>,
    /// Only from `grants --resting-on`: the roles that would be without enough approvers, or without anybody eligible.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<RestingRole>,
}

/// A role that somebody's leaving would break.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestingRole {
    /// Its name.
    pub role: String,
    /// `approver` or `eligible`: as what he would be missing.
    pub part: String,
    /// What would be, in a sentence.
    pub text: String,
}

/// Something happened in the directory: what `watch --json` prints, a line each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Unix seconds, by the clock of this machine.
    pub at: i64,
    /// `waiting` (it was there when the watch began), `new`, `approved` (one more, and it still waits), `live`, `scheduled`, `refused`,
    /// `revoked`, `expired`, `gone`, `changed`; `trouble` (the directory cannot be followed) and `back` (it can again).
    pub change: String,
    /// The grant as it is now, or was last.
    #[serde(default)]
    pub grant: Option<Grant>,
    /// What happened, in a sentence.
    pub text: String,
}

/// A grant as jitctl shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// Its cn.
    pub id: String,
    /// Its DN.
    pub dn: String,
    /// Where it comes from.
    pub source: String,
    /// The subject's DN.
    pub subject: String,
    /// The logins it is for.
    pub logins: Vec<String>,
    /// The role's name.
    pub role: Option<String>,
    /// The hosts it names.
    pub hosts: Vec<String>,
    /// The services it opens; empty means all guarded ones.
    pub services: Vec<String>,
    /// The Unix groups that it confers on this host while it is live.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Those that its role names and that it does not confer here.
    #[serde(default)]
    pub groups_refused: Vec<RefusedGroup>,
    /// `pending`, `refused`, `revoked`, `scheduled`, `live` or `expired`.
    pub state: String,
    /// Why it is in that state, where there is something to say.
    pub why: Option<String>,
    /// Unix seconds of its start.
    pub start: Option<i64>,
    /// Unix seconds of its end.
    pub end: Option<i64>,
    /// The reason given.
    pub reason: Option<String>,
    /// The ticket given.
    pub ticket: Option<String>,
    /// Who approved, when.
    pub approved: Vec<Approver>,
    /// What an approval of it as it stands must carry as `jitGrantDigest`, in hexadecimal.
    #[serde(default)]
    pub digest: Option<String>,
    /// Unix seconds of its writing (createTimestamp), if the directory says.
    #[serde(default)]
    pub asked: Option<i64>,
    /// Who wrote it (creatorsName), if the directory says.
    #[serde(default)]
    pub by: Option<String>,
    /// How many seconds it is for, if it does not name its end.
    #[serde(default)]
    pub duration: Option<u64>,
    /// Pending: how many more approvals it takes.
    #[serde(default)]
    pub missing: Option<u32>,
    /// Pending: members of these groups can give them (DNs).
    #[serde(default)]
    pub from: Vec<String>,
    /// Only in [`Why`]: why the person is eligible for its role; none where he is not shown to be, and in a default role.
    #[serde(default)]
    pub eligible: Option<Eligible>,
    /// Only in [`Why`]: every approval that was written under it, those that count first; 64 at most.
    #[serde(default)]
    pub approvals: Vec<Approval>,
    /// How many more there are.
    #[serde(default)]
    pub more_approvals: usize,
    /// Only from jitctl: whether it waits for the approval of whoever asks.
    #[serde(default)]
    pub waits_for_me: Option<bool>,
    /// Only from `grants --resting-on`: what becomes of it without that person.
    #[serde(default)]
    pub without: Option<String>,
}

/// Why somebody is eligible for a grant's role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eligible {
    /// Login.
    pub login: String,
    /// His DN.
    pub dn: String,
    /// The DNs of the groups that lead from him to what the role names: the one that he is in first, the one that is named last. None if
    /// it names himself.
    pub by: Vec<String>,
}

/// An approval, and what it is worth.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Its DN.
    pub dn: String,
    /// The DN of who approves, by its own claim.
    pub approver: String,
    /// Whether it counts.
    pub counts: bool,
    /// If it counts, Unix seconds of the time since when: of the signing where signatures are needed.
    pub at: Option<i64>,
    /// If it counts, what proves it: `creators-name`, `signature` or `source`.
    pub evidence: Option<String>,
    /// The key that signed, as `ssh-keygen -l` shows it.
    pub key: Option<String>,
    /// If it counts, the approver groups that he speaks for: each as the DNs of the groups that lead there, the one that he is in first,
    /// the role's last.
    pub groups: Vec<Vec<String>>,
    /// If it does not count, a stable word: `own-grant`, `no-approver`, `unsigned`, `signature-unknown-key`, …
    pub code: Option<String>,
    /// The same in a sentence.
    pub why: Option<String>,
}

/// Who approved, when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approver {
    /// The approver's DN.
    pub dn: String,
    /// Unix seconds.
    pub at: i64,
    /// The key that he signed with, where signatures prove approvals. From jitctl without a list of signers it is not checked.
    #[serde(default)]
    pub signed: Option<String>,
}

/// What jitctl wrote into the LDIF file, and what the daemon made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// The grant's id.
    pub id: String,
    /// The DN of the entry that was written.
    pub dn: String,
    /// The file.
    pub file: String,
    /// The grant as the daemon shows it now; none when it was not reached or had not read the file yet.
    pub grant: Option<Grant>,
    /// What was done, in a sentence.
    pub text: String,
}

/// What jitctl wrote into the directory, and what the grant is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// What was written: `request`, `approval` or `revocation`; `nothing` where it was so already.
    pub kind: String,
    /// The grant's id.
    pub id: String,
    /// The DN of the entry that was written, or that was there.
    pub dn: String,
    /// The grant as the directory shows it now; none when it does not show it yet.
    pub grant: Option<Grant>,
    /// The logins of those who may approve, as far as they can be seen; empty when nobody's approval is needed any more.
    #[serde(default)]
    pub approvers: Vec<String>,
    /// What was done, in a sentence.
    pub text: String,
}
