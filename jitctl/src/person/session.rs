//! A person's visit to the directory, as commands see it: who I am, which grants and roles there are and what they come to, and the
//! adding of an entry.

use std::collections::BTreeSet;

use jit_directory::entry::Entries;
use jit_directory::ldap::trouble::Step;
use jit_directory::ldap::visit::NoServer;
use jit_directory::ldap::{Cause, LdapConfig, Trouble, Visit};
use jit_directory::write::NewEntry;
use jit_model::assess::AssessedGrant;
use jit_model::dn::Dn;
use jit_model::grant::Revocation;
use jit_model::source::{EntryKind, RoleEntry, SetAside, Source};
use jit_model::time::{Span, Timestamp};
use tokio::runtime::Runtime;

use super::config::ClientConfig;
use super::judging::{Judging, Picture};
use crate::context::wall_clock;
use crate::report::{Exit, Failure};
use crate::terminal::some_of;

/// The fewest characters of an id that stand for the whole.
const BEGINNING: usize = 4;

/// The length of an id that jitctl makes: one as long was hardly typed as a beginning.
const WHOLE: usize = 32;

/// The most ids that are named where a beginning fits several.
const NAMED: usize = 5;

/// How far back a look goes: a directory keeps all grants that there ever were, and reading them all takes seconds for each thousand. What
/// can still be live, or begins or ends later, is always seen.
const LOOK_BACK: Span = Span(31 * 86_400);

/// A visit under way.
pub struct Session {
    runtime: Runtime,
    visit: Visit,
    config: ClientConfig,
    /// With the password, if one was typed: it is asked for once.
    bound: LdapConfig,
    judging: Judging,
    me: Dn,
    also: BTreeSet<Dn>,
    purpose: Purpose,
    notes: Vec<String>,
    picture: Picture,
}

/// What a visit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// To judge as hosts do: everything must be there.
    Judge,
    /// To take something away, which is always easy: what only judges may be missing.
    Take,
}

/// What somebody means to take away.
#[derive(Clone, Copy, Debug)]
pub enum Meant<'a> {
    /// A grant.
    Grant(&'a AssessedGrant),
    /// An entry that stands where grants stand and is none that counts, with what took it away already.
    Aside(&'a SetAside, Option<&'a Revocation>),
}

impl Session {
    /// Binds, asks the directory who I am, and reads.
    ///
    /// # Errors
    /// When the directory cannot be reached, refuses, or knows me by no name.
    pub fn open(config: ClientConfig) -> Result<Session, Failure> {
        let judging = Judging::of(&config)?;
        Session::opened(config, judging, Purpose::Judge, Vec::new())
    }

    /// The same for who takes something away: neither a list of signers nor people and groups need be readable.
    ///
    /// # Errors
    /// When the directory cannot be reached, refuses, or knows me by no name.
    pub fn open_to_take(config: ClientConfig) -> Result<Session, Failure> {
        let (judging, notes) = match Judging::of(&config) {
            Ok(judging) => (judging, Vec::new()),
            Err(failure) => (Judging::unchecked(&config), vec![failure.text]),
        };
        Session::opened(config, judging, Purpose::Take, notes)
    }

