//! What a denied person reads: why, then what to do. A sentence a line, plain ASCII, because it passes through ssh banners and
//! terminals of every kind. Never tells more about others than the person needs.

use jit_model::decide::Verdict;
use jit_model::dn::Dn;
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
    format!("{why}\n{}", line(&way(view, reason, subject)))
}

/// What to do about a denial, or about a session that is over.
pub(crate) fn way(view: &View, reason: &DenyReason, subject: &str) -> String {
    match reason {
        DenyReason::Pending { grant, .. } => format!("ask the approvers for grant {grant}"),
        DenyReason::Scheduled { .. } => "come back then".to_owned(),
        DenyReason::Root => "come as yourself".to_owned(),
        DenyReason::Stale(_) => match giver(view) {
            Giver::Root => Giver::Root.ask(view, subject),
            Giver::Directory(_) | Giver::Nobody => {
                "the directory cannot be reached from this host; tell those who run it".to_owned()
            }
        },
        DenyReason::NoGrant
        | DenyReason::Expired { .. }
        | DenyReason::WrongService { .. }
        | DenyReason::Revoked { .. }
        | DenyReason::Refused { .. } => giver(view).ask(view, subject),
        _ => giver(view).ask(view, subject),
    }
}

/// Who gives access to this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Giver<'v> {
    /// root, into the host's own file.
    Root,
    /// The approvers, in a directory: where grants are written.
    Directory(&'v Dn),
    /// Nothing is configured.
    Nobody,
}

/// See [`Giver`].
pub(crate) fn giver(view: &View) -> Giver<'_> {
    let sources = &view.config.sources;
    if sources.values().any(|source| matches!(source.place, Place::Ldif(_))) {
        return Giver::Root;
    }
    sources.values().next().map_or(Giver::Nobody, |source| Giver::Directory(&source.bases.grants))
}

impl Giver<'_> {
    /// How access is come by.
    pub(crate) fn ask(self, view: &View, subject: &str) -> String {
        let host = view.snapshot.policy().host.fqdn();
        match self {
            Giver::Root => {
                format!("root can grant it on this host: jitctl grant add {subject} --for 2h --reason '...'")
            }
            Giver::Directory(base) => format!("ask for a grant for {host} under {base}"),
            Giver::Nobody => format!("ask those who run {host}"),
        }
    }

    /// How access is kept that ends soon.
    pub(crate) fn extend(self, view: &View, subject: &str) -> String {
        let host = view.snapshot.policy().host.fqdn();
        match self {
            Giver::Root => {
                format!("root can extend it on this host: jitctl grant add {subject} --for 1h --reason '...'")
            }
            Giver::Directory(base) => {
                format!("to go on, ask for a grant that begins before that, for {host} under {base}")
            }
            Giver::Nobody => format!("to go on, ask those who run {host}"),
        }
    }
}

/// One line of ASCII.
pub(crate) fn line(text: &str) -> String {
    let plain = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    text.chars().take(LONGEST_LINE).map(plain).collect()
}
