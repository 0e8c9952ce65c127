//! What the host keeps from the warden, and what became of it while there was none.

use super::super::*;
use super::stage::*;
use crate::sessions::claim::Kind;
use crate::sessions::process::Run;

#[test]
fn what_cannot_be_seen_is_not_taken_for_gone() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600)]);
    let id = stage.log_in("alice");
    stage.settle();
    stage.show(&[]);
    stage.warden.host.faults.extend([io::ErrorKind::PermissionDenied; 2]);
    stage.warden.evaluate();
    assert_eq!(stage.warden.host.sent, []);
    // Asked again in the next second, and not before.
    assert!(stage.warden.next.is_some_and(|next| next > stage.now()));
    stage.warden.look();
    assert!(stage.warden.registry.concern().is_some_and(|concern| concern.contains("/proc")));
    assert!(stage.session(&id).is_some());
    stage.evaluate();
    assert_eq!(stage.living(), [0; 0]);
}

#[test]
fn what_the_kernel_refuses_is_said_once_and_tried_again() {
    let mut stage = Stage::with("[session]\ngrace = \"1s\"\n");
    stage.show(&[("alice", 3600)]);
    let id = stage.log_in("alice");
    stage.settle();
    stage.warden.host.refused.extend(stage.living());
    stage.show(&[]);
    stage.warden.evaluate();
    for _ in 0..20 {
        for underway in stage.warden.underway.values_mut() {
            underway.hurry();
        }
        stage.warden.step();
    }
    let stuck = |stage: &Stage| stage.told().iter().filter(|told| told.starts_with("stuck")).count();
    assert_eq!(stuck(&stage), 1);
    let shown = stage.warden.registry.stuck();
    assert!(shown.iter().any(|shown| shown.session.as_ref() == Some(&id)), "{shown:?}");
    assert!(shown.iter().all(|shown| shown.login.as_str() == "alice" && shown.why.contains("CAP_KILL")));
    stage.warden.host.refused.clear();
    stage.settle();
    assert_eq!(stage.warden.registry.stuck(), []);
    assert_eq!(stage.living(), [0; 0]);
    assert_eq!(stuck(&stage), 1);
}

/// The whole loop, on a real process: what became overdue while nobody watched ends before anything else is heard of.
#[test]
fn what_is_overdue_at_the_start_ends_at_once() {
    let mut overdue = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let leader = crate::sessions::process::identify(i32::try_from(overdue.id()).unwrap()).unwrap();
    let session = Session {
        mark: Mark { leader, kind: Kind::Login, uid: 1000, audit: None, scope: None },
        ..crate::sessions::testing::session(leader.pid)
    };
    let Room { dir: _dir, registry, desk, heard, follower: _follower, clock: _ } =
        Room::new("", vec![session]);
    let (registry, desk) = (Arc::new(registry), Arc::new(desk));
    let (stop, stopped) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let known = Arc::clone(&registry);
    runtime.block_on(async {
        let serving = tokio::spawn(serve(registry, desk, heard, stopped));
        let gone = async {
            while !known.sessions().is_empty() {
                tokio::task::yield_now().await;
                // The process waits for its parent, who is told so by this alone.
                overdue.try_wait().unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(30), gone).await.unwrap();
        assert!(!overdue.wait().unwrap().success());
        drop(stop);
        serving.await.unwrap().unwrap();
    });
}

/// Those that are stopped.
fn stopped(stage: &Stage) -> Vec<i32> {
    let stopped = stage.warden.host.processes.values().filter(|process| process.run == Run::Stopped);
    stopped.map(|process| process.id.pid).collect()
}

#[test]
fn what_a_killed_daemon_left_stopped_goes_on_with_its_session() {
    for permitted in [false, true] {
        let mut stage = Stage::new();
        stage.show(&[("alice", 3600), ("bob", 3600)]);
        let (alice, bob) = (stage.log_in("alice"), stage.log_in("bob"));
        stage.settle();
        // What bob stopped himself stays so: nobody had begun to end his.
        let bobs = stage.living()[4];
        stage.warden.host.processes.get_mut(&bobs).unwrap().run = Run::Stopped;
        stage.show(&[("alice", -5), ("bob", 3600)]);
        stage.warden.evaluate();
        assert!(stopped(&stage).len() > 1);
        stage.restart();
        assert_eq!(stage.session(&alice).unwrap().life, Life::Ending);
        if permitted {
            stage.permit();
        } else {
            stage.show(&[("alice", 7200), ("bob", 3600)]);
        }
        // Not before it can be seen what is stopped.
        stage.warden.host.faults.push_back(io::ErrorKind::PermissionDenied);
        stage.warden.evaluate();
        stage.evaluate();
        assert_eq!(stopped(&stage), [bobs]);
        assert_eq!(stage.living().len(), 6);
        for id in [&alice, &bob] {
            assert_eq!(stage.session(id).unwrap().life, Life::Open);
        }
        let told = stage.told().split_off(2);
        let then = match permitted {
            true => ["would-end alice session", "lifted alice session"],
            // Its deadline is another, and it goes on.
            false => ["moved alice session"; 2],
        };
        let of_alice = |told: &String| told.contains("alice") && !told.starts_with("ending");
        assert_eq!(told.into_iter().filter(of_alice).collect::<Vec<_>>(), then);
    }
}

#[test]
fn an_ending_that_a_killed_daemon_began_goes_on() {
    let mut stage = Stage::new();
    stage.show(&[("alice", 3600)]);
    let id = stage.log_in("alice");
    stage.settle();
    stage.show(&[]);
    stage.warden.evaluate();
    stage.restart();
    stage.evaluate();
    assert_eq!(stage.session(&id), None);
    assert_eq!(stage.living(), [0; 0]);
}
