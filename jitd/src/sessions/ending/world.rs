//! A likeness of a host for tests: processes that react to signals as real ones do, in a time that passes only when it is told to.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::super::process::{AuditMark, Process, ProcessId, Run, Table, Uids};
use super::super::signals::{Sent, Signal, Signals};
use super::hunt::Look;

/// How a process behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Ends when asked, by either signal.
    Obeys,
    /// Ends when hung up on, as an interactive shell.
    Hangup,
    /// Ends by SIGTERM only, as after nohup(1).
    Terminate,
    /// Ends by SIGKILL only.
    Ignores,
    /// Has a trap: leaves a child that ignores everything, once, and ends.
    Traps,
    /// A child at every moment, each of which does the same, as long as there are fewer than this in all.
    Multiplies(usize),
    /// Forks and exits, every so many moments; in no table.
    Chain(u32),
    /// Waits in the kernel: stops never, and ends by nothing.
    Undead,
    /// As Obeys, but does not stop: waits for a child of vfork, say.
    Unstoppable,
    /// The kernel lets nobody signal it.
    Refused,
    /// Ends of itself when all its children are gone, as sshd; also when asked.
    Carries,
    /// Stops itself once more when it is continued, as sudo when its terminal is another's.
    Sulks,
}

#[derive(Clone, Debug)]
struct Fake {
    process: Process,
    way: Way,
    /// Sent while it was stopped.
    waiting: Vec<Signal>,
    age: u32,
}

/// The host.
#[derive(Debug, Default)]
pub(super) struct World {
    processes: BTreeMap<i32, Fake>,
    newest: i32,
    ticks: u64,
    /// Everything that was sent, in order.
    pub(super) sent: Vec<(ProcessId, Signal)>,
    /// Above this the numbers begin again at 300.
    pub(super) limit: i32,
    /// These are left out of the table.
    pub(super) hidden: Vec<ProcessId>,
}

impl World {
    pub(super) fn new() -> World {
        World { newest: 999, limit: 32768, ..World::default() }
    }

    /// Numbers go on after this one.
    pub(super) fn number_after(&mut self, newest: i32) {
        self.newest = newest;
    }

    /// A new process, which is in its parent's setsid-session, runs as its parent, and has its parent's mark.
    pub(super) fn spawn(&mut self, parent: i32, name: &str, way: Way) -> ProcessId {
        let mut pid = self.newest;
        loop {
            pid = if pid + 1 >= self.limit { 300 } else { pid + 1 };
            if !self.processes.contains_key(&pid) {
                break;
            }
        }
        self.newest = pid;
        self.ticks += 1;
        let of = self.processes.get(&parent).map(|fake| &fake.process);
        let process = Process {
            id: ProcessId { pid, start: self.ticks },
            name: name.to_owned(),
            run: Run::Running,
            parent,
            group: of.map_or(pid, |of| of.group),
            session: of.map_or(pid, |of| of.session),
            terminal: 0,
            uids: of.map_or(Uids { real: 0, effective: 0, saved: 0, fs: 0 }, |of| of.uids),
            audit: of.and_then(|of| of.audit),
            cgroup: String::new(),
            kernel: false,
            nested: false,
        };
        let id = process.id;
        self.processes.insert(pid, Fake { process, way, waiting: Vec::new(), age: 0 });
        id
    }

    /// As pam_loginuid does, and setsid(2), and setuid(2).
    pub(super) fn log_in(&mut self, id: ProcessId, uid: u32, session: Option<u32>) {
        let fake = self.processes.get_mut(&id.pid).unwrap();
        fake.process.session = id.pid;
        fake.process.group = id.pid;
        fake.process.uids = Uids { real: uid, effective: uid, saved: uid, fs: uid };
        fake.process.audit = session.map(|session| AuditMark { login_uid: uid, session });
    }

    /// Its own setsid-session.
    pub(super) fn setsid(&mut self, id: ProcessId) {
        let fake = self.processes.get_mut(&id.pid).unwrap();
        fake.process.session = id.pid;
        fake.process.group = id.pid;
    }

    /// As Ctrl-Z does.
    pub(super) fn stop(&mut self, id: ProcessId) {
        self.processes.get_mut(&id.pid).unwrap().process.run = Run::Stopped;
    }

    /// It behaves otherwise from now on.
    pub(super) fn change(&mut self, id: ProcessId, way: Way) {
        self.processes.get_mut(&id.pid).unwrap().way = way;
    }

    pub(super) fn alive(&self, id: ProcessId) -> bool {
        self.processes.get(&id.pid).is_some_and(|fake| fake.process.id == id)
    }

