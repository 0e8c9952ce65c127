//! Putting a new text in the file's place, whole or not at all: a lock against other writers, a temporary file beside it,
//! fsync, rename, fsync of the directory. Whoever reads sees the old text or the new one.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};

use super::file::{self, FileError, Signature};

/// How long to wait for another writer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why the file was not replaced. It is as it was before, unless only the last step failed, [`ReplaceError::NotOnDisk`].
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError<E: std::error::Error + 'static> {
    /// It cannot be trusted or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// What was to be written was refused.
    #[error(transparent)]
    Edit(E),
    /// Another writer has the lock.
    #[error("another process is writing {} (lock {}); try again when it is done", .0.display(), .1.display())]
    Locked(PathBuf, PathBuf),
    /// Somebody wrote it meanwhile without the lock, with an editor perhaps.
    #[error("{} was changed by somebody else at the same moment, and is left as it is; try again", .0.display())]
    Changed(PathBuf),
    /// Writing failed.
    #[error("cannot {what} {}: {error}; the file is as it was", .path.display())]
    Failed {
        /// What failed.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The new text is there, but may be gone after a power failure.
    #[error("{} was replaced, but the disk did not confirm it: {}; look at the disk", .0.display(), .1)]
    NotOnDisk(PathBuf, io::Error),
}

/// Who owns the file afterwards.
#[derive(Clone, Copy, Debug)]
pub struct Ownership {
    /// The owner that it must have and will have: [`file::ROOT`] in production.
    pub owner: u32,
    /// The group of a file that is made now, so that the daemon can read it; a file that is there keeps its own.
    pub group: u32,
}

/// Replaces the text of the file at `path` by what `edit` makes of it (nothing, if there is no file yet). A file that is
/// there keeps its group and permissions; a new one is 0640.
///
/// # Errors
/// See [`ReplaceError`]; the file is untouched then.
pub fn replace<E: std::error::Error + 'static>(
    path: &Path,
    ownership: Ownership,
    edit: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<(), ReplaceError<E>> {
    let (directory, name) = file::split(path)?;
    // Only its owner can exchange anything in this directory, so paths may be used from here on.
    file::open_directory(directory, ownership.owner)?;
    let beside = |suffix: &str| {
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(suffix);
        directory.join(hidden)
    };
    let _lock = lock(path, &beside(".lock"))?;
    let (old, before, (group, mode)) = match file::open(path, ownership.owner) {
        Ok(mut trusted) => {
            let text = trusted.read()?;
            (text, Some(trusted.signature()), trusted.group_and_mode())
        }
        Err(FileError::Missing(_)) => (Vec::new(), None, (ownership.group, 0o640)),
        Err(other) => return Err(other.into()),
    };
    let new = edit(&old).map_err(ReplaceError::Edit)?;
    let temporary = Temporary(beside(&format!(".new.{}", std::process::id())));
    write_out(&temporary.0, &new, ownership.owner, group, mode)?;
    if signature(path, ownership.owner)? != before {
        return Err(ReplaceError::Changed(path.to_owned()));
    }
    fs::rename(&temporary.0, path).map_err(|error| ReplaceError::Failed {
        what: "rename the new file to",
        path: path.to_owned(),
        error,
    })?;
    let on_disk = File::open(directory).and_then(|directory| directory.sync_all());
    on_disk.map_err(|error| ReplaceError::NotOnDisk(path.to_owned(), error))
}

fn lock<E: std::error::Error + 'static>(
    path: &Path,
    lock_path: &Path,
) -> Result<Flock<File>, ReplaceError<E>> {
    let failed = |error| ReplaceError::Failed { what: "open the lock", path: lock_path.to_owned(), error };
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
        .open(lock_path)
        .map_err(failed)?;
    let begun = Instant::now();
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((_, errno))
                if errno != nix::errno::Errno::EWOULDBLOCK && errno != nix::errno::Errno::EINTR =>
            {
                return Err(failed(errno.into()));
            }
            Err(_) if begun.elapsed() > PATIENCE => {
                return Err(ReplaceError::Locked(path.to_owned(), lock_path.to_owned()));
            }
            Err((same, _)) => file = same,
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Removed when dropped; after the rename there is nothing to remove.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn write_out<E: std::error::Error + 'static>(
    path: &Path,
    text: &[u8],
    owner: u32,
    group: u32,
    mode: u32,
) -> Result<(), ReplaceError<E>> {
    let failed = |error| ReplaceError::Failed { what: "write", path: path.to_owned(), error };
    // Left behind by a writer that was killed; the lock says that nobody is at it.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text)?;
        fchown(&file, Some(owner), Some(group))?;
        file.set_permissions(Permissions::from_mode(mode & !0o022))?;
        file.sync_all()
    };
    write().map_err(failed)
}

fn signature(path: &Path, owner: u32) -> Result<Option<Signature>, FileError> {
    match file::open(path, owner) {
        Ok(trusted) => Ok(Some(trusted.signature())),
        Err(FileError::Missing(_)) => Ok(None),
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests;
