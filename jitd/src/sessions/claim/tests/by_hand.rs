//! Who came in by a daemon that somebody started from a login: it bears that login's evidence, and so do its children.

use super::super::{Kind, Whose};
use super::world::{ALICE, ALL, BOB, MARKED, World, set};

/// pam_loginuid leaves a mark alone that is right already: so two logins of hers have the same one, and it is neither's alone.
#[test]
fn a_listener_started_by_hand_does_not_make_two_logins_one() {
    for marks in MARKED {
        let mut world = World::new(marks);
        let first = world.ssh(ALICE);
        let one = world.login(first, ALICE);
        let (root, listener) = world.by_hand(first);
        let second = world.ssh_by(listener, ALICE);
        let mut two = world.login(second, ALICE);
        assert_eq!(two.audit, None);
        let job = world.fork(second.shell);
        let expected = second.with([job]);
        assert_eq!(world.of_session(&two, std::slice::from_ref(&one)), expected);
        // The first one's end spares the second, and finds the listener: see the head of the module.
        let ended = world.of_session(&one, &[two.clone()]);
        assert!(ended.is_disjoint(&expected) && ended.contains(&listener) && ended.contains(&root));
        // When the listener is gone, nothing but the older bearers says that the mark is not the second one's.
        world.exit(listener);
        let later = world.mark(second.leader, Kind::Login, ALICE);
        assert_eq!(later.audit, None);
        two.audit = one.audit;
        let beside = world.fork(first.shell);
        assert_eq!(world.of_session(&two, &[]), expected, "{beside}");
        assert_eq!(world.of_session(&two, std::slice::from_ref(&one)), expected);
        let whose = Whose::Session(one);
        let two = world.mark(second.leader, Kind::Login, ALICE);
        let late = world.fork(second.shell);
        assert!(!world.takes(&whose, &[two], &ended, late));
    }
}

#[test]
fn who_came_in_by_a_listener_started_by_hand_is_himself() {
    for marks in MARKED {
        let (mut world, alice) = World::with_alice(marks);
        let mark = world.login(alice, ALICE);
        let (_, listener) = world.by_hand(alice);
        let bob = world.ssh_by(listener, BOB);
        let (_, bobs_root) = world.sudo(bob.shell, 0);
        let bobs_daemon = world.daemonize(bobs_root);
        // Whether his session is known or not.
        for spared in [vec![], vec![world.login(bob, BOB)]] {
            let members = world.of_session(&mark, &spared);
            assert!(members.is_disjoint(&bob.with([bobs_root, bobs_daemon])));
            let person = world.of_person(ALICE, &spared);
            assert!(person.is_disjoint(&bob.with([bobs_root, bobs_daemon])));
        }
        assert!(world.login(bob, BOB).audit.is_some());
    }
}

/// On a host without marks that is known from the session's being known, and from nothing else.
#[test]
fn another_known_login_is_spared_wherever_it_is_in_the_tree() {
    for marks in ALL {
        let (mut world, alice) = World::with_alice(marks);
        let (_, root) = world.sudo(alice.shell, 0);
        let listener = world.fork(root);
        let bob = world.ssh_by(listener, BOB);
        let job = world.fork(bob.shell);
        let members = world.of_session(&world.login(alice, ALICE), &[world.login(bob, BOB)]);
        assert!(members.contains(&listener));
        assert!(members.is_disjoint(&bob.with([job])), "{marks:?}");
        // And the other way round: what is above a leader is never its session's.
        let members = world.of_session(&world.login(bob, BOB), &[world.login(alice, ALICE)]);
        assert_eq!(members, bob.with([job]), "{marks:?}");
    }
}

#[test]
fn a_cron_started_by_hand_runs_the_jobs_of_others() {
    for marks in MARKED {
        let (mut world, alice) = World::with_alice(marks);
        let mark = world.login(alice, ALICE);
        let (_, cron) = world.by_hand(alice);
        let (bobs, bobs_job) = world.job(cron, BOB);
        let (roots, roots_job) = world.job(cron, 0);
        let members = world.of_session(&mark, &[]);
        assert!(members.contains(&cron));
        assert!(members.is_disjoint(&set([bobs, bobs_job, roots, roots_job])), "{marks:?} {members:?}");
        assert!(world.of_person(ALICE, &[]).is_disjoint(&set([bobs, bobs_job, roots, roots_job])));
    }
}

/// Without a scope of its own: logind opens no session within a session.
#[test]
fn a_login_by_a_listener_within_a_scope_still_has_its_tree() {
    for marks in ALL {
        let (mut world, alice) = World::with_alice(marks);
        let (_, listener) = world.by_hand(alice);
        let bob = world.ssh_by(listener, BOB);
        let job = world.fork(bob.shell);
        let members = world.of_session(&world.login(bob, BOB), &[world.login(alice, ALICE)]);
        assert_eq!(members, bob.with([job]), "{marks:?}");
    }
}
