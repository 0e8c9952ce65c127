//! Keys from the directory, by real sshd: only with a live grant, only until its end, whatever the host's time zone.

use std::time::{SystemTime, UNIX_EPOCH};

use jit_tests::door::{CONFIG, Mode, SOON};
use jit_tests::host::Host;
use jit_tests::host::exec::Output;
use jit_tests::ldif::{Grant, Ldif};
use jit_tests::served::{ASKER, account, door, key};
use jit_tests::trouble::Result;
use jit_tests::wait::until;

/// As sshd runs it: as an unprivileged user, with hardly an environment.
fn as_sshd(host: &Host, user: &str) -> Result<Output> {
    host.exec_as(ASKER, ["env", "-i", "/usr/bin/jitctl", "authorized-keys", user]).run()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[test]
fn a_key_opens_while_a_grant_is_live() -> Result<()> {
    let door = door(&["alice", "bob"], CONFIG)?;
    let key = key(door.host())?;
    let people = account(account(Ldif::new(), "alice", 5_001, &[&key]), "bob", 5_002, &[&key]);
    let grant = Grant::live("g1", "alice");
    let door = door.opened(Mode::Enforcing, &people.clone().grant(&grant))?;
    assert!(door.ssh("alice", "true")?.ok(), "{}", door.host().read("/var/log/sshd.out")?);
    let refused = door.ssh("bob", "true")?;
    assert!(!refused.ok() && refused.stderr.contains("Permission denied (publickey)"), "{refused}");

    let lines = as_sshd(door.host(), "alice")?;
    assert_eq!((lines.status, lines.stdout.lines().count()), (0, 1), "{lines}");
    assert!(
        lines.stdout.starts_with("expiry-time=\"") && lines.stdout.ends_with(&format!("{key}\n")),
        "{lines}"
    );
    // Who is not asked by sshd may ask about himself.
    let of = |who: &str, whom: &str| door.host().exec_as(who, ["jitctl", "authorized-keys", whom]).run();
    assert_eq!(of("alice", "alice")?.stdout, lines.stdout);
    let other = of("bob", "alice")?;
    assert_eq!((other.status, other.stdout.as_str()), (1, ""), "{other}");

    // However often sshd is made to ask.
    let script = "for i in $(seq 300); do /usr/bin/jitctl authorized-keys nobody || exit 1; done";
    door.host().exec_as(ASKER, ["sh", "-c", script]).run()?.must()?;
    assert_eq!(as_sshd(door.host(), "alice")?.stdout, lines.stdout);

    door.grants(&people.clone().grant(&grant).revocation(&grant))?;
    assert_eq!(as_sshd(door.host(), "alice")?.stdout, "");
    assert!(!door.ssh("alice", "true")?.ok());
    door.grants(&people.grant(&Grant::live("g2", "alice")))?;
    assert!(door.ssh("alice", "true")?.ok());
    door.kill_jitd()?;
    let away = as_sshd(door.host(), "alice")?;
    assert_eq!((away.status, away.stdout.as_str()), (0, ""), "{away}");
    assert!(!door.ssh("alice", "true")?.ok());
    Ok(())
}

#[test]
fn sshd_takes_the_end_in_the_hosts_own_time() -> Result<()> {
    for (offset, shown) in [("5:45", "+0545"), ("-11:00", "-1100")] {
        let door = door(&["alice"], CONFIG)?;
        let host = door.host();
        host.write("/tmp/zones", 0o644, format!("Zone Test {offset} - TST\n"))?;
        host.sh("zic -d /usr/share/zoneinfo /tmp/zones && ln -sf /usr/share/zoneinfo/Test /etc/localtime")
            .run()?
            .must()?;
        assert_eq!(host.exec(["date", "+%z"]).run()?.must()?.trim_end(), shown);
        let person = account(Ldif::new(), "alice", 5_001, &[&key(host)?]);
        let end = now() + 20;
        // Permissive: nothing but sshd's own reading of the line keeps anybody out.
        let door =
            door.opened(Mode::Permissive, &person.grant(&Grant::live("g1", "alice").between(-60, 20)))?;
        let lines = as_sshd(door.host(), "alice")?.must()?;
        assert!(door.ssh("alice", "true")?.ok(), "{lines}");

        // The same line in a file, that jitd is not asked for anew.
        door.host().write("/etc/ssh/keys/alice", 0o644, &lines)?;
        door.kill_jitd()?;
        let came = door.ssh("alice", "true")?;
        assert!(came.ok() || now() >= end, "{shown}: {lines}{came}");
        until(SOON, "sshd finds the key expired", || {
            door.ssh("alice", "true").is_ok_and(|output| !output.ok())
        })?;
        assert!(now() >= end, "{shown}: {lines}");
    }
    Ok(())
}

#[test]
fn what_a_key_line_may_bring_is_the_hosts_to_say() -> Result<()> {
    let allowing = |options: &str| {
        let door = door(&["alice"], CONFIG)?;
        let config = door.host().read("/etc/jitd/jitd.toml")?;
        door.configure(&format!("{config}options = {options}\n"))?;
        let key = key(door.host())?;
        let forced = format!("restrict,command=\"echo \\\"forced, indeed\\\"\" {key}");
        let person = account(Ldif::new(), "alice", 5_001, &[&forced, &format!("cert-authority {key}")]);
        door.opened(Mode::Enforcing, &person.grant(&Grant::live("g1", "alice")))
    };
    let door = allowing("[]")?;
    assert!(!door.ssh("alice", "true")?.ok());
    let status = door.jitctl(["status", "--json"]).run()?;
    for part in ["sets the option `restrict`", "`cert-authority`, which lets others in"] {
        assert!(status.stdout.contains(part), "{part}: {status}");
    }
    let door = allowing("[\"restrict\", \"command\"]")?;
    assert_eq!(door.ssh("alice", "whoami")?.must()?, "forced, indeed\n");
    Ok(())
}
