//! Which approvals of a grant count, and since when.
//!
//! Who approved is proved, not claimed. An approval counts when its author is proved, is neither the grant's subject nor
//! one who wrote the grant, approves the very words that the grant has now, and is in an approver group now. Nobody counts
//! twice ([`super::distinct`]). Evidence that is missing is never assumed ([`super::evidence`]).
//!
//! An approval that is taken away, or whose signer root no longer lists, must never leave more behind than there was: whatever is
//! asked here is asked of all approvals together, and with fewer of them there are never more people, an earlier start or a later end.

use std::collections::{BTreeMap, BTreeSet};

use super::apart::Apart;
use super::distinct::{self, Speaker};
use super::eligibility::Membership;
use super::evidence::{Asked, Proved};
use super::{Approver, Assessed};
use crate::digest::digest;
use crate::dn::Dn;
use crate::grant::{Approval, Grant, GrantTree};
use crate::heard::{Evidence, Heard, Ignored, Outcome};
use crate::reason::Refusal;
use crate::role::Role;
use crate::signature::BadSignature;
use crate::source::Proof;
use crate::time::{Span, Timestamp};

/// Whether a grant in this role takes anybody's approval.
pub(super) fn needed(role: &Role) -> bool {
    role.approvals_required > 0 || !each_of(role).is_empty()
}

/// The groups that must each be heard.
fn each_of(role: &Role) -> Vec<&Dn> {
    role.approver_groups.iter().filter(|_| role.approvals_from_each).collect()
}

/// How many it takes.
fn number(role: &Role) -> usize {
    usize::try_from(role.approvals_required).unwrap_or(usize::MAX)
}

/// How long an approver lets a grant live.
struct Limit {
    not_after: Option<Timestamp>,
    duration: Option<Span>,
}

impl Limit {
    fn end(&self, start: Timestamp, end: Timestamp) -> Timestamp {
        let after = self.duration.map(|span| start.plus(span));
        [Some(end), self.not_after, after].into_iter().flatten().min().unwrap_or(end)
    }
}

/// An approval whose author is proved, to the words that the grant has now.
struct Voice<'a> {
    /// Which of the grant's approvals.
    place: usize,
    approver: &'a Dn,
    at: Timestamp,
    limit: Limit,
    evidence: Evidence,
    /// Of no group if he may not approve, or no longer: he sets the clock going all the same, since when it runs must not depend on
    /// who has left.
    speaker: Speaker<'a>,
}

impl<'a> Voice<'a> {
    fn new(place: usize, approval: &'a Approval, proved: Proved<'a>, groups: BTreeSet<&'a Dn>) -> Voice<'a> {
        let not_after = [approval.not_after, proved.latest_end].into_iter().flatten().min();
        let duration = [approval.duration, proved.duration].into_iter().flatten().min();
        Voice {
            place,
            approver: &approval.approver,
            at: proved.at,
            limit: Limit { not_after, duration },
            evidence: proved.evidence,
            speaker: Speaker { name: approval.approver.rdn_value(), key: proved.key, groups },
        }
    }

    fn counts(&self) -> bool {
        !self.speaker.groups.is_empty()
    }
}

/// What came of the approvals of one grant.
#[derive(Default)]
pub(super) struct Tally<'a> {
    /// In the order of time.
    voices: Vec<Voice<'a>>,
    /// What became of each approval.
    heard: Vec<Heard>,
    /// Who approved, in the order of time.
    approvers: Vec<Approver>,
    /// Somebody who could approve has approved other words than the grant has now.
    changed: bool,
    /// What an approval of somebody who could approve does not show.
    unproved: Option<&'static str>,
    /// When an approval was given is its signer's word, and not the directory's.
    signed: bool,
    /// Who could approve, and says that he approved these words, by a signature that nobody could check.
    unchecked: Vec<Speaker<'a>>,
}

