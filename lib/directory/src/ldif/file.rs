//! Opening a file that decides who gets in: only if nobody but its owner (root, in production) can have written it. Every
//! directory above it is opened one by one without following links and asked the same, then the file; what was asked is the
//! descriptor that is read, so that nothing can be exchanged in between.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};

use super::parse::Fault;

/// The owner that the file must have in production: root.
pub const ROOT: u32 = 0;

/// Why a file is not taken. Each says what to type.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Not an absolute path without `..`.
    #[error("{}: write the whole path, beginning with / and without `..`", .0.display())]
    NotAbsolute(PathBuf),
    /// ENOENT
    #[error("{} does not exist; `jitctl grant add` makes it", .0.display())]
    Missing(PathBuf),
    /// ENOENT on the way.
    #[error("the directory {} does not exist; type: install -d -m 755 {}", .0.display(), .0.display())]
    NoDirectory(PathBuf),
    /// Any other failure.
    #[error("{}: cannot {}: {}; look at it with: namei -l {}", .0.display(), .1, .2.desc(), .0.display())]
    Failed(PathBuf, &'static str, Errno),
    /// A symbolic link, at the end or on the way.
    #[error("{} is a symbolic link; give the path that it stands for (see: realpath {})", .0.display(), .0.display())]
    Link(PathBuf),
    /// A directory, device, socket or FIFO where the file should be.
    #[error("{} is no regular file; remove it and write the grants into a plain file", .0.display())]
    NotRegular(PathBuf),
    /// Somebody else's.
    #[error("{} belongs to uid {}, who could write grants; type: chown {} {}", .0.display(), .1, .2, .0.display())]
    Owner(PathBuf, u32, &'static str),
    /// Others may write it.
    #[error("{} can be written by others, who could write grants; type: chmod go-w {}", .0.display(), .0.display())]
    Writable(PathBuf),
    /// Larger than [`super::MOST_BYTES`].
    #[error("{} has more than {} MiB; remove entries that ended long ago", .0.display(), super::MOST_BYTES >> 20)]
    TooLarge(PathBuf),
    /// It changed while it was read.
    #[error("{} changes while it is read; write it beside and rename it into place", .0.display())]
    Unsettled(PathBuf),
    /// Its content.
    #[error("{}, {}", .0.display(), .1)]
    Content(PathBuf, Fault),
}

/// Which file, in which state: equal signatures mean that nothing was written, replaced or handed over in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    dev: u64,
    ino: u64,
    size: i64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl Signature {
    fn of(stat: &FileStat) -> Signature {
        Signature {
            dev: stat.st_dev,
            ino: stat.st_ino,
            size: stat.st_size,
            written: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}

/// A file that nobody but its owner can have written, open for reading.
#[derive(Debug)]
pub struct Trusted {
    path: PathBuf,
    file: File,
    stat: FileStat,
}

impl Trusted {
    /// What was seen when it was opened.
    pub fn signature(&self) -> Signature {
        Signature::of(&self.stat)
    }

    /// Its group and permissions, to be kept when it is replaced.
    pub fn group_and_mode(&self) -> (u32, u32) {
        (self.stat.st_gid, self.stat.st_mode & 0o777)
    }

    /// Reads it whole.
    ///
    /// # Errors
    /// When it is too large, cannot be read, or was written to meanwhile.
    pub fn read(&mut self) -> Result<Vec<u8>, FileError> {
        let most = super::MOST_BYTES;
        let failed = |e: std::io::Error| {
            FileError::Failed(self.path.clone(), "read it", Errno::from_raw(e.raw_os_error().unwrap_or(0)))
        };
        let mut text = Vec::new();
        let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        (&mut self.file).take(limit).read_to_end(&mut text).map_err(failed)?;
        if text.len() > most {
            return Err(FileError::TooLarge(self.path.clone()));
        }
        let now = fstat(&self.file).map_err(|e| FileError::Failed(self.path.clone(), "look at it", e))?;
        if Signature::of(&now) != self.signature() {
            return Err(FileError::Unsettled(self.path.clone()));
        }
        Ok(text)
    }
}

/// Opens the file at `path` for reading if it and every directory above it belong to `owner` (directories: or to root), and
/// nobody else may write them. A directory that others may write but in which they cannot replace what is not theirs (the
/// sticky bit, as on /tmp) will do.
///
/// # Errors
/// Whatever would let somebody else have a say in what is read, and every failure to find that out.
pub fn open(path: &Path, owner: u32) -> Result<Trusted, FileError> {
    let (directory, name) = split(path)?;
    let above = open_directory(directory, owner)?;
    // Without O_NONBLOCK a FIFO in its place would make the daemon wait for ever.
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let opened = openat(above.as_fd(), name, flags, Mode::empty());
    let file = opened.map_err(|errno| match errno {
        Errno::ENOENT => FileError::Missing(path.to_owned()),
        Errno::ELOOP => FileError::Link(path.to_owned()),
        errno => FileError::Failed(path.to_owned(), "open it", errno),
    })?;
    let stat = fstat(&file).map_err(|e| FileError::Failed(path.to_owned(), "look at it", e))?;
    if SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT != SFlag::S_IFREG {
        return Err(FileError::NotRegular(path.to_owned()));
    }
    if stat.st_uid != owner {
        return Err(FileError::Owner(path.to_owned(), stat.st_uid, name_of(owner)));
    }
    if stat.st_mode & 0o022 != 0 {
        return Err(FileError::Writable(path.to_owned()));
    }
    Ok(Trusted { path: path.to_owned(), file: File::from(file), stat })
}

/// Opens a directory by its path, asking every directory on the way who may write it. The descriptor is good for `openat`
/// and `fstat`, not for reading.
///
/// # Errors
/// As [`open`].
pub fn open_directory(path: &Path, owner: u32) -> Result<OwnedFd, FileError> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut walked = PathBuf::from("/");
    let mut directory = nix::fcntl::open("/", flags, Mode::empty())
        .map_err(|errno| FileError::Failed(walked.clone(), "open it", errno))?;
    check_directory(&directory, &walked, owner)?;
    for component in path.components() {
        let name = match component {
            Component::RootDir | Component::CurDir => continue,
            Component::Normal(name) => name,
            Component::ParentDir | Component::Prefix(_) => {
                return Err(FileError::NotAbsolute(path.to_owned()));
            }
        };
        walked.push(name);
        directory = openat(directory.as_fd(), name, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::ENOENT => FileError::NoDirectory(walked.clone()),
            Errno::ELOOP | Errno::ENOTDIR if walked.is_symlink() => FileError::Link(walked.clone()),
            errno => FileError::Failed(walked.clone(), "open it", errno),
        })?;
        check_directory(&directory, &walked, owner)?;
    }
    Ok(directory)
}

fn check_directory(directory: &OwnedFd, path: &Path, owner: u32) -> Result<(), FileError> {
    let stat = fstat(directory).map_err(|e| FileError::Failed(path.to_owned(), "look at it", e))?;
    if stat.st_uid != ROOT && stat.st_uid != owner {
        return Err(FileError::Owner(path.to_owned(), stat.st_uid, name_of(owner)));
    }
    if stat.st_mode & 0o022 != 0 && stat.st_mode & 0o1000 == 0 {
        return Err(FileError::Writable(path.to_owned()));
    }
    Ok(())
}

/// The directory and the name in it.
pub(super) fn split(path: &Path) -> Result<(&Path, &std::ffi::OsStr), FileError> {
    let bad = || FileError::NotAbsolute(path.to_owned());
    let plain = !path.components().any(|part| matches!(part, Component::ParentDir));
    if !path.is_absolute() || !plain || path.as_os_str().as_bytes().contains(&0) {
        return Err(bad());
    }
    Ok((path.parent().ok_or_else(bad)?, path.file_name().ok_or_else(bad)?))
}

fn name_of(owner: u32) -> &'static str {
    if owner == ROOT { "root" } else { "its rightful owner" }
}

#[cfg(test)]
mod tests;
