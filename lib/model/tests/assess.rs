//! What the entries say: every refusal with its text, approvals, windows, memory.

mod world;

use std::collections::BTreeSet;
use std::sync::Arc;

use jit_model::assess::{Assessed, MAX_PENDING, MAX_SUBJECTS, Services};
use jit_model::grant::{End, Revocation};
use jit_model::people::Person;
use jit_model::reason::Refusal;
use jit_model::role::TicketPattern;
use jit_model::source::{EntryKind, Proof, RoleEntry, SetAside};
use jit_model::time::Span;
use world::{
    World, approved, at, dba, dn, group, host, login, person, role_dn, service, source_name, uuid, written,
};

/// As [`approved`], without any approval needed or there.
fn unapproved(edit: impl FnOnce(&mut World)) -> World {
    let mut world = World::new();
    world.role(|r| r.approvals_required = 0).grant(1, |_| {});
    edit(&mut world);
    world
}

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

/// Every refusal that assessing gives, by what causes it, with its word and its text.
#[test]
fn every_refusal() {
    let pattern = || TicketPattern::new("OPS-[0-9]+").ok();
    let malformed_role = || {
        RoleEntry::Malformed(SetAside {
            dn: role_dn("dba"),
            uuid: None,
            kind: EntryKind::Role,
            attribute: None,
            reason: "has two ends".to_owned(),
            subject: None,
        })
    };
    let cases: Vec<(&str, World, &str)> = vec![
        (
            "no-role",
            approved(|w| {
                w.grant(1, |g| g.role = None);
            }),
            "it names no role",
        ),
        (
            "role-missing",
            approved(|w| {
                w.source.roles.clear();
            }),
            "its role cn=dba,ou=roles,dc=x does not exist where roles are kept, or is not for this host",
        ),
        (
            "role-missing",
            approved(|w| {
                // A named role never falls back to the default.
                w.source.roles.clear();
                w.source.default_role = Some(Arc::new(dba()));
            }),
            "its role cn=dba,ou=roles,dc=x does not exist where roles are kept, or is not for this host",
        ),
        (
            "role-malformed",
            approved(|w| {
                w.source.roles.insert(role_dn("dba"), malformed_role());
            }),
            "its role cn=dba,ou=roles,dc=x is malformed: has two ends",
        ),
        (
            "not-this-host",
            approved(|w| {
                w.role(|r| r.hosts = BTreeSet::from([host("@web")]));
            }),
            "its role dba is not for this host",
        ),
        (
            "not-this-host",
            approved(|w| {
                w.grant(1, |g| g.hosts = BTreeSet::from([host("db2.prod.example.com")]));
            }),
            "it is not for this host",
        ),
        (
            "subject-missing",
            approved(|w| {
                w.grant(1, |g| g.subject = person("nobody"));
            }),
            "its subject uid=nobody,ou=people,dc=x does not exist or cannot be used",
        ),
        (
            "subject-too-large",
            approved(|w| {
                let staff = (0..MAX_SUBJECTS).map(|n| person(&format!("p{n}")));
                w.members("staff", &staff.chain([person("alice")]).collect::<Vec<_>>());
                w.grant(1, |g| g.subject = group("staff"));
            }),
            "its subject cn=staff,ou=groups,dc=x holds more than 1000 names; ask for a smaller group",
        ),
        (
            "not-eligible",
            approved(|w| {
                w.grant(1, |g| g.subject = person("erin"));
            }),
            "uid=erin,ou=people,dc=x is not eligible for the role dba",
        ),
        (
            "not-eligible",
            approved(|w| {
                w.grant(1, |g| g.subject = group("leads"));
            }),
            "cn=leads,ou=groups,dc=x is not eligible for the role dba",
        ),
        (
            "not-eligible",
            approved(|w| {
                w.members("devs", &[]);
            }),
            "uid=alice,ou=people,dc=x is not eligible for the role dba",
        ),
        (
            "login-shared",
            approved(|w| {
                w.persons.push(Person { dn: dn("cn=other,dc=x"), login: login("Alice"), uid_number: None });
            }),
            "the login alice belongs to more than one entry",
        ),
        (
            "root",
            approved(|w| {
                w.persons[0].uid_number = Some(0);
            }),
            "alice is root, and root holds no grant",
        ),
        (
            "root",
            approved(|w| {
                w.persons[0].login = login("root");
            }),
            "root is root, and root holds no grant",
        ),
        (
            "too-long",
            approved(|w| {
                w.role(|r| r.max_duration = Span(3_600));
            }),
            "it lasts 2h, longer than the 1h its role allows",
        ),
        (
            "too-long",
            approved(|w| {
                w.grant(1, |g| g.end = End::At(at(1_000 + 28_801)));
            }),
            "it lasts 28801s, longer than the 28800s its role allows",
        ),
        (
            "too-long",
            approved(|w| {
                w.grant(1, |g| (g.not_before, g.end) = (Some(at(0)), End::At(at(30_000))));
            }),
            "it lasts 8h 20m, longer than the 8h its role allows",
        ),
        (
            "empty-window",
            approved(|w| {
                w.grant(1, |g| (g.not_before, g.end) = (Some(at(5_000)), End::At(at(5_000))));
            }),
            "it ends before it begins",
        ),
        (
            "empty-window",
            approved(|w| {
                // Approved when it was over.
                w.grant(1, |g| g.end = End::At(at(1_500))).approve(1, "bob", 2_000, |_| {});
            }),
            "it ends before it begins",
        ),
        (
            "empty-window",
            approved(|w| {
                w.grant(1, |_| {}).approve(1, "bob", 2_000, |a| a.not_after = Some(at(2_000)));
            }),
            "it ends before it begins",
        ),
        (
            "reason-required",
            approved(|w| {
                w.role(|r| r.reason_required = true);
            }),
            "its role wants a reason",
        ),
        (
            "reason-required",
            approved(|w| {
                w.role(|r| r.reason_required = true).grant(1, |g| g.reason = Some(" \t".to_owned()));
            }),
            "its role wants a reason",
        ),
        (
            "ticket-required",
            approved(|w| {
                w.role(|r| r.ticket_pattern = pattern());
            }),
            "its role wants a ticket that matches OPS-[0-9]+",
        ),
        (
            "ticket-required",
            approved(|w| {
                w.role(|r| r.ticket_pattern = pattern()).grant(1, |g| g.ticket = Some("OPS-12 ".to_owned()));
            }),
            "its role wants a ticket that matches OPS-[0-9]+",
        ),
        (
            "changed-after-approval",
            approved(|w| {
                Arc::make_mut(&mut w.tree(1).grant).hosts.insert(host("*"));
            }),
            "it was changed after it was approved",
        ),
        (
            "written-by-other",
            unapproved(|w| {
                w.grant(1, |g| g.provenance = written(&person("bob"), 1_000));
            }),
            "it was written by bob, who is neither its subject nor a listed writer",
        ),
        (
            "written-by-other",
            unapproved(|w| {
                w.grant(1, |g| g.provenance.modifier = Some(person("bob")));
            }),
            "it was written by bob, who is neither its subject nor a listed writer",
        ),
        (
            "evidence-missing",
            unapproved(|w| {
                w.grant(1, |g| g.provenance.creator = None);
            }),
            "the directory does not show its creatorsName, which is needed as evidence",
        ),
        (
            "evidence-missing",
            unapproved(|w| {
                w.grant(1, |g| g.provenance.modifier = None);
            }),
            "the directory does not show its modifiersName, which is needed as evidence",
        ),
        (
            "evidence-missing",
            unapproved(|w| {
                w.grant(1, |g| g.provenance.created = None);
            }),
            "the directory does not show its createTimestamp, which is needed as evidence",
        ),
        (
            "evidence-missing",
            approved(|w| {
                w.grant(1, |g| g.provenance.creator = None);
            }),
            "the directory does not show its creatorsName, which is needed as evidence",
        ),
        (
            "evidence-missing",
            approved(|w| {
                w.tree(1).approvals[0].provenance.creator = None;
            }),
            "the directory does not show its creatorsName, which is needed as evidence",
        ),
        (
            "evidence-missing",
            approved(|w| {
                w.tree(1).approvals[0].provenance.modifier = None;
            }),
            "the directory does not show its modifiersName, which is needed as evidence",
        ),
        (
            "evidence-missing",
            approved(|w| {
                w.tree(1).approvals[0].provenance.created = None;
            }),
            "the directory does not show its createTimestamp, which is needed as evidence",
        ),
        (
            "evidence-missing",
            approved(|w| {
                w.tree(1).approvals[0].provenance.modified = None;
            }),
            "the directory does not show its modifyTimestamp, which is needed as evidence",
        ),
        (
            "evidence-missing",
            unapproved(|w| {
                w.source.proof = Proof::Source;
                w.grant(1, |g| (g.end, g.provenance.created) = (End::At(at(5_000)), None));
            }),
            "the directory does not show its createTimestamp, which is needed as evidence",
        ),
        (
            "deleted",
            approved(|w| {
                w.memory.deleted.insert(uuid(1));
            }),
            "it was deleted and cannot come back; ask again",
        ),
        (
            "unsupported",
            approved(|w| {
                w.role(|r| r.signature_required = true);
            }),
            "it needs signed approvals, which this version cannot check",
        ),
        (
            "unsupported",
            approved(|w| {
                w.source.proof = Proof::Signature;
            }),
            "it needs signed approvals, which this version cannot check",
        ),
        (
            "unsupported",
            unapproved(|w| {
                w.source.proof = Proof::Signature;
            }),
            "it needs signed approvals, which this version cannot check",
        ),
        (
            "too-many-pending",
            {
                let mut world = World::new();
                for n in 0..=20 {
                    world.grant(n, |_| {});
                }
                world
            },
            "its subject has more than 20 pending grants",
        ),
    ];
    let mut seen = BTreeSet::from(["malformed", "needs-newer-jitd"]);
    for (i, (code, world, text)) in cases.iter().enumerate() {
        let refusal = world.refusal(1).unwrap_or_else(|| panic!("case {i}, {code}: {:?}", world.assessed(1)));
        assert_eq!((refusal.code(), refusal.to_string().as_str()), (*code, *text), "case {i}");
        assert!(refusal.to_string().len() < 120, "too long for a prompt: {refusal}");
        seen.insert(refusal.code());
    }
    assert_eq!(seen.len(), every_code().len(), "a refusal without a case");
    assert_eq!(seen, every_code());
}

