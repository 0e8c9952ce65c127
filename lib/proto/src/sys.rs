//! The few system calls that the rest of the crate needs, made safe. All of the crate's unsafe code is here.
//!
//! No allocation, no panic, nothing printed. Descriptors are close-on-exec, closed on every path, and never 0, 1 or 2: a host
//! that runs without its standard streams must not print into our socket.

use core::ffi::{CStr, c_int};
use core::fmt;
use core::mem::{MaybeUninit, size_of};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::map::MAX;
use crate::map::layout::{FIXED, HEADER, SUPERSEDED};
use crate::map::read::{Clocks, is_map};

/// An errno value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub c_int);

impl Errno {
    fn last() -> Errno {
        // SAFETY: __errno_location has no preconditions and returns the calling thread's errno, which lives as long as the thread.
        let location = unsafe { libc::__errno_location() };
        // SAFETY: the pointer is valid and aligned (above), and no other thread writes this thread's errno.
        Errno(unsafe { location.read() })
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            libc::ENOENT => f.write_str("no such file or directory"),
            libc::ECONNREFUSED => f.write_str("connection refused"),
            libc::EACCES => f.write_str("permission denied"),
            libc::EAGAIN => f.write_str("nobody takes the connection"),
            libc::EMFILE => f.write_str("too many open files"),
            libc::ELOOP => f.write_str("a symbolic link"),
            other => write!(f, "errno {other}"),
        }
    }
}

/// Runs something and leaves the thread's errno as it was: what a guest calls is no business of its host.
pub fn keeping_errno<T>(run: impl FnOnce() -> T) -> T {
    // SAFETY: as in `Errno::last`.
    let location = unsafe { libc::__errno_location() };
    // SAFETY: as in `Errno::last`.
    let before = unsafe { location.read() };
    let result = run();
    // SAFETY: the same pointer, of the same thread.
    unsafe { location.write(before) };
    result
}

fn check(result: c_int) -> Result<c_int, Errno> {
    if result < 0 { Err(Errno::last()) } else { Ok(result) }
}

fn check_len(result: isize) -> Result<usize, Errno> {
    usize::try_from(result).map_err(|_| Errno::last())
}

/// A descriptor that we own.
#[derive(Debug)]
pub(crate) struct Fd(c_int);

impl Fd {
    /// Takes over a descriptor just made by the kernel, and moves it out of the way of the standard streams.
    fn take(raw: c_int) -> Result<Fd, Errno> {
        let fd = Fd(check(raw)?);
        if fd.0 > 2 {
            return Ok(fd);
        }
        // SAFETY: fcntl with F_DUPFD_CLOEXEC takes an int and touches no memory; `fd` is open and ours.
        let moved = unsafe { libc::fcntl(fd.0, libc::F_DUPFD_CLOEXEC, 3) };
        check(moved).map(Fd)
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        // Not libc's function, at which a thread that is to be cancelled would end, in the middle of what we do.
        // SAFETY: the descriptor is ours, open, and closed nowhere else. On Linux it is gone even after EINTR, so never again.
        unsafe { libc::syscall(libc::SYS_close, self.0) };
    }
}

/// What kind of local socket.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Stream,
    Datagram,
}

/// A local socket: non-blocking, close-on-exec.
pub(crate) fn socket(kind: Kind) -> Result<Fd, Errno> {
    let kind = match kind {
        Kind::Stream => libc::SOCK_STREAM,
        Kind::Datagram => libc::SOCK_DGRAM,
    };
    // SAFETY: socket takes three ints and touches no memory.
    let raw = unsafe { libc::socket(libc::AF_UNIX, kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0) };
    Fd::take(raw)
}

/// The address of a socket in the file system, or ENAMETOOLONG.
fn address(path: &CStr) -> Result<(libc::sockaddr_un, libc::socklen_t), Errno> {
    let mut address =
        libc::sockaddr_un { sun_family: libc::AF_UNIX as libc::sa_family_t, sun_path: [0; 108] };
    let bytes = path.to_bytes_with_nul();
    // An empty path would be an autobind or abstract address, which anybody may listen on.
    if bytes.len() > address.sun_path.len() || bytes.len() < 2 {
        return Err(Errno(libc::ENAMETOOLONG));
    }
    for (room, &byte) in address.sun_path.iter_mut().zip(bytes) {
        *room = byte as core::ffi::c_char;
    }
    let len = core::mem::offset_of!(libc::sockaddr_un, sun_path).saturating_add(bytes.len());
    Ok((address, libc::socklen_t::try_from(len).map_err(|_| Errno(libc::ENAMETOOLONG))?))
}

