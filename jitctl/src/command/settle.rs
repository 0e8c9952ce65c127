//! Waiting until the daemon has read what was written: it follows the file by itself, usually within milliseconds.

use std::time::{Duration, Instant};

use jit_control::Grant;

use crate::command::grants;
use crate::context::Context;

/// The daemon looks at the file at least every second.
const PATIENCE: Duration = Duration::from_secs(2);

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(25);

/// Asks for all grants until `seen` finds what it looks for; `None` when that takes too long, or nobody answers.
pub fn until<T>(context: &Context, seen: impl Fn(&[Grant]) -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = seen(&grants::all(context, true).unwrap_or_default()) {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(PAUSE);
    }
}
