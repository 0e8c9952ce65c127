//! The rules of decision, one after the other, and the nearest miss with its text.

mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jit_model::decide::{Allow, Unguarded, Verdict, decide, explain};
use jit_model::grant::End;
use jit_model::name::{SourceName, UnixGroup};
use jit_model::policy::{Exempt, Who};
use jit_model::question::Question;
use jit_model::reason::DenyReason;
use jit_model::snapshot::{Aside, Freshness, Snapshot};
use jit_model::source::EntryKind;
use jit_model::time::Span;
use world::{World, approved, at, group, login, person, question, service, source_name, uuid};

fn ids(verdict: &Verdict) -> Option<(Vec<&str>, i64)> {
    match verdict {
        Verdict::Allow(Allow::Grants { grants, until }) => {
            Some((grants.iter().map(|g| g.grant.id.as_str()).collect(), until.0))
        }
        Verdict::Allow(Allow::BreakGlass) | Verdict::Deny(_) | Verdict::Unguarded(_) => None,
    }
}

fn ask(world: &World, edit: impl FnOnce(&mut Question)) -> Verdict {
    let mut question = question("alice", "sshd");
    edit(&mut question);
    decide(&world.snapshot(), &question, at(0))
}

fn unix(name: &str) -> UnixGroup {
    UnixGroup::new(name).expect("a group name")
}

#[test]
fn a_live_grant_opens_from_its_first_second_to_before_its_last() {
    let world = approved(|_| {});
    assert!(matches!(world.ask("alice", "sshd", 1_999), Verdict::Deny(DenyReason::Scheduled { .. })));
    assert_eq!(ids(&world.ask("alice", "sshd", 2_000)), Some((vec!["g1"], 9_200)));
    assert_eq!(ids(&world.ask("alice", "sudo-i", 9_199)), Some((vec!["g1"], 9_200)));
    assert!(matches!(world.ask("alice", "sshd", 9_200), Verdict::Deny(DenyReason::Expired { .. })));
    assert_eq!(world.ask("dave", "sshd", 2_000), Verdict::Deny(DenyReason::NoGrant));
    // A login is a login byte for byte.
    assert_eq!(world.ask("Alice", "sshd", 2_000), Verdict::Deny(DenyReason::NoGrant));
}

#[test]
fn grants_that_follow_without_a_gap_add_up() {
    let mut world = World::new();
    world.fixed(1, 100, 200, &[]);
    world.fixed(2, 150, 300, &["sshd"]);
    world.fixed(3, 300, 400, &[]);
    world.fixed(4, 120, 180, &[]);
    world.fixed(5, 401, 500, &[]);
    world.fixed(6, 390, 600, &["sudo"]);
    assert_eq!(ids(&world.ask("alice", "sshd", 100)), Some((vec!["g1", "g2", "g3"], 400)));
    assert_eq!(ids(&world.ask("alice", "sshd", 160)), Some((vec!["g2", "g3"], 400)));
    assert_eq!(ids(&world.ask("alice", "sshd", 399)), Some((vec!["g3"], 400)));
    assert_eq!(ids(&world.ask("alice", "sudo", 100)), Some((vec!["g1"], 200)));
    assert_eq!(ids(&world.ask("alice", "sudo", 310)), Some((vec!["g3", "g6"], 600)));
    assert!(matches!(world.ask("alice", "sshd", 400), Verdict::Deny(DenyReason::Scheduled { .. })));
}

#[test]
fn what_is_not_guarded() {
    let world = approved(|w| w.policy.production = false);
    assert_eq!(world.ask("erin", "sshd", 0), Verdict::Unguarded(Unguarded::NotProduction));
    assert_eq!(world.ask("root", "sshd", 0), Verdict::Unguarded(Unguarded::NotProduction));
    let world = approved(|_| {});
    assert_eq!(world.ask("erin", "ftp", 0), Verdict::Unguarded(Unguarded::Service));
    assert_eq!(world.ask("root", "ftp", 0), Verdict::Unguarded(Unguarded::Service));
    assert_eq!(world.ask("erin", "SSHD", 0), Verdict::Unguarded(Unguarded::Service), "case matters");
}

