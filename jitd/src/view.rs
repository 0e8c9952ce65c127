//! What the threads that answer see: the snapshot, and what is said around it. Immutable and replaced whole; whoever reads
//! holds what he began with to the end, and never waits longer than a pointer takes to copy.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use jit_model::confer::Conferred;
use jit_model::dn::Dn;
use jit_model::name::SourceName;
use jit_model::people::Person;
use jit_model::serve::Served;
use jit_model::snapshot::Snapshot;
use tokio::sync::watch;

use crate::config::Config;
use crate::offers::Offers;

/// One state of the daemon's knowledge.
#[derive(Clone, Debug)]
pub struct View {
    /// The configuration in force.
    pub config: Arc<Config>,
    /// Everything that decides.
    pub snapshot: Snapshot,
    /// How each source is, for people.
    pub sources: BTreeMap<SourceName, SourceView>,
    /// The people of the grants, by the DNs that [`jit_model::assess::AssessedGrant::logins`] names.
    pub people: BTreeMap<SourceName, Arc<BTreeMap<Dn, Person>>>,
    /// The roles that somebody could ask for here, for what is said to whom is denied.
    pub offers: BTreeMap<SourceName, Arc<Offers>>,
    /// The Unix groups that its grants confer, and those that they would.
    pub conferred: Arc<Conferred>,
    /// Whom it shows as accounts, and whom not.
    pub served: Arc<Served>,
    /// What makes the daemon less than healthy and is not about one source; a sentence each.
    pub concerns: Vec<String>,
}

/// How a source is, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceView {
    /// What is wrong at the moment.
    pub trouble: Option<String>,
    /// Which server is followed at the moment, of several.
    pub server: Option<String>,
    /// How many entries its last whole set had.
    pub entries: usize,
}

/// The view that is in force.
#[derive(Debug)]
pub struct Current {
    view: RwLock<Arc<View>>,
    told: watch::Sender<()>,
}

impl Current {
    /// Begins with a view.
    pub fn new(view: View) -> Current {
        Current { view: RwLock::new(Arc::new(view)), told: watch::Sender::new(()) }
    }

    /// The view in force. The lock is held for the copy of a pointer only, and nothing can panic under it.
    pub fn get(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another in its place.
    pub fn put(&self, view: View) {
        let new = Arc::new(view);
        let old = {
            let mut place = self.view.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *place, new)
        };
        self.told.send_replace(());
        // Freed here and not under the lock.
        drop(old);
    }

    /// Tells of each view that is put from now on; of several at once only once.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.told.subscribe()
    }
}
