//! Where glibc comes in: the entry points, the buffers it hands over, the mapped file. All of the crate's unsafe code is here.
//!
//! What glibc promises of each call: texts end with NUL, `result`, `errnop` and the list of groups are there and nobody else's for as long
//! as the call takes, and `buffer` has `length` bytes. Statuses and what errno goes with them: nss(5), and "NSS Modules Interface" in
//! glibc's manual. `errnop` is mostly the host's errno itself; otherwise the host's errno is left as it was.
#![allow(unsafe_code, reason = "the one place for it")]

use core::ffi::{CStr, c_char, c_int, c_long};
use core::mem::{ManuallyDrop, MaybeUninit, size_of};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};

use jit_proto::map::layout::NAME;
use jit_proto::sys::{Found, Mapped, Maps, keeping_errno};

use crate::answer::{Failure, grown};
use crate::current::with_map;
use crate::room::Room;
use crate::slots::Raw;

/// What glibc calls `enum nss_status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Status {
    /// Ask again, with more room or later.
    TryAgain = -2,
    /// There is no answer here.
    Unavailable = -1,
    /// There is no such thing.
    NotFound = 0,
    /// Here it is.
    Success = 1,
}

/// Where set/get/endgrent are. One for all threads, as with the other modules: glibc lets only one in.
static NEXT_GROUP: AtomicU32 = AtomicU32::new(0);

/// The same for people.
static NEXT_PERSON: AtomicU32 = AtomicU32::new(0);

/// Looks for a map; nothing stays open.
pub(crate) fn find(maps: &Maps, name: &CStr) -> Result<Found, Failure> {
    // SAFETY: only the daemon (and root) may write there, as `maps` has seen, and it changes nothing but the superseded word of a map that
    // has its place (jitd's groups).
    Ok(unsafe { Mapped::open(maps, name) }?)
}

/// A mapping that somebody else will unmap, to be looked at.
pub(crate) struct Lent(ManuallyDrop<Mapped>);

impl Lent {
    /// A look at it while the caller takes part in its slot, or has it to himself; `None` for what never was one.
    pub(crate) fn new(raw: Raw) -> Option<Lent> {
        let start = NonNull::new(raw.address)?;
        // SAFETY: `raw` comes from `keep`, and stays mapped until `unmap`, which the caller calls after that.
        Some(Lent(ManuallyDrop::new(unsafe { Mapped::from_raw(start, raw.length) })))
    }

    pub(crate) fn mapped(&self) -> &Mapped {
        &self.0
    }
}

/// Gives a mapping to the slots.
pub(crate) fn keep(mapped: Mapped) -> Raw {
    let (start, length) = mapped.into_raw();
    Raw { address: start.as_ptr(), length }
}

/// Ends one that no slot has any more.
pub(crate) fn unmap(raw: Raw) {
    if let Some(start) = NonNull::new(raw.address) {
        // SAFETY: `raw` comes from `keep`, and the slots give each mapping away once, when nobody takes part in it any more.
        drop(unsafe { Mapped::from_raw(start, raw.length) });
    }
}

/// A piece of the buffer as room for pointers: as much of it as is aligned.
pub(crate) fn as_pointers(bytes: &mut [MaybeUninit<u8>]) -> &mut [MaybeUninit<*mut c_char>] {
    // SAFETY: any bytes are a valid MaybeUninit pointer, and what is written through it are valid MaybeUninit bytes.
    let (_, pointers, _) = unsafe { bytes.align_to_mut() };
    pointers
}

/// A name that glibc hands over, copied: it may lie in the very buffer that the answer goes to, when a program asks getgrnam(3) again for
/// what that has told it.
struct Name {
    bytes: [u8; NAME],
    length: usize,
}

impl Name {
    /// No map has one that is NULL or longer.
    ///
    /// # Safety
    /// NULL, or a text that ends with NUL.
    unsafe fn new(text: *const c_char) -> Option<Name> {
        if text.is_null() {
            return None;
        }
        // SAFETY: as promised; nobody writes before this function has come to its end.
        let text = unsafe { CStr::from_ptr(text) }.to_bytes();
        let mut name = Name { bytes: [0; NAME], length: text.len() };
        name.bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(name)
    }

