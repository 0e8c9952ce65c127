//! A daemon that is stopped, killed and started again: its sessions are found, the overdue ones end first, none ends early, and those
//! that nobody told of are found too.

use super::jobs::{NOHUP, ORPHAN, SHELL, STOPPED, STUBBORN, SUDO_SHELL};
use super::ordinary::{cron, crontab};
use super::{Kind, for_seconds, people};
use crate::door::{Door, Mode, SOON};
use crate::ldif::Grant;
use crate::trouble::Result;
use crate::wait::until;

const ENFORCING: &str = "/etc/jitd/enforcing";

fn ids(door: &Door) -> Result<Vec<String>> {
    Ok(door.known()?.iter().map(|session| session["id"].to_string()).collect())
}

/// Stopped, and killed: the same sessions with the same ends, and they end.
///
/// # Errors
/// When something is not as it should be.
pub fn a_restart_finds_its_sessions(kind: Kind) -> Result<()> {
    let alices = Grant::live("alices", "alice");
    let entries = people().grant(&alices).grant(&Grant::live("bobs", "bob"));
    let door = kind.door(&entries)?;
    let jobs =
        [SHELL.start(&door, "alice")?, NOHUP.start(&door, "alice")?, SUDO_SHELL.start(&door, "alice")?];
    let his = SHELL.start(&door, "bob")?;
    until(SOON, "five sessions are known", || ids(&door).is_ok_and(|ids| ids.len() == 5))?;
    let before = ids(&door)?;
    door.stop_jitd()?;
    door.start_jitd()?;
    assert_eq!(ids(&door)?, before, "after a stop");
    door.kill_jitd()?;
    door.start_jitd()?;
    assert_eq!(ids(&door)?, before, "after a kill");
    for job in jobs.iter().chain([&his]) {
        job.goes_on(&door)?;
    }
    door.grants(&entries.revocation(&alices))?;
    for job in &jobs {
        job.is_over(&door)?;
    }
    his.goes_on(&door)
}

/// What was due while the daemon was away ends when it is back; what was not, does not.
///
/// # Errors
/// When something is not as it should be.
pub fn what_is_overdue_ends_first(kind: Kind) -> Result<()> {
    let long = people().grant(&Grant::live("bobs", "bob"));
    let door = kind.door(&long.clone().grant(&Grant::live("alices", "alice")))?;
    let hers = [SHELL.start(&door, "alice")?, ORPHAN.start(&door, "alice")?];
    let his = SHELL.start(&door, "bob")?;
    let end = crate::ldif::from_now(3);
    door.grants(&long.grant(&Grant::live("alices", "alice").with("jitNotAfter", &end)))?;
    door.stop_jitd()?;
    until(SOON, "her time is over", || crate::ldif::from_now(0) > end)?;
    hers[0].goes_on(&door)?;
    door.start_jitd()?;
    for job in &hers {
        job.is_over(&door)?;
    }
    his.goes_on(&door)?;
    assert_eq!(door.session_is("ended", "alice", "sshd")?["code"], "expired");
    Ok(())
}

/// Killed in the middle of an ending, between asking and killing: the next one ends what is left.
///
/// # Errors
/// When something is not as it should be.
pub fn an_ending_goes_on_after_a_kill(kind: Kind) -> Result<()> {
    let alices = Grant::live("alices", "alice");
    let entries = people().grant(&alices);
    let door = kind.door_with("", Mode::Enforcing, "[session]\nwarn = []\ngrace = \"3s\"\n", &entries)?;
    let jobs = [STUBBORN.start(&door, "alice")?, STOPPED.start(&door, "alice")?];
    door.grants(&entries.revocation(&alices))?;
    door.session_is("ending", "alice", "sshd")?;
    door.kill_jitd()?;
    jobs[0].goes_on(&door)?;
    door.start_jitd()?;
    for job in &jobs {
        job.is_over(&door)?;
    }
    door.session_is("ended", "alice", "sshd").map(drop)
}

/// A session that ended while the daemon was away is no session any more.
///
/// # Errors
/// When something is not as it should be.
pub fn what_is_gone_is_forgotten(kind: Kind) -> Result<()> {
    let door = kind.door(&people().grant(&Grant::live("alices", "alice")))?;
    let (shell, job) = (SHELL.start(&door, "alice")?, NOHUP.start(&door, "alice")?);
    until(SOON, "both are known", || ids(&door).is_ok_and(|ids| ids.len() == 2))?;
    door.stop_jitd()?;
    drop(shell);
    door.gone("alice-shell")?;
    door.start_jitd()?;
    until(SOON, "one is left", || ids(&door).is_ok_and(|ids| ids.len() == 1))?;
    job.goes_on(&door)
}

