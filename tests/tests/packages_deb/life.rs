//! Installed, upgraded, removed, purged, installed again; on a host without systemd running, which must neither start anything nor fail.

use jit_tests::trouble::Result;

use crate::machine::{DENIED, Machine, PACKAGES, SUCCESS, done};

/// What is to be said, in one breath.
fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in:\n{text}");
    }
}

#[test]
fn what_an_installation_makes_is_owned_and_closed_as_it_should_be() -> Result<()> {
    let machine = Machine::up("inst.example.com")?;
    let said = machine.install(&PACKAGES)?;
    says(&said, &["observes, and refuses nobody", "jitd --check", "jitctl doctor", "--confirm-within 10m"]);
    // A chroot has no name of its own.
    says(&said, &["name = \"unnamed.invalid\""]);

    let looked = "stat -c '%n %a %U %G' /etc/jitd /etc/jitd/jitd.toml /etc/jit /usr/sbin/jitd /usr/bin/jitctl /etc/logrotate.d/jitd \
                  /usr/lib/*/security/pam_jit.so /usr/lib/*/libnss_jit.so.2 | sed 's,/lib/[^/]*/,/lib/,'";
    assert_eq!(
        machine.host.sh(looked).run()?.must()?,
        "/etc/jitd 755 root root\n/etc/jitd/jitd.toml 640 root jitd\n/etc/jit 755 root root\n/usr/sbin/jitd 755 root root\n\
         /usr/bin/jitctl 755 root root\n/etc/logrotate.d/jitd 644 root root\n/usr/lib/security/pam_jit.so 644 root root\n\
         /usr/lib/libnss_jit.so.2 644 root root\n"
    );
    for name in ["jitd", "jit-keys"] {
        let account = machine.host.exec(["getent", "passwd", name]).run()?.must()?;
        assert!(account.contains(":/nonexistent:/usr/sbin/nologin"), "{account}");
    }
    // It would start, observes, and nobody is kept out.
    machine.host.exec(["jitd", "--check"]).run()?.must()?;
    assert!(!machine.host.path("/etc/jitd/enforcing").exists());
    assert_eq!(machine.asked("sshd")?, (SUCCESS, SUCCESS));
    let running = machine.host.exec(["pidof", "jitd"]).run()?;
    assert!(!running.ok(), "a jitd was started: {running}");
    Ok(())
}

#[test]
fn a_host_that_runs_gets_its_own_name_and_only_a_whole_one() -> Result<()> {
    let machine = Machine::installed("web1.prod.example.com")?;
    let named = |hosts: &str, own: &str| -> Result<(String, String)> {
        machine.host.remove("/etc/jitd/jitd.toml")?;
        machine.host.write("/etc/hosts", 0o644, hosts)?;
        // hostname(1) refuses some of these; a kernel none.
        machine.host.sh(&format!("echo '{own}' >/proc/sys/kernel/hostname")).run()?.must()?;
        let said = done(machine.host.exec(["/usr/libexec/jit/first-config", "--this-host"]).run()?)?;
        machine.host.exec(["jitd", "--check"]).run()?.must()?;
        let text = machine.host.read("/etc/jitd/jitd.toml")?;
        let line = text.lines().find(|line| line.starts_with("name = ")).unwrap_or_default();
        Ok((line.trim_start_matches("name = ").trim_matches('"').to_owned(), said))
    };
    for (hosts, own, name, whole) in [
        ("127.0.1.1 web1.prod.example.com web1\n", "web1", "web1.prod.example.com", true),
        ("127.0.1.1 Web1.Prod.Example.COM web1\n", "web1", "web1.prod.example.com", true),
        ("", "web1.prod.example.com", "web1.prod.example.com", true),
        ("127.0.1.1 web1\n", "web1", "web1", false),
        ("127.0.0.1 localhost\n", "localhost", "unnamed.invalid", false),
        ("127.0.1.1 localhost.localdomain web1\n", "web1", "web1", false),
        ("127.0.1.1 10.0.0.1 web1\n", "web1", "web1", false),
        ("", "a_b", "unnamed.invalid", false),
        ("", "-web1.example.com", "unnamed.invalid", false),
    ] {
        let (found, said) = named(hosts, own)?;
        assert_eq!(found, name, "{hosts:?} {own:?}");
        assert_eq!(said.is_empty(), whole, "{hosts:?} {own:?} {said:?}");
    }
    // A resolver that says more than a name: no line of it comes into the file.
    for full in
        ["web2.example.com\nx = 1", "x = 1\nweb2.example.com", "web2.example.com\"", "web2.example.com x"]
    {
        let stand_in = format!("#!/bin/sh\ncat <<'END'\n{full}\nEND\n");
        machine.host.write("/usr/local/sbin/hostname", 0o755, stand_in)?;
        let (found, _) = named("", "web1.example.com")?;
        assert_eq!(found, "web1.example.com", "{full:?}");
        assert!(!machine.host.read("/etc/jitd/jitd.toml")?.contains("x = 1"), "{full:?}");
    }
    // What is there is nobody's to touch.
    machine.host.write("/etc/jitd/jitd.toml", 0o600, "mine\n")?;
    machine.install(&PACKAGES)?;
    assert_eq!(machine.host.read("/etc/jitd/jitd.toml")?, "mine\n");
    Ok(())
}

