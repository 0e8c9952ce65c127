//! The units that are installed, on a host with systemd: what jitd is under them, that hardening takes nothing from it that it needs, and
//! that no login fails while it ends, dies or cannot start. That it still ends whatever a session consists of, and writes on people's
//! terminals and consoles, show the cases of `booted_sessions`: they run under the same units.

use std::collections::BTreeMap;
use std::time::Duration;

use jit_tests::door::{CONFIG, Door, Mode, SOON};
use jit_tests::ldif::{Grant, Ldif};
use jit_tests::logins::{self, Crowd};
use jit_tests::seat::Seat;
use jit_tests::sessions::for_seconds;
use jit_tests::trouble::{Result, Trouble};
use jit_tests::wait::until;

const UNIT: &str = "/usr/lib/systemd/system/jitd.service";

/// In tenths: what `systemd-analyze security` may say at most.
const EXPOSURE: &str = "20";

fn alice() -> Ldif {
    Ldif::new().person("alice").person("bob").grant(&Grant::live("all", "alice"))
}

/// alice holds a grant, bob none, carol is break-glass.
fn door() -> Result<Door> {
    let config = format!("{CONFIG}\n[break_glass]\nusers = [\"carol\"]\n");
    Door::booted(&["alice", "bob", "carol"], Mode::Enforcing, &config, &alice())
}

/// /proc/PID/status of each thread of jitd.
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

fn systemctl<'a>(door: &Door, arguments: impl IntoIterator<Item = &'a str>) -> Result<String> {
    door.host().exec(["systemctl"].into_iter().chain(arguments)).run()?.must()
}

fn pid(door: &Door) -> Result<String> {
    systemctl(door, ["show", "--value", "--property=MainPID", "jitd"]).map(|pid| pid.trim().to_owned())
}

/// Writes a drop-in for a unit, or takes it away.
fn drop_in(door: &Door, unit: &str, text: Option<&str>) -> Result<()> {
    let file = format!("/etc/systemd/system/{unit}.d/test.conf");
    match text {
        Some(text) => door.host().write(&file, 0o644, text)?,
        None => door.host().remove(&file)?,
    }
    systemctl(door, ["daemon-reload"]).map(drop)
}

/// jitd's own user in all four places, the groups jitd and tty (5 in Debian), CAP_KILL and nothing else, and a filter of system calls.
#[test]
fn what_it_is() -> Result<()> {
    let door = door()?;
    let host = door.host();
    let threads = threads(&door)?;
    assert!(threads.len() > 3, "{threads:?}");
    let expected = [
        ("Uid", "990 990 990 990"),
        ("Gid", "990 990 990 990"),
        ("Groups", "5 990"),
        ("CapEff", "0000000000000020"),
        ("CapPrm", "0000000000000020"),
        ("CapBnd", "0000000000000020"),
        ("CapAmb", "0000000000000000"),
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
    ];
    for thread in &threads {
        for (key, value) in expected {
            assert_eq!(thread.get(key).map(String::as_str), Some(value), "{key} of {}", thread["Name"]);
        }
    }
    // root's, but for what lies below.
    assert!(door.ssh("alice", "true")?.ok());
    let modes =
        "stat -c '%n %U %a' /run/jitd /run/jitd/* /var/lib/jitd /var/log/jitd /run/jitd/state/sessions";
    let found = host.sh(modes).run()?.must()?;
    for line in [
        "/run/jitd root 755",
        "/run/jitd/jitd.sock root 666",
        "/run/jitd/pam.sock root 600",
        "/run/jitd/pub jitd 755",
        "/run/jitd/state jitd 755",
        "/var/lib/jitd jitd 700",
        "/var/log/jitd jitd 750",
        "/run/jitd/state/sessions jitd 700",
    ] {
        assert!(found.lines().any(|found| found == line), "{line} is not among\n{found}");
    }
    let status = door.jitctl(["status"]).run()?;
    assert!(status.ok(), "{status}");
    Ok(())
}

#[test]
fn systemd_has_nothing_to_say_against_it() -> Result<()> {
    let door = door()?;
    let host = door.host();
    for unit in ["jitd.service", "jitd.socket", "jitd-control.socket"] {
        let said = host.sh(&format!("systemd-analyze verify --man=no {unit} 2>&1")).run()?.must()?;
        assert_eq!(said, "", "{unit}");
    }
    let line = ["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold", EXPOSURE, UNIT];
    let said = host.exec(line).run()?;
    assert!(said.ok(), "{said}");
    // What is still counted against it is explained in the unit, by name.
    let text = host.read(UNIT)?;
    for line in said.stdout.lines().filter(|line| line.contains('✗')) {
        let name = line.split_whitespace().nth(1).unwrap_or_default();
        let name = name.split(['~', '/']).next().unwrap_or_default();
        assert!(text.contains(&format!("#   {name}")), "{name} is not explained: {line}");
    }
    Ok(())
}

