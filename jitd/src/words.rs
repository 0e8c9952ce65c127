//! What a denied person reads: why, then what to do. A sentence a line, plain ASCII, because it passes through ssh banners and
//! terminals of every kind. Never tells more about others than the person needs. Commands stand there to be copied: whatever somebody
//! wrote into a directory is one word of a command or is not in it, and a command is whole or not there.

use jit_model::assess::{Assessed, AssessedGrant};
use jit_model::decide::Verdict;
use jit_model::grant::End;
use jit_model::name::{Login, Service, SourceName};
use jit_model::reason::{DenyReason, Refusal};
use jit_model::text::plain;
use jit_model::time::{Span, Timestamp};

use crate::config::Place;
use crate::view::View;

pub(crate) mod command;

/// The longest line: a DN in it may be long, and a banner should not be.
const LONGEST_LINE: usize = 400;

/// Who wanted in, and by what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish<'a> {
    /// The person.
    pub(crate) login: &'a Login,
    /// The PAM service.
    pub(crate) service: &'a Service,
}

/// The text for a denial; nothing for any other verdict.
pub fn for_person(view: &View, verdict: &Verdict, subject: &Login, service: &Service) -> String {
    match verdict {
        Verdict::Deny(reason) => denied(view, reason, Wish { login: subject, service }),
        Verdict::Allow(_) | Verdict::Unguarded(_) => String::new(),
    }
}

/// The text for somebody who is no account of this host.
pub fn for_nobody(view: &View, service: &str) -> String {
    let host = view.snapshot.policy().host.fqdn();
    line(&format!("jit: {service} on {host} is closed: this name is no account here"))
}

fn denied(view: &View, reason: &DenyReason, wish: Wish<'_>) -> String {
    let host = view.snapshot.policy().host.fqdn();
    let why = format!("jit: {} on {host} is closed to {}: {reason}", wish.service, wish.login);
    lines(std::iter::once(why).chain(way(view, reason, wish)))
}

/// What to do about a denial, or about a session that is over; a sentence each.
pub(crate) fn way(view: &View, reason: &DenyReason, wish: Wish<'_>) -> Vec<String> {
    let grant = reason.grant().and_then(|id| named(view, wish.login, id));
    match reason {
        DenyReason::Pending { grant: id, .. } => match giver_of(view, grant.map(|grant| &grant.source)) {
            Giver::Directory => vec![command::approve("ask them", &raw(grant, id))],
            Giver::Root | Giver::Nobody => vec![format!("ask the approvers for grant {id}")],
        },
        DenyReason::Scheduled { .. } => vec!["come back then".to_owned()],
        DenyReason::Root => vec!["come as yourself".to_owned()],
        DenyReason::Stale(_) | DenyReason::NeverHeard => match giver(view) {
            Giver::Directory => {
                vec!["the directory cannot be reached from this host; tell those who run it".to_owned()]
            }
            giver => giver.ask(view, wish, None),
        },
        DenyReason::Refused { why: Refusal::TooManyPending(_), .. } if is_asked_for(view, grant) => {
            vec!["give back what you do not need: jitctl grants --mine, then jitctl release ID".to_owned()]
        }
        _ => giver_of(view, grant.map(|grant| &grant.source)).ask(view, wish, grant),
    }
}

/// A grant of somebody's by its id as it is shown.
fn named<'v>(view: &'v View, login: &Login, id: &str) -> Option<&'v AssessedGrant> {
    let grants = view.snapshot.grants_of(login).iter();
    grants.map(AsRef::as_ref).find(|grant| plain(&grant.grant.id) == id)
}

/// The id as it is written, where it is known.
fn raw(grant: Option<&AssessedGrant>, shown: &str) -> String {
    grant.map_or_else(|| shown.to_owned(), |grant| grant.grant.id.clone())
}

/// Who gives access to this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Giver {
    /// root, into the host's own file.
    Root,
    /// The approvers, in a directory: where grants are asked for.
    Directory,
    /// Nothing is configured.
    Nobody,
}

