//! libnss_jit.so.2 as glibc calls it, but with everything that it may not touch laid open to view. All unsafe code of these tests.

use std::ffi::{CStr, CString, c_char, c_int, c_long, c_void};
use std::ptr::{null, null_mut};

use crate::trouble::{Result, Trouble};

type OneGroup = unsafe extern "C" fn(*mut libc::group, *mut c_char, usize, *mut c_int) -> c_int;
type OnePerson = unsafe extern "C" fn(*mut libc::passwd, *mut c_char, usize, *mut c_int) -> c_int;
type Named<T> = unsafe extern "C" fn(*const c_char, *mut T, *mut c_char, usize, *mut c_int) -> c_int;
type Numbered<T> = unsafe extern "C" fn(u32, *mut T, *mut c_char, usize, *mut c_int) -> c_int;
type InitGroups = unsafe extern "C" fn(
    *const c_char,
    u32,
    *mut c_long,
    *mut c_long,
    *mut *mut u32,
    c_long,
    *mut c_int,
) -> c_int;

/// What stands in memory that was not written to.
const UNTOUCHED: u8 = 0xa5;

/// What errno is before a call, and the caller's own afterwards.
const ERRNO: c_int = 4242;

/// The module, loaded.
#[derive(Clone, Copy, Debug)]
pub struct Module {
    group_named: Named<libc::group>,
    group_numbered: Numbered<libc::group>,
    next_group: OneGroup,
    first_group: unsafe extern "C" fn(c_int) -> c_int,
    person_named: Named<libc::passwd>,
    person_numbered: Numbered<libc::passwd>,
    next_person: OnePerson,
    first_person: unsafe extern "C" fn(c_int) -> c_int,
    init_groups: InitGroups,
}

/// A question about one group or person.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    /// By name.
    Name(&'a str),
    /// By number.
    Number(u32),
    /// The next of the enumeration.
    Next,
}

/// Who calls initgroups_dyn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// As the glibc of this process does it, which wants to be told by errno itself.
    Glibc,
    /// As one does that has an errno elsewhere: a program that is linked statically, or another service.
    Stranger,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// `enum nss_status`.
    pub status: c_int,
    /// What it wrote to `errnop`; 0 for nothing.
    pub errno: c_int,
    /// The entry as a line of passwd(5) or group(5).
    pub line: String,
}

impl Called {
    /// A success with this line.
    pub fn found(line: &str) -> Called {
        Called { status: 1, errno: 0, line: line.to_owned() }
    }

    /// Another outcome.
    pub fn not(status: c_int, errno: c_int) -> Called {
        Called { status, errno, line: String::new() }
    }
}

/// A buffer of so many bytes that begins so far from an aligned address, between bytes that must not change.
struct Buffer {
    bytes: Vec<u64>,
    from: usize,
    length: usize,
}

impl Buffer {
    fn new(from: usize, length: usize) -> Buffer {
        let words = (from + length) / 8 + 3;
        Buffer { bytes: vec![u64::from_ne_bytes([UNTOUCHED; 8]); words], from: from + 8, length }
    }

    fn start(&mut self) -> *mut c_char {
        self.bytes.as_mut_ptr().cast::<c_char>().wrapping_add(self.from)
    }

    fn is_sound(&self) -> bool {
        let bytes: Vec<u8> = self.bytes.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let (before, rest) = bytes.split_at(self.from);
        before.iter().chain(&rest[self.length..]).all(|byte| *byte == UNTOUCHED)
    }

    /// A text that must lie in it.
    fn text(&mut self, text: *const c_char) -> String {
        let offset = (text as usize).checked_sub(self.start() as usize);
        assert!(offset.is_some_and(|offset| offset < self.length), "a pointer out of the buffer");
        // SAFETY: it points into the buffer, which ends with bytes of no text; the module's texts end with NUL.
        unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
    }
}

fn c(text: &str) -> CString {
    CString::new(text).unwrap_or_default()
}

/// errno of this thread.
fn host_errno() -> *mut c_int {
    // SAFETY: no preconditions.
    unsafe { libc::__errno_location() }
}

