//! One visit by a person: bind, look at the grants for all hosts and at who is who, add an entry, leave. What is read is read as a
//! host reads it, and counts only as a whole. Must never change or delete an entry: what people say is only ever added. Nor send an
//! entry a second time when the first may have arrived.
//!
//! A person thinks between reading and writing, and the server may have hung up meanwhile. So before an entry is sent it is found out
//! whether the connection still stands, and if it does not, another is made, once; after that, nothing is tried again.

use std::collections::{BTreeSet, HashSet};
use std::future::Future;
use std::sync::Arc;

use jit_model::dn::Dn;
use jit_model::time::Timestamp;
use ldap3::exop::WhoAmI;
use ldap3::result::ExopResult;
use ldap3::{LdapError, Scope};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::believe::{Belief, Known};
use super::config::LdapConfig;
use super::connect::{Connection, Features};
use super::content::EntrySet;
use super::filter;
use super::follow::connected;
use super::people::Reader;
use super::prepare::{merged, whole};
use super::refer::References;
use super::search::Search;
use super::server::Server;
use super::trouble::{Cause, REFERRAL, Step, Trouble};
use crate::decode::syntax;
use crate::entry::{Entries, Entry};
use crate::schema::CREATE_TIMESTAMP;
use crate::write::NewEntry;

/// A connection that is bound as a person.
pub struct Visit {
    config: Arc<LdapConfig>,
    connection: Connection,
    /// As whom the directory knows us, once it was asked.
    me: Option<Option<Dn>>,
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
        let connection = first(&config, &config.servers).await?;
        Ok(Visit { config, connection, me: None })
    }

    /// From here on only what was made since is read, or begins or ends later, and what stands under that; `None` for everything.
    pub fn look_back_to(&mut self, since: Option<Timestamp>) {
        Arc::make_mut(&mut self.config).since = since;
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
        let me = self.asked(Step::Bind, |asking| asking.who_am_i()).await?;
        self.me = Some(me.clone());
        Ok(me)
    }

    /// The DN of whoever has this login; `None` when nobody has it. Two who share it are an answer that makes no sense.
    ///
    /// # Errors
    /// When the server does not say.
    pub async fn person(&mut self, login: &str) -> Result<Option<Dn>, Trouble> {
        let login = login.to_owned();
        self.asked(Step::People, move |asking| asking.person(login.clone())).await
    }

    /// All grants that we may see, with what is under them, the roles, and the people and groups that they refer to; and these people
    /// too, whether or not anything refers to them.
    ///
    /// # Errors
    /// When any of it cannot be read.
    pub async fn whole(&mut self, also: &BTreeSet<Dn>) -> Result<Entries, Trouble> {
        let also = also.clone();
        self.asked(Step::Grants, move |asking| asking.whole(also.clone())).await
    }

    /// The same without people and groups, for who takes something away, and needs to know nobody for it.
    ///
    /// # Errors
    /// When grants or roles cannot be read.
    pub async fn grants(&mut self) -> Result<Entries, Trouble> {
        self.asked(Step::Grants, Asking::grants).await
    }

    /// Asks, and asks again over another connection if this one was lost.
    async fn asked<T, F>(&mut self, step: Step, question: impl Fn(Asking) -> F) -> Result<T, Trouble>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, (Step, Cause)>> + Send + 'static,
    {
        let mut answer = apart(step, question(self.asking())).await;
        if matches!(answer, Err((_, Cause::Connection(_)))) {
            self.reconnect().await?;
            answer = apart(step, question(self.asking())).await;
        }
        match answer {
            Ok(answer) => Ok(answer),
            Err((step, cause)) => Err(self.trouble(step, cause).await),
        }
    }

    /// Adds an entry. A server that says that another one takes writes has written nothing: the other servers of the configuration
    /// are asked in their order, but never one that only the server names.
    ///
    /// # Errors
    /// When the server refuses it, in its own words; [`Cause::Unanswered`] when it may have been written or not.
    pub async fn add(&mut self, entry: &NewEntry) -> Result<(), Trouble> {
        let stands = apart(Step::Write, self.asking().beat()).await;
        if let Err((step, cause)) = stands {
            match cause {
                Cause::Connection(_) => self.reconnect().await?,
                other => return Err(self.trouble(step, other).await),
            }
        }
        let Err(cause) = self.sent(entry).await else { return Ok(()) };
        let referred = self.trouble(Step::Write, cause).await;
        if !matches!(referred.cause, Cause::Refused { code: REFERRAL, .. }) {
            return Err(referred);
        }
        let here = self.connection.server.clone();
        for server in self.config.servers.clone().into_iter().filter(|server| *server != here) {
            // One that cannot be reached cannot take it either; what the first one said is what helps.
            let Ok(connection) = connected(&self.config, &server).await else { continue };
            if self.moved(connection).await.is_err() {
                continue;
            }
            match self.sent(entry).await {
                Ok(()) => return Ok(()),
                Err(Cause::Refused { code: REFERRAL, .. }) => {}
                Err(cause) => return Err(self.trouble(Step::Write, cause).await),
            }
        }
        Err(referred)
    }

    /// Sends an entry, once.
    async fn sent(&mut self, entry: &NewEntry) -> Result<(), Cause> {
        apart(Step::Write, self.asking().add(entry.clone())).await.map_err(|(_, cause)| match cause {
            // Nobody knows what the server made of it: it may have died after it wrote.
            Cause::Connection(_) | Cause::Silence(_) | Cause::Nonsense(_) => {
                Cause::Unanswered(cause.to_string())
            }
            other => other,
        })
    }

    async fn reconnect(&mut self) -> Result<(), Trouble> {
        let found = first(&self.config, &self.config.servers).await;
        // What the first one says is as good as any: they hold the same.
        let connection = match found {
            Ok(connection) => connection,
            Err(NoServer(troubles)) => {
                let none = || Trouble {
                    server: self.server(),
                    step: Step::Connect,
                    cause: Cause::Connection("the server closed the connection".to_owned()),
                };
                return Err(troubles.into_iter().next().unwrap_or_else(none));
            }
        };
        self.moved(connection).await
    }

    /// Goes on over another connection, as the same person.
    async fn moved(&mut self, connection: Connection) -> Result<(), Trouble> {
        self.connection = connection;
        let Some(before) = self.me.clone() else { return Ok(()) };
        match apart(Step::Bind, self.asking().who_am_i()).await {
            Ok(now) if now == before => Ok(()),
            Ok(_) => {
                let what = "it knows us by another name than the server before".to_owned();
                Err(self.trouble(Step::Bind, Cause::Nonsense(what)).await)
            }
            Err((step, cause)) => Err(self.trouble(step, cause).await),
        }
    }

    fn asking(&self) -> Asking {
        Asking {
            config: self.config.clone(),
            search: self.connection.search.clone(),
            features: self.connection.features.clone(),
        }
    }

    async fn trouble(&mut self, step: Step, cause: Cause) -> Trouble {
        let cause = self.connection.better(cause).await;
        Trouble { server: self.connection.server.to_string(), step, cause }
    }
}

