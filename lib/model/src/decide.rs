//! The verdict: snapshot + question + now. Deny is the default, and each refusal has a name.
//!
//! The rules in their order (see "The rules of decision" in docs/design.md):
//! 1. The host is not production, the service is not guarded, or the person is exempt: unguarded.
//! 2. Break-glass: allow, without a deadline.
//! 3. uid 0 holds no grant: deny.
//! 4. A live grant from a source that has been heard of lately enough opens the service: allow, until the end of the last
//!    of the covering grants that follow each other without a gap.
//! 5. The grants that would allow are all from sources silent for too long, or every source is: deny as stale.
//! 6. Otherwise deny, and name the nearest miss (ranked in decide/miss.rs).
//!
//! A background service is opened by every live grant that opens anything: it runs for somebody who may be here anyway, and
//! a login whose `systemd-user` is denied is a broken one.

use std::sync::Arc;

use crate::assess::{Assessed, AssessedGrant, Services};
use crate::grant::EntryUuid;
use crate::policy::{Glass, Policy};
use crate::question::Question;
use crate::reason::DenyReason;
use crate::snapshot::{Silence, Snapshot};
use crate::time::{Timestamp, Window};

pub(crate) mod cover;
pub(crate) mod miss;
mod road;

use road::Road;
pub use road::{Guard, Standing, Step};

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

impl Unguarded {
    /// A stable word for programs: part of the audit's and of jitctl's format, never changed.
    pub fn code(self) -> &'static str {
        match self {
            Unguarded::NotProduction => "not-production",
            Unguarded::Service => "service",
            Unguarded::Background => "background",
            Unguarded::Exempt(_) => "exempt",
        }
    }
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

/// Decides.
pub fn decide(snapshot: &Snapshot, question: &Question, now: Timestamp) -> Verdict {
    walk(snapshot, question, now, &mut ())
}

/// Decides, and tells the steps in their order. The verdict is [`decide`]'s: both walk the same road.
pub fn explain(snapshot: &Snapshot, question: &Question, now: Timestamp) -> (Verdict, Vec<Step>) {
    let mut road = Vec::new();
    let verdict = walk(snapshot, question, now, &mut road);
    (verdict, road)
}

/// A question with what the configuration makes of its service.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) question: &'a Question,
    pub(crate) guard: Guard,
    pub(crate) now: Timestamp,
}

impl Asked<'_> {
    /// Whether a grant's services include the one that is asked for.
    pub(crate) fn opened_by(&self, grant: &AssessedGrant) -> bool {
        match (&grant.services, self.guard) {
            (Services::AllGuarded, Guard::Background) => true,
            (Services::Only(services), Guard::Background) => !services.is_empty(),
            (services, Guard::Guarded | Guard::Open) => services.include(&self.question.service),
        }
    }
}

/// What the configuration makes of the service that is asked for.
pub(crate) fn guard(policy: &Policy, question: &Question) -> Guard {
    if policy.guarded.contains(&question.service) {
        Guard::Guarded
    } else if policy.background.contains(&question.service) {
        Guard::Background
    } else {
        Guard::Open
    }
}

fn walk(snapshot: &Snapshot, question: &Question, now: Timestamp, road: &mut impl Road) -> Verdict {
    let policy = snapshot.policy();
    road.note(|| Step::Host { name: policy.host.fqdn().clone(), production: policy.production });
    if !policy.production {
        return Verdict::Unguarded(Unguarded::NotProduction);
    }
    let asked = Asked { question, guard: guard(policy, question), now };
    road.note(|| Step::Service { service: question.service.clone(), guard: asked.guard });
    match asked.guard {
        Guard::Open => return Verdict::Unguarded(Unguarded::Service),
        Guard::Background => {
            let held = snapshot.has_held(&question.subject, now);
            road.note(|| Step::Held { login: question.subject.clone(), held });
            if !held {
                return Verdict::Unguarded(Unguarded::Background);
            }
        }
        Guard::Guarded => {}
    }
    let exempt = policy.exemption(question);
    road.note(|| Step::Exempt(exempt));
    if let Some(index) = exempt {
        return Verdict::Unguarded(Unguarded::Exempt(index));
    }
    let glass: Option<Glass> = policy.break_glass.way_in(question);
    road.note(|| Step::BreakGlass(glass.clone()));
    if glass.is_some() {
        return Verdict::Allow(Allow::BreakGlass);
    }
    if question.uid == 0 {
        road.note(|| Step::Root);
        return Verdict::Deny(DenyReason::Root);
    }
    for (name, freshness) in snapshot.sources() {
        road.note(|| Step::Source { name: name.clone(), silence: freshness.silence(now) });
    }
    by_grants(snapshot, &asked, road)
}

/// The rules from the fourth on.
fn by_grants(snapshot: &Snapshot, asked: &Asked<'_>, road: &mut impl Road) -> Verdict {
    let now = asked.now;
    let grants = snapshot.grants_of(&asked.question.subject);
    let mut covering: Vec<(Window, &Arc<AssessedGrant>)> = Vec::new();
    let mut silent: Vec<Silence> = Vec::new();
    for grant in grants {
        road.note(|| Step::Grant(Standing::of(grant, asked.opened_by(grant), snapshot, now)));
        let Assessed::Granted { window, .. } = grant.assessed else { continue };
        if !asked.opened_by(grant) {
            continue;
        }
        match snapshot.silence(&grant.source, now) {
            Silence::Fresh => covering.push((window, grant)),
            silence @ (Silence::Stale(_) | Silence::NeverHeard) if window.contains(now) => {
                silent.push(silence)
            }
            Silence::Stale(_) | Silence::NeverHeard => {}
        }
    }
    if let Some((grants, until)) = cover::chain(covering, now) {
        let grants = grants.into_iter().cloned().collect();
        return Verdict::Allow(Allow::Grants { grants, until });
    }
    let all = || snapshot.sources().values().map(|freshness| freshness.silence(now));
    if silent.is_empty() && all().all(|silence| silence != Silence::Fresh) {
        silent.extend(all());
    }
    if let Some(reason) = stale(&silent) {
        return Verdict::Deny(reason);
    }
    for aside in snapshot.set_aside().iter().filter(|aside| aside.logins.contains(&asked.question.subject)) {
        road.note(|| Step::SetAside { dn: aside.entry.dn.clone(), reason: aside.entry.reason.clone() });
    }
    Verdict::Deny(miss::nearest(snapshot, asked))
}

impl cover::Covers for &Arc<AssessedGrant> {
    fn uuid(self) -> EntryUuid {
        self.grant.uuid
    }
}

/// The reason for silence: the source that was heard of last.
fn stale(silent: &[Silence]) -> Option<DenyReason> {
    let spans = silent.iter().filter_map(|silence| match silence {
        Silence::Stale(span) => Some(*span),
        Silence::Fresh | Silence::NeverHeard => None,
    });
    match spans.min() {
        Some(span) => Some(DenyReason::Stale(span)),
        None => silent.contains(&Silence::NeverHeard).then_some(DenyReason::NeverHeard),
    }
}
