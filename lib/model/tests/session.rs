//! What becomes of a session, and of its person: each rule, what ends it and with which reason, and what must not end it.
//! What a source can say against a grant is in session/faults.rs.

mod world;

#[path = "session/faults.rs"]
mod faults;
#[path = "session/signers.rs"]
mod signers;
#[path = "session/sources.rs"]
mod sources;

use std::collections::{BTreeMap, BTreeSet};

use jit_model::decide::Unguarded;
use jit_model::name::UnixGroup;
use jit_model::policy::{Exempt, Who};
use jit_model::question::Question;
use jit_model::reason::DenyReason;
use jit_model::session::{Presence, Rest, Stay, next_warning, presence, stay};
use jit_model::snapshot::Snapshot;
use jit_model::time::Span;

use faults::faults;
use sources::{SILENT, SPEAKS, Source, named, remembered, rest, shown};
use world::{World, approved, at, login, question, service};

/// What becomes of alice's ssh session at 3000.
fn alice(sources: &[(&str, Source, &World)], rests: &[Rest]) -> Stay {
    stay(&shown(sources), &question("alice", "sshd"), rests, at(3_000))
}

fn until(stay: &Stay) -> Option<i64> {
    match stay {
        Stay::Until { until, .. } => Some(until.0),
        Stay::Unguarded(_) | Stay::BreakGlass | Stay::Unknown | Stay::Over(_) => None,
    }
}

fn ids(rests: &[Rest]) -> Vec<&str> {
    rests.iter().map(|rest| rest.id.as_str()).collect()
}

#[test]
fn a_live_grant_keeps_it_until_its_end() {
    let world = approved(|_| {});
    let snapshot = shown(&[("ldap", Source::Spoken, &world)]);
    let ask = |now: i64| stay(&snapshot, &question("alice", "sshd"), &remembered(), at(now));
    for now in [2_000, 3_000, 9_199] {
        let Stay::Until { grants, rests, until } = ask(now) else { panic!("{:?}", ask(now)) };
        assert_eq!((grants.len(), rests.as_slice(), until), (1, &remembered()[..], at(9_200)));
    }
    let over = |ago| Stay::Over(DenyReason::Expired { ago: Span(ago), grant: "g1".to_owned() });
    assert_eq!(ask(9_200), over(0));
    assert_eq!(ask(9_260), over(60));
    // For a session of which nothing is remembered, too.
    assert_eq!(until(&stay(&snapshot, &question("alice", "sshd"), &[], at(3_000))), Some(9_200));
}

#[test]
fn the_policy_comes_first() {
    let world = approved(|_| {});
    let with = |edit: &dyn Fn(&mut World, &mut Question)| {
        let (mut world, mut question) = (world.clone(), question("erin", "sshd"));
        edit(&mut world, &mut question);
        stay(&shown(&[("ldap", Source::Spoken, &world)]), &question, &remembered(), at(3_000))
    };
    let exempt = || Exempt { who: Who::User(login("erin")), services: BTreeSet::new(), from: Vec::new() };
    assert!(matches!(with(&|_, _| {}), Stay::Over(_)));
    assert_eq!(with(&|w, _| w.policy.production = false), Stay::Unguarded(Unguarded::NotProduction));
    assert_eq!(
        with(&|w, _| {
            w.policy.guarded.remove(&service("sshd"));
        }),
        Stay::Unguarded(Unguarded::Service)
    );
    assert_eq!(with(&|w, _| w.policy.exempt = vec![exempt()]), Stay::Unguarded(Unguarded::Exempt(0)));
    // By the question that it was opened with, and no further.
    let elsewhere = |w: &mut World, _: &mut Question| {
        w.policy.exempt = vec![Exempt { services: BTreeSet::from([service("sudo")]), ..exempt() }];
    };
    assert!(matches!(with(&elsewhere), Stay::Over(_)));
    assert_eq!(
        with(&|w, _| {
            w.policy.break_glass.users.insert(login("erin"));
        }),
        Stay::BreakGlass
    );
    let no_account = |w: &mut World, q: &mut Question| {
        w.policy.break_glass.users.insert(login("erin"));
        q.local = false;
    };
    assert!(matches!(with(&no_account), Stay::Over(_)));
}

