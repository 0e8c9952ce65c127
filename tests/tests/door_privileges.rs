//! What the daemon is while it runs: not root, and with no more than it needs to end a session and to say so. Seen from outside, in
//! /proc, in a host where an admin started it and in one where systemd did.

use std::collections::BTreeMap;
use std::fs;

use jit_tests::door::{CONFIG, Door, Mode};
use jit_tests::ldif::{Grant, Ldif};
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;

/// /proc/PID/status of each thread of the host's jitd, asked of the host.
fn threads(door: &Door) -> Result<Vec<BTreeMap<String, String>>> {
    let shown = door.host().sh("cat /proc/$(pidof jitd)/task/*/status").run()?.must()?;
    let mut threads: Vec<BTreeMap<String, String>> = Vec::new();
    for line in shown.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        if key == "Name" {
            threads.push(BTreeMap::new());
        }
        let thread = threads.last_mut().ok_or_else(|| Trouble::new("no name comes first"))?;
        thread.insert(key.to_owned(), value.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    Ok(threads)
}

/// CAP_KILL and nothing else, uid and gid 990 in all four places, the group tty (5 in Debian) and no other.
fn has_what_it_needs(door: &Door) -> Result<()> {
    let threads = threads(door)?;
    assert!(threads.len() > 3, "{threads:?}");
    let expected = [
        ("Uid", "990 990 990 990"),
        ("Gid", "990 990 990 990"),
        ("Groups", "5"),
        ("CapEff", "0000000000000020"),
        ("CapPrm", "0000000000000020"),
        ("CapInh", "0000000000000000"),
        ("CapAmb", "0000000000000000"),
        ("CapBnd", "0000000000000000"),
        ("NoNewPrivs", "1"),
    ];
    for thread in &threads {
        for (key, value) in expected {
            assert_eq!(thread.get(key).map(String::as_str), Some(value), "{key} of {}", thread["Name"]);
        }
    }
    Ok(())
}

fn alice() -> Ldif {
    Ldif::new().person("alice").grant(&Grant::live("all", "alice"))
}

#[test]
fn started_by_hand() -> Result<()> {
    let door = Door::up(&["alice"], Mode::Enforcing, CONFIG, &alice())?;
    has_what_it_needs(&door)
}

/// The unit that is installed, and each capability that it leaves to the start.
#[test]
fn started_by_systemd() -> Result<()> {
    let door = Door::booted(&["alice"], Mode::Enforcing, CONFIG, &alice())?;
    let host = door.host();
    has_what_it_needs(&door)?;
    assert!(door.ssh("alice", "true")?.ok());
    host.exec(["systemd-analyze", "verify", "/etc/systemd/system/jitd.service"]).run()?.must()?;

    // More often than systemd starts what it is told to give up.
    for _ in 0..8 {
        let before = host.exec(["pidof", "jitd"]).run()?.must()?;
        door.kill_jitd()?;
        until(std::time::Duration::from_secs(30), "systemd has started it again", || {
            let again = host.exec(["pidof", "jitd"]).run();
            again.is_ok_and(|again| again.ok() && again.stdout != before)
        })?;
    }
    host.exec(["systemctl", "reload-or-restart", "jitd"]).run()?.must()?;
    assert!(door.ssh("alice", "true")?.ok());
    has_what_it_needs(&door)?;

    let unit = host.read("/etc/systemd/system/jitd.service")?;
    let set = unit.lines().find_map(|line| line.strip_prefix("CapabilityBoundingSet=")).unwrap_or_default();
    assert!(set.contains("CAP_KILL"), "{set}");
    for spared in set.split_whitespace() {
        // Without CAP_SETPCAP the bounding set stays as systemd made it; no_new_privs says the same as an empty one.
        if spared == "CAP_SETPCAP" {
            continue;
        }
        let fewer = format!("[Service]\nCapabilityBoundingSet=~{spared}\nRestart=no\n");
        host.write("/etc/systemd/system/jitd.service.d/fewer.conf", 0o644, fewer)?;
        host.exec(["systemctl", "daemon-reload"]).run()?.must()?;
        let started = host.exec(["systemctl", "restart", "jitd"]).run()?;
        assert!(!started.ok(), "{spared} is not needed: {started}");
    }
    fs::remove_file(host.path("/etc/systemd/system/jitd.service.d/fewer.conf"))
        .map_err(|e| Trouble::new(e.to_string()))?;
    host.exec(["systemctl", "daemon-reload"]).run()?.must()?;
    host.exec(["systemctl", "restart", "jitd"]).run()?.must()?;
    has_what_it_needs(&door)
}
