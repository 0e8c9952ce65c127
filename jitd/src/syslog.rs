//! Lines to syslog that never wait: a non-blocking datagram to /dev/log, facility authpriv. The `syslog` crate's writer and
//! syslog(3) both hang when nobody reads the socket, and a login must not. What could not be sent is counted, and
//! the next line that gets through says how many were lost.
//!
//! Without a time stamp, as in jit-proto's: the receiver's own counts.

use std::io::{self, ErrorKind};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process;
use std::sync::{Mutex, PoisonError};

use jit_proto::Cleaned;

/// Where syslog listens.
pub const DEV_LOG: &str = "/dev/log";
/// The longest datagram, in bytes; every syslog daemon takes this much.
const MAX_LINE: usize = 2048;
const AUTHPRIV: u8 = 10 << 3;

/// How urgent a line is (RFC 3164 §4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Somebody should look now.
    Alert = 1,
    /// Something failed.
    Error = 3,
    /// Something is not as it should be.
    Warning = 4,
    /// Worth knowing: somebody was denied.
    Notice = 5,
    /// As it should be.
    Info = 6,
}

/// The way to syslog. Cheap to make; connects when needed, and again when the syslog daemon was restarted.
#[derive(Debug)]
pub struct Syslog {
    path: PathBuf,
    tag: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    socket: Option<UnixDatagram>,
    /// Not sent since the last line that got through, and in all.
    unconfessed: u64,
    dropped: u64,
    /// Nothing is at the path: this host has no syslog.
    absent: bool,
}

impl Syslog {
    /// Lines signed `jitd[PID]`, to the socket at `path` (usually [`DEV_LOG`]).
    pub fn new(path: impl Into<PathBuf>) -> Syslog {
        Syslog { path: path.into(), tag: format!("jitd[{}]", process::id()), state: Mutex::default() }
    }

    /// Sends one line, or drops it and counts. What is not printable becomes `?`; what is too long is cut.
    pub fn send(&self, severity: Severity, text: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.unconfessed > 0 {
            let lost = format!("{} lines before this one could not be sent to syslog", state.unconfessed);
            if self.transmit(&mut state, Severity::Warning, &lost) {
                state.unconfessed = 0;
            }
        }
        if !self.transmit(&mut state, severity, text) {
            state.unconfessed = state.unconfessed.saturating_add(1);
            state.dropped = state.dropped.saturating_add(1);
        }
    }

    /// How many lines were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).dropped
    }

    /// How many lines were dropped since the last one that got through, although there is a syslog.
    pub fn behind(&self) -> u64 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.absent { 0 } else { state.unconfessed }
    }

    fn transmit(&self, state: &mut State, severity: Severity, text: &str) -> bool {
        let line = format!("<{}>{}: {text}", AUTHPRIV | severity as u8, self.tag);
        let line = Cleaned::<MAX_LINE>::line(line.as_bytes());
        // A second try with a new connection: the syslog daemon may have been restarted. A full socket is not tried
        // again, that would be waiting.
        for _ in 0..2 {
            let socket = match state.socket.take().map_or_else(|| self.connect(), Ok) {
                Ok(socket) => socket,
                Err(error) => {
                    state.absent = error.kind() == ErrorKind::NotFound;
                    return false;
                }
            };
            state.absent = false;
            match socket.send(line.as_str().as_bytes()) {
                Ok(_) => {
                    state.socket = Some(socket);
                    return true;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    state.socket = Some(socket);
                    return false;
                }
                Err(_) => {}
            }
        }
        false
    }

    fn connect(&self) -> io::Result<UnixDatagram> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect(&self.path)?;
        Ok(socket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 4096];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    #[test]
    fn one_line_whatever_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let daemon = UnixDatagram::bind(&path).unwrap();
        let syslog = Syslog::new(&path);
        syslog.send(Severity::Notice, "deny eve\n<80>sshd[1]: Accepted\x1b[2K\u{202e}\u{9b}");
        let tag = format!("jitd[{}]", process::id());
        assert_eq!(receive(&daemon), format!("<85>{tag}: deny eve?<80>sshd[1]: Accepted?[2K??"));
        syslog.send(Severity::Alert, &"x".repeat(10_000));
        assert_eq!(receive(&daemon).len(), MAX_LINE);
    }

    #[test]
    fn never_waits_and_counts_what_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let syslog = Syslog::new(&path);
        syslog.send(Severity::Info, "nobody there");
        assert_eq!((syslog.dropped(), syslog.behind()), (1, 0), "a host without syslog is not ill");
        let daemon = UnixDatagram::bind(&path).unwrap();
        // Nobody reads: this returns although the socket is full after some of them.
        for n in 0..100_000 {
            syslog.send(Severity::Info, &format!("line {n}"));
            if syslog.dropped() > 10 {
                break;
            }
        }
        assert!(syslog.dropped() > 10);
        assert_eq!(syslog.behind(), 10);
        assert!(receive(&daemon).ends_with("1 lines before this one could not be sent to syslog"));
        assert!(receive(&daemon).ends_with("line 0"));
        daemon.set_nonblocking(true).unwrap();
        while daemon.recv(&mut [0; 4096]).is_ok() {}
        syslog.send(Severity::Info, "again");
        assert!(receive(&daemon).ends_with("10 lines before this one could not be sent to syslog"));
        assert!(receive(&daemon).ends_with("again"));
        assert_eq!(syslog.behind(), 0);
    }

    #[test]
    fn a_restarted_daemon_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let daemon = UnixDatagram::bind(&path).unwrap();
        let syslog = Syslog::new(&path);
        syslog.send(Severity::Info, "one");
        drop(daemon);
        std::fs::remove_file(&path).unwrap();
        let daemon = UnixDatagram::bind(&path).unwrap();
        syslog.send(Severity::Info, "two");
        assert!(receive(&daemon).ends_with("two"));
        assert_eq!(syslog.dropped(), 0);
    }
}
