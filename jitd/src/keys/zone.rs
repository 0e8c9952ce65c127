//! Times as sshd(8) reads them in `expiry-time`: in the time zone of the host. `Z` behind them, for UTC, is understood since OpenSSH
//! 9.1 only; RHEL 9 has 8.7 and Ubuntu 22.04 has 8.9, and refuse the whole line.
//!
//! When clocks are set back, an hour has each of its times twice, and sshd takes the one or the other. An end within that hour is
//! written as the end of it: sshd asks for the keys at each login, so a time that is a little late opens nothing, while one that
//! is early would keep somebody out.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp as Instant};
use jit_model::time::Timestamp;

/// Where a host says in which time zone it is: a file of RFC 9636.
const LOCALTIME: &str = "/etc/localtime";

/// A file of a time zone has a few KiB.
const MOST_BYTES: u64 = 1 << 20;

/// The last time that is written: later ones do not have four digits for their year everywhere.
const LAST: i64 = 253_370_764_800;

/// The time zone of this host.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    /// As it is now: sshd, which is started anew for each connection, reads it then, too. As with libc, it is UTC if there is none.
    pub fn of_host() -> Zone {
        Zone::at(Path::new(LOCALTIME))
    }

    fn at(path: &Path) -> Zone {
        let read = || {
            let mut bytes = Vec::new();
            File::open(path)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
            std::io::Result::Ok(bytes)
        };
        let zone = read().ok().and_then(|bytes| TimeZone::tzif("localtime", &bytes).ok());
        Zone(zone.unwrap_or(TimeZone::UTC))
    }

    #[cfg(test)]
    pub(super) fn of(zone: TimeZone) -> Zone {
        Zone(zone)
    }

    /// As `YYYYMMDDHHMMSS`.
    pub fn write(&self, at: Timestamp) -> String {
        let instant = Instant::from_second(at.0.clamp(0, LAST)).unwrap_or(Instant::UNIX_EPOCH);
        let mut local = self.0.to_datetime(instant);
        // No clock was ever set back by more than a day.
        for _ in 0..24 * 60 {
            if !self.0.to_ambiguous_timestamp(local).is_ambiguous() {
                break;
            }
            let to_minute = 60 - i64::from(local.second());
            local = local.saturating_add(SignedDuration::from_secs(to_minute));
        }
        let (date, time) = (local.date(), local.time());
        format!(
            "{:04}{:02}{:02}{:02}{:02}{:02}",
            date.year(),
            date.month(),
            date.day(),
            time.hour(),
            time.minute(),
            time.second()
        )
    }

    /// `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, perhaps with `Z`. Of two points in time that it may mean, the earlier.
    pub fn read(&self, text: &str) -> Option<Timestamp> {
        let (digits, zone) = match text.strip_suffix(['Z', 'z']) {
            Some(digits) => (digits, &TimeZone::UTC),
            None => (text, &self.0),
        };
        if !matches!(digits.len(), 8 | 12 | 14) || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let year: i16 = digits.get(..4)?.parse().ok()?;
        let part = |at: usize| match digits.get(at..at + 2) {
            Some(digits) => digits.parse::<i8>().ok(),
            None => Some(0),
        };
        let local = DateTime::new(year, part(4)?, part(6)?, part(8)?, part(10)?, part(12)?, 0).ok()?;
        let instant = zone.to_ambiguous_timestamp(local).earlier().ok()?;
        Some(Timestamp(instant.as_second()))
    }
}

#[cfg(test)]
mod tests;
