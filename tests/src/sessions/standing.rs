//! What has no deadline, what loses its deadline, and deadlines that move.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::jobs::{COMMAND, NOHUP, SHELL};
use super::{Kind, QUICK, for_seconds, is, people};
use crate::door::{Door, Mode, SOON};
use crate::ldif::Grant;
use crate::trouble::Result;
use crate::wait::until;

/// Waits until it is this many seconds later than `moment`. What is to be seen is that nothing happens, so there is nothing else to
/// wait for.
fn past(moment: i64) -> Result<()> {
    until(SOON + Duration::from_secs(10), "the time has come", || now() > moment)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(since).unwrap_or(i64::MAX)
}

/// The end of the one session of `name` that jitctl shows.
fn end_of(door: &Door, name: &str) -> Result<i64> {
    let session = door.session_of(name, "sshd")?;
    session["until"].as_i64().ok_or_else(|| crate::trouble::Trouble::new(format!("no deadline: {session}")))
}

/// `on_end = "warn"`: the last words, the audit, and nothing else.
///
/// # Errors
/// When something is not as it should be.
pub fn on_end_warn_only_warns(kind: Kind) -> Result<()> {
    let session = "[session]\nwarn = [\"3s\"]\ngrace = \"1s\"\non_end = \"warn\"\n";
    let door =
        kind.door_with("", Mode::Enforcing, session, &people().grant(&Grant::live("alices", "alice")))?;
    let (shell, job) = (SHELL.start(&door, "alice")?, NOHUP.start(&door, "alice")?);
    door.grants(&people().grant(&for_seconds("alices", "alice", 5)))?;
    let screen = &shell.clients[0];
    screen.shows("sshd ends in ")?;
    screen.shows("has ended, please leave: grant alices for")?;
    let over = now();
    let would = door.session_is("would-end", "alice", "sshd")?;
    assert_eq!(would["code"], "expired", "{would}");
    assert!(!door.ssh("alice", "true")?.ok(), "nobody comes in again");
    past(over + 1)?;
    shell.goes_on(&door)?;
    job.goes_on(&door)?;
    assert_eq!(screen.screen().matches("please leave").count(), 1);
    let all = door.known()?;
    assert!(!all.is_empty() && all.iter().all(|session| session["standing"] == "warned"), "{all:?}");
    assert!(!door.audit()?.iter().any(|event| is(event, "ending", "alice")));
    Ok(())
}

/// Going permissive lifts every deadline, for good, and says of each when it would have ended.
///
/// # Errors
/// When something is not as it should be.
pub fn going_permissive_lifts_all_deadlines(kind: Kind) -> Result<()> {
    let door = kind.door(&people().grant(&Grant::live("alices", "alice")))?;
    let (shell, job) = (SHELL.start(&door, "alice")?, COMMAND.start(&door, "alice")?);
    door.grants(&people().grant(&for_seconds("alices", "alice", 6)))?;
    let end =
        door.sessions()?.iter().filter_map(|session| session["until"].as_i64()).max().unwrap_or_default();
    assert!(end > 0);
    door.jitctl(["mode", "permissive"]).run()?.must()?;
    let would = door.session_is("would-end", "alice", "sshd")?;
    assert!(would["until"].is_string(), "{would}");
    let lifted = |wanted: usize| {
        let all = door.known().unwrap_or_default();
        all.iter().filter(|session| session["standing"] == "lifted" && session["until"].is_null()).count()
            == wanted
    };
    until(SOON, "both deadlines are lifted", || lifted(2))?;
    past(end + 1)?;
    shell.goes_on(&door)?;
    job.goes_on(&door)?;
    assert!(!shell.clients[0].screen().contains("has ended"), "{shell:?}");
    // Enforcing again changes nothing for them.
    door.enforce()?;
    until(SOON, "she is refused", || door.ssh("alice", "true").is_ok_and(|output| !output.ok()))?;
    assert!(lifted(2));
    shell.goes_on(&door)
}

