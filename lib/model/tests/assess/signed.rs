//! Signed approvals: since when, until when, how many, and that an approver's own word about the time can only take away.

use std::sync::Arc;

use jit_model::assess::Assessed;
use jit_model::grant::{End, Provenance};
use jit_model::heard::{Evidence, Outcome};
use jit_model::role::Role;
use jit_model::signature::Signature;
use jit_model::source::Proof;
use jit_model::time::Span;
use proptest::prelude::*;

use crate::world::{World, approved, at, dn, group, host, person, signed, uuid, written};

#[test]
fn the_clock_runs_since_the_signing() {
    let world = signed(|w| {
        w.tree(1).approvals.clear();
        w.sign(1, "bob", 3_000, |_| {});
        // The entry may come later, and shows nothing of its making where the signature alone is the proof.
        w.tree(1).approvals[0].provenance = written(&person("mallory"), 8_000);
    });
    assert_eq!(world.window(1), Some((3_000, 10_200)));
    let mut world = world;
    world.tree(1).approvals[0].provenance = Provenance::default();
    assert_eq!(world.window(1), Some((3_000, 10_200)));
    assert_eq!(world.assess()[0].began, Some(at(3_000)));
    match &world.heard(1)[0] {
        Outcome::Counts { at: when, evidence, paths } => {
            assert_eq!((*when, evidence), (at(3_000), &Evidence::Signature("SHA256:bob".to_owned())));
            assert_eq!(paths, &[vec![group("leads")]]);
        }
        other => panic!("{other:?}"),
    }
    match world.assessed(1) {
        Assessed::Granted { approved, .. } => assert_eq!(approved[0].evidence.key(), Some("SHA256:bob")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn where_both_must_hold_the_clock_runs_since_the_signing_too() {
    let both = |w: &mut World| {
        w.role(|r| r.signature_required = true).tree(1).approvals.clear();
        w.sign(1, "bob", 3_000, |s| s.at = at(2_900));
    };
    assert_eq!(approved(both).window(1), Some((2_900, 10_100)));
    // A file of root's needs no word of the directory besides.
    let world = approved(|w| {
        both(w);
        w.source.proof = Proof::Source;
        w.tree(1).approvals[0].provenance = Provenance::default();
    });
    assert_eq!(world.window(1), Some((2_900, 10_100)));
}

#[test]
fn what_was_signed_ends_it() {
    let ends = |signed_end: i64, entry_end: Option<i64>, entry_for: Option<u64>| {
        signed(|w| {
            w.tree(1).approvals.clear();
            w.sign(1, "bob", 2_000, |s| s.latest_end = at(signed_end));
            w.tree(1).approvals[0].not_after = entry_end.map(at);
            w.tree(1).approvals[0].duration = entry_for.map(Span);
        })
        .window(1)
    };
    assert_eq!(ends(5_000, None, None), Some((2_000, 5_000)));
    assert_eq!(ends(5_000, Some(9_000), Some(9_000)), Some((2_000, 5_000)));
    assert_eq!(ends(5_000, Some(4_000), None), Some((2_000, 4_000)));
    assert_eq!(ends(5_000, None, Some(600)), Some((2_000, 2_600)));
    assert_eq!(ends(50_000, None, None), Some((2_000, 9_200)), "the grant's own words do, too");
    assert_eq!(ends(2_000, None, None), None, "nothing is left of it");
    // A shorter time that he signed is not the entry's to lengthen, or to leave out.
    for (entry_for, until) in [(None, 3_000), (Some(9_000), 3_000), (Some(500), 2_500)] {
        let world = signed(|w| {
            w.tree(1).approvals.clear();
            w.sign(1, "bob", 2_000, |s| s.duration = Some(Span(1_000)));
            w.tree(1).approvals[0].duration = entry_for.map(Span);
        });
        assert_eq!(world.window(1), Some((2_000, until)));
    }
}

/// Who left the approver group set the clock going all the same, and so did one whose key is no longer listed, as this host saw.
#[test]
fn the_earliest_signing_that_was_proved_starts_the_clock() {
    let two = |w: &mut World| {
        w.sign(1, "carol", 5_000, |_| {});
    };
    let left = signed(|w| {
        two(w);
        w.members("leads", &[person("carol")]);
    });
    assert_eq!(left.window(1), Some((2_000, 9_200)));
    let unlisted = signed(|w| {
        two(w);
        w.tree(1).approvals[0].signature = Signature::Absent;
        w.memory.began.insert(uuid(1), at(2_000));
    });
    assert_eq!(unlisted.window(1), Some((2_000, 9_200)));
}

#[test]
fn one_who_signs_with_two_keys_leaves_a_shared_one_to_another() {
    // bob signs with his own key and with one that carol signs with, too: there are two people all the same.
    let world = signed(|w| {
        w.role(|r| r.approvals_required = 2).tree(1).approvals.clear();
        w.sign(1, "bob", 2_000, |s| s.key = "SHA256:shared".to_owned());
        w.sign(1, "carol", 3_000, |s| s.key = "SHA256:shared".to_owned());
        w.sign(1, "bob", 4_000, |_| {});
    });
    // The pair is whole when bob signs with his own.
    assert_eq!(world.window(1), Some((4_000, 11_200)));
    let Assessed::Granted { approved, .. } = world.assessed(1) else { panic!("{:?}", world.assessed(1)) };
    assert_eq!(
        approved.iter().map(|a| (a.dn.rdn_value(), a.at.0)).collect::<Vec<_>>(),
        [("carol".to_owned(), 3_000), ("bob".to_owned(), 4_000)]
    );
}

/// One key does not speak for two teams by being listed for a member of each.
#[test]
fn two_teams_are_two_people() {
    let teams = |key: &str| {
        signed(|w| {
            w.role(|r: &mut Role| {
                r.approvals_from_each = true;
                r.approver_groups.insert(group("security"));
            });
            w.sign(1, "erin", 3_000, |s| s.key = key.to_owned());
        })
    };
    assert_eq!(teams("SHA256:erin").window(1), Some((3_000, 10_200)));
    match teams("SHA256:bob").assessed(1) {
        Assessed::Pending { missing: 1, from, .. } => assert_eq!(from.len(), 2),
        other => panic!("{other:?}"),
    }
    // Nor one name with an entry in each.
    let elsewhere = dn("uid=bob,ou=old,dc=x");
    let mut world = teams("SHA256:erin");
    world.members("security", std::slice::from_ref(&elsewhere));
    let his = world.signed(1, &elsewhere, 3_000);
    let approval = &mut world.tree(1).approvals[1];
    (approval.approver, approval.signature) = (elsewhere, Signature::Good(his));
    assert!(matches!(world.assessed(1), Assessed::Pending { missing: 1, .. }));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// When somebody signed is his own word. Whatever he says, the window ends within what he and enough others signed, and is no longer
    /// than the role and the words allow; and another time than the true one gives no later end than the words, the role and the
    /// latest end that he could have signed anyway.
    #[test]
    fn a_signers_own_time_only_takes_away(
        times in proptest::collection::vec((-50_i64..400, 0_i64..400), 1..4),
        lie in -1_000_000_i64..1_000_000,
        required in 1_u32..3,
        made in proptest::option::of(0_i64..200),
        not_before in proptest::option::of(0_i64..200),
        end in prop_oneof![(1_u64..150).prop_map(|s| End::After(Span(s))), (0_i64..300).prop_map(|t| End::At(at(t)))],
        remembered in proptest::option::of(0_i64..300),
    ) {
        let world = |first: i64| {
            let mut world = World::new();
            world.source.proof = Proof::Signature;
            world.role(|r| { r.approvals_required = required; r.max_duration = Span(120); r.hosts = [host("*")].into(); });
            world.members("leads", &[person("bob"), person("carol"), person("erin")]);
            world.grant(1, |g| {
                (g.not_before, g.end) = (not_before.map(at), end);
                g.provenance.created = made.map(at);
            });
            for (i, (who, (when, until))) in ["bob", "carol", "erin"].into_iter().zip(&times).enumerate() {
                world.sign(1, who, if i == 0 { first } else { *when }, |s| s.latest_end = at(*until));
            }
            world.memory.began.extend(remembered.map(|began| (uuid(1), at(began))));
            world
        };
        let (mut ends, n): (Vec<i64>, usize) = (times.iter().map(|(_, until)| *until).collect(), required as usize);
        ends.sort_unstable_by(|a, b| b.cmp(a));
        if let Some((start, ended)) = world(lie).window(1) {
            prop_assert!(ended <= ends[n - 1], "beyond what {required} signed");
            prop_assert!(ended - start <= 120, "longer than the role allows");
            match end {
                End::After(span) => prop_assert!(ended - start <= i64::try_from(span.0).unwrap()),
                End::At(t) => prop_assert!(ended <= t.0),
            }
            prop_assert!(not_before.is_none_or(|t| t <= start));
            // The ledger's start is the earliest: what it remembers, a later word does not move.
            prop_assert!(remembered.is_none_or(|t| start <= t.max(not_before.unwrap_or(t))));
        }
        // The farther back he says it was, the sooner it ends.
        if let (Some((_, true_end)), Some((_, earlier))) = (world(times[0].0).window(1), world(times[0].0 - lie.abs()).window(1)) {
            prop_assert!(earlier <= true_end, "said to be earlier, ends later");
        }
    }

    /// With enough others, one more signer changes nothing for the better by what he says of the time, but his own latest end.
    #[test]
    fn one_more_signer_never_makes_it_longer_than_he_signed(when in -500_i64..500, until in 0_i64..500) {
        let with = |erin: bool| {
            let mut world = signed(|w| {
                w.members("leads", &[person("bob"), person("erin")]).tree(1).approvals.clear();
                Arc::make_mut(&mut w.tree(1).grant).provenance.created = Some(at(0));
                w.sign(1, "bob", 100, |s| s.latest_end = at(300));
            });
            if erin {
                world.sign(1, "erin", when, |s| s.latest_end = at(until));
            }
            world.window(1)
        };
        let alone = with(false).expect("bob's");
        if let Some((start, end)) = with(true) {
            prop_assert!(start <= alone.0, "the clock began with bob");
            prop_assert!(end <= until.max(alone.1));
        }
    }
}
