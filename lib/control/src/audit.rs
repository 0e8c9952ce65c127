//! What `jitctl audit` says, for programs.

use serde::{Deserialize, Serialize};

/// To `audit verify`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Lines that were looked at.
    pub lines: u64,
    /// Where the chain does not hold, and what it looks like.
    pub faults: Vec<String>,
}

/// To `audit report`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Who was in, in the order of time.
    pub sessions: Vec<Session>,
    /// Sequence numbers that no line has, a sentence each.
    pub missing: Vec<String>,
}

/// One session, or one attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The host's full name.
    pub host: String,
}

/// To `audit replay`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Per person and service.
    pub refused: Vec<Refused>,
    /// `[[exempt]]` blocks for jitd.toml.
    pub exempt: String,
}

/// What enforcing would have refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Login.
    pub user: String,
    /// PAM service.
    pub service: String,
    /// How often.
    pub count: u64,
}
