//! Debian 12.

use super::{Level, Tree, hole, lock_out};

const COMMON_ACCOUNT: &str = "\
account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so
account requisite pam_deny.so
account required pam_permit.so
";
/// As pam-auth-update renders it with our profile.
const PROFILED_ACCOUNT: &str = "\
account [success=ok ignore=ignore default=die] pam_jit.so
account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so
account requisite pam_deny.so
account required pam_permit.so
";
const COMMON_SESSION: &str = "\
session [default=1] pam_permit.so
session requisite pam_deny.so
session required pam_permit.so
session required pam_unix.so
session optional pam_systemd.so
";
const COMMON_AUTH: &str = "\
auth [success=1 default=ignore] pam_unix.so nullok
auth requisite pam_deny.so
auth required pam_permit.so
";
const SSHD: &str = "\
@include common-auth
account required pam_nologin.so
@include common-account
session [success=ok ignore=ignore module_unknown=ignore default=bad] pam_selinux.so close
session required pam_loginuid.so
session optional pam_keyinit.so force revoke
@include common-session
session optional pam_motd.so motd=/run/motd.dynamic
session required pam_limits.so
session required pam_env.so
@include common-password
";
const LOGIN: &str = "\
auth optional pam_faildelay.so delay=3000000
auth requisite pam_nologin.so
session required pam_loginuid.so
session required pam_env.so readenv=1
@include common-auth
auth optional pam_group.so
session required pam_limits.so
@include common-account
@include common-session
@include common-password
";
const SUDO: &str = "\
session required pam_limits.so
@include common-auth
@include common-account
@include common-session-noninteractive
";
const SU: &str = "\
auth sufficient pam_rootok.so
session required pam_env.so readenv=1
session required pam_limits.so
@include common-auth
@include common-account
@include common-session
";
const SU_L: &str = "\
auth include su
account include su
password include su
session optional pam_keyinit.so force revoke
session include su
";
const CRON: &str = "\
@include common-auth
session required pam_loginuid.so
session required pam_env.so
@include common-account
@include common-session-noninteractive
session required pam_limits.so
";
const POLKIT: &str = "\
@include common-auth
@include common-account
@include common-password
session required pam_env.so readenv=1
@include common-session-noninteractive
";
const SYSTEMD_USER: &str = "\
@include common-account
session required pam_selinux.so close
session required pam_loginuid.so
@include common-session-noninteractive
session optional pam_systemd.so
";
const STRINGS: [&str; 5] =
    ["/etc/pam.d/%s", "/usr/lib/pam.d/%s", "/lib/security", "@include", "/lib/x86_64-linux-gnu/security/"];
const MODULES: [&str; 19] = [
    "deny",
    "env",
    "faildelay",
    "group",
    "jit",
    "keyinit",
    "limits",
    "localuser",
    "loginuid",
    "motd",
    "nologin",
    "permit",
    "rootok",
    "selinux",
    "sss",
    "succeed_if",
    "systemd",
    "unix",
    "warn",
];

fn debian() -> Tree {
    let other =
        "@include common-auth\n@include common-account\n@include common-password\n@include common-session\n";
    let files = [
        ("/etc/pam.d/common-account", COMMON_ACCOUNT),
        ("/etc/pam.d/common-auth", COMMON_AUTH),
        ("/etc/pam.d/common-password", "password required pam_unix.so\n"),
        ("/etc/pam.d/common-session", COMMON_SESSION),
        ("/etc/pam.d/common-session-noninteractive", COMMON_SESSION),
        ("/etc/pam.d/sshd", SSHD),
        ("/etc/pam.d/login", LOGIN),
        ("/etc/pam.d/sudo", SUDO),
        ("/etc/pam.d/su", SU),
        ("/etc/pam.d/su-l", SU_L),
        ("/etc/pam.d/cron", CRON),
        ("/etc/pam.d/passwd", "@include common-password\n"),
        ("/etc/pam.d/chsh", "auth sufficient pam_rootok.so\n@include common-auth\n@include common-account\n"),
        ("/etc/pam.d/other", other),
        ("/usr/lib/pam.d/polkit-1", POLKIT),
        ("/usr/lib/pam.d/systemd-user", SYSTEMD_USER),
    ];
    Tree::new(&files, "/lib/x86_64-linux-gnu/libpam.so.0", &STRINGS, &MODULES)
}