/// Calls with errno set, and sees that it is left alone; what was not found must not be half filled.
fn call<T: Copy>(look_up: impl FnOnce(*mut T, *mut c_int) -> c_int) -> (c_int, c_int, Option<T>) {
    let mut result = std::mem::MaybeUninit::<T>::uninit();
    let bytes: *mut u8 = result.as_mut_ptr().cast();
    // SAFETY: so many bytes.
    unsafe { bytes.write_bytes(UNTOUCHED, size_of::<T>()) };
    let mut errno = 0;
    // SAFETY: this thread's own.
    unsafe { *host_errno() = ERRNO };
    let status = look_up(result.as_mut_ptr(), &raw mut errno);
    // SAFETY: this thread's own.
    let left = unsafe { *host_errno() };
    if left != ERRNO {
        // Only where it was handed over to be told by.
        assert!(errno == 0 && status != 1, "errno is the host's");
        errno = left;
    }
    if status == 1 {
        // SAFETY: filled in.
        return (status, errno, Some(unsafe { result.assume_init() }));
    }
    // SAFETY: initialised above.
    let bytes = unsafe { std::slice::from_raw_parts(bytes, size_of::<T>()) };
    assert!(bytes.iter().all(|byte| *byte == UNTOUCHED), "half filled");
    (status, errno, None)
}

/// An entry point, of the type that glibc's nss.h gives it: a pointer to a function.
fn symbol<F: Copy>(handle: *mut c_void, name: &CStr) -> Result<F> {
    // SAFETY: the handle is good, the name ends with NUL.
    let symbol = unsafe { libc::dlsym(handle, name.as_ptr()) };
    if symbol.is_null() || size_of::<F>() != size_of::<*mut c_void>() {
        return Err(Trouble::new(format!("no {}", name.to_string_lossy())));
    }
    // SAFETY: of that size, and not null; the type is as said above.
    Ok(unsafe { std::mem::transmute_copy(&symbol) })
}

impl Module {
    /// Loads it by its name, as glibc does.
    ///
    /// # Errors
    /// When it does not load, or lacks an entry point.
    pub fn load() -> Result<Module> {
        // SAFETY: the module has no code that runs at its loading.
        let handle = unsafe { libc::dlopen(c"libnss_jit.so.2".as_ptr(), libc::RTLD_NOW) };
        if handle.is_null() {
            // SAFETY: no preconditions.
            let why = unsafe { libc::dlerror() };
            // SAFETY: after a failure there is a text.
            let why = unsafe { CStr::from_ptr(why) };
            return Err(Trouble::new(why.to_string_lossy()));
        }
        Ok(Module {
            group_named: symbol(handle, c"_nss_jit_getgrnam_r")?,
            group_numbered: symbol(handle, c"_nss_jit_getgrgid_r")?,
            next_group: symbol(handle, c"_nss_jit_getgrent_r")?,
            first_group: symbol(handle, c"_nss_jit_setgrent")?,
            person_named: symbol(handle, c"_nss_jit_getpwnam_r")?,
            person_numbered: symbol(handle, c"_nss_jit_getpwuid_r")?,
            next_person: symbol(handle, c"_nss_jit_getpwent_r")?,
            first_person: symbol(handle, c"_nss_jit_setpwent")?,
            init_groups: symbol(handle, c"_nss_jit_initgroups_dyn")?,
        })
    }

    /// The enumeration of groups begins anew.
    pub fn first_group(&self) -> c_int {
        // SAFETY: no preconditions.
        unsafe { (self.first_group)(0) }
    }

    /// The enumeration of people begins anew.
    pub fn first_person(&self) -> c_int {
        // SAFETY: no preconditions.
        unsafe { (self.first_person)(0) }
    }

    /// A group, in a buffer of so many bytes that begins so far from an aligned address.
    pub fn group(&self, key: Key<'_>, from: usize, length: usize) -> Called {
        let mut buffer = Buffer::new(from, length);
        let start = buffer.start();
        let name = if let Key::Name(name) = key { c(name) } else { CString::default() };
        let (status, errno, group) = call::<libc::group>(|result, errnop| {
            match key {
                Key::Name(_) => {
                    let name = name.as_ptr();
                    // SAFETY: all of it is there, for as long as the call takes.
                    unsafe { (self.group_named)(name, result, start, length, errnop) }
                }
                Key::Number(number) => {
                    // SAFETY: all of it is there, for as long as the call takes.
                    unsafe { (self.group_numbered)(number, result, start, length, errnop) }
                }
                Key::Next => {
                    // SAFETY: all of it is there, for as long as the call takes.
                    unsafe { (self.next_group)(result, start, length, errnop) }
                }
            }
        });
        assert!(buffer.is_sound(), "written beyond the buffer");
        let line = group.map_or(String::new(), |group| {
            assert!(group.gr_mem.is_aligned(), "gr_mem is not aligned");
            let mut members = Vec::new();
            loop {
                let at = group.gr_mem.wrapping_add(members.len());
                let end = at.wrapping_add(1) as usize;
                assert!(
                    at as usize >= start as usize && end <= start as usize + length,
                    "gr_mem out of the buffer"
                );
                // SAFETY: aligned, and within the buffer.
                let member = unsafe { at.read() };
                if member.is_null() {
                    break;
                }
                members.push(buffer.text(member));
            }
            let [name, password] = [group.gr_name, group.gr_passwd].map(|text| buffer.text(text));
            format!("{name}:{password}:{}:{}", group.gr_gid, members.join(","))
        });
        Called { status, errno, line }
    }

