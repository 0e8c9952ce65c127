//! What a source tells the daemon.

use std::sync::Arc;

use jit_model::name::SourceName;
use jit_model::time::Timestamp;

use crate::entry::Entries;

/// A word from a source.
#[derive(Clone, Debug)]
pub struct Update {
    /// Which source.
    pub source: SourceName,
    /// What it says.
    pub word: Word,
}

/// What a source can say.
#[derive(Clone, Debug)]
pub enum Word {
    /// The whole set as it is now; it replaces what was there.
    Whole {
        /// Every entry.
        entries: Arc<Entries>,
        /// A time that the directory's own clock has reached (the newest contextCSN or createTimestamp seen): evidence
        /// against a wrong clock of this host.
        directory_time: Option<Timestamp>,
    },
    /// It answers, and nothing has changed.
    Alive {
        /// See [`Word::Whole`].
        directory_time: Option<Timestamp>,
    },
    /// It does not answer, or its answer cannot be used; the last good set stays.
    Trouble {
        /// What is wrong and what would do, naming file and line, server or entry.
        why: String,
    },
}
