//! What can go wrong while a host is raised or used, as a sentence that says what to do. A test returns it and so fails.

use std::fmt;
use std::path::Path;

/// Something that a test or the demo cannot go on with. `Debug` prints the same sentence, because that is what a
/// failing test shows.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Trouble(String);

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Trouble>;

impl Trouble {
    /// From a sentence.
    pub fn new(text: impl Into<String>) -> Trouble {
        Trouble(text.into())
    }

    /// From a failed system call on a file.
    pub fn io(path: &Path, error: std::io::Error) -> Trouble {
        Trouble(format!("{}: {error}", path.display()))
    }
}

impl fmt::Debug for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
