//! What outlives the daemon: the ledger, the store and the people, read at the start, written by threads of their own whenever they change.
//! Nobody waits for a disk here, and a disk that fails costs nothing but what a crash would lose.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jit_directory::entry::Entries;
use jit_model::assess::{AssessedGrant, Memory};
use jit_model::name::{Login, SourceName};
use jit_model::serve::KnownPerson;
use jit_model::time::{Span, Timestamp};

use crate::audit::Event;
use crate::audit::event::DiskState;
use crate::clock::Moment;
use crate::clock::system::SystemClock;
use crate::disk::SetAside;
use crate::disk::saver::{Saver, Urgency};
use crate::ledger::{self, Forgotten, Learned, Ledger, Shown};
use crate::people::People;
use crate::people::roll::Showing;
use crate::scribe::Scribe;
use crate::store::{self, Fingerprint, Kept, Store};

/// How long the end of the daemon may wait for the disk.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// The two files as they were found.
pub struct Found {
    directory: PathBuf,
    ledger: Ledger,
    store: Store,
    aside: Vec<SetAside>,
}

impl Found {
    /// Reads both. Damaged ones are set aside and count as none.
    pub fn read(directory: &Path) -> Found {
        let (ledger, ledger_aside) = Ledger::open(&directory.join("ledger"));
        let (store, store_aside) = Store::open(&directory.join("store"));
        let aside = ledger_aside.into_iter().chain(store_aside).collect();
        Found { directory: directory.to_owned(), ledger, store, aside }
    }

    /// The latest time this host has seen: what the clock goes on from. The ledger's, for root's word lowers it; the store's
    /// only where there is no ledger.
    pub fn ratchet(&self) -> Option<Moment> {
        self.ledger.ratchet().or_else(|| self.store.latest())
    }
}

/// The ledger, the store and the people, and the threads that write them.
pub struct Remembered {
    ledger: Ledger,
    store: Store,
    people: People,
    ledger_saver: Saver,
    store_saver: Saver,
    damage: Vec<String>,
}

impl Remembered {
    /// Goes on with what was found.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(found: Found, scribe: &Scribe) -> io::Result<Remembered> {
        for aside in &found.aside {
            scribe.note(Event::disk(&aside.path, DiskState::SetAside, aside));
        }
        let ledger_saver = scribe.saver(found.directory.join("ledger"), ledger::KIND)?;
        let store_saver = scribe.saver(found.directory.join("store"), store::KIND)?;
        let people = People::start(&found.directory, scribe)?;
        let damage = found.aside.iter().map(ToString::to_string).collect();
        Ok(Remembered { ledger: found.ledger, store: found.store, people, ledger_saver, store_saver, damage })
    }

    /// What is remembered about grants.
    pub fn memory(&self) -> &Memory {
        self.ledger.memory()
    }

    /// Who holds a grant or lately held one.
    pub fn lately(&self, now: Timestamp) -> std::collections::BTreeSet<Login> {
        self.ledger.lately(now)
    }

    /// Who may be shown as an account: see [`People::seen`].
    pub fn known(
        &mut self,
        showing: &Showing<'_>,
        linger: Span,
        now: Timestamp,
    ) -> BTreeMap<Login, KnownPerson> {
        self.people.seen(showing, linger, now)
    }

    /// Learns from a whole set of a source.
    pub fn learn(&mut self, memory: Memory, assessed: &[AssessedGrant], now: Timestamp) -> Learned {
        let learned = self.ledger.learn(memory, assessed, now);
        self.save_ledger(learned.urgency());
        learned
    }

    /// These people hold a grant.
    pub fn hold(&mut self, logins: impl IntoIterator<Item = Login>, now: Timestamp) {
        let urgency = self.ledger.hold(logins, now);
        self.save_ledger(urgency);
    }

    /// Forgets what need not be remembered any more.
    pub fn prune(&mut self, shown: Shown<'_>, now: Timestamp) -> Forgotten {
        let forgotten = self.ledger.prune(shown, now);
        self.save_ledger((forgotten != Forgotten::default()).then_some(Urgency::Soon));
        forgotten
    }

    /// Time has moved on.
    pub fn settle(&mut self, moment: Moment, urgency: Urgency) {
        self.ledger.settle(moment);
        self.save_ledger(Some(urgency));
    }

    /// Root has mended the clock.
    pub fn restate(&mut self, clock: &SystemClock) {
        self.ledger.restate(clock.now().settled);
        self.people.restate(clock.now().settled);
        self.settle(clock.moment(), Urgency::Now);
        let urgency = self.store.restate(|moment| clock.restate(moment));
        self.save_store(Some(urgency));
    }

    /// A source's last good set, if it belongs to this configuration.
    pub fn last(&self, source: &SourceName, fingerprint: Fingerprint) -> Option<&Kept> {
        self.store.get(source, fingerprint)
    }

    /// Takes a source's new set.
    pub fn keep(
        &mut self,
        source: &SourceName,
        fingerprint: Fingerprint,
        heard: Moment,
        entries: Arc<Entries>,
    ) {
        let urgency = self.store.put(source.clone(), Kept { fingerprint, heard, entries });
        self.save_store(Some(urgency));
    }

    /// There was word from a source, and nothing has changed.
    pub fn heard(&mut self, source: &SourceName, at: Moment) {
        let urgency = self.store.heard(source, at);
        self.save_store(Some(urgency));
    }

    /// Forgets the sources that the configuration no longer has.
    pub fn retain(&mut self, configured: impl Fn(&SourceName) -> bool) {
        let urgency = self.store.retain(configured);
        self.save_store(urgency);
    }

    /// What is wrong with the files, a sentence each.
    pub fn concerns(&self) -> Vec<String> {
        let failing = [self.ledger_saver.trouble(), self.store_saver.trouble()].into_iter().flatten();
        self.damage.iter().cloned().chain(failing).chain(self.people.concerns()).collect()
    }

    /// Waits a while for the disk; whether everything is on it.
    pub fn flush(&self) -> bool {
        let (ledger, store) = (self.ledger_saver.flush(LAST_WRITE), self.store_saver.flush(LAST_WRITE));
        let people = self.people.flush(LAST_WRITE);
        ledger && store && people
    }

    fn save_ledger(&self, urgency: Option<Urgency>) {
        if let Some(urgency) = urgency {
            let ledger = self.ledger.clone();
            self.ledger_saver.put(urgency, move || ledger.encode());
        }
    }

    fn save_store(&self, urgency: Option<Urgency>) {
        if let Some(urgency) = urgency {
            let store = self.store.clone();
            self.store_saver.put(urgency, move || store.encode());
        }
    }
}