/// connect(2).
pub(crate) fn connect(socket: &Fd, path: &CStr) -> Result<(), Errno> {
    let (address, len) = address(path)?;
    // SAFETY: `address` is an initialised sockaddr_un that outlives the call, and `len` is at most its size.
    check(unsafe { libc::connect(socket.0, (&raw const address).cast(), len) }).map(drop)
}

/// send(2), without SIGPIPE and without waiting.
pub(crate) fn send(socket: &Fd, bytes: &[u8]) -> Result<usize, Errno> {
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: pointer and length are those of a live slice, which the kernel only reads.
    check_len(unsafe { libc::send(socket.0, bytes.as_ptr().cast(), bytes.len(), flags) })
}

/// sendto(2), without SIGPIPE and without waiting.
pub(crate) fn send_to(socket: &Fd, bytes: &[u8], path: &CStr) -> Result<usize, Errno> {
    let (address, len) = address(path)?;
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    let to = (&raw const address).cast();
    // SAFETY: pointer and length are those of a live slice; `to` points to a sockaddr_un of at least `len` bytes. Both only read.
    check_len(unsafe { libc::sendto(socket.0, bytes.as_ptr().cast(), bytes.len(), flags, to, len) })
}

/// recv(2), without waiting; 0 is the end.
pub(crate) fn receive(socket: &Fd, room: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: pointer and length are those of a live slice that we hold exclusively, and any byte is a valid u8.
    check_len(unsafe { libc::recv(socket.0, room.as_mut_ptr().cast(), room.len(), libc::MSG_DONTWAIT) })
}

/// What to wait for.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    Readable,
    Writable,
}

/// Waits until a socket is ready, or for so many milliseconds, or until a signal.
pub(crate) fn wait(socket: &Fd, until: Until, millis: c_int) {
    let events = match until {
        Until::Readable => libc::POLLIN,
        Until::Writable => libc::POLLOUT,
    };
    let mut poll = libc::pollfd { fd: socket.0, events, revents: 0 };
    // SAFETY: one pollfd, exclusively ours. The outcome does not matter: the caller tries again and looks at the clock.
    unsafe { libc::poll(&raw mut poll, 1, millis) };
}

/// Waits for so many milliseconds, or until a signal.
pub(crate) fn pause(millis: c_int) {
    // SAFETY: with a count of 0 poll reads no pollfd, so a null pointer is fine.
    unsafe { libc::poll(core::ptr::null_mut(), 0, millis) };
}

fn clock(clock: libc::clockid_t) -> Result<libc::timespec, Errno> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a live timespec, exclusively ours.
    check(unsafe { libc::clock_gettime(clock, &raw mut time) })?;
    Ok(time)
}

/// Milliseconds of CLOCK_MONOTONIC.
pub(crate) fn monotonic_millis() -> Result<u64, Errno> {
    let time = clock(libc::CLOCK_MONOTONIC)?;
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let millis = u64::try_from(time.tv_nsec).unwrap_or(0).div_euclid(1_000_000);
    Ok(seconds.saturating_mul(1000).saturating_add(millis))
}

/// The wall clock, in Unix seconds.
///
/// # Errors
/// Never on Linux.
pub fn unix_seconds() -> Result<i64, Errno> {
    clock(libc::CLOCK_REALTIME).map(|time| time.tv_sec)
}

/// The clocks by which a group map is asked. No system call where the vDSO has them.
///
/// # Errors
/// Never on Linux, unless a sandbox forbids it and the vDSO does not have them.
pub fn clocks() -> Result<Clocks, Errno> {
    let boot = clock(libc::CLOCK_BOOTTIME)?;
    let boot_ms = boot.tv_sec.saturating_mul(1000).saturating_add(boot.tv_nsec.div_euclid(1_000_000));
    Ok(Clocks { real: unix_seconds()?, boot_ms })
}

/// The number of this process.
pub(crate) fn process() -> c_int {
    // SAFETY: getpid has no preconditions and cannot fail.
    unsafe { libc::getpid() }
}

/// What stat(2) tells of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stat {
    kind: libc::mode_t,
    /// Owner.
    pub(crate) uid: u32,
    /// Permission bits.
    mode: libc::mode_t,
    /// In bytes.
    size: libc::off_t,
    /// Tells it from every other file that is there at the same time.
    identity: Identity,
}

/// Device and inode of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity(u64, u64);

impl Stat {
    fn new(stat: &libc::stat) -> Stat {
        Stat {
            kind: stat.st_mode & libc::S_IFMT,
            uid: stat.st_uid,
            mode: stat.st_mode & !libc::S_IFMT,
            size: stat.st_size,
            identity: Identity(stat.st_dev, stat.st_ino),
        }
    }

