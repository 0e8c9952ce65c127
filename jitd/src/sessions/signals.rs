//! Signals to one process and no other: through a pidfd whose process is checked to be the one that was meant.
//!
//! Must never signal by number: between the look and the signal a process may end and its number be given to a stranger.

use nix::errno::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};

use super::process::{self, ProcessId};

/// What can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// SIGSTOP
    Stop,
    /// SIGCONT
    Continue,
    /// SIGHUP
    Hangup,
    /// SIGTERM
    Terminate,
    /// SIGKILL
    Kill,
}

impl Signal {
    fn number(self) -> rustix::process::Signal {
        match self {
            Signal::Stop => rustix::process::Signal::STOP,
            Signal::Continue => rustix::process::Signal::CONT,
            Signal::Hangup => rustix::process::Signal::HUP,
            Signal::Terminate => rustix::process::Signal::TERM,
            Signal::Kill => rustix::process::Signal::KILL,
        }
    }
}

/// What became of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It was sent.
    Done,
    /// That process is gone.
    Gone,
    /// The kernel refuses: no CAP_KILL.
    Refused,
    /// It could not be tried: no descriptor left, most likely. Worth another try.
    Failed(Errno),
}

/// Sends signals; another one in tests.
pub trait Signals {
    /// Sends one to one process.
    fn send(&mut self, to: ProcessId, signal: Signal) -> Sent;
}

/// The kernel's.
#[derive(Debug, Default)]
pub struct Pidfds;

impl Signals for Pidfds {
    fn send(&mut self, to: ProcessId, signal: Signal) -> Sent {
        // Claims never name these. Should one do so after all, it is better to be stuck than to end the host.
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        if to.pid <= 1 || to.pid == own {
            return Sent::Refused;
        }
        let Some(pid) = Pid::from_raw(to.pid) else { return Sent::Gone };
        // From here on the descriptor names one process. If its number was another's before, /proc says so; if the
        // number has become another's since, this one is reaped, and the signal fails.
        let process = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(process) => process,
            Err(fault) => return refused(fault),
        };
        if process::identify(to.pid) != Some(to) {
            return Sent::Gone;
        }
        match pidfd_send_signal(&process, signal.number()) {
            Ok(()) => Sent::Done,
            Err(fault) => refused(fault),
        }
    }
}

fn refused(fault: rustix::io::Errno) -> Sent {
    match Errno::from_raw(fault.raw_os_error()) {
        // EINVAL, and ENOENT in newer kernels: the number is a thread's now, whose process is another (pidfd_open(2)).
        Errno::ESRCH | Errno::EINVAL | Errno::ENOENT => Sent::Gone,
        Errno::EPERM => Sent::Refused,
        fault => Sent::Failed(fault),
    }
}

#[cfg(test)]
mod tests;
