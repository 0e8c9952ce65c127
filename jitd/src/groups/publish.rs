//! How one map takes the place of another, so that whoever reads finds exactly one in force, whenever the daemon is killed.
//!
//! 1. The new one is written whole under a name that no reader knows (`groups.map.new`).
//! 2. It is renamed to `groups.map.next`, where a reader looks who finds that the one he has is superseded.
//! 3. The word of the one at `groups.map` is set: whoever has it mapped sees it at his next look.
//! 4. The next one is renamed to `groups.map`.
//!
//! Killed before 3, the one before is in force; after it, the next one. What was begun is ended before the next begins. Must never
//! change anything else of a map that has a name, nor let one go by unlinking or renaming over it without having set its word:
//! somebody may have it mapped, and would go by it for as long as he lives.
//!
//! Nothing is forced to disk: the directory is gone after a reboot, as a map of another boot would be refused.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jit_proto::map::layout::SUPERSEDED;
use jit_proto::map::{NEXT, PATH};
use nix::unistd::geteuid;

/// Everybody reads it, and nobody but the daemon writes it.
const MODE: u32 = 0o644;

/// A step that the operating system refused.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be {step}: {error}", path = .path.display())]
pub struct PublishError {
    path: PathBuf,
    step: &'static str,
    error: io::Error,
}

/// How a map of any version begins, before the byte of the version: the word stands at the same place in all of them, so that a daemon
/// of another version can supersede what it finds.
pub const FAMILY: [u8; 7] = *b"jitmap\0";

/// What became of a map that was to be superseded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// Whoever has it sees it, or nobody can have it.
    Set,
    /// It is this other user's, who alone can set its word: root put it there, or an earlier life of the daemon that was root.
    Strange(u32),
}

/// How a file was when it was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    inode: (u64, u64),
    owner: u32,
    mode: u32,
    length: u64,
    written: (i64, i64),
}

impl From<&Metadata> for Mark {
    fn from(meta: &Metadata) -> Mark {
        Mark {
            inode: (meta.dev(), meta.ino()),
            owner: meta.uid(),
            mode: meta.mode(),
            length: meta.len(),
            written: (meta.mtime(), meta.mtime_nsec()),
        }
    }
}

/// A map that was put in its place.
#[derive(Debug)]
struct Placed {
    file: File,
    mark: Mark,
}

/// The places of the maps.
#[derive(Debug)]
pub struct Publisher {
    map: PathBuf,
    next: PathBuf,
    new: PathBuf,
    /// The last one that this life of the daemon put in its place: its word can be set, whatever becomes of its name.
    placed: Option<Placed>,
}

impl Publisher {
    /// In this directory, by the names that readers know.
    pub fn within(directory: &Path) -> Publisher {
        let name = |path: &std::ffi::CStr| {
            let path = Path::new(path.to_str().unwrap_or_default());
            directory.join(path.file_name().unwrap_or_default())
        };
        let map = name(PATH);
        let new = map.with_extension("map.new");
        Publisher { map, next: name(NEXT), new, placed: None }
    }

    /// Where the map is.
    pub fn path(&self) -> &Path {
        &self.map
    }

    /// Puts a map in the place of the one that is there. If that was another user's, its word is not set: whoever has it goes by it until
    /// its rows end. It is replaced all the same, for otherwise everybody would; the answer is whose it was.
    ///
    /// # Errors
    /// When it cannot be written or named. Then either may be in force; see [`Publisher::is_in_force`] and [`Publisher::withdraw`].
    pub fn publish(&mut self, bytes: &[u8]) -> Result<Option<u32>, PublishError> {
        match self.in_steps(bytes, &mut || Ok(())) {
            Ok((placed, Word::Set)) => {
                self.placed = Some(placed);
                Ok(None)
            }
            Ok((placed, Word::Strange(whose))) => {
                self.placed = Some(placed);
                Ok(Some(whose))
            }
            Err(error) => {
                // On a full disk it takes room from the next attempt. That it cannot be removed, the next attempt says.
                let _ = fs::remove_file(&self.new);
                Err(error)
            }
        }
    }

    /// Whether the last one counts, and everybody who looks finds it: nobody has removed it, put something else there, or written to it;
    /// its word is not set, and no next one lies beside it.
    pub fn is_in_force(&self) -> bool {
        let Some(placed) = &self.placed else { return false };
        let found = fs::symlink_metadata(&self.map).ok();
        let mut word = [0; 4];
        found.is_some_and(|found| Mark::from(&found) == placed.mark)
            && placed.file.read_exact_at(&mut word, SUPERSEDED as u64).is_ok()
            && word == [0; 4]
            && fs::symlink_metadata(&self.next).is_err()
    }

