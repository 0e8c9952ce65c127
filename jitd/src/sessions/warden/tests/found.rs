//! Sessions that nobody told of.

use super::super::*;
use super::stage::*;
use crate::sessions::claim::Kind;

#[test]
fn sessions_that_nobody_told_of_are_found_and_judged_after_a_grace() {
    let mut stage = Stage::new();
    run_daemon(&mut stage, 50, "sshd");
    run_daemon(&mut stage, 60, "cron");
    come_in_silence(&mut stage, 50, 100, 1000);
    come_in_silence(&mut stage, 50, 200, 1001);
    // A job of bob's, who has no grant, and an application's: nobody's business.
    come_in_silence(&mut stage, 60, 300, 1001);
    come_in_silence(&mut stage, 60, 400, 4242);
    let begun = Instant::now();
    stage.show(&[("alice", 3600)]);
    stage.search(begun, 0);
    stage.search(begun, 4);
    // Whoever is not in /etc/passwd has to be asked for, on another thread.
    while !matches!(stage.warden.search, Search::Judging(_)) {
        stage.search(begun, 5);
        std::thread::yield_now();
    }
    assert_eq!(stage.told(), ["found alice session", "found bob session"]);
    stage.search(begun, 12);
    stage.evaluate();
    assert_eq!(stage.warden.host.sent, []);
    stage.search(begun, 60);
    stage.evaluate();
    assert_eq!(stage.living(), [50, 60, 100, 101, 300, 301, 400, 401]);
    let told = stage.told().split_off(2);
    assert_eq!(told, ["moved alice session", "ending bob session no-grant", "ended bob session no-grant"]);
    // alice's is like any other now, and so is she.
    stage.show(&[]);
    stage.evaluate();
    assert_eq!(stage.living(), [50, 60, 300, 301, 400, 401]);
    assert_eq!(stage.warden.registry.visitors(), []);
}

#[test]
fn what_is_found_is_not_judged_while_a_source_is_silent() {
    let mut stage = Stage::new();
    run_daemon(&mut stage, 50, "sshd");
    come_in_silence(&mut stage, 50, 100, 1000);
    let begun = Instant::now();
    for seconds in [0, 4, 5, 60, 600] {
        stage.search(begun, seconds);
    }
    assert_eq!(stage.told(), ["found alice session"]);
    assert_eq!(stage.warden.host.sent, []);
    assert!(matches!(stage.warden.search, Search::Judging(_)), "it is judged when there is word");
}

/// A host that does not enforce yet, with a listener of sshd's and nobody who has a grant.
fn permissive() -> Stage {
    let mut stage = Stage::new();
    stage.permit();
    run_daemon(&mut stage, 50, "sshd");
    stage.show(&[]);
    stage.evaluate();
    stage
}

/// The admin's own login, for one, in which he gave sshd the session line and then typed `jitctl mode enforcing`.
#[test]
fn who_came_in_before_the_host_enforced_stays_whether_or_not_he_was_told_of() {
    let mut stage = permissive();
    come_in_silence(&mut stage, 50, 100, 1000);
    // A daemon that was there before, or one that comes to a permissive host: alice was found already, bob came later.
    let begun = Instant::now();
    stage.search(begun, 4);
    stage.search(begun, 4);
    assert_eq!(stage.told(), ["found alice session"]);
    come_in_silence(&mut stage, 50, 200, 1001);
    stage.enforce();
    stage.evaluate();
    let enforced = Instant::now();
    // One who is in now came by a door that is guarded, or he is found at the next start.
    come_in_silence(&mut stage, 50, 300, 1001);
    for seconds in [0, 4, 5, 60, 600] {
        stage.search(enforced, seconds);
        stage.evaluate();
    }
    assert_eq!(stage.told()[1..], ["lifted alice session", "found bob session"]);
    assert_eq!(stage.living(), [50, 100, 101, 200, 201, 300, 301]);
    let standings = |stage: &Stage| {
        let sessions = stage.warden.registry.sessions();
        sessions.iter().filter_map(|session| stage.standing(&session.id)).collect::<Vec<_>>()
    };
    assert_eq!(standings(&stage), [Standing::Permissive; 2]);
    // Nor does another daemon end them; only whom nobody knows.
    stage.restart();
    let begun = Instant::now();
    for seconds in [0, 4, 4, 60, 60] {
        stage.search(begun, seconds);
        stage.evaluate();
    }
    assert_eq!(stage.living(), [50, 100, 101, 200, 201]);
}

/// One who cannot be seen at the moment that counts is not forgotten: neither that he was in before, nor that he is to go.
#[test]
fn a_table_that_cannot_be_read_changes_nothing() {
    let mut stage = permissive();
    come_in_silence(&mut stage, 50, 100, 1000);
    stage.enforce();
    stage.warden.host.faults.push_back(io::ErrorKind::PermissionDenied);
    stage.evaluate();
    let begun = Instant::now();
    for seconds in [0, 1, 5, 5, 60] {
        stage.search(begun, seconds);
    }
    assert_eq!(stage.told(), ["found alice session"]);
    assert_eq!(stage.living(), [50, 100, 101]);

    let mut stage = Stage::new();
    run_daemon(&mut stage, 50, "sshd");
    come_in_silence(&mut stage, 50, 100, 1000);
    stage.show(&[]);
    let begun = Instant::now();
    for seconds in [4, 4, 60, 61] {
        if seconds == 60 {
            stage.warden.host.faults.push_back(io::ErrorKind::PermissionDenied);
        }
        stage.search(begun, seconds);
        assert_eq!(stage.living().len(), if seconds == 61 { 1 } else { 3 });
    }
}

#[test]
fn whom_the_door_denied_was_not_in_before() {
    let mut stage = permissive();
    come_in_silence(&mut stage, 50, 100, 1000);
    come_in_silence(&mut stage, 50, 200, 1001);
    stage.enforce();
    stage.evaluate();
    // alice was sent away at the door; bob has left.
    let audit = stage.warden.host.processes[&100].audit;
    let leader = stage.warden.host.processes[&100].id;
    stage.warden.host.stubborn.extend([100, 101]);
    let mark = Mark { leader, kind: Kind::Login, uid: 1000, audit, scope: None };
    let denied = Word::Denied { mark: Box::new(mark), login: "alice".to_owned(), service: "sshd".to_owned() };
    stage.warden.hear(vec![denied]);
    for pid in [200, 201] {
        stage.warden.host.processes.remove(&pid);
    }
    let begun = Instant::now();
    for seconds in [4, 5] {
        let known = stage.warden.known();
        stage.warden.search(&known, begun + Duration::from_secs(seconds));
    }
    assert_eq!(stage.warden.registry.sessions(), []);
}