    fn opened(
        config: ClientConfig,
        judging: Judging,
        purpose: Purpose,
        mut notes: Vec<String>,
    ) -> Result<Session, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::no("file", error.to_string()))?;
        let mut bound = config.bound()?;
        bound.since = Some(ago(LOOK_BACK));
        let mut visit = runtime.block_on(Visit::begin(bound.clone())).map_err(|error| unreachable(&error))?;
        let me = runtime.block_on(visit.who_am_i()).map_err(trouble)?.ok_or_else(|| {
            Failure::no(
                "nobody",
                format!(
                    "{} knows you by no name: say in {} as whom to bind",
                    visit.server(),
                    config.path.display()
                ),
            )
        })?;
        let also = BTreeSet::from([me.clone()]);
        let entries = runtime.block_on(read(&mut visit, &also, purpose, &mut notes)).map_err(trouble)?;
        let picture = judging.judge(&entries);
        let mut session =
            Session { runtime, visit, config, bound, judging, me, also, purpose, notes, picture };
        let longest = session.source().roles.values().filter_map(|role| match role {
            RoleEntry::Known(role) => Some(role.max_duration),
            RoleEntry::Malformed(_) => None,
        });
        // Asked for and approved within a look, and live for as long as a role allows.
        match longest.max() {
            Some(longest) if longest > Span(86_400) => {
                session.look_back_to(Some(ago(Span(LOOK_BACK.0.saturating_add(longest.0)))))?;
            }
            _ => {}
        }
        Ok(session)
    }

    /// Reads all grants that there ever were.
    ///
    /// # Errors
    /// When the directory cannot be reached any more.
    pub fn look_back_to_the_beginning(&mut self) -> Result<(), Failure> {
        self.look_back_to(None)
    }

    /// Reads further back where no grant of late has this id.
    ///
    /// # Errors
    /// When the directory cannot be reached any more.
    pub fn reach(&mut self, beginning: &str) -> Result<(), Failure> {
        match self.find_to_take(beginning) {
            Err(failure) if failure.code == "no-such-grant" => self.look_back_to_the_beginning(),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn look_back_to(&mut self, since: Option<Timestamp>) -> Result<(), Failure> {
        self.bound.since = since;
        self.visit.look_back_to(since);
        self.refresh()
    }

    /// Reads anew.
    ///
    /// # Errors
    /// When the directory cannot be reached any more.
    pub fn refresh(&mut self) -> Result<(), Failure> {
        let reading = read(&mut self.visit, &self.also, self.purpose, &mut self.notes);
        let entries = self.runtime.block_on(reading).map_err(trouble)?;
        self.picture = self.judging.judge(&entries);
        Ok(())
    }

    /// Reads anew what was just written to. That it was written stays true where this fails; what was read before is then shown no more.
    pub fn settle(&mut self) {
        if let Err(failure) = self.refresh() {
            let first = failure.text.lines().next().unwrap_or_default();
            self.notes.push(format!("it was written, and what has come of it cannot be read: {first}"));
            self.picture.grants.clear();
        }
    }

    /// What the person should know besides.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The DN of a login, which is then read with the rest, from the next [`Session::refresh`] on.
    ///
    /// # Errors
    /// When nobody has it.
    pub fn person(&mut self, login: &str) -> Result<Dn, Failure> {
        let found = self.runtime.block_on(self.visit.person(login)).map_err(trouble)?;
        let dn = found.ok_or_else(|| {
            Failure::no(
                "no-such-user",
                format!("nobody under {} has the login {login}", self.config.directory.bases.people),
            )
        })?;
        self.also.insert(dn.clone());
        Ok(dn)
    }

    /// Somebody, or a group, who is read with the rest from the next [`Session::refresh`] on, whether or not anything refers to him.
    pub fn also(&mut self, dn: Dn) {
        self.also.insert(dn);
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// When the directory refuses it; `unanswered` when nobody knows whether it was written.
    pub fn add(&mut self, entry: &NewEntry) -> Result<(), Failure> {
        self.runtime.block_on(self.visit.add(entry)).map_err(trouble)
    }

    /// As whom the directory knows me.
    pub fn me(&self) -> &Dn {
        &self.me
    }

    /// What the configuration says.
    pub fn config(&self) -> &ClientConfig {
        &self.config
    }

    /// Roles, people and groups, and grants as written.
    pub fn source(&self) -> &Source {
        &self.picture.source
    }

    /// What the grants come to, on the hosts that they are for.
    pub fn grants(&self) -> &[AssessedGrant] {
        &self.picture.grants
    }

    /// Both.
    pub fn picture(&self) -> &Picture {
        &self.picture
    }

    /// How what is read is judged.
    pub fn judging(&self) -> &Judging {
        &self.judging
    }

    /// The grant whose id is this, or begins with it if that fits one grant only.
    ///
    /// # Errors
    /// `no-such-grant`, `ambiguous`, or `usage` where too little was typed.
    pub fn find(&self, beginning: &str) -> Result<&AssessedGrant, Failure> {
        find(self.grants().iter().map(named), beginning)
    }

    /// The same among everything that stands where grants stand.
    ///
    /// # Errors
    /// As [`Session::find`].
    pub fn find_to_take(&self, beginning: &str) -> Result<Meant<'_>, Failure> {
        let source = self.source();
        let grants = self.grants().iter().map(named).map(|(id, dn, grant)| (id, dn, Meant::Grant(grant)));
        let aside = source.set_aside.iter().filter(|aside| aside.kind == EntryKind::Grant);
        let aside = aside.map(|aside| {
            let gone = aside.uuid.and_then(|uuid| source.revoked_aside.get(&uuid));
            (aside.dn.rdn_value(), &aside.dn, Meant::Aside(aside, gone))
        });
        find(grants.chain(aside), beginning)
    }

    /// The directory as it was bound to, to follow it.
    pub(super) fn bound(&self) -> &LdapConfig {
        &self.bound
    }

    /// What the session's own work runs on.
    pub(super) fn runtime(&self) -> &Runtime {
        &self.runtime
    }
}

/// So long before now.
fn ago(span: Span) -> Timestamp {
    Timestamp(wall_clock().0.saturating_sub_unsigned(span.0))
}

/// Reads what the visit is for.
async fn read(
    visit: &mut Visit,
    also: &BTreeSet<Dn>,
    purpose: Purpose,
    notes: &mut Vec<String>,
) -> Result<Entries, Trouble> {
    match visit.whole(also).await {
        Err(trouble) if purpose == Purpose::Take && trouble.step == Step::People => {
            let note = format!("people and groups cannot be read: {trouble}");
            if !notes.contains(&note) {
                notes.push(note);
            }
            visit.grants().await
        }
        read => read,
    }
}

fn named(judged: &AssessedGrant) -> (String, &Dn, &AssessedGrant) {
    (judged.grant.id.clone(), &judged.grant.dn, judged)
}

/// The one whose id is this, or begins with it if that fits one only, or whose name it is.
///
/// Who writes a grant chooses its id. So a short one that is also the beginning of a random one, as jitctl makes and shortens them, stands for
/// neither, lest it be the decoy of somebody whose grant is meant.
fn find<'a, T>(all: impl Iterator<Item = (String, &'a Dn, T)>, typed: &str) -> Result<T, Failure> {
    let (mut exact, mut longer) = (Vec::new(), Vec::new());
    let (lower, name) = (typed.to_ascii_lowercase(), Dn::parse(typed).ok());
    for one in all {
        if name.as_ref() == Some(one.1) {
            return Ok(one.2);
        }
        match one.0.to_ascii_lowercase() {
            id if id == lower => exact.push(one),
            id if id.starts_with(&lower) => longer.push(one),
            _ => {}
        }
    }
    let whole = !exact.is_empty();
    if whole {
        let random = |id: &str| id.len() >= WHOLE && id.bytes().all(|b| b.is_ascii_hexdigit());
        longer.retain(|(id, ..)| typed.len() < WHOLE && random(id));
    }
    let mut found = exact;
    found.append(&mut longer);
    if !whole && typed.chars().count() < BEGINNING {
        return Err(Failure::usage(format!(
            "`{typed}` is too short for an id: type at least {BEGINNING} of its characters"
        )));
    }
    let shown: Vec<String> =
        found.iter().map(|(id, dn, _)| if whole { dn.to_string() } else { id.clone() }).collect();
    match (found.pop(), found.len()) {
        (Some((_, _, one)), 0) => Ok(one),
        (None, _) => Err(Failure::no(
            "no-such-grant",
            format!(
                "you can see no grant whose id is, or begins with, {typed}; those that there are: jitctl grants --all --directory"
            ),
        )),
        (Some(_), others) => {
            let more = if whole {
                "it is the whole id of one of them: type the DN of the one that is meant"
            } else {
                "type more of it"
            };
            let text = format!("{typed} fits {} grants, {}: {more}", others + 1, some_of(&shown, NAMED));
            Err(Failure::no("ambiguous", text))
        }
    }
}