    fn of(name: &Option<Name>) -> Result<&[u8], Failure> {
        name.as_ref().and_then(|name| name.bytes.get(..name.length)).ok_or(Failure::NotFound)
    }
}

/// Looks something up, fills in what was found, and says how it went: errno goes to `errnop` unless it went well.
///
/// # Safety
/// `result` and `errnop` may be written, and the buffer has that many bytes.
unsafe fn fill<T>(
    result: *mut T,
    (buffer, length): (*mut c_char, usize),
    errnop: *mut c_int,
    look_up: impl FnOnce(Room<'_>) -> Result<T, Failure>,
) -> Status {
    let found = keeping_errno(|| {
        let Some(buffer) = NonNull::new(buffer.cast::<MaybeUninit<u8>>()) else {
            return look_up(Room::new(&mut []));
        };
        let length = length.min(isize::MAX.unsigned_abs());
        // SAFETY: so many bytes, which nobody else uses for as long as the call takes, and which need not be initialised.
        let bytes = unsafe { core::slice::from_raw_parts_mut(buffer.as_ptr(), length) };
        look_up(Room::new(bytes))
    });
    let outcome = found.map(|value| {
        // SAFETY: as promised. What was there needs no drop.
        unsafe { result.write(value) };
    });
    // SAFETY: as promised.
    unsafe { conclude(outcome, errnop) }
}

/// # Safety
/// `errnop` may be written.
unsafe fn conclude(outcome: Result<(), Failure>, errnop: *mut c_int) -> Status {
    let (status, errno) = match outcome {
        Ok(()) => return Status::Success,
        Err(Failure::NotFound) => (Status::NotFound, libc::ENOENT),
        Err(Failure::Unavailable) => (Status::Unavailable, libc::ENOENT),
        Err(Failure::TooSmall) => (Status::TryAgain, libc::ERANGE),
        Err(Failure::NoMemory) => (Status::TryAgain, libc::ENOMEM),
        Err(Failure::Exhausted) => (Status::TryAgain, libc::EAGAIN),
    };
    // SAFETY: as promised.
    unsafe { errnop.write(errno) };
    status
}

/// getgrnam_r(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn _nss_jit_getgrnam_r(
    name: *const c_char,
    result: *mut libc::group,
    buffer: *mut c_char,
    length: usize,
    errnop: *mut c_int,
) -> Status {
    // SAFETY: as glibc promises (above).
    let name = unsafe { Name::new(name) };
    let look_up = |room: Room<'_>| with_map(|asked| asked.group_named(Name::of(&name)?, room));
    // SAFETY: as glibc promises (above).
    unsafe { fill(result, (buffer, length), errnop, look_up) }
}

/// getgrgid_r(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn _nss_jit_getgrgid_r(
    gid: libc::gid_t,
    result: *mut libc::group,
    buffer: *mut c_char,
    length: usize,
    errnop: *mut c_int,
) -> Status {
    let look_up = |room: Room<'_>| with_map(|asked| asked.group_numbered(gid, room));
    // SAFETY: as glibc promises (above).
    unsafe { fill(result, (buffer, length), errnop, look_up) }
}

/// setgrent(3).
#[unsafe(no_mangle)]
extern "C" fn _nss_jit_setgrent(_stay_open: c_int) -> Status {
    NEXT_GROUP.store(0, Ordering::Relaxed);
    Status::Success
}