/// With our profiles.
fn profiled() -> Tree {
    let session = format!("{COMMON_SESSION}session [success=ok ignore=ignore default=die] pam_jit.so\n");
    let tree = debian();
    tree.put("/etc/pam.d/common-account", PROFILED_ACCOUNT.as_bytes());
    tree.put("/etc/pam.d/common-session", session.as_bytes());
    tree.put("/etc/pam.d/common-session-noninteractive", session.as_bytes());
    tree
}

/// With the lines of README.md, but for cron and polkit.
fn by_hand() -> Tree {
    let line = |tree: Tree, name: &str, first: &str, session: &str| {
        tree.with(name, first, &format!("account required pam_jit.so\n{first}")).with(
            name,
            session,
            &format!("{session}session required pam_jit.so\n"),
        )
    };
    let tree =
        line(debian(), "/etc/pam.d/sshd", "account required pam_nologin.so", "@include common-session\n");
    let tree = line(tree, "/etc/pam.d/login", "@include common-account", "@include common-session\n");
    let tree =
        line(tree, "/etc/pam.d/sudo", "@include common-account", "@include common-session-noninteractive\n");
    line(tree, "/etc/pam.d/su", "@include common-account", "@include common-session\n")
}

#[test]
fn the_profile_guards_everything() {
    let findings = profiled().findings();
    let (faults, notes): (Vec<_>, Vec<_>) =
        findings.findings.iter().partition(|finding| finding.level > Level::Note);
    assert!(faults.is_empty(), "{faults:#?}");
    // What has no file of its own is let in by Debian's `other`.
    assert_eq!(notes.iter().map(|note| note.code).collect::<Vec<_>>(), ["pam-other"]);
    assert!(findings.unexamined.is_empty());
    assert!(findings.examined.contains("pam-deny"));
}

#[test]
fn lines_by_hand_guard_their_services_and_no_other() {
    let faults = by_hand().faults();
    let cron = (Level::Warning, "pam-background", "/etc/pam.d/cron".to_owned());
    assert_eq!(faults, [hole("pam-account", "/usr/lib/pam.d/polkit-1"), cron]);
}

#[test]
fn what_includes_a_guarded_service_in_another_phase_is_no_better_for_it() {
    let tree = by_hand();
    tree.put("/etc/pam.d/sudo-i", b"auth include sudo\n@include common-account\nsession include sudo\n");
    assert!(tree.faults().contains(&hole("pam-account", "/etc/pam.d/sudo-i")), "{:#?}", tree.faults());
    tree.put("/etc/pam.d/sudo-i", b"auth include sudo\naccount include sudo\nsession include sudo\n");
    assert!(!tree.faults().iter().any(|(_, _, place)| place.ends_with("sudo-i")));
}

#[test]
fn a_service_whose_file_is_gone_is_let_in_by_other() {
    let tree = by_hand().without("/etc/pam.d/sshd");
    let place = "/etc/pam.d/sshd";
    assert!(!tree.faults().iter().any(|(_, _, at)| at == place), "there is no sshd");
    tree.put("/usr/sbin/sshd", b"");
    for code in ["pam-account", "pam-session"] {
        assert!(tree.faults().contains(&hole(code, place)), "{:#?}", tree.faults());
    }
    // The profile guards `other`, too.
    let tree = profiled().without("/etc/pam.d/sshd");
    tree.put("/usr/sbin/sshd", b"");
    assert_eq!(tree.faults(), []);
}

#[test]
fn a_host_without_lines_is_open_and_what_is_typed_closes_it() {
    let tree = debian();
    let faults = tree.faults();
    for name in ["sshd", "login", "sudo", "su"] {
        for code in ["pam-account", "pam-session"] {
            assert!(faults.contains(&hole(code, &format!("/etc/pam.d/{name}"))), "{name}: {faults:#?}");
        }
    }
    // su-l is su.
    assert!(!faults.iter().any(|(_, _, place)| place.ends_with("su-l")), "{faults:#?}");
    for _ in 0..3 {
        tree.cured_somewhat();
    }
    tree.cured();
}

impl Tree {
    fn cured_somewhat(&self) {
        // There are more faults than one go types.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.cured()));
    }
}

