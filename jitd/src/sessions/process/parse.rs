//! What the files below /proc/PID say: pure functions of bytes. A process chooses its name, its cgroup's name and its groups itself, so
//! none of them may make another field look different, nor make this fail.

use super::{ProcessId, Run, Uids};

/// PF_KTHREAD of the kernel's include/linux/sched.h, in the 9th field of stat.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// What /proc/PID/stat says (proc_pid_stat(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) id: ProcessId,
    pub(super) name: String,
    pub(super) run: Run,
    pub(super) parent: i32,
    pub(super) group: i32,
    pub(super) session: i32,
    pub(super) terminal: u64,
    pub(super) kernel: bool,
    /// Its first thread has ended, and others run on: then it looks like a zombie, and their own stat says how they are.
    pub(super) headless: bool,
}

/// /proc/PID/stat. None if it is not what the kernel writes.
pub(super) fn stat(bytes: &[u8]) -> Option<Stat> {
    // The name may hold anything, `) R 1 1 1` and newlines included, but nothing after it has a parenthesis.
    let open = bytes.iter().position(|b| *b == b'(')?;
    let close = bytes.iter().rposition(|b| *b == b')')?;
    let pid = number(bytes.get(..open)?.trim_ascii_end())?;
    let name = shown(bytes.get(open + 1..close)?);
    let mut fields = bytes.get(close + 1..)?.split(|b| b.is_ascii_whitespace()).filter(|f| !f.is_empty());
    let state = *fields.next()?.first()?;
    let parent = number(fields.next()?)?;
    let group = number(fields.next()?)?;
    let session = number(fields.next()?)?;
    // An unsigned device number that the kernel prints as if it were signed.
    let terminal: i64 = number(fields.next()?)?;
    let terminal = u64::try_from(terminal.rem_euclid(1 << 32)).ok()?;
    let flags: u64 = number(fields.nth(1)?)?;
    let threads: i64 = number(fields.nth(10)?)?;
    let start = number(fields.nth(1)?)?;
    let ended = matches!(state, b'Z' | b'X' | b'x');
    let run = match state {
        _ if ended && threads <= 1 => Run::Dead,
        b'T' | b't' => Run::Stopped,
        _ => Run::Running,
    };
    Some(Stat {
        id: ProcessId { pid, start },
        name,
        run,
        parent,
        group,
        session,
        terminal,
        kernel: flags & KERNEL_THREAD != 0,
        headless: ended && threads > 1,
    })
}

/// What /proc/PID/status says that stat does not (proc_pid_status(5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status {
    /// The process that it is a thread of, or it itself: the number of a thread can be looked up as well.
    pub(super) of: i32,
    pub(super) uids: Uids,
    pub(super) nested: bool,
}

/// /proc/PID/status. None if it is not what the kernel writes.
pub(super) fn status(bytes: &[u8]) -> Option<Status> {
    // The kernel escapes newlines in the name here, so each line is what it seems to be.
    let mut of = None;
    let mut uids = None;
    let mut nested = false;
    for line in bytes.split(|b| *b == b'\n') {
        if let Some(rest) = line.strip_prefix(b"Tgid:") {
            of = words(rest).next().and_then(number);
        } else if let Some(rest) = line.strip_prefix(b"Uid:") {
            let mut words = words(rest);
            let mut next = || words.next().and_then(number);
            uids = Some(Uids { real: next()?, effective: next()?, saved: next()?, fs: next()? });
        } else if let Some(rest) = line.strip_prefix(b"NSpid:") {
            nested = words(rest).count() > 1;
            break;
        }
    }
    Some(Status { of: of?, uids: uids?, nested })
}

/// /proc/PID/loginuid or /proc/PID/sessionid; none if it was never set.
pub(super) fn mark(bytes: &[u8]) -> Option<u32> {
    number(bytes.trim_ascii()).filter(|number| *number != u32::MAX)
}

/// The place in systemd's hierarchy, from /proc/PID/cgroup (cgroups(7)); empty if there is none.
///
/// On a host with one hierarchy that is its only line, `0::PATH`. On one with several systemd keeps its own in `name=systemd`, and the
/// same one in `0::` if it uses both; where either is without systemd, it is just `/`. So the longer of the two is the one that
/// says something. Neither can be chosen by its people: leaving the cgroup of a login takes root's help in both.
pub(super) fn cgroup(bytes: &[u8]) -> String {
    let mut best: &[u8] = b"";
    for line in bytes.split(|b| *b == b'\n') {
        let mut parts = line.splitn(3, |b| *b == b':');
        let (Some(number), Some(name), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let systemds = name == b"name=systemd" || (number == b"0" && name.is_empty());
        if systemds && path.len() > best.len() {
            best = path;
        }
    }
    // So the kernel shows one that was removed while a process was still on its way out of it.
    let best = best.strip_suffix(b" (deleted)").unwrap_or(best);
    String::from_utf8_lossy(best).into_owned()
}

fn words(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|b| b.is_ascii_whitespace()).filter(|word| !word.is_empty())
}

fn number<T: std::str::FromStr>(bytes: &[u8]) -> Option<T> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests;
