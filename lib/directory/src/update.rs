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

/// How the people and groups of a whole set came into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// They are as the source has them now.
    Read,
    /// They could not be read and are as they were last, without what was taken away from somebody since. The set counts, but
    /// it is no word from the source: else a directory in which somebody always writes would never be stale.
    Kept,
}

/// What a source can say.
#[derive(Clone, Debug)]
pub enum Word {
    /// The whole set as it is now; it replaces what was there.
    Whole {
        /// Every entry.
        entries: Arc<Entries>,
        /// Whether its people and groups are of now, too.
        membership: Membership,
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