#[test]
fn where_the_profile_is_installed_its_tool_is_named() {
    let tree = debian();
    tree.put("/usr/share/pam-configs/jit", b"Name: jit\n");
    let finding = tree.findings().findings.into_iter().find(|finding| finding.code == "pam-account").unwrap();
    assert_eq!(finding.cure, "pam-auth-update --enable jit");
}

#[test]
fn a_line_that_throws_a_denial_away_is_found() {
    let ours = "[success=ok ignore=ignore default=die] pam_jit.so";
    for control in [
        "[success=ok default=ignore]",
        "optional",
        "sufficient",
        "[success=ok ignore=ignore default=die authinfo_unavail=ignore]",
        "[perm_denied=2 default=bad success=ok ignore=ignore]",
        "[default=reset success=ok ignore=ignore]",
    ] {
        let tree = profiled().with("/etc/pam.d/common-account", ours, &format!("{control} pam_jit.so"));
        assert!(
            tree.faults().contains(&hole("pam-deny", "/etc/pam.d/common-account:1")),
            "{control}: {:#?}",
            tree.findings()
        );
        tree.cured();
    }
    // Not these: they are as good as `required`.
    for control in [
        "required",
        "requisite",
        "[success=ok ignore=ignore default=bad]",
        "[success=done ignore=ignore default=die]",
    ] {
        let tree = profiled().with("/etc/pam.d/common-account", ours, &format!("{control} pam_jit.so"));
        assert_eq!(tree.faults(), [], "{control}");
    }
}

#[test]
fn a_line_before_ours_that_ends_the_phase_is_found() {
    for line in [
        "account sufficient pam_localuser.so",
        "account sufficient pam_permit.so",
        "account [success=done default=ignore] pam_succeed_if.so uid < 1000 quiet",
        "account [success=1 default=ignore] pam_unix.so",
        "account [success=1 default=ignore] pam_sss.so",
        "account [default=bad success=ok user_unknown=ignore] pam_sss.so",
        "-account sufficient pam_localuser.so",
        "account sufficient \\\n  pam_localuser.so",
        "account sufficient pam_unheard_of.so",
        "@include passing",
        "account include passing",
    ] {
        let tree = profiled().with(
            "/etc/pam.d/sshd",
            "@include common-account",
            &format!("{line}\n@include common-account"),
        );
        tree.put("/etc/pam.d/passing", b"# passes\naccount sufficient pam_localuser.so\n");
        tree.put("/lib/x86_64-linux-gnu/security/pam_unheard_of.so", &super::head());
        let faults: Vec<_> =
            tree.faults().into_iter().filter(|(_, code, _)| *code != "pam-unguarded").collect();
        let [(Level::Hole, "pam-skipped" | "pam-deny", place)] = faults.as_slice() else {
            panic!("{line}: {faults:#?}")
        };
        let wanted = if line.contains("passing") { "/etc/pam.d/passing:2" } else { "/etc/pam.d/sshd:3" };
        assert_eq!(place, wanted, "{line}");
    }
    // Not these.
    for line in [
        "account required pam_nologin.so",
        "account sufficient pam_deny.so",
        "account substack passing",
        "account sufficient pam_missing.so",
        "account [success=ok default=ignore] pam_localuser.so",
        "account optional pam_warn.so",
    ] {
        let tree = profiled().with(
            "/etc/pam.d/sshd",
            "@include common-account",
            &format!("{line}\n@include common-account"),
        );
        tree.put("/etc/pam.d/passing", b"account sufficient pam_localuser.so\n");
        let faults: Vec<_> =
            tree.faults().into_iter().filter(|(_, code, _)| *code != "pam-unguarded").collect();
        assert_eq!(faults, [], "{line}");
    }
}

#[test]
fn roots_own_way_past_us_is_none_for_others() {
    let past = |line: &str, file: &str| {
        profiled().with(file, "@include common-account", &format!("{line}\n@include common-account")).faults()
    };
    assert_eq!(past("account sufficient pam_rootok.so", "/etc/pam.d/su"), []);
    assert_eq!(past("account sufficient pam_succeed_if.so uid = 0 use_uid quiet", "/etc/pam.d/su"), []);
    // Of whom is asked: the target is root, too, and sshd is root whoever comes.
    for (line, file) in [
        ("account sufficient pam_succeed_if.so uid = 0 quiet", "/etc/pam.d/su"),
        ("account sufficient pam_succeed_if.so uid >= 0 use_uid", "/etc/pam.d/su"),
        ("account sufficient pam_rootok.so", "/etc/pam.d/sshd"),
    ] {
        assert_eq!(past(line, file).len(), 1, "{line}");
    }
}

