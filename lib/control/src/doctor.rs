//! What `jitctl doctor` found, for programs.

use serde::{Deserialize, Serialize};

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doctor {
    /// The worst first.
    pub findings: Vec<Finding>,
    /// What was examined, each a stable word.
    pub examined: Vec<String>,
    /// What could not be examined, and why.
    pub unexamined: Vec<String>,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `lock-out`, `hole`, `warning` or `note`.
    pub level: String,
    /// Which rule it breaks, in one stable word.
    pub code: String,
    /// Where: a file with its line, a service, a source.
    pub place: String,
    /// What is wrong, and what comes of it.
    pub text: String,
    /// What to type, or to write where.
    pub cure: String,
}
