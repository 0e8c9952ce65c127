//! Times as people type them and as they like to read them: always UTC, always with how long that is from now. Never
//! guesses a zone: a time without one is refused.

use jit_model::text;
use jit_model::time::{Span, Timestamp};

/// Why a text is no time.
const HELP: &str = "write 2026-11-22T15:00Z, 15:00 (the next time a UTC clock shows it), or now+2h";

/// Reads a time as typed: RFC 3339 (seconds may be left out, a fraction is dropped), `HH:MM`, `now`, `now+2h`, `now-10m`.
///
/// # Errors
/// A sentence that says what would do.
pub fn parse(typed: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Some(rest) = typed.strip_prefix("now") {
        return from_now(rest, now).ok_or_else(|| format!("`{typed}` is no time: {HELP}"));
    }
    if let Some((hour, minute)) = hour_minute(typed) {
        let (y, mo, d, ..) = text::civil(now);
        let today = text::at_civil(y, mo, d, hour, minute, 0)
            .ok_or_else(|| format!("`{typed}` is no time: {HELP}"))?;
        let next = if today > now { today } else { today.plus(Span(86_400)) };
        return Ok(next);
    }
    rfc3339(typed).ok_or_else(|| {
        let naked = rfc3339(&format!("{typed}Z")).is_some();
        let zone = if naked { format!("which zone? for UTC write {typed}Z") } else { HELP.to_owned() };
        format!("`{typed}` is no time: {zone}")
    })
}

/// The same of something that is over: `HH:MM` is the last time that a UTC clock showed it.
///
/// # Errors
/// A sentence that says what would do.
pub fn parse_past(typed: &str, now: Timestamp) -> Result<Timestamp, String> {
    let at = parse(typed, now)?;
    let clock = hour_minute(typed).is_some();
    Ok(if clock && at > now { Timestamp(at.0 - 86_400) } else { at })
}

/// A duration as typed, never zero.
///
/// # Errors
/// A sentence that says what would do.
pub fn parse_span(typed: &str) -> Result<Span, String> {
    match typed.parse() {
        Ok(Span(0)) => Err(format!("`{typed}` is no time at all: write a duration such as 15m or 2h")),
        Ok(span) => Ok(span),
        Err(e) => Err(format!("{e}")),
    }
}

fn from_now(rest: &str, now: Timestamp) -> Option<Timestamp> {
    if rest.is_empty() {
        return Some(now);
    }
    if let Some(span) = rest.strip_prefix('+') {
        return Some(now.plus(span.parse().ok()?));
    }
    let span: Span = rest.strip_prefix('-')?.parse().ok()?;
    Some(Timestamp(now.0.saturating_sub_unsigned(span.0)))
}

fn hour_minute(typed: &str) -> Option<(u32, u32)> {
    let (hour, minute) = typed.split_once(':')?;
    Some((digits(hour, 1..=2)?, digits(minute, 2..=2)?))
}

