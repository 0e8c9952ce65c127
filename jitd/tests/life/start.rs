//! What must be right before the daemon starts, and whom it becomes.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use jit_proto::Verdict;

use crate::host::{Host, PEOPLE, SOMEBODY, grant, sshd};

/// CAP_KILL in /proc/PID/status.
const KILL: u64 = 1 << 5;

fn of_process(pid: u32, key: &str) -> Vec<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().skip(1).map(str::to_owned).collect()
}

#[test]
fn it_leaves_root_behind_for_good() {
    let host = Host::granted();
    // With a group too many, as a login shell's root may have, and capabilities that programs would inherit.
    let mut command = Command::new("setpriv");
    command
        .args(["--groups", "4242", "--inh-caps", "+kill,+setuid", "--ambient-caps", "+kill,+setuid"])
        .arg(env!("CARGO_BIN_EXE_jitd"))
        .args(host.arguments())
        .arg("--user=nobody");
    let jitd = host.run(command);
    let third = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split(':').nth(2).unwrap().to_owned()
    };
    let (uid, tty) = (third("/etc/passwd", "nobody:"), third("/etc/group", "tty:"));
    for thread in fs::read_dir(format!("/proc/{}/task", jitd.pid())).unwrap() {
        let thread = thread.unwrap().file_name().into_string().unwrap().parse().unwrap();
        assert_eq!(of_process(thread, "Uid:"), vec![uid.clone(); 4]);
        assert!(of_process(thread, "Gid:").iter().all(|gid| gid != "0"));
        let groups = of_process(thread, "Groups:");
        assert!(groups.iter().all(|gid| gid != "0" && gid != "4242"), "{groups:?}");
        assert!(groups.contains(&tty), "to write to terminals: {groups:?}");
        assert_eq!(of_process(thread, "NoNewPrivs:"), ["1"]);
        for (set, has) in
            [("CapInh:", 0), ("CapPrm:", KILL), ("CapEff:", KILL), ("CapBnd:", 0), ("CapAmb:", 0)]
        {
            assert_eq!(of_process(thread, set), [format!("{has:016x}")], "{set}");
        }
    }
    jitd.comes_to("alice", Verdict::Allow);
    assert_eq!(jitd.ask(&sshd("bob", SOMEBODY)).0, Verdict::Deny);
    let about = |name: &str| {
        let meta = fs::symlink_metadata(host.path(name)).unwrap();
        (meta.uid().to_string(), meta.mode() & 0o7777)
    };
    let root = || "0".to_owned();
    assert_eq!(about("run"), (root(), 0o755));
    assert_eq!(about("run/pam.sock"), (root(), 0o600));
    assert_eq!(about("run/jitd.sock"), (root(), 0o666));
    assert_eq!(about("run/pub"), (uid.clone(), 0o755));
    assert_eq!(about("run/state"), (uid.clone(), 0o700));
    assert_eq!(about("state"), (uid.clone(), 0o700));
    assert_eq!(about("log"), (uid.clone(), 0o750));
    host.audited("something", |_| true);
    assert_eq!(about("log/audit.jsonl").0, uid);
    assert!(jitd.stop().success());
    assert_eq!(about("state/store"), (uid, 0o600));
}

/// A service manager may have taken capabilities before: all but CAP_KILL are done without, where the start needs no other.
#[test]
fn it_does_not_start_without_what_it_must_keep() {
    let host = Host::new();
    let limited = |without: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set", without, env!("CARGO_BIN_EXE_jitd")]).args(host.arguments());
        command.arg("--user=nobody");
        command
    };
    let (status, said) = host.fails(limited("-kill"));
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("CAP_KILL is missing") && said.contains("CapabilityBoundingSet="), "{said}");
    let mut check = limited("-kill");
    check.arg("--check");
    let (status, said) = host.fails(check);
    assert_eq!((status.code(), said.contains("CAP_KILL is missing")), (Some(1), true), "{said}");
    assert!(!host.path("run").exists(), "nothing was made");

    host.write("enforcing", "");
    host.write("grants.ldif", &format!("{PEOPLE}{}", grant("g1", "alice")));
    let jitd = host.run(limited("-setpcap,-sys_admin"));
    jitd.comes_to("alice", Verdict::Allow);
    for (set, has) in [("CapInh:", 0), ("CapPrm:", KILL), ("CapEff:", KILL), ("CapAmb:", 0)] {
        assert_eq!(of_process(jitd.pid(), set), [format!("{has:016x}")], "{set}");
    }
}

