//! What a denied person reads: why, then what to do. A sentence a line, plain ASCII, because it passes through ssh banners and
//! terminals of every kind. Never tells more about others than the person needs.

use jit_model::decide::Verdict;
use jit_model::name::Login;
use jit_model::reason::DenyReason;

use crate::config::Place;
use crate::view::View;

/// The longest line: a DN in it may be long, and a banner should not be.
const LONGEST_LINE: usize = 400;

/// The text for a denial; nothing for any other verdict.
pub fn for_person(view: &View, verdict: &Verdict, subject: &Login, service: &str) -> String {
    match verdict {
        Verdict::Deny(reason) => denied(view, reason, subject.as_str(), service),
        Verdict::Allow(_) | Verdict::Unguarded(_) => String::new(),
    }
}

/// The text for somebody who is no account of this host.
pub fn for_nobody(view: &View, service: &str) -> String {
    let host = view.snapshot.policy().host.fqdn();
    line(&format!("jit: {service} on {host} is closed: this name is no account here"))
}

fn denied(view: &View, reason: &DenyReason, subject: &str, service: &str) -> String {
    let host = view.snapshot.policy().host.fqdn();
    let why = line(&format!("jit: {service} on {host} is closed to {subject}: {reason}"));
    let way = match reason {
        DenyReason::Pending { grant, .. } => format!("ask the approvers for grant {grant}"),
        DenyReason::Scheduled { .. } => "come back then".to_owned(),
        DenyReason::Root => "come as yourself".to_owned(),
        DenyReason::NoGrant
        | DenyReason::Expired { .. }
        | DenyReason::WrongService { .. }
        | DenyReason::Revoked { .. }
        | DenyReason::Refused { .. }
        | DenyReason::Stale(_) => ask(view, reason, subject),
        _ => ask(view, reason, subject),
    };
    format!("{why}\n{}", line(&way))
}

/// How access is come by on this host.
fn ask(view: &View, reason: &DenyReason, subject: &str) -> String {
    let sources = &view.config.sources;
    if sources.values().any(|source| matches!(source.place, Place::Ldif(_))) {
        return format!("root can grant it on this host: jitctl grant add {subject} --for 2h --reason '...'");
    }
    if matches!(reason, DenyReason::Stale(_)) {
        return "the directory cannot be reached from this host; tell those who run it".to_owned();
    }
    let host = view.snapshot.policy().host.fqdn();
    match sources.values().next() {
        Some(source) => format!("ask for a grant for {host} under {}", source.bases.grants),
        None => format!("ask those who run {host}"),
    }
}

/// One line of ASCII.
fn line(text: &str) -> String {
    let plain = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    text.chars().take(LONGEST_LINE).map(plain).collect()
}
