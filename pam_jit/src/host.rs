//! The edge to libpam and libc: the six entry points, and all unsafe code of the module.
//!
//! pam-bindings' `pam_hooks!` is not used: a panic payload whose drop panics would abort the host, its hook prints to the person's
//! terminal, and PAM_ABORT is no denial under every control word. Here the hook is silent, the payload is forgotten, and each
//! entry point has a code of its own for "broken", which denies.
#![allow(unsafe_code, reason = "the one file that may, with object.rs")]

mod object;

use core::ffi::{CStr, c_char, c_int};
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::{NonNull, null, null_mut};
use core::sync::atomic::{AtomicBool, Ordering};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};

use jit_proto::answer::MAX_TEXT;
use jit_proto::question::MAX_NAME;
use jit_proto::sys::Pages;
use jit_proto::{Cleaned, Phase};
use pam::constants::{PAM_ERROR_MSG, PAM_SILENT, PamFlag, PamResultCode};
use pam::items::Item;
use pam::module::PamHandle;

use crate::door;
use crate::options::{BadOption, Options};

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_get_user(pamh: *mut PamHandle, user: *mut *const c_char, prompt: *const c_char) -> c_int;
    fn pam_getenv(pamh: *mut PamHandle, name: *const c_char) -> *const c_char;
    fn pam_prompt(
        pamh: *mut PamHandle,
        style: c_int,
        response: *mut *mut c_char,
        format: *const c_char,
        ...
    ) -> c_int;
}

unsafe extern "C" {
    // POSIX; glibc and musl have it in libc, the libc crate has it not.
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
}

// The unwinder, from the archive instead of libgcc_s.so.1: a program that has no C++ in it, as sshd and sudo, would load that
// library for our sake alone, which takes twice as long as everything else that this module does (docs/benchmarks.md). Only
// panics of ours are unwound, and they end in `guarded`, so it does not matter that the program may have another one. What it asks of
// glibc 2.35 object.rs answers, for RHEL 9 has 2.34.
#[link(name = "gcc_eh", kind = "static", modifiers = "-bundle")]
unsafe extern "C" {}

const PTHREAD_CANCEL_DISABLE: c_int = 1;

/// pam_sm_acct_mgmt(3): the gate.
///
/// # Safety
/// As PAM calls it: `pamh` is the transaction's handle, `argv` an array of `argc` strings; both outlive the call.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn pam_sm_acct_mgmt(
    pamh: *mut PamHandle,
    flags: PamFlag,
    argc: c_int,
    argv: *const *const c_char,
) -> PamResultCode {
    // PAM_PERM_DENIED, since stacks are about that do not mind PAM_AUTHINFO_UNAVAIL.
    guarded(PamResultCode::PAM_PERM_DENIED, || {
        // SAFETY: handed on from our caller, who keeps them valid for the call.
        unsafe { enter(Phase::Account, pamh, flags, argc, argv) }
    })
}

/// pam_sm_authenticate(3): the same, early and without a word.
///
/// # Safety
/// As [`pam_sm_acct_mgmt`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn pam_sm_authenticate(
    pamh: *mut PamHandle,
    flags: PamFlag,
    argc: c_int,
    argv: *const *const c_char,
) -> PamResultCode {
    guarded(PamResultCode::PAM_PERM_DENIED, || {
        // SAFETY: handed on from our caller, who keeps them valid for the call.
        unsafe { enter(Phase::Auth, pamh, flags, argc, argv) }
    })
}

/// pam_sm_setcred(3): nothing to set.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn pam_sm_setcred(
    _: *mut PamHandle,
    _: PamFlag,
    _: c_int,
    _: *const *const c_char,
) -> PamResultCode {
    PamResultCode::PAM_IGNORE
}

/// pam_sm_open_session(3): the gate once more, and the session is taken down.
///
/// # Safety
/// As [`pam_sm_acct_mgmt`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn pam_sm_open_session(
    pamh: *mut PamHandle,
    flags: PamFlag,
    argc: c_int,
    argv: *const *const c_char,
) -> PamResultCode {
    // Never PAM_SESSION_ERR: sudo runs the command all the same.
    guarded(PamResultCode::PAM_PERM_DENIED, || {
        // SAFETY: handed on from our caller, who keeps them valid for the call.
        unsafe { enter(Phase::Open, pamh, flags, argc, argv) }
    })
}

/// pam_sm_close_session(3): the daemon is told.
///
/// # Safety
/// As [`pam_sm_acct_mgmt`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn pam_sm_close_session(
    pamh: *mut PamHandle,
    flags: PamFlag,
    argc: c_int,
    argv: *const *const c_char,
) -> PamResultCode {
    guarded(PamResultCode::PAM_SYSTEM_ERR, || {
        // SAFETY: handed on from our caller, who keeps them valid for the call.
        unsafe { enter(Phase::Close, pamh, flags, argc, argv) }
    })
}

/// pam_sm_chauthtok(3): no password of ours.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn pam_sm_chauthtok(
    _: *mut PamHandle,
    _: PamFlag,
    _: c_int,
    _: *const *const c_char,
) -> PamResultCode {
    PamResultCode::PAM_IGNORE
}

