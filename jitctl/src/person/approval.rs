//! An approval before it is written: judged as a host would judge it, put in among the entries that are there. What hosts would not count is
//! not written, and the reason is theirs. Functions of values; must never sign or write.

use jit_model::assess::{Assessed, AssessedGrant};
use jit_model::digest::digest;
use jit_model::dn::Dn;
use jit_model::grant::{Approval, End, EntryUuid, Grant, GrantDigest};
use jit_model::heard::{Ignored, Outcome};
use jit_model::signature::{Signature, Signed};
use jit_model::source::Source;
use jit_model::state::State;
use jit_model::text::clock_time;
use jit_model::time::{Span, Timestamp};

use super::judging::Picture;
use super::propose::{state_of, typed, written_by};
use super::who;
use crate::report::Failure;

/// How long a signature waits for the other approvals that a grant takes: an approval that does not complete the number needed is
/// signed for that much longer.
pub const WAIT: Span = Span(86_400);

/// What somebody is about to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Of which grant.
    pub grant: EntryUuid,
    /// Its words.
    pub digest: GrantDigest,
    /// Only for this long, if that was said.
    pub duration: Option<Span>,
    /// Until when at the latest, as it would be signed now.
    pub latest_end: Timestamp,
    /// Whether it completes the number of approvals needed, as far as can be seen.
    pub completes: bool,
}

/// What approves, to hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// The directory's word about its author.
    Word,
    /// A signature that is still to be made.
    SignatureToCome,
    /// This one.
    Signature(Signed),
}

/// Judges an approval of `judged` by `me`.
///
/// # Errors
/// When hosts would not count it, or the grant can be approved no more.
pub fn plan(
    source: &Source,
    judged: &AssessedGrant,
    me: &Dn,
    only: Option<Span>,
    by: &By,
    now: Timestamp,
) -> Result<Plan, Failure> {
    can_be_approved(judged, me, now)?;
    let grant = &*judged.grant;
    let asked = asked_for(grant);
    if let (Some(only), Some(asked)) = (only, asked) {
        if only > asked {
            let text = format!(
                "{} is longer than the {} that was asked for; nothing was written\nLonger takes another request, by who wants it.",
                typed(only),
                typed(asked)
            );
            return Err(Failure::no("too-long", text));
        }
    }
    let mut plan =
        Plan { grant: grant.uuid, digest: digest(grant), duration: only, latest_end: now, completes: false };
    plan.latest_end = latest_end(grant, only, now, true);
    let (after, outcome) = with_it(source, &plan, grant, me, by, now)?;
    match outcome {
        Some(Outcome::Counts { .. }) => {}
        Some(Outcome::Ignored(why)) => return Err(ignored(source, judged, &why)),
        None => return Err(not_counted("it does not come out as an approval")),
    }
    plan.completes = match &after.assessed {
        Assessed::Refused(why) => return Err(not_counted(&format!("with it, {why}"))),
        Assessed::Granted { .. } | Assessed::Revoked(_) => true,
        // Signatures that nobody can check here may count on hosts.
        Assessed::Pending { missing, .. } => {
            let unchecked =
                after.heard.iter().filter(|heard| heard.outcome == Outcome::Ignored(Ignored::Unchecked));
            usize::try_from(*missing).is_ok_and(|missing| missing <= unchecked.count())
        }
    };
    plan.latest_end = latest_end(grant, only, now, plan.completes);
    Ok(plan)
}

/// What the grant comes to with the approval, and what becomes of that.
fn with_it(
    source: &Source,
    plan: &Plan,
    grant: &Grant,
    me: &Dn,
    by: &By,
    now: Timestamp,
) -> Result<(AssessedGrant, Option<Outcome>), Failure> {
    let lost = || Failure::no("no-such-grant", "the grant is there no more; nothing was written");
    let signed = || Signed {
        principal: me.rdn_value(),
        key: "the key to sign with".to_owned(),
        approver: me.clone(),
        grant: plan.grant,
        digest: plan.digest,
        duration: plan.duration,
        at: now,
        latest_end: plan.latest_end,
    };
    let approval = Approval {
        dn: grant.dn.child("cn", "approval-to-come").map_err(|e| Failure::no("file", e.to_string()))?,
        approver: me.clone(),
        digest: plan.digest,
        not_after: None,
        duration: plan.duration,
        signature: match by {
            By::Word => Signature::Absent,
            By::SignatureToCome => Signature::Good(signed()),
            By::Signature(signed) => Signature::Good(signed.clone()),
        },
        provenance: written_by(me, now),
    };
    let dn = approval.dn.clone();
    let mut with = source.clone();
    with.grants.get_mut(&plan.grant).ok_or_else(lost)?.approvals.push(approval);
    let after = Picture::of(with)
        .grants
        .into_iter()
        .find(|judged| judged.grant.uuid == plan.grant)
        .ok_or_else(lost)?;
    let outcome = after.heard.iter().find(|heard| heard.dn == dn).map(|heard| heard.outcome.clone());
    Ok((after, outcome))
}

