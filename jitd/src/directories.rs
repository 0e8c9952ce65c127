//! The directories that the daemon needs, made if missing and checked if not. The runtime directory with the sockets is
//! root's, because a module trusts a socket by the directory it lies in; the daemon owns only what lies below and beside it.
//! Never follows a symbolic link in the last component.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

mod inherit;

/// Below the directory of the sockets, what everybody may read and the daemon writes.
pub fn public(runtime_dir: &Path) -> PathBuf {
    runtime_dir.join("pub")
}

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The operating system refused.
    #[error("{path} cannot be {step}: {error}", path = .path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// What the system said.
        error: io::Error,
    },
    /// It belongs to the wrong one.
    #[error("{path} belongs to uid {found}, not to uid {wanted}: chown {wanted} {path}", path = .path.display())]
    Owner {
        /// Which one.
        path: PathBuf,
        /// Whose it is.
        found: u32,
        /// Whose it must be.
        wanted: u32,
    },
    /// Somebody else is at home.
    #[error("another jitd runs with {path}: stop it first", path = .0.display())]
    InUse(PathBuf),
    /// Others may write it.
    #[error("{path} may be written by others (mode {mode:04o}): chmod g-w,o-w {path}", path = .path.display())]
    Writable {
        /// Which one.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

/// A directory that no other jitd uses at the same time; until this value is dropped or the process ends.
#[derive(Debug)]
pub struct Taken {
    _lock: Flock<File>,
}

/// Takes a directory for this process alone. The directory itself is locked, so there is no file that could be lost or planted.
///
/// # Errors
/// When another process has it.
pub fn take(path: &Path) -> Result<Taken, DirectoryError> {
    let io_error = |step| move |error| DirectoryError::Io { path: path.to_owned(), step, error };
    let dir = open(path).map_err(io_error("opened as a directory"))?;
    match Flock::lock(dir, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Taken { _lock: lock }),
        Err((_, Errno::EWOULDBLOCK)) => Err(DirectoryError::InUse(path.to_owned())),
        Err((_, errno)) => Err(io_error("locked")(errno.into())),
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW).open(path)
}

/// Whose directory it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its uid.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// What to do about an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Make it so; only root can.
    Give(Owner),
    /// It must be so already.
    Expect(Owner),
    /// We cannot say, and look only at the permissions.
    Any,
}

/// A directory that was opened, and found to be what it should be.
#[derive(Debug)]
pub struct Checked {
    dir: File,
}

/// Makes sure that there is a directory with these permissions that others cannot write.
///
/// # Errors
/// When it cannot be made, or is not what it should be.
pub fn ensure(path: &Path, mode: u32, ownership: Ownership) -> Result<Checked, DirectoryError> {
    let io_error = |step| move |error| DirectoryError::Io { path: path.to_owned(), step, error };
    let made = match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(io_error("made")(error)),
    };
    let dir = open(path).map_err(io_error("opened as a directory"))?;
    if made {
        // mkdir(2) subtracts the umask.
        dir.set_permissions(std::fs::Permissions::from_mode(mode))
            .map_err(io_error("given its permissions"))?;
    }
    if let Ownership::Give(owner) = ownership {
        fchown(&dir, Some(owner.uid), Some(owner.gid)).map_err(io_error("given to its owner"))?;
    }
    let meta = dir.metadata().map_err(io_error("examined"))?;
    if let Ownership::Give(owner) | Ownership::Expect(owner) = ownership {
        if meta.uid() != owner.uid {
            return Err(DirectoryError::Owner {
                path: path.to_owned(),
                found: meta.uid(),
                wanted: owner.uid,
            });
        }
    }
    if meta.mode() & 0o022 != 0 {
        return Err(DirectoryError::Writable { path: path.to_owned(), mode: meta.mode() & 0o7777 });
    }
    Ok(Checked { dir })
}