#[test]
fn background_services_are_guarded_for_those_who_held_a_grant() {
    let background = Verdict::Unguarded(Unguarded::Background);
    let world = approved(|_| {});
    assert_eq!(world.ask("erin", "cron", 3_000), background);
    assert_eq!(world.ask("root", "cron", 3_000), background);
    assert_eq!(world.ask("alice", "cron", 1_999), background, "not yet held");
    assert_eq!(ids(&world.ask("alice", "cron", 2_000)), Some((vec!["g1"], 9_200)));
    assert!(matches!(world.ask("alice", "cron", 9_200), Verdict::Deny(DenyReason::Expired { .. })));
    let world = approved(|w| w.known = BTreeSet::from([login("erin")]));
    assert_eq!(world.ask("erin", "cron", 0), Verdict::Deny(DenyReason::NoGrant), "the ledger knows him");
    // Somebody else's request must not stop an application's jobs.
    let world = approved(|w| w.tree(1).approvals.clear());
    assert_eq!(world.ask("alice", "cron", 3_000), background);
    // A login whose systemd-user is denied is a broken one; but a grant that opens nothing opens nothing.
    let mut world = World::new();
    world.fixed(1, 100, 200, &["sshd"]);
    assert_eq!(ids(&world.ask("alice", "systemd-user", 100)), Some((vec!["g1"], 200)));
    world.role(|r| r.services = BTreeSet::from([service("sudo")]));
    assert!(matches!(
        world.ask("alice", "systemd-user", 100),
        Verdict::Deny(DenyReason::WrongService { .. })
    ));
    // Guarded for everybody if the configuration says so, and then by name.
    let mut world = World::new();
    world.fixed(1, 100, 200, &["sshd"]);
    world.policy.guarded.insert(service("cron"));
    assert_eq!(world.ask("erin", "cron", 0), Verdict::Deny(DenyReason::NoGrant));
    assert!(matches!(world.ask("alice", "cron", 100), Verdict::Deny(DenyReason::WrongService { .. })));
}

#[test]
fn exemptions_are_narrow() {
    let exempt = |who: Who, services: &[&str], from: &[&str]| Exempt {
        who,
        services: services.iter().map(|name| service(name)).collect(),
        from: from.iter().map(|net| net.parse().expect("a network")).collect(),
    };
    let mut world = World::new();
    world.policy.exempt = vec![
        exempt(Who::User(login("ansible")), &["sshd"], &["10.0.0.0/8", "2001:db8::/32"]),
        exempt(Who::Group(unix("ops")), &[], &[]),
        exempt(Who::User(login("root")), &["su"], &[]),
    ];
    let from = |rhost: Option<&str>| {
        ask(&world, |q| (q.subject, q.rhost) = (login("ansible"), rhost.map(str::to_owned)))
    };
    for rhost in ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1"] {
        assert_eq!(from(Some(rhost)), Verdict::Unguarded(Unguarded::Exempt(0)), "{rhost}");
    }
    for rhost in [
        None,
        Some(""),
        Some("11.0.0.1"),
        Some("10.0.0.1.example.com"),
        Some("localhost"),
        Some("10.1"),
        Some("10.1.2.3 "),
    ] {
        assert_eq!(from(rhost), Verdict::Deny(DenyReason::NoGrant), "{rhost:?}");
    }
    let sudo = ask(&world, |q| {
        (q.subject, q.service, q.rhost) = (login("ansible"), service("sudo"), Some("10.1.2.3".to_owned()));
    });
    assert_eq!(sudo, Verdict::Deny(DenyReason::NoGrant));
    let ops = |q: &mut Question| q.local_groups = BTreeSet::from([unix("ops"), unix("users")]);
    assert_eq!(ask(&world, ops), Verdict::Unguarded(Unguarded::Exempt(1)));
    assert_eq!(
        ask(&world, |q| q.local_groups = BTreeSet::from([unix("OPS")])),
        Verdict::Deny(DenyReason::NoGrant)
    );
    let root = |what: &str| world.ask("root", what, 0);
    assert_eq!(root("su"), Verdict::Unguarded(Unguarded::Exempt(2)));
    assert_eq!(root("sshd"), Verdict::Deny(DenyReason::Root));
}

