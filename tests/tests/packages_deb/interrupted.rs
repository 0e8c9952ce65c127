//! dpkg, interrupted: between any two steps people get in, and the next run goes on to the end.

use jit_tests::trouble::Result;

use crate::machine::{DENIED, Machine, PACKAGES, SUCCESS, done};

#[test]
fn unpacked_is_not_yet_asked() -> Result<()> {
    let machine = Machine::up("unpacked.example.com")?;
    let before = machine.others_files()?;
    let files: Vec<String> = PACKAGES.iter().map(|package| format!("/debs/{package}.deb")).collect();
    let words: Vec<&str> = ["--unpack"].into_iter().chain(files.iter().map(String::as_str)).collect();
    done(machine.dpkg(&words)?)?;
    assert_eq!(machine.others_files()?, before);
    assert_eq!(machine.asked("sshd")?, (SUCCESS, SUCCESS));
    done(machine.dpkg(&["--configure", "--pending"])?)?;
    assert_ne!(machine.others_files()?, before);
    assert_eq!(machine.asked("sshd")?, (SUCCESS, SUCCESS));
    Ok(())
}

/// Each maintainer script fails once, at what it calls of other packages, and then does not.
#[test]
fn a_script_that_failed_is_run_again() -> Result<()> {
    let machine = Machine::up("fails.example.com")?;
    let before = machine.others_files()?;
    for tool in ["systemd-sysusers", "pam-auth-update", "awk"] {
        let stand_in = format!("/usr/local/sbin/{tool}");
        machine.host.write(&stand_in, 0o755, "#!/bin/sh\nexit 7\n")?;
        let output = machine.dpkg(&[
            "--install",
            "/debs/jitctl.deb",
            "/debs/jitd.deb",
            "/debs/libnss-jit.deb",
            "/debs/libpam-jit.deb",
        ])?;
        assert_eq!(machine.asked("sshd")?, (SUCCESS, SUCCESS), "{tool}: {output}");
        machine.host.remove(&stand_in)?;
        done(machine.dpkg(&["--configure", "--pending"])?)?;
        let whole = machine.others_files()?;
        machine.enforce()?;
        assert_eq!(machine.asked("sshd")?.0, DENIED, "{tool}");

        // On the way out.
        machine.host.write(&stand_in, 0o755, "#!/bin/sh\nexit 7\n")?;
        let output = machine.dpkg(&["--purge", "libpam-jit", "libnss-jit", "jitd", "jitctl"])?;
        machine.host.remove(&stand_in)?;
        machine.host.remove("/etc/jitd/enforcing")?;
        assert_eq!(machine.asked("sshd")?, (SUCCESS, SUCCESS), "{tool}: {output}");
        if !output.ok() {
            done(machine.dpkg(&["--configure", "--pending"])?)?;
            machine.install(&PACKAGES)?;
            assert_eq!(machine.others_files()?, whole, "{tool}");
            machine.purge(&PACKAGES)?;
        }
        assert_eq!(machine.others_files()?, before, "{tool}");
    }
    Ok(())
}

/// Killed at many moments, in the middle of an installation, an upgrade or a removal. Nobody is kept out by what was left, and then all
/// of it is done again.
#[test]
fn killed_at_any_moment_it_keeps_nobody_out() -> Result<()> {
    let machine = Machine::up("killed.example.com")?;
    let before = machine.others_files()?;
    let mut ended = 0;
    let mut killed = 0;
    for step in 1..=24 {
        let seconds = format!("{:.2}", 0.05 * f64::from(step));
        let mut all =
            vec!["timeout", "--signal=KILL", &seconds, "env", "DEBIAN_FRONTEND=noninteractive", "dpkg"];
        let files: Vec<String> = PACKAGES.iter().map(|package| format!("/debs/{package}.deb")).collect();
        match step % 3 {
            // A removal of what may be there or not.
            0 => all.extend(["--purge", "libpam-jit", "libnss-jit", "jitd", "jitctl"]),
            _ => all.extend(["--install"].into_iter().chain(files.iter().map(String::as_str))),
        }
        let output = machine.host.exec(all).run()?;
        if output.status == 137 {
            killed += 1
        } else {
            ended += 1
        }
        for service in ["sshd", "sudo"] {
            assert_eq!(machine.asked(service)?, (SUCCESS, SUCCESS), "after {seconds} s: {output}");
        }
        // A script that goes on after its dpkg is gone would be another run's rival.
        machine
            .host
            .sh("while pgrep -x 'dpkg|pam-auth-update|postinst|prerm' >/dev/null; do sleep 0.02; done")
            .run()?
            .must()?;
    }
    println!("{killed} killed, {ended} ended");
    assert!(killed > 3, "nearly nothing was interrupted");
    done(machine.dpkg(&["--configure", "--pending"])?)?;
    machine.install(&PACKAGES)?;
    machine.enforce()?;
    assert_eq!(machine.asked("sshd")?.0, DENIED);
    machine.purge(&PACKAGES)?;
    assert_eq!(machine.others_files()?, before);
    Ok(())
}
