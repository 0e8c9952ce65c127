//! What a PAM module returns, by the names that controls in pam.d use.

use std::fmt;

/// A return code, 0 to 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u8);

/// In the order of their numbers (`_pam_types.h`, `pam_tokens.h`).
const NAMES: [&str; 32] = [
    "success",
    "open_err",
    "symbol_err",
    "service_err",
    "system_err",
    "buf_err",
    "perm_denied",
    "auth_err",
    "cred_insufficient",
    "authinfo_unavail",
    "user_unknown",
    "maxtries",
    "new_authtok_reqd",
    "acct_expired",
    "session_err",
    "cred_unavail",
    "cred_expired",
    "cred_err",
    "no_module_data",
    "conv_err",
    "authtok_err",
    "authtok_recover_err",
    "authtok_lock_busy",
    "authtok_disable_aging",
    "try_again",
    "ignore",
    "abort",
    "authtok_expired",
    "module_unknown",
    "bad_item",
    "conv_again",
    "incomplete",
];

impl Code {
    /// PAM_SUCCESS
    pub const SUCCESS: Code = Code(0);
    /// PAM_SERVICE_ERR
    pub const SERVICE_ERR: Code = Code(3);
    /// PAM_PERM_DENIED; libpam's own word for "this cannot succeed".
    pub const PERM_DENIED: Code = Code(6);
    /// PAM_AUTH_ERR
    pub const AUTH_ERR: Code = Code(7);
    /// PAM_AUTHINFO_UNAVAIL
    pub const AUTHINFO_UNAVAIL: Code = Code(9);
    /// PAM_USER_UNKNOWN
    pub const USER_UNKNOWN: Code = Code(10);
    /// PAM_NEW_AUTHTOK_REQD: programs have the password changed, and go on.
    pub const NEW_AUTHTOK_REQD: Code = Code(12);
    /// PAM_ACCT_EXPIRED
    pub const ACCT_EXPIRED: Code = Code(13);
    /// PAM_SESSION_ERR
    pub const SESSION_ERR: Code = Code(14);
    /// PAM_CRED_ERR
    pub const CRED_ERR: Code = Code(17);
    /// PAM_AUTHTOK_ERR
    pub const AUTHTOK_ERR: Code = Code(20);
    /// PAM_IGNORE
    pub const IGNORE: Code = Code(25);
    /// PAM_AUTHTOK_EXPIRED: sudo goes on with it where it asks no password.
    pub const AUTHTOK_EXPIRED: Code = Code(27);
    /// PAM_MODULE_UNKNOWN
    pub const MODULE_UNKNOWN: Code = Code(28);
    /// PAM_INCOMPLETE: the program is to call again.
    pub const INCOMPLETE: Code = Code(31);

    /// By number; `None` beyond 31.
    pub fn new(number: u8) -> Option<Code> {
        (usize::from(number) < NAMES.len()).then_some(Code(number))
    }

    /// By its name in a control, such as `perm_denied`.
    pub fn named(name: &str) -> Option<Code> {
        Code::all().find(|code| code.name() == name)
    }

    /// Its name in a control.
    pub fn name(self) -> &'static str {
        NAMES.get(self.index()).copied().unwrap_or("unknown")
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// Its place in a control's actions.
    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// All 32.
    pub fn all() -> impl Iterator<Item = Code> {
        (0..32).map(Code)
    }

    /// The code that begins `text`, and the rest of it.
    pub(super) fn prefix(text: &[u8]) -> Option<(Code, &[u8])> {
        Code::all().find_map(|code| Some((code, text.strip_prefix(code.name().as_bytes())?)))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a module may return: any of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Codes(u32);

impl Codes {
    /// Every code, but for `incomplete`: with it the program is told to call again, and what comes then is another code.
    pub const ANY: Codes = Codes(u32::MAX >> 1);

    /// Exactly these.
    pub const fn of<const N: usize>(codes: [Code; N]) -> Codes {
        let mut bits = 0;
        let mut at = 0;
        while at < N {
            // A loop by hand, since iterators are not for const functions; `at` stays below N.
            #[allow(clippy::indexing_slicing)]
            let Code(number) = codes[at];
            bits |= 1_u32 << number;
            at += 1;
        }
        Codes(bits)
    }

    /// Without these.
    pub const fn without(self, other: Codes) -> Codes {
        Codes(self.0 & !other.0)
    }

    /// With these, too.
    pub const fn with(self, other: Codes) -> Codes {
        Codes(self.0 | other.0)
    }

    /// Whether this is one of them.
    pub fn has(self, code: Code) -> bool {
        self.0 & (1_u32 << code.0) != 0
    }

    /// In the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Code> {
        Code::all().filter(move |code| self.has(*code))
    }
}
