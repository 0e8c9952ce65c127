//! Whatever is edited, wider or narrower, given, taken or lost: a clock that began is not wound up again.

use std::collections::BTreeSet;
use std::sync::Arc;

use jit_model::assess::Assessed;
use jit_model::digest::digest;
use jit_model::dn::Dn;
use jit_model::grant::Approval;
use jit_model::learn::over;
use jit_model::role::Role;
use jit_model::signature::{Signature, Signed};
use jit_model::source::{Proof, RoleEntry};
use jit_model::time::{Span, Timestamp};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::Host;
use crate::changes::{Narrowing, Removal, a_narrowing, a_removal, narrow, nth, remove};
use crate::world::{self, World};
use crate::worlds::{a_group, a_person, a_set, a_span, a_world, some, somebody, time};

/// What may happen to a directory besides: a role is edited, wider or narrower; an approval is added; evidence is lost.
#[derive(Clone, Debug)]
enum Edit {
    Removal(Removal),
    Narrowing(Index, Narrowing),
    Required(Index, u32),
    Each(Index, bool),
    Groups(Index, BTreeSet<Dn>),
    Approval(Index, Dn, i64, Option<Span>),
    Member(Index, Dn),
    Made(Index, Option<Timestamp>),
    Signed(Index, Index, Timestamp, Timestamp),
    Proof(Proof),
}

fn an_edit() -> impl Strategy<Value = Edit> {
    let i = any::<Index>;
    prop_oneof![
        2 => a_removal().prop_map(Edit::Removal),
        1 => (i(), a_narrowing()).prop_map(|(i, n)| Edit::Narrowing(i, n)),
        2 => (i(), 0_u32..3).prop_map(|(i, n)| Edit::Required(i, n)),
        2 => (i(), any::<bool>()).prop_map(|(i, each)| Edit::Each(i, each)),
        1 => (i(), a_set(a_group(), 1..4)).prop_map(|(i, groups)| Edit::Groups(i, groups)),
        3 => (i(), a_person(), 0_i64..120, some(a_span())).prop_map(|(i, who, at, d)| Edit::Approval(i, who, at, d)),
        1 => (i(), somebody()).prop_map(|(i, who)| Edit::Member(i, who)),
        1 => (i(), some(time())).prop_map(|(i, made)| Edit::Made(i, made)),
        2 => (i(), i(), time(), time()).prop_map(|(i, j, at, end)| Edit::Signed(i, j, at, end)),
        1 => select(&[Proof::Source, Proof::CreatorsName, Proof::Signature][..]).prop_map(Edit::Proof),
    ]
}

fn apply(world: &mut World, edit: &Edit) {
    let mut role = |i: &Index, edit: &dyn Fn(&mut Role)| {
        if let Some((_, RoleEntry::Known(role))) = nth(&mut world.source.roles, i) {
            edit(Arc::make_mut(role));
        }
    };
    match edit {
        Edit::Narrowing(i, narrowing) => role(i, &|role| narrow(role, narrowing)),
        Edit::Required(i, n) => role(i, &|role| role.approvals_required = *n),
        Edit::Each(i, each) => role(i, &|role| role.approvals_from_each = *each),
        Edit::Groups(i, groups) => role(i, &|role| role.approver_groups.clone_from(groups)),
        Edit::Removal(removal) => remove(world, removal),
        Edit::Member(i, who) => {
            let count = world.groups.len().max(1);
            if let Some(group) = world.groups.get_mut(i.index(count)) {
                group.members.insert(who.clone());
            }
        }
        Edit::Approval(i, who, when, duration) => {
            if let Some((_, tree)) = nth(&mut world.source.grants, i) {
                let dn = tree.grant.dn.child("cn", "b").expect("a name");
                tree.approvals.push(Approval {
                    dn,
                    approver: who.clone(),
                    digest: digest(&tree.grant),
                    not_after: None,
                    duration: *duration,
                    signature: Signature::Absent,
                    provenance: world::written(who, *when),
                });
            }
        }
        Edit::Signed(i, j, when, latest_end) => {
            if let Some((_, tree)) = nth(&mut world.source.grants, i) {
                let (grant, count) = (Arc::clone(&tree.grant), tree.approvals.len().max(1));
                if let Some(approval) = tree.approvals.get_mut(j.index(count)) {
                    let principal = approval.approver.rdn_value();
                    approval.signature = Signature::Good(Signed {
                        key: format!("SHA256:{principal}"),
                        principal,
                        approver: approval.approver.clone(),
                        grant: grant.uuid,
                        digest: digest(&grant),
                        duration: None,
                        at: *when,
                        latest_end: *latest_end,
                    });
                }
            }
        }
        Edit::Proof(proof) => world.source.proof = *proof,
        Edit::Made(i, made) => {
            if let Some((_, tree)) = nth(&mut world.source.grants, i) {
                Arc::make_mut(&mut tree.grant).provenance.created = *made;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is edited, in whatever order, a clock that ran out is not wound up again.
    #[test]
    fn what_is_over_stays_over_whatever_is_edited(
        first in a_world(),
        edits in proptest::collection::vec(an_edit(), 1..6),
    ) {
        let mut host = Host::sees(&first);
        let mut world = first;
        for edit in &edits {
            let before = host.clone();
            apply(&mut world, edit);
            host.sync(&world);
            for judged in &host.assessed {
                let Assessed::Granted { window, .. } = judged.assessed else { continue };
                let was = before.assessed.iter().find(|was| was.grant.uuid == judged.grant.uuid);
                let end = was.and_then(over);
                prop_assert!(end.is_none_or(|end| window.end() <= end), "{edit:?}: {end:?} {window:?}");
                // Nor does it begin later than it was seen to begin.
                if let Some(Assessed::Granted { window: was, .. }) = was.map(|was| &was.assessed) {
                    prop_assert!(window.start() <= was.start(), "{edit:?}: {was:?} {window:?}");
                }
            }
        }
    }
}
