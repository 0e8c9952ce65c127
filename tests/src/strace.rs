//! jitd cut short at a system call: strace watches one of its threads, and kills the whole process as that thread enters the N-th call of
//! a name (strace(1), `inject`). Which calls there are is not guessed but read from a run that was only watched.
//!
//! Threads are watched one by one: strace counts for each thread and each name by itself, so only then a number means a place.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;

use crate::door::{Door, SOON};
use crate::host::daemon::Daemon;
use crate::trouble::{Result, Trouble};
use crate::wait::until;

/// jitd's command line on a host that is not booted.
const JITD: &str = "/usr/sbin/jitd --user jitd";

/// Calls that leave everything outside the process as it was: to die at one of them or at the next is the same to the world.
const HARMLESS: [&str; 34] = [
    "access",
    "brk",
    "clock_gettime",
    "clock_nanosleep",
    "close",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_wait",
    "fcntl",
    "fstat",
    "futex",
    "getdents64",
    "getpid",
    "getrandom",
    "getsockopt",
    "gettid",
    "lseek",
    "madvise",
    "mmap",
    "mprotect",
    "munmap",
    "newfstatat",
    "openat",
    "pidfd_open",
    "poll",
    "pread64",
    "read",
    "readlink",
    "recvfrom",
    "recvmsg",
    "sched_yield",
    "stat",
    "statx",
    "timerfd_settime",
];

/// A thread's N-th call of a name, counted from when strace came.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// The thread's name.
    pub thread: &'static str,
    /// The call's.
    pub call: String,
    /// Which one, from 1.
    pub number: u32,
    /// The call as it was written down in the run that was watched.
    pub seen: String,
}

impl Point {
    /// Whether the call changes anything that outlives the process.
    pub fn matters(&self) -> bool {
        // Within the process: an eventfd's count.
        let wakes = self.call == "write" && self.seen.contains("\"\\1\\0\\0\\0\\0\\0\\0\\0\", 8)");
        !(HARMLESS.contains(&self.call.as_str()) || wakes) || self.seen.contains("O_CREAT")
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen: String = self.seen.chars().take(90).collect();
        write!(f, "{} of {} no. {} ({seen})", self.call, self.thread, self.number)
    }
}

/// strace at one thread of jitd. Dropped, it lets go of it.
#[derive(Debug)]
pub struct Watch {
    thread: &'static str,
    file: String,
    _strace: Daemon,
}

/// jitd's process, as numbered inside the host.
///
/// # Errors
/// When it does not run.
pub fn jitd(door: &Door) -> Result<i32> {
    let found = door.running(JITD).into_iter().find(|found| found.line == JITD);
    found.map(|found| found.pid).ok_or_else(|| Trouble::new("jitd does not run"))
}

impl Watch {
    /// Watches the thread of this name; if `cut` is one of its points, jitd dies there.
    ///
    /// # Errors
    /// When there is no such thread, or strace does not get hold of it.
    pub fn of(door: &Door, thread: &'static str, cut: Option<&Point>) -> Result<Watch> {
        let pid = jitd(door)?;
        let tasks = door.host().path(&format!("/proc/{pid}/task"));
        let named = |task: &fs::DirEntry| {
            fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == thread)
        };
        let task = fs::read_dir(&tasks).map_err(|e| Trouble::io(&tasks, e))?.flatten().find(named);
        let task = task.ok_or_else(|| Trouble::new(format!("jitd has no thread {thread}")))?;
        let number = task.file_name().to_string_lossy().into_owned();
        let file = format!("/var/log/strace-{thread}.out");
        door.host().remove(&file)?;
        let mut line: Vec<String> =
            ["strace", "-qq", "-s", "120", "-o", &file, "-p", &number].map(str::to_owned).to_vec();
        if let Some(point) = cut.filter(|point| point.thread == thread) {
            line.extend([
                "-e".to_owned(),
                format!("inject={}:signal=KILL:when={}", point.call, point.number),
            ]);
        }
        let strace = door.host().start("strace", line)?;
        let status = task.path().join("status");
        // It may die at once, of something that was still to be done.
        until(SOON, "strace has the thread", || {
            let Ok(text) = fs::read_to_string(&status) else { return true };
            text.lines().any(|line| line.strip_prefix("TracerPid:").is_some_and(|pid| pid.trim() != "0"))
        })
        .map_err(|e| Trouble::new(format!("{e}: {}", strace.output())))?;
        Ok(Watch { thread, file, _strace: strace })
    }

    /// Every call that the thread made so far, in order.
    ///
    /// # Errors
    /// When strace has written nothing.
    pub fn points(&self, door: &Door) -> Result<Vec<Point>> {
        Ok(points(self.thread, &door.host().read(&self.file)?))
    }

    /// The call at which it died, if it did.
    ///
    /// # Errors
    /// When strace has written nothing.
    pub fn died_at(&self, door: &Door) -> Result<Option<Point>> {
        let died =
            || door.host().read(&self.file).is_ok_and(|text| text.contains("+++ killed by SIGKILL +++"));
        // strace writes it a moment after the process is gone.
        if jitd(door).is_err() {
            let _ = until(SOON, "strace says so", died);
        }
        Ok(if died() { self.points(door)?.pop() } else { None })
    }
}

fn points(thread: &'static str, text: &str) -> Vec<Point> {
    let mut counts = BTreeMap::<&str, u32>::new();
    let begun = text.lines().filter(|line| !line.contains(" resumed>"));
    let named = begun.filter_map(|line| line.split_once('(').map(|(call, _)| (call.trim(), line)));
    let calls = named.filter(|(call, _)| call.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
    calls
        // A call that was under way when strace came: its beginning was not seen, and not counted.
        .filter(|(call, _)| *call != "restart_syscall")
        .map(|(call, line)| {
            let count = counts.entry(call).or_default();
            *count += 1;
            Point { thread, call: call.to_owned(), number: *count, seen: line.to_owned() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_name() {
        let text = "restart_syscall(<... resuming interrupted read ...>) = 0\nopenat(AT_FDCWD, \"/x\", O_RDONLY) = 3\nread(3, \"a(b\", 9) = 3\n\
                    openat(AT_FDCWD, \"/y\", O_WRONLY|O_CREAT) = 4\nread(3, \"\", 9) = 0\n--- SIGKILL {si_signo=SIGKILL} ---\n+++ killed by SIGKILL +++\n";
        let all = points("pam", text);
        let short: Vec<(&str, u32, bool)> =
            all.iter().map(|point| (point.call.as_str(), point.number, point.matters())).collect();
        assert_eq!(
            short,
            [("openat", 1, false), ("read", 1, false), ("openat", 2, true), ("read", 2, false)]
        );
    }
}
