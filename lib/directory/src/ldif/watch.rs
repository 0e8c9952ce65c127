//! Following the file: it is read at the start and whenever it was replaced or changed, and the whole set goes to the daemon.
//! inotify tells at once; a look every second finds what inotify cannot see (a directory exchanged further up, a network
//! file system, no inotify at all). While the file cannot be used nothing is handed over but the trouble, once.
//!
//! A file that is being written in place is not read in the middle: a grant that is missing from a whole set counts as
//! deleted, for ever. So a change is read when its writer has closed it or renamed it into place, or, where nobody said so,
//! when it has been at rest for a while.

use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jit_model::name::SourceName;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use tokio::sync::mpsc::Sender;

use super::file::{self, FileError, Signature};
use super::gather::gather;
use super::parse::parse;
use crate::decode::Bases;
use crate::entry::Entries;
use crate::update::{Membership, Update, Word};

/// How long a file that somebody writes in place must be at rest, in milliseconds.
const AT_REST: u16 = 2_000;

/// How often to look without being told, in milliseconds.
const LOOK: u16 = 1_000;

/// A file to follow.
#[derive(Clone, Debug)]
pub struct LdifSource {
    /// The source's name in the configuration.
    pub name: SourceName,
    /// The file, by its whole path.
    pub path: PathBuf,
    /// Where its entries stand.
    pub bases: Bases,
    /// Whose the file must be: [`file::ROOT`] in production.
    pub owner: u32,
    /// How often to say that all is well.
    pub heartbeat: Duration,
}

impl LdifSource {
    /// Follows the file on a thread of its own until the other end of the channel is closed.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn spawn(self, updates: Sender<Update>) -> io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name("ldif".to_owned()).spawn(move || self.run(&updates))
    }

    /// Follows the file until the other end of the channel is closed. Blocks; not for a thread of an async runtime.
    pub fn run(self, updates: &Sender<Update>) {
        let mut bell = Bell::new(&self.path);
        let heartbeat = self.heartbeat;
        let name = self.name.clone();
        let mut watch = Watch::new(self);
        let mut heard = Instant::now();
        bell.hang();
        let mut complete = true;
        while !updates.is_closed() {
            let look = watch.look(complete);
            let word = match look {
                Look::Nothing if watch.is_well() && heard.elapsed() >= heartbeat => {
                    Some(Word::Alive { directory_time: None })
                }
                Look::Nothing | Look::Unsettled => None,
                Look::Say(word) => Some(word),
            };
            if let Some(word) = word {
                heard = Instant::now();
                if updates.blocking_send(Update { source: name.clone(), word }).is_err() {
                    return;
                }
            }
            complete = bell.wait(if watch.resting.is_some() { AT_REST } else { LOOK });
            bell.hang();
        }
    }
}

/// Reads the file now, as the daemon would: for `--check`, and for tests.
///
/// # Errors
/// Whatever the daemon would report as trouble.
pub fn read_once(source: &LdifSource) -> Result<Entries, FileError> {
    let mut trusted = file::open(&source.path, source.owner)?;
    understand(source, &trusted.read()?)
}

fn understand(source: &LdifSource, text: &[u8]) -> Result<Entries, FileError> {
    let entries = parse(text).and_then(|records| gather(records, &source.bases));
    entries.map_err(|fault| FileError::Content(source.path.clone(), fault))
}

/// What one look at the file brought.
#[derive(Debug)]
enum Look {
    Nothing,
    /// It is being written; look again soon.
    Unsettled,
    Say(Word),
}

/// What is known of the file.
struct Watch {
    source: LdifSource,
    /// The state whose content was read last, be it good or bad.
    read: Option<Signature>,
    /// A new state, that may still be changing, and since when it has been at rest.
    resting: Option<(Signature, Instant)>,
    /// What was handed over last.
    told: Option<Arc<Entries>>,
    trouble: Option<String>,
}

impl Watch {
    fn new(source: LdifSource) -> Watch {
        Watch { source, read: None, resting: None, told: None, trouble: None }
    }

    fn is_well(&self) -> bool {
        self.trouble.is_none() && self.read.is_some()
    }

