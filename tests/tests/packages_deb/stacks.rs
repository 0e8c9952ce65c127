//! What pam-auth-update makes of our profiles, asked of the real libpam: a deny is final, an allow changes nothing, and whatever stands in
//! /etc/pam.d is nobody's trap when the module goes.

use jit_tests::trouble::Result;

use crate::machine::{DENIED, Machine, PACKAGES, PASSWORD_IS_OLD, SUCCESS};

/// Guarded by the built-in list, and in the root of these tests.
const GUARDED: [&str; 5] = ["sshd", "sudo", "sudo-i", "su", "login"];

/// Asked too, and not guarded.
const OPEN: [&str; 4] = ["cron", "atd", "passwd", "chsh"];

fn deny_is_final(machine: &Machine) -> Result<()> {
    machine.enforce()?;
    for service in GUARDED {
        assert_eq!(machine.asked(service)?, (DENIED, DENIED), "{service}");
    }
    for service in OPEN {
        assert_eq!(machine.asked(service)?.0, SUCCESS, "{service}");
    }
    machine.host.remove("/etc/jitd/enforcing")?;
    for service in GUARDED.iter().chain(&OPEN) {
        assert_eq!(machine.asked(service)?.0, SUCCESS, "{service}, observed");
    }
    Ok(())
}

#[test]
fn a_deny_is_final_for_every_service() -> Result<()> {
    let machine = Machine::installed("deny.example.com")?;
    deny_is_final(&machine)?;
    // Who may pass, passes, and is asked for what the other modules want.
    machine.host.sh("gpasswd -a alice jit-breakglass").run()?.must()?;
    machine.enforce()?;
    for service in GUARDED {
        assert_eq!(machine.asked(service)?, (SUCCESS, SUCCESS), "{service}");
    }
    Ok(())
}

#[test]
fn a_deny_is_final_beside_an_old_password() -> Result<()> {
    let machine = Machine::installed("old.example.com")?;
    machine.host.sh("usermod -p '$y$j9T$x$y' alice && chage -d 0 -M 90 alice").run()?.must()?;
    assert_eq!(machine.asked("sshd")?.0, PASSWORD_IS_OLD);
    machine.enforce()?;
    for service in GUARDED {
        assert_eq!(machine.asked(service)?.0, DENIED, "{service}");
    }
    machine.host.sh("gpasswd -a alice jit-breakglass").run()?.must()?;
    assert_eq!(machine.asked("sshd")?.0, PASSWORD_IS_OLD, "what pam_unix wants is lost");
    Ok(())
}

#[test]
fn a_locked_account_stays_locked() -> Result<()> {
    let machine = Machine::installed("locked.example.com")?;
    machine.host.sh("usermod --expiredate 1 alice; gpasswd -a alice jit-breakglass").run()?.must()?;
    machine.enforce()?;
    let (account, _) = machine.asked("sshd")?;
    assert!(account != SUCCESS && account != DENIED, "{account}");
    Ok(())
}

/// sssd's profile says `sufficient pam_localuser.so`: whoever is local passes there, and what comes later is not asked.
#[test]
fn a_deny_is_final_beside_sssd() -> Result<()> {
    let machine = Machine::up("sssd.example.com")?;
    let accounts = machine.host.read("/etc/pam.d/common-account")?;
    assert!(
        accounts.contains("sufficient\tpam_localuser.so") || accounts.contains("pam_localuser.so"),
        "{accounts}"
    );
    machine.install(&PACKAGES)?;
    deny_is_final(&machine)
}

#[test]
fn our_lines_are_the_first_of_the_accounts_and_after_pam_systemd() -> Result<()> {
    let machine = Machine::installed("order.example.com")?;
    let lines = |file: &str, phase: &str| -> Result<Vec<String>> {
        let text = machine.host.read(file)?;
        Ok(text.lines().filter(|line| line.starts_with(phase)).map(str::to_owned).collect())
    };
    let position = |lines: &[String], module: &str| lines.iter().position(|line| line.contains(module));
    let account = lines("/etc/pam.d/common-account", "account")?;
    assert_eq!(position(&account, "pam_jit.so"), Some(0), "{account:?}");
    assert!(account[0].contains("[success=ok ignore=ignore default=die]"), "{account:?}");
    let session = lines("/etc/pam.d/common-session", "session")?;
    assert_eq!(position(&session, "pam_jit.so"), Some(session.len() - 1), "{session:?}");
    assert!(position(&session, "pam_systemd.so").is_some(), "{session:?}");
    let batch = lines("/etc/pam.d/common-session-noninteractive", "session")?;
    assert_eq!(position(&batch, "pam_jit.so"), Some(batch.len() - 1), "{batch:?}");
    Ok(())
}

