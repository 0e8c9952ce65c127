//! Where one session ends and another of the same person goes on, and where one is denied as it opens.

use super::jobs::{SHELL, SUDO_SHELL};
use super::{Kind, for_seconds, is, people};
use crate::door::{Door, LINE};
use crate::ldif::Grant;
use crate::trouble::Result;

/// A grant for sudo is over while the one for ssh holds: everything of root's that she started is gone, and her shell with her own
/// jobs goes on.
///
/// # Errors
/// When something is not as it should be.
pub fn sudo_ends_while_ssh_goes_on(kind: Kind) -> Result<()> {
    let ssh = people().grant(&Grant::live("ssh", "alice").with("jitService", "sshd"));
    let root = |seconds| for_seconds("root", "alice", seconds).with("jitService", "sudo");
    let door = kind.door(&ssh.clone().grant(&root(3600)).grant(&Grant::live("bobs", "bob")))?;
    let mut shell = door.terminal("alice", "hers")?;
    shell.types("sleep 600.31 & setsid sleep 600.32 </dev/null >/dev/null 2>&1 &")?;
    // One that has left root's job behind, one that runs without a terminal, one with a shell inside.
    shell.types(
        "sudo JIT_MARK=roots sh -c 'setsid sleep 600.33 </dev/null >/dev/null 2>&1 &'; echo left-$((1 + 1))",
    )?;
    shell.shows("left-2")?;
    shell.types("sudo JIT_MARK=roots sleep 600.34 </dev/null &")?;
    shell.types("sudo JIT_MARK=roots -s")?;
    shell.types("sleep 600.35")?;
    for line in ["600.33", "600.34", "600.35"] {
        door.marked_running("roots", line)?;
    }
    let bobs = SUDO_SHELL.start(&door, "bob")?;
    let second = SHELL.start(&door, "alice")?;
    door.grants(&ssh.grant(&root(4)).grant(&Grant::live("bobs", "bob")))?;
    shell.shows("jit: your sudo session has ended: grant root for ")?;
    door.gone("roots")?;
    door.session_is("ended", "alice", "sudo")?;
    door.marked_running("hers", "600.31")?;
    door.marked_running("hers", "600.32")?;
    shell.types("echo still-$((1 + 1)); sudo -n true")?;
    shell.shows("still-2")?;
    shell.shows("sudo on web1.prod.example.com is closed to alice")?;
    second.goes_on(&door)?;
    bobs.goes_on(&door)?;
    let ended = |event: &serde_json::Value| is(event, "ending", "alice") && event["service"] == "sshd";
    assert!(!door.audit()?.iter().any(ended), "her ssh session was never ended");
    Ok(())
}

/// Two logins of the same person, one ended by order: the other one, with the same kind of job, goes on.
///
/// # Errors
/// When something is not as it should be.
pub fn another_session_of_the_same_person_goes_on(kind: Kind) -> Result<()> {
    let door = kind.door(&people().grant(&Grant::live("alices", "alice")))?;
    let job = "setsid sleep 600.41 </dev/null >/dev/null 2>&1 & sh -c '(setsid sleep 600.43 </dev/null >/dev/null 2>&1 &) &'
               sudo JIT_MARK=$JIT_MARK sh -c '(setsid sleep 600.44 </dev/null >/dev/null 2>&1 &) &'
               sudo JIT_MARK=$JIT_MARK setsid sleep 600.42";
    let one = door.client("alice").marked("one").runs(job)?;
    door.marked_running("one", "600.42")?;
    let first = door.session_of("alice", "sshd")?["id"].as_str().unwrap_or_default().to_owned();
    let two = door.client("alice").marked("two").runs(job)?;
    door.marked_running("two", "600.42")?;
    door.jitctl(["sessions", "terminate", &first, "--reason", "not this one"]).run()?.must()?;
    one.ends()?;
    door.gone("one")?;
    door.session_is("ended", "alice", "sshd")?;
    for line in ["600.41", "600.42", "600.43", "600.44"] {
        door.marked_running("two", line)?;
    }
    assert_eq!(two.status(), None, "{two:?}");
    Ok(())
}

