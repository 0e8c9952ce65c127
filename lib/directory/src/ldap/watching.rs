//! People and groups, kept fresh: read when the references change, when the server says that one of them has changed, and now
//! and then. A watch is a subscription that only says that something changed; what it is, is read. So nothing that a watch
//! says or fails to say can put a wrong name into a group.

use std::convert::Infallible;
use std::time::Duration;

use jit_model::dn::Dn;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::people::{ByName, Reader, Resolved, Watch};
use super::prepare::Shared;
use super::push::{self, Subscription};
use super::refer::References;
use super::session::{News, Way};
use super::trouble::Cause;

/// A watch over more names than this would cost the server more than polling does.
const MOST_WATCHED: usize = 2_000;
/// After a failed reading of people.
const PEOPLE_RETRY: Duration = Duration::from_secs(5);

/// Reads and watches whatever is asked for, and reports it. Ends only with the connection.
pub(crate) async fn follow(
    shared: &Shared,
    asked: &mut watch::Receiver<Option<References>>,
    report: &mpsc::Sender<News>,
) -> Result<Infallible, Cause> {
    let patience = shared.config.patience;
    let mut reader = Reader::new(shared.search.clone(), shared.belief.clone(), shared.config.clone()).await?;
    let places = [&shared.config.bases.people, &shared.config.bases.groups];
    let bases = shared.belief.fewest(&shared.features, places).await?;
    let mut watching = Watching::nothing();
    // A server that refused a watch is not asked again before this.
    let mut watch_again = Instant::now();
    loop {
        let Some(references) = asked.borrow_and_update().clone() else {
            changed(asked).await;
            continue;
        };
        let mut next_look = patience.poll;
        // Also notes how new this reading is, so that no mirror that lags takes a change of membership back.
        shared.belief.is_not_behind().await?;
        match reader.resolve(&references).await {
            Ok(Resolved { entries, watch }) => {
                // Nobody listens any more only when the session is over.
                let _ = report.send(News::People(references, entries)).await;
                let can_watch = shared.way == Way::Push && reader.by_name() == ByName::Terms;
                if !can_watch || watch.len() > MOST_WATCHED || Instant::now() < watch_again {
                    watching = Watching::nothing();
                } else if watching.over.as_ref() != Some(&watch) {
                    watching = Watching::begin(shared, &bases, watch);
                }
                if watching.over.is_some() {
                    next_look = push::spread(patience.refresh);
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
            () = changed(asked) => {}
            () = sleep_until(later) => {}
            signal = watching.signal() => match signal {
                Ok(()) => {}
                // The server grants no (further) subscription: look now and then instead.
                Err(cause) if cause.spares_connection() => watch_again = Instant::now() + patience.refresh,
                Err(cause) => return Err(cause),
            },
        }
    }
}

/// Waits for other references; for ever, once the session that asks is over.
async fn changed(asked: &mut watch::Receiver<Option<References>>) {
    if asked.changed().await.is_err() {
        std::future::pending::<()>().await;
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
                refresh: push::spread(shared.config.patience.refresh),
                verify: shared.config.patience.refresh,
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
