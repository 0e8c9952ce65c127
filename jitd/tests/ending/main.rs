//! Endings of real processes, run as whoever runs the tests. With root they are marked as a login marks its own (pam_loginuid(8));
//! without, they are known by their tree. The figures are printed, not judged.

mod scene;

use std::time::Duration;

use scene::{Marks, Scene};

const GRACE: Duration = Duration::from_millis(400);

#[test]
fn an_obedient_tree_is_gone_at_once() {
    for marks in Marks::here() {
        let scene = Scene::new(marks, "sleep 1000 & sleep 1000 & wait");
        scene.until(3);
        let outcome = scene.end(GRACE);
        assert_eq!((outcome.processes, outcome.killed), (3, vec![]));
    }
}

#[test]
fn what_will_not_listen_is_killed() {
    for marks in Marks::here() {
        let scene =
            Scene::new(marks, "trap '' HUP TERM; sleep 1000 & sleep 1000 & while :; do sleep 0.05; done");
        scene.until(4);
        let outcome = scene.end(GRACE);
        assert!(outcome.killed.iter().any(|(_, name)| name == "sh"), "{outcome:?}");
        assert!(outcome.took >= GRACE);
    }
}

#[test]
fn what_was_stopped_goes_on_to_its_end() {
    for marks in Marks::here() {
        let scene = Scene::new(marks, "sleep 1000 & kill -STOP $!; sh -c 'kill -STOP $$; sleep 1000' & wait");
        scene.until_stopped(2);
        assert_eq!(scene.end(GRACE).killed, []);
    }
}

#[test]
fn a_trap_that_begins_something_new_gains_nothing() {
    for marks in Marks::here() {
        let scene = Scene::new(
            marks,
            "trap '(trap \"\" HUP TERM; sleep 1000; :) & exit' TERM; trap '' HUP; while :; do sleep 0.01; done",
        );
        scene.until(2);
        let outcome = scene.end(GRACE);
        assert!(!outcome.killed.is_empty(), "{outcome:?}");
    }
}

#[test]
fn a_background_loop_that_left_its_terminal_and_its_parents_is_found_by_its_mark() {
    let Some(marks) = Marks::here().into_iter().find(|marks| *marks == Marks::Login) else { return };
    let daemon = "trap '' HUP; while :; do sleep 0.01; done";
    let scene = Scene::new(
        marks,
        &format!("(setsid sh -c \"{daemon}\" &); (nohup sleep 1000 >/dev/null 2>&1 &); sleep 1000"),
    );
    scene.until(4);
    assert_eq!(scene.end(GRACE).killed, []);
}

#[test]
fn a_crowd_of_two_thousand_is_gone() {
    for marks in Marks::here() {
        let scene =
            Scene::new(marks, "exec perl -e 'for (1..2000) { if (!fork) { sleep 1000; exit } } sleep 1000'");
        scene.until(2001);
        let outcome = scene.end(GRACE);
        assert_eq!((outcome.processes, outcome.killed.len()), (2001, 0));
    }
}

#[test]
fn a_crowd_that_is_still_growing_is_gone() {
    for marks in Marks::here() {
        // Every one has children as long as there is time, and none obeys.
        let scene = Scene::new(
            marks,
            "ulimit -u 4000 2>/dev/null; exec perl -e '$SIG{TERM} = $SIG{HUP} = \"IGNORE\"; $e = time + 20; \
             for (1..6) { fork } select(undef, undef, undef, 0.02), fork while time < $e && $n++ < 3; sleep 20'",
        );
        scene.until(100);
        let outcome = scene.end(GRACE);
        assert!(outcome.processes >= 100, "{outcome:?}");
    }
}

/// Forks and exits without pause, for 20 seconds at most; each generation writes a letter.
const CHAIN: &str = "perl -e '$e = time + 20; while (time < $e) { exit if fork; syswrite STDOUT, \".\" }'";

#[test]
fn what_forks_and_exits_without_pause_is_caught() {
    for marks in Marks::here() {
        let scene = Scene::new(marks, &format!("{CHAIN} & sleep 1000"));
        scene.until_generation(20);
        scene.end(GRACE);
    }
}

#[test]
fn many_that_do_are_caught() {
    for marks in Marks::here() {
        let scene = Scene::new(marks, &format!("{CHAIN} & {CHAIN} & {CHAIN} & {CHAIN} & sleep 1000"));
        scene.until_generation(80);
        scene.end(GRACE);
    }
}

#[test]
fn one_that_changes_its_setsid_session_and_ignores_everything_is_caught_by_its_mark() {
    let Some(marks) = Marks::here().into_iter().find(|marks| *marks == Marks::Login) else { return };
    let scene = Scene::new(
        marks,
        "exec perl -MPOSIX=setsid -e '$SIG{TERM} = $SIG{HUP} = \"IGNORE\"; $e = time + 20; \
         while (time < $e) { exit if fork; setsid; syswrite STDOUT, \".\" }'",
    );
    scene.until_generation(20);
    scene.end(GRACE);
}
