//! Who belongs to somebody who came in.

use nix::unistd::getpid;

use super::super::{Kind, Mark, Whose};
use super::world::{ALICE, ALL, BOB, MARKED, Marks, TELLING, World, set};
use crate::sessions::process::{ProcessId, Run, Uids, identify};

#[test]
fn its_tree_is_its_own_with_any_marks() {
    for marks in ALL {
        let (mut world, alice) = World::with_alice(marks);
        let bob = world.ssh(BOB);
        let (sudo, root) = world.sudo(alice.shell, 0);
        let second = world.fork(alice.leader);
        let mark = world.login(alice, ALICE);
        assert_eq!(mark.audit.is_some(), MARKED.contains(&marks));
        assert_eq!(mark.scope.is_some(), matches!(marks, Marks::Both | Marks::Scope));
        let expected = alice.with([sudo, root, second]);
        assert_eq!(world.of_session(&mark, &[]), expected, "{marks:?}");
        assert_eq!(world.of_session(&mark, &[world.login(bob, BOB)]), expected, "{marks:?}");
    }
}

/// setsid, double fork, nohup, tmux, closed descriptors, another name, orphans: nothing of this changes the mark.
#[test]
fn no_trick_sheds_a_mark() {
    for marks in MARKED {
        let (mut world, alice) = World::with_alice(marks);
        let mark = world.login(alice, ALICE);
        let daemon = world.daemonize(alice.shell);
        let orphan = world.daemonize(daemon);
        let renamed = world.daemonize(alice.shell);
        world.at(renamed).name = "sshd".to_owned();
        let root = world.sudo(alice.shell, 0).1;
        let roots = world.daemonize(root);
        let bobs = world.sudo(alice.shell, BOB).1;
        let bobs = world.daemonize(bobs);
        let stopped = world.daemonize(alice.shell);
        world.at(stopped).run = Run::Stopped;
        let moved = world.daemonize(alice.shell);
        world.at(moved).cgroup =
            "/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope".to_owned();
        let contained = world.daemonize(alice.shell);
        world.at(contained).nested = true;
        // A subreaper takes the place of process 1 for its own.
        let reaped = world.daemonize(alice.shell);
        world.at(reaped).parent = daemon;
        let all = [daemon, orphan, renamed, roots, bobs, stopped, moved, contained, reaped];
        let members = world.of_session(&mark, &[]);
        assert!(all.iter().all(|pid| members.contains(pid)), "{members:?}");
        // The same when everything else that was there is gone.
        world.leaves(alice);
        let members = world.of_session(&mark, &[]);
        assert!(all.iter().all(|pid| members.contains(pid)), "{members:?}");
    }
}

#[test]
fn the_scope_keeps_what_lost_its_parents() {
    let (mut world, alice) = World::with_alice(Marks::Scope);
    let mark = world.login(alice, ALICE);
    assert_eq!((mark.audit, mark.scope.is_some()), (None, true));
    let daemon = world.daemonize(alice.shell);
    let below = world.daemonize(alice.shell);
    world.at(below).cgroup.push_str("/below");
    let other = world.ssh(ALICE);
    let beside = world.daemonize(other.shell);
    let expected = alice.with([daemon, below]);
    assert_eq!(world.of_session(&mark, &[world.login(other, ALICE)]), expected);
    assert_eq!(world.of_session(&mark, &[]), expected);
    world.leaves(alice);
    assert_eq!(world.of_session(&mark, &[]), set([daemon, below]));
    assert!(!world.of_session(&mark, &[]).contains(&beside));
}

#[test]
fn a_scope_is_its_own_only_if_logind_says_so() {
    let (mut world, alice) = World::with_alice(Marks::Scope);
    // A second PAM login within the scope of the first, as sshd started by hand makes it.
    let inner = world.fork(alice.shell);
    assert!(world.login(alice, ALICE).scope.is_some());
    assert_eq!(world.mark(inner, Kind::Login, ALICE).scope, None);
    assert_eq!(world.mark(inner, Kind::Become, ALICE).scope, world.login(alice, ALICE).scope);
    // Without pam_systemd everybody is in the service's cgroup.
    let (world, alice) = World::with_alice(Marks::Audit);
    assert_eq!(world.login(alice, ALICE).scope, None);
}

