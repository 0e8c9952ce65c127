//! `pam_jit.so`: asks the daemon whether a live grant covers this login, and denies where none does.
//!
//! A guest in sshd, sudo, su, login: it never aborts or unwinds into its host, never waits beyond its deadline, never prints,
//! never leaves a descriptor open, trusts no environment variable, and never lets somebody in because something broke. It does
//! not allocate on its own account either: an allocation that fails would end the host, and limits can be the caller's choice.
//!
//! - [`host`]: the six entry points, and all that is unsafe
//! - [`options`]: what stands after the module's name in pam.d
//! - [`facts`]: who asks for what
//! - [`door`]: from question to PAM code
//! - [`alone`]: the same when the daemon cannot be asked

#[cfg(panic = "abort")]
compile_error!(
    "pam_jit must be compiled with panic = \"unwind\": with abort, a panic would kill sshd instead of denying a login"
);

mod alone;
mod door;
mod facts;
mod host;
mod options;
