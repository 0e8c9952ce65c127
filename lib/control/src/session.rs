//! The sessions on a host.

use serde::{Deserialize, Serialize};

/// The sessions on this host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sessions {
    /// The daemon's idea of now, Unix seconds: `until` is left from here.
    pub now: i64,
    /// Oldest first.
    pub sessions: Vec<Session>,
}

/// A session as jitctl shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// What `sessions terminate` takes.
    pub id: String,
    /// Whose.
    pub user: String,
    /// Of which PAM service.
    pub service: String,
    /// Whom the user became, for su and sudo.
    pub target: Option<String>,
    /// From where (PAM_RHOST); none for a local one.
    pub from: Option<String>,
    /// Its process.
    pub pid: i32,
    /// Unix seconds of its opening.
    pub since: i64,
    /// The ids of the grants it rests on.
    pub grants: Vec<String>,
    /// Unix seconds of its end; none if it has no deadline.
    pub until: Option<i64>,
    /// Why it has no deadline: `permissive`, `exempt`, `break-glass`, `lifted`, `unguarded`, `warned`, `found`.
    pub standing: Option<String>,
    /// `open`; `closed` when its person left and processes of it remain; `ending`.
    pub state: String,
}