    pub(super) fn run(&self, id: ProcessId) -> Option<Run> {
        self.processes.get(&id.pid).filter(|fake| fake.process.id == id).map(|fake| fake.process.run)
    }

    /// Everybody but these, and what each was sent.
    pub(super) fn others(&self, than: &[ProcessId]) -> Vec<String> {
        let others = self.processes.values().filter(|fake| !than.contains(&fake.process.id));
        others.map(|fake| format!("{fake:?} {:?}", self.sent(fake.process.id))).collect()
    }

    /// What it was sent.
    pub(super) fn sent(&self, id: ProcessId) -> Vec<Signal> {
        self.sent.iter().filter(|(to, _)| *to == id).map(|(_, signal)| *signal).collect()
    }

    /// All that a reader of /proc finds: not what has gone on before its files are read.
    pub(super) fn table(&self) -> Table {
        let lasting = |fake: &&Fake| {
            !self.hidden.contains(&fake.process.id)
                && (!matches!(fake.way, Way::Chain(_)) || fake.process.run == Run::Stopped)
        };
        Table::of(self.processes.values().filter(lasting).map(|fake| fake.process.clone()))
    }

    /// A moment passes.
    pub(super) fn pass(&mut self) {
        for pid in self.processes.keys().copied().collect::<Vec<_>>() {
            let crowd = self.processes.len();
            let carries = self.processes.get(&pid).is_some_and(|fake| fake.way == Way::Carries);
            let childless = carries && !self.processes.values().any(|fake| fake.process.parent == pid);
            let Some(fake) = self.processes.get_mut(&pid) else { continue };
            fake.age += 1;
            if fake.process.run == Run::Stopped {
                continue;
            }
            match fake.way {
                Way::Multiplies(most) if crowd < most => {
                    let (name, way) = (fake.process.name.clone(), fake.way);
                    self.spawn(pid, &name, way);
                }
                Way::Chain(every) if fake.age >= every => {
                    let (name, way) = (fake.process.name.clone(), fake.way);
                    self.spawn(pid, &name, way);
                    self.end(pid);
                }
                _ if childless => self.end(pid),
                _ => {}
            }
        }
    }

    pub(super) fn end(&mut self, pid: i32) {
        self.processes.remove(&pid);
        for fake in self.processes.values_mut().filter(|fake| fake.process.parent == pid) {
            fake.process.parent = 1;
        }
    }

    fn take(&mut self, pid: i32, signal: Signal) {
        let Some(fake) = self.processes.get_mut(&pid) else { return };
        match (fake.way, signal) {
            (Way::Undead, _) => {}
            (_, Signal::Kill) => self.end(pid),
            (Way::Unstoppable, Signal::Stop) => {}
            (_, Signal::Stop) => fake.process.run = Run::Stopped,
            (Way::Sulks, Signal::Continue) => {
                // Runs, and stops at once.
                fake.way = Way::Obeys;
            }
            (_, Signal::Continue) => {
                fake.process.run = Run::Running;
                for signal in std::mem::take(&mut fake.waiting) {
                    self.take(pid, signal);
                }
            }
            (_, signal) if fake.process.run == Run::Stopped => fake.waiting.push(signal),
            (Way::Hangup, Signal::Terminate) | (Way::Terminate, Signal::Hangup) => {}
            (Way::Ignores | Way::Multiplies(_) | Way::Refused, _) => {}
            (Way::Traps, _) => {
                self.spawn(pid, "trapped", Way::Ignores);
                self.end(pid);
            }
            _ => self.end(pid),
        }
    }
}

impl Signals for &RefCell<World> {
    fn send(&mut self, to: ProcessId, signal: Signal) -> Sent {
        let mut world = self.borrow_mut();
        world.pass();
        if !world.alive(to) {
            return Sent::Gone;
        }
        world.sent.push((to, signal));
        if world.processes.get(&to.pid).is_some_and(|fake| fake.way == Way::Refused) {
            return Sent::Refused;
        }
        world.take(to.pid, signal);
        Sent::Done
    }
}

impl Look for &RefCell<World> {
    fn newest(&mut self) -> Option<i32> {
        let mut world = self.borrow_mut();
        world.pass();
        Some(world.newest)
    }

    fn look(&mut self, pid: i32) -> Option<Process> {
        let mut world = self.borrow_mut();
        let seen = world.processes.get(&pid).map(|fake| fake.process.clone());
        world.pass();
        seen
    }

    fn limit(&mut self) -> i32 {
        self.borrow().limit
    }
}
