//! The module's side of the exchange: one connection, one question, one answer, one deadline. Never waits beyond the
//! deadline, never raises SIGPIPE, never leaves a descriptor open, never takes anything but one well-formed answer for one.
//!
//! The daemon is trusted because only root can have put a socket where this one lies: every directory on the way is root's and
//! nobody else may write it. Peer credentials would say less: under socket activation they are those of process 1.

use core::ffi::CStr;
use core::fmt;
use core::time::Duration;

use crate::answer::Answer;
use crate::frame::{self, Frame, FrameError, Kind, MAX_FRAME};
use crate::sys::{self, Errno, Fd, Until};

/// How often a question is asked at most, of a daemon that hangs up before it has answered. One that was killed meanwhile is started
/// again by who holds its socket, and the second time the question waits for it; one that nobody starts again refuses the connection;
/// and one that hangs up on purpose does it each time.
const TIMES: u8 = 3;

/// The longest path of a socket, in bytes without the NUL (unix(7)).
pub const MAX_PATH: usize = 107;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AskError {
    /// The path does not begin with `/`, or is too long.
    Path,
    /// A directory on the way to the socket, or the socket's place itself, cannot be looked at.
    Lookup(Errno),
    /// A directory on the way is not root's, may be written by others, or is a symbolic link.
    Directory,
    /// There is something else than a socket.
    NotSocket,
    /// The connection failed.
    Connect(Errno),
    /// The exchange failed.
    Exchange(Errno),
    /// The deadline passed.
    Late,
    /// The daemon closed the connection before its answer was whole.
    Closed,
    /// What came is no answer.
    Nonsense(FrameError),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AskError::Path => write!(f, "its path must begin with / and have at most {MAX_PATH} bytes"),
            AskError::Lookup(errno) => write!(f, "{errno}"),
            AskError::Directory => {
                f.write_str("a directory on the way to it is not root's alone, or is a symbolic link")
            }
            AskError::NotSocket => f.write_str("not a socket"),
            AskError::Connect(errno) => write!(f, "cannot connect: {errno}"),
            AskError::Exchange(errno) => write!(f, "the exchange failed: {errno}"),
            AskError::Late => f.write_str("no answer in time"),
            AskError::Closed => f.write_str("closed before the answer was whole"),
            AskError::Nonsense(error) => write!(f, "the answer is nonsense: {error}"),
        }
    }
}

impl core::error::Error for AskError {}

/// When to give up, on CLOCK_MONOTONIC.
#[derive(Clone, Copy)]
struct Deadline {
    millis: u64,
}

impl Deadline {
    fn after(timeout: Duration) -> Result<Deadline, AskError> {
        let now = sys::monotonic_millis().map_err(AskError::Exchange)?;
        let timeout = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        Ok(Deadline { millis: now.saturating_add(timeout) })
    }

    /// Milliseconds that are left; at least 1.
    fn left(self) -> Result<i32, AskError> {
        let now = sys::monotonic_millis().map_err(AskError::Exchange)?;
        match self.millis.saturating_sub(now) {
            0 => Err(AskError::Late),
            left => Ok(i32::try_from(left).unwrap_or(i32::MAX)),
        }
    }
}

/// Asks the daemon behind `socket`. The answer borrows from `room`.
///
/// # Errors
/// See [`AskError`]: there is no answer, and the enforcing file has the word.
pub fn ask<'a>(
    socket: &CStr,
    question: &Frame,
    timeout: Duration,
    room: &'a mut [u8; MAX_FRAME],
) -> Result<Answer<'a>, AskError> {
    let deadline = Deadline::after(timeout)?;
    check_place(socket)?;
    let mut times = 1;
    let have = loop {
        match exchange(socket, question, deadline, room) {
            Err(AskError::Closed) if times < TIMES => times = times.saturating_add(1),
            other => break other?,
        }
    };
    Answer::decode(room.get(..have).ok_or(AskError::Closed)?).map_err(AskError::Nonsense)
}

