//! Who belongs to somebody who has no business here any more.

use super::super::{Kind, Whose};
use super::world::{ALICE, ALL, BOB, MARKED, Marks, World, set};

/// `systemd --user`, as process 1 starts it for her, and one of its services.
fn manager(world: &mut World, marked: bool) -> (i32, i32) {
    let manager = world.fork(1);
    if marked {
        world.marks_itself(manager, ALICE);
    }
    world.becomes(manager, ALICE);
    world.at(manager).cgroup = "/user.slice/user-1000.slice/user@1000.service/init.scope".to_owned();
    let service = world.fork(manager);
    world.setsid(service);
    world.at(service).cgroup =
        "/user.slice/user-1000.slice/user@1000.service/app.slice/run-u1.service".to_owned();
    (manager, service)
}

#[test]
fn everything_that_came_from_his_logins() {
    for marks in MARKED {
        let mut world = World::new(marks);
        let (first, second, bob) = (world.ssh(ALICE), world.ssh(ALICE), world.ssh(BOB));
        let (sudo, root) = world.sudo(first.shell, 0);
        let left = world.daemonize(root);
        let (cron, job) = world.job(world.cron, ALICE);
        let (_, bobs_job) = world.job(world.cron, BOB);
        let (_, roots_job) = world.job(world.cron, 0);
        let (user, service) = manager(&mut world, true);
        // What others do as him is theirs.
        let as_alice = world.sudo(bob.shell, ALICE).1;
        let app = world.service("app", ALICE);
        let expected = first.with([
            second.leader,
            second.transport,
            second.shell,
            sudo,
            root,
            left,
            cron,
            job,
            user,
            service,
        ]);
        assert_eq!(world.of_person(ALICE, &[]), expected, "{bobs_job} {roots_job} {as_alice} {app}");
    }
}

#[test]
fn what_lingers_in_his_slice() {
    for marks in ALL {
        let mut world = World::new(marks);
        let (user, service) = manager(&mut world, false);
        let root = world.fork(user);
        world.becomes(root, 0);
        // Names that only begin alike, and the same name within a container.
        for cgroup in [
            "/user.slice/user-1000.slicer",
            "/user.slice/user-10000.slice/session-1.scope",
            "/machine.slice/web.service/payload/user.slice/user-1000.slice/session-4.scope",
            "/system.slice/user.slice/user-1000.slice",
        ] {
            let other = world.service("other", BOB);
            world.at(other).cgroup = cgroup.to_owned();
        }
        assert_eq!(world.of_person(ALICE, &[]), set([user, service, root]), "{marks:?}");
        // Within a container that shares the cgroup namespace everything is a level deeper.
        for process in world.processes.values_mut() {
            process.cgroup.insert_str(0, "/deeper");
        }
        assert_eq!(world.of_person(ALICE, &[]), set([user, service, root]), "{marks:?}");
    }
}

#[test]
fn without_marks_what_runs_as_him() {
    for marks in [Marks::Scope, Marks::None] {
        let mut world = World::new(marks);
        let (alice, bob) = (world.ssh(ALICE), world.ssh(BOB));
        let far = world.daemonize(alice.shell);
        let (su, bobs) = world.sudo(alice.shell, BOB);
        let app = world.service("app", ALICE);
        let members = world.of_person(ALICE, &[]);
        assert!([alice.transport, alice.shell, far, su, app].iter().all(|pid| members.contains(pid)));
        assert!(members.is_disjoint(&bob.with([world.sshd, world.jitd])));
        // In his slice everything is, whoever it runs as.
        assert_eq!(members.contains(&bobs), marks == Marks::Scope);
        // What another became him for, in a session that is known, is that one's.
        let (sudo, as_alice) = world.sudo(bob.shell, ALICE);
        let spared = [world.mark(sudo, Kind::Become, BOB)];
        assert!(world.of_person(ALICE, &[]).contains(&as_alice));
        assert!(!world.of_person(ALICE, &spared).contains(&as_alice));
        let (su, again) = world.sudo(alice.shell, ALICE);
        let spared = [world.mark(su, Kind::Become, ALICE)];
        assert!(world.of_person(ALICE, &spared).contains(&again));
        // A login of another's is marked by root, and what comes from it is his.
        let login = world.service("login", 0);
        world.marks_itself(login, BOB);
        let (_, as_alice) = world.sudo(login, ALICE);
        assert!(!world.of_person(ALICE, &[]).contains(&as_alice), "{marks:?}");
    }
}

/// A container of the host's may have a person of the same uid: without a user namespace its marks look like his.
#[test]
fn people_in_a_container_of_the_hosts_are_others() {
    for marks in ALL {
        let mut world = World::new(marks);
        let nspawn = world.service("systemd-nspawn@web", 0);
        let init = world.fork(nspawn);
        world.at(init).nested = true;
        let sshd = world.fork(init);
        let inner = world.ssh_by(sshd, ALICE);
        let left = world.daemonize(inner.shell);
        world.at(left).parent = init;
        for pid in [inner.leader, inner.transport, inner.shell, left] {
            world.at(pid).cgroup =
                "/machine.slice/web.service/payload/user.slice/user-1000.slice/session-4.scope".to_owned();
        }
        // And one whose first process has the uid.
        let shim = world.service("containerd", 0);
        let app = world.fork(shim);
        world.becomes(app, ALICE);
        world.at(app).nested = true;
        let worker = world.fork(app);
        assert!(world.of_person(ALICE, &[]).is_empty(), "{marks:?} {worker}");
        for pid in [left, inner.shell, worker, app] {
            let whose = Whose::Person { uid: ALICE, marked: MARKED.contains(&marks) };
            assert!(!world.takes(&whose, &[], &set([]), pid));
        }
    }
}