/// The first of these servers that answers and takes us.
async fn first(config: &Arc<LdapConfig>, servers: &[Server]) -> Result<Connection, NoServer> {
    let mut troubles = Vec::new();
    for server in servers {
        match connected(config, server).await {
            Ok(connection) => return Ok(connection),
            Err(trouble) => {
                let ends = refuses_us(&trouble);
                troubles.push(trouble);
                if ends {
                    break;
                }
            }
        }
    }
    Err(NoServer(troubles))
}

/// Whether a server has refused who we are, and not only this connection: another one must not count the same wrong password again.
fn refuses_us(trouble: &Trouble) -> bool {
    /// busy, unavailable: about itself.
    const ITS_OWN: [u32; 2] = [51, 52];
    match &trouble.cause {
        Cause::Refused { code, .. } => trouble.step == Step::Bind && !ITS_OWN.contains(code),
        _ => false,
    }
}

/// In a task of its own: the crate panics on some malformed answers, and that must cost no more than an error.
async fn apart<T: Send + 'static>(
    step: Step,
    work: impl Future<Output = Result<T, (Step, Cause)>> + Send + 'static,
) -> Result<T, (Step, Cause)> {
    let mut task = JoinSet::new();
    task.spawn(work);
    match task.join_next().await {
        Some(Ok(outcome)) => outcome,
        Some(Err(_)) | None => Err((step, Cause::Nonsense("it sent what is not LDAP".to_owned()))),
    }
}

/// What it takes to ask over one connection.
struct Asking {
    config: Arc<LdapConfig>,
    search: Search,
    features: Features,
}

impl Asking {
    /// Whether the server still answers.
    async fn beat(self) -> Result<(), (Step, Cause)> {
        self.search.entry("", &["1.1"]).await.map(drop).map_err(|cause| (Step::Heartbeat, cause))
    }

    async fn who_am_i(mut self) -> Result<Option<Dn>, (Step, Cause)> {
        let patience = self.config.patience.operation;
        let handle = self.search.handle();
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
        asked.await.map_err(|cause| (Step::Bind, cause))
    }

    async fn person(self, login: String) -> Result<Option<Dn>, (Step, Cause)> {
        let base = self.config.bases.people.to_string();
        let terms = filter::term(&self.config.login_attribute, &login);
        let found = self.search.all(&base, Scope::Subtree, &terms, &["1.1"]).await;
        let found = found.and_then(|found| match found.as_slice() {
            [] => Ok(None),
            [one] => Dn::parse(&one.dn).map(Some).map_err(|error| Cause::Nonsense(error.to_string())),
            _ => Err(Cause::Nonsense(format!("more than one entry has the login {login}"))),
        });
        found.map_err(|cause| (Step::People, cause))
    }

