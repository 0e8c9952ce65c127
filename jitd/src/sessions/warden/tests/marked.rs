//! Whether a host marks logins, and what is swept accordingly.

use super::super::*;
use super::stage::*;
use crate::sessions::claim::{Kind, Marking};
use crate::sessions::process::AuditMark;
use crate::sessions::state::StateDir;

/// What alice wrote into her own loginuid.
const HERS: AuditMark = AuditMark { login_uid: 1000, session: 4711 };

/// She comes in where nothing is marked: the leader, her shell, and what she left in the background.
fn come_unmarked(stage: &mut Stage, leader: i32) -> SessionId {
    let id = stage.spawn(leader, 1, 0, None);
    stage.spawn(leader + 1, leader, 1000, None);
    stage.spawn(leader + 2, 1, 1000, None);
    stage.open("alice", Mark { leader: id, kind: Kind::Login, uid: 1000, audit: None, scope: None })
}

/// She becomes root by a sudo that bears a mark.
fn become_marked(stage: &mut Stage, sudo: i32, parent: i32, mark: AuditMark) -> SessionId {
    let leader = stage.spawn(sudo, parent, 0, Some(mark));
    stage.spawn(sudo + 1, sudo, 0, Some(mark));
    stage.open("alice", Mark { leader, kind: Kind::Become, uid: 1000, audit: Some(mark), scope: None })
}

fn leave(stage: &mut Stage, id: &SessionId, leader: i32) {
    let service = stage.session(id).unwrap().service;
    stage.warden.registry.close(stage.warden.host.processes[&leader].id, &service);
    stage.settle();
    stage.warden.host.processes.retain(|pid, process| *pid != leader && process.parent != leader);
    stage.warden.prune = Prune::new(Instant::now());
    stage.warden.look();
    stage.settle();
}

/// It is over for all of them.
fn end(stage: &mut Stage) -> Vec<i32> {
    stage.show(&[]);
    stage.evaluate();
    assert_eq!(stage.warden.registry.sessions(), []);
    stage.living()
}

#[test]
fn a_mark_of_her_own_making_saves_nothing_of_hers_where_none_is_made() {
    for left_first in [false, true] {
        let mut stage = Stage::new();
        stage.show(&[("alice", 3600)]);
        let login = come_unmarked(&mut stage, 100);
        stage.settle();
        if left_first {
            leave(&mut stage, &login, 100);
        } else {
            // After a second all the modules have been asked.
            stage.warden.refresh(Instant::now() + SETTLED * 2);
        }
        stage.spawn(200, 1, 1000, Some(HERS));
        become_marked(&mut stage, 300, 200, HERS);
        stage.settle();
        assert_eq!(stage.warden.registry.marking(), Marking::Lacking);
        assert_eq!(end(&mut stage), [0; 0], "{left_first}");
    }
}

#[test]
fn what_was_seen_of_marks_is_known_after_a_restart() {
    for (audit, shown) in [(None, Marking::Lacking), (Some(HERS), Marking::Made)] {
        let mut stage = Stage::new();
        stage.show(&[("alice", 3600)]);
        let leader = stage.spawn(100, 1, 0, audit);
        let session = stage.open("alice", Mark { leader, kind: Kind::Login, uid: 1000, audit, scope: None });
        stage.settle();
        leave(&mut stage, &session, 100);
        let kept = StateDir::below(&stage.dir.path().join("run")).read(stage.warden.registry.boot());
        let again = Registry::new(
            StateDir::below(stage.dir.path()),
            stage.warden.registry.boot(),
            (kept.sessions, kept.visitors),
        );
        assert_eq!(again.0.marking(), shown);
    }
}

#[test]
fn what_was_seen_outlasts_him_who_showed_it() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600), ("bob", 3600)]);
    come_unmarked(&mut stage, 500);
    stage.settle();
    stage.warden.refresh(Instant::now() + SETTLED * 2);
    assert_eq!(stage.warden.registry.marking(), Marking::Lacking);
    stage.log_in("bob");
    stage.settle();
    stage.show(&[("alice", 3600)]);
    stage.evaluate();
    assert_eq!(stage.warden.registry.visitors().len(), 1, "bob has been seen off");
    stage.restart();
    assert_eq!(stage.warden.registry.marking(), Marking::Made);
}

/// A daemon that runs as alice and came from no login of hers.
const DAEMON: i32 = 50;

#[test]
fn a_host_that_marks_keeps_what_only_runs_as_her() {
    let mut stage = Stage::new();
    stage.spawn(DAEMON, 1, 1000, None);
    stage.show(&[("alice", 3600)]);
    let login = stage.log_in("alice");
    stage.settle();
    assert_eq!(stage.warden.registry.marking(), Marking::Made);
    // By a service whose stack makes no marks.
    let other = come_unmarked(&mut stage, 500);
    stage.settle();
    stage.warden.refresh(Instant::now() + SETTLED * 2);
    let leader = stage.session(&login).unwrap().mark.leader.pid;
    leave(&mut stage, &login, leader);
    leave(&mut stage, &other, 500);
    assert_eq!(stage.warden.registry.marking(), Marking::Made, "known once, known for good");
    // What she left behind without a mark cannot be told from it.
    assert_eq!(end(&mut stage), [DAEMON, 502]);
}

#[test]
fn in_doubt_a_host_marks() {
    // Only sudo is asked for, and the login around it has gone.
    let mut stage = Stage::new();
    stage.spawn(DAEMON, 1, 1000, None);
    stage.show(&[("alice", 3600)]);
    stage.spawn(200, 1, 1000, Some(HERS));
    become_marked(&mut stage, 300, 200, HERS);
    stage.settle();
    assert_eq!(stage.warden.registry.marking(), Marking::Borne);
    assert_eq!(end(&mut stage), [DAEMON]);
}

#[test]
fn where_no_mark_was_ever_seen_her_uid_is_enough() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600)]);
    come_unmarked(&mut stage, 100);
    stage.settle();
    assert_eq!(end(&mut stage), [0; 0]);
}

#[test]
fn a_login_that_was_there_before_us_shows_it_too() {
    for (audit, shown) in [(None, Marking::Lacking), (Some(HERS), Marking::Made)] {
        let mut stage = Stage::new();
        stage.show(&[("alice", 3600)]);
        let leader = stage.spawn(100, 1, 0, audit);
        let id = stage.open("alice", Mark { leader, kind: Kind::Login, uid: 1000, audit, scope: None });
        // Nobody tells of its opening.
        while stage.heard.try_recv().is_ok() {}
        stage.warden.registry.change(&id, |session| session.opened.0 -= 60);
        stage.warden.look();
        assert_eq!(stage.warden.registry.marking(), shown);
    }
}
