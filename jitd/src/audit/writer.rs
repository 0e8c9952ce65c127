//! The thread that writes: takes what is queued, tells syslog, appends it all in one batch, and forces it to disk within a
//! second. What cannot be written is held, within bounds, and tried again.

use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::event::Event;
use super::file::File;
use super::{QUEUE, Queue, Record, Shared};
use crate::clock::BootId;
use crate::syslog::Severity;

/// The most events held while the file cannot be written. A decision takes about 1 KiB.
const HELD: usize = 16_384;
/// The most events in one batch.
const BATCH: usize = 256;
/// How soon a batch is forced to disk.
const SYNC: Duration = Duration::from_secs(1);
/// How long the writer stays awake after a batch, so that a burst of logins becomes few batches and no answer pays for waking it.
const LINGER: Duration = Duration::from_millis(3);
/// The pause before a failed batch is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Writes until the audit is closed. Should the writer ever panic, what it held is lost, which is said aloud, and another
/// one goes on.
pub(super) fn run(path: &Path, boot: BootId, shared: &Shared) {
    loop {
        let writer = Writer::new(File::new(path.to_owned(), boot));
        if panic::catch_unwind(AssertUnwindSafe(|| writer.run(shared))).is_ok() {
            return;
        }
        shared.syslog.send(
            Severity::Alert,
            "the audit's writer failed and begins anew; events are lost; please report this",
        );
        let mut queue = shared.lock();
        queue.unwritten = queue.unwritten.saturating_add(1);
        queue.health.lost = queue.health.lost.saturating_add(1);
    }
}

struct Writer {
    file: File,
    held: VecDeque<Record>,
    /// How many were given up for want of room and not yet confessed in the file.
    lost: u64,
    /// When to try again after a failure.
    again: Option<Instant>,
    /// Since when something is not forced to disk.
    dirty: Option<Instant>,
    failing: bool,
    last: Option<Record>,
}

/// What the queue had for the writer.
struct Taken {
    records: VecDeque<Record>,
    up_to: u64,
    reopen: bool,
    hurry: bool,
    closing: bool,
}

impl Writer {
    fn new(file: File) -> Writer {
        let held = VecDeque::new();
        Writer { file, held, lost: 0, again: None, dirty: None, failing: false, last: None }
    }

    fn run(mut self, shared: &Shared) {
        loop {
            let taken = self.take(shared);
            // Syslog first: it is there even if the disk hangs.
            for record in &taken.records {
                let (severity, text) = record.event.for_syslog();
                shared.syslog.send(severity, &text);
            }
            if taken.reopen {
                self.file.reopen();
            }
            self.hold(taken.records, shared);
            let now = Instant::now();
            let pause_over = self.again.is_none_or(|again| again <= now);
            if pause_over || taken.hurry || taken.closing {
                self.write(shared);
            }
            if self.dirty.is_some_and(|since| since + SYNC <= now) || taken.hurry || taken.closing {
                self.sync(shared);
            }
            let mut queue = shared.lock();
            queue.health.held = self.held.len();
            if self.held.is_empty() && self.dirty.is_none() {
                queue.done = queue.done.max(taken.up_to);
            }
            drop(queue);
            shared.changed.notify_all();
            if taken.closing {
                return;
            }
        }
    }

    /// Waits for something to do.
    fn take(&self, shared: &Shared) -> Taken {
        let mut queue = shared.lock();
        // What came while the last batch was written waits this long, unless somebody is in a hurry.
        let calm = |queue: &mut Queue| !(queue.hurry || queue.closing || queue.records.len() >= QUEUE / 2);
        let lingered = shared.changed.wait_timeout_while(queue, LINGER, calm);
        queue = lingered.unwrap_or_else(PoisonError::into_inner).0;
        loop {
            let now = Instant::now();
            let due = [self.again, self.dirty.map(|since| since + SYNC)].into_iter().flatten().min();
            let work = !queue.records.is_empty()
                || queue.reopen
                || queue.hurry
                || queue.closing
                || queue.unwritten > 0;
            if work || due.is_some_and(|due| due <= now) {
                queue.stalled = false;
                queue.asleep = false;
                let taken = Taken {
                    records: std::mem::take(&mut queue.records),
                    up_to: queue.put,
                    reopen: std::mem::take(&mut queue.reopen),
                    hurry: std::mem::take(&mut queue.hurry),
                    closing: queue.closing,
                };
                shared.changed.notify_all();
                return taken;
            }
            queue.asleep = true;
            queue = match due {
                None => shared.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(due) => {
                    let waited = shared.changed.wait_timeout(queue, due.saturating_duration_since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Takes records over; those for which there is no room any more, the oldest, are given up.
    fn hold(&mut self, records: VecDeque<Record>, shared: &Shared) {
        self.last = records.back().cloned().or(self.last.take());
        self.held.extend(records);
        let excess = self.held.len().saturating_sub(HELD);
        let mut given_up = 0_u64;
        for record in self.held.drain(..excess) {
            match record.event {
                // What it confesses has been counted already, and must still be confessed.
                Event::Lost { count } => self.lost = self.lost.saturating_add(count),
                _ => given_up = given_up.saturating_add(1),
            }
        }
        let mut queue = shared.lock();
        queue.health.lost = queue.health.lost.saturating_add(given_up);
        let unwritten = std::mem::take(&mut queue.unwritten);
        drop(queue);
        self.lost = self.lost.saturating_add(given_up).saturating_add(unwritten);
    }

    fn write(&mut self, shared: &Shared) {
        if self.lost > 0 {
            // Before the events that are left: those that are lost are older.
            if let Some(last) = self.held.front().or(self.last.as_ref()).cloned() {
                self.held.push_front(Record { event: Event::Lost { count: self.lost }, ..last });
                self.lost = 0;
            }
        }
        while !self.held.is_empty() {
            let count = self.held.len().min(BATCH);
            let batch = self.held.make_contiguous().get(..count).unwrap_or_default();
            match self.file.append(batch) {
                Ok(()) => {
                    self.held.drain(..count);
                    self.dirty.get_or_insert_with(Instant::now);
                }
                Err(error) => return self.failed(shared, &error),
            }
        }
        self.worked(shared);
    }

    fn sync(&mut self, shared: &Shared) {
        if self.dirty.is_none() {
            return;
        }
        match self.file.sync() {
            Ok(()) => self.dirty = None,
            Err(error) => {
                // The kernel has dropped what it could not write (fsync(2)): there is nothing to try again.
                self.dirty = None;
                self.failed(shared, &error);
            }
        }
    }

    fn failed(&mut self, shared: &Shared, error: &std::io::Error) {
        self.again = Some(Instant::now() + PAUSE);
        let text = format!("the audit file {} cannot be written: {error}", self.file.path().display());
        if !self.failing {
            self.failing = true;
            let alert = format!("{text}; events are held in memory and go to syslog; free space or mend it");
            shared.syslog.send(Severity::Alert, &alert);
        }
        shared.lock().health.trouble = Some(text);
    }

    fn worked(&mut self, shared: &Shared) {
        self.again = None;
        if self.failing {
            self.failing = false;
            shared.lock().health.trouble = None;
            let text = format!("the audit file {} is written again", self.file.path().display());
            shared.syslog.send(Severity::Notice, &text);
        }
    }
}
