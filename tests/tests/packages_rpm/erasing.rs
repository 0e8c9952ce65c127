//! Removed: nobody is locked out, and what was there before is there again.

use jit_tests::trouble::Result;

use crate::rpms::OURS;
use crate::site::{Site, differences};

#[test]
fn etc_is_as_it_was_before() -> Result<()> {
    let site = Site::new("rpm-erase")?;
    let before = site.etc()?;
    site.install("1")?.must()?;
    // Two lines that jit has nothing to do with, and an edited configuration of jitd.
    site.host
        .sh("sed -i '1i # edited since' /etc/nsswitch.conf; echo '# mine' >>/etc/jitd/jitd.toml")
        .run()?
        .must()?;
    let said = site.erase(&OURS)?;
    assert!(said.ok(), "{said}");
    site.host.sh("sed -i 1d /etc/nsswitch.conf").run()?.must()?;
    // jitd's configuration stays: nobody but its host's admin knows what it says.
    assert_eq!(differences(&before, &site.etc()?), ["jitd", "jitd/jitd.toml"]);
    assert!(site.host.read("/etc/jitd/jitd.toml")?.ends_with("# mine\n"));
    let left = site.host.sh("ls -d /usr/libexec/jit /usr/share/jit /usr/lib64/*jit* /usr/lib64/security/*jit* /run/jitd /var/lib/jit* 2>/dev/null");
    assert_eq!(left.run()?.stdout, "");

    // And it is the same that counts when jitd comes back.
    let config = site.host.read("/etc/jitd/jitd.toml")?;
    site.install("1")?.must()?;
    assert_eq!(site.host.read("/etc/jitd/jitd.toml")?, config);
    Ok(())
}

#[test]
fn a_host_without_jitd_enforces_nothing() -> Result<()> {
    let site = Site::with_ours("rpm-permissive")?;
    site.host.write("/etc/jitd/enforcing", 0o644, "")?;
    let said = site.erase(&OURS)?;
    assert!(said.ok() && said.stderr.contains("THIS HOST NO LONGER ENFORCES"), "{said}");
    assert!(!site.host.path("/etc/jitd/enforcing").exists());
    Ok(())
}

/// A line that asks a module which is not there lets nobody in.
#[test]
fn the_module_stays_while_pam_asks_it() -> Result<()> {
    let site = Site::with_ours("rpm-lines")?;
    let line = "account required pam_jit.so\n";
    let original = site.host.read("/etc/pam.d/su")?;
    site.host.write("/etc/pam.d/su", 0o644, format!("{line}{original}"))?;
    let said = site.erase(&OURS)?;
    assert!(
        !said.ok() && said.stderr.contains("NOT REMOVED") && said.stderr.contains("/etc/pam.d/su"),
        "{said}"
    );
    assert!(site.host.path("/usr/lib64/security/pam_jit.so").is_file());
    assert!(site.host.read("/etc/pam.d/su")?.starts_with(line), "an admin's line is his");

    // However it is written.
    site.host.write("/etc/pam.d/su", 0o644, format!("ACCOUNT required \\\n  pam_jit.so\n{original}"))?;
    let said = site.erase(&["pam_jit"])?;
    assert!(!said.ok() && said.stderr.contains("NOT REMOVED"), "{said}");
    // What it says to type, typed: the whole line goes, and no half of it into the next.
    let typed = said.stderr.lines().find(|line| line.trim_start().starts_with("sed -i")).unwrap_or_default();
    site.host.sh(typed).run()?.must()?;
    assert_eq!(site.host.read("/etc/pam.d/su")?, original);

    // As it says, and copies, remarks and lines that miss nothing hold nothing up.
    site.host.write("/etc/pam.d/su", 0o644, &original)?;
    site.host.write("/etc/pam.d/su.rpmsave", 0o644, line)?;
    site.host.append("/etc/pam.d/login", &format!("# {line}-{line}"))?;
    let said = site.erase(&["pam_jit"])?;
    assert!(said.ok(), "{said}");
    assert!(!site.host.path("/usr/lib64/security/pam_jit.so").exists());
    Ok(())
}

/// What cannot be taken away would keep everybody out: jitd stays, and answers.
#[test]
fn jitd_stays_while_its_enforcing_file_does() -> Result<()> {
    let site = Site::with_ours("rpm-stuck")?;
    site.host.sh("mkdir -p /etc/jitd/enforcing/of-somebody").run()?.must()?;
    let said = site.erase(&["jitd", "nss_jit", "pam_jit"])?;
    assert!(
        said.stderr.contains("jit: NOT REMOVED") && !said.stderr.contains("NO LONGER ENFORCES"),
        "{said}"
    );
    assert!(site.host.path("/usr/sbin/jitd").exists());
    site.host.sh("rm -r /etc/jitd/enforcing").run()?.must()?;
    let said = site.erase(&["jitd"])?;
    assert!(said.ok(), "{said}");
    Ok(())
}

/// All at once, where a line of the admin's keeps the module: jitd goes, and whoever is asked then is let in. That is what removing jitd
/// means, and it is said.
#[test]
fn a_module_that_stays_behind_keeps_nobody_out() -> Result<()> {
    let site = Site::with_ours("rpm-behind")?;
    site.host.write("/etc/jitd/enforcing", 0o644, "")?;
    let original = site.host.read("/etc/pam.d/su")?;
    site.host.write("/etc/pam.d/su", 0o644, format!("account required pam_jit.so\n{original}"))?;
    let said = site.erase(&OURS)?;
    for word in ["NOT REMOVED", "THIS HOST NO LONGER ENFORCES"] {
        assert!(said.stderr.contains(word), "{said}");
    }
    assert!(site.host.path("/usr/lib64/security/pam_jit.so").is_file());
    assert!(!site.host.path("/etc/jitd/enforcing").exists() && !site.host.path("/usr/sbin/jitd").exists());
    Ok(())
}
