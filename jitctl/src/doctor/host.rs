//! What the rules look at: this host's files below a root, what jitd says of itself, and who exists. A test puts a tree of its own there.

use std::path::{Path, PathBuf};

use jit_control::Status;
use jit_model::time::{Span, Timestamp};

/// A host under examination.
#[derive(Clone, Debug)]
pub struct Host {
    /// Where its file system begins: `/`, but for tests.
    pub root: PathBuf,
    /// The running jitd's word, if it answers.
    pub status: Option<Status>,
    /// The text of the enforcing file: as the running jitd renders it now; without jitd, as it stands on disk. Empty: the built-in defaults.
    pub rules: String,
    /// Credentials that end sooner than this are findings.
    pub within: Span,
    /// This host's wall clock when the look began.
    pub now: Timestamp,
    /// The daemon's configuration, on the host.
    pub config: PathBuf,
    /// The enforcing file, on the host.
    pub enforcing: PathBuf,
}

impl Host {
    /// Where a path of the host lies.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }
}
