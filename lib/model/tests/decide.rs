//! The rules of decision, one after the other. The reasons to deny, with their texts, are in decide/reasons.rs.

mod world;

#[path = "decide/reasons.rs"]
mod reasons;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jit_model::decide::{Allow, Unguarded, Verdict, decide};
use jit_model::name::{SourceName, UnixGroup};
use jit_model::policy::{Exempt, Who};
use jit_model::question::Question;
use jit_model::reason::DenyReason;
use jit_model::snapshot::{Freshness, Snapshot};
use jit_model::time::Span;
use world::{World, approved, at, login, question, service, source_name};

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
