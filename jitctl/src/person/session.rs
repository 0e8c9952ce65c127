//! A person's visit to the directory, as commands see it: who I am, which grants and roles there are and what they come to, and the
//! adding of an entry.

use std::collections::BTreeSet;

use jit_directory::decode::decode;
use jit_directory::ldap::{Trouble, Visit};
use jit_directory::write::NewEntry;
use jit_model::assess::{AssessedGrant, Memory, assess};
use jit_model::dn::Dn;
use jit_model::host::HostNames;
use jit_model::source::Source;
use tokio::runtime::Runtime;

use super::config::ClientConfig;
use crate::report::{Exit, Failure};

/// A visit under way.
pub struct Session {
    runtime: Runtime,
    visit: Visit,
    config: ClientConfig,
    me: Dn,
    also: BTreeSet<Dn>,
    source: Source,
    grants: Vec<AssessedGrant>,
}

impl Session {
    /// Binds, asks the directory who I am, and reads.
    ///
    /// # Errors
    /// When the directory cannot be reached, refuses, or knows me by no name.
    pub fn open(config: ClientConfig) -> Result<Session, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::no("file", error.to_string()))?;
        let mut visit = runtime.block_on(Visit::begin(config.bound()?)).map_err(|error| Failure {
            exit: Exit::Unreachable,
            code: "unreachable".to_owned(),
            text: error.to_string(),
        })?;
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
        let source = decode(&entries, &config.directory.bases, &config.reading);
        let grants = assess(&source, &HostNames::everywhere(), &Memory::default());
        Ok(Session { runtime, visit, config, me, also, source, grants })
    }

    /// Reads anew.
    ///
    /// # Errors
    /// When the directory cannot be reached any more.
    pub fn refresh(&mut self) -> Result<(), Failure> {
        let entries = self.runtime.block_on(self.visit.whole(&self.also)).map_err(trouble)?;
        self.source = decode(&entries, &self.config.directory.bases, &self.config.reading);
        self.grants = assess(&self.source, &HostNames::everywhere(), &Memory::default());
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

    /// Adds an entry.
    ///
    /// # Errors
    /// When the directory refuses it.
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
        &self.source
    }

    /// What the grants come to, on the hosts that they are for.
    pub fn grants(&self) -> &[AssessedGrant] {
        &self.grants
    }
}

fn trouble(trouble: Trouble) -> Failure {
    use jit_directory::ldap::Cause;
    let (exit, code) = match &trouble.cause {
        Cause::Refused { .. } => (Exit::No, "refused"),
        _ => (Exit::Unreachable, "unreachable"),
    };
    Failure { exit, code: code.to_owned(), text: trouble.to_string() }
}
