//! A connection of an administrator's, or of somebody whose rights are to be tried: any operation that LDAP has, one at a time, and the
//! server's answer to each as it was given. For setting a directory up and for proving its rules; nothing that a daemon or a person's
//! ordinary command does may come here, for nothing here keeps an entry from being changed or deleted.

use std::collections::HashSet;
use std::sync::Arc;

use ldap3::controls::RawControl;
use ldap3::result::CompareResult;
use ldap3::{Ldap, LdapError, LdapResult, Scope};
use tokio::time::timeout;

use super::config::LdapConfig;
use super::connect::Connection;
use super::follow::connected;
use super::message::Sent;
use super::trouble::{Cause, Step, Trouble};
use super::visit::NoServer;

/// An attribute and its values.
pub type Attribute = (String, Vec<Vec<u8>>);

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// RFC 4511 §4.7
    Add(Vec<Attribute>),
    /// RFC 4511 §4.6
    Modify(Vec<Change>),
    /// RFC 4511 §4.8
    Delete,
    /// RFC 4511 §4.9: another name, and perhaps another place.
    Rename {
        /// The new first part of the name.
        rdn: String,
        /// Below which entry, if it moves.
        above: Option<String>,
    },
}

/// One change of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// These values too.
    Add(Attribute),
    /// Not these values; none named: not the attribute.
    Delete(Attribute),
    /// These values only.
    Replace(Attribute),
}

/// A control that goes with an operation, which the server must honour or refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Critical {
    /// Its OID.
    pub oid: String,
    /// Its value.
    pub value: Option<Vec<u8>>,
}

/// Where a search looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// At the entry itself.
    Itself,
    /// One below.
    Below,
    /// At all of it.
    Subtree,
}

/// An entry as the server shows it: attribute names in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its name as sent.
    pub dn: String,
    /// What it says.
    pub attributes: std::collections::BTreeMap<String, Vec<Vec<u8>>>,
}

impl Shown {
    /// The values of an attribute that are text.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.attributes.get(&name.to_ascii_lowercase()).into_iter().flatten();
        values.filter_map(|value| std::str::from_utf8(value).ok())
    }
}

impl From<Sent> for Shown {
    fn from(sent: Sent) -> Shown {
        Shown { dn: sent.dn, attributes: sent.attributes }
    }
}

/// A bound connection.
pub struct Admin {
    config: Arc<LdapConfig>,
    connection: Connection,
}

impl Admin {
    /// Connects to the first server that answers and binds.
    ///
    /// # Errors
    /// When none can be used.
    pub async fn begin(config: LdapConfig) -> Result<Admin, NoServer> {
        let config = Arc::new(config);
        let mut troubles = Vec::new();
        for server in &config.servers {
            match connected(&config, server).await {
                Ok(connection) => return Ok(Admin { config: config.clone(), connection }),
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

    /// What a search shows. An entry that is not there, or hidden, is no entry.
    ///
    /// # Errors
    /// When the server refuses, or does not answer.
    pub async fn search(
        &mut self,
        base: &str,
        reach: Reach,
        filter: &str,
        attributes: &[&str],
    ) -> Result<Vec<Shown>, Trouble> {
        let scope = match reach {
            Reach::Itself => Scope::Base,
            Reach::Below => Scope::OneLevel,
            Reach::Subtree => Scope::Subtree,
        };
        let found = match self.connection.search.all(base, scope, filter, attributes).await {
            Err(Cause::Refused { code: super::trouble::NO_SUCH_OBJECT, .. }) => Ok(Vec::new()),
            other => other.map(|found| found.into_iter().map(Shown::from).collect()),
        };
        self.judged(Step::Look, found).await
    }

    /// One entry; `None` when it is not there, or hidden.
    ///
    /// # Errors
    /// When the server refuses, or does not answer.
    pub async fn entry(&mut self, dn: &str, attributes: &[&str]) -> Result<Option<Shown>, Trouble> {
        Ok(self.search(dn, Reach::Itself, "(objectClass=*)", attributes).await?.into_iter().next())
    }

    /// Whether the entry has this value (RFC 4511 §4.10): what may not be read may still be guessed.
    ///
    /// # Errors
    /// When the server refuses to say, or does not answer.
    pub async fn compare(&mut self, dn: &str, attribute: &str, value: &str) -> Result<bool, Trouble> {
        let patience = self.config.patience.operation;
        let handle = self.connection.search.handle();
        let said = match timeout(patience, handle.compare(dn, attribute, value)).await {
            Err(_) => Err(Cause::Silence(patience)),
            Ok(Err(error)) => Err(Cause::of(error, patience)),
            // compareFalse and compareTrue.
            Ok(Ok(CompareResult(result))) if matches!(result.rc, 5 | 6) => Ok(result.rc == 6),
            Ok(Ok(CompareResult(result))) => Err(Cause::refused(&result)),
        };
        self.judged(Step::Look, said).await
    }

    /// Does it.
    ///
    /// # Errors
    /// When the server refuses ([`Cause::Refused`] with its code), or does not answer.
    pub async fn perform(
        &mut self,
        dn: &str,
        operation: &Operation,
        control: Option<&Critical>,
    ) -> Result<(), Trouble> {
        let patience = self.config.patience.operation;
        let handle = self.connection.search.handle();
        if let Some(Critical { oid, value }) = control {
            handle.with_controls(vec![RawControl { ctype: oid.clone(), crit: true, val: value.clone() }]);
        }
        let done = match timeout(patience, send(handle, dn, operation)).await {
            Err(_) => Err(Cause::Silence(patience)),
            Ok(Err(error)) => Err(Cause::of(error, patience)),
            Ok(Ok(result)) if result.rc == 0 => Ok(()),
            Ok(Ok(result)) => Err(Cause::refused(&result)),
        };
        self.judged(Step::Write, done).await
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

async fn send(ldap: &mut Ldap, dn: &str, operation: &Operation) -> Result<LdapResult, LdapError> {
    match operation {
        Operation::Add(attributes) => ldap.add(dn, attributes.iter().map(set).collect()).await,
        Operation::Modify(changes) => ldap.modify(dn, changes.iter().flat_map(one_by_one).collect()).await,
        Operation::Delete => ldap.delete(dn).await,
        Operation::Rename { rdn, above } => ldap.modifydn(dn, rdn, true, above.as_deref()).await,
    }
}

/// Values that are added go one after the other, in one operation: the crate's sets have no order, and rules do.
fn one_by_one(change: &Change) -> Vec<ldap3::Mod<Vec<u8>>> {
    let single = |name: &str, value: &Vec<u8>| {
        ldap3::Mod::Add(name.as_bytes().to_vec(), HashSet::from([value.clone()]))
    };
    match change {
        Change::Add((name, values)) => values.iter().map(|value| single(name, value)).collect(),
        Change::Delete(attribute) => {
            let (name, values) = set(attribute);
            vec![ldap3::Mod::Delete(name, values)]
        }
        Change::Replace(attribute) => {
            let (name, values) = set(attribute);
            vec![ldap3::Mod::Replace(name, values)]
        }
    }
}

fn set((name, values): &Attribute) -> (Vec<u8>, HashSet<Vec<u8>>) {
    (name.as_bytes().to_vec(), values.iter().cloned().collect())
}