/// Sessions that were opened while permissive, or by exempt and break-glass people, go on when all others end.
///
/// # Errors
/// When something is not as it should be.
pub fn exempt_and_break_glass_have_no_deadline(kind: Kind) -> Result<()> {
    let more = "[[exempt]]\nuser = \"bob\"\nservices = [\"sshd\"]\n[break_glass]\nusers = [\"carol\"]\n";
    let grants = people().grant(&Grant::live("alices", "alice")).grant(&Grant::live("bobs", "bob"));
    let door = kind.door_with(more, Mode::Enforcing, QUICK, &grants)?;
    let (hers, his, rescue) =
        (COMMAND.start(&door, "alice")?, COMMAND.start(&door, "bob")?, COMMAND.start(&door, "carol")?);
    for (name, standing) in [("bob", "exempt"), ("carol", "break-glass")] {
        let session = door.session_of(name, "sshd")?;
        assert_eq!((&session["standing"], &session["until"]), (&standing.into(), &serde_json::Value::Null));
    }
    door.grants(&people())?;
    hers.is_over(&door)?;
    door.session_is("ended", "alice", "sshd")?;
    his.goes_on(&door)?;
    rescue.goes_on(&door)
}

/// Opened while the host was permissive: no deadline, whoever he is and whatever comes.
///
/// # Errors
/// When something is not as it should be.
pub fn opened_while_permissive_has_no_deadline(kind: Kind) -> Result<()> {
    let granted = people().grant(&Grant::live("alices", "alice"));
    let door = kind.door_with("", Mode::Permissive, QUICK, &granted)?;
    let (hers, his) = (COMMAND.start(&door, "alice")?, COMMAND.start(&door, "bob")?);
    for name in ["alice", "bob"] {
        let session = door.session_of(name, "sshd")?;
        assert_eq!(
            (&session["standing"], &session["until"]),
            (&"permissive".into(), &serde_json::Value::Null)
        );
    }
    door.enforce()?;
    let later = NOHUP.start(&door, "alice")?;
    door.grants(&people())?;
    later.is_over(&door)?;
    hers.goes_on(&door)?;
    his.goes_on(&door)
}

/// A longer grant in the place of a short one, and one that begins before the other ends, keep the session; the audit has the new end.
///
/// # Errors
/// When something is not as it should be.
pub fn extensions_and_overlaps_move_the_deadline(kind: Kind) -> Result<()> {
    let door = kind.door(&people().grant(&for_seconds("alices", "alice", 6)))?;
    let shell = SHELL.start(&door, "alice")?;
    let short = end_of(&door, "alice")?;
    // An overlap: the next one begins in two seconds.
    let joined = people().grant(&for_seconds("alices", "alice", short - now()));
    door.grants(&joined.grant(&Grant::live("next", "alice").between(2, 3600)))?;
    until(SOON, "the next grant carries it", || end_of(&door, "alice").is_ok_and(|end| end > short + 1000))?;
    let moved = door.session_is("moved", "alice", "sshd")?;
    assert!(moved["grants"].as_array().is_some_and(|grants| grants.iter().any(|id| id == "next")), "{moved}");
    past(short + 1)?;
    shell.goes_on(&door)?;
    // Shortened again, and extended once more in time.
    door.grants(&people().grant(&Grant::live("next", "alice").between(-60, 5)))?;
    let short = end_of(&door, "alice")?;
    assert!(short < now() + 10);
    shell.clients[0].shows("sshd ends in ")?;
    door.grants(&people().grant(&Grant::live("next", "alice")))?;
    past(short + 1)?;
    shell.goes_on(&door)?;
    assert!(!shell.clients[0].screen().contains("has ended"), "{shell:?}");
    // And when it ends in the end, it ends.
    door.grants(&people())?;
    shell.is_over(&door)
}

/// A second grant for the same keeps the session when the first one is revoked.
///
/// # Errors
/// When something is not as it should be.
pub fn a_second_grant_keeps_it(kind: Kind) -> Result<()> {
    let (first, second) = (Grant::live("first", "alice"), Grant::live("second", "alice"));
    let entries = people().grant(&first).grant(&second);
    let door = kind.door(&entries)?;
    let shell = SHELL.start(&door, "alice")?;
    let once = entries.revocation(&first);
    door.grants(&once)?;
    door.session_rests_on("alice", "second")?;
    shell.goes_on(&door)?;
    door.grants(&once.revocation(&second))?;
    shell.is_over(&door)
}
