//! The sources at work: each on a thread or a task of its own, started again when it dies. A source that panics on what a
//! server says is only a reconnect.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jit_directory::entry::Entries;
use jit_directory::ldap::{LdapConfig, Link, follow};
use jit_directory::ldif::file::ROOT;
use jit_directory::ldif::watch::LdifSource;
use jit_directory::update::{Update, Word};
use jit_model::name::SourceName;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::watch;

use crate::config::{Config, Place, SourceConfig};

/// How many words may wait to be understood. A source that has more to say waits.
const WAITING: usize = 16;

/// How often a source that has nothing to say shows that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// From a death to the next life: at first, and at most.
const RESTART: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// All sources of one configuration. When dropped, they end.
pub struct Sources {
    words: Receiver<Update>,
    sender: Sender<Update>,
    running: BTreeMap<SourceName, Running>,
}

struct Running {
    config: SourceConfig,
    life: Option<Life>,
    pause: Duration,
    again: Instant,
    link: watch::Sender<Link>,
}

enum Life {
    Thread(std::thread::JoinHandle<()>),
    Task(tokio::task::JoinHandle<()>),
}

impl Life {
    fn is_over(&self) -> bool {
        match self {
            Life::Thread(thread) => thread.is_finished(),
            Life::Task(task) => task.is_finished(),
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // A thread ends by itself when its channel is closed.
        if let Life::Task(task) = self {
            task.abort();
        }
    }
}

impl Sources {
    /// Starts every source. `last` is the last whole set that is known from it. To be called on the runtime that the tasks are to
    /// run on.
    pub fn start(config: &Config, last: impl Fn(&SourceName) -> Option<Arc<Entries>>) -> Sources {
        let (sender, words) = channel(WAITING);
        let now = Instant::now();
        let idle = |config: &SourceConfig| Running {
            config: config.clone(),
            life: None,
            pause: RESTART.0,
            again: now,
            link: watch::Sender::default(),
        };
        let running = config.sources.iter().map(|(name, config)| (name.clone(), idle(config))).collect();
        let mut sources = Sources { words, sender, running };
        sources.tend(last);
        sources
    }

    /// Which server each directory is followed at, for those that are.
    pub fn servers(&self) -> BTreeMap<SourceName, String> {
        let server = |(name, running): (&SourceName, &Running)| {
            running.link.borrow().server.clone().map(|server| (name.clone(), server))
        };
        self.running.iter().filter_map(server).collect()
    }

    /// The next word of any source.
    pub async fn next(&mut self) -> Option<Update> {
        self.words.recv().await
    }

    /// Starts again what has died, each after a pause that grows; returns what is to be said about it. To be called about every
    /// second.
    pub fn tend(&mut self, last: impl Fn(&SourceName) -> Option<Arc<Entries>>) -> Vec<Update> {
        let now = Instant::now();
        let mut said = Vec::new();
        for (name, running) in &mut self.running {
            if running.life.as_ref().is_some_and(Life::is_over) {
                running.life = None;
                running.again = now + running.pause;
                running.pause = (running.pause * 2).min(RESTART.1);
                let why = "its session ended unexpectedly; it is started again".to_owned();
                said.push(Update { source: name.clone(), word: Word::Trouble { why } });
            }
            if running.life.is_none() && now >= running.again {
                match begin(name, running, last(name), self.sender.clone()) {
                    Ok(life) => running.life = Some(life),
                    Err(error) => {
                        running.again = now + running.pause;
                        running.pause = (running.pause * 2).min(RESTART.1);
                        let why = format!("cannot be started: {error}");
                        said.push(Update { source: name.clone(), word: Word::Trouble { why } });
                    }
                }
            }
        }
        said
    }
}

fn begin(
    name: &SourceName,
    running: &Running,
    last: Option<Arc<Entries>>,
    words: Sender<Update>,
) -> std::io::Result<Life> {
    match &running.config.place {
        Place::Ldif(path) => {
            let source = LdifSource {
                name: name.clone(),
                path: path.clone(),
                bases: running.config.bases.clone(),
                owner: ROOT,
                heartbeat: HEARTBEAT,
            };
            source.spawn(words).map(Life::Thread)
        }
        Place::Ldap { session, .. } => {
            let (session, name, link) = (LdapConfig::clone(session), name.clone(), running.link.clone());
            Ok(Life::Task(tokio::spawn(
                async move { match follow(session, name, last, words, link).await {} },
            )))
        }
    }
}
