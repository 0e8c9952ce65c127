//! Who holds a grant here or lately held one, with what the directory said of his account when it last showed him: so that files keep
//! the names of their owners for a while after the grants are gone from the directory, and its people with them.
//!
//! Kept in `/var/lib/jitd/people`, apart from the ledger, for it is worth much less: a file that is damaged or lost costs the names of
//! former holders and nothing else. Opens no door. What is shown of it, [`jit_model::serve`] decides; keys are not in it, for nobody
//! without a live grant has any.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use jit_model::name::Login;
use jit_model::serve::KnownPerson;
use jit_model::time::{Span, Timestamp};

use crate::audit::Event;
use crate::audit::event::DiskState;
use crate::disk::saver::{Saver, Urgency};
use crate::scribe::Scribe;

pub mod roll;

use roll::{KIND, Roll, Showing};

/// The people and the thread that writes them.
pub struct People {
    roll: Roll,
    saver: Saver,
    damage: Option<String>,
}

impl People {
    /// Reads the file in the daemon's state directory. A damaged one is set aside, reported, and counts as none.
    ///
    /// # Errors
    /// When the thread that writes cannot be started.
    pub fn start(state_dir: &Path, scribe: &Scribe) -> io::Result<People> {
        let path = state_dir.join("people");
        let (roll, aside) = Roll::open(&path);
        if let Some(aside) = &aside {
            scribe.note(Event::disk(&aside.path, DiskState::SetAside, aside));
        }
        let saver = scribe.saver(path, KIND)?;
        Ok(People { roll, saver, damage: aside.map(|aside| aside.to_string()) })
    }

    /// Takes what the sources show, and tells who is known: whom a grant here is good for, sooner or later, and who held one less than
    /// `linger` ago. `now` is the settled time. Cheap where nothing changed; never waits for the disk.
    pub fn seen(
        &mut self,
        showing: &Showing<'_>,
        linger: Span,
        now: Timestamp,
    ) -> BTreeMap<Login, KnownPerson> {
        let (known, urgency) = self.roll.take(showing, linger, now);
        self.save(urgency);
        known
    }

    /// Root has mended the clock, and it is `now`: nobody held a grant later than that.
    pub fn restate(&mut self, now: Timestamp) {
        let urgency = self.roll.restate(now);
        self.save(urgency);
    }

    /// What is wrong with the file, a sentence each.
    pub fn concerns(&self) -> impl Iterator<Item = String> + use<> {
        self.damage.clone().into_iter().chain(self.saver.trouble())
    }

    /// Waits a while for the disk; whether everything is on it.
    pub fn flush(&self, patience: Duration) -> bool {
        self.saver.flush(patience)
    }

    fn save(&self, urgency: Option<Urgency>) {
        if let Some(urgency) = urgency {
            let roll = self.roll.clone();
            self.saver.put(urgency, move || roll.encode());
        }
    }
}

#[cfg(test)]
mod tests;
