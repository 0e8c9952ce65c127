//! Whether a session that has begun may go on, until when, and when its people are warned. The same grants as at the door, by
//! other rules for doubt: a login is refused when nothing is known, a session is not ended. Only expiry, revocation, a grant that was
//! changed or one that is gone from a whole set ends it; silence of a source, and a source that has not spoken since the daemon
//! began, do not before the end that was known.
//!
//! What is remembered of a grant counts while its source has not spoken, and never longer than its known end; what is shown of it
//! counts from then on. A removal is believed from whoever shows it.
//!
//! Judged by the settled time: a clock that jumped ends nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::assess::{Assessed, AssessedGrant};
use crate::decide::{Asked, Guard, Unguarded, cover, guard};
use crate::grant::EntryUuid;
use crate::name::SourceName;
use crate::question::Question;
use crate::reason::DenyReason;
use crate::snapshot::Snapshot;
use crate::text::plain;
use crate::time::{Span, Timestamp};

mod doubt;

use doubt::Holds;

/// A grant that a session rests on, as last seen: what is left to go by when its source has not been heard of since the start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rest {
    /// Where it comes from.
    pub source: SourceName,
    /// Which grant.
    pub uuid: EntryUuid,
    /// Its cn, as it may reach a terminal ([`plain`]).
    pub id: String,
    /// When it begins: a grant that follows on another may still lie ahead.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
}

impl Rest {
    /// What to remember of a grant; nothing if it is not granted.
    pub fn of(grant: &AssessedGrant) -> Option<Rest> {
        let Assessed::Granted { window, .. } = grant.assessed else { return None };
        Some(Rest {
            source: grant.source.clone(),
            uuid: grant.grant.uuid,
            id: plain(&grant.grant.id),
            start: window.start(),
            end: window.end(),
        })
    }
}

/// What becomes of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stay {
    /// The rule no longer applies to it (exempt, the service or the host not guarded): no deadline any more.
    Unguarded(Unguarded),
    /// Its person is break-glass now: no deadline any more.
    BreakGlass,
    /// It goes on until then.
    Until {
        /// The live grants it rests on, a chain as in [`crate::decide::Allow::Grants`]; those that are only remembered are not
        /// among them, so it may be empty.
        grants: Vec<Arc<AssessedGrant>>,
        /// What to remember of all of them, remembered ones included; never empty.
        rests: Vec<Rest>,
        /// The end.
        until: Timestamp,
    },
    /// Nobody can tell yet: nothing is remembered of what it rests on (it was found after a restart), and a source has not spoken
    /// since the daemon began. It is left alone; ask again when there is word.
    Unknown,
    /// It is over, and why: never [`DenyReason::Stale`] or [`DenyReason::NeverHeard`].
    Over(DenyReason),
}

/// What becomes of a session at the settled time `now`. `question` is the one it was opened with, `rests` what it rested on when
/// last looked at.
pub fn stay(snapshot: &Snapshot, question: &Question, rests: &[Rest], now: Timestamp) -> Stay {
    let (policy, now) = (snapshot.policy(), doubt::moment(rests, now));
    if !policy.production {
        return Stay::Unguarded(Unguarded::NotProduction);
    }
    let asked = Asked { question, guard: guard(policy, question), now };
    match asked.guard {
        Guard::Open => return Stay::Unguarded(Unguarded::Service),
        // What rests on a grant was opened under one, whatever the ledger has forgotten since.
        Guard::Background if rests.is_empty() && !snapshot.has_held(&question.subject, now) => {
            return Stay::Unguarded(Unguarded::Background);
        }
        Guard::Background | Guard::Guarded => {}
    }
    if let Some(index) = policy.exemption(question) {
        return Stay::Unguarded(Unguarded::Exempt(index));
    }
    // uid 0 holds no grant, so no session of its rests on one, and none can be over because one is. It came by the console or
    // by an exemption that is gone by now, and may be the last one who can mend this host.
    if question.uid == 0 || policy.break_glass.way_in(question).is_some() {
        return Stay::BreakGlass;
    }
    let covering = doubt::covering(snapshot, &asked, rests);
    if let Some((chain, until)) = cover::chain(covering.clone(), now) {
        // Not the chain alone: should one of it be taken away, another may still hold, shown or not.
        let near = covering.iter().filter(|(window, _)| window.start() <= until && now < window.end());
        let mut known = BTreeSet::new();
        let rests = chain.iter().copied().chain(near.map(|(_, holds)| *holds)).filter_map(Holds::rest);
        return Stay::Until {
            rests: rests.filter(|rest| known.insert(rest.clone())).collect(),
            grants: chain.iter().filter_map(|holds| holds.shown().cloned()).collect(),
            until,
        };
    }
    if rests.is_empty() && doubt::some_source_is_silent(snapshot) {
        return Stay::Unknown;
    }
    Stay::Over(doubt::fate(snapshot, &asked, rests))
}

/// Whether somebody has any business on this host at the settled time `now`: a live grant that opens anything, or doubt whether there
/// is one. When that ends, everything of his ends. `rests` are those of all his sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// He may be here.
    Welcome,
    /// The rule does not apply to him alone: exempt for some service, or break-glass. Nothing but his guarded sessions is ended.
    Standing,
    /// His last grant is over.
    Over(DenyReason),
}

/// See [`Presence`]. Everybody is welcome on a host that is not production. `question` is any of his (its service does not count).
pub fn presence(snapshot: &Snapshot, question: &Question, rests: &[Rest], now: Timestamp) -> Presence {
    let (policy, now) = (snapshot.policy(), doubt::moment(rests, now));
    if !policy.production || question.uid == 0 {
        return Presence::Welcome;
    }
    // As background services are asked: by every grant that opens anything.
    let asked = Asked { question, guard: Guard::Background, now };
    let live = doubt::shown(snapshot, &question.subject)
        .any(|(window, grant)| window.contains(now) && asked.opened_by(grant));
    let remembered = || doubt::remembered(snapshot, rests).any(|(window, _)| window.contains(now));
    let unknown = || rests.is_empty() && doubt::some_source_is_silent(snapshot);
    if live || remembered() || unknown() {
        Presence::Welcome
    } else if policy.spares(question) {
        Presence::Standing
    } else {
        Presence::Over(doubt::fate(snapshot, &asked, rests))
    }
}

/// The next warning after `after`, for a session that ends at `until`, and how long before the end it was to be given. Warnings at or
/// before `after` are past: a session that begins four minutes before its end is not warned of five. Where an end has moved
/// closer, the warning may lie before now; one is then enough for all of them.
pub fn next_warning(until: Timestamp, before: &[Span], after: Timestamp) -> Option<(Timestamp, Span)> {
    let at = |span: &Span| (Timestamp(until.0.saturating_sub_unsigned(span.0)), *span);
    before.iter().map(at).filter(|(at, _)| after < *at && *at < until).min_by_key(|(at, _)| *at)
}