/// uid 0 holds no grant, so nothing that ends can end it.
#[test]
fn root_is_never_ended() {
    let world = World::new();
    for rests in [&[][..], &remembered()] {
        for (name, uid) in [("root", 0), ("alice", 0)] {
            let question = Question { uid, ..question(name, "sshd") };
            let snapshot = shown(&[("ldap", Source::Spoken, &world)]);
            assert_eq!(stay(&snapshot, &question, rests, at(3_000)), Stay::BreakGlass);
            assert_eq!(presence(&snapshot, &question, rests, at(3_000)), Presence::Welcome);
        }
    }
}

#[test]
fn a_background_service_is_judged_by_grants_for_those_who_held_one() {
    let ask = |world: &World, rests: &[Rest]| {
        stay(&shown(&[("ldap", Source::Spoken, world)]), &question("alice", "cron"), rests, at(3_000))
    };
    let nothing = World::new();
    assert_eq!(ask(&nothing, &[]), Stay::Unguarded(Unguarded::Background));
    assert_eq!(until(&ask(&approved(|_| {}), &[])), Some(9_200));
    // Every grant that opens anything opens it.
    let mut sudo = World::new();
    sudo.fixed(1, 0, 5_000, &["sudo"]);
    assert_eq!(until(&ask(&sudo, &[])), Some(5_000));
    let held = approved(|w| {
        w.source.grants.clear();
        w.known = BTreeSet::from([login("alice")]);
    });
    assert_eq!(ask(&held, &[]), Stay::Over(DenyReason::NoGrant));
    // What was opened under a grant stays under the rule, whatever the ledger has forgotten.
    assert_eq!(ask(&nothing, &remembered()), Stay::Over(DenyReason::Gone { grant: "g1".to_owned() }));
}

#[test]
fn silence_ends_nothing() {
    let world = approved(|_| {});
    for source in SPEAKS.into_iter().chain(SILENT) {
        assert_eq!(until(&alice(&[("ldap", source, &world)], &remembered())), Some(9_200), "{source:?}");
    }
}

/// A grant that is not shown: gone, if its source would show it.
#[test]
fn what_is_not_shown_is_gone_once_its_source_has_spoken() {
    let (nothing, other) = (World::new(), World::new());
    let gone = Stay::Over(DenyReason::Gone { grant: "g1".to_owned() });
    for source in SPEAKS {
        assert_eq!(alice(&[("ldap", source, &nothing)], &remembered()), gone, "{source:?}");
        // Whatever another does not say.
        for silent in SILENT {
            let sources = [("ldap", source, &nothing), ("other", silent, &other)];
            assert_eq!(alice(&sources, &remembered()), gone, "{source:?} {silent:?}");
        }
    }
    for source in SILENT {
        let sources = [("ldap", source, &nothing)];
        let Stay::Until { grants, rests, until: end } = alice(&sources, &remembered()) else {
            panic!("{source:?}")
        };
        assert_eq!((grants.len(), rests.as_slice(), end), (0, &remembered()[..], at(9_200)));
        // To the end that was known and no further.
        let ask = |now: i64| stay(&shown(&sources), &question("alice", "sshd"), &remembered(), at(now));
        assert!(matches!(ask(9_199), Stay::Until { .. }));
        let over = Stay::Over(DenyReason::Expired { ago: Span(0), grant: "g1".to_owned() });
        assert_eq!(ask(9_200), over, "{source:?}");
        // What others have said of other things changes nothing.
        let sources = [("ldap", source, &nothing), ("other", Source::Spoken, &other)];
        assert_eq!(until(&alice(&sources, &remembered())), Some(9_200), "{source:?}");
    }
}

