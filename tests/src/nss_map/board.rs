//! What readers have to know of the moment: a small file in the host, four numbers.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::trouble::{Result, Trouble};

/// Where it is, inside.
pub const PATH: &str = "/run/nss-board";

/// The file.
#[derive(Debug)]
pub struct Board(File);

/// A number on it.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// The oldest state that an answer may be of: the daemon's map has shown it.
    Least = 0,
    /// The newest: the directory has it, and the daemon perhaps.
    Most = 8,
    /// Readers end when it is not 0.
    Enough = 16,
    /// Even while one daemon answers, another number for each. Odd from the moment in which a new one starts until its map shows what the
    /// directory has: it begins with what is on disk, which may be a little older than what the one before had shown.
    Life = 24,
}

impl Board {
    /// A new one, all 0.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn make(path: &Path) -> Result<Board> {
        let open = File::options().read(true).write(true).create(true).truncate(true).open(path);
        let board = Board(open.map_err(|e| Trouble::io(path, e))?);
        for number in [Number::Least, Number::Most, Number::Enough, Number::Life] {
            board.put(number, 0)?;
        }
        Ok(board)
    }

    /// The one that is there.
    ///
    /// # Errors
    /// When it is not.
    pub fn at(path: &Path) -> Result<Board> {
        File::open(path).map(Board).map_err(|e| Trouble::io(path, e))
    }

    /// Reads a number.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn get(&self, number: Number) -> Result<u64> {
        let read = || {
            let mut bytes = [0; 8];
            self.0.read_exact_at(&mut bytes, number as u64).map(|()| u64::from_le_bytes(bytes))
        };
        let trouble = |e| Trouble::io(Path::new(PATH), e);
        loop {
            let seen = read().map_err(trouble)?;
            // The kernel does not promise that eight bytes are read at once.
            if seen == read().map_err(trouble)? {
                return Ok(seen);
            }
        }
    }

    /// Writes one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn put(&self, number: Number, value: u64) -> Result<()> {
        let written = self.0.write_all_at(&value.to_le_bytes(), number as u64);
        written.map_err(|e| Trouble::io(Path::new(PATH), e))
    }
}
