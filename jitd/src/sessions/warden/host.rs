//! The host as the warden meets it: its processes, their terminals, the way to signal them; another one in tests. And what the warden
//! lacks to do its work, in words for `jitctl status`.

use std::collections::BTreeSet;
use std::fs;
use std::io;

use crate::mode::Mode;
use crate::sessions::ending::{self, Look};
use crate::sessions::process::{self, Process, ProcessId, Table};
use crate::sessions::signals::{Pidfds, Sent, Signal, Signals};
use crate::sessions::terminal::{self, Told};

/// What the warden does to the host.
pub(super) trait Host: Signals {
    /// Where endings look for processes that are in no table.
    type Look: Look;

    /// Such a place, for one table.
    fn look_about(&mut self) -> Self::Look;

    /// The processes of this moment.
    fn table(&mut self) -> io::Result<Table>;

    /// One process, now; none if it is gone.
    fn look(&mut self, pid: i32) -> Option<Process>;

    /// Says something on the terminals of these processes.
    fn tell(&mut self, table: &Table, members: &[ProcessId], owners: &BTreeSet<u32>, text: &str) -> Told;

    /// What keeps it from ending sessions, a sentence each.
    fn lacks(&mut self, mode: Mode) -> Vec<String>;
}

/// This host.
#[derive(Debug, Default)]
pub(super) struct Kernel(Pidfds);

impl Signals for Kernel {
    fn send(&mut self, to: ProcessId, signal: Signal) -> Sent {
        self.0.send(to, signal)
    }
}

impl Host for Kernel {
    type Look = ending::Host;

    fn look_about(&mut self) -> ending::Host {
        ending::Host::default()
    }

    fn table(&mut self) -> io::Result<Table> {
        let table = Table::read()?;
        // What cannot be seen must not be taken for gone.
        match table.get(1) {
            Some(_) => Ok(table),
            None => Err(io::Error::other("it hides other users' processes from jitd (hidepid=)")),
        }
    }

    fn look(&mut self, pid: i32) -> Option<Process> {
        process::look(pid)
    }

    fn tell(&mut self, table: &Table, members: &[ProcessId], owners: &BTreeSet<u32>, text: &str) -> Told {
        terminal::tell(table, members, owners, text)
    }

    fn lacks(&mut self, mode: Mode) -> Vec<String> {
        let mut lacks = Vec::new();
        if !process::sees_others() {
            lacks.push(
                "sessions cannot be ended: /proc hides other users' processes from jitd; give it the group of gid= in the options of \
                 /proc, or mount it without hidepid="
                    .to_owned(),
            );
        }
        let may_kill = fs::read_to_string("/proc/self/status").ok().and_then(|status| has_cap_kill(&status));
        if mode == Mode::Enforcing && may_kill == Some(false) {
            lacks.push(
                "sessions cannot be ended: jitd has no CAP_KILL; start it as root with --user, or give its unit \
                 AmbientCapabilities=CAP_KILL"
                    .to_owned(),
            );
        }
        lacks
    }
}

/// Whether CAP_KILL is effective, by the text of proc(5) status.
fn has_cap_kill(status: &str) -> Option<bool> {
    const CAP_KILL: u32 = 5;
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    let bits = u64::from_str_radix(line.trim(), 16).ok()?;
    Some(bits >> CAP_KILL & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read_as_the_kernel_writes_them() {
        let status =
            |cap: &str| format!("Name:\tjitd\nCapPrm:\t000001ffffffffff\nCapEff:\t{cap}\nCapBnd:\t0\n");
        assert_eq!(has_cap_kill(&status("0000000000000020")), Some(true));
        assert_eq!(has_cap_kill(&status("000001ffffffffff")), Some(true));
        assert_eq!(has_cap_kill(&status("00000000000000c0")), Some(false));
        assert_eq!(has_cap_kill(&status("0000000000000000")), Some(false));
        assert_eq!(has_cap_kill("Name:\tjitd\n"), None);
        assert!(has_cap_kill(&fs::read_to_string("/proc/self/status").unwrap()).is_some());
    }
}
