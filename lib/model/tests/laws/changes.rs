//! What becomes of a directory: what is taken out of it, what is revoked, how its roles become narrower.

use std::collections::{BTreeMap, BTreeSet};

use jit_model::dn::Dn;
use jit_model::grant::EntryUuid;
use jit_model::people::People;
use jit_model::role::{Role, TicketPattern};
use jit_model::signature::{BadSignature, Signature};
use jit_model::time::{Span, Timestamp};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::world::{World, service};
use crate::worlds::{a_revocation, time};

#[derive(Clone, Debug)]
pub(crate) enum Removal {
    Grant(Index),
    Approval(Index, Index),
    Revocations(Index),
    Member(Index, Index),
    Person(Index),
    Role(Index),
    DefaultRole,
    Group(Index),
    Writer(Index),
    HostGroup,
    /// The key by which an approval is signed is taken off the list of signers.
    Signer(Index, Index),
    /// The list of signers ends such a key's validity.
    SignerEnds(Index, Index, Timestamp),
    /// What is signed is lost.
    Signature(Index, Index),
}

pub(crate) fn a_removal() -> impl Strategy<Value = Removal> {
    let i = any::<Index>;
    prop_oneof![
        1 => i().prop_map(Removal::Grant),
        6 => (i(), i()).prop_map(|(a, b)| Removal::Approval(a, b)),
        2 => i().prop_map(Removal::Revocations),
        6 => (i(), i()).prop_map(|(a, b)| Removal::Member(a, b)),
        1 => i().prop_map(Removal::Person),
        1 => i().prop_map(Removal::Role),
        1 => Just(Removal::DefaultRole),
        1 => i().prop_map(Removal::Group),
        1 => i().prop_map(Removal::Writer),
        1 => Just(Removal::HostGroup),
        4 => (i(), i()).prop_map(|(a, b)| Removal::Signer(a, b)),
        2 => (i(), i(), time()).prop_map(|(a, b, at)| Removal::SignerEnds(a, b, at)),
        2 => (i(), i()).prop_map(|(a, b)| Removal::Signature(a, b)),
    ]
}

pub(crate) fn nth<'a, K: Ord + Clone, V>(
    map: &'a mut BTreeMap<K, V>,
    index: &Index,
) -> Option<(K, &'a mut V)> {
    let key = map.keys().nth(index.index(map.len().max(1)))?.clone();
    map.get_mut(&key).map(|value| (key, value))
}

/// Takes something out of a world. Where he who leaves a group had approved a grant for it that has to be signed, his approval goes,
/// too (see the exceptions in laws.rs).
pub(crate) fn remove(world: &mut World, removal: &Removal) {
    let before = world.source().people;
    take(world, removal);
    let after = world.source().people;
    let is_in = |people: &People, approver: &Dn, subject: &Dn| {
        people.reach(subject).iter().any(|dn| dn.rdn_value() == approver.rdn_value())
    };
    for tree in world.source.grants.values_mut() {
        let subject = tree.grant.subject.clone();
        tree.approvals
            .retain(|a| is_in(&after, &a.approver, &subject) || !is_in(&before, &a.approver, &subject));
    }
}

/// Every good signature by the key that signed one of the approvals.
fn signed_alike<'a>(world: &'a mut World, i: &Index, j: &Index) -> Vec<&'a mut Signature> {
    let trees = world.source.grants.len().max(1);
    let tree = world.source.grants.values().nth(i.index(trees));
    let approval = tree.and_then(|tree| tree.approvals.get(j.index(tree.approvals.len().max(1))));
    let Some(Signature::Good(signed)) = approval.map(|approval| &approval.signature) else {
        return Vec::new();
    };
    let key = signed.key.clone();
    let approvals = world.source.grants.values_mut().flat_map(|tree| &mut tree.approvals);
    let all = approvals.map(|approval| &mut approval.signature);
    all.filter(|signature| matches!(signature, Signature::Good(signed) if signed.key == key)).collect()
}

