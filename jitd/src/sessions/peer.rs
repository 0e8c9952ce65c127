//! Who is at the other end of a connection: a process and no other, by the kernel's word.

use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt};

use super::process::{self, ProcessId};

/// The process at the other end of a connection, if it can be seen and still waits for its answer.
pub fn identify(connection: &impl AsFd) -> Option<ProcessId> {
    let peer = getsockopt(connection, sockopt::PeerCredentials).ok()?;
    // 0: it is in a pid namespace that is not below ours. Process 1 is never ended.
    let pid = Some(peer.pid()).filter(|pid| *pid > 1)?;
    let found = process::identify(pid)?;
    waits(connection).then_some(found)
}

/// Whether the other end is open still: whatever was read of its process before is that process's.
pub fn waits(connection: &impl AsFd) -> bool {
    // A process that ends closes its end, which poll(2) tells whatever it is asked for.
    let mut waits = [PollFd::new(connection.as_fd(), PollFlags::empty())];
    poll(&mut waits, PollTimeout::ZERO) == Ok(0)
}