    pub(crate) fn is_directory(self) -> bool {
        self.kind == libc::S_IFDIR
    }

    pub(crate) fn is_regular(self) -> bool {
        self.kind == libc::S_IFREG
    }

    pub(crate) fn is_socket(self) -> bool {
        self.kind == libc::S_IFSOCK
    }

    /// Whether only root may change it. With a POSIX ACL the group bits are its mask, so this covers ACLs too.
    pub(crate) fn is_roots_alone(self) -> bool {
        self.uid == 0 && !self.is_others_to_write()
    }

    /// Whether somebody else than its owner and root may change it.
    fn is_others_to_write(self) -> bool {
        self.mode & 0o022 != 0
    }
}

/// lstat(2): symbolic links are not followed in the last component.
pub(crate) fn lstat(path: &CStr) -> Result<Stat, Errno> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `path` ends with NUL, and `stat` has room for a stat structure.
    check(unsafe { libc::lstat(path.as_ptr(), stat.as_mut_ptr()) })?;
    // SAFETY: lstat returned 0, so it filled the structure.
    Ok(Stat::new(unsafe { stat.assume_init_ref() }))
}

/// fstat(2).
pub(crate) fn fstat(file: &Fd) -> Result<Stat, Errno> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `stat` has room for a stat structure.
    check(unsafe { libc::fstat(file.0, stat.as_mut_ptr()) })?;
    // SAFETY: fstat returned 0, so it filled the structure.
    Ok(Stat::new(unsafe { stat.assume_init_ref() }))
}

/// Never to write, no symbolic link at the end, no waiting for a writer of a FIFO, no controlling terminal.
const TO_READ: c_int =
    libc::O_RDONLY | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC | libc::O_NOCTTY;

/// A directory to find something in, which takes no right to list it; no symbolic link at the end.
const TO_FIND_IN: c_int = libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;

/// openat(2). A path that does not begin with `/` is one in that directory.
fn open(directory: c_int, path: &CStr, flags: c_int) -> Result<Fd, Errno> {
    // Not libc's function: see `Fd::drop`.
    // SAFETY: `path` ends with NUL; without O_CREAT openat takes no fourth argument.
    let raw = unsafe { libc::syscall(libc::SYS_openat, directory, path.as_ptr(), flags) };
    Fd::take(c_int::try_from(raw).unwrap_or(-1))
}

/// Opens a file to read.
pub(crate) fn open_to_read(path: &CStr) -> Result<Fd, Errno> {
    open(libc::AT_FDCWD, path, TO_READ)
}

/// read(2); 0 is the end.
pub(crate) fn read(file: &Fd, room: &mut [u8]) -> Result<usize, Errno> {
    // Not libc's function: see `Fd::drop`.
    // SAFETY: pointer and length are those of a live slice that we hold exclusively, and any byte is a valid u8.
    let length = unsafe { libc::syscall(libc::SYS_read, file.0, room.as_mut_ptr(), room.len()) };
    check_len(isize::try_from(length).unwrap_or(-1))
}

/// Zeroed memory straight from the kernel: too large for a guest's stack, and a failure is an error instead of an abort.
#[derive(Debug)]
pub struct Pages<const N: usize> {
    start: NonNull<[u8; N]>,
}

