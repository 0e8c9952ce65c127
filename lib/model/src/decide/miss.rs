//! The nearest miss: of all that speaks for a person but does not let him in, what he should be told.
//!
//! From the nearest:
//! 1. a grant that opens the service and begins later (the soonest);
//! 2. a pending grant for the service that has not run out (the fewest approvals missing);
//! 3. a live grant for other services (the one that ends last);
//! 4. what happened last: a grant for the service that expired, or was revoked, or one that is refused, by the time of its
//!    end, of its revocation, of its making;
//! 5. a grant for other services that begins later or is pending;
//! 6. what happened last to grants for other services;
//! 7. a grant that is set aside;
//! 8. a grant for other hosts;
//! 9. nothing.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::Asked;
use crate::assess::{Assessed, AssessedGrant};
use crate::dn::Dn;
use crate::grant::End;
use crate::reason::{DenyReason, Refusal};
use crate::role::Role;
use crate::snapshot::{Aside, Snapshot};
use crate::text::plain;
use crate::time::Timestamp;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Scheduled(Timestamp),
    Pending(u32),
    OtherService(Reverse<Timestamp>),
    Past(Reverse<Timestamp>),
    OtherServiceLater,
    OtherServicePast(Reverse<Timestamp>),
    OtherHost,
}

pub(crate) fn nearest(snapshot: &Snapshot, asked: &Asked<'_>) -> DenyReason {
    let grants = snapshot.grants_of(&asked.question.subject);
    let nearest = grants.iter().map(|grant| (rank(grant, asked), grant)).min_by_key(|(rank, _)| *rank);
    let aside = || {
        snapshot.set_aside().iter().find(|aside| aside.logins.contains(&asked.question.subject)).map(refused)
    };
    match nearest {
        Some((Rank::OtherHost, grant)) => aside().unwrap_or_else(|| reason(grant, asked)),
        Some((_, grant)) => reason(grant, asked),
        None => aside().unwrap_or(DenyReason::NoGrant),
    }
}

fn rank(grant: &AssessedGrant, asked: &Asked<'_>) -> Rank {
    let now = asked.now;
    let past = |at: Option<Timestamp>| Reverse(at.unwrap_or(Timestamp(i64::MIN)));
    let made = grant.grant.provenance.created;
    match (&grant.assessed, asked.opened_by(grant)) {
        (Assessed::Refused(Refusal::NotThisHost(_)), _) => Rank::OtherHost,
        (Assessed::Refused(_), _) => Rank::Past(past(made)),
        (Assessed::Revoked(revocation), true) => Rank::Past(past(revocation.at.or(made))),
        (Assessed::Revoked(revocation), false) => Rank::OtherServicePast(past(revocation.at.or(made))),
        (Assessed::Pending { missing, .. }, opened) => match (run_out(grant, now), opened) {
            (Some(end), true) => Rank::Past(Reverse(end)),
            (Some(end), false) => Rank::OtherServicePast(Reverse(end)),
            (None, true) => Rank::Pending(*missing),
            (None, false) => Rank::OtherServiceLater,
        },
        (Assessed::Granted { window, .. }, opened) => {
            match (now < window.start(), now < window.end(), opened) {
                (true, _, true) => Rank::Scheduled(window.start()),
                (true, _, false) => Rank::OtherServiceLater,
                (false, true, _) => Rank::OtherService(Reverse(window.end())),
                (false, false, true) => Rank::Past(Reverse(window.end())),
                (false, false, false) => Rank::OtherServicePast(Reverse(window.end())),
            }
        }
    }
}

/// When a pending grant ran out without ever having been approved.
fn run_out(grant: &AssessedGrant, now: Timestamp) -> Option<Timestamp> {
    match grant.grant.end {
        End::At(end) => (end <= now).then_some(end),
        End::After(_) => None,
    }
}

/// What one grant comes to that does not let the person in.
pub(crate) fn reason(grant: &AssessedGrant, asked: &Asked<'_>) -> DenyReason {
    let now = asked.now;
    let id = plain(&grant.grant.id);
    let expired = |end: Timestamp| DenyReason::Expired { ago: now.since(end), grant: id.clone() };
    match &grant.assessed {
        Assessed::Refused(why) => DenyReason::Refused { why: why.clone(), grant: id },
        Assessed::Revoked(revocation) => {
            let by = revocation.by.as_ref().map(|by| plain(&by.rdn_value()));
            DenyReason::Revoked { by, grant: id }
        }
        Assessed::Pending { missing, from, .. } => match run_out(grant, now) {
            Some(end) => expired(end),
            None if !asked.opened_by(grant) => other_service(asked, id),
            None => {
                let from = groups(from, grant.role.as_deref());
                DenyReason::Pending { missing: *missing, from, grant: id }
            }
        },
        Assessed::Granted { window, .. } if window.end() <= now => expired(window.end()),
        Assessed::Granted { window, .. } if now < window.start() && asked.opened_by(grant) => {
            DenyReason::Scheduled { at: window.start(), grant: id }
        }
        Assessed::Granted { .. } => other_service(asked, id),
    }
}

fn other_service(asked: &Asked<'_>, grant: String) -> DenyReason {
    DenyReason::WrongService { service: asked.question.service.to_string(), grant }
}

/// What an entry comes to that cannot be used.
pub(crate) fn refused(aside: &Aside) -> DenyReason {
    let why = Refusal::Malformed(plain(&aside.entry.reason));
    DenyReason::Refused { why, grant: plain(&aside.entry.dn.rdn_value()) }
}

/// The names of approver groups, at most three of them.
fn groups(from: &BTreeSet<Dn>, role: Option<&Role>) -> String {
    const SHOWN: usize = 3;
    if from.is_empty() {
        return "nobody, for its role names no approvers".to_owned();
    }
    let border = if role.is_some_and(|role| role.approvals_from_each) { " and " } else { " or " };
    let names: Vec<String> = from.iter().take(SHOWN).map(|group| plain(&group.rdn_value())).collect();
    let more = match from.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("{border}{more} more groups"),
    };
    names.join(border) + &more
}
