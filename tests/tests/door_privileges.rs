//! What the daemon is while it runs: not root, and with no more than it needs to end a session and to say so. Seen from outside, in
//! /proc, in a host where an admin started it and in one where systemd did. And what that is worth to whoever takes it over, and what
//! people can do about the marks of their logins: the ground that docs/threat-model.md stands on.

use std::collections::BTreeMap;
use std::fs;

use jit_tests::door::{CONFIG, Door, Mode, NAME};
use jit_tests::host::Host;
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

/// Tries what can be done to a terminal, as the daemon, and prints what can.
const TRIES: &str = r#"
use Fcntl; use POSIX; my $t = $ARGV[0]; my $byte = "x"; my $settings = "\0" x 64; my ($r, $w);
print "reads\n" if sysopen($r, $t, O_RDONLY | O_NOCTTY) or sysopen($r, $t, O_RDWR | O_NOCTTY);
print "writes\n" if sysopen($w, $t, O_WRONLY | O_NOCTTY | O_NONBLOCK) and syswrite($w, "hello\n");
print "types\n" if ioctl($w, 0x5412, $byte);              # TIOCSTI
print "hangs up\n" if ioctl($w, 0x5437, 0);               # TIOCVHANGUP
print "sets\n" if ioctl($w, 0x5401, $settings) and ioctl($w, 0x5402, $settings);   # TCGETS, TCSETS
exit if fork; POSIX::setsid();
print "takes\n" if ioctl($w, 0x540E, 0);                  # TIOCSCTTY
print "types as its own\n" if ioctl($w, 0x5412, $byte);
"#;

#[test]
fn a_terminal_can_be_written_and_disturbed_but_neither_read_nor_typed_on() -> Result<()> {
    let host = Host::named(NAME).up()?;
    host.user("alice", 5001)?;
    host.write("/tries.pl", 0o644, TRIES)?;
    let can = host.sh(
        "setpriv --reuid=alice --regid=alice --init-groups script -qec 'tty >~alice/tty; sleep 600' /dev/null \
             </dev/null >/dev/null 2>&1 & \
         for try in $(seq 1000); do [ -s ~alice/tty ] && break; sleep 0.02; done; \
         setpriv --reuid=990 --regid=990 --groups=5 --no-new-privs --inh-caps=-all,+kill --ambient-caps=+kill \
             --bounding-set=-all,+kill perl /tries.pl $(cat ~alice/tty); kill $!",
    );
    assert_eq!(can.run()?.must()?, "writes\nsets\n");
    Ok(())
}

#[test]
fn only_root_sheds_the_mark_of_his_login() -> Result<()> {
    let door = Door::up(&["alice"], Mode::Enforcing, CONFIG, &alice())?;
    let mark = "cat /proc/self/loginuid /proc/self/sessionid";
    // The first login of this host may have any number, but it has one, and so has all that comes from it.
    let marks = door.ssh("alice", &format!("{mark}; echo; setsid sh -c 'sudo {mark}'"))?.must()?;
    let (first, second) = marks.split_once('\n').unwrap_or_default();
    assert!(first == second && first.starts_with("5001") && !first.contains("4294967295"), "{marks}");
    for shed in ["echo 4294967295 >/proc/self/loginuid", "echo 5002 >/proc/self/loginuid"] {
        assert_eq!(door.ssh("alice", &format!("{shed}; cat /proc/self/loginuid"))?.stdout, "5001", "{shed}");
        let inside = format!("unshare --user --map-root-user sh -c '{shed}'; cat /proc/self/loginuid");
        assert_eq!(door.ssh("alice", &inside)?.stdout, "5001", "{inside}");
    }
    // Who is root can.
    let shed =
        door.ssh("alice", "sudo sh -c 'echo 4294967295 >/proc/self/loginuid; cat /proc/self/loginuid'")?;
    assert_eq!(shed.stdout, "4294967295", "{shed}");
    // Who has no mark can give himself any, once.
    let free = "cat /proc/self/loginuid; echo 5002 >/proc/self/loginuid; echo 5003 >/proc/self/loginuid; \
                cat /proc/self/loginuid";
    let marked = door.host().sh(&format!(
        "echo 4294967295 >/proc/self/loginuid; exec setpriv --reuid=alice --regid=alice --init-groups sh -c '{free}'"
    ));
    assert_eq!(marked.run()?.stdout, "42949672955002");
    Ok(())
}
