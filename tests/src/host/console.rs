//! A local console: a terminal that is called `/dev/tty1` inside the host, with a real getty and a real login on it.
//! The terminal itself is a pseudo-terminal, because a host has no screen; every program in the host finds it under the
//! console's name, which is what PAM_TTY is made of.

use std::fs::File;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::pty::{grantpt, ptsname, unlockpt};

use super::Host;
use super::daemon::Daemon;
use crate::trouble::{Result, Trouble};
use crate::wait::until;

/// A console and the person who sits at it.
#[derive(Debug)]
pub struct Console {
    keyboard: File,
    screen: Arc<Mutex<String>>,
    _getty: Daemon,
}

impl Console {
    /// Starts a getty on `/dev/NAME` (`tty1`, `ttyS0`) of a host.
    ///
    /// # Errors
    /// When the terminal cannot be made.
    pub fn open(host: &Host, name: &str) -> Result<Console> {
        let (keyboard, slave) = terminal(host)?;
        // A terminal that was there before and is closed would be in the way.
        let script = format!("umount -q /dev/{name}; touch /dev/{name} && mount --bind {slave} /dev/{name}");
        host.sh(&script).run()?.must()?;
        Console::sit_at(host, keyboard, name)
    }

    /// Starts a getty on a terminal that is no console: a pseudo-terminal under its own name, as telnetd would have one.
    ///
    /// # Errors
    /// When the terminal cannot be made.
    pub fn on_a_pseudo_terminal(host: &Host) -> Result<Console> {
        let (keyboard, slave) = terminal(host)?;
        Console::sit_at(host, keyboard, slave.trim_start_matches("/dev/"))
    }

    fn sit_at(host: &Host, keyboard: File, name: &str) -> Result<Console> {
        let log = name.replace('/', "-");
        let getty = host.start(&log, ["setsid", "agetty", "--noissue", "--noclear", name])?;
        let screen = Arc::new(Mutex::new(String::new()));
        let kept = Arc::downgrade(&screen);
        let mut reader = keyboard.try_clone().map_err(|e| Trouble::new(format!("console: {e}")))?;
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Some(shown) = kept.upgrade() {
                match reader.read(&mut buffer) {
                    Ok(n) => {
                        let text = String::from_utf8_lossy(buffer.get(..n).unwrap_or_default()).into_owned();
                        shown.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
                    }
                    // EIO while nobody has the terminal open: between getty and login, and after the last logout.
                    Err(_) => thread::sleep(Duration::from_millis(5)),
                }
            }
        });
        Ok(Console { keyboard, screen, _getty: getty })
    }

    /// Types a line.
    ///
    /// # Errors
    /// When the terminal is closed.
    pub fn types(&mut self, line: &str) -> Result<()> {
        self.keyboard
            .write_all(format!("{line}\r").as_bytes())
            .map_err(|e| Trouble::new(format!("console: {e}")))
    }

    /// What the screen has shown so far.
    pub fn screen(&self) -> String {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the screen shows `text`.
    ///
    /// # Errors
    /// When it does not; with what it shows.
    pub fn shows(&self, text: &str) -> Result<()> {
        let waited = until(Duration::from_secs(30), &format!("the console shows {text:?}"), || {
            self.screen().contains(text)
        });
        waited.map_err(|e| Trouble::new(format!("{e}; it shows:\n{}", self.screen())))
    }
}

/// A new pseudo-terminal of a host: its master, and its name inside.
pub(crate) fn terminal(host: &Host) -> Result<(File, String)> {
    let ptmx = host.path("/dev/pts/ptmx");
    let keyboard = File::options().read(true).write(true).open(&ptmx).map_err(|e| Trouble::io(&ptmx, e))?;
    let made =
        grantpt(&keyboard).and_then(|()| unlockpt(&keyboard)).and_then(|()| ptsname(&keyboard, Vec::new()));
    let slave = made.map_err(|e| Trouble::io(&ptmx, e.into()))?;
    Ok((keyboard, slave.to_string_lossy().into_owned()))
}
