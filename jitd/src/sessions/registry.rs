//! The sessions that are known, shared by the threads that hear of them: pam.sock opens and closes, the warden changes and ends, jitctl
//! lists. What is changed is on disk before the change returns; a disk that fails is a concern and never a lost login.
//!
//! One lock, held while a file is written, so that the disk sees changes in the order in which they were made: some ten microseconds
//! on the tmpfs that /run is. Who asks in the account phase never comes here.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use jit_model::name::{Login, Service};
use tokio::sync::mpsc;

use super::claim::{Mark, Marking};
use super::process::ProcessId;
use super::record::{Life, Order, Session, SessionId, Visitor};
use super::state::StateDir;
use crate::audit::Event;
use crate::audit::event::DiskState;
use crate::clock::BootId;
use crate::disk::SetAside;
use crate::mode::FileId;
use crate::scribe::Scribe;
use crate::syslog::Severity;

mod known;

use known::{Forgotten, Known};

/// How many sessions are known at most, and how many visitors. A person can open many, but each needs a process that asks.
pub const MOST: usize = 65_536;

/// How many sessions that could not be written are tried again on the way of a login.
const ON_THE_WAY: usize = 16;

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

/// Whether there was room for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// It is known.
    Found,
    /// It is not: [`MOST`] are, and each of them counts for more.
    Full,
}

/// An ending that does not get on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// Which session's; none of a person's, or of a denied peer's.
    pub session: Option<SessionId>,
    /// Whose.
    pub login: Login,
    /// Since when.
    pub since: Instant,
    /// Why.
    pub why: String,
}

/// The sessions.
pub struct Registry {
    known: Mutex<Known>,
    state: StateDir,
    boot: BootId,
    words: mpsc::UnboundedSender<Word>,
    scribe: Option<Scribe>,
    most: usize,
}