/// No server could be visited.
fn unreachable(error: &NoServer) -> Failure {
    let refused =
        |trouble: &Trouble| trouble.step == Step::Bind && matches!(trouble.cause, Cause::Refused { .. });
    let (exit, code) = match error.0.last() {
        Some(last) if refused(last) => (Exit::No, "refused"),
        _ => (Exit::Unreachable, "unreachable"),
    };
    Failure { exit, code: code.to_owned(), text: error.to_string() }
}

fn trouble(trouble: Trouble) -> Failure {
    /// RFC 4511: insufficientAccessRights.
    const FORBIDDEN: u32 = 50;
    let (exit, code) = match (&trouble.cause, trouble.step) {
        (Cause::Refused { code: FORBIDDEN, .. }, Step::Write) => (Exit::No, "forbidden"),
        (Cause::Refused { .. }, _) => (Exit::No, "refused"),
        (Cause::Unanswered(_), _) => (Exit::Unreachable, "unanswered"),
        _ => (Exit::Unreachable, "unreachable"),
    };
    let look = match &trouble.cause {
        Cause::Unanswered(_) => "\nTo look: jitctl grants --all --directory",
        _ => "",
    };
    Failure { exit, code: code.to_owned(), text: format!("{trouble}{look}") }
}

#[cfg(test)]
#[path = "session/tests.rs"]
mod tests;