/// The filter of system calls takes nothing from it that it calls: killed at the first call that the filter refuses, it goes through a
/// session with its warnings and its end, a console's question, a reload and an end of its own.
#[test]
fn it_calls_nothing_that_is_refused() -> Result<()> {
    let door = door()?;
    drop_in(&door, "jitd.service", Some("[Service]\nSystemCallErrorNumber=kill\nRestart=no\n"))?;
    door.configure(&format!("{CONFIG}\n[session]\nwarn = [\"3s\"]\ngrace = \"1s\"\n"))?;
    systemctl(&door, ["restart", "jitd"])?;
    let before = pid(&door)?;
    let goes_on = |after: &str| -> Result<()> {
        assert_eq!(pid(&door)?, before, "after {after}:\n{}", door.jitd_output());
        Ok(())
    };
    let people = Ldif::new().person("alice").person("bob");
    door.grants(&people.clone().grant(&for_seconds("short", "alice", 6)))?;
    let mut seat = Seat::at(door.host(), &["ssh", "-tt", &format!("alice@{}", jit_tests::door::NAME)])?;
    seat.types("sudo nohup setsid sleep 600.81 & echo in-$((40 + 2))")?;
    seat.shows("in-42")?;
    seat.shows("extend")?;
    seat.ends(SOON, &[])?;
    until(SOON, "what root started for her is gone", || door.running("sleep 600.81").is_empty())?;
    goes_on("an end")?;
    for arguments in [["why", "alice"], ["grants", "--all"]] {
        door.jitctl(arguments).run()?;
    }
    door.host().exec_as("bob", ["jitctl", "status"]).run()?;
    assert!(!door.ssh("bob", "true")?.ok());
    goes_on("questions")?;
    systemctl(&door, ["reload", "jitd"])?;
    door.audited("the reload", |event| event["event"] == "config")?;
    goes_on("a reload")?;
    systemctl(&door, ["stop", "jitd"])?;
    let result = systemctl(&door, ["show", "--value", "--property=Result", "jitd"])?;
    assert_eq!(result.trim(), "success", "{}", door.jitd_output());
    Ok(())
}

/// Names of directories are resolved under it, although glibc would ask the kernel for the host's addresses by a family of sockets that
/// it does not have.
#[test]
fn names_are_resolved_without_netlink() -> Result<()> {
    let door = door()?;
    let unit = door.host().read(UNIT)?;
    let mut line: Vec<&str> = vec!["systemd-run", "--quiet", "--pipe", "--wait"];
    for setting in unit.lines().filter(|line| {
        ["RestrictAddressFamilies=", "SystemCallFilter=", "SystemCallErrorNumber=", "User="]
            .iter()
            .any(|name| line.starts_with(name))
    }) {
        line.extend(["--property", setting]);
    }
    line.extend(["getent", "ahosts", jit_tests::door::NAME]);
    let found = door.host().exec(line).run()?.must()?;
    assert!(found.contains("127.0.1.1"), "{found}");
    Ok(())
}

/// No login of somebody with a grant fails, and none of anybody else passes, while jitd is told to end, is killed, is started again,
/// and reads its configuration.
#[test]
fn no_login_fails_while_it_comes_and_goes() -> Result<()> {
    let door = door()?;
    let crowd = Crowd::of(door.host(), &["alice", "bob", "carol"])?;
    for round in 0..8 {
        crowd.go_on(1)?;
        let before = pid(&door)?;
        match round % 4 {
            0 | 2 => door.kill_jitd()?,
            1 => drop(systemctl(&door, ["restart", "jitd"])?),
            _ => drop(systemctl(&door, ["reload", "jitd"])?),
        }
        if round % 4 != 3 {
            until(SOON, "it is another", || pid(&door).is_ok_and(|now| now != "0" && now != before))?;
        }
    }
    crowd.go_on(2)?;
    let tallies = crowd.ends()?;
    for who in ["alice", "carol"] {
        let tally = logins::of(&tallies, who)?;
        assert!(tally.failed.is_empty() && tally.passed > 8, "{who}: {tally:#?}\n{}", door.jitd_output());
    }
    assert_eq!(logins::of(&tallies, "bob")?.passed, 0, "{tallies:#?}");
    Ok(())
}