impl<const N: usize> Pages<N> {
    /// Maps `N` bytes, private to this process.
    ///
    /// # Errors
    /// When the kernel gives no memory.
    pub fn new() -> Result<Pages<N>, Errno> {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: an anonymous private mapping at an address of the kernel's choice touches no memory that is in use.
        let start = unsafe { libc::mmap(core::ptr::null_mut(), size_of::<[u8; N]>(), access, kind, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        NonNull::new(start.cast()).map(|start| Pages { start }).ok_or(Errno(libc::ENOMEM))
    }

    /// The memory.
    pub fn bytes(&mut self) -> &mut [u8; N] {
        // SAFETY: `start` is a mapping of N readable and writable bytes that lives until drop; `&mut self` makes this the only
        // reference into it; zeroed memory is a valid [u8; N], and bytes need no alignment.
        unsafe { self.start.as_mut() }
    }
}

impl<const N: usize> Drop for Pages<N> {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, of exactly this length, unmapped nowhere else, and no reference outlives `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), N) };
    }
}

/// What the kernel calls an owner who has no number in this user namespace, unless the host says otherwise (user_namespaces(7)).
const NOBODY: u32 = 65_534;

/// The directory of the group map. What is in it is opened from here, so nobody can put another one in its place meanwhile.
#[derive(Debug)]
pub struct Maps(Fd);

impl Maps {
    /// Opens the one of this name in a directory of root's. Nobody but their owners may write the two, and neither is a symbolic link: in a
    /// tree of somebody else's, into which a process of root's may have changed its root directory, there is none.
    ///
    /// # Errors
    /// When there is none; EPERM when somebody else could change what is there.
    pub fn open(roots: &CStr, name: &CStr) -> Result<Maps, Errno> {
        let roots = open(libc::AT_FDCWD, roots, TO_FIND_IN)?;
        let stat = fstat(&roots)?;
        if !matches!(stat.uid, 0 | NOBODY) || stat.is_others_to_write() {
            return Err(Errno(libc::EPERM));
        }
        let maps = open(roots.0, name, TO_FIND_IN)?;
        if fstat(&maps)?.is_others_to_write() {
            return Err(Errno(libc::EPERM));
        }
        Ok(Maps(maps))
    }
}

/// A group map in memory, shared with the daemon that wrote it. Not checked.
#[derive(Debug)]
pub struct Mapped {
    start: NonNull<u8>,
    length: usize,
}

/// What is in the place of a group map.
#[derive(Debug)]
pub enum Found {
    /// A file that may be a map.
    Mapped(Mapped),
    /// A map that does not count any more.
    Superseded(Identity),
}

impl Mapped {
    /// Maps a regular file that only its owner may write, and that begins like a map. Nothing stays open.
    ///
    /// # Errors
    /// When there is none; EINVAL when it is something else.
    ///
    /// # Safety
    /// Whoever may write the file must never change it but for the superseded word, nor cut it short.
    pub unsafe fn open(maps: &Maps, name: &CStr) -> Result<Found, Errno> {
        let file = open(maps.0.0, name, TO_READ)?;
        let stat = fstat(&file)?;
        let length = usize::try_from(stat.size).unwrap_or(0);
        if !stat.is_regular() || stat.is_others_to_write() || !(HEADER..=MAX).contains(&length) {
            return Err(Errno(libc::EINVAL));
        }
        let mut first = [0; FIXED];
        if read(&file, &mut first)? != FIXED || !is_map(&first) {
            return Err(Errno(libc::EINVAL));
        }
        if first.get(SUPERSEDED..).and_then(|word| word.first_chunk()) != Some(&[0; 4]) {
            return Ok(Found::Superseded(stat.identity));
        }
        let kind = libc::MAP_SHARED | libc::MAP_POPULATE;
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory that is in use; the descriptor is open.
        let start = unsafe { libc::mmap(core::ptr::null_mut(), length, libc::PROT_READ, kind, file.0, 0) };
        if start == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let start = NonNull::new(start.cast()).ok_or(Errno(libc::ENOMEM))?;
        Ok(Found::Mapped(Mapped { start, length }))
    }

    /// Whether the daemon has taken it out of force.
    pub fn is_superseded(&self) -> bool {
        let word = self.start.as_ptr().wrapping_add(SUPERSEDED).cast();
        // SAFETY: a mapping begins at a page, so the word is aligned, and within its first `HEADER` bytes; it lives as long as `self`. Nobody
        // in this process writes it, and it is in no slice; the daemon writes it whole.
        let word = unsafe { AtomicU32::from_ptr(word) };
        // Relaxed: the one order of a load that is sure not to write, and the memory is read-only. Nothing else is read by what it says.
        word.load(Ordering::Relaxed) != 0
    }

    /// What stands from [`FIXED`] on: what [`crate::map::read::Map`] takes.
    pub fn rest(&self) -> &[u8] {
        let start = self.start.as_ptr().wrapping_add(FIXED).cast_const();
        // SAFETY: `length` readable bytes from the start on, more than FIXED, that live as long as `self`; nobody changes them (see `open`).
        unsafe { core::slice::from_raw_parts(start, self.length.saturating_sub(FIXED)) }
    }

    /// Gives it away as its address and length; it stays mapped.
    pub fn into_raw(self) -> (NonNull<u8>, usize) {
        let mapped = core::mem::ManuallyDrop::new(self);
        (mapped.start, mapped.length)
    }

    /// Takes it back. When this is dropped, it is unmapped.
    ///
    /// # Safety
    /// They come from [`Mapped::into_raw`], and it is still mapped for as long as this lives.
    pub unsafe fn from_raw(start: NonNull<u8>, length: usize) -> Mapped {
        Mapped { start, length }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, of exactly this length, unmapped nowhere else, and no reference outlives `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}