    /// Whether it is there; without a call that a signal handler may not make. The name that is asked for lies in the buffer itself, as when a
    /// program asks getgrnam(3) for what it has just been told by it.
    pub fn group_is_there(&self, name: &str, room: &mut [u64; 64]) -> bool {
        let mut text = [0_u8; 32];
        for (to, from) in text.iter_mut().zip(name.bytes().take(31)) {
            *to = from;
        }
        for (to, from) in room.iter_mut().zip(text.chunks_exact(8)) {
            *to = u64::from_ne_bytes(from.try_into().unwrap_or_default());
        }
        let room: *mut c_char = room.as_mut_ptr().cast();
        let mut result = std::mem::MaybeUninit::<libc::group>::uninit();
        let mut errno = 0;
        let (result, errnop) = (result.as_mut_ptr(), &raw mut errno);
        // SAFETY: all of it is there, for as long as the call takes.
        1 == unsafe { (self.group_named)(room, result, room, 512, errnop) }
    }

    /// A person, likewise.
    pub fn person(&self, key: Key<'_>, from: usize, length: usize) -> Called {
        let mut buffer = Buffer::new(from, length);
        let start = buffer.start();
        let name = if let Key::Name(name) = key { c(name) } else { CString::default() };
        let (status, errno, person) = call::<libc::passwd>(|result, errnop| {
            match key {
                Key::Name(_) => {
                    let name = name.as_ptr();
                    // SAFETY: all of it is there, for as long as the call takes.
                    unsafe { (self.person_named)(name, result, start, length, errnop) }
                }
                Key::Number(number) => {
                    // SAFETY: all of it is there, for as long as the call takes.
                    unsafe { (self.person_numbered)(number, result, start, length, errnop) }
                }
                Key::Next => {
                    // SAFETY: all of it is there, for as long as the call takes.
                    unsafe { (self.next_person)(result, start, length, errnop) }
                }
            }
        });
        assert!(buffer.is_sound(), "written beyond the buffer");
        let line = person.map_or(String::new(), |person| {
            let texts = [person.pw_name, person.pw_passwd, person.pw_gecos, person.pw_dir, person.pw_shell];
            let [name, password, gecos, home, shell] = texts.map(|text| buffer.text(text));
            format!("{name}:{password}:{}:{}:{gecos}:{home}:{shell}", person.pw_uid, person.pw_gid)
        });
        Called { status, errno, line }
    }

    /// initgroups with a list of `size` numbers, of which those in `before` are there: the list then, and its size.
    pub fn init_groups(
        &self,
        caller: Caller,
        user: &str,
        primary: u32,
        before: &[u32],
        size: usize,
        limit: c_long,
    ) -> (c_int, c_int, Vec<u32>, c_long) {
        let (mut start, mut room) = (before.len() as c_long, size as c_long);
        // SAFETY: no preconditions.
        let mut list: *mut u32 = unsafe { libc::malloc(size * 4) }.cast();
        // SAFETY: `before` is not longer than `size`.
        unsafe { list.copy_from_nonoverlapping(before.as_ptr(), before.len()) };
        let user = c(user);
        let (status, errno, _) = call::<()>(|_, errnop| {
            let (start, size, list) = (&raw mut start, &raw mut room, &raw mut list);
            let errnop = match caller {
                Caller::Glibc => host_errno(),
                Caller::Stranger => errnop,
            };
            // SAFETY: all of it is there, for as long as the call takes.
            unsafe { (self.init_groups)(user.as_ptr(), primary, start, size, list, limit, errnop) }
        });
        // SAFETY: so many are there.
        let groups = unsafe { std::slice::from_raw_parts(list, start.unsigned_abs() as usize) }.to_vec();
        // SAFETY: from malloc, perhaps by way of realloc.
        unsafe { libc::free(list.cast()) };
        (status, errno, groups, room)
    }
}

