//! What the entries say: windows, writers, memory. The refusals are in assess/refusals.rs, the approvals in assess/approvals.rs,
//! signed ones in assess/signed.rs, forged ones in assess/forgeries.rs, what explains them in assess/chains.rs.

mod world;

#[path = "assess/approvals.rs"]
mod approvals;
#[path = "assess/chains.rs"]
mod chains;
#[path = "assess/forgeries.rs"]
mod forgeries;
#[path = "assess/refusals.rs"]
mod refusals;
#[path = "assess/signed.rs"]
mod signed;

use std::collections::BTreeSet;
use std::sync::Arc;

use jit_model::assess::{Assessed, MAX_PENDING, Services};
use jit_model::grant::{End, Revocation};
use jit_model::learn::learn;
use jit_model::people::{Account, Person};
use jit_model::reason::Refusal;
use jit_model::role::TicketPattern;
use jit_model::signature::{BadSignature, Signature};
use jit_model::source::Proof;
use jit_model::time::Span;
use world::{
    World, approved, at, dba, dn, group, login, person, service, source_name, unapproved, uuid, written,
};

#[test]
fn an_approved_grant_is_granted() {
    let world = approved(|_| {});
    let judged = world.assess().remove(0);
    assert_eq!(world.window(1), Some((2_000, 9_200)));
    assert_eq!(judged.logins.keys().collect::<Vec<_>>(), [&login("alice")]);
    assert_eq!(judged.logins.values().collect::<Vec<_>>(), [&person("alice")]);
    assert_eq!(judged.services, Services::AllGuarded);
    assert_eq!(judged.source, source_name());
    assert_eq!(judged.began, Some(at(2_000)));
    match judged.assessed {
        Assessed::Granted { approved, .. } => {
            assert_eq!(
                approved.iter().map(|a| (&a.dn, a.at)).collect::<Vec<_>>(),
                [(&person("bob"), at(2_000))]
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_clock_counts_those_who_left() {
    let two = |w: &mut World| {
        w.grant(1, |_| {}).approve(1, "bob", 2_000, |_| {}).approve(1, "carol", 5_000, |_| {});
    };
    assert_eq!(approved(two).window(1), Some((2_000, 9_200)));
    let world = approved(|w| {
        two(w);
        w.members("leads", &[person("carol")]);
    });
    assert_eq!(world.window(1), Some((2_000, 9_200)), "bob left; the clock goes on");
    let world = approved(|w| {
        two(w);
        w.tree(1).approvals.remove(0);
        w.memory.began.insert(uuid(1), at(2_000));
    });
    assert_eq!(world.window(1), Some((2_000, 9_200)), "bob's approval was deleted; the host remembers");
    let world = approved(|w| {
        two(w);
        w.memory.began.insert(uuid(1), at(8_000));
    });
    assert_eq!(world.window(1), Some((2_000, 9_200)), "a later memory changes nothing");
}

#[test]
fn the_words_set_the_window() {
    let window = |edit: fn(&mut World)| approved(edit).window(1);
    let rewrite = |w: &mut World, not_before: Option<i64>, end: End| {
        w.grant(1, |g| (g.not_before, g.end) = (not_before.map(at), end)).approve(1, "bob", 2_000, |_| {});
    };
    let cases: Vec<(Option<i64>, End, (i64, i64))> = vec![
        (None, End::At(at(9_000)), (2_000, 9_000)),
        (Some(500), End::At(at(9_000)), (2_000, 9_000)),
        (Some(3_000), End::At(at(9_000)), (3_000, 9_000)),
        (None, End::After(Span(60)), (2_000, 2_060)),
        (Some(3_000), End::After(Span(60)), (3_000, 3_060)),
        (Some(500), End::After(Span(60)), (2_000, 2_060)),
        (None, End::After(Span(28_800)), (2_000, 30_800)),
    ];
    for (not_before, end, meant) in cases {
        let world = approved(|w| rewrite(w, not_before, end));
        assert_eq!(world.window(1), Some(meant), "{not_before:?} {end:?}");
    }
    assert_eq!(window(|_| {}), Some((2_000, 9_200)));
    // Nothing is approved before it is written, whatever the clocks of two servers say.
    let world = approved(|w| {
        w.grant(1, |_| {}).approve(1, "bob", 900, |_| {});
    });
    assert_eq!(world.window(1), Some((1_000, 8_200)));
    // A memory of an earlier clock shortens; jitNotBefore still holds.
    let world = approved(|w| {
        rewrite(w, Some(3_000), End::After(Span(60)));
        w.memory.began.insert(uuid(1), at(0));
    });
    assert_eq!(world.window(1), Some((3_000, 3_060)));
    // No window is longer than the role allows, whatever start is remembered.
    let world = approved(|w| {
        rewrite(w, None, End::At(at(29_000)));
        w.memory.began.insert(uuid(1), at(100));
    });
    assert_eq!(world.window(1), Some((100, 28_900)));
    // An end beyond what can be counted is no error and no panic.
    let world = approved(|w| {
        w.role(|r| r.max_duration = Span(u64::MAX));
        rewrite(w, Some(i64::MAX - 1), End::After(Span(u64::MAX)));
    });
    assert_eq!(world.window(1), Some((i64::MAX - 1, i64::MAX)));
}

#[test]
fn approvers_may_shorten() {
    let shorter = |w: &mut World, who: &str, not_after: Option<i64>, duration: Option<u64>| {
        w.approve(1, who, 2_000, |a| (a.not_after, a.duration) = (not_after.map(at), duration.map(Span)));
    };
    type Limits = (&'static str, Option<i64>, Option<u64>);
    let cases: Vec<(u32, Vec<Limits>, i64)> = vec![
        (1, vec![("bob", Some(3_000), None)], 3_000),
        (1, vec![("bob", None, Some(60))], 2_060),
        (1, vec![("bob", Some(3_000), Some(60))], 2_060),
        (1, vec![("bob", Some(99_000), Some(99_000))], 9_200),
        // The n-th latest end: of a spare approver the more generous counts.
        (1, vec![("bob", Some(3_000), None), ("carol", Some(5_000), None)], 5_000),
        (2, vec![("bob", Some(3_000), None), ("carol", Some(5_000), None)], 3_000),
        (1, vec![("bob", Some(3_000), None), ("carol", None, None)], 9_200),
        // One person's more generous word counts, once.
        (1, vec![("bob", Some(3_000), None), ("bob", Some(5_000), None)], 5_000),
        (2, vec![("bob", None, None), ("bob", None, None), ("carol", Some(3_000), None)], 3_000),
    ];
    for (required, limits, end) in cases {
        let world = approved(|w| {
            w.role(|r| r.approvals_required = required);
            w.tree(1).approvals.clear();
            for (who, not_after, duration) in &limits {
                shorter(w, who, *not_after, *duration);
            }
        });
        assert_eq!(world.window(1), Some((2_000, end)), "{required} {limits:?}");
    }
    let world = unapproved(|w| shorter(w, "bob", Some(1_500), None));
    assert_eq!(world.window(1), Some((1_000, 8_200)), "nobody needs to approve, so nobody shortens");
}

#[test]
fn who_may_write_where_nobody_approves() {
    assert_eq!(unapproved(|_| {}).window(1), Some((1_000, 8_200)));
    let writer = unapproved(|w| {
        w.source.writers.insert(person("bob"));
        w.grant(1, |g| g.provenance = written(&person("bob"), 1_000));
    });
    assert_eq!(writer.window(1), Some((1_000, 8_200)));
    let member = unapproved(|w| {
        w.grant(1, |g| (g.subject, g.provenance) = (group("devs"), written(&person("dave"), 1_000)));
    });
    assert_eq!(member.assess().remove(0).logins.len(), 2);
    assert_eq!(member.window(1), Some((1_000, 8_200)));
    let outsider = unapproved(|w| {
        w.grant(1, |g| (g.subject, g.provenance) = (group("devs"), written(&person("bob"), 1_000)));
    });
    assert!(matches!(outsider.refusal(1), Some(Refusal::WrittenByOther(_))));
    let both = unapproved(|w| {
        w.source.writers.insert(person("bob"));
        w.grant(1, |g| g.provenance.modifier = Some(person("bob")));
    });
    assert_eq!(both.window(1), Some((1_000, 8_200)), "subject and writer, one each");
}

#[test]
fn a_trusted_source_needs_no_evidence() {
    let world = unapproved(|w| {
        w.source.proof = Proof::Source;
        w.grant(1, |g| {
            g.provenance = Default::default();
            (g.not_before, g.end) = (Some(at(500)), End::At(at(900)));
        });
    });
    assert_eq!(world.window(1), Some((500, 900)));
    let world = unapproved(|w| {
        w.source.proof = Proof::Source;
        w.grant(1, |g| (g.provenance, g.not_before) = (Default::default(), Some(at(500))));
    });
    assert_eq!(world.window(1), Some((500, 7_700)));
    // Approvals are taken at their word, but neither the subject's nor a wrong digest nor one without a time.
    let trusted = |edit: fn(&mut World)| {
        approved(|w| {
            w.source.proof = Proof::Source;
            w.tree(1).approvals[0].provenance =
                jit_model::grant::Provenance { created: Some(at(2_000)), ..Default::default() };
            edit(w);
        })
    };
    assert_eq!(trusted(|_| {}).window(1), Some((2_000, 9_200)));
    assert_eq!(trusted(|w| w.tree(1).approvals[0].approver = person("alice")).window(1), None);
    assert_eq!(
        trusted(|w| w.tree(1).approvals[0].digest.0[0] ^= 1).refusal(1),
        Some(Refusal::ChangedAfterApproval)
    );
    let timeless = trusted(|w| w.tree(1).approvals[0].provenance.created = None);
    assert_eq!(timeless.refusal(1), Some(Refusal::EvidenceMissing("createTimestamp")));
}

#[test]
fn the_default_role_is_for_everybody_without_a_role() {
    let role = || Arc::new(jit_model::role::Role { dn: None, approvals_required: 0, ..dba() });
    let world = unapproved(|w| {
        w.source.default_role = Some(role());
        w.grant(1, |g| {
            (g.role, g.subject, g.provenance) = (None, person("erin"), written(&person("erin"), 1_000))
        });
    });
    assert_eq!(world.window(1), Some((1_000, 8_200)));
    let world = unapproved(|w| {
        w.source.default_role = Some(role());
        w.grant(1, |g| (g.role, g.end) = (None, End::After(Span(28_801))));
    });
    assert!(matches!(world.refusal(1), Some(Refusal::TooLong { .. })), "but not for ever");
}

#[test]
fn a_group_means_its_eligible_members() {
    let circle = |w: &mut World| {
        w.members("ring", &[group("ring"), group("devs"), group("leads"), person("nobody")])
            .members("devs", &[group("ring"), person("alice"), person("dave")])
            .role(|r| r.eligible = BTreeSet::from([person("dave"), person("bob")]))
            .grant(1, |g| g.subject = group("ring"))
            .approve(1, "carol", 2_000, |_| {});
    };
    let world = approved(circle);
    assert_eq!(world.assess().remove(0).logins.keys().collect::<Vec<_>>(), [&login("bob"), &login("dave")]);
    let world = approved(|w| {
        circle(w);
        w.persons[3].uid_number = Some(0);
        w.persons.push(Person {
            dn: dn("uid=bob,ou=other"),
            login: login("BOB"),
            uid_number: None,
            account: Account::default(),
        });
    });
    assert!(matches!(world.refusal(1), Some(Refusal::NotEligible(..))), "{:?}", world.assessed(1));
    assert_eq!(world.assess().remove(0).logins.len(), 4, "they can all be told");
}

#[test]
fn narrowing_only() {
    let services = |names: &[&str]| names.iter().map(|name| service(name)).collect::<BTreeSet<_>>();
    for (grant, role, both) in [
        (&[][..], &[][..], Services::AllGuarded),
        (&["sudo"][..], &[][..], Services::Only(services(&["sudo"]))),
        (&[][..], &["sudo"][..], Services::Only(services(&["sudo"]))),
        (&["sudo", "sshd"][..], &["sudo", "su"][..], Services::Only(services(&["sudo"]))),
        (&["sshd"][..], &["sudo"][..], Services::Only(services(&[]))),
    ] {
        let world = approved(|w| {
            w.role(|r| r.services = services(role)).grant(1, |g| g.services = services(grant)).approve(
                1,
                "bob",
                2_000,
                |_| {},
            );
        });
        assert_eq!(world.assess().remove(0).services, both, "{grant:?} {role:?}");
    }
}

#[test]
fn a_revocation_revokes_whatever_else_is_wrong() {
    let world = approved(|w| {
        w.source.roles.clear();
        w.revoke(1, None, None).revoke(1, Some("carol"), Some(3_000)).revoke(1, Some("bob"), Some(2_500));
    });
    match world.assessed(1) {
        Assessed::Revoked(revocation) => {
            assert_eq!(revocation.by, Some(person("bob")), "the earliest that says when")
        }
        other => panic!("{other:?}"),
    }
    let seen = Revocation { dn: dn("cn=r,cn=g1,ou=grants,dc=x"), by: None, at: None, reason: None };
    let world = approved(|w| {
        w.memory.revoked.insert(uuid(1), seen.clone());
    });
    assert_eq!(world.assessed(1), Assessed::Revoked(seen), "though its entry is gone");
}

#[test]
fn twenty_pending_are_borne() {
    let mut world = World::new();
    for n in 1..=20 {
        world.grant(n, |_| {});
    }
    world.grant(99, |_| {}).approve(99, "bob", 2_000, |_| {});
    world.grant(100, |g| g.subject = person("dave"));
    assert_eq!(MAX_PENDING, 20);
    assert!(matches!(world.assessed(1), Assessed::Pending { .. }));
    world.grant(21, |_| {});
    assert_eq!(world.refusal(1), Some(Refusal::TooManyPending(20)));
    assert_eq!(world.refusal(21), Some(Refusal::TooManyPending(20)));
    assert!(world.window(99).is_some(), "an approved one is not touched");
    assert!(matches!(world.assessed(100), Assessed::Pending { .. }), "nor is somebody else's");
}

/// Everything that somebody approved in a year lacks an approval when he leaves, and asks nobody for one.
#[test]
fn what_lost_its_approval_is_no_flood() {
    let all = |lost: fn(&mut World)| {
        let mut world = World::new();
        world.source.proof = Proof::Signature;
        for n in 1..=25 {
            world.grant(n, |_| {}).sign(n, "bob", 2_000, |_| {});
        }
        world.grant(99, |_| {});
        let memory = learn(&world.memory, &BTreeSet::new(), &world.source(), &world.assess());
        lost(&mut world);
        world.memory = memory;
        assert!(matches!(world.assessed(1), Assessed::Pending { .. }), "{:?}", world.assessed(1));
        world.assessed(99)
    };
    let losses: [fn(&mut World); 3] = [
        |world| {
            world.members("leads", &[person("carol")]);
        },
        |world| spoil(world, &BadSignature::UnknownKey("SHA256:bob".to_owned())),
        |world| spoil(world, &BadSignature::NoSigners("there is none".to_owned())),
    ];
    for lost in losses {
        assert!(matches!(all(lost), Assessed::Pending { .. }));
    }
}

fn spoil(world: &mut World, bad: &BadSignature) {
    for approval in world.source.grants.values_mut().flat_map(|tree| &mut tree.approvals) {
        approval.signature = Signature::Bad(bad.clone());
    }
}

#[test]
fn a_pattern_means_the_whole_ticket() {
    let pattern = |text: &str| TicketPattern::new(text);
    assert!(pattern("a)|(?:b").is_err());
    assert!(pattern("(?x)a # no").is_err());
    let either = pattern("a|b").expect("a pattern");
    assert!(
        either.matches("a")
            && either.matches("b")
            && !either.matches("ab")
            && !either.matches("xa")
            && !either.matches("a\n")
    );
    let lines = pattern("(?m)^a$").expect("a pattern");
    assert!(lines.matches("a") && !lines.matches("b\na") && !lines.matches("a\nb"));
}