/// Connects, asks, and reads the answer; its length.
fn exchange(
    socket: &CStr,
    question: &Frame,
    deadline: Deadline,
    room: &mut [u8; MAX_FRAME],
) -> Result<usize, AskError> {
    let connection = connect(socket, deadline)?;
    send(&connection, question.as_bytes(), deadline)?;
    receive(&connection, room, deadline)
}

/// Whether only root can have put the socket there.
fn check_place(socket: &CStr) -> Result<(), AskError> {
    let path = socket.to_bytes();
    if path.first() != Some(&b'/') || path.len() > MAX_PATH {
        return Err(AskError::Path);
    }
    for (at, _) in path.iter().enumerate().filter(|&(_, &byte)| byte == b'/') {
        let mut buffer = [0; MAX_PATH + 1];
        let directory = path.get(..at.max(1)).ok_or(AskError::Path)?;
        buffer.get_mut(..directory.len()).ok_or(AskError::Path)?.copy_from_slice(directory);
        let directory = CStr::from_bytes_until_nul(&buffer).map_err(|_| AskError::Path)?;
        let stat = sys::lstat(directory).map_err(AskError::Lookup)?;
        if !stat.is_directory() || !stat.is_roots_alone() {
            return Err(AskError::Directory);
        }
    }
    let stat = sys::lstat(socket).map_err(AskError::Lookup)?;
    if stat.is_socket() { Ok(()) } else { Err(AskError::NotSocket) }
}

fn connect(socket: &CStr, deadline: Deadline) -> Result<Fd, AskError> {
    let connection = sys::socket(sys::Kind::Stream).map_err(AskError::Connect)?;
    let mut pause = 1_i32;
    loop {
        match sys::connect(&connection, socket) {
            Ok(()) | Err(Errno(libc::EISCONN)) => return Ok(connection),
            Err(Errno(libc::EINTR)) => {
                deadline.left()?;
            }
            // The backlog is full. poll(2) does not tell when there is room, so wait a little and try again.
            Err(Errno(libc::EAGAIN)) => {
                sys::pause(deadline.left()?.min(pause));
                pause = pause.saturating_mul(2).min(16);
            }
            Err(errno) => return Err(AskError::Connect(errno)),
        }
    }
}

fn send(connection: &Fd, question: &[u8], deadline: Deadline) -> Result<(), AskError> {
    let mut rest = question;
    while !rest.is_empty() {
        match sys::send(connection, rest) {
            Ok(count) => rest = rest.get(count..).unwrap_or(&[]),
            Err(Errno(libc::EINTR)) => {
                deadline.left()?;
            }
            Err(Errno(libc::EAGAIN)) => sys::wait(connection, Until::Writable, deadline.left()?),
            Err(Errno(libc::EPIPE | libc::ECONNRESET)) => return Err(AskError::Closed),
            Err(errno) => return Err(AskError::Exchange(errno)),
        }
    }
    Ok(())
}

/// Reads one whole frame, and no byte more; its length.
fn receive(connection: &Fd, room: &mut [u8; MAX_FRAME], deadline: Deadline) -> Result<usize, AskError> {
    let mut have = 0_usize;
    loop {
        let left = deadline.left()?;
        let begun = room.get(..have).unwrap_or(&[]);
        let needed = frame::needed(Kind::Answer, begun).map_err(AskError::Nonsense)?;
        if have > needed {
            return Err(AskError::Nonsense(FrameError::Trailing));
        }
        if have == needed && have > frame::HEADER {
            break;
        }
        let Some(rest) = room.get_mut(have..).filter(|rest| !rest.is_empty()) else {
            return Err(AskError::Nonsense(FrameError::Trailing));
        };
        match sys::receive(connection, rest) {
            Ok(0) => return Err(AskError::Closed),
            Ok(count) => have = have.saturating_add(count),
            Err(Errno(libc::EINTR)) => {}
            Err(Errno(libc::EAGAIN)) => sys::wait(connection, Until::Readable, left),
            Err(Errno(libc::ECONNRESET)) => return Err(AskError::Closed),
            Err(errno) => return Err(AskError::Exchange(errno)),
        }
    }
    Ok(have)
}