/// getgrouplist(3) of the real glibc.
pub fn group_list(user: &str, primary: u32) -> Vec<u32> {
    let mut groups = vec![0; 4096];
    let mut count = 4096;
    let user = c(user);
    // SAFETY: room for `count` numbers.
    unsafe { libc::getgrouplist(user.as_ptr(), primary, groups.as_mut_ptr(), &raw mut count) };
    groups.truncate(usize::try_from(count).unwrap_or(0));
    groups
}

/// Forks; what the child does decides how it exits. Gives back its number.
pub fn fork(child: impl FnOnce() -> bool) -> i32 {
    // SAFETY: the child calls the module, which a fork does not break, and _exit.
    match unsafe { libc::fork() } {
        0 => {
            let code = c_int::from(!child());
            // SAFETY: no preconditions.
            unsafe { libc::_exit(code) }
        }
        number => number,
    }
}

/// Waits for a child; whether it exited with 0.
pub fn reap(child: i32) -> bool {
    let mut status = 0;
    // SAFETY: a place for the status.
    let found = unsafe { libc::waitpid(child, &raw mut status, 0) };
    found == child && libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

/// Lets this thread be cancelled at the next cancellation point.
pub fn cancel_myself() {
    unsafe extern "C" {
        fn pthread_cancel(thread: libc::pthread_t) -> c_int;
    }
    // SAFETY: no preconditions.
    let this = unsafe { libc::pthread_self() };
    // SAFETY: our own thread, which has not ended.
    unsafe { pthread_cancel(this) };
}

/// Takes that back, as far as one can: this thread is never cancelled.
pub fn uncancellable() {
    unsafe extern "C" {
        fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
    }
    // SAFETY: 1 is PTHREAD_CANCEL_DISABLE, and there need be no place for the state before.
    unsafe { pthread_setcancelstate(1, null_mut()) };
}

/// Closes descriptors 0, 1 and 2.
pub fn close_streams() {
    // SAFETY: nobody uses them any more.
    unsafe { libc::close_range(0, 2, 0) };
}

/// Whether they are closed.
pub fn streams_are_closed() -> bool {
    // SAFETY: F_GETFD touches no memory.
    (0..3).all(|stream| unsafe { libc::fcntl(stream, libc::F_GETFD) } == -1)
}

/// `handler` every 200 µs of this process's time.
pub fn interrupt(handler: extern "C" fn(c_int)) {
    // SAFETY: a handler that calls nothing but the module, which is what is under test.
    unsafe { libc::signal(libc::SIGALRM, handler as *const () as libc::sighandler_t) };
    let often = libc::timeval { tv_sec: 0, tv_usec: 200 };
    // SAFETY: a timer of ours.
    unsafe {
        libc::setitimer(
            libc::ITIMER_REAL,
            &libc::itimerval { it_interval: often, it_value: often },
            null_mut(),
        )
    };
}

/// From now on these system calls are answered with EPERM; or, where `others` is so, they alone are allowed, and any other kills.
pub fn sandbox(calls: &[c_long], others: Others) {
    let statement = |code: u32, k: u32, jt: u8| libc::sock_filter { code: code as u16, jt, jf: 0, k };
    let (listed, unlisted) = match others {
        Others::Allowed => (libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs(), libc::SECCOMP_RET_ALLOW),
        Others::Kill => (libc::SECCOMP_RET_ALLOW, libc::SECCOMP_RET_KILL_PROCESS),
    };
    // The number of the call is the first word.
    let mut program = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0)];
    for (place, call) in calls.iter().enumerate() {
        let to_the_end = (calls.len() - place) as u8;
        program.push(statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, *call as u32, to_the_end));
    }
    program.push(statement(libc::BPF_RET | libc::BPF_K, unlisted, 0));
    program.push(statement(libc::BPF_RET | libc::BPF_K, listed, 0));
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    assert!(rustix::thread::set_no_new_privs(true).is_ok());
    // SAFETY: a whole program, which the kernel copies.
    let done = unsafe {
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program, null::<c_void>())
    };
    assert_eq!(done, 0, "seccomp");
}

/// What becomes of the calls that are not named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// They go on as before; the named ones do not.
    Allowed,
    /// They kill the process; the named ones go on as before.
    Kill,
}
