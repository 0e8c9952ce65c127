//! From when until when a grant is good.
//!
//! A window must never grow because something was removed: its start is held by the ledger ([`super::Memory::began`]), its
//! end by the words of the grant, the role's longest duration, and the shorter limits of the approvers.

use super::approvals::Tally;
use crate::grant::{End, Grant};
use crate::reason::Refusal;
use crate::role::Role;
use crate::time::{Span, Timestamp, Window};

/// Whether the grant's own words ask for no more than the role allows. Only words that stand still are measured, never the
/// time of an approval: removing an early approval must not make a grant short enough.
pub(super) fn check_length(grant: &Grant, role: &Role) -> Result<(), Refusal> {
    let asked = match grant.end {
        End::After(span) => span,
        End::At(end) => {
            let from = grant.not_before.or(grant.provenance.created);
            let from = from.ok_or(Refusal::EvidenceMissing("createTimestamp"))?;
            end.since(from)
        }
    };
    if asked == Span(0) {
        return Err(Refusal::EmptyWindow);
    }
    if asked > role.max_duration {
        return Err(Refusal::TooLong { asked, allowed: role.max_duration });
    }
    Ok(())
}

/// The window of a grant that has the approvals it needs. `began`: since when a duration counts.
pub(super) fn window(
    grant: &Grant,
    role: &Role,
    tally: &Tally<'_>,
    began: Option<Timestamp>,
) -> Result<Window, Refusal> {
    let start = grant.not_before.max(began).ok_or(Refusal::EvidenceMissing("createTimestamp"))?;
    let longest = start.plus(role.max_duration);
    let end = match grant.end {
        End::At(end) => end,
        End::After(span) => start.plus(span),
    };
    let end = tally.latest_end(role, start, end.min(longest));
    Window::new(start, end).ok_or(Refusal::EmptyWindow)
}
