//! Everything this host knows, immutable, replaced whole. Never edited: a new one is built and swapped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::assess::{Assessed, AssessedGrant};
use crate::dn::Dn;
use crate::name::{Login, SourceName};
use crate::policy::Policy;
use crate::source::{EntryKind, SetAside, Source};
use crate::time::{Span, Timestamp};

/// How fresh a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// When there was last word from it; `None` before the first.
    pub heard: Option<Timestamp>,
    /// How long its grants hold without word from it; `None` means for ever (LDIF).
    pub max_offline: Option<Span>,
}

/// Whether a source's grants count for want of word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Heard of lately enough, or never in need of it.
    Fresh,
    /// Silent for longer than its grants hold.
    Stale(Span),
    /// Never heard of since there is a record.
    NeverHeard,
}

impl Freshness {
    /// Whether the source's grants count at `now`.
    pub fn silence(&self, now: Timestamp) -> Silence {
        match (self.max_offline, self.heard) {
            (None, _) => Silence::Fresh,
            (Some(_), None) => Silence::NeverHeard,
            (Some(limit), Some(heard)) if now.since(heard) > limit => Silence::Stale(now.since(heard)),
            (Some(_), Some(_)) => Silence::Fresh,
        }
    }

    /// Until when its grants count if nothing more is heard of it: the first second at which [`Freshness::silence`] says that it is
    /// stale. `None` if they do not count at all.
    pub fn counts_until(&self) -> Option<Timestamp> {
        match (self.max_offline, self.heard) {
            (None, _) => Some(Timestamp(i64::MAX)),
            (Some(_), None) => None,
            // No two times are further apart than a span can be ([`Timestamp::since`]).
            (Some(Span(limit)), Some(_)) if limit >= i64::MAX.unsigned_abs() => Some(Timestamp(i64::MAX)),
            // Stale is what is silent for longer than the limit: at the limit it still counts.
            (Some(limit), Some(heard)) => Some(heard.plus(limit).plus(Span(1))),
        }
    }
}

/// An entry that could not be used, and whom it was meant for, so that they can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    /// Which source shows it.
    pub source: SourceName,
    /// The entry and what is wrong with it.
    pub entry: SetAside,
    /// The logins of its subject, if it is a grant and names one. Shared by all entries for one subject: whoever is in a large group may
    /// write many for all of it.
    pub logins: Arc<BTreeSet<Login>>,
}

impl Aside {
    /// Everything that a source has set aside.
    pub fn of<'a>(source: &'a Source) -> Vec<Aside> {
        let mut known: BTreeMap<&Dn, Arc<BTreeSet<Login>>> = BTreeMap::new();
        let find = |subject| match source.people.person(subject) {
            Some(person) => Arc::new(BTreeSet::from([person.login.clone()])),
            None => {
                let them = source.people.members_of(subject);
                Arc::new(them.into_iter().map(|person| person.login.clone()).collect())
            }
        };
        let mut logins = |entry: &'a SetAside| match (&entry.subject, entry.kind) {
            (Some(subject), EntryKind::Grant) => {
                Arc::clone(known.entry(subject).or_insert_with(|| find(subject)))
            }
            _ => Arc::default(),
        };
        source
            .set_aside
            .iter()
            .map(|entry| Aside { source: source.name.clone(), entry: entry.clone(), logins: logins(entry) })
            .collect()
    }
}

/// Everything this host knows.
#[derive(Clone, Debug)]
pub struct Snapshot {
    policy: Policy,
    sources: BTreeMap<SourceName, Freshness>,
    /// Sources whose set is from before the daemon began.
    recalled: BTreeSet<SourceName>,
    grants: Vec<Arc<AssessedGrant>>,
    by_login: BTreeMap<Login, Vec<Arc<AssessedGrant>>>,
    set_aside: Vec<Aside>,
    /// Logins that hold or lately held a grant here (from the ledger): background services are guarded for them.
    known: BTreeSet<Login>,
}

