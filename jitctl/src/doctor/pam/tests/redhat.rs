//! RHEL 9, with authselect's links.

use std::os::unix::fs::symlink;

use super::{Level, Tree, hole};

const SYSTEM_AUTH: &str = "\
auth required pam_env.so
auth required pam_faildelay.so delay=2000000
auth [default=1 ignore=ignore success=ok] pam_usertype.so isregular
auth [default=1 ignore=ignore success=ok] pam_localuser.so
auth sufficient pam_unix.so nullok
auth [default=1 ignore=ignore success=ok] pam_usertype.so isregular
auth sufficient pam_sss.so forward_pass
auth required pam_deny.so

account required pam_unix.so
account sufficient pam_localuser.so
account sufficient pam_usertype.so issystem
account [default=bad success=ok user_unknown=ignore] pam_sss.so
account required pam_permit.so

session optional pam_keyinit.so revoke
session required pam_limits.so
-session optional pam_systemd.so
session [success=1 default=ignore] pam_succeed_if.so service in crond quiet use_uid
session required pam_unix.so
session optional pam_sss.so
";
const POSTLOGIN: &str = "\
session optional pam_umask.so silent
session [success=1 default=ignore] pam_succeed_if.so service !~ gdm* service !~ su* quiet
session [default=1] pam_lastlog.so nowtmp showfailed
session optional pam_lastlog.so silent noupdate showfailed
";
const SSHD: &str = "\
#%PAM-1.0
auth substack password-auth
auth include postlogin
account required pam_sepermit.so
account required pam_nologin.so
account include password-auth
password include password-auth
session required pam_selinux.so close
session required pam_loginuid.so
session required pam_selinux.so open env_params
session required pam_namespace.so
session optional pam_keyinit.so force revoke
session optional pam_motd.so
session include password-auth
session include postlogin
";
const LOGIN: &str = "\
auth substack system-auth
auth include postlogin
account required pam_nologin.so
account include system-auth
password include system-auth
session required pam_selinux.so close
session required pam_loginuid.so
session required pam_selinux.so open
session required pam_namespace.so
session optional pam_keyinit.so force revoke
session include system-auth
session include postlogin
";
const SUDO: &str = "auth include system-auth\naccount include system-auth\npassword include system-auth\nsession include system-auth\n";
const SU: &str = "\
auth required pam_env.so
auth sufficient pam_rootok.so
auth substack system-auth
auth include postlogin
account sufficient pam_succeed_if.so uid = 0 use_uid quiet
account include system-auth
password include system-auth
session include system-auth
session include postlogin
session optional pam_xauth.so
";
const SU_L: &str = "\
auth include su
account include su
password include su
session optional pam_keyinit.so force revoke
session include su
";
const CROND: &str = "\
account required pam_access.so
account include password-auth
session required pam_loginuid.so
session include password-auth
auth include password-auth
";
const STRINGS: [&str; 3] = ["/etc/pam.d/%s", "/usr/lib/pam.d/%s", "/usr/lib64/security/"];
const MODULES: [&str; 25] = [
    "access",
    "deny",
    "env",
    "faildelay",
    "jit",
    "keyinit",
    "lastlog",
    "limits",
    "localuser",
    "loginuid",
    "motd",
    "namespace",
    "nologin",
    "permit",
    "rootok",
    "selinux",
    "sepermit",
    "sss",
    "succeed_if",
    "systemd",
    "umask",
    "unix",
    "usertype",
    "warn",
    "xauth",
];

fn redhat(system_auth: &str) -> Tree {
    let include = "auth include system-auth\naccount include system-auth\npassword include system-auth\nsession include system-auth\n";
    let denies = "auth required pam_deny.so\naccount required pam_deny.so\nsession required pam_deny.so\n";
    let files = [
        ("/etc/authselect/system-auth", system_auth),
        ("/etc/authselect/password-auth", system_auth),
        ("/etc/authselect/postlogin", POSTLOGIN),
        ("/etc/pam.d/sshd", SSHD),
        ("/etc/pam.d/login", LOGIN),
        ("/etc/pam.d/sudo", SUDO),
        (
            "/etc/pam.d/sudo-i",
            "auth include sudo\naccount include sudo\npassword include sudo\nsession optional pam_keyinit.so force revoke\nsession include sudo\n",
        ),
        ("/etc/pam.d/su", SU),
        ("/etc/pam.d/su-l", SU_L),
        ("/etc/pam.d/crond", CROND),
        ("/etc/pam.d/polkit-1", include),
        ("/etc/pam.d/passwd", "auth include system-auth\naccount include system-auth\n"),
        ("/etc/pam.d/other", denies),
    ];
    let tree = Tree::new(&files, "/usr/lib64/libpam.so.0", &STRINGS, &MODULES);
    for name in ["system-auth", "password-auth", "postlogin"] {
        symlink(format!("/etc/authselect/{name}"), tree.at(&format!("/etc/pam.d/{name}"))).unwrap();
    }
    tree
}

