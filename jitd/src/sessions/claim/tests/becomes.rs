//! Who belongs to somebody who became another.

use super::super::{Kind, Mark, Whose};
use super::world::{ALICE, ALL, BOB, Marks, TELLING, World, set, uids};
use crate::sessions::process::Uids;

fn sudo(world: &World, leader: i32) -> Mark {
    world.mark(leader, Kind::Become, ALICE)
}

/// alice becomes root: the process that waits, which leads the session, root's shell, and the session's mark.
fn becomes_root(world: &mut World, from: i32) -> (i32, i32, Mark) {
    let (leader, root) = world.sudo(from, 0);
    let mark = sudo(world, leader);
    (leader, root, mark)
}

#[test]
fn its_tree_and_nothing_of_the_login_around() {
    for marks in ALL {
        let (mut world, alice) = World::with_alice(marks);
        let editor = world.fork(alice.shell);
        let (leader, root, mark) = becomes_root(&mut world, alice.shell);
        let job = world.daemonize(alice.shell);
        let back = world.sudo(root, ALICE).1;
        let login = world.login(alice, ALICE);
        for spared in [vec![], vec![login]] {
            let members = world.of_session(&mark, &spared);
            assert!([leader, root, back].iter().all(|pid| members.contains(pid)), "{marks:?}");
            for pid in [alice.leader, alice.transport, alice.shell, editor, job, world.sshd] {
                assert!(!members.contains(&pid), "{marks:?} {pid}");
            }
        }
    }
}

#[test]
fn what_root_left_behind_in_the_login() {
    for marks in TELLING {
        let (mut world, alice) = World::with_alice(marks);
        let (leader, root, mark) = becomes_root(&mut world, alice.shell);
        let left = world.daemonize(root);
        let child = world.fork(left);
        let renamed = world.daemonize(root);
        world.at(renamed).name = "sshd".to_owned();
        let (su, shell) = world.sudo(root, BOB);
        let bobs = world.daemonize(shell);
        // One uid of four is enough.
        let half = world.daemonize(root);
        world.at(half).uids = Uids { saved: 0, ..uids(ALICE) };
        world.exit(root);
        world.exit(leader);
        let expected = set([left, child, renamed, su, shell, bobs, half]);
        assert_eq!(world.of_session(&mark, &[world.login(alice, ALICE)]), expected, "{marks:?}");
        assert_eq!(world.of_session(&mark, &[]), expected, "{marks:?}");
    }
}

#[test]
fn without_marks_only_the_tree() {
    let (mut world, alice) = World::with_alice(Marks::None);
    let (leader, root, mark) = becomes_root(&mut world, alice.shell);
    world.daemonize(root);
    let other = world.ssh(ALICE);
    let (_, other_root) = world.sudo(other.shell, 0);
    assert_eq!(world.of_session(&mark, &[]), set([leader, root]));
    // A terminal of its own, as sudo makes one: what loses its parents there is still in it.
    world.setsid(root);
    let middle = world.fork(root);
    let nohup = world.fork(middle);
    world.exit(middle);
    assert_eq!(world.of_session(&mark, &[]), set([leader, root, nohup]));
    world.exit(leader);
    assert!(world.of_session(&mark, &[]).is_empty(), "not {other_root}");
}

#[test]
fn the_trees_of_others_in_the_same_login_are_theirs() {
    for marks in ALL {
        let (mut world, alice) = World::with_alice(marks);
        let (one, one_root, first) = becomes_root(&mut world, alice.shell);
        let (two, two_root, second) = becomes_root(&mut world, alice.shell);
        let login = world.login(alice, ALICE);
        assert_eq!(world.of_session(&first, &[login.clone(), second.clone()]), set([one, one_root]));
        assert_eq!(world.of_session(&second, &[first.clone(), login.clone()]), set([two, two_root]));
        // A process that was there before cannot have come from it.
        world.exit(two);
        assert_eq!(
            world.of_session(&first, std::slice::from_ref(&login)).contains(&two_root),
            marks != Marks::None
        );
        let late = world.sudo(alice.shell, 0).0;
        let third = sudo(&world, late);
        assert!(!world.of_session(&third, &[login]).contains(&two_root), "{marks:?}");
    }
}

#[test]
fn one_within_another_ends_with_it_and_not_the_other_way_round() {
    for marks in ALL {
        let (mut world, alice) = World::with_alice(marks);
        let (su, again) = world.sudo(alice.shell, ALICE);
        let (leader, root) = world.sudo(again, 0);
        let left = world.daemonize(root);
        let (outer, inner) = (sudo(&world, su), sudo(&world, leader));
        let members = world.of_session(&outer, std::slice::from_ref(&inner));
        assert!([su, again, leader, root].iter().all(|pid| members.contains(pid)), "{marks:?}");
        let members = world.of_session(&inner, &[outer, world.login(alice, ALICE)]);
        assert!(members.contains(&leader) && members.contains(&root));
        assert_eq!(members.contains(&left), marks != Marks::None);
        assert!(members.is_disjoint(&set([su, again, alice.shell])), "{marks:?}");
    }
}

