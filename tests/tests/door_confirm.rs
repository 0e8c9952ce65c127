//! Enforcing with a way back: refused where nobody could get in, back by itself unless confirmed, and confirmed only by a login that has just
//! passed the door.

use std::time::Duration;

use jit_tests::client::Client;
use jit_tests::door::{CONFIG, Door, Mode};
use jit_tests::host::console::Console;
use jit_tests::ldif::{Grant, Ldif};
use jit_tests::trouble::Result;
use jit_tests::wait::until;
use serde_json::Value;

/// A file that falls back does so within seconds; the machine may be busy.
const SOON: Duration = Duration::from_secs(60);

/// More than a login takes on a busy machine.
const SHORT: &str = "20s";

fn alice() -> Ldif {
    Ldif::new().person("alice").grant(&Grant::live("one", "alice"))
}

fn enforce(door: &Door, within: &str) -> Result<String> {
    door.jitctl(["mode", "enforcing", "--force", "--confirm-within", within]).run()?.must()
}

fn file(door: &Door) -> Result<String> {
    door.host().read("/etc/jitd/enforcing")
}

fn is_unconfirmed(door: &Door) -> Result<bool> {
    Ok(file(door)?.contains("\nuntil "))
}

/// A change of the mode in the audit.
fn changed(door: &Door, change: &str) -> Result<Value> {
    door.audited(&format!("the mode, {change}"), |event| {
        event["event"] == "mode" && event["change"] == change
    })
}

/// Types a command, and waits until it has ended like this.
fn types(shell: &mut Client, number: u32, command: &str, status: i32) -> Result<()> {
    shell.types(&format!("{command}; echo done-$((1000 + {number}))=$?"))?;
    shell.shows(&format!("done-{}={status}", 1000 + number))
}

#[test]
fn only_a_login_that_has_just_passed_confirms() -> Result<()> {
    let door = Door::up(&["alice"], Mode::Permissive, CONFIG, &alice())?;
    let mut old = door.terminal("alice", "old")?;
    // At a terminal it is unconfirmed unless told otherwise, and says so.
    types(&mut old, 1, "sudo jitctl mode enforcing --force", 0)?;
    assert!(old.screen().contains("enforcing, unconfirmed until"), "{old:?}");
    assert!(old.screen().contains("open a second one"), "{old:?}");
    let event = changed(&door, "enforcing")?;
    assert_eq!((event["uid"].as_u64(), event["login_uid"].as_u64()), (Some(0), Some(5001)), "{event}");
    assert_eq!((event["name"].as_str(), event["until"].is_string()), (Some("alice"), true), "{event}");

    // The one that typed it, by sudo, by a shell of root's, and by a script that does both.
    for (number, command) in [
        (2, "sudo jitctl mode confirm"),
        (3, "sudo -i jitctl mode confirm"),
        (4, "sudo sh -c 'jitctl mode enforcing --force --confirm-within 10m && jitctl mode confirm'"),
        (5, "sudo setsid -w jitctl mode confirm"),
    ] {
        types(&mut old, number, command, 1)?;
        assert!(is_unconfirmed(&door)?, "{command}");
    }
    assert!(old.screen().contains("login of alice by sshd"), "{old:?}");
    // A login that was typed in it asks for no password, and the door lets it in.
    old.types("sudo login -f alice")?;
    types(&mut old, 6, "sudo jitctl mode confirm", 1)?;
    assert!(is_unconfirmed(&door)?, "login -f");
    old.types("exit")?;
    // Somebody in no login.
    let nobody = door.jitctl(["mode", "confirm"]).run()?;
    assert!(nobody.status == 1 && nobody.stderr.contains("no login that this shell is in"), "{nobody}");
    let refusal = door.audited("a refusal", |event| event["request"] == "mode-confirm")?;
    assert_eq!((refusal["event"].as_str(), refusal["outcome"].as_str()), (Some("control"), Some("refused")));
    assert!(door.jitctl(["mode"]).run()?.must()?.contains("unconfirmed until"));
    assert!(door.jitctl(["status"]).run()?.stdout.contains("unconfirmed until"));

    let confirmed = door.ssh("alice", "sudo -n jitctl mode confirm")?;
    assert_eq!((confirmed.status, confirmed.stdout.as_str()), (0, "enforcing\n"), "{confirmed}");
    assert!(!is_unconfirmed(&door)? && !file(&door)?.contains("Unconfirmed"), "{}", file(&door)?);
    let event = changed(&door, "confirmed")?;
    assert_eq!((event["uid"].as_u64(), event["login_uid"].as_u64()), (Some(0), Some(5001)), "{event}");
    assert!(event["session"].is_string() && event["until"].is_null(), "{event}");
    assert!(door.host().syslog().iter().any(|line| line.contains("mode enforcing for good")));

    // Back at once.
    types(&mut old, 7, "sudo jitctl mode permissive", 0)?;
    let event = changed(&door, "permissive")?;
    assert_eq!((event["uid"].as_u64(), event["name"].as_str()), (Some(0), Some("alice")), "{event}");
    // A hand that tells nobody.
    door.host().write("/etc/jitd/enforcing", 0o644, "")?;
    let event = door.audited("that nobody told", |event| {
        event["event"] == "mode" && event["text"].as_str().is_some_and(|text| text.contains("nobody told"))
    })?;
    assert!(event["to"] == "enforcing" && event["uid"].is_null(), "{event}");
    Ok(())
}

