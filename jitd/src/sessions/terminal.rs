//! The terminals of a session, and words on them. Found when there is something to say: PAM_TTY is just `ssh` when a session
//! opens, and a multiplexed connection has many. Never waits for a terminal, never takes one as its own, never writes to somebody else's.
//!
//! The kernel names a terminal by a device number (proc(5), tty_nr), and that number may mean another terminal a moment later. So
//! the one that is open is asked whose it is, and the process whether it still has it: what is then written can only reach what
//! was open at that moment, for a terminal that is hung up takes nothing more (EIO).
//!
//! What is seen is /dev of this mount namespace: a process in a container, whose number means a terminal of the container's, can at
//! most lead to another terminal *of the same owner* here.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag, fstat, lstat, major, minor};
use nix::unistd::write;

use super::process::{ProcessId, Run, Table, look};

/// No session of a person's has more; one that has is told on these.
const MOST: usize = 64;

/// How the words arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The terminals that took them, such as `/dev/pts/3`.
    pub on: Vec<String>,
    /// Those that did not, and why (`mesg n`, a stopped terminal).
    pub failed: Vec<(String, String)>,
}

/// Says `text` on every terminal of these processes that belongs to one of `owners`. `text` is lines of ASCII separated by `\n`.
///
/// `owners` are the person and, for a session that became another, the target: sudo (`use_pty`) and `su --pty` give the terminal
/// that they make to the target. Such a terminal is shown inside the person's own, so once that has taken the words they are not
/// repeated there; it counts when `mesg n` closes the outer one, as the inner one is after `sudo -i` where root's ~/.profile says so.
pub fn tell(table: &Table, members: &[ProcessId], owners: &BTreeSet<u32>, text: &str) -> Told {
    tell_those(table, members, owners, text, terminal_of)
}

/// The terminal that a process has now.
fn terminal_of(id: ProcessId) -> Option<Device> {
    let process = look(id.pid).filter(|process| process.id == id && process.run != Run::Dead)?;
    Device::decode(process.terminal)
}

fn tell_those(
    table: &Table,
    members: &[ProcessId],
    owners: &BTreeSet<u32>,
    text: &str,
    terminal_of: impl Fn(ProcessId) -> Option<Device>,
) -> Told {
    let mut told = Told::default();
    let words = on_a_screen(text);
    let mut terminals: BTreeMap<Device, Vec<ProcessId>> = BTreeMap::new();
    for &member in members {
        if let Some(device) = table.alive(member).and_then(|process| Device::decode(process.terminal)) {
            terminals.entry(device).or_default().push(member);
        }
    }
    let more = terminals.len().saturating_sub(MOST);
    // From the outside to the inside: what is around an inner terminal is more than what is around the outer one.
    let mut above = Above { table, known: HashMap::new() };
    let mut terminals: Vec<_> = terminals
        .into_iter()
        .take(MOST)
        .map(|(device, holders)| (above.around(device, &holders), device, holders))
        .collect();
    terminals.sort_by_key(|(around, ..)| around.len());
    let mut reached = BTreeSet::new();
    for (around, device, holders) in terminals {
        if !around.is_disjoint(&reached) {
            continue;
        }
        let Some(path) = device.path() else {
            told.failed.push((device.to_string(), Unreached::Unknown.to_string()));
            continue;
        };
        let still = || holders.iter().any(|&holder| terminal_of(holder) == Some(device));
        match reach(&path, device, owners, still).and_then(|terminal| say(&terminal, &words)) {
            Ok(()) => {
                told.on.push(path.display().to_string());
                reached.insert(device);
            }
            Err(why) => told.failed.push((path.display().to_string(), why.to_string())),
        }
    }
    if more > 0 {
        told.failed.push((format!("{more} more"), Unreached::TooMany.to_string()));
    }
    told
}

/// The terminals of all that is above each process; remembered, since chains can be long, and shared, since most have the same.
struct Above<'t> {
    table: &'t Table,
    known: HashMap<i32, Rc<BTreeSet<Device>>>,
}

impl Above<'_> {
    fn of(&mut self, pid: i32) -> Rc<BTreeSet<Device>> {
        // /proc is read process by process, so parents could seem to go in a circle.
        let (mut way, mut passed) = (Vec::new(), HashSet::new());
        let mut next = Some(pid);
        while let Some(pid) = next.filter(|pid| !self.known.contains_key(pid) && passed.insert(*pid)) {
            way.push(pid);
            next = self.table.get(pid).map(|process| process.parent);
        }
        let mut parent = next;
        for pid in way.into_iter().rev() {
            let above = parent.map(|parent| self.from(parent)).unwrap_or_default();
            self.known.insert(pid, above);
            parent = Some(pid);
        }
        self.known.get(&pid).map(Rc::clone).unwrap_or_default()
    }

    /// What is above the children of a process that is known: its own terminal as well.
    fn from(&self, pid: i32) -> Rc<BTreeSet<Device>> {
        let Some(above) = self.known.get(&pid) else { return Rc::default() };
        let own = self.table.get(pid).and_then(|process| Device::decode(process.terminal));
        match own.filter(|own| !above.contains(own)) {
            Some(own) => Rc::new(above.iter().copied().chain([own]).collect()),
            None => Rc::clone(above),
        }
    }

    /// The terminals that one is shown inside of: those of the ancestors that all its processes have in common. A process that lost its
    /// parent, or a tmux server's, is inside of nothing.
    fn around(&mut self, device: Device, holders: &[ProcessId]) -> BTreeSet<Device> {
        let mut common: Option<Rc<BTreeSet<Device>>> = None;
        for holder in holders {
            let above = self.of(holder.pid);
            common = Some(match common {
                Some(common) if Rc::ptr_eq(&common, &above) => common,
                Some(common) => Rc::new(common.intersection(&above).copied().collect()),
                None => above,
            });
        }
        common.unwrap_or_default().iter().copied().filter(|outer| *outer != device).collect()
    }
}

