//! Writes into the audit what happens to the daemon itself, with the time and the mode of that moment. What is decided about
//! people, a [`crate::desk::Desk`] writes down.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::audit::event::DiskState;
use crate::audit::{Audit, Event};
use crate::clock::system::SystemClock;
use crate::disk::Kind;
use crate::disk::saver::{Outcome, Saver};
use crate::mode::Mode;

/// Cheap to clone; shared by all threads.
#[derive(Clone)]
pub struct Scribe {
    audit: Arc<Audit>,
    clock: Arc<SystemClock>,
    enforcing: Arc<AtomicBool>,
}

impl Scribe {
    /// Writes into `audit`; `mode` is the mode at the start.
    pub fn new(audit: Arc<Audit>, clock: Arc<SystemClock>, mode: Mode) -> Scribe {
        Scribe { audit, clock, enforcing: Arc::new(AtomicBool::new(mode == Mode::Enforcing)) }
    }

    /// Writes an event down, soon.
    pub fn note(&self, event: Event) {
        self.audit.record(self.clock.now().login, self.mode(), event);
    }

    /// A thread that writes a file, and tells here when it cannot, and when it can again.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn saver(&self, path: PathBuf, kind: Kind) -> io::Result<Saver> {
        let (scribe, shown) = (self.clone(), path.clone());
        Saver::start(path, kind, move |outcome| {
            scribe.note(match outcome {
                Outcome::Failing(error) => Event::disk(&shown, DiskState::Failing, error),
                Outcome::Recovered(path) => {
                    Event::disk(&path, DiskState::Recovered, "it can be written again")
                }
            });
        })
    }

    /// The mode as last noticed.
    pub fn mode(&self) -> Mode {
        if self.enforcing.load(Ordering::Relaxed) { Mode::Enforcing } else { Mode::Permissive }
    }

    /// The mode is another.
    pub fn set_mode(&self, mode: Mode) {
        self.enforcing.store(mode == Mode::Enforcing, Ordering::Relaxed);
    }

    /// The audit itself.
    pub fn audit(&self) -> &Arc<Audit> {
        &self.audit
    }
}
