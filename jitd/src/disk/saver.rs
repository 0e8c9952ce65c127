//! A thread that writes one file, so that nobody who answers or assesses ever waits for a disk.
//!
//! It holds only the newest value: while a write runs, later values replace each other, so a slow disk makes fewer writes,
//! not a queue. What must not be lost is written at once; the rest at most once a second. A write that fails is tried
//! again with growing pauses, and the daemon goes on with what it has in memory.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Kind, WriteError, write};

/// How soon a value must be on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Within a minute of the last write: only a time moved on.
    Lazy,
    /// Within a second of the last write: something was added.
    Soon,
    /// At once: something was taken away, and must stay away after a crash.
    Now,
}

/// Least time between two writes of what may wait.
const GAP: Duration = Duration::from_secs(1);
/// The same for what may wait longer.
const LAZY_GAP: Duration = Duration::from_secs(60);
/// The longest pause before a failed write is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What happened to a file, told when it changes.
#[derive(Debug)]
pub enum Outcome {
    /// Writing has begun to fail; it is tried again.
    Failing(WriteError),
    /// Writing works again.
    Recovered(PathBuf),
}

type Encode = Box<dyn FnOnce() -> Result<Vec<u8>, postcard::Error> + Send>;

#[derive(Default)]
struct Slot {
    /// What is to be written next.
    next: Option<(Encode, Instant)>,
    /// How many values were put, and up to which of them the disk is up to date.
    put: u64,
    saved: u64,
    last_write: Option<Instant>,
    trouble: Option<String>,
    closing: bool,
}

struct Shared {
    slot: Mutex<Slot>,
    changed: Condvar,
}

impl Shared {
    /// The data is whole whatever panicked: each change is one assignment.
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file and its thread. When dropped, the thread writes what is left and ends; nobody waits for it.
pub struct Saver {
    shared: Arc<Shared>,
}

impl Saver {
    /// Starts the thread. `tell` is called on it, and must not block.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        path: PathBuf,
        kind: Kind,
        tell: impl Fn(Outcome) + Send + 'static,
    ) -> std::io::Result<Saver> {
        let shared = Arc::new(Shared { slot: Mutex::default(), changed: Condvar::new() });
        let theirs = Arc::clone(&shared);
        let name = format!("save-{}", path.file_name().and_then(|n| n.to_str()).unwrap_or("file"));
        // The kernel keeps 15 bytes of a thread's name; std cuts it.
        thread::Builder::new().name(name).spawn(move || run(&theirs, &path, kind, &tell))?;
        Ok(Saver { shared })
    }

    /// Hands over the newest value; `encode` runs on the thread, and only if nothing newer comes before the write.
    pub fn put(
        &self,
        urgency: Urgency,
        encode: impl FnOnce() -> Result<Vec<u8>, postcard::Error> + Send + 'static,
    ) {
        let now = Instant::now();
        let mut slot = self.shared.lock();
        let after = |gap| slot.last_write.map_or(now, |last| last + gap).max(now);
        let due = match urgency {
            Urgency::Now => now,
            Urgency::Soon => after(GAP),
            Urgency::Lazy => after(LAZY_GAP),
        };
        let due = slot.next.as_ref().map_or(due, |(_, earlier)| due.min(*earlier));
        slot.next = Some((Box::new(encode), due));
        slot.put += 1;
        self.shared.changed.notify_all();
    }

