//! Which approvals count, and how many of them are enough.

use std::collections::BTreeSet;

use jit_model::assess::Assessed;

use crate::world::{World, approved, at, group, person, written};

/// A forged, stolen or worthless approval leaves the grant pending.
#[test]
fn approvals_that_do_not_count() {
    let cases: Vec<(&str, World)> = vec![
        ("none at all", approved(|w| w.tree(1).approvals.clear())),
        (
            "by the subject",
            approved(|w| {
                w.members("leads", &[person("alice"), person("bob")]);
                w.tree(1).approvals.clear();
                w.approve(1, "alice", 2_000, |_| {});
            }),
        ),
        (
            "by the subject of somebody else's request",
            approved(|w| {
                w.members("leads", &[person("alice")]);
                w.grant(1, |g| g.provenance = written(&person("dave"), 1_000)).approve(
                    1,
                    "alice",
                    2_000,
                    |_| {},
                );
            }),
        ),
        (
            "by who wrote the grant",
            approved(|w| {
                w.grant(1, |g| g.provenance = written(&person("bob"), 1_000)).approve(
                    1,
                    "bob",
                    2_000,
                    |_| {},
                );
            }),
        ),
        (
            "by who changed the grant",
            approved(|w| {
                w.grant(1, |g| g.provenance.modifier = Some(person("bob"))).approve(1, "bob", 2_000, |_| {});
            }),
        ),
        (
            "by the requester for a group",
            approved(|w| {
                w.members("leads", &[person("dave")]);
                w.grant(1, |g| {
                    g.subject = group("devs");
                    g.provenance = written(&person("dave"), 1_000);
                })
                .approve(1, "dave", 2_000, |_| {});
            }),
        ),
        (
            "by nobody's member",
            approved(|w| {
                w.members("leads", &[person("carol")]);
            }),
        ),
        ("by a group that is gone", approved(|w| w.groups.retain(|g| g.dn != group("leads")))),
        (
            "written by somebody else",
            approved(|w| w.tree(1).approvals[0].provenance.creator = Some(person("alice"))),
        ),
        (
            "changed by somebody else",
            approved(|w| w.tree(1).approvals[0].provenance.modifier = Some(person("alice"))),
        ),
        ("changed later", approved(|w| w.tree(1).approvals[0].provenance.modified = Some(at(2_001)))),
        (
            "a wrong digest by one who may not approve",
            approved(|w| {
                w.grant(1, |_| {}).approve(1, "erin", 2_000, |a| a.digest.0[0] ^= 1);
            }),
        ),
    ];
    for (what, world) in cases {
        match world.assessed(1) {
            Assessed::Pending { missing: 1, from, approved } => {
                assert_eq!((from, approved), (BTreeSet::from([group("leads")]), vec![]), "{what}");
            }
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn members_of_a_group_subject_may_approve_for_it() {
    let world = approved(|w| {
        w.members("leads", &[person("dave")]).grant(1, |g| g.subject = group("devs")).approve(
            1,
            "dave",
            2_000,
            |_| {},
        );
    });
    assert_eq!(world.window(1), Some((2_000, 9_200)));
    assert_eq!(world.assess().remove(0).logins.len(), 2);
}

#[test]
fn approvers_are_distinct() {
    let world = approved(|w| {
        w.role(|r| r.approvals_required = 2).approve(1, "bob", 3_000, |_| {});
    });
    match world.assessed(1) {
        Assessed::Pending { missing: 1, approved, .. } => assert_eq!(approved.len(), 1),
        other => panic!("{other:?}"),
    }
    let world = approved(|w| {
        w.role(|r| r.approvals_required = 2).approve(1, "carol", 3_000, |_| {});
    });
    assert_eq!(world.window(1), Some((3_000, 10_200)));
}

#[test]
fn a_wrong_digest_beside_enough_good_ones_does_no_harm() {
    let world = approved(|w| {
        w.approve(1, "carol", 1_500, |a| a.digest.0[0] ^= 1);
    });
    assert_eq!(world.window(1), Some((2_000, 9_200)));
}

#[test]
fn each_group_is_heard() {
    let both = |w: &mut World| {
        w.role(|r| {
            r.approvals_required = 2;
            r.approvals_from_each = true;
            r.approver_groups.insert(group("security"));
        })
        .approve(1, "carol", 3_000, |_| {});
    };
    match approved(both).assessed(1) {
        Assessed::Pending { missing: 1, from, approved } => {
            assert_eq!(from, BTreeSet::from([group("security")]));
            assert_eq!(approved.len(), 2);
        }
        other => panic!("{other:?}"),
    }
    // The clock begins when the last group was heard, or a slow one would use up the time.
    let world = approved(|w| {
        both(w);
        w.approve(1, "erin", 20_000, |_| {});
    });
    assert_eq!(world.window(1), Some((20_000, 27_200)));
    // One who is in both speaks for both, but counts once.
    let world = approved(|w| {
        both(w);
        w.members("security", &[person("bob")]);
    });
    assert_eq!(world.window(1), Some((3_000, 10_200)));
    // Even where no number is asked for.
    let world = approved(|w| {
        both(w);
        w.role(|r| r.approvals_required = 0);
    });
    assert!(matches!(world.assessed(1), Assessed::Pending { missing: 1, .. }));
}
