//! Roles, as a directory has them.

use serde::{Deserialize, Serialize};

/// The roles of a directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Roles {
    /// In the order of their names.
    pub roles: Vec<Role>,
}

/// A role as jitctl shows it. Of one that has a fault only name, DN and fault are known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// Its cn.
    pub name: String,
    /// Its DN.
    pub dn: String,
    /// Why nobody can be in it, if it is malformed.
    #[serde(default)]
    pub fault: Option<String>,
    /// The hosts it is for.
    pub hosts: Vec<String>,
    /// The services it opens; empty means all guarded ones.
    pub services: Vec<String>,
    /// The Unix groups it confers, where a host lets it.
    pub groups: Vec<String>,
    /// The DNs of people and groups who may hold it.
    pub eligible: Vec<String>,
    /// The longest a grant may be live, in seconds.
    pub max_duration: u64,
    /// How many distinct people have to approve.
    pub approvals_required: u32,
    /// Whether each approver group has to be heard.
    pub approvals_from_each: bool,
    /// Whether only signed approvals count.
    pub signature_required: bool,
    /// Whether a grant must give a reason.
    pub reason_required: bool,
    /// What the ticket must look like, if one is wanted.
    #[serde(default)]
    pub ticket_pattern: Option<String>,
    /// Who may approve.
    pub approvers: Vec<ApproverGroup>,
    /// The groups by which whoever asks is eligible, his own first; empty when he is by name. None: he is not.
    #[serde(default)]
    pub eligible_by: Option<Vec<String>>,
    /// Whether whoever asks is in one of the approver groups.
    pub approver: bool,
}

/// Who may approve, by the group that makes him an approver.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApproverGroup {
    /// The group's DN.
    pub group: String,
    /// Whether there is such a group, as far as whoever asks can see.
    pub found: bool,
    /// The DNs of the people in it, through groups in it too.
    pub people: Vec<String>,
}
