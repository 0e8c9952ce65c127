//! A small file that others may change at any time: read once, examined by one stat(2) before each use, read again when it
//! is another one. Cheap enough for the way of an answer. Must never answer from an older content when the file has changed.

use std::fs::{Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A file may change twice within one tick of the kernel's clock, without a trace in its times. As long as its last change is
/// younger than this when it is read, it is read again.
const SETTLED: Duration = Duration::from_millis(100);

/// What tells one content from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    dev: u64,
    ino: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(meta: &Metadata) -> Stamp {
        Stamp {
            dev: meta.dev(),
            ino: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }

    fn settled(&self) -> bool {
        let (Ok(seconds), Ok(nanos)) = (u64::try_from(self.changed.0), u32::try_from(self.changed.1)) else {
            return false;
        };
        let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
        SystemTime::now().duration_since(changed).is_ok_and(|age| age > SETTLED)
    }
}

/// What was found at the path, and what it means to the one who reads it.
#[derive(Debug)]
pub struct Watched<T> {
    path: PathBuf,
    links: Links,
    limit: u64,
    seen: Option<Stamp>,
    meaning: T,
}

/// What to make of a symbolic link at the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// The file that it leads to counts.
    Followed,
    /// It is a file that cannot be read, wherever it leads: also one that leads nowhere is not absent.
    Refused,
}

/// Who can have written a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writers {
    /// It belongs to root, and nobody else may write it.
    RootAlone,
    /// Others, too.
    Others,
}

/// What is at the path now.
#[derive(Debug)]
pub enum Content<'a> {
    /// The whole file, and whether only root can have written it.
    Bytes(&'a [u8], Writers),
    /// There is no such file (ENOENT and nothing else).
    Absent,
    /// It is there, or may be, and cannot be read or is longer than the limit.
    Unreadable(io::Error),
}

impl<T> Watched<T> {
    /// Watches a path; nothing is read yet, and until then it means `at_first`. No more than `limit` bytes are ever read.
    pub fn new(path: impl Into<PathBuf>, links: Links, limit: u64, at_first: T) -> Watched<T> {
        Watched { path: path.into(), links, limit, seen: None, meaning: at_first }
    }

    /// Which file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The meaning of the file as it is now. `understand` is called when the file may have changed, with the meaning that
    /// held so far.
    pub fn get(&mut self, understand: impl FnOnce(Content<'_>, T) -> T) -> &T
    where
        T: Clone,
    {
        let known = self.seen;
        let found = match self.links {
            Links::Followed => std::fs::metadata(&self.path),
            Links::Refused => std::fs::symlink_metadata(&self.path),
        };
        match found {
            Ok(meta) if known == Some(Stamp::of(&meta)) => return &self.meaning,
            Ok(_) => {}
            Err(error) => {
                self.seen = None;
                self.meaning = understand(Content::of_error(error), self.meaning.clone());
                return &self.meaning;
            }
        }
        let before = self.meaning.clone();
        // First the meaning, then what it is the meaning of: should `understand` panic, the file is read again next time.
        let (seen, meaning) = match self.read() {
            Ok((bytes, stamp, writers)) => {
                (Some(stamp).filter(Stamp::settled), understand(Content::Bytes(&bytes, writers), before))
            }
            Err(error) => (None, understand(Content::of_error(error), before)),
        };
        (self.seen, self.meaning) = (seen, meaning);
        &self.meaning
    }

    fn read(&self) -> io::Result<(Vec<u8>, Stamp, Writers)> {
        // Without O_NONBLOCK, a FIFO in the place of the file would hold up every answer.
        let links = match self.links {
            Links::Followed => 0,
            Links::Refused => libc::O_NOFOLLOW,
        };
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | links).open(&self.path)?;
        // Of the open file, before its bytes: a change while reading shows as another stamp next time.
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let stamp = Stamp::of(&meta);
        let mut bytes = Vec::new();
        file.take(self.limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > self.limit {
            return Err(io::Error::other(format!("longer than {} bytes", self.limit)));
        }
        let roots = meta.uid() == 0 && meta.mode() & 0o022 == 0;
        Ok((bytes, stamp, if roots { Writers::RootAlone } else { Writers::Others }))
    }
}

impl Content<'_> {
    fn of_error(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Content::Absent,
            _ => Content::Unreadable(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn text(watched: &mut Watched<String>) -> String {
        let understand = |content: Content<'_>, _| match content {
            Content::Bytes(bytes, _) => String::from_utf8_lossy(bytes).into_owned(),
            Content::Absent => "absent".to_owned(),
            Content::Unreadable(_) => "unreadable".to_owned(),
        };
        watched.get(understand).clone()
    }

    #[test]
    fn a_link_is_followed_or_refused_and_never_taken_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (path, target) = (dir.path().join("link"), dir.path().join("target"));
        let watched = |links| Watched::new(&path, links, 100, String::new());
        let (mut followed, mut refused) = (watched(Links::Followed), watched(Links::Refused));
        assert_eq!((text(&mut followed), text(&mut refused)), ("absent".to_owned(), "absent".to_owned()));
        symlink(&target, &path).unwrap();
        assert_eq!((text(&mut followed), text(&mut refused)), ("absent".to_owned(), "unreadable".to_owned()));
        fs::write(&target, "there").unwrap();
        assert_eq!((text(&mut followed), text(&mut refused)), ("there".to_owned(), "unreadable".to_owned()));
        fs::remove_file(&path).unwrap();
        fs::rename(&target, &path).unwrap();
        assert_eq!((text(&mut followed), text(&mut refused)), ("there".to_owned(), "there".to_owned()));
    }

    #[test]
    fn what_was_not_understood_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "new").unwrap();
        // Only what is at rest is not read again anyway.
        while !Stamp::of(&fs::metadata(&path).unwrap()).settled() {
            std::thread::yield_now();
        }
        let mut watched = Watched::new(&path, Links::Refused, 100, "old".to_owned());
        let panicking = catch_unwind(AssertUnwindSafe(|| {
            watched.get(|_, _| panic!("as a test"));
        }));
        assert!(panicking.is_err());
        assert_eq!(text(&mut watched), "new");
    }
}