/// See [`Giver`]. Where there are both, the file is for the night when the directory is gone.
pub(crate) fn giver(view: &View) -> Giver {
    let sources = &view.config.sources;
    let (directories, files): (Vec<_>, Vec<_>) =
        sources.iter().partition(|(_, source)| matches!(source.place, Place::Ldap { .. }));
    let answers = |name: &SourceName| {
        let heard = view.snapshot.sources().get(name).is_some_and(|freshness| freshness.heard.is_some());
        heard && view.sources.get(name).is_none_or(|source| source.trouble.is_none())
    };
    match (directories.is_empty(), files.is_empty()) {
        (true, true) => Giver::Nobody,
        (true, false) => Giver::Root,
        (false, false) if !directories.iter().any(|(name, _)| answers(name)) => Giver::Root,
        (false, _) => Giver::Directory,
    }
}

/// Who gave, or may give, what comes from this source.
pub(crate) fn giver_of(view: &View, source: Option<&SourceName>) -> Giver {
    match source.and_then(|name| view.config.sources.get(name)).map(|source| &source.place) {
        Some(Place::Ldap { .. }) => Giver::Directory,
        Some(Place::Ldif(_)) => Giver::Root,
        None => giver(view),
    }
}

/// Whether a grant is from a directory, where people ask by jitctl.
fn is_asked_for(view: &View, grant: Option<&AssessedGrant>) -> bool {
    giver_of(view, grant.map(|grant| &grant.source)) == Giver::Directory
}

impl Giver {
    /// How access is come by, as it was by `before`.
    pub(crate) fn ask(self, view: &View, wish: Wish<'_>, before: Option<&AssessedGrant>) -> Vec<String> {
        let host = view.snapshot.policy().host.fqdn();
        match self {
            Giver::Root => vec![format!(
                "root can grant it on this host: jitctl grant add {} --for 2h --reason '...'",
                wish.login
            )],
            Giver::Directory => command::request(view, wish, before),
            Giver::Nobody => vec![format!("ask those who run {host}")],
        }
    }
}

/// How access is kept that ends at this time; `id` and `source` are of the grant that ends last.
pub(crate) fn extend(
    view: &View,
    wish: Wish<'_>,
    end: Timestamp,
    last: Option<(&SourceName, &str)>,
) -> Vec<String> {
    let host = view.snapshot.policy().host.fqdn();
    match giver_of(view, last.map(|(source, _)| source)) {
        Giver::Root => vec![format!(
            "root can extend it on this host: jitctl grant add {} --for 1h --reason '...'",
            wish.login
        )],
        Giver::Directory => match (waiting(view, wish, end), last) {
            (Some(asked), _) => {
                vec![command::approve("you have asked already; to approve it", &asked.grant.id)]
            }
            (None, Some((_, id))) => {
                let grant = named(view, wish.login, id);
                let longest = grant.and_then(|grant| grant.role.as_ref()).map(|role| role.max_duration);
                command::extend(&raw(grant, id), longest.unwrap_or(Span(u64::MAX)))
                    .map_or_else(|| command::request(view, wish, grant), |extend| vec![extend])
            }
            (None, None) => command::request(view, wish, None),
        },
        Giver::Nobody => vec![format!("to go on, ask those who run {host}")],
    }
}

/// What this person has asked for, for this service and beyond this time, and nobody has decided.
fn waiting<'v>(view: &'v View, wish: Wish<'_>, beyond: Timestamp) -> Option<&'v AssessedGrant> {
    let lasts = |grant: &&AssessedGrant| match grant.grant.end {
        End::At(at) => at > beyond,
        End::After(_) => true,
    };
    let grants = view.snapshot.grants_of(wish.login).iter().map(AsRef::as_ref);
    let pending = grants.filter(|grant| {
        matches!(grant.assessed, Assessed::Pending { .. }) && is_asked_for(view, Some(grant))
    });
    pending.filter(|grant| grant.services.include(wish.service)).find(lasts)
}

/// A text of these lines.
pub(crate) fn lines(lines: impl IntoIterator<Item = String>) -> String {
    let lines: Vec<String> = lines.into_iter().map(|text| line(&text)).collect();
    lines.join("\n")
}

/// One line of ASCII.
pub(crate) fn line(text: &str) -> String {
    let plain = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    text.chars().take(LONGEST_LINE).map(plain).collect()
}

#[cfg(test)]
mod tests;