#[test]
fn removed_and_purged_it_leaves_the_host_as_it_was() -> Result<()> {
    let machine = Machine::up("gone.example.com")?;
    let (before, ours) = (machine.others_files()?, machine.ours()?);
    machine.install(&PACKAGES)?;
    assert_ne!(machine.others_files()?, before, "the packages change nothing");
    // An upgrade to the same version: everything as if nothing had been.
    let installed = machine.others_files()?;
    machine.install(&PACKAGES)?;
    assert_eq!(machine.others_files()?, installed);
    // What people and jitd make in the meantime.
    machine.host.sh("mkdir -p /var/log/jitd /var/lib/jitd /run/jitd/pub; touch /var/log/jitd/audit.jsonl /var/lib/jitd/ledger").run()?.must()?;
    machine.enforce()?;
    assert_eq!(machine.asked("sshd")?.0, DENIED);

    let said = machine.remove(&PACKAGES)?;
    says(&said, &["THIS HOST NO LONGER ENFORCES", "the audit stays in /var/log/jitd"]);
    assert_eq!(machine.others_files()?, before);
    assert_eq!(machine.asked("sshd")?, (SUCCESS, SUCCESS));
    assert!(machine.host.path("/var/log/jitd/audit.jsonl").exists(), "the audit went on remove");
    assert!(machine.host.path("/etc/jitd/jitd.toml").exists());

    // Back, and it observes.
    machine.install(&PACKAGES)?;
    assert_eq!(machine.others_files()?, installed);
    assert_eq!(machine.asked("sshd")?, (SUCCESS, SUCCESS));

    machine.host.write("/etc/jitd/ldap.secret", 0o600, "s")?;
    let said = machine.purge(&PACKAGES)?;
    says(&said, &["left in /etc/jitd", "ldap.secret"]);
    assert_eq!(machine.others_files()?, before);
    machine.host.remove("/etc/jitd/ldap.secret")?;
    machine.host.sh("rmdir /etc/jitd").run()?.must()?;
    assert_eq!(machine.ours()?, ours, "something was left behind");
    Ok(())
}

#[test]
fn jitd_alone_forced_away_takes_the_enforcing_file_along() -> Result<()> {
    let machine = Machine::installed("forced.example.com")?;
    machine.enforce()?;
    assert_eq!(machine.asked("sshd")?.0, DENIED);
    // Where the file cannot be taken away, jitd stays.
    machine.host.sh("rm /etc/jitd/enforcing; mkdir -p /etc/jitd/enforcing/of-somebody").run()?.must()?;
    let kept = machine.dpkg(&["--force-depends", "--remove", "jitd"])?;
    assert!(!kept.ok() && machine.host.path("/usr/sbin/jitd").exists(), "{kept}");
    assert!(!kept.stderr.contains("NO LONGER ENFORCES"), "{kept}");
    machine.host.sh("rm -r /etc/jitd/enforcing").run()?.must()?;
    machine.enforce()?;
    let said = done(machine.dpkg(&["--force-depends", "--remove", "jitd"])?)?;
    says(&said, &["THIS HOST NO LONGER ENFORCES"]);
    for service in ["sshd", "sudo", "su", "login", "cron"] {
        assert_eq!(machine.asked(service)?, (SUCCESS, SUCCESS), "{service}");
    }
    // The modules that are left are no hindrance to anything.
    machine.install(&["jitd"])?;
    machine.purge(&PACKAGES)?;
    assert_eq!(machine.asked("sshd")?, (SUCCESS, SUCCESS));
    Ok(())
}

/// Whatever lies about: a fresh install observes, unless somebody has configured it to enforce; and a configuration that was lost is not
/// replaced by one that names nobody.
#[test]
fn a_stray_enforcing_file_keeps_nobody_out() -> Result<()> {
    let machine = Machine::up("stray.example.com")?;
    machine.enforce()?;
    let said = machine.install(&PACKAGES)?;
    says(&said, &["is /etc/jitd/enforcing.found now", "observes, and refuses nobody"]);
    assert!(machine.host.path("/etc/jitd/jitd.toml").exists());
    assert_eq!(machine.asked("sshd")?, (SUCCESS, SUCCESS));

    // Lost while the host enforces.
    machine.enforce()?;
    machine.host.remove("/etc/jitd/jitd.toml")?;
    let said = machine.install(&PACKAGES)?;
    says(&said, &["jitd.toml IS NOT THERE"]);
    assert!(!machine.host.path("/etc/jitd/jitd.toml").exists());
    assert_eq!(machine.asked("sshd")?.0, DENIED, "let in by an upgrade");
    machine.purge(&PACKAGES)?;

    // Both were put there before, as by what configures a host.
    machine.enforce()?;
    machine.host.write("/etc/jitd/jitd.toml", 0o644, "[host]\nname = \"stray.example.com\"\n")?;
    let said = machine.install(&PACKAGES)?;
    says(&said, &["THIS HOST ENFORCES"]);
    assert!(!said.contains("refuses nobody"), "{said}");
    assert_eq!(machine.asked("sshd")?.0, DENIED);
    Ok(())
}