/// Why a terminal did not get the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Unreached {
    #[error("it takes no messages (mesg n)")]
    Closed,
    #[error("not permitted: jitd must be in the terminal's group, tty")]
    NotPermitted,
    #[error("it is not in /dev as jitd sees it")]
    Absent,
    #[error("not a kind of terminal that jitd writes to")]
    Unknown,
    #[error("what is there is another device")]
    Another,
    #[error("it belongs to uid {0} now")]
    Owner(u32),
    #[error("no process of the session has it any more")]
    Left,
    #[error("it is stopped (Ctrl-S) or nobody reads it")]
    Full,
    #[error("it was hung up")]
    HungUp,
    #[error("it took only {0} bytes")]
    Partial(usize),
    #[error("only {MOST} terminals are told")]
    TooMany,
    #[error("{0}")]
    System(Errno),
}

/// A device number of a terminal, never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Device {
    major: u32,
    minor: u32,
}

impl Device {
    /// The kernel's `new_encode_dev`, in 32 bits: the lower eight of the minor number, twelve of the major, the rest of the minor.
    /// tty_nr is printed as a signed number, so what lies above 32 bits is only the sign.
    fn decode(tty_nr: u64) -> Option<Device> {
        let word = u32::try_from(tty_nr & u64::from(u32::MAX)).ok().filter(|word| *word != 0)?;
        Some(Device { major: (word >> 8) & 0xfff, minor: (word & 0xff) | ((word >> 12) & 0xf_ff00) })
    }

    /// Where it lies in /dev (the kernel's devices.txt). Only terminals that somebody can have logged in on: not
    /// /dev/console and /dev/tty, which stand for others.
    fn path(self) -> Option<PathBuf> {
        let (kind, number) = match (self.major, self.minor) {
            (4, number @ 1..64) => ("tty", number),
            (4, number @ 64..=255) => ("ttyS", number.checked_sub(64)?),
            // The numbers of all but the first major are not in use since Linux 2.6, which counts on in the minor number.
            (pts @ 136..=143, number) => {
                ("pts/", pts.checked_sub(136)?.checked_mul(256)?.checked_add(number)?)
            }
            (204, number @ 64..80) => ("ttyAMA", number.checked_sub(64)?),
            (229, number) => ("hvc", number),
            _ => return None,
        };
        Some(PathBuf::from(format!("/dev/{kind}{number}")))
    }
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "device {}:{}", self.major, self.minor)
    }
}

/// Opens a terminal that is this device, belongs to one of `owners`, and is `still` that of the process that led to it.
fn reach(
    path: &Path,
    device: Device,
    owners: &BTreeSet<u32>,
    still: impl Fn() -> bool,
) -> Result<OwnedFd, Unreached> {
    // Without O_NONBLOCK a serial line would be waited for; without O_NOCTTY a daemon without a terminal would get one.
    let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let terminal = open(path, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::EACCES if closed(path) => Unreached::Closed,
        Errno::EACCES | Errno::EPERM => Unreached::NotPermitted,
        Errno::ENOENT => Unreached::Absent,
        // The other end of a pseudo-terminal is gone, or no line behind a serial port.
        Errno::EIO | Errno::ENXIO | Errno::ENODEV => Unreached::HungUp,
        Errno::ELOOP => Unreached::Another,
        errno => Unreached::System(errno),
    })?;
    let stat = fstat(&terminal).map_err(Unreached::System)?;
    let is_device = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFCHR;
    let same = (major(stat.st_rdev), minor(stat.st_rdev)) == (device.major.into(), device.minor.into());
    if !is_device || !same {
        return Err(Unreached::Another);
    }
    if !owners.contains(&stat.st_uid) {
        return Err(Unreached::Owner(stat.st_uid));
    }
    if !still() {
        return Err(Unreached::Left);
    }
    Ok(terminal)
}

/// Whether its owner takes no messages.
fn closed(path: &Path) -> bool {
    lstat(path).is_ok_and(|stat| !Mode::from_bits_truncate(stat.st_mode).contains(Mode::S_IWGRP))
}

/// In one piece or not at all, as far as a terminal can do that.
fn say(terminal: &OwnedFd, words: &[u8]) -> Result<(), Unreached> {
    match write(terminal, words) {
        Ok(taken) if taken == words.len() => Ok(()),
        Ok(taken) => Err(Unreached::Partial(taken)),
        Err(Errno::EAGAIN) => Err(Unreached::Full),
        Err(Errno::EIO) => Err(Unreached::HungUp),
        Err(errno) => Err(Unreached::System(errno)),
    }
}

/// On lines of their own, whatever stands on the screen and whether or not the terminal is raw; nothing but printable ASCII, so
/// that no word of a directory's can move the cursor, or make a terminal answer.
fn on_a_screen(text: &str) -> Vec<u8> {
    let mut words = b"\r\n".to_vec();
    for line in text.lines() {
        let printable = |byte: &u8| (b' '..=b'~').contains(byte);
        words.extend(line.chars().map(|c| u8::try_from(c).ok().filter(printable).unwrap_or(b'?')));
        words.extend(b"\r\n");
    }
    words
}

#[cfg(test)]
mod tests;
