//! The daemon is dead: the enforcing file has the word. Real libpam, the release build of the module, its own /etc.

use std::time::{SystemTime, UNIX_EPOCH};

use jit_model::text::rfc3339;
use jit_model::time::{Span, Timestamp};
use jit_tests::libpam::rig::{Rig, alice};
use jit_tests::libpam::{AUTHINFO_UNAVAIL, Call, IGNORED, SUCCESS, Spec};
use jit_tests::trouble::{Result, Trouble};

const FILE: &str = "\
# made by a test
guard sshd
guard login
guard sudo
exempt user bob services sshd from 10.0.0.0/8
break-glass-user rescue
break-glass-group jit-breakglass
break-glass-console yes
end enforcing
";

fn spec(service: &str, user: &str, rhost: Option<&str>, tty: Option<&str>) -> Spec {
    Spec {
        service: service.to_owned(),
        user: Some(user.to_owned()),
        rhost: rhost.map(str::to_owned),
        tty: tty.map(str::to_owned),
        ..alice()
    }
}

/// One line for each use of a road that leads past the directory, with how urgent it is.
fn assert_stands(rig: &Rig, spec: &Spec, code: i32, priority: Option<&str>) -> Result<()> {
    rig.logged();
    let report = rig.run("", spec)?;
    let logged = rig.logged();
    assert_eq!(report.codes, [code], "{spec:?} {logged:?}");
    assert_eq!(report.open_before, report.open_after);
    assert_eq!(logged.len(), usize::from(priority.is_some()), "{spec:?} {logged:?}");
    let starts = format!("{}pam_jit[", priority.unwrap_or_default());
    assert!(logged.iter().all(|line| line.starts_with(&starts)), "{logged:?}");
    Ok(())
}

const ALERT: Option<&str> = Some("<81>");
const ERROR: Option<&str> = Some("<83>");
const WARNING: Option<&str> = Some("<84>");
const NOTICE: Option<&str> = Some("<85>");

#[test]
fn the_file_says_who_passes() -> Result<()> {
    let rig = Rig::released()?;
    rig.enforce(FILE)?;
    assert_stands(&rig, &alice(), AUTHINFO_UNAVAIL, ERROR)?;
    assert_stands(&rig, &spec("cron", "alice", None, Some("cron")), IGNORED, None)?;
    assert_stands(&rig, &spec("systemd-user", "nobody-here", None, None), IGNORED, None)?;
    assert_stands(&rig, &spec("sshd", "bob", Some("10.9.8.7"), Some("ssh")), IGNORED, NOTICE)?;
    assert_stands(&rig, &spec("sshd", "bob", Some("192.0.2.1"), Some("ssh")), AUTHINFO_UNAVAIL, ERROR)?;
    assert_stands(&rig, &spec("login", "bob", Some("10.9.8.7"), Some("tty1")), AUTHINFO_UNAVAIL, ERROR)?;
    assert_stands(&rig, &spec("sshd", "rescue", Some("192.0.2.1"), Some("ssh")), SUCCESS, ALERT)?;
    assert_stands(&rig, &spec("sshd", "carol", Some("192.0.2.1"), Some("ssh")), SUCCESS, ALERT)?;
    assert_stands(&rig, &spec("login", "root", None, Some("/dev/tty1")), SUCCESS, ALERT)?;
    assert_stands(&rig, &spec("login", "root", Some("192.0.2.1"), Some("tty1")), AUTHINFO_UNAVAIL, ERROR)?;
    assert_stands(&rig, &spec("sshd", "root", Some("192.0.2.1"), Some("ssh")), AUTHINFO_UNAVAIL, ERROR)?;
    assert_stands(&rig, &spec("sshd", "nobody-here", Some("10.9.8.7"), Some("ssh")), AUTHINFO_UNAVAIL, ERROR)
}

/// A name is what somebody typed: in the log it stands in quotes, on one line.
#[test]
fn a_name_in_the_log_is_only_a_name() -> Result<()> {
    let rig = Rig::released()?;
    rig.enforce(FILE)?;
    let name = "x\" passes without jitd\n<81>pam_jit[1]: \"sshd\": BREAK-GLASS: \"root";
    assert_eq!(rig.run("", &spec("sshd", name, None, None))?.codes, [AUTHINFO_UNAVAIL]);
    let logged = rig.logged();
    let [line] = logged.as_slice() else { panic!("{logged:?}") };
    let quoted =
        r#": "sshd": "x\" passes without jitd?<81>pam_jit[1]: \"sshd\": BREAK-GLASS: \"root" is denied"#;
    assert!(line.contains(quoted), "{line}");
    Ok(())
}

#[test]
fn break_glass_in_auth_is_no_password() -> Result<()> {
    let rig = Rig::released()?;
    rig.enforce(FILE)?;
    let rescue = Spec { calls: vec![Call::Authenticate], ..spec("sshd", "rescue", None, None) };
    assert_stands(&rig, &rescue, IGNORED, ALERT)
}

#[test]
fn a_directorys_rescue_is_not_the_local_one() -> Result<()> {
    let rig = Rig::released()?;
    rig.enforce("guard sshd\nbreak-glass-user eve\nbreak-glass-group ghosts\nend enforcing\n")?;
    rig.write("etc/group", "ghosts:x:79:alice\n", 0o644)?;
    // alice is a member and local; eve is nobody here.
    assert_stands(&rig, &alice(), SUCCESS, ALERT)?;
    assert_stands(&rig, &spec("sshd", "eve", None, None), AUTHINFO_UNAVAIL, ERROR)
}

