//! What time it is by now: a command that asks a person takes as long as he does, and what he signs must say when he signed it.

use std::time::Instant;

use jit_model::time::{Span, Timestamp};

/// Runs from the wall clock's time at which a command began; a clock that is set meanwhile moves nothing.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    at: Timestamp,
    since: Instant,
}

impl Stopwatch {
    /// It is `now`.
    pub fn from(now: Timestamp) -> Stopwatch {
        Stopwatch { at: now, since: Instant::now() }
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.at.plus(Span(self.since.elapsed().as_secs()))
    }
}
