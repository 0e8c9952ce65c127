//! One line to syslog from inside another process: a datagram in the form of RFC 3164 to /dev/log, facility authpriv. Never
//! waits and never allocates; dropped when nobody takes it, for a login must not hang on a logger (syslog(3) does).
//!
//! There is no time stamp: the receiver's own counts, and making one would read TZ from an environment that is not ours to trust.

use core::ffi::CStr;
use core::fmt::{self, Write};

use crate::clean::Cleaned;
use crate::sys;

/// The longest datagram, in bytes; the rest of a message is cut.
pub const MAX_LINE: usize = 1024;

const DEV_LOG: &CStr = c"/dev/log";
const AUTHPRIV: u8 = 10 << 3;

/// How urgent a line is (RFC 3164 §4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Somebody should look now: break-glass was used.
    Alert,
    /// Somebody was denied because something is broken.
    Error,
    /// Something is broken.
    Warning,
    /// Worth knowing.
    Notice,
}

impl Severity {
    fn code(self) -> u8 {
        match self {
            Severity::Alert => 1,
            Severity::Error => 3,
            Severity::Warning => 4,
            Severity::Notice => 5,
        }
    }
}

/// Sends one line, signed `tag[pid]`. Whatever is not printable in `message` becomes `?`. Whether it arrived is not known.
pub fn line(severity: Severity, tag: &str, message: fmt::Arguments<'_>) {
    let datagram = datagram(severity, tag, sys::process(), message);
    if let Ok(socket) = sys::socket(sys::Kind::Datagram) {
        // Nobody to tell if it fails: dropped.
        let _ = sys::send_to(&socket, datagram.as_str().as_bytes(), DEV_LOG);
    }
}

fn datagram(severity: Severity, tag: &str, process: i32, message: fmt::Arguments<'_>) -> Cleaned<MAX_LINE> {
    let mut raw = Raw { bytes: [0; MAX_LINE], len: 0 };
    let priority = AUTHPRIV | severity.code();
    // A write fails when the buffer is full; what fitted is sent.
    let _ = write!(raw, "<{priority}>{tag}[{process}]: {message}");
    Cleaned::line(raw.bytes.get(..raw.len).unwrap_or(&[]))
}

struct Raw {
    bytes: [u8; MAX_LINE],
    len: usize,
}

impl Write for Raw {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            *self.bytes.get_mut(self.len).ok_or(fmt::Error)? = byte;
            self.len = self.len.saturating_add(1);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_become_two() {
        let name = "eve\n<80>sshd[1]: Accepted password for root\x1b[2K";
        let datagram = datagram(Severity::Error, "pam_jit", 7, format_args!("{name} is denied"));
        assert_eq!(
            datagram.as_str(),
            "<83>pam_jit[7]: eve?<80>sshd[1]: Accepted password for root?[2K is denied"
        );
    }

    #[test]
    fn too_much_is_cut() {
        let long = ["ä"; 2000].concat();
        let datagram = datagram(Severity::Alert, "pam_jit", 7, format_args!("{long}"));
        assert!(datagram.as_str().len() <= MAX_LINE && datagram.as_str().len() > MAX_LINE - 3);
    }
}