/// getgrent_r(3). Between two calls the map may be replaced: then one may come twice or never, and the end comes all the same.
#[unsafe(no_mangle)]
unsafe extern "C" fn _nss_jit_getgrent_r(
    result: *mut libc::group,
    buffer: *mut c_char,
    length: usize,
    errnop: *mut c_int,
) -> Status {
    let look_up = |room: Room<'_>| {
        let place = NEXT_GROUP.load(Ordering::Relaxed);
        let (group, next) = with_map(|asked| asked.next_group(place, room))?;
        NEXT_GROUP.store(next, Ordering::Relaxed);
        Ok(group)
    };
    // SAFETY: as glibc promises (above).
    unsafe { fill(result, (buffer, length), errnop, look_up) }
}

/// endgrent(3).
#[unsafe(no_mangle)]
extern "C" fn _nss_jit_endgrent() -> Status {
    NEXT_GROUP.store(0, Ordering::Relaxed);
    Status::Success
}

/// getpwnam_r(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn _nss_jit_getpwnam_r(
    name: *const c_char,
    result: *mut libc::passwd,
    buffer: *mut c_char,
    length: usize,
    errnop: *mut c_int,
) -> Status {
    // SAFETY: as glibc promises (above).
    let name = unsafe { Name::new(name) };
    let look_up = |room: Room<'_>| with_map(|asked| asked.person_named(Name::of(&name)?, room));
    // SAFETY: as glibc promises (above).
    unsafe { fill(result, (buffer, length), errnop, look_up) }
}

/// getpwuid_r(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn _nss_jit_getpwuid_r(
    uid: libc::uid_t,
    result: *mut libc::passwd,
    buffer: *mut c_char,
    length: usize,
    errnop: *mut c_int,
) -> Status {
    let look_up = |room: Room<'_>| with_map(|asked| asked.person_numbered(uid, room));
    // SAFETY: as glibc promises (above).
    unsafe { fill(result, (buffer, length), errnop, look_up) }
}

/// setpwent(3).
#[unsafe(no_mangle)]
extern "C" fn _nss_jit_setpwent(_stay_open: c_int) -> Status {
    NEXT_PERSON.store(0, Ordering::Relaxed);
    Status::Success
}

/// getpwent_r(3). As [`_nss_jit_getgrent_r`].
#[unsafe(no_mangle)]
unsafe extern "C" fn _nss_jit_getpwent_r(
    result: *mut libc::passwd,
    buffer: *mut c_char,
    length: usize,
    errnop: *mut c_int,
) -> Status {
    let look_up = |room: Room<'_>| {
        let place = NEXT_PERSON.load(Ordering::Relaxed);
        let (person, next) = with_map(|asked| asked.next_person(place, room))?;
        NEXT_PERSON.store(next, Ordering::Relaxed);
        Ok(person)
    };
    // SAFETY: as glibc promises (above).
    unsafe { fill(result, (buffer, length), errnop, look_up) }
}

/// endpwent(3).
#[unsafe(no_mangle)]
extern "C" fn _nss_jit_endpwent() -> Status {
    NEXT_PERSON.store(0, Ordering::Relaxed);
    Status::Success
}

/// For initgroups(3) and getgrouplist(3). Without an `initgroups:` line in nsswitch.conf the actions of `group:` hold, but that after "found"
/// the next service is asked whatever they say; with one, its actions hold, whose default is to go on unless somebody found something. So
/// "found" is said only when something was added.
#[unsafe(no_mangle)]
unsafe extern "C" fn _nss_jit_initgroups_dyn(
    user: *const c_char,
    primary: libc::gid_t,
    start: *mut c_long,
    size: *mut c_long,
    groups: *mut *mut libc::gid_t,
    limit: c_long,
    errnop: *mut c_int,
) -> Status {
    // SAFETY: as glibc promises (above).
    let user = unsafe { Name::new(user) };
    // SAFETY: no preconditions.
    let growth = if errnop == unsafe { libc::__errno_location() } { Growth::Realloc } else { Growth::None };
    // SAFETY: as glibc promises (above): a list with room for `size`, of which `start` are there, and from malloc(3) if it is glibc's.
    let list = unsafe { List::new(start, size, groups, limit, growth) };
    let outcome = keeping_errno(|| {
        let mut list = list.ok_or(Failure::Unavailable)?;
        with_map(|asked| asked.groups_of(Name::of(&user)?, primary, |gid| list.add(gid)))?;
        list.close()
    });
    // SAFETY: as glibc promises (above).
    unsafe { conclude(outcome, errnop) }
}