    async fn whole(self, also: BTreeSet<Dn>) -> Result<Entries, (Step, Cause)> {
        let (access, belief) = self.access().await?;
        let (config, search) = (&self.config, &self.search);
        let mut references = References::of_all(&access, &config.writers, &config.bases);
        references.subjects.extend(also);
        let people = async {
            let mut reader = Reader::new(search.clone(), belief.clone(), config.clone()).await?;
            reader.resolve(&references).await
        };
        let people = people.await.map_err(|cause| (Step::People, cause))?.entries;
        Ok(Entries { access, people })
    }

    async fn grants(self) -> Result<Entries, (Step, Cause)> {
        Ok(Entries { access: self.access().await?.0, ..Entries::default() })
    }

    async fn access(&self) -> Result<(EntrySet, Belief), (Step, Cause)> {
        let (search, features) = (&self.search, &self.features);
        let grants = |cause| (Step::Grants, cause);
        // Where times are hidden, a search by them would find nothing, and say that there is nothing.
        let since = match self.config.since {
            Some(since) if self.shows_times().await.map_err(grants)? => Some(since),
            Some(_) | None => None,
        };
        let config = &LdapConfig { since, ..LdapConfig::clone(&self.config) };
        let belief = Belief::new(search.clone(), &config.bases, features, Known::default());
        belief.shows_grants().await.map_err(grants)?;
        let wanted = [&config.bases.grants, &config.bases.roles];
        let bases = belief.fewest(features, wanted).await.map_err(grants)?;
        let mut contents = Vec::new();
        for base in &bases {
            contents.push(whole(config, search, &belief, base).await.map_err(grants)?);
        }
        if let Some(since) = since {
            let found = merged(&contents, config);
            let everything = LdapConfig { since: None, ..config.clone() };
            for entry in found.values().filter(|entry| self.was_before(entry, since)) {
                contents.push(whole(&everything, search, &belief, &entry.dn).await.map_err(grants)?);
            }
        }
        Ok((merged(&contents, config), belief))
    }

    /// Whether we may see when entries were made.
    async fn shows_times(&self) -> Result<bool, Cause> {
        let base = self.config.bases.grants.to_string();
        let shown = self.search.entry(&base, &["createTimestamp"]).await?;
        Ok(shown.is_some_and(|entry| entry.attributes.contains_key(CREATE_TIMESTAMP)))
    }

    /// Whether it is a grant that was made before then, so that what stands under it may not have been read.
    fn was_before(&self, entry: &Entry, since: Timestamp) -> bool {
        let made = entry.attributes.get(CREATE_TIMESTAMP).and_then(|values| values.first());
        let made = made.and_then(|value| syntax::generalized_time(value).ok());
        entry.dn.is_directly_under(&self.config.bases.grants) && made.is_none_or(|made| made < since)
    }

    async fn add(mut self, entry: NewEntry) -> Result<(), (Step, Cause)> {
        let patience = self.config.patience.operation;
        let attributes: Vec<(Vec<u8>, HashSet<Vec<u8>>)> = entry
            .attributes
            .into_iter()
            .map(|(name, values)| (name.as_bytes().to_vec(), values.into_iter().collect()))
            .collect();
        let handle = self.search.handle();
        let added: Result<Result<_, LdapError>, _> =
            timeout(patience, handle.add(entry.dn.as_str(), attributes)).await;
        match added {
            Err(_) => Err(Cause::Silence(patience)),
            Ok(Err(error)) => Err(Cause::of(error, patience)),
            Ok(Ok(result)) if result.rc == 0 => Ok(()),
            Ok(Ok(result)) => Err(Cause::refused(&result)),
        }
        .map_err(|cause| (Step::Write, cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_of_who_we_are_ends_the_search_for_a_server() {
        let said = |step, code| {
            let cause = Cause::Refused { code, text: String::new() };
            refuses_us(&Trouble { server: String::new(), step, cause })
        };
        for code in [19, 48, 49, 50, 53] {
            assert!(said(Step::Bind, code), "{code}");
        }
        assert!(!said(Step::Bind, 51) && !said(Step::Bind, 52));
        assert!(!said(Step::Look, 50));
        let away =
            Trouble { server: String::new(), step: Step::Bind, cause: Cause::Connection("reset".to_owned()) };
        assert!(!refuses_us(&away));
    }

    #[test]
    fn a_panic_is_an_error() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outcome = runtime.block_on(apart::<()>(Step::Grants, async { panic!("made for a test") }));
        assert!(matches!(outcome, Err((Step::Grants, Cause::Nonsense(_)))), "{outcome:?}");
    }
}