/// While nobody listened, three came in: found, audited, and judged once enforcing. One has a grant, one had one, one never had any. What
/// runs in the background for people who never had one is nobody's business.
///
/// # Errors
/// When something is not as it should be.
pub fn who_came_in_meanwhile_is_found(kind: Kind) -> Result<()> {
    let bobs = Grant::live("bobs", "bob");
    let entries = people().grant(&Grant::live("alices", "alice")).grant(&bobs);
    let door = kind.door(&entries)?;
    let file = door.host().read(ENFORCING)?;
    door.jitctl(["mode", "permissive"]).run()?.must()?;
    door.grants(&entries.revocation(&bobs))?;
    door.stop_jitd()?;
    let granted = SHELL.start(&door, "alice")?;
    let others = [("bob", "revoked"), ("carol", "no-grant")];
    let over = [SHELL.start(&door, "bob")?, SHELL.start(&door, "carol")?];
    door.host().user("dave", 5100)?;
    crontab(&door, "dave", "dave-cron")?;
    let _cron = cron(&door)?;
    door.marked_running("dave-cron", "600.62")?;
    door.host().write(ENFORCING, 0o644, file)?;
    door.start_jitd()?;
    for name in ["alice", "bob", "carol"] {
        door.session_is("found", name, "sshd")?;
    }
    for (job, (name, code)) in over.iter().zip(others) {
        job.is_over(&door)?;
        assert_eq!(door.session_is("ended", name, "sshd")?["code"], code);
    }
    until(SOON, "hers has a deadline", || {
        door.session_of("alice", "sshd").is_ok_and(|session| session["until"].is_i64())
    })?;
    granted.goes_on(&door)?;
    door.marked_running("dave-cron", "600.62").map(drop)
}

/// A damaged file of one session is set aside; the others, and the sessions themselves, are found all the same.
///
/// # Errors
/// When something is not as it should be.
pub fn a_damaged_file_hides_nothing(kind: Kind) -> Result<()> {
    let door =
        kind.door(&people().grant(&Grant::live("alices", "alice")).grant(&Grant::live("bobs", "bob")))?;
    let (hers, his) = (SHELL.start(&door, "alice")?, SHELL.start(&door, "bob")?);
    door.stop_jitd()?;
    let broken =
        door.host().sh("cd /run/jitd/state/sessions && for f in *; do [ -f $f ] && : >$f; done; ls | wc -l");
    assert_ne!(broken.run()?.must()?.trim(), "0");
    door.start_jitd()?;
    for name in ["alice", "bob"] {
        door.session_is("found", name, "sshd")?;
    }
    door.grants(&people().grant(&Grant::live("bobs", "bob")))?;
    hers.is_over(&door)?;
    his.goes_on(&door)
}

/// Grants that were never heard of since the start end nothing that was known before its known end: the file is broken, and what was kept
/// is gone, when the daemon comes back. Nobody comes in meanwhile.
///
/// # Errors
/// When something is not as it should be.
pub fn silence_ends_nothing(kind: Kind) -> Result<()> {
    let door =
        kind.door(&people().grant(&for_seconds("alices", "alice", 15)).grant(&Grant::live("bobs", "bob")))?;
    let (hers, his) = (SHELL.start(&door, "alice")?, SHELL.start(&door, "bob")?);
    let before = ids(&door)?;
    door.stop_jitd()?;
    let file = door.host().read("/etc/jitd/grants.ldif")?;
    door.host().write("/etc/jitd/grants.ldif", 0o644, format!("{file}\nthis is no LDIF\n"))?;
    door.host().sh("rm -rf /var/lib/jitd/*").run()?.must()?;
    door.start_jitd()?;
    assert!(!door.ssh("bob", "true")?.ok(), "nothing is known, so nobody comes in");
    assert_eq!(ids(&door)?, before);
    hers.goes_on(&door)?;
    assert!(!door.audit()?.iter().any(|event| event["event"] == "session" && event["state"] == "ending"));
    hers.is_over(&door)?;
    assert_eq!(door.session_is("ended", "alice", "sshd")?["code"], "expired");
    his.goes_on(&door)
}