impl<'a> Tally<'a> {
    pub(super) fn of(
        tree: &'a GrantTree,
        role: &'a Role,
        proof: Proof,
        members: &Membership<'_>,
    ) -> Tally<'a> {
        let mut tally = Tally::default();
        if tree.approvals.is_empty() {
            return tally;
        }
        let (grant, asked) = (&tree.grant, Asked::by(proof, role));
        tally.signed = asked.signatures();
        let (expected, apart) = (digest(grant), Apart::of(grant, asked, members));
        let mut ignored: Vec<Option<Ignored>> = Vec::with_capacity(tree.approvals.len());
        for (place, approval) in tree.approvals.iter().enumerate() {
            if !needed(role) {
                ignored.push(Some(Ignored::NotNeeded));
                continue;
            }
            if let Err(why) = apart.check(&approval.approver) {
                ignored.push(Some(why));
                continue;
            }
            let groups: BTreeSet<&Dn> = role
                .approver_groups
                .iter()
                .filter(|group| members.is_member(&approval.approver, group))
                .collect();
            let may = !groups.is_empty();
            let outcome = match asked.of(approval, grant, expected) {
                Ok(proved) => {
                    tally.voices.push(Voice::new(place, approval, proved, groups));
                    None
                }
                Err(why) => {
                    match &why {
                        Ignored::OtherWords => tally.changed |= may,
                        Ignored::EvidenceMissing(evidence) if may => {
                            tally.unproved.get_or_insert(evidence);
                        }
                        Ignored::Unchecked | Ignored::BadSignature(BadSignature::NoSigners(_))
                            if may && approval.digest == expected =>
                        {
                            let name = approval.approver.rdn_value();
                            tally.unchecked.push(Speaker { name, key: None, groups });
                        }
                        _ => {}
                    }
                    Some(why)
                }
            };
            ignored.push(if may { outcome } else { Some(Ignored::NoApprover) });
        }
        tally.voices.sort_by(|a, b| (a.at, a.approver, a.place).cmp(&(b.at, b.approver, b.place)));
        tally.name(tree, ignored, members);
        tally
    }

    /// Says of each approval what became of it, and who approved.
    fn name(&mut self, tree: &'a GrantTree, ignored: Vec<Option<Ignored>>, members: &Membership<'_>) {
        let counting: Vec<&Voice<'_>> = self.counting().collect();
        let speakers: Vec<&Speaker<'_>> = counting.iter().map(|voice| &voice.speaker).collect();
        let most = distinct::most(&speakers);
        let counted: Vec<&Voice<'_>> =
            counting.iter().enumerate().filter(|(i, _)| most.contains(i)).map(|(_, voice)| *voice).collect();
        let approvers = counted
            .iter()
            .map(|voice| Approver {
                dn: voice.approver.clone(),
                at: voice.at,
                evidence: voice.evidence.clone(),
            })
            .collect();
        let by_place: BTreeMap<usize, &Voice<'_>> =
            counted.iter().map(|voice| (voice.place, *voice)).collect();
        let heard = tree.approvals.iter().zip(ignored).enumerate().map(|(place, (approval, ignored))| {
            let outcome = match (ignored, by_place.get(&place)) {
                (Some(why), _) => Outcome::Ignored(why),
                (None, None) => Outcome::Ignored(Ignored::SameSigner),
                (None, Some(voice)) => Outcome::Counts {
                    at: voice.at,
                    evidence: voice.evidence.clone(),
                    paths: voice
                        .speaker
                        .groups
                        .iter()
                        .filter_map(|group| members.path(voice.approver, group))
                        .collect(),
                },
            };
            Heard { dn: approval.dn.clone(), approver: approval.approver.clone(), outcome }
        });
        (self.heard, self.approvers) = (heard.collect(), approvers);
    }

    /// Since when a duration counts: the time of the approval that completed the number needed, or of the grant's own
    /// making where none is needed, and never before that. Where each group must be heard, not before the last of them was.
    /// Where signatures are needed nobody asks when the grant was made: that is the directory's word, and would move what was signed
    /// to as late as its signers let it end.
    ///
    /// With fewer approvals than that it has not begun, whoever was heard: one that is withdrawn must not leave behind an
    /// earlier start than there was.
    pub(super) fn began(&self, grant: &Grant, role: &'a Role) -> Option<Timestamp> {
        // A grant that shows no making begins with its first day, so that there is a start to remember: if the role comes to
        // require approvals, theirs must not be a later one.
        let made = grant.provenance.created.or(grant.not_before);
        if !needed(role) {
            return made;
        }
        let voices: Vec<&Voice<'_>> = self.voices.iter().collect();
        let completed = completed_by(&voices, role)?.at;
        Some(made.filter(|_| !self.signed).map_or(completed, |made| made.max(completed)))
    }

    /// What stands between the approvals and a grant, if anything does.
    pub(super) fn unmet(&self, role: &'a Role) -> Option<Result<Assessed, Refusal>> {
        let counting: Vec<&Voice<'_>> = self.counting().collect();
        if !needed(role) || completed_by(&counting, role).is_some() {
            return None;
        }
        if self.changed {
            return Some(Err(Refusal::ChangedAfterApproval));
        }
        if let Some(evidence) = self.unproved {
            return Some(Err(Refusal::EvidenceMissing(evidence)));
        }
        let spoken = |group: &Dn| counting.iter().any(|voice| voice.speaker.groups.contains(group));
        let unheard: BTreeSet<Dn> =
            each_of(role).into_iter().filter(|group| !spoken(group)).cloned().collect();
        let lacking = number(role).saturating_sub(self.approvers.len());
        // Two who are one may speak for different groups: then it takes at least another one.
        let missing = u32::try_from(lacking.max(unheard.len()).max(1)).unwrap_or(u32::MAX);
        let from = if unheard.is_empty() { role.approver_groups.clone() } else { unheard };
        Some(Ok(Assessed::Pending { missing, from, approved: self.approvers() }))
    }

    /// Whether they would be enough if everything were good that nobody could check.
    pub(super) fn in_doubt(&self, role: &'a Role) -> bool {
        let speakers: Vec<&Speaker<'_>> =
            self.counting().map(|voice| &voice.speaker).chain(&self.unchecked).collect();
        !self.unchecked.is_empty() && distinct::enough(&speakers, number(role), &each_of(role))
    }

    /// The latest end up to which enough approvers let the grant live, at most `end`. With spare approvers the most
    /// generous count, so that the end never moves back when one more is removed than was needed.
    pub(super) fn latest_end(&self, role: &'a Role, start: Timestamp, end: Timestamp) -> Timestamp {
        if !needed(role) {
            return end;
        }
        let mut counting: Vec<&Voice<'_>> = self.counting().collect();
        counting.sort_by_key(|voice| std::cmp::Reverse(voice.limit.end(start, end)));
        // Too few approvers never come here; if they did, the window would be empty.
        completed_by(&counting, role).map_or(start, |voice| voice.limit.end(start, end))
    }

    /// Who approved, in the order of time.
    pub(super) fn approvers(&self) -> Vec<Approver> {
        self.approvers.clone()
    }

    /// What became of each approval.
    pub(super) fn heard(self) -> Vec<Heard> {
        self.heard
    }

    fn counting(&self) -> impl Iterator<Item = &Voice<'a>> {
        self.voices.iter().filter(|voice| voice.counts())
    }
}

/// The first of them with whom there are enough, if there ever are.
fn completed_by<'v, 'a>(voices: &[&'v Voice<'a>], role: &Role) -> Option<&'v Voice<'a>> {
    let speakers: Vec<&Speaker<'_>> = voices.iter().map(|voice| &voice.speaker).collect();
    let groups = each_of(role);
    let places: Vec<usize> = (0..voices.len()).collect();
    let lacks = |place: &usize| {
        let with_him = speakers.get(..=*place).unwrap_or_default();
        !distinct::enough(with_him, number(role), &groups)
    };
    places.get(places.partition_point(lacks)).and_then(|place| voices.get(*place)).copied()
}
