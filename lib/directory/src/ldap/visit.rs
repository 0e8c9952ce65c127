//! One visit by a person: bind, look at the grants for all hosts and at who is who, add an entry, leave. What is read is read as a
//! host reads it, and counts only as a whole. Must never change or delete an entry: what people say is only ever added.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use jit_model::dn::Dn;
use ldap3::Scope;
use ldap3::exop::WhoAmI;
use ldap3::result::ExopResult;
use tokio::time::timeout;

use super::believe::{Belief, Known};
use super::config::LdapConfig;
use super::connect::Connection;
use super::filter;
use super::follow::connected;
use super::people::Reader;
use super::prepare::{merged, whole};
use super::refer::References;
use super::trouble::{Cause, Step, Trouble};
use crate::entry::Entries;
use crate::write::NewEntry;

/// A connection that is bound as a person.
pub struct Visit {
    config: Arc<LdapConfig>,
    connection: Connection,
}

/// Why no server could be visited: what each of them said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct NoServer(pub Vec<Trouble>);

impl Visit {
    /// Connects to the first server that answers and binds.
    ///
    /// A server that answers and refuses the bind ends it: the next one holds the same passwords, and each wrong one counts.
    ///
    /// # Errors
    /// When none can be used, with what each of them said.
    pub async fn begin(config: LdapConfig) -> Result<Visit, NoServer> {
        let config = Arc::new(config);
        let mut troubles = Vec::new();
        for server in &config.servers {
            match connected(&config, server).await {
                Ok(connection) => return Ok(Visit { config: config.clone(), connection }),
                Err(trouble) => {
                    let refused =
                        trouble.step == Step::Bind && matches!(trouble.cause, Cause::Refused { .. });
                    troubles.push(trouble);
                    if refused {
                        break;
                    }
                }
            }
        }
        Err(NoServer(troubles))
    }

    /// The server's URL.
    pub fn server(&self) -> String {
        self.connection.server.to_string()
    }

    /// As whom the server knows us (RFC 4532): what creatorsName will say. `None` when it knows us as nobody, or by no DN.
    ///
    /// # Errors
    /// When the server does not say.
    pub async fn who_am_i(&mut self) -> Result<Option<Dn>, Trouble> {
        let patience = self.config.patience.operation;
        let handle = self.connection.search.handle();
        let asked = async {
            let answer = timeout(patience, handle.extended(WhoAmI)).await;
            let answer = answer.map_err(|_| Cause::Silence(patience))?;
            let ExopResult(exop, result) = answer.map_err(|error| Cause::of(error, patience))?;
            if result.rc != 0 {
                return Err(Cause::refused(&result));
            }
            let name = exop.val.unwrap_or_default();
            let name = std::str::from_utf8(&name)
                .map_err(|_| Cause::Nonsense("it calls us by a name that is not UTF-8".to_owned()))?;
            Ok(name.strip_prefix("dn:").and_then(|dn| Dn::parse(dn).ok()))
        };
        let asked = asked.await;
        self.judged(Step::Bind, asked).await
    }

    /// The DN of whoever has this login; `None` when nobody has it. Two who share it are an answer that makes no sense.
    ///
    /// # Errors
    /// When the server does not say.
    pub async fn person(&mut self, login: &str) -> Result<Option<Dn>, Trouble> {
        let base = self.config.bases.people.to_string();
        let terms = filter::term(&self.config.login_attribute, login);
        let found = self.connection.search.all(&base, Scope::Subtree, &terms, &["1.1"]).await;
        let found = found.and_then(|found| match found.as_slice() {
            [] => Ok(None),
            [one] => Dn::parse(&one.dn).map(Some).map_err(|error| Cause::Nonsense(error.to_string())),
            _ => Err(Cause::Nonsense(format!("more than one entry has the login {login}"))),
        });
        self.judged(Step::People, found).await
    }

    /// All grants that we may see, with what is under them, the roles, and the people and groups that they refer to; and these people
    /// too, whether or not anything refers to them.
    ///
    /// # Errors
    /// When any of it cannot be read.
    pub async fn whole(&mut self, also: &BTreeSet<Dn>) -> Result<Entries, Trouble> {
        let read = self.read(also).await;
        match read {
            Ok(entries) => Ok(entries),
            Err((step, cause)) => self.judged(step, Err(cause)).await,
        }
    }

    async fn read(&self, also: &BTreeSet<Dn>) -> Result<Entries, (Step, Cause)> {
        let (config, search) = (&self.config, &self.connection.search);
        let features = &self.connection.features;
        let belief = Belief::new(search.clone(), &config.bases, features, Known::default());
        let grants = |cause| (Step::Grants, cause);
        belief.shows_grants().await.map_err(grants)?;
        let wanted = [&config.bases.grants, &config.bases.roles];
        let bases = belief.fewest(features, wanted).await.map_err(grants)?;
        let mut contents = Vec::new();
        for base in &bases {
            contents.push(whole(config, search, &belief, base).await.map_err(grants)?);
        }
        let access = merged(&contents, config);
        let mut references = References::of_all(&access, &config.writers, &config.bases);
        references.subjects.extend(also.iter().cloned());
        let people = async {
            let mut reader = Reader::new(search.clone(), belief.clone(), config.clone()).await?;
            reader.resolve(&references).await
        };
        let people = people.await.map_err(|cause| (Step::People, cause))?.entries;
        Ok(Entries { access, people })
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// When the server refuses it, in its own words.
    pub async fn add(&mut self, entry: &NewEntry) -> Result<(), Trouble> {
        let patience = self.config.patience.operation;
        let attributes: Vec<(Vec<u8>, HashSet<Vec<u8>>)> = entry
            .attributes
            .iter()
            .map(|(name, values)| (name.as_bytes().to_vec(), values.iter().cloned().collect()))
            .collect();
        let handle = self.connection.search.handle();
        let added = timeout(patience, handle.add(entry.dn.as_str(), attributes)).await;
        let added = match added {
            Err(_) => Err(Cause::Silence(patience)),
            Ok(Err(error)) => Err(Cause::of(error, patience)),
            Ok(Ok(result)) if result.rc == 0 => Ok(()),
            Ok(Ok(result)) => Err(Cause::refused(&result)),
        };
        self.judged(Step::Write, added).await
    }

    async fn judged<T>(&mut self, step: Step, outcome: Result<T, Cause>) -> Result<T, Trouble> {
        match outcome {
            Ok(value) => Ok(value),
            Err(cause) => {
                let cause = self.connection.better(cause).await;
                Err(Trouble { server: self.connection.server.to_string(), step, cause })
            }
        }
    }
}
