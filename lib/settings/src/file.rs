//! A file of configuration: not too long, UTF-8, and what is wrong with it in words that begin with its path.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::section::Problem;

/// A configuration is a page of text; anything beyond this is something else.
const MAX_BYTES: u64 = 1 << 20;

/// Why a configuration cannot be used.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read, or may not be trusted.
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong and what would do.
        what: String,
    },
    /// The text has faults.
    Faults {
        /// Which file.
        path: PathBuf,
        /// All of them, in the order of the text.
        problems: Vec<Problem>,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::File { path, what } => write!(f, "{}: {what}", path.display()),
            ConfigError::Faults { path, problems } => {
                for (n, problem) in problems.iter().enumerate() {
                    let end = if n + 1 < problems.len() { "\n" } else { "" };
                    let colon = if problem.line > 0 { ":" } else { ": " };
                    write!(f, "{}{colon}{problem}{end}", path.display())?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ConfigError {}

/// The text of an open file whose owner and mode have been judged.
///
/// # Errors
/// When it cannot be read, is too long, or is not UTF-8.
pub fn text(path: &Path, file: File) -> Result<String, ConfigError> {
    let refuse = |what: String| ConfigError::File { path: path.to_owned(), what };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| refuse(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(refuse(format!("is longer than {MAX_BYTES} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        refuse(format!("is not UTF-8: the byte at offset {at} does not belong to a character"))
    })
}