#[test]
fn files_that_were_edited_are_left_and_said() -> Result<()> {
    let machine = Machine::up("edited.example.com")?;
    machine
        .host
        .sh("sed -i '/pam_unix/i account required pam_time.so' /etc/pam.d/common-account")
        .run()?
        .must()?;
    let before = machine.others_files()?;
    let said = machine.install(&["jitctl", "jitd", "libpam-jit"])?;
    assert!(
        said.contains("NOT GUARDED")
            && said.contains("account [success=ok ignore=ignore default=die] pam_jit.so"),
        "{said}"
    );
    assert_eq!(machine.others_files()?, before);
    // What it says to type, typed.
    machine.host.sh("sed -i '0,/^account/s//account [success=ok ignore=ignore default=die] pam_jit.so\\n&/' /etc/pam.d/common-account").run()?.must()?;
    machine.enforce()?;
    assert_eq!(machine.asked("sshd")?.0, DENIED);
    Ok(())
}

/// Without the module, a line that asks it denies everybody: it goes only when nothing asks it any more.
#[test]
fn the_module_stays_while_a_line_of_the_admin_asks_it() -> Result<()> {
    let machine = Machine::installed("hand.example.com")?;
    let sshd = machine.host.read("/etc/pam.d/sshd")?;
    let installed = machine.others_files()?;
    machine.host.write("/etc/pam.d/sshd", 0o644, format!("account required pam_jit.so\n{sshd}"))?;
    let by_hand = machine.others_files()?;
    let output = machine.dpkg(&["--remove", "libpam-jit"])?;
    assert!(
        !output.ok() && output.stderr.contains("NOT REMOVED") && output.stderr.contains("/etc/pam.d/sshd"),
        "{output}"
    );
    assert_eq!(machine.others_files()?, by_hand);
    assert_eq!(machine.asked("sshd")?, (SUCCESS, SUCCESS));
    // However libpam would read it, and in whatever bytes its remarks are.
    for line in [
        "ACCOUNT required pam_jit.so\n",
        "account required \\\n  pam_jit.so\n",
        "  Account\t[success=ok default=die]\t/usr/lib/security/pam_jit.so\n",
    ] {
        let by_hand = [b"# gepr\xfcft\n", line.as_bytes(), sshd.as_bytes()].concat();
        machine.host.write("/etc/pam.d/sshd", 0o644, by_hand)?;
        let output = machine.dpkg(&["--remove", "libpam-jit"])?;
        assert!(!output.ok() && output.stderr.contains("NOT REMOVED"), "{line:?}: {output}");
        assert!(output.stderr.contains("/etc/pam.d/sshd:"), "{line:?}: {output}");
        // What it says to type, typed: the whole line goes, and no half of it into the next.
        let typed =
            output.stderr.lines().find(|line| line.trim_start().starts_with("sed -i")).unwrap_or_default();
        machine.host.sh(typed).run()?.must()?;
        machine.host.sh("sed -i 1d /etc/pam.d/sshd").run()?.must()?;
        assert_eq!(machine.host.read("/etc/pam.d/sshd")?, sshd, "{line:?}");
    }
    // The rest stays as well: without jitd, an enforcing host with a line of ours would keep everybody out.
    machine.host.write("/etc/pam.d/sshd", 0o644, format!("account required pam_jit.so\n{sshd}"))?;
    machine.enforce()?;
    let output = machine.dpkg(&["--purge", "jitctl", "jitd", "libnss-jit", "libpam-jit"])?;
    assert!(!output.ok() && !output.stderr.contains("NO LONGER ENFORCES"), "{output}");
    assert!(
        machine.host.path("/etc/jitd/enforcing").exists() && machine.host.path("/usr/sbin/jitd").exists()
    );
    machine.host.remove("/etc/jitd/enforcing")?;
    machine.install(&PACKAGES)?;
    // A file that pam-auth-update will not touch any more.
    machine.host.write("/etc/pam.d/sshd", 0o644, &sshd)?;
    assert_eq!(machine.others_files()?, installed);
    machine
        .host
        .sh("sed -i '/pam_unix/i account required pam_time.so' /etc/pam.d/common-account")
        .run()?
        .must()?;
    let output = machine.dpkg(&["--remove", "libpam-jit"])?;
    assert!(
        !output.ok() && output.stderr.contains("NOT REMOVED") && output.stderr.contains("common-account"),
        "{output}"
    );
    assert_eq!(machine.asked("sshd")?, (SUCCESS, SUCCESS));
    // What it says to type, typed.
    let typed =
        output.stderr.lines().find(|line| line.trim_start().starts_with("sed -i")).unwrap_or_default();
    machine.host.sh(typed).run()?.must()?;
    machine.purge(&["libpam-jit"])?;
    assert_eq!(machine.asked("sshd")?, (SUCCESS, SUCCESS));
    Ok(())
}

/// Who deselected it with pam-auth-update is not overruled by an upgrade, nor by a removal that did not happen.
#[test]
fn an_upgrade_does_not_bring_back_what_was_deselected() -> Result<()> {
    let machine = Machine::installed("deselected.example.com")?;
    machine
        .host
        .sh("DEBIAN_FRONTEND=noninteractive pam-auth-update --disable jit jit-session")
        .run()?
        .must()?;
    let before = machine.others_files()?;
    let said = machine.install(&PACKAGES)?;
    assert!(said.contains("NOT GUARDED"), "{said}");
    assert_eq!(machine.others_files()?, before);
    Ok(())
}
