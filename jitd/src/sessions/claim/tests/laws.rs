//! What holds whatever happens on a host: random histories, in which it is written down of each process from which login it came.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::Index;

use super::super::{Kind, Mark, Whose};
use super::world::{ALICE, BOB, Marks, Ssh, World};
use crate::sessions::process::{Run, Table};

/// Something that happens.
#[derive(Clone, Debug)]
enum Event {
    /// Alice, Bob or root comes in.
    Ssh(u32),
    /// A job of one of them.
    Job(u32),
    /// A process forks.
    Fork(Index),
    /// The same, and the parent of the new one ends.
    Orphan(Index),
    /// A process forks, begins a session of its own, and forks again.
    Daemon(Index),
    /// A process ends, and one that has nothing to do with it gets its number.
    Exit(Index, bool),
    /// A process begins a session of setsid(2).
    Setsid(Index),
    /// A process calls itself something else.
    Rename(Index),
    /// A process is stopped, or dies and waits for its parent.
    Run(Index, bool),
    /// Somebody becomes another.
    Sudo(Index, u32),
    /// root starts sshd by hand, and somebody comes in.
    Listener(Index, u32),
    /// Somebody without a mark gives himself one.
    Mark(Index, u32),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let uid = prop_oneof![Just(ALICE), Just(BOB), Just(0)];
    let one = any::<Index>();
    proptest::collection::vec(
        prop_oneof![
            2 => uid.clone().prop_map(Event::Ssh),
            1 => uid.clone().prop_map(Event::Job),
            5 => one.clone().prop_map(Event::Fork),
            2 => one.clone().prop_map(Event::Orphan),
            3 => one.clone().prop_map(Event::Daemon),
            2 => (one.clone(), any::<bool>()).prop_map(|(index, reuse)| Event::Exit(index, reuse)),
            1 => one.clone().prop_map(Event::Setsid),
            1 => one.clone().prop_map(Event::Rename),
            1 => (one.clone(), any::<bool>()).prop_map(|(index, dead)| Event::Run(index, dead)),
            4 => (one.clone(), uid.clone()).prop_map(|(index, uid)| Event::Sudo(index, uid)),
            1 => (one.clone(), uid.clone()).prop_map(|(index, uid)| Event::Listener(index, uid)),
            1 => (one, uid).prop_map(|(index, uid)| Event::Mark(index, uid)),
        ],
        0..60,
    )
}

fn any_marks() -> impl Strategy<Value = Marks> {
    prop_oneof![Just(Marks::Both), Just(Marks::Audit), Just(Marks::Scope), Just(Marks::None)]
}

/// What happened, and what came of it.
struct Story {
    world: World,
    /// How it ended.
    table: Table,
    /// By which login each process of a login came: by the number of its leader and its start.
    login: BTreeMap<i32, usize>,
    logins: Vec<(Mark, u32)>,
    becomes: Vec<(Mark, usize)>,
    /// Whether somebody came in by a listener that was started by hand.
    by_hand: bool,
}

impl Story {
    fn told(marks: Marks, events: &[Event]) -> Story {
        let world = World::new(marks);
        let mut story = Story {
            world,
            table: Table::default(),
            login: BTreeMap::new(),
            logins: Vec::new(),
            becomes: Vec::new(),
            by_hand: false,
        };
        for event in events {
            story.happens(event);
        }
        story.table = story.world.table();
        story
    }

    /// One of the living processes that came from a login.
    fn any(&self, index: Index) -> Option<i32> {
        let alive = |pid: &&i32| self.world.get(**pid).run == Run::Running;
        let pids: Vec<i32> = self.login.keys().filter(alive).copied().collect();
        (!pids.is_empty()).then(|| *index.get(&pids))
    }

    fn born(&mut self, of: i32, pids: &[i32]) {
        let login = self.login.get(&of).copied();
        for pid in pids.iter().filter(|pid| self.world.processes.contains_key(pid)) {
            login.and_then(|login| self.login.insert(*pid, login));
        }
    }

    fn came(&mut self, ssh: Ssh, uid: u32) {
        let login = self.logins.len();
        self.logins.push((self.world.login(ssh, uid), uid));
        self.login.extend([ssh.leader, ssh.transport, ssh.shell].map(|pid| (pid, login)));
    }

