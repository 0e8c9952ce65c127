//! Which approvals of a grant count, and since when.
//!
//! Who approved is proved, not claimed. An approval counts when its author is proved, is neither the grant's subject nor
//! one who wrote the grant, approves the very words that the grant has now, and is in an approver group now. Each
//! approver counts once. Evidence that is missing is never assumed.

use std::collections::{BTreeMap, BTreeSet};

use super::eligibility::Membership;
use super::{Approver, Assessed};
use crate::digest::digest;
use crate::dn::Dn;
use crate::grant::{Approval, Grant, GrantTree};
use crate::reason::Refusal;
use crate::role::Role;
use crate::source::Proof;
use crate::time::{Span, Timestamp};

/// Whether a grant in this role takes anybody's approval.
pub(super) fn needed(role: &Role) -> bool {
    role.approvals_required > 0 || wants_each(role)
}

/// Whether each approver group must be heard.
fn wants_each(role: &Role) -> bool {
    role.approvals_from_each && !role.approver_groups.is_empty()
}

/// How long an approver lets a grant live.
#[derive(Clone, Copy)]
struct Limit {
    not_after: Option<Timestamp>,
    duration: Option<Span>,
}

impl Limit {
    fn end(self, start: Timestamp, end: Timestamp) -> Timestamp {
        let after = self.duration.map(|span| start.plus(span));
        [Some(end), self.not_after, after].into_iter().flatten().min().unwrap_or(end)
    }
}

/// An approver that counts.
struct Counted<'a> {
    /// The earliest of his approvals.
    at: Timestamp,
    /// One of each of his approvals.
    limits: Vec<Limit>,
    /// The approver groups that he speaks for.
    groups: BTreeSet<&'a Dn>,
}

impl Counted<'_> {
    /// Until when he lets the grant live: of several approvals the most generous, so that removing one never lengthens.
    fn end(&self, start: Timestamp, end: Timestamp) -> Timestamp {
        self.limits.iter().map(|limit| limit.end(start, end)).max().unwrap_or(start)
    }
}

/// What came of the approvals of one grant.
#[derive(Default)]
pub(super) struct Tally<'a> {
    counted: BTreeMap<&'a Dn, Counted<'a>>,
    /// When each approver whose word is proved gave it, whether or not he is still in an approver group: since when the
    /// clock runs must not depend on who has left.
    proved: BTreeMap<&'a Dn, Timestamp>,
    /// Somebody who could approve has approved other words than the grant has now.
    changed: bool,
    /// What an approval of somebody who could approve does not show.
    unproved: Option<&'static str>,
}

