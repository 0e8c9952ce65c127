//! Written and read as libc would, in zones where clocks are set back.

use proptest::prelude::*;

use super::*;

fn posix(rule: &str) -> Zone {
    Zone(TimeZone::posix(rule).unwrap())
}

/// Central Europe: back from 03:00 to 02:00 on 2026-10-25 at 01:00 UTC.
fn central_europe() -> Zone {
    posix("CET-1CEST,M3.5.0,M10.5.0/3")
}

fn utc(text: &str) -> Timestamp {
    Zone(TimeZone::UTC).read(text).unwrap()
}

#[test]
fn a_time_is_written_as_the_host_shows_it() {
    let at = utc("20261122150405Z");
    for (zone, written) in [
        (Zone(TimeZone::UTC), "20261122150405"),
        (central_europe(), "20261122160405"),
        (posix("<+0545>-5:45"), "20261122204905"),
        (posix("<-11>11"), "20261122040405"),
    ] {
        assert_eq!(zone.write(at), written);
        assert_eq!(zone.read(written), Some(at));
        assert_eq!(zone.read("20261122150405Z"), Some(at));
    }
    assert_eq!(central_europe().write(utc("20260701120000Z")), "20260701140000");
}

#[test]
fn in_the_hour_that_is_there_twice_it_is_the_end_of_it() {
    let zone = central_europe();
    for (at, written) in [
        ("20261024235959Z", "20261025015959"),
        ("20261025000000Z", "20261025030000"),
        ("20261025003000Z", "20261025030000"),
        ("20261025005959Z", "20261025030000"),
        ("20261025010000Z", "20261025030000"),
        ("20261025013000Z", "20261025030000"),
        ("20261025020000Z", "20261025030000"),
        ("20261025020001Z", "20261025030001"),
    ] {
        assert_eq!(zone.write(utc(at)), written, "{at}");
    }
    // What somebody else wrote there means the first of the two.
    assert_eq!(zone.read("202610250230"), Some(utc("202610250030Z")));
    // The hour that is not there: as if the clock had not been set forward yet, or had been before.
    assert!(zone.read("202603290230").is_some());
}

#[test]
fn times_that_are_none() {
    let zone = Zone(TimeZone::UTC);
    for wrong in [
        "",
        "Z",
        "2026",
        "20261301",
        "20260230",
        "2026112224",
        "202611222400",
        "20261122150460",
        "+0261122",
        "20261122 ",
        "20261122ZZ",
    ] {
        assert_eq!(zone.read(wrong), None, "{wrong}");
    }
    assert_eq!(zone.read("20261122"), zone.read("202611220000"));
}

#[test]
fn a_host_without_a_zone_is_in_utc() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("localtime");
    let written = |path: &Path| Zone::at(path).write(utc("202607011200Z"));
    assert_eq!(written(&path), "20260701120000");
    std::fs::write(&path, b"TZif nonsense").unwrap();
    assert_eq!(written(&path), "20260701120000");
    let Ok(berlin) = std::fs::read("/usr/share/zoneinfo/Europe/Berlin") else { return };
    std::fs::write(&path, berlin).unwrap();
    assert_eq!(written(&path), "20260701140000");
}

proptest! {
    #[test]
    fn never_early_and_never_late_but_for_that_hour(seconds in 0_i64..LAST, zone in 0_usize..4) {
        let zone = [
            Zone(TimeZone::UTC),
            central_europe(),
            // Half an hour, in the other hemisphere; and one that is set back at midnight.
            posix("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"),
            posix("<-01>1<+00>,M3.5.0/0,M10.5.0/1"),
        ][zone].clone();
        let at = Timestamp(seconds);
        let read = zone.read(&zone.write(at)).unwrap();
        prop_assert!(at <= read && read.since(at).0 <= 7_200, "{} {}", at.0, read.0);
    }

    #[test]
    fn any_time_is_written(seconds: i64, text in ".{0,16}") {
        let text_of_time = central_europe().write(Timestamp(seconds));
        prop_assert!(text_of_time.len() == 14 && text_of_time.bytes().all(|b| b.is_ascii_digit()));
        let _ = central_europe().read(&text);
    }
}