#[test]
fn without_marks_the_tree_and_its_terminals_remain() {
    let (mut world, alice) = World::with_alice(Marks::None);
    let mark = world.login(alice, ALICE);
    let middle = world.fork(alice.shell);
    let nohup = world.fork(middle);
    world.exit(middle);
    let lost = world.daemonize(alice.shell);
    let expected = alice.with([nohup]);
    assert_eq!(world.of_session(&mark, &[]), expected, "nothing says whose {lost} is");
    // A number that was used again begins no session of ours.
    let foreign = world.fork(1);
    world.at(foreign).session = world.get(alice.shell).session;
    world.at(foreign).id.start = world.get(alice.transport).id.start;
    assert_eq!(world.of_session(&mark, &[]), expected);
}

#[test]
fn without_marks_the_session_that_a_dead_leader_began_remains() {
    let mut world = World::new(Marks::None);
    let login = world.service("login", 0);
    let shell = world.fork(login);
    world.becomes(shell, ALICE);
    let mark = world.mark(login, Kind::Login, ALICE);
    let (_, root) = world.sudo(shell, 0);
    world.exit(login);
    assert_eq!(world.of_session(&mark, &[]), world.of_session(&mark, &[]));
    assert!(world.of_session(&mark, &[]).contains(&shell));
    assert!(world.of_session(&mark, &[]).contains(&root), "from the shell");
    // Somebody else's, who has the number now.
    world.fork_as(1, login);
    world.setsid(login);
    assert_eq!(world.of_session(&mark, &[]), set([]));
    let child = world.fork(login);
    world.exit(login);
    assert!(!world.of_session(&mark, &[]).contains(&child), "a daemon's is not his");
}

#[test]
fn a_leader_whose_number_was_used_again_has_no_tree() {
    for marks in ALL {
        let (mut world, alice) = World::with_alice(marks);
        let mark = world.login(alice, ALICE);
        world.leaves(alice);
        let nginx = world.fork_as(1, alice.leader);
        let worker = world.fork(nginx);
        assert_eq!(world.of_session(&mark, &[]), set([]), "{nginx} {worker}");
    }
}

/// The table is read while processes come and go: a child may be read before its parent's number is used again.
#[test]
fn a_parent_that_is_younger_than_its_child_is_none() {
    for marks in ALL {
        let mut world = World::new(marks);
        let nginx = world.service("nginx", 0);
        let worker = world.fork(nginx);
        let alice = world.ssh(ALICE);
        let mark = world.login(alice, ALICE);
        world.processes.remove(&nginx);
        let reused = world.fork_as(alice.shell, nginx);
        assert_eq!(world.get(worker).parent, reused);
        let members = world.of_session(&mark, &[]);
        assert!(members.contains(&reused) && !members.contains(&worker), "{marks:?}");
        // One that began after her, too.
        let cups = world.service("cups", 0);
        let worker = world.fork(cups);
        world.processes.remove(&cups);
        let reused = world.fork_as(alice.shell, cups);
        let members = world.of_session(&mark, &[]);
        assert!(members.contains(&reused) && !members.contains(&worker), "{marks:?}");
        // And the leader's own: what seems to be above it is not.
        world.processes.remove(&world.sshd);
        let reused = world.fork_as(alice.shell, world.sshd);
        assert_eq!(world.get(alice.leader).parent, reused);
        assert!(world.of_session(&mark, &[]).contains(&reused), "{marks:?}");
    }
}

#[test]
fn who_is_nobodys_is_never_ours() {
    for marks in ALL {
        let (mut world, alice) = World::with_alice(marks);
        let mark = world.login(alice, ALICE);
        let like = world.get(alice.shell).clone();
        // The kernel's helper, this daemon, a thread of the kernel's: made to look like hers in everything.
        let us = identify(getpid().as_raw()).unwrap();
        let helper = world.fork(2);
        for (pid, parent) in [(1, 0), (2, alice.shell), (helper, 2), (us.pid, alice.shell)] {
            let (start, kernel) =
                (world.processes.get(&pid).map_or(us.start, |p| p.id.start + 1000), pid == 2);
            let id = ProcessId { pid, start };
            let made = crate::sessions::process::Process { id, parent, kernel, ..like.clone() };
            world.processes.insert(pid, made);
        }
        let members = world.of_session(&mark, &[]);
        assert_eq!(members, alice.with([]));
        let person = world.of_person(ALICE, &[]);
        for pid in [1, 2, helper, us.pid] {
            assert!(!person.contains(&pid));
            let whose = Whose::Session(mark.clone());
            assert!(pid == helper || !world.takes(&whose, &[], &members, pid), "{pid}");
        }
    }
}