/// Who came in by what was enforced before proves nothing of what is enforced now; `ssh` to this very host does.
#[test]
fn a_login_under_the_former_file_is_old() -> Result<()> {
    let door = Door::up(&["alice"], Mode::Enforcing, CONFIG, &alice())?;
    let mut old = door.terminal("alice", "old")?;
    enforce(&door, "10m")?;
    types(&mut old, 1, "sudo jitctl mode confirm", 1)?;
    assert!(old.screen().contains("came in before this enforcing file was written"), "{old:?}");
    // A job is no login, whatever it rests on.
    let job = door.host().start("atd", ["atd", "-f"])?;
    door.host()
        .exec_as("alice", ["at", "now"])
        .stdin("sudo -n jitctl mode confirm >/tmp/job 2>&1; echo done >>/tmp/job\n")
        .run()?
        .must()?;
    until(SOON, "the job is done", || door.host().read("/tmp/job").is_ok_and(|said| said.contains("done")))?;
    job.kill()?;
    let said = door.host().read("/tmp/job")?;
    assert!(said.contains("Keep this one open") && is_unconfirmed(&door)?, "{said}");
    // jitd forgets who came in when, if it is started anew, and says so rather than guess.
    let mut newer = door.terminal("alice", "newer")?;
    door.stop_jitd()?;
    door.start_jitd()?;
    types(&mut newer, 2, "sudo jitctl mode confirm", 1)?;
    assert!(newer.screen().contains("before jitd was last started"), "{newer:?}");
    let confirmed = door.ssh("alice", "sudo -n jitctl mode confirm")?;
    assert!(confirmed.ok() && !is_unconfirmed(&door)?, "{confirmed}");
    Ok(())
}

/// Sits down at a terminal as root.
fn sits_down(host: &jit_tests::host::Host, terminal: &str) -> Result<Console> {
    let mut console = Console::open(host, terminal)?;
    console.shows("login: ")?;
    console.types("root")?;
    console.shows("Password: ")?;
    console.types("pw")?;
    console.shows("# ")?;
    Ok(console)
}

#[test]
fn root_at_the_console_confirms() -> Result<()> {
    let door = Door::up(&[], Mode::Permissive, CONFIG, &Ldif::new())?;
    door.host().exec(["chpasswd"]).stdin("root:pw\n").run()?.must()?;
    let mut console = sits_down(door.host(), "tty1")?;
    enforce(&door, "10m")?;
    console.types("jitctl mode confirm; echo rc=$((7 + $?))")?;
    console.shows("rc=8")?;
    assert!(is_unconfirmed(&door)?);
    // Another one: the first stays, as one is told to let it.
    let mut console = sits_down(door.host(), "ttyS0")?;
    console.types("jitctl mode confirm; echo rc=$((7 + $?))")?;
    console.shows("rc=7")?;
    assert!(!is_unconfirmed(&door)?);
    let event = changed(&door, "confirmed")?;
    assert_eq!((event["uid"].as_u64(), event["name"].as_str()), (Some(0), Some("root")), "{event}");
    Ok(())
}

/// bob holds no grant: he is denied as long as the host enforces.
fn goes_back(door: &Door, how: &str) -> Result<()> {
    until(SOON, &format!("bob gets in again, {how}"), || {
        door.ssh("bob", "true").is_ok_and(|output| output.ok())
    })
}

