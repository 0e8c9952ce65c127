//! What runs for a person outside of every login: at, cron, what lingers. It ends with the last grant, and does not start again.

use super::jobs::SHELL;
use super::{Kind, people};
use crate::door::{Door, SOON};
use crate::host::daemon::Daemon;
use crate::ldif::Grant;
use crate::trouble::Result;
use crate::wait::until;

/// cron and atd, started by hand where nobody else does. Neither may be dropped before the test is over.
fn keepers(door: &Door) -> Result<Vec<Daemon>> {
    if door.host().is_booted() {
        return Ok(Vec::new());
    }
    Ok(vec![door.host().start("atd", ["atd", "-f"])?])
}

/// Starts cron as at a boot, so that it runs what is written for `@reboot`.
pub(super) fn cron(door: &Door) -> Result<Option<Daemon>> {
    door.host().remove("/run/crond.reboot")?;
    if door.host().is_booted() {
        door.host().exec(["systemctl", "restart", "cron"]).run()?.must()?;
        return Ok(None);
    }
    door.host().remove("/run/crond.pid")?;
    Ok(Some(door.host().start("cron", ["cron", "-f"])?))
}

fn at(door: &Door, who: &str, mark: &str) -> Result<()> {
    let line = format!("cd /tmp && echo 'sleep 600.61' | JIT_MARK={mark} at now");
    door.host().exec_as(who, ["sh", "-c", &line]).run()?.must().map(drop)
}

pub(super) fn crontab(door: &Door, who: &str, mark: &str) -> Result<()> {
    let tab = format!("JIT_MARK={mark}\n@reboot sleep 600.62\n");
    door.host().exec(["crontab", "-u", who, "-"]).stdin(tab).run()?.must().map(drop)
}

/// at and cron jobs of a person end with his last grant and are refused at their next start; those of people who never held a grant
/// are nobody's business.
///
/// # Errors
/// When something is not as it should be.
pub fn at_and_cron_jobs_end_with_the_last_grant(kind: Kind) -> Result<()> {
    let (first, second) = (Grant::live("first", "alice"), Grant::live("second", "alice"));
    let entries = people().grant(&first).grant(&second);
    let door = kind.door(&entries)?;
    let _keepers = keepers(&door)?;
    let shell = SHELL.start(&door, "alice")?;
    for who in ["alice", "carol"] {
        crontab(&door, who, &format!("{who}-cron"))?;
        at(&door, who, &format!("{who}-at"))?;
    }
    let running = cron(&door)?;
    for who in ["alice", "carol"] {
        door.marked_running(&format!("{who}-cron"), "600.62")?;
        door.marked_running(&format!("{who}-at"), "600.61")?;
    }
    let once = entries.revocation(&first);
    door.grants(&once)?;
    door.session_rests_on("alice", "second")?;
    door.marked_running("alice-cron", "600.62")?;
    door.grants(&once.revocation(&second))?;
    shell.is_over(&door)?;
    door.gone("alice-cron")?;
    door.gone("alice-at")?;
    drop(running);
    let _running = cron(&door)?;
    at(&door, "alice", "alice-at")?;
    for service in ["cron", "atd"] {
        door.audited(&format!("that {service} was refused"), |event| {
            event["event"] == "decision" && event["service"] == service && event["verdict"] == "deny"
        })?;
    }
    door.marked_running("carol-cron", "600.62")?;
    door.marked_running("carol-at", "600.61")?;
    assert_eq!((door.marked("alice-cron"), door.marked("alice-at")), (Vec::new(), Vec::new()));
    Ok(())
}

/// The user manager of somebody who lingers, with what it runs, ends with the last grant.
///
/// # Errors
/// When something is not as it should be.
pub fn what_lingers_ends_with_the_last_grant() -> Result<()> {
    let alices = Grant::live("alices", "alice");
    let entries = people().grant(&alices).grant(&Grant::live("bobs", "bob"));
    let door = Kind::Booted.door(&entries)?;
    // Has loginctl's effect; loginctl itself asks polkit.
    door.host()
        .sh("mkdir -p /var/lib/systemd/linger; cd /var/lib/systemd/linger; touch alice bob carol")
        .run()?
        .must()?;
    for who in ["alice", "bob"] {
        linger(&door, who)?;
    }
    // Somebody without any grant who lingers is nobody's business; nor is a system service that runs as her.
    door.host().exec(["systemctl", "start", "user@5003"]).run()?.must()?;
    let service = "systemd-run --quiet --unit=hers --uid=alice --setenv=JIT_MARK=service sleep 600.72";
    door.host().sh(service).run()?.must()?;
    door.grants(&entries.revocation(&alices))?;
    door.gone("alice-lingers")?;
    until(SOON, "her user manager is gone", || {
        door.host()
            .sh("systemctl is-active user@5001")
            .run()
            .is_ok_and(|output| output.stdout.trim() != "active")
    })?;
    door.marked_running("bob-lingers", "600.71")?;
    door.marked_running("service", "600.72")?;
    assert_eq!(door.host().sh("systemctl is-active user@5003").run()?.stdout.trim(), "active");
    Ok(())
}

fn linger(door: &Door, who: &str) -> Result<()> {
    let line = format!("systemd-run --user --quiet --setenv=JIT_MARK={who}-lingers sleep 600.71");
    let output = door.ssh(who, &line)?;
    assert!(output.ok(), "{output}");
    door.marked_running(&format!("{who}-lingers"), "600.71").map(drop)
}
