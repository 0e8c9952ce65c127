//! One session with one server, from the first question to the first failure. Each concern is a task of its own that owns
//! its part: one follows grants and roles, one people and groups, one asks for signs of life. This module only puts
//! together what they report. It must never let a slow reading of people delay a revocation.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use jit_model::dn::Dn;
use jit_model::name::SourceName;
use jit_model::time::Timestamp;
use ldap3::Scope;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, sleep, sleep_until};

use super::assembly::Assembly;
use super::believe::{Belief, Known};
use super::config::{Follow, LdapConfig};
use super::connect::{Connection, Features};
use super::content::{Content, EntrySet};
use super::filter;
use super::message;
use super::people::{ByName, Reader, Resolved, Watch};
use super::push::{self, Report, Subscription};
use super::refer::References;
use super::search::Search;
use super::trouble::{Cause, Step, Trouble};
use crate::decode::syntax;
use crate::schema;
use crate::update::{Update, Word};

/// Everything of an entry that the server shows, and the operational attributes that prove who wrote it, by name.
const ATTRIBUTES: [&str; 6] =
    ["*", "creatorsName", "modifiersName", "createTimestamp", "modifyTimestamp", "entryUUID"];
/// A watch over more names than this would cost the server more than polling does.
const MOST_WATCHED: usize = 2_000;
/// After a failed reading of people.
const PEOPLE_RETRY: Duration = Duration::from_secs(5);

/// Where words go.
pub(crate) struct Voice {
    pub(crate) source: SourceName,
    pub(crate) tx: mpsc::Sender<Update>,
}

impl Voice {
    /// Says a word.
    pub(crate) async fn say(&self, word: Word) {
        // When nobody listens any more, the daemon is about to drop us.
        let _ = self.tx.send(Update { source: self.source.clone(), word }).await;
    }
}

/// What is carried from one session to the next.
pub(crate) struct Carried {
    /// What is known of the directory's newest changes.
    pub(crate) known: Known,
    /// Where the last sync ended.
    pub(crate) resume: Resume,
    /// What was published.
    pub(crate) assembly: Assembly,
}

/// Where a sync ended, for each base that is followed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resume {
    server: String,
    contents: Vec<(Dn, Content)>,
}

impl Resume {
    /// Where to go on. A cookie is good for the server that made it; one with change sequence numbers also for that
    /// server's mirrors.
    fn from(&self, server: &str, base: &Dn) -> Content {
        let known = self.contents.iter().find(|(known, _)| known == base);
        let Some((_, content)) = known else { return Content::default() };
        let cookie = content.cookie.as_deref().unwrap_or_default();
        let travels = !super::csn::Csns::from_cookie(cookie).is_empty();
        if self.server == server || travels { content.clone() } else { Content::default() }
    }
}

/// What a task reports.
enum News {
    /// Who is who, for these references.
    People(References, EntrySet),
    /// Who is who could not be found out.
    NoPeople(References, Cause),
    /// A sign of life.
    Alive,
}

/// How the session follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The server pushes.
    Push,
    /// We look now and then.
    Poll,
}

