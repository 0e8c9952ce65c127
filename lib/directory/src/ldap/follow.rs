//! The loop around sessions: which server next, how long to wait, what to say in the meantime. It never ends and never
//! gives up; it can be dropped at any moment, which closes everything.

use std::convert::Infallible;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use jit_model::name::SourceName;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::assembly::Assembly;
use super::believe::{Belief, Known};
use super::config::LdapConfig;
use super::connect::{Connection, connect};
use super::push;
use super::server::Server;
use super::session::{self, Carried, Resume, Voice, Way};
use super::trouble::{Cause, Step, Trouble};
use crate::entry::Entries;
use crate::update::{Update, Word};

/// How things stand with a source, for `status`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// The server that is being followed; none while there is no session.
    pub server: Option<String>,
    /// How it is followed.
    pub way: Option<Way>,
}

/// Follows a directory for ever, and says what it learns. `last` is what an earlier run knew: its people and groups hold
/// until they have been read again. The future may be dropped at any time.
///
/// Whatever goes wrong is said as [`Word::Trouble`] and tried again; nothing is ever taken back because of it.
pub async fn follow(
    config: LdapConfig,
    source: SourceName,
    last: Option<Arc<Entries>>,
    tx: mpsc::Sender<Update>,
    link: watch::Sender<Link>,
) -> Infallible {
    let voice = Voice { source, tx };
    let mut carried = Carried {
        known: Known::default(),
        resume: Resume::default(),
        assembly: Assembly::new(config.bases.clone(), config.writers.clone(), last.as_deref()),
    };
    drop(last);
    let config = Arc::new(config);
    let mut failures = 0;
    loop {
        let mut troubles: Vec<String> = Vec::new();
        for server in &config.servers {
            let mut began: Option<Instant> = None;
            let trouble = match connected(&config, server).await {
                Err(trouble) => trouble,
                Ok(mut connection) => {
                    let begun = |way| {
                        began = Some(Instant::now());
                        link.send_replace(Link { server: Some(server.to_string()), way: Some(way) });
                    };
                    session::run(&config, &mut connection, &mut carried, &voice, begun).await
                }
            };
            link.send_replace(Link::default());
            if let Some(began) = began {
                // The servers before this one may be back by now: begin again with the first.
                failures = 0;
                troubles.clear();
                troubles.push(trouble.to_string());
                if began.elapsed() < config.patience.retry.1 {
                    failures = 1;
                }
                break;
            }
            troubles.push(trouble.to_string());
        }
        voice.say(Word::Trouble { why: troubles.join("; ") }).await;
        sleep(pause(config.patience.retry, failures)).await;
        failures = failures.saturating_add(1);
    }
}

/// Connects in a task of its own: the crate panics on some malformed answers, and that must cost no more than a connection.
pub(crate) async fn connected(config: &Arc<LdapConfig>, server: &Server) -> Result<Connection, Trouble> {
    let mut task = JoinSet::new();
    let (config, to) = (config.clone(), server.clone());
    task.spawn(async move { connect(&config, &to).await });
    match task.join_next().await {
        Some(Ok(outcome)) => outcome,
        Some(Err(_)) | None => Err(Trouble {
            server: server.to_string(),
            step: Step::Connect,
            cause: Cause::Nonsense("it sent what is not LDAP".to_owned()),
        }),
    }
}

/// Twice as long after each failed round, up to the most, and anything from the half to the whole of that, so that a
/// thousand hosts do not come back at the same moment.
fn pause((first, most): (Duration, Duration), failures: u32) -> Duration {
    let whole = first.saturating_mul(1_u32.checked_shl(failures.min(16)).unwrap_or(u32::MAX)).min(most);
    // The standard library's only source of randomness is good enough to spread load.
    let random = RandomState::new().build_hasher().finish() % 1_000;
    whole / 2 + whole / 2 * u32::try_from(random).unwrap_or(0) / 1_000
}

/// What a server offers, asked once: for `jitd --check`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// How it would be followed.
    pub way: Way,
    /// The certificate that the server showed (DER); none without TLS.
    pub certificate: Option<Vec<u8>>,
}

/// Connects to each server once, binds, and looks for the container of the grants.
pub async fn probe(config: &LdapConfig) -> Vec<(String, Result<Offer, Trouble>)> {
    let config = Arc::new(config.clone());
    let mut outcomes = Vec::new();
    for server in &config.servers {
        let outcome = match connected(&config, server).await {
            Err(trouble) => Err(trouble),
            Ok(connection) => {
                let (search, features) = (connection.search.clone(), connection.features.clone());
                let mut asking = connection.search.clone();
                let belief = Belief::new(search, &config.bases, &features, Known::default());
                let look = async {
                    belief.shows_grants().await?;
                    let pushes = push::offered(&connection.search, &features, &config.bases.grants).await?;
                    let certificate = asking.handle().get_peer_certificate().await;
                    // What cannot be told is no reason to call the server ill.
                    let certificate = certificate.ok().flatten();
                    Ok(Offer { way: if pushes { Way::Push } else { Way::Poll }, certificate })
                };
                look.await.map_err(|cause| Trouble { server: server.to_string(), step: Step::Grants, cause })
            }
        };
        outcomes.push((server.to_string(), outcome));
    }
    outcomes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_most_and_are_never_the_same_for_all() {
        let range = (Duration::from_secs(1), Duration::from_secs(30));
        for failures in 0..100 {
            let whole = Duration::from_secs(1 << failures.min(16)).min(range.1);
            let pause = pause(range, failures);
            assert!(pause >= whole / 2 && pause <= whole, "{failures}: {pause:?}");
        }
        let all: std::collections::BTreeSet<_> = (0..50).map(|_| pause(range, 9)).collect();
        assert!(all.len() > 1);
    }
}