fn digits(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<u32> {
    (length.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// RFC 3339, always with its zone; seconds may be left out.
pub(crate) fn rfc3339(typed: &str) -> Option<Timestamp> {
    let (date, time) = typed.split_once(['T', 't', ' '])?;
    let mut date = date.split('-');
    let (y, mo, d) =
        (digits(date.next()?, 4..=4)?, digits(date.next()?, 2..=2)?, digits(date.next()?, 2..=2)?);
    if date.next().is_some() {
        return None;
    }
    let (time, offset) = split_zone(time)?;
    let mut time = time.split(':');
    let (h, mi) = (digits(time.next()?, 2..=2)?, digits(time.next()?, 2..=2)?);
    let s = match time.next() {
        None => 0,
        Some(seconds) => match seconds.split_once('.') {
            Some((whole, fraction)) => digits(fraction, 1..=9).and(digits(whole, 2..=2))?,
            None => digits(seconds, 2..=2)?,
        },
    };
    if time.next().is_some() {
        return None;
    }
    let local = text::at_civil(i64::from(y), mo, d, h, mi, s)?;
    Some(Timestamp(local.0 - offset))
}

/// Splits `15:04:05+01:00` into its time and its offset in seconds east of UTC.
fn split_zone(time: &str) -> Option<(&str, i64)> {
    if let Some(utc) = time.strip_suffix(['Z', 'z']) {
        return Some((utc, 0));
    }
    let at = time.rfind(['+', '-'])?;
    let (time, zone) = time.split_at_checked(at)?;
    let (sign, zone) = match zone.strip_prefix('-') {
        Some(zone) => (-1, zone),
        None => (1, zone.strip_prefix('+')?),
    };
    let (h, m) = zone.split_once(':')?;
    let (h, m) = (digits(h, 2..=2).filter(|h| *h < 24)?, digits(m, 2..=2).filter(|m| *m < 60)?);
    Some((time, sign * (i64::from(h) * 3_600 + i64::from(m) * 60)))
}

/// A span without needless detail: beyond an hour nobody reads seconds.
pub fn about(span: Span) -> String {
    match span.0 {
        0..60 => span.to_string(),
        seconds => Span(seconds - seconds % 60).to_string(),
    }
}

/// `2026-11-22 16:55 UTC (1h 58m left)`, or `(4m ago)`.
pub fn until(at: Timestamp, now: Timestamp) -> String {
    let far = if at > now { format!("{} left", about(at.since(now))) } else { ago(at, now) };
    format!("{} ({far})", text::clock_time(at))
}

/// `15:03` on the day of `now`, by UTC; `2026-11-21 15:03` on any other. For a column whose heading names the zone.
pub fn short(at: Timestamp, now: Timestamp) -> String {
    let whole = text::clock_time(at);
    let whole = whole.strip_suffix(" UTC").unwrap_or(&whole);
    let today = at.0.div_euclid(86_400) == now.0.div_euclid(86_400);
    match whole.split_once(' ') {
        Some((_, time)) if today => time.to_owned(),
        _ => whole.to_owned(),
    }
}

/// `4m ago`; `just now`; `in 5m` for what is still to come.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    match (at > now, now.since(at)) {
        (true, _) => format!("in {}", about(at.since(now))),
        (false, Span(0)) => "just now".to_owned(),
        (false, span) => format!("{} ago", about(span)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22T15:04:05Z
    fn now() -> Timestamp {
        text::at_civil(2026, 11, 22, 15, 4, 5).unwrap()
    }

    fn read(typed: &str) -> String {
        parse(typed, now()).map(text::rfc3339).unwrap_or_else(|e| e)
    }

    #[test]
    fn points_in_time() {
        assert_eq!(read("2026-11-22T15:00:00Z"), "2026-11-22T15:00:00Z");
        assert_eq!(read("2026-11-22t15:00z"), "2026-11-22T15:00:00Z");
        assert_eq!(read("2026-11-22 15:00:07.25Z"), "2026-11-22T15:00:07Z");
        assert_eq!(read("2026-11-22T00:30:00+01:00"), "2026-11-21T23:30:00Z");
        assert_eq!(read("2026-11-22T23:30:00-05:30"), "2026-11-23T05:00:00Z");
    }

    #[test]
    fn clock_times_are_the_next_ones() {
        assert_eq!(read("15:05"), "2026-11-22T15:05:00Z");
        assert_eq!(read("15:04"), "2026-11-23T15:04:00Z");
        assert_eq!(read("9:00"), "2026-11-23T09:00:00Z");
        assert_eq!(read("00:00"), "2026-11-23T00:00:00Z");
    }

    #[test]
    fn of_what_is_over_clock_times_are_the_last_ones() {
        let past = |typed: &str| parse_past(typed, now()).map(text::rfc3339).unwrap();
        assert_eq!(past("15:05"), "2026-11-21T15:05:00Z");
        assert_eq!(past("15:04"), "2026-11-22T15:04:00Z");
        assert_eq!(past("now+1h"), "2026-11-22T16:04:05Z");
    }

    #[test]
    fn the_minute_that_begins_now_is_over() {
        let now = text::at_civil(2026, 11, 22, 15, 4, 0).unwrap();
        assert_eq!(parse("15:04", now).map(text::rfc3339).unwrap(), "2026-11-23T15:04:00Z");
    }

    #[test]
    fn from_now() {
        assert_eq!(read("now"), "2026-11-22T15:04:05Z");
        assert_eq!(read("now+2h"), "2026-11-22T17:04:05Z");
        assert_eq!(read("now-10m"), "2026-11-22T14:54:05Z");
    }

    #[test]
    fn a_time_without_a_zone_is_refused_with_the_cure() {
        assert!(read("2026-11-22T15:00:00").contains("write 2026-11-22T15:00:00Z"));
    }

    #[test]
    fn what_is_no_time() {
        for typed in [
            "",
            "tomorrow",
            "24:00",
            "12:60",
            "1:2",
            ":",
            "12:",
            "-1:00",
            "now2h",
            "now+",
            "now+2",
            "now+2h30m",
            "2h",
            "2026-11-22",
            "2026-02-30T10:00Z",
            "2026-11-22T10:00+24:00",
            "2026-11-22T10:00+1:00",
            "2026-11-22T10:00:00.Z",
            "+026-11-22T10:00Z",
            "é:00",
            "2026-11-22T1é:00Z",
            "99999999999999999999:00",
            "2026-11-22T10:00:00:00Z",
            "2026-11-22-01T10:00Z",
        ] {
            assert!(parse(typed, now()).is_err(), "{typed}: {}", read(typed));
        }
        assert!(parse_span("0h").is_err());
        assert!(parse_span("2 h").is_err());
    }

    #[test]
    fn huge_spans_do_not_wrap() {
        assert_eq!(parse("now+18446744073709551615s", now()).unwrap(), Timestamp(i64::MAX));
        assert!(parse("now-18446744073709551615s", now()).unwrap() < Timestamp(0));
    }

    #[test]
    fn relative() {
        assert_eq!(until(now().plus(Span(7_139)), now()), "2026-11-22 17:03 UTC (1h 58m left)");
        assert_eq!(until(now(), now()), "2026-11-22 15:04 UTC (just now)");
        assert_eq!(short(now().plus(Span(60)), now()), "15:05");
        assert_eq!(short(now().plus(Span(9 * 3_600)), now()), "2026-11-23 00:04");
        assert_eq!(short(text::at_civil(2025, 11, 22, 15, 4, 5).unwrap(), now()), "2025-11-22 15:04");
        assert_eq!(ago(Timestamp(now().0 - 245), now()), "4m ago");
        assert_eq!(ago(Timestamp(now().0 + 245), now()), "in 4m");
    }
}