/// Runs a session until it fails; `begun` is called once the first set is complete.
pub(crate) async fn run(
    config: &Arc<LdapConfig>,
    connection: &mut Connection,
    carried: &mut Carried,
    voice: &Voice,
    mut begun: impl FnMut(Way) + Send,
) -> Trouble {
    let server = connection.server.to_string();
    let trouble = |step, cause| Trouble { server: server.clone(), step, cause };
    let search = connection.search.clone();
    let features = connection.features.clone();
    let belief = Belief::new(search.clone(), &config.bases, &features, carried.known.clone());
    if let Err(cause) = belief.is_not_behind().await {
        return trouble(Step::Look, connection.better(cause).await);
    }
    if let Err(cause) = belief.shows_grants().await {
        return trouble(Step::Grants, connection.better(cause).await);
    }
    let way = match config.follow {
        Follow::Poll => Way::Poll,
        Follow::Push => match push::offered(&search, &features, &config.bases.grants).await {
            Ok(true) => Way::Push,
            Ok(false) => Way::Poll,
            Err(cause) => return trouble(Step::Look, connection.better(cause).await),
        },
    };
    let wanted = [&config.bases.grants, &config.bases.roles];
    let bases = match belief.fewest(&features, wanted).await {
        Ok(bases) => bases,
        Err(cause) => return trouble(Step::Look, connection.better(cause).await),
    };

    let (to, mut access) = mpsc::channel(64);
    let (report, mut news) = mpsc::channel(64);
    let (ask, asked) = watch::channel(None);
    let mut tasks: JoinSet<(Step, Cause)> = JoinSet::new();
    let shared = Shared { config: config.clone(), search, features, belief: belief.clone(), way };
    for (place, base) in bases.iter().enumerate() {
        let from = carried.resume.from(&server, base);
        let report = Report { place, to: to.clone() };
        tasks.spawn(shared.clone().access(base.clone(), from, report));
    }
    tasks.spawn(shared.clone().people(asked, report.clone()));
    tasks.spawn(shared.clone().heartbeat(report));

    let mut contents: Vec<Option<Content>> = vec![None; bases.len()];
    let mut started = false;
    let mut people_are_read = true;
    let mut newest = None;
    loop {
        let mut alive = false;
        tokio::select! {
            // A word that has arrived counts before the end that comes after it.
            biased;
            Some((place, content)) = access.recv() => {
                let mut next = Some((place, content));
                while let Some((place, content)) = next {
                    if let Some(cookie) = &content.cookie {
                        belief.note(&shared.features, cookie);
                    }
                    if let Some(slot) = contents.get_mut(place) {
                        *slot = Some(content);
                    }
                    next = access.try_recv().ok();
                }
                if contents.iter().all(Option::is_some) {
                    let contents: Vec<Content> = contents.iter().flatten().cloned().collect();
                    let access = merged(&contents, config);
                    newest = newest.max(newest_of(&access));
                    carried.assembly.take_access(access);
                    let contents = bases.iter().cloned().zip(contents).collect();
                    carried.resume = Resume { server: server.clone(), contents };
                    ask.send_if_modified(|asked| {
                        let references = carried.assembly.references();
                        let new = *asked != references;
                        *asked = references;
                        new
                    });
                }
            }
            Some(item) = news.recv() => match item {
                News::Alive => alive = true,
                News::People(references, people) => {
                    people_are_read = true;
                    alive = true;
                    carried.assembly.take_people(references, people);
                }
                News::NoPeople(references, cause) => {
                    people_are_read = false;
                    carried.assembly.keep_people(references);
                    voice.say(Word::Trouble { why: trouble(Step::People, cause).to_string() }).await;
                }
            },
            ended = tasks.join_next() => match ended {
                Some(Ok((step, cause))) => return trouble(step, connection.better(cause).await),
                _ => return trouble(Step::Grants, Cause::Nonsense("a reading broke off".to_owned())),
            },
            cause = connection.ended() => return trouble(Step::Heartbeat, cause),
        }
        let directory_time = belief.time().max(newest);
        if let Some(entries) = carried.assembly.next() {
            voice.say(Word::Whole { entries, directory_time }).await;
            if !started {
                started = true;
                begun(way);
            }
        } else if alive && people_are_read && contents.iter().all(Option::is_some) {
            if !started {
                started = true;
                begun(way);
            }
            voice.say(Word::Alive { directory_time }).await;
        }
    }
}

/// What stands under the two bases, out of everything that was found.
fn merged(contents: &[Content], config: &LdapConfig) -> EntrySet {
    let ours = |dn: &Dn| dn.is_below(&config.bases.grants) || dn.is_below(&config.bases.roles);
    let all = contents.iter().flat_map(|content| content.entries.iter());
    all.filter(|(_, entry)| ours(&entry.dn)).map(|(uuid, entry)| (*uuid, entry.clone())).collect()
}

/// The newest time that the directory has written on an entry.
fn newest_of(entries: &EntrySet) -> Option<Timestamp> {
    let names = [schema::CREATE_TIMESTAMP, schema::MODIFY_TIMESTAMP];
    let values =
        entries.values().flat_map(|entry| names.iter().filter_map(|name| entry.attributes.get(*name)));
    values.flatten().filter_map(|value| syntax::generalized_time(value).ok()).max()
}

/// What all tasks of a session need.
#[derive(Clone)]
struct Shared {
    config: Arc<LdapConfig>,
    search: Search,
    features: Features,
    belief: Belief,
    way: Way,
}

impl Shared {
    /// Grants and roles under one base.
    async fn access(self, base: Dn, from: Content, report: Report) -> (Step, Cause) {
        let filter = filter::for_host(&self.config.host);
        let ended = match self.way {
            Way::Push => {
                let refresh = self.config.patience.refresh;
                let subscription = Subscription { base, filter, attributes: ATTRIBUTES.to_vec(), refresh };
                push::follow(&self.search, &self.belief, &subscription, from, &report).await
            }
            Way::Poll => self.poll(&base, &filter, &report).await,
        };
        match ended {
            Err(cause) => (Step::Grants, cause),
            Ok(never) => match never {},
        }
    }

    async fn poll(&self, base: &Dn, filter: &str, report: &Report) -> Result<Infallible, Cause> {
        loop {
            self.belief.is_not_behind().await?;
            self.belief.shows_grants().await?;
            let sent = self.search.all(&base.to_string(), Scope::Subtree, filter, &ATTRIBUTES).await?;
            self.belief.shows_grants().await?;
            let mut entries = EntrySet::new();
            for sent in sent {
                let entry = message::identified(sent, None).map_err(Cause::Nonsense)?;
                entries.insert(entry.uuid, Arc::new(entry));
            }
            report.content(Content { entries, cookie: None }).await;
            sleep(self.config.patience.poll).await;
        }
    }