/// It was let in by the login time. When the clock jumped ahead, the settled time lags behind that.
#[test]
fn a_settled_time_before_its_beginning_ends_nothing() {
    let (live, nothing) = (approved(|_| {}), World::new());
    let rests = [rest(1, 2_000, 9_200), rest(2, 9_000, 9_900)];
    let at_500 = |sources: &[(&str, Source, &World)], rests: &[Rest]| {
        let (snapshot, question) = (shown(sources), question("alice", "sshd"));
        (stay(&snapshot, &question, rests, at(500)), presence(&snapshot, &question, rests, at(500)))
    };
    let (stay, presence) = at_500(&[("ldap", Source::Spoken, &live)], &rests);
    assert_eq!((until(&stay), presence), (Some(9_200), Presence::Welcome));
    for source in SILENT {
        let (stay, presence) = at_500(&[("ldap", source, &nothing)], &rests);
        assert_eq!((until(&stay), presence), (Some(9_900), Presence::Welcome), "{source:?}");
    }
    // But what ends it then, ends it; the grant that followed had not begun.
    let revoked = &faults()[0].0;
    let reason = DenyReason::Revoked { by: Some("bob".to_owned()), grant: "g1".to_owned() };
    let over = (Stay::Over(reason.clone()), Presence::Over(reason));
    for source in SPEAKS.into_iter().chain(SILENT) {
        let sources = [("ldap", Source::Spoken, revoked), ("other", source, &nothing)];
        assert_eq!(at_500(&sources, &rests), over, "{source:?}");
        let mut later = rests.clone();
        later[1].source = named("other");
        assert_eq!(at_500(&sources, &later), over, "{source:?}");
    }
}

/// A source that the configuration no longer has may have been given another name: gone when all that are there have spoken.
#[test]
fn a_source_that_is_configured_no_more() {
    let (nothing, live) = (World::new(), approved(|_| {}));
    let gone = Stay::Over(DenyReason::Gone { grant: "g1".to_owned() });
    assert_eq!(alice(&[("other", Source::Spoken, &nothing)], &remembered()), gone);
    for silent in SILENT {
        assert_eq!(until(&alice(&[("other", silent, &nothing)], &remembered())), Some(9_200), "{silent:?}");
        let two = [("other", Source::Spoken, &nothing), ("third", silent, &nothing)];
        assert_eq!(until(&alice(&two, &remembered())), Some(9_200), "{silent:?}");
    }
    // The same entries under another name.
    for source in SPEAKS.into_iter().chain(SILENT) {
        assert_eq!(until(&alice(&[("other", source, &live)], &remembered())), Some(9_200), "{source:?}");
    }
    // A set that nobody asked for speaks for nobody.
    let stray = shown(&[("ldap", Source::Spoken, &live)]);
    let freshness = BTreeMap::from([(named("other"), Source::Spoken.freshness())]);
    let grants = stray.grants().to_vec();
    let stray = Snapshot::new(live.policy.clone(), freshness, grants, Vec::new(), BTreeSet::new());
    assert_eq!(stay(&stray, &question("alice", "sshd"), &remembered(), at(3_000)), gone);
    let presence = presence(&stray, &question("alice", "sshd"), &remembered(), at(3_000));
    assert_eq!(presence, Presence::Over(DenyReason::Gone { grant: "g1".to_owned() }));
}

/// People of a directory that was never heard are not known, so its grants open no door; but what rests on one goes on.
#[test]
fn a_source_that_was_never_heard_adds_nothing() {
    let mut world = World::new();
    world.fixed(1, 2_000, 4_000, &[]);
    world.fixed(2, 2_000, 5_000, &[]);
    let rests = [rest(1, 2_000, 4_000)];
    assert_eq!(until(&alice(&[("ldap", Source::NeverHeard, &world)], &rests)), Some(4_000));
    assert_eq!(alice(&[("ldap", Source::NeverHeard, &world)], &[]), Stay::Unknown);
    for source in [Source::Recalled, Source::RecalledStale, Source::Unread, Source::Spoken, Source::Stale] {
        assert_eq!(until(&alice(&[("ldap", source, &world)], &rests)), Some(5_000), "{source:?}");
    }
}

/// An extension counts though only its beginning is remembered otherwise, and so does what moved an end closer.
#[test]
fn a_shown_window_is_the_one_that_counts() {
    let mut world = World::new();
    world.fixed(1, 2_000, 6_000, &[]);
    for source in SPEAKS {
        for end in [4_000, 9_000] {
            assert_eq!(until(&alice(&[("ldap", source, &world)], &[rest(1, 2_000, end)])), Some(6_000));
        }
    }
    for source in SILENT {
        for (end, most) in [(4_000, 6_000), (9_000, 9_000)] {
            let stay = alice(&[("ldap", source, &world)], &[rest(1, 2_000, end)]);
            assert_eq!(until(&stay), Some(most), "{source:?}");
        }
    }
}