#[test]
fn break_glass() {
    let glass = Verdict::Allow(Allow::BreakGlass);
    let mut world = World::new();
    world.heard = Freshness { heard: None, max_offline: Some(Span(1)) };
    world.policy.break_glass.users = BTreeSet::from([login("keeper")]);
    world.policy.break_glass.groups = BTreeSet::from([unix("jit-breakglass")]);
    let keeper = |q: &mut Question| q.subject = login("keeper");
    let member = |q: &mut Question| q.local_groups = BTreeSet::from([unix("jit-breakglass")]);
    assert_eq!(ask(&world, keeper), glass);
    assert_eq!(ask(&world, member), glass);
    let no = Verdict::Deny(DenyReason::NeverHeard);
    assert_eq!(ask(&world, |_| {}), no);
    assert_eq!(
        ask(&world, |q| {
            keeper(q);
            q.local = false;
        }),
        no,
        "a name that a directory made up"
    );
    assert_eq!(
        ask(&world, |q| {
            member(q);
            q.local = false;
        }),
        no
    );
    // It breaks only what is guarded.
    let other = |q: &mut Question| {
        keeper(q);
        q.service = service("ftp");
    };
    assert_eq!(ask(&world, other), Verdict::Unguarded(Unguarded::Service));
}

#[test]
fn root_on_the_console_and_nowhere_else() {
    let mut world = World::new();
    world.policy.break_glass.console = true;
    let root = |tty: Option<&str>, rhost: Option<&str>| {
        ask(&world, |q| {
            (q.subject, q.uid, q.service) = (login("root"), 0, service("login"));
            (q.tty, q.rhost) = (tty.map(str::to_owned), rhost.map(str::to_owned));
        })
    };
    for tty in [
        "tty1",
        "/dev/tty1",
        "tty63",
        "ttyS0",
        "/dev/ttyS0",
        "ttyAMA0",
        "hvc0",
        "/dev/xvc0",
        "console",
        "/dev/console",
    ] {
        for rhost in [None, Some("")] {
            assert_eq!(root(Some(tty), rhost), Verdict::Allow(Allow::BreakGlass), "{tty}");
        }
        assert_eq!(root(Some(tty), Some("10.0.0.1")), Verdict::Deny(DenyReason::Root), "{tty}, but remote");
    }
    for tty in [
        "",
        "ssh",
        "tty",
        "pts/0",
        "/dev/pts/0",
        "ttyX1",
        "tty1x",
        "ttyS",
        "consoles",
        "/tmp/tty1",
        "/dev//dev/tty1",
        ":0",
        "tty1000",
        "tty-1",
    ] {
        assert_eq!(root(Some(tty), None), Verdict::Deny(DenyReason::Root), "{tty}");
    }
    assert_eq!(root(None, None), Verdict::Deny(DenyReason::Root));
    let alice = ask(&world, |q| (q.tty, q.rhost) = (Some("tty1".to_owned()), None));
    assert_eq!(alice, Verdict::Deny(DenyReason::NoGrant), "not for everybody");
    world.policy.break_glass.console = false;
    let closed = ask(&world, |q| (q.uid, q.tty, q.rhost) = (0, Some("tty1".to_owned()), None));
    assert_eq!(closed, Verdict::Deny(DenyReason::Root));
}