impl Snapshot {
    /// Puts together what is known. `sources`: every configured source, those that never spoke too. `grants`: what
    /// [`crate::assess::assess`] says of all of them. `known`: logins that hold or lately held a grant here, from the
    /// ledger. A grant whose source is not among `sources` never counts.
    pub fn new(
        policy: Policy,
        sources: BTreeMap<SourceName, Freshness>,
        grants: Vec<Arc<AssessedGrant>>,
        set_aside: Vec<Aside>,
        known: BTreeSet<Login>,
    ) -> Snapshot {
        let by_login = by_login(&grants);
        Snapshot { policy, sources, recalled: BTreeSet::new(), grants, by_login, set_aside, known }
    }

    /// The same, where these sources have shown no whole set since the daemon began: what is known of them was on disk, and may
    /// lack what was added just before the daemon was killed.
    #[must_use]
    pub fn recalled(self, sources: impl IntoIterator<Item = SourceName>) -> Snapshot {
        Snapshot { recalled: sources.into_iter().collect(), ..self }
    }

    /// Whether a configured source has shown a whole set since the daemon began. As long as it has not, what it does not show is
    /// no proof that it is not there.
    pub fn has_spoken(&self, source: &SourceName) -> bool {
        let heard = self.sources.get(source).is_some_and(|freshness| freshness.heard.is_some());
        heard && !self.recalled.contains(source)
    }

    /// To whom and to what the rule applies here.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The sources and how fresh they are.
    pub fn sources(&self) -> &BTreeMap<SourceName, Freshness> {
        &self.sources
    }

    /// Every grant, whatever its state.
    pub fn grants(&self) -> &[Arc<AssessedGrant>] {
        &self.grants
    }

    /// The grants that name this login, whatever their state.
    pub fn grants_of(&self, login: &Login) -> &[Arc<AssessedGrant>] {
        self.by_login.get(login).map_or(&[], Vec::as_slice)
    }

    /// Whether grants of this source count at `now`; those of an unknown source never do.
    pub fn silence(&self, source: &SourceName, now: Timestamp) -> Silence {
        self.sources.get(source).map_or(Silence::NeverHeard, |freshness| freshness.silence(now))
    }

    /// Until when grants of this source count if nothing more is heard of it; see [`Freshness::counts_until`].
    pub fn counts_until(&self, source: &SourceName) -> Option<Timestamp> {
        self.sources.get(source).and_then(Freshness::counts_until)
    }

    /// Entries that could not be used.
    pub fn set_aside(&self) -> &[Aside] {
        &self.set_aside
    }

    /// Logins that hold or lately held a grant here, as the ledger has them.
    pub fn known(&self) -> &BTreeSet<Login> {
        &self.known
    }

    /// Whether background services are guarded for this login at `now`: it is in the ledger, or a grant that speaks for it
    /// has begun.
    pub fn has_held(&self, login: &Login, now: Timestamp) -> bool {
        self.known.contains(login)
            || self.grants_of(login).iter().any(|grant| match &grant.assessed {
                Assessed::Granted { window, .. } => window.start() <= now,
                Assessed::Pending { .. } | Assessed::Refused(_) | Assessed::Revoked(_) => false,
            })
    }
}

/// The grants that name each login, in their order. Those whom many grants share are gone through once.
fn by_login(grants: &[Arc<AssessedGrant>]) -> BTreeMap<Login, Vec<Arc<AssessedGrant>>> {
    let mut shared: BTreeMap<_, (&BTreeMap<Login, Dn>, Vec<usize>)> = BTreeMap::new();
    for (place, grant) in grants.iter().enumerate() {
        let key = Arc::as_ptr(&grant.logins);
        shared.entry(key).or_insert_with(|| (&grant.logins, Vec::new())).1.push(place);
    }
    let mut places: BTreeMap<&Login, Vec<usize>> = BTreeMap::new();
    for (logins, at) in shared.values() {
        for login in logins.keys() {
            places.entry(login).or_default().extend(at);
        }
    }
    let of = |mut at: Vec<usize>| {
        at.sort_unstable();
        at.into_iter().filter_map(|place| grants.get(place).cloned()).collect()
    };
    places.into_iter().map(|(login, at)| (login.clone(), of(at))).collect()
}