/// Bob's own grant to become root, from a login that is not his.
#[test]
fn in_anothers_login_only_the_tree_is_his() {
    for marks in ALL {
        let (mut world, alice) = World::with_alice(marks);
        let (su, bobs) = world.sudo(alice.shell, BOB);
        let (_, hers) = world.sudo(alice.shell, 0);
        let (leader, root) = world.sudo(bobs, 0);
        let job = world.daemonize(alice.shell);
        let mark = world.mark(leader, Kind::Become, BOB);
        let members = world.of_session(&mark, &[world.login(alice, ALICE), sudo(&world, su)]);
        assert_eq!(members, set([leader, root]), "{marks:?} {hers} {job}");
        let late = world.fork(root);
        assert!(world.takes(&Whose::Session(mark.clone()), &[], &members, late), "{marks:?}");
        let hers = world.fork(alice.shell);
        assert!(!world.takes(&Whose::Session(mark), &[], &members, hers));
    }
}

/// The tmux server has lost its parents: nothing above sudo leads to the login.
#[test]
fn from_tmux() {
    for marks in TELLING {
        let (mut world, alice) = World::with_alice(marks);
        let tmux = world.daemonize(alice.shell);
        let pane = world.fork(tmux);
        world.setsid(pane);
        let (leader, root, mark) = becomes_root(&mut world, pane);
        let left = world.daemonize(root);
        // One that nobody told of, in the tree of the login.
        let (su, other) = world.sudo(alice.shell, 0);
        for spared in [vec![], vec![world.login(alice, ALICE)]] {
            assert_eq!(world.of_session(&mark, &spared), set([leader, root, left, su, other]), "{marks:?}");
        }
        let known = [sudo(&world, su), world.login(alice, ALICE)];
        assert_eq!(world.of_session(&mark, &known), set([leader, root, left]), "{marks:?}");
    }
}

/// sudo that execs its command at once, from a shell that execs sudo at once.
#[test]
fn a_leader_that_is_the_command() {
    for marks in ALL {
        let (mut world, alice) = World::with_alice(marks);
        let mark = sudo(&world, alice.shell);
        world.becomes(alice.shell, 0);
        let child = world.fork(alice.shell);
        assert_eq!(world.of_session(&mark, &[world.login(alice, ALICE)]), set([alice.shell, child]));
    }
}

#[test]
fn who_is_above_is_never_its_own() {
    for marks in ALL {
        let (mut world, alice) = World::with_alice(marks);
        let (unknown, root) = world.sudo(alice.shell, 0);
        let (leader, bobs) = world.sudo(root, BOB);
        let mark = sudo(&world, leader);
        // All in the same tick of the clock.
        for process in world.processes.values_mut() {
            process.id.start = 5;
        }
        let mark = Mark { leader: world.id(leader), ..mark };
        let members = world.of_session(&mark, &[world.login(alice, ALICE)]);
        assert!(members.contains(&leader) && members.contains(&bobs));
        assert!(members.is_disjoint(&set([unknown, root, alice.leader, alice.transport])), "{marks:?}");
    }
}

#[test]
fn another_login_of_hers_is_not_around_it() {
    for marks in ALL {
        let mut world = World::new(marks);
        let (alice, second) = (world.ssh(ALICE), world.ssh(ALICE));
        let (_, root, mark) = becomes_root(&mut world, alice.shell);
        let (_, beside) = world.sudo(second.shell, 0);
        let left = world.daemonize(beside);
        let members = world.of_session(&mark, &[]);
        assert!(members.is_disjoint(&set([beside, left, second.leader, second.transport])), "{marks:?}");
        assert!(members.contains(&root));
    }
}

#[test]
fn what_is_just_appearing() {
    for marks in ALL {
        let (mut world, alice) = World::with_alice(marks);
        let (_, one_root, first) = becomes_root(&mut world, alice.shell);
        let (_, two_root, second) = becomes_root(&mut world, alice.shell);
        let login = world.login(alice, ALICE);
        let whose = Whose::Session(first.clone());
        let both = [login.clone(), second];
        let members = world.of_session(&first, &both);
        let child = world.fork(one_root);
        let far = world.daemonize(one_root);
        let theirs = world.fork(two_root);
        let hers = world.fork(alice.shell);
        let hers_far = world.daemonize(alice.shell);
        assert!(world.takes(&whose, &both, &members, child), "{marks:?}");
        for pid in [theirs, hers, hers_far, world.sshd, alice.leader] {
            assert!(!world.takes(&whose, &both, &members, pid), "{marks:?} {pid}");
        }
        // What has lost its parents may be the other one's: the next table tells.
        assert!(!world.takes(&whose, &both, &members, far));
        let marked = matches!(marks, Marks::Both | Marks::Audit);
        assert_eq!(world.takes(&whose, &[login], &members, far), marked, "{marks:?}");
    }
}