/// The list of groups that glibc wants to have added to. How many there are is changed at the end: all that there is to add, or nothing.
struct List<'a> {
    /// How many there were.
    before: usize,
    /// How many there are.
    count: usize,
    start: &'a mut c_long,
    size: &'a mut c_long,
    groups: &'a mut *mut libc::gid_t,
    limit: c_long,
    growth: Growth,
}

/// Whether the list can be made longer.
#[derive(Clone, Copy)]
enum Growth {
    /// By realloc(3), as glibc wants it.
    Realloc,
    /// Not by us. A host that has its errno elsewhere than our C library is linked statically, and has a malloc(3) of its own too, whose
    /// memory ours must not touch; or it is another service, which calls us with a list of who knows what (sssd's proxy: talloc).
    None,
}

impl List<'_> {
    /// # Safety
    /// The three may be written and are nobody else's; `groups` has room for `size`, of which the first `start` are filled. It is from our
    /// malloc(3), if it may grow.
    unsafe fn new<'a>(
        start: *mut c_long,
        size: *mut c_long,
        groups: *mut *mut libc::gid_t,
        limit: c_long,
        growth: Growth,
    ) -> Option<List<'a>> {
        // SAFETY: as promised.
        let start = unsafe { start.as_mut() }?;
        // SAFETY: as promised.
        let size = unsafe { size.as_mut() }?;
        // SAFETY: as promised.
        let groups = unsafe { groups.as_mut() }?;
        let before = usize::try_from(*start).ok()?;
        let sound = *start <= *size && !groups.is_null();
        sound.then_some(List { before, count: before, start, size, groups, limit, growth })
    }

    /// Adds one that we have not added yet; nothing once the host's limit is reached.
    fn add(&mut self, gid: libc::gid_t) -> Result<(), Failure> {
        let first = self.groups.wrapping_add(self.before);
        // SAFETY: we have filled these, one after the other, and nobody else has a reference to them.
        let ours = unsafe { core::slice::from_raw_parts(first, self.count.saturating_sub(self.before)) };
        if ours.contains(&gid) {
            return Ok(());
        }
        if usize::try_from(*self.size).is_ok_and(|size| self.count >= size) {
            let Some(size) = grown(*self.size, self.limit) else { return Ok(()) };
            match self.growth {
                Growth::Realloc => self.grow(size)?,
                Growth::None => return Err(Failure::TooSmall),
            }
        }
        let place = self.groups.wrapping_add(self.count);
        // SAFETY: `count` is below `size`, and there is room for that many.
        unsafe { place.write(gid) };
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    fn grow(&mut self, size: c_long) -> Result<(), Failure> {
        let bytes = usize::try_from(size).ok().and_then(|size| size.checked_mul(size_of::<libc::gid_t>()));
        let bytes = bytes.ok_or(Failure::NoMemory)?;
        // SAFETY: the list is from malloc(3) (see `Growth`), and nobody but who called us has it.
        let larger = unsafe { libc::realloc(self.groups.cast(), bytes) };
        if larger.is_null() {
            return Err(Failure::NoMemory);
        }
        *self.groups = larger.cast();
        *self.size = size;
        Ok(())
    }

    fn close(self) -> Result<(), Failure> {
        if self.count == self.before {
            return Err(Failure::NotFound);
        }
        *self.start = c_long::try_from(self.count).map_err(|_| Failure::NoMemory)?;
        Ok(())
    }
}

/// In what is installed, a panic is a call of a function that nobody has: if one could be reached, the link would fail.
#[cfg(panic = "abort")]
mod never {
    unsafe extern "C" {
        safe fn a_panic_can_be_reached_in_libnss_jit() -> !;
    }

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        a_panic_can_be_reached_in_libnss_jit()
    }
}