    /// Supersedes what is there, so that none is in force.
    ///
    /// # Errors
    /// When a word cannot be set; all have been tried.
    pub fn withdraw(&self) -> Result<(), PublishError> {
        let placed = self.supersede_placed();
        let (map, next) = (self.take_away(&self.map), self.take_away(&self.next));
        placed.and(map).and(next)
    }

    /// Supersedes one, or, if only another user can, takes it out of sight: the fewer find it, the better.
    fn take_away(&self, path: &Path) -> Result<(), PublishError> {
        match self.supersede(path)? {
            Word::Set => Ok(()),
            Word::Strange(_) => {
                fs::rename(path, &self.new).or_else(|error| self.failed(path, "taken away", error))
            }
        }
    }

    /// The steps; `may_go_on` is asked before each, so that a test can stop there as a kill would.
    fn in_steps(
        &self,
        bytes: &[u8],
        may_go_on: &mut dyn FnMut() -> Result<(), PublishError>,
    ) -> Result<(Placed, Word), PublishError> {
        may_go_on()?;
        let begun = match fs::symlink_metadata(&self.next) {
            Ok(_) => self.put_in_place(may_go_on)?,
            Err(_) => Word::Set,
        };
        may_go_on()?;
        match fs::remove_file(&self.new) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return self.failed(&self.new, "removed", error);
            }
            _ => {}
        }
        may_go_on()?;
        let file = self.write(bytes)?;
        may_go_on()?;
        fs::rename(&self.new, &self.next)
            .or_else(|error| self.failed(&self.next, "put in its place", error))?;
        let before = self.put_in_place(may_go_on)?;
        let meta = file.metadata().or_else(|error| self.failed(&self.map, "examined", error))?;
        Ok((Placed { mark: Mark::from(&meta), file }, if begun == Word::Set { before } else { begun }))
    }

    /// From here on the next one is whole, and is the one that counts once the word is set.
    fn put_in_place(
        &self,
        may_go_on: &mut dyn FnMut() -> Result<(), PublishError>,
    ) -> Result<Word, PublishError> {
        may_go_on()?;
        self.supersede_placed()?;
        let word = self.supersede(&self.map)?;
        may_go_on()?;
        fs::rename(&self.next, &self.map)
            .or_else(|error| self.failed(&self.map, "put in its place", error))?;
        Ok(word)
    }

    fn write(&self, bytes: &[u8]) -> Result<File, PublishError> {
        let open = OpenOptions::new().read(true).write(true).create_new(true).mode(MODE).open(&self.new);
        let mut file = open.or_else(|error| self.failed(&self.new, "made", error))?;
        file.write_all(bytes).or_else(|error| self.failed(&self.new, "written", error))?;
        // open(2) subtracts the umask.
        let mode = file.set_permissions(Permissions::from_mode(MODE));
        mode.or_else(|error| self.failed(&self.new, "given its permissions", error))?;
        Ok(file)
    }

    fn supersede_placed(&self) -> Result<(), PublishError> {
        self.placed.as_ref().map_or(Ok(()), |placed| self.set_word(&placed.file, &self.map))
    }

    /// Sets the word of what is at a path, if it is anything that a reader could have taken for a map.
    fn supersede(&self, path: &Path) -> Result<Word, PublishError> {
        let options = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let file = match OpenOptions::new().read(true).write(true).custom_flags(options).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Word::Set),
            // A link, a directory, a FIFO: no map to any reader.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ELOOP | libc::EISDIR | libc::ENXIO)) => {
                return Ok(Word::Set);
            }
            Err(error) => {
                let owner = fs::symlink_metadata(path).map(|meta| meta.uid()).ok();
                let other = owner.filter(|owner| *owner != geteuid().as_raw());
                return match (error.kind(), other) {
                    (ErrorKind::PermissionDenied, Some(other)) => Ok(Word::Strange(other)),
                    _ => self.failed(path, "superseded", error),
                };
            }
        };
        let meta = file.metadata().or_else(|error| self.failed(path, "superseded", error))?;
        let mut first = [0; FAMILY.len()];
        if !meta.is_file() || file.read_exact_at(&mut first, 0).is_err() || first != FAMILY {
            return Ok(Word::Set);
        }
        self.set_word(&file, path)?;
        Ok(Word::Set)
    }

    fn set_word(&self, file: &File, path: &Path) -> Result<(), PublishError> {
        let set = file.write_all_at(&1_u32.to_le_bytes(), SUPERSEDED as u64);
        set.or_else(|error| self.failed(path, "superseded", error))
    }

    fn failed<T>(&self, path: &Path, step: &'static str, error: io::Error) -> Result<T, PublishError> {
        Err(PublishError { path: path.to_owned(), step, error })
    }
}

#[cfg(test)]
mod tests;
