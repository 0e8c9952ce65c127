//! Whether a session that has begun may go on, until when, and when its people are warned. The same grants as at the door, by
//! other rules for doubt: a login is refused when nothing is known, a session is not ended. Only expiry, revocation, a grant that was
//! changed or one that is gone from a whole set ends it; silence of a source, and a source never heard of, do not before the end
//! that was known.
//!
//! Judged by the settled time: a clock that jumped ends nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::assess::{Assessed, AssessedGrant};
use crate::decide::Unguarded;
use crate::grant::EntryUuid;
use crate::name::SourceName;
use crate::question::Question;
use crate::reason::DenyReason;
use crate::snapshot::Snapshot;
use crate::text::plain;
use crate::time::{Span, Timestamp};

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
pub fn stay(_snapshot: &Snapshot, _question: &Question, _rests: &[Rest], _now: Timestamp) -> Stay {
    Stay::Over(DenyReason::NoGrant)
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
pub fn presence(_snapshot: &Snapshot, _question: &Question, _rests: &[Rest], _now: Timestamp) -> Presence {
    Presence::Welcome
}

/// The next warning after `after`, for a session that ends at `until`, and how long before the end it is. Warnings at or before
/// `after` are past: a session that begins four minutes before its end is not warned of five.
pub fn next_warning(until: Timestamp, before: &[Span], after: Timestamp) -> Option<(Timestamp, Span)> {
    let at = |span: &Span| (Timestamp(until.0.saturating_sub_unsigned(span.0)), *span);
    before.iter().map(at).filter(|(at, _)| *at > after).min_by_key(|(at, _)| *at)
}