/// As the vendor profile makes it: our account line first, our session line last.
fn profiled() -> String {
    let ours = "account required pam_jit.so\naccount required pam_unix.so";
    format!("{}session required pam_jit.so\n", SYSTEM_AUTH.replace("account required pam_unix.so", ours))
}

#[test]
fn the_profile_guards_everything() {
    let findings = redhat(&profiled()).findings();
    assert!(findings.findings.is_empty() && findings.unexamined.is_empty(), "{findings:#?}");
}

#[test]
fn our_line_after_pam_localuser_is_found() {
    let late = SYSTEM_AUTH.replace(
        "account required pam_permit.so",
        "account required pam_jit.so\naccount required pam_permit.so",
    );
    let tree = redhat(&format!("{late}session required pam_jit.so\n"));
    let faults = tree.faults();
    // pam_localuser, pam_usertype, and the two by which an expired password hides a denial.
    for line in [11, 12] {
        assert!(
            faults.contains(&hole("pam-skipped", &format!("/etc/pam.d/system-auth:{line}"))),
            "{faults:#?}"
        );
    }
    assert!(faults.contains(&hole("pam-deny", "/etc/pam.d/system-auth:13")), "{faults:#?}");
    assert!(faults.iter().all(|(level, _, _)| *level != Level::LockOut));
}

#[test]
fn an_upgrade_of_authselect_that_loses_our_lines_is_found() {
    let tree = redhat(SYSTEM_AUTH);
    tree.put("/usr/share/authselect/vendor/jit-sssd/system-auth", b"");
    let findings = tree.findings().findings;
    let missing = findings
        .iter()
        .find(|finding| finding.code == "pam-account" && finding.place == "/etc/pam.d/sshd")
        .unwrap();
    assert_eq!(missing.cure, "authselect select jit-$(authselect current --raw)");
    assert!(
        findings.iter().all(|finding| !finding.place.ends_with("sudo-i") && !finding.place.ends_with("su-l"))
    );
}

#[test]
fn by_hand_as_in_readme() {
    let by_hand = |tree: Tree, name: &str, before: &str| {
        let name = format!("/etc/pam.d/{name}");
        let tree = tree.with(&name, before, &format!("account required pam_jit.so\n{before}"));
        let text = std::fs::read_to_string(tree.at(&name)).unwrap();
        tree.put(&name, format!("{text}session required pam_jit.so\n").as_bytes());
        tree
    };
    let tree = by_hand(redhat(SYSTEM_AUTH), "sshd", "account required pam_sepermit.so");
    let tree = by_hand(tree, "login", "account required pam_nologin.so");
    let tree = by_hand(tree, "sudo", "account include");
    let tree = by_hand(tree, "su", "account sufficient");
    let tree = by_hand(tree, "crond", "account required pam_access.so");
    assert_eq!(tree.faults(), [hole("pam-account", "/etc/pam.d/polkit-1")]);
    tree.cured();
}

#[test]
fn an_expired_password_opens_sudo_where_it_asks_none() {
    // After pam_unix, before pam_localuser: as good as first for everybody but sudo, which goes on with authtok_expired under NOPASSWD.
    let ours = "account required pam_unix.so\naccount required pam_jit.so";
    let tree = redhat(&format!(
        "{}session required pam_jit.so\n",
        SYSTEM_AUTH.replace("account required pam_unix.so", ours)
    ));
    let findings = tree.findings().findings;
    let hidden: Vec<_> = findings.iter().filter(|finding| finding.text.contains("authtok_expired")).collect();
    let [finding] = hidden.as_slice() else { panic!("{findings:#?}") };
    assert!(finding.code == "pam-deny" && finding.text.ends_with("(sudo, sudo-i)"), "{finding:?}");
    // What knows no passwords does not say so.
    let tree = redhat(&profiled()).with(
        "/etc/pam.d/sudo",
        "account include",
        "account required pam_access.so\naccount include",
    );
    assert_eq!(tree.faults(), []);
}
