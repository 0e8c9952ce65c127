//! Whoever logs in a host finds somebody listening at /dev/log: the test itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::trouble::{Result, Trouble};

/// A listener at /dev/log.
#[derive(Debug)]
pub(super) struct Syslog {
    lines: Arc<Mutex<Vec<String>>>,
}

impl Syslog {
    /// Listens at `path` until dropped.
    pub(super) fn listen(path: &Path) -> Result<Syslog> {
        let socket = UnixDatagram::bind(path).map_err(|e| Trouble::io(path, e))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o666)).map_err(|e| Trouble::io(path, e))?;
        // Looks now and then whether anybody still wants the lines.
        socket.set_read_timeout(Some(Duration::from_millis(500))).map_err(|e| Trouble::io(path, e))?;
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::downgrade(&lines);
        thread::spawn(move || {
            let mut buffer = [0; 16384];
            while let Some(lines) = kept.upgrade() {
                if let Ok(n) = socket.recv(&mut buffer) {
                    let text = String::from_utf8_lossy(buffer.get(..n).unwrap_or_default()).into_owned();
                    lines.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                }
            }
        });
        Ok(Syslog { lines })
    }

    /// Everything so far.
    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
