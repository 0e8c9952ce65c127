//! Running a program in a host: exit status, both outputs, a deadline. Nothing is run through a shell unless asked.

use std::fmt;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::trouble::{Result, Trouble};

/// Long enough for anything on a busy machine; what takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(60);

/// How a program ended and what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The exit status; 128 + the signal's number when a signal ended it, as a shell counts.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Whether it ended with 0.
    pub fn ok(&self) -> bool {
        self.status == 0
    }

    /// Standard output when it ended with 0.
    ///
    /// # Errors
    /// Otherwise, with everything it said.
    pub fn must(self) -> Result<String> {
        if self.ok() { Ok(self.stdout) } else { Err(Trouble::new(format!("expected success, but: {self}"))) }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit {}\nstdout: {:?}\nstderr: {:?}", self.status, self.stdout, self.stderr)
    }
}

/// A program that is about to run in a host.
#[derive(Debug)]
#[must_use]
pub struct Exec {
    command: Command,
    shown: String,
    stdin: Option<Vec<u8>>,
    deadline: Duration,
}

impl Exec {
    /// `command` runs as given; `shown` is what an error calls it.
    pub(crate) fn new(command: Command, shown: String) -> Exec {
        Exec { command, shown, stdin: None, deadline: DEADLINE }
    }

    /// What it reads; nothing by default.
    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Exec {
        self.stdin = Some(text.into());
        self
    }

    /// Ended, with an error, after this time instead of a minute.
    pub fn deadline(mut self, deadline: Duration) -> Exec {
        self.deadline = deadline;
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// When it cannot be started or is not done at the deadline; not when it exits with another status than 0.
    pub fn run(mut self) -> Result<Output> {
        // A process group of its own, so that a deadline ends nsenter and what runs under it alike.
        self.command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = self.command.spawn().map_err(|e| Trouble::new(format!("`{}`: {e}", self.shown)))?;
        if let (Some(mut pipe), Some(text)) = (child.stdin.take(), self.stdin.take()) {
            // A program that does not read all of it is no error.
            thread::spawn(move || pipe.write_all(&text));
        }
        let (sent, done) = mpsc::channel();
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let errors = thread::spawn(move || drain(err));
        thread::spawn(move || {
            let stdout = drain(out);
            let stderr = errors.join().unwrap_or_default();
            // The receiver is gone only when the deadline has passed.
            let _ = sent.send((stdout, stderr));
        });
        match done.recv_timeout(self.deadline) {
            Ok((stdout, stderr)) => {
                let status = child.wait().map_err(|e| Trouble::new(format!("`{}`: {e}", self.shown)))?;
                let status = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
                Ok(Output { status, stdout, stderr })
            }
            Err(_) => {
                end_group(&mut child);
                Err(Trouble::new(format!(
                    "`{}` was not done after {} s",
                    self.shown,
                    self.deadline.as_secs()
                )))
            }
        }
    }
}

fn drain(from: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        // What came before an error is still worth showing.
        let _ = from.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Ends a child that leads a process group, with all of that group.
pub(crate) fn end_group(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}
