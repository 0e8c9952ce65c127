//! Survivors: processes are marked in their environment when a person starts them, every child inherits the mark, and whoever
//! is still there afterwards is found by it, whatever it did to its parents, sessions, groups and terminals.

use std::fmt;
use std::fs;

use crate::door::Door;
use crate::host::Host;
use crate::trouble::{Result, Trouble};
use crate::wait::until;

/// What holds the mark. sshd takes it from a client, see [`crate::client`]; for sudo it stands on its command line.
pub const VARIABLE: &str = "JIT_MARK";

/// A living process that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its number, inside the host.
    pub pid: i32,
    /// Its command line, words separated by blanks.
    pub line: String,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.pid, self.line)
    }
}

/// Every living process of a host that `wanted` says belongs, given its environment and its command line. Those in namespaces
/// of their own are among them: the host's /proc shows them too.
fn processes(host: &Host, wanted: impl Fn(&[u8], &str) -> bool) -> Vec<Found> {
    let mut found = Vec::new();
    for entry in fs::read_dir(host.path("/proc")).into_iter().flatten().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else { continue };
        // A zombie has neither environment nor command line any more.
        let file = |file: &str| fs::read(entry.path().join(file)).unwrap_or_default();
        let line = String::from_utf8_lossy(&file("cmdline")).replace('\0', " ").trim_end().to_owned();
        if wanted(&file("environ"), &line) {
            found.push(Found { pid, line });
        }
    }
    found
}

impl Door {
    /// Every living process of the host that has this mark.
    pub fn marked(&self, mark: &str) -> Vec<Found> {
        let variable = format!("{VARIABLE}={mark}").into_bytes();
        let has = |environment: &[u8], _: &str| environment.split(|byte| *byte == 0).any(|v| v == variable);
        // What forks without pause may be born behind our back while we look.
        (0..3).map(|_| processes(self.host(), has)).find(|found| !found.is_empty()).unwrap_or_default()
    }

    /// Every living process of the host whose command line holds this.
    pub fn running(&self, line: &str) -> Vec<Found> {
        processes(self.host(), |_, shown| shown.contains(line))
    }

    /// Waits until exactly so many marked processes are there whose command line holds `line`.
    ///
    /// # Errors
    /// When there are not; with those that are.
    pub fn marked_running(&self, mark: &str, line: &str) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        let waited = until(crate::door::SOON, &format!("{line:?} runs, marked {mark}"), || {
            found = self.marked(mark).into_iter().filter(|found| found.line.contains(line)).collect();
            !found.is_empty()
        });
        waited.map_err(|e| Trouble::new(format!("{e}; marked are:\n{}", list(&self.marked(mark)))))?;
        Ok(found)
    }

    /// Waits until nothing with this mark lives.
    ///
    /// # Errors
    /// When something goes on; with what does.
    pub fn gone(&self, mark: &str) -> Result<()> {
        until(crate::door::SOON, &format!("nothing marked {mark} is left"), || self.marked(mark).is_empty())
            .map_err(|e| Trouble::new(format!("{e}; still there:\n{}", list(&self.marked(mark)))))
    }
}

/// One a line.
pub fn list(found: &[Found]) -> String {
    found.iter().map(|found| format!("{found}\n")).collect()
}