#[test]
fn root_holds_no_grant_under_any_name() {
    let world = approved(|_| {});
    let toor = |q: &mut Question| q.uid = 0;
    let mut question = question("alice", "sshd");
    toor(&mut question);
    assert_eq!(decide(&world.snapshot(), &question, at(3_000)), Verdict::Deny(DenyReason::Root));
    assert_eq!(world.ask("root", "sudo", 3_000), Verdict::Deny(DenyReason::Root));
}

#[test]
fn a_silent_source_does_not_count() {
    let silent = |heard: Option<i64>| {
        approved(|w| w.heard = Freshness { heard: heard.map(at), max_offline: Some(Span(600)) })
    };
    assert!(ids(&silent(Some(2_400)).ask("alice", "sshd", 3_000)).is_some(), "just within");
    assert!(ids(&silent(Some(9_999)).ask("alice", "sshd", 3_000)).is_some(), "the clock was set back");
    assert_eq!(silent(Some(2_399)).ask("alice", "sshd", 3_000), Verdict::Deny(DenyReason::Stale(Span(601))));
    assert_eq!(silent(Some(2_399)).ask("erin", "sshd", 3_000), Verdict::Deny(DenyReason::Stale(Span(601))));
    assert_eq!(silent(None).ask("alice", "sshd", 3_000), Verdict::Deny(DenyReason::NeverHeard));
    assert_eq!(silent(Some(0)).ask("alice", "ftp", 3_000), Verdict::Unguarded(Unguarded::Service));
}

/// Two sources: what the LDAP one says, and an LDIF one that never goes stale.
#[test]
fn sources_add_up_and_go_stale_one_by_one() {
    let ldif = SourceName::new("ldif").expect("a name");
    let both = |ldap: &World, emergency: Option<&World>| {
        let mut grants = ldap.assess();
        for mut judged in emergency.map(World::assess).unwrap_or_default() {
            judged.source = ldif.clone();
            grants.push(judged);
        }
        let sources = BTreeMap::from([
            (source_name(), Freshness { heard: Some(at(0)), max_offline: Some(Span(600)) }),
            (ldif.clone(), Freshness { heard: None, max_offline: None }),
        ]);
        let grants = grants.into_iter().map(Arc::new).collect();
        Snapshot::new(ldap.policy.clone(), sources, grants, Vec::new(), BTreeSet::new())
    };
    let (ldap, mut emergency) = (approved(|_| {}), World::new());
    emergency.fixed(7, 2_500, 3_500, &[]);
    let ask = |snapshot: &Snapshot, who: &str, now: i64| decide(snapshot, &question(who, "sshd"), at(now));
    // The emergency grant works, and the stale one does not lengthen it.
    assert_eq!(ids(&ask(&both(&ldap, Some(&emergency)), "alice", 3_000)), Some((vec!["g7"], 3_500)));
    // Somebody with a live grant there is told what keeps him out, though an LDIF source is fresh.
    assert_eq!(ask(&both(&ldap, None), "alice", 3_000), Verdict::Deny(DenyReason::Stale(Span(3_000))));
    assert_eq!(ask(&both(&ldap, None), "erin", 3_000), Verdict::Deny(DenyReason::NoGrant));
    assert_eq!(ids(&ask(&both(&ldap, None), "alice", 2_000)), None);
    // No source at all is no staleness.
    let none = Snapshot::new(ldap.policy.clone(), BTreeMap::new(), Vec::new(), Vec::new(), BTreeSet::new());
    assert_eq!(ask(&none, "alice", 0), Verdict::Deny(DenyReason::NoGrant));
    // A grant from a source that nobody configured does not count.
    let stray = Snapshot::new(
        ldap.policy.clone(),
        BTreeMap::from([(ldif.clone(), Freshness { heard: None, max_offline: None })]),
        ldap.assess().into_iter().map(Arc::new).collect(),
        Vec::new(),
        BTreeSet::new(),
    );
    assert_eq!(ask(&stray, "alice", 3_000), Verdict::Deny(DenyReason::NeverHeard));
}

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