fn take(world: &mut World, removal: &Removal) {
    fn from<T>(list: &mut Vec<T>, index: &Index) {
        if !list.is_empty() {
            list.remove(index.index(list.len()));
        }
    }
    match removal {
        Removal::Grant(i) => {
            if let Some((key, _)) = nth(&mut world.source.grants, i) {
                world.source.grants.remove(&key);
            }
        }
        Removal::Approval(i, j) => {
            if let Some((_, tree)) = nth(&mut world.source.grants, i) {
                from(&mut tree.approvals, j);
            }
        }
        Removal::Revocations(i) => {
            if let Some((_, tree)) = nth(&mut world.source.grants, i) {
                tree.revocations.clear();
            }
        }
        Removal::Member(i, j) => {
            let count = world.groups.len().max(1);
            if let Some(group) = world.groups.get_mut(i.index(count)) {
                let mut members: Vec<Dn> = group.members.iter().cloned().collect();
                from(&mut members, j);
                group.members = members.into_iter().collect();
            }
        }
        Removal::Person(i) => from(&mut world.persons, i),
        Removal::Role(i) => {
            if let Some((key, _)) = nth(&mut world.source.roles, i) {
                world.source.roles.remove(&key);
            }
        }
        Removal::DefaultRole => world.source.default_role = None,
        Removal::Group(i) => from(&mut world.groups, i),
        Removal::Writer(i) => {
            let mut writers: Vec<Dn> = world.source.writers.iter().cloned().collect();
            from(&mut writers, i);
            world.source.writers = writers.into_iter().collect();
        }
        Removal::Signer(i, j) => {
            for signature in signed_alike(world, i, j) {
                *signature = Signature::Bad(BadSignature::UnknownKey("SHA256:gone".to_owned()));
            }
        }
        Removal::SignerEnds(i, j, at) => {
            for signature in signed_alike(world, i, j) {
                if let Signature::Good(signed) = signature {
                    signed.latest_end = signed.latest_end.min(*at);
                }
            }
        }
        Removal::Signature(i, j) => {
            if let Some((_, tree)) = nth(&mut world.source.grants, i) {
                let count = tree.approvals.len().max(1);
                if let Some(approval) = tree.approvals.get_mut(j.index(count)) {
                    approval.signature = Signature::Absent;
                }
            }
        }
        Removal::HostGroup => {
            world.host = jit_model::host::HostNames::new("db1.prod.example.com", []).expect("a name");
            world.policy.host = world.host.clone();
        }
    }
}

/// Revokes one of the grants: which one, if there are any.
pub(crate) fn revoke(world: &mut World, which: &Index) -> Option<EntryUuid> {
    let (uuid, tree) = nth(&mut world.source.grants, which)?;
    tree.revocations.push(a_revocation(&tree.grant));
    Some(uuid)
}

#[derive(Clone, Debug)]
pub(crate) enum Narrowing {
    Host(Index),
    Service(Index),
    Eligible(Index),
    ApproverGroup(Index),
    Shorter(u64),
    MoreApprovals,
    FromEach,
    Signature,
    Reason,
    Ticket,
}

pub(crate) fn a_narrowing() -> impl Strategy<Value = Narrowing> {
    let i = any::<Index>;
    prop_oneof![
        1 => i().prop_map(Narrowing::Host),
        1 => i().prop_map(Narrowing::Service),
        1 => i().prop_map(Narrowing::Eligible),
        1 => i().prop_map(Narrowing::ApproverGroup),
        1 => (1_u64..80).prop_map(Narrowing::Shorter),
        4 => Just(Narrowing::MoreApprovals),
        2 => Just(Narrowing::FromEach),
        2 => Just(Narrowing::Signature),
        1 => Just(Narrowing::Reason),
        1 => Just(Narrowing::Ticket),
    ]
}

/// Makes a role narrower; leaves it as it is where that would make it wider (see the exceptions in laws.rs).
pub(crate) fn narrow(role: &mut Role, narrowing: &Narrowing) {
    fn less<T: Ord + Clone>(set: &mut BTreeSet<T>, index: &Index) {
        if set.len() > 1 {
            let one = set.iter().nth(index.index(set.len())).cloned();
            set.retain(|other| Some(other) != one.as_ref());
        }
    }
    match narrowing {
        Narrowing::Host(i) => less(&mut role.hosts, i),
        Narrowing::Service(i) if role.services.is_empty() => {
            role.services = BTreeSet::from([service("sshd"), service("sudo")]);
            less(&mut role.services, i);
        }
        Narrowing::Service(i) => less(&mut role.services, i),
        Narrowing::Eligible(i) => less(&mut role.eligible, i),
        Narrowing::ApproverGroup(_) if role.approvals_from_each => {}
        Narrowing::ApproverGroup(i) => less(&mut role.approver_groups, i),
        Narrowing::Shorter(max) => role.max_duration = role.max_duration.min(Span(*max)),
        Narrowing::MoreApprovals => role.approvals_required += 1,
        Narrowing::FromEach => role.approvals_from_each = true,
        Narrowing::Signature => role.signature_required = true,
        Narrowing::Reason => role.reason_required = true,
        Narrowing::Ticket => {
            if role.ticket_pattern.is_none() {
                role.ticket_pattern = TicketPattern::new("T-[0-9]").ok();
            }
        }
    }
}