/// What changed about the disk in the course of something.
enum News {
    Failing(String),
    Recovered,
    Crowded(String),
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
            sessions: kept.0.into_iter().map(|session| (session.id.clone(), Arc::new(session))).collect(),
            marking: kept.1.iter().map(|visitor| visitor.marked).max().unwrap_or_default(),
            visitors: kept.1.into_iter().map(|visitor| (visitor.login.clone(), visitor)).collect(),
            // So that an id is not given twice in a boot, whatever became of the daemon between.
            count: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs().rotate_right(32) | u64::from(since.subsec_nanos())),
            ..Known::default()
        };
        let registry = Registry { known: Mutex::new(known), state, boot, words, scribe: None, most: MOST };
        (registry, heard)
    }

    /// Writes into the audit what becomes of its files, to begin with what was found damaged.
    #[must_use]
    pub fn reporting(mut self, scribe: Scribe, aside: &[SetAside]) -> Registry {
        for file in aside {
            scribe.note(Event::disk(&file.path, DiskState::SetAside, file));
        }
        self.known().damage = aside.iter().map(ToString::to_string).collect();
        self.scribe = Some(scribe);
        self
    }

    /// With room for fewer.
    #[cfg(test)]
    pub(crate) fn with_room_for(mut self, most: usize) -> Registry {
        self.most = most;
        self
    }

    /// Each change under the lock leaves it whole, whatever panicked.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something under the lock, and tells of the disk when it is released: the audit may have to wait.
    fn with<T>(&self, act: impl FnOnce(&mut Known) -> T) -> T {
        let mut known = self.known();
        let (failing, full) = (known.fault.is_some(), known.forgotten != Forgotten::default());
        let value = act(&mut known);
        let news = match &known.fault {
            Some(fault) if !failing => Some(News::Failing(fault.clone())),
            None if failing => Some(News::Recovered),
            _ => known.forgotten.concern(self.most).filter(|_| !full).map(News::Crowded),
        };
        drop(known);
        if let (Some(news), Some(scribe)) = (news, &self.scribe) {
            let path = self.state.path();
            match news {
                News::Failing(fault) => scribe.note(Event::disk(path, DiskState::Failing, fault)),
                News::Recovered => {
                    scribe.note(Event::disk(path, DiskState::Recovered, "it can be written again"));
                }
                News::Crowded(concern) => scribe.audit().syslog().send(Severity::Alert, &concern),
            }
        }
        value
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

    /// Which boot this is.
    pub fn boot(&self) -> BootId {
        self.boot
    }

    /// A session begins: kept on disk, its person among the visitors if it rests on grants, the warden told. To be called before the
    /// module has its answer.
    pub fn open(&self, session: Session) -> Room {
        let id = session.id.clone();
        let room = self.with(|known| {
            if !known.make_room(&self.state, &session, self.most) {
                return Room::Full;
            }
            let newcomer = known.welcome(&session, self.most);
            known.sessions.insert(id.clone(), Arc::new(session));
            let written = known.write(&self.state, &id);
            if newcomer {
                known.write_visitors(&self.state, self.boot);
            }
            if written {
                known.retry(&self.state, self.boot, ON_THE_WAY);
            }
            Room::Found
        });
        if room == Room::Found {
            self.tell(Word::Opened(id));
        }
        room
    }

    /// A session was let in by this enforcing file, which waits to be confirmed.
    pub fn let_in_under(&self, id: SessionId, file: FileId) {
        let mut known = self.known();
        let Known { sessions, under, .. } = &mut *known;
        under.retain(|id, earlier| *earlier == file && sessions.contains_key(id));
        under.insert(id, file);
    }

    /// By which enforcing file that waited to be confirmed a session was let in.
    pub fn under(&self, id: &SessionId) -> Option<FileId> {
        self.known().under.get(id).copied()
    }

    /// The newest open session of this leader and service ends.
    pub fn close(&self, leader: ProcessId, service: &Service) {
        let closed = self.with(|known| {
            let meant = |session: &&Arc<Session>| {
                session.mark.leader == leader && session.service == *service && session.life == Life::Open
            };
            let newest = known.sessions.values().filter(meant).max_by_key(|session| session.opened)?;
            let id = newest.id.clone();
            known.change(&self.state, &id, |session| session.life = Life::Closed);
            Some(id)
        });
        if let Some(id) = closed {
            self.tell(Word::Closed(id));
        }
    }

    /// Tells the warden something.
    pub fn tell(&self, word: Word) {
        // Nobody listens any more only when the daemon ends.
        let _ = self.words.send(word);
    }

    /// All of them, oldest first.
    pub fn sessions(&self) -> Vec<Session> {
        // Copied when the lock is released: nobody who comes in waits for it.
        let mut all: Vec<Session> = self.shared().into_iter().map(Arc::unwrap_or_clone).collect();
        all.sort_by(|a, b| (a.opened, &a.id).cmp(&(b.opened, &b.id)));
        all
    }

    /// All of them, in no order, and not copied: for who needs little of each.
    pub fn shared(&self) -> Vec<Arc<Session>> {
        self.known().sessions.values().cloned().collect()
    }

    /// One of them.
    pub fn session(&self, id: &SessionId) -> Option<Session> {
        let session = self.known().sessions.get(id).cloned();
        session.map(Arc::unwrap_or_clone)
    }

    /// Changes one, on disk too if it is another then. Nothing if it is gone. `change` is called under the lock.
    pub fn change(&self, id: &SessionId, change: impl FnOnce(&mut Session)) {
        self.with(|known| {
            known.change(&self.state, id, change);
            known.retry(&self.state, self.boot, usize::MAX);
        });
    }

    /// Takes one out: nothing of it is left.
    pub fn remove(&self, id: &SessionId) -> Option<Session> {
        let removed = self.with(|known| {
            let removed = known.remove(&self.state, id);
            known.retry(&self.state, self.boot, usize::MAX);
            removed
        });
        removed.map(Arc::unwrap_or_clone)
    }

    /// Everybody who came in under a grant during this boot and has not been seen off.
    pub fn visitors(&self) -> Vec<Visitor> {
        self.known().visitors.values().cloned().collect()
    }

    /// Changes a visitor, on disk too if he is another then. Nothing if he is gone. `change` is called under the lock.
    pub fn change_visitor(&self, login: &Login, change: impl FnOnce(&mut Visitor)) {
        self.with(|known| {
            if let Some(visitor) = known.visitors.get_mut(login) {
                let before = visitor.clone();
                change(visitor);
                if *visitor != before {
                    known.write_visitors(&self.state, self.boot);
                }
            }
            known.retry(&self.state, self.boot, usize::MAX);
        });
    }

    /// What is known of whether this host marks those who come in.
    pub fn marking(&self) -> Marking {
        let known = self.known();
        if known.marking == Marking::Made {
            return Marking::Made;
        }
        let borne = known.sessions.values().any(|session| session.mark.audit.is_some());
        let borne = if borne { Marking::Borne } else { Marking::Unseen };
        let visitors = known.visitors.values().map(|visitor| visitor.marked);
        visitors.fold(known.marking.max(borne), Marking::max)
    }

    /// An opening has shown this of it: kept on disk with every visitor, for whoever showed it may be seen off before the others.
    pub fn witness(&self, marking: Marking) {
        self.with(|known| {
            known.marking = known.marking.max(marking);
            let marking = known.marking;
            let behind = known.visitors.values_mut().filter(|visitor| visitor.marked < marking);
            if behind.map(|visitor| visitor.marked = marking).count() > 0 {
                known.write_visitors(&self.state, self.boot);
            }
            known.retry(&self.state, self.boot, usize::MAX);
        });
    }

    /// Nothing of a visitor's is left.
    pub fn forget_visitor(&self, login: &Login) {
        self.with(|known| {
            if known.visitors.remove(login).is_some() {
                known.write_visitors(&self.state, self.boot);
            }
            known.retry(&self.state, self.boot, usize::MAX);
        });
    }

    /// Orders the end of a session. False if there is none of this id.
    pub fn order(&self, id: &SessionId, order: Order) -> bool {
        let there = self.with(|known| known.change(&self.state, id, |session| session.order = Some(order)));
        if there {
            self.tell(Word::Ordered(id.clone()));
        }
        there
    }

    /// Writes again what could not be written. Every change that the warden makes does so by itself; this is for when it
    /// makes none.
    pub fn retry(&self) {
        self.with(|known| known.retry(&self.state, self.boot, usize::MAX));
    }

    /// The warden's word which sessions it is ending at the moment: these and no others.
    pub fn show_ending(&self, ending: BTreeSet<SessionId>) {
        self.known().ending = ending;
    }

    /// Whether a session is being ended at the moment.
    pub fn is_ending(&self, id: &SessionId) -> bool {
        self.known().ending.contains(id)
    }

    /// The warden's word which of its endings do not get on.
    pub fn show_stuck(&self, stuck: Vec<Stuck>) {
        self.known().stuck = stuck;
    }

    /// The endings that do not get on, as of a moment ago.
    pub fn stuck(&self) -> Vec<Stuck> {
        self.known().stuck.clone()
    }

    /// The warden's word what keeps it from ending sessions, a sentence each.
    pub fn show_lacks(&self, lacks: Vec<String>) {
        self.known().lacks = lacks;
    }

    /// What is wrong with the disk or with the number of sessions, or keeps sessions from being ended, if anything.
    pub fn concern(&self) -> Option<String> {
        let known = self.known();
        let crowd = known.forgotten.concern(self.most);
        let damage = known.damage.iter().chain(&known.lacks).cloned();
        let all: Vec<String> = damage.chain(known.fault.clone()).chain(crowd).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

#[cfg(test)]
mod tests;
