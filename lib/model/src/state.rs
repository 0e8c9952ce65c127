//! Assessed + now. Derived, never stored.

use serde::{Deserialize, Serialize};

use crate::assess::Assessed;
use crate::time::Timestamp;

/// What a grant is at a given time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Lacks approvals.
    Pending,
    /// Does not count.
    Refused,
    /// Taken away.
    Revoked,
    /// Begins later.
    Scheduled,
    /// Opens doors now.
    Live,
    /// Over.
    Expired,
}

/// The state of an assessed grant at `now`.
pub fn state(assessed: &Assessed, now: Timestamp) -> State {
    match assessed {
        Assessed::Pending { .. } => State::Pending,
        Assessed::Refused(_) => State::Refused,
        Assessed::Revoked(_) => State::Revoked,
        Assessed::Granted { window, .. } if now < window.start() => State::Scheduled,
        Assessed::Granted { window, .. } if now < window.end() => State::Live,
        Assessed::Granted { .. } => State::Expired,
    }
}
