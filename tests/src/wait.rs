//! Waiting for a condition instead of for a while.

use std::thread;
use std::time::{Duration, Instant};

use crate::trouble::{Result, Trouble};

/// How often a condition is looked at. Conditions are cheap: a file, a socket, a process.
const STEP: Duration = Duration::from_millis(5);

/// Returns as soon as `condition` holds.
///
/// # Errors
/// When it does not within `limit`; the limit only ends a hopeless wait and is never what is tested.
pub fn until(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) -> Result<()> {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > limit {
            return Err(Trouble::new(format!("waited {} s in vain until {what}", limit.as_secs())));
        }
        thread::sleep(STEP);
    }
    Ok(())
}
