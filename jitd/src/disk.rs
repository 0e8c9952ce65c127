//! Small files that survive a crash: written whole or not at all, read whole or not at all.
//!
//! A write goes to a new file beside the old one, is forced to disk, renamed over the old one, and the directory is
//! forced to disk. A file that cannot be understood is set aside under another name, for somebody to look at, and counts
//! as no file; nothing here ever half-reads, panics on what it reads, or follows a symbolic link in the last component.

pub mod envelope;
pub mod saver;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

pub use envelope::{Damage, Kind};

/// Why a file was not written; what stood there before still does.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The operating system said no.
    #[error("{path} cannot be written ({step}): {error}; free space or mend its directory, jitd keeps trying", path = .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// What the operating system said.
        error: io::Error,
    },
    /// More than fits; see [`Kind::max`].
    #[error("{path} would be longer than {max} bytes and is not written", path = .path.display())]
    TooLong {
        /// Which file.
        path: PathBuf,
        /// How long it may be.
        max: usize,
    },
    /// The value has no encoding, which is a fault in jitd.
    #[error("{path} is not written, its content cannot be encoded: {error}; please report this", path = .path.display())]
    Encode {
        /// Which file.
        path: PathBuf,
        /// What postcard said.
        error: postcard::Error,
    },
}

/// A file that was there and could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub damage: Damage,
    /// Where it lies now; `None` if even moving it failed, and then the next write replaces it.
    pub to: Option<PathBuf>,
}

impl std::fmt::Display for SetAside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is not used: {}", self.path.display(), self.damage)?;
        match &self.to {
            Some(to) => write!(f, "; it was set aside as {}", to.display()),
            None => f.write_str("; it could not be set aside and will be replaced"),
        }
    }
}

/// What was found at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// Nothing has been written yet.
    Nothing,
    /// What was written.
    Whole(T),
    /// Something else, which counts as nothing.
    SetAside(SetAside),
}

impl<T> Found<T> {
    /// Makes sense of a payload; one that cannot be decoded is set aside like any other damage.
    pub fn decode<U>(self, path: &Path, decode: impl FnOnce(T) -> Result<U, Damage>) -> Found<U> {
        match self {
            Found::Nothing => Found::Nothing,
            Found::SetAside(what) => Found::SetAside(what),
            Found::Whole(payload) => match decode(payload) {
                Ok(value) => Found::Whole(value),
                Err(damage) => Found::SetAside(set_aside(path, damage)),
            },
        }
    }

    /// The value, if there is one, and what was set aside, if something was.
    pub fn split(self) -> (Option<T>, Option<SetAside>) {
        match self {
            Found::Nothing => (None, None),
            Found::Whole(value) => (Some(value), None),
            Found::SetAside(what) => (None, Some(what)),
        }
    }
}

/// Reads a file's payload. Anything but a whole, sound file of the kind is set aside.
pub fn read(path: &Path, kind: Kind) -> Found<Vec<u8>> {
    match read_checked(path, kind) {
        Ok(None) => Found::Nothing,
        Ok(Some(payload)) => Found::Whole(payload),
        Err(damage) => Found::SetAside(set_aside(path, damage)),
    }
}

fn read_checked(path: &Path, kind: Kind) -> Result<Option<Vec<u8>>, Damage> {
    // O_NONBLOCK: a FIFO in its place must not hang the daemon; it has no effect on a plain file. std adds O_CLOEXEC.
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => return Err(Damage::Untrusted),
        Err(error) => return Err(Damage::Unreadable(error.kind())),
    };
    let metadata = file.metadata().map_err(|error| Damage::Unreadable(error.kind()))?;
    if !metadata.is_file() || metadata.mode() & 0o022 != 0 {
        return Err(Damage::Untrusted);
    }
    let longest = u64::try_from(kind.max.saturating_add(envelope::HEADER)).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    // One byte more than allowed, so that a file that grows meanwhile is seen as too long rather than as cut.
    let read = file.take(longest.saturating_add(1)).read_to_end(&mut bytes);
    let read = read.map_err(|error| Damage::Unreadable(error.kind()))?;
    if u64::try_from(read).unwrap_or(u64::MAX) > longest {
        return Err(Damage::TooLong(longest));
    }
    let length = envelope::unwrap(kind, &bytes)?.len();
    Ok(Some(bytes.split_off(bytes.len().saturating_sub(length))))
}

/// Moves a file out of the way: `NAME.damaged.1` to `.9`, the last of which is replaced when all are there.
pub fn set_aside(path: &Path, damage: Damage) -> SetAside {
    let name = |n: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".damaged.{n}"));
        PathBuf::from(name)
    };
    let free = (1..9).map(name).find(|to| fs::symlink_metadata(to).is_err());
    let to = free.unwrap_or_else(|| name(9));
    let moved = fs::rename(path, &to).is_ok();
    SetAside { path: path.to_owned(), damage, to: moved.then_some(to) }
}

/// Writes a payload so that after a crash there is the old file or the new one. Mode 0600. Returns when it is on disk.
///
/// # Errors
/// When it is too long, or the operating system says no; then the old file is still there.
pub fn write(path: &Path, kind: Kind, payload: &[u8]) -> Result<(), WriteError> {
    write_to(path, kind, payload, Lasting::ForEver)
}

