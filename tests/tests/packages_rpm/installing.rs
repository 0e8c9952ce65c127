//! Installed, again, and in place of an older one.

use jit_tests::trouble::Result;

use crate::rpms::OURS;
use crate::site::{Site, differences};

const NEXT: &str = "jit: this host observes, and refuses nobody.";

#[test]
fn it_is_in_place_and_guards_nothing() -> Result<()> {
    let site = Site::new("rpm-install")?;
    let before = site.etc()?;
    let said = site.install("1")?;
    assert!(said.ok(), "{said}");
    // What comes next, and that nothing is guarded yet; nothing else on standard error but Debian's warning about rpm.
    assert!(
        said.stdout.contains(NEXT) && said.stdout.contains("jitctl mode enforcing --confirm-within 10m"),
        "{said}"
    );
    assert!(said.stderr.contains("no line of PAM asks jitd yet"), "{said}");
    assert!(!said.stderr.contains("warning:") && !said.stderr.contains("error:"), "{said}");
    assert_eq!(
        differences(&before, &site.etc()?),
        ["jit", "jitd", "jitd/jitd.toml", "logrotate.d/jitd", "nsswitch.conf"]
    );
    assert_eq!(
        site.host.read("/etc/nsswitch.conf")?,
        "# names\npasswd:  files\ngroup:   files jit\nshadow:  files\n"
    );
    for name in OURS {
        let verified = site.host.exec(["rpm", "-V", name]).run()?;
        assert!(verified.ok() && verified.stdout.is_empty(), "{name}: {verified}");
    }
    // A name of a host that is not running is another host's.
    let config = site.host.read("/etc/jitd/jitd.toml")?;
    assert!(config.contains("name = \"unnamed.invalid\"") && config.contains("[source.ldif]"), "{config}");
    let modes = site.host.sh("cd /; stat -c '%A %U:%G %n' etc/jitd etc/jitd/jitd.toml etc/jit usr/sbin/jitd usr/libexec/jit usr/lib64/security/pam_jit.so usr/lib64/libnss_jit.so.2; getent passwd jitd jit-keys | cut -d: -f1,6,7; getent group jit-admin jit-breakglass | cut -d: -f1,4");
    assert_eq!(
        modes.run()?.must()?,
        "drwxr-xr-x root:root etc/jitd\n\
         -rw-r----- root:jitd etc/jitd/jitd.toml\n\
         drwxr-xr-x root:root etc/jit\n\
         -rwxr-xr-x root:root usr/sbin/jitd\n\
         drwxr-xr-x root:root usr/libexec/jit\n\
         -rwxr-xr-x root:root usr/lib64/security/pam_jit.so\n\
         -rwxr-xr-x root:root usr/lib64/libnss_jit.so.2\n\
         jitd:/nonexistent:/usr/sbin/nologin\n\
         jit-keys:/nonexistent:/usr/sbin/nologin\n\
         jit-admin:\n\
         jit-breakglass:\n"
    );
    site.host.exec(["jitctl", "--version"]).run()?.must()?;
    site.host.exec(["jitd", "--check"]).run()?.must()?;
    Ok(())
}

#[test]
fn what_an_admin_wrote_stays() -> Result<()> {
    let site = Site::with_ours("rpm-upgrade")?;
    site.host.append("/etc/jitd/jitd.toml", "# mine\n")?;
    site.host.append("/etc/logrotate.d/jitd", "# mine\n")?;
    site.host.write("/etc/jitd/enforcing", 0o644, "")?;
    let before = site.etc()?;

    let again = site.rpm("--reinstall", &[site.rpms.ours("jitd", "1")?, site.rpms.ours("nss_jit", "1")?])?;
    assert!(again.ok(), "{again}");
    assert_eq!(differences(&before, &site.etc()?), Vec::<String>::new());

    let upgraded = site.install("2")?;
    assert!(upgraded.ok() && !upgraded.stdout.contains(NEXT), "{upgraded}");
    assert_eq!(site.host.exec(["rpm", "-q", "jitd"]).run()?.must()?, "jitd-0.1.0-2.x86_64\n");
    assert_eq!(differences(&before, &site.etc()?), Vec::<String>::new());

    // Who took the word out is not overruled.
    site.host.write("/etc/nsswitch.conf", 0o644, "group: files\n")?;
    let again = site.rpm("--reinstall", &[site.rpms.ours("nss_jit", "2")?])?;
    assert!(again.ok(), "{again}");
    assert_eq!(site.host.read("/etc/nsswitch.conf")?, "group: files\n");
    Ok(())
}

/// As where an image is made: nothing runs, and not even /proc is there.
#[test]
fn scriptlets_need_nothing_that_runs() -> Result<()> {
    let site = Site::new("rpm-image")?;
    let before = site.etc()?;
    // By then the host's own processes need none.
    site.host.sh("umount -l /proc").run()?.must()?;
    let said = site.install("1")?;
    assert!(said.ok(), "{said}");
    for word in ["warning:", "error:", "scriptlet", "not found", "annot open"] {
        assert!(!said.stderr.contains(word), "{said}");
    }
    assert!(site.host.sh("test -s /etc/jitd/jitd.toml && getent passwd jitd").run()?.ok());
    let said = site.erase(&OURS)?;
    assert!(said.ok(), "{said}");
    assert!(!said.stderr.contains("scriptlet"), "{said}");
    assert_eq!(differences(&before, &site.etc()?), ["jitd", "jitd/jitd.toml"]);
    Ok(())
}

/// Where systemd runs, it is told of the units, and in an upgrade of nothing but the daemon: who logs in meanwhile waits in the sockets.
#[test]
fn systemd_is_told() -> Result<()> {
    let site = Site::new("rpm-systemd")?;
    site.host.write("/usr/bin/systemctl", 0o755, "#!/bin/sh\necho \"$*\" >>/root/told\n")?;
    site.host.sh("mkdir -p /run/systemd/system").run()?.must()?;
    let told = || -> Result<String> {
        let text = site.host.read("/root/told")?;
        site.host.remove("/root/told")?;
        Ok(text)
    };
    site.install("1")?.must()?;
    assert_eq!(told()?, "--no-reload preset jitd.socket jitd-control.socket jitd.service\n");
    site.install("2")?.must()?;
    assert_eq!(told()?, "daemon-reload\ntry-restart jitd.service\n");
    // One that answers is not ended for one that would not start.
    let config = site.host.read("/etc/jitd/jitd.toml")?;
    site.host.write("/etc/jitd/jitd.toml", 0o644, "[hst]\n")?;
    let again = site.rpm("--reinstall", &[site.rpms.ours("jitd", "2")?])?;
    assert!(again.ok() && again.stderr.contains("JITD IS NOT STARTED AGAIN: "), "{again}");
    assert_eq!(told()?, "--quiet is-active jitd.service\ndaemon-reload\n");
    site.host.write("/etc/jitd/jitd.toml", 0o644, config)?;
    let said = site.erase(&OURS)?;
    assert!(said.ok(), "{said}");
    assert_eq!(told()?, "--no-reload disable --now jitd.socket jitd-control.socket jitd.service\n");
    Ok(())
}
