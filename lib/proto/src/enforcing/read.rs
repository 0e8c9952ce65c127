//! The enforcing file as it lies on disk. What cannot be trusted or understood counts as enforcing.

use core::ffi::CStr;
use core::fmt;

use super::{Broken, Rules};
use crate::sys::{self, Errno};

/// The longest enforcing file, in bytes.
pub const MAX_FILE: usize = 64 << 10;

/// How long a file may be unconfirmed, in seconds: a day. One whose [`Rules::until`] is further ahead was written by a clock that has been
/// set back since (a host that lost its battery boots in 1970), and waiting for that time could take years.
pub const MOST_UNCONFIRMED: i64 = 86_400;

/// Whether a file that had to be confirmed until then is void: that time is over, or so far ahead that it was not this clock that wrote it.
/// So whatever happens to a clock, nobody is kept out by an unconfirmed file for longer than a day at a time.
pub fn is_void(until: i64, now: i64) -> bool {
    until <= now || until.saturating_sub(now) > MOST_UNCONFIRMED
}

/// What the file says about the mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading<'a> {
    /// There is no file: what would be denied is logged, and let in.
    Permissive,
    /// What the file says.
    Enforcing(Rules<'a>),
    /// The file is there but cannot be used: enforcing, by [`Rules::built_in`].
    Broken(Unreadable),
    /// The time until which it had to be confirmed, in Unix seconds, is over, or further ahead than it can have been ([`is_void`]): as
    /// if there were no file.
    Void(i64),
}

impl<'a> Reading<'a> {
    /// The rules to go by; `None` in permissive mode.
    pub fn rules(&self) -> Option<Rules<'a>> {
        match self {
            Reading::Enforcing(rules) => Some(*rules),
            Reading::Broken(_) => Some(Rules::built_in()),
            Reading::Permissive | Reading::Void(_) => None,
        }
    }
}

/// Why the file cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unreadable {
    /// The system says so.
    System(Errno),
    /// It is a directory, a device, a FIFO: anything but a regular file.
    NotRegular,
    /// It is not root's, or somebody else may write it.
    NotRootsAlone,
    /// It is longer than [`MAX_FILE`].
    TooLong,
    /// A line is wrong.
    Broken(Broken),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::System(errno) => errno.fmt(f),
            Unreadable::NotRegular => f.write_str("not a regular file"),
            Unreadable::NotRootsAlone => f.write_str("not owned by root, or writable by others"),
            Unreadable::TooLong => write!(f, "longer than {MAX_FILE} bytes"),
            Unreadable::Broken(broken) => broken.fmt(f),
        }
    }
}

impl core::error::Error for Unreadable {}

/// Reads the enforcing file into `room`. `now` is in Unix seconds.
pub fn read<'a>(path: &CStr, now: i64, room: &'a mut [u8; MAX_FILE]) -> Reading<'a> {
    match read_file(path, room) {
        Ok(None) => Reading::Permissive,
        Ok(Some(file)) => judge(file, now),
        Err(why) => Reading::Broken(why),
    }
}

/// What a file with this content says. Pure.
pub fn judge(file: &[u8], now: i64) -> Reading<'_> {
    match Rules::parse(file) {
        Ok(rules) => match rules.until() {
            Some(until) if is_void(until, now) => Reading::Void(until),
            _ => Reading::Enforcing(rules),
        },
        Err(broken) => Reading::Broken(Unreadable::Broken(broken)),
    }
}

fn read_file<'a>(path: &CStr, room: &'a mut [u8; MAX_FILE]) -> Result<Option<&'a [u8]>, Unreadable> {
    let file = match sys::open_to_read(path) {
        Ok(file) => file,
        Err(Errno(libc::ENOENT)) => return Ok(None),
        Err(errno) => {
            // Without a free descriptor it can still be seen that there is nothing to open.
            return match sys::lstat(path) {
                Err(Errno(libc::ENOENT)) => Ok(None),
                _ => Err(Unreadable::System(errno)),
            };
        }
    };
    let stat = sys::fstat(&file).map_err(Unreadable::System)?;
    if !stat.is_regular() {
        return Err(Unreadable::NotRegular);
    }
    if !stat.is_roots_alone() {
        return Err(Unreadable::NotRootsAlone);
    }
    let mut len = 0_usize;
    loop {
        let rest = room.get_mut(len..).filter(|rest| !rest.is_empty());
        let mut beyond = [0];
        match sys::read(&file, rest.unwrap_or(&mut beyond)) {
            Ok(0) => return room.get(..len).map(Some).ok_or(Unreadable::TooLong),
            Ok(count) => len = len.saturating_add(count),
            Err(Errno(libc::EINTR)) => {}
            Err(errno) => return Err(Unreadable::System(errno)),
        }
        if len > MAX_FILE {
            return Err(Unreadable::TooLong);
        }
    }
}
