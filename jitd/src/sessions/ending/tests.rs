mod scene;

use std::cell::RefCell;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::super::claim::{Claim, Kind, Mark, Whose};
use super::super::process::{AuditMark, ProcessId, Run};
use super::super::signals::Signal;
use super::world::{Way, World};
use super::{Ending, Outcome, Step};
use scene::{ALICE, GRACE, Scene};

#[test]
fn an_obedient_session_ends_in_a_moment_and_nobody_is_killed() {
    for marked in [false, true] {
        let scene = Scene::new(Way::Hangup, marked);
        scene.spawn(scene.shell, "sleep", Way::Terminate);
        let (outcome, said) = scene.end();
        assert_eq!((outcome.processes, outcome.killed, said), (4, vec![], vec![]));
        assert!(outcome.took < Duration::from_millis(50), "{:?}", outcome.took);
    }
}

#[test]
fn nothing_is_left_to_do_when_everybody_has_gone_before() {
    let scene = Scene::new(Way::Obeys, true);
    let ending = |scene: &Scene| scene.end().0;
    assert_eq!(ending(&scene).processes, 3);
    assert_eq!(ending(&scene), Outcome::default());
}

#[test]
fn everything_is_stopped_before_anything_is_asked_and_asked_before_it_goes_on() {
    let scene = Scene::new(Way::Hangup, true);
    let job = scene.spawn(scene.shell, "make", Way::Obeys);
    scene.end();
    let world = scene.world.borrow();
    let first = |signal: Signal| world.sent.iter().position(|(_, sent)| *sent == signal).unwrap();
    let last = |signal: Signal| {
        world
            .sent
            .iter()
            .rposition(|(id, sent)| *sent == signal && *id != scene.leader && *id != scene.carrier)
    };
    assert!(last(Signal::Stop).unwrap() < first(Signal::Hangup), "{:?}", world.sent);
    assert!(last(Signal::Terminate).unwrap() < first(Signal::Continue), "{:?}", world.sent);
    for id in [scene.shell, job] {
        assert_eq!(world.sent(id)[..4], [Signal::Stop, Signal::Hangup, Signal::Terminate, Signal::Continue]);
    }
}

#[test]
fn the_transport_is_neither_stopped_nor_hung_up_on_while_others_are_there() {
    let scene = Scene::new(Way::Ignores, true);
    let start = Instant::now();
    let mut ending = scene.ending(start);
    let mut now = start;
    while now - start < super::SPARE {
        let Step::Again(pause) = scene.step(&mut ending, now) else { panic!("{ending:?}") };
        for id in [scene.leader, scene.carrier] {
            assert_eq!(scene.world.borrow().sent(id), [], "after {:?}", now - start);
        }
        now += pause;
    }
    // Both have other children yet, and are asked all the same.
    scene.step(&mut ending, now);
    assert_eq!(scene.world.borrow().sent(scene.leader), [Signal::Terminate]);
    let (outcome, _) = scene.go_on(&mut ending, now);
    assert_eq!(outcome.killed, [(scene.shell.pid, "bash".to_owned())]);
}

#[test]
fn a_transport_with_nothing_to_carry_is_asked_at_once() {
    let scene = Scene::new(Way::Obeys, true);
    scene.world.borrow_mut().end(scene.shell.pid);
    scene.world.borrow_mut().change(scene.leader, Way::Obeys);
    scene.world.borrow_mut().change(scene.carrier, Way::Obeys);
    let (outcome, _) = scene.end();
    assert!(outcome.took < super::SPARE, "{:?}", outcome.took);
}

#[test]
fn a_freeze_that_lasts_does_not_leave_out_the_transport() {
    let scene = Scene::new(Way::Unstoppable, true);
    let (mut ending, start) = scene.begun();
    scene.step(&mut ending, start + super::SPARE - Duration::from_millis(1));
    assert_eq!(scene.world.borrow().sent(scene.leader), []);
    scene.step(&mut ending, start + super::SPARE);
    assert_eq!(scene.world.borrow().sent(scene.leader), [Signal::Stop]);
    let (outcome, _) = scene.go_on(&mut ending, start + super::SPARE);
    assert_eq!(outcome.killed, []);
}