/// Runs `body`; whatever goes wrong inside becomes `broken`. Nothing unwinds past here, neither a panic nor the cancellation of the
/// thread (which is a forced unwinding, and would abort at the first Rust frame that catches).
fn guarded(broken: PamResultCode, body: impl FnOnce() -> PamResultCode) -> PamResultCode {
    let uncancelled = Uncancelled::new();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        silence_panics();
        body()
    }));
    drop(uncancelled);
    match outcome {
        Ok(code) => code,
        Err(payload) => {
            // Its drop could panic again.
            core::mem::forget(payload);
            broken
        }
    }
}

/// The default hook prints to the standard error of our host, which is somebody's terminal. This standard library is our own copy, so
/// no one else's hook is replaced.
fn silence_panics() {
    static SILENT: AtomicBool = AtomicBool::new(false);
    if !SILENT.swap(true, Ordering::Relaxed) {
        set_hook(Box::new(|_| {}));
    }
}

/// While this lives, pthread_cancel(3) waits.
struct Uncancelled {
    before: Option<c_int>,
}

impl Uncancelled {
    fn new() -> Uncancelled {
        let mut before = 0;
        // SAFETY: `before` is a live int of ours; the state is one of the two that there are.
        let result = unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &raw mut before) };
        Uncancelled { before: (result == 0).then_some(before) }
    }
}

impl Drop for Uncancelled {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            // SAFETY: `before` is the state that the same thread had; glibc takes a null pointer for the old one, and so does musl.
            unsafe { pthread_setcancelstate(before, null_mut()) };
        }
    }
}

/// # Safety
/// As [`pam_sm_acct_mgmt`].
unsafe fn enter(
    phase: Phase,
    pamh: *mut PamHandle,
    flags: PamFlag,
    argc: c_int,
    argv: *const *const c_char,
) -> PamResultCode {
    let Some(handle) = NonNull::new(pamh) else {
        return PamResultCode::PAM_SYSTEM_ERR;
    };
    let mut host = Host { handle, silent: flags & PAM_SILENT != 0, _life: PhantomData };
    // SAFETY: handed on from our caller, who keeps them valid for the call.
    let arguments = unsafe { Arguments::new(argc, argv) };
    #[cfg(feature = "inject-panic")]
    if arguments.as_ref().is_ok_and(|list| list.clone().flatten().any(|word| word == c"panic")) {
        injected();
    }
    let options = arguments.and_then(Options::parse);
    match phase {
        Phase::Account | Phase::Auth | Phase::Open => door::decide(&mut host, phase, options),
        Phase::Close => door::close(&host, options),
    }
}

/// A panic of the worst kind: its payload panics when it is dropped.
#[cfg(feature = "inject-panic")]
#[allow(clippy::panic, reason = "that is what it is for")]
fn injected() -> ! {
    struct Worst;
    impl Drop for Worst {
        fn drop(&mut self) {
            std::panic::panic_any(Worst);
        }
    }
    std::panic::panic_any(Worst)
}

/// The module's options; an item is `None` where PAM has a null pointer, which it should not.
#[derive(Clone)]
struct Arguments<'a> {
    pointers: core::slice::Iter<'a, *const c_char>,
}

impl<'a> Arguments<'a> {
    /// # Safety
    /// `argv` points to `argc` pointers, each null or to a string that ends with NUL; all outlive `'a`.
    unsafe fn new(argc: c_int, argv: *const *const c_char) -> Result<Arguments<'a>, BadOption> {
        let count = usize::try_from(argc).map_err(|_| BadOption::Arguments)?;
        if count == 0 {
            return Ok(Arguments { pointers: [].iter() });
        }
        if argv.is_null() {
            return Err(BadOption::Arguments);
        }
        // SAFETY: by our caller's promise an array of `count` pointers that outlives 'a, and it is not null.
        let pointers = unsafe { core::slice::from_raw_parts(argv, count) };
        Ok(Arguments { pointers: pointers.iter() })
    }
}

impl<'a> Iterator for Arguments<'a> {
    type Item = Option<&'a CStr>;

    fn next(&mut self) -> Option<Option<&'a CStr>> {
        let &pointer = self.pointers.next()?;
        if pointer.is_null() {
            return Some(None);
        }
        // SAFETY: not null, so by the promise made to `new` a string that ends with NUL and outlives 'a.
        Some(Some(unsafe { CStr::from_ptr(pointer) }))
    }
}

/// The transaction that the module is called in.
pub(crate) struct Host<'a> {
    handle: NonNull<PamHandle>,
    silent: bool,
    _life: PhantomData<&'a PamHandle>,
}

