//! Times as people read them: UTC, RFC 3339 or shorter. Civil-calendar arithmetic only; no time zone data base.

use crate::time::Timestamp;

/// Year, month, day, hour, minute, second in UTC (Hinnant's days-from-civil, inverted).
pub fn civil(at: Timestamp) -> (i64, u32, u32, u32, u32, u32) {
    let (days, seconds) = (at.0.div_euclid(86_400), at.0.rem_euclid(86_400));
    let z = days.saturating_add(719_468);
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    let small = |n: i64| u32::try_from(n).unwrap_or(0);
    (year, small(month), small(day), small(seconds / 3_600), small(seconds / 60 % 60), small(seconds % 60))
}

/// `2026-11-22T15:04:05Z` (RFC 3339).
pub fn rfc3339(at: Timestamp) -> String {
    let (y, mo, d, h, mi, s) = civil(at);
    format!("{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}Z")
}

/// `2026-11-22 15:04 UTC`.
pub fn clock_time(at: Timestamp) -> String {
    let (y, mo, d, h, mi, _) = civil(at);
    format!("{y:04}-{mo:02}-{d:02} {h:02}:{mi:02} UTC")
}

/// Words from a directory as they may reach a terminal or a log line: printable ASCII, anything else as `?`, at most 120
/// characters.
pub fn plain(text: &str) -> String {
    plain_within(text, 120)
}

/// The same of a sentence of ours that has such words in it, at most this many characters.
pub fn plain_within(text: &str, most: usize) -> String {
    let plain = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    let mut words: String = text.chars().take(most).map(plain).collect();
    if text.chars().nth(most).is_some() {
        words.push_str("...");
    }
    words
}

/// The point in time that these civil fields name in UTC; `None` if there is no such day or time (30 February, 24:00,
/// a leap second). The inverse of [`civil`].
pub fn at_civil(year: i64, month: u32, day: u32, hour: u32, minute: u32, second: u32) -> Option<Timestamp> {
    if !(0..=9999).contains(&year) || !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let mp = i64::from((month + 9) % 12);
    let doy = (153 * mp + 2) / 5 + i64::from(day) - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    let days = era * 146_097 + doe - 719_468;
    let at = Timestamp(days * 86_400 + i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second));
    (civil(at) == (year, month, day, hour, minute, second)).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_and_back() {
        for at in [0, -1, 951_782_400, 1_709_164_799, 1_795_000_000, 4_102_444_799, 253_402_300_799] {
            let (y, mo, d, h, mi, s) = civil(Timestamp(at));
            assert_eq!(at_civil(y, mo, d, h, mi, s), Some(Timestamp(at)), "{at}");
        }
        assert_eq!(at_civil(2026, 11, 22, 15, 4, 5).map(rfc3339).as_deref(), Some("2026-11-22T15:04:05Z"));
    }

    #[test]
    fn no_such_day() {
        for (y, mo, d, h, mi, s) in [
            (2026, 2, 29, 0, 0, 0),
            (2026, 4, 31, 0, 0, 0),
            (2026, 13, 1, 0, 0, 0),
            (2026, 1, 0, 0, 0, 0),
            (2026, 1, 1, 24, 0, 0),
            (2026, 1, 1, 0, 0, 60),
        ] {
            assert_eq!(at_civil(y, mo, d, h, mi, s), None, "{y}-{mo}-{d} {h}:{mi}:{s}");
        }
    }
}
