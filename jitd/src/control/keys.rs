//! The keys of somebody whom a live grant lets in by sshd, as lines of authorized_keys. What sshd runs for them
//! (AuthorizedKeysCommand) asks here; the account phase decides all the same, and is what the audit tells of: that a key was asked for
//! says nothing about who has it, and whoever can reach sshd could fill a log with it.

use std::collections::{BTreeMap, BTreeSet};

use jit_control::{Answer, RefusedPerson};
use jit_model::assess::AssessedGrant;
use jit_model::decide::{Allow, Verdict, decide};
use jit_model::dn::Dn;
use jit_model::name::{Login, Service, SourceName};
use jit_model::people::Person;
use jit_model::snapshot::Silence;
use jit_model::state::{State, state};
use jit_model::time::Timestamp;

use super::why::SOME_UID;
use super::{Caller, refused};
use crate::desk::Desk;
use crate::keys::zone::Zone;
use crate::keys::{Key, label};
use crate::view::View;

/// The name by which sshd asks PAM.
const SSHD: &str = "sshd";

/// Whether a uid is that of `[keys] user`, as /etc/passwd has it. By number: several names may have one.
pub(super) fn is_asker(desk: &Desk, uid: u32) -> bool {
    let view = desk.view();
    view.config.keys.user.as_ref().is_some_and(|user| desk.uid_of(user) == Some(uid))
}

/// What is wrong with `[keys]`, if anything.
pub(super) fn concern(desk: &Desk, view: &View) -> Option<String> {
    let user = view.config.keys.user.as_ref().filter(|user| !desk.is_local(user))?;
    Some(format!(
        "[keys] user = \"{user}\" is not in /etc/passwd, so sshd gets no keys: useradd --system --shell /usr/sbin/nologin {user}"
    ))
}

/// The lines for somebody; none where no live grant of his opens sshd.
pub(super) fn authorized_keys(desk: &Desk, caller: &Caller, user: &str) -> Answer {
    let login = match Login::new(user) {
        Ok(login) => login,
        Err(error) => return refused("bad-request", error.to_string()),
    };
    if !caller.may_ask_about(&login) && !is_asker(desk, caller.peer.uid) {
        return refused(
            "not-permitted",
            "about the keys of others may ask only root, the members of the local group jit-admin, and [keys] user of jitd.toml",
        );
    }
    let Ok(service) = Service::new(SSHD) else { return Answer::AuthorizedKeys { lines: Vec::new() } };
    let view = desk.view();
    // As the module will ask: by the local account of the name, if there is one.
    let uid = view.served.people.get(&login).map_or(SOME_UID, |person| person.uid);
    let question = desk.question_about(&login, uid, &service);
    let now = desk.clock().now().login;
    let lines = match decide(&view.snapshot, &question, now) {
        Verdict::Allow(Allow::Grants { until, .. }) => {
            // Not the verdict's own grants alone: of several that are live, it names the one that lasts longest.
            let live = view.snapshot.grants_of(&login).iter().map(AsRef::as_ref).filter(|grant| {
                state(&grant.assessed, now) == State::Live
                    && grant.services.include(&service)
                    && view.snapshot.silence(&grant.source, now) == Silence::Fresh
            });
            lines(&view, live, &login, until, now)
        }
        Verdict::Allow(Allow::BreakGlass) | Verdict::Deny(_) | Verdict::Unguarded(_) => Vec::new(),
    };
    Answer::AuthorizedKeys { lines }
}

/// The keys of the person behind each grant, each once.
fn lines<'a>(
    view: &'a View,
    grants: impl Iterator<Item = &'a AssessedGrant>,
    login: &Login,
    until: Timestamp,
    now: Timestamp,
) -> Vec<String> {
    let zone = Zone::of_host();
    let allowed = &view.config.keys.options;
    let people = people(view, grants.filter_map(|grant| Some((grant, grant.logins.get(login)?))));
    let keys = people.into_values().flat_map(|person| &person.account.ssh_keys);
    let keys = keys.filter_map(|line| Key::read(line, allowed, &zone).ok());
    keys.filter_map(|key| key.line(until, now, &zone)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Keys that are not handed out, of people whose grants are live or yet to begin.
pub(super) fn unusable(view: &View, now: Timestamp) -> Vec<RefusedPerson> {
    let zone = Zone::of_host();
    let mut all = BTreeSet::new();
    let counts = |state| matches!(state, State::Live | State::Scheduled);
    let grants = view.snapshot.grants().iter().filter(|grant| counts(state(&grant.assessed, now)));
    let named = grants.flat_map(|grant| grant.logins.values().map(move |dn| (grant.as_ref(), dn)));
    for person in people(view, named).into_values() {
        for line in &person.account.ssh_keys {
            if let Err(why) = Key::read(line, &view.config.keys.options, &zone) {
                all.insert((&person.login, format!("the key `{}` is not handed out: {why}", label(line))));
            }
        }
    }
    all.into_iter().map(|(login, reason)| RefusedPerson { user: login.to_string(), reason }).collect()
}

/// Who stands behind grants, each once: whoever may write himself grants could have thousands, and his keys read for each of them would
/// keep everybody waiting who asks meanwhile.
fn people<'v>(
    view: &'v View,
    named: impl Iterator<Item = (&'v AssessedGrant, &'v Dn)>,
) -> BTreeMap<(&'v SourceName, &'v Dn), &'v Person> {
    let mut people = BTreeMap::new();
    for (grant, dn) in named {
        if let Some(person) = view.people.get(&grant.source).and_then(|of_source| of_source.get(dn)) {
            people.insert((&grant.source, dn), person);
        }
    }
    people
}

#[cfg(test)]
mod tests;
