//! Following a search by push (RFC 4533, refreshAndPersist): one subscription, its refreshes, its cookie. Must never report
//! a content before its refresh has ended well and the server has proved worth believing.

use std::convert::Infallible;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use jit_model::dn::Dn;
use ldap3::Scope;
use ldap3::controls::{RawControl, RefreshMode, SyncRequest};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::believe::Belief;
use super::connect::Features;
use super::content::{Content, Effect, Syncing};
use super::message::{self, Message};
use super::search::{Search, Stream};
use super::trouble::{Cause, E_SYNC_REFRESH_REQUIRED, UNAVAILABLE_CRITICAL, UNWILLING};

/// What is followed.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) base: Dn,
    pub(crate) filter: String,
    pub(crate) attributes: Vec<&'static str>,
    /// How long until it is begun again from nothing.
    pub(crate) refresh: Duration,
    /// The same after it went on from a cookie: what a server lost while we were away, it will never tell.
    pub(crate) verify: Duration,
}

/// Where contents go.
pub(crate) struct Report {
    /// Which of the followed bases this is about.
    pub(crate) place: usize,
    pub(crate) to: mpsc::Sender<(usize, Content)>,
}

impl Report {
    /// Hands over a content.
    pub(crate) async fn content(&self, content: Content) {
        // Nobody listens any more only when the session is over, and then this task is, too.
        let _ = self.to.send((self.place, content)).await;
    }
}

/// Refreshes from nothing in a row that come to nothing, before the server counts as broken.
const ATTEMPTS: u32 = 3;

/// Follows, and reports every new content. Ends only when it cannot go on.
pub(crate) async fn follow(
    search: &Search,
    belief: &Belief,
    subscription: &Subscription,
    from: Content,
    report: &Report,
) -> Result<Infallible, Cause> {
    let mut from = from;
    let mut in_vain = 0;
    loop {
        belief.is_not_behind().await?;
        belief.shows_grants().await?;
        let mut stream = begin(search, subscription, from.cookie.clone()).await?;
        let mut syncing = Syncing::from(from);
        let end = run(search, belief, subscription, &mut stream, &mut syncing, report).await;
        search.abandon(stream).await;
        in_vain = match end? {
            Again::InStep => 0,
            Again::OutOfStep => in_vain + 1,
        };
        if in_vain >= ATTEMPTS {
            return Err(Cause::Nonsense("each refresh contradicts itself or the one before".to_owned()));
        }
        from = Content::default();
    }
}

/// Something from nine tenths of this to the whole of it: hosts that connected at the same moment should not refresh at the
/// same moment for ever after.
pub(crate) fn spread(whole: Duration) -> Duration {
    // The standard library's only source of randomness is good enough to spread load.
    let random = RandomState::new().build_hasher().finish() % 1_000;
    whole - whole / 10 * u32::try_from(random).unwrap_or(0) / 1_000
}

/// Why a subscription is begun again from nothing.
enum Again {
    /// It was time to, or a name changed.
    InStep,
    /// Before the refresh was complete.
    OutOfStep,
}

async fn run(
    search: &Search,
    belief: &Belief,
    subscription: &Subscription,
    stream: &mut Stream,
    syncing: &mut Syncing,
    report: &Report,
) -> Result<Again, Cause> {
    let resumed = syncing.content().cookie.is_some();
    loop {
        let Some(message) = next(search, stream).await? else { return ended(stream).await };
        match syncing.take(message) {
            Effect::Nothing | Effect::Changed => {}
            Effect::StartAgain(_) => return Ok(Again::OutOfStep),
            Effect::Refreshed => break,
        }
    }
    belief.shows_grants().await?;
    report.content(syncing.content().clone()).await;
    let until = Instant::now() + spread(if resumed { subscription.verify } else { subscription.refresh });
    loop {
        let item = match timeout_at(until, stream.next()).await {
            Err(_) => return Ok(Again::InStep),
            Ok(item) => item.map_err(|error| Cause::of(error, search.patience()))?,
        };
        let Some(item) = item else { return ended(stream).await };
        match syncing.take(message::message(item).map_err(Cause::Nonsense)?) {
            Effect::Changed => report.content(syncing.content().clone()).await,
            Effect::StartAgain(_) => return Ok(Again::InStep),
            Effect::Nothing | Effect::Refreshed => {}
        }
    }
}

/// Whether the server really pushes what stands under `base`. OpenLDAP lists the control for the whole server, although
/// each database has it or not.
pub(crate) async fn offered(search: &Search, features: &Features, base: &Dn) -> Result<bool, Cause> {
    if !features.push {
        return Ok(false);
    }
    let mut control = RawControl::from(SyncRequest::default());
    control.crit = true;
    let mut stream =
        search.begin(&base.to_string(), Scope::Base, "(objectClass=*)", &["1.1"], Some(control)).await?;
    while search.next(&mut stream).await?.is_some() {}
    let result = stream.finish().await;
    match result.rc {
        0 => Ok(true),
        UNAVAILABLE_CRITICAL => Ok(false),
        _ => Err(Cause::refused(&result)),
    }
}

async fn begin(
    search: &Search,
    subscription: &Subscription,
    cookie: Option<Vec<u8>>,
) -> Result<Stream, Cause> {
    let mut control =
        RawControl::from(SyncRequest { mode: RefreshMode::RefreshAndPersist, cookie, reload_hint: false });
    control.crit = true;
    let Subscription { base, filter, attributes, .. } = subscription;
    search.begin(&base.to_string(), Scope::Subtree, filter, attributes, Some(control)).await
}

async fn next(search: &Search, stream: &mut Stream) -> Result<Option<Message>, Cause> {
    let item = search.next(stream).await?;
    item.map(|item| message::message(item).map_err(Cause::Nonsense)).transpose()
}

/// The server ended what should never end: with a reason, or just so.
async fn ended(stream: &mut Stream) -> Result<Again, Cause> {
    let result = stream.finish().await;
    match result.rc {
        E_SYNC_REFRESH_REQUIRED => Ok(Again::OutOfStep),
        // OpenLDAP says so to a cookie that is newer than itself. Dropping the cookie there would believe the older.
        UNWILLING => Err(Cause::Behind(format!("it says: {}", result.text.escape_debug()))),
        0 => Err(Cause::Ended),
        _ => Err(Cause::refused(&result)),
    }
}

/// Watches for any change, without caring which, until the other end of `stopped` is dropped; the first signal means that
/// the watch stands.
pub(crate) async fn watch(
    search: &Search,
    subscription: &Subscription,
    mut stopped: watch::Receiver<()>,
    mut signal: impl FnMut(),
) -> Result<(), Cause> {
    loop {
        let mut stream = begin(search, subscription, None).await?;
        let again = Instant::now() + subscription.refresh;
        let mut stands = false;
        loop {
            let item = tokio::select! {
                item = stream.next() => item.map_err(|error| Cause::of(error, search.patience()))?,
                _ = stopped.changed() => {
                    search.abandon(stream).await;
                    return Ok(());
                }
                () = sleep_until(again) => break,
            };
            let Some(item) = item else {
                let result = stream.finish().await;
                return Err(if result.rc == 0 { Cause::Ended } else { Cause::refused(&result) });
            };
            let message = message::message(item).map_err(Cause::Nonsense)?;
            stands |= matches!(
                message,
                Message::EndOfPresent { done: true, .. } | Message::EndOfDelete { done: true, .. }
            );
            if stands && !matches!(message, Message::Foreign | Message::Cookie(_)) {
                signal();
            }
        }
        search.abandon(stream).await;
    }
}
