//! What the service manager is told (sd_notify(3)). Without one, nothing happens; a manager that does not listen is no reason
//! to stop working.

use std::sync::{Mutex, PoisonError};

use sd_notify::NotifyState;

/// The daemon answers.
pub fn ready() {
    let _ = sd_notify::notify(&[NotifyState::Ready]);
}

/// The configuration is being read again; [`ready`] follows.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => {
            let _ = sd_notify::notify(&[NotifyState::Reloading, now]);
        }
        Err(_) => {
            let _ = sd_notify::notify(&[NotifyState::Reloading]);
        }
    }
}

/// The daemon ends.
pub fn stopping() {
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
}

/// The daemon is alive in all its threads.
pub fn alive() {
    let _ = sd_notify::notify(&[NotifyState::Watchdog]);
}

/// One line for `systemctl status`; sent only when it changes.
pub fn status(line: &str) {
    static LAST: Mutex<String> = Mutex::new(String::new());
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if *last != line {
        line.clone_into(&mut last);
        let _ = sd_notify::notify(&[NotifyState::Status(line)]);
    }
}
