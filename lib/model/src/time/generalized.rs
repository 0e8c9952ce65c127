//! GeneralizedTime (RFC 4517 §3.3.13): how directories write points in time.
//!
//! The model counts whole seconds, so a fraction must go somewhere, and the caller says where: the end of a window is cut
//! down and its start is raised, so that no window is longer than what was written.

use super::Timestamp;
use crate::text::{at_civil, civil};

/// Where a time between two seconds goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// To the second before: ends, and times at which something was done.
    Down,
    /// To the second after: starts.
    Up,
}

/// Why a text is no GeneralizedTime.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time: write it as in 20261122150405Z (UTC)")]
pub struct GeneralizedTimeError(pub String);

impl Timestamp {
    /// Reads `YYYYMMDDHH[MM[SS]][.fraction](Z|+HH[MM]|-HH[MM])`; a comma may stand for the point. A fraction is of the last
    /// unit written. A leap second (`:60`) lies between its two neighbours.
    ///
    /// # Errors
    /// When the text is anything else, names a day or time that does not exist, or has more than 18 digits of fraction.
    pub fn from_generalized(text: &str, between: Between) -> Result<Timestamp, GeneralizedTimeError> {
        read(text.as_bytes(), between)
            .ok_or_else(|| GeneralizedTimeError(text.escape_default().take(60).collect()))
    }

    /// `20261122150405Z`. Times before the year 0 or after the year 9999 become the nearest that can be written.
    pub fn to_generalized(self) -> String {
        const FIRST: i64 = -62_167_219_200;
        const LAST: i64 = 253_402_300_799;
        let (y, mo, d, h, mi, s) = civil(Timestamp(self.0.clamp(FIRST, LAST)));
        format!("{y:04}{mo:02}{d:02}{h:02}{mi:02}{s:02}Z")
    }
}

fn read(text: &[u8], between: Between) -> Option<Timestamp> {
    let mut rest = text;
    let year = number(&mut rest, 4)?;
    let month = number(&mut rest, 2)?;
    let day = number(&mut rest, 2)?;
    let hour = number(&mut rest, 2)?;
    let (mut minute, mut second, mut unit) = (0, 0, 3_600_i128);
    if rest.first()?.is_ascii_digit() {
        (minute, unit) = (number(&mut rest, 2)?, 60);
        if rest.first()?.is_ascii_digit() {
            (second, unit) = (number(&mut rest, 2)?, 1);
        }
    }
    let leap = second == 60;
    if leap {
        second = 59;
    }
    let (mut below, mut between_seconds) = (0, leap);
    if let [b'.' | b',', fraction @ ..] = rest {
        let count = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, zone) = fraction.split_at_checked(count)?;
        if !(1..=18).contains(&count) {
            return None;
        }
        let (mut parts, mut whole) = (0_i128, 1_i128);
        for digit in digits {
            parts = parts * 10 + i128::from(digit - b'0');
            whole *= 10;
        }
        below = i64::try_from(parts * unit / whole).ok()?;
        between_seconds |= parts * unit % whole != 0;
        rest = zone;
    }
    let offset = match rest {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), zone @ ..] => {
            let mut zone = zone;
            let hours = i64::from(number(&mut zone, 2)?);
            let minutes = if zone.is_empty() { 0 } else { i64::from(number(&mut zone, 2)?) };
            if !zone.is_empty() || hours > 23 || minutes > 59 {
                return None;
            }
            let ahead = hours * 3_600 + minutes * 60;
            if *sign == b'+' { ahead } else { -ahead }
        }
        _ => return None,
    };
    let written = at_civil(i64::from(year), month, day, hour, minute, second)?;
    let raised = i64::from(between == Between::Up && between_seconds);
    Some(Timestamp(written.0 + below + raised - offset))
}

