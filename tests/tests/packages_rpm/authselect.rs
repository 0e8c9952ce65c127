//! The profiles that are made on a host where authselect is: from what is there, again when that is upgraded, and left before we go.

use std::path::Path;

use jit_tests::host::exec::Output;
use jit_tests::trouble::Result;

use crate::rpms::OURS;
use crate::site::{Site, differences};

const SCRIPT: &str = "/usr/libexec/jit/authselect";
const VENDOR: &str = "/usr/share/authselect/vendor";
const ACCOUNT: &str = "account     [success=ok ignore=ignore default=die]           pam_jit.so\n";
const SESSION: &str = "session     [success=ok ignore=ignore default=die]           pam_jit.so\n";

/// A host where this profile is selected, and nothing of ours is.
pub(crate) fn site(name: &str, selected: &str) -> Result<Site> {
    let site = Site::new(name)?;
    site.host.install(Path::new(env!("CARGO_BIN_EXE_authselect")), "/usr/bin/authselect", 0o755)?;
    site.rpm("-i", &[site.rpms.authselect("1")])?.must()?;
    site.host.sh(&format!("rm /etc/nsswitch.conf; authselect select {selected}")).run()?.must()?;
    Ok(site)
}

fn run(site: &Site, line: &str) -> Result<Output> {
    site.host.sh(line).run()
}

/// A file that is reached by links within the host.
fn inside(site: &Site, path: &str) -> Result<String> {
    site.host.exec(["cat", path]).run()?.must()
}

#[test]
fn they_are_there_and_nothing_is_selected() -> Result<()> {
    let site = site("authselect-install", "sssd with-sudo with-mkhomedir")?;
    let before = site.etc()?;
    let said = site.install("1")?;
    assert!(said.ok(), "{said}");
    assert!(said.stderr.contains("authselect select jit-sssd with-sudo with-mkhomedir\n"), "{said}");
    let changed = differences(&before, &site.etc()?);
    assert_eq!(
        changed,
        ["jit", "jitd", "jitd/jitd.toml", "logrotate.d/jitd"],
        "authselect's files are its own"
    );

    for (profile, file) in [("sssd", "system-auth"), ("sssd", "smartcard-auth"), ("local", "password-auth")] {
        let original = site.host.read(&format!("/usr/share/authselect/default/{profile}/{file}"))?;
        let derived = site.host.read(&format!("{VENDOR}/jit-{profile}/{file}"))?;
        assert_eq!(derived.replace(ACCOUNT, "").replace(SESSION, ""), original, "every line stays");
        let phase = |word: &'static str| {
            derived.lines().filter(move |line| line.trim_start_matches('-').starts_with(word))
        };
        assert_eq!(phase("account").next(), Some(ACCOUNT.trim_end()));
        assert_eq!(phase("session").next_back(), Some(SESSION.trim_end()));
    }
    // Where a feature cuts the rest off, our lines would go with it; there is nothing to guard then.
    let fingers = site.host.read(&format!("{VENDOR}/jit-sssd/fingerprint-auth"))?;
    assert!(fingers.contains("{continue if \"with-fingerprint\"}\naccount     [success=ok"), "{fingers}");
    for (profile, expected) in [
        (
            "sssd",
            "# `files` in a remark stays what it is.\n\
            passwd:     {if \"with-tlog\":sss files|files sss} systemd\n\
            shadow:     files systemd\n\
            group:      {if \"with-tlog\":sss files jit|files [SUCCESS=merge] jit [SUCCESS=merge] sss} {if \"with-altfiles\":altfiles }systemd\n\
            netgroup:   sss files\n\
            sudoers:    files sss {include if \"with-sudo\"}\n",
        ),
        (
            "local",
            "passwd:     files {if \"with-altfiles\":altfiles }systemd {exclude if \"with-custom-passwd\"}\n\
            group:      files [SUCCESS=merge] jit [SUCCESS=merge] {if \"with-altfiles\":altfiles [SUCCESS=merge] }systemd {exclude if \"with-custom-group\"}\n\
            initgroups: files [SUCCESS=continue] jit\n\
            hosts:      files dns\n",
        ),
    ] {
        assert_eq!(site.host.read(&format!("{VENDOR}/jit-{profile}/nsswitch.conf"))?, expected);
    }
    let readme = site.host.read(&format!("{VENDOR}/jit-sssd/README"))?;
    assert!(
        readme.starts_with("Names and logins from a directory, by a cache (with just-in-time access)\n"),
        "{readme}"
    );
    Ok(())
}

