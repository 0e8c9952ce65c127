//! What time it is by now: a command that asks a person takes as long as he does, and what he signs must say when he signed it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jit_model::time::{Span, Timestamp};

/// Runs from the wall clock's time at which a command began; a clock that is set meanwhile moves nothing.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    at: Timestamp,
    /// The part of that second which was over: without it we would be behind a directory that counts by the same clock.
    over: Duration,
    since: Instant,
}

impl Stopwatch {
    /// It is this second.
    pub fn from(now: Timestamp) -> Stopwatch {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Where the second has just passed, the whole of what is over since it began.
        let whole = Duration::from_secs(u64::try_from(now.0).unwrap_or(0));
        let over = clock.checked_sub(whole).filter(|over| over.as_secs() < 2);
        Stopwatch { at: now, over: over.unwrap_or_default(), since: Instant::now() }
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.at.plus(Span(self.over.saturating_add(self.since.elapsed()).as_secs()))
    }
}
