//! Reads all there is, each line once, however often it was collected. What cannot be read is named, and the rest goes on.

use std::cell::RefCell;

use jit_control::audit::Unread;

use super::event::{self, Head, Trouble};
use super::input::Input;
use super::lines::{Raw, each};
use super::numbers::{Line, Novelty, Numbers};

/// How many lines that cannot be read are named one by one.
const NAMED: usize = 1000;

/// What reading came to.
#[derive(Debug, Default)]
pub struct Reading {
    /// The numbers of all lines that could be read.
    pub numbers: Numbers,
    /// Lines that were read, each counted once.
    pub lines: u64,
    /// What could not be read; the first of it.
    pub unread: Vec<Unread>,
    /// How much more.
    pub more_unread: u64,
    /// Whole files that could not be read, or not to their end.
    pub broken_files: u64,
}

/// A line that was read.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Its bytes.
    pub raw: &'a Raw<'a>,
    /// What is in every line.
    pub head: &'a Head<'a>,
    /// When, in Unix seconds.
    pub time: i64,
}

impl Reading {
    fn name(&mut self, unread: Unread) {
        match self.unread.len() < NAMED {
            true => self.unread.push(unread),
            false => self.more_unread = self.more_unread.saturating_add(1),
        }
    }
}

/// Reads it all; `see` is handed each line once.
pub fn read(input: &Input, mut see: impl FnMut(&Told<'_>) -> Result<(), Trouble>) -> Reading {
    let mut first =
        Reading { broken_files: u64::try_from(input.unread.len()).unwrap_or(u64::MAX), ..Reading::default() };
    input.unread.iter().for_each(|unread| first.name(unread.clone()));
    let reading = RefCell::new(first);
    for series in &input.series {
        each(
            series,
            |raw| {
                let mut reading = reading.borrow_mut();
                if let Err(trouble) = line(raw, &mut reading, &mut see) {
                    let file = raw.file.display().to_string();
                    reading.name(Unread { file, line: Some(raw.number), text: trouble.to_string() });
                }
            },
            |path, line, text| {
                let mut reading = reading.borrow_mut();
                reading.broken_files = reading.broken_files.saturating_add(1);
                reading.name(Unread { file: path.display().to_string(), line, text });
            },
        );
    }
    reading.into_inner()
}

fn line(
    raw: &Raw<'_>,
    reading: &mut Reading,
    see: &mut impl FnMut(&Told<'_>) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    let head = event::head(raw)?;
    let time = event::time(&head)?;
    let line = Line {
        host: &head.host,
        boot: &head.boot,
        seq: head.seq,
        prev: &head.prev,
        hash: &raw.hash,
        time,
        event: &head.event,
    };
    // A second line with one number is read as well: which of them is jitd's cannot be told, and Numbers names it.
    if reading.numbers.see(line) == Novelty::Again {
        return Ok(());
    }
    reading.lines = reading.lines.saturating_add(1);
    event::known(&head)?;
    if head.event == "lost" {
        let lost: event::Lost = event::body(raw, &head)?;
        reading.numbers.lost(line, lost.count);
    }
    see(&Told { raw, head: &head, time })
}