#[test]
fn it_goes_back_to_what_was_selected() -> Result<()> {
    let site = site("authselect-erase", "sssd with-sudo with-mkhomedir")?;
    let before = site.etc()?;
    site.install("1")?.must()?;
    run(&site, "authselect select jit-sssd with-sudo with-mkhomedir")?.must()?;
    assert!(inside(&site, "/etc/pam.d/system-auth")?.contains(ACCOUNT.trim_end()));
    assert!(run(&site, &format!("{SCRIPT} next"))?.stderr.is_empty(), "guarded: nothing to say");
    let said = site.erase(&OURS)?;
    assert!(said.ok() && said.stderr.contains("the profile sssd is selected again"), "{said}");
    assert_eq!(differences(&before, &site.etc()?), ["jitd", "jitd/jitd.toml"]);
    assert_eq!(run(&site, &format!("ls -A {VENDOR}"))?.stdout, "");
    Ok(())
}

/// Nobody can log in where PAM asks a module that is not there: so it stays, and says what to type.
#[test]
fn it_stays_where_it_cannot_go_back() -> Result<()> {
    let site = site("authselect-stays", "local")?;
    site.install("1")?.must()?;
    run(&site, "authselect select jit-local")?.must()?;
    site.host.append("/etc/authselect/system-auth", "# by hand\n")?;
    let said = site.erase(&OURS)?;
    assert!(!said.ok() && said.stderr.contains("by hand: authselect select local --force"), "{said}");
    assert!(site.host.path("/usr/lib64/security/pam_jit.so").is_file());
    assert!(site.host.read("/etc/authselect/system-auth")?.ends_with("# by hand\n"), "an edit is an admin's");
    assert!(
        site.host.path(&format!("{VENDOR}/jit-local/README")).is_file(),
        "without it authselect knows no way out"
    );

    run(&site, "authselect select local --force")?.must()?;
    let said = site.erase(&["pam_jit"])?;
    assert!(said.ok(), "{said}");

    // And where there is no authselect any more.
    site.install("1")?.must()?;
    run(&site, "authselect select jit-local && mv /usr/bin/authselect /root/")?.must()?;
    let said = site.erase(&["pam_jit"])?;
    assert!(!said.ok() && said.stderr.contains("does not go back"), "{said}");
    Ok(())
}

#[test]
fn they_follow_authselects_own() -> Result<()> {
    let site = site("authselect-upgrade", "sssd")?;
    site.install("1")?.must()?;
    run(&site, "authselect select jit-sssd")?.must()?;
    let said = site.rpm("-U", &[site.rpms.authselect("2")])?;
    assert!(said.ok(), "{said}");
    // As its own scriptlet does at the end.
    run(&site, "authselect apply-changes")?.must()?;
    let stack = inside(&site, "/etc/pam.d/system-auth")?;
    assert!(stack.contains("pam_time.so") && stack.find("pam_jit.so") < stack.find("pam_time.so"), "{stack}");
    assert!(!site.host.path(&format!("{VENDOR}/jit-local")).exists(), "what it was made from is gone");

    // A selected one is kept, or authselect could not even be told to select another.
    run(&site, "mv /usr/share/authselect/default/sssd /root/")?.must()?;
    let said = run(&site, &format!("{SCRIPT} derive"))?;
    assert!(said.stderr.contains("the profile sssd is gone"), "{said}");
    assert!(site.host.path(&format!("{VENDOR}/jit-sssd/README")).is_file());

    // What is new in one of ours is applied by our own upgrade; nobody has to think of it.
    run(&site, "mv /root/sssd /usr/share/authselect/default/; sed -i /pam_time/d /usr/share/authselect/default/sssd/system-auth")?.must()?;
    site.install("2")?.must()?;
    assert!(!inside(&site, "/etc/pam.d/system-auth")?.contains("pam_time"));
    Ok(())
}