#[test]
fn root_itself_and_callers_of_sudo() -> Result<()> {
    let rig = Rig::released()?;
    rig.enforce(FILE)?;
    assert_stands(&rig, &spec("sudo", "root", None, Some("/dev/pts/0")), IGNORED, None)?;
    let by_alice = Spec { real_uid: Some(1000), ..spec("sudo", "root", None, Some("/dev/tty1")) };
    assert_stands(&rig, &by_alice, AUTHINFO_UNAVAIL, ERROR)?;
    let by_carol = Spec { real_uid: Some(1002), ..by_alice };
    assert_stands(&rig, &by_carol, SUCCESS, ALERT)
}

#[test]
fn no_file_is_permissive_and_so_is_one_whose_time_is_over() -> Result<()> {
    let rig = Rig::released()?;
    assert_stands(&rig, &alice(), IGNORED, WARNING)?;
    rig.enforce("guard sshd\nuntil 2001-01-01T00:00:00Z\nend enforcing\n")?;
    assert_stands(&rig, &alice(), IGNORED, WARNING)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|e| Trouble::new(e.to_string()))?;
    let now = Timestamp(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    let until = |seconds| {
        let until = rfc3339(now.plus(Span(seconds)));
        rig.enforce(&format!("guard sshd\nuntil {until}\nend enforcing\n"))
    };
    until(600)?;
    assert_stands(&rig, &alice(), AUTHINFO_UNAVAIL, ERROR)?;
    // Nobody has more than a day to confirm: this clock has been set back since.
    until(3 * 86_400)?;
    assert_stands(&rig, &alice(), IGNORED, WARNING)
}

/// Enforcing with the built-in defaults, and a second line in the log that says what is wrong with the file.
#[test]
fn a_file_that_cannot_be_used_is_enforcing() -> Result<()> {
    let good = "production no\nend enforcing\n";
    let bad = |text: &str, mode: u32| -> Result<Rig> {
        let rig = Rig::released()?;
        rig.write("etc/jitd/enforcing", text, mode)?;
        Ok(rig)
    };
    let mut rigs = vec![
        ("cut off", bad("production no\n", 0o644)?),
        ("unknown word", bad("production no\nallow all\nend enforcing\n", 0o644)?),
        ("NUL", bad("production no\nend enforcing\n\0\0", 0o644)?),
        ("too long", bad(&format!("{}{good}", "#\n".repeat(40_000)), 0o644)?),
        ("group may write", bad(good, 0o664)?),
        ("others may write", bad(good, 0o646)?),
    ];
    let directory = Rig::released()?;
    std::fs::create_dir(directory.path("etc/jitd/enforcing")).map_err(|e| Trouble::new(e.to_string()))?;
    rigs.push(("a directory", directory));
    let link = bad("", 0o644)?;
    link.write("etc/jitd/good", good, 0o644)?;
    std::fs::remove_file(link.path("etc/jitd/enforcing")).map_err(|e| Trouble::new(e.to_string()))?;
    std::os::unix::fs::symlink("good", link.path("etc/jitd/enforcing"))
        .map_err(|e| Trouble::new(e.to_string()))?;
    rigs.push(("a link", link));
    for (what, rig) in &rigs {
        rig.logged();
        assert_eq!(rig.run("", &alice())?.codes, [AUTHINFO_UNAVAIL], "{what}");
        let logged = rig.logged();
        assert!(
            logged.len() == 2 && logged.iter().any(|line| line.contains("/etc/jitd/enforcing: ")),
            "{what} {logged:?}"
        );
        assert_eq!(rig.run("", &spec("cron", "alice", None, None))?.codes, [IGNORED], "{what}");
        assert_eq!(rig.run("", &spec("login", "root", None, Some("tty1")))?.codes, [SUCCESS], "{what}");
    }
    let rig = bad(good, 0o644)?;
    assert_stands(&rig, &alice(), IGNORED, None)
}

#[test]
fn an_empty_file_is_the_defaults() -> Result<()> {
    let rig = Rig::released()?;
    rig.enforce("")?;
    for service in
        ["sshd", "login", "remote", "polkit-1", "cockpit", "gdm-password", "lightdm", "sddm", "xrdp-sesman"]
    {
        assert_stands(&rig, &spec(service, "alice", None, None), AUTHINFO_UNAVAIL, ERROR)?;
    }
    assert_stands(&rig, &spec("sshd", "carol", None, None), SUCCESS, ALERT)?;
    assert_stands(&rig, &spec("vsftpd", "alice", None, None), IGNORED, None)
}

/// A log that nobody reads, and none at all.
#[test]
fn a_full_log_holds_nobody_up() -> Result<()> {
    let rig = Rig::released()?;
    rig.enforce(FILE)?;
    let writer = std::os::unix::net::UnixDatagram::unbound().map_err(|e| Trouble::new(e.to_string()))?;
    writer.set_nonblocking(true).map_err(|e| Trouble::new(e.to_string()))?;
    while writer.send_to(&[b'x'; 1000], rig.path("dev/log")).is_ok() {}
    let report = rig.run("", &alice())?;
    assert_eq!(report.codes, [AUTHINFO_UNAVAIL]);
    assert_eq!(report.open_before, report.open_after);
    std::fs::remove_file(rig.path("dev/log")).map_err(|e| Trouble::new(e.to_string()))?;
    assert_eq!(rig.run("", &alice())?.codes, [AUTHINFO_UNAVAIL]);
    Ok(())
}
