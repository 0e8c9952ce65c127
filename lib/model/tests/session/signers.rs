//! What a list of signers that changes, or cannot be used, does to a session that rests on signed approvals.

use std::sync::Arc;

use jit_model::grant::End;
use jit_model::session::{Presence, Stay, presence};
use jit_model::signature::{BadSignature, Signature};
use jit_model::time::Span;

use crate::sources::{Source, remembered, rest, shown};
use crate::world::{World, at, group, person, question, signed};
use crate::{alice, until};

fn with(signature: BadSignature, edit: impl FnOnce(&mut World)) -> World {
    signed(|world| {
        for approval in &mut world.tree(1).approvals {
            approval.signature = Signature::Bad(signature.clone());
        }
        edit(world);
    })
}

fn lost(edit: impl FnOnce(&mut World)) -> World {
    with(BadSignature::NoSigners("there is none".to_owned()), edit)
}

#[test]
fn a_list_that_cannot_be_used_closes_the_door_and_ends_nothing() {
    let world = lost(|_| {});
    assert!(!matches!(world.ask("alice", "sshd", 3_000), jit_model::decide::Verdict::Allow(_)));
    let sources = [("ldap", Source::Spoken, &world)];
    assert_eq!(until(&alice(&sources, &remembered())), Some(9_200), "to the known end");
    let ask = |at_end| presence(&shown(&sources), &question("alice", "sshd"), &remembered(), at(at_end));
    assert_eq!(ask(3_000), Presence::Welcome);
    // And no longer.
    assert!(matches!(ask(9_200), Presence::Over(_)));
    assert!(matches!(alice(&sources, &[rest(1, 2_000, 3_000)]), Stay::Over(_)));
    // What rests on nothing that is remembered began under something else.
    assert!(matches!(alice(&sources, &[]), Stay::Over(_)));
}

#[test]
fn what_is_taken_away_meanwhile_is() {
    for world in [
        lost(|world| {
            world.revoke(1, Some("bob"), Some(2_500));
        }),
        lost(|world| {
            world.memory.deleted.insert(crate::world::uuid(1));
        }),
        lost(|world| world.tree(1).approvals.clear()),
        with(BadSignature::UnknownKey("SHA256:bob".to_owned()), |_| {}),
        with(BadSignature::KeyNotValid("SHA256:bob".to_owned()), |_| {}),
    ] {
        let stay = alice(&[("ldap", Source::Spoken, &world)], &remembered());
        assert!(matches!(stay, Stay::Over(_)), "{stay:?}");
    }
}

/// Doubt is only whether what cannot be checked is good: not whether it would be enough, or for these words.
#[test]
fn what_would_not_be_enough_with_every_signature_is_over() {
    let two = |edit: &dyn Fn(&mut World)| {
        let world = signed(|world| {
            world.role(|role| role.approvals_required = 2).sign(1, "carol", 2_000, |_| {});
            for approval in &mut world.tree(1).approvals {
                approval.signature = Signature::Bad(BadSignature::NoSigners("there is none".to_owned()));
            }
            edit(world);
        });
        alice(&[("ldap", Source::Spoken, &world)], &remembered())
    };
    let over = |edit: &dyn Fn(&mut World)| matches!(two(edit), Stay::Over(_));
    assert_eq!(until(&two(&|_| {})), Some(9_200));
    assert!(over(&|world| drop(world.tree(1).approvals.pop())), "carol withdrew hers");
    assert!(
        over(&|world| {
            world.members("leads", &[person("bob")]);
        }),
        "carol left"
    );
    assert!(
        over(&|world| {
            world.role(|role| role.approvals_required = 3);
        }),
        "it takes another one"
    );
    assert!(
        over(&|world| Arc::make_mut(&mut world.tree(1).grant).end = End::After(Span(7_300))),
        "other words than were approved"
    );
    assert!(
        over(&|world| {
            let again = world.tree(1).approvals[0].clone();
            world.tree(1).approvals[1] = again;
        }),
        "bob twice"
    );
    // Who is in both groups speaks for both.
    let each = |world: &mut World| {
        let groups = ["leads", "security"].map(group).into();
        world.role(|role| (role.approver_groups, role.approvals_from_each) = (groups, true));
    };
    assert!(over(&each), "nobody of security");
    assert_eq!(
        until(&two(&|world| {
            each(world);
            world.members("security", &[person("bob")]);
        })),
        Some(9_200)
    );
}