    fn happens(&mut self, event: &Event) {
        match *event {
            Event::Ssh(uid) => {
                let ssh = self.world.ssh(uid);
                self.came(ssh, uid);
            }
            Event::Job(uid) => {
                let (leader, shell) = self.world.job(self.world.cron, uid);
                self.came(Ssh { leader, transport: shell, shell }, uid);
            }
            Event::Fork(index) => {
                let Some(of) = self.any(index) else { return };
                let child = self.world.fork(of);
                self.born(of, &[child]);
            }
            Event::Orphan(index) => {
                let Some(of) = self.any(index) else { return };
                let middle = self.world.fork(of);
                let child = self.world.fork(middle);
                self.world.exit(middle);
                self.born(of, &[child]);
            }
            Event::Daemon(index) => {
                let Some(of) = self.any(index) else { return };
                let daemon = self.world.daemonize(of);
                self.born(of, &[daemon]);
            }
            Event::Exit(index, reuse) => {
                let Some(of) = self.any(index) else { return };
                self.world.exit(of);
                self.login.remove(&of);
                // The number is free when nobody is in the session that it began.
                let free = self.world.processes.values().all(|process| process.session != of);
                if reuse && free {
                    self.world.fork_as(1, of);
                    self.world.setsid(of);
                    let uid = if of % 2 == 0 { 990 } else { 0 };
                    self.world.becomes(of, uid);
                    self.world.at(of).cgroup = "/system.slice/reused.service".to_owned();
                }
            }
            Event::Setsid(index) => {
                let Some(of) = self.any(index) else { return };
                self.world.setsid(of);
            }
            Event::Rename(index) => {
                let Some(of) = self.any(index) else { return };
                self.world.at(of).name = "sshd".to_owned();
            }
            Event::Run(index, dead) => {
                let Some(of) = self.any(index) else { return };
                self.world.at(of).run = if dead { Run::Dead } else { Run::Stopped };
                if dead {
                    for child in self.world.processes.values_mut().filter(|child| child.parent == of) {
                        child.parent = 1;
                    }
                }
            }
            Event::Sudo(index, target) => {
                let Some(of) = self.any(index) else { return };
                let uid = self.world.get(of).uids.real;
                let (sudo, shell) = self.world.sudo(of, target);
                self.born(of, &[sudo, shell]);
                if uid != 0 {
                    let mark = self.world.mark(sudo, Kind::Become, uid);
                    self.becomes.push((mark, self.login[&of]));
                }
            }
            Event::Listener(index, uid) => {
                let Some(of) = self.any(index) else { return };
                if self.world.get(of).uids.real != 0 {
                    return;
                }
                let listener = self.world.daemonize(of);
                self.born(of, &[listener]);
                let ssh = self.world.ssh_by(listener, uid);
                self.came(ssh, uid);
                self.by_hand = true;
            }
            Event::Mark(index, uid) => {
                let Some(of) = self.any(index) else { return };
                let process = self.world.get(of);
                if process.audit.is_none() && process.uids.effective != 0 {
                    self.world.marks_itself(of, uid);
                }
            }
        }
    }

    /// All claims, each with the sessions that go on beside it, and with its members.
    fn claims(&self, spare: &[bool]) -> Vec<(Whose, Vec<Mark>, BTreeSet<i32>)> {
        let sessions =
            || self.logins.iter().map(|(mark, _)| mark).chain(self.becomes.iter().map(|(mark, _)| mark));
        let others = |whose: &Whose| -> Vec<Mark> {
            let flags = spare.iter().copied().chain(std::iter::repeat(false));
            let spared = sessions().zip(flags).filter(|(_, spared)| *spared).map(|(mark, _)| mark.clone());
            spared.filter(|mark| *whose != Whose::Session(mark.clone())).collect()
        };
        let sessions = sessions().map(|mark| Whose::Session(mark.clone()));
        let persons = [ALICE, BOB]
            .into_iter()
            .flat_map(|uid| [true, false].map(|marked| Whose::Person { uid, marked }));
        let claim = |whose: Whose| {
            let spared = others(&whose);
            let members = self.world.members_in(&self.table, whose.clone(), &spared);
            (whose, spared, members)
        };
        sessions.chain(persons).map(claim).collect()
    }