#[test]
fn what_makes_the_stack_forget_is_found() {
    let tree = by_hand().with(
        "/etc/pam.d/sshd",
        "@include common-account",
        "account [default=reset] pam_env.so\n@include common-account",
    );
    assert!(tree.faults().contains(&hole("pam-deny", "/etc/pam.d/sshd:4")), "{:#?}", tree.findings());
}

#[test]
fn a_missing_session_line_and_one_too_early_are_found() {
    let tree = by_hand().with("/etc/pam.d/sshd", "session required pam_jit.so\n", "");
    assert!(tree.faults().contains(&hole("pam-session", "/etc/pam.d/sshd")));
    let tree = by_hand().with("/etc/pam.d/sshd", "session required pam_jit.so\n", "").with(
        "/etc/pam.d/sshd",
        "session required pam_loginuid.so",
        "session required pam_jit.so\nsession required pam_loginuid.so",
    );
    assert!(
        tree.faults().contains(&(Level::Warning, "pam-early", "/etc/pam.d/sshd:6".to_owned())),
        "{:#?}",
        tree.faults()
    );
    let tree =
        by_hand().with("/etc/pam.d/sshd", "session required pam_jit.so", "session optional pam_jit.so");
    assert!(tree.faults().contains(&hole("pam-deny", "/etc/pam.d/sshd:9")), "{:#?}", tree.faults());
}

#[test]
fn a_line_in_another_phase_does_not_count() {
    let tree = by_hand().with("/etc/pam.d/sshd", "account required pam_jit.so", "auth required pam_jit.so");
    let finding =
        tree.findings().findings.into_iter().find(|finding| finding.place == "/etc/pam.d/sshd").unwrap();
    assert!(finding.code == "pam-account" && finding.text.contains("in the auth phase"), "{finding:?}");
}

#[test]
fn who_would_be_locked_out_is_told() {
    // Above pam_deny, which pam_unix jumps over one line only.
    let tree = profiled()
        .with("/etc/pam.d/common-account", "account [success=ok ignore=ignore default=die] pam_jit.so\n", "")
        .with(
            "/etc/pam.d/common-account",
            "account requisite pam_deny.so",
            "account required pam_jit.so\naccount requisite pam_deny.so",
        );
    assert!(
        tree.faults().contains(&lock_out("pam-lock-out", "/etc/pam.d/common-account:2")),
        "{:#?}",
        tree.faults()
    );
    let tree =
        profiled().with("/etc/pam.d/common-account", "success=ok ignore=ignore", "success=bad ignore=ignore");
    assert!(tree.faults().contains(&lock_out("pam-lock-out", "/etc/pam.d/common-account:1")));
    // Root's sudo is not ours to say.
    let tree = profiled().with("/etc/pam.d/common-account", "ignore=ignore default=die", "default=die");
    assert!(tree.faults().contains(&lock_out("pam-lock-out", "/etc/pam.d/common-account:1")));
    let tree = profiled().with("/etc/pam.d/common-account", "pam_jit.so", "pam_jit.so debug");
    assert!(tree.faults().contains(&lock_out("pam-option", "/etc/pam.d/common-account:1")));
    tree.cured();
    let tree = profiled().with(
        "/etc/pam.d/common-account",
        "pam_jit.so",
        "pam_jit.so timeout=500 socket=/run/jitd/pam.sock",
    );
    assert_eq!(tree.faults(), []);
    let gone = "/lib/x86_64-linux-gnu/security/pam_jit.so";
    let tree = profiled().without(gone);
    assert!(tree.faults().contains(&lock_out("pam-module", "/etc/pam.d/common-account:1")));
    tree.put(gone, b"not a library");
    assert!(tree.faults().contains(&lock_out("pam-module", "/etc/pam.d/common-account:1")));
    let tree = profiled().without("/etc/pam.d/common-account");
    assert!(tree.faults().contains(&lock_out("pam-refused", "/etc/pam.d/sshd:3")), "{:#?}", tree.faults());
}