#[test]
fn unconfirmed_it_goes_back_by_itself() -> Result<()> {
    let door = Door::up(&["alice", "bob"], Mode::Permissive, CONFIG, &alice().person("bob"))?;
    enforce(&door, SHORT)?;
    assert!(!door.ssh("bob", "true")?.ok());
    let _in = door.terminal("alice", "in")?;
    goes_back(&door, "jitd alive")?;
    let event = changed(&door, "fell-back")?;
    assert!(event["to"] == "permissive" && event["uid"].is_null(), "{event}");
    // Severity 1, whatever the facility.
    let alert = |line: &String| {
        let priority = line
            .strip_prefix('<')
            .and_then(|rest| rest.split_once('>'))
            .and_then(|(n, _)| n.parse::<u32>().ok());
        priority.is_some_and(|n| n % 8 == 1) && line.contains("not confirmed by")
    };
    until(SOON, "syslog is alerted", || door.host().syslog().iter().any(alert))?;
    door.session_is("lifted", "alice", "sshd").or_else(|_| door.session_is("would-end", "alice", "sshd"))?;
    // The file stays, and what it means is said.
    assert!(is_unconfirmed(&door)?);
    let status = door.jitctl(["status"]).run()?;
    assert!(status.status == 1 && status.stdout.contains("enforcing was not confirmed by"), "{status}");
    let late = door.ssh("alice", "sudo -n jitctl mode confirm")?;
    assert!(late.status == 1 && late.stderr.contains("too late"), "{late}");

    // Begun anew; and this time jitd is killed: the module alone.
    enforce(&door, SHORT)?;
    door.kill_jitd()?;
    assert!(!door.ssh("bob", "true")?.ok());
    let without = door.jitctl(["mode", "confirm"]).run()?;
    assert!(without.status == 4 && without.stderr.contains("permissive again from"), "{without}");
    goes_back(&door, "jitd killed")?;
    let mode = door.jitctl(["mode"]).run()?;
    assert!(mode.stdout == "permissive\n" && mode.stderr.contains("was not confirmed by"), "{mode}");

    // jitd that starts finds it so, and one that is started in between keeps the time.
    door.start_jitd()?;
    changed(&door, "fell-back")?;
    enforce(&door, SHORT)?;
    door.stop_jitd()?;
    door.start_jitd()?;
    assert!(!door.ssh("bob", "true")?.ok());
    goes_back(&door, "jitd started anew")
}

/// As when a clock is set back after the file was written: the time to confirm is further ahead than anybody is given.
#[test]
fn no_clock_makes_it_last() -> Result<()> {
    let door = Door::up(&["bob"], Mode::Permissive, CONFIG, &Ldif::new().person("bob"))?;
    enforce(&door, "24h")?;
    assert!(!door.ssh("bob", "true")?.ok());
    door.host().sh("sed -i 's/^until .*/until 2040-01-01T00:00:00Z/' /etc/jitd/enforcing").run()?.must()?;
    goes_back(&door, "jitd alive")?;
    door.kill_jitd()?;
    goes_back(&door, "jitd killed")
}

#[test]
fn permissive_needs_nobody_and_syslog_has_it() -> Result<()> {
    let door = Door::up(&["bob"], Mode::Enforcing, CONFIG, &Ldif::new().person("bob"))?;
    door.kill_jitd()?;
    assert!(!door.ssh("bob", "true")?.ok());
    door.jitctl(["mode", "permissive"]).run()?.must()?;
    assert!(door.ssh("bob", "true")?.ok());
    // authpriv.notice
    until(SOON, "syslog has it", || {
        let lines = door.host().syslog();
        lines
            .iter()
            .any(|line| line.starts_with("<85>jitctl") && line.contains("mode permissive, set by uid=0"))
    })
}

#[test]
fn with_a_broken_directory_it_is_refused() -> Result<()> {
    let config = "[host]\nname = \"web1.prod.example.com\"\n[source.ldap]\nuris = [\"ldap://127.0.0.1:9\"]\nbase = \"dc=example,dc=com\"\n\
                  bind = { method = \"anonymous\" }\n";
    let door = Door::without_daemon(&["bob"], config)?;
    door.start_jitd()?;
    for within in ["10m", "never"] {
        let refused = door.jitctl(["mode", "enforcing", "--confirm-within", within]).run()?;
        assert!(refused.status == 1 && refused.stderr.contains("lock everybody out"), "{refused}");
    }
    assert!(!door.host().path("/etc/jitd/enforcing").exists());
    assert!(door.ssh("bob", "true")?.ok());
    Ok(())
}
