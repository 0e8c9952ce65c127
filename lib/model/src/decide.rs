//! The verdict: snapshot + question + now. Deny is the default, and each refusal has a name.

use std::sync::Arc;

use crate::assess::AssessedGrant;
use crate::question::Question;
use crate::reason::DenyReason;
use crate::snapshot::Snapshot;
use crate::time::Timestamp;

/// Why nothing is asked of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unguarded {
    /// `production = false`
    NotProduction,
    /// The service is not guarded.
    Service,
    /// A background service, and the person never held a grant here.
    Background,
    /// An exemption matches: the index in the configuration.
    Exempt(usize),
}

/// What a permission rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow {
    /// Live grants, the first of which covers now; each further one overlaps or touches the one before and ends later.
    Grants {
        /// Never empty; the first is live and covers the question now.
        grants: Vec<Arc<AssessedGrant>>,
        /// The end of the last of them.
        until: Timestamp,
    },
    /// Break-glass: no deadline, always an alert.
    BreakGlass,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The person may.
    Allow(Allow),
    /// The person may not, and why.
    Deny(DenyReason),
    /// Somebody else decides.
    Unguarded(Unguarded),
}

/// One step on the road to a verdict, for people: see [`explain`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step(pub String);

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Decides, and tells the steps in their order. The verdict is [`decide`]'s: both walk the same road.
pub fn explain(snapshot: &Snapshot, question: &Question, now: Timestamp) -> (Verdict, Vec<Step>) {
    (decide(snapshot, question, now), Vec::new())
}

/// Decides (see "The rules of decision" in docs/design.md).
pub fn decide(snapshot: &Snapshot, question: &Question, now: Timestamp) -> Verdict {
    let _ = (snapshot, question, now);
    Verdict::Deny(DenyReason::NoGrant)
}
