//! Where a person stands: which grants his approval would bring further, and what would fall short if he left. Found out by judging as
//! hosts do, with his approval put in, or with him taken out of everything; so no rule is written down twice.

use std::collections::{BTreeMap, BTreeSet};

use jit_model::assess::{Approver, Assessed, AssessedGrant};
use jit_model::digest::digest;
use jit_model::dn::Dn;
use jit_model::grant::{Approval, EntryUuid, GrantTree};
use jit_model::people::{Group, People};
use jit_model::signature::{Signature, Signed};
use jit_model::source::Source;
use jit_model::time::{Span, Timestamp, Window};

use super::judging::Picture;
use super::propose::written_by;

/// Whose approvals count.
pub fn approvers(judged: &AssessedGrant) -> &[Approver] {
    match &judged.assessed {
        Assessed::Pending { approved, .. } | Assessed::Granted { approved, .. } => approved,
        Assessed::Refused(_) | Assessed::Revoked(_) => &[],
    }
}

/// What is missing of a pending grant.
pub fn missing(grant: &AssessedGrant) -> Option<u32> {
    match &grant.assessed {
        Assessed::Pending { missing, .. } => Some(*missing),
        Assessed::Granted { .. } | Assessed::Refused(_) | Assessed::Revoked(_) => None,
    }
}

/// The pending grants that an approval by `me` at `now` would bring further.
///
/// Not those for a group that he is in: hosts may count it, but the rules of a directory keep him from writing it.
pub fn wait_for(picture: &Picture, me: &Dn, now: Timestamp) -> BTreeSet<EntryUuid> {
    let pending: BTreeMap<EntryUuid, u32> =
        picture.grants.iter().filter_map(|grant| Some((grant.grant.uuid, missing(grant)?))).collect();
    let mut source = picture.source.clone();
    source.grants.retain(|uuid, tree| {
        pending.contains_key(uuid) && !picture.source.people.is_member(me, &tree.grant.subject)
    });
    for tree in source.grants.values_mut() {
        tree.approvals.extend(approval_by(me, tree, now));
    }
    let further = Picture::of(source).grants.into_iter().filter(|after| match &after.assessed {
        Assessed::Granted { .. } => true,
        Assessed::Pending { missing, .. } => {
            pending.get(&after.grant.uuid).is_some_and(|before| missing < before)
        }
        Assessed::Refused(_) | Assessed::Revoked(_) => false,
    });
    further.map(|grant| grant.grant.uuid).collect()
}

/// The approval that somebody could write, with all the evidence that there can be.
fn approval_by(me: &Dn, tree: &GrantTree, now: Timestamp) -> Option<Approval> {
    /// Whatever a role allows.
    const AGES: Span = Span(400 * 86_400);
    let digest = digest(&tree.grant);
    Some(Approval {
        dn: tree.grant.dn.child("cn", "approval-that-could-be").ok()?,
        approver: me.clone(),
        digest,
        not_after: None,
        duration: None,
        signature: Signature::Good(Signed {
            principal: me.rdn_value(),
            key: "a key that could be".to_owned(),
            approver: me.clone(),
            grant: tree.grant.uuid,
            digest,
            duration: None,
            at: now,
            latest_end: now.plus(AGES),
        }),
        provenance: written_by(me, now),
    })
}

/// What became of a grant without somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Without {
    /// It was for him alone.
    Over,
    /// It goes on for others: he is one of a group.
    ForOthers,
    /// It would end sooner.
    Shorter(Window),
    /// It would not be granted.
    Short(Box<Assessed>),
}

/// The directory as hosts would see it without `who`: he is in no group, and his entry is gone.
fn without(source: &Source, who: &Dn) -> Source {
    let persons = source.people.persons().filter(|person| person.dn != *who).cloned();
    let groups = source.people.groups().map(|group| Group {
        dn: group.dn.clone(),
        members: group.members.iter().filter(|member| *member != who).cloned().collect(),
    });
    // Logins that were shared are judged as they are now: to say what rests on somebody, they make no difference.
    Source { people: People::new(persons, groups, []), ..source.clone() }
}

/// The live and scheduled grants that would change if `who` left, and how.
pub fn resting_on(picture: &Picture, who: &Dn, now: Timestamp) -> BTreeMap<EntryUuid, Without> {
    let after = Picture::of(without(&picture.source, who)).grants;
    let after: BTreeMap<EntryUuid, AssessedGrant> =
        after.into_iter().map(|grant| (grant.grant.uuid, grant)).collect();
    let mut resting = BTreeMap::new();
    for before in &picture.grants {
        let Assessed::Granted { window, .. } = &before.assessed else { continue };
        if window.end() <= now {
            continue;
        }
        let Some(after) = after.get(&before.grant.uuid) else { continue };
        let is_his = before.logins.values().any(|dn| dn == who);
        let outcome = match &after.assessed {
            Assessed::Granted { window: shorter, .. } if shorter.end() < window.end() => {
                Some(Without::Shorter(*shorter))
            }
            Assessed::Granted { .. } => is_his.then_some(Without::ForOthers),
            _ if is_his && before.logins.len() == 1 => Some(Without::Over),
            other => Some(Without::Short(Box::new(other.clone()))),
        };
        if let Some(outcome) = outcome {
            resting.insert(before.grant.uuid, outcome);
        }
    }
    resting
}

#[cfg(test)]
#[path = "standing/tests.rs"]
mod tests;