/// The same for what means nothing after a reboot: there is the old file or the new one whatever becomes of the daemon. Nobody waits
/// for a disk, should the directory not be a tmpfs.
///
/// # Errors
/// As [`write`].
pub fn write_for_this_boot(path: &Path, kind: Kind, payload: &[u8]) -> Result<(), WriteError> {
    write_to(path, kind, payload, Lasting::ThisBoot)
}

/// What a file must survive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lasting {
    /// A loss of power.
    ForEver,
    /// A crash of the daemon.
    ThisBoot,
}

fn write_to(path: &Path, kind: Kind, payload: &[u8], lasting: Lasting) -> Result<(), WriteError> {
    let bytes = envelope::wrap(kind, payload)
        .ok_or_else(|| WriteError::TooLong { path: path.to_owned(), max: kind.max })?;
    let beside = {
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        PathBuf::from(name)
    };
    let done = write_beside(&beside, &bytes, lasting)
        .and_then(|()| fs::rename(&beside, path).map_err(|error| ("rename", error)))
        .and_then(|()| match lasting {
            Lasting::ForEver => sync_directory(path).map_err(|error| ("sync of the directory", error)),
            Lasting::ThisBoot => Ok(()),
        });
    done.map_err(|(step, error)| {
        // Nothing to do about a failure to clean up: the next write begins by removing it.
        let _ = fs::remove_file(&beside);
        WriteError::Io { path: path.to_owned(), step, error }
    })
}

fn write_beside(beside: &Path, bytes: &[u8], lasting: Lasting) -> Result<(), (&'static str, io::Error)> {
    match fs::remove_file(beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(("removal of a left-over", error));
        }
        _ => {}
    }
    // create_new is O_EXCL: never through a link, never into somebody else's file.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(beside)
        .map_err(|error| ("create", error))?;
    file.write_all(bytes).map_err(|error| ("write", error))?;
    match lasting {
        Lasting::ForEver => file.sync_all().map_err(|error| ("sync", error)),
        Lasting::ThisBoot => Ok(()),
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

/// Makes a directory that only its owner may enter, if it is not there yet.
///
/// # Errors
/// When it cannot be made.
pub fn private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    const KIND: Kind = Kind { magic: *b"jit-test", version: 1, max: 64 };

    #[test]
    fn written_is_read_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        assert_eq!(read(&path, KIND), Found::Nothing);
        write(&path, KIND, b"one").unwrap();
        write(&path, KIND, b"two").unwrap();
        assert_eq!(read(&path, KIND), Found::Whole(b"two".to_vec()));
        write_for_this_boot(&path, KIND, b"three").unwrap();
        assert_eq!(read(&path, KIND), Found::Whole(b"three".to_vec()));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn damage_is_set_aside_and_counts_as_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        for n in 1..12 {
            fs::write(&path, format!("nonsense {n}")).unwrap();
            let Found::SetAside(what) = read(&path, KIND) else { panic!("{n}") };
            assert_eq!(what.damage, Damage::Foreign);
            let to = what.to.unwrap();
            assert_eq!(fs::read_to_string(&to).unwrap(), format!("nonsense {n}"));
            assert_eq!(read(&path, KIND), Found::Nothing);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 9, "bounded");
    }

    #[test]
    fn links_pipes_and_what_others_may_write_are_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("store"), dir.path().join("other"));
        write(&other, KIND, b"forged").unwrap();
        symlink(&other, &path).unwrap();
        let (value, aside) = read(&path, KIND).split();
        assert_eq!((value, aside.unwrap().damage), (None, Damage::Untrusted));

        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        assert_eq!(read(&path, KIND).split().1.unwrap().damage, Damage::Untrusted);

        write(&path, KIND, b"forged").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
        assert_eq!(read(&path, KIND).split().1.unwrap().damage, Damage::Untrusted);
        assert_eq!(read(&other, KIND), Found::Whole(b"forged".to_vec()), "the link's target was left alone");
    }

    #[test]
    fn a_link_in_place_of_the_new_file_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, victim) = (dir.path().join("store"), dir.path().join("victim"));
        fs::write(&victim, "untouched").unwrap();
        symlink(&victim, dir.path().join("store.new")).unwrap();
        write(&path, KIND, b"mine").unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
        assert_eq!(read(&path, KIND), Found::Whole(b"mine".to_vec()));
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        write(&path, KIND, b"old").unwrap();
        assert!(matches!(write(&path, KIND, &[0; 65]), Err(WriteError::TooLong { .. })));
        // A directory in the way cannot be removed as a file.
        fs::create_dir(dir.path().join("store.new")).unwrap();
        assert!(matches!(write(&path, KIND, b"new"), Err(WriteError::Io { .. })));
        assert_eq!(read(&path, KIND), Found::Whole(b"old".to_vec()));
        // Neither can it be replaced by one.
        let inside = dir.path().join("directory");
        fs::create_dir_all(inside.join("full")).unwrap();
        assert!(matches!(write(&inside, KIND, b"x"), Err(WriteError::Io { step: "rename", .. })));
        assert!(!dir.path().join("directory.new").exists(), "nothing is left over");
        assert!(matches!(write(&dir.path().join("no/store"), KIND, b"x"), Err(WriteError::Io { .. })));
    }

    #[test]
    fn too_long_is_not_read_into_memory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(matches!(read(&path, KIND).split().1.unwrap().damage, Damage::TooLong(_)));
    }
}
