//! A host's file system below a directory: links lead where they would if that directory were `/`.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

/// The most links on one way; as many as the kernel follows.
const MOST_LINKS: usize = 40;
/// No file of pam.d is longer.
const LONGEST: u64 = 1 << 20;

/// A file system below a directory.
#[derive(Clone, Debug)]
pub struct Tree {
    root: PathBuf,
}

impl Tree {
    /// Below this directory.
    pub fn new(root: &Path) -> Tree {
        Tree { root: root.to_owned() }
    }

    /// Where a path leads, links followed: outside of the tree's own view, ready to be opened.
    ///
    /// # Errors
    /// When it leads nowhere, or in circles.
    pub fn resolve(&self, path: &str) -> io::Result<PathBuf> {
        Ok(self.outside(&self.leads_to(path)?))
    }

    /// Where a path leads, links followed, as the host sees it.
    ///
    /// # Errors
    /// When it leads nowhere, or in circles.
    pub fn leads_to(&self, path: &str) -> io::Result<PathBuf> {
        let mut inside = PathBuf::from("/");
        let mut ahead: Vec<PathBuf> = parts(Path::new(path));
        let mut links = 0_usize;
        while let Some(part) = ahead.pop() {
            match part.components().next() {
                Some(Component::ParentDir) => {
                    inside.pop();
                    continue;
                }
                Some(Component::Normal(_)) => {}
                _ => continue,
            }
            let next = inside.join(&part);
            if !fs::symlink_metadata(self.outside(&next))?.file_type().is_symlink() {
                inside = next;
                continue;
            }
            links = links.saturating_add(1);
            if links > MOST_LINKS {
                return Err(io::Error::other("too many symbolic links"));
            }
            let target = fs::read_link(self.outside(&next))?;
            if target.is_absolute() {
                inside = PathBuf::from("/");
            }
            ahead.extend(parts(&target));
        }
        Ok(inside)
    }

    /// The whole of a file. A directory is an empty file, as it is to fopen(3) and fgets(3).
    ///
    /// # Errors
    /// When it cannot be read, is neither, or is far too long.
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let place = self.resolve(path)?;
        let kind = fs::metadata(&place)?;
        match kind {
            _ if kind.is_dir() => Ok(Vec::new()),
            _ if kind.is_file() && kind.len() <= LONGEST => fs::read(place),
            _ => Err(io::Error::other("neither a plain file nor a directory, or longer than 1 MiB")),
        }
    }

    /// What there is, links followed.
    pub fn look(&self, path: &str) -> Option<Metadata> {
        fs::metadata(self.resolve(path).ok()?).ok()
    }

    /// The names in a directory, sorted; none if it cannot be read.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn names(&self, path: &str) -> io::Result<Vec<String>> {
        let place = match self.resolve(path) {
            Ok(place) => place,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in fs::read_dir(place)? {
            // A name that is no text is no service's.
            names.extend(entry?.file_name().into_string().ok());
        }
        names.sort();
        Ok(names)
    }

    fn outside(&self, inside: &Path) -> PathBuf {
        self.root.join(inside.strip_prefix("/").unwrap_or(inside))
    }
}

/// The last first.
fn parts(path: &Path) -> Vec<PathBuf> {
    path.components().rev().map(|part| PathBuf::from(part.as_os_str())).collect()
}