#[test]
fn who_only_calls_himself_as_the_transport_is_spared_a_moment_and_no_longer() {
    // A grandchild is never transport, whatever its name.
    let scene = Scene::new(Way::Ignores, true);
    let fake = scene.spawn(scene.shell, "sshd", Way::Ignores);
    scene.begun();
    assert_eq!(scene.world.borrow().sent(fake), [Signal::Stop]);
    // A child of the leader by this name is killed with the others if it does not obey.
    let scene = Scene::new(Way::Obeys, true);
    let fake = scene.spawn(scene.leader, "sshd", Way::Ignores);
    let (outcome, _) = scene.end();
    assert_eq!(outcome.killed, [(fake.pid, "sshd".to_owned())]);
    let sent = scene.world.borrow().sent(fake);
    assert_eq!(sent[..3], [Signal::Terminate, Signal::Continue, Signal::Hangup]);
}

#[test]
fn a_shell_that_is_the_leader_itself_is_hung_up_on_after_a_while() {
    // sudo -i without a terminal of its own becomes the shell, and an interactive shell ignores SIGTERM.
    let mut world = World::new();
    let init = world.spawn(0, "systemd", Way::Ignores);
    let leader = world.spawn(init.pid, "bash", Way::Hangup);
    world.log_in(leader, 0, None);
    let mark = Mark { leader, kind: Kind::Become, uid: ALICE, audit: None, scope: None };
    let scene = Scene {
        world: RefCell::new(world),
        leader,
        carrier: leader,
        shell: leader,
        strangers: vec![init],
        marked: false,
    };
    let start = Instant::now();
    let claim = Claim { whose: Whose::Session(mark), spared: Vec::new() };
    let (outcome, _) = scene.go_on(&mut Ending::new(claim, GRACE, start), start);
    assert_eq!((outcome.processes, outcome.killed), (1, vec![]));
    assert!(outcome.took < Duration::from_millis(300), "{:?}", outcome.took);
}

#[test]
fn what_the_person_had_stopped_goes_on_to_its_end() {
    let scene = Scene::new(Way::Hangup, true);
    let editor = scene.spawn(scene.shell, "vi", Way::Obeys);
    scene.world.borrow_mut().stop(editor);
    let sulky = scene.spawn(scene.shell, "cat", Way::Sulks);
    let (outcome, _) = scene.end();
    assert_eq!(outcome.killed, []);
    assert!(!scene.world.borrow().sent(editor).contains(&Signal::Stop));
    let continued = scene.world.borrow().sent(sulky).iter().filter(|s| **s == Signal::Continue).count();
    assert_eq!(continued, 2);
}

#[test]
fn the_stubborn_are_killed_after_the_grace_and_not_before() {
    let scene = Scene::new(Way::Hangup, true);
    let stubborn: Vec<ProcessId> =
        (0..20).map(|n| scene.spawn(scene.shell, &format!("s{n}"), Way::Ignores)).collect();
    let (outcome, said) = scene.end();
    assert_eq!(outcome.processes, 23);
    assert_eq!((outcome.killed.len(), outcome.more_killed), (16, 4));
    assert_eq!(outcome.killed.first(), Some(&(stubborn[0].pid, "s0".to_owned())));
    assert!(outcome.took >= GRACE && outcome.took < GRACE + super::LONG, "{:?}", outcome.took);
    assert_eq!(said, Vec::<String>::new());
}

#[test]
fn what_a_trap_leaves_behind_is_asked_too_and_killed_with_the_others() {
    for marked in [false, true] {
        let scene = Scene::new(Way::Traps, marked);
        let (outcome, _) = scene.end();
        let [(pid, name)] = &outcome.killed[..] else { panic!("{outcome:?}") };
        assert_eq!(name, "trapped");
        let world = scene.world.borrow();
        let (id, _) = *world.sent.iter().find(|(id, _)| id.pid == *pid).unwrap();
        assert_eq!(world.sent(id)[..3], [Signal::Hangup, Signal::Terminate, Signal::Continue]);
    }
}

#[test]
fn a_bomb_is_stopped_in_its_growth() {
    for marked in [false, true] {
        let scene = Scene::new(Way::Multiplies(200), marked);
        let (outcome, _) = scene.end();
        assert!(outcome.processes >= 200 - 8, "{}", outcome.processes);
    }
}

#[test]
fn a_chain_that_no_table_shows_is_caught_in_the_first_freeze() {
    for every in [3, 4, 6, 9] {
        let scene = Scene::new(Way::Hangup, true);
        scene.spawn(scene.shell, "chain", Way::Chain(every));
        let (outcome, said) = scene.end();
        assert!(outcome.took < super::FREEZE, "every {every}: {outcome:?}");
        assert_eq!((outcome.killed, said), (vec![], vec![]), "every {every}");
    }
}