/// Whether there is anything to approve.
fn can_be_approved(judged: &AssessedGrant, me: &Dn, now: Timestamp) -> Result<(), Failure> {
    let over = |code: &str, text: String| Err(Failure::no(code, format!("{text}; nothing was written")));
    match (&judged.assessed, state_of(judged, now)) {
        (Assessed::Refused(why), _) => over("refused", format!("no host counts this grant: {why}")),
        (Assessed::Revoked(revocation), _) => {
            let by = revocation.by.as_ref().map(|by| format!(" by {}", who::called(by))).unwrap_or_default();
            let reason = revocation.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            over("revoked", format!("it was taken away{by}{reason}"))
        }
        (Assessed::Granted { window, .. }, State::Expired) => {
            over("over", format!("it ended {}", clock_time(window.end())))
        }
        (Assessed::Pending { approved, .. } | Assessed::Granted { approved, .. }, _) => {
            match approved.iter().find(|approver| approver.dn == *me) {
                Some(mine) => {
                    over("not-written", format!("you approved it already, {}", clock_time(mine.at)))
                }
                None => Ok(()),
            }
        }
    }
}

/// How long was asked for, as far as the grant's own words tell.
pub fn asked_for(grant: &Grant) -> Option<Span> {
    match grant.end {
        End::After(span) => Some(span),
        End::At(end) => grant.not_before.or(grant.provenance.created).map(|from| end.since(from)),
    }
}

/// What is signed as the latest end: from now, or from the grant's beginning, for as long as it is approved for.
fn latest_end(grant: &Grant, only: Option<Span>, now: Timestamp, completes: bool) -> Timestamp {
    let basis = grant.not_before.map_or(now, |from| from.max(now));
    let wait = if completes { Span(0) } else { WAIT };
    let after = |span: Span| basis.plus(span).plus(wait);
    match (grant.end, only) {
        (End::At(end), None) => end,
        (End::At(end), Some(only)) => end.min(after(only)),
        (End::After(span), only) => after(only.map_or(span, |only| only.min(span))),
    }
}

/// Why hosts would not count it, to who wants to approve.
fn ignored(source: &Source, judged: &AssessedGrant, why: &Ignored) -> Failure {
    let role = judged.role.as_deref();
    let groups = role.map(|role| who::names(&role.approver_groups)).unwrap_or_default();
    let somebody = role.map(|role| {
        let may = who::who_may_approve(&source.people, &role.approver_groups, &judged.grant, &[]);
        let names: Vec<String> = may.iter().map(|dn| who::name(&source.people, dn)).collect();
        if names.is_empty() { String::new() } else { format!("\nThese can: {}", names.join(", ")) }
    });
    let others = somebody.unwrap_or_default();
    let text = match why {
        Ignored::OwnGrant => format!("it is your own grant, and nobody approves his own{others}"),
        Ignored::OwnWords => format!("you wrote it, and nobody approves his own words{others}"),
        Ignored::OneOfThem => {
            format!("it is for a group that you are in, and only a signature proves who approves{others}")
        }
        Ignored::NoApprover => format!("you are in none of the role's approver groups ({groups}){others}"),
        Ignored::NotNeeded => "its role requires no approval".to_owned(),
        other => other.to_string(),
    };
    not_counted(&text)
}

/// Hosts would not count it, so it is not written.
fn not_counted(why: &str) -> Failure {
    Failure::unwritten("not-written", &format!("no host would count your approval: {why}"))
}

#[cfg(test)]
mod tests;
