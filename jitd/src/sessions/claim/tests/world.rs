//! A host made by hand, on which processes fork, leave and log in as the kernel lets them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::sessions::claim::mark::Facts;
use crate::sessions::claim::{Claim, Kind, Mark, Whose};
use crate::sessions::logind;
use crate::sessions::process::{AuditMark, Process, ProcessId, Run, Table, Uids};
use crate::sessions::testing::process;

pub(super) const ALICE: u32 = 1000;
pub(super) const BOB: u32 = 1001;

/// What a host does for each who comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marks {
    /// pam_loginuid and pam_systemd.
    Both,
    /// pam_loginuid alone.
    Audit,
    /// pam_systemd alone.
    Scope,
    /// Neither.
    None,
}

/// Every host there is.
pub(super) const ALL: [Marks; 4] = [Marks::Both, Marks::Audit, Marks::Scope, Marks::None];
/// Those whose logins have an audit session.
pub(super) const MARKED: [Marks; 2] = [Marks::Both, Marks::Audit];
/// Those that know a login by something that it cannot shed.
pub(super) const TELLING: [Marks; 3] = [Marks::Both, Marks::Audit, Marks::Scope];

pub(super) struct World {
    pub(super) processes: BTreeMap<i32, Process>,
    pub(super) sshd: i32,
    pub(super) cron: i32,
    pub(super) jitd: i32,
    marks: Marks,
    logind: BTreeMap<String, logind::Login>,
    next: i32,
    tick: u64,
    login: u32,
}

/// Somebody who came in by ssh.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ssh {
    /// root's, which opened the session.
    pub(super) leader: i32,
    /// The person's own sshd.
    pub(super) transport: i32,
    pub(super) shell: i32,
}

impl Ssh {
    /// These three, and others.
    pub(super) fn with<const N: usize>(self, others: [i32; N]) -> BTreeSet<i32> {
        [self.leader, self.transport, self.shell].into_iter().chain(others).collect()
    }
}

impl World {
    /// A host on which alice has come in by ssh.
    pub(super) fn with_alice(marks: Marks) -> (World, Ssh) {
        let mut world = World::new(marks);
        let alice = world.ssh(ALICE);
        (world, alice)
    }

    pub(super) fn new(marks: Marks) -> World {
        let mut world = World {
            processes: BTreeMap::new(),
            sshd: 0,
            cron: 0,
            jitd: 0,
            marks,
            logind: BTreeMap::new(),
            next: 1,
            tick: 10,
            login: 0,
        };
        let (init, kthreadd) = (world.fork(0), world.fork(0));
        let worker = world.fork(kthreadd);
        for thread in [kthreadd, worker] {
            world.at(thread).kernel = true;
        }
        world.at(init).cgroup = "/init.scope".to_owned();
        world.next = 100;
        world.jitd = world.service("jitd", 990);
        world.sshd = world.service("ssh", 0);
        world.cron = world.service("cron", 0);
        world
    }

    /// A daemon of process 1's.
    pub(super) fn service(&mut self, name: &str, uid: u32) -> i32 {
        let pid = self.fork(1);
        self.setsid(pid);
        self.becomes(pid, uid);
        self.at(pid).cgroup = format!("/system.slice/{name}.service");
        pid
    }

    pub(super) fn at(&mut self, pid: i32) -> &mut Process {
        self.processes.get_mut(&pid).unwrap()
    }

    pub(super) fn get(&self, pid: i32) -> &Process {
        &self.processes[&pid]
    }

    pub(super) fn id(&self, pid: i32) -> ProcessId {
        self.processes[&pid].id
    }

    /// A child, like its parent in everything that is inherited.
    pub(super) fn fork(&mut self, parent: i32) -> i32 {
        while self.processes.contains_key(&self.next) {
            self.next += 1;
        }
        let pid = self.next;
        self.fork_as(parent, pid)
    }

    /// The same, with a number that was used before.
    pub(super) fn fork_as(&mut self, parent: i32, pid: i32) -> i32 {
        self.tick += 1;
        let id = ProcessId { pid, start: self.tick };
        let child = match self.processes.get(&parent) {
            Some(of) => Process { id, parent, run: Run::Running, ..of.clone() },
            None => process(id, parent),
        };
        assert!(self.processes.insert(pid, child).is_none());
        pid
    }

    /// Ends and is reaped; its children become process 1's.
    pub(super) fn exit(&mut self, pid: i32) {
        self.processes.remove(&pid).unwrap();
        for child in self.processes.values_mut().filter(|child| child.parent == pid) {
            child.parent = 1;
        }
    }

    pub(super) fn setsid(&mut self, pid: i32) {
        let process = self.at(pid);
        (process.session, process.group) = (pid, pid);
    }

    pub(super) fn becomes(&mut self, pid: i32, uid: u32) {
        self.at(pid).uids = uids(uid);
    }

    /// setsid and a double fork: what is left is nobody's child and in a session of its own.
    pub(super) fn daemonize(&mut self, parent: i32) -> i32 {
        let middle = self.fork(parent);
        self.setsid(middle);
        let left = self.fork(middle);
        self.exit(middle);
        self.setsid(left);
        left
    }

    /// What writing to /proc/self/loginuid does. Who is marked already needs to be root.
    pub(super) fn marks_itself(&mut self, pid: i32, login_uid: u32) -> AuditMark {
        assert!(self.get(pid).audit.is_none() || self.get(pid).uids.effective == 0);
        self.login += 1;
        let mark = AuditMark { login_uid, session: self.login };
        self.at(pid).audit = Some(mark);
        mark
    }