#[test]
fn a_module_that_others_may_write_is_found() {
    use std::os::unix::fs::PermissionsExt as _;
    let tree = profiled();
    let path = "/lib/x86_64-linux-gnu/security/pam_jit.so";
    std::fs::set_permissions(tree.at(path), std::fs::Permissions::from_mode(0o775)).unwrap();
    assert_eq!(tree.faults(), [hole("pam-module", path)]);
}

#[test]
fn a_missing_module_that_nobody_minds_is_a_hole() {
    let tree = profiled()
        .with("/etc/pam.d/common-account", "default=die", "module_unknown=ignore default=die")
        .without("/lib/x86_64-linux-gnu/security/pam_jit.so");
    assert!(
        tree.faults().contains(&hole("pam-module", "/etc/pam.d/common-account:1")),
        "{:#?}",
        tree.faults()
    );
}

#[test]
fn every_service_is_guarded_background_or_open() {
    let tree = profiled();
    tree.put("/etc/pam.d/ppp", b"@include common-auth\n@include common-account\n");
    tree.put("/etc/pam.d/backupd", b"@include common-auth\n@include common-account\n");
    tree.put("/etc/pam.d/closed", b"auth required pam_deny.so\naccount required pam_deny.so\n");
    tree.put("/etc/pam.d/sshd.dpkg-old", b"account required pam_permit.so\n");
    // Polkit is asked before run0 begins.
    tree.put("/usr/lib/pam.d/systemd-run0", b"account required pam_unix.so\n");
    let warning = (Level::Warning, "pam-unguarded", "/etc/pam.d/backupd".to_owned());
    assert_eq!(tree.faults(), [hole("pam-unguarded", "/etc/pam.d/ppp"), warning]);
    tree.put("/etc/jitd/jitd.toml", b"[host]\nname = \"h\"\n[guard]\nopen = [\"backupd\", \"ppp\"]\n");
    assert_eq!(tree.faults(), []);
    tree.put("/etc/jitd/jitd.toml", b"[guard\n");
    let findings = tree.findings();
    assert!(findings.findings.len() > 2 && findings.unexamined.len() == 1, "{findings:#?}");
}

#[test]
fn an_unguarded_polkit_is_a_hole() {
    let mut tree = profiled();
    tree.host.rules = "guard sshd\nguard login\nguard su\nguard su-l\nguard sudo\nend enforcing\n".to_owned();
    assert_eq!(tree.faults(), [hole("pam-unguarded", "/usr/lib/pam.d/polkit-1")]);
    tree.host.rules = "production no\nend enforcing\n".to_owned();
    assert_eq!(tree.faults(), []);
}

#[test]
fn a_line_that_nobody_can_read_is_never_good() {
    let long = format!("account required pam_env.so {}\n@include common-account", "x".repeat(1100));
    let tree = profiled().with("/etc/pam.d/sshd", "@include common-account", &long);
    assert!(
        tree.faults().iter().any(|fault| *fault == hole("pam-doubt", "/etc/pam.d/sshd:3")),
        "{:#?}",
        tree.faults()
    );
}

#[test]
fn asked_twice_is_said_and_no_fault() {
    let tree =
        profiled().with("/etc/pam.d/sshd", "account required pam_nologin.so", "account required pam_jit.so");
    let notes: Vec<_> =
        tree.findings().findings.into_iter().map(|finding| (finding.code, finding.place)).collect();
    assert!(notes.contains(&("pam-twice", "/etc/pam.d/sshd:2".to_owned())), "{notes:?}");
    assert_eq!(tree.faults(), []);
}

#[test]
fn the_auth_phase_is_no_place_for_us() {
    let tree = profiled().with(
        "/etc/pam.d/sshd",
        "@include common-auth",
        "auth sufficient pam_jit.so\n@include common-auth",
    );
    assert_eq!(tree.faults(), []);
    assert!(tree.findings().findings.iter().any(|finding| finding.code == "pam-auth"));
    let tree = profiled().with(
        "/etc/pam.d/common-auth",
        "auth [success=1",
        "auth [ignore=2 default=die] pam_jit.so\nauth [success=1",
    );
    assert!(tree.faults().contains(&hole("pam-auth", "/etc/pam.d/common-auth:1")), "{:#?}", tree.faults());
}