/// What `Refusal::code` can say: whoever adds a refusal there adds it here, and a case above.
fn every_code() -> BTreeSet<&'static str> {
    BTreeSet::from([
        "malformed",
        "needs-newer-jitd",
        "no-role",
        "role-missing",
        "role-malformed",
        "not-this-host",
        "subject-missing",
        "subject-too-large",
        "not-eligible",
        "login-shared",
        "root",
        "too-long",
        "empty-window",
        "reason-required",
        "ticket-required",
        "changed-after-approval",
        "written-by-other",
        "evidence-missing",
        "deleted",
        "too-many-pending",
        "unsupported",
    ])
}

#[test]
fn refusals_that_decoding_gives() {
    let malformed = Refusal::Malformed("jitHost is missing".to_owned());
    assert_eq!(
        (malformed.code(), malformed.to_string().as_str()),
        ("malformed", "its entry is malformed: jitHost is missing")
    );
    let newer = Refusal::NeedsNewerJitd("jitMood".to_owned());
    assert_eq!(
        (newer.code(), newer.to_string().as_str()),
        ("needs-newer-jitd", "it uses `jitMood`, which needs a newer jitd")
    );
}

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
        w.persons.push(Person { dn: dn("uid=bob,ou=other"), login: login("BOB"), uid_number: None });
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
