//! The ground that docs/threat-model.md stands on, tried and not taken from manuals: what the daemon's rights are worth to whoever takes it
//! over, what a person can do to outlive his grant, and where that ends because he was root.

use std::time::Duration;

use jit_tests::door::{Door, LINE, NAME};
use jit_tests::host::Host;
use jit_tests::ldif::{Grant, Ldif};
use jit_tests::sessions::{Kind, for_seconds, is, people};
use jit_tests::trouble::Result;
use jit_tests::wait::until;

const SOON: Duration = Duration::from_secs(30);

fn bobs() -> Ldif {
    people().grant(&Grant::live("bobs", "bob"))
}

fn both() -> Ldif {
    bobs().grant(&Grant::live("alices", "alice"))
}

/// A command of a person's that leaves something behind, running when `line` does.
fn leaves(door: &Door, who: &str, mark: &str, command: &str, line: &str) -> Result<()> {
    let client = door.client(who).marked(mark).runs(command)?;
    assert_eq!(client.ends()?, 0, "{client:?}");
    door.marked_running(mark, line).map(drop)
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
    let door = Kind::Plain.door(&both())?;
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

#[test]
fn namespaces_of_ones_own_are_no_way_out() -> Result<()> {
    let door = Kind::Plain.door(&both())?;
    let quiet = "</dev/null >/dev/null 2>&1 &";
    let inside =
        "--pid --fork --mount-proc --mount --net --ipc --uts --cgroup setsid sh -c 'sleep 600.91; :'";
    leaves(&door, "alice", "hers", &format!("unshare --user --map-root-user {inside} {quiet}"), "600.91")?;
    leaves(&door, "bob", "his", &format!("unshare --user --map-root-user {inside} {quiet}"), "600.91")?;
    door.grants(&bobs())?;
    door.gone("hers")?;
    door.marked_running("his", "600.91").map(drop)
}

/// Where pam_loginuid is missing, a person may write whom he likes into his own loginuid.
#[test]
fn nobody_hides_in_anothers_name() -> Result<()> {
    let door = Kind::Plain.door(&both())?;
    let file = door.host().read("/etc/pam.d/sshd")?;
    assert!(file.contains("pam_loginuid.so") && file.contains(LINE), "{file}");
    let without: String =
        file.lines().filter(|line| !line.contains("pam_loginuid")).flat_map(|line| [line, "\n"]).collect();
    door.host().write("/etc/pam.d/sshd", 0o644, without)?;
    let mut bobs_own = door.terminal("bob", "his")?;
    bobs_own.types("sleep 600.92")?;
    door.marked_running("his", "600.92")?;
    let mut shell = door.terminal("alice", "hers")?;
    shell.types("echo 5002 >/proc/self/loginuid; cat /proc/self/loginuid; echo")?;
    shell.types("sleep 600.92 & setsid sleep 600.93 & sleep 600.94")?;
    for line in ["600.92", "600.93", "600.94"] {
        door.marked_running("hers", line)?;
    }
    door.grants(&bobs())?;
    door.gone("hers")?;
    door.marked_running("his", "600.92")?;
    assert_eq!(bobs_own.status(), None, "{bobs_own:?}");
    Ok(())
}

#[test]
fn a_terminal_that_takes_no_messages_gets_none() -> Result<()> {
    let door = Kind::Plain.door(&both())?;
    let mut shell = door.terminal("alice", "hers")?;
    shell.types("mesg n; echo closed-$((1 + 1))")?;
    shell.shows("closed-2")?;
    door.grants(&bobs().grant(&for_seconds("alices", "alice", 5)))?;
    let warned = door.audited("the warning", |event| is(event, "warned", "alice"))?;
    assert!(warned["told"].is_null(), "{warned}");
    door.gone("hers")?;
    assert!(!shell.screen().contains("jit:"), "{shell:?}");
    Ok(())
}

/// root left nothing on purpose: his daemon ends. What he had process 1 start does not, and a login is asked again.
#[test]
fn what_root_had_process_1_start_goes_on() -> Result<()> {
    let door = Kind::Booted.door(&both())?;
    let by_hand = "sudo JIT_MARK=hand sh -c 'setsid sleep 600.95 </dev/null >/dev/null 2>&1 &'";
    let by_manager = "sudo systemd-run --quiet --setenv=JIT_MARK=manager sleep 600.96";
    leaves(
        &door,
        "alice",
        "hers",
        &format!("{by_hand}; {by_manager}; exec sleep 600.97 </dev/null >/dev/null 2>&1 &"),
        "600.97",
    )?;
    door.marked_running("hand", "600.95")?;
    door.marked_running("manager", "600.96")?;
    door.grants(&bobs())?;
    for mark in ["hers", "hand"] {
        door.gone(mark)?;
    }
    door.marked_running("manager", "600.96")?;
    assert!(!door.ssh("alice", "true")?.ok());
    Ok(())
}

/// A /proc that hides others from jitd is said, and ends nothing.
#[test]
fn a_proc_that_hides_is_a_concern() -> Result<()> {
    let door = Kind::Plain.door(&both())?;
    let status = || door.jitctl(["status"]).run();
    assert_eq!(status()?.status, 0, "{}", status()?);
    leaves(&door, "alice", "hers", "sleep 600.98 </dev/null >/dev/null 2>&1 &", "600.98")?;
    door.host().exec(["mount", "-o", "remount,hidepid=2", "/proc"]).run()?.must()?;
    until(SOON, "status says it", || {
        status().is_ok_and(|shown| shown.status == 1 && shown.stdout.contains("hidepid="))
    })?;
    door.grants(&bobs())?;
    // Given the group that may see, it catches up.
    door.host().exec(["mount", "-o", "remount,hidepid=2,gid=990", "/proc"]).run()?.must()?;
    door.gone("hers")?;
    until(SOON, "status is good again", || status().is_ok_and(|shown| shown.status == 0))
}
