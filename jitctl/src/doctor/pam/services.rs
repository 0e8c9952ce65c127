//! Which files of pam.d matter: what is guarded, what runs in the background, what lets nobody in by itself, and what an admin declares to be open.

use std::collections::BTreeSet;

use jit_model::name::Service;
use jit_model::policy;

use crate::doctor::host::Host;
use crate::doctor::stack::tree::Tree;

/// Files that are there to be included.
const PARTS: [&str; 9] = [
    "system-auth",
    "system-auth-ac",
    "password-auth",
    "password-auth-ac",
    "fingerprint-auth",
    "smartcard-auth",
    "postlogin",
    "config-util",
    "login-common",
];
/// Services that change somebody's own entry, unlock a screen that is in use, check a password for a server that hands out no login, or run as root for
/// root alone.
const HARMLESS: [&str; 43] = [
    "chage",
    "chfn",
    "chgpasswd",
    "chpasswd",
    "chsh",
    "groupadd",
    "groupdel",
    "groupmems",
    "groupmod",
    "newusers",
    "passwd",
    "useradd",
    "userdel",
    "usermod",
    "shadow",
    "sssd-shadowutils",
    "setup",
    "subscription-manager",
    "cups",
    "dovecot",
    "samba",
    "sasl",
    "saslauthd",
    "smtp",
    "smtp.postfix",
    "smtp.sendmail",
    "squid",
    "imap",
    "pop",
    "postgresql",
    "gnome-screensaver",
    "i3lock",
    "kde",
    "kscreensaver",
    "mate-screensaver",
    "physlock",
    "screen",
    "swaylock",
    // run0's shell, begun by process 1: whether he may was asked by polkit-1. Guarded, it would ask for a grant of root's.
    "systemd-run0",
    "vlock",
    "xscreensaver",
    "runuser",
    "runuser-l",
];
/// Greeters: they show a login, as a user of their own, and let nobody in.
const GREETERS: [&str; 3] = ["gdm-launch-environment", "lightdm-greeter", "sddm-greeter"];
/// Services that are known to let somebody in, or to make him root.
const DOORS: [&str; 42] = [
    "cockpit",
    "doas",
    "gdm",
    "gdm-autologin",
    "gdm-fingerprint",
    "gdm-password",
    "gdm-pin",
    "gdm-smartcard",
    "greetd",
    "ksu",
    "kdm",
    "lightdm",
    "lightdm-autologin",
    "login",
    "lxdm",
    "ly",
    "mosh",
    "nx",
    "op",
    "pluto",
    "polkit-1",
    "ppp",
    "proftpd",
    "pure-ftpd",
    "remote",
    "rexec",
    "rlogin",
    "rsh",
    "sddm",
    "sddm-autologin",
    "slim",
    "ssh",
    "sshd",
    "su",
    "su-l",
    "sudo",
    "sudo-i",
    "telnet",
    "vmtoolsd",
    "vsftpd",
    "webmin",
    "xdm",
];

/// Services that are asked for by a program of their own name: where the program is and the file is not, `other` stands in for it.
const PROGRAMS: [(&str, &[&str]); 7] = [
    ("sshd", &["/usr/sbin/sshd"]),
    ("login", &["/usr/bin/login", "/bin/login"]),
    ("sudo", &["/usr/bin/sudo"]),
    ("su", &["/usr/bin/su", "/bin/su"]),
    ("su-l", &["/usr/bin/su", "/bin/su"]),
    ("doas", &["/usr/bin/doas"]),
    ("polkit-1", &["/usr/lib/polkit-1/polkit-agent-helper-1", "/usr/libexec/polkit-agent-helper-1"]),
];

/// Those of them whose program is on the host.
pub(super) fn with_program(tree: &Tree) -> impl Iterator<Item = &'static str> {
    let here = |programs: &[&str]| programs.iter().any(|program| tree.look(program).is_some());
    PROGRAMS.into_iter().filter(move |(_, programs)| here(programs)).map(|(name, _)| name)
}

/// What a file of pam.d is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A service that needs a grant.
    Guarded,
    /// Guarded for who holds or held a grant.
    Background,
    /// For what has no file of its own.
    Other,
    /// It lets nobody in, or is declared to be open.
    Open,
    /// It lets somebody in, and nobody guards it.
    Door,
    /// Nobody knows.
    Unknown,
}

/// Sorts the files.
#[derive(Clone, Debug)]
pub(super) struct Purposes {
    pub(super) guarded: BTreeSet<String>,
    pub(super) open: BTreeSet<String>,
}

impl Purposes {
    pub(super) fn of(&self, name: &str) -> Purpose {
        let listed = |list: &[&str]| list.contains(&name);
        match name {
            _ if self.guarded.contains(name) => Purpose::Guarded,
            _ if listed(&policy::BACKGROUND) => Purpose::Background,
            "other" => Purpose::Other,
            _ if self.open.contains(name) => Purpose::Open,
            _ if listed(&DOORS) => Purpose::Door,
            _ if listed(&PARTS) || listed(&HARMLESS) || listed(&GREETERS) => Purpose::Open,
            _ if name.starts_with("common-") => Purpose::Open,
            _ => Purpose::Unknown,
        }
    }
}

/// Whether a program can mean this file: libpam puts names of services into lower case, and what packages and editors leave behind is nobody's name.
pub(super) fn is_service(name: &str) -> bool {
    const LEFT: [&str; 9] = [
        ".rpmsave",
        ".rpmnew",
        ".rpmorig",
        ".dpkg-old",
        ".dpkg-new",
        ".dpkg-dist",
        ".dpkg-bak",
        ".pam-old",
        ".bak",
    ];
    let left = name.ends_with('~') || name.starts_with('.') || name.starts_with('#') || name == "readme";
    !left
        && !LEFT.iter().any(|end| name.ends_with(end))
        && !name.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// `[guard] open` of jitd.toml: services that are left without a guard on purpose.
///
/// # Errors
/// When the file is there and cannot be understood.
pub(super) fn declared_open(host: &Host, tree: &Tree) -> Result<BTreeSet<String>, String> {
    let path = host.config.display().to_string();
    if tree.look(&path).is_none() {
        return Ok(BTreeSet::new());
    }
    let text = tree.read(&path).map_err(|error| format!("{path}: {error}"))?;
    let text = String::from_utf8(text).map_err(|_| format!("{path} is not UTF-8 text"))?;
    open_of(&text).map_err(|why| format!("{path}: {why}"))
}

/// Only this key is looked at: whether the rest is right, jitd says.
fn open_of(text: &str) -> Result<BTreeSet<String>, String> {
    let open = jit_settings::parse(text, |root, _| {
        let guard = root.table("guard");
        Some(guard.and_then(|guard| guard.list("open", Service::new)).unwrap_or_default())
    });
    let names = |list: Vec<Service>| list.iter().map(|service| service.as_str().to_owned()).collect();
    open.map(names).map_err(|problems| problems.first().map(ToString::to_string).unwrap_or_default())
}
