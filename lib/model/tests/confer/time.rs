//! From when until when: the window of the grant, cut where its source will have been silent for too long.

use std::sync::Arc;

use super::*;
use jit_model::confer::{MOST_MEMBERSHIPS, MOST_STRETCHES};
use jit_model::decide::Verdict;
use jit_model::snapshot::Freshness;
use jit_model::time::Span;

fn adm(world: &World, now: i64) -> Members<'static> {
    let conferred = confer(&world.snapshot(), &allow(&["adm"]), &local(&OWN), at(now));
    members(&conferred, "adm").into_iter().map(|(_, from, until)| ("alice", from, until)).collect()
}

/// alice in `adm`, by grants with these windows.
fn with(windows: &[(i64, i64)]) -> World {
    let mut world = World::new();
    world.role(|role| role.local_groups = groups(&["adm"]));
    for (n, (start, end)) in (1..).zip(windows) {
        world.fixed(n, *start, *end, &[]);
    }
    world
}

fn silent(mut world: World, heard: Option<i64>, limit: Option<u64>) -> World {
    world.heard = Freshness { heard: heard.map(at), max_offline: limit.map(Span) };
    world
}

#[test]
fn what_begins_later_is_there_and_what_is_over_is_not() {
    for now in [-100, 0, 9, 10, 99] {
        assert_eq!(adm(&with(&[(10, 100)]), now), [("alice", 10, 100)], "{now}");
    }
    for now in [100, 101, i64::MAX] {
        assert_eq!(adm(&with(&[(10, 100)]), now), [], "{now}");
    }
}

#[test]
fn windows_that_overlap_or_touch_are_one() {
    type Windows = &'static [(i64, i64)];
    let cases: [(Windows, Windows); 7] = [
        (&[(10, 50), (40, 90)], &[(10, 90)]),
        (&[(10, 50), (50, 90)], &[(10, 90)]),
        (&[(10, 50), (51, 90)], &[(10, 50), (51, 90)]),
        (&[(10, 90), (20, 30)], &[(10, 90)]),
        (&[(10, 90), (10, 90)], &[(10, 90)]),
        (&[(60, 70), (10, 20), (20, 60)], &[(10, 70)]),
        (&[(10, 100), (20, 30), (90, 120), (121, 130)], &[(10, 120), (121, 130)]),
    ];
    for (windows, joined) in cases {
        let expected: Vec<_> = joined.iter().map(|(from, until)| ("alice", *from, *until)).collect();
        assert_eq!(adm(&with(windows), 0), expected, "{windows:?}");
    }
    // What is over is not joined to anything, and joins nothing.
    assert_eq!(adm(&with(&[(10, 50), (60, 90)]), 55), [("alice", 60, 90)]);
}

/// To the second as at the door: it is stale when it was silent for longer than max_offline.
#[test]
fn a_source_that_falls_silent_confers_as_long_as_its_grants_open_the_door() {
    for (heard, limit, until) in
        [(0, 29, 30), (15, 30, 46), (-50, 60, 11), (0, 5_000, 100), (40, 0, 41), (1_000, 1, 100)]
    {
        let world = silent(with(&[(10, 100)]), Some(heard), Some(limit));
        let shown = adm(&world, 0);
        assert_eq!(shown, [("alice", 10, until)], "{heard} {limit}");
        for t in 0..120 {
            let opens = matches!(world.ask("alice", "sshd", t), Verdict::Allow(_));
            assert_eq!(opens, (10..until).contains(&t), "{heard} {limit} at {t}");
        }
    }
    // Stale before the grant begins, and stale now.
    assert_eq!(adm(&silent(with(&[(10, 100)]), Some(-50), Some(59)), 0), []);
    assert_eq!(adm(&silent(with(&[(10, 100)]), Some(0), Some(29)), 30), []);
}

#[test]
fn a_source_that_was_never_heard_confers_nothing() {
    assert_eq!(adm(&silent(with(&[(10, 100)]), None, Some(1_000)), 20), []);
    // A file needs no word.
    assert_eq!(adm(&silent(with(&[(10, 100)]), None, None), 20), [("alice", 10, 100)]);
    // Nor does a source that is not configured any more.
    let world = with(&[(10, 100)]);
    let snapshot = jit_model::snapshot::Snapshot::new(
        world.policy.clone(),
        BTreeMap::new(),
        world.assess().into_iter().map(std::sync::Arc::new).collect(),
        Vec::new(),
        BTreeSet::new(),
    );
    assert_eq!(shown(&confer(&snapshot, &allow(&["adm"]), &local(&OWN), at(20))), []);
}

