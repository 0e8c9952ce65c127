//! One ending, from the first freeze to the last process gone. A state machine that is stepped with the process table and the time, so
//! that many can end at once on one look at /proc.
//!
//! Freeze (SIGSTOP) until nothing new appears; then HUP, TERM, CONT; after the grace freeze again and KILL; done when nothing is left.
//! The processes that carry the terminal (the leader and its like-named children: sshd's) are spared until the others are gone or a
//! moment has passed, so that the last words reach the person.

use std::time::{Duration, Instant};

use super::claim::Claim;
use super::process::{ProcessId, Table};
use super::signals::Signals;

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How many processes there were in all.
    pub processes: usize,
    /// Those that did not end when asked and were killed: number and name; the first 16.
    pub killed: Vec<(i32, String)>,
    /// How many more were.
    pub more_killed: usize,
    /// How long it took.
    pub took: Duration,
}

/// What an ending wants next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// To be stepped again after this time, with a fresh table.
    Again(Duration),
    /// It cannot go on: the kernel refuses signals, or a process survives SIGKILL (a broken disk, most likely). Said once; to be stepped again.
    Stuck {
        /// Why.
        why: String,
        /// When to try again.
        again: Duration,
    },
    /// Nothing is left.
    Done(Outcome),
}

/// One ending.
#[derive(Debug)]
pub struct Ending {
    /// Whose processes end. The others that are spared may change while it lasts.
    pub claim: Claim,
    _begun: Instant,
}

impl Ending {
    /// Begins. `grace` is the time from the polite to the final signal.
    pub fn new(claim: Claim, _grace: Duration, now: Instant) -> Ending {
        Ending { claim, _begun: now }
    }

    /// Goes on.
    pub fn step(&mut self, _now: Instant, _table: &Table, _signals: &mut impl Signals) -> Step {
        Step::Done(Outcome::default())
    }

    /// The members at the last step, to find their terminals.
    pub fn members(&self) -> &[ProcessId] {
        &[]
    }
}
