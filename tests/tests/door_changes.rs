//! How a door closes: a grant runs out while nobody touches anything, is deleted, is revoked, and stays closed whatever
//! happens to the entries afterwards.

use std::time::Duration;

use jit_tests::door::{CONFIG, Door, Mode};
use jit_tests::ldif::{Grant, Ldif};
use jit_tests::trouble::Result;
use jit_tests::wait::until;
use rustix::process::Signal;

fn told(door: &Door, who: &str) -> Result<String> {
    let output = door.ssh(who, "true")?;
    assert!(!output.ok(), "{who} should be refused");
    Ok(output.stderr)
}

#[test]
fn expires_while_nobody_touches_the_directory() -> Result<()> {
    let door = Door::up(&["alice"], Mode::Enforcing, CONFIG, &Ldif::new())?;
    let entries = Ldif::new().person("alice").grant(&Grant::live("short", "alice").between(-60, 6));
    door.grants(&entries)?;
    assert!(door.ssh("alice", "true")?.ok());
    until(Duration::from_secs(20), "ssh is refused", || {
        door.ssh("alice", "true").is_ok_and(|output| !output.ok())
    })?;
    assert!(told(&door, "alice")?.contains("expired"));
    Ok(())
}

#[test]
fn a_grant_that_is_deleted_is_over_for_good() -> Result<()> {
    let with = Ldif::new().person("alice").grant(&Grant::live("first", "alice"));
    let door = Door::up(&["alice"], Mode::Enforcing, CONFIG, &with)?;
    assert!(door.ssh("alice", "true")?.ok());
    door.grants(&Ldif::new().person("alice"))?;
    assert!(told(&door, "alice")?.contains("no grant"));
    door.grants(&with)?;
    assert!(told(&door, "alice")?.contains("deleted"), "a grant that comes back does not count");
    // Neither does a restart of the daemon forget it.
    door.stop_jitd()?;
    door.start_jitd()?;
    assert!(told(&door, "alice")?.contains("deleted"));
    door.grants(&with.grant(&Grant::live("second", "alice")))?;
    assert!(door.ssh("alice", "true")?.ok(), "asking anew works");
    Ok(())
}

#[test]
fn a_revocation_holds_whatever_becomes_of_its_entry() -> Result<()> {
    let grant = Grant::live("one", "alice");
    let granted = Ldif::new().person("alice").grant(&grant);
    let door = Door::up(&["alice"], Mode::Enforcing, CONFIG, &granted)?;
    assert!(door.ssh("alice", "sudo true")?.ok());
    door.grants(&granted.clone().revocation(&grant))?;
    assert!(told(&door, "alice")?.contains("revoked"));
    door.grants(&granted)?;
    assert!(told(&door, "alice")?.contains("revoked"), "the entry is gone, the revocation is not");
    door.kill_jitd()?;
    door.start_jitd()?;
    assert!(told(&door, "alice")?.contains("revoked"), "not even when the daemon was killed");
    let sudo = door.host().exec_as("alice", ["sudo", "true"]).run()?;
    assert!(!sudo.ok() && sudo.stderr.contains("revoked"), "{sudo}");
    Ok(())
}

#[test]
fn an_approver_who_left_no_longer_counts() -> Result<()> {
    let grant = Grant::live("two-eyes", "alice").under("careful");
    let entries = |sre: &[&str]| {
        let members: Vec<String> = sre.iter().map(|who| jit_tests::ldif::person(who)).collect();
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        let (sre, alice) = (jit_tests::ldif::group("sre"), jit_tests::ldif::person("alice"));
        let rules = [
            ("jitHost", "*"),
            ("jitEligible", alice.as_str()),
            ("jitApprovalsRequired", "2"),
            ("jitApproverGroup", &sre),
        ];
        let people = Ldif::new().person("alice").person("bob").person("carol").person("dave");
        let approved = people.group("sre", &members).role("careful", &rules).grant(&grant);
        approved.filed_approval(&grant, "bob").filed_approval(&grant, "carol").filed_approval(&grant, "dave")
    };
    let door = Door::up(&["alice"], Mode::Enforcing, CONFIG, &entries(&["bob", "carol", "dave"]))?;
    assert!(door.ssh("alice", "true")?.ok());
    door.grants(&entries(&["carol", "dave"]))?;
    assert!(door.ssh("alice", "true")?.ok(), "a spare approval takes his place");
    door.grants(&entries(&["dave"]))?;
    assert!(told(&door, "alice")?.contains("1 more approval"));
    Ok(())
}

