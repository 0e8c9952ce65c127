//! Processes as /proc shows them to everybody: who came from whom, who runs as whom, and the marks that cannot be shed. Reads only.
//! A process that vanishes while it is read is left out; when the daemon itself cannot read (no descriptor left), that is an
//! error and never an empty table, for a table without a process says that the process is gone.

mod parse;
mod proc;

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

pub(super) use self::proc::Proc;

/// One process and no other: a number is used again, the time of its start is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcessId {
    /// Its number.
    pub pid: i32,
    /// When it started, in clock ticks since the boot: the 22nd field of /proc/PID/stat.
    pub start: u64,
}

/// The four uids of a process (proc(5), status).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uids {
    /// Real.
    pub real: u32,
    /// Effective.
    pub effective: u32,
    /// Saved.
    pub saved: u32,
    /// Of the file system.
    pub fs: u32,
}

impl Uids {
    /// All four.
    pub fn all(&self) -> [u32; 4] {
        [self.real, self.effective, self.saved, self.fs]
    }
}

/// What pam_loginuid(8) gave a login and everything that came from it: inherited by every child, and not to be changed without
/// CAP_AUDIT_CONTROL once it is set. As long as it is not, anybody may set his own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AuditMark {
    /// Who logged in: /proc/PID/loginuid.
    pub login_uid: u32,
    /// Which login of this boot, never used twice: /proc/PID/sessionid.
    pub session: u32,
}

/// Whether a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// It does, or could.
    Running,
    /// Stopped by a signal (T) or a tracer (t).
    Stopped,
    /// Ended, and waits for its parent (Z, X): nothing more to end. Not a process of which only the first thread has ended.
    Dead,
}

/// One process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Which one.
    pub id: ProcessId,
    /// Its short name, as it chose it itself: to show, never to decide by... except where said. Control characters are shown as `?`.
    pub name: String,
    /// Whether it runs.
    pub run: Run,
    /// Its parent.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Its session in the sense of setsid(2).
    pub session: i32,
    /// Its controlling terminal: a device number as in the 7th field of stat; 0 for none.
    pub terminal: u64,
    /// As whom it runs.
    pub uids: Uids,
    /// Its login, if it came from one: none when loginuid or sessionid is −1, which all daemons share.
    pub audit: Option<AuditMark>,
    /// Its place in systemd's hierarchy, such as `/user.slice/user-1000.slice/session-4.scope`; empty if there is none.
    pub cgroup: String,
    /// A thread of the kernel's own.
    pub kernel: bool,
    /// In a pid namespace below ours: a container's, or one that unshare(1) made.
    pub nested: bool,
}

impl Process {
    /// Whether it started before another one.
    pub(super) fn is_older_than(&self, other: ProcessId) -> bool {
        self.id.start < other.start
    }
}

/// All processes at about one moment, found by what they have in common.
#[derive(Clone, Debug, Default)]
pub struct Table {
    processes: BTreeMap<i32, Process>,
    children: HashMap<i32, Vec<i32>>,
    sessions: HashMap<i32, Vec<i32>>,
    logins: HashMap<u32, Vec<i32>>,
    scopes: HashMap<String, Vec<i32>>,
}

impl Table {
    /// Of these processes.
    pub fn of(processes: impl IntoIterator<Item = Process>) -> Table {
        let mut table = Table {
            processes: processes.into_iter().map(|process| (process.id.pid, process)).collect(),
            ..Table::default()
        };
        for (&pid, process) in &table.processes {
            table.children.entry(process.parent).or_default().push(pid);
            if process.kernel {
                continue;
            }
            table.sessions.entry(process.session).or_default().push(pid);
            if let Some(audit) = process.audit {
                table.logins.entry(audit.session).or_default().push(pid);
            }
            if let Some(scope) = session_scope(&process.cgroup) {
                match table.scopes.get_mut(scope) {
                    Some(there) => there.push(pid),
                    None => drop(table.scopes.insert(scope.to_owned(), vec![pid])),
                }
            }
        }
        table
    }

    /// The processes of this host. Those that vanish meanwhile, or that are hidden from us (hidepid=), are left out.
    ///
    /// # Errors
    /// When /proc cannot be read at all, or the daemon has no descriptors or memory left to read it with.
    pub fn read() -> std::io::Result<Table> {
        Ok(Table::of(Proc::open()?.processes()?))
    }

    /// In the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Process> {
        self.processes.values()
    }

    /// The process with this number.
    pub fn get(&self, pid: i32) -> Option<&Process> {
        self.processes.get(&pid)
    }

    /// This process, if it is there and not dead.
    pub fn alive(&self, id: ProcessId) -> Option<&Process> {
        self.get(id.pid).filter(|process| process.id == id && process.run != Run::Dead)
    }

    /// Those that say that this process is their parent.
    pub(super) fn children(&self, pid: i32) -> impl Iterator<Item = &Process> {
        self.those(self.children.get(&pid))
    }

    /// Those in this session of setsid(2).
    pub(super) fn in_session(&self, session: i32) -> impl Iterator<Item = &Process> {
        self.those(self.sessions.get(&session))
    }

    /// Those that bear the mark of this login: AuditMark::session.
    pub(super) fn in_login(&self, session: u32) -> impl Iterator<Item = &Process> {
        self.those(self.logins.get(&session))
    }

    /// Those in this cgroup `…/session-N.scope` or below it.
    pub(super) fn in_scope(&self, scope: &str) -> impl Iterator<Item = &Process> {
        self.those(self.scopes.get(scope))
    }

    fn those(&self, pids: Option<&Vec<i32>>) -> impl Iterator<Item = &Process> {
        pids.into_iter().flatten().filter_map(|pid| self.get(*pid))
    }
}

/// The cgroup of the login that a cgroup is in: up to the first `session-N.scope`.
pub(super) fn session_scope(cgroup: &str) -> Option<&str> {
    let mut end = 0;
    for part in cgroup.split('/') {
        end += part.len();
        if part.strip_prefix("session-").and_then(|rest| rest.strip_suffix(".scope")).is_some() {
            return cgroup.get(..end);
        }
        end += 1;
    }
    None
}

/// One process, now; none if it is gone.
pub fn look(pid: i32) -> Option<Process> {
    Proc::open().ok()?.process(pid).ok().flatten()
}

/// Which process this is, now; none if it is gone.
pub fn identify(pid: i32) -> Option<ProcessId> {
    Proc::open().ok()?.identify(pid).ok().flatten()
}

/// Whether other users' processes can be seen (no hidepid= on /proc that hides them from us).
pub fn sees_others() -> bool {
    look(1).is_some()
}

#[cfg(test)]
mod tests;