#[test]
fn the_dead_are_not_members() {
    let (mut world, alice) = World::with_alice(Marks::Both);
    let mark = world.login(alice, ALICE);
    world.at(alice.shell).run = Run::Dead;
    assert_eq!(world.of_session(&mark, &[]), set([alice.leader, alice.transport]));
    world.at(alice.leader).run = Run::Dead;
    assert_eq!(world.of_session(&mark, &[]), set([alice.transport]));
}

#[test]
fn whom_she_became_ends_with_her_login() {
    for marks in ALL {
        let (mut world, alice) = World::with_alice(marks);
        let (su, bobs) = world.sudo(alice.shell, BOB);
        let (sudo, root) = world.sudo(bobs, 0);
        let inner = [world.mark(su, Kind::Become, ALICE), world.mark(sudo, Kind::Become, BOB)];
        let members = world.of_session(&world.login(alice, ALICE), &inner);
        assert!([su, bobs, sudo, root].iter().all(|pid| members.contains(pid)), "{marks:?}");
    }
}

/// On a host that marks nobody, anybody may mark himself, and as whom he likes.
#[test]
fn who_gives_himself_anothers_mark_stays_who_he_is() {
    for marks in [Marks::Scope, Marks::None] {
        for name in [BOB, 0, ALICE] {
            let (mut world, alice) = World::with_alice(marks);
            let mark = world.login(alice, ALICE);
            let marked = world.fork(alice.shell);
            let made = world.marks_itself(marked, name);
            let child = world.fork(marked);
            // A program that runs as root for her, with her own real uid, bears it too.
            let (su, _) = world.sudo(child, 0);
            let members = world.of_session(&mark, &[]);
            assert!([marked, child, su].iter().all(|pid| members.contains(pid)), "{marks:?} {made:?}");
            assert!(world.takes(&Whose::Session(mark), &[], &members, child));
            let left = world.daemonize(child);
            assert!(
                world.of_person(ALICE, &[]).contains(&left) && world.of_person(ALICE, &[]).contains(&child)
            );
        }
    }
}

#[test]
fn a_login_of_another_within_an_unmarked_one_is_not_taken_for_self_made() {
    let (mut world, alice) = World::with_alice(Marks::None);
    let mark = world.login(alice, ALICE);
    let (_, root) = world.sudo(alice.shell, 0);
    // login(1), by root: the only service with pam_loginuid on this host.
    let login = world.fork(root);
    world.marks_itself(login, BOB);
    let shell = world.fork(login);
    world.becomes(shell, BOB);
    let as_alice = world.sudo(shell, ALICE);
    let members = world.of_session(&mark, &[]);
    assert!(members.is_disjoint(&set([login, shell, as_alice.0, as_alice.1])), "{members:?}");
}

/// Who opens a login for another is root, too.
#[test]
fn a_mark_of_anothers_is_never_roots_own() {
    for marks in [Marks::Scope, Marks::None] {
        let mut world = World::new(marks);
        let root = world.ssh(0);
        let mark = world.login(root, 0);
        let members = world.of_session(&mark, &[]);
        let login = world.fork(root.shell);
        world.marks_itself(login, BOB);
        assert!(!world.of_session(&mark, &[]).contains(&login));
        assert!(!world.takes(&Whose::Session(mark), &[], &members, login));
    }
}

/// A sudo whose stack has pam_loginuid marks its shell as root's.
#[test]
fn a_sudo_that_marks_again_is_still_in_the_tree() {
    for marks in MARKED {
        let (mut world, alice) = World::with_alice(marks);
        let mark = world.login(alice, ALICE);
        let (sudo, _) = world.sudo(alice.shell, 0);
        world.becomes(sudo, 0);
        world.marks_itself(sudo, 0);
        let root = world.fork(sudo);
        // login(1), which root calls.
        let login = world.fork(root);
        world.marks_itself(login, ALICE);
        let inner = world.fork(login);
        let members = world.of_session(&mark, &[]);
        assert!([sudo, root, login, inner].iter().all(|pid| members.contains(pid)), "{members:?}");
    }
}

