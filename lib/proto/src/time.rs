//! RFC 3339 in UTC and whole seconds, `2026-11-22T15:04:05Z`, and nothing else. No time zones, no allocation.

use core::fmt;

/// Reads `YYYY-MM-DDTHH:MM:SSZ`, years 1970 to 9999, as Unix seconds. A day that the month does not have, a leap second and
/// every other form of RFC 3339 are refused.
pub fn parse(text: &str) -> Option<i64> {
    let &[y1, y2, y3, y4, b'-', mo1, mo2, b'-', d1, d2, b'T', h1, h2, b':', mi1, mi2, b':', s1, s2, b'Z'] =
        text.as_bytes().first_chunk::<20>()?
    else {
        return None;
    };
    if text.len() != 20 {
        return None;
    }
    let year = number(&[y1, y2, y3, y4])?;
    let month = number(&[mo1, mo2])?;
    let day = number(&[d1, d2])?;
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[mi1, mi2])?, number(&[s1, s2])?);
    if year < 1970 || !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_before(year, month)?.checked_add(day.checked_sub(1)?)?;
    let next = match month {
        12 => days_before(year.checked_add(1)?, 1)?,
        _ => days_before(year, month.checked_add(1)?)?,
    };
    if day < 1 || days >= next {
        return None;
    }
    let seconds = hour.checked_mul(3600)?.checked_add(minute.checked_mul(60)?)?.checked_add(second)?;
    days.checked_mul(86_400)?.checked_add(seconds)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |sum, digit| match digit {
        b'0'..=b'9' => sum.checked_mul(10)?.checked_add(i64::from(digit.wrapping_sub(b'0'))),
        _ => None,
    })
}

/// Days from 1970-01-01 to the first of a month (days-from-civil, Howard Hinnant's `chrono`-compatible algorithms).
fn days_before(year: i64, month: i64) -> Option<i64> {
    let (y, m) = if month <= 2 {
        (year.checked_sub(1)?, month.checked_add(9)?)
    } else {
        (year, month.checked_sub(3)?)
    };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = m.checked_mul(153)?.checked_add(2)?.div_euclid(5);
    let leaps = of_era.div_euclid(4).checked_sub(of_era.div_euclid(100))?;
    let day = of_era.checked_mul(365)?.checked_add(leaps)?.checked_add(of_year)?;
    era.checked_mul(146_097)?.checked_add(day)?.checked_sub(719_468)
}

/// Unix seconds that print as RFC 3339 in UTC. Outside the years 1970 to 9999 the number is printed, which nothing reads back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rfc3339(pub i64);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds) = (self.0.div_euclid(86_400), self.0.rem_euclid(86_400));
        match date(days) {
            Some((year, month, day)) => {
                let (hour, rest) = (seconds.div_euclid(3600), seconds.rem_euclid(3600));
                let (minute, second) = (rest.div_euclid(60), rest.rem_euclid(60));
                write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
            }
            None => write!(f, "{}", self.0),
        }
    }
}

/// The date by search over whole years and months: rarely needed, and plainly the inverse of [`days_before`].
fn date(days: i64) -> Option<(i64, i64, i64)> {
    let mut year = days.div_euclid(366).checked_add(1970).filter(|year| (1970..=9999).contains(year))?;
    while days_before(year.checked_add(1)?, 1)? <= days {
        year = year.checked_add(1)?;
    }
    let month = (1..=12).rev().find(|&month| days_before(year, month).is_some_and(|first| first <= days))?;
    let day = days.checked_sub(days_before(year, month)?)?.checked_add(1)?;
    (year <= 9999).then_some((year, month, day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    #[test]
    fn known_times() {
        for (text, at) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T23:59:59Z", 951_868_799),
            ("2026-11-22T15:04:05Z", 1_795_359_845),
            ("2038-01-19T03:14:08Z", 1 << 31),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            assert_eq!(parse(text), Some(at), "{text}");
            assert_eq!(Rfc3339(at).to_string(), text);
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "2026-11-22",
            "2026-11-22T15:04:05",
            "2026-11-22T15:04:05z",
            "2026-11-22T15:04:05Z ",
            "2026-11-22T15:04:05+00:00",
            "2026-11-22T15:04:60Z",
            "2026-11-22T24:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-11-2\u{662}T1:04:05Z",
            "+026-11-22T15:04:05Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_second_comes_back(at in 0_i64..=253_402_300_799) {
            prop_assert_eq!(parse(&Rfc3339(at).to_string()), Some(at));
        }

        #[test]
        fn any_number_prints_and_any_text_parses(at in any::<i64>(), text in ".{0,30}") {
            let _ = (Rfc3339(at).to_string(), parse(&text));
        }
    }
}