/// A file that cannot be used is reported, and the last good one stays in force: nothing is lengthened, nobody locked out.
#[test]
fn a_bad_file_changes_nothing_and_is_reported() -> Result<()> {
    let good = Ldif::new().person("alice").grant(&Grant::live("one", "alice"));
    let door = Door::up(&["alice", "bob"], Mode::Enforcing, CONFIG, &good)?;
    let text = door.host().read("/etc/jitd/grants.ldif")?;
    let more = Ldif::new().person("bob").grant(&Grant::live("two", "bob")).to_string();
    let complains = |what: &str| {
        until(Duration::from_secs(30), &format!("status complains of {what}"), || {
            door.jitctl(["status"])
                .run()
                .is_ok_and(|output| output.status == 1 && output.stdout.contains("grants.ldif"))
        })
    };
    let recovers = || {
        until(Duration::from_secs(30), "status is well again", || {
            door.jitctl(["status"]).run().is_ok_and(|o| o.ok())
        })
    };
    door.host().write("/etc/jitd/grants.ldif", 0o644, format!("{text}{more}this is no LDIF\n"))?;
    complains("a line that is no LDIF")?;
    assert!(door.ssh("alice", "true")?.ok());
    assert!(told(&door, "bob")?.contains("no grant"), "half a file was believed");
    door.host().write("/etc/jitd/grants.ldif", 0o644, &text)?;
    recovers()?;
    door.host().write("/etc/jitd/grants.ldif", 0o666, format!("{text}{more}"))?;
    complains("a file that everybody may write")?;
    assert!(told(&door, "bob")?.contains("no grant"));
    door.host().write("/etc/jitd/grants.ldif", 0o644, &text)?;
    recovers()?;
    door.host()
        .sh(&format!(
            "cat > /tmp/x <<'E'\n{text}{more}\nE\nchown alice /tmp/x; mv /tmp/x /etc/jitd/grants.ldif"
        ))
        .run()?
        .must()?;
    complains("a file that is not root's")?;
    assert!(told(&door, "bob")?.contains("no grant"));
    door.host().remove("/etc/jitd/grants.ldif")?;
    complains("no file at all")?;
    assert!(door.ssh("alice", "true")?.ok());
    door.host().write("/etc/jitd/grants.ldif", 0o644, format!("{text}{more}"))?;
    recovers()?;
    assert!(door.ssh("bob", "true")?.ok());
    Ok(())
}

/// A new configuration that is wrong changes nothing, and one that is right counts at once.
#[test]
fn a_reload_keeps_what_works() -> Result<()> {
    let entries = Ldif::new().person("alice").grant(&Grant::live("one", "alice").with("jitHost", "@edge"));
    let door = Door::up(&["alice"], Mode::Enforcing, CONFIG, &entries)?;
    assert!(!door.ssh("alice", "true")?.ok());
    let edge = CONFIG.replace("\"web\"", "\"web\", \"edge\"");
    let complains = || {
        door.jitd_output().contains("jitd.toml")
            || door.host().syslog().iter().any(|line| line.contains("jitd.toml"))
    };
    assert!(!complains(), "nothing is wrong yet");
    door.configure(&edge.replace("[host]", "[host]\nx = 1"))?;
    door.signal_jitd(Signal::HUP)?;
    until(Duration::from_secs(30), "jitd says what is wrong", complains)?;
    assert!(!door.ssh("alice", "true")?.ok());
    door.configure(&edge)?;
    door.signal_jitd(Signal::HUP)?;
    until(Duration::from_secs(30), "the new host group counts", || {
        door.ssh("alice", "true").is_ok_and(|output| output.ok())
    })
}