#[test]
fn what_is_just_appearing() {
    for marks in ALL {
        let mut world = World::new(marks);
        let (alice, bob) = (world.ssh(ALICE), world.ssh(BOB));
        let mark = world.login(alice, ALICE);
        let whose = Whose::Session(mark.clone());
        let spared = [world.login(bob, BOB)];
        let members = world.of_session(&mark, &spared);
        let child = world.fork(alice.shell);
        let middle = world.fork(alice.shell);
        let orphan = world.fork(middle);
        world.exit(middle);
        let far = world.daemonize(alice.shell);
        let bobs = world.fork(bob.shell);
        let bobs_far = world.daemonize(bob.shell);
        let third = world.ssh(BOB);
        let service = world.service("nginx", ALICE);
        let took = |pid| world.takes(&whose, &spared, &members, pid);
        assert!(took(child) && took(orphan), "{marks:?}");
        assert_eq!(took(far), marks != Marks::None, "{marks:?}");
        for pid in [bobs, bobs_far, third.leader, third.shell, service, world.sshd] {
            assert!(!took(pid), "{marks:?} {pid}");
        }
    }
}

#[test]
fn uids_are_no_evidence_for_a_login() {
    for marks in ALL {
        let (mut world, alice) = World::with_alice(marks);
        let service = world.service("hers", ALICE);
        let bob = world.ssh(BOB);
        let (su, as_alice) = world.sudo(bob.shell, ALICE);
        world.at(su).uids = Uids { real: ALICE, effective: 0, saved: 0, fs: 0 };
        let members = world.of_session(&world.login(alice, ALICE), &[]);
        assert_eq!(members, alice.with([]), "{service} {as_alice}");
    }
}

/// Two sessions that are known may have had the same number for their leaders, the one a long time ago.
#[test]
fn a_leader_of_the_past_hides_nobody() {
    for marks in ALL {
        let mut world = World::new(marks);
        let (alice, bob) = (world.ssh(ALICE), world.ssh(BOB));
        let (_, root) = world.sudo(alice.shell, 0);
        let listener = world.fork(root);
        let inner = world.ssh_by(listener, BOB);
        let mark = world.login(alice, ALICE);
        let known = world.login(inner, BOB);
        let past = |pid| ProcessId { pid, start: 2 };
        for spared in [
            [known.clone(), Mark { leader: past(inner.leader), ..world.login(bob, BOB) }],
            [Mark { leader: past(inner.leader), ..world.login(bob, BOB) }, known],
        ] {
            assert!(!world.of_session(&mark, &spared).contains(&inner.shell), "{marks:?}");
        }
        // Nor does the number of the login around keep one from being found that has it now.
        let (sudo, root) = world.sudo(alice.shell, 0);
        let become_root = world.mark(sudo, Kind::Become, ALICE);
        let around = Mark { leader: past(root), ..mark };
        assert!(world.of_session(&become_root, &[around]).contains(&root), "{marks:?}");
    }
}

/// Evidence that cannot be had by accident, in a place where it should not be: root moved it, or a leader is gone.
#[test]
fn what_bears_the_evidence_of_one_that_is_spared_is_spared() {
    for marks in TELLING {
        let mut world = World::new(marks);
        let (alice, second) = (world.ssh(ALICE), world.ssh(ALICE));
        let (mark, other) = (world.login(alice, ALICE), world.login(second, ALICE));
        let child = world.fork(alice.shell);
        let (audit, cgroup) = (world.get(second.shell).audit, world.get(second.shell).cgroup.clone());
        world.at(child).audit = audit;
        world.at(child).cgroup = cgroup;
        assert!(!world.of_session(&mark, &[other]).contains(&child), "{marks:?}");
    }
}

/// Two sessions of which one bears the other's mark, whichever was first.
#[test]
fn a_mark_that_one_that_is_spared_bears_is_no_evidence() {
    let mut world = World::new(Marks::Audit);
    let (alice, second) = (world.ssh(ALICE), world.ssh(ALICE));
    let mark = world.login(alice, ALICE);
    let other = Mark { audit: mark.audit, ..world.login(second, ALICE) };
    let lost = world.daemonize(alice.shell);
    let tree = alice.with([]);
    assert_eq!(world.of_session(&mark, &[other]), tree, "{lost} may be either's");
}
