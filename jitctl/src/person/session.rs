//! A person's visit to the directory, as commands see it: who I am, which grants and roles there are and what they come to, and the
//! adding of an entry.

use std::collections::BTreeSet;

use jit_directory::ldap::trouble::Step;
use jit_directory::ldap::visit::NoServer;
use jit_directory::ldap::{Cause, LdapConfig, Trouble, Visit};
use jit_directory::write::NewEntry;
use jit_model::assess::AssessedGrant;
use jit_model::dn::Dn;
use jit_model::source::Source;
use tokio::runtime::Runtime;

use super::config::ClientConfig;
use super::judging::{Judging, Picture};
use crate::report::{Exit, Failure};
use crate::terminal::some_of;

/// The fewest characters of an id that stand for the whole.
const BEGINNING: usize = 4;

/// The most ids that are named where a beginning fits several.
const NAMED: usize = 5;

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
    picture: Picture,
}

impl Session {
    /// Binds, asks the directory who I am, and reads.
    ///
    /// # Errors
    /// When the directory cannot be reached, refuses, or knows me by no name.
    pub fn open(config: ClientConfig) -> Result<Session, Failure> {
        let judging = Judging::of(&config)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::no("file", error.to_string()))?;
        let bound = config.bound()?;
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
        let entries = runtime.block_on(visit.whole(&also)).map_err(trouble)?;
        let picture = judging.judge(&entries);
        Ok(Session { runtime, visit, config, bound, judging, me, also, picture })
    }

    /// Reads anew.
    ///
    /// # Errors
    /// When the directory cannot be reached any more.
    pub fn refresh(&mut self) -> Result<(), Failure> {
        let entries = self.runtime.block_on(self.visit.whole(&self.also)).map_err(trouble)?;
        self.picture = self.judging.judge(&entries);
        Ok(())
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
        find(self.grants(), beginning)
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

/// The grant whose id is this, or begins with it if that fits one grant only.
fn find<'a>(grants: &'a [AssessedGrant], beginning: &str) -> Result<&'a AssessedGrant, Failure> {
    if let Some(exact) = grants.iter().find(|grant| grant.grant.id == beginning) {
        return Ok(exact);
    }
    if beginning.chars().count() < BEGINNING {
        return Err(Failure::usage(format!(
            "`{beginning}` is too short for an id: type at least {BEGINNING} of its characters"
        )));
    }
    let typed = beginning.to_ascii_lowercase();
    let fits = |grant: &&AssessedGrant| grant.grant.id.to_ascii_lowercase().starts_with(&typed);
    let found: Vec<&AssessedGrant> = grants.iter().filter(fits).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(Failure::no(
            "no-such-grant",
            format!(
                "you can see no grant whose id is, or begins with, {beginning}; those that there are: jitctl grants --all --directory"
            ),
        )),
        several => {
            let ids: Vec<String> = several.iter().map(|grant| grant.grant.id.clone()).collect();
            let text =
                format!("{beginning} fits {} grants, {}: type more of it", ids.len(), some_of(&ids, NAMED));
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
