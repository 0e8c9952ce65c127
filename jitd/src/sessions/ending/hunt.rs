//! What forks and exits without pause is in no table of processes: it has gone on to another number before its files are read. So the
//! newest numbers are looked at one by one, and where a member turns up the next number is waited for, so as to signal it
//! in its first moment. One hit is enough, for fork fails while a signal is pending (fork(2) restarts after it).
//!
//! Bounded by a number of looks, not by time; and as good as free on a host where nothing forks.

use std::collections::HashMap;

use super::super::process::{self, Process, Run, Table};

/// How many of the numbers given out since the last hunt are tried, newest first. Older ones that still live are in the table.
const RECENT: usize = 256;
/// So many the first time.
const FIRST: usize = 64;
/// How often the newest number is asked for again while it moves on.
const PASSES: usize = 8;
/// How often what is about to be taken for gone is hunted for. One hunt misses such a chain one time in twenty (measured); where nothing
/// forks, all but the first are free.
const ROUNDS: usize = 6;
/// How often, in all, a number is tried that nobody has yet: a few milliseconds.
const PROBES: usize = 2048;
/// How often before it is looked whether numbers have passed us by.
const AIM: usize = 16;
/// How often before it is believed that nothing comes any more: about a millisecond.
const PATIENCE: usize = 512;
/// The kernel begins here again when it has used up the numbers (RESERVED_PIDS).
const LOWEST: i32 = 300;

/// Where new processes are looked for; another one in tests.
pub trait Look {
    /// The number that was given to a process last.
    fn newest(&mut self) -> Option<i32>;

    /// The process with this number, now.
    fn look(&mut self, pid: i32) -> Option<Process>;

    /// The process with this number, now or a moment ago: for what is not yet known to be of interest.
    fn glance(&mut self, pid: i32) -> Option<Process> {
        self.look(pid)
    }

    /// No number is this high.
    fn limit(&mut self) -> i32;
}

/// This host's /proc. One for all endings that are stepped on the same table: what one has looked at, the others need not.
#[derive(Debug, Default)]
pub struct Host {
    glances: HashMap<i32, Option<Process>>,
}

impl Look for Host {
    fn newest(&mut self) -> Option<i32> {
        // The fifth field (proc(5)).
        std::fs::read_to_string("/proc/loadavg").ok()?.split_ascii_whitespace().nth(4)?.parse().ok()
    }

    fn look(&mut self, pid: i32) -> Option<Process> {
        process::look(pid)
    }

    fn glance(&mut self, pid: i32) -> Option<Process> {
        self.glances.entry(pid).or_insert_with(|| process::look(pid)).clone()
    }

    fn limit(&mut self) -> i32 {
        let limit = std::fs::read_to_string("/proc/sys/kernel/pid_max").ok();
        limit.and_then(|text| text.trim().parse().ok()).filter(|limit| *limit > LOWEST).unwrap_or(i32::MAX)
    }
}

/// A hunt for processes that are in no table.
#[derive(Debug, Default)]
pub struct Hunt {
    /// The newest number that was looked at.
    seen: Option<i32>,
}

impl Hunt {
    /// Shows every process that is new since the last time, and not in the table, to `catch`, which says whether it was one to be caught
    /// and has signalled it then. How many there were.
    pub(super) fn run(
        &mut self,
        table: &Table,
        look: &mut impl Look,
        mut catch: impl FnMut(&Process) -> bool,
    ) -> usize {
        let mut caught = 0;
        let mut limit = None;
        for _ in 0..PASSES {
            let Some(newest) = look.newest() else { break };
            if self.seen == Some(newest) {
                break;
            }
            let limit = *limit.get_or_insert_with(|| look.limit());
            let most = if self.seen.is_some() { RECENT } else { FIRST };
            let mut number = newest;
            for _ in 0..most {
                if Some(number) == self.seen {
                    break;
                }
                if table.get(number).is_none() && look.glance(number).is_some_and(|process| catch(&process)) {
                    caught += 1;
                }
                number = if number <= LOWEST { limit.saturating_sub(1) } else { number - 1 };
            }
            self.seen = Some(newest);
        }
        match (limit, self.seen) {
            (Some(limit), Some(newest)) if caught > 0 => {
                caught + self.lie_in_wait(look, newest, limit, catch)
            }
            _ => caught,
        }
    }

    /// What of these is in no table and has just appeared: for what is about to be taken for gone.
    pub fn newcomers(table: &Table, look: &mut impl Look, wanted: impl Fn(&Process) -> bool) -> Vec<Process> {
        let mut found = Vec::new();
        let mut hunt = Hunt::default();
        for _ in 0..ROUNDS {
            hunt.run(table, look, |process| {
                if process.run != Run::Dead && wanted(process) {
                    found.push(process.clone());
                }
                // It is not signalled, so there is nothing to wait for.
                false
            });
        }
        found
    }

    /// Waits for numbers that nobody has yet.
    fn lie_in_wait(
        &self,
        look: &mut impl Look,
        mut newest: i32,
        limit: i32,
        mut catch: impl FnMut(&Process) -> bool,
    ) -> usize {
        let after = |number: i32| if number.saturating_add(1) >= limit { LOWEST } else { number + 1 };
        let mut caught = 0;
        let mut number = after(newest);
        let mut empty = 0;
        for _ in 0..PROBES {
            if let Some(process) = look.look(number) {
                if catch(&process) {
                    caught += 1;
                }
                number = after(number);
                empty = 0;
                continue;
            }
            empty += 1;
            if empty % AIM == 0 {
                match look.newest() {
                    Some(now) if now != newest => {
                        newest = now;
                        number = after(now);
                        empty = 0;
                    }
                    _ if empty >= PATIENCE => break,
                    _ => {}
                }
            }
        }
        // What passed us by is looked at the next time: it is newer than what was seen.
        caught
    }
}

#[cfg(test)]
mod tests;
