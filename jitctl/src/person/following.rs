//! Following the directory as a person, for as long as somebody looks: by push where the server offers it, else by looking every few
//! seconds. What comes is judged like everything else.
//!
//! Under the access rules of packaging/ldap OpenLDAP tells a person of every entry that is added (requests, approvals, revocations), but
//! not of one that is deleted: the rules that let people read are about what an entry says, and of a deleted one only the name is left.
//! Nobody but an administrator deletes entries. So everything is read anew every half minute besides, and what is gone goes then. That
//! also shows what somebody may see since he came into a group.

use std::time::Duration;

use jit_directory::ldap::{LdapConfig, Link, Patience, Way, follow};
use jit_directory::update::Word;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::judging::Picture;
use super::session::Session;
use crate::report::{Exit, Failure};

/// Between two looks where the server cannot push.
const POLL: Duration = Duration::from_secs(3);
/// Between two readings from nothing where it can.
const REFRESH: Duration = Duration::from_secs(30);
/// Between two signs of life: a server that hangs is noticed after this and the patience for one answer.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// After a failed round of all servers.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

/// What happens while a directory is followed.
#[derive(Debug)]
pub enum Event<'a> {
    /// This is what it says now. The first comes at once, from what the session has read.
    Picture(&'a Picture),
    /// It cannot be followed; what was seen last may be old.
    Trouble(&'a str),
    /// It can be again.
    Back,
    /// It is followed in this way, from this server.
    Link(&'a Link),
    /// A second has passed.
    Tick,
    /// The terminal has another size.
    Resized,
}

/// How the following ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End<T> {
    /// As whoever followed wanted.
    With(T),
    /// By Ctrl-C or a signal that means the same.
    Interrupted,
}

/// Follows until `each` hands something back, or somebody interrupts. Never ends for trouble: it is tried again.
///
/// # Errors
/// When signals cannot be caught, or the following itself broke off.
pub fn following<T>(
    session: &Session,
    mut each: impl FnMut(Event<'_>) -> Option<T>,
) -> Result<End<T>, Failure> {
    if let Some(end) = each(Event::Picture(session.picture())) {
        return Ok(End::With(end));
    }
    session.runtime().block_on(run(session, &mut each))
}

async fn run<T>(session: &Session, each: &mut impl FnMut(Event<'_>) -> Option<T>) -> Result<End<T>, Failure> {
    let signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let [mut interrupt, mut terminate, mut hangup] = caught(signals)?;
    let [mut resized] = caught([SignalKind::window_change()])?;
    let (tx, mut words) = mpsc::channel(16);
    let (to, mut link) = watch::channel(Link::default());
    let config = patient(session.bound());
    let source = session.config().reading.name.clone();
    // Dropped with this function, which closes its connection.
    let mut task = JoinSet::new();
    task.spawn(async move { match follow(config, source, None, tx, to).await {} });
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut away = false;
    loop {
        let end = tokio::select! {
            update = words.recv() => match update.map(|update| update.word) {
                None => return Err(broken()),
                Some(Word::Whole { entries, .. }) => {
                    let back = std::mem::take(&mut away).then(|| each(Event::Back)).flatten();
                    back.or_else(|| each(Event::Picture(&session.judging().judge(&entries))))
                }
                Some(Word::Alive { .. }) => std::mem::take(&mut away).then(|| each(Event::Back)).flatten(),
                Some(Word::Trouble { why }) => {
                    away = true;
                    each(Event::Trouble(&why))
                }
            },
            Ok(()) = link.changed() => {
                let now = link.borrow_and_update().clone();
                each(Event::Link(&now))
            }
            _ = tick.tick() => each(Event::Tick),
            _ = resized.recv() => each(Event::Resized),
            _ = interrupt.recv() => return Ok(End::Interrupted),
            _ = terminate.recv() => return Ok(End::Interrupted),
            _ = hangup.recv() => return Ok(End::Interrupted),
        };
        if let Some(end) = end {
            return Ok(End::With(end));
        }
    }
}

/// With the waits of somebody who looks on.
fn patient(config: &LdapConfig) -> LdapConfig {
    let usual = config.patience;
    let patience = Patience {
        heartbeat: usual.heartbeat.min(HEARTBEAT),
        poll: usual.poll.min(POLL),
        refresh: usual.refresh.min(REFRESH),
        retry: (usual.retry.0.min(RETRY.0), usual.retry.1.min(RETRY.1)),
        ..usual
    };
    LdapConfig { patience, ..config.clone() }
}

fn caught<const N: usize>(kinds: [SignalKind; N]) -> Result<[Signal; N], Failure> {
    let mut caught = Vec::with_capacity(N);
    for kind in kinds {
        caught.push(signal(kind).map_err(|error| Failure::no("file", format!("signals: {error}")))?);
    }
    caught.try_into().map_err(|_| broken())
}

fn broken() -> Failure {
    Failure {
        exit: Exit::Unreachable,
        code: "unreachable".to_owned(),
        text: "following the directory broke off".to_owned(),
    }
}

/// How it is followed, in a few words.
pub fn way(link: &Link) -> Option<String> {
    let (server, way) = (link.server.as_ref()?, link.way?);
    Some(match way {
        Way::Push => format!("{server}, by push"),
        Way::Poll => format!("{server}, every {}s", POLL.as_secs()),
    })
}