#[test]
fn it_does_not_become_root_or_nobody_known() {
    let host = Host::new();
    for (user, why) in
        [("root", "is root"), ("no-such-user", "there is no user"), ("a b", "there is no user")]
    {
        let mut command = host.command();
        command.args(["--user", user]);
        let (status, said) = host.fails(command);
        assert_eq!(status.code(), Some(1));
        assert!(said.contains(why), "{said}");
        let mut check = host.command();
        check.args(["--check", "--user", user]);
        assert_eq!(host.fails(check).0.code(), Some(1));
    }
    assert!(!host.path("run").exists(), "nothing was made");
}

#[test]
fn others_may_not_write_where_it_keeps_its_things() {
    let host = Host::new();
    for name in ["run", "state", "log"] {
        fs::create_dir_all(host.path(name)).unwrap();
        fs::set_permissions(host.path(name), fs::Permissions::from_mode(0o777)).unwrap();
        let (status, said) = host.fails(host.command());
        assert_eq!(status.code(), Some(1));
        assert!(said.contains("may be written by others") && said.contains(name), "{said}");
        fs::set_permissions(host.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::remove_dir_all(host.path("run")).unwrap();
    std::os::unix::fs::symlink(host.path("state"), host.path("run")).unwrap();
    let (status, said) = host.fails(host.command());
    assert_eq!((status.code(), said.contains("run cannot be")), (Some(1), true), "{said}");
    fs::remove_file(host.path("run")).unwrap();
    fs::create_dir(host.path("run")).unwrap();
    fs::write(host.path("run/pam.sock"), "precious").unwrap();
    let (status, said) = host.fails(host.command());
    assert_eq!((status.code(), said.contains("is there and no socket")), (Some(1), true), "{said}");
}

#[test]
fn a_second_daemon_does_not_take_the_first_ones_place() {
    let host = Host::granted();
    let first = host.start();
    let (status, said) = host.fails(host.command());
    assert_eq!(status.code(), Some(1));
    assert!(said.contains("another jitd"), "{said}");
    // Nor does it give away what the first one needs.
    let mut other = host.command();
    other.arg("--user=nobody");
    let (status, said) = host.fails(other);
    assert_eq!((status.code(), said.contains("another jitd")), (Some(1), true), "{said}");
    for name in ["run/pub", "run/state", "state", "log"] {
        assert_eq!(fs::metadata(host.path(name)).unwrap().uid(), 0, "{name}");
    }
    first.comes_to("alice", Verdict::Allow);
    first.kill();
    host.start_for("alice");
}

#[test]
fn check_says_whether_it_would_start_and_starts_nothing() {
    let host = Host::new();
    let check = || {
        let mut command = host.command();
        command.arg("--check");
        host.fails(command)
    };
    let (status, said) = check();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("good, jitd would start"), "{said}");
    fs::remove_file(host.path("grants.ldif")).unwrap();
    let (status, said) = check();
    assert_eq!(status.code(), Some(0), "a source in trouble is no reason not to start: {said}");
    assert!(said.contains("note: source ldif:") && said.contains("does not exist"), "{said}");
    fs::set_permissions(host.path("jitd.toml"), fs::Permissions::from_mode(0o600)).unwrap();
    let mut as_nobody = host.command();
    as_nobody.args(["--check", "--user=nobody"]);
    let (status, said) = host.fails(as_nobody);
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("may not be read by nobody, so a reload would fail: chgrp"), "{said}");
    host.write("jitd.toml", "[host]\nname = 7\nnam = 8\n");
    let (status, said) = check();
    assert_eq!(status.code(), Some(1));
    for fault in [":2:8: host.name: expects", ":3:1: host.nam: unknown key", "jitd would not start"] {
        assert!(said.contains(fault), "{fault} in {said}");
    }
    let (status, said) = host.fails(host.command());
    assert_eq!(status.code(), Some(1));
    assert!(said.contains(":2:8: host.name") && said.contains(":3:1:"), "{said}");
    assert!(!host.path("run").exists());
}