#[test]
fn a_container_of_his_own_hides_nobody() {
    for marks in ALL {
        let (mut world, alice) = World::with_alice(marks);
        let unshare = world.daemonize(alice.shell);
        let init = world.fork(unshare);
        world.at(init).nested = true;
        let inner = world.fork(init);
        let members = world.of_person(ALICE, &[]);
        assert!(members.contains(&init) && members.contains(&inner), "{marks:?}");
        world.exit(unshare);
        let members = world.of_person(ALICE, &[]);
        assert!(members.contains(&init) && members.contains(&inner), "{marks:?}");
    }
}

#[test]
fn others_of_the_same_uid_are_spared() {
    for marks in ALL {
        let mut world = World::new(marks);
        let (one, two) = (world.ssh(ALICE), world.ssh(ALICE));
        let (_, root) = world.sudo(two.shell, 0);
        let members = world.of_person(ALICE, &[world.login(two, ALICE)]);
        assert!(members.contains(&one.shell));
        assert!(members.is_disjoint(&two.with([root])), "{marks:?}");
    }
}

#[test]
fn who_bears_his_mark_by_his_listener_alone_is_spared_if_he_is_known() {
    let (mut world, alice) = World::with_alice(Marks::Audit);
    let (_, listener) = world.by_hand(alice);
    // A service without pam_loginuid.
    let leader = world.fork(listener);
    let shell = world.fork(leader);
    world.becomes(shell, BOB);
    let bob = world.mark(leader, Kind::Login, BOB);
    assert_eq!(bob.audit, None);
    assert!(world.of_person(ALICE, std::slice::from_ref(&bob)).is_disjoint(&set([leader, shell])));
    assert_eq!(world.of_session(&bob, &[world.login(alice, ALICE)]), set([leader, shell]));
    assert!(world.of_session(&world.login(alice, ALICE), &[bob]).is_disjoint(&set([leader, shell])));
}

#[test]
fn what_he_became_for_in_his_own_login_ends_with_him() {
    for marks in MARKED {
        let (mut world, alice) = World::with_alice(marks);
        let (su, bobs) = world.sudo(alice.shell, BOB);
        let (sudo, root) = world.sudo(bobs, 0);
        let spared = [world.mark(su, Kind::Become, ALICE), world.mark(sudo, Kind::Become, BOB)];
        let members = world.of_person(ALICE, &spared);
        assert!([su, bobs, sudo, root].iter().all(|pid| members.contains(pid)), "{marks:?}");
        assert!(world.of_person(BOB, &[]).is_empty(), "they bear her mark");
    }
}

#[test]
fn root_is_nobody() {
    for marks in ALL {
        let mut world = World::new(marks);
        world.ssh(0);
        assert!(world.of_person(0, &[]).is_empty());
        let whose = Whose::Person { uid: 0, marked: false };
        assert!(!world.takes(&whose, &[], &set([world.sshd]), world.cron));
    }
}

#[test]
fn what_is_just_appearing() {
    for marks in ALL {
        let mut world = World::new(marks);
        let (alice, bob) = (world.ssh(ALICE), world.ssh(BOB));
        let marked = MARKED.contains(&marks);
        let whose = Whose::Person { uid: ALICE, marked };
        let members = world.of_person(ALICE, &[]);
        let (child, far) = (world.fork(alice.shell), world.daemonize(alice.shell));
        let (bobs, app) = (world.fork(bob.shell), world.service("app", ALICE));
        assert!(world.takes(&whose, &[], &members, child) && world.takes(&whose, &[], &members, far));
        assert!(!world.takes(&whose, &[], &members, bobs));
        assert_eq!(world.takes(&whose, &[], &members, app), !marked);
        assert!(!world.takes(&whose, &[], &members, world.sshd));
    }
}

/// On a host that marks the logins of some services, by one that it does not mark: the mark is hers to choose, and her slice is not.
#[test]
fn a_mark_of_her_own_making_is_no_way_out_of_her_slice() {
    for name in [ALICE, BOB, 0, 4711] {
        let mut world = World::new(Marks::Scope);
        let (alice, bob) = (world.ssh(ALICE), world.ssh(BOB));
        let left = world.daemonize(alice.shell);
        world.becomes(left, ALICE);
        world.marks_itself(left, name);
        // What is not hers in there keeps its mark.
        let job = world.daemonize(alice.shell);
        world.marks_itself(job, BOB);
        world.becomes(job, 0);
        let login = world.login(alice, ALICE);
        for marked in [true, false] {
            let members = world.members(Whose::Person { uid: ALICE, marked }, &[]);
            assert!(members.contains(&left), "{name} {marked}");
            assert!(members.is_disjoint(&set([bob.leader, bob.shell, job])), "{name} {marked}");
        }
        let members = world.of_session(&login, &[world.login(bob, BOB)]);
        assert!(members.contains(&left) && !members.contains(&job), "{name}");
        world.leaves(alice);
        assert!(world.of_session(&login, &[]).contains(&left), "{name}: its parents are gone");
    }
}
