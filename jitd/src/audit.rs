//! The audit: one JSON line for each event, chained by hashes, in a file that is only ever appended to.
//!
//! Events are queued; a thread of its own writes them, after the answer was given, and tells syslog. Nothing here loses a
//! login: a full queue makes the next answer wait, but only for a moment, and then the event goes to syslog alone and is counted; a
//! full or broken disk leaves the events in memory, raises an alert, and is tried again. docs/audit.md describes the format
//! and how to verify it.

pub mod decision;
pub mod event;
pub mod file;
pub mod grant;
pub mod line;
pub mod session;
mod writer;

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use jit_model::time::Timestamp;

pub use decision::{Decision, VerdictWord};
pub use event::Event;

use crate::clock::BootId;
use crate::mode::Mode;
use crate::syslog::{Severity, Syslog};

/// The most events that wait to be written.
const QUEUE: usize = 1024;
/// How long an answer waits for room in the queue: a login must not fail for want of it (the module waits 2 s in all).
const PATIENCE: Duration = Duration::from_millis(500);

/// An event with its circumstances.
#[derive(Clone, Debug)]
pub struct Record {
    /// When, by the time that decisions are made by.
    pub time: Timestamp,
    /// Whether denials were carried out then.
    pub mode: Mode,
    /// The host's own name.
    pub host: Arc<str>,
    /// What happened.
    pub event: Event,
}

/// How the audit is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Why the file cannot be written, if so.
    pub trouble: Option<String>,
    /// How many events are in memory only.
    pub held: usize,
    /// How many events were lost for want of room since the start; they are in syslog, if it took them.
    pub lost: u64,
    /// How many lines syslog, if there is one, did not take since the last one that it took.
    pub syslog_behind: u64,
}

impl Health {
    /// A sentence for each thing that is wrong.
    pub fn concerns(&self) -> Vec<String> {
        let mut concerns = Vec::new();
        if let Some(trouble) = &self.trouble {
            concerns.push(format!("{trouble}; {} events are held in memory until it can", self.held));
        }
        if self.lost > 0 {
            concerns.push(format!(
                "{} audit events were lost since jitd was started; look for them in syslog",
                self.lost
            ));
        }
        if self.syslog_behind > 0 {
            concerns.push(format!("syslog does not take lines; {} are lost so far", self.syslog_behind));
        }
        concerns
    }
}

#[derive(Default)]
struct Queue {
    records: VecDeque<Record>,
    host: Option<Arc<str>>,
    put: u64,
    /// Up to which event everything is in the file, on disk, or was given up.
    done: u64,
    /// The writer does not keep up; answers no longer wait for it until it does.
    stalled: bool,
    /// Given to syslog only, and not yet confessed in the file.
    unwritten: u64,
    /// The writer sleeps until it is told; otherwise it looks by itself in a moment.
    asleep: bool,
    reopen: bool,
    hurry: bool,
    closing: bool,
    health: Health,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    syslog: Syslog,
}

impl Shared {
    /// The data is whole whatever panicked: nothing is half-changed under the lock.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way to the audit; shared by all threads. When dropped, the thread writes what is left and ends; nobody waits for it.
pub struct Audit {
    shared: Arc<Shared>,
}

impl Audit {
    /// Starts the thread, which opens the file: if that fails, it is reported and tried again, and events are held.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(path: PathBuf, boot: BootId, host: &str, syslog: Syslog) -> io::Result<Audit> {
        let queue = Queue { host: Some(Arc::from(host)), ..Queue::default() };
        let shared = Arc::new(Shared { queue: Mutex::new(queue), changed: Condvar::new(), syslog });
        let theirs = Arc::clone(&shared);
        thread::Builder::new().name("audit".to_owned()).spawn(move || writer::run(&path, boot, &theirs))?;
        Ok(Audit { shared })
    }

    /// Writes an event down, soon. Waits a moment if the queue is full.
    pub fn record(&self, time: Timestamp, mode: Mode, event: Event) {
        let mut queue = self.shared.lock();
        if queue.records.len() >= QUEUE && !queue.stalled {
            let full = |queue: &mut Queue| queue.records.len() >= QUEUE;
            let waited = self.shared.changed.wait_timeout_while(queue, PATIENCE, full);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if queue.records.len() >= QUEUE {
            queue.stalled = true;
            queue.unwritten = queue.unwritten.saturating_add(1);
            queue.health.lost = queue.health.lost.saturating_add(1);
            drop(queue);
            let (severity, text) = event.for_syslog();
            self.shared.syslog.send(severity.min(Severity::Error), &format!("not in the audit file: {text}"));
            return;
        }
        let host = queue.host.clone().unwrap_or_default();
        queue.records.push_back(Record { time, mode, host, event });
        queue.put = queue.put.saturating_add(1);
        // Waking a thread costs an answer more than everything else here; under load the writer is awake anyway.
        let wake = std::mem::take(&mut queue.asleep) || queue.records.len() >= QUEUE / 2;
        drop(queue);
        if wake {
            self.shared.changed.notify_all();
        }
    }

    /// The host has another name from now on.
    pub fn set_host(&self, host: &str) {
        self.shared.lock().host = Some(Arc::from(host));
    }

    /// The file was rotated: open it again. (It is noticed without this, too, before the next line is written.)
    pub fn reopen(&self) {
        self.shared.lock().reopen = true;
        self.shared.changed.notify_all();
    }

    /// Waits until everything recorded so far is on disk; `false` when `patience` was not enough.
    pub fn flush(&self, patience: Duration) -> bool {
        let mut queue = self.shared.lock();
        let goal = queue.put;
        queue.hurry = true;
        self.shared.changed.notify_all();
        let waited = self.shared.changed.wait_timeout_while(queue, patience, |queue| queue.done < goal);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// How it is.
    pub fn health(&self) -> Health {
        Health { syslog_behind: self.shared.syslog.behind(), ..self.shared.lock().health.clone() }
    }

    /// The way to syslog, for what does not belong into the audit.
    pub fn syslog(&self) -> &Syslog {
        &self.shared.syslog
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests;