impl<'a> Tally<'a> {
    pub(super) fn of(
        tree: &'a GrantTree,
        role: &'a Role,
        proof: Proof,
        members: &Membership<'_>,
    ) -> Tally<'a> {
        let mut tally = Tally::default();
        if tree.approvals.is_empty() || !needed(role) {
            return tally;
        }
        let grant = &tree.grant;
        let expected = digest(grant);
        let written_by = [grant.provenance.creator.as_ref(), grant.provenance.modifier.as_ref()];
        for approval in &tree.approvals {
            let approver = &approval.approver;
            if *approver == grant.subject || written_by.contains(&Some(approver)) {
                continue;
            }
            let groups: BTreeSet<&Dn> =
                role.approver_groups.iter().filter(|group| members.is_member(approver, group)).collect();
            let at = match proved_at(approval, proof) {
                Ok(at) => at,
                Err(Unproved::Missing(evidence)) => {
                    if !groups.is_empty() {
                        tally.unproved.get_or_insert(evidence);
                    }
                    continue;
                }
                Err(Unproved::False) => continue,
            };
            if approval.digest != expected {
                tally.changed |= !groups.is_empty();
                continue;
            }
            tally.proved.entry(approver).and_modify(|earliest| *earliest = at.min(*earliest)).or_insert(at);
            if groups.is_empty() {
                continue;
            }
            let limit = Limit { not_after: approval.not_after, duration: approval.duration };
            let counted = tally.counted.entry(approver).or_insert(Counted { at, limits: Vec::new(), groups });
            counted.at = counted.at.min(at);
            counted.limits.push(limit);
        }
        tally
    }

    /// Since when a duration counts: the time of the approval that completed the number needed, or of the grant's own
    /// making where none is needed, and never before that. Where each group must be heard, not before the last of them was.
    ///
    /// With fewer approvals than that it has not begun, whoever was heard: one that is withdrawn must not leave behind an
    /// earlier start than there was.
    pub(super) fn began(&self, grant: &Grant, role: &'a Role) -> Option<Timestamp> {
        // A grant that shows no making begins with its first day, so that there is a start to remember: if the role comes to
        // require approvals, theirs must not be a later one.
        let made = grant.provenance.created.or(grant.not_before);
        let completed = match role.approvals_required {
            0 => made,
            n => {
                let mut times: Vec<Timestamp> = self.proved.values().copied().collect();
                times.sort_unstable();
                let nth = usize::try_from(n.checked_sub(1)?).ok()?;
                let at = *times.get(nth)?;
                Some(made.map_or(at, |made| made.max(at)))
            }
        };
        if !wants_each(role) {
            return completed;
        }
        let heard = role.approver_groups.iter().map(|group| self.speakers(group).map(|c| c.at).min());
        heard.collect::<Option<Vec<Timestamp>>>()?.into_iter().chain(completed).max()
    }

    /// What stands between the approvals and a grant, if anything does.
    pub(super) fn unmet(&self, role: &'a Role) -> Option<Result<Assessed, Refusal>> {
        let count = u32::try_from(self.counted.len()).unwrap_or(u32::MAX);
        let lacking = role.approvals_required.saturating_sub(count);
        let unheard: BTreeSet<Dn> = match wants_each(role) {
            true => {
                role.approver_groups.iter().filter(|g| self.speakers(g).next().is_none()).cloned().collect()
            }
            false => BTreeSet::new(),
        };
        let missing = lacking.max(u32::try_from(unheard.len()).unwrap_or(u32::MAX));
        if missing == 0 {
            return None;
        }
        if self.changed {
            return Some(Err(Refusal::ChangedAfterApproval));
        }
        if let Some(evidence) = self.unproved {
            return Some(Err(Refusal::EvidenceMissing(evidence)));
        }
        let from = if unheard.is_empty() { role.approver_groups.clone() } else { unheard };
        Some(Ok(Assessed::Pending { missing, from, approved: self.approvers() }))
    }

    /// The latest end up to which enough approvers let the grant live, at most `end`. With spare approvers the most
    /// generous count, so that the end never moves back when one more is removed than was needed.
    pub(super) fn latest_end(&self, role: &'a Role, start: Timestamp, end: Timestamp) -> Timestamp {
        let mut ends: Vec<Timestamp> = self.counted.values().map(|c| c.end(start, end)).collect();
        ends.sort_unstable_by(|a, b| b.cmp(a));
        let nth = match role.approvals_required {
            0 => Some(end),
            n => usize::try_from(n).ok().and_then(|n| ends.get(n.checked_sub(1)?).copied()),
        };
        let each = role.approver_groups.iter().filter(|_| wants_each(role));
        let heard = each.map(|group| self.speakers(group).map(|c| c.end(start, end)).max());
        // Too few approvers never come here; if they did, the window would be empty.
        heard.chain([nth]).map(|end| end.unwrap_or(start)).min().unwrap_or(start)
    }

    /// Who approved, in the order of time.
    pub(super) fn approvers(&self) -> Vec<Approver> {
        let mut approvers: Vec<Approver> =
            self.counted.iter().map(|(dn, c)| Approver { dn: (*dn).clone(), at: c.at }).collect();
        approvers.sort_by_key(|approver| approver.at);
        approvers
    }

    fn speakers(&self, group: &Dn) -> impl Iterator<Item = &Counted<'a>> {
        self.counted.values().filter(move |c| c.groups.contains(group))
    }
}

/// Why nobody can say who approved.
enum Unproved {
    /// The directory does not show this.
    Missing(&'static str),
    /// It shows something else than the entry claims.
    False,
}

/// When the approval was given, if its author is proved.
fn proved_at(approval: &Approval, proof: Proof) -> Result<Timestamp, Unproved> {
    let written = &approval.provenance;
    let created = written.created.ok_or(Unproved::Missing("createTimestamp"))?;
    match proof {
        Proof::Source => Ok(created),
        // Refused as a whole until signatures can be checked; never proof of anything here.
        Proof::Signature => Err(Unproved::False),
        Proof::CreatorsName => {
            let creator = written.creator.as_ref().ok_or(Unproved::Missing("creatorsName"))?;
            let modifier = written.modifier.as_ref().ok_or(Unproved::Missing("modifiersName"))?;
            let modified = written.modified.ok_or(Unproved::Missing("modifyTimestamp"))?;
            let is_own =
                *creator == approval.approver && *modifier == approval.approver && modified == created;
            if is_own { Ok(created) } else { Err(Unproved::False) }
        }
    }
}