/// Stopped, it is back with the next question; without its sockets it is not, and the enforcing file has the word.
#[test]
fn stopped_it_comes_back_and_without_its_sockets_it_does_not() -> Result<()> {
    let door = door()?;
    systemctl(&door, ["stop", "jitd"])?;
    assert_eq!(pid(&door)?, "0");
    let back = door.ssh("alice", "true")?;
    assert!(back.ok(), "{back}\n{}", door.jitd_output());
    assert_ne!(pid(&door)?, "0");
    door.stop_jitd()?;
    let (alice, carol) = (door.ssh("alice", "true")?, door.ssh("carol", "true")?);
    assert!(!alice.ok(), "{alice}");
    assert!(carol.ok(), "{carol}");
    assert_eq!(pid(&door)?, "0");
    systemctl(&door, ["start", "jitd.socket"])?;
    let back = door.ssh("alice", "true")?;
    assert!(back.ok(), "{back}\n{}", door.jitd_output());
    Ok(())
}

/// It is never given up, and neither are its sockets: with a configuration that it cannot use each login waits for its module's deadline
/// and goes by the enforcing file, and once that is mended nothing else has to be typed.
#[test]
fn a_jitd_that_cannot_start_is_tried_until_it_can() -> Result<()> {
    let door = door()?;
    door.configure("[host]\nnonsense = 1\n")?;
    door.kill_jitd()?;
    let tries = || -> u32 {
        let shown = systemctl(&door, ["show", "--value", "--property=NRestarts", "jitd"]);
        shown.ok().and_then(|shown| shown.trim().parse().ok()).unwrap_or_default()
    };
    // More often than systemd starts what it is told to give up, and sooner than it takes to type anything.
    until(SOON, "it was tried many times", || tries() > 6)?;
    let (alice, carol) = (door.ssh("alice", "true")?, door.ssh("carol", "true")?);
    assert!(!alice.ok() && carol.ok(), "{alice}\n{carol}");
    for socket in ["jitd.socket", "jitd-control.socket"] {
        assert_eq!(systemctl(&door, ["is-active", socket])?.trim(), "active", "{socket}");
    }
    door.configure(CONFIG)?;
    until(SOON, "alice comes in", || door.ssh("alice", "true").is_ok_and(|output| output.ok()))?;
    Ok(())
}

/// What somebody changed about its sockets, and what somebody took from it.
#[test]
fn what_does_not_fit_is_said() -> Result<()> {
    let door = door()?;
    let restart = || systemctl(&door, ["restart", "jitd.socket"]);
    drop_in(&door, "jitd.socket", Some("[Socket]\nSocketMode=0666\n"))?;
    restart()?;
    let status = || door.jitctl(["status"]).run().map(|output| output.to_string()).unwrap_or_default();
    until(SOON, "its status speaks of the mode", || status().contains("has the mode 0666 and not 0600"))
        .map_err(|e| Trouble::new(format!("{e}: {}", status())))?;
    drop_in(&door, "jitd.socket", None)?;
    restart()?;
    until(SOON, "its status is good again", || door.jitctl(["status"]).run().is_ok_and(|output| output.ok()))
        .map_err(|e| Trouble::new(format!("{e}: {}", status())))?;

    drop_in(&door, "jitd.service", Some("[Service]\nAmbientCapabilities=\nRestart=no\n"))?;
    let started = door.host().exec(["systemctl", "restart", "jitd"]).run()?;
    assert!(
        !started.ok() && door.jitd_output().contains("CAP_KILL is missing"),
        "{started}\n{}",
        door.jitd_output()
    );
    drop_in(&door, "jitd.service", None)?;
    systemctl(&door, ["start", "jitd"])?;
    assert!(door.ssh("alice", "true")?.ok());
    Ok(())
}

/// A reload puts another configuration in force, in the process that runs.
#[test]
fn a_reload_is_no_restart() -> Result<()> {
    let door = door()?;
    let before = pid(&door)?;
    door.configure(&format!("{CONFIG}\n[break_glass]\nusers = [\"bob\"]\n"))?;
    systemctl(&door, ["reload", "jitd"])?;
    let enters = || door.ssh("bob", "true").is_ok_and(|output| output.ok());
    until(Duration::from_secs(10), "bob is break-glass", enters)?;
    assert_eq!(pid(&door)?, before);
    Ok(())
}
