//! What other people's modules are able to return. Everybody but us is an adversary when the question is whether a denial holds, and content when it is
//! whether somebody gets in. Must never leave out a code that a module can return to a person: what is not known returns anything.

use crate::doctor::stack::chain::{File, Handler, Module, Phase};
use crate::doctor::stack::code::{Code, Codes};

/// What is left of a module's codes where it cannot say that a password has to be changed, or has expired.
const NO_CHANGE: Codes = Codes::ANY.without(Codes::of([Code::NEW_AUTHTOK_REQD, Code::AUTHTOK_EXPIRED]));
/// Anything but a yes.
const NEVER_YES: Codes = NO_CHANGE.without(Codes::of([Code::SUCCESS]));
/// pam_deny's, in all its versions.
const DENIES: Codes = Codes::of([
    Code::AUTH_ERR,
    Code::ACCT_EXPIRED,
    Code::SESSION_ERR,
    Code::CRED_ERR,
    Code::AUTHTOK_ERR,
    Code::PERM_DENIED,
]);
/// Services whose process has the real uid of who calls them, so that "root calls" says something about the person.
const SET_UID: [&str; 8] = ["su", "su-l", "sudo", "sudo-i", "doas", "polkit-1", "runuser", "runuser-l"];
/// Modules that ask a question to which no is an ordinary answer.
const ASKING: [&str; 17] = [
    "pam_access",
    "pam_exec",
    "pam_faillock",
    "pam_group",
    "pam_listfile",
    "pam_localuser",
    "pam_nologin",
    "pam_rhosts",
    "pam_rootok",
    "pam_securetty",
    "pam_sepermit",
    "pam_shells",
    "pam_succeed_if",
    "pam_time",
    "pam_timestamp",
    "pam_usertype",
    "pam_wheel",
];

/// What it may return to a person who is not root, and has a hand in what it looks at.
pub(super) fn hostile(service: &str, phase: Phase, handler: &Handler) -> Codes {
    let Some(module) = handler.module() else { return Codes::ANY };
    match module.stem() {
        _ if module.file.is_void() => Codes::of([Code::MODULE_UNKNOWN]),
        // A module of that name elsewhere is anybody's.
        _ if module.name.contains('/') => Codes::ANY,
        "pam_permit" if phase == Phase::Auth => Codes::of([Code::SUCCESS, Code::USER_UNKNOWN]),
        "pam_permit" => Codes::of([Code::SUCCESS]),
        "pam_deny" => DENIES,
        "pam_warn" => Codes::of([Code::IGNORE]),
        "pam_rootok" if SET_UID.contains(&service) => NEVER_YES,
        "pam_succeed_if" if SET_UID.contains(&service) && wants_root(module) => NEVER_YES,
        "pam_access" | "pam_listfile" | "pam_localuser" | "pam_nologin" | "pam_rootok" | "pam_securetty"
        | "pam_shells" | "pam_succeed_if" | "pam_time" | "pam_usertype" => NO_CHANGE,
        _ => Codes::ANY,
    }
}

/// What it may return to somebody who should get in, on a day when all is well.
pub(super) fn content(handler: &Handler) -> Codes {
    let quiet = Codes::of([Code::SUCCESS, Code::IGNORE]);
    let Some(module) = handler.module() else { return quiet };
    match module.stem() {
        _ if module.file.is_void() => Codes::of([Code::MODULE_UNKNOWN]),
        "pam_permit" => Codes::of([Code::SUCCESS]),
        "pam_deny" => DENIES,
        "pam_warn" => Codes::of([Code::IGNORE]),
        name if ASKING.contains(&name) => quiet.with(Codes::of([Code::AUTH_ERR, Code::PERM_DENIED])),
        _ if module.file == File::Unknown => quiet.with(Codes::of([Code::MODULE_UNKNOWN])),
        _ => quiet,
    }
}

/// `uid = 0 use_uid`, and nothing that would make it true for somebody else.
fn wants_root(module: &Module) -> bool {
    let plain = |word: &&String| !matches!(word.as_str(), "quiet" | "quiet_success" | "quiet_fail" | "debug");
    let words: Vec<&str> = module.arguments.iter().filter(plain).map(String::as_str).collect();
    let by_caller = words.contains(&"use_uid");
    let test: Vec<&str> = words.into_iter().filter(|word| *word != "use_uid").collect();
    by_caller && matches!(test.as_slice(), ["uid", "=" | "eq", "0"])
}