/// sshd with the session line alone: what is denied when it opens is over at once, says nothing to the command's reader, and its
/// connection carries nothing.
///
/// # Errors
/// When something is not as it should be.
pub fn denied_when_it_opens(kind: Kind) -> Result<()> {
    let door = kind.door(&people().grant(&Grant::live("bobs", "bob")))?;
    let file = door.host().read("/etc/pam.d/sshd")?;
    // Without Debian's message of the day too, which pam_motd has sshd print whatever the others say.
    let lines = file.replacen(LINE, "", 1);
    let quiet: String =
        lines.lines().filter(|line| !line.contains("pam_motd")).map(|l| format!("{l}\n")).collect();
    door.host().write("/etc/pam.d/sshd", 0o644, quiet)?;
    let command = door.client("alice").marked("denied").runs("echo in; sleep 600.51")?;
    assert_ne!(command.ends()?, 0, "{command:?}");
    assert_eq!(command.screen(), "", "{command:?}");
    let forward = door.client("alice").flag("-N").flag("-L").flag("20999:127.0.0.1:22").start()?;
    assert_ne!(forward.ends()?, 0, "{forward:?}");
    let mut shell = door.client("alice").marked("denied").with_a_terminal().start()?;
    // The connection may be gone before anybody types.
    let _ = shell.types("echo in-$((1 + 1)); sleep 600.51");
    assert_ne!(shell.ends()?, 0, "{shell:?}");
    assert!(!shell.screen().contains("in-2"), "{shell:?}");
    nothing_of_hers(&door)?;
    let ended = door.audited("the denied peer's end", |event| is(event, "ended", "alice"))?;
    assert_eq!((&ended["code"], &ended["id"]), (&"denied".into(), &serde_json::Value::Null), "{ended}");
    assert_eq!(door.known()?, Vec::<serde_json::Value>::new());
    assert!(door.ssh("bob", "true")?.ok(), "whoever is granted comes in");
    Ok(())
}

/// Revoked after the account phase has let her in and before the session opens: refused all the same, by sshd and by sudo.
///
/// # Errors
/// When something is not as it should be.
pub fn revoked_between_the_phases(kind: Kind) -> Result<()> {
    let (ssh, root) = (Grant::live("ssh", "alice").with("jitService", "sshd"), Grant::live("root", "alice"));
    let root = root.with("jitService", "sudo");
    let entries = people().grant(&ssh).grant(&root);
    let door = kind.door(&entries)?;
    let mut shell = door.terminal("alice", "shell")?;
    // Whoever has come through our account line waits for a file.
    let wait = "#!/bin/sh\ntouch /run/waits; n=0; until [ -e /run/go ] || [ $n = 300 ]; do sleep 0.1; n=$((n + 1)); done\n";
    door.host().write("/usr/local/sbin/wait-here", 0o755, wait)?;
    for service in ["sshd", "sudo"] {
        let file = format!("/etc/pam.d/{service}");
        let slow = format!("{LINE}account required pam_exec.so quiet seteuid /usr/local/sbin/wait-here\n");
        door.host().write(&file, 0o644, door.host().read(&file)?.replacen(LINE, &slow, 1))?;
    }
    let waits = || {
        let seen = crate::wait::until(crate::door::SOON, "she has passed the account phase", || {
            door.host().path("/run/waits").exists()
        });
        seen.and_then(|()| door.host().remove("/run/waits"))
    };
    shell.types("sudo JIT_MARK=denied sh -c 'echo in-$((1 + 1)); sleep 600.52'; echo out-$((1 + 1))")?;
    waits()?;
    let once = entries.revocation(&root);
    door.grants(&once)?;
    door.host().write("/run/go", 0o644, "")?;
    shell.shows("out-2")?;
    assert!(!shell.screen().contains("in-2"), "{shell:?}");

    door.host().remove("/run/go")?;
    let command = door.client("alice").marked("denied").runs("echo in-2; sleep 600.52")?;
    waits()?;
    door.grants(&once.revocation(&ssh))?;
    door.host().write("/run/go", 0o644, "")?;
    assert_ne!(command.ends()?, 0, "{command:?}");
    assert!(!command.screen().contains("in-2"), "{command:?}");
    shell.ends()?;
    let opens = |event: &serde_json::Value, service: &str, verdict: &str| {
        event["event"] == "decision"
            && event["service"] == service
            && event["phase"] == "open"
            && event["verdict"] == verdict
    };
    door.audited("the sudo denial", |event| opens(event, "sudo", "deny"))?;
    // With her last grant everything of hers ends: the login that has not opened yet too, perhaps before anybody asks about it.
    door.audited("the sshd denial, or her end", |event| {
        opens(event, "sshd", "deny") || is(event, "ended", "alice") && event["id"].is_null()
    })?;
    nothing_of_hers(&door)?;
    let came_in = |event: &&serde_json::Value| is(event, "opened", "alice") && event["service"] == "sshd";
    let audit = door.audit()?;
    let came_in: Vec<&serde_json::Value> = audit.iter().filter(came_in).collect();
    assert_eq!(came_in.len(), 1, "her shell, and nothing after it: {came_in:?}");
    Ok(())
}

fn nothing_of_hers(door: &Door) -> Result<()> {
    door.gone("denied")?;
    crate::wait::until(crate::door::SOON, "sshd has nothing of hers", || {
        door.running("sshd: alice").is_empty()
    })
}