    /// Looks once. `complete`: whoever wrote the file is known to be done.
    fn look(&mut self, complete: bool) -> Look {
        match self.try_look(complete) {
            Ok(look) => look,
            Err(FileError::Unsettled(_)) => Look::Unsettled,
            Err(error) => {
                let why = error.to_string();
                if self.trouble.as_ref() == Some(&why) {
                    return Look::Nothing;
                }
                self.trouble = Some(why.clone());
                Look::Say(Word::Trouble { why })
            }
        }
    }

    fn try_look(&mut self, complete: bool) -> Result<Look, FileError> {
        let mut trusted = file::open(&self.source.path, self.source.owner).inspect_err(|_| {
            // Whatever comes into its place is new, even if it has the same signature.
            (self.read, self.resting) = (None, None);
        })?;
        let signature = trusted.signature();
        // A writer who is done is believed even if the times look the same: some file systems count them in hundredths.
        if self.read == Some(signature) && !complete {
            self.resting = None;
            return Ok(Look::Nothing);
        }
        if !complete {
            let since = match self.resting {
                Some((resting, since)) if resting == signature => since,
                _ => Instant::now(),
            };
            self.resting = Some((signature, since));
            if since.elapsed() < Duration::from_millis(AT_REST.into()) {
                return Ok(Look::Unsettled);
            }
        }
        let text = trusted.read().inspect_err(|_| self.resting = Some((signature, Instant::now())))?;
        (self.read, self.resting) = (Some(signature), None);
        let entries = Arc::new(understand(&self.source, &text)?);
        if self.trouble.take().is_none() && self.told.as_ref() == Some(&entries) {
            return Ok(Look::Nothing);
        }
        self.told = Some(entries.clone());
        Ok(Look::Say(Word::Whole { entries, membership: Membership::Read, directory_time: None }))
    }
}

/// inotify on the file's directory.
struct Bell {
    inotify: Option<Inotify>,
    watched: Option<WatchDescriptor>,
    directory: PathBuf,
    name: std::ffi::OsString,
}

impl Bell {
    fn new(path: &std::path::Path) -> Bell {
        Bell {
            inotify: Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok(),
            watched: None,
            directory: path.parent().unwrap_or(path).to_owned(),
            name: path.file_name().unwrap_or_default().to_owned(),
        }
    }

    /// Watches the directory that is at the path now. The kernel gives the same descriptor for the same directory, so
    /// asking each time costs little, and finds a directory that was exchanged.
    fn hang(&mut self) {
        let Some(inotify) = &self.inotify else { return };
        let events = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MODIFY
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_ATTRIB
            | AddWatchFlags::IN_ONLYDIR
            | AddWatchFlags::IN_DONT_FOLLOW;
        let now = inotify.add_watch(&self.directory, events).ok();
        if let Some(before) = self.watched.filter(|before| Some(*before) != now) {
            let _ = inotify.rm_watch(before);
        }
        self.watched = now;
    }

    /// Waits until something happens in the directory, at most `milliseconds`. Says whether a writer closed the file or
    /// renamed it into place.
    fn wait(&self, milliseconds: u16) -> bool {
        let timeout = PollTimeout::from(milliseconds);
        let Some(inotify) = &self.inotify else {
            std::thread::sleep(Duration::from_millis(milliseconds.into()));
            return false;
        };
        let mut descriptors = [PollFd::new(inotify.as_fd(), PollFlags::POLLIN)];
        match poll(&mut descriptors, timeout) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => return false,
            Ok(_) => {}
            Err(_) => {
                std::thread::sleep(Duration::from_millis(milliseconds.into()));
                return false;
            }
        }
        let done = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVED_TO;
        let mut complete = false;
        while let Ok(events) = inotify.read_events() {
            for event in events.iter().filter(|event| event.name.as_ref() == Some(&self.name)) {
                // The last word counts: another writer may have begun meanwhile.
                if event.mask.intersects(done) {
                    complete = true;
                } else if event.mask.contains(AddWatchFlags::IN_MODIFY) {
                    complete = false;
                }
            }
        }
        complete
    }
}

#[cfg(test)]
mod tests;
