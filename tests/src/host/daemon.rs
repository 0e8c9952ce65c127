//! A program that keeps running in a host: sshd, jitd, slapd, cron. It ends when dropped, and at the latest with its host.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::exec::end_group;
use crate::trouble::{Result, Trouble};
use crate::wait::until;

/// A running program of a host.
#[derive(Debug)]
pub struct Daemon {
    shown: String,
    /// nsenter, which waits for the program itself.
    child: Child,
    log: PathBuf,
}

impl Daemon {
    pub(super) fn start(mut command: Command, shown: String, log: PathBuf) -> Result<Daemon> {
        let out = File::options().append(true).create(true).open(&log).map_err(|e| Trouble::io(&log, e))?;
        let err = out.try_clone().map_err(|e| Trouble::io(&log, e))?;
        command.process_group(0).stdin(Stdio::null()).stdout(out).stderr(err);
        let child = command.spawn().map_err(|e| Trouble::new(format!("`{shown}`: {e}")))?;
        Ok(Daemon { shown, child, log })
    }

    /// Everything it printed so far.
    pub fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until `ready` holds.
    ///
    /// # Errors
    /// When the program ends first, or 30 s have passed; with what it printed.
    pub fn wait_until(&mut self, what: &str, mut ready: impl FnMut() -> bool) -> Result<()> {
        let mut ended = None;
        let waited = until(Duration::from_secs(30), what, || {
            ended = self.child.try_wait().ok().flatten();
            ended.is_some() || ready()
        });
        match (waited, ended) {
            (Ok(()), None) => Ok(()),
            (_, Some(status)) => Err(Trouble::new(format!(
                "`{}` ended ({status}) before {what}:\n{}",
                self.shown,
                self.output()
            ))),
            (Err(trouble), None) => {
                Err(Trouble::new(format!("`{}`: {trouble}\n{}", self.shown, self.output())))
            }
        }
    }

    /// Sends the program a signal.
    ///
    /// # Errors
    /// When it is not running.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = self.pid()?;
        kill_process(pid, signal).map_err(|e| Trouble::new(format!("`{}`: {e}", self.shown)))
    }

    /// Its process number, seen from outside the host.
    ///
    /// # Errors
    /// When it is not running.
    pub fn pid(&self) -> Result<Pid> {
        let id = self.child.id();
        let path = PathBuf::from(format!("/proc/{id}/task/{id}/children"));
        let children = fs::read_to_string(&path).map_err(|e| Trouble::io(&path, e))?;
        let first =
            children.split_whitespace().next().and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw);
        first.ok_or_else(|| Trouble::new(format!("`{}` is not running:\n{}", self.shown, self.output())))
    }

    /// Asks it to end (SIGTERM) and waits for that.
    ///
    /// # Errors
    /// When it does not end within 30 s.
    pub fn stop(mut self) -> Result<()> {
        self.signal(Signal::TERM)?;
        until(Duration::from_secs(30), "it ends", || self.child.try_wait().is_ok_and(|ended| ended.is_some()))
    }

    /// Kills it and waits for that.
    ///
    /// # Errors
    /// When it is not running.
    pub fn kill(mut self) -> Result<()> {
        self.signal(Signal::KILL)?;
        let _ = self.child.wait();
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Ok(pid) = self.pid() {
            let _ = kill_process(pid, Signal::KILL);
        }
        end_group(&mut self.child);
    }
}