#[test]
fn it_rests_on_everything_that_follows_without_a_gap() {
    let mut world = World::new();
    world.fixed(1, 2_000, 4_000, &[]);
    world.fixed(2, 2_500, 3_500, &["sshd"]);
    world.fixed(3, 4_000, 5_000, &[]);
    world.fixed(4, 5_001, 6_000, &[]);
    world.fixed(5, 2_000, 9_000, &["sudo"]);
    world.fixed(6, 2_000, 3_000, &[]);
    let Stay::Until { grants, rests, until: end } = alice(&[("ldap", Source::Spoken, &world)], &[]) else {
        panic!("over")
    };
    assert_eq!(grants.iter().map(|grant| grant.grant.id.as_str()).collect::<Vec<_>>(), ["g1", "g3"]);
    assert_eq!((ids(&rests), end), (vec!["g1", "g3", "g2"], at(5_000)));
    assert!(rests.contains(&rest(3, 4_000, 5_000)));
    // The same again, and once each, however often it is remembered.
    let again = alice(&[("ldap", Source::Spoken, &world)], &[rests.clone(), rests.clone()].concat());
    assert_eq!(again, alice(&[("ldap", Source::Spoken, &world)], &[]));
    let nothing = World::new();
    let twice = [rests.clone(), rests.clone()].concat();
    let Stay::Until { rests: kept, .. } = alice(&[("ldap", Source::Unread, &nothing)], &twice) else {
        panic!("over")
    };
    assert_eq!(ids(&kept), ["g1", "g3", "g2"]);
    // The first is taken away before the next begins; what is remembered of that one does not hold yet, and the one
    // that was spare does.
    let revoked = {
        let mut world = World::new();
        world.fixed(1, 2_000, 4_000, &[]);
        world.revoke(1, Some("bob"), Some(2_900));
        world
    };
    let sources = [("other", Source::Spoken, &revoked), ("ldap", Source::NeverHeard, &nothing)];
    assert_eq!(until(&alice(&sources, &rests)), Some(3_500));
    let Stay::Over(reason) = stay(&shown(&sources), &question("alice", "sshd"), &rests, at(3_600)) else {
        panic!("not over")
    };
    assert_eq!(reason, DenyReason::Revoked { by: Some("bob".to_owned()), grant: "g1".to_owned() });
    // And then the one that lay ahead.
    assert_eq!(until(&stay(&shown(&sources), &question("alice", "sshd"), &rests, at(4_000))), Some(5_000));
}

#[test]
fn of_what_was_found_after_a_restart_nothing_is_known_at_first() {
    let nothing = World::new();
    for source in SILENT {
        let sources = [("ldap", source, &nothing)];
        assert_eq!(alice(&sources, &[]), Stay::Unknown, "{source:?}");
        assert_eq!(
            presence(&shown(&sources), &question("alice", "sshd"), &[], at(3_000)),
            Presence::Welcome,
            "{source:?}"
        );
        let two = [("ldap", Source::Spoken, &nothing), ("other", source, &nothing)];
        assert_eq!(alice(&two, &[]), Stay::Unknown, "{source:?}");
    }
    for source in SPEAKS {
        assert_eq!(alice(&[("ldap", source, &nothing)], &[]), Stay::Over(DenyReason::NoGrant));
        let none =
            presence(&shown(&[("ldap", source, &nothing)]), &question("alice", "sshd"), &[], at(3_000));
        assert_eq!(none, Presence::Over(DenyReason::NoGrant));
    }
}

