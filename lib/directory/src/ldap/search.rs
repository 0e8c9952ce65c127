//! Plain searches: the whole result or an error, within a deadline. A result code other than success is an error, a
//! partial result included. Referrals are never followed and aliases never dereferenced.

use std::time::Duration;

use ldap3::controls::RawControl;
use ldap3::{Ldap, LdapError, Scope, SearchStream};
use tokio::time::timeout;

use super::message::{self, Sent};
use super::trouble::{Cause, NO_SUCH_OBJECT};

/// More than this in one result is a mistake, not an answer.
const MOST: usize = 100_000;

/// What the crate's streams need for a type; the names live as long as they like.
pub(crate) type Stream = SearchStream<'static, String, Vec<String>>;

/// Asks over one connection. Clones share it.
#[derive(Clone)]
pub(crate) struct Search {
    ldap: Ldap,
    patience: Duration,
}

impl Search {
    pub(crate) fn new(ldap: Ldap, patience: Duration) -> Search {
        Search { ldap, patience }
    }

    pub(crate) fn handle(&mut self) -> &mut Ldap {
        &mut self.ldap
    }

    /// The deadline for one answer.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// Begins a search whose result comes one by one. The stream has no adapters, so `next` may be cancelled.
    pub(crate) async fn begin(
        &self,
        base: &str,
        scope: Scope,
        filter: &str,
        attributes: &[&str],
        control: Option<RawControl>,
    ) -> Result<Stream, Cause> {
        let mut ldap = self.ldap.clone();
        if let Some(control) = control {
            ldap.with_controls(vec![control]);
        }
        let names: Vec<String> = attributes.iter().map(|name| (*name).to_owned()).collect();
        let begun = timeout(self.patience, ldap.streaming_search(base, scope, filter, names)).await;
        self.judge(begun)
    }

    /// The next item, or the end of the search.
    pub(crate) async fn next(&self, stream: &mut Stream) -> Result<Option<ldap3::ResultEntry>, Cause> {
        let item = timeout(self.patience, stream.next()).await;
        self.judge(item)
    }

    fn judge<T>(
        &self,
        outcome: Result<Result<T, LdapError>, tokio::time::error::Elapsed>,
    ) -> Result<T, Cause> {
        match outcome {
            Ok(answered) => answered.map_err(|error| Cause::of(error, self.patience)),
            Err(_) => Err(Cause::Silence(self.patience)),
        }
    }

    /// Tells the server that nobody listens to a search any more (RFC 4511 §4.11).
    pub(crate) async fn abandon(&self, mut stream: Stream) {
        let handle = stream.ldap_handle();
        let id = handle.last_id();
        // No answer exists, and a connection that is gone needs no telling.
        let _ = timeout(self.patience, handle.abandon(id)).await;
        stream.finish().await;
    }

    /// A whole result.
    pub(crate) async fn all(
        &self,
        base: &str,
        scope: Scope,
        filter: &str,
        attributes: &[&str],
    ) -> Result<Vec<Sent>, Cause> {
        let mut stream = self.begin(base, scope, filter, attributes, None).await?;
        let mut found = Vec::new();
        loop {
            match self.next(&mut stream).await {
                Ok(Some(item)) => found.extend(message::sent(item).map_err(Cause::Nonsense)?),
                Ok(None) => break,
                Err(cause) => {
                    self.abandon(stream).await;
                    return Err(cause);
                }
            }
            if found.len() > MOST {
                self.abandon(stream).await;
                return Err(Cause::TooMuch(format!("more than {MOST} entries under {base}")));
            }
        }
        let result = stream.finish().await;
        if result.rc == 0 { Ok(found) } else { Err(Cause::refused(&result)) }
    }

    /// One entry, by its name; `None` when it is not there, or hidden.
    pub(crate) async fn entry(&self, name: &str, attributes: &[&str]) -> Result<Option<Sent>, Cause> {
        match self.all(name, Scope::Base, "(objectClass=*)", attributes).await {
            Ok(found) => Ok(found.into_iter().next()),
            Err(Cause::Refused { code: NO_SUCH_OBJECT, .. }) => Ok(None),
            Err(cause) => Err(cause),
        }
    }
}