impl Host<'_> {
    /// An item of the transaction. Whatever is said or asked needs `&mut self`, because the application may replace the item then.
    pub(crate) fn item<'h, T: Item<'h>>(&'h self) -> Option<T> {
        // SAFETY: the handle is libpam's and valid for the call; PamHandle has no fields, so the reference covers no memory.
        let handle: &'h PamHandle = unsafe { self.handle.as_ref() };
        handle.get_item::<T>().ok().flatten()
    }

    /// A variable of the PAM environment, which the application makes (sshd: SSH_AUTH_INFO_0); not of the process's.
    pub(crate) fn variable(&self, name: &CStr) -> Option<&CStr> {
        // SAFETY: the handle is libpam's and valid for the call; `name` ends with NUL.
        let value = unsafe { pam_getenv(self.handle.as_ptr(), name.as_ptr()) };
        if value.is_null() {
            return None;
        }
        // SAFETY: not null, so libpam's own string, which ends with NUL and lives until the variable is set again; nothing here sets one.
        Some(unsafe { CStr::from_ptr(value) })
    }

    /// Lets libpam ask for the user's name, if the application has not said it: whichever module comes first does that.
    pub(crate) fn ask_for_user(&mut self) {
        let mut user = null();
        // SAFETY: the handle is libpam's and valid for the call; `user` is a live pointer of ours; a null prompt is the default one.
        // The outcome shows in PAM_USER.
        unsafe { pam_get_user(self.handle.as_ptr(), &raw mut user, null()) };
    }

    /// Says something to the person, unless the application wants silence. Whether it arrives is not our concern: the code decides.
    pub(crate) fn tell(&mut self, text: &str) {
        if !self.silent {
            self.insist(text);
        }
    }

    /// Says something to the person, also to an application that wants silence.
    pub(crate) fn insist(&mut self, text: &str) {
        let mut line = [0_u8; MAX_TEXT + 1];
        for (room, &byte) in line.iter_mut().take(MAX_TEXT).zip(text.as_bytes()) {
            *room = byte;
        }
        // SAFETY: the handle is libpam's and valid for the call; with a null response libpam frees it; "%s" takes exactly one string, and
        // `line` ends with NUL, for the last byte is never written. libpam's own allocation fails with a code, not with an abort.
        unsafe {
            pam_prompt(self.handle.as_ptr(), PAM_ERROR_MSG, null_mut(), c"%s".as_ptr(), line.as_ptr());
        }
    }
}

/// The real uid of this process: who started it.
pub(crate) fn real_uid() -> u32 {
    // SAFETY: getuid has no preconditions and cannot fail.
    unsafe { libc::getuid() }
}

/// An account as NSS knows it.
pub(crate) struct Account {
    /// Its name.
    pub(crate) name: Cleaned<MAX_NAME>,
    /// Its number.
    pub(crate) uid: u32,
}

/// The account of this name, under the name that NSS gives it, which can differ. `None` if there is none, or NSS cannot tell.
pub(crate) fn account_named(name: &CStr) -> Option<Account> {
    look_up(|entry, buffer, result| {
        // SAFETY: `name` ends with NUL; entry, buffer with its length, and result are live and exclusively ours for the call.
        unsafe { libc::getpwnam_r(name.as_ptr(), entry, buffer.as_mut_ptr().cast(), buffer.len(), result) }
    })
}

/// The account with this number. `None` if there is none, or NSS cannot tell.
pub(crate) fn account_of(uid: u32) -> Option<Account> {
    look_up(|entry, buffer, result| {
        // SAFETY: entry, buffer with its length, and result are live and exclusively ours for the call.
        unsafe { libc::getpwuid_r(uid, entry, buffer.as_mut_ptr().cast(), buffer.len(), result) }
    })
}

type Call<'c> = &'c dyn Fn(*mut libc::passwd, &mut [u8], *mut *mut libc::passwd) -> c_int;

/// Small entries on the stack; one that is too long for that gets a megabyte from the kernel, and a longer one is none.
fn look_up(call: impl Fn(*mut libc::passwd, &mut [u8], *mut *mut libc::passwd) -> c_int) -> Option<Account> {
    match look_up_in(&call, &mut [0; 4096]) {
        Err(libc::ERANGE) => {
            let mut pages = Pages::<{ 1 << 20 }>::new().ok()?;
            look_up_in(&call, pages.bytes()).ok().flatten()
        }
        other => other.ok().flatten(),
    }
}

fn look_up_in(call: Call<'_>, buffer: &mut [u8]) -> Result<Option<Account>, c_int> {
    let mut entry = MaybeUninit::<libc::passwd>::uninit();
    let mut result = null_mut();
    // A signal may interrupt NSS, but not for ever.
    for _ in 0..16 {
        match call(entry.as_mut_ptr(), buffer, &raw mut result) {
            0 => break,
            libc::EINTR => result = null_mut(),
            error => return Err(error),
        }
    }
    if result.is_null() {
        return Ok(None);
    }
    // SAFETY: getpw*_r returned 0 with a non-null result, so it filled the entry.
    let entry = unsafe { entry.assume_init_ref() };
    if entry.pw_name.is_null() {
        return Ok(None);
    }
    // SAFETY: not null, so a string in `buffer` that ends with NUL; `buffer` is not written while it is read here.
    let name = unsafe { CStr::from_ptr(entry.pw_name) };
    Ok(Some(Account { name: Cleaned::line(name.to_bytes()), uid: entry.pw_uid }))
}
