//! One session with one server, from the first question to the first failure. Each concern is a task of its own that owns
//! its part: one follows grants and roles, one people and groups, one asks for signs of life. This module only puts
//! together what they report. It must never let a slow reading of people delay a revocation.

use std::convert::Infallible;
use std::sync::Arc;

use jit_model::dn::Dn;
use jit_model::name::SourceName;
use jit_model::time::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, sleep};

use super::assembly::Assembly;
use super::believe::Known;
use super::config::LdapConfig;
use super::connect::Connection;
use super::content::{Content, EntrySet};
use super::filter;
use super::prepare::{ATTRIBUTES, Shared, merged, prepare, whole};
use super::push::{self, Report, Subscription};
use super::refer::References;
use super::trouble::{Cause, Step, Trouble};
use super::watching;
use crate::decode::syntax;
use crate::schema;
use crate::update::{Membership, Update, Word};

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
    pub(crate) fn from(&self, server: &str, base: &Dn) -> Content {
        let known = self.contents.iter().find(|(known, _)| known == base);
        let Some((_, content)) = known else { return Content::default() };
        let cookie = content.cookie.as_deref().unwrap_or_default();
        let travels = !super::csn::Csns::from_cookie(cookie).is_empty();
        if self.server == server || travels { content.clone() } else { Content::default() }
    }
}

/// What a task reports.
pub(crate) enum News {
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
    let (shared, bases) = match prepare(config, connection, carried).await {
        Ok(prepared) => prepared,
        Err((step, cause)) => return trouble(step, connection.better(cause).await),
    };
    let (belief, way) = (shared.belief.clone(), shared.way);

    let (to, mut access) = mpsc::channel(64);
    let (report, mut news) = mpsc::channel(64);
    let (ask, asked) = watch::channel(None);
    let mut tasks: JoinSet<(Step, Cause)> = JoinSet::new();
    for (place, base) in bases.iter().enumerate() {
        let from = carried.resume.from(&server, base);
        let report = Report { place, to: to.clone() };
        tasks.spawn(shared.clone().access(base.clone(), from, report));
    }
    tasks.spawn(shared.clone().people(asked, report.clone()));
    tasks.spawn(shared.clone().heartbeat(report));

    let mut contents: Vec<Option<Content>> = vec![None; bases.len()];
    let mut started = false;
    // Not yet in this session.
    let mut people_are_read = false;
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
            let membership = if people_are_read { Membership::Read } else { Membership::Kept };
            voice.say(Word::Whole { entries, membership, directory_time }).await;
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

/// The newest time that the directory has written on an entry.
fn newest_of(entries: &EntrySet) -> Option<Timestamp> {
    let names = [schema::CREATE_TIMESTAMP, schema::MODIFY_TIMESTAMP];
    let values =
        entries.values().flat_map(|entry| names.iter().filter_map(|name| entry.attributes.get(*name)));
    values.flatten().filter_map(|value| syntax::generalized_time(value).ok()).max()
}

impl Shared {
    /// Grants and roles under one base.
    async fn access(self, base: Dn, from: Content, report: Report) -> (Step, Cause) {
        let ended = match self.way {
            Way::Push => {
                let subscription = Subscription {
                    base,
                    filter: filter::concerning(&self.config.host, self.config.since),
                    attributes: ATTRIBUTES.to_vec(),
                    refresh: self.config.patience.refresh,
                    verify: self.config.patience.poll,
                };
                push::follow(&self.search, &self.belief, &subscription, from, &report).await
            }
            Way::Poll => self.poll(&base, &report).await,
        };
        match ended {
            Err(cause) => (Step::Grants, cause),
            Ok(never) => match never {},
        }
    }

    async fn poll(&self, base: &Dn, report: &Report) -> Result<Infallible, Cause> {
        loop {
            self.belief.is_not_behind().await?;
            report.content(whole(&self.config, &self.search, &self.belief, base).await?).await;
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

    async fn people(
        self,
        mut asked: watch::Receiver<Option<References>>,
        report: mpsc::Sender<News>,
    ) -> (Step, Cause) {
        match watching::follow(&self, &mut asked, &report).await {
            Err(cause) => (Step::People, cause),
            Ok(never) => match never {},
        }
    }
}