    fn of_login(&self, login: usize) -> BTreeSet<i32> {
        let living = |pid: &i32| self.world.get(*pid).run != Run::Dead;
        self.login.iter().filter(|(_, of)| **of == login).map(|(pid, _)| *pid).filter(living).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens, whoever claims: not process 1, not the kernel's, no daemon, and nothing of what is spared.
    #[test]
    fn nobody_takes_what_is_nobodys_or_spared(
        marks in any_marks(), events in events(), spare in proptest::collection::vec(any::<bool>(), 0..20),
    ) {
        let story = Story::told(marks, &events);
        let world = &story.world;
        for (whose, spared, members) in story.claims(&spare) {
            for pid in &members {
                let process = world.get(*pid);
                prop_assert!(*pid > 1 && !process.kernel && process.run != Run::Dead);
                prop_assert!(![world.sshd, world.cron, world.jitd].contains(pid));
                prop_assert!(process.cgroup != "/system.slice/reused.service", "{whose:?} {process:?}");
                for other in spared.iter().filter(|other| other.kind == Kind::Login) {
                    let around = match &whose {
                        Whose::Session(mark) => {
                            // What its leader has inherited is no evidence for it, and none against it.
                            let inherited = story.table.alive(mark.leader).and_then(|leader| leader.audit);
                            mark.audit.or(inherited) == other.audit || mark.scope == other.scope
                        }
                        Whose::Person { .. } => false,
                    };
                    prop_assert!(process.id != other.leader, "{whose:?}");
                    prop_assert!(around || other.audit.is_none() || process.audit != other.audit, "{whose:?}");
                    let unmarked = process.audit.is_none() && other.scope.as_deref() == Some(&process.cgroup);
                    prop_assert!(around || !unmarked, "{whose:?} {process:?}");
                }
            }
        }
    }

    /// On a host that marks logins: everything that came from a login, and nothing else, whatever it did.
    #[test]
    fn a_marked_login_is_exactly_what_came_from_it(marks in prop_oneof![Just(Marks::Both), Just(Marks::Audit)], events in events()) {
        let story = Story::told(marks, &events);
        for (login, (mark, _)) in story.logins.iter().enumerate() {
            // Those that came in by a listener of hers have her mark if they are she.
            let alike = |(other, (of, _)): (usize, &(Mark, u32))| other != login && of.audit.is_none();
            if mark.audit.is_none() || story.logins.iter().enumerate().any(alike) {
                continue;
            }
            prop_assert_eq!(story.world.members_in(&story.table, Whose::Session(mark.clone()), &[]), story.of_login(login));
        }
    }

    /// Nobody's end touches what came from another's login, on any host where each came in by the host's own door.
    #[test]
    fn nobody_takes_from_another_login(
        marks in any_marks(), events in events(), spare in proptest::collection::vec(any::<bool>(), 0..20),
    ) {
        let story = Story::told(marks, &events);
        if story.by_hand {
            return Ok(());
        }
        for (whose, _, members) in story.claims(&spare) {
            let Whose::Session(mark) = &whose else { continue };
            let mut of: Vec<usize> =
                story.becomes.iter().filter(|(other, _)| other == mark).map(|(_, login)| *login).collect();
            of.extend(story.logins.iter().position(|(other, _)| other == mark));
            let own: BTreeSet<i32> = of.iter().flat_map(|login| story.of_login(*login)).collect();
            prop_assert!(members.is_subset(&own), "{:?} takes {:?}", whose, members.difference(&own));
        }
    }

    /// A child of a member is one, unless another login's mark or leader says otherwise.
    #[test]
    fn what_comes_from_a_member_is_one(
        marks in any_marks(), events in events(), spare in proptest::collection::vec(any::<bool>(), 0..20),
    ) {
        let story = Story::told(marks, &events);
        let world = &story.world;
        for (whose, spared, members) in story.claims(&spare) {
            let Whose::Session(mark) = &whose else { continue };
            for child in world.processes.values().filter(|child| members.contains(&child.parent)) {
                let unmarked = child.audit.is_none() || child.audit == mark.audit;
                let another = spared.iter().any(|other| other.leader == child.id)
                    || spared.iter().any(|other| other.kind == Kind::Login && other.scope.as_deref() == Some(&child.cgroup));
                if unmarked && !another && child.run != Run::Dead {
                    prop_assert!(members.contains(&child.id.pid), "{:?} without {:?}", whose, child);
                }
            }
        }
    }

    /// What appears is taken only if the next table shows it as a member.
    #[test]
    fn what_is_taken_is_a_member(
        marks in any_marks(), events in events(), spare in proptest::collection::vec(any::<bool>(), 0..20),
    ) {
        let story = Story::told(marks, &events);
        let world = &story.world;
        let told = matches!(marks, Marks::Both | Marks::Audit);
        for (whose, spared, members) in story.claims(&spare) {
            if matches!(whose, Whose::Person { marked, .. } if marked != told) {
                continue;
            }
            for process in world.processes.values().filter(|process| process.run != Run::Dead) {
                let pid = process.id.pid;
                prop_assert!(
                    members.contains(&pid) || !world.takes(&whose, &spared, &members, pid),
                    "{:?} {:?}", whose, process
                );
            }
        }
    }
}
