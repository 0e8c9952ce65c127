//! One alarm by the wall clock: a timerfd on CLOCK_REALTIME that also goes off when somebody sets the clock (timerfd_create(2),
//! TFD_TIMER_CANCEL_ON_SET) and after the host was asleep. When it goes off the time is read again, so it may go off for nothing.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The longest wait that is set: a timer that is not set at all would not go off when somebody sets the clock, and one that is centuries
/// ahead is none that the kernel can count.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Shows tokio the timer's descriptor.
#[derive(Debug)]
struct Watched(TimerFd);

impl AsRawFd for Watched {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// The alarm.
#[derive(Debug)]
pub struct Alarm(AsyncFd<Watched>);

impl Alarm {
    /// Makes one that is not set. Within a tokio runtime.
    ///
    /// # Errors
    /// When the kernel says no.
    #[allow(
        deprecated,
        reason = "the new name is unsafe; what it asks for, Watched keeps: one descriptor, open as long as the value"
    )]
    pub fn new() -> io::Result<Alarm> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_REALTIME, flags)?;
        Ok(Alarm(AsyncFd::with_interest(Watched(timer), Interest::READABLE)?))
    }

    /// Goes off after `wait`, or never; another setting is forgotten. A wait of more than a day, and none, goes off after a day, for
    /// nothing: whoever waits longer sets it again then.
    ///
    /// # Errors
    /// When the kernel says no.
    pub fn set(&mut self, wait: Option<Duration>) -> io::Result<()> {
        // By absolute time, since only so the kernel tells of a clock that was set. Should it be set between this line and the next,
        // nobody tells: the warden looks every second anyway.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // All zeros would mean none.
        let at =
            now.saturating_add(wait.map_or(LONGEST, |wait| wait.min(LONGEST))).max(Duration::from_nanos(1));
        let flags = TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
        self.0.get_ref().0.set(Expiration::OneShot(TimeSpec::from_duration(at)), flags)?;
        Ok(())
    }

    /// Waits until it goes off. May be dropped and called again without losing anything.
    ///
    /// # Errors
    /// When the kernel has taken the timer away, which it does not.
    pub async fn ring(&mut self) -> io::Result<()> {
        loop {
            let mut ready = self.0.readable().await?;
            // ECANCELED, the clock was set, is Ok as well; nothing to read means that it was set again after it had gone off.
            if let Ok(rung) = ready.try_io(|timer| timer.get_ref().0.wait().map_err(io::Error::from)) {
                return rung;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::runtime::Builder;
    use tokio::time::timeout;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    fn run<T>(test: impl Future<Output = T>) -> T {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
    }

    // That it goes off when somebody sets the clock cannot be shown here: it is the machine's own clock, and libfaketime does not reach
    // a timerfd.

    #[test]
    fn goes_off_after_the_wait_and_not_before() {
        run(async {
            let mut alarm = Alarm::new().unwrap();
            let begun = Instant::now();
            alarm.set(Some(Duration::from_millis(50))).unwrap();
            timeout(LONG, alarm.ring()).await.unwrap().unwrap();
            assert!(begun.elapsed() >= Duration::from_millis(49));
        });
    }

    #[test]
    fn the_past_goes_off_at_once_and_once() {
        run(async {
            let mut alarm = Alarm::new().unwrap();
            alarm.set(Some(Duration::ZERO)).unwrap();
            timeout(LONG, alarm.ring()).await.unwrap().unwrap();
            timeout(Duration::from_millis(20), alarm.ring()).await.unwrap_err();
        });
    }

    #[test]
    fn another_setting_is_forgotten() {
        run(async {
            let mut alarm = Alarm::new().unwrap();
            alarm.set(Some(Duration::ZERO)).unwrap();
            // Long enough for tokio to see that it went off.
            timeout(Duration::from_millis(20), std::future::pending::<()>()).await.unwrap_err();
            alarm.set(None).unwrap();
            timeout(Duration::from_millis(20), alarm.ring()).await.unwrap_err();
            alarm.set(Some(Duration::ZERO)).unwrap();
            timeout(LONG, alarm.ring()).await.unwrap().unwrap();
        });
    }

    #[test]
    fn a_ring_that_was_not_waited_for_is_not_lost() {
        run(async {
            let mut alarm = Alarm::new().unwrap();
            alarm.set(Some(Duration::from_millis(300))).unwrap();
            // Listened to once, and given up.
            tokio::select! {
                biased;
                rung = alarm.ring() => panic!("{rung:?}"),
                () = std::future::ready(()) => {}
            }
            timeout(LONG, alarm.ring()).await.unwrap().unwrap();
        });
    }
}
