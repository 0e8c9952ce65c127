//! The one place that reads the real clocks.

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jit_model::time::{Span, Timestamp};
use nix::time::{ClockId, clock_gettime};

use super::{BootId, Clock, Moment, Now, Reading};

/// Why the clocks cannot be read at the start. The daemon then cannot judge, and should say so and not start.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// The kernel's boot id is missing or no UUID.
    #[error("/proc/sys/kernel/random/boot_id cannot be read ({0}); jitd needs /proc")]
    BootId(String),
    /// A clock cannot be read.
    #[error("the system's clocks cannot be read: {0}")]
    Clock(#[from] nix::Error),
}

/// The clock of this host, shared by all threads.
pub struct SystemClock {
    boot: BootId,
    clock: Mutex<Clock>,
}

impl SystemClock {
    /// Begins from the latest moment that was kept on disk.
    ///
    /// # Errors
    /// When the clocks or the boot id cannot be read.
    pub fn start(ratchet: Option<Moment>) -> Result<SystemClock, ClockError> {
        let text = fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .map_err(|error| ClockError::BootId(error.to_string()))?;
        let boot = BootId::parse(&text).ok_or_else(|| ClockError::BootId("no UUID".to_owned()))?;
        let clock = Clock::new(ratchet, read(boot)?);
        Ok(SystemClock { boot, clock: Mutex::new(clock) })
    }

    /// Which boot this is.
    pub fn boot(&self) -> BootId {
        self.boot
    }

    /// What time it is.
    pub fn now(&self) -> Now {
        self.current().now()
    }

    /// See [`Clock::witness`].
    pub fn witness(&self, at: Timestamp) -> Now {
        self.current().witness(at)
    }

    /// See [`Clock::accept`].
    pub fn accept(&self) -> Now {
        self.current().accept()
    }

    /// See [`Clock::moment`].
    pub fn moment(&self) -> Moment {
        self.current().moment()
    }

    /// How long until `at` by the settled time, as long as it just runs on; to the millisecond. Zero when it is reached.
    pub fn until(&self, at: Timestamp) -> Duration {
        let left = at.0.saturating_mul(1000).saturating_sub(self.moment().settled_ms);
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }

    /// See [`Clock::age`].
    pub fn age(&self, moment: &Moment) -> Span {
        self.current().age(moment)
    }

    /// See [`Clock::restate`].
    pub fn restate(&self, moment: &Moment) -> Moment {
        self.current().restate(moment)
    }

    /// See [`Clock::login_time_of`].
    pub fn login_time_of(&self, moment: &Moment) -> Timestamp {
        self.current().login_time_of(moment)
    }

    /// The state machine after a fresh reading. A clock that could be read at the start can be read now (clock_gettime
    /// fails only for clocks that do not exist); if not, the last reading stands, and time just stands still. The
    /// state is whole whatever panicked: each change is an assignment.
    fn current(&self) -> MutexGuard<'_, Clock> {
        let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(reading) = read(self.boot) {
            clock.observe(reading);
        }
        clock
    }
}

fn read(boot: BootId) -> Result<Reading, nix::Error> {
    Ok(Reading { wall_ms: millis(ClockId::CLOCK_REALTIME)?, boot_ms: millis(ClockId::CLOCK_BOOTTIME)?, boot })
}

fn millis(clock: ClockId) -> Result<i64, nix::Error> {
    let time = clock_gettime(clock)?;
    Ok(time.tv_sec().saturating_mul(1000).saturating_add(time.tv_nsec() / 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_this_host() {
        let clock = SystemClock::start(None).unwrap();
        let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let now = clock.now();
        assert!(now.login.0 >= i64::try_from(wall.as_secs()).unwrap());
        assert_eq!(now.concern, None);
        assert_eq!(clock.age(&clock.moment()), Span(0));
        assert_ne!(clock.boot(), BootId::default());
    }

    #[test]
    fn tells_how_long_until_a_settled_time() {
        // A host that has witnessed a time ten days ahead of its wall clock: that is the time that counts.
        let mut ahead = SystemClock::start(None).unwrap().moment();
        ahead.settled_ms += 10 * 86_400_000;
        let clock = SystemClock::start(Some(ahead)).unwrap();
        let settled = clock.now().settled;
        let wait = clock.until(settled.plus(Span(100)));
        assert!(wait > Duration::from_secs(90) && wait <= Duration::from_secs(100), "{wait:?}");
        assert_eq!(clock.until(settled), Duration::ZERO);
        assert_eq!(clock.until(Timestamp(i64::MIN)), Duration::ZERO);
        assert!(clock.until(Timestamp(i64::MAX)) > Duration::from_secs(1 << 40));
    }

    #[test]
    fn goes_on_from_what_was_kept() {
        let first = SystemClock::start(None).unwrap();
        let kept = first.moment();
        let second = SystemClock::start(Some(kept)).unwrap();
        assert!(second.now().settled >= kept.settled());
    }
}