    /// What PAM does to the process that opens a login.
    fn opens(&mut self, leader: i32, uid: u32) {
        // pam_loginuid leaves a mark alone that is right already.
        let right = self.get(leader).audit.is_some_and(|audit| audit.login_uid == uid);
        if matches!(self.marks, Marks::Both | Marks::Audit) && !right {
            self.marks_itself(leader, uid);
        }
        // logind does not open a session within a session.
        let inside = self.get(leader).cgroup.contains(".scope");
        if matches!(self.marks, Marks::Both | Marks::Scope) && !inside {
            let unit = format!("session-{leader}.scope");
            let scope = format!("/user.slice/user-{uid}.slice/{unit}");
            self.logind.insert(scope.clone(), logind::Login { leader, scope: unit });
            self.at(leader).cgroup = scope;
        }
    }

    /// Somebody comes in through the sshd of process 1.
    pub(super) fn ssh(&mut self, uid: u32) -> Ssh {
        self.ssh_by(self.sshd, uid)
    }

    /// Somebody comes in through some sshd.
    pub(super) fn ssh_by(&mut self, sshd: i32, uid: u32) -> Ssh {
        let leader = self.fork(sshd);
        self.setsid(leader);
        self.opens(leader, uid);
        let transport = self.fork(leader);
        self.becomes(transport, uid);
        let shell = self.fork(transport);
        self.setsid(shell);
        Ssh { leader, transport, shell }
    }

    /// The three of them end; what they began goes on.
    pub(super) fn leaves(&mut self, ssh: Ssh) {
        for pid in [ssh.shell, ssh.transport, ssh.leader] {
            self.exit(pid);
        }
    }

    /// Somebody becomes root and starts a daemon by hand: root's shell, and the daemon.
    pub(super) fn by_hand(&mut self, ssh: Ssh) -> (i32, i32) {
        let (_, root) = self.sudo(ssh.shell, 0);
        let daemon = self.daemonize(root);
        (root, daemon)
    }

    /// A job of somebody's crontab: cron's child, and the job itself.
    pub(super) fn job(&mut self, cron: i32, uid: u32) -> (i32, i32) {
        let leader = self.fork(cron);
        self.opens(leader, uid);
        let job = self.fork(leader);
        self.setsid(job);
        self.becomes(job, uid);
        (leader, job)
    }

    /// sudo or su: the process that stays and waits, and the shell of whom it became.
    pub(super) fn sudo(&mut self, from: i32, target: u32) -> (i32, i32) {
        let sudo = self.fork(from);
        self.at(sudo).uids = Uids { real: self.get(from).uids.real, ..uids(0) };
        let shell = self.fork(sudo);
        self.becomes(shell, target);
        (sudo, shell)
    }

    pub(super) fn table(&self) -> Table {
        Table::of(self.processes.values().cloned())
    }

    fn facts(&self, leader: i32) -> Facts {
        let nowhere = Path::new("/nonexistent");
        let mut facts = Facts::of(self.id(leader), &self.table(), self.jitd, nowhere);
        facts.logind = facts.scope.as_ref().and_then(|scope| self.logind.get(scope)).cloned();
        facts
    }

    pub(super) fn mark(&self, leader: i32, kind: Kind, uid: u32) -> Mark {
        Mark::seen(self.id(leader), kind, uid, &self.facts(leader))
    }

    pub(super) fn login(&self, ssh: Ssh, uid: u32) -> Mark {
        self.mark(ssh.leader, Kind::Login, uid)
    }

    pub(super) fn members(&self, whose: Whose, spared: &[Mark]) -> BTreeSet<i32> {
        self.members_in(&self.table(), whose, spared)
    }

    /// The same, in a table of it that was made before.
    pub(super) fn members_in(&self, table: &Table, whose: Whose, spared: &[Mark]) -> BTreeSet<i32> {
        let members = Claim { whose, spared: spared.to_vec() }.members(table);
        let pids: BTreeSet<i32> = members.iter().map(|id| id.pid).collect();
        assert_eq!(pids.len(), members.len(), "none twice");
        for id in members {
            assert_eq!(self.id(id.pid), id);
        }
        pids
    }

    pub(super) fn of_session(&self, mark: &Mark, spared: &[Mark]) -> BTreeSet<i32> {
        self.members(Whose::Session(mark.clone()), spared)
    }

    /// Of a person on a host that marks logins, or not.
    pub(super) fn of_person(&self, uid: u32, spared: &[Mark]) -> BTreeSet<i32> {
        let marked = matches!(self.marks, Marks::Both | Marks::Audit);
        self.members(Whose::Person { uid, marked }, spared)
    }

    /// Whether a process that has just appeared belongs, by the members there were.
    pub(super) fn takes(&self, whose: &Whose, spared: &[Mark], members: &BTreeSet<i32>, pid: i32) -> bool {
        let claim = Claim { whose: whose.clone(), spared: spared.to_vec() };
        claim.takes(self.get(pid), members)
    }
}

pub(super) fn uids(uid: u32) -> Uids {
    Uids { real: uid, effective: uid, saved: uid, fs: uid }
}

pub(super) fn set<const N: usize>(pids: [i32; N]) -> BTreeSet<i32> {
    pids.into()
}