#[test]
fn a_profile_of_ones_own_is_made_only_when_asked_for() -> Result<()> {
    let site = site("authselect-custom", "sssd")?;
    run(&site, "cp -r /usr/share/authselect/default/sssd /etc/authselect/custom-sssd; mkdir /etc/authselect/custom; mv /etc/authselect/custom-sssd /etc/authselect/custom/strict; cd /etc/authselect/custom/strict; ln -sf /usr/share/authselect/default/sssd/postlogin .; authselect select custom/strict with-sudo")?.must()?;
    let before = site.etc()?;
    let said = site.install("1")?;
    assert!(said.stderr.contains("first: /usr/libexec/jit/authselect derive custom/strict"), "{said}");
    assert!(said.stderr.contains("authselect select custom/jit-strict with-sudo"), "{said}");
    assert!(!site.host.path("/etc/authselect/custom/jit-strict").exists());
    run(&site, &format!("{SCRIPT} derive custom/strict && authselect select custom/jit-strict with-sudo"))?
        .must()?;
    assert!(inside(&site, "/etc/pam.d/password-auth")?.contains(ACCOUNT.trim_end()));

    // From then on it is refreshed with the others.
    run(&site, "sed -i '/^account.*pam_unix/i account required pam_time.so' /etc/authselect/custom/strict/system-auth")?.must()?;
    run(&site, &format!("{SCRIPT} derive && {SCRIPT} apply"))?.must()?;
    assert!(inside(&site, "/etc/pam.d/system-auth")?.contains("pam_time"));
    run(&site, "sed -i /pam_time/d /etc/authselect/custom/strict/system-auth")?.must()?;

    let said = site.erase(&OURS)?;
    assert!(said.ok() && said.stderr.contains("the profile custom/strict is selected again"), "{said}");
    assert_eq!(differences(&before, &site.etc()?), ["jitd", "jitd/jitd.toml"]);

    // One that only has our name is nobody's to touch, and a template that cannot be understood is left alone.
    site.install("1")?.must()?;
    run(
        &site,
        "mkdir /etc/authselect/custom/jit-strict; echo mine >/etc/authselect/custom/jit-strict/README",
    )?
    .must()?;
    let said = run(&site, &format!("{SCRIPT} derive custom/strict"))?;
    assert!(!said.ok() && said.stderr.contains("is not jit's"), "{said}");
    run(&site, "cp -r /etc/authselect/custom/strict /etc/authselect/custom/cut; sed -i '/^session.*limits/i {stop if \"with-cut\"}' /etc/authselect/custom/cut/system-auth")?.must()?;
    let said = run(&site, &format!("{SCRIPT} derive custom/cut"))?;
    assert!(!said.ok() && said.stderr.contains("not clear where our lines would go"), "{said}");
    assert_eq!(run(&site, "ls -A /etc/authselect/custom")?.stdout, "cut\njit-strict\nstrict\n");
    Ok(())
}

/// `authselect create-profile strict --base-on jit-sssd` copies our README, and with it our mark. What the admin made of it is his: it is
/// neither left for a weaker one, nor made anew, nor removed.
#[test]
fn a_profile_that_was_made_of_ours_is_the_admins() -> Result<()> {
    let site = site("authselect-copied", "sssd")?;
    site.install("1")?.must()?;
    let custom = "/etc/authselect/custom";
    run(&site, &format!("mkdir -p {custom} && cp -r {VENDOR}/jit-sssd {custom}/strict && cp -r {VENDOR}/jit-sssd {custom}/jit-mine && \
                         sed -i '/^account.*pam_unix/i account required pam_time.so' {custom}/strict/system-auth && \
                         authselect select custom/strict"))?
    .must()?;
    assert!(run(&site, &format!("{SCRIPT} next"))?.stderr.is_empty(), "it has our lines");
    let said = site.erase(&["pam_jit"])?;
    assert!(!said.ok() && said.stderr.contains("NOT REMOVED"), "{said}");
    assert!(inside(&site, "/etc/pam.d/system-auth")?.contains("pam_time"), "what the admin selected is not");

    run(&site, "authselect select sssd")?.must()?;
    let said = site.erase(&OURS)?;
    assert!(said.ok(), "{said}");
    assert_eq!(run(&site, &format!("ls -A {custom}"))?.stdout, "jit-mine\nstrict\n");
    Ok(())
}