#[test]
fn a_chain_is_followed_when_the_numbers_begin_again() {
    let scene = Scene::new(Way::Hangup, true);
    scene.world.borrow_mut().number_after(32_760);
    scene.spawn(scene.shell, "chain", Way::Chain(3));
    let (outcome, _) = scene.end();
    assert!(outcome.took < super::FREEZE, "{outcome:?}");
}

#[test]
fn an_empty_table_is_not_believed_while_a_chain_goes_on() {
    let scene = Scene::new(Way::Obeys, true);
    // Its parents are gone: only the chain is left, and it is in no table.
    scene.end();
    let mut world = scene.world.borrow_mut();
    let chain = world.spawn(1000, "chain", Way::Chain(4));
    world.log_in(chain, ALICE, Some(7));
    drop(world);
    let (outcome, _) = scene.end();
    assert!(outcome.processes >= 1, "{outcome:?}");
}

#[test]
fn what_a_table_leaves_out_is_not_gone() {
    let scene = Scene::new(Way::Ignores, true);
    let (mut ending, start) = scene.begun();
    for id in [scene.leader, scene.carrier, scene.shell] {
        scene.world.borrow_mut().hidden.push(id);
    }
    let (outcome, _) = scene.go_on(&mut ending, start);
    assert_eq!(outcome.killed, [(scene.shell.pid, "bash".to_owned())]);
}

#[test]
fn a_stranger_who_is_given_the_number_of_somebody_dead_is_left_alone() {
    let mut scene = Scene::new(Way::Obeys, false);
    let job = scene.spawn(scene.shell, "sleep", Way::Ignores);
    let (mut ending, start) = scene.begun();
    let mut world = scene.world.borrow_mut();
    // The shell, which began the setsid-session, is gone, and so is everything in it.
    world.end(job.pid);
    world.end(scene.shell.pid);
    world.number_after(scene.shell.pid - 1);
    let stranger = world.spawn(scene.strangers[0].pid, "nginx", Way::Ignores);
    world.setsid(stranger);
    assert_eq!(stranger.pid, scene.shell.pid);
    let child = world.spawn(stranger.pid, "nginx", Way::Ignores);
    let gone = world.spawn(stranger.pid, "nginx", Way::Ignores);
    let orphan = world.spawn(gone.pid, "nginx", Way::Ignores);
    world.end(gone.pid);
    drop(world);
    scene.strangers.extend([stranger, child, orphan]);
    scene.go_on(&mut ending, start);
}

#[test]
fn what_does_not_stop_is_not_waited_for_long() {
    let scene = Scene::new(Way::Unstoppable, true);
    let (outcome, _) = scene.end();
    assert!(outcome.took < Duration::from_millis(100), "{:?}", outcome.took);
}

#[test]
fn refused_signals_are_said_once_and_tried_for_ever() {
    let scene = Scene::new(Way::Refused, true);
    let start = Instant::now();
    let mut ending = scene.ending(start);
    let tried = scene.tries(&mut ending, start, GRACE * 4);
    assert_eq!(tried.pause, super::RETRY);
    let [(soon, refused), (late, surviving)] = &tried.said[..] else { panic!("{:?}", tried.said) };
    assert_eq!(*soon, Duration::ZERO);
    assert!(refused.contains("CAP_KILL") && refused.contains("bash"), "{refused}");
    assert!(*late >= GRACE + super::SURVIVES);
    assert!(surviving.contains("bash"), "{surviving}");
    // The transport was ended all the same.
    assert!(!scene.world.borrow().alive(scene.leader));
    // Somebody gives the daemon what it lacks.
    scene.world.borrow_mut().change(scene.shell, Way::Ignores);
    scene.step(&mut ending, tried.now);
    assert!(matches!(scene.step(&mut ending, tried.now), Step::Done(_)));
}

#[test]
fn what_survives_the_final_signal_is_said_once_and_tried_for_ever() {
    let scene = Scene::new(Way::Undead, true);
    let start = Instant::now();
    let mut ending = scene.ending(start);
    let tried = scene.tries(&mut ending, start, GRACE * 4);
    let [(_, why)] = &tried.said[..] else { panic!("{:?}", tried.said) };
    assert!(why.contains(&format!("{} bash", scene.shell.pid)), "{why}");
    let kills = scene.world.borrow().sent(scene.shell).iter().filter(|s| **s == Signal::Kill).count();
    assert!(kills > 5, "{kills}");
    scene.world.borrow_mut().change(scene.shell, Way::Ignores);
    scene.step(&mut ending, tried.now);
    assert!(matches!(scene.step(&mut ending, tried.now), Step::Done(_)));
}