    /// Waits until everything that was put is on disk; `false` when `patience` was not enough.
    pub fn flush(&self, patience: Duration) -> bool {
        let mut slot = self.shared.lock();
        let goal = slot.put;
        if let Some((_, due)) = &mut slot.next {
            *due = Instant::now();
            self.shared.changed.notify_all();
        }
        let waited = self.shared.changed.wait_timeout_while(slot, patience, |slot| slot.saved < goal);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Why the file is behind, if writing fails.
    pub fn trouble(&self) -> Option<String> {
        self.shared.lock().trouble.clone()
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.changed.notify_all();
    }
}

/// A value that could not be written yet.
struct Unsaved {
    bytes: Result<Vec<u8>, postcard::Error>,
    number: u64,
    pause: Duration,
    again: Instant,
}

fn run(shared: &Shared, path: &std::path::Path, kind: Kind, tell: &dyn Fn(Outcome)) {
    let mut unsaved: Option<Unsaved> = None;
    while let Some(mut job) = wait(shared, unsaved.take()) {
        let result = match &job.bytes {
            Ok(bytes) => write(path, kind, bytes),
            Err(error) => Err(WriteError::Encode { path: path.to_owned(), error: error.clone() }),
        };
        let mut slot = shared.lock();
        slot.last_write = Some(Instant::now());
        let outcome = match result {
            Ok(()) => {
                slot.saved = slot.saved.max(job.number);
                slot.trouble.take().map(|_| Outcome::Recovered(path.to_owned()))
            }
            Err(error) => {
                job.pause = (job.pause * 2).clamp(GAP, LONGEST_PAUSE);
                job.again = Instant::now() + job.pause;
                // What is left at the end is tried once more, not for ever.
                unsaved = (!slot.closing).then_some(job);
                let first = slot.trouble.is_none();
                slot.trouble = Some(error.to_string());
                first.then_some(Outcome::Failing(error))
            }
        };
        drop(slot);
        shared.changed.notify_all();
        if let Some(outcome) = outcome {
            tell(outcome);
        }
    }
}

/// Waits for the next thing to write: a new value when it is due, or the unsaved one when its pause is over. `None` at the
/// end.
fn wait(shared: &Shared, unsaved: Option<Unsaved>) -> Option<Unsaved> {
    let mut slot = shared.lock();
    loop {
        let now = Instant::now();
        let due = slot.next.as_ref().map(|(_, due)| *due);
        if due.is_some_and(|due| due <= now || slot.closing) {
            let (encode, _) = slot.next.take()?;
            let number = slot.put;
            drop(slot);
            let pause = unsaved.map_or(Duration::ZERO, |old| old.pause);
            return Some(Unsaved { bytes: encode(), number, pause, again: now });
        }
        match &unsaved {
            Some(job) if job.again <= now || slot.closing => return unsaved,
            None if slot.closing => return None,
            _ => {}
        }
        let again = unsaved.as_ref().map(|job| job.again);
        let until = [due, again].into_iter().flatten().min();
        slot = match until {
            None => shared.changed.wait(slot).unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let waited = shared.changed.wait_timeout(slot, until.saturating_duration_since(now));
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Found, read};
    use super::*;
    use std::sync::mpsc;

    const KIND: Kind = Kind { magic: *b"jit-test", version: 1, max: 64 };
    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn the_newest_value_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        let saver = Saver::start(path.clone(), KIND, |_| ()).unwrap();
        for n in 0..100u8 {
            let urgency = [Urgency::Lazy, Urgency::Soon, Urgency::Now][usize::from(n) % 3];
            saver.put(urgency, move || Ok(vec![n]));
        }
        assert!(saver.flush(PATIENCE));
        assert_eq!(read(&path, KIND), Found::Whole(vec![99]));
    }

    #[test]
    fn what_may_wait_waits_and_what_must_not_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let saver = Saver::start(dir.path().join("store"), KIND, |_| ()).unwrap();
        let (encoded, written) = mpsc::channel();
        let put = |urgency, n: u8| {
            let encoded = encoded.clone();
            saver.put(urgency, move || {
                encoded.send(n).unwrap();
                Ok(vec![n])
            });
        };
        put(Urgency::Now, 1);
        assert!(saver.flush(PATIENCE));
        put(Urgency::Lazy, 2); // due in a minute,
        put(Urgency::Soon, 3); // but this one in a second, so
        put(Urgency::Now, 4); // only this one is ever encoded: it replaces the others before they are due.
        assert!(saver.flush(PATIENCE));
        let written: Vec<u8> = written.try_iter().collect();
        assert_eq!(written.last(), Some(&4));
        assert!(!written.contains(&2), "replaced before its time: {written:?}");
    }

    #[test]
    fn what_is_urgent_stays_urgent_when_something_newer_may_wait() {
        let dir = tempfile::tempdir().unwrap();
        let saver = Saver::start(dir.path().join("store"), KIND, |_| ()).unwrap();
        let ((go, gone), (encoded, written)) = (mpsc::channel::<()>(), mpsc::channel());
        let (begin, begun) = mpsc::channel();
        saver.put(Urgency::Now, || Ok(vec![0]));
        assert!(saver.flush(PATIENCE));
        saver.put(Urgency::Now, move || {
            begin.send(()).unwrap();
            gone.recv().unwrap();
            Ok(vec![1])
        });
        begun.recv_timeout(PATIENCE).unwrap();
        // While the thread is busy with the first: a removal, and then something that alone would wait a minute.
        saver.put(Urgency::Now, || Ok(vec![2]));
        saver.put(Urgency::Lazy, move || {
            encoded.send(()).unwrap();
            Ok(vec![3])
        });
        go.send(()).unwrap();
        written.recv_timeout(PATIENCE / 2).unwrap();
    }

    #[test]
    fn failure_is_told_once_and_mended() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("later/store");
        let (tell, told) = mpsc::channel();
        let saver = Saver::start(path.clone(), KIND, move |outcome| {
            tell.send(matches!(outcome, Outcome::Failing(_))).unwrap();
        })
        .unwrap();
        saver.put(Urgency::Now, || Ok(vec![1]));
        assert!(told.recv_timeout(PATIENCE).unwrap(), "it fails");
        assert!(saver.trouble().unwrap().contains("later/store"));
        std::fs::create_dir(dir.path().join("later")).unwrap();
        saver.put(Urgency::Now, || Ok(vec![2]));
        assert!(saver.flush(PATIENCE));
        assert!(!told.recv_timeout(PATIENCE).unwrap(), "it works again");
        assert_eq!(saver.trouble(), None);
        assert_eq!(read(&path, KIND), Found::Whole(vec![2]));
    }

    #[test]
    fn an_unwritten_value_is_tried_again_by_itself() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("later/store");
        let (tell, told) = mpsc::channel();
        let saver = Saver::start(path.clone(), KIND, move |outcome| {
            tell.send(matches!(outcome, Outcome::Failing(_))).unwrap();
        })
        .unwrap();
        saver.put(Urgency::Now, || Ok(vec![7]));
        assert!(told.recv_timeout(PATIENCE).unwrap());
        std::fs::create_dir(dir.path().join("later")).unwrap();
        assert!(!told.recv_timeout(PATIENCE).unwrap());
        assert_eq!(read(&path, KIND), Found::Whole(vec![7]));
    }

    #[test]
    fn dropping_it_writes_what_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        let (done, ended) = mpsc::channel::<()>();
        let saver = Saver::start(path.clone(), KIND, move |_| {
            let _ = &done;
        })
        .unwrap();
        saver.put(Urgency::Now, || Ok(vec![1]));
        assert!(saver.flush(PATIENCE));
        saver.put(Urgency::Lazy, || Ok(vec![2]));
        drop(saver);
        assert!(ended.recv_timeout(PATIENCE).is_err_and(|e| e == mpsc::RecvTimeoutError::Disconnected));
        assert_eq!(read(&path, KIND), Found::Whole(vec![2]));
    }
}
