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
