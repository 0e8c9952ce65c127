//! A PAM application in a few lines: starts a transaction, makes calls, keeps what the modules say. All unsafe code of the rig.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};
use std::rc::Rc;

use crate::libpam::Call;
use crate::trouble::{Result, Trouble};

#[repr(C)]
struct Message {
    style: c_int,
    text: *const c_char,
}

#[repr(C)]
struct Response {
    text: *mut c_char,
    unused: c_int,
}

#[repr(C)]
struct Conversation {
    call: extern "C" fn(c_int, *mut *const Message, *mut *mut Response, *mut c_void) -> c_int,
    data: *mut c_void,
}

enum Handle {}

type Said = RefCell<Vec<(c_int, String)>>;

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_start_confdir(
        service: *const c_char,
        user: *const c_char,
        conversation: *const Conversation,
        directory: *const c_char,
        handle: *mut *mut Handle,
    ) -> c_int;
    fn pam_end(handle: *mut Handle, status: c_int) -> c_int;
    fn pam_set_item(handle: *mut Handle, item: c_int, value: *const c_void) -> c_int;
    fn pam_putenv(handle: *mut Handle, variable: *const c_char) -> c_int;
    fn pam_acct_mgmt(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_authenticate(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_setcred(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_open_session(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_close_session(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_chauthtok(handle: *mut Handle, flags: c_int) -> c_int;
}

const PAM_CONV_ERR: c_int = 19;
const PAM_BUF_ERR: c_int = 5;
const PAM_SILENT: c_int = 0x8000;
const PAM_ESTABLISH_CRED: c_int = 2;

/// An item of a transaction.
#[derive(Clone, Copy, Debug)]
pub enum Item {
    /// PAM_TTY
    Tty = 3,
    /// PAM_RHOST
    Rhost = 4,
    /// PAM_RUSER
    Ruser = 8,
}

/// Whether calls carry PAM_SILENT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// They do not.
    Spoken,
    /// They do.
    Silent,
}

/// A transaction; ends when dropped.
#[derive(Debug)]
pub struct Transaction {
    handle: *mut Handle,
    said: Rc<Said>,
    status: c_int,
}

fn text(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Trouble::new(format!("{text:?} holds a NUL byte")))
}

impl Transaction {
    /// Starts one from the stacks in `directory`.
    ///
    /// # Errors
    /// When libpam refuses.
    pub fn start(service: &str, user: Option<&str>, directory: &str) -> Result<Transaction> {
        let said: Rc<Said> = Rc::default();
        let (service, directory) = (text(service)?, text(directory)?);
        let user = user.map(text).transpose()?;
        let conversation = Conversation { call: converse, data: Rc::as_ptr(&said).cast_mut().cast() };
        let user = user.as_deref().map_or(null(), CStr::as_ptr);
        let mut handle = null_mut();
        // SAFETY: strings end with NUL and outlive the call; libpam copies the conversation, whose data lives as long as
        // the transaction; `handle` is ours.
        let code = unsafe {
            pam_start_confdir(
                service.as_ptr(),
                user,
                &raw const conversation,
                directory.as_ptr(),
                &raw mut handle,
            )
        };
        if code != 0 || handle.is_null() {
            return Err(Trouble::new(format!("pam_start_confdir: {code}")));
        }
        Ok(Transaction { handle, said, status: 0 })
    }

    /// pam_set_item(3).
    ///
    /// # Errors
    /// When libpam refuses.
    pub fn set(&mut self, item: Item, value: &str) -> Result<()> {
        let value = text(value)?;
        // SAFETY: the handle is live; these items are strings, which libpam copies.
        let code = unsafe { pam_set_item(self.handle, item as c_int, value.as_ptr().cast()) };
        if code == 0 { Ok(()) } else { Err(Trouble::new(format!("pam_set_item: {code}"))) }
    }

    /// pam_putenv(3).
    ///
    /// # Errors
    /// When libpam refuses.
    pub fn put_variable(&mut self, variable: &str) -> Result<()> {
        let variable = text(variable)?;
        // SAFETY: the handle is live; libpam copies the string.
        let code = unsafe { pam_putenv(self.handle, variable.as_ptr()) };
        if code == 0 { Ok(()) } else { Err(Trouble::new(format!("pam_putenv: {code}"))) }
    }

    /// Makes a call and returns its code.
    pub fn call(&mut self, call: Call, speech: Speech) -> i32 {
        let silent = if speech == Speech::Silent { PAM_SILENT } else { 0 };
        let (function, flags): (unsafe extern "C" fn(*mut Handle, c_int) -> c_int, c_int) = match call {
            Call::Account => (pam_acct_mgmt, 0),
            Call::Authenticate => (pam_authenticate, 0),
            Call::Setcred => (pam_setcred, PAM_ESTABLISH_CRED),
            Call::OpenSession => (pam_open_session, 0),
            Call::CloseSession => (pam_close_session, 0),
            Call::Chauthtok => (pam_chauthtok, 0),
        };
        // SAFETY: the handle is live, and each of the functions takes a handle and flags.
        self.status = unsafe { function(self.handle, flags | silent) };
        self.status
    }

    /// What modules said so far.
    pub fn said(&self) -> Vec<(i32, String)> {
        self.said.borrow().clone()
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // SAFETY: the handle is live and not used again.
        unsafe { pam_end(self.handle, self.status) };
    }
}

/// Keeps each message; answers no prompt.
extern "C" fn converse(
    count: c_int,
    messages: *mut *const Message,
    responses: *mut *mut Response,
    data: *mut c_void,
) -> c_int {
    let said: *const Said = data.cast_const().cast();
    // SAFETY: the transaction's own list, alive as long as its handle, in the one thread there is.
    let said = unsafe { &*said };
    let Ok(count) = usize::try_from(count) else { return PAM_CONV_ERR };
    for index in 0..count {
        // SAFETY: Linux-PAM hands over an array of `count` pointers to messages.
        let message = unsafe { messages.add(index) };
        // SAFETY: so this is one of them.
        let message = unsafe { message.read() };
        // SAFETY: each points to a message that outlives the call.
        let message = unsafe { &*message };
        // SAFETY: its text ends with NUL.
        let text = unsafe { CStr::from_ptr(message.text) }.to_string_lossy().into_owned();
        said.borrow_mut().push((message.style, text));
        if message.style <= 2 {
            return PAM_CONV_ERR;
        }
    }
    // SAFETY: calloc has no preconditions; the modules free the array, as pam_conv(3) wants it.
    let array = unsafe { libc::calloc(count, size_of::<Response>()) };
    if array.is_null() {
        return PAM_BUF_ERR;
    }
    // SAFETY: `responses` is a live pointer of the module's.
    unsafe { responses.write(array.cast()) };
    0
}

/// Closes descriptors 0 to 2, in a program that does nothing with them any more.
pub fn close_standard_streams() {
    for fd in 0..3 {
        // SAFETY: nothing in the driver owns them; its report goes to a descriptor above.
        unsafe { libc::close(fd) };
    }
}

/// A host that minds its standard input: were the module's socket there, this would swallow the answer.
extern "C" fn on_alarm(_: c_int) {
    let mut room = [0_u8; 64];
    // SAFETY: __errno_location has no preconditions; the pointer is this thread's errno.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: valid and aligned, see above.
    let before = unsafe { errno.read() };
    // SAFETY: recv(2) is async-signal-safe, and `room` is ours; where 0 is closed or no socket, it fails, and it never waits.
    unsafe { libc::recv(0, room.as_mut_ptr().cast(), room.len(), libc::MSG_DONTWAIT) };
    // SAFETY: valid and aligned, see above; a handler has to leave errno as it was.
    unsafe { errno.write(before) };
}

/// SIGALRM every millisecond from now on, to a handler that reads standard input, and system calls are not restarted.
pub fn alarm_every_millisecond() {
    // SAFETY: a sigaction of zeroes is a valid one: no flags, so no SA_RESTART.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = on_alarm as extern "C" fn(c_int) as usize;
    // SAFETY: the action is live, and its handler does only what is async-signal-safe.
    unsafe { libc::sigaction(libc::SIGALRM, &raw const action, null_mut()) };
    let every = libc::timeval { tv_sec: 0, tv_usec: 1000 };
    let timer = libc::itimerval { it_interval: every, it_value: every };
    // SAFETY: the timer is live; the old one is not asked for.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, null_mut()) };
}