#[test]
fn who_may_be_here() {
    let ask = |world: &World, source: Source, rests: &[Rest], edit: &dyn Fn(&mut Question)| {
        let mut question = question("alice", "sshd");
        edit(&mut question);
        presence(&shown(&[("ldap", source, world)]), &question, rests, at(3_000))
    };
    let (nothing, expired) = (World::new(), DenyReason::Expired { ago: Span(0), grant: "g1".to_owned() });
    let gone = || Presence::Over(DenyReason::Gone { grant: "g1".to_owned() });
    let plain = |_: &mut Question| {};
    assert_eq!(ask(&nothing, Source::Spoken, &remembered(), &plain), gone());
    let elsewhere = approved(|w| {
        w.source.grants.clear();
        w.policy.production = false;
    });
    assert_eq!(ask(&elsewhere, Source::Spoken, &remembered(), &plain), Presence::Welcome);
    // A live grant that opens anything, however silent its source; and what is only remembered.
    let mut sudo = World::new();
    sudo.fixed(7, 0, 3_001, &["sudo"]);
    for source in SPEAKS.into_iter().chain(SILENT) {
        assert_eq!(ask(&sudo, source, &remembered(), &plain), Presence::Welcome, "{source:?}");
    }
    for source in SILENT {
        assert_eq!(ask(&nothing, source, &remembered(), &plain), Presence::Welcome, "{source:?}");
        let over = [rest(1, 2_000, 3_000)];
        assert_eq!(ask(&nothing, source, &over, &plain), Presence::Over(expired.clone()), "{source:?}");
    }
    let mut later = World::new();
    later.fixed(7, 3_001, 4_000, &[]);
    assert_eq!(ask(&later, Source::Spoken, &remembered(), &plain), gone(), "not yet");
    let mut empty = World::new();
    empty.fixed(7, 0, 4_000, &["sshd"]);
    empty.role(|role| role.services = BTreeSet::from([service("sudo")]));
    assert_eq!(ask(&empty, Source::Spoken, &remembered(), &plain), gone(), "opens nothing");

    // Named by standing access for another service, or from elsewhere, or by break-glass.
    let group = UnixGroup::new("ops").expect("a name");
    let with = |edit: &dyn Fn(&mut World)| {
        let mut world = World::new();
        edit(&mut world);
        let member = |question: &mut Question| {
            question.local_groups = BTreeSet::from([UnixGroup::new("ops").expect("a name")]);
            question.local = false;
        };
        (ask(&world, Source::Spoken, &[], &plain), ask(&world, Source::Spoken, &[], &member))
    };
    let over = || Presence::Over(DenyReason::NoGrant);
    let services = || BTreeSet::from([service("sudo")]);
    let from = || vec!["10.0.0.0/8".parse().expect("a network")];
    let user = Who::User(login("alice"));
    let exempt = |who: &Who| Exempt { who: who.clone(), services: services(), from: from() };
    assert_eq!(with(&|_| {}), (over(), over()));
    assert_eq!(with(&|w| w.policy.exempt = vec![exempt(&user)]), (Presence::Standing, Presence::Standing));
    let ops = Who::Group(group.clone());
    assert_eq!(with(&|w| w.policy.exempt = vec![exempt(&ops)]), (over(), Presence::Standing));
    let other = Who::User(login("erin"));
    assert_eq!(with(&|w| w.policy.exempt = vec![exempt(&other)]), (over(), over()));
    let glass = |w: &mut World| {
        w.policy.break_glass.users.insert(login("alice"));
    };
    assert_eq!(with(&glass), (Presence::Standing, Presence::Standing));
    let glass = |w: &mut World| {
        w.policy.break_glass.groups.insert(group.clone());
    };
    assert_eq!(with(&glass), (over(), Presence::Standing));
    // A grant is more than that.
    let mut both = approved(|_| {});
    both.policy.exempt = vec![exempt(&user)];
    assert_eq!(ask(&both, Source::Spoken, &[], &plain), Presence::Welcome);
}

#[test]
fn the_next_warning() {
    let before = [Span(900), Span(60), Span(300), Span(60)];
    let next = |after: i64| next_warning(at(10_000), &before, at(after)).map(|(at, span)| (at.0, span.0));
    assert_eq!(next(0), Some((9_100, 900)));
    assert_eq!(next(9_099), Some((9_100, 900)));
    assert_eq!(next(9_100), Some((9_700, 300)));
    assert_eq!(next(9_760), Some((9_940, 60)), "it begins four minutes before its end");
    assert_eq!(next(9_940), None);
    assert_eq!(next(20_000), None);
    assert_eq!(next_warning(at(10_000), &[], at(0)), None);
    assert_eq!(next_warning(at(10_000), &[Span(0)], at(0)), None, "at the end itself come the last words");
    assert_eq!(next_warning(at(i64::MIN), &[Span(u64::MAX)], at(0)), None);
    let far = next_warning(at(i64::MAX), &[Span(1)], at(0));
    assert_eq!(far, Some((at(i64::MAX - 1), Span(1))));
}
