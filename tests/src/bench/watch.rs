//! When the last process of something is gone, to the moment: by pidfds, from outside the host. Nobody in the host is disturbed by it
//! and nothing is read meanwhile, so that what is timed is not the looking.

use std::collections::HashMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant, SystemTime};

use rustix::event::{Timespec, epoll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::trouble::{Result, Trouble};

/// Waits for the end of all processes of some sessions.
#[derive(Debug)]
pub struct Watch {
    epoll: OwnedFd,
    /// What is left: of which session, whose process.
    left: HashMap<u64, (usize, i32, OwnedFd)>,
    gone: Vec<Option<SystemTime>>,
}

impl Watch {
    /// These sessions, each by its processes as numbered outside.
    ///
    /// # Errors
    /// When one of the processes is not there, or there are too many.
    pub fn of(sessions: &[Vec<i32>]) -> Result<Watch> {
        let trouble = |pid: i32, e: rustix::io::Errno| Trouble::new(format!("watching process {pid}: {e}"));
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|e| trouble(0, e))?;
        let mut left = HashMap::new();
        for (session, pids) in sessions.iter().enumerate() {
            for &pid in pids {
                let number = Pid::from_raw(pid).ok_or_else(|| Trouble::new("no process 0"))?;
                let fd = pidfd_open(number, PidfdFlags::empty()).map_err(|e| trouble(pid, e))?;
                let key = left.len() as u64;
                epoll::add(&epoll, &fd, epoll::EventData::new_u64(key), epoll::EventFlags::IN)
                    .map_err(|e| trouble(pid, e))?;
                left.insert(key, (session, pid, fd));
            }
        }
        Ok(Watch { epoll, left, gone: vec![None; sessions.len()] })
    }

    /// When the last process of each session was gone, as this clock has it.
    ///
    /// # Errors
    /// When somebody is still there at the limit.
    pub fn wait(mut self, limit: Duration) -> Result<Vec<SystemTime>> {
        let begun = Instant::now();
        let step = Timespec { tv_sec: 1, tv_nsec: 0 };
        let mut events = Vec::with_capacity(64);
        while !self.left.is_empty() {
            events.clear();
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&step)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(Trouble::new(format!("epoll_wait: {e}"))),
            }
            let now = SystemTime::now();
            for event in &events {
                let event: &epoll::Event = event;
                // Closing it takes it out of the epoll.
                if let Some((session, ..)) = self.left.remove(&event.data.u64()) {
                    if let Some(gone) = self.gone.get_mut(session) {
                        *gone = Some(now);
                    }
                }
            }
            if begun.elapsed() > limit && !self.left.is_empty() {
                let name = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
                let left = self.left.values().map(|(_, pid, _)| format!("{pid} {}", name(pid).trim()));
                let left: Vec<String> = left.take(20).collect();
                return Err(Trouble::new(format!(
                    "after {} s there are still {} processes: {}",
                    limit.as_secs(),
                    self.left.len(),
                    left.join(", ")
                )));
            }
        }
        let gone = self.gone.into_iter().enumerate();
        gone.map(|(n, at)| at.ok_or_else(|| Trouble::new(format!("session {n} has no process")))).collect()
    }
}