/// So many digits off the front.
fn number(rest: &mut &[u8], count: usize) -> Option<u32> {
    let (digits, after) = rest.split_at_checked(count)?;
    *rest = after;
    digits
        .iter()
        .try_fold(0, |sum: u32, digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::rfc3339;

    fn both(text: &str) -> Option<(String, String)> {
        let down = Timestamp::from_generalized(text, Between::Down).ok()?;
        let up = Timestamp::from_generalized(text, Between::Up).ok()?;
        Some((rfc3339(down), rfc3339(up)))
    }

    #[test]
    fn every_form_of_the_rfc() {
        for (text, down, up) in [
            ("20261122150405Z", "2026-11-22T15:04:05Z", "2026-11-22T15:04:05Z"),
            ("202611221504Z", "2026-11-22T15:04:00Z", "2026-11-22T15:04:00Z"),
            ("2026112215Z", "2026-11-22T15:00:00Z", "2026-11-22T15:00:00Z"),
            ("20261122150405.0Z", "2026-11-22T15:04:05Z", "2026-11-22T15:04:05Z"),
            ("20261122150405.000001Z", "2026-11-22T15:04:05Z", "2026-11-22T15:04:06Z"),
            ("20261122150405,9Z", "2026-11-22T15:04:05Z", "2026-11-22T15:04:06Z"),
            ("202611221504.5Z", "2026-11-22T15:04:30Z", "2026-11-22T15:04:30Z"),
            ("2026112215.25Z", "2026-11-22T15:15:00Z", "2026-11-22T15:15:00Z"),
            ("2026112215.0001Z", "2026-11-22T15:00:00Z", "2026-11-22T15:00:01Z"),
            ("2026112215.999999999999999999Z", "2026-11-22T15:59:59Z", "2026-11-22T16:00:00Z"),
            ("20261122150405+0100", "2026-11-22T14:04:05Z", "2026-11-22T14:04:05Z"),
            ("20261122150405-0530", "2026-11-22T20:34:05Z", "2026-11-22T20:34:05Z"),
            ("20261122233000-01", "2026-11-23T00:30:00Z", "2026-11-23T00:30:00Z"),
            ("20161231235960Z", "2016-12-31T23:59:59Z", "2017-01-01T00:00:00Z"),
            ("20240229000000Z", "2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
        ] {
            assert_eq!(both(text), Some((down.to_owned(), up.to_owned())), "{text}");
        }
    }

    #[test]
    fn nothing_else() {
        for text in [
            "",
            "Z",
            "20261122150405",
            "2026-11-22T15:04:05Z",
            "20261122150405z",
            "20261322150405Z",
            "20260229150405Z",
            "20261122240000Z",
            "20261122156000Z",
            "20261122150461Z",
            "20261122150405.Z",
            "20261122150405.5",
            "20261122150405.0000000000000000001Z",
            "20261122150405+",
            "20261122150405+1",
            "20261122150405+24",
            "20261122150405+01000",
            "20261122150405Z ",
            " 20261122150405Z",
            "2026112215040٥Z",
            "+0261122150405Z",
        ] {
            assert_eq!(both(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn written_and_read_again(at in -62_167_219_200_i64..=253_402_300_799) {
            let text = Timestamp(at).to_generalized();
            prop_assert_eq!(Timestamp::from_generalized(&text, Between::Down), Ok(Timestamp(at)));
            prop_assert_eq!(Timestamp::from_generalized(&text, Between::Up), Ok(Timestamp(at)));
        }

        #[test]
        fn every_time_can_be_written(at: i64) {
            prop_assert!(Timestamp::from_generalized(&Timestamp(at).to_generalized(), Between::Down).is_ok());
        }

        #[test]
        fn a_window_is_never_longer_than_written(text in "20261122150[0-9]{3}\\.[0-9]{1,18}Z") {
            let down = Timestamp::from_generalized(&text, Between::Down);
            let up = Timestamp::from_generalized(&text, Between::Up);
            if let (Ok(down), Ok(up)) = (down, up) {
                prop_assert!(down <= up && up <= Timestamp(down.0 + 1));
            }
        }

        #[test]
        fn any_text_is_judged(text in "\\PC*|[0-9.,Z+-]{0,30}") {
            let _ = Timestamp::from_generalized(&text, Between::Up);
        }
    }
}
