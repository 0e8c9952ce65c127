//! Who is in /etc/passwd and /etc/group, read directly: break-glass and local groups must not depend on a directory, so
//! never through NSS. Lines of any length are read in pieces, so nothing is allocated and a group may have any number of members.

use core::ffi::CStr;

use crate::sys;

/// What must be known of local accounts.
pub trait Accounts {
    /// The uid of a local login; `None` if there is none, or the file cannot be read.
    fn uid_of(&mut self, user: &str) -> Option<u32>;
    /// Whether a local group lists a login as a member, or is the primary group of a local account.
    fn is_member(&mut self, user: &str, group: &str) -> bool;
}

/// The files of this host.
#[derive(Clone, Copy, Debug)]
pub struct Files {
    passwd: &'static CStr,
    group: &'static CStr,
}

impl Files {
    /// /etc/passwd and /etc/group.
    pub fn etc() -> Files {
        Files { passwd: c"/etc/passwd", group: c"/etc/group" }
    }

    fn account(&self, user: &str) -> Option<Account> {
        let mut scan = PasswdScan::new(user.as_bytes());
        feed_file(self.passwd, &mut |piece| scan.feed(piece))?;
        scan.feed(b"\n");
        scan.found
    }
}

impl Accounts for Files {
    fn uid_of(&mut self, user: &str) -> Option<u32> {
        self.account(user).map(|account| account.uid)
    }

    fn is_member(&mut self, user: &str, group: &str) -> bool {
        let primary = self.account(user).map(|account| account.gid);
        let mut scan = GroupScan::new(user.as_bytes(), group.as_bytes(), primary);
        if feed_file(self.group, &mut |piece| scan.feed(piece)).is_none() {
            return false;
        }
        scan.feed(b"\n");
        scan.found
    }
}

/// Reads a file in pieces; `None` when it cannot be read to its end.
fn feed_file(path: &CStr, feed: &mut dyn FnMut(&[u8])) -> Option<()> {
    let file = sys::open_to_read(path).ok()?;
    let mut piece = [0; 4096];
    loop {
        match sys::read(&file, &mut piece) {
            Ok(0) => return Some(()),
            Ok(count) => feed(piece.get(..count)?),
            Err(sys::Errno(libc::EINTR)) => {}
            Err(_) => return None,
        }
    }
}

/// Numbers of a local account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Account {
    uid: u32,
    gid: u32,
}

/// Compares a text that comes byte by byte with one that is known.
#[derive(Clone, Copy)]
struct Match<'a> {
    wanted: &'a [u8],
    /// How much of it has come; `None` once something else came.
    come: Option<usize>,
}

impl<'a> Match<'a> {
    fn new(wanted: &'a [u8]) -> Match<'a> {
        Match { wanted, come: Some(0) }
    }

    fn reset(&mut self) {
        self.come = Some(0);
    }

    fn next(&mut self, byte: u8) {
        self.come = self.come.filter(|&at| self.wanted.get(at) == Some(&byte)).map(|at| at.saturating_add(1));
    }

    fn is_whole(&self) -> bool {
        !self.wanted.is_empty() && self.come == Some(self.wanted.len())
    }
}

/// A decimal number that comes digit by digit; `None` once it is not one.
#[derive(Clone, Copy)]
struct Number {
    value: Option<u32>,
    digits: u32,
}

impl Number {
    const NEW: Number = Number { value: Some(0), digits: 0 };

    fn next(&mut self, byte: u8) {
        let digit = char::from(byte).to_digit(10);
        self.digits = self.digits.saturating_add(1);
        self.value = self
            .value
            .zip(digit)
            .and_then(|(value, digit)| value.checked_mul(10)?.checked_add(digit))
            .filter(|_| self.digits <= 10);
    }

    fn get(&self) -> Option<u32> {
        self.value.filter(|_| self.digits > 0)
    }
}

/// Looks for `name:…:uid:gid:`. The first line of that name counts, as it does for getpwnam(3).
struct PasswdScan<'a> {
    name: Match<'a>,
    field: u32,
    uid: Number,
    gid: Number,
    found: Option<Account>,
    over: bool,
}

impl<'a> PasswdScan<'a> {
    fn new(user: &'a [u8]) -> PasswdScan<'a> {
        PasswdScan {
            name: Match::new(user),
            field: 0,
            uid: Number::NEW,
            gid: Number::NEW,
            found: None,
            over: false,
        }
    }

    fn feed(&mut self, piece: &[u8]) {
        for &byte in piece {
            match (byte, self.field) {
                (b'\n', field) => {
                    if self.name.is_whole() && !self.over {
                        self.over = true;
                        let numbers = self.uid.get().zip(self.gid.get()).filter(|_| field >= 4);
                        self.found = numbers.map(|(uid, gid)| Account { uid, gid });
                    }
                    self.name.reset();
                    (self.field, self.uid, self.gid) = (0, Number::NEW, Number::NEW);
                }
                (b':', field) => self.field = field.saturating_add(1),
                (byte, 0) => self.name.next(byte),
                (byte, 2) => self.uid.next(byte),
                (byte, 3) => self.gid.next(byte),
                _ => {}
            }
        }
    }
}

/// Looks for `group:…:gid:member,member`.
struct GroupScan<'a> {
    group: Match<'a>,
    member: Match<'a>,
    primary: Option<u32>,
    field: u32,
    gid: Number,
    listed: bool,
    found: bool,
}

impl<'a> GroupScan<'a> {
    fn new(user: &'a [u8], group: &'a [u8], primary: Option<u32>) -> GroupScan<'a> {
        GroupScan {
            group: Match::new(group),
            member: Match::new(user),
            primary,
            field: 0,
            gid: Number::NEW,
            listed: false,
            found: false,
        }
    }

    fn feed(&mut self, piece: &[u8]) {
        for &byte in piece {
            match (byte, self.field) {
                (b'\n', field) => {
                    self.listed |= field == 3 && self.member.is_whole();
                    let primary = field == 3 && self.gid.get().is_some() && self.gid.get() == self.primary;
                    self.found |= self.group.is_whole() && (self.listed || primary);
                    self.group.reset();
                    self.member.reset();
                    (self.field, self.gid, self.listed) = (0, Number::NEW, false);
                }
                (b':', field) => self.field = field.saturating_add(1),
                (byte, 0) => self.group.next(byte),
                (byte, 2) => self.gid.next(byte),
                (b',', 3) => {
                    self.listed |= self.member.is_whole();
                    self.member.reset();
                }
                (byte, 3) => self.member.next(byte),
                _ => {}
            }
        }
    }
}

/// The uid that a passwd file gives a login, for fuzzing and for tests: the same code, fed in pieces of `at_once` bytes.
pub fn uid_in(passwd: &[u8], user: &str, at_once: usize) -> Option<u32> {
    let mut scan = PasswdScan::new(user.as_bytes());
    passwd.chunks(at_once.max(1)).for_each(|piece| scan.feed(piece));
    scan.feed(b"\n");
    scan.found.map(|account| account.uid)
}

/// Whether a group file makes a login a member, for fuzzing and for tests: the same code, fed in pieces of `at_once` bytes.
pub fn is_member_in(groups: &[u8], user: &str, group: &str, primary: Option<u32>, at_once: usize) -> bool {
    let mut scan = GroupScan::new(user.as_bytes(), group.as_bytes(), primary);
    groups.chunks(at_once.max(1)).for_each(|piece| scan.feed(piece));
    scan.feed(b"\n");
    scan.found
}
