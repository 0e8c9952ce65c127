//! The rules about PAM: whether a denial of ours ends in a denial wherever it matters, and whether an allowance ends in success. Each looks at the
//! stacks as libpam reads them ([`super::stack`]). Must never call a stack good that it could not read.
//!
//! | code | level | |
//! |---|---|---|
//! | `pam-account` | hole | a guarded service does not ask us in its account phase |
//! | `pam-session` | hole | nor tell us of its sessions |
//! | `pam-skipped` | hole | another line ends the phase, or leads past ours |
//! | `pam-deny` | hole | our denial is thrown away, hidden or forgotten |
//! | `pam-module` | lock-out, hole, warning | our file is missing, no library, not root's alone, or another than the installed one |
//! | `pam-option` | lock-out, warning | an option of ours that denies everybody, or another socket |
//! | `pam-lock-out` | lock-out | nobody gets in although we allow |
//! | `pam-refused` | lock-out | libpam gives up on the file |
//! | `pam-console` | lock-out | `login` lets nobody in, with or without us |
//! | `pam-doubt` | hole | a line that libpam's versions read differently, or that cannot be read |
//! | `pam-early` | warning | our session line before pam_loginuid or pam_systemd |
//! | `pam-auth` | note, hole | a line of ours in the auth phase that does nothing, or opens without a password |
//! | `pam-background` | warning, note | cron, at or systemd --user do not ask us |
//! | `pam-unguarded` | hole, warning | a service is neither guarded, nor background, nor open |
//! | `pam-other` | note | what has no file of its own is let in |
//! | `pam-twice` | note | asked twice |

mod able;
mod around;
mod cure;
mod deny;
mod enter;
mod services;
#[cfg(test)]
mod tests;
mod view;

use self::deny::Due;
use self::services::Purpose;
use self::view::{Ledger, View};
use crate::doctor::host::Host;
use crate::doctor::stack::chain::Phase;
use crate::doctor::{Findings, Level};

/// The rules, by the words under which they are found.
const CODES: [&str; 16] = [
    "pam-account",
    "pam-auth",
    "pam-background",
    "pam-console",
    "pam-deny",
    "pam-doubt",
    "pam-early",
    "pam-lock-out",
    "pam-module",
    "pam-option",
    "pam-other",
    "pam-refused",
    "pam-session",
    "pam-skipped",
    "pam-twice",
    "pam-unguarded",
];
/// Services that open no session: polkit's helper asks, and goes.
const NO_SESSION: [&str; 1] = ["polkit-1"];

const ACCOUNT: Due = Due { level: Level::Hole, missing: "pam-account", so: "people get in without a grant" };
const SESSION: Due = Due {
    level: Level::Hole,
    missing: "pam-session",
    so: "jitd does not know who is in, and ends nobody's session with his grant",
};
const BACKGROUND: Due = Due {
    level: Level::Warning,
    missing: "pam-background",
    so: "what somebody left behind goes on starting after his last grant",
};
const LINGERING: Due = Due { level: Level::Note, ..BACKGROUND };

/// Every rule about PAM.
pub fn examine(host: &Host) -> Findings {
    let Some(view) = View::of(host) else { return Findings::default() };
    let mut ledger = Ledger::default();
    for service in view.with(Purpose::Guarded) {
        enter::examine(&view, service, &mut ledger);
        if service.refused.is_some() {
            continue;
        }
        deny::examine(&view, service, Phase::Account, ACCOUNT, &mut ledger);
        if !NO_SESSION.contains(&service.name.as_str()) {
            deny::examine(&view, service, Phase::Session, SESSION, &mut ledger);
            around::marks(service, &mut ledger);
        }
        around::module(&view, service, &mut ledger);
        around::auth(service, &mut ledger);
        around::twice(service, &mut ledger);
    }
    for service in view.with(Purpose::Background) {
        let due = if service.name == "systemd-user" { LINGERING } else { BACKGROUND };
        deny::examine(&view, service, Phase::Account, due, &mut ledger);
        around::module(&view, service, &mut ledger);
        around::twice(service, &mut ledger);
    }
    for purpose in [Purpose::Door, Purpose::Unknown, Purpose::Other] {
        for service in view.with(purpose) {
            around::unguarded(&view, service, purpose, &mut ledger);
        }
    }
    let mut findings = ledger.into_findings();
    findings.examined.extend(CODES);
    findings.unexamined = view.unexamined;
    findings
}