#[test]
fn a_daemon_that_stops_leaves_nothing_frozen() {
    let scene = Scene::new(Way::Hangup, true);
    let editor = scene.spawn(scene.shell, "vi", Way::Obeys);
    scene.world.borrow_mut().stop(editor);
    let (mut ending, _) = scene.begun();
    assert_eq!(scene.world.borrow().run(scene.shell), Some(Run::Stopped));
    ending.release(&mut &scene.world);
    assert_eq!(scene.world.borrow().run(scene.shell), Some(Run::Running));
    // The person's own.
    assert_eq!(scene.world.borrow().run(editor), Some(Run::Stopped));
}

#[test]
fn what_another_session_claims_meanwhile_runs_on() {
    let scene = Scene::new(Way::Ignores, true);
    let other = scene.spawn(scene.shell, "login", Way::Obeys);
    let shell = scene.spawn(other, "bash", Way::Obeys);
    let (mut ending, start) = scene.begun();
    assert_eq!(scene.world.borrow().run(shell), Some(Run::Stopped));
    let mark = AuditMark { login_uid: ALICE, session: 9 };
    for id in [other, shell] {
        scene.world.borrow_mut().log_in(id, ALICE, Some(9));
    }
    ending.claim.spared.push(Mark {
        leader: other,
        kind: Kind::Login,
        uid: ALICE,
        audit: Some(mark),
        scope: None,
    });
    let mut now = start;
    loop {
        match scene.step(&mut ending, now) {
            Step::Again(pause) => now += pause,
            Step::Stuck { why, .. } => panic!("{why}"),
            Step::Done(_) => break,
        }
    }
    let world = scene.world.borrow();
    for id in [other, shell] {
        assert_eq!(world.sent(id), [Signal::Stop, Signal::Continue]);
        assert_eq!(world.run(id), Some(Run::Running));
    }
    assert!(!world.alive(scene.shell));
}

#[test]
fn pauses_grow_and_never_pass_the_end_of_the_grace() {
    let scene = Scene::new(Way::Ignores, true);
    let start = Instant::now();
    let mut ending = scene.ending(start);
    let mut now = start;
    let mut asked = None;
    let mut longest = Duration::ZERO;
    loop {
        let step = scene.step(&mut ending, now);
        let sent = scene.world.borrow().sent(scene.shell);
        if asked.is_none() && sent.contains(&Signal::Terminate) {
            asked = Some(now);
        }
        if sent.contains(&Signal::Kill) {
            break;
        }
        let Step::Again(pause) = step else { panic!("{step:?}") };
        if asked.is_some_and(|asked| now < asked + GRACE && now + pause > asked + GRACE) {
            panic!("{pause:?} passes the end");
        }
        longest = longest.max(pause);
        now += pause;
    }
    assert_eq!(longest, super::LONG);
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![
        4 => Just(Way::Obeys),
        3 => Just(Way::Hangup),
        3 => Just(Way::Terminate),
        2 => Just(Way::Ignores),
        2 => Just(Way::Traps),
        1 => Just(Way::Multiplies(60)),
        1 => (3u32..12).prop_map(Way::Chain),
        1 => Just(Way::Unstoppable),
        1 => Just(Way::Carries),
        1 => Just(Way::Sulks),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any tree of any ways ends, nothing else is touched, and whoever obeys is not killed.
    #[test]
    fn any_session_ends(ways in prop::collection::vec((way(), any::<prop::sample::Index>(), any::<bool>()), 0..12)) {
        let scene = Scene::new(Way::Hangup, true);
        let mut all = vec![scene.shell];
        for (n, (way, parent, own)) in ways.iter().enumerate() {
            let id = scene.spawn(*parent.get(&all), &format!("p{n}"), *way);
            if *own {
                scene.world.borrow_mut().setsid(id);
            }
            if !matches!(way, Way::Chain(_)) {
                all.push(id);
            }
        }
        let (outcome, said) = scene.end();
        prop_assert_eq!(said, Vec::<String>::new());
        let stubborn = |way: &Way| matches!(way, Way::Ignores | Way::Traps | Way::Multiplies(_) | Way::Chain(_));
        if !ways.iter().any(|(way, _, _)| stubborn(way)) {
            prop_assert_eq!(outcome.killed, vec![]);
            prop_assert!(outcome.took < Duration::from_millis(400), "{:?}", outcome.took);
        }
    }
}
