//! Whether every thread that answers still does: each counts its own seconds, and the service manager's watchdog is told only
//! while all of them go on. A daemon that hangs is started again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Between two beats.
const BEAT: Duration = Duration::from_secs(1);

/// One thread's. Does nothing where no watchdog wants to know.
pub struct Pulse(Option<Arc<AtomicU64>>);

impl Pulse {
    /// Counts one.
    pub fn count(&self) {
        if let Some(count) = &self.0 {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts for ever, as a task of the thread's runtime.
    pub async fn beat(self) {
        while self.0.is_some() {
            self.count();
            tokio::time::sleep(BEAT).await;
        }
    }
}

/// The service manager's watchdog (WatchdogSec= in systemd.service(5)).
pub struct Watchdog {
    every: Option<Duration>,
    pulses: Vec<(Arc<AtomicU64>, u64)>,
    told: Instant,
}

impl Watchdog {
    /// The manager's, if it has one for us.
    pub fn of_manager() -> Watchdog {
        Watchdog::every(sd_notify::watchdog_enabled())
    }

    fn every(timeout: Option<Duration>) -> Watchdog {
        // Half of the time that the manager waits, as sd_watchdog_enabled(3) advises.
        Watchdog { every: timeout.map(|timeout| timeout / 2), pulses: Vec::new(), told: Instant::now() }
    }

    /// A pulse that must go on.
    pub fn pulse(&mut self) -> Pulse {
        if self.every.is_none() {
            return Pulse(None);
        }
        let count = Arc::new(AtomicU64::new(0));
        self.pulses.push((Arc::clone(&count), 0));
        Pulse(Some(count))
    }

    /// Tells the manager, if it is time and every pulse went on since it was last told.
    pub fn tell(&mut self) {
        if self.is_due(Instant::now()) {
            crate::manager::alive();
        }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let Some(every) = self.every else { return false };
        if now.saturating_duration_since(self.told) < every {
            return false;
        }
        if self.pulses.iter().any(|(count, last)| count.load(Ordering::Relaxed) == *last) {
            return false;
        }
        self.told = now;
        for (count, last) in &mut self.pulses {
            *last = count.load(Ordering::Relaxed);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_dead_thread_silences_the_daemon() {
        let mut watchdog = Watchdog::every(Some(Duration::from_secs(10)));
        let (Pulse(Some(a)), Pulse(Some(b))) = (watchdog.pulse(), watchdog.pulse()) else { panic!() };
        let start = watchdog.told;
        let at = |seconds| start + Duration::from_secs(seconds);
        a.fetch_add(1, Ordering::Relaxed);
        b.fetch_add(1, Ordering::Relaxed);
        assert!(!watchdog.is_due(at(1)));
        assert!(watchdog.is_due(at(5)));
        a.fetch_add(1, Ordering::Relaxed);
        assert!(!watchdog.is_due(at(10)), "b hangs");
        b.fetch_add(1, Ordering::Relaxed);
        assert!(watchdog.is_due(at(11)));
    }

    #[test]
    fn without_a_watchdog_nothing_beats() {
        let mut watchdog = Watchdog::every(None);
        assert!(watchdog.pulse().0.is_none());
        assert!(!watchdog.is_due(watchdog.told + Duration::from_secs(100)));
    }
}