    /// A sign of life now and then, over the same connection, and the same proofs that the answers can be believed.
    async fn heartbeat(self, report: mpsc::Sender<News>) -> (Step, Cause) {
        let period = self.config.patience.heartbeat;
        let mut beat = interval_at(Instant::now() + period, period);
        loop {
            beat.tick().await;
            let alive = async {
                self.belief.shows_grants().await?;
                self.belief.is_not_behind().await
            };
            if let Err(cause) = alive.await {
                return (Step::Heartbeat, cause);
            }
            // Nobody listens any more only when the session is over.
            let _ = report.send(News::Alive).await;
        }
    }

    /// People and groups: read when the references change, when the server says that one of them has changed, and now
    /// and then.
    async fn people(
        self,
        mut asked: watch::Receiver<Option<References>>,
        report: mpsc::Sender<News>,
    ) -> (Step, Cause) {
        match self.follow_people(&mut asked, &report).await {
            Err(cause) => (Step::People, cause),
            Ok(never) => match never {},
        }
    }

    async fn follow_people(
        &self,
        asked: &mut watch::Receiver<Option<References>>,
        report: &mpsc::Sender<News>,
    ) -> Result<Infallible, Cause> {
        let mut reader = Reader::new(self.search.clone(), self.belief.clone(), self.config.clone()).await?;
        let bases = self
            .belief
            .fewest(&self.features, [&self.config.bases.people, &self.config.bases.groups])
            .await?;
        let mut watching = Watching::nothing();
        loop {
            let Some(references) = asked.borrow_and_update().clone() else {
                if asked.changed().await.is_err() {
                    // The session is over.
                    std::future::pending::<()>().await;
                }
                continue;
            };
            let mut next_look = self.config.patience.poll;
            match reader.resolve(&references).await {
                Ok(Resolved { entries, watch }) => {
                    // Nobody listens any more only when the session is over.
                    let _ = report.send(News::People(references, entries)).await;
                    let can_watch = self.way == Way::Push && reader.by_name() == ByName::Terms;
                    if can_watch && watch.len() <= MOST_WATCHED {
                        if watching.over.as_ref() != Some(&watch) {
                            watching = Watching::begin(self, &bases, watch);
                        }
                    } else {
                        watching = Watching::nothing();
                    }
                    if watching.over.is_some() {
                        next_look = self.config.patience.refresh;
                    }
                }
                Err(cause) if cause.spares_connection() => {
                    let _ = report.send(News::NoPeople(references, cause)).await;
                    next_look = next_look.min(PEOPLE_RETRY);
                }
                Err(cause) => return Err(cause),
            }
            let later = Instant::now() + next_look;
            tokio::select! {
                changed = asked.changed() => if changed.is_err() {
                    std::future::pending::<()>().await;
                },
                () = sleep_until(later) => {}
                signal = watching.signal() => if let Err(cause) = signal {
                    if !cause.spares_connection() {
                        return Err(cause);
                    }
                    // The server grants no (further) subscription: look now and then instead.
                    watching = Watching::nothing();
                    sleep(PEOPLE_RETRY.min(self.config.patience.poll)).await;
                },
            }
        }
    }
}

/// A watch over names and logins. Dropping it ends the subscriptions.
struct Watching {
    over: Option<Watch>,
    signals: mpsc::Receiver<Result<(), Cause>>,
    /// Closed by dropping it: each subscription is then abandoned, which an aborted task could not do.
    _stop: watch::Sender<()>,
}

impl Watching {
    fn nothing() -> Watching {
        Watching { over: None, signals: mpsc::channel(1).1, _stop: watch::channel(()).0 }
    }

    fn begin(shared: &Shared, bases: &[Dn], over: Watch) -> Watching {
        let (signal, signals) = mpsc::channel(1);
        let (stop, stopped) = watch::channel(());
        for base in bases {
            let subscription = Subscription {
                base: base.clone(),
                filter: over.filter(&shared.config.login_attribute),
                // Only that something changed is of interest; what it is, is read.
                attributes: vec!["1.1"],
                refresh: shared.config.patience.refresh,
            };
            let (search, signal, stopped) = (shared.search.clone(), signal.clone(), stopped.clone());
            tokio::spawn(async move {
                // A signal that is waiting already says all.
                let changed = || drop(signal.try_send(Ok(())));
                if let Err(cause) = push::watch(&search, &subscription, stopped, changed).await {
                    // Nobody listens any more only when the watch is over.
                    let _ = signal.send(Err(cause)).await;
                }
            });
        }
        Watching { over: Some(over), signals, _stop: stop }
    }

    /// Waits for a change.
    async fn signal(&mut self) -> Result<(), Cause> {
        if self.over.is_none() {
            return std::future::pending().await;
        }
        let broken = || Cause::Nonsense("a watch broke off".to_owned());
        self.signals.recv().await.unwrap_or_else(|| Err(broken()))
    }
}
