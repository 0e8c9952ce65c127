//! Everything this host knows, immutable, replaced whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::assess::AssessedGrant;
use crate::name::{Login, SourceName};
use crate::policy::Policy;
use crate::source::SetAside;
use crate::time::{Span, Timestamp};

/// How fresh a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// When there was last word from it; `None` before the first.
    pub heard: Option<Timestamp>,
    /// How long its grants hold without word from it; `None` means for ever (LDIF).
    pub max_offline: Option<Span>,
}

/// Everything this host knows.
#[derive(Clone, Debug)]
pub struct Snapshot {
    policy: Policy,
    sources: BTreeMap<SourceName, Freshness>,
    grants: Vec<Arc<AssessedGrant>>,
    by_login: BTreeMap<Login, Vec<Arc<AssessedGrant>>>,
    set_aside: Vec<(SourceName, SetAside)>,
    /// Logins that hold or lately held a grant here (from the ledger): background services are guarded for them.
    known: BTreeSet<Login>,
}
