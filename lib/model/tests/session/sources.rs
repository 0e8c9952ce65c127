//! How sources stand, what they show together, and what is remembered of their grants.

use std::sync::Arc;

use jit_model::assess::AssessedGrant;
use jit_model::name::SourceName;
use jit_model::session::Rest;
use jit_model::snapshot::{Aside, Freshness, Snapshot};
use jit_model::time::Span;

use crate::world::{World, at, uuid};

/// How a source stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// It has shown a whole set in this run of the daemon.
    Spoken,
    /// The same, but long ago.
    Stale,
    /// Its set is from disk.
    Recalled,
    /// The same, and long ago.
    RecalledStale,
    /// A directory that was never heard.
    NeverHeard,
    /// A file that was never read: never stale, yet nothing is known.
    Unread,
}

pub(crate) const SPEAKS: [Source; 2] = [Source::Spoken, Source::Stale];
pub(crate) const SILENT: [Source; 4] =
    [Source::Recalled, Source::RecalledStale, Source::NeverHeard, Source::Unread];

impl Source {
    pub(crate) fn freshness(self) -> Freshness {
        let (heard, max_offline) = match self {
            Source::Spoken | Source::Recalled => (Some(0), None),
            Source::Stale | Source::RecalledStale => (Some(0), Some(1)),
            Source::NeverHeard => (None, Some(1)),
            Source::Unread => (None, None),
        };
        Freshness { heard: heard.map(at), max_offline: max_offline.map(Span) }
    }

    fn is_recalled(self) -> bool {
        matches!(self, Source::Recalled | Source::RecalledStale)
    }
}

pub(crate) fn named(name: &str) -> SourceName {
    SourceName::new(name).expect("a name")
}

/// What these sources show together. The policy and the ledger are the first one's.
pub(crate) fn shown(sources: &[(&str, Source, &World)]) -> Snapshot {
    let mut grants: Vec<Arc<AssessedGrant>> = Vec::new();
    let mut asides = Vec::new();
    for (name, _, world) in sources {
        grants.extend(world.assess().into_iter().map(|grant| {
            let source = named(name);
            Arc::new(AssessedGrant { source, ..grant })
        }));
        asides.extend(Aside::of(&world.source()).into_iter().map(|aside| {
            let source = named(name);
            Aside { source, ..aside }
        }));
    }
    let (_, _, first) = sources.first().expect("a source");
    let freshness = sources.iter().map(|(name, source, _)| (named(name), source.freshness())).collect();
    let recalled = sources.iter().filter(|(_, source, _)| source.is_recalled()).map(|(name, ..)| named(name));
    Snapshot::new(first.policy.clone(), freshness, grants, asides, first.known.clone()).recalled(recalled)
}

/// What is remembered of grant `n` of the source `ldap`.
pub(crate) fn rest(n: u32, start: i64, end: i64) -> Rest {
    Rest { source: named("ldap"), uuid: uuid(n), id: format!("g{n}"), start: at(start), end: at(end) }
}

/// Of alice's grant as in [`approved`].
pub(crate) fn remembered() -> [Rest; 1] {
    [rest(1, 2_000, 9_200)]
}
