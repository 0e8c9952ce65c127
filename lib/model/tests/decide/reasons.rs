//! Why not: each reason with its word and its text, the nearest miss, and the road to a decision.

use std::collections::BTreeSet;

use jit_model::decide::{Verdict, decide, explain};
use jit_model::grant::End;
use jit_model::policy::{Exempt, Who};
use jit_model::question::Question;
use jit_model::reason::DenyReason;
use jit_model::snapshot::{Aside, Freshness};
use jit_model::source::EntryKind;
use jit_model::time::Span;

use crate::world::{self, World, approved, at, group, login, person, question, uuid};

/// Every reason to deny, by what causes it at 5000, with its word and its text.
#[test]
fn every_reason() {
    let cases: Vec<(&str, World, &str)> = vec![
        ("no-grant", World::new(), "no grant"),
        (
            "pending",
            approved(|w| {
                w.role(|r| r.approvals_required = 3);
            }),
            "pending: needs 2 more approvals from leads",
        ),
        ("pending", approved(|w| w.tree(1).approvals.clear()), "pending: needs 1 more approval from leads"),
        (
            "pending",
            approved(|w| {
                w.role(|r| {
                    r.approver_groups = ["leads", "security", "devs", "x", "y"].map(group).into();
                });
                w.tree(1).approvals.clear();
            }),
            "pending: needs 1 more approval from devs or leads or security or 2 more groups",
        ),
        (
            "pending",
            approved(|w| {
                w.role(|r| {
                    r.approvals_from_each = true;
                    r.approver_groups = ["leads", "security", "devs"].map(group).into();
                });
            }),
            "pending: needs 2 more approvals from devs and security",
        ),
        (
            "pending",
            approved(|w| {
                w.role(|r| r.approver_groups.clear());
            }),
            "pending: needs 1 more approval from nobody, for its role names no approvers",
        ),
        (
            "scheduled",
            {
                let mut w = World::new();
                w.fixed(1, 6_000, 7_000, &[]);
                w
            },
            "starts at 1970-01-01 01:40 UTC",
        ),
        (
            "expired",
            {
                let mut w = World::new();
                w.fixed(1, 100, 4_760, &[]);
                w
            },
            "expired 4m ago",
        ),
        (
            "expired",
            approved(|w| {
                w.grant(1, |g| g.end = End::At(at(4_760)));
            }),
            "expired 4m ago",
        ),
        (
            "wrong-service",
            {
                let mut w = World::new();
                w.fixed(1, 100, 9_000, &["sudo"]);
                w
            },
            "not for sshd",
        ),
        (
            "revoked",
            approved(|w| {
                w.revoke(1, Some("bob"), Some(4_000));
            }),
            "revoked by bob",
        ),
        (
            "revoked",
            approved(|w| {
                w.revoke(1, None, None);
            }),
            "revoked",
        ),
        (
            "refused",
            approved(|w| {
                w.role(|r| r.reason_required = true);
            }),
            "its role wants a reason",
        ),
        (
            "refused",
            approved(|w| {
                w.source.grants.clear();
                w.malformed(90, "broken");
            }),
            "its entry is malformed: jitHost is missing",
        ),
        (
            "stale",
            approved(|w| w.heard = Freshness { heard: Some(at(0)), max_offline: Some(Span(1)) }),
            "no word from the directory for 1h 23m",
        ),
        (
            "never-heard",
            approved(|w| w.heard = Freshness { heard: None, max_offline: Some(Span(1)) }),
            "no word from the directory yet",
        ),
    ];
    let mut seen = BTreeSet::from(["root", "no-account", "endless"]);
    for (i, (code, world, text)) in cases.iter().enumerate() {
        match world.ask("alice", "sshd", 5_000) {
            Verdict::Deny(reason) => {
                assert_eq!((reason.code(), reason.to_string().as_str()), (*code, *text), "case {i}");
                assert_eq!(
                    reason.grant().is_some(),
                    !matches!(*code, "no-grant" | "stale" | "never-heard"),
                    "case {i}"
                );
                seen.insert(reason.code());
            }
            other => panic!("case {i}, {code}: {other:?}"),
        }
    }
    assert_eq!(DenyReason::Root.to_string(), "root holds no grant");
    assert_eq!(DenyReason::NoAccount.to_string(), "this host has no account of exactly this name");
    let endless = DenyReason::Endless("who asks cannot be seen");
    assert_eq!(endless.to_string(), "its session could not be ended again: who asks cannot be seen");
    assert_eq!(endless.grant(), None);
    // What `DenyReason::code` can say: whoever adds a reason there adds it here, and a case above.
    let every = [
        "no-grant",
        "pending",
        "scheduled",
        "expired",
        "wrong-service",
        "revoked",
        "refused",
        "stale",
        "never-heard",
        "root",
        "no-account",
        "endless",
    ];
    assert_eq!(seen, BTreeSet::from(every));
}

