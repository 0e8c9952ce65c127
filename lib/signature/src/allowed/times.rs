//! `valid-after` and `valid-before` (ssh-keygen(1): YYYYMMDD[Z] or YYYYMMDDHHMM[SS][Z]).
//!
//! OpenSSH reads a time without `Z` in the zone of the machine that verifies. One list is on many hosts, and whether an approval counts
//! must not depend on where it is asked, nor on a host's /etc/localtime. So such a time counts as the narrowest that it can mean
//! anywhere on earth: `valid-after` as if written 12 hours west of UTC, `valid-before` as if written 14 hours east of it. Nobody is
//! valid here who would not be by ssh-keygen, in whichever zone it runs.

use jit_model::time::{Between, Timestamp};

/// The zone furthest behind UTC: what is still to come everywhere.
const WEST: i64 = 12 * 3_600;
/// The zone furthest ahead of UTC: what is over everywhere.
const EAST: i64 = 14 * 3_600;

/// Which end of a key's validity a time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    After,
    Before,
}

/// In which zone a time was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    Utc,
    /// None is named; the time counts as the module says.
    Unsaid,
}

/// parse_absolute_time of OpenSSH's misc.c, without what strptime and mktime let pass: days and seconds that do not exist.
pub(super) fn parse(text: &str, edge: Edge) -> Option<(Timestamp, Zone)> {
    // misc.c: a Z or UTC at the end, whatever its case.
    let bytes = text.as_bytes();
    let cut = |zone: &str| {
        let (digits, end) = bytes.split_at_checked(bytes.len().checked_sub(zone.len())?)?;
        end.eq_ignore_ascii_case(zone.as_bytes()).then_some(digits)
    };
    let (digits, zone) = match cut("Z").or_else(|| cut("UTC")) {
        Some(digits) => (digits, Zone::Utc),
        None => (bytes, Zone::Unsaid),
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = std::str::from_utf8(digits).ok()?;
    let whole = match digits.len() {
        8 => format!("{digits}000000Z"),
        12 => format!("{digits}00Z"),
        14 => format!("{digits}Z"),
        _ => return None,
    };
    let written = Timestamp::from_generalized(&whole, Between::Down).ok()?;
    // A leap second, which from_generalized takes for the second before.
    if written.to_generalized() != whole {
        return None;
    }
    let time = match (zone, edge) {
        (Zone::Utc, _) => written.0,
        (Zone::Unsaid, Edge::After) => written.0 + WEST,
        (Zone::Unsaid, Edge::Before) => written.0 - EAST,
    };
    // OpenSSH refuses what mktime shows as 0 or less.
    (time > 0 && written.0 > 0).then_some((Timestamp(time), zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Option<i64> {
        let after = parse(text, Edge::After)?;
        assert_eq!(Some(after), parse(text, Edge::Before), "with a zone both edges are the same");
        Some(after.0.0)
    }

    #[test]
    fn the_forms_of_the_man_page() {
        assert_eq!(utc("19700101000001Z"), Some(1));
        assert_eq!(utc("20261123Z"), Some(1_795_392_000));
        assert_eq!(utc("202611231530Z"), Some(1_795_392_000 + 15 * 3_600 + 30 * 60));
        assert_eq!(utc("20261123153045z"), Some(1_795_392_000 + 15 * 3_600 + 30 * 60 + 45));
        assert_eq!(utc("20261123utc"), Some(1_795_392_000));
        for bad in [
            "",
            "Z",
            "19700101Z",
            "2026112Z",
            "20261123 Z",
            "20260230Z",
            "20261123246060Z",
            "20261123235960Z",
            "+0261123Z",
            "2026112315Z",
            "19691231Z",
            "2026-11-23",
        ] {
            assert_eq!(parse(bad, Edge::After), None, "{bad}");
        }
    }

    #[test]
    fn without_a_zone_it_is_the_narrowest() {
        assert_eq!(
            parse("20261123", Edge::After),
            Some((Timestamp(1_795_392_000 + 12 * 3_600), Zone::Unsaid))
        );
        assert_eq!(
            parse("20261123", Edge::Before),
            Some((Timestamp(1_795_392_000 - 14 * 3_600), Zone::Unsaid))
        );
    }
}
