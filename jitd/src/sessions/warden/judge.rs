//! What is done about a session and about a person, by values: no clock, no processes, no disk. The rules of doubt are the model's
//! (jit_model::session); here stands what the mode, the configuration and an order make of them.

use std::collections::BTreeSet;

use jit_model::decide::Unguarded;
use jit_model::reason::DenyReason;
use jit_model::session::{Presence, Rest, Stay, next_warning};
use jit_model::time::{Span, Timestamp};

use crate::config::OnEnd;
use crate::mode::Mode;
use crate::sessions::record::{Basis, Session, Standing, Visitor};
use crate::sessions::words::Why;

/// What is done about a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Nothing: it goes on as it is.
    Keep,
    /// It goes on, and this is to be remembered of it.
    Rest {
        /// What it rests on.
        rests: Vec<Rest>,
        /// Its end.
        until: Timestamp,
        /// Whether its end is another than before.
        moved: bool,
        /// See [`Session::warned`].
        warned: Timestamp,
    },
    /// The rule no longer applies to it.
    Lift(Standing),
    /// The host is permissive: its deadline is lifted for good.
    WouldEnd,
    /// It is over, and `on_end = "warn"`.
    OnlySay(DenyReason),
    /// It ends.
    End(Why),
}

/// What is done about a session that is not being ended yet. `stay` is asked only where it matters.
pub(super) fn judge(session: &Session, mode: Mode, on_end: OnEnd, stay: impl FnOnce() -> Stay) -> Act {
    if let Some(order) = &session.order {
        return Act::End(Why::Ordered(order.clone()));
    }
    let Basis::Grants { rests: old, until: before } = &session.basis else { return Act::Keep };
    if mode == Mode::Permissive {
        return Act::WouldEnd;
    }
    match stay() {
        Stay::Unguarded(Unguarded::Exempt(_)) => Act::Lift(Standing::Exempt),
        Stay::Unguarded(Unguarded::NotProduction | Unguarded::Service | Unguarded::Background) => {
            Act::Lift(Standing::Unguarded)
        }
        Stay::BreakGlass => Act::Lift(Standing::BreakGlass),
        Stay::Unknown => Act::Keep,
        Stay::Until { rests, until, .. } if rests == *old && until == *before => Act::Keep,
        Stay::Until { rests, until, .. } => {
            // An end that came closer is told of at once where it lies within the warnings; of one that moved away there will be
            // warnings after those that were given.
            let warned = if until < *before { Timestamp(i64::MIN) } else { session.warned };
            Act::Rest { rests, until, moved: until != *before, warned }
        }
        Stay::Over(reason) => match on_end {
            OnEnd::Terminate => Act::End(Why::Over(reason)),
            OnEnd::Warn => Act::OnlySay(reason),
        },
    }
}

/// The warnings of a session that ends at `until`, as they stand at `now`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Warnings {
    /// The latest that is due: one is given for all that are.
    pub(super) due: Option<Timestamp>,
    /// The next that is not.
    pub(super) next: Option<Timestamp>,
}

/// See [`Warnings`]. `warned`: as in [`Session::warned`].
pub(super) fn warnings(until: Timestamp, before: &[Span], warned: Timestamp, now: Timestamp) -> Warnings {
    let mut warnings = Warnings::default();
    let mut after = warned;
    while let Some((at, _)) = next_warning(until, before, after) {
        if at > now {
            warnings.next = Some(at);
            break;
        }
        warnings.due = Some(at);
        after = at;
    }
    warnings
}

/// A session, as far as it matters to its person's staying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stays {
    /// The person's uid.
    pub(super) uid: u32,
    /// Whether it is being ended.
    pub(super) ending: bool,
}

/// Those of whom everything ends: their last grant is over, no session under their uid goes on (one without a deadline least of all),
/// and nobody else who shares the uid may be here. Never uid 0.
pub(super) fn leavers<'v>(
    visitors: &'v [(Visitor, Presence)],
    sessions: &[Stays],
) -> Vec<(&'v Visitor, &'v DenyReason)> {
    let goes_on = |uid: u32| sessions.iter().any(|session| session.uid == uid && !session.ending);
    let all_over = |uid: u32| {
        let mut sharing = visitors.iter().filter(|(other, _)| other.uid == uid);
        sharing.all(|(_, presence)| matches!(presence, Presence::Over(_)))
    };
    let over = |(visitor, presence): &'v (Visitor, Presence)| match presence {
        Presence::Over(reason) => Some((visitor, reason)),
        Presence::Welcome | Presence::Standing => None,
    };
    let mut leavers: Vec<_> = visitors.iter().filter_map(over).collect();
    leavers.retain(|(visitor, _)| visitor.uid != 0 && !goes_on(visitor.uid) && all_over(visitor.uid));
    // One at a time of those who share a uid: the processes are the same.
    let mut seen = BTreeSet::new();
    leavers.retain(|(visitor, _)| seen.insert(visitor.uid));
    leavers
}

#[cfg(test)]
mod tests;