/// From the nearest to the farthest: each is what remains when all before it are taken away.
#[test]
fn the_nearest_miss() {
    let mut world = World::new();
    world.malformed(90, "broken");
    world.fixed(10, 6_000, 7_000, &[]);
    world.fixed(11, 5_500, 7_000, &[]);
    world.grant(12, |_| {});
    world.fixed(13, 100, 9_000, &["sudo"]);
    world.fixed(14, 100, 4_900, &[]);
    world.fixed(15, 100, 9_000, &[]);
    world.revoke(15, Some("bob"), Some(4_800));
    world.fixed(16, 100, 4_700, &[]);
    world.grant(17, |g| {
        g.subject = person("alice");
        g.role = None;
        g.provenance = world::written(&person("alice"), 4_600);
    });
    world.fixed(18, 6_000, 7_000, &["sudo"]);
    world.fixed(19, 100, 4_999, &["sudo"]);
    world.grant(20, |g| g.hosts = BTreeSet::from([world::host("db2.prod.example.com")]));
    let order = [
        (11, "starts at 1970-01-01 01:31 UTC"),
        (10, "starts at 1970-01-01 01:40 UTC"),
        (12, "pending: needs 1 more approval from leads"),
        (13, "not for sshd"),
        (14, "expired 1m 40s ago"),
        (15, "revoked by bob"),
        (16, "expired 5m ago"),
        (17, "it names no role"),
        (18, "not for sshd"),
        (19, "expired 1s ago"),
        (90, "its entry is malformed: jitHost is missing"),
        (20, "it is not for this host"),
    ];
    for (n, text) in order {
        match world.ask("alice", "sshd", 5_000) {
            Verdict::Deny(reason) => {
                let id = if n == 90 { "broken".to_owned() } else { format!("g{n}") };
                assert_eq!((reason.grant(), reason.to_string().as_str()), (Some(id.as_str()), text));
            }
            other => panic!("{n}: {other:?}"),
        }
        world.source.grants.remove(&uuid(n));
        world.source.set_aside.retain(|entry| entry.uuid != Some(uuid(n)));
    }
    assert_eq!(world.ask("alice", "sshd", 5_000), Verdict::Deny(DenyReason::NoGrant));
}

#[test]
fn everybody_in_a_group_is_told() {
    let mut world = World::new();
    world.malformed(90, "broken");
    world.source.set_aside[0].subject = Some(group("devs"));
    assert!(matches!(world.ask("dave", "sshd", 0), Verdict::Deny(DenyReason::Refused { .. })));
    assert_eq!(world.ask("erin", "sshd", 0), Verdict::Deny(DenyReason::NoGrant));
    world.source.set_aside[0].kind = EntryKind::Approval;
    assert_eq!(
        world.ask("dave", "sshd", 0),
        Verdict::Deny(DenyReason::NoGrant),
        "only grants are somebody's"
    );
    assert_eq!(Aside::of(&world.source()).len(), 1);
}

#[test]
fn words_of_the_directory_are_plain_when_they_reach_a_terminal() {
    let mut world = World::new();
    world.malformed(90, "broken");
    world.source.set_aside[0].reason = format!("\u{1b}[2Jé{}", "x".repeat(500));
    match world.ask("alice", "sshd", 0) {
        Verdict::Deny(reason) => {
            let text = reason.to_string();
            assert!(text.is_ascii() && !text.contains('\u{1b}') && text.len() < 200, "{text}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_road_is_told_and_leads_to_the_same_place() {
    let mut world = approved(|w| {
        w.malformed(90, "broken");
        w.grant(2, |_| {});
    });
    world.policy.exempt =
        vec![Exempt { who: Who::User(login("root")), services: BTreeSet::new(), from: Vec::new() }];
    let road = |world: &World, question: &Question, now: i64| {
        let snapshot = world.snapshot();
        let (verdict, steps) = explain(&snapshot, question, at(now));
        assert_eq!(verdict, decide(&snapshot, question, at(now)));
        steps.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        road(&world, &question("alice", "sshd"), 3_000),
        [
            "db1.prod.example.com is a production host",
            "sshd is guarded",
            "no exemption applies",
            "no break-glass applies",
            "source ldap is fresh",
            "grant g1 (ldap): live until 1970-01-01 02:33 UTC",
            "grant g2 (ldap): pending: needs 1 more approval",
        ]
    );
    assert_eq!(
        road(&world, &question("alice", "cron"), 9_200)[1..],
        [
            "cron is guarded for people who hold or lately held a grant",
            "alice holds or lately held a grant",
            "no exemption applies",
            "no break-glass applies",
            "source ldap is fresh",
            "grant g1 (ldap): expired 0s ago",
            "grant g2 (ldap): pending: needs 1 more approval",
            "cn=broken,ou=grants,dc=x cannot be used: jitHost is missing",
        ]
    );
    assert_eq!(road(&world, &question("root", "sshd"), 0)[2..], ["exemption 1 applies"]);
    world.policy.exempt.clear();
    assert_eq!(road(&world, &question("root", "sshd"), 0)[4..], ["uid 0 holds no grant"]);
    world.policy.production = false;
    assert_eq!(
        road(&world, &question("root", "sshd"), 0),
        ["db1.prod.example.com is no production host: nothing is guarded"]
    );
}
