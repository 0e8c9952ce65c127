//! The file: appended to in whole batches, opened again when it was rotated, its chain continued whatever happened to it.
//!
//! Before each batch the file is compared with what was left: another file at the path (rotated), or another length (cut
//! by copytruncate, written to by somebody else) makes it look at the end again. The chain always ties a line to the one
//! that stands before it, be it torn or foreign; an empty file begins with the hash of the last line of the one before.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::Record;
use super::event::{Chain, Event, Text};
use super::line::{self, Head, Tail, WINDOW};
use crate::clock::BootId;

/// The audit file.
pub struct File {
    path: PathBuf,
    boot: String,
    open: Option<Open>,
    /// Where the chain stands, once anything was read or written.
    head: Option<Head>,
}

struct Open {
    file: fs::File,
    dev: u64,
    ino: u64,
    /// How long it was after the last batch.
    length: u64,
    /// What must come before the next line.
    before: Before,
}

/// What must come before the next line.
struct Before {
    newline: bool,
    chain: Option<(Chain, &'static str)>,
}

impl File {
    /// The file at `path`; it is opened with the first batch.
    pub fn new(path: PathBuf, boot: BootId) -> File {
        File { path, boot: boot.to_string(), open: None, head: None }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file again with the next batch.
    pub fn reopen(&mut self) {
        self.open = None;
    }

    /// Whether another file, or none, stands at the path.
    pub fn was_rotated(&self) -> bool {
        let there = fs::symlink_metadata(&self.path).ok().map(|found| (found.dev(), found.ino()));
        self.open.as_ref().is_some_and(|open| there != Some((open.dev, open.ino)))
    }

    /// Appends all of the records, or none.
    ///
    /// # Errors
    /// When the operating system says no. Nothing is half-written: what was is cut off again, and where even that fails,
    /// the next batch begins after a torn line and says so.
    pub fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let Some(first) = records.first() else { return Ok(()) };
        if self.was_rotated() {
            self.open = None;
        }
        let mut open = match self.open.take() {
            Some(open) if open.file.metadata()?.len() == open.length => open,
            Some(open) => self.look(open.file)?,
            None => self.look(open_file(&self.path)?)?,
        };
        let mut head = self.head.unwrap_or(Head::NEW);
        let mut bytes = Vec::new();
        if open.before.newline {
            bytes.push(b'\n');
        }
        if let Some((chain, text)) = open.before.chain {
            let event = Event::Audit { chain, text: Text::from(text) };
            line::append(&mut bytes, &mut head, &self.boot, &Record { event, ..first.clone() })?;
        }
        for record in records {
            line::append(&mut bytes, &mut head, &self.boot, record)?;
        }
        if let Err(error) = open.file.write_all(&bytes) {
            if open.file.set_len(open.length).is_ok() {
                self.open = Some(open);
            }
            // Else it is opened and looked at again: its end is torn.
            return Err(error);
        }
        open.length = open.length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        open.before = Before { newline: false, chain: None };
        self.open = Some(open);
        self.head = Some(head);
        Ok(())
    }

    /// Forces what was appended to disk.
    ///
    /// # Errors
    /// When the operating system says no.
    pub fn sync(&self) -> io::Result<()> {
        self.open.as_ref().map_or(Ok(()), |open| open.file.sync_data())
    }

    /// Looks at the end of a file, and sets the head accordingly.
    fn look(&mut self, file: fs::File) -> io::Result<Open> {
        let metadata = file.metadata()?;
        let length = metadata.len();
        let window = u64::try_from(WINDOW).unwrap_or(u64::MAX);
        let begin = length.saturating_sub(window);
        let mut end = vec![0; usize::try_from(length - begin).unwrap_or(WINDOW)];
        file.read_exact_at(&mut end, begin)?;
        let known = self.head;
        // Numbers never go back, whatever stands in the file.
        let at_least = |head: Head| Head { next: head.next.max(known.map_or(1, |known| known.next)), ..head };
        let (head, newline, chain) = match line::tail(&end, begin == 0) {
            Tail::Empty => match known {
                Some(known) => (
                    known,
                    false,
                    Some((Chain::Rotated, "the line before this one is the last of the file before")),
                ),
                None => (Head::NEW, false, Some((Chain::New, "there was no audit before"))),
            },
            Tail::Whole(head) if known.is_some_and(|known| known == head) => (head, false, None),
            Tail::Whole(head) if known.is_none() => {
                (head, false, Some((Chain::Continued, "the audit goes on")))
            }
            Tail::Whole(head) => {
                let text = "the line before this one was not written by this daemon";
                (at_least(head), false, Some((Chain::Repaired, text)))
            }
            Tail::Torn { head, newline } => {
                let text = "the line before this one is torn or was not written by jitd";
                (at_least(head), newline, Some((Chain::Repaired, text)))
            }
            Tail::Foreign { newline } => {
                let text = "the file ended with a line too long to be jitd's; the chain begins anew";
                (at_least(Head::NEW), newline, Some((Chain::New, text)))
            }
        };
        self.head = Some(head);
        let before = Before { newline, chain };
        Ok(Open { file, dev: metadata.dev(), ino: metadata.ino(), length, before })
    }
}

/// Opens or makes the file: for appending, never through a link, 0640 when it is new, so that a group may read.
fn open_file(path: &Path) -> io::Result<fs::File> {
    // O_NONBLOCK: a FIFO in its place must not hang the thread.
    let mut options = OpenOptions::new();
    options.read(true).append(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = match options.clone().create_new(true).mode(0o640).open(path) {
        Ok(file) => {
            // Whatever the umask is.
            file.set_permissions(Permissions::from_mode(0o640))?;
            file
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(path)?,
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a plain file"));
    }
    Ok(file)
}
