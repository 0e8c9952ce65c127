use std::fs;
use std::os::unix::fs::PermissionsExt;

use jit_proto::enforcing::MOST_UNCONFIRMED;

use super::*;

const UNTIL: i64 = 1_000_000;

/// A file that had to be confirmed by UNTIL. These tests need root, as jitd does.
fn unconfirmed() -> Seen {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("enforcing");
    let at = jit_model::text::rfc3339(Timestamp(UNTIL));
    fs::write(&path, format!("guard sshd\nuntil {at}\nend enforcing\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    ModeFile::at(path).look().clone()
}

fn now(login: i64, settled: i64) -> Now {
    Now { login: Timestamp(login), settled: Timestamp(settled), concern: None }
}

#[test]
fn an_unconfirmed_file_is_void_by_the_clock_and_nothing_else() {
    let seen = unconfirmed();
    let at = |now| (seen.mode(Timestamp(now)), seen.until(Timestamp(now)), seen.lapsed(Timestamp(now)));
    let until = Some(Timestamp(UNTIL));
    assert_eq!(at(UNTIL - 1), (Mode::Enforcing, until, None));
    assert_eq!(at(UNTIL), (Mode::Permissive, None, until));
    assert_eq!(at(UNTIL - MOST_UNCONFIRMED), (Mode::Enforcing, until, None));
    assert_eq!(at(UNTIL - MOST_UNCONFIRMED - 1), (Mode::Permissive, None, until), "set back by years");
    assert!(seen.unconfirmed(Timestamp(UNTIL - 1)).is_some());
    assert!(seen.unconfirmed(Timestamp(UNTIL)).is_none());
}

#[test]
fn a_clock_that_jumps_ahead_lifts_no_deadline() {
    let seen = unconfirmed();
    for (login, settled, ends, why) in [
        (UNTIL - 1, UNTIL - 1, Mode::Enforcing, "in time"),
        (UNTIL + 900_000, UNTIL - 60, Mode::Enforcing, "only the wall clock says that it is over"),
        (UNTIL, UNTIL, Mode::Permissive, "it is"),
        (UNTIL - 60, UNTIL - 604_800, Mode::Enforcing, "the host was off for a week, and its clock is right"),
        (UNTIL - 604_800, UNTIL - 604_800, Mode::Permissive, "written by a clock that had jumped ahead"),
    ] {
        assert_eq!(seen.settled_mode(&now(login, settled)), ends, "{why}");
    }
}

/// Whatever the clocks say, who may come in is never held to an unconfirmed file for longer than a day from any moment on; and what ends does
/// so only while that holds, or while the settled time lags behind.
#[test]
fn nobody_is_kept_out_without_bound() {
    let seen = unconfirmed();
    for login in (0..40).map(|n| UNTIL - 2 * MOST_UNCONFIRMED + n * MOST_UNCONFIRMED / 10) {
        if seen.mode(Timestamp(login)) == Mode::Enforcing {
            assert_eq!(seen.mode(Timestamp(login + MOST_UNCONFIRMED)), Mode::Permissive, "{login}");
        }
        for settled in [login, login - 60, login - 9 * MOST_UNCONFIRMED] {
            let ends = seen.settled_mode(&now(login, settled));
            assert!(
                ends == seen.mode(Timestamp(login)) || login >= UNTIL && settled < UNTIL,
                "{login} {settled}"
            );
        }
    }
}
