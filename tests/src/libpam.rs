//! Real libpam around the release build of `pam_jit.so`, and a daemon that misbehaves on demand.
//!
//! Each transaction runs in a process of its own ([`rig::Rig::run`] starts the program `pam_driver`) with a root of its own:
//! a tmpfs owned by root, its own /etc, /run and /dev, and the machine's libraries. So the module sees the paths that it sees
//! when installed, the socket can lie in directories that only root may write, and nothing on the machine changes. `unshare -m`
//! makes that root, or `unshare -rm` when the tests do not run as root: then root is the tests' own user. Only what is about
//! callers with another uid (su, sudo) needs real root, and fails without.

pub mod fake;
pub mod ffi;
pub mod rig;

use jit_proto::Verdict;
use serde::{Deserialize, Serialize};

/// What a transaction is to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    /// PAM_SERVICE; `/etc/pam.d/SERVICE` is written by the rig.
    pub service: String,
    /// PAM_USER.
    pub user: Option<String>,
    /// PAM_RUSER.
    pub ruser: Option<String>,
    /// PAM_RHOST.
    pub rhost: Option<String>,
    /// PAM_TTY.
    pub tty: Option<String>,
    /// PAM environment, `NAME=value`.
    pub environment: Vec<String>,
    /// What is called, in order.
    pub calls: Vec<Call>,
    /// Whether the calls carry PAM_SILENT.
    pub silent: bool,
    /// The real uid of the process; the effective one stays 0, as in a set-uid program.
    pub real_uid: Option<u32>,
    /// What is taken from the process after pam_start.
    pub hardship: Vec<Hardship>,
}

/// A call of libpam, as far as the module has to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// pam_acct_mgmt
    Account,
    /// pam_authenticate
    Authenticate,
    /// pam_setcred
    Setcred,
    /// pam_open_session
    OpenSession,
    /// pam_close_session
    CloseSession,
    /// pam_chauthtok
    Chauthtok,
}

/// How a caller can make a set-uid program's life hard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hardship {
    /// RLIMIT_NOFILE is 0.
    NoFiles,
    /// RLIMIT_AS is what is in use already.
    NoMemory,
    /// Descriptors 0 to 2 are closed.
    NoStandardStreams,
    /// A signal with a handler every millisecond, without SA_RESTART.
    Signals,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Return codes of the calls; from [`rig::Rig::run`] the module's own.
    pub codes: Vec<i32>,
    /// What was said through the conversation: style and text.
    pub said: Vec<(i32, String)>,
    /// Open descriptors before the calls, and what they lead to.
    pub open_before: Vec<String>,
    /// The same after them.
    pub open_after: Vec<String>,
    /// How long the calls took together, in milliseconds.
    pub millis: u64,
}

/// PAM_SUCCESS
pub const SUCCESS: i32 = 0;
/// PAM_SERVICE_ERR
pub const SERVICE_ERR: i32 = 3;
/// PAM_SYSTEM_ERR
pub const SYSTEM_ERR: i32 = 4;
/// PAM_PERM_DENIED
pub const PERM_DENIED: i32 = 6;
/// PAM_AUTHINFO_UNAVAIL
pub const AUTHINFO_UNAVAIL: i32 = 9;
/// PAM_IGNORE
pub const IGNORED: i32 = 25;
/// PAM_ERROR_MSG
pub const ERROR_MSG: i32 = 3;

/// What the module returns for each verdict when an account is asked about or a session opens.
pub const RETURNED: [(Verdict, i32); 3] =
    [(Verdict::Allow, SUCCESS), (Verdict::Deny, PERM_DENIED), (Verdict::Unguarded, IGNORED)];

/// The same where an admin writes a plain control word, and after it a module that lets everybody pass.
pub const UNDER_PLAIN_CONTROL_WORDS: [(&str, Verdict, i32); 4] = [
    ("required", Verdict::Allow, SUCCESS),
    ("required", Verdict::Deny, PERM_DENIED),
    ("required", Verdict::Unguarded, SUCCESS),
    ("requisite", Verdict::Deny, PERM_DENIED),
];