/// As at the door, what was known when the daemon last wrote counts until its source has spoken.
#[test]
fn a_recalled_source_confers() {
    let world = silent(with(&[(10, 100)]), Some(0), Some(50));
    let snapshot = world.snapshot().recalled([world::source_name()]);
    let conferred = confer(&snapshot, &allow(&["adm"]), &local(&OWN), at(20));
    assert_eq!(members(&conferred, "adm"), [("alice", 10, 51)]);
}

#[test]
fn the_ends_of_time_are_no_trap() {
    for heard in [i64::MIN, -1, 0, 50, i64::MAX] {
        for limit in [0, 1, i64::MAX.unsigned_abs() - 1, i64::MAX.unsigned_abs(), u64::MAX] {
            let freshness = Freshness { heard: Some(at(heard)), max_offline: Some(Span(limit)) };
            let end = freshness.counts_until().unwrap().0;
            for t in [
                i64::MIN,
                -2,
                -1,
                0,
                1,
                50,
                51,
                end.saturating_sub(1),
                end,
                end.saturating_add(1),
                i64::MAX - 1,
            ] {
                // The last second there is lies in no window.
                let t = t.min(i64::MAX - 1);
                let fresh = freshness.silence(at(t)) == jit_model::snapshot::Silence::Fresh;
                assert_eq!(fresh, t < end, "heard {heard}, limit {limit}, at {t}, until {end}");
            }
        }
    }
    for now in [i64::MIN, i64::MAX] {
        let world = silent(with(&[(10, 100)]), Some(i64::MAX), Some(u64::MAX));
        assert_eq!(adm(&world, now).len(), usize::from(now < 0));
    }
}

/// Whoever may write himself grants could schedule them until no map holds them.
#[test]
fn of_many_stretches_the_first_are_known_and_the_others_later() {
    let most = i64::try_from(MOST_STRETCHES).unwrap();
    let windows: Vec<(i64, i64)> = (0..most + 40).map(|n| (10 * n, 10 * n + 5)).collect();
    let expected =
        |from: i64| -> Vec<_> { (from..from + most).map(|n| ("alice", 10 * n, 10 * n + 5)).collect() };
    assert_eq!(adm(&with(&windows), 0), expected(0));
    assert_eq!(adm(&with(&windows), 4), expected(0));
    assert_eq!(adm(&with(&windows), 5), expected(1));
    // What belongs to the last of them is not cut off.
    let mut longer = windows.clone();
    longer.push((10 * (most - 1) + 5, 10 * (most - 1) + 8));
    assert_eq!(adm(&with(&longer), 0).last(), Some(&("alice", 10 * (most - 1), 10 * (most - 1) + 8)));
}

/// One of many may write grants for all of them, and each has his first stretches.
#[test]
fn of_many_people_fewer_stretches_are_known_and_nobody_loses_the_first() {
    let (people, most) = (800, i64::try_from(MOST_STRETCHES).unwrap());
    let windows: Vec<(i64, i64)> = (0..most).map(|n| (10 * n, 10 * n + 5)).collect();
    let mut world = with(&windows);
    let names: Vec<String> = (0..6).map(|n| format!("g{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    world.role(|role| role.local_groups = groups(&names));
    let mut grants = world.assess();
    for grant in &mut grants {
        let crowd = (0..people).map(|n| (login(&format!("p{n}")), world::person("alice")));
        Arc::make_mut(&mut grant.logins).extend(crowd);
    }
    let sources = BTreeMap::from([(world::source_name(), world.heard.clone())]);
    let grants = grants.into_iter().map(std::sync::Arc::new).collect();
    let snapshot = jit_model::snapshot::Snapshot::new(
        world.policy.clone(),
        sources,
        grants,
        Vec::new(),
        BTreeSet::new(),
    );
    let conferred = confer(&snapshot, &allow(&names), &local(&OWN), at(2));
    assert!(names.len() * (people + 1) * MOST_STRETCHES > MOST_MEMBERSHIPS);
    assert_eq!(conferred.groups.len(), names.len());
    for group in conferred.groups.values() {
        for person in group.members.chunk_by(|a, b| a.login == b.login) {
            let shown: Vec<_> = person.iter().map(|m| (m.from.0, m.until.0)).collect();
            assert_eq!(shown, windows[..MOST_STRETCHES / 2]);
        }
        assert_eq!(group.members.len(), (people + 1) * MOST_STRETCHES / 2);
    }
}

/// Services, mode and host do not matter: what a role confers it confers wherever its grants hold.
#[test]
fn services_do_not_matter() {
    let mut world = with(&[(10, 100)]);
    world.role(|role| role.services = BTreeSet::from([world::service("ftp")]));
    assert!(matches!(world.ask("alice", "sshd", 20), Verdict::Deny(_)));
    assert_eq!(adm(&world, 20), [("alice", 10, 100)]);
}
